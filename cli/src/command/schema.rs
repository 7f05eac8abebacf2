//! `gotrace schema`: the JSON Schema of a command's `--json`.

use std::io::{self, Write};

use schemars::Schema;

use crate::failure::Failure;
use crate::json::schema;
use crate::terminal::Terminal;

/// Makes the schema of one command's output.
type MakeSchema = fn() -> Schema;

/// The commands that have `--json`, and the schema of what each prints.
const SCHEMAS: &[(&str, MakeSchema)] = &[
    ("allocations", schema::<super::allocations::Report>),
    ("blocking", schema::<super::blocking::Report<'static>>),
    ("compare", schema::<super::compare::Report>),
    ("diagnose", schema::<super::diagnose::Document>),
    ("doctor", schema::<super::doctor::Report>),
    ("gc", schema::<super::gc::Report>),
    ("gctrace", schema::<gotrace::gctrace::LogReport>),
    ("goroutine", schema::<super::goroutine::Report<'static>>),
    ("goroutines", schema::<super::goroutines::Report>),
    ("heap", schema::<gotrace::pprof::TopReport>),
    ("latency", schema::<gotrace::analysis::latency::LatencyReport>),
    ("procs", schema::<gotrace::analysis::procs::ProcsReport>),
    ("summary", schema::<gotrace::analysis::summary::TraceSummary>),
    ("tasks", schema::<super::tasks::Report>),
    ("threads", schema::<gotrace::analysis::threads::ThreadsReport>),
];

/// Print the JSON Schema of what a command prints with --json.
///
/// Without COMMAND, list the commands that have one.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  gotrace schema\n  gotrace schema latency")]
pub struct Args {
    /// The command, such as latency
    command: Option<String>,
}

pub fn run(args: &Args, terminal: &mut Terminal) -> Result<(), Failure> {
    let names = || SCHEMAS.iter().map(|(name, _)| *name);
    match &args.command {
        None => names().try_for_each(|name| writeln!(terminal, "{name}"))?,
        Some(command) => {
            let schema = SCHEMAS.iter().find(|(name, _)| name == command).map(|(_, describe)| describe());
            let schema = schema.ok_or_else(|| {
                let names = names().collect::<Vec<_>>().join(", ");
                Failure::Usage(format!("{command:?} has no JSON output; these have: {names}"))
            })?;
            serde_json::to_writer_pretty(&mut *terminal, &schema).map_err(io::Error::from)?;
            writeln!(terminal)?;
        }
    }
    Ok(terminal.flush()?)
}
