//! Tasks and regions, which the traced program marks.
//!
//! If the program misuses them, that is a mistake of the program and no damage of the trace. So
//! nothing here fails, unlike in Go's reader. A decoder reports a warning.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::arena::Index;
use super::{Context, Sched, mismatch};
use crate::error::{ContextMismatch, ErrorKind};
use crate::event::names::NameId;

/// A task that has started and not ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ActiveTask {
    pub parent: u64,
    pub name: NameId,
}

/// A region that has started and not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpenRegion {
    task: u64,
    name: NameId,
}

/// The maximum number of innermost regions of a goroutine that are searched for a region that ends
/// out of order. A hostile file can start many regions and end none of them.
const MAX_SEARCH: usize = 64;

/// Whether the program used an annotation correctly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    Good,
    Misused,
}

/// The open tasks and regions.
#[derive(Debug, Default)]
pub(crate) struct Annotations {
    tasks: HashMap<u64, ActiveTask, RandomState>,
    /// By goroutine.
    regions: HashMap<u64, Vec<OpenRegion>, RandomState>,
    /// The number of all open regions.
    open_regions: usize,
}

impl Annotations {
    /// A task starts. The ID may be that of a task that has ended.
    pub fn task_begin(&mut self, id: u64, task: ActiveTask) -> Fit {
        match self.tasks.insert(id, task) {
            None => Fit::Good,
            Some(_) => Fit::Misused,
        }
    }

    /// A task ends. Returns `None` if it has already ended or started before the trace.
    pub fn task_end(&mut self, id: u64) -> Option<ActiveTask> {
        self.tasks.remove(&id)
    }

    /// A region of a goroutine starts.
    pub fn region_begin(&mut self, go: u64, task: u64, name: NameId) {
        self.open_regions += 1;
        self.regions.entry(go).or_default().push(OpenRegion { task, name });
    }

    /// A region of a goroutine ends. If none is open, it started before the trace, which is correct
    /// (Go issue 64878).
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
        // It ends out of order, so remove it if it is among the innermost ones.
        let near = open.len().saturating_sub(MAX_SEARCH);
        if let Some(at) = open[near..].iter().rposition(|region| *region == ended) {
            open.remove(near + at);
            self.open_regions -= 1;
        }
        Fit::Misused
    }

    /// A goroutine has exited.
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

    /// The approximate memory in bytes.
    pub fn bytes(&self) -> usize {
        /// The memory of a list of regions without the regions, and of its map entry.
        const LIST: usize = 64;
        self.tasks.capacity() * size_of::<(u64, ActiveTask)>()
            + self.regions.len() * LIST
            + self.open_regions * size_of::<OpenRegion>()
    }

    /// The names of all open tasks and regions.
    pub fn names_mut(&mut self) -> impl Iterator<Item = &mut NameId> {
        let regions = self.regions.values_mut().flatten().map(|region| &mut region.name);
        self.tasks.values_mut().map(|task| &mut task.name).chain(regions)
    }
}

impl Sched {
    /// Checks the context of an event that the running goroutine causes, such as a label or a log
    /// message.
    #[inline]
    pub fn user_event(&self, event: &'static str, context: Context) -> Result<(), Box<ErrorKind>> {
        context.needs_user_code(event)
    }

    /// Checks the context of an event that needs a P, but no goroutine, such as a heap metric.
    #[inline]
    pub fn proc_event(&self, event: &'static str, context: Context) -> Result<(), Box<ErrorKind>> {
        context.needs_proc(event)
    }

    /// Checks the context of an event that only needs a thread, such as an allocation.
    #[inline]
    pub fn thread_event(&self, event: &'static str, context: Context) -> Result<(), Box<ErrorKind>> {
        context.needs_thread(event)
    }

    /// The running goroutine starts a task.
    pub fn task_begin(&mut self, context: Context, id: u64, task: ActiveTask) -> Result<Fit, Box<ErrorKind>> {
        context.needs_user_code("UserTaskBegin")?;
        Ok(self.annotations.task_begin(id, task))
    }

    /// The running goroutine ends a task.
    pub fn task_end(&mut self, context: Context, id: u64) -> Result<Option<ActiveTask>, Box<ErrorKind>> {
        context.needs_user_code("UserTaskEnd")?;
        Ok(self.annotations.task_end(id))
    }

    /// The running goroutine starts a region.
    pub fn region_begin(&mut self, context: Context, task: u64, name: NameId) -> Result<(), Box<ErrorKind>> {
        context.needs_user_code("UserRegionBegin")?;
        let go =
            self.gos.get_mut(context.go).ok_or_else(|| mismatch("UserRegionBegin", ContextMismatch::NoGoroutine))?;
        go.has_annotations = true;
        self.annotations.region_begin(context.go_id, task, name);
        Ok(())
    }

    /// The running goroutine ends a region.
    pub fn region_end(&mut self, context: Context, task: u64, name: NameId) -> Result<Fit, Box<ErrorKind>> {
        context.needs_user_code("UserRegionEnd")?;
        Ok(self.annotations.region_end(context.go_id, task, name))
    }

    /// Removes everything of a goroutine that has exited, because its slot may be reused.
    pub fn forget_annotations(&mut self, go: Index, id: u64) {
        self.annotations.forget(id);
        self.ranges.forget(go);
    }
}
