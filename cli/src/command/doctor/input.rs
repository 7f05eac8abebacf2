//! Opens the trace to examine. It is read twice: a survey and a repair read parts of it again.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tempfile::SpooledTempFile;

use crate::failure::{Failure, Wanted};
use crate::input::Input;

/// Where the trace can be read again.
pub(crate) enum Original {
    File(PathBuf),
    /// A copy of an input that cannot be read twice: standard input, a pipe, a compressed file.
    Kept {
        name: PathBuf,
        copy: Arc<Mutex<Copied>>,
    },
}

/// A trace that was opened.
pub(crate) struct Opened {
    pub original: Original,
    /// The bytes, for the first reading.
    pub bytes: Box<dyn Read + Send>,
    /// Why it is not a trace, if its first bytes say so.
    pub refusal: Option<Failure>,
}

/// A copy of the input, or why there is none.
type Copied = io::Result<SpooledTempFile>;

/// A copy up to this size stays in memory.
const IN_MEMORY: usize = 64 << 20;

/// `Read` and `Seek` as one trait, for trait objects.
pub(crate) trait Seekable: Read + Seek {}

impl<T: Read + Seek> Seekable for T {}

impl Original {
    /// Opens a trace.
    pub(crate) fn open(path: &Path) -> Result<Opened, Failure> {
        let input = Input::open(path, true)?;
        let refusal = input.refusal(path, Wanted::Trace);
        let is_file = path != Path::new("-") && fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
        if is_file && !is_packed(path) {
            return Ok(Opened { original: Original::File(path.to_owned()), bytes: input.bytes, refusal });
        }
        let copy = Arc::new(Mutex::new(Ok(SpooledTempFile::new(IN_MEMORY))));
        let original = Original::Kept { name: path.to_owned(), copy: Arc::clone(&copy) };
        Ok(Opened { original, bytes: Box::new(Keeping { input: input.bytes, copy }), refusal })
    }

    /// Opens the trace again, after it has been read to its end.
    pub(crate) fn reopen(self) -> Result<Box<dyn Seekable>, Failure> {
        match self {
            Original::File(path) => Ok(Box::new(File::open(&path).map_err(|error| Failure::input(&path, error))?)),
            Original::Kept { name, copy } => {
                let mut copy = copy.lock().unwrap_or_else(PoisonError::into_inner);
                match std::mem::replace(&mut *copy, Ok(SpooledTempFile::new(0))) {
                    Ok(file) => Ok(Box::new(file)),
                    Err(error) => Err(Failure::input(&name, io::Error::other(format!("no room for a copy: {error}")))),
                }
            }
        }
    }
}

/// Whether a file is compressed, so that its bytes are not those of the trace.
fn is_packed(path: &Path) -> bool {
    let mut head = [0; 4];
    let len = File::open(path).and_then(|mut file| file.read(&mut head)).unwrap_or(0);
    crate::input::is_packed(&head[..len])
}

/// Copies what is read, as long as there is room.
struct Keeping {
    input: Box<dyn Read + Send>,
    copy: Arc<Mutex<Copied>>,
}

impl Read for Keeping {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(out)?;
        let mut copy = self.copy.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(file) = &mut *copy
            && let Err(error) = file.write_all(&out[..read])
        {
            *copy = Err(error);
        }
        Ok(read)
    }
}
