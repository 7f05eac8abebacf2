//! Collects the states of Ps.

use crate::event::ProcState;
use crate::event::record::Record;
use crate::id::NONE;
use crate::timeline::columns::index::Index;
use crate::timeline::columns::procs::{ProcColumns, ProcEntry};

/// The Ps so far and their states.
#[derive(Debug, Default)]
pub(super) struct Procs {
    index: Index,
    entries: Vec<(u32, ProcEntry)>,
    /// The last state and thread of each P.
    last: Vec<(ProcState, u64)>,
    /// The Ps whose state is known.
    known: Vec<u32>,
}

impl Procs {
    /// Handles a change of a P's state. `start` is the start of the trace.
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
        // A status repeats the known state, or reports a new thread.
        if last.0 == to && last.1 == record.thread {
            return;
        }
        if matches!(last.0, ProcState::NotExist | ProcState::Undetermined) {
            self.known.push(number);
        }
        let mut entry = ProcEntry::new(record.time, to, record);
        // If another thread takes the P from its thread, this is a steal.
        entry.is_stolen = last.0 == ProcState::Running && to == ProcState::Idle && last.1 != record.thread;
        *last = (to, record.thread);
        self.entries.push((number, entry));
    }

    /// Handles a gap in the trace. The state of every P is unknown from now on.
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
        // The sort is stable, so the entries of each P stay in order of time.
        self.entries.sort_by_key(|&(number, _)| number);
        ProcColumns::new(self.index, self.entries)
    }
}
