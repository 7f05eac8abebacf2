//! Processors: when each has a thread.

use crate::event::ProcState;
use crate::event::record::Record;
use crate::id::NONE;
use crate::timeline::columns::index::Index;
use crate::timeline::columns::procs::{ProcColumns, ProcEntry};

/// The Ps met so far and what happened to them.
#[derive(Debug, Default)]
pub(super) struct Procs {
    index: Index,
    entries: Vec<(u32, ProcEntry)>,
    /// The state and thread of each.
    last: Vec<(ProcState, u64)>,
    /// Those of which the state is known.
    known: Vec<u32>,
}

impl Procs {
    /// A P changes its state. `start` is when the trace begins.
    pub fn transition(&mut self, record: &Record, from: ProcState, to: ProcState, start: i64) {
        let number = match self.index.get(record.a) {
            Some(number) => number,
            None => {
                let number = self.index.add(record.a, true);
                self.last.push((ProcState::NotExist, record.thread));
                if from == ProcState::Undetermined {
                    self.entries.push((number, ProcEntry::new(start, from, record)));
                }
                number
            }
        };
        let Some(last) = self.last.get_mut(number as usize) else { return };
        if last.0 == to && to != ProcState::Running {
            return;
        }
        // A status says again what is known, or that a new thread has it.
        if last.0 == to && last.1 == record.thread {
            return;
        }
        if matches!(last.0, ProcState::NotExist | ProcState::Undetermined) {
            self.known.push(number);
        }
        let mut entry = ProcEntry::new(record.time, to, record);
        // Whoever else takes it from its thread has stolen it.
        entry.is_stolen = last.0 == ProcState::Running && to == ProcState::Idle && last.1 != record.thread;
        *last = (to, record.thread);
        self.entries.push((number, entry));
    }

    /// A part of the trace is missing here: of no P it is known what it does from now on.
    pub fn gap(&mut self, time: i64) {
        for number in self.known.drain(..) {
            let Some(last) = self.last.get_mut(number as usize) else { continue };
            if !matches!(last.0, ProcState::NotExist | ProcState::Undetermined) {
                *last = (ProcState::Undetermined, NONE);
                self.entries.push((number, ProcEntry::undetermined(time)));
            }
        }
    }

    pub fn finish(mut self) -> ProcColumns {
        // Stable: each P's stay in order of time.
        self.entries.sort_by_key(|&(number, _)| number);
        ProcColumns::new(self.index, self.entries)
    }
}
