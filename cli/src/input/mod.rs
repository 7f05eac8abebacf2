//! Opens input: a file or standard input, plain or compressed. Refuses files that a command cannot
//! read.

mod original;
mod progress;
mod unpack;
mod utf16;

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;

use gotrace::{FileKind, Timeline, Version};

use crate::failure::{Failure, Wanted};
use crate::view::names;
pub use original::{Original, Seekable};
use progress::Progress;
pub use unpack::{is_damage, is_packed};

/// An open input, decompressed.
pub struct Input {
    /// The kind of its contents, which the first bytes identify.
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
            false if is_url(path) => {
                let url = names::shell_word(path);
                let error = format!("this is a URL; fetch it first, as in curl -s {url} | gotrace summary -");
                return Err(Failure::Input { path: path.into(), error, hint: "".into() });
            }
            false => {
                let file = File::open(path).map_err(failure)?;
                let metadata = file.metadata().map_err(failure)?;
                if metadata.is_dir() {
                    let hint = "give a file; only gotrace diagnose and gotrace view read a folder";
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
        let mut bytes = unpack::unpack(&packed_head.clone(), Cursor::new(packed_head).chain(input));
        let head = read_head(&mut bytes).map_err(failure)?;
        if let Some((error, hint)) = unsupported_packing(&head) {
            return Err(Failure::Input { path: path.into(), error: error.into(), hint: hint.into() });
        }
        if let Some(decoded) = decode_text(&head) {
            let whole = Cursor::new(head).chain(bytes);
            return Ok(Input {
                kind: decoded.kind,
                bytes: Box::new(utf16::Decoder::new(whole, decoded.order)),
                head: decoded.head,
            });
        }
        let kind = if is_cut_header(&head) { FileKind::Trace } else { FileKind::of(&head) };
        Ok(Input { kind, bytes: Box::new(Cursor::new(head.clone()).chain(bytes)), head })
    }

    /// The first bytes.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// The failure that this is not an input of the wanted kind. `None` if it is, or may be.
    pub fn refusal(&self, path: &Path, wanted: Wanted) -> Option<Failure> {
        let is_accepted = match (wanted, self.kind) {
            // For unknown bytes, the decoder gives a better error.
            (Wanted::Trace | Wanted::TraceOrDump, FileKind::Trace | FileKind::Unknown) => true,
            (Wanted::Profile, FileKind::Profile | FileKind::TextProfile | FileKind::Unknown) => true,
            // A log may start with other lines.
            (Wanted::GcLog, FileKind::GcLog | FileKind::Text) => true,
            (Wanted::Dump, FileKind::GoroutineDump) => true,
            (Wanted::GcLog, FileKind::Unknown) => is_nearly_text(&self.head),
            _ => false,
        };
        (!is_accepted).then(|| Failure::wrong_file(path, self.kind, &self.head, wanted))
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

/// The start of text in UTF-16, decoded.
struct DecodedText {
    kind: FileKind,
    head: Vec<u8>,
    order: utf16::ByteOrder,
}

/// Decodes the start of an input in UTF-16. `None` if it is in another encoding, or is binary data that PowerShell
/// took for text: then bytes are lost.
fn decode_text(head: &[u8]) -> Option<DecodedText> {
    let order = utf16::byte_order(head)?;
    let head = utf16::decode_head(head, order);
    let kind = FileKind::of(&head);
    let is_binary = matches!(kind, FileKind::Trace | FileKind::Profile | FileKind::Unknown);
    (!is_binary).then_some(DecodedText { kind, head, order })
}

/// Whether a path is a URL. No file has a name that starts like this.
fn is_url(path: &Path) -> bool {
    path.to_str().is_some_and(|path| path.starts_with("http://") || path.starts_with("https://"))
}

/// The error and the advice for a compressed file that is not unpacked here.
fn unsupported_packing(head: &[u8]) -> Option<(&'static str, &'static str)> {
    match head {
        [b'B', b'Z', b'h', b'1'..=b'9', b'1', b'A', b'Y', ..] => {
            Some(("this is a bzip2 file", "unpack it first: bunzip2 FILE"))
        }
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(("this is an xz file", "unpack it first: unxz FILE")),
        _ => None,
    }
}

/// Whether these bytes are all that there is of a trace: the start of its header.
fn is_cut_header(head: &[u8]) -> bool {
    /// Shorter starts may be of any text.
    const LEAST: usize = 4;
    const START: &[u8] = b"go 1.";
    let start = &head[..head.len().min(START.len())];
    (LEAST..Version::HEADER_LEN).contains(&head.len()) && START.starts_with(start) && !head.contains(&b'\n')
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
