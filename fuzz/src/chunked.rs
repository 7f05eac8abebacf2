//! A `Read` that delivers its bytes in pieces.

use std::io::{self, Read};

/// The lengths of the pieces.
#[derive(Clone, Copy, Debug)]
pub enum ReadSizes {
    /// Each read fills the buffer.
    Whole,
    /// One byte.
    Bytes,
    /// Random lengths of at most 399 bytes. The field is the seed. Some reads are interrupted.
    Random(u64),
}

#[derive(Debug)]
pub struct Chunked<'a> {
    rest: &'a [u8],
    pieces: ReadSizes,
}

impl<'a> Chunked<'a> {
    pub fn new(bytes: &'a [u8], pieces: ReadSizes) -> Self {
        Chunked { rest: bytes, pieces }
    }

    /// The length of the next piece, or 0 for an interrupted read.
    fn next_piece(&mut self) -> usize {
        match &mut self.pieces {
            ReadSizes::Whole => usize::MAX,
            ReadSizes::Bytes => 1,
            ReadSizes::Random(state) => {
                // Knuth's MMIX generator. Its lower bits are not random enough.
                *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let random = (*state >> 32) as usize;
                // Short pieces split integers and headers. Long pieces cross the ends of batches.
                if random & 1 == 0 { (random >> 8) % 5 } else { (random >> 8) % 400 }
            }
        }
    }
}

impl Read for Chunked<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            return Ok(0);
        }
        let len = self.next_piece().min(room.len()).min(self.rest.len());
        if len == 0 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let (piece, rest) = self.rest.split_at(len);
        room[..len].copy_from_slice(piece);
        self.rest = rest;
        Ok(len)
    }
}
