//! Tasks and regions, which the traced program starts and ends.
//!
//! Misusing them is a mistake of the program and not damage of the trace. So no function here fails, unlike in Go's
//! reader. A decoder reports a warning instead.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::arena::Index;
use super::{Context, Sched, mismatch};
use crate::error::{ContextMismatch, ErrorKind};
use crate::event::names::NameId;

/// A task that has started but not ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ActiveTask {
    pub parent: u64,
    pub name: NameId,
}

/// A region that has started but not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpenRegion {
    task: u64,
    name: NameId,
}

/// The maximum number of innermost regions of a goroutine that are searched for a region that ends out of order. A
/// malicious file can start many regions and end none of them.
const MAX_SEARCH: usize = 64;

/// Whether the program used an annotation correctly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usage {
    Correct,
    Misused,
}

/// The open tasks and regions.
#[derive(Debug, Default)]
pub(crate) struct Annotations {
    tasks: HashMap<u64, ActiveTask, RandomState>,
    /// The open regions of each goroutine, innermost last.
    regions: HashMap<u64, Vec<OpenRegion>, RandomState>,
    /// The number of all open regions.
    open_regions: usize,
}

impl Annotations {
    /// Starts a task. Its ID may be the ID of a task that has ended.
    pub fn task_begin(&mut self, id: u64, task: ActiveTask) -> Usage {
        match self.tasks.insert(id, task) {
            None => Usage::Correct,
            Some(_) => Usage::Misused,
        }
    }

    /// Ends a task. Returns `None` if the task has already ended or started before the trace.
    pub fn task_end(&mut self, id: u64) -> Option<ActiveTask> {
        self.tasks.remove(&id)
    }

    /// Starts a region of a goroutine.
    pub fn region_begin(&mut self, go: u64, task: u64, name: NameId) {
        self.open_regions += 1;
        self.regions.entry(go).or_default().push(OpenRegion { task, name });
    }

    /// Ends a region of a goroutine. If no region is open, the region started before the trace, which is correct (Go
    /// issue 64878).
    pub fn region_end(&mut self, go: u64, task: u64, name: NameId) -> Usage {
        let ended = OpenRegion { task, name };
        let Some(open) = self.regions.get_mut(&go).filter(|open| !open.is_empty()) else {
            return Usage::Correct;
        };
        if open.last() == Some(&ended) {
            open.pop();
            self.open_regions -= 1;
            return Usage::Correct;
        }
        // The region ends out of order, so it is removed if it is among the innermost regions.
        let near = open.len().saturating_sub(MAX_SEARCH);
        if let Some(at) = open[near..].iter().rposition(|region| *region == ended) {
            open.remove(near + at);
            self.open_regions -= 1;
        }
        Usage::Misused
    }

    /// Removes the regions of a goroutine that has exited.
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

    /// Returns the approximate memory in bytes.
    pub fn bytes(&self) -> usize {
        /// The memory of a list of regions without the regions, and of its map entry.
        const LIST: usize = 64;
        self.tasks.capacity() * size_of::<(u64, ActiveTask)>()
            + self.regions.len() * LIST
            + self.open_regions * size_of::<OpenRegion>()
    }

    /// Returns the names of all open tasks and regions.
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

    /// Starts a task of the running goroutine.
    pub fn task_begin(&mut self, context: Context, id: u64, task: ActiveTask) -> Result<Usage, Box<ErrorKind>> {
        context.needs_user_code("UserTaskBegin")?;
        Ok(self.annotations.task_begin(id, task))
    }

    /// Ends a task of the running goroutine.
    pub fn task_end(&mut self, context: Context, id: u64) -> Result<Option<ActiveTask>, Box<ErrorKind>> {
        context.needs_user_code("UserTaskEnd")?;
        Ok(self.annotations.task_end(id))
    }

    /// Starts a region of the running goroutine.
    pub fn region_begin(&mut self, context: Context, task: u64, name: NameId) -> Result<(), Box<ErrorKind>> {
        context.needs_user_code("UserRegionBegin")?;
        let go =
            self.gos.get_mut(context.go).ok_or_else(|| mismatch("UserRegionBegin", ContextMismatch::NoGoroutine))?;
        go.has_annotations = true;
        self.annotations.region_begin(context.go_id, task, name);
        Ok(())
    }

    /// Ends a region of the running goroutine.
    pub fn region_end(&mut self, context: Context, task: u64, name: NameId) -> Result<Usage, Box<ErrorKind>> {
        context.needs_user_code("UserRegionEnd")?;
        Ok(self.annotations.region_end(context.go_id, task, name))
    }

    /// Removes the regions and ranges of a goroutine that has exited, because its slot may be reused.
    pub fn forget_annotations(&mut self, go: Index, id: u64) {
        self.annotations.forget(id);
        self.ranges.forget(go);
    }
}
