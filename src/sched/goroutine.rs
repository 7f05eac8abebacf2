//! Events that change goroutines.

use super::arena::Index;
use super::{Context, Go, GoStatus, Outcome, Proc, ProcStatus, Sched, Step, Thread};
use crate::error::{ErrorKind, broken};
use crate::event::GoState;
use crate::id::{GoId, NONE, ProcId, Resource, ThreadId, present};

/// How a coroutine switch changes the running goroutine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It blocks.
    Block,
    /// It exits.
    Destroy,
}

/// The state to report for a goroutine at the start of a generation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GoStated {
    pub from: GoState,
    pub to: GoState,
    /// The context in which the goroutine is reported. A goroutine in a system call is reported on the thread of the
    /// call.
    pub context: Context,
}

impl Sched {
    /// Handles a status of a goroutine. `thread_id` is the thread if the goroutine is in a system call.
    pub fn go_status(&mut self, context: Context, id: u64, thread_id: u64, wire_status: u64) -> Outcome<GoStated> {
        let resource = Resource::Goroutine(GoId(id));
        let status =
            GoStatus::from_wire(wire_status).ok_or(ErrorKind::InvalidStatus { resource, status: wire_status })?;
        let sequence = self.sequence(0);
        let mut stated = GoStated { from: status.state(), to: status.state(), context };
        let mut go = self.agreeing_go(id, status)?;
        match self.gos.get_mut(go) {
            Some(state) => state.sequence = sequence,
            None => {
                stated.from = GoState::Undetermined;
                go = self.gos.insert(id, Go::new(status, sequence));
            }
        }
        match status {
            GoStatus::Running => {
                self.not_bound_elsewhere(resource, context.thread, self.thread_of_go(go))?;
                self.bind_go(context.thread, go);
            }
            GoStatus::Syscall => stated.context = self.go_in_syscall(context, go, thread_id)?,
            GoStatus::Runnable | GoStatus::Waiting => {}
        }
        Ok(Step::Done(stated))
    }

    /// Returns the goroutine with this ID, which must have this status. In the first generation, the goroutine may be
    /// new. Then the index is [`Index::NONE`].
    fn agreeing_go(&mut self, id: u64, status: GoStatus) -> Result<Index, Box<ErrorKind>> {
        let go = self.gos.find(id);
        match self.gos.get(go) {
            Some(state) if state.status != status => broken(ErrorKind::InconsistentStatus {
                resource: Resource::Goroutine(GoId(id)),
                known: state.status.name(),
                found: status.name(),
            }),
            None if !self.in_first_generation() => broken(ErrorKind::LateGoroutine(GoId(id))),
            _ => Ok(go),
        }
    }

    /// Checks that the status of a goroutine agrees with its known state.
    pub fn check_go_status(&mut self, id: u64, wire_status: u64) -> Result<(), Box<ErrorKind>> {
        let status = GoStatus::from_wire(wire_status);
        status.map_or(Ok(()), |status| self.agreeing_go(id, status).map(|_| ()))
    }

    /// Finds the thread of a system call that began before the generation. Returns the context of
    /// that thread.
    fn go_in_syscall(&mut self, context: Context, go: Index, thread_id: u64) -> Result<Context, Box<ErrorKind>> {
        let id = self.gos.id(go);
        let fault = |holds: u64| ErrorKind::SyscallThread {
            go: GoId(id),
            thread: present(thread_id).map(ThreadId),
            holds: present(holds).map(GoId),
        };
        if thread_id == NONE {
            return broken(fault(NONE));
        }
        let resource = Resource::Goroutine(GoId(id));
        let thread = self.thread(thread_id);
        if thread == context.thread {
            // After the first generation the goroutine must be known on its thread, no matter how long the call takes.
            if !self.in_first_generation() && context.go != go {
                return broken(fault(self.gos.id(context.go)));
            }
            self.not_bound_elsewhere(resource, thread, self.thread_of_go(go))?;
            self.bind_go(thread, go);
            return Ok(context);
        }
        // The thread is in the call during the whole generation. It has no P, because the runtime took the P to trace
        // this goroutine.
        let known = self.threads.get(thread).copied().unwrap_or(Thread::BLANK);
        if known.known {
            if known.go != go {
                return broken(fault(self.gos.id(known.go)));
            }
            return Ok(Context { thread, go, go_id: id, ..context });
        }
        self.not_bound_elsewhere(resource, thread, self.thread_of_go(go))?;
        self.bind_go(thread, go);
        if let Some(state) = self.threads.get_mut(thread) {
            state.known = true;
        }
        Ok(Context { thread, ..context })
    }

