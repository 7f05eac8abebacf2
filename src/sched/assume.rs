//! Starting in the middle of a trace: what a generation says of itself is taken for what was before it, and checked
//! once that is known.
//!
//! A generation opens with the status of every goroutine and P, and its sequence numbers start over. So its events can
//! be ordered before those of the generations before it, if some things are assumed: that a goroutine whose status is
//! told had that status, that a thread had what its first statuses say, that a GC event follows the last one. An
//! [`Assumed`] collects these, and [`Sched::join`] compares them with the scheduler at the end of the generation
//! before. Where they hold, every step was the one that would have been taken; where one does not, or where an event
//! went wrong, the generation is ordered again from what is known. It only has to be safe: a sound trace seldom comes here twice.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

use super::arena::Index;
use super::gc::GcState;
use super::{ActiveTask, Fit, GoStatus, Proc, ProcStatus, Sched, Thread};
use crate::error::{Location, Warning, WarningKind};
use crate::event::names::NameId;
use crate::id::{GoId, NONE, present};

/// What a generation that was ordered on its own took for granted.
#[derive(Debug, Default)]
pub(super) struct Assumed {
    gos: HashMap<u64, Bound<GoStatus>, RandomState>,
    procs: HashMap<u64, Bound<ProcStatus>, RandomState>,
    threads: HashMap<u64, Before, RandomState>,
    /// What the GC was doing, and the number of its last event.
    pub gc: Option<(GcState, u64)>,
    assists: HashSet<u64, RandomState>,
    sweeps: HashSet<u64, RandomState>,
    notes: Vec<Note>,
}

/// A status, and the thread that the goroutine or P must have been on if it was on any.
#[derive(Clone, Copy, Debug)]
struct Bound<S> {
    status: S,
    thread: u64,
}

/// What a thread had: `None` while nothing has shown it.
#[derive(Clone, Copy, Debug, Default)]
struct Before {
    proc: Option<Held>,
    go: Option<Held>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    Nothing,
    /// This, or nothing.
    Perhaps(u64),
    Surely(u64),
    /// This, if anything is known of the thread.
    IfKnown(u64),
}

impl Held {
    fn allows(self, found: u64, known: bool) -> bool {
        match self {
            Held::Nothing => found == NONE,
            Held::Perhaps(id) => found == id || found == NONE,
            Held::Surely(id) => found == id,
            Held::IfKnown(id) => found == id || !known && found == NONE,
        }
    }
}

/// What the program said of itself. Whether it fits, only the past knows.
#[derive(Debug)]
struct Note {
    what: Annotation,
    go: u64,
    at: Location,
}

#[derive(Debug)]
pub(super) enum Annotation {
    TaskBegin(u64, ActiveTask),
    TaskEnd(u64),
    RegionBegin(u64, NameId),
    RegionEnd(u64, NameId),
    /// The goroutine is gone.
    Gone,
}

/// What of the state of things may have been assumed twice, or too late.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refuted;

impl Assumed {
    /// A goroutine had a status, and if it was on a thread, on this one.
    pub fn go(&mut self, id: u64, status: GoStatus, thread: u64) -> Result<(), Refuted> {
        once(self.gos.insert(id, Bound { status, thread }))
    }

    /// A P had a status, and if it was on a thread, on this one.
    pub fn proc(&mut self, id: u64, status: ProcStatus, thread: u64) -> Result<(), Refuted> {
        once(self.procs.insert(id, Bound { status, thread }))
    }

    pub fn assist(&mut self, go: u64) {
        self.assists.insert(go);
    }

    pub fn sweep(&mut self, proc: u64) {
        self.sweeps.insert(proc);
    }

    /// An event is tried on a thread of which nothing has shown what it has: it has nothing.
    pub fn nothing_on(&mut self, thread: u64, also_go: bool) {
        let before = self.threads.entry(thread).or_default();
        before.proc.get_or_insert(Held::Nothing);
        if also_go {
            before.go.get_or_insert(Held::Nothing);
        }
    }

