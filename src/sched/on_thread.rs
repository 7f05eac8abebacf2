//! Events of the running goroutine that make up most of a busy trace.
//!
//! They are separate for speed: the thread is looked up once for several events, and each event
//! uses only the thread, one goroutine, and at most one P.

use super::arena::{Arena, Index};
use super::{Go, GoStatus, Outcome, Proc, ProcStatus, Sched, Sequence, Step, Thread, mismatch};
use crate::error::{ContextMismatch, ErrorKind, broken};
use crate::id::{GoId, NONE, ProcId, Resource};

/// A thread, and the state that its events may change.
pub(crate) struct OnThread<'a> {
    /// A copy of the thread, which the compiler keeps in registers. Its P does not change. Its goroutine is written
    /// back at the end.
    thread: Thread,
    original: &'a mut Thread,
    index: Index,
    gos: &'a mut Arena<Go>,
    procs: &'a mut Arena<Proc>,
    generation: u64,
}

impl Sched {
    /// Returns the thread with this index. `None` for [`Index::NONE`].
    #[inline(always)]
    pub fn on_thread(&mut self, index: Index) -> Option<OnThread<'_>> {
        let original = self.threads.get_mut(index)?;
        Some(OnThread {
            thread: *original,
            original,
            index,
            gos: &mut self.gos,
            procs: &mut self.procs,
            generation: self.generation,
        })
    }

    /// Makes a goroutine runnable because of another goroutine, the network poller or sysmon.
    pub fn go_unblock(&mut self, id: u64, number: u64) -> Outcome {
        unblock(&mut self.gos, id, Sequence { generation: self.generation, number })
    }
}

#[inline(always)]
fn unblock(gos: &mut Arena<Go>, id: u64, sequence: Sequence) -> Outcome {
    let go = gos.find(id);
    match gos.get_mut(go) {
        Some(state) if state.status == GoStatus::Waiting && sequence.follows(state.sequence) => {
            state.status = GoStatus::Runnable;
            state.sequence.number = sequence.number;
            Ok(Step::Done(()))
        }
        _ => Ok(Step::Wait),
    }
}

/// This is a separate function, so that `OnThread` stays in registers.
#[cold]
#[inline(never)]
fn create(gos: &mut Arena<Go>, id: u64, go: Go) -> Outcome {
    if gos.find(id).is_some() {
        return broken(ErrorKind::CreatedTwice(GoId(id)));
    }
    gos.insert(id, go);
    Ok(Step::Done(()))
}

impl Drop for OnThread<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.original.go = self.thread.go;
        self.original.go_id = self.thread.go_id;
    }
}

