//! What an event that can't happen yet waits for, as a key: so that a crowd of Ms that wait need not be tried each time that
//! anything happens.
//!
//! What an event waits for is a resource in one state, and what has happened has brought its resources into one state.
//! Where the two are equal, the wait is over, for the first that comes: what follows from it changes the state again.

use super::{GoStatus, ProcStatus, Sched};

/// What has to become so. Numbers are those of a resource's own count in the current generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wait {
    /// A goroutine has a status, and this is its last number.
    Go { id: u64, status: GoStatus, last: u64 },
    /// A P is idle, or may be stolen, and this is its last number.
    Proc { id: u64, stealable: bool, last: u64 },
    /// An M has lost a P, which ended its system call.
    ProcLost { id: u64 },
    /// This is the number of the last GC event.
    Gc { last: u64 },
}

impl Sched {
    /// What waits for a goroutine as it is now.
    pub fn go_wait(&mut self, id: u64) -> Option<Wait> {
        let go = self.gos.find(id);
        let state = self.gos.get(go).filter(|state| state.sequence.generation == self.generation)?;
        Some(Wait::Go { id, status: state.status, last: state.sequence.number })
    }

    /// What waits for a P as it is now.
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

    /// What waits for the GC as it is now.
    pub fn gc_wait(&self) -> Wait {
        Wait::Gc { last: self.gc.sequence }
    }

    /// What is missing and what is there instead, in words.
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
            Wait::Gc { last } => format!("GC event {last} (the last was {})", self.gc.sequence),
        }
    }
}

fn wanted(what: std::fmt::Arguments<'_>, status: &str, last: u64, found: Option<(&str, String)>) -> String {
    match found {
        None => format!("{what} to be {status} (nothing is known of it)"),
        Some((found, found_last)) => {
            let next = last.wrapping_add(1);
            format!("{what} to be {status} with sequence {next} next (it is {found}, last {found_last})")
        }
    }
}
