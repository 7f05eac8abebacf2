//! Where a trace's bytes come from: a slice, or a `Read` whose bytes are kept only as long as they are needed.
//!
//! Both look the same to a decoder: a window of resident bytes that begins at [`Source::base`] of the file, grows
//! at its end with [`Source::fill`] and shrinks at its front with [`Source::release`].
//!
//! ```text
//!   file    ───────────┬─────────────────────┬──────────►
//!           released   │ window              │ not read yet
//!                    base            base + window.len()
//! ```
//!
//! Over a slice the window is the whole rest of the file and nothing is ever copied.

use std::fmt;
use std::io::{self, Read};

/// How much is asked of a `Read` at a time: what is read past a generation's end is copied once when it is released.
const CHUNK: usize = 256 << 10;

pub(crate) struct Source<'a> {
    base: u64,
    kind: Kind<'a>,
}

enum Kind<'a> {
    Slice(&'a [u8]),
    Stream(Stream<'a>),
}

struct Stream<'a> {
    from: Box<dyn Read + Send + 'a>,
    buffer: Vec<u8>,
    filled: usize,
    ended: bool,
}

impl<'a> Source<'a> {
    pub fn slice(bytes: &'a [u8]) -> Self {
        Source { base: 0, kind: Kind::Slice(bytes) }
    }

    pub fn stream(from: impl Read + Send + 'a) -> Self {
        let stream = Stream { from: Box::new(from), buffer: Vec::new(), filled: 0, ended: false };
        Source { base: 0, kind: Kind::Stream(stream) }
    }

    /// The file's offset at which the window begins.
    pub fn base(&self) -> u64 {
        self.base
    }

    /// The resident bytes.
    #[inline(always)]
    pub fn window(&self) -> &[u8] {
        match &self.kind {
            Kind::Slice(bytes) => bytes,
            Kind::Stream(stream) => stream.buffer.get(..stream.filled).unwrap_or_default(),
        }
    }

    /// Makes the window at least `len` bytes long, if the file goes on so far; says whether it is.
    #[inline]
    pub fn fill(&mut self, len: usize) -> io::Result<bool> {
        match &mut self.kind {
            Kind::Slice(bytes) => Ok(bytes.len() >= len),
            Kind::Stream(stream) => {
                while stream.filled < len && !stream.ended {
                    stream.read_more()?;
                }
                Ok(stream.filled >= len)
            }
        }
    }

    /// Forgets the window's first `len` bytes.
    pub fn release(&mut self, len: usize) {
        match &mut self.kind {
            Kind::Slice(bytes) => *bytes = bytes.get(len..).unwrap_or_default(),
            Kind::Stream(stream) => {
                stream.buffer.copy_within(len..stream.filled, 0);
                stream.filled -= len;
            }
        }
        self.base += len as u64;
    }
}

impl Stream<'_> {
    fn read_more(&mut self) -> io::Result<()> {
        if self.buffer.len() - self.filled < CHUNK {
            // Half as much again each time, so that a generation costs its own size and a half at the most.
            let grown = self.filled + CHUNK.max(self.filled / 2);
            // What does not fit in memory is an error and no abort.
            self.buffer.try_reserve_exact(grown - self.buffer.len())?;
            self.buffer.resize(grown, 0);
        }
        let room = &mut self.buffer[self.filled..][..CHUNK];
        match self.from.read(room) {
            Ok(0) => self.ended = true,
            Ok(read) => self.filled += read.min(CHUNK),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

impl fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("base", &self.base)
            .field("resident", &self.window().len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_looks_like_a_slice() {
        let bytes: Vec<u8> = (0..3 * CHUNK).map(|i| (i / 7) as u8).collect();
        let mut slice = Source::slice(&bytes);
        let mut stream = Source::stream(&bytes[..]);
        for (fill, release) in [(10, 3), (CHUNK + 5, CHUNK), (2 * CHUNK - 3, 1), (1, 1)] {
            for source in [&mut slice, &mut stream] {
                assert!(source.fill(fill).expect("memory does not fail"));
                let at = source.base() as usize;
                assert_eq!(source.window()[..fill], bytes[at..at + fill]);
                source.release(release);
            }
            assert_eq!(slice.base(), stream.base());
        }
        for source in [&mut slice, &mut stream] {
            assert!(!source.fill(bytes.len()).expect("memory does not fail"));
            assert_eq!(source.base() as usize + source.window().len(), bytes.len());
        }
    }

    #[test]
    fn an_interrupted_read_is_tried_again() {
        struct Interrupted(bool);
        impl Read for Interrupted {
            fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
                self.0 = !self.0;
                if self.0 {
                    return Err(io::ErrorKind::Interrupted.into());
                }
                out[0] = 7;
                Ok(1)
            }
        }
        let mut source = Source::stream(Interrupted(false));
        assert!(source.fill(3).expect("interruptions are not errors"));
        assert_eq!(source.window(), [7, 7, 7]);
    }
}
