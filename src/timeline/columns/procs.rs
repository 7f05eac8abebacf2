//! The states of each P over time.

use std::sync::OnceLock;

use super::index::Index;
use super::runs::Runs;
use crate::event::ProcState;
use crate::event::record::Record;
use crate::id::NONE;

/// The state of a P from a time on.
#[derive(Clone, Copy, Debug)]
pub(in crate::timeline) struct ProcEntry {
    pub time: i64,
    pub state: ProcState,
    /// The thread that caused the change. For a running P, the thread that has the P.
    pub thread: u64,
    pub go: u64,
    pub is_stolen: bool,
}

impl ProcEntry {
    pub fn new(time: i64, state: ProcState, record: &Record) -> Self {
        ProcEntry { time, state, thread: record.thread, go: record.go, is_stolen: false }
    }

    /// Creates an entry for an unknown state.
    pub fn undetermined(time: i64) -> Self {
        ProcEntry { time, state: ProcState::Undetermined, thread: NONE, go: NONE, is_stolen: false }
    }
}

/// All Ps.
#[derive(Debug, Default)]
pub(in crate::timeline) struct ProcColumns {
    pub index: Index,
    /// The entries, sorted by P, then by time.
    entries: Vec<ProcEntry>,
    /// The index at which the entries of each P start, and the number of entries.
    starts: Vec<usize>,
    /// The goroutines that ran on each P, computed at the first query.
    pub by_proc: OnceLock<Runs>,
    pub by_thread: OnceLock<Runs>,
}

impl ProcColumns {
    /// Creates columns from entries sorted by the number of the P.
    pub fn new(index: Index, entries: Vec<(u32, ProcEntry)>) -> Self {
        let first = |number: usize| entries.partition_point(|&(of, _)| (of as usize) < number);
        let starts = (0..=index.len()).map(first).collect();
        let entries = entries.into_iter().map(|(_, entry)| entry).collect();
        ProcColumns { index, entries, starts, ..Self::default() }
    }

    pub fn bytes(&self) -> u64 {
        self.index.bytes() + (self.entries.capacity() * size_of::<ProcEntry>()) as u64
    }

    pub fn of(&self, number: u32) -> &[ProcEntry] {
        let start = |index: usize| self.starts.get(index).copied().unwrap_or(0);
        self.entries.get(start(number as usize)..start(number as usize + 1)).unwrap_or_default()
    }
}
