//! The merge: from one row of events a P to one row of all.
//!
//! Each P's events are in order. Of those that come next on their Ps, the earliest is taken whose goroutine is ready
//! for it. What "ready" means is a state, for most events a sequence number as well, that the goroutine must
//! have reached; clocks that differ between processors can't break that.
//!
//! ```text
//!            earliest first                     by what they wait for
//!   ready    ┌ P 3: GoStart 7 ┐    parked       ┌ P 0: GoStart 9, sequence 4, Runnable ┐
//!   (heap)   │ P 1: GoBlock   │    (ordered set)│ P 2: GoUnblock 9, sequence 5, Waiting│
//!            └────────────────┘                 └──────────────────────────────────────┘
//! ```
//!
//! Every P that has events left is in one of the two. An event that moves a goroutine looks up who waited for just
//! that, so a P is parked and woken once an event, however many there are. At equal times the lower P goes first; the
//! reference leaves that to chance.
//!
//! What each event waits for is in the table of [`effects`](super::effects).

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::collections::binary_heap::{BinaryHeap, PeekMut};

use super::goroutine::Go;
use crate::event::GoState;
use crate::id::NONE;
use crate::sched::Step;
use crate::sched::arena::{Arena, Index};

/// The sequence number that the goroutine must have reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    /// None: the event that led here stands on the same P.
    Any,
    Exactly(u64),
}

/// What a P's next event waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Need {
    go: u64,
    /// [`ANY`] where the number does not matter.
    sequence: u64,
    state: GoState,
    row: u32,
    /// When the event was written.
    ticks: u64,
}

const ANY: u64 = u64::MAX;
/// Stands for the GC among the goroutines.
const GC: u64 = NONE;

/// A time above the P whose next event has it: one number compares faster than two.
type Key = u128;

#[inline(always)]
fn key(ticks: u64, row: u32) -> Key {
    Key::from(ticks) << u32::BITS | Key::from(row)
}

#[inline(always)]
fn parts(key: Key) -> (u64, u32) {
    ((key >> u32::BITS) as u64, key as u32)
}

#[derive(Debug, Default)]
pub(super) struct Merge {
    /// The Ps whose next events can happen, for all that is known: the earliest is the greatest.
    ready: BinaryHeap<Reverse<Key>>,
    parked: BTreeSet<Need>,
    /// What the last event waits for that could not happen.
    need: Option<Need>,
    /// How many GC cycles began.
    cycles: u64,
    /// What the last event moved.
    moved: Option<(u64, Index)>,
    /// Times and Ps that no longer wait.
    woken: Vec<(u64, u32)>,
}

impl Merge {
    /// Adds a P with the time of its next event.
    pub fn enter(&mut self, ticks: u64, row: u32) {
        self.ready.push(Reverse(key(ticks, row)));
    }

    /// The time and the P of the earliest event that is not known to have to wait.
    #[inline(always)]
    pub fn first(&self) -> Option<(u64, u32)> {
        self.ready.peek().map(|head| parts(head.0))
    }

    /// The time up to which, but not to, the events of that P come before those of all others.
    #[inline(always)]
    pub fn limit(&self, row: u32) -> u64 {
        // In a heap the second is the first of the two below the top.
        let other = match self.ready.as_slice() {
            [_, left, right, ..] => left.0.min(right.0),
            [_, other] => other.0,
            _ => return u64::MAX,
        };
        limit(row, parts(other))
    }

    /// Puts the first P back with its next event, if there is one.
    #[inline(always)]
    pub fn replace_first(&mut self, ticks: Option<u64>) {
        let Some(mut head) = self.ready.peek_mut() else { return };
        match ticks {
            Some(ticks) => head.0 = key(ticks, head.0 as u32),
            None => {
                PeekMut::pop(head);
            }
        }
    }

    /// The Ps whose events can't happen.
    pub fn parked(&self) -> impl Iterator<Item = (u32, String)> {
        self.parked.iter().map(|need| (need.row, need.to_string()))
    }

