//! Where input comes from: a file or standard input, plain or packed. Says what a wrong file is.

mod kind;
mod progress;
mod unpack;

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;

use gotrace::Timeline;

use crate::failure::Failure;
pub use kind::Kind;
use progress::Progress;
pub use unpack::is_packed;

/// An open input, unpacked, whose first bytes say what it is.
pub struct Input {
    /// What it holds.
    pub kind: Kind,
    /// The whole input, its first bytes included.
    pub bytes: Box<dyn Read + Send>,
    head: Vec<u8>,
}

impl Input {
    /// Opens a file, or standard input for `-`.
    ///
    /// With `show_progress` a progress bar appears on standard error after a second.
    pub fn open(path: &Path, show_progress: bool) -> Result<Self, Failure> {
        let failure = |error: io::Error| Failure::input(path, error);
        let (input, len): (Box<dyn Read + Send>, _) = match path == Path::new("-") {
            true => (Box::new(io::stdin()), None),
            false => {
                let file = File::open(path).map_err(failure)?;
                let metadata = file.metadata().map_err(failure)?;
                if metadata.is_dir() {
                    let hint = "give a file; only gotrace diagnose reads a folder";
                    return Err(Failure::Input { path: path.into(), error: "it is a folder".into(), hint });
                }
                (Box::new(file), Some(metadata.len()).filter(|_| metadata.is_file()))
            }
        };
        let mut input: Box<dyn Read + Send> = match show_progress {
            true => Box::new(Progress::new(input, len)),
            false => input,
        };
        let packed_head = read_head(&mut input).map_err(failure)?;
        let is_packed = is_packed(&packed_head);
        let damaged = |error: io::Error| match is_packed {
            true => Failure::Input {
                path: path.into(),
                error: format!("the compressed file is damaged: {error}"),
                hint: "it was copied before it was complete: capture it again",
            },
            false => failure(error),
        };
        let mut bytes = unpack::unpack(&packed_head.clone(), Cursor::new(packed_head).chain(input));
        let head = read_head(&mut bytes).map_err(damaged)?;
        Ok(Input { kind: kind::identify(&head), bytes: Box::new(Cursor::new(head.clone()).chain(bytes)), head })
    }

    /// The input as a trace.
    ///
    /// # Errors
    ///
    /// If it is a known kind of file but not a trace. The error names the kind and says what to do.
    pub fn into_trace(self, path: &Path) -> Result<Box<dyn Read + Send>, Failure> {
        match self.kind {
            // The trace reader has the better error for unknown bytes.
            Kind::Trace | Kind::Text | Kind::Unknown => Ok(self.bytes),
            kind => Err(wrong(path, &kind, &self.head, "an execution trace")),
        }
    }

    /// The input as a pprof profile.
    ///
    /// # Errors
    ///
    /// As [`into_trace`](Self::into_trace).
    pub fn into_profile(self, path: &Path) -> Result<Box<dyn Read + Send>, Failure> {
        match self.kind {
            Kind::Profile | Kind::Unknown => Ok(self.bytes),
            kind => Err(wrong(path, &kind, &self.head, "a pprof profile")),
        }
    }

    /// The input as a GC log.
    ///
    /// # Errors
    ///
    /// As [`into_trace`](Self::into_trace).
    pub fn into_log(self, path: &Path) -> Result<Box<dyn Read + Send>, Failure> {
        match self.kind {
            // A log may start with other lines. Binary data without a line end may never have one.
            Kind::GctraceLog | Kind::Text => Ok(self.bytes),
            Kind::Unknown if self.head.contains(&b'\n') => Ok(self.bytes),
            kind => Err(wrong(path, &kind, &self.head, "a GC log (GODEBUG=gctrace=1)")),
        }
    }
}

/// Opens a trace: a file, or standard input for `-`, plain or packed.
pub fn open_trace(path: &Path) -> Result<Box<dyn Read + Send>, Failure> {
    Input::open(path, true)?.into_trace(path)
}

/// Builds the timeline of a trace: a file, or standard input for `-`, plain or packed.
pub fn load_timeline(path: &Path) -> Result<Timeline, Failure> {
    Timeline::from_reader(open_trace(path)?).map_err(|error| Failure::trace(path, &error))
}

/// Reads the first bytes: enough to identify a file, but no more than are there at once, so that live input is not delayed.
fn read_head(input: &mut impl Read) -> io::Result<Vec<u8>> {
    const ENOUGH: usize = 64;
    let mut head = vec![0; kind::HEAD];
    let mut len = 0;
    while len < ENOUGH {
        match input.read(&mut head[len..]) {
            Ok(0) => break,
            Ok(read) => len += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    head.truncate(len);
    Ok(head)
}

/// A file that is not what a command reads.
fn wrong(path: &Path, kind: &Kind, head: &[u8], wanted: &str) -> Failure {
    let (name, hint) = match kind {
        Kind::Trace => ("an execution trace", "look at it with gotrace summary"),
        Kind::Profile => ("a pprof profile", "look at it with gotrace heap"),
        Kind::GctraceLog => ("a GC log", "look at it with gotrace gctrace"),
        Kind::Other(other) => (other.name, other.advice),
        Kind::Text => ("text", "look at it: it may be the message of a failed capture"),
        Kind::Unknown => ("binary data", "give the file that the program wrote"),
    };
    let preview: String =
        String::from_utf8_lossy(head).chars().map(|c| if c.is_control() { ' ' } else { c }).take(40).collect();
    let shows_text = matches!(kind, Kind::Other(_) | Kind::Text) && head.is_ascii() && !head.is_empty();
    let preview = if shows_text { format!(" (it begins with {:?})", preview.trim_end()) } else { String::new() };
    Failure::Input { path: path.to_owned(), error: format!("this is {name}, not {wanted}{preview}"), hint }
}
