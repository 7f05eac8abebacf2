//! The merge: orders the events of all Ps.
//!
//! The events of each P are in order. From the next events of all Ps, the merge takes the earliest event whose
//! goroutine is in the right state and, for most events, has the right sequence number. So clocks that differ between
//! processors do no harm.
//!
//! ```text
//!            earliest first                     by what they wait for
//!   ready    ┌ P 3: GoStart 7 ┐    parked       ┌ P 0: GoStart 9, sequence 4, Runnable ┐
//!   (heap)   │ P 1: GoBlock   │    (ordered set)│ P 2: GoUnblock 9, sequence 5, Waiting│
//!            └────────────────┘                 └──────────────────────────────────────┘
//! ```
//!
//! Every P with events left is in one of the two sets. An event that changes a goroutine looks up which Ps wait for the
//! new state. So a P is parked and woken at most once per event. At equal times the lower P is first. In Go's reader,
//! chance decides.
//!
//! The table of [`effects`](super::effects) defines what each event waits for.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::collections::binary_heap::{BinaryHeap, PeekMut};

use super::goroutine::Go;
use crate::event::GoState;
use crate::id::NONE;
use crate::sched::Step;
use crate::sched::arena::{Arena, Index};

/// The sequence number that the goroutine must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    /// Any number, because the goroutine's previous event is on the same P.
    Any,
    Exactly(u64),
}

/// The state that the next event of a P waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Need {
    go: u64,
    /// The sequence number. [`ANY`] if the number does not matter.
    sequence: u64,
    state: GoState,
    row: u32,
    /// The time of the event in ticks.
    ticks: u64,
}

const ANY: u64 = u64::MAX;
/// The ID that represents the GC.
const GC: u64 = NONE;

/// A time and a P in one integer, because that is faster to compare.
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
    /// The Ps whose next events may be able to happen, with the earliest event on top.
    ready: BinaryHeap<Reverse<Key>>,
    parked: BTreeSet<Need>,
    /// The state that the last event waits for, if it could not happen.
    need: Option<Need>,
    /// The number of GC cycles that have started.
    cycles: u64,
    /// The goroutine that the last event changed.
    moved: Option<(u64, Index)>,
    /// The times and Ps whose wait has ended.
    woken: Vec<(u64, u32)>,
}

impl Merge {
    /// Adds a P with the time of its next event.
    pub fn enter(&mut self, ticks: u64, row: u32) {
        self.ready.push(Reverse(key(ticks, row)));
    }

    /// Returns the time and the P of the earliest event that may be able to happen.
    #[inline(always)]
    pub fn first(&self) -> Option<(u64, u32)> {
        self.ready.peek().map(|head| parts(head.0))
    }

    /// Returns the time before which the events of this P precede the events of all other Ps.
    #[inline(always)]
    pub fn limit(&self, row: u32) -> u64 {
        // The second element of a heap is one of the two elements below the top.
        let other = match self.ready.as_slice() {
            [_, left, right, ..] => left.0.min(right.0),
            [_, other] => other.0,
            _ => return u64::MAX,
        };
        limit(row, parts(other))
    }

    /// Replaces the event of the first P by its next event, or removes the P.
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

    /// Returns the Ps whose events have to wait, with what they wait for.
    pub fn parked(&self) -> impl Iterator<Item = (u32, String)> {
        self.parked.iter().map(|need| (need.row, need.to_string()))
    }

    /// Changes the state of a goroutine if it has the right state and number.
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
                if go.packed.is_merged(from) && (number == Number::Any || number == Number::Exactly(go.sequence)) =>
            {
                go.packed.merge(to);
                go.sequence = go.sequence.wrapping_add(counts.into());
                if go.packed.is_watched() {
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

    /// Starts a GC cycle.
    pub fn begin_cycle(&mut self, number: u64) -> Step {
        if number != self.cycles {
            return self.wait(GC, Number::Exactly(number), GoState::NotExist);
        }
        self.cycles = self.cycles.wrapping_add(1);
        self.moved = Some((GC, Index::NONE));
        Step::Done(())
    }

    /// Parks the first P, whose event has to wait.
    #[inline(never)]
    pub fn park(&mut self, gos: &mut Arena<Go>, ticks: u64) {
        let (Some(need), Some((_, row))) = (self.need.take(), self.first()) else { return };
        self.replace_first(None);
        let go = gos.find(need.go);
        if let Some(go) = gos.get_mut(go) {
            go.packed.watch(true);
        }
        self.parked.insert(Need { row, ticks, ..need });
    }

    /// Returns whether any P is parked.
    #[inline(always)]
    pub fn has_parked(&self) -> bool {
        !self.parked.is_empty()
    }

    /// Returns whether [`wake`](Self::wake) has to be called.
    #[inline(always)]
    pub fn has_moved(&self) -> bool {
        self.moved.is_some()
    }

    /// Wakes the Ps that waited for the last change. They become ready when the first P is replaced
    /// ([`admit`](Self::admit)). Returns the time up to which the first P can continue.
    #[inline(never)]
    pub fn wake(&mut self, gos: &mut Arena<Go>, current: u32) -> u64 {
        let Some((id, index)) = self.moved.take().filter(|_| !self.parked.is_empty()) else { return u64::MAX };
        let (sequence, state) = match gos.get(index) {
            Some(go) => (go.sequence, go.packed.merged()),
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
            go.packed.watch(is_watched);
        }
        until
    }

    /// Makes the Ps that were woken ready.
    #[inline(always)]
    pub fn admit(&mut self) {
        while let Some((ticks, row)) = self.woken.pop() {
            self.enter(ticks, row);
        }
    }
}

/// Returns the time before which the events of a P precede the given event of another P.
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