    fn proc_on(&mut self, thread: u64, held: Held) -> bool {
        let before = self.threads.entry(thread).or_default();
        let is_open = before.proc.is_none();
        before.proc.get_or_insert(held);
        is_open
    }

    fn go_on(&mut self, thread: u64, held: Held) -> bool {
        let before = self.threads.entry(thread).or_default();
        let is_open = before.go.is_none();
        before.go.get_or_insert(held);
        is_open
    }

    /// A thread says that its P runs.
    pub fn proc_perhaps_on(&mut self, thread: u64, proc: u64) {
        self.proc_on(thread, Held::Perhaps(proc));
    }

    /// A P is stolen from a thread; says whether that can have had it.
    pub fn proc_surely_on(&mut self, thread: u64, proc: u64) -> bool {
        if let Some(bound) = self.procs.get_mut(&proc) {
            bound.thread = thread;
        }
        self.proc_on(thread, Held::Surely(proc))
    }

    /// A thread says that its goroutine runs.
    pub fn go_perhaps_on(&mut self, thread: u64, go: u64) {
        self.go_on(thread, Held::Perhaps(go));
    }

    /// A thread says that its goroutine is in a system call; says whether it can have had it.
    pub fn go_surely_on(&mut self, thread: u64, go: u64) -> bool {
        self.go_on(thread, Held::Surely(go))
    }

    /// The same of another thread.
    pub fn go_on_if_known(&mut self, thread: u64, go: u64) -> bool {
        self.go_on(thread, Held::IfKnown(go))
    }

    pub fn note(&mut self, what: Annotation, go: u64) {
        self.notes.push(Note { what, go, at: Location::default() });
    }
}

fn once<T>(before: Option<T>) -> Result<(), Refuted> {
    match before {
        None => Ok(()),
        Some(_) => Err(Refuted),
    }
}

impl Sched {
    /// For a generation of which the past is not known yet.
    pub fn assuming() -> Self {
        // No generation has this number, so none is the first.
        Sched { first_generation: Some(0), assumed: Some(Box::default()), ..Sched::default() }
    }

    pub fn is_assuming(&self) -> bool {
        self.assumed.is_some()
    }

    /// How many notes were taken of what the program said.
    pub fn notes(&self) -> usize {
        self.assumed.as_ref().map_or(0, |assumed| assumed.notes.len())
    }

    /// Tells where the last of them was taken.
    pub fn place_notes(&mut self, from: usize, at: Location) {
        if let Some(assumed) = &mut self.assumed {
            assumed.notes[from..].iter_mut().for_each(|note| note.at = at);
        }
    }

    /// Goes on to the end of the next generation, which `next` has ordered on its own, if all that it assumed is so; gives
    /// the mistakes of the program in it. Otherwise nothing has changed.
    pub fn join(&mut self, mut next: Sched) -> Option<Vec<Warning>> {
        let assumed = next.assumed.take()?;
        if !self.confirms(&assumed, &mut next) {
            return None;
        }
        next.first_generation = self.first_generation;
        self.carry_into(&assumed, &mut next);
        std::mem::swap(self, &mut next);
        // What `next` holds now is the past.
        Some(self.replay(assumed.notes, next))
    }

    fn confirms(&mut self, assumed: &Assumed, next: &mut Sched) -> bool {
        self.confirms_gos(assumed)
            && self.confirms_procs(assumed)
            && self.confirms_threads(assumed, next)
            && self.confirms_ranges(assumed)
            && self.gc.confirms(assumed.gc)
    }

    /// A generation tells of every goroutine. (If it told of some only, one of the others might be created again.)
    fn confirms_gos(&mut self, assumed: &Assumed) -> bool {
        self.gos.len() == assumed.gos.len()
            && assumed.gos.iter().all(|(&id, bound)| {
                let go = self.gos.find(id);
                let thread = self.threads.id(self.thread_of_go(go));
                self.gos.get(go).is_some_and(|go| go.status == bound.status)
                    && (thread == NONE || thread == bound.thread)
            })
    }

