//! The states of goroutines, Ps and threads, and how events change them.
//!
//! A decoder of Go 1.22 and later calls one method per event. The method says whether the event can
//! happen now ([`Step::Done`]), has to wait for an event of another thread ([`Step::Wait`]), or can
//! never happen (an error: the trace is broken). An event that waits changes nothing.
//!
//! The rules of each event are in the table of `v2::effects`. Its tests check the methods here
//! against that table. Traces of older versions have weaker rules, which are in `v1::effects`.
//!
//! The methods follow Go's `src/internal/trace/order.go`.

mod annotation;
pub(crate) mod arena;
mod gc;
mod goroutine;
mod live;
mod on_thread;
mod proc;
mod range;
mod status;
#[cfg(test)]
pub(crate) mod tests;
mod wait;

use crate::error::{ContextMismatch, ErrorKind, broken};
use crate::event::names::Names;
use crate::id::{NONE, ProcId, Resource, ThreadId};
use arena::{Arena, Index};

pub(crate) use annotation::{ActiveTask, Annotations, Usage};
pub(crate) use gc::GcState;
pub(crate) use goroutine::Ending;
pub(crate) use on_thread::OnThread;
pub(crate) use range::RangeId;
pub(crate) use status::{GoStatus, ProcStatus};
pub(crate) use wait::Wait;

/// The outcome of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step<T = ()> {
    /// The event happened.
    Done(T),
    /// Another event has to happen first. Nothing has changed.
    Wait,
}

impl<T> Step<T> {
    #[inline(always)]
    pub fn done(self) -> Option<T> {
        match self {
            Step::Done(value) => Some(value),
            Step::Wait => None,
        }
    }
}

pub(crate) type Outcome<T = ()> = Result<Step<T>, Box<ErrorKind>>;

/// The thread, P and goroutine of an event before it happens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context {
    pub thread: Index,
    pub proc: Index,
    pub go: Index,
    /// The IDs of the P and the goroutine, or [`NONE`].
    pub proc_id: u64,
    pub go_id: u64,
}

impl Context {
    /// The context of events without a thread.
    pub const NOWHERE: Context =
        Context { thread: Index::NONE, proc: Index::NONE, go: Index::NONE, proc_id: NONE, go_id: NONE };

    /// Checks the context of events that user code causes.
    #[inline(always)]
    fn needs_user_code(self, event: &'static str) -> Result<(), Box<ErrorKind>> {
        self.needs_proc(event)?;
        self.needs_go(event)
    }

    #[inline(always)]
    fn needs_thread(self, event: &'static str) -> Result<(), Box<ErrorKind>> {
        match self.thread.is_some() {
            true => Ok(()),
            false => Err(mismatch(event, ContextMismatch::NoThread)),
        }
    }

    #[inline(always)]
    fn needs_proc(self, event: &'static str) -> Result<(), Box<ErrorKind>> {
        self.needs_thread(event)?;
        match self.proc.is_some() {
            true => Ok(()),
            false => Err(mismatch(event, ContextMismatch::NoProc)),
        }
    }

    #[inline(always)]
    fn needs_go(self, event: &'static str) -> Result<(), Box<ErrorKind>> {
        self.needs_thread(event)?;
        match self.go.is_some() {
            true => Ok(()),
            false => Err(mismatch(event, ContextMismatch::NoGoroutine)),
        }
    }

    #[inline(always)]
    fn needs_no_go(self, event: &'static str) -> Result<(), Box<ErrorKind>> {
        self.needs_thread(event)?;
        match self.go.is_some() {
            true => Err(mismatch(event, ContextMismatch::HasGoroutine)),
            false => Ok(()),
        }
    }
}

#[cold]
fn mismatch(event: &'static str, mismatch: ContextMismatch) -> Box<ErrorKind> {
    Box::new(ErrorKind::WrongSchedContext { event, mismatch })
}

/// A sequence number of a goroutine or a P. Only the next number in the same generation follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sequence {
    generation: u64,
    number: u64,
}

impl Sequence {
    #[inline(always)]
    fn follows(self, last: Sequence) -> bool {
        self.generation == last.generation && self.number == last.number.wrapping_add(1)
    }

    /// Returns the number, and the generation if it is not the current generation. In this case, no number follows.
    fn said_in(self, generation: u64) -> String {
        match self.generation == generation {
            true => self.number.to_string(),
            false => format!("{} in generation {}", self.number, self.generation),
        }
    }
}

/// A goroutine.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Go {
    status: GoStatus,
    sequence: Sequence,
    /// The thread that last had the goroutine. The thread still has it if its `go` is this goroutine.
    thread: Index,
    /// Whether `Sched::annotations` or `Sched::ranges` may mention the goroutine. This is false for most goroutines.
    has_annotations: bool,
}

/// A P.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Proc {
    status: ProcStatus,
    sequence: Sequence,
    /// The thread that last had the P, like [`Go::thread`].
    thread: Index,
}

