//! What the examples share: the file or standard input they read, and how they end.

#[allow(dead_code, reason = "not every example needs all of it")]
pub mod analysis;
mod input;
#[allow(dead_code, reason = "not every example needs all of it")]
pub mod mmu;
#[allow(dead_code, reason = "not every example needs all of it")]
pub mod text;
#[allow(dead_code, reason = "not every example needs all of it")]
pub mod timeline;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use gotrace::{Error, ErrorKind, Flaw};
pub use input::open;

/// Usage or unreadable input.
const FAILED: u8 = 2;

/// Why a program stops before its work is done.
pub enum Failure {
    /// The input can't be read on.
    Input { path: PathBuf, error: String, hint: &'static str },
    /// The arguments contradict each other.
    #[allow(dead_code, reason = "not every program has arguments that can")]
    Usage(String),
    /// An output can't be written; `-` stands for standard output.
    Output { path: PathBuf, error: io::Error },
}

impl Failure {
    /// An error in the trace of a file.
    #[allow(dead_code, reason = "not every example reads a trace")]
    pub fn trace(path: &Path, error: &Error) -> Self {
        Failure::Input { path: path.to_owned(), error: error.to_string(), hint: hint(&error.kind) }
    }

    /// An input that can't be read at all.
    #[allow(dead_code, reason = "not every example reads a file whole")]
    pub fn input(path: &Path, error: io::Error) -> Self {
        Failure::Input { path: path.to_owned(), error: ErrorKind::from(error).to_string(), hint: "" }
    }

    /// A file that can't be written.
    #[allow(dead_code, reason = "not every example writes a file")]
    pub fn output(path: &Path, error: io::Error) -> Self {
        Failure::Output { path: path.to_owned(), error }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Output { path: "-".into(), error }
    }
}

/// Says in one line what went wrong, and with what to exit. A reader of the output that goes away has seen enough:
/// that is no failure.
pub fn exit(program: &str, result: Result<(), Failure>) -> ExitCode {
    let message = match result {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Output { error, .. }) if error.kind() == io::ErrorKind::BrokenPipe => return ExitCode::SUCCESS,
        Err(Failure::Output { path, error }) => format!("{}: cannot write: {error}", name(&path, "standard output")),
        Err(Failure::Usage(message)) => message,
        Err(Failure::Input { path, error, hint }) => {
            let separator = if hint.is_empty() { "" } else { "; " };
            format!("{}: {error}{separator}{hint}", name(&path, "standard input"))
        }
    };
    eprintln!("{program}: {message}");
    ExitCode::from(FAILED)
}

/// A file's name, or that of the stream for which `-` stands.
fn name(path: &Path, stream: &str) -> String {
    if path == Path::new("-") { stream.into() } else { path.display().to_string() }
}

/// What to do about an error.
fn hint(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Io(_) => "",
        ErrorKind::NotATrace { .. } => {
            "give a file that runtime/trace, go test -trace or /debug/pprof/trace?seconds=5 wrote"
        }
        ErrorKind::UnsupportedVersion { .. } => "traces of Go 1.11 and later are read",
        ErrorKind::TruncatedHeader { .. }
        | ErrorKind::EmptyTrace
        | ErrorKind::TruncatedBatch { .. }
        | ErrorKind::TruncatedEvent { .. }
        | ErrorKind::BadFrequency(Flaw::Missing)
        | ErrorKind::MissingEndOfGeneration => {
            "the program ended without trace.Stop, or the file was copied before it was whole"
        }
        ErrorKind::LimitExceeded { .. } => "no program writes such a trace: it was made to harm, or it is damaged",
        ErrorKind::MultipleTraces => "cut the file there: each part is a trace",
        ErrorKind::TrailingData { .. } => "cut the file there: what is before is whole",
        ErrorKind::StuckFrontier(_) => "events are missing: copy the file again from where it was written",
        _ => "the file is damaged: copy it again from where it was written",
    }
}
