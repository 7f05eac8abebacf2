//! The data of a timeline in columns: the builder fills the columns, and queries read them.

pub(in crate::timeline) mod annotations;
pub(in crate::timeline) mod families;
pub(in crate::timeline) mod gc;
pub(in crate::timeline) mod index;
pub(in crate::timeline) mod metrics;
pub(in crate::timeline) mod procs;
pub(in crate::timeline) mod runs;
pub(in crate::timeline) mod spans;
pub(in crate::timeline) mod symbols;

/// The end of spans, ranges and annotations that were still open when the trace ended.
pub(in crate::timeline) const OPEN: i64 = i64::MAX;

/// The place where a goroutine runs: the IDs of a P and of a thread, or [`NONE`](crate::id::NONE).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::timeline) struct Place {
    pub proc: u64,
    pub thread: u64,
}