/// A thread, and the goroutine and P that it has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Thread {
    go: Index,
    proc: Index,
    /// The IDs of the goroutine and the P, because every event reports them.
    go_id: u64,
    proc_id: u64,
    /// Whether an event of the thread was tried, or a status mentioned it. Before that, its
    /// goroutine and P are unknown.
    known: bool,
}

impl Thread {
    pub const BLANK: Thread = Thread { go: Index::NONE, proc: Index::NONE, go_id: NONE, proc_id: NONE, known: false };
}

/// Returns the value of free slots.
impl Default for Thread {
    fn default() -> Self {
        Thread::BLANK
    }
}

/// The state of the scheduler at one point of the trace.
#[derive(Debug, Default)]
pub(crate) struct Sched {
    generation: u64,
    first_generation: Option<u64>,
    pub gos: Arena<Go>,
    pub procs: Arena<Proc>,
    pub threads: Arena<Thread>,
    pub names: Names,
    annotations: Annotations,
    ranges: range::OpenRanges,
    gc: gc::Gc,
}

impl Sched {
    /// Starts a generation. Sequence numbers start from 0 again. Only in the first generation may a status mention a
    /// new goroutine.
    ///
    /// Removes unused names, so no record may refer to a name that is not open.
    pub fn begin_generation(&mut self, generation: u64) {
        self.generation = generation;
        self.first_generation.get_or_insert(generation);
        if self.names.wants_sweep() {
            let Sched { names, annotations, ranges, .. } = self;
            names.sweep(|translate| {
                annotations.names_mut().for_each(&mut *translate);
                ranges.rename(translate);
            });
        }
    }

    fn in_first_generation(&self) -> bool {
        self.first_generation == Some(self.generation)
    }

    fn sequence(&self, number: u64) -> Sequence {
        Sequence { generation: self.generation, number }
    }

    /// Returns the index of a thread. Adds the thread if it is new.
    pub fn thread(&mut self, id: u64) -> Index {
        match self.threads.find(id) {
            Index::NONE => self.threads.insert(id, Thread::BLANK),
            known => known,
        }
    }

    /// Returns the current context of a thread.
    #[inline(always)]
    pub fn context(&self, thread: Index) -> Context {
        match self.threads.get(thread) {
            Some(state) => {
                Context { thread, proc: state.proc, go: state.go, proc_id: state.proc_id, go_id: state.go_id }
            }
            None => Context::NOWHERE,
        }
    }

    /// Records that an event of a thread was tried.
    pub fn make_known(&mut self, thread: Index) {
        if let Some(state) = self.threads.get_mut(thread) {
            state.known = true;
        }
    }

    /// Gives a goroutine to a thread. [`Index::NONE`] removes the goroutine from the thread.
    fn bind_go(&mut self, thread: Index, go: Index) {
        let id = self.gos.id(go);
        if let Some(state) = self.threads.get_mut(thread) {
            state.go = go;
            state.go_id = id;
        }
        if let Some(state) = self.gos.get_mut(go) {
            state.thread = thread;
        }
    }

    fn bind_proc(&mut self, thread: Index, proc: Index) {
        let id = self.procs.id(proc);
        if let Some(state) = self.threads.get_mut(thread) {
            state.proc = proc;
            state.proc_id = id;
        }
        if let Some(state) = self.procs.get_mut(proc) {
            state.thread = thread;
        }
    }

    /// Removes the goroutine from a thread.
    fn free_go(&mut self, thread: Index) {
        if let Some(state) = self.threads.get_mut(thread) {
            state.go = Index::NONE;
            state.go_id = NONE;
        }
    }

    /// Returns the thread that has a P, or [`Index::NONE`].
    fn thread_of_proc(&self, proc: Index) -> Index {
        let thread = self.procs.get(proc).map_or(Index::NONE, |state| state.thread);
        match self.threads.get(thread) {
            Some(state) if state.proc == proc => thread,
            _ => Index::NONE,
        }
    }

    /// Returns the thread that has a goroutine, or [`Index::NONE`].
    fn thread_of_go(&self, go: Index) -> Index {
        let thread = self.gos.get(go).map_or(Index::NONE, |state| state.thread);
        match self.threads.get(thread) {
            Some(state) if state.go == go => thread,
            _ => Index::NONE,
        }
    }

    /// Fails if a goroutine or P is on another thread. Go's reader accepts this, but the events after it would be
    /// wrong.
    fn not_bound_elsewhere(&self, resource: Resource, here: Index, there: Index) -> Result<(), Box<ErrorKind>> {
        match here.is_some() && there.is_some() && here != there {
            true => broken(ErrorKind::DoubleBinding {
                resource,
                here: ThreadId(self.threads.id(here)),
                there: ThreadId(self.threads.id(there)),
            }),
            false => Ok(()),
        }
    }

    fn proc_resource(&self, proc: Index) -> Resource {
        Resource::Proc(ProcId(self.procs.id(proc)))
    }
}
