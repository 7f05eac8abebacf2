//! The merge: orders the events of all Ps.
//!
//! The events of each P are in order. From the next events of all Ps, the merge takes the earliest event whose
//! goroutine is in the right state and, for most events, has the right sequence number. So clocks that differ between
//! processors do no harm.
//!
//! ```text
//!            earliest first                     in Go's order, and by what they wait for
//!   frontier ┌ P 3: GoStart 7 ┐    waiting      ┌ P 0: GoStart 9, sequence 4, Runnable ┐
//!   (heap)   │ P 1: GoBlock   │                 │ P 2: GoUnblock 9, sequence 5, Waiting│
//!            └────────────────┘                 └──────────────────────────────────────┘
//! ```
//!
//! Every P with events left is in one of the two sets. A P whose next event has to wait is not in the frontier, no
//! matter how late the event is. An event that changes a goroutine looks up which Ps wait for the new state. So a P is
//! woken at most once per event.
//!
//! # Equal times
//!
//! At equal times, the order depends on where the Ps are in the heap, so this follows Go's `parseEventBatches`
//! (`parser.go`). After each event, Go looks at the Ps that wait in the order of a list, to which the P of the event was
//! added at the end. Ps that are ready go to the frontier, and the last P of the list takes their place. At the start,
//! the list has all Ps in the order of a Go map, which differs from run to run. Here they are in the order of the file,
//! which is one of Go's orders. In nearly all traces, the result is the same for every order.
//!
//! The table of [`effects`](super::effects) defines what each event waits for.

use std::collections::BTreeSet;

use super::goroutine::Go;
use crate::event::GoState;
use crate::id::NONE;
use crate::number::number;
use crate::sched::Step;
use crate::sched::arena::{Arena, Index};
use crate::wire::frontier::{Frontier, Head};

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
}

const ANY: u64 = u64::MAX;
/// The ID that represents the GC.
const GC: u64 = NONE;

/// If more Ps wait, they are indexed. In few traces, more than this many Ps wait at a time.
const FEW: usize = 16;

/// The next event of a P.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upcoming {
    /// It can happen, at this time in ticks.
    Ready(u64),
    /// It has to wait. Its time in ticks.
    Waits(u64),
    /// The P has no more events.
    None,
}

/// A P.
#[derive(Clone, Copy, Debug)]
struct Waiter {
    /// Its next event. This and the other fields are only valid if the P is not in the frontier.
    upcoming: Upcoming,
    /// What it waits for, if it waits.
    need: Option<Need>,
    /// Its index in the list of the Ps that wait.
    place: u32,
}

#[derive(Debug, Default)]
pub(super) struct Merge {
    /// The Ps whose next events can happen.
    frontier: Frontier,
    /// The Ps whose next events have to wait, in Go's order.
    waiting: Vec<u32>,
    /// What they wait for, if there were ever more than [`FEW`].
    needs: Option<BTreeSet<Need>>,
    /// All Ps.
    waiters: Vec<Waiter>,
    /// The state that the last event waits for, if it could not happen.
    need: Option<Need>,
    /// The number of GC cycles that have started.
    cycles: u64,
    /// The goroutine that the last event changed.
    moved: Option<(u64, Index)>,
    /// The indexes in `waiting` of the Ps whose wait has ended.
    woken: Vec<u32>,
}

impl Merge {
    /// Adds a P. All Ps must be added before [`begin`](Self::begin).
    pub fn enter(&mut self, gos: &mut Arena<Go>, upcoming: Upcoming) {
        self.push_waiter(gos, number(self.waiters.len()), upcoming);
    }

    /// Moves the Ps that were added and are ready to the frontier.
    pub fn begin(&mut self) {
        self.woken = (0..number(self.waiting.len())).collect();
        self.admit();
    }

    /// Returns the time and the P of the earliest event that can happen.
    #[inline(always)]
    pub fn first(&self) -> Option<(u64, u32)> {
        self.frontier.heads().first().map(|head| (head.time.cast_unsigned(), head.cursor))
    }

