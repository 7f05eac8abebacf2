//! How one goroutine has spent its time so far.

use smallvec::SmallVec;

use super::names::Name;
use super::times::{Accounting, RangeKey, Spent};
use super::tracker::{Goroutine, NEVER};
use crate::event::GoState;

/// The sums of a goroutine. They do not include the state that it is in, which the tracker knows.
#[derive(Clone, Debug)]
pub(super) struct GoroutineSums {
    pub spent: Spent,
    /// When the goroutine first ran.
    pub first_run: i64,
    /// When its P was taken in the system call that it is in.
    pub syscall_blocked: i64,
    /// When it was created, or the start of the generation in which it is first mentioned.
    pub creation: i64,
    /// When it exited or began to wait forever.
    pub end: i64,
    /// The function that created it.
    pub creator: Name,
    /// Whether there was a gap after which the trace has not mentioned it yet.
    pub is_lost: bool,
    /// Whether it ended before the window.
    pub is_over: bool,
    /// What it spent before the window. `None` if it did not exist yet.
    pub before: Option<Box<Spent>>,
    /// The special ranges that it is in, and since when.
    pub ranges: SmallVec<[(RangeKey, i64); 1]>,
    /// The regions that it is in, innermost last.
    pub regions: Vec<OpenRegion>,
}

/// A region that has not ended.
#[derive(Clone, Debug)]
pub(super) struct OpenRegion {
    pub task: u64,
    pub name: Name,
    pub is_of_program: bool,
    pub start: i64,
    /// What its goroutine had spent when it started.
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
    /// The sums of a goroutine that exists since `creation`.
    pub fn new(creation: i64) -> Self {
        GoroutineSums { creation, ..GoroutineSums::default() }
    }

    /// Adds a system call that ends at `time`.
    pub fn leave_syscall(&mut self, since: i64, time: i64) {
        let without_proc = if self.syscall_blocked == NEVER { time } else { self.syscall_blocked };
        self.spent.syscall += without_proc - since;
        self.spent.syscall_block += time - without_proc;
        self.syscall_blocked = NEVER;
    }

    /// Everything up to now, including the state that the goroutine is in and its open ranges.
    pub fn spent_until(&self, now: i64, goroutine: &Goroutine, accounting: Accounting) -> Spent {
        let mut spent = self.spent.clone();
        if spent.total == 0 {
            spent.total = now - self.creation;
        }
        // A goroutine that is first mentioned after the window has been in its state all the time.
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

    /// Sets the final sums and closes everything that is open.
    pub fn close(&mut self, spent: Spent) {
        self.spent = spent;
        self.syscall_blocked = NEVER;
        self.ranges.clear();
        self.regions.clear();
    }
}
