//! What each delivered event must find: the trace is consistent, or the first contradiction is an error.
//!
//! The rules are those of `postProcessTrace` in Go's `src/internal/trace/internal/tracev1/parser.go`. They are weaker than
//! those of [`sched`](crate::sched) and can't be expressed by them: an event has no thread here, a P need not be known before its first
//! event, a goroutine in a system call is simply waiting, and ranges are bound to nothing. What the two have in common they
//! share: the states, the tables by ID, and tasks and regions.

use std::collections::HashSet;

use foldhash::fast::RandomState;

use super::goroutine::{Go, NO_GO, Proc};
use super::order::name;
use super::parse::Parsed;
use super::spec::EventType;
use crate::error::{ContextMismatch, ErrorKind, broken};
use crate::event::GoState;
use crate::id::{GoId, NONE, ProcId, Resource};
use crate::sched::Annotations;
use crate::sched::arena::{Arena, Index};
use crate::sched::names::Names;

/// All that is known at one moment of the trace.
#[derive(Debug, Default)]
pub(super) struct World {
    pub gos: Arena<Go>,
    /// By row.
    pub procs: Vec<Proc>,
    pub annotations: Annotations,
    pub names: Names,
    /// The goroutines that run timers.
    pub timers: HashSet<u64, RandomState>,
    gc_runs: bool,
    world_stops: bool,
    /// Whether events of no goroutine help the GC mark: the reference keeps a goroutine 0 for them.
    nobody_assists: bool,
}

impl World {
    fn illegal<T>(&self, event: EventType, id: u64, go: Index) -> Parsed<T> {
        let state = self.gos.get(go).map_or("NotExist", |go| name(go.state));
        broken(ErrorKind::IllegalTransition { event: event.name(), resource: Resource::Goroutine(GoId(id)), state })
    }

    /// Moves a goroutine on that must be in a state.
    #[inline(always)]
    fn advance(&mut self, event: EventType, id: u64, go: Index, from: GoState, to: GoState) -> Parsed<()> {
        match self.gos.get_mut(go) {
            Some(state) if state.state == from => {
                state.state = to;
                Ok(())
            }
            _ => self.illegal(event, id, go),
        }
    }

    /// The goroutine that the P runs: there must be one. It is running: only what takes it off the P changes that.
    #[inline(always)]
    pub fn running(&self, event: EventType, row: usize) -> Parsed<(u64, Index)> {
        let proc = &self.procs[row];
        match proc.go_id {
            NO_GO => {
                broken(ErrorKind::WrongSchedContext { event: event.name(), mismatch: ContextMismatch::NoGoroutine })
            }
            id => Ok((id, proc.go)),
        }
    }

    /// The goroutine that the P runs leaves it.
    #[inline(always)]
    pub fn leave(&mut self, event: EventType, row: usize, to: GoState) -> Parsed<u64> {
        let (id, go) = self.running(event, row)?;
        self.procs[row].run(NO_GO, Index::NONE);
        if let Some(state) = self.gos.get_mut(go) {
            state.state = to;
            state.on_network = event == EventType::GoBlockNet;
        }
        Ok(id)
    }

    /// The goroutine that the P runs ends. Its regions end with it.
    pub fn end(&mut self, event: EventType, row: usize) -> Parsed<u64> {
        let (id, go) = self.running(event, row)?;
        self.procs[row].run(NO_GO, Index::NONE);
        self.annotations.forget(go);
        self.gos.remove(go);
        Ok(id)
    }

    /// A goroutine is created, which the merge knows already.
    pub fn create(&mut self, event: EventType, id: u64, go: Index) -> Parsed<()> {
        match id {
            NO_GO => broken(ErrorKind::CreatedTwice(GoId(id))),
            _ => self.advance(event, id, go, GoState::NotExist, GoState::Runnable),
        }
    }

