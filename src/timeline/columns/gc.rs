//! Garbage collection and stop-the-world pauses.

use super::symbols::{StackNumber, StringNumber};

/// A collection.
#[derive(Clone, Copy, Debug)]
pub(in crate::timeline) struct CycleEntry {
    pub start: i64,
    pub end: i64,
    /// Whether the collection started before the trace.
    pub is_old: bool,
    pub stack: StackNumber,
    pub go: u32,
}

/// A stop-the-world pause.
#[derive(Clone, Copy, Debug)]
pub(in crate::timeline) struct PauseEntry {
    pub start: i64,
    pub end: i64,
    /// The time at which the last P went idle in the pause.
    pub last_stop: i64,
    pub reason: StringNumber,
    pub stack: StackNumber,
    pub go: u32,
}

/// A mark assist.
#[derive(Clone, Copy, Debug)]
pub(in crate::timeline) struct AssistEntry {
    pub start: i64,
    pub end: i64,
    pub stack: StackNumber,
    pub go: u32,
}

/// A sweep.
#[derive(Clone, Copy, Debug)]
pub(in crate::timeline) struct SweepEntry {
    pub start: i64,
    pub end: i64,
    pub proc: u64,
    pub stack: StackNumber,
    pub go: u32,
    pub swept: u64,
    pub reclaimed: u64,
}

/// All collections, pauses, assists and sweeps, each kind sorted by start.
#[derive(Debug, Default)]
pub(in crate::timeline) struct GcColumns {
    pub cycles: Vec<CycleEntry>,
    pub pauses: Vec<PauseEntry>,
    pub assists: Vec<AssistEntry>,
    pub sweeps: Vec<SweepEntry>,
}

impl GcColumns {
    pub fn bytes(&self) -> u64 {
        let cycles = self.cycles.capacity() * size_of::<CycleEntry>();
        let pauses = self.pauses.capacity() * size_of::<PauseEntry>();
        let assists = self.assists.capacity() * size_of::<AssistEntry>();
        (cycles + pauses + assists + self.sweeps.capacity() * size_of::<SweepEntry>()) as u64
    }
}
