//! The source of a trace's bytes: a slice, or a `Read` whose bytes are only kept while they are
//! needed.
//!
//! Both kinds have the same interface: a window of resident bytes, which starts at offset [`Source::base`] of the file.
//! [`Source::fill`] extends its end, and [`Source::release`] moves its start.
//!
//! ```text
//!   file    ───────────┬─────────────────────┬──────────►
//!           released   │ window              │ not read yet
//!                    base            base + window.len()
//! ```
//!
//! For a slice, the window is the whole rest of the file, and nothing is copied. For a `Read`, the
//! window moves to the front of the buffer when it is no longer than the released part before it,
//! or when the buffer needs room. This way, releasing a generation costs time proportional to its
//! size, no matter how much has been read after it.

use std::fmt;
use std::io::{self, Read};

/// The number of bytes requested from a `Read` at a time.
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
    /// The window is `buffer[start..end]`.
    start: usize,
    end: usize,
    ended: bool,
    /// The first read error. Further reads return it again, so that it is not lost if a caller
    /// ignores it.
    failed: Option<io::Error>,
}

impl<'a> Source<'a> {
    pub fn slice(bytes: &'a [u8]) -> Self {
        Source { base: 0, kind: Kind::Slice(bytes) }
    }

    pub fn stream(from: impl Read + Send + 'a) -> Self {
        let stream = Stream { from: Box::new(from), buffer: Vec::new(), start: 0, end: 0, ended: false, failed: None };
        Source { base: 0, kind: Kind::Stream(stream) }
    }

    /// Returns the offset of the window in the file.
    pub fn base(&self) -> u64 {
        self.base
    }

    /// Returns the resident bytes.
    #[inline(always)]
    pub fn window(&self) -> &[u8] {
        match &self.kind {
            Kind::Slice(bytes) => bytes,
            Kind::Stream(stream) => stream.buffer.get(stream.start..stream.end).unwrap_or_default(),
        }
    }

    /// Extends the window to at least `len` bytes. Returns false if the file ends before this length.
    #[inline]
    pub fn fill(&mut self, len: usize) -> io::Result<bool> {
        match &mut self.kind {
            Kind::Slice(bytes) => Ok(bytes.len() >= len),
            Kind::Stream(stream) => {
                while stream.len() < len && !stream.ended {
                    stream.read_more()?;
                }
                Ok(stream.len() >= len)
            }
        }
    }

    /// Removes the first `len` bytes from the window.
    pub fn release(&mut self, len: usize) {
        match &mut self.kind {
            Kind::Slice(bytes) => *bytes = bytes.get(len..).unwrap_or_default(),
            Kind::Stream(stream) => {
                stream.start += len;
                if stream.start >= stream.len() {
                    stream.move_to_front();
                }
            }
        }
        self.base += len as u64;
    }
}

impl Stream<'_> {
    /// Returns the length of the window.
    #[inline(always)]
    fn len(&self) -> usize {
        self.end - self.start
    }

    fn move_to_front(&mut self) {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end = self.len();
        self.start = 0;
    }

    fn read_more(&mut self) -> io::Result<()> {
        if let Some(failed) = &self.failed {
            return Err(again(failed));
        }
        if self.buffer.len() - self.end < CHUNK {
            self.move_to_front();
        }
        if self.buffer.len() - self.end < CHUNK {
            // Grow by half each time, so that the buffer is at most one and a half times as large
            // as a generation.
            let grown = self.end + CHUNK.max(self.end / 2);
            // A failed allocation is an error. It must not abort the process.
            self.buffer.try_reserve_exact(grown - self.buffer.len())?;
            self.buffer.resize(grown, 0);
        }
        let room = &mut self.buffer[self.end..][..CHUNK];
        match self.from.read(room) {
            Ok(0) => self.ended = true,
            Ok(read) => self.end += read.min(CHUNK),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                self.failed = Some(again(&error));
                return Err(error);
            }
        }
        Ok(())
    }
}

/// Returns a copy of an error. If it is not an operating system error, only its kind and text are kept.
fn again(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
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
                assert!(source.fill(fill).expect("reading from memory cannot fail"));
                let at = source.base() as usize;
                assert_eq!(source.window()[..fill], bytes[at..at + fill]);
                source.release(release);
            }
            assert_eq!(slice.base(), stream.base());
        }
        for source in [&mut slice, &mut stream] {
            assert!(!source.fill(bytes.len()).expect("reading from memory cannot fail"));
            assert_eq!(source.base() as usize + source.window().len(), bytes.len());
        }
    }

    #[test]
    fn small_releases_seldom_move_the_window_and_keep_little_memory() {
        let bytes: Vec<u8> = (0..3 * CHUNK).map(|i| (i / 7) as u8).collect();
        let mut source = Source::stream(&bytes[..]);
        let mut moves = 0;
        let mut front = 0;
        while source.fill(30).expect("reading from memory cannot fail") {
            let at = source.base() as usize;
            assert_eq!(source.window()[..30], bytes[at..at + 30]);
            source.release(30);
            let Kind::Stream(Stream { buffer, start, .. }) = &source.kind else { panic!("it is a stream") };
            assert!(buffer.len() <= 2 * CHUNK, "{} bytes are kept", buffer.len());
            moves += usize::from(*start < front);
            front = *start;
        }
        assert_eq!(source.base() as usize, bytes.len() / 30 * 30);
        // Each move copies at most as much as was released since the last, so the window halves at
        // each move per chunk.
        assert!(moves <= 3 * CHUNK.ilog2() as usize, "{moves} moves");
    }

    #[test]
    fn an_interrupted_read_is_retried() {
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

    #[test]
    fn a_read_error_is_returned_again() {
        struct Once(Option<io::Error>);
        impl Read for Once {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                self.0.take().map_or(Ok(0), Err)
            }
        }
        let (ours, theirs) = (io::Error::other("the disk is gone"), io::Error::from_raw_os_error(5));
        for error in [ours, theirs] {
            let expected = (error.kind(), error.to_string(), error.raw_os_error());
            let mut source = Source::stream(Once(Some(error)));
            for _ in 0..3 {
                let error = source.fill(1).expect_err("it is gone");
                assert_eq!((error.kind(), error.to_string(), error.raw_os_error()), expected);
            }
        }
    }
}
