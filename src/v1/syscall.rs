//! System calls: what makes them different from all other events is that their ends stand in the wrong place.
//!
//! A goroutine whose system call blocked gets a P again some time after it came back, and only then can its `GoSysExit`
//! be written. The event says when the call was really over, and that is where it belongs. Go's parser writes the
//! times into the finished list and sorts it again; here the first pass notes them, in a list of its own,
//! which runs beside the merge:
//!
//! ```text
//!   merge  ── GoSysBlock ── a ── b ───────── c ── GoSysExit ── d      the emission only moves the merge on
//!   exits  ───────────────────── GoSysExit ──────────────────────     delivered here, between b and c
//! ```
//!
//! Where times are equal, the order of a stable sort is kept: an exit that moved forward in time goes after the merge's
//! events of its new time, for they stood before it; one that moved back (clocks that differ between processors) goes
//! before them. One whose time is that of its emission has not moved.

use super::parse::Parsed;
use crate::error::{ErrorKind, broken};
use crate::id::GoId;

/// The end of a system call that is delivered elsewhere than it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Exit {
    /// Twice the time in ticks, plus one if it goes after the merge's events of that time.
    key: u64,
    /// When it was written: the order among those of one time.
    emitted: u64,
    pub go: u64,
    /// Where it stands in the window.
    pub at: usize,
}

impl Exit {
    /// The exit of a call that was left at one time and told of at another; `None` if it need not move.
    pub fn new(go: u64, left: u64, emitted: u64, at: usize) -> Option<Exit> {
        let moves = Exit::moves(left, emitted) && i64::try_from(left).is_ok();
        moves.then(|| Exit { key: 2 * left + u64::from(left < emitted), emitted, go, at })
    }

    /// Whether such an exit is delivered elsewhere. A time of zero says that the call began before the trace.
    pub fn moves(left: u64, emitted: u64) -> bool {
        left != 0 && left != emitted
    }

    pub fn ticks(self) -> u64 {
        self.key / 2
    }

    /// The time of the first event of the merge that comes after this.
    pub fn before(self) -> u64 {
        self.key.div_ceil(2)
    }
}

/// Where a system call is said to be over, it must have blocked before.
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
