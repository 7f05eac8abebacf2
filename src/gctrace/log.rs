//! A log's collections, and the lines between them.

use std::io::Read;
use std::path::Path;

use super::{Cycle, LineKind, LogReader, Run, RuntimeLine, run};
use crate::error::Error;

/// All collections of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Log {
    /// The collections, in the order of the log. The collections of several processes can be interleaved. See
    /// [`Log::runs`].
    pub cycles: Vec<Cycle>,
    /// The numbers of other lines.
    pub skipped: Skipped,
    /// The number of collections beyond [`LogLimits::cycles`], which are not kept.
    pub dropped: u64,
}

/// The numbers of lines without a complete collection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Skipped {
    /// The number of lines of collections that are cut, or contain other output.
    pub damaged: u64,
    /// The number of lines of the runtime's scavenger and pacer.
    pub runtime: u64,
    /// The number of collections of Go 1.4 and older, whose lines are not read.
    pub before_go15: u64,
    /// The number of lines of other output.
    pub other: u64,
    /// The number of lines of more than [`MAX_LINE`](super::MAX_LINE) bytes.
    pub too_long: u64,
}

/// Limits on the memory for a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogLimits {
    /// The maximum number of collections to keep.
    pub cycles: usize,
}

impl Default for LogLimits {
    /// Returns a limit of a million collections: more than a day at ten per second, in 240 MiB.
    fn default() -> Self {
        LogLimits { cycles: 1 << 20 }
    }
}

impl LogLimits {
    /// Sets the maximum number of collections to keep.
    #[must_use]
    pub fn cycles(mut self, cycles: usize) -> Self {
        self.cycles = cycles;
        self
    }
}

impl Skipped {
    /// Returns the number of all these lines.
    pub fn total(&self) -> u64 {
        self.damaged + self.runtime + self.before_go15 + self.other + self.too_long
    }

    fn add(&mut self, kind: &LineKind) {
        match kind {
            LineKind::Cycle(_) => {}
            LineKind::Damaged => self.damaged += 1,
            LineKind::Runtime(RuntimeLine::CycleBeforeGo15) => self.before_go15 += 1,
            LineKind::Runtime(_) => self.runtime += 1,
            LineKind::Other => self.other += 1,
            LineKind::TooLong => self.too_long += 1,
        }
    }
}

impl Log {
    /// Reads a file. It may be a gzip file, with the feature `pprof`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the file cannot be opened, read or unpacked.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, Error> {
        Log::read(LogReader::from_path(path)?)
    }

    /// Reads an input such as standard input to its end. It may be a gzip file, with the feature
    /// `pprof`.
    ///
    /// ```
    /// # fn main() -> Result<(), gotrace::Error> {
    /// use gotrace::gctrace::Log;
    ///
    /// let input = &b"listening on :8080\n"[..]; // or std::io::stdin()
    /// let log = Log::from_reader(input)?;
    /// assert_eq!((log.cycles.len(), log.skipped.other), (0, 1));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the input cannot be read or unpacked.
    pub fn from_reader(input: impl Read + Send) -> Result<Self, Error> {
        Log::read(LogReader::from_reader(input))
    }

    /// Reads a log in memory. It may be a gzip file, with the feature `pprof`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if it is a damaged gzip file. Plain text always
    /// succeeds.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, Error> {
        Log::read(LogReader::from_slice(bytes))
    }

    fn read(reader: LogReader<'_>) -> Result<Self, Error> {
        let mut log = Log::default();
        log.fill(reader, LogLimits::default())?;
        Ok(log)
    }

    /// Adds the remaining collections of a reader. Collections before an error are kept.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the input cannot be read to its end.
    pub fn fill(&mut self, mut reader: LogReader<'_>, limits: LogLimits) -> Result<(), Error> {
        while let Some(line) = reader.next_line()? {
            self.add(line.kind, limits);
        }
        Ok(())
    }

    /// Adds a line.
    pub(crate) fn add(&mut self, line: LineKind, limits: LogLimits) {
        self.skipped.add(&line);
        if let LineKind::Cycle(cycle) = line {
            match self.cycles.len() < limits.cycles {
                true => self.cycles.push(cycle),
                false => self.dropped += 1,
            }
        }
    }

    /// Returns the collections of each process, in the order in which the processes appear.
    pub fn runs(&self) -> Vec<Run> {
        run::split(&self.cycles)
    }

    /// Returns the run with the most collections, which is usually the program in question. If two runs have as many,
    /// the later run. `None` if there are no collections.
    pub fn longest_run(&self) -> Option<Run> {
        self.runs().into_iter().max_by_key(|run| run.cycles.len())
    }
}