    /// Moves a goroutine on, if it is in the state and has the number for it.
    #[inline(always)]
    pub fn pass<'a>(
        &mut self,
        gos: &'a mut Arena<Go>,
        (id, index): (u64, Index),
        (from, to): (GoState, GoState),
        number: Number,
        counts: bool,
    ) -> Step<&'a mut Go> {
        match gos.get_mut(index) {
            Some(go)
                if go.standing.is_merged(from) && (number == Number::Any || number == Number::Exactly(go.sequence)) =>
            {
                go.standing.merge(to);
                go.sequence = go.sequence.wrapping_add(counts.into());
                if go.standing.is_watched() {
                    self.moved = Some((id, index));
                }
                Step::Done(go)
            }
            _ => self.wait(id, number, from),
        }
    }

    #[cold]
    fn wait<T>(&mut self, go: u64, number: Number, state: GoState) -> Step<T> {
        let sequence = match number {
            Number::Any => ANY,
            Number::Exactly(number) => number,
        };
        self.need = Some(Need { go, sequence, state, row: 0, ticks: 0 });
        Step::Wait
    }

    /// Creates a goroutine.
    pub fn create(&mut self, gos: &mut Arena<Go>, id: u64) -> Step<Index> {
        if gos.find(id).is_some() {
            return self.wait(id, Number::Any, GoState::NotExist);
        }
        let go = gos.insert(id, Go::CREATED);
        self.moved = Some((id, go));
        Step::Done(go)
    }

    /// Begins a GC cycle.
    pub fn begin_cycle(&mut self, number: u64) -> Step {
        if number != self.cycles {
            return self.wait(GC, Number::Exactly(number), GoState::NotExist);
        }
        self.cycles = self.cycles.wrapping_add(1);
        self.moved = Some((GC, Index::NONE));
        Step::Done(())
    }

    /// Lets the first P wait, whose event could not happen.
    #[inline(never)]
    pub fn park(&mut self, gos: &mut Arena<Go>, ticks: u64) {
        let (Some(need), Some((_, row))) = (self.need.take(), self.first()) else { return };
        self.replace_first(None);
        let go = gos.find(need.go);
        if let Some(go) = gos.get_mut(go) {
            go.standing.watch(true);
        }
        self.parked.insert(Need { row, ticks, ..need });
    }

    /// Whether any P waits for something, and may have to be woken.
    #[inline(always)]
    pub fn has_parked(&self) -> bool {
        !self.parked.is_empty()
    }

    /// Whether [`wake`](Self::wake) has anything to do.
    #[inline(always)]
    pub fn has_moved(&self) -> bool {
        self.moved.is_some()
    }

    /// Wakes the Ps that waited for what the last event moved. They enter when the first P is put back
    /// ([`admit`](Self::admit)); this is the time up to which that may go on.
    #[inline(never)]
    pub fn wake(&mut self, gos: &mut Arena<Go>, current: u32) -> u64 {
        let Some((id, index)) = self.moved.take().filter(|_| !self.parked.is_empty()) else { return u64::MAX };
        let (sequence, state) = match gos.get(index) {
            Some(go) => (go.sequence, go.standing.merged()),
            None => (self.cycles, GoState::NotExist),
        };
        let mut until = u64::MAX;
        for sequence in [sequence, ANY] {
            let first = Need { go: id, sequence, state, row: 0, ticks: 0 };
            while let Some(need) = self.parked.range(first..=Need { row: u32::MAX, ..first }).next().copied() {
                self.parked.remove(&need);
                until = until.min(limit(current, (need.ticks, need.row)));
                self.woken.push((need.ticks, need.row));
            }
        }
        let first = Need { go: id, sequence: 0, state: GoState::Undetermined, row: 0, ticks: 0 };
        let is_watched = self.parked.range(first..).next().is_some_and(|need| need.go == id);
        if let Some(go) = gos.get_mut(index) {
            go.standing.watch(is_watched);
        }
        until
    }

    /// Lets those in that were woken.
    #[inline(always)]
    pub fn admit(&mut self) {
        while let Some((ticks, row)) = self.woken.pop() {
            self.enter(ticks, row);
        }
    }
}

/// The time up to which, but not to, the events of a P come before that of another.
#[inline(always)]
fn limit(row: u32, (ticks, other): (u64, u32)) -> u64 {
    ticks.saturating_add(u64::from(row < other))
}

impl std::fmt::Display for Need {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.go, self.state, self.sequence) {
            (GC, ..) => write!(f, "GC cycle {}", self.sequence),
            (go, GoState::NotExist, _) => write!(f, "goroutine {go} not to exist"),
            (go, state, ANY) => write!(f, "goroutine {go} to be {state}"),
            (go, state, sequence) => write!(f, "goroutine {go} to be {state} after {sequence} events"),
        }
    }
}