impl OnThread<'_> {
    #[inline(always)]
    fn sequence(&self, number: u64) -> Sequence {
        Sequence { generation: self.generation, number }
    }

    #[inline(always)]
    pub fn go_id(&self) -> u64 {
        self.thread.go_id
    }

    #[inline(always)]
    pub fn proc_id(&self) -> u64 {
        self.thread.proc_id
    }

    #[inline(always)]
    pub fn has_proc(&self) -> bool {
        self.thread.proc.is_some()
    }

    /// Starts to run a goroutine.
    #[inline(always)]
    pub fn go_start(&mut self, id: u64, number: u64) -> Outcome {
        let sequence = self.sequence(number);
        let go = self.gos.find(id);
        let Some(state) = self.gos.get_mut(go) else {
            return Ok(Step::Wait);
        };
        if state.status != GoStatus::Runnable || !sequence.follows(state.sequence) {
            return Ok(Step::Wait);
        }
        if !self.thread.proc.is_some() {
            return Err(mismatch("GoStart", ContextMismatch::NoProc));
        }
        if self.thread.go.is_some() {
            return Err(mismatch("GoStart", ContextMismatch::HasGoroutine));
        }
        state.status = GoStatus::Running;
        state.sequence.number = sequence.number;
        state.thread = self.index;
        self.thread.go = go;
        self.thread.go_id = id;
        Ok(Step::Done(()))
    }

    /// Takes the running goroutine off the thread, because it yields or blocks.
    #[inline(always)]
    pub fn go_leave(&mut self, event: &'static str, status: GoStatus) -> Outcome {
        self.running(event, GoStatus::Running)?.status = status;
        self.thread.go = Index::NONE;
        self.thread.go_id = NONE;
        Ok(Step::Done(()))
    }

    /// Creates a goroutine. Its creator is the running goroutine, or the runtime, for example for a timer.
    #[inline(always)]
    pub fn go_create(&mut self, event: &'static str, id: u64, status: GoStatus) -> Outcome {
        let sequence = self.sequence(0);
        if !self.thread.proc.is_some() {
            return Err(mismatch(event, ContextMismatch::NoProc));
        }
        if self.thread.go.is_some() {
            self.running(event, GoStatus::Running)?;
        }
        create(self.gos, id, Go::new(status, sequence))
    }

    /// Returns whether the running goroutine may have open ranges or regions, which must be removed when it exits.
    #[inline(always)]
    pub fn go_has_annotations(&self) -> bool {
        self.gos.get(self.thread.go).is_some_and(|go| go.has_annotations)
    }

    /// Removes the running goroutine, because it exits.
    #[inline(always)]
    pub fn go_destroy(&mut self) -> Outcome {
        self.running("GoDestroy", GoStatus::Running)?;
        self.gos.remove(self.thread.go);
        self.thread.go = Index::NONE;
        self.thread.go_id = NONE;
        Ok(Step::Done(()))
    }

    /// Makes a goroutine runnable.
    #[inline(always)]
    pub fn go_unblock(&mut self, id: u64, number: u64) -> Outcome {
        let sequence = self.sequence(number);
        unblock(self.gos, id, sequence)
    }

    /// Moves the running goroutine to the state of a system call. The goroutine keeps its thread. It keeps its P until
    /// another thread steals the P.
    ///
    /// The sequence number counts events of the P. It distinguishes system calls, so that the right call loses its P
    /// even if times are unreliable. The thread has the P, so a wrong number is an error and not a reason to wait.
    #[inline(always)]
    pub fn go_syscall_begin(&mut self, number: u64) -> Outcome {
        let sequence = self.sequence(number);
        self.running("GoSyscallBegin", GoStatus::Running)?;
        match self.procs.get_mut(self.thread.proc) {
            Some(proc) if sequence.follows(proc.sequence) => {
                proc.status = ProcStatus::Syscall;
                proc.sequence.number = number;
            }
            proc => {
                return broken(ErrorKind::BadSequence {
                    event: "GoSyscallBegin",
                    resource: Resource::Proc(ProcId(self.thread.proc_id)),
                    last: proc.map_or(0, |proc| proc.sequence.number),
                    found: number,
                });
            }
        }
        self.set_status(GoStatus::Syscall);
        Ok(Step::Done(()))
    }

    /// Handles the end of a system call. The goroutine continues on the P that it kept.
    #[inline(always)]
    pub fn go_syscall_end(&mut self) -> Outcome {
        self.running("GoSyscallEnd", GoStatus::Syscall)?;
        match self.procs.get_mut(self.thread.proc) {
            Some(proc) if proc.status == ProcStatus::Syscall => proc.status = ProcStatus::Running,
            proc => {
                return broken(ErrorKind::IllegalTransition {
                    event: "GoSyscallEnd",
                    resource: Resource::Proc(ProcId(self.thread.proc_id)),
                    state: proc.map_or("NotExist", |proc| proc.status.name()),
                });
            }
        }
        self.set_status(GoStatus::Running);
        Ok(Step::Done(()))
    }

    /// Returns the goroutine of the thread, which must have this status. The thread must have a P.
    #[inline(always)]
    fn running(&mut self, event: &'static str, status: GoStatus) -> Result<&mut Go, Box<ErrorKind>> {
        if !self.thread.proc.is_some() {
            return Err(mismatch(event, ContextMismatch::NoProc));
        }
        match self.gos.get_mut(self.thread.go) {
            Some(go) if go.status == status => Ok(go),
            None => Err(mismatch(event, ContextMismatch::NoGoroutine)),
            Some(go) => broken(ErrorKind::IllegalTransition {
                event,
                resource: Resource::Goroutine(GoId(self.thread.go_id)),
                state: go.status.name(),
            }),
        }
    }

    #[inline(always)]
    fn set_status(&mut self, status: GoStatus) {
        if let Some(go) = self.gos.get_mut(self.thread.go) {
            go.status = status;
        }
    }
}
