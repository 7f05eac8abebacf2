//! Events that change Ps.

use super::arena::Index;
use super::{Context, Outcome, Proc, ProcStatus, Sched, Step, mismatch};
use crate::error::{ContextMismatch, ErrorKind, broken};
use crate::event::ProcState;
use crate::id::{ProcId, Resource, ThreadId, present};

/// The state to report for a P at the start of a generation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProcStated {
    pub from: ProcState,
    pub to: ProcState,
    /// The thread, goroutine and P of the reported event. If the P is about to be stolen, this is
    /// the context of the thread that still has the P.
    pub context: Context,
}

impl Sched {
    /// Handles a status of a P.
    pub fn proc_status(&mut self, context: Context, id: u64, wire_status: u64) -> Outcome<ProcStated> {
        let resource = Resource::Proc(ProcId(id));
        let status =
            ProcStatus::from_wire(wire_status).ok_or(ErrorKind::InvalidStatus { resource, status: wire_status })?;
        let sequence = self.sequence(0);
        let mut stated = ProcStated { from: status.state(), to: status.state(), context };

        let proc = self.agreeing_proc(id, status)?;
        let Some(known) = self.procs.get(proc).copied() else {
            stated.from = match self.in_first_generation() {
                true => ProcState::Undetermined,
                false => ProcState::NotExist,
            };
            let proc = self.procs.insert(id, Proc { status, sequence, thread: Index::NONE });
            if status.holds_thread() {
                self.bind_proc(context.thread, proc);
            }
            return Ok(Step::Done(stated));
        };

        match status {
            // The P is still bound to a known thread, from which it will be stolen. Its status
            // stays `Syscall`. Any thread may write this status.
            ProcStatus::SyscallAbandoned if known.status == ProcStatus::Syscall => {
                let thread = self.thread_of_proc(proc);
                let go = self.threads.get(thread).ok_or(ErrorKind::NoThreadForProc(ProcId(id)))?.go;
                stated.from = ProcState::Running;
                stated.to = ProcState::Running;
                let go_id = self.gos.id(go);
                stated.context = Context { thread, proc, go, proc_id: id, go_id };
            }
            _ if status.holds_thread() => {
                self.not_bound_elsewhere(resource, context.thread, self.thread_of_proc(proc))?;
                self.bind_proc(context.thread, proc);
            }
            _ => {}
        }
        if let Some(known) = self.procs.get_mut(proc) {
            known.sequence = sequence;
        }
        Ok(Step::Done(stated))
    }

    /// Returns the index of the P, or [`Index::NONE`] if the P is new. Fails if the known status
    /// differs from `found`, but accepts `SyscallAbandoned` for a P in `Syscall`.
    fn agreeing_proc(&mut self, id: u64, found: ProcStatus) -> Result<Index, Box<ErrorKind>> {
        let proc = self.procs.find(id);
        match self.procs.get(proc).map(|proc| proc.status) {
            Some(ProcStatus::Syscall) if found == ProcStatus::SyscallAbandoned => Ok(proc),
            Some(known) if known != found => broken(ErrorKind::InconsistentStatus {
                resource: Resource::Proc(ProcId(id)),
                known: known.name(),
                found: found.name(),
            }),
            _ => Ok(proc),
        }
    }

    /// Checks that the status of a P agrees with its known state. An invalid status is not reported
    /// here.
    pub fn check_proc_status(&mut self, id: u64, wire_status: u64) -> Result<(), Box<ErrorKind>> {
        let status = ProcStatus::from_wire(wire_status);
        status.map_or(Ok(()), |status| self.agreeing_proc(id, status).map(|_| ()))
    }

    /// Handles a `ProcStart` event: a thread acquires an idle P.
    #[inline]
    pub fn proc_start(&mut self, context: Context, id: u64, number: u64) -> Outcome {
        let sequence = self.sequence(number);
        let proc = self.procs.find(id);
        let Some(state) = self.procs.get_mut(proc) else {
            return Ok(Step::Wait);
        };
        // A thread that still has a P must wait: it is in a system call, and another thread will
        // steal its P first.
        if state.status != ProcStatus::Idle || !sequence.follows(state.sequence) || context.proc.is_some() {
            return Ok(Step::Wait);
        }
        context.needs_thread("ProcStart")?;
        state.status = ProcStatus::Running;
        state.sequence = sequence;
        self.bind_proc(context.thread, proc);
        Ok(Step::Done(()))
    }

    /// Handles a `ProcStop` event: a thread releases its P.
    #[inline]
    pub fn proc_stop(&mut self, context: Context) -> Outcome {
        context.needs_proc("ProcStop")?;
        let resource = self.proc_resource(context.proc);
        let state = self.procs.get_mut(context.proc).ok_or_else(|| mismatch("ProcStop", ContextMismatch::NoProc))?;
        if !state.status.holds_thread() {
            let state = state.status.name();
            return broken(ErrorKind::IllegalTransition { event: "ProcStop", resource, state });
        }
        state.status = ProcStatus::Idle;
        self.bind_proc(context.thread, Index::NONE);
        Ok(Step::Done(()))
    }

    /// Handles a `ProcSteal` event: a thread takes the P of a thread in a system call. Both can be
    /// the same thread. Returns the previous state of the P.
    pub fn proc_steal(&mut self, context: Context, id: u64, number: u64, from: u64) -> Outcome<ProcState> {
        let sequence = self.sequence(number);
        let proc = self.procs.find(id);
        let Some(state) = self.procs.get(proc) else {
            return Ok(Step::Wait);
        };
        let stealable = matches!(state.status, ProcStatus::Syscall | ProcStatus::SyscallAbandoned);
        if !stealable || !sequence.follows(state.sequence) {
            return Ok(Step::Wait);
        }
        context.needs_thread("ProcSteal")?;
        let left = state.status.state();
        // If the P is abandoned, its thread may already run something else, so that thread does not
        // change.
        if state.status == ProcStatus::Syscall {
            let victim = self.threads.find(from);
            let holds = self.threads.get(victim).map_or(Index::NONE, |thread| thread.proc);
            if holds != proc {
                return broken(ErrorKind::StolenFromWrongThread {
                    proc: ProcId(id),
                    thread: ThreadId(from),
                    holds: present(self.procs.id(holds)).map(ProcId),
                });
            }
            // This unblocks a waiting `GoSyscallEndBlocked` event of thread `from`.
            self.bind_proc(victim, Index::NONE);
        }
        if let Some(state) = self.procs.get_mut(proc) {
            state.status = ProcStatus::Idle;
            state.sequence = sequence;
        }
        Ok(Step::Done(left))
    }
}

impl ProcStatus {
    fn holds_thread(self) -> bool {
        matches!(self, ProcStatus::Running | ProcStatus::Syscall)
    }
}