    /// A goroutine starts to run on a P that runs none.
    #[inline(always)]
    pub fn start(&mut self, event: EventType, row: usize, id: u64, go: Index) -> Parsed<()> {
        let holds = self.procs[row].go_id;
        if holds != NO_GO {
            return broken(ErrorKind::ProcBusy {
                event: event.name(),
                go: GoId(id),
                proc: ProcId(self.procs[row].id),
                holds: GoId(holds),
            });
        }
        self.advance(event, id, go, GoState::Runnable, GoState::Running)?;
        self.procs[row].run(id, go);
        Ok(())
    }

    /// A goroutine was blocked or in a system call as tracing began.
    pub fn wait(&mut self, event: EventType, id: u64, go: Index) -> Parsed<()> {
        self.advance(event, id, go, GoState::Runnable, GoState::Waiting)
    }

    /// A goroutine is made runnable. Says whether it waited for the network.
    #[inline(always)]
    pub fn unblock(&mut self, event: EventType, id: u64, go: Index) -> Parsed<bool> {
        self.advance(event, id, go, GoState::Waiting, GoState::Runnable)?;
        Ok(self.gos.get(go).is_some_and(|go| go.on_network))
    }

    /// A system call is over that blocked.
    pub fn exit_syscall(&mut self, id: u64) -> Parsed<()> {
        let go = self.gos.find(id);
        self.advance(EventType::GoSysExit, id, go, GoState::Waiting, GoState::Runnable)
    }

    pub fn start_proc(&mut self, row: usize, thread: u64) -> Parsed<()> {
        let proc = &mut self.procs[row];
        if proc.running {
            return broken(illegal_proc(EventType::ProcStart, proc.id, "Running"));
        }
        proc.running = true;
        proc.thread = thread;
        Ok(())
    }

    pub fn stop_proc(&mut self, row: usize) -> Parsed<()> {
        let proc = &mut self.procs[row];
        if !proc.running {
            return broken(illegal_proc(EventType::ProcStop, proc.id, "Idle"));
        }
        if proc.go_id != NO_GO {
            let (event, mismatch) = (EventType::ProcStop.name(), ContextMismatch::HasGoroutine);
            return broken(ErrorKind::WrongSchedContext { event, mismatch });
        }
        proc.running = false;
        proc.thread = NONE;
        Ok(())
    }

    pub fn begin_gc(&mut self) -> Parsed<()> {
        flip(&mut self.gc_runs, EventType::GCStart, true)
    }

    pub fn end_gc(&mut self) -> Parsed<()> {
        flip(&mut self.gc_runs, EventType::GCDone, false)
    }

    pub fn begin_stop(&mut self) -> Parsed<()> {
        flip(&mut self.world_stops, EventType::GCSTWStart, true)
    }

    pub fn end_stop(&mut self) -> Parsed<()> {
        flip(&mut self.world_stops, EventType::GCSTWDone, false)
    }

    pub fn begin_sweep(&mut self, row: usize) -> Parsed<()> {
        flip(&mut self.procs[row].sweeping, EventType::GCSweepStart, true)
    }

    pub fn end_sweep(&mut self, row: usize) -> Parsed<()> {
        flip(&mut self.procs[row].sweeping, EventType::GCSweepDone, false)
    }

    pub fn begin_assist(&mut self, row: usize) -> Parsed<()> {
        flip(self.assists(row), EventType::GCMarkAssistStart, true)
    }

    /// An assist may have been under way as tracing began, so any may end.
    pub fn end_assist(&mut self, row: usize) {
        *self.assists(row) = false;
    }

    fn assists(&mut self, row: usize) -> &mut bool {
        match self.gos.get_mut(self.procs[row].go) {
            Some(go) => &mut go.assists,
            None => &mut self.nobody_assists,
        }
    }
}

fn illegal_proc(event: EventType, id: u64, state: &'static str) -> ErrorKind {
    ErrorKind::IllegalTransition { event: event.name(), resource: Resource::Proc(ProcId(id)), state }
}

/// Opens or closes a range that must not be so already.
fn flip(open: &mut bool, event: EventType, to: bool) -> Parsed<()> {
    match std::mem::replace(open, to) == to {
        true => broken(ErrorKind::RangeMismatch { event: event.name(), open: to }),
        false => Ok(()),
    }
}
