//! A log's dumps, and the lines between them.

use std::io::Read;
use std::ops;
use std::path::Path;

use super::{DumpGoroutine, DumpReader};
use crate::error::Error;

/// A dump: goroutines of one process at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dump {
    /// The number of the line of its first header in the log. The first line is 1.
    pub line: u64,
    /// Why the program crashed, if the log says so before the dump: a line that starts with `panic: `, `fatal error: `
    /// or the name of a signal, as in `SIGQUIT: quit`.
    pub crash: Option<String>,
    /// Its goroutines, in the order of the log. No two have the same ID.
    pub goroutines: Vec<DumpGoroutine>,
    /// Whether the log ends within the last goroutine. The runtime writes at most 64 MiB for `?debug=2`, and
    /// `runtime.Stack` only what its buffer can hold.
    pub is_cut: bool,
}

impl Dump {
    /// Returns whether this is likely a dump of all goroutines. By default, a panic prints only the goroutine that
    /// panicked, and `debug.Stack` prints the one that called it.
    pub fn has_all_goroutines(&self) -> bool {
        self.goroutines.len() > 1 || self.goroutines.iter().any(|goroutine| goroutine.state != "running")
    }
}

/// All dumps of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dumps {
    /// The dumps, in the order of the log.
    pub dumps: Vec<Dump>,
    /// The numbers of lines.
    pub lines: DumpLines,
}

/// The numbers of lines of a log by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct DumpLines {
    /// The number of lines of goroutines.
    pub goroutines: u64,
    /// The number of lines without text.
    pub blank: u64,
    /// The number of other lines, which are skipped.
    pub other: u64,
    /// The number of lines of more than [`MAX_LINE`](crate::gctrace::MAX_LINE) bytes, which are skipped.
    pub too_long: u64,
}

impl DumpLines {
    /// Returns the number of all lines.
    pub fn total(&self) -> u64 {
        self.goroutines + self.blank + self.other + self.too_long
    }
}

impl ops::AddAssign for DumpLines {
    fn add_assign(&mut self, other: Self) {
        self.goroutines += other.goroutines;
        self.blank += other.blank;
        self.other += other.other;
        self.too_long += other.too_long;
    }
}

impl Dumps {
    /// Reads a file. It may be a gzip file, with the feature `pprof`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the file cannot be opened, read or unpacked.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, Error> {
        Dumps::read(DumpReader::from_path(path)?)
    }

    /// Reads an input such as standard input to its end. It may be a gzip file, with the feature `pprof`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the input cannot be read or unpacked.
    pub fn from_reader(input: impl Read + Send) -> Result<Self, Error> {
        Dumps::read(DumpReader::from_reader(input))
    }

    /// Reads a log in memory. It may be a gzip file, with the feature `pprof`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if it is a damaged gzip file. Plain text always succeeds.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, Error> {
        Dumps::read(DumpReader::from_slice(bytes))
    }

    fn read(mut reader: DumpReader<'_>) -> Result<Self, Error> {
        let mut dumps = Vec::new();
        while let Some(dump) = reader.next_dump()? {
            dumps.push(dump);
        }
        Ok(Dumps { dumps, lines: reader.lines() })
    }
}