    /// Returns the time before which the later events of the first P precede the events of all other Ps.
    #[inline(always)]
    pub fn limit(&self) -> u64 {
        match self.frontier.heads().len() {
            1 => u64::MAX,
            _ => self.frontier.limit().cast_unsigned(),
        }
    }

    /// Replaces the event of the first P, after this many of its events have happened.
    #[inline(always)]
    pub fn advance(&mut self, gos: &mut Arena<Go>, events: u64, upcoming: Upcoming) {
        match upcoming {
            Upcoming::Ready(ticks) if self.woken.is_empty() => {
                self.frontier.reinsert_first(events, ticks.cast_signed());
            }
            _ => self.advance_waiting(gos, events, upcoming),
        }
    }

    #[inline(never)]
    fn advance_waiting(&mut self, gos: &mut Arena<Go>, events: u64, upcoming: Upcoming) {
        if events > 1 {
            self.frontier.reinsert_first(events - 1, i64::MIN);
        }
        let Some(Head { cursor: row, .. }) = self.frontier.pop() else { return };
        let is_alone = self.woken.is_empty();
        self.push_waiter(gos, row, upcoming);
        if !is_alone || upcoming == Upcoming::None {
            self.woken.push(number(self.waiting.len() - 1));
            self.admit();
        }
    }

    fn push_waiter(&mut self, gos: &mut Arena<Go>, row: u32, upcoming: Upcoming) {
        let waits = matches!(upcoming, Upcoming::Waits(_));
        let need = self.need.take().filter(|_| waits).map(|need| Need { row, ..need });
        let waiter = Waiter { upcoming, need, place: number(self.waiting.len()) };
        self.waiting.push(row);
        match self.waiters.get_mut(row as usize) {
            Some(known) => *known = waiter,
            None => self.waiters.push(waiter),
        }
        let Some(need) = need else { return };
        let go = gos.find(need.go);
        if let Some(go) = gos.get_mut(go) {
            go.packed.watch(true);
        }
        if let Some(needs) = &mut self.needs {
            needs.insert(need);
        }
    }

    /// Moves the Ps that were woken to the frontier, and removes Ps without events.
    fn admit(&mut self) {
        self.woken.sort_unstable();
        for place in self.woken.drain(..) {
            // Another P takes the place of each P that leaves. It may have been woken too.
            while let Some(&row) = self.waiting.get(place as usize) {
                match self.waiters[row as usize].upcoming {
                    Upcoming::Waits(_) => break,
                    Upcoming::Ready(ticks) => self.frontier.insert(Head { time: ticks.cast_signed(), cursor: row }),
                    Upcoming::None => {}
                }
                self.waiting.swap_remove(place as usize);
                if let Some(&moved) = self.waiting.get(place as usize) {
                    self.waiters[moved as usize].place = place;
                }
            }
        }
    }

    /// Returns the Ps whose events have to wait, with what they wait for.
    pub fn parked(&self) -> impl Iterator<Item = (u32, String)> {
        let needs: BTreeSet<Need> = self.needs().copied().collect();
        needs.into_iter().map(|need| (need.row, need.to_string()))
    }

    /// Returns what the Ps wait for, in Go's order.
    fn needs(&self) -> impl Iterator<Item = &Need> {
        self.waiting.iter().filter_map(|row| self.waiters.get(*row as usize)?.need.as_ref())
    }

    /// Indexes what the Ps wait for, if there are many.
    #[inline(always)]
    fn index_many(&mut self) {
        if self.waiting.len() > FEW && self.needs.is_none() {
            self.needs = Some(self.needs().copied().collect());
        }
    }

    /// Returns whether an event that needs this state of a goroutine can happen.
    #[inline(always)]
    pub fn is_ready(&mut self, gos: &mut Arena<Go>, id: u64, state: GoState, number: Number) -> bool {
        let go = gos.find(id);
        let is_ready = match gos.get(go) {
            Some(go) => go.packed.is_merged(state) && number.is(go.sequence),
            None => state == GoState::NotExist,
        };
        if !is_ready {
            self.need = Some(Need::new(id, number, state));
        }
        is_ready
    }

