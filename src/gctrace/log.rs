//! A log's collections, and what lay between them.

use std::io::Read;

use super::{Cycle, LineKind, Reader, Run, run};
use crate::error::Error;

/// All collections of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// The collections, as they stand in the log: those of several processes may alternate, see [`Log::runs`].
    pub cycles: Vec<Cycle>,
    /// The lines without one.
    pub skipped: Skipped,
    /// Collections beyond [`Limits::cycles`], which are not kept.
    pub dropped: u64,
}

/// Lines in which no collection was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Collections' lines that are cut, or have something else in them.
    pub damaged: u64,
    /// Lines of the runtime's scavenger and pacer.
    pub runtime: u64,
    /// Other output.
    pub other: u64,
    /// Lines of more than [`MAX_LINE`](super::MAX_LINE) bytes.
    pub too_long: u64,
}

/// Caps on what a log may make us keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most collections to keep.
    pub cycles: usize,
}

impl Default for Limits {
    /// A million collections: more than a day of ten a second, in 160 MiB.
    fn default() -> Self {
        Limits { cycles: 1 << 20 }
    }
}

impl Skipped {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.damaged + self.runtime + self.other + self.too_long
    }

    fn add(&mut self, kind: &LineKind) {
        match kind {
            LineKind::Cycle(_) => {}
            LineKind::Damaged => self.damaged += 1,
            LineKind::Runtime(_) => self.runtime += 1,
            LineKind::Other => self.other += 1,
            LineKind::TooLong => self.too_long += 1,
        }
    }
}

impl Log {
    /// Reads a log in memory.
    pub fn from_slice(bytes: &[u8]) -> Self {
        let mut log = Log::default();
        log.fill(Reader::from_slice(bytes), Limits::default()).expect("a slice can be read");
        log
    }

    /// Reads a log to its end.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if it can't be read on.
    pub fn read(from: impl Read + Send) -> Result<Self, Error> {
        let mut log = Log::default();
        log.fill(Reader::new(from), Limits::default())?;
        Ok(log)
    }

    /// Takes what is left in a reader. What came before an error is kept.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if it can't be read on.
    pub fn fill(&mut self, mut from: Reader<'_>, limits: Limits) -> Result<(), Error> {
        while let Some(line) = from.next_line()? {
            self.skipped.add(&line.kind);
            if let LineKind::Cycle(cycle) = line.kind {
                match self.cycles.len() < limits.cycles {
                    true => self.cycles.push(cycle),
                    false => self.dropped += 1,
                }
            }
        }
        Ok(())
    }

    /// The collections of each process, in the order in which the processes appear.
    pub fn runs(&self) -> Vec<Run> {
        run::split(&self.cycles)
    }

    /// The run with the most collections, the later one if there are two: what a question about "the" program means.
    /// `None` if there are no collections at all.
    pub fn longest_run(&self) -> Option<Run> {
        self.runs().into_iter().max_by_key(|run| run.cycles.len())
    }
}
