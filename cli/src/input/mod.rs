//! Opens input: a file or standard input, plain or compressed. Refuses files that a command cannot
//! read.

mod progress;
mod unpack;

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;

use gotrace::{FileKind, Timeline};

use crate::failure::{Failure, Wanted};
use progress::Progress;
pub use unpack::is_packed;

/// An open input, decompressed. Its first bytes say what it is.
pub struct Input {
    /// What it holds.
    pub kind: FileKind,
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
                    return Err(Failure::Input {
                        path: path.into(),
                        error: "it is a folder".into(),
                        hint: hint.into(),
                    });
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
                hint: "it was copied before it was complete: capture it again".into(),
            },
            false => failure(error),
        };
        let mut bytes = unpack::unpack(&packed_head.clone(), Cursor::new(packed_head).chain(input));
        let head = read_head(&mut bytes).map_err(damaged)?;
        Ok(Input { kind: FileKind::of(&head), bytes: Box::new(Cursor::new(head.clone()).chain(bytes)), head })
    }

    /// The failure that this is not an input of the wanted kind. `None` if it is, or may be.
    pub fn refusal(&self, path: &Path, wanted: Wanted) -> Option<Failure> {
        let is_accepted = match (wanted, self.kind) {
            // For unknown bytes, the decoder gives a better error.
            (Wanted::Trace, FileKind::Trace | FileKind::Unknown) => true,
            (Wanted::Profile, FileKind::Profile | FileKind::Unknown) => true,
            // A log may start with other lines.
            (Wanted::GcLog, FileKind::GcLog | FileKind::Text) => true,
            (Wanted::GcLog, FileKind::Unknown) => is_nearly_text(&self.head),
            _ => false,
        };
        (!is_accepted).then(|| Failure::wrong_file(path, &self.head, wanted))
    }

    /// The bytes of an input of the wanted kind.
    ///
    /// # Errors
    ///
    /// The [refusal](Self::refusal).
    pub fn into_bytes(self, path: &Path, wanted: Wanted) -> Result<Box<dyn Read + Send>, Failure> {
        match self.refusal(path, wanted) {
            Some(refusal) => Err(refusal),
            None => Ok(self.bytes),
        }
    }
}

/// Whether a GC log may begin like this: text in any encoding except UTF-16, with few control
/// characters.
fn is_nearly_text(head: &[u8]) -> bool {
    let head = &head[..head.len().min(1024)];
    let controls = head.iter().filter(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace()).count();
    !head.contains(&0) && controls * 32 <= head.len()
}

/// Fails if more than one of the paths is standard input.
pub fn check_stdin<'p>(paths: impl IntoIterator<Item = &'p Path>) -> Result<(), Failure> {
    match paths.into_iter().filter(|path| *path == Path::new("-")).count() {
        0 | 1 => Ok(()),
        _ => Err(Failure::Usage("standard input (-) can be given only once; give files for the other inputs".into())),
    }
}

/// Opens a trace: a file, or standard input for `-`, plain or compressed.
pub fn open_trace(path: &Path) -> Result<Box<dyn Read + Send>, Failure> {
    Input::open(path, true)?.into_bytes(path, Wanted::Trace)
}

/// Builds the timeline of a trace: a file, or standard input for `-`, plain or compressed.
pub fn load_timeline(path: &Path) -> Result<Timeline, Failure> {
    Timeline::from_reader(open_trace(path)?).map_err(|error| Failure::trace(path, &error))
}

/// Reads the first bytes, enough to identify a file. It does not wait for more, so that live input
/// is not delayed.
fn read_head(input: &mut impl Read) -> io::Result<Vec<u8>> {
    const ENOUGH: usize = 64;
    let mut head = vec![0; FileKind::HEAD];
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
