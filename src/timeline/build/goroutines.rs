//! Goroutines and their spans.

use std::hint::select_unpredictable;

use super::feed::Feed;
use super::threads::Thread;
use super::translation::Translation;
use crate::event::GoState;
use crate::event::record::Record;
use crate::event::tables;
use crate::id::NONE;
use crate::timeline::index::Index;
use crate::timeline::spans::{NOBODY, State, Step};
use crate::timeline::symbols::{StackNumber, Symbols};

/// The goroutines met so far. Their numbers are those of their lanes of spans.
#[derive(Debug)]
pub(super) struct Goroutines {
    pub index: Index,
    /// The first stack that is known of each, 0 for none yet: its last frame is where the goroutine started.
    pub start_stacks: Vec<StackNumber>,
    pub feed: Feed,
}

impl Goroutines {
    /// Spans may go to another thread if there are to be more than one.
    pub fn new(threads: usize) -> Self {
        Goroutines { index: Index::default(), start_stacks: Vec::new(), feed: Feed::new(threads) }
    }

    /// The number of a goroutine; one that is not known yet was there before the trace.
    #[inline(always)]
    pub fn number(&mut self, id: u64) -> u32 {
        match self.index.get(id) {
            Some(number) => number,
            None => self.add(id, false),
        }
    }

    #[inline(never)]
    fn add(&mut self, id: u64, is_new: bool) -> u32 {
        self.start_stacks.push(0);
        self.index.add(id, is_new)
    }

    /// Notes a stack of a goroutine, if it is the first; `id` is 0 for none.
    #[inline(always)]
    fn note_stack(&mut self, number: u32, id: u64, stack: impl FnOnce() -> StackNumber) {
        match self.start_stacks.get_mut(number as usize) {
            Some(known) if *known == 0 && id != 0 => *known = stack(),
            _ => {}
        }
    }

    /// Makes a thread have the goroutine that an event says it has.
    #[inline(never)]
    fn update(&mut self, thread: &mut Thread, id: u64) {
        match id {
            NONE => thread.release(),
            _ => thread.take(id, self.number(id)),
        }
    }

    /// A goroutine changes its state. `start` is when the trace begins.
    ///
    /// Most changes are of a few kinds, in an order that no processor can foresee: what they have in common is done without
    /// asking which it is.
    #[inline(always)]
    pub fn transition(
        &mut self,
        record: &Record,
        (from, to): (GoState, GoState),
        thread: &mut Thread,
        start: i64,
        (translation, symbols, tables): (&mut Translation, &mut Symbols, tables::Symbols<'_>),
    ) {
        if thread.go_id != record.go {
            self.update(thread, record.go);
        }
        let Some(change) = CHANGES[from as usize][to as usize] else {
            return self.rare_transition(record, (from, to), thread, start, (translation, symbols, tables));
        };
        let id = record.a;
        let lane = self.number(id);
        let stack = select_unpredictable(change.is_own_stack, record.b, record.stack);
        let why = translation.why(record.text, stack, tables, symbols);
        self.note_stack(lane, record.b, || translation.named_stack(record.b, tables, symbols));
        let who = select_unpredictable(change.who == Who::Thread, thread.go, thread.place);
        let who = select_unpredictable(change.who == Who::Nobody, NOBODY, who);
        self.feed.push(Step::Enter { lane, time: record.time, state: change.state, who, why });
        let (is_this, is_nothing) = (change.then == Then::This, change.then == Then::Nothing);
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
        (translation, symbols, tables): (&mut Translation, &mut Symbols, tables::Symbols<'_>),
    ) {
        let lane = match from {
            GoState::Undetermined | GoState::NotExist => self.meet(record.a, from, start),
            _ => self.number(record.a),
        };
        self.note_stack(lane, record.b, || translation.named_stack(record.b, tables, symbols));
        // The status in which a generation finds it tells nothing new.
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
        // Of one that is created, where its creator was: where it starts is noted.
        let stack = if is_created { record.stack } else { record.b };
        let why = match state {
            State::Running | State::Ended => 0,
            _ => translation.why(record.text, stack, tables, symbols),
        };
        self.feed.push(Step::Enter { lane, time: record.time, state, who, why });
        match to {
            GoState::Running => thread.take(record.a, lane),
            GoState::NotExist if record.a == thread.go_id => thread.release(),
            _ => {}
        }
    }

    /// A part of the trace is missing here.
    pub fn gap(&mut self, time: i64) {
        self.feed.push(Step::Gap { time });
    }

    /// A goroutine that is created, or met for the first time: then it was there when the trace began.
    fn meet(&mut self, id: u64, from: GoState, start: i64) -> u32 {
        let is_created = from == GoState::NotExist;
        let lane = match self.index.get(id) {
            Some(known) => known,
            None => self.add(id, is_created),
        };
        if !is_created {
            self.feed.push(Step::Meet { lane, start });
        }
        lane
    }
}

/// What a frequent change of state comes to.
#[derive(Clone, Copy)]
struct Change {
    state: State,
    who: Who,
    /// Whether the stack is the goroutine's own, and not that of who did it.
    is_own_stack: bool,
    then: Then,
}

/// What the thread has afterwards.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// What it had.
    Same,
    /// The goroutine.
    This,
    Nothing,
}

/// Who an entry names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Nobody,
    /// The place of the event.
    Place,
    /// What runs on the thread.
    Thread,
}

/// How many states there are.
const STATES: usize = 6;

/// The frequent changes, by the state that is left and the one that is entered.
const CHANGES: [[Option<Change>; STATES]; STATES] = {
    use GoState::{Runnable, Running, Syscall, Waiting};
    use Then::{Nothing, Same, This};
    const fn change(state: State, who: Who, is_own_stack: bool, then: Then) -> Option<Change> {
        Some(Change { state, who, is_own_stack, then })
    }
    let mut changes = [[None; STATES]; STATES];
    changes[Runnable as usize][Running as usize] = change(State::Running, Who::Place, false, This);
    changes[Syscall as usize][Running as usize] = change(State::Running, Who::Place, false, This);
    changes[Waiting as usize][Runnable as usize] = change(State::Woken, Who::Thread, false, Same);
    changes[Running as usize][Waiting as usize] = change(State::Waiting, Who::Nobody, true, Nothing);
    changes[Running as usize][Runnable as usize] = change(State::Ready, Who::Nobody, true, Nothing);
    changes[Running as usize][Syscall as usize] = change(State::Syscall, Who::Place, true, Same);
    changes
};
