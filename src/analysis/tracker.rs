//! Follows the state of every goroutine, once for all analyses of a pass.
//!
//! For each goroutine, [`Tracker`] stores what several analyses need: the state, since when the
//! goroutine is in it, the reason of a wait, the start function and the label. An analysis
//! implements [`Follower`]. The tracker passes each transition to the analysis, together with the
//! interval that the transition ends. Data of the analysis itself goes into a [`PerGoroutine`],
//! which is a vector indexed by the slot of the goroutine. So a goroutine is looked up once per
//! event, no matter how many analyses follow it.

use super::names::{Name, Names};
use super::stacks::Stacks;
use crate::event::record::{Record, What};
use crate::event::{Event, GoState};
use crate::id::NONE;
use crate::sched::arena::{Arena, Index};
use crate::time::Time;

/// The time of something that has not happened, or whose time is unknown.
pub(super) const NEVER: i64 = i64::MIN;

/// Returns the time. `None` for [`NEVER`].
pub(super) fn present(time: i64) -> Option<Time> {
    (time != NEVER).then_some(Time(time))
}

/// The index of a goroutine's data. Slots of goroutines that have exited are reused.
pub(super) type Slot = Index;

/// The data of a goroutine that several analyses need.
#[derive(Clone, Copy, Debug)]
pub(super) struct Goroutine {
    /// The time at which the goroutine entered its state. [`NEVER`] between a gap and the next
    /// event that mentions the goroutine.
    pub since: i64,
    /// The P of the event with which the goroutine entered its state. [`NONE`] if the event had no
    /// P.
    pub proc: u64,
    /// The function in which the goroutine started. Empty until the trace has a stack of the
    /// goroutine.
    pub name: Name,
    /// The reason of the goroutine's current or last wait. [`Name::BLOCKED_BEFORE_TRACE`] if the
    /// wait began before the trace, which then does not contain the reason.
    pub reason: Name,
    /// The last label of the goroutine. Empty if it has none.
    pub label: Name,
    pub state: GoState,
    /// The previous state. [`GoState::Undetermined`] if the trace does not contain the start of the
    /// current state.
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

/// The transition of a goroutine from one state to another. The interval in the first state ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transition {
    pub go: u64,
    pub slot: Slot,
    /// The state that the goroutine leaves. [`GoState::Undetermined`] at the first event of a
    /// goroutine that was created before the trace, [`GoState::NotExist`] at the creation of a
    /// goroutine.
    pub from: GoState,
    pub to: GoState,
    /// The end of the interval.
    pub time: i64,
    /// The start of the interval. [`NEVER`] if it is unknown.
    pub since: i64,
    /// The state before the interval.
    pub previous: GoState,
    /// The reason of the wait, if the interval is a wait.
    pub reason: Name,
    /// The P of the event that started the interval. [`NONE`] if the event had no P.
    pub proc: u64,
    /// Whether this event has the first stack of the goroutine, so that the name of the goroutine
    /// is known from now on.
    pub is_named: bool,
}

impl Transition {
    /// Returns whether this is the first event of a goroutine: its creation, or the first mention
    /// of a goroutine that was created before the trace.
    #[inline(always)]
    pub fn is_first(&self) -> bool {
        matches!(self.from, GoState::Undetermined | GoState::NotExist)
    }
}

/// An analysis that uses a [`Tracker`].
pub(super) trait Follower {
    /// Called when a goroutine changes its state. The tracker has already entered the new state.
    fn transition(&mut self, tracker: &mut Tracker, event: &Event<'_>, transition: Transition);

    /// Called for all other events. The tracker handles the event after the analysis, so at a gap
    /// the tracker still has all states.
    fn other(&mut self, tracker: &mut Tracker, event: &Event<'_>);
}

/// The live goroutines, and the names and stacks that events refer to.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    pub names: Names,
    pub stacks: Stacks,
    goroutines: Arena<Goroutine>,
    /// The start of the current generation.
    generation_start: i64,
    first_time: Option<i64>,
    last_time: i64,
}

impl Tracker {
    /// Handles an event and passes it to an analysis.
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

    /// Moves a goroutine to its new state. Returns `None` if the trace has not mentioned the
    /// goroutine before, which is an error in the trace.
    ///
    /// This function is inlined and the [`Transition`] is passed by value, so that the compiler
    /// keeps it in registers.
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
            // The slot remains readable until another goroutine reuses it.
            GoState::NotExist => self.goroutines.remove(slot),
            _ => {}
        }
        Some(transition)
    }

    /// Returns the slot of a goroutine that is created, or that the trace mentions for the first
    /// time at all or since a gap.
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

    /// Handles an event that is not a transition of a goroutine.
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

    /// Resets the state of all goroutines at a gap. After the gap, the state of a goroutine is
    /// unknown until the next generation reports it.
    fn lose(&mut self) {
        for (_, slot) in self.sorted() {
            if let Some(goroutine) = self.goroutines.get_mut(slot) {
                *goroutine = Goroutine { name: goroutine.name, label: goroutine.label, ..Goroutine::default() };
            }
        }
    }

    /// Returns the start of the current generation. A goroutine that this generation mentions for
    /// the first time in the trace has been in its state since then.
    pub fn generation_start(&self) -> i64 {
        self.generation_start
    }

    /// Returns the time of the first event, which is a Sync. Before the first Sync, returns the
    /// time of the last event.
    pub fn first_time(&self) -> i64 {
        self.first_time.unwrap_or(self.last_time)
    }

    /// Returns the time of the last event.
    pub fn last_time(&self) -> i64 {
        self.last_time
    }

    /// Returns the slot of a goroutine. [`Slot::NONE`] if there is no such goroutine.
    #[inline]
    pub fn find(&mut self, go: u64) -> Slot {
        self.goroutines.find(go)
    }

    /// Returns the goroutine in a slot.
    #[inline]
    pub fn get(&self, slot: Slot) -> Option<&Goroutine> {
        self.goroutines.get(slot)
    }

    /// Returns the IDs and slots of all goroutines that are alive or were alive before a gap, in
    /// ascending order of IDs.
    pub fn sorted(&mut self) -> Vec<(u64, Slot)> {
        let mut ids: Vec<u64> = self.goroutines.ids().collect();
        ids.sort_unstable();
        ids.into_iter().map(|id| (id, self.goroutines.find(id))).collect()
    }
}

/// The data that an analysis stores for each goroutine. A reused slot still has the data of the
/// previous goroutine, so the analysis resets the data at the [first](Transition::is_first) event
/// of a goroutine.
#[derive(Debug)]
pub(super) struct PerGoroutine<T>(Vec<T>);

impl<T> Default for PerGoroutine<T> {
    fn default() -> Self {
        PerGoroutine(Vec::new())
    }
}

impl<T: Default> PerGoroutine<T> {
    /// Returns the data in a slot.
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

    /// Returns the data in a slot. `None` if the slot is [`Slot::NONE`] or was never written.
    #[inline]
    pub fn get(&self, slot: Slot) -> Option<&T> {
        self.0.get(slot.position())
    }

    /// Resets the data of all goroutines.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}
