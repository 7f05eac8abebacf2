//! Applies events to the state. The first contradiction is an error.
//!
//! The rules are in the table of [`effects`](super::effects). The rules of [`sched`](crate::sched) are stricter and not
//! valid here: see the module documentation of `v1`. The states, the arena, and the rules of tasks and regions are
//! shared with `sched`.

use std::collections::HashSet;

use foldhash::fast::RandomState;

use super::cursor::Event;
use super::effects::{self, GoChange, Rule, Subject, rules};
use super::goroutine::{Go, NO_GO, Proc};
use super::order::{Merge, Number, Upcoming};
use super::parse::Parsed;
use super::spec::EventType;
use crate::error::{ContextMismatch, ErrorKind, broken};
use crate::event::GoState::{self, NotExist, Runnable, Running, Waiting};
use crate::event::names::Names;
use crate::id::{GoId, NONE, ProcId, Resource};
use crate::sched::arena::Arena;
use crate::sched::{Annotations, Outcome, Step};

/// The state at one point of the trace.
#[derive(Debug, Default)]
pub(super) struct World {
    pub gos: Arena<Go>,
    pub merge: Merge,
    pub annotations: Annotations,
    pub names: Names,
    /// The goroutines that run timers.
    pub timers: HashSet<u64, RandomState>,
    gc_runs: bool,
    world_stops: bool,
    /// Whether a mark assist without a goroutine is open. Go's reader uses goroutine 0 for these.
    nobody_assists: bool,
}

/// Returns from the function if the event has to wait.
macro_rules! done {
    ($step:expr) => {
        match $step {
            Step::Done(value) => value,
            Step::Wait => return Ok(Step::Wait),
        }
    };
}
pub(super) use done;

impl World {
    /// Returns when the next event of a P can happen, for the merge.
    pub fn upcoming(&mut self, event: Option<&Event>, go_on_proc: u64) -> Upcoming {
        let Some(Event { event, ticks, args: [a, b, ..], .. }) = event else { return Upcoming::None };
        match self.is_ready(*event, [*a, *b], go_on_proc) {
            true => Upcoming::Ready(*ticks),
            false => Upcoming::Waits(*ticks),
        }
    }

    /// Returns whether the goroutine of an event is in the state that the event waits for.
    #[inline]
    pub fn is_ready(&mut self, event: EventType, args: [u64; 2], go_on_proc: u64) -> bool {
        match rules(event).first() {
            Some(Rule::Go(GoChange { who, from, number, .. })) => {
                let id = if *who == Subject::Named { args[0] } else { go_on_proc };
                let number = match *number {
                    effects::Number::After(number) => Number::Exactly(number),
                    effects::Number::AfterArgument => Number::Exactly(args[1]),
                    _ => Number::Any,
                };
                self.merge.is_ready(&mut self.gos, id, *from, number)
            }
            Some(Rule::NextCycle) => self.merge.is_next_cycle(args[0]),
            _ => true,
        }
    }

    /// Returns the goroutine on the P. There must be one. It is Running, because events that change this state remove
    /// the goroutine from the P.
    #[inline(always)]
    pub fn running(&self, event: EventType, proc: &Proc) -> Parsed<u64> {
        match proc.go_id {
            NO_GO => {
                broken(ErrorKind::WrongSchedContext { event: event.name(), mismatch: ContextMismatch::NoGoroutine })
            }
            id => Ok(id),
        }
    }

    /// Takes the goroutine off the P, because it blocks or yields.
    #[inline(always)]
    pub fn leave(&mut self, event: EventType, proc: &mut Proc, to: GoState) -> Outcome<&mut Go> {
        let subject = (proc.go_id, self.gos.find(proc.go_id));
        let go = done!(self.merge.pass(&mut self.gos, subject, (Running, to), Number::Any, false));
        proc.go_id = NO_GO;
        go.packed.set_state(to);
        go.packed.set_on_network(event == EventType::GoBlockNet);
        Ok(Step::Done(go))
    }

    /// Removes the goroutine on the P, because it exits or blocks forever.
    pub fn end(&mut self, event: EventType, proc: &mut Proc) -> Parsed<()> {
        self.running(event, proc)?;
        let go = self.gos.find(proc.go_id);
        self.annotations.forget(proc.go_id);
        if go.is_some() {
            self.gos.remove(go);
        }
        proc.go_id = NO_GO;
        Ok(())
    }

    /// Creates a goroutine.
    pub fn create(&mut self, id: u64) -> Outcome {
        let go = done!(self.merge.create(&mut self.gos, id));
        if id == NO_GO {
            return broken(ErrorKind::CreatedTwice(GoId(id)));
        }
        advance(EventType::GoCreate, id, self.gos.get_mut(go), NotExist, Runnable)?;
        Ok(Step::Done(()))
    }

    /// Starts to run a goroutine on a P without a goroutine.
    #[inline(always)]
    pub fn start(&mut self, event: EventType, proc: &mut Proc, id: u64, number: Number) -> Outcome {
        let go = self.gos.find(id);
        let state = done!(self.merge.pass(&mut self.gos, (id, go), (Runnable, Running), number, true));
        if proc.go_id != NO_GO {
            return broken(busy(event, proc, id));
        }
        advance(event, id, Some(state), Runnable, Running)?;
        proc.go_id = id;
        Ok(Step::Done(()))
    }

