//! Ms that can't go on, by what they wait for.
//!
//! When the first of the frontier can't go on, the others are tried in order of time, and so again at the next event. That
//! is quick as long as few wait, as in every trace that a runtime writes; in one that is damaged or made to harm,
//! thousands may, at every event. Then they are taken out of the frontier to here, and only those come back for which what
//! they wait for has come.

use std::collections::BTreeSet;

use super::frontier::Head;
use crate::sched::Wait;

#[derive(Debug, Default)]
pub(super) struct Parked {
    /// With their times and cursors: of those that wait for the same the earliest is the first.
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

    /// The time of the earliest.
    pub fn first_time(&self) -> Option<i64> {
        self.by_time.first().map(|&(time, _)| time)
    }

    pub fn park(&mut self, head: Head, wait: Wait) {
        self.waiting.insert((wait, head.time, head.cursor));
        self.by_time.insert((head.time, head.cursor));
    }

    /// Gives back the earliest of those that wait for this. If it goes on, what the others wait for is past.
    pub fn wake(&mut self, wait: Wait) -> Option<Head> {
        let &first = self.waiting.range((wait, i64::MIN, 0)..).next().filter(|first| first.0 == wait)?;
        self.waiting.remove(&first);
        let (_, time, cursor) = first;
        self.by_time.remove(&(time, cursor));
        Some(Head { time, cursor })
    }

    /// Gives all back, in order of time.
    pub fn drain(&mut self) -> impl Iterator<Item = Head> + use<> {
        self.waiting.clear();
        std::mem::take(&mut self.by_time).into_iter().map(|(time, cursor)| Head { time, cursor })
    }
}

/// How much is tried in vain before Ms are parked: so much for each M and for each event of the generation. That is far
/// more than what the runtime's traces come to.
#[derive(Debug)]
pub(super) struct Patience {
    /// Below zero where the last attempt took more than there was.
    left: i64,
    /// How many events had been ordered when it was last added to.
    events: u64,
    /// For each M and each event.
    tries: i64,
}

/// Each costs some 20 nanoseconds, or a hundred where the Ms are too many for the caches.
const TRIES: i64 = 16;
/// To look at a head in sorting costs so much less than to try it.
const SORTED_FOR_A_TRY: usize = 8;

impl Default for Patience {
    fn default() -> Self {
        Patience { left: 0, events: 0, tries: TRIES }
    }
}

impl Patience {
    /// None at all.
    #[cfg(test)]
    pub fn none() -> Self {
        Patience { left: 0, events: 0, tries: 0 }
    }

    /// A generation of so many Ms begins, after so many events.
    pub fn begin(&mut self, threads: usize, events: u64) {
        *self = Patience { left: self.tries * threads as i64, events, ..*self };
    }

    /// Whether there is none left, after so many events.
    pub fn is_spent(&mut self, events: u64) -> bool {
        self.left += self.tries * events.saturating_sub(self.events).cast_signed();
        self.events = events;
        self.left <= 0
    }

    /// So many Ms were sorted, and so many tried in vain.
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
    fn the_earliest_that_waits_for_the_same_comes_back() {
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
    fn patience_grows_with_the_events() {
        let mut patience = Patience::default();
        patience.begin(2, 10);
        assert!(!patience.is_spent(10));
        patience.spend(80, 21);
        assert!(!patience.is_spent(10), "one of 32 is left");
        patience.spend(8, 0);
        assert!(patience.is_spent(10));
        assert!(!patience.is_spent(11), "another event has come");
        patience.spend(0, 40);
        assert!(patience.is_spent(11) && patience.is_spent(12), "what was spent too much is owed");
        assert!(!patience.is_spent(13));
    }
}