    /// Ps of which the generation says nothing are left alone: they were idle.
    fn confirms_procs(&mut self, assumed: &Assumed) -> bool {
        let told = assumed.procs.iter().all(|(&id, bound)| {
            let proc = self.procs.find(id);
            let thread = self.threads.id(self.thread_of_proc(proc));
            self.procs.get(proc).is_some_and(|proc| proc.status == bound.status)
                && (thread == NONE || thread == bound.thread)
        });
        told && self.procs.iter().all(|(id, _)| {
            let has_thread = |proc| self.thread_of_proc(proc) != Index::NONE;
            assumed.procs.contains_key(&id) || !self.procs.look_up(id).is_some_and(has_thread)
        })
    }

    fn confirms_threads(&mut self, assumed: &Assumed, next: &mut Sched) -> bool {
        let told = next.threads.iter().all(|(id, _)| {
            let before = assumed.threads.get(&id).copied().unwrap_or_default();
            let thread = self.threads.find(id);
            let found = self.threads.get(thread).copied().unwrap_or(Thread::BLANK);
            before.proc.unwrap_or(Held::Nothing).allows(found.proc_id, found.known)
                && before.go.unwrap_or(Held::Nothing).allows(found.go_id, found.known)
        });
        told && self.threads.iter().all(|(id, thread)| {
            next.threads.look_up(id).is_some() || thread.proc == Index::NONE && thread.go == Index::NONE
        })
    }

    fn confirms_ranges(&mut self, assumed: &Assumed) -> bool {
        let go_of = |go: &u64| self.gos.look_up(*go);
        let proc_of = |proc: &u64| self.procs.look_up(*proc);
        let assists = assumed.assists.iter().map(go_of).collect::<Option<Vec<_>>>();
        let sweeps = assumed.sweeps.iter().map(proc_of).collect::<Option<Vec<_>>>();
        assists.zip(sweeps).is_some_and(|(assists, sweeps)| self.ranges.are(&assists, &sweeps))
    }

    /// Takes over what the generation said nothing of.
    fn carry_into(&self, assumed: &Assumed, next: &mut Sched) {
        for (id, &Proc { status, sequence, .. }) in self.procs.iter() {
            if !assumed.procs.contains_key(&id) && next.procs.look_up(id).is_none() {
                next.procs.insert(id, Proc { status, sequence, thread: Index::NONE });
            }
        }
        for (id, thread) in self.threads.iter() {
            let index = next.thread(id);
            if thread.known {
                next.make_known(index);
            }
        }
        if assumed.gc.is_none() {
            next.gc = std::mem::take(&mut next.gc).or_as(&self.gc);
        }
    }

    /// Takes the annotations over from the past, and has the generation's follow.
    fn replay(&mut self, notes: Vec<Note>, mut past: Sched) -> Vec<Warning> {
        self.annotations = std::mem::take(&mut past.annotations);
        for name in self.annotations.names_mut() {
            *name = self.names.intern(past.names.get(*name));
        }
        let mut warnings = Vec::new();
        for Note { what, go, at } in notes {
            let annotations = &mut self.annotations;
            let fit = match what {
                Annotation::TaskBegin(id, task) => (annotations.task_begin(id, task), WarningKind::TaskRestarted),
                Annotation::RegionEnd(task, name) => {
                    (annotations.region_end(go, task, name), WarningKind::RegionMismatch)
                }
                Annotation::TaskEnd(id) => {
                    annotations.task_end(id);
                    continue;
                }
                Annotation::RegionBegin(task, name) => {
                    annotations.region_begin(go, task, name);
                    continue;
                }
                Annotation::Gone => {
                    annotations.forget(go);
                    continue;
                }
            };
            if let (Fit::Misused, kind) = fit {
                warnings.push(Warning { kind, go: present(go).map(GoId), at });
            }
        }
        warnings
    }
}
