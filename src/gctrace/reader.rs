//! The log line by line.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::{Cycle, Line, LineKind};
use crate::error::{Error, Location};
use crate::wire::source::Source;

/// Longer lines are not looked at: the runtime's have under 300 bytes, and a log collector adds some in front.
pub const MAX_LINE: usize = 64 << 10;

/// Reads a log line by line.
///
/// ```
/// use gotrace::gctrace::Reader;
///
/// # fn main() -> Result<(), gotrace::Error> {
/// let text = "gc 7 @1.250s 1%: 0.02+1.5+0.01 ms clock, 0.04+0/1.4/0.9+0.02 ms cpu, 9->9->5 MB, 10 MB goal, 2 P\n";
/// let mut reader = Reader::from_slice(text.as_bytes());
/// while let Some(cycle) = reader.next_cycle()? {
///     println!("collection {}: {} bytes live", cycle.n, cycle.heap_live);
/// }
/// # Ok(())
/// # }
/// ```
///
/// Over a slice nothing is copied. Over a `Read` as much of the log is resident as one call gave, and a line of at most
/// [`MAX_LINE`] bytes; a line is given as soon as its end has come. In which pieces the bytes come does not show. A
/// `Reader` that has failed gives `Ok(None)`.
#[derive(Debug)]
pub struct Reader<'a> {
    source: Source<'a>,
    /// Where in the window the next line begins.
    at: usize,
    /// Lines given.
    lines: u64,
    failed: bool,
}

/// Where a line ends, and where the next one begins, in the window.
struct Bounds {
    end: usize,
    next: usize,
}

impl Reader<'static> {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if it can't be opened.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let file = File::open(path).map_err(|error| Error { kind: error.into(), at: Location::default() })?;
        Ok(Reader::new(file))
    }
}

impl<'a> Reader<'a> {
    /// Reads from memory.
    pub fn from_slice(bytes: &'a [u8]) -> Self {
        Reader { source: Source::slice(bytes), at: 0, lines: 0, failed: false }
    }

    /// Reads from a stream, such as standard input.
    pub fn new(from: impl Read + Send + 'a) -> Self {
        Reader { source: Source::stream(from), at: 0, lines: 0, failed: false }
    }

    /// The next line, or `None` at the end.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the stream can't be read on.
    pub fn next_line(&mut self) -> Result<Option<Line<'_>>, Error> {
        let offset = self.offset();
        let Some(bounds) = self.bounds()? else { return Ok(None) };
        self.lines += 1;
        let Some(Bounds { end, next }) = bounds else {
            return Ok(Some(Line { number: self.lines, offset, bytes: &[], kind: LineKind::TooLong }));
        };
        let begin = std::mem::replace(&mut self.at, next);
        let bytes = &self.source.window()[begin..end];
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        Ok(Some(Line { number: self.lines, offset, bytes, kind: LineKind::of(bytes) }))
    }

    /// The next collection, or `None` at the end.
    ///
    /// # Errors
    ///
    /// As [`Reader::next_line`].
    pub fn next_cycle(&mut self) -> Result<Option<Cycle>, Error> {
        while let Some(line) = self.next_line()? {
            if let LineKind::Cycle(cycle) = line.kind {
                return Ok(Some(cycle));
            }
        }
        Ok(None)
    }

    /// The byte at which the next line begins.
    pub fn offset(&self) -> u64 {
        self.source.base() + self.at as u64
    }

    /// Finds the next line: `None` at the end of the log, `Some(None)` if the line is too long and left behind.
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
                return self.leave().map(|()| Some(None));
            }
            if !self.more()? {
                let end = self.source.window().len();
                return Ok((end > self.at).then_some(Some(Bounds { end, next: end })));
            }
        }
        Ok(None)
    }

    /// Goes past a line whose end isn't in the window.
    fn leave(&mut self) -> Result<(), Error> {
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

    /// Lets go of what is read and gets more of the stream; says whether there is.
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
