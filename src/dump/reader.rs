//! Reads the dumps of a log one by one.

use std::io::Read;
use std::path::Path;

use super::assemble::Assembler;
use super::{Dump, DumpLines};
use crate::error::Error;
use crate::wire::lines::Lines;

/// Reads the dumps of a log one by one. One dump is in memory at a time.
///
/// ```
/// use gotrace::dump::DumpReader;
///
/// # fn main() -> Result<(), gotrace::Error> {
/// let text = "goroutine 1 [select]:\nmain.main()\n\t/app/main.go:9 +0x1d\n";
/// let mut reader = DumpReader::from_slice(text.as_bytes());
/// while let Some(dump) = reader.next_dump()? {
///     println!("line {}: {} goroutines", dump.line, dump.goroutines.len());
/// }
/// # Ok(())
/// # }
/// ```
///
/// A new dump starts at a goroutine that the current dump has already. It also starts after other text, if the text
/// reports a crash, or if the goroutine is running: the runtime prints the goroutine that asked for the dump first.
/// Any other text in a dump, such as a line of another thread, is skipped.
///
/// The dumps do not depend on how the input splits its bytes. After an error, a `DumpReader` returns `Ok(None)`.
#[derive(Debug)]
pub struct DumpReader<'a> {
    lines: Lines<'a>,
    assembler: Assembler,
}

impl DumpReader<'static> {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if it cannot be opened.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, Error> {
        Ok(DumpReader::new(Lines::from_path(path)?))
    }
}

impl<'a> DumpReader<'a> {
    /// Reads a log in memory.
    pub fn from_slice(bytes: &'a [u8]) -> Self {
        DumpReader::new(Lines::from_slice(bytes))
    }

    /// Reads a stream, such as standard input.
    pub fn from_reader(input: impl Read + Send + 'a) -> Self {
        DumpReader::new(Lines::from_reader(input))
    }

    fn new(lines: Lines<'a>) -> Self {
        DumpReader { lines, assembler: Assembler::default() }
    }

    /// Returns the next dump, or `None` at the end.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the input cannot be read or unpacked.
    pub fn next_dump(&mut self) -> Result<Option<Dump>, Error> {
        while let Some(line) = self.lines.next_line()? {
            if let Some(dump) = self.assembler.line(&line) {
                return Ok(Some(dump));
            }
        }
        Ok(self.assembler.finish())
    }

    /// Returns the numbers of the lines read so far.
    pub fn lines(&self) -> DumpLines {
        self.assembler.lines()
    }
}