    /// Makes a goroutine waiting that was blocked or in a system call when tracing started.
    pub fn wait(&mut self, event: EventType, id: u64) -> Outcome<&mut Go> {
        let go = self.gos.find(id);
        let number = Number::Exactly(FIRST_COUNT);
        let state = done!(self.merge.pass(&mut self.gos, (id, go), (Runnable, Waiting), number, true));
        advance(event, id, Some(&mut *state), Runnable, Waiting)?;
        Ok(Step::Done(state))
    }

    /// Makes a goroutine runnable. Returns whether the goroutine waited for the network.
    #[inline(always)]
    pub fn unblock(&mut self, event: EventType, id: u64, number: Number) -> Outcome<bool> {
        let go = self.gos.find(id);
        let state = done!(self.merge.pass(&mut self.gos, (id, go), (Waiting, Runnable), number, true));
        advance(event, id, Some(&mut *state), Waiting, Runnable)?;
        Ok(Step::Done(state.packed.is_on_network()))
    }

    /// Makes a goroutine runnable in the merge, because its system call ends. Returns the time at which the call blocked.
    pub fn pass_exit(&mut self, id: u64, number: Number) -> Step<u64> {
        let go = self.gos.find(id);
        match self.merge.pass(&mut self.gos, (id, go), (Waiting, Runnable), number, true) {
            Step::Done(state) => Step::Done(state.blocked_at),
            Step::Wait => Step::Wait,
        }
    }

    /// Makes a goroutine runnable after a system call that blocked.
    pub fn exit_syscall(&mut self, event: EventType, id: u64) -> Parsed<()> {
        let go = self.gos.find(id);
        advance(event, id, self.gos.get_mut(go), Waiting, Runnable)
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

    pub fn begin_assist(&mut self, proc: &Proc) -> Parsed<()> {
        flip(self.assists(proc), EventType::GCMarkAssistStart, true)
    }

    /// Ends the mark assist of the goroutine on the P, if it has one. It may have started before the trace.
    pub fn end_assist(&mut self, proc: &Proc) {
        *self.assists(proc) = false;
    }

    fn assists(&mut self, proc: &Proc) -> &mut bool {
        let go = self.gos.find(proc.go_id);
        match self.gos.get_mut(go) {
            Some(go) => &mut go.assists,
            None => &mut self.nobody_assists,
        }
    }
}

/// The sequence number of a goroutine that was just created.
const FIRST_COUNT: u64 = 1;

/// Changes the state of a goroutine, which must be in the state `from`.
#[inline(always)]
fn advance(event: EventType, id: u64, go: Option<&mut Go>, from: GoState, to: GoState) -> Parsed<()> {
    match go {
        Some(go) if go.packed.state() == from => {
            go.packed.set_state(to);
            Ok(())
        }
        go => broken(illegal(event, Resource::Goroutine(GoId(id)), go.map_or(NotExist, |go| go.packed.state()))),
    }
}

#[cold]
fn illegal(event: EventType, resource: Resource, state: GoState) -> ErrorKind {
    ErrorKind::IllegalTransition { event: event.name(), resource, state: state.name() }
}

#[cold]
fn busy(event: EventType, proc: &Proc, id: u64) -> ErrorKind {
    ErrorKind::ProcBusy { event: event.name(), go: GoId(id), proc: ProcId(proc.id), holds: GoId(proc.go_id) }
}

impl Proc {
    /// Starts the P on a thread.
    pub fn start(&mut self, thread: u64) -> Parsed<()> {
        if self.running {
            return broken(self.illegal(EventType::ProcStart, "Running"));
        }
        self.running = true;
        self.thread = thread;
        Ok(())
    }

    /// Stops the P.
    pub fn stop(&mut self) -> Parsed<()> {
        if !self.running {
            return broken(self.illegal(EventType::ProcStop, "Idle"));
        }
        if self.go_id != NO_GO {
            let (event, mismatch) = (EventType::ProcStop.name(), ContextMismatch::HasGoroutine);
            return broken(ErrorKind::WrongSchedContext { event, mismatch });
        }
        self.running = false;
        self.thread = NONE;
        Ok(())
    }

    fn illegal(&self, event: EventType, state: &'static str) -> ErrorKind {
        ErrorKind::IllegalTransition { event: event.name(), resource: Resource::Proc(ProcId(self.id)), state }
    }

    pub fn begin_sweep(&mut self) -> Parsed<()> {
        flip(&mut self.sweeping, EventType::GCSweepStart, true)
    }

    pub fn end_sweep(&mut self) -> Parsed<()> {
        flip(&mut self.sweeping, EventType::GCSweepDone, false)
    }
}

/// Opens or closes a range. Fails if it is already open or closed.
fn flip(open: &mut bool, event: EventType, to: bool) -> Parsed<()> {
    match std::mem::replace(open, to) == to {
        true => broken(ErrorKind::RangeMismatch { event: event.name(), open: to }),
        false => Ok(()),
    }
}