    /// Creates a goroutine in a system call, because a C thread calls Go.
    pub fn go_create_syscall(&mut self, context: Context, id: u64) -> Outcome {
        context.needs_no_go("GoCreateSyscall")?;
        let go = self.create(id, GoStatus::Syscall)?;
        self.bind_go(context.thread, go);
        Ok(Step::Done(()))
    }

    fn create(&mut self, id: u64, status: GoStatus) -> Result<Index, Box<ErrorKind>> {
        match self.gos.find(id) {
            Index::NONE => Ok(self.gos.insert(id, Go::new(status, self.sequence(0)))),
            _ => broken(ErrorKind::CreatedTwice(GoId(id))),
        }
    }

    fn destroy(&mut self, go: Index) {
        self.forget_annotations(go, self.gos.id(go));
        self.gos.remove(go);
    }

    /// Handles a coroutine switch: the next goroutine is unblocked, the running goroutine blocks or exits, and the next
    /// goroutine starts.
    pub fn go_switch(
        &mut self,
        event: &'static str,
        context: Context,
        next: u64,
        number: u64,
        ending: Ending,
    ) -> Outcome {
        context.needs_user_code(event)?;
        self.in_status(event, context, GoStatus::Running)?;
        let sequence = self.sequence(number);
        let next = self.gos.find(next);
        match self.gos.get_mut(next) {
            Some(state) if state.status == GoStatus::Waiting && sequence.follows(state.sequence) => {
                state.status = GoStatus::Running;
                state.sequence = sequence;
            }
            _ => return Ok(Step::Wait),
        }
        match ending {
            Ending::Block => self.set_status(context, GoStatus::Waiting),
            Ending::Destroy => self.destroy(context.go),
        }
        self.bind_go(context.thread, next);
        Ok(Step::Done(()))
    }

    /// Handles the end of a system call in which the thread has lost its P. Waits until the P is stopped or stolen.
    #[inline]
    pub fn go_syscall_end_blocked(&mut self, context: Context) -> Outcome {
        if self.procs.get(context.proc).is_some_and(|proc| proc.status == ProcStatus::Syscall) {
            return Ok(Step::Wait);
        }
        context.needs_go("GoSyscallEndBlocked")?;
        self.in_status("GoSyscallEndBlocked", context, GoStatus::Syscall)?.status = GoStatus::Runnable;
        self.free_go(context.thread);
        Ok(Step::Done(()))
    }

    /// Handles the exit of a goroutine that was called from C and returns to C. Returns whether the thread lost a P.
    /// The thread loses its P, because the system may reuse the thread ID. Otherwise a later thread would seem to steal
    /// the P from itself.
    pub fn go_destroy_syscall(&mut self, context: Context) -> Outcome<bool> {
        context.needs_go("GoDestroySyscall")?;
        self.in_status("GoDestroySyscall", context, GoStatus::Syscall)?;
        let has_proc = context.proc.is_some();
        if has_proc {
            self.proc_in_syscall("GoDestroySyscall", context)?.status = ProcStatus::SyscallAbandoned;
        }
        self.destroy(context.go);
        self.free_go(context.thread);
        self.bind_proc(context.thread, Index::NONE);
        Ok(Step::Done(has_proc))
    }

    fn set_status(&mut self, context: Context, status: GoStatus) {
        if let Some(go) = self.gos.get_mut(context.go) {
            go.status = status;
        }
    }

    /// Returns the goroutine of the event, which must have this status.
    fn in_status(
        &mut self,
        event: &'static str,
        context: Context,
        status: GoStatus,
    ) -> Result<&mut Go, Box<ErrorKind>> {
        match self.gos.get_mut(context.go) {
            Some(go) if go.status == status => Ok(go),
            go => broken(ErrorKind::IllegalTransition {
                event,
                resource: Resource::Goroutine(GoId(context.go_id)),
                state: go.map_or("NotExist", |go| go.status.name()),
            }),
        }
    }

    /// Returns the P of the event, which must be in `Syscall`.
    fn proc_in_syscall(&mut self, event: &'static str, context: Context) -> Result<&mut Proc, Box<ErrorKind>> {
        match self.procs.get_mut(context.proc) {
            Some(proc) if proc.status == ProcStatus::Syscall => Ok(proc),
            proc => broken(ErrorKind::IllegalTransition {
                event,
                resource: Resource::Proc(ProcId(context.proc_id)),
                state: proc.map_or("NotExist", |proc| proc.status.name()),
            }),
        }
    }
}

impl Go {
    pub(super) fn new(status: GoStatus, sequence: super::Sequence) -> Self {
        Go { status, sequence, thread: Index::NONE, has_annotations: false }
    }
}
