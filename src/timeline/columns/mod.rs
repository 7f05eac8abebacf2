//! The data of a timeline in columns: the builder fills them, queries read them.

pub(in crate::timeline) mod annotations;
pub(in crate::timeline) mod families;
pub(in crate::timeline) mod gc;
pub(in crate::timeline) mod index;
pub(in crate::timeline) mod metrics;
pub(in crate::timeline) mod procs;
pub(in crate::timeline) mod runs;
pub(in crate::timeline) mod spans;
pub(in crate::timeline) mod symbols;

/// The end of what had not ended when the trace did.
pub(in crate::timeline) const OPEN: i64 = i64::MAX;

/// Where something runs: a P and a thread, [`NONE`] where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::timeline) struct Place {
    pub proc: u64,
    pub thread: u64,
}
