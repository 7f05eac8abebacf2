//! The trace that is examined, which is read more than once if it is to be repaired.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use crate::cli::Failure;

/// Where the trace is: standard input can't be read twice.
pub(crate) enum Input {
    File(PathBuf),
    Memory(Vec<u8>),
}

/// How much is copied at a time.
const CHUNK: u64 = 64 << 10;

impl Input {
    pub(crate) fn new(file: &Path) -> Result<Self, Failure> {
        if file != Path::new("-") {
            return Ok(Input::File(file.to_owned()));
        }
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map_err(|error| Failure::input(file, error))?;
        Ok(Input::Memory(bytes))
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
        mut to: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        match self {
            Input::File(path) => {
                let failure = |error: io::Error| Failure::input(path, error);
                let mut file = File::open(path).map_err(failure)?;
                file.seek(io::SeekFrom::Start(offset)).map_err(failure)?;
                let mut rest = file.take(len);
                let mut chunk = Vec::new();
                while rest.by_ref().take(CHUNK).read_to_end(&mut chunk).map_err(failure)? > 0 {
                    to(&chunk)?;
                    chunk.clear();
                }
                Ok(())
            }
            Input::Memory(bytes) => {
                let from = usize::try_from(offset).unwrap_or(usize::MAX);
                let rest = bytes.get(from..).unwrap_or_default();
                let len = usize::try_from(len).unwrap_or(usize::MAX).min(rest.len());
                to(&rest[..len])
            }
        }
    }
}
