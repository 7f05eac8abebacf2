//! A source that delivers its bytes in pieces and can fail at their end.

use std::io::{self, Read};

#[derive(Debug)]
pub struct Pieces<'a> {
    bytes: &'a [u8],
    /// The sizes of the pieces, used in turn and then from the start again.
    sizes: Vec<usize>,
    reads: usize,
    at_end: Option<io::ErrorKind>,
}

impl<'a> Pieces<'a> {
    pub fn new(bytes: &'a [u8], sizes: &[usize]) -> Self {
        Pieces { bytes, sizes: sizes.to_vec(), reads: 0, at_end: None }
    }

    /// Fails with this error after the last byte.
    #[must_use]
    pub fn then_fail(self, error: io::ErrorKind) -> Self {
        Pieces { at_end: Some(error), ..self }
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes[self.reads % self.sizes.len()].min(out.len());
        self.reads += 1;
        match (self.bytes.read(&mut out[..size])?, self.at_end) {
            (0, Some(kind)) => Err(kind.into()),
            (read, _) => Ok(read),
        }
    }
}
