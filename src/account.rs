//! Counts what was read of a trace, and what lenient reading lost.

use std::ops::AddAssign;

use crate::error::{Error, ErrorKind, Location};

/// Counts of the parts of a trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Tally {
    /// The number of bytes.
    pub bytes: u64,
    /// The number of batches, including batches of tables.
    pub batches: u64,
    /// The number of generations. 0 before Go 1.22.
    pub generations: u64,
    /// The number of events.
    pub events: u64,
}

impl Tally {
    /// Returns a count of bytes only.
    pub(crate) fn of_bytes(bytes: usize) -> Tally {
        Tally { bytes: bytes as u64, ..Tally::default() }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.batches = self.batches.saturating_add(other.batches);
        self.generations = self.generations.saturating_add(other.generations);
        self.events = self.events.saturating_add(other.events);
    }
}

/// Counts of what was read of a trace so far, and of what lenient reading lost. See
/// [`Reader::account`](crate::Reader::account).
///
/// At the end of lenient reading, `read.bytes`, `lost.bytes` and `trailing` add up to the size of
/// the file.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Account<'a> {
    /// What was read. `bytes` counts the header, all generations so far, and the whole current generation, except the
    /// lost bytes. A generation counts if any of its events was returned. Events count when they are returned,
    /// including Sync and Gap events.
    pub read: Tally,
    /// What was lost. Batches, generations and events only count if enough of them is intact. `events` counts the
    /// events in the file. A reader may return more than one event for each event in the file.
    pub lost: Tally,
    /// The number of bytes after the end of the trace, such as a second trace.
    pub trailing: u64,
    /// The errors that lenient reading skipped, in order, at most a thousand. Errors that list very
    /// many stuck threads are left out. Always empty in strict mode, which fails at the first
    /// error.
    pub faults: &'a [Error],
    /// The number of all errors that lenient reading skipped.
    pub fault_count: u64,
}

/// A generation as it is in the file. See [`Reader::generation`](crate::Reader::generation).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GenerationInfo {
    /// The number of the generation.
    pub number: u64,
    /// The byte offset of its start in the file.
    pub offset: u64,
    /// Its size in bytes, including damaged parts.
    pub bytes: u64,
    /// The number of batches, including batches of tables.
    pub batches: u64,
    /// The number of threads (Ms) with events.
    pub threads: u64,
}

/// The number of errors that are kept. Further ones are only counted.
const MAX_FAULTS: usize = 1000;

/// The total number of stuck threads that the kept errors may list, not counting the first error.
/// Each takes a few hundred bytes.
const MAX_HEADS: usize = 10_000;

/// A loss after which the state of goroutines, Ps and threads is unknown.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Break {
    pub at: Location,
    pub lost: Tally,
}

impl Break {
    /// Two losses with nothing between them are one, at the place of the first.
    pub fn join(first: Option<Break>, second: Option<Break>) -> Option<Break> {
        match (first, second) {
            (Some(Break { at, mut lost }), Some(second)) => {
                lost += second.lost;
                Some(Break { at, lost })
            }
            (first, second) => first.or(second),
        }
    }
}

/// Counts what a decoder lost.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub lost: Tally,
    pub trailing: u64,
    /// The loss that the next Gap event will report.
    pub open_break: Option<Break>,
    faults: Vec<Error>,
    fault_count: u64,
    /// The number of stuck threads that the kept errors list, not counting the first error.
    heads: usize,
}

impl Ledger {
    pub fn faults(&self) -> (&[Error], u64) {
        (&self.faults, self.fault_count)
    }

    /// Records an error that lenient reading skips.
    #[cold]
    pub fn note(&mut self, error: Error) {
        let heads = match &error.kind {
            ErrorKind::StuckFrontier(heads) => heads.len(),
            _ => 0,
        };
        let is_first = self.fault_count == 0;
        self.fault_count += 1;
        if is_first {
            self.faults.push(error);
        } else if self.faults.len() < MAX_FAULTS && self.heads + heads <= MAX_HEADS {
            self.heads += heads;
            self.faults.push(error);
        }
    }

    /// Records a loss that does not affect the state of goroutines, Ps and threads, so it needs no
    /// Gap.
    #[cold]
    pub fn lose(&mut self, lost: Tally) {
        self.lost += lost;
    }

    /// Records an error, and the loss that it causes ([`lose`](Self::lose)).
    pub fn note_loss(&mut self, error: Error, lost: Tally) {
        self.lose(lost);
        self.note(error);
    }

    /// Records an error, and the loss that it causes ([`break_off`](Self::break_off)).
    pub fn note_break(&mut self, error: Error, lost: Tally) {
        self.break_off(error.at, lost);
        self.note(error);
    }

    /// Merges a loss whose Gap was not returned with the open one.
    pub fn reopen(&mut self, earlier: Option<Break>) {
        self.open_break = Break::join(earlier, self.open_break.take());
    }

    /// Records a loss that makes the state unknown. Several losses before the next event are
    /// reported as one Gap.
    #[cold]
    pub fn break_off(&mut self, at: Location, lost: Tally) {
        self.lost += lost;
        self.open_break.get_or_insert(Break { at, lost: Tally::default() }).lost += lost;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::StuckHead;
    use crate::time::Time;

    fn standstill(threads: usize) -> Error {
        let event = "GoStart";
        let head = StuckHead { thread: None, proc: None, event, time: Time(0), offset: 0, waits_for: String::new() };
        Error { kind: ErrorKind::StuckFrontier(vec![head; threads]), at: Location::default() }
    }

    fn kept(ledger: &Ledger) -> Vec<usize> {
        let heads = |fault: &Error| match &fault.kind {
            ErrorKind::StuckFrontier(heads) => heads.len(),
            _ => 0,
        };
        ledger.faults().0.iter().map(heads).collect()
    }

    #[test]
    fn a_huge_first_error_leaves_room_for_others() {
        let mut ledger = Ledger::default();
        ledger.note(standstill(20_000));
        ledger.note(Error { kind: ErrorKind::VarintTruncated, at: Location::default() });
        ledger.note(standstill(MAX_HEADS));
        // There is no more room for errors with stuck threads, only for others.
        ledger.note(standstill(1));
        ledger.note(Error { kind: ErrorKind::VarintTruncated, at: Location::default() });
        assert_eq!(kept(&ledger), [20_000, 0, MAX_HEADS, 0]);
        assert_eq!(ledger.faults().1, 5);
    }

    #[test]
    fn no_more_than_a_thousand_faults_are_kept() {
        let mut ledger = Ledger::default();
        (0..MAX_FAULTS + 5).for_each(|_| ledger.note(standstill(0)));
        assert_eq!((kept(&ledger).len(), ledger.faults().1), (MAX_FAULTS, MAX_FAULTS as u64 + 5));
    }
}
