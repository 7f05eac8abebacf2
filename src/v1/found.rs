//! What the first pass finds in a file, and the second one works with.

use std::cell::RefCell;
use std::collections::HashSet;

use foldhash::fast::RandomState;

use super::parse::Parsed;
use super::syscall::Exit;
use crate::error::{Error, ErrorKind, Location, broken};
use crate::event::record::Symbol;
use crate::event::tables::Tables;
use crate::pdqsort;
use crate::wire::source::Source;

/// A batch that has events.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch {
    /// Where its first event begins in the window,
    pub body: usize,
    /// and where it ends.
    pub end: usize,
    /// The time from which its events count, in ticks.
    pub ticks: u64,
    /// The next batch of the same P.
    pub next: Option<u32>,
}

/// A P and its batches. Events that happen on no P have batches of their own, of the P [`NONE`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub proc: u64,
    pub first: u32,
    pub last: u32,
}

/// A CPU sample.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// When the profiler's signal came, in ticks.
    pub ticks: u64,
    pub proc: u64,
    pub go: u64,
    pub stack: u64,
    /// Where it begins in the window.
    pub at: usize,
}

/// What the first pass finds.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub batches: Vec<Batch>,
    pub rows: Vec<Row>,
    pub tables: Tables,
    /// The stacks without frames: events may name them, and have none.
    pub frameless: HashSet<u64, RandomState>,
    pub ticks_per_second: Option<u64>,
    /// The goroutines that run timers.
    pub timers: HashSet<u64, RandomState>,
    /// In the order of the file.
    pub samples: Vec<Sample>,
    /// By goroutine, which of the samples are its own.
    pub sampled: Vec<(u64, usize)>,
    pub exits: Vec<Exit>,
    /// How many bytes the walk went over, those lost in it included.
    pub walked: u64,
    pub policy: FaultPolicy,
}

impl Found {
    /// The stack that the record at a place names; none in place of one that the trace lacks. A stack without frames is
    /// as good as none, and nothing is wrong with it.
    #[inline(always)]
    pub fn stack(&self, id: u64, at: usize) -> Parsed<u64> {
        match self.tables.has_stack(id) {
            true => Ok(id),
            false => self.no_stack(id, at),
        }
    }

    #[cold]
    fn no_stack(&self, id: u64, at: usize) -> Parsed<u64> {
        if !self.frameless.contains(&id) {
            self.policy.pass(ErrorKind::UnknownStack { id: id.into() }, at)?;
        }
        Ok(0)
    }

    /// The string that the record at a place names; a placeholder for one that the trace lacks.
    pub fn string(&self, id: u64, at: usize) -> Parsed<Symbol> {
        match (id, self.tables.strings.get(id)) {
            (0, _) => Ok(Symbol::Empty),
            (_, Some(span)) => Ok(Symbol::from(span)),
            (_, None) => {
                self.policy.pass(ErrorKind::UnknownString { id: id.into() }, at)?;
                Ok(Symbol::Id(id))
            }
        }
    }
}

impl Found {
    /// Sorts the samples by time, in the order in which the reference leaves equal ones.
    pub fn sort_samples(&mut self) {
        pdqsort::sort_by_key(&mut self.samples, |sample| sample.ticks as i64);
        self.sampled = self.samples.iter().enumerate().map(|(i, sample)| (sample.go, i)).collect();
        self.sampled.sort_unstable();
    }

    /// Whether there is a sample of a goroutine before a time, not counting the first so many samples of all.
    pub fn is_sampled(&self, go: u64, from: usize, until: u64) -> bool {
        let next = self.sampled.partition_point(|sampled| *sampled < (go, from));
        let sample = self.sampled.get(next).filter(|(of, _)| *of == go).and_then(|(_, i)| self.samples.get(*i));
        sample.is_some_and(|sample| sample.ticks < until)
    }
}

/// A fault and its place in the window.
#[derive(Debug)]
pub(super) struct Fault {
    pub kind: Box<ErrorKind>,
    pub at: usize,
}

impl Fault {
    #[cold]
    pub fn located(self, source: &Source<'_>) -> Error {
        Error { kind: *self.kind, at: location(source, self.at) }
    }
}

/// A place in the window as one in the file.
pub(super) fn location(source: &Source<'_>, at: usize) -> Location {
    Location { offset: source.base() + at as u64, ..Location::default() }
}

/// What happens at a fault that leaves something to go on with, such as a repeated ID.
#[derive(Debug, Default)]
pub(super) enum FaultPolicy {
    /// It is an error.
    #[default]
    Fail,
    /// It is kept here to be reported, and reading goes on.
    Keep(RefCell<Vec<Fault>>),
}

impl FaultPolicy {
    /// Fails, or keeps the fault.
    #[cold]
    pub fn pass(&self, kind: ErrorKind, at: usize) -> Parsed<()> {
        match self {
            FaultPolicy::Fail => broken(kind),
            FaultPolicy::Keep(faults) => {
                faults.borrow_mut().push(Fault { kind: Box::new(kind), at });
                Ok(())
            }
        }
    }

    /// The faults that were kept since the last call.
    pub fn take(&self) -> Vec<Fault> {
        match self {
            FaultPolicy::Fail => Vec::new(),
            FaultPolicy::Keep(faults) => faults.take(),
        }
    }
}
