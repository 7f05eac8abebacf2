//! Tasks and regions: what the traced program says of itself.
//!
//! Their misuse is the program's mistake and no damage of the trace, so nothing here fails on it, other than Go's
//! reader does; a decoder warns instead.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::arena::Index;
use super::{Context, Sched, mismatch};
use crate::error::{ContextMismatch, ErrorKind};
use crate::event::names::NameId;

/// A task between its begin and its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ActiveTask {
    pub parent: u64,
    pub name: NameId,
}

/// A region between its begin and its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpenRegion {
    task: u64,
    name: NameId,
}

/// How many of a goroutine's innermost regions are searched for one that ends out of order: a hostile file can open a
/// hundred thousand and end none of them.
const MAX_SEARCH: usize = 64;

/// Whether an annotation fits those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    Good,
    Misused,
}

/// The tasks and regions that are open.
#[derive(Debug, Default)]
pub(crate) struct Annotations {
    tasks: HashMap<u64, ActiveTask, RandomState>,
    /// By goroutine.
    regions: HashMap<u64, Vec<OpenRegion>, RandomState>,
    /// How many regions are open in all.
    open_regions: usize,
}

impl Annotations {
    /// A task begins. Its ID may be one that ended before.
    pub fn task_begin(&mut self, id: u64, task: ActiveTask) -> Fit {
        match self.tasks.insert(id, task) {
            None => Fit::Good,
            Some(_) => Fit::Misused,
        }
    }

    /// A task ends, perhaps again, perhaps one that began before the trace: then nothing is known of it.
    pub fn task_end(&mut self, id: u64) -> Option<ActiveTask> {
        self.tasks.remove(&id)
    }

    /// A region of a goroutine begins.
    pub fn region_begin(&mut self, go: u64, task: u64, name: NameId) {
        self.open_regions += 1;
        self.regions.entry(go).or_default().push(OpenRegion { task, name });
    }

    /// A region of a goroutine ends. One that began before the trace is as good as any while none is open (Go issue 64878).
    pub fn region_end(&mut self, go: u64, task: u64, name: NameId) -> Fit {
        let ended = OpenRegion { task, name };
        let Some(open) = self.regions.get_mut(&go).filter(|open| !open.is_empty()) else {
            return Fit::Good;
        };
        if open.last() == Some(&ended) {
            open.pop();
            self.open_regions -= 1;
            return Fit::Good;
        }
        // Out of order: the region that it names is closed, if it is near.
        let near = open.len().saturating_sub(MAX_SEARCH);
        if let Some(at) = open[near..].iter().rposition(|region| *region == ended) {
            open.remove(near + at);
            self.open_regions -= 1;
        }
        Fit::Misused
    }

    /// A goroutine is gone.
    pub fn forget(&mut self, go: u64) {
        let regions = self.regions.remove(&go);
        self.open_regions -= regions.map_or(0, |regions| regions.len());
    }

    pub fn open_tasks(&self) -> usize {
        self.tasks.len()
    }

    pub fn open_regions(&self) -> usize {
        self.open_regions
    }

    /// About how many bytes of memory they take.
    pub fn bytes(&self) -> usize {
        /// What a list of regions and its entry take besides the regions.
        const LIST: usize = 64;
        self.tasks.capacity() * size_of::<(u64, ActiveTask)>()
            + self.regions.len() * LIST
            + self.open_regions * size_of::<OpenRegion>()
    }

    /// The names of all that is open.
    pub fn names_mut(&mut self) -> impl Iterator<Item = &mut NameId> {
        let regions = self.regions.values_mut().flatten().map(|region| &mut region.name);
        self.tasks.values_mut().map(|task| &mut task.name).chain(regions)
    }
}

impl Sched {
    /// Checks what an event that the running goroutine causes needs: a label, a log message, a metric of its own.
    #[inline]
    pub fn user_event(&self, event: &'static str, context: Context) -> Result<(), Box<ErrorKind>> {
        context.needs_user_code(event)
    }

    /// Checks what an event needs that happens on a P, be there a goroutine or not: a heap metric.
    #[inline]
    pub fn proc_event(&self, event: &'static str, context: Context) -> Result<(), Box<ErrorKind>> {
        context.needs_proc(event)
    }

    /// Checks what an event needs that happens on a thread: allocations.
    #[inline]
    pub fn thread_event(&self, event: &'static str, context: Context) -> Result<(), Box<ErrorKind>> {
        context.needs_thread(event)
    }

    /// The running goroutine begins a task.
    pub fn task_begin(&mut self, context: Context, id: u64, task: ActiveTask) -> Result<Fit, Box<ErrorKind>> {
        context.needs_user_code("UserTaskBegin")?;
        Ok(self.annotations.task_begin(id, task))
    }

    /// The running goroutine ends a task.
    pub fn task_end(&mut self, context: Context, id: u64) -> Result<Option<ActiveTask>, Box<ErrorKind>> {
        context.needs_user_code("UserTaskEnd")?;
        Ok(self.annotations.task_end(id))
    }

    /// A region of the running goroutine begins.
    pub fn region_begin(&mut self, context: Context, task: u64, name: NameId) -> Result<(), Box<ErrorKind>> {
        context.needs_user_code("UserRegionBegin")?;
        let go =
            self.gos.get_mut(context.go).ok_or_else(|| mismatch("UserRegionBegin", ContextMismatch::NoGoroutine))?;
        go.has_annotations = true;
        self.annotations.region_begin(context.go_id, task, name);
        Ok(())
    }

    /// A region of the running goroutine ends.
    pub fn region_end(&mut self, context: Context, task: u64, name: NameId) -> Result<Fit, Box<ErrorKind>> {
        context.needs_user_code("UserRegionEnd")?;
        Ok(self.annotations.region_end(context.go_id, task, name))
    }

    /// A goroutine is gone, and its slot may become another's.
    pub fn forget_annotations(&mut self, go: Index, id: u64) {
        self.annotations.forget(id);
        self.ranges.forget(go);
    }
}
