//! The result of a command, an answer or a failure, and its exit status.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use gotrace::edit::{Cause, Remedy, probable_cause};
use gotrace::pprof::{ProfileError, ProfileErrorKind};
use gotrace::{Error, ErrorKind, FileKind, Reader};

use crate::input;
use crate::view::names::printable;

/// What a command found. It decides the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Exit status 0: no problem was found.
    NoProblem,
    /// Exit status 1: the trace is damaged, there is a leak, or a threshold is crossed.
    Problem,
    /// Exit status 3: the input is not enough to say whether there is a problem.
    Inconclusive,
}

impl From<()> for Answer {
    fn from((): ()) -> Self {
        Answer::NoProblem
    }
}

/// The exit status of wrong usage, of unreadable input, and of options that match nothing.
const FAILED: u8 = 2;

/// Why a command failed.
#[derive(Debug)]
pub enum Failure {
    /// An input is of the wrong kind or cannot be read to its end. `hint` says what to do about it,
    /// or is empty.
    Input { path: PathBuf, error: String, hint: Cow<'static, str> },
    /// The arguments contradict each other or the input, or nothing in the input matches them.
    Usage(String),
    /// An output cannot be written; the path `-` is standard output.
    Output { path: PathBuf, error: io::Error },
}

impl Failure {
    /// An error in a trace.
    pub fn trace(path: &Path, error: &Error) -> Self {
        Failure::Input { path: path.to_owned(), error: error.to_string(), hint: hint(&error.kind) }
    }

    /// An error in a profile.
    pub fn profile(path: &Path, error: &ProfileError) -> Self {
        Failure::Input { path: path.to_owned(), error: error.to_string(), hint: profile_hint(&error.kind).into() }
    }

    /// A file of this kind, which a command does not read. `head` is its first bytes.
    pub fn wrong_file(path: &Path, kind: FileKind, head: &[u8], wanted: Wanted) -> Self {
        let begin: String =
            String::from_utf8_lossy(head).chars().map(|c| if c.is_control() { ' ' } else { c }).take(40).collect();
        let is_known = matches!(kind, FileKind::Trace | FileKind::Profile | FileKind::TextProfile | FileKind::GcLog);
        let is_text = !head.is_empty() && head.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n'));
        let begin =
            if is_text && !is_known { format!(" (it begins with {:?})", begin.trim_end()) } else { String::new() };
        let error = format!("this is {kind}, not {wanted}{begin}");
        Failure::Input { path: path.to_owned(), error, hint: advice(kind, wanted).into() }
    }

    /// A file that cannot be read.
    pub fn input(path: &Path, error: io::Error) -> Self {
        let hint = read_hint(&error);
        Failure::Input { path: path.to_owned(), error: ErrorKind::from(error).to_string(), hint: hint.into() }
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
/// `command` is empty if none was given.
///
/// A closed pipe is not a failure: the program that reads the output, such as `head`, needs no
/// more.
pub fn exit(command: &str, result: Result<impl Into<Answer>, Failure>) -> ExitCode {
    let failure = match result.map(Into::into) {
        Ok(Answer::NoProblem) => return ExitCode::SUCCESS,
        Ok(Answer::Problem) => return ExitCode::from(1),
        Ok(Answer::Inconclusive) => return ExitCode::from(3),
        Err(Failure::Output { error, .. }) if error.kind() == io::ErrorKind::BrokenPipe => return ExitCode::SUCCESS,
        Err(failure) => failure,
    };
    note(command, &failure.to_string());
    ExitCode::from(FAILED)
}

impl fmt::Display for Failure {
    /// Writes one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Output { path, error } => write!(f, "{}: cannot write: {error}", name(path, "standard output")),
            Failure::Usage(message) => f.write_str(&printable(message)),
            Failure::Input { path, error, hint } => {
                let separator = if hint.is_empty() { "" } else { "; " };
                write!(f, "{}: {error}{separator}{hint}", name(path, "standard input"))
            }
        }
    }
}

/// Prints a line to standard error, after the name of the command. If standard error is closed,
/// nobody reads it.
pub fn note(command: &str, text: &str) {
    let _ = writeln!(io::stderr(), "{}: {text}", format!("gotrace {command}").trim_end());
}

/// A file's name, or `stream` for `-`.
fn name(path: &Path, stream: &str) -> String {
    if path == Path::new("-") { stream.into() } else { printable(&path.display().to_string()) }
}

/// What to do about an error in a trace, or otherwise its probable cause.
fn hint(kind: &ErrorKind) -> Cow<'static, str> {
    let (oldest, newest) = (Reader::GO_RELEASES.start(), Reader::GO_RELEASES.end());
    match kind {
        ErrorKind::Io(error) => read_hint(error).into(),
        ErrorKind::NotATrace { .. } => {
            "give a file that runtime/trace, go test -trace or /debug/pprof/trace?seconds=5 wrote".into()
        }
        ErrorKind::UnsupportedVersion { version } if is_newer(version) => {
            format!("it is newer than Go 1.{newest}, the newest release that this gotrace reads: update gotrace").into()
        }
        ErrorKind::UnsupportedVersion { .. } => format!("gotrace reads traces of Go 1.{oldest} to 1.{newest}").into(),
        ErrorKind::MultipleTraces => "split the file there: each part is a trace".into(),
        ErrorKind::TrailingData { .. } => "truncate the file there: the trace before it is complete".into(),
        kind => with_advice(probable_cause(kind)).text,
    }
}

