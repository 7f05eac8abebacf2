//! Threads whose events have to wait, indexed by what they wait for.
//!
//! If the earliest event has to wait, the other events are tried in order of time, and again for the next event. This
//! is fast if few threads wait, as in every trace that a runtime writes. In a damaged or malicious trace, thousands of
//! threads may wait. They are then moved from the frontier to this index, and return to the frontier when the event
//! happens that they wait for.

use std::collections::BTreeSet;

use crate::sched::Wait;
use crate::wire::frontier::Head;

#[derive(Debug, Default)]
pub(super) struct Parked {
    /// The time and the cursor of each thread. Among threads with the same wait, the earliest is first.
    waiting: BTreeSet<(Wait, i64, u32)>,
    by_time: BTreeSet<(i64, u32)>,
}

impl Parked {
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.by_time.is_empty()
    }

    pub fn clear(&mut self) {
        self.waiting.clear();
        self.by_time.clear();
    }

    /// Returns the earliest time.
    pub fn first_time(&self) -> Option<i64> {
        self.by_time.first().map(|&(time, _)| time)
    }

    pub fn park(&mut self, head: Head, wait: Wait) {
        self.waiting.insert((wait, head.time, head.cursor));
        self.by_time.insert((head.time, head.cursor));
    }

    /// Removes the earliest thread with this wait. Its event changes the state again, so the others
    /// keep waiting.
    pub fn wake(&mut self, wait: Wait) -> Option<Head> {
        let &first = self.waiting.range((wait, i64::MIN, 0)..).next().filter(|first| first.0 == wait)?;
        self.waiting.remove(&first);
        let (_, time, cursor) = first;
        self.by_time.remove(&(time, cursor));
        Some(Head { time, cursor })
    }

    /// Removes all threads, in order of time.
    pub fn drain(&mut self) -> impl Iterator<Item = Head> + use<> {
        self.waiting.clear();
        std::mem::take(&mut self.by_time).into_iter().map(|(time, cursor)| Head { time, cursor })
    }
}

/// The number of tries that may fail before threads are parked. It is proportional to the number of threads plus events
/// of the generation, and far higher than traces of the runtime need.
#[derive(Debug)]
pub(super) struct TryBudget {
    /// The number of tries left. Negative if the last tries exceeded it.
    left: i64,
    /// The number of ordered events when `left` last grew.
    events: u64,
    /// The number of tries that each thread and each event adds.
    tries: i64,
}

/// The number of tries that each thread and each event adds. A try takes about 20 nanoseconds, or 100 if the threads do
/// not fit in the caches.
const TRIES: i64 = 16;
/// Trying an event takes as much time as sorting this many heads.
const SORTED_FOR_A_TRY: usize = 8;

impl Default for TryBudget {
    fn default() -> Self {
        TryBudget { left: 0, events: 0, tries: TRIES }
    }
}

impl TryBudget {
    /// Returns a budget with which threads are parked at once.
    #[cfg(test)]
    pub fn zero() -> Self {
        TryBudget { left: 0, events: 0, tries: 0 }
    }

    /// Starts a generation with this number of threads, after this number of events.
    pub fn begin(&mut self, threads: usize, events: u64) {
        *self = TryBudget { left: self.tries * threads as i64, events, ..*self };
    }

    /// Returns whether no tries are left, after this number of events.
    pub fn is_spent(&mut self, events: u64) -> bool {
        self.left += self.tries * events.saturating_sub(self.events).cast_signed();
        self.events = events;
        self.left <= 0
    }

    /// Counts sorted threads and failed tries.
    pub fn spend(&mut self, sorted: usize, tried: usize) {
        self.left -= (sorted / SORTED_FOR_A_TRY + tried) as i64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sched::GoStatus;

    fn head(time: i64, cursor: u32) -> Head {
        Head { time, cursor }
    }

    #[test]
    fn the_earliest_thread_with_a_wait_is_woken_first() {
        let mut parked = Parked::default();
        let wait = |status, last| Wait::Go { id: 1, status, last };
        let (runnable, later) = (wait(GoStatus::Runnable, 0), wait(GoStatus::Runnable, 1));
        parked.park(head(5, 0), later);
        parked.park(head(9, 1), runnable);
        parked.park(head(7, 2), runnable);
        parked.park(head(7, 3), runnable);
        assert_eq!((parked.first_time(), parked.is_empty()), (Some(5), false));
        assert!(parked.wake(wait(GoStatus::Waiting, 0)).is_none());
        let woken: Vec<_> = std::iter::from_fn(|| parked.wake(runnable)).map(|head| (head.time, head.cursor)).collect();
        assert_eq!(woken, [(7, 2), (7, 3), (9, 1)]);
        assert_eq!(parked.drain().map(|head| head.cursor).collect::<Vec<_>>(), [0]);
        assert!(parked.is_empty() && parked.wake(later).is_none());
    }

    #[test]
    fn each_event_adds_tries() {
        let mut try_budget = TryBudget::default();
        try_budget.begin(2, 10);
        assert!(!try_budget.is_spent(10));
        try_budget.spend(80, 21);
        assert!(!try_budget.is_spent(10), "one of 32 tries is left");
        try_budget.spend(8, 0);
        assert!(try_budget.is_spent(10));
        assert!(!try_budget.is_spent(11), "another event has happened");
        try_budget.spend(0, 40);
        assert!(try_budget.is_spent(11) && try_budget.is_spent(12), "excess tries are subtracted");
        assert!(!try_budget.is_spent(13));
    }
}
