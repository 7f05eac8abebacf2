//! The state that an event waits for, as a key. With such keys, thousands of blocked threads need not all be tried
//! after every event.
//!
//! An event waits until a goroutine, a P or the GC is in a certain state. An event that happens changes their states.
//! If a new state equals a key, the wait ends for the first thread that has this key: its event changes the state
//! again.

use super::{GoStatus, ProcStatus, Sched};

/// The state that an event waits for. Sequence numbers are from the current generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wait {
    /// A goroutine has this status and this last sequence number.
    Go { id: u64, status: GoStatus, last: u64 },
    /// A P is idle, or can be stolen, and has this last sequence number.
    Proc { id: u64, stealable: bool, last: u64 },
    /// A thread in a system call has lost this P.
    ProcLost { id: u64 },
    /// The last event of the GC has this sequence number.
    Gc { last: u64 },
}

impl Sched {
    /// Returns the wait that the current state of a goroutine ends.
    pub fn go_wait(&mut self, id: u64) -> Option<Wait> {
        let go = self.gos.find(id);
        let state = self.gos.get(go).filter(|state| state.sequence.generation == self.generation)?;
        Some(Wait::Go { id, status: state.status, last: state.sequence.number })
    }

    /// Returns the wait that the current state of a P ends.
    pub fn proc_wait(&mut self, id: u64) -> Option<Wait> {
        let proc = self.procs.find(id);
        let state = self.procs.get(proc).filter(|state| state.sequence.generation == self.generation)?;
        let stealable = match state.status {
            ProcStatus::Running => return None,
            ProcStatus::Idle => false,
            ProcStatus::Syscall | ProcStatus::SyscallAbandoned => true,
        };
        Some(Wait::Proc { id, stealable, last: state.sequence.number })
    }

    /// Returns the wait that the current state of the GC ends.
    pub fn gc_wait(&self) -> Wait {
        Wait::Gc { last: self.gc.sequence }
    }

    /// Describes the required state and the actual state.
    pub fn explain(&mut self, wait: Wait) -> String {
        match wait {
            Wait::Go { id, status, last } => {
                let go = self.gos.find(id);
                let found =
                    self.gos.get(go).map(|state| (state.status.name(), state.sequence.said_in(self.generation)));
                wanted(format_args!("goroutine {id}"), status.name(), last, found)
            }
            Wait::Proc { id, stealable, last } => {
                let proc = self.procs.find(id);
                let found =
                    self.procs.get(proc).map(|state| (state.status.name(), state.sequence.said_in(self.generation)));
                wanted(format_args!("proc {id}"), if stealable { "Syscall" } else { "Idle" }, last, found)
            }
            Wait::ProcLost { id } => format!("proc {id} to be stolen or stopped"),
            Wait::Gc { last } => format!("GC event {last} (the last event was {})", self.gc.sequence),
        }
    }
}

fn wanted(what: std::fmt::Arguments<'_>, status: &str, last: u64, found: Option<(&str, String)>) -> String {
    match found {
        None => format!("{what} to be {status} (not seen yet)"),
        Some((found, found_last)) => {
            let next = last.wrapping_add(1);
            format!("{what} to be {status} with sequence {next} next (it is {found}, last {found_last})")
        }
    }
}
