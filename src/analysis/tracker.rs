//! Follows every goroutine from state to state, once for all analyses of a pass.
//!
//! [`Tracker`] keeps what several analyses need of a goroutine: since when it is in its state, for what reason it waits,
//! where it started, its label. An analysis is a [`Follower`]. The tracker shows it each transition together with the
//! interval that the transition ends. What an analysis itself keeps of a goroutine goes into a [`PerGoroutine`], which is
//! a vector by the goroutine's slot. So a goroutine is looked up once per event, however many analyses follow it.

use super::names::{Name, Names};
use super::stacks::Stacks;
use crate::event::record::{Record, What};
use crate::event::{Event, GoState};
use crate::id::NONE;
use crate::sched::arena::{Arena, Index};
use crate::time::Time;

/// The time of what has not happened, or happened before anything is known.
pub(super) const NEVER: i64 = i64::MIN;

/// The time, or `None` for [`NEVER`].
pub(super) fn present(time: i64) -> Option<Time> {
    (time != NEVER).then_some(Time(time))
}

/// Where a goroutine's data is. Slots of goroutines that exited are reused.
pub(super) type Slot = Index;

/// What all analyses may want to know of a goroutine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Goroutine {
    /// When it entered its state. [`NEVER`] between a gap and the next event that mentions it.
    pub since: i64,
    /// The P of the event with which it entered its state. [`NONE`] if that had none.
    pub proc: u64,
    /// The function in which it started. Empty until the trace has a stack of it.
    pub name: Name,
    /// What it waits for, or waited for last. [`Name::BLOCKED_BEFORE_TRACE`] if the wait began before the trace, which
    /// then has no reason for it.
    pub reason: Name,
    /// Its last label. Empty for none.
    pub label: Name,
    pub state: GoState,
    /// The state before this one. [`GoState::Undetermined`] if the trace does not say when it entered its state.
    pub previous: GoState,
}

impl Default for Goroutine {
    fn default() -> Self {
        Goroutine {
            since: NEVER,
            proc: NONE,
            name: Name::EMPTY,
            reason: Name::EMPTY,
            label: Name::EMPTY,
            state: GoState::Undetermined,
            previous: GoState::Undetermined,
        }
    }
}

/// A goroutine leaves a state and enters another. The interval that it spent in the first one ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transition {
    pub go: u64,
    pub slot: Slot,
    /// The state that it leaves. [`GoState::Undetermined`] at the first event of a goroutine that is older than the trace,
    /// [`GoState::NotExist`] at its creation.
    pub from: GoState,
    pub to: GoState,
    /// When the interval ends.
    pub time: i64,
    /// When the interval started. [`NEVER`] if that is not known.
    pub since: i64,
    /// The state before the interval.
    pub previous: GoState,
    /// What it waited for, if the interval is a wait.
    pub reason: Name,
    /// The P of the event that started the interval. [`NONE`] if that had none.
    pub proc: u64,
    /// Whether the event has the first stack of the goroutine, so that its name is known from now on.
    pub is_named: bool,
}

impl Transition {
    /// Whether this is the first event of a goroutine: its creation, or the first mention of an older one.
    #[inline(always)]
    pub fn is_first(&self) -> bool {
        matches!(self.from, GoState::Undetermined | GoState::NotExist)
    }
}

/// An analysis that stands on a [`Tracker`].
pub(super) trait Follower {
    /// A goroutine changes its state. The tracker has already entered the new state.
    fn transition(&mut self, tracker: &mut Tracker, event: &Event<'_>, transition: Transition);

    /// Any other event. The tracker takes it after the analysis, so at a gap it still knows all states.
    fn other(&mut self, tracker: &mut Tracker, event: &Event<'_>);
}

/// The goroutines that are alive, with the names and stacks that events refer to.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    pub names: Names,
    pub stacks: Stacks,
    goroutines: Arena<Goroutine>,
    /// When the current generation started.
    generation_start: i64,
    first_time: Option<i64>,
    last_time: i64,
}

impl Tracker {
    /// Takes an event and shows it to an analysis.
    #[inline(always)]
    pub fn show(&mut self, event: &Event<'_>, follower: &mut impl Follower) {
        let record = event.record();
        self.last_time = record.time;
        match record.what {
            What::GoTransition(from, to) => {
                if from != to
                    && let Some(transition) = self.transition(event, from, to)
                {
                    follower.transition(self, event, transition);
                }
            }
            _ => {
                follower.other(self, event);
                self.other(event);
            }
        }
    }

