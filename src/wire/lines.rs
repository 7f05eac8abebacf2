//! Splits a log into lines.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::source::Source;
#[cfg(feature = "pprof")]
use super::unpack;
use crate::error::{Error, Location};

/// Longer lines are skipped. The runtime's lines have under 300 bytes, and a log collector adds some before them.
pub const MAX_LINE: usize = 64 << 10;

/// Reads a log line by line, in memory for a line and what one call of `Read` returns.
///
/// A line is returned as soon as its end has been read, so the log of a running program can be followed. A gzip file is
/// unpacked while reading, with the feature `pprof`. The lines do not depend on how the input splits its bytes. After
/// an error, there are no more lines.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    source: Source<'a>,
    /// The position in the window at which the next line starts.
    at: usize,
    /// The number of lines returned.
    count: u64,
    failed: bool,
}

/// A line without its line end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawLine<'a> {
    /// Its number. The first line is 1.
    pub number: u64,
    /// The byte offset of its start, in the unpacked log.
    pub offset: u64,
    /// Its bytes. `None` for a line of more than [`MAX_LINE`] bytes, which is skipped.
    pub bytes: Option<&'a [u8]>,
}

/// The positions in the window at which a line ends, and at which the next line starts.
struct Bounds {
    end: usize,
    next: usize,
}

impl Lines<'static> {
    /// Opens a file.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, Error> {
        let file = File::open(path).map_err(|error| Error { kind: error.into(), at: Location::default() })?;
        Ok(Lines::from_reader(file))
    }
}

impl<'a> Lines<'a> {
    /// Reads a log in memory. Plain text is not copied.
    pub fn from_slice(bytes: &'a [u8]) -> Self {
        #[cfg(feature = "pprof")]
        if bytes.starts_with(&unpack::GZIP_MAGIC) {
            return Lines::from_reader(bytes);
        }
        Lines::new(Source::slice(bytes))
    }

    /// Reads a stream, such as standard input.
    pub fn from_reader(input: impl Read + Send + 'a) -> Self {
        #[cfg(feature = "pprof")]
        let input = unpack::Unpack::new(input);
        Lines::new(Source::stream(input))
    }

    fn new(source: Source<'a>) -> Self {
        Lines { source, at: 0, count: 0, failed: false }
    }

    /// Returns the next line, or `None` at the end.
    pub fn next_line(&mut self) -> Result<Option<RawLine<'_>>, Error> {
        let offset = self.offset();
        let Some(bounds) = self.bounds()? else { return Ok(None) };
        self.count += 1;
        let number = self.count;
        let Some(Bounds { end, next }) = bounds else { return Ok(Some(RawLine { number, offset, bytes: None })) };
        let start = std::mem::replace(&mut self.at, next);
        let bytes = &self.source.window()[start..end];
        let bytes = Some(bytes.strip_suffix(b"\r").unwrap_or(bytes));
        Ok(Some(RawLine { number, offset, bytes }))
    }

    /// Returns the byte offset at which the next line starts, in the unpacked log.
    pub fn offset(&self) -> u64 {
        self.source.base() + self.at as u64
    }

    /// Finds the next line. Returns `None` at the end of the log, and `Some(None)` if the line is too long and has been
    /// skipped.
    fn bounds(&mut self) -> Result<Option<Option<Bounds>>, Error> {
        let mut searched = 0;
        while !self.failed {
            let rest = &self.source.window()[self.at..];
            if let Some(found) = memchr::memchr(b'\n', &rest[searched..]) {
                let len = searched + found;
                let bounds = Bounds { end: self.at + len, next: self.at + len + 1 };
                if len > MAX_LINE {
                    self.at = bounds.next;
                    return Ok(Some(None));
                }
                return Ok(Some(Some(bounds)));
            }
            searched = rest.len();
            if searched > MAX_LINE {
                return self.skip().map(|()| Some(None));
            }
            if !self.more()? {
                let end = self.source.window().len();
                return Ok((end > self.at).then_some(Some(Bounds { end, next: end })));
            }
        }
        Ok(None)
    }

    /// Skips a line whose end is not in the window.
    fn skip(&mut self) -> Result<(), Error> {
        loop {
            self.at = self.source.window().len();
            if !self.more()? {
                return Ok(());
            }
            if let Some(end) = memchr::memchr(b'\n', self.source.window()) {
                self.at = end + 1;
                return Ok(());
            }
        }
    }

    /// Releases the bytes that have been read and reads more. Returns whether there are more bytes.
    fn more(&mut self) -> Result<bool, Error> {
        self.source.release(std::mem::take(&mut self.at));
        let resident = self.source.window().len();
        self.source.fill(resident + 1).map_err(|error| {
            self.failed = true;
            let at = Location { offset: self.source.base() + resident as u64, ..Location::default() };
            Error { kind: error.into(), at }
        })
    }
}

/// Returns whether all bytes can be text that a program printed.
pub(crate) fn is_printed(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | b'\x1b' | b' '..=b'~' | 0x80..))
}
