//! Goroutines and their spans.

use super::threads::Thread;
use super::translation::Translation;
use crate::event::GoState;
use crate::event::record::Record;
use crate::event::tables;
use crate::id::NONE;
use crate::timeline::index::Index;
use crate::timeline::spans::{Entry, NOBODY, NOBODY_WITHOUT_PROC, SpansBuilder, State};
use crate::timeline::symbols::Symbols;

/// The goroutines met so far. Their numbers are those of their lanes of spans.
#[derive(Debug, Default)]
pub(super) struct Goroutines {
    pub index: Index,
    pub spans: SpansBuilder,
}

impl Goroutines {
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
        self.spans.add_lane();
        self.index.add(id, is_new)
    }

    /// The goroutine that a thread has.
    #[inline(always)]
    pub fn on_thread(&mut self, thread: &mut Thread, id: u64) -> u32 {
        if thread.go_id != id {
            thread.go_id = id;
            thread.go = self.number(id);
        }
        thread.go
    }

    /// A goroutine changes its state. `start` is when the trace begins.
    #[inline(always)]
    pub fn transition(
        &mut self,
        record: &Record,
        (from, to): (GoState, GoState),
        thread: &mut Thread,
        start: i64,
        (translation, symbols, tables): (&mut Translation, &mut Symbols, tables::Symbols<'_>),
    ) {
        let id = record.a;
        let lane = match (thread.go_id == id, from) {
            (true, GoState::Running | GoState::Syscall) => thread.go,
            (_, GoState::Undetermined | GoState::NotExist) => self.meet(id, from, start),
            _ => self.number(id),
        };
        if from == to {
            // The status in which a generation finds it.
            self.spans.note_stack(lane, record.b, || translation.named_stack(record.b, tables, symbols));
            return;
        }
        let mut entry = Entry { time: record.time, state: State::Ended, who: NOBODY, why: 0 };
        match to {
            GoState::Running => {
                entry.state = State::Running;
                entry.who = thread.place;
                // It has the thread from now on.
                thread.go_id = id;
                thread.go = lane;
            }
            GoState::Runnable if from == GoState::Waiting => {
                entry.state = State::Woken;
                entry.who = self.waker(record, thread);
                entry.why = translation.why(record.text, record.stack, tables, symbols);
            }
            GoState::Waiting if from == GoState::Running => {
                entry.state = State::Waiting;
                entry.why = translation.why(record.text, record.b, tables, symbols);
                self.spans.note_stack(lane, record.b, || translation.named_stack(record.b, tables, symbols));
            }
            GoState::Runnable | GoState::Waiting if from == GoState::NotExist => {
                entry.state = if to == GoState::Waiting { State::Waiting } else { State::Created };
                entry.who = match record.go {
                    NONE => NOBODY,
                    creator => self.on_thread(thread, creator),
                };
                entry.why = translation.why(record.text, record.stack, tables, symbols);
                self.spans.note_stack(lane, record.b, || translation.named_stack(record.b, tables, symbols));
            }
            GoState::Runnable | GoState::Waiting | GoState::Syscall => {
                entry.state = match to {
                    GoState::Runnable => State::Ready,
                    GoState::Waiting => State::Waiting,
                    _ => State::Syscall,
                };
                if to == GoState::Syscall {
                    entry.who = thread.place;
                }
                entry.why = translation.why(record.text, record.b, tables, symbols);
                self.spans.note_stack(lane, record.b, || translation.named_stack(record.b, tables, symbols));
            }
            GoState::NotExist => {}
            GoState::Undetermined => return,
        }
        self.spans.push(lane, entry);
    }

    /// A goroutine that is created, or met for the first time: then it was there when the trace began.
    fn meet(&mut self, id: u64, from: GoState, start: i64) -> u32 {
        let is_created = from == GoState::NotExist;
        let lane = match self.index.get(id) {
            Some(known) => known,
            None => self.add(id, is_created),
        };
        // A CPU sample may have told of it before.
        if !is_created && self.spans.is_empty(lane) {
            self.spans.push(lane, Entry { time: start, state: State::Undetermined, who: NOBODY, why: 0 });
        }
        lane
    }

    /// Who wakes a goroutine.
    #[inline(always)]
    fn waker(&mut self, record: &Record, thread: &mut Thread) -> u32 {
        match (record.go, record.proc) {
            (NONE, NONE) => NOBODY_WITHOUT_PROC,
            (NONE, _) => NOBODY,
            (go, _) => self.on_thread(thread, go),
        }
    }
}
