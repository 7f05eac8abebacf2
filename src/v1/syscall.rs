//! Moves the ends of system calls to the times at which the calls ended.
//!
//! After a system call that blocked, a goroutine waits for a P before it writes `GoSysExit`. The
//! event contains the time at which the call ended, and has to be returned at that time. Go's
//! parser changes the times in the complete list of events and sorts it again. Here the first pass
//! collects these events in a separate list (`exits`). The events of all Ps are merged as usual,
//! but the merge does not return these events:
//!
//! ```text
//!   merge  ── GoSysBlock ── a ── b ───────── c ── GoSysExit ── d      only changes the goroutine's state
//!   exits  ───────────────────── GoSysExit ──────────────────────     is returned here, between b and c
//! ```
//!
//! At equal times, the order is the same as after a stable sort. An exit that moves to an earlier time follows the
//! merged events of that time, because they were written before it. An exit that moves to a later time, because clocks
//! differ between processors, precedes them. An exit does not move if the call ended at the time at which the event was
//! written.

use super::parse::Parsed;
use crate::error::{ErrorKind, broken};
use crate::id::GoId;

/// A `GoSysExit` event that is returned at a different time than the time at which it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Exit {
    /// Twice the time in ticks at which the call ended, plus one if the exit follows the merged
    /// events of that time.
    key: u64,
    /// The time at which the event was written. Exits with the same key are sorted by it.
    emitted: u64,
    pub go: u64,
    /// The position of the event in the window.
    pub at: usize,
}

impl Exit {
    /// Returns the exit of a call that ended at `left`. The event was written at `emitted`. `None` if the exit does not
    /// move.
    pub fn new(go: u64, left: u64, emitted: u64, at: usize) -> Option<Exit> {
        let moves = Exit::moves(left, emitted) && i64::try_from(left).is_ok();
        moves.then(|| Exit { key: 2 * left + u64::from(left < emitted), emitted, go, at })
    }

    /// Returns whether the exit moves. `left` is 0 if the call started before the trace.
    pub fn moves(left: u64, emitted: u64) -> bool {
        left != 0 && left != emitted
    }

    pub fn ticks(self) -> u64 {
        self.key / 2
    }

    /// Returns the time from which on merged events are returned after the exit.
    pub fn before(self) -> u64 {
        self.key.div_ceil(2)
    }
}

/// Checks that the call blocked and did not end before it blocked. `blocked_at` is 0 if it did not block.
#[inline]
pub(super) fn check_exit(go: u64, left: u64, blocked_at: u64) -> Parsed<()> {
    match blocked_at {
        0 => broken(ErrorKind::StraySyscallExit(GoId(go))),
        last if left < last || i64::try_from(left).is_err() => broken(ErrorKind::TimeOrder { last, found: left }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_times_keep_the_order_of_a_stable_sort() {
        let forward = Exit::new(7, 100, 130, 0).expect("moves");
        assert_eq!((forward.ticks(), forward.before()), (100, 101));
        let back = Exit::new(7, 100, 90, 0).expect("moves");
        assert_eq!((back.ticks(), back.before()), (100, 100));
        assert!(back < forward);
        assert_eq!(Exit::new(7, 100, 100, 0), None);
        assert_eq!(Exit::new(7, 0, 100, 0), None);
    }
}
