//! The trace that is examined, parts of which are read again.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tempfile::SpooledTempFile;

use crate::failure::Failure;

/// Where the trace is.
pub(crate) enum Input {
    File(PathBuf),
    /// A copy of what can't be read twice: standard input, a pipe.
    Kept(Arc<Mutex<Kept>>),
}

/// A copy of the input, or why there is none.
type Kept = io::Result<SpooledTempFile>;

/// How much is copied at a time.
const CHUNK: u64 = 64 << 10;

/// A copy that is no longer than this stays in memory.
const IN_MEMORY: usize = 64 << 20;

impl Input {
    /// Opens a trace, and gives what reads it for the first time.
    pub(crate) fn open(path: &Path) -> Result<(Self, Box<dyn Read + Send>), Failure> {
        let input = crate::input::Input::open(path, true)?.bytes;
        if path != Path::new("-") && fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
            return Ok((Input::File(path.to_owned()), input));
        }
        let copy = Arc::new(Mutex::new(Ok(SpooledTempFile::new(IN_MEMORY))));
        Ok((Input::Kept(Arc::clone(&copy)), Box::new(Keeping { input, copy })))
    }

    /// The bytes of a part, or as many of them as there are.
    pub(crate) fn part(&self, offset: u64, len: u64) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        self.copy(offset, len, |chunk| {
            bytes.extend_from_slice(chunk);
            Ok(())
        })?;
        Ok(bytes)
    }

    /// Hands on the bytes of a part, or as many of them as there are, a chunk at a time.
    pub(crate) fn copy(
        &self,
        offset: u64,
        len: u64,
        to: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        match self {
            Input::File(path) => {
                let failure = |error| Failure::input(path, error);
                copy(File::open(path).map_err(failure)?, offset, len, failure, to)
            }
            Input::Kept(kept) => {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                let failure = |error| Failure::input(Path::new("-"), error);
                match &mut *kept {
                    Ok(kept) => copy(kept, offset, len, failure, to),
                    Err(error) => Err(failure(io::Error::other(format!("no room for a copy: {error}")))),
                }
            }
        }
    }
}

fn copy(
    mut from: impl Read + Seek,
    offset: u64,
    len: u64,
    failure: impl Fn(io::Error) -> Failure,
    mut to: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    from.seek(io::SeekFrom::Start(offset)).map_err(&failure)?;
    let mut rest = from.take(len);
    let mut chunk = Vec::new();
    while rest.by_ref().take(CHUNK).read_to_end(&mut chunk).map_err(&failure)? > 0 {
        to(&chunk)?;
        chunk.clear();
    }
    Ok(())
}

/// Keeps what is read, as long as there is room.
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
