//! An input that is read more than once.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tempfile::SpooledTempFile;

use super::{Input, is_packed};
use crate::failure::Failure;

/// Where an input can be read again.
pub enum Original {
    File(PathBuf),
    /// A copy of an input that cannot be read twice: standard input, a pipe, a compressed file.
    Copy {
        name: PathBuf,
        copy: Arc<Mutex<CopyResult>>,
    },
}

/// A copy of the input, or why there is none.
type CopyResult = io::Result<SpooledTempFile>;

/// A copy up to this size stays in memory.
const MAX_IN_MEMORY: usize = 64 << 20;

/// `Read` and `Seek` as one trait, for trait objects.
pub trait Seekable: Read + Seek + Send {}

impl<T: Read + Seek + Send> Seekable for T {}

impl Original {
    /// Prepares an open input for a second reading. Returns the source of the second reading, and
    /// the input for the first reading.
    pub fn of(path: &Path, mut input: Input) -> (Self, Input) {
        let is_file = path != Path::new("-") && fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
        if is_file && !is_packed_file(path) {
            return (Original::File(path.to_owned()), input);
        }
        let copy = Arc::new(Mutex::new(Ok(SpooledTempFile::new(MAX_IN_MEMORY))));
        input.bytes = Box::new(CopyingReader { input: input.bytes, copy: Arc::clone(&copy) });
        (Original::Copy { name: path.to_owned(), copy }, input)
    }

    /// Opens the input again, after it has been read to its end.
    pub fn reopen(self) -> Result<Box<dyn Seekable>, Failure> {
        match self {
            Original::File(path) => Ok(Box::new(File::open(&path).map_err(|error| Failure::input(&path, error))?)),
            Original::Copy { name, copy } => {
                let mut copy = copy.lock().unwrap_or_else(PoisonError::into_inner);
                let copied = std::mem::replace(&mut *copy, Ok(SpooledTempFile::new(0)));
                match copied.and_then(|mut file| file.rewind().map(|()| file)) {
                    Ok(file) => Ok(Box::new(file)),
                    Err(error) => Err(Failure::input(&name, io::Error::other(format!("no room for a copy: {error}")))),
                }
            }
        }
    }
}

/// Whether a file is compressed. If so, its bytes differ from those of the decompressed input.
fn is_packed_file(path: &Path) -> bool {
    let mut head = [0; 4];
    let len = File::open(path).and_then(|mut file| file.read(&mut head)).unwrap_or(0);
    is_packed(&head[..len])
}

/// Copies the bytes that are read, until a write to the copy fails.
struct CopyingReader {
    input: Box<dyn Read + Send>,
    copy: Arc<Mutex<CopyResult>>,
}

impl Read for CopyingReader {
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