    /// Returns whether the GC cycle with this number can start.
    pub fn is_next_cycle(&mut self, number: u64) -> bool {
        if number != self.cycles {
            self.need = Some(Need::new(GC, Number::Exactly(number), GoState::NotExist));
        }
        number == self.cycles
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
            Some(go) if go.packed.is_merged(from) && number.is(go.sequence) => {
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
        self.need = Some(Need::new(go, number, state));
        Step::Wait
    }

    /// Creates a goroutine.
    pub fn create(&mut self, gos: &mut Arena<Go>, id: u64) -> Step<Index> {
        if gos.find(id).is_some() {
            return self.wait(id, Number::Any, GoState::NotExist);
        }
        let go = gos.insert(id, Go::CREATED);
        self.moved = self.is_awaited(id).then_some((id, go));
        Step::Done(go)
    }

    /// Starts a GC cycle.
    pub fn begin_cycle(&mut self, number: u64) -> Step {
        if !self.is_next_cycle(number) {
            return Step::Wait;
        }
        self.cycles = self.cycles.wrapping_add(1);
        self.moved = Some((GC, Index::NONE));
        Step::Done(())
    }

    /// Returns whether any P waits for this goroutine.
    #[inline(always)]
    pub fn is_awaited(&mut self, go: u64) -> bool {
        !self.waiting.is_empty() && self.awaits(go)
    }

    #[inline(never)]
    fn awaits(&mut self, go: u64) -> bool {
        self.index_many();
        match &self.needs {
            Some(needs) => {
                let first = Need { go, sequence: 0, state: GoState::Undetermined, row: 0 };
                needs.range(first..).next().is_some_and(|need| need.go == go)
            }
            None => self.needs().any(|need| need.go == go),
        }
    }

    /// Returns whether [`wake`](Self::wake) has to be called.
    #[inline(always)]
    pub fn has_moved(&self) -> bool {
        self.moved.is_some()
    }

    /// Ends the wait of the Ps that waited for the last change. They enter the frontier when the event of the first P is
    /// replaced ([`advance`](Self::advance)). Returns whether there are any.
    #[inline(never)]
    pub fn wake(&mut self, gos: &mut Arena<Go>) -> bool {
        let Some((id, index)) = self.moved.take().filter(|_| !self.waiting.is_empty()) else { return false };
        let (sequence, state) = match gos.get(index) {
            Some(go) => (go.sequence, go.packed.merged()),
            None => (self.cycles, GoState::NotExist),
        };
        self.index_many();
        let Merge { waiting, waiters, needs, woken, .. } = self;
        match needs {
            Some(needs) => {
                for sequence in [sequence, ANY] {
                    let first = Need { go: id, sequence, state, row: 0 };
                    while let Some(need) = needs.range(first..=Need { row: u32::MAX, ..first }).next().copied() {
                        needs.remove(&need);
                        woken.push(waiters[need.row as usize].place);
                    }
                }
            }
            None => {
                let is_met = |need: &Need| {
                    need.go == id && need.state == state && (need.sequence == sequence || need.sequence == ANY)
                };
                let places = (0..).zip(&*waiting);
                let met = places.filter(|(_, row)| waiters[**row as usize].need.as_ref().is_some_and(is_met));
                woken.extend(met.map(|(place, _)| place));
            }
        }
        for place in &*woken {
            let waiter = &mut waiters[waiting[*place as usize] as usize];
            waiter.need = None;
            if let Upcoming::Waits(ticks) = waiter.upcoming {
                waiter.upcoming = Upcoming::Ready(ticks);
            }
        }
        let is_watched = self.awaits(id);
        if let Some(go) = gos.get_mut(index) {
            go.packed.watch(is_watched);
        }
        !self.woken.is_empty()
    }
}

impl Number {
    #[inline(always)]
    fn is(self, sequence: u64) -> bool {
        self == Number::Any || self == Number::Exactly(sequence)
    }
}

impl Need {
    fn new(go: u64, number: Number, state: GoState) -> Need {
        let sequence = match number {
            Number::Any => ANY,
            Number::Exactly(number) => number,
        };
        Need { go, sequence, state, row: 0 }
    }
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
