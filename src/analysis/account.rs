//! The running sums of a goroutine.

use smallvec::SmallVec;

use super::names::Name;
use super::times::{Accounting, RangeKey, Spent};
use crate::event::GoState;
use crate::id::NONE;
use crate::time::Time;

/// A time that is not known, or a state that is not on.
pub(super) const NEVER: i64 = i64::MIN;

pub(super) fn present(time: i64) -> Option<Time> {
    (time != NEVER).then_some(Time(time))
}

/// What is known of a goroutine.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    pub id: u64,
    pub name: Name,
    pub creator: Name,
    pub label: Name,
    pub creation: i64,
    pub start: i64,
    pub end: i64,
    pub spent: Spent,
    /// Since when it is in each state, or `NEVER`.
    pub running: i64,
    pub runnable: i64,
    pub blocked: i64,
    pub reason: Name,
    pub syscall: i64,
    pub syscall_blocked: i64,
    /// The P on which it entered the system call.
    pub syscall_proc: u64,
    /// Whether there was a gap, after which the trace has not mentioned it yet.
    pub is_lost: bool,
    /// What it spent before the part of the trace that counts; `None` if it was not there yet.
    pub before: Option<Box<Spent>>,
    /// Whether it ended before that part.
    pub is_over: bool,
    /// Since when it is in each range.
    pub ranges: SmallVec<[(RangeKey, i64); 1]>,
    pub regions: Vec<OpenRegion>,
}

#[derive(Clone, Debug)]
pub(super) struct OpenRegion {
    pub task: u64,
    pub name: Name,
    pub is_of_program: bool,
    pub start: i64,
    pub before: Spent,
}

impl Account {
    pub fn new(id: u64, creation: i64) -> Self {
        Account {
            id,
            name: Name::EMPTY,
            creator: Name::EMPTY,
            label: Name::EMPTY,
            creation,
            start: NEVER,
            end: NEVER,
            spent: Spent::default(),
            running: NEVER,
            runnable: NEVER,
            blocked: NEVER,
            reason: Name::EMPTY,
            syscall: NEVER,
            syscall_blocked: NEVER,
            syscall_proc: NONE,
            is_lost: false,
            before: None,
            is_over: false,
            ranges: SmallVec::new(),
            regions: Vec::new(),
        }
    }

    /// It leaves a state. Whether that was a system call in which it was known to be.
    #[inline]
    pub fn leave(&mut self, state: GoState, time: i64) -> bool {
        match state {
            GoState::Running => {
                if self.running != NEVER {
                    self.spent.execution += time - self.running;
                }
                self.running = NEVER;
            }
            GoState::Waiting if self.blocked != NEVER => {
                self.spent.block(self.reason, time - self.blocked);
                self.blocked = NEVER;
            }
            GoState::Runnable if self.runnable != NEVER => {
                self.spent.sched_wait += time - self.runnable;
                self.runnable = NEVER;
            }
            GoState::Syscall if self.syscall != NEVER => {
                let without_proc = if self.syscall_blocked == NEVER { time } else { self.syscall_blocked };
                self.spent.syscall += without_proc - self.syscall;
                self.spent.syscall_block += time - without_proc;
                self.syscall = NEVER;
                self.syscall_blocked = NEVER;
                return true;
            }
            _ => {}
        }
        false
    }

    /// All up to now, the states that it is in included.
    pub fn spent_until(&self, now: i64, accounting: Accounting) -> Spent {
        let mut spent = self.spent.clone();
        if spent.total == 0 {
            spent.total = now - self.creation;
        }
        if self.running != NEVER {
            spent.execution += now - self.running;
        }
        if self.runnable != NEVER {
            spent.sched_wait += now - self.runnable;
        }
        if self.blocked != NEVER {
            spent.block(self.reason, now - self.blocked);
        }
        match (self.syscall, self.syscall_blocked, accounting) {
            (NEVER, NEVER, _) => {}
            (begun, NEVER, _) => spent.syscall += now - begun,
            (begun, blocked, Accounting::Corrected) => {
                spent.syscall += if begun == NEVER { 0 } else { blocked - begun };
                spent.syscall_block += now - blocked;
            }
            (begun, blocked, Accounting::Reference) => {
                spent.syscall += if begun == NEVER { 0 } else { now - begun };
                spent.sched_wait += now - blocked;
            }
        }
        self.ranges.iter().for_each(|&(range, begun)| spent.range(range, now - begun));
        spent
    }

    /// It ends, or counts as ended: what is on is off.
    pub fn close(&mut self, spent: Spent) {
        self.spent = spent;
        self.running = NEVER;
        self.runnable = NEVER;
        self.blocked = NEVER;
        self.syscall = NEVER;
        self.syscall_blocked = NEVER;
        self.ranges.clear();
        self.regions.clear();
    }
}
