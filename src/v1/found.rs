//! The result of the first pass, which the second pass uses.

use std::cell::RefCell;
use std::collections::HashSet;

use foldhash::fast::RandomState;

use super::order::Upcoming;
use super::parse::Parsed;
use super::syscall::Exit;
use crate::error::{Error, ErrorKind, Location, broken};
use crate::event::record::Symbol;
use crate::event::tables::Tables;
use crate::wire::pdqsort;
use crate::wire::source::Source;

/// A batch with events.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch {
    /// The position of its first event in the window.
    pub body: usize,
    /// The position of its end in the window.
    pub end: usize,
    /// The time of its start in ticks.
    pub ticks: u64,
    /// The next batch of the same P.
    pub next: Option<u32>,
}

/// A P and its batches. Events without a P are in batches of the P [`NONE`].
#[derive(Clone, Copy, Debug)]
pub(super) struct ProcBatches {
    pub proc: u64,
    pub first: u32,
    pub last: u32,
}

/// A CPU sample.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// Its time in ticks.
    pub ticks: u64,
    pub proc: u64,
    pub go: u64,
    pub stack: u64,
    /// Its position in the window.
    pub at: usize,
}

/// The result of the first pass.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub batches: Vec<Batch>,
    pub procs: Vec<ProcBatches>,
    pub tables: Tables,
    /// Stacks without frames. Events that refer to them have no stack.
    pub frameless: HashSet<u64, RandomState>,
    pub ticks_per_second: Option<u64>,
    /// The goroutines that run timers.
    pub timers: HashSet<u64, RandomState>,
    /// The samples, in the order of the file.
    pub samples: Vec<Sample>,
    /// The goroutines of the samples and the indexes of the samples, sorted.
    pub sampled: Vec<(u64, usize)>,
    pub exits: Vec<Exit>,
    /// The number of bytes that were scanned, including lost bytes.
    pub walked: u64,
    pub policy: FaultPolicy,
}

impl Found {
    /// Returns the stack that the record at this position refers to, or 0 if the stack is unknown. A stack without
    /// frames is not an error, and also becomes 0.
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
            self.policy.tolerate(ErrorKind::UnknownStack { id: id.into() }, at)?;
        }
        Ok(0)
    }

    /// Returns the string that the record at this position refers to. If the string is unknown, a placeholder.
    pub fn string(&self, id: u64, at: usize) -> Parsed<Symbol> {
        match (id, self.tables.strings.get(id)) {
            (0, _) => Ok(Symbol::Empty),
            (_, Some(span)) => Ok(Symbol::from(span)),
            (_, None) => {
                self.policy.tolerate(ErrorKind::UnknownString { id: id.into() }, at)?;
                Ok(Symbol::Id(id))
            }
        }
    }
}

impl Found {
    /// Sorts the samples by time. Equal times are in the same order as in Go.
    pub fn sort_samples(&mut self) {
        pdqsort::sort_by_key(&mut self.samples, |sample| sample.ticks as i64);
        self.sampled = self.samples.iter().enumerate().map(|(i, sample)| (sample.go, i)).collect();
        self.sampled.sort_unstable();
    }

    /// Returns the sample with this index, for the merge.
    pub fn upcoming_sample(&self, index: usize) -> Upcoming {
        self.samples.get(index).map_or(Upcoming::None, |sample| Upcoming::Ready(sample.ticks))
    }

    /// Returns whether a goroutine has a sample before a time, among the samples from index `from` on.
    pub fn is_sampled(&self, go: u64, from: usize, until: u64) -> bool {
        let next = self.sampled.partition_point(|sampled| *sampled < (go, from));
        let sample = self.sampled.get(next).filter(|(of, _)| *of == go).and_then(|(_, i)| self.samples.get(*i));
        sample.is_some_and(|sample| sample.ticks < until)
    }
}

/// A fault and its position in the window.
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

/// Returns the location in the file of a position in the window.
pub(super) fn location(source: &Source<'_>, at: usize) -> Location {
    Location { offset: source.base() + at as u64, ..Location::default() }
}

/// The handling of a fault after which reading can continue, such as a repeated ID.
#[derive(Debug, Default)]
pub(super) enum FaultPolicy {
    /// Fail.
    #[default]
    Fail,
    /// Keep the fault here, to be reported later, and continue.
    Keep(RefCell<Vec<Fault>>),
}

impl FaultPolicy {
    /// With `Fail`, returns the fault as an error. With `Keep`, stores it and continues.
    #[cold]
    pub fn tolerate(&self, kind: ErrorKind, at: usize) -> Parsed<()> {
        match self {
            FaultPolicy::Fail => broken(kind),
            FaultPolicy::Keep(faults) => {
                faults.borrow_mut().push(Fault { kind: Box::new(kind), at });
                Ok(())
            }
        }
    }

    /// Removes the faults that were kept.
    pub fn take(&self) -> Vec<Fault> {
        match self {
            FaultPolicy::Fail => Vec::new(),
            FaultPolicy::Keep(faults) => faults.take(),
        }
    }
}
