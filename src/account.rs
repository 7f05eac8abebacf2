//! What was read of a trace, and what was lost.

use std::ops::AddAssign;

use crate::error::{Error, ErrorKind, Location};

/// Numbers of things in a trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Tally {
    /// Bytes of the file.
    pub bytes: u64,
    /// Batches, those of tables included.
    pub batches: u64,
    /// Generations; none before Go 1.22.
    pub generations: u64,
    /// Events.
    pub events: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.batches = self.batches.saturating_add(other.batches);
        self.generations = self.generations.saturating_add(other.generations);
        self.events = self.events.saturating_add(other.events);
    }
}

/// What was read of a trace so far, and what lenient reading lost of it: see [`Reader::account`](crate::Reader::account).
///
/// At the end of lenient reading the bytes read, lost and trailing add up to those of the file.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Account<'a> {
    /// What was read. The bytes are those of the header, of the generation that is being delivered, whole, and of all
    /// before it, but for what is lost; a generation counts if any of it was delivered; events are counted as they were
    /// delivered, Syncs and gaps included.
    pub read: Tally,
    /// What was lost. Batches, generations and events are counted where the damage has left anything of them that can
    /// be counted; events as they stand in the file, which a reader may show as more than one.
    pub lost: Tally,
    /// Bytes behind the trace's end: another trace, or other data.
    pub trailing: u64,
    /// What lenient reading went over, in the order in which it was met: up to a thousand; standstills that list very
    /// many threads are left out. Strict reading has none of it: it fails instead.
    pub faults: &'a [Error],
    /// How many there were.
    pub fault_count: u64,
}

/// The generation whose events a reader gives, as it stands in the file: see [`Reader::generation`](crate::Reader::generation).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GenerationInfo {
    /// Its number.
    pub number: u64,
    /// Where it begins, in bytes from the start of the file.
    pub offset: u64,
    /// How many bytes it takes, what is damaged in it included.
    pub bytes: u64,
    /// How many batches, those of tables included.
    pub batches: u64,
    /// How many Ms have events in it.
    pub threads: u64,
}

/// How many faults are kept; the rest are counted.
const MAX_FAULTS: usize = 1000;

/// Stuck threads listed by the faults that are kept, but for the first fault: they take some hundred bytes each.
const MAX_HEADS: usize = 10_000;

/// A loss after which nothing is known of goroutines, Ps and threads.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Break {
    pub at: Location,
    pub lost: Tally,
}

/// The books of a decoder.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub lost: Tally,
    pub trailing: u64,
    /// What the next Gap tells of.
    pub open_break: Option<Break>,
    faults: Vec<Error>,
    fault_count: u64,
    /// In which generation the last one is.
    last_in: Option<u64>,
    /// How many heads the faults that are kept list, but for the first.
    heads: usize,
}

impl Ledger {
    pub fn faults(&self) -> (&[Error], u64) {
        (&self.faults, self.fault_count)
    }

    /// Notes what is gone over.
    #[cold]
    pub fn note(&mut self, error: Error) {
        let heads = match &error.kind {
            ErrorKind::StuckFrontier(heads) => heads.len(),
            _ => 0,
        };
        let is_first = self.fault_count == 0;
        self.fault_count += 1;
        self.last_in = error.at.generation;
        if is_first {
            self.faults.push(error);
        } else if self.faults.len() < MAX_FAULTS && self.heads + heads <= MAX_HEADS {
            self.heads += heads;
            self.faults.push(error);
        }
    }

    /// Whether a fault of this generation was noted, and none of another since.
    pub fn has_told_of(&self, generation: u64) -> bool {
        self.last_in == Some(generation)
    }

    /// Notes a loss that does not keep the reading from going on with what it knows.
    #[cold]
    pub fn lose(&mut self, lost: Tally) {
        self.lost += lost;
    }

    /// Takes back what was to be told of by itself.
    pub fn reopen(&mut self, earlier: Option<Break>) {
        if let Some(Break { at, lost }) = earlier {
            let later = self.open_break.take();
            let mut all = Break { at, lost };
            all.lost += later.map_or(Tally::default(), |later| later.lost);
            self.open_break = Some(all);
        }
    }

    /// Notes a loss behind which nothing is known any more. Several before the next event are one.
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
    fn a_huge_first_fault_does_not_silence_the_others() {
        let mut ledger = Ledger::default();
        ledger.note(standstill(20_000));
        ledger.note(Error { kind: ErrorKind::VarintTruncated, at: Location::default() });
        ledger.note(standstill(MAX_HEADS));
        // No room for the heads of this one, but for what has none.
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
