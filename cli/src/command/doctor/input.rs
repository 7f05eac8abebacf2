//! The trace to examine, which is read twice: a survey and a repair read parts of it again.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tempfile::SpooledTempFile;

use crate::failure::Failure;

/// Where the trace can be read again.
pub(crate) enum Input {
    File(PathBuf),
    /// A copy of an input that cannot be read twice: standard input, a pipe, a compressed file.
    Kept {
        name: PathBuf,
        copy: Arc<Mutex<Kept>>,
    },
}

/// A copy of the input, or why there is none.
type Kept = io::Result<SpooledTempFile>;

/// A copy up to this size stays in memory.
const IN_MEMORY: usize = 64 << 20;

/// `Read` and `Seek` as one trait, for trait objects.
pub(crate) trait Seekable: Read + Seek {}

impl<T: Read + Seek> Seekable for T {}

impl Input {
    /// Opens a trace. Returns also the reader for the first pass.
    pub(crate) fn open(path: &Path) -> Result<(Self, Box<dyn Read + Send>), Failure> {
        let input = crate::input::Input::open(path, true)?.bytes;
        let is_file = path != Path::new("-") && fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
        if is_file && !is_packed(path) {
            return Ok((Input::File(path.to_owned()), input));
        }
        let copy = Arc::new(Mutex::new(Ok(SpooledTempFile::new(IN_MEMORY))));
        let kept = Input::Kept { name: path.to_owned(), copy: Arc::clone(&copy) };
        Ok((kept, Box::new(Keeping { input, copy })))
    }

    /// Opens it again, once it has been read to its end.
    pub(crate) fn reopen(self) -> Result<Box<dyn Seekable>, Failure> {
        match self {
            Input::File(path) => Ok(Box::new(File::open(&path).map_err(|error| Failure::input(&path, error))?)),
            Input::Kept { name, copy } => {
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
    copy: Arc<Mutex<Kept>>,
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
