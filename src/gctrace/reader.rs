//! Reads the log line by line.

use std::io::Read;
use std::path::Path;

use super::{Cycle, Line, LineKind};
use crate::error::Error;
use crate::wire::lines::Lines;

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
/// at most [`MAX_LINE`](super::MAX_LINE) bytes. A line is returned as soon as its end has been read, so the log of a running program can
/// be followed. A gzip file is unpacked while reading, with the feature `pprof`. The lines do not depend on how the
/// input splits its bytes. After an error, a `LogReader` returns `Ok(None)`.
#[derive(Debug)]
pub struct LogReader<'a> {
    lines: Lines<'a>,
}

impl LogReader<'static> {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if it cannot be opened.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, Error> {
        Ok(LogReader { lines: Lines::from_path(path)? })
    }
}

impl<'a> LogReader<'a> {
    /// Reads a log in memory.
    pub fn from_slice(bytes: &'a [u8]) -> Self {
        LogReader { lines: Lines::from_slice(bytes) }
    }

    /// Reads a stream, such as standard input.
    pub fn from_reader(input: impl Read + Send + 'a) -> Self {
        LogReader { lines: Lines::from_reader(input) }
    }

    /// Returns the next line, or `None` at the end.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the input cannot be read or unpacked.
    pub fn next_line(&mut self) -> Result<Option<Line<'_>>, Error> {
        let Some(line) = self.lines.next_line()? else { return Ok(None) };
        let kind = line.bytes.map_or(LineKind::TooLong, LineKind::of);
        Ok(Some(Line { number: line.number, offset: line.offset, bytes: line.bytes.unwrap_or_default(), kind }))
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
        self.lines.offset()
    }
}
