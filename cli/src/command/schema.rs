//! `gotrace schema`: the JSON Schema of a command's `--json`.

use std::io::Write;

use crate::failure::Failure;
use crate::terminal::Terminal;

/// The commands that have `--json`, and the schema of what each prints: a file in `cli/schema`. A
/// test derives the schemas from the types that are printed and compares them with the files.
macro_rules! schemas {
    ($($name:literal)*) => {
        &[$(($name, include_str!(concat!("../../schema/", $name, ".json")))),*]
    };
}

const SCHEMAS: &[(&str, &str)] = schemas!(
    "allocations" "blocking" "compare" "diagnose" "doctor" "gc" "gctrace" "goroutine" "goroutines" "heap" "latency" "procs"
    "summary" "tasks" "threads"
);

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
            let schema = SCHEMAS.iter().find(|(name, _)| name == command).ok_or_else(|| {
                let names = names().collect::<Vec<_>>().join(", ");
                Failure::Usage(format!("{command:?} has no JSON output; these have: {names}"))
            })?;
            terminal.write_all(schema.1.as_bytes())?;
        }
    }
    Ok(terminal.flush()?)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use schemars::{JsonSchema, schema_for};

    use super::SCHEMAS;
    use crate::command;
    use crate::json::Document;

    fn schema<T: JsonSchema>() -> String {
        let schema = schema_for!(Document<T>);
        serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n"
    }

    /// The schema of the type that the command prints.
    fn derived(name: &str) -> String {
        match name {
            "allocations" => schema::<gotrace::analysis::allocations::AllocationsSummary>(),
            "blocking" => schema::<command::blocking::Report<'static>>(),
            "compare" => schema::<command::compare::Report>(),
            "diagnose" => schema::<command::diagnose::Document>(),
            "doctor" => schema::<command::doctor::Report>(),
            "gc" => schema::<command::gc::Report>(),
            "gctrace" => schema::<gotrace::gctrace::LogReport>(),
            "goroutine" => schema::<command::goroutine::Report<'static>>(),
            "goroutines" => schema::<command::goroutines::Report<'static>>(),
            "heap" => schema::<command::heap::Document>(),
            "latency" => schema::<gotrace::analysis::latency::LatencyReport>(),
            "procs" => schema::<gotrace::analysis::procs::ProcsReport>(),
            "summary" => schema::<gotrace::analysis::summary::TraceSummary>(),
            "tasks" => schema::<command::tasks::Report>(),
            "threads" => schema::<gotrace::analysis::threads::ThreadsReport>(),
            _ => panic!("{name} has no type here"),
        }
    }

    #[test]
    fn files_are_the_schemas_of_what_is_printed() {
        let update = std::env::var_os("GOTRACE_UPDATE_SCHEMAS").is_some();
        for &(name, file) in SCHEMAS {
            let schema = derived(name);
            if update {
                let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schema/{name}.json"));
                fs::write(&path, schema).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            } else {
                assert!(
                    file == schema,
                    "schema/{name}.json is out of date: GOTRACE_UPDATE_SCHEMAS=1 cargo test -p gotrace-cli"
                );
            }
        }
    }
}
