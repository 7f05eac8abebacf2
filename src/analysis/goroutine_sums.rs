//! How one goroutine has spent its time so far.

use smallvec::SmallVec;

use super::names::Name;
use super::times::{Accounting, RangeKey, Spent};
use super::tracker::{Goroutine, NEVER};
use crate::event::GoState;

/// The sums of a goroutine. They exclude the current state of the goroutine, which the tracker
/// holds.
#[derive(Clone, Debug)]
pub(super) struct GoroutineSums {
    pub spent: Spent,
    /// When the goroutine first ran.
    pub first_run: i64,
    /// When the goroutine lost its P in the current system call.
    pub syscall_blocked: i64,
    /// When the goroutine was created, or the start of the generation that first mentions it.
    pub creation: i64,
    /// When the goroutine exited or began to wait forever.
    pub end: i64,
    /// The function that created the goroutine.
    pub creator: Name,
    /// Whether the trace has not mentioned the goroutine since the last gap.
    pub is_lost: bool,
    /// Whether the goroutine ended before the window.
    pub is_over: bool,
    /// What the goroutine spent before the window. `None` if it did not exist then.
    pub before: Option<Box<Spent>>,
    /// The special ranges that the goroutine is in, each with its start time.
    pub ranges: SmallVec<[(RangeKey, i64); 1]>,
    /// The regions that the goroutine is in, innermost last.
    pub regions: Vec<OpenRegion>,
}

/// A region that has not ended.
#[derive(Clone, Debug)]
pub(super) struct OpenRegion {
    pub task: u64,
    pub name: Name,
    pub is_of_program: bool,
    pub start: i64,
    /// What the goroutine had spent in total when the region started.
    pub before: Spent,
}

impl Default for GoroutineSums {
    fn default() -> Self {
        GoroutineSums {
            spent: Spent::default(),
            first_run: NEVER,
            syscall_blocked: NEVER,
            creation: NEVER,
            end: NEVER,
            creator: Name::EMPTY,
            is_lost: false,
            is_over: false,
            before: None,
            ranges: SmallVec::new(),
            regions: Vec::new(),
        }
    }
}

impl GoroutineSums {
    /// Returns the sums of a goroutine that was created at `creation`.
    pub fn new(creation: i64) -> Self {
        GoroutineSums { creation, ..GoroutineSums::default() }
    }

    /// Adds a system call that lasted from `since` to `time`.
    pub fn leave_syscall(&mut self, since: i64, time: i64) {
        let without_proc = if self.syscall_blocked == NEVER { time } else { self.syscall_blocked };
        self.spent.syscall += without_proc - since;
        self.spent.syscall_block += time - without_proc;
        self.syscall_blocked = NEVER;
    }

    /// Returns the sums up to `now`, including the current state of the goroutine and its open
    /// ranges.
    pub fn spent_until(&self, now: i64, goroutine: &Goroutine, accounting: Accounting) -> Spent {
        let mut spent = self.spent.clone();
        if spent.total == 0 {
            spent.total = now - self.creation;
        }
        // A goroutine that is first mentioned after the window was in this state during the whole
        // window.
        let since = match accounting.known(goroutine.since) {
            NEVER => NEVER,
            since => since.min(now),
        };
        let mut syscall = NEVER;
        match goroutine.state {
            _ if since == NEVER => {}
            GoState::Running => spent.execution += now - since,
            GoState::Runnable => spent.sched_wait += now - since,
            GoState::Waiting if !accounting.is_end(goroutine.reason) => spent.block(goroutine.reason, now - since),
            GoState::Syscall => syscall = since,
            _ => {}
        }
        match (syscall, self.syscall_blocked, accounting) {
            (NEVER, NEVER, _) => {}
            (since, NEVER, _) => spent.syscall += now - since,
            (since, blocked, Accounting::Corrected) => {
                spent.syscall += if since == NEVER { 0 } else { blocked - since };
                spent.syscall_block += now - blocked;
            }
            (since, blocked, Accounting::Reference) => {
                spent.syscall += if since == NEVER { 0 } else { now - since };
                spent.sched_wait += now - blocked;
            }
        }
        self.ranges.iter().for_each(|&(range, since)| spent.range(range, now - since));
        spent
    }

    /// Sets the final sums, and closes the open system call, ranges and regions.
    pub fn close(&mut self, spent: Spent) {
        self.spent = spent;
        self.syscall_blocked = NEVER;
        self.ranges.clear();
        self.regions.clear();
    }
}
