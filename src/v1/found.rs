//! What the first pass finds in a file, and the second one works with.

use std::cell::RefCell;
use std::collections::HashSet;

use foldhash::fast::RandomState;

use super::parse::Parsed;
use super::syscall::Exit;
use crate::error::{ErrorKind, broken};
use crate::event::tables::Tables;
use crate::pdqsort;

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
    /// Whether an event may refer to what is not there: then this holds such IDs, and where the events are.
    pub lenient: bool,
    pub unknown: RefCell<Vec<(Unknown, usize)>>,
}

/// An ID that the tables lack.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unknown {
    String(u64),
    Stack(u64),
}

impl From<Unknown> for ErrorKind {
    fn from(unknown: Unknown) -> Self {
        match unknown {
            Unknown::Stack(id) => ErrorKind::UnknownStack { id: id.into() },
            Unknown::String(id) => ErrorKind::UnknownString { id: id.into() },
        }
    }
}

impl Found {
    /// Fails, or notes it and goes on with a placeholder where the trace is read leniently. A stack without frames
    /// gives none, and nothing is wrong with it.
    #[cold]
    pub fn lacks<T>(&self, unknown: Unknown, at: usize, placeholder: T) -> Parsed<T> {
        if matches!(unknown, Unknown::Stack(id) if self.frameless.contains(&id)) {
            return Ok(placeholder);
        }
        if !self.lenient {
            return broken(unknown.into());
        }
        self.unknown.borrow_mut().push((unknown, at));
        Ok(placeholder)
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