/// Adds to the cause of damage what to do about it.
pub fn with_advice(mut cause: Cause) -> Cause {
    let advice = match cause.remedy {
        Some(Remedy::RemovePrefix) => ": remove the bytes before it".into(),
        Some(Remedy::Split) => "; each part is a trace".into(),
        Some(Remedy::CopyAgain) => ": copy it again from where it was written".into(),
        Some(Remedy::UseNewerGo) => format!(": traces of Go 1.{} and later are read", Reader::GO_RELEASES.start()),
        _ => String::new(),
    };
    cause.text.to_mut().push_str(&advice);
    cause
}

/// What to do about a file that was copied before it was complete.
const CUT: &str = "it was probably copied before it was complete: capture it again";

/// What to do about an error of the system, or about damage to a compressed file.
fn read_hint(error: &io::Error) -> &'static str {
    if input::is_damage(error) { CUT } else { "" }
}

/// Whether a header names a release after the newest that is read.
fn is_newer(version: &str) -> bool {
    let minor = version.strip_prefix("go 1.").and_then(|minor| minor.parse::<u32>().ok());
    minor.is_some_and(|minor| minor > *Reader::GO_RELEASES.end())
}

/// What to do about an error in a profile.
fn profile_hint(kind: &ProfileErrorKind) -> &'static str {
    match kind {
        ProfileErrorKind::Io(error) => read_hint(error),
        ProfileErrorKind::Text { .. } => "the text was changed or cut: capture it again",
        ProfileErrorKind::LimitExceeded { .. } => "no Go program writes such a profile",
        ProfileErrorKind::MultipleProfiles => "give each profile in a file of its own",
        ProfileErrorKind::Gzip(_) | ProfileErrorKind::Empty => CUT,
        _ => "give a file that runtime/pprof, go test -memprofile or /debug/pprof/heap wrote",
    }
}

/// The kind of input that a command reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Trace,
    Profile,
    GcLog,
    Dump,
    TraceOrDump,
    /// A trace, a profile, a GC log or a goroutine dump.
    Capture,
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Wanted::Trace => "an execution trace",
            Wanted::Profile => "a pprof profile",
            Wanted::GcLog => "a GC log (GODEBUG=gctrace=1)",
            Wanted::Dump => "a goroutine dump",
            Wanted::TraceOrDump => "an execution trace or a goroutine dump",
            Wanted::Capture => "a trace, a profile, a GC log or a goroutine dump",
        })
    }
}

/// What to do about a file that is not what a command reads.
fn advice(kind: FileKind, wanted: Wanted) -> &'static str {
    const SAVED_ERROR: &str =
        "an error page was saved in place of the file: look at it, then capture again with curl -f -o";
    const BUSY: &str = "wait until the other capture ends, then capture again";
    const PERFETTO: &str = "open it in ui.perfetto.dev, or give the trace.out that it was made from";
    match kind {
        FileKind::Trace => "look at it with gotrace summary",
        FileKind::Profile | FileKind::TextProfile => "look at it with gotrace heap",
        FileKind::GcLog => "look at it with gotrace gctrace",
        FileKind::Gzip | FileKind::Zstd | FileKind::Archive => "unpack it first",
        FileKind::Base64 => "decode it first: base64 -d FILE > OUT",
        _ if wanted == Wanted::GcLog => "give what a program under GODEBUG=gctrace=1 writes to standard error",
        FileKind::Empty => "capture it again: curl -o FILE http://HOST/debug/pprof/…",
        FileKind::Html | FileKind::Json => SAVED_ERROR,
        FileKind::ChromeTrace | FileKind::PerfettoTrace => PERFETTO,
        FileKind::HttpResponse => "save the body alone: curl without -i",
        FileKind::TracingBusy | FileKind::ProfilingBusy => BUSY,
        FileKind::NotFound => "import net/http/pprof in the service, check the path, then capture again",
        FileKind::UnknownProfile => "check the profile's name: the service lists its own at /debug/pprof/",
        FileKind::WriteTimeout => "capture fewer seconds, or raise the server's WriteTimeout",
        FileKind::GoroutineDump => "look at it with gotrace goroutines",
        FileKind::OldProfile | FileKind::OldCpuProfile => "profiles of Go 1.9 and later are read",
        FileKind::Executable => "give the file that the program wrote: trace.out, heap.pb.gz, …",
        FileKind::Utf16 => "PowerShell's > rewrote the file and damaged it: capture it again with curl -o FILE",
        FileKind::Text => "open it: it may be the message of a failed capture",
        _ => "give the file that the program wrote",
    }
}
