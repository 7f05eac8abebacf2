//! How a command ends: its answer, or why it could not give one.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::view::names::printable;
use gotrace::{Error, ErrorKind, Flaw};

/// What a command found, as its exit status says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Exit status 0.
    Fine,
    /// The trace is damaged, there is a leak, a threshold is crossed: exit status 1.
    BadNews,
}

impl From<()> for Answer {
    fn from((): ()) -> Self {
        Answer::Fine
    }
}

/// The exit status of wrong usage, of unreadable input, and of options that match nothing.
const FAILED: u8 = 2;

/// Why a command stops before its work is done.
#[derive(Debug)]
pub enum Failure {
    /// An input cannot be read, or only a part of it.
    Input { path: PathBuf, error: String, hint: &'static str },
    /// The arguments contradict each other or the input, or choose nothing of it.
    Usage(String),
    /// An output cannot be written; the path `-` is standard output.
    Output { path: PathBuf, error: io::Error },
}

impl Failure {
    /// An error in a trace.
    pub fn trace(path: &Path, error: &Error) -> Self {
        Failure::Input { path: path.to_owned(), error: error.to_string(), hint: hint(&error.kind) }
    }

    /// A file that cannot be read.
    pub fn input(path: &Path, error: io::Error) -> Self {
        Failure::Input { path: path.to_owned(), error: ErrorKind::from(error).to_string(), hint: "" }
    }

    /// A file that cannot be written.
    pub fn output(path: &Path, error: io::Error) -> Self {
        Failure::Output { path: path.to_owned(), error }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Output { path: "-".into(), error }
    }
}

/// Turns the result of a command into an exit status. A failure is printed to standard error as one line.
///
/// A closed output is not a failure: its reader, such as `head`, has seen enough.
pub fn exit(command: &str, result: Result<impl Into<Answer>, Failure>) -> ExitCode {
    let message = match result.map(Into::into) {
        Ok(Answer::Fine) => return ExitCode::SUCCESS,
        Ok(Answer::BadNews) => return ExitCode::from(1),
        Err(Failure::Output { error, .. }) if error.kind() == io::ErrorKind::BrokenPipe => return ExitCode::SUCCESS,
        Err(Failure::Output { path, error }) => format!("{}: cannot write: {error}", name(&path, "standard output")),
        Err(Failure::Usage(message)) => printable(&message),
        Err(Failure::Input { path, error, hint }) => {
            let separator = if hint.is_empty() { "" } else { "; " };
            format!("{}: {error}{separator}{hint}", name(&path, "standard input"))
        }
    };
    eprintln!("gotrace {command}: {message}");
    ExitCode::from(FAILED)
}

/// A file's name, or `stream` for `-`.
fn name(path: &Path, stream: &str) -> String {
    if path == Path::new("-") { stream.into() } else { printable(&path.display().to_string()) }
}

/// What to do about an error in a trace.
fn hint(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Io(_) => "",
        ErrorKind::NotATrace { .. } => {
            "give a file that runtime/trace, go test -trace or /debug/pprof/trace?seconds=5 wrote"
        }
        ErrorKind::UnsupportedVersion { version } if is_newer(version) => {
            "it is newer than Go 1.27, the newest release that this gotrace reads: update gotrace"
        }
        ErrorKind::UnsupportedVersion { .. } => "traces of Go 1.11 to 1.27 are read",
        ErrorKind::TruncatedHeader { .. }
        | ErrorKind::EmptyTrace
        | ErrorKind::TruncatedBatch { .. }
        | ErrorKind::TruncatedEvent { .. }
        | ErrorKind::BadFrequency(Flaw::Missing)
        | ErrorKind::MissingEndOfGeneration => {
            "the program ended without trace.Stop, or the file was copied before it was complete"
        }
        ErrorKind::LimitExceeded { .. } => "no program writes such a trace: it is damaged, or was made to do harm",
        ErrorKind::MultipleTraces => "cut the file there: each part is a trace",
        ErrorKind::TrailingData { .. } => "cut the file there: the trace before is whole",
        ErrorKind::StuckFrontier(_) => "events are missing: copy the file again from where it was written",
        _ => "the file is damaged: copy it again from where it was written",
    }
}

/// Whether a header names a release after Go 1.27.
fn is_newer(version: &str) -> bool {
    version.strip_prefix("go 1.").and_then(|minor| minor.parse::<u32>().ok()).is_some_and(|minor| minor > 27)
}
