//! Ends of system calls, which are not where they belong.
//!
//! After a system call that blocked, a goroutine has to wait for a P, and only then writes its
//! `GoSysExit`. The event states when the call really ended, and that is where it belongs. Go's
//! parser changes the times in the finished list and sorts it again. Here the first pass puts these
//! events into a list of their own, which is used beside the merge:
//!
//! ```text
//!   merge  ── GoSysBlock ── a ── b ───────── c ── GoSysExit ── d      only changes the state of the merge
//!   exits  ───────────────────── GoSysExit ──────────────────────     is returned here, between b and c
//! ```
//!
//! At equal times, the order is that of a stable sort. An exit that moves to an earlier time
//! follows the merged events of that time, because they were before it. One that moves to a later
//! time, because clocks differ between processors, precedes them. One with the time at which it was
//! written does not move.

use super::parse::Parsed;
use crate::error::{ErrorKind, broken};
use crate::id::GoId;

/// The end of a system call that is returned elsewhere than it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Exit {
    /// Twice the time in ticks, plus one if it follows the merged events of that time.
    key: u64,
    /// The time at which it was written, which orders those with the same key.
    emitted: u64,
    pub go: u64,
    /// Its position in the window.
    pub at: usize,
}

impl Exit {
    /// The exit of a call that ended at `left` and was written at `emitted`. `None` if it does not
    /// move.
    pub fn new(go: u64, left: u64, emitted: u64, at: usize) -> Option<Exit> {
        let moves = Exit::moves(left, emitted) && i64::try_from(left).is_ok();
        moves.then(|| Exit { key: 2 * left + u64::from(left < emitted), emitted, go, at })
    }

    /// Whether the exit moves. Time 0 means that the call started before the trace.
    pub fn moves(left: u64, emitted: u64) -> bool {
        left != 0 && left != emitted
    }

    pub fn ticks(self) -> u64 {
        self.key / 2
    }

    /// The time of the first merged event that follows it.
    pub fn before(self) -> u64 {
        self.key.div_ceil(2)
    }
}

/// Checks the exit of a call, which must have blocked before.
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
