//! Tells whether a trace is whole, and saves what is sound of a damaged one.

#[path = "../cli/mod.rs"]
mod cli;

mod cause;
mod examine;
mod repair;
mod report;

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use cli::Failure;
use report::Status;

/// Tell whether a Go execution trace is whole, and if not, what is lost and why.
///
/// Exit status: 0 whole, 1 damaged, 2 no trace, or one that can't be read.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Write what is sound to this file, as a trace that Go's tools take.
    ///
    /// Generations behind a gap may rely on what was lost. Where they do, they can't follow the others in one trace: the
    /// largest part goes to OUT, the others to OUT.2 and so on.
    #[arg(long, value_name = "OUT")]
    repair: Option<PathBuf>,
    /// The trace, - for standard input
    file: PathBuf,
}

/// The trace. It may be read more than once, and standard input can't.
enum Input {
    File(PathBuf),
    Memory(Vec<u8>),
}

impl Input {
    fn new(file: &Path, is_read_again: bool) -> Result<Self, Failure> {
        if file != Path::new("-") {
            return Ok(Input::File(file.to_owned()));
        }
        let mut bytes = Vec::new();
        if is_read_again {
            io::stdin().lock().read_to_end(&mut bytes).map_err(|error| Failure::input(file, error))?;
        }
        Ok(Input::Memory(bytes))
    }

    /// From its start.
    pub(crate) fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(match self {
            Input::File(path) => Box::new(File::open(path)?),
            Input::Memory(bytes) => Box::new(&bytes[..]),
        })
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(Status::Damaged) => ExitCode::from(DAMAGED),
        result => cli::exit("doctor", result.map(drop)),
    }
}

/// The exit status of bad news.
const DAMAGED: u8 = 1;

fn run(args: &Args) -> Result<Status, Failure> {
    let input = Input::new(&args.file, args.repair.is_some())?;
    let from_stdin = args.repair.is_none() || matches!(input, Input::File(_));
    let trace: Box<dyn Read + Send> = match &input {
        Input::Memory(bytes) if !from_stdin => Box::new(io::Cursor::new(bytes.clone())),
        _ => cli::open(&args.file, true)?,
    };
    let mut report = examine::examine(trace);
    if let Some(out) = &args.repair
        && report.status != Status::Unreadable
    {
        report.repaired = repair::repair(&input, &report, out)?;
    }
    let mut out = BufWriter::new(io::stdout().lock());
    match args.json {
        true => {
            serde_json::to_writer_pretty(&mut out, &report).map_err(io::Error::from)?;
            writeln!(out)?;
        }
        false => report.write_text(args.repair.is_some(), &mut out)?,
    }
    out.flush()?;
    match report.status {
        Status::Unreadable => Err(Failure::Input {
            path: args.file.clone(),
            error: report.warnings.join("; ") + "; " + report.cause.as_deref().unwrap_or_default(),
            hint: "",
        }),
        status => Ok(status),
    }
}

/// Removes a file that may not be there.
fn remove(path: &Path) {
    let _ = fs::remove_file(path);
}
