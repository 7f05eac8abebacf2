//! Reads the log line by line.

use std::fs::File;
use std::io::Read;
use std::path::Path;

#[cfg(feature = "pprof")]
use super::unpack;
use super::{Cycle, Line, LineKind};
use crate::error::{Error, Location};
use crate::wire::source::Source;

/// Longer lines are skipped. The runtime's lines have under 300 bytes, and a log collector adds some before them.
pub const MAX_LINE: usize = 64 << 10;

/// Reads a log line by line.
///
/// ```
/// use gotrace::gctrace::LogReader;
///
/// # fn main() -> Result<(), gotrace::Error> {
/// let text = "gc 7 @1.250s 1%: 0.02+1.5+0.01 ms clock, 0.04+0/1.4/0.9+0.02 ms cpu, 9->9->5 MB, 10 MB goal, 2 P\n";
/// let mut reader = LogReader::from_slice(text.as_bytes());
/// while let Some(cycle) = reader.next_cycle()? {
///     println!("collection {}: {} bytes live", cycle.n, cycle.heap_live);
/// }
/// # Ok(())
/// # }
/// ```
///
/// A slice of plain text is not copied. For a `Read`, memory contains the bytes that one call returned, and a line of
/// at most [`MAX_LINE`] bytes. A line is returned as soon as its end has been read, so the log of a running program can
/// be followed. A gzip file is unpacked while reading, with the feature `pprof`. The lines do not depend on how the
/// input splits its bytes. After an error, a `LogReader` returns `Ok(None)`.
#[derive(Debug)]
pub struct LogReader<'a> {
    source: Source<'a>,
    /// The position in the window at which the next line starts.
    at: usize,
    /// The number of lines returned.
    lines: u64,
    failed: bool,
}

/// The positions in the window at which a line ends, and at which the next line starts.
struct Bounds {
    end: usize,
    next: usize,
}

impl LogReader<'static> {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if it cannot be opened.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, Error> {
        let file = File::open(path).map_err(|error| Error { kind: error.into(), at: Location::default() })?;
        Ok(LogReader::from_reader(file))
    }
}

impl<'a> LogReader<'a> {
    /// Reads a log in memory.
    pub fn from_slice(bytes: &'a [u8]) -> Self {
        #[cfg(feature = "pprof")]
        if bytes.starts_with(&unpack::GZIP_MAGIC) {
            return LogReader::from_reader(bytes);
        }
        LogReader::new(Source::slice(bytes))
    }

    /// Reads a stream, such as standard input.
    pub fn from_reader(input: impl Read + Send + 'a) -> Self {
        #[cfg(feature = "pprof")]
        let input = unpack::Unpack::new(input);
        LogReader::new(Source::stream(input))
    }

    fn new(source: Source<'a>) -> Self {
        LogReader { source, at: 0, lines: 0, failed: false }
    }

    /// Returns the next line, or `None` at the end.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the input cannot be read or unpacked.
    pub fn next_line(&mut self) -> Result<Option<Line<'_>>, Error> {
        let offset = self.offset();
        let Some(bounds) = self.bounds()? else { return Ok(None) };
        self.lines += 1;
        let Some(Bounds { end, next }) = bounds else {
            return Ok(Some(Line { number: self.lines, offset, bytes: &[], kind: LineKind::TooLong }));
        };
        let start = std::mem::replace(&mut self.at, next);
        let bytes = &self.source.window()[start..end];
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        Ok(Some(Line { number: self.lines, offset, bytes, kind: LineKind::of(bytes) }))
    }

    /// Returns the next collection, or `None` at the end.
    ///
    /// # Errors
    ///
    /// See [`LogReader::next_line`].
    pub fn next_cycle(&mut self) -> Result<Option<Cycle>, Error> {
        while let Some(line) = self.next_line()? {
            if let LineKind::Cycle(cycle) = line.kind {
                return Ok(Some(cycle));
            }
        }
        Ok(None)
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