    /// Moves a goroutine to its new state. `None` if the trace has not mentioned it before, as it should have.
    ///
    /// Inlined, and passed on by value, so that a [`Transition`] is in registers and never in memory.
    #[inline(always)]
    fn transition(&mut self, event: &Event<'_>, from: GoState, to: GoState) -> Option<Transition> {
        let record = event.record();
        let slot = match from {
            GoState::Undetermined | GoState::NotExist => self.appear(record, from),
            _ => self.goroutines.find(record.a),
        };
        let goroutine = self.goroutines.get_mut(slot)?;
        let mut transition = Transition {
            go: record.a,
            slot,
            from,
            to,
            time: record.time,
            // Traces of Go 1.21 and older can lack the event that entered the state.
            since: if goroutine.state == from { goroutine.since } else { NEVER },
            previous: goroutine.previous,
            reason: goroutine.reason,
            proc: goroutine.proc,
            is_named: false,
        };
        if goroutine.name == Name::EMPTY && record.b != 0 {
            goroutine.name = self.names.root(event, record.b);
            transition.is_named = goroutine.name != Name::EMPTY;
        }
        goroutine.since = record.time;
        goroutine.proc = record.proc;
        goroutine.state = to;
        goroutine.previous = from;
        match to {
            GoState::Waiting => {
                goroutine.reason = match (from, self.names.of(event, record.text)) {
                    (GoState::Undetermined, Name::EMPTY) => Name::BLOCKED_BEFORE_TRACE,
                    (_, reason) => reason,
                };
            }
            // The slot remains readable until another goroutine appears.
            GoState::NotExist => self.goroutines.remove(slot),
            _ => {}
        }
        Some(transition)
    }

    /// The slot of a goroutine that is created, or that the trace mentions first or again after a gap.
    #[inline(never)]
    fn appear(&mut self, record: &Record, from: GoState) -> Slot {
        let slot = self.goroutines.find(record.a);
        match self.goroutines.get_mut(slot) {
            Some(known) => {
                if from == GoState::NotExist {
                    *known = Goroutine::default();
                }
                slot
            }
            None => self.goroutines.insert(record.a, Goroutine::default()),
        }
    }

    /// Takes an event that is not the transition of a goroutine.
    fn other(&mut self, event: &Event<'_>) {
        let record = event.record();
        self.first_time.get_or_insert(record.time);
        match record.what {
            What::Sync => {
                self.generation_start = record.time;
                self.names.forget_ids();
                self.stacks.forget_ids();
            }
            What::Gap => self.lose(),
            What::Label => {
                let label = self.names.of(event, record.text);
                let slot = self.goroutines.find(record.go);
                if let Some(goroutine) = self.goroutines.get_mut(slot) {
                    goroutine.label = label;
                }
            }
            _ => {}
        }
    }

    /// After a gap, the state of a goroutine is unknown until the next generation reports it.
    fn lose(&mut self) {
        for (_, slot) in self.sorted() {
            if let Some(goroutine) = self.goroutines.get_mut(slot) {
                *goroutine = Goroutine { name: goroutine.name, label: goroutine.label, ..Goroutine::default() };
            }
        }
    }

    /// When the current generation started. A goroutine that it mentions first has been in its state since then.
    pub fn generation_start(&self) -> i64 {
        self.generation_start
    }

    /// The time of the first event, which is a Sync. That of the last event before it.
    pub fn first_time(&self) -> i64 {
        self.first_time.unwrap_or(self.last_time)
    }

    /// The time of the last event.
    pub fn last_time(&self) -> i64 {
        self.last_time
    }

    /// The slot of a goroutine. [`Slot::NONE`] if there is no such goroutine.
    #[inline]
    pub fn find(&mut self, go: u64) -> Slot {
        self.goroutines.find(go)
    }

    /// The goroutine in a slot.
    #[inline]
    pub fn get(&self, slot: Slot) -> Option<&Goroutine> {
        self.goroutines.get(slot)
    }

    /// The IDs and slots of all goroutines that are alive, or that were before a gap, in ascending order of IDs.
    pub fn sorted(&mut self) -> Vec<(u64, Slot)> {
        let mut ids: Vec<u64> = self.goroutines.ids().collect();
        ids.sort_unstable();
        ids.into_iter().map(|id| (id, self.goroutines.find(id))).collect()
    }
}

/// What an analysis keeps of each goroutine. A reused slot still has the data of the last goroutine, so the analysis
/// resets it at a goroutine's [first](Transition::is_first) event.
#[derive(Debug)]
pub(super) struct PerGoroutine<T>(Vec<T>);

impl<T> Default for PerGoroutine<T> {
    fn default() -> Self {
        PerGoroutine(Vec::new())
    }
}

impl<T: Default> PerGoroutine<T> {
    /// The data in a slot.
    #[inline]
    pub fn at(&mut self, slot: Slot) -> &mut T {
        let position = slot.position();
        if position >= self.0.len() {
            self.grow(position);
        }
        &mut self.0[position]
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, position: usize) {
        self.0.resize_with(position + 1, T::default);
    }

    /// The data in a slot. `None` if it was never written, as in [`Slot::NONE`].
    #[inline]
    pub fn get(&self, slot: Slot) -> Option<&T> {
        self.0.get(slot.position())
    }

    /// Resets the data of all goroutines.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}
