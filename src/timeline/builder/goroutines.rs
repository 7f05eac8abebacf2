//! Collects goroutines and their spans.

use std::hint::select_unpredictable;

use super::numbers::Numbers;
use super::threads::Thread;
use super::whys::Whys;
use crate::event::GoState;
use crate::event::record::Record;
use crate::id::NONE;
use crate::timeline::columns::index::Index;
use crate::timeline::columns::spans::{Entry, NOBODY, SpansBuilder, State};

/// The goroutines so far. A goroutine's number is also the number of its lane of spans.
#[derive(Debug, Default)]
pub(super) struct Goroutines {
    pub index: Index,
    pub spans: SpansBuilder,
}

impl Goroutines {
    /// Returns the number of a goroutine. A goroutine that is not known yet is older than the trace.
    #[inline(always)]
    pub fn number(&mut self, id: u64) -> u32 {
        match self.index.get(id) {
            Some(number) => number,
            None => self.add(id, false),
        }
    }

    /// Returns the number of a goroutine, or [`NOBODY`] for [`NONE`].
    pub fn number_of(&mut self, id: u64) -> u32 {
        if id == NONE { NOBODY } else { self.number(id) }
    }

    #[inline(never)]
    fn add(&mut self, id: u64, is_new: bool) -> u32 {
        self.spans.add_lane();
        self.index.add(id, is_new)
    }

    /// Sets the goroutine of a thread to the goroutine of an event.
    #[inline(never)]
    fn update(&mut self, thread: &mut Thread, id: u64) {
        match id {
            NONE => thread.release(),
            _ => thread.take(id, self.number(id)),
        }
    }

    /// Handles a change of a goroutine's state. `start` is the start of the trace.
    ///
    /// Most changes are of a few kinds, but in an order that a processor cannot predict. So frequent kinds share code
    /// without branches, driven by a table.
    #[inline(always)]
    pub fn transition(
        &mut self,
        record: &Record,
        (from, to): (GoState, GoState),
        thread: &mut Thread,
        start: i64,
        (numbers, whys): (&Numbers, &mut Whys),
    ) {
        if thread.go_id != record.go {
            self.update(thread, record.go);
        }
        let Some(step) = STEPS[from as usize][to as usize] else {
            return self.rare_transition(record, (from, to), thread, start, (numbers, whys));
        };
        let id = record.a;
        let lane = self.number(id);
        let stack = select_unpredictable(step.is_own_stack, record.b, record.stack);
        let why = whys.number(record.text, stack, numbers);
        self.spans.note_stack(lane, record.b, || numbers.named_stack(record.b));
        let who = select_unpredictable(step.who == Who::Thread, thread.go, thread.place);
        let who = select_unpredictable(step.who == Who::Nobody, NOBODY, who);
        self.spans.push(lane, Entry { time: record.time, state: step.state, who, why });
        let (is_this, is_nothing) = (step.then == Then::This, step.then == Then::Nothing);
        let go_id = select_unpredictable(is_this, id, thread.go_id);
        let go = select_unpredictable(is_this, lane, thread.go);
        thread.take(select_unpredictable(is_nothing, NONE, go_id), select_unpredictable(is_nothing, thread.nobody, go));
    }

    #[inline(never)]
    fn rare_transition(
        &mut self,
        record: &Record,
        (from, to): (GoState, GoState),
        thread: &mut Thread,
        start: i64,
        (numbers, whys): (&Numbers, &mut Whys),
    ) {
        let (lane, time) = match from {
            GoState::Undetermined => self.first_status(record, start),
            GoState::NotExist => (self.create(record.a), record.time),
            _ => (self.number(record.a), record.time),
        };
        self.spans.note_stack(lane, record.b, || numbers.named_stack(record.b));
        // The status at the start of a generation adds nothing new.
        if from == to {
            return;
        }
        let is_created = from == GoState::NotExist;
        let (state, who) = match to {
            GoState::Runnable if is_created => (State::Created, thread.creator()),
            GoState::Waiting if is_created => (State::Waiting, thread.creator()),
            GoState::Runnable => (State::Ready, NOBODY),
            GoState::Waiting => (State::Waiting, NOBODY),
            GoState::Running => (State::Running, thread.place),
            GoState::Syscall => (State::Syscall, thread.place),
            GoState::NotExist => (State::Ended, NOBODY),
            GoState::Undetermined => return,
        };
        // For a new goroutine, this is the stack of its creator. Its own start stack has been stored above.
        let stack = if is_created { record.stack } else { record.b };
        let why = match state {
            State::Running | State::Ended => 0,
            _ => whys.number(record.text, stack, numbers),
        };
        self.spans.push(lane, Entry { time, state, who, why });
        match to {
            GoState::Running => thread.take(record.a, lane),
            GoState::NotExist if record.a == thread.go_id => thread.release(),
            _ => {}
        }
    }

    fn create(&mut self, id: u64) -> u32 {
        let lane = match self.index.get(id) {
            Some(known) => known,
            None => self.add(id, true),
        };
        self.spans.create(lane);
        lane
    }

    /// Handles the first status of a goroutine. Returns the goroutine's number and the time since which it is in the
    /// reported state.
    fn first_status(&mut self, record: &Record, start: i64) -> (u32, i64) {
        let lane = self.number(record.a);
        (lane, self.spans.first_status(lane, start, record.time))
    }
}

/// The effect of a frequent change of state on the timeline.
#[derive(Clone, Copy)]
struct Step {
    state: State,
    who: Who,
    /// Whether the stack is the goroutine's own. Otherwise it is the stack of the goroutine that caused the change.
    is_own_stack: bool,
    then: Then,
}

/// The goroutine of the thread after the change.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// The same goroutine as before the change.
    Same,
    /// The goroutine that changes its state.
    This,
    Nothing,
}

/// The meaning of an entry's `who`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Nobody,
    /// The place of the event.
    Place,
    /// The goroutine that runs on the thread.
    Thread,
}

/// The number of states.
const STATES: usize = 6;

/// The frequent changes, by the old and the new state.
const STEPS: [[Option<Step>; STATES]; STATES] = {
    use GoState::{Runnable, Running, Syscall, Waiting};
    use Then::{Nothing, Same, This};
    const fn step(state: State, who: Who, is_own_stack: bool, then: Then) -> Option<Step> {
        Some(Step { state, who, is_own_stack, then })
    }
    let mut steps = [[None; STATES]; STATES];
    steps[Runnable as usize][Running as usize] = step(State::Running, Who::Place, false, This);
    steps[Syscall as usize][Running as usize] = step(State::Running, Who::Place, false, This);
    steps[Waiting as usize][Runnable as usize] = step(State::Woken, Who::Thread, false, Same);
    steps[Running as usize][Waiting as usize] = step(State::Waiting, Who::Nobody, true, Nothing);
    steps[Running as usize][Runnable as usize] = step(State::Ready, Who::Nobody, true, Nothing);
    steps[Running as usize][Syscall as usize] = step(State::Syscall, Who::Place, true, Same);
    steps
};
