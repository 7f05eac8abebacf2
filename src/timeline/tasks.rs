//! Tasks with their regions and log messages, labels, and CPU samples.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

use foldhash::fast::RandomState;

use super::Timeline;
use super::columns::OPEN;
use super::columns::annotations::{LabelEntry, LogEntry, RegionEntry, SampleEntry, TaskEntry};
use super::columns::symbols::StackTrace;
use super::goroutine::Goroutine;
use crate::event::Text;
use crate::id::{GoId, ProcId, TaskId, ThreadId, present};
use crate::time::Time;

impl Timeline {
    fn end_told(&self, end: i64) -> Option<Time> {
        (end != OPEN && !self.is_gap(end)).then_some(Time(end))
    }

    fn known(&self, start: Option<i64>, end: i64) -> Range<Time> {
        start.map_or(self.start(), Time)..self.end_or_last(end)
    }

    /// Returns all tasks in order of their start. Tasks that started before the trace come first.
    pub fn tasks(&self) -> impl ExactSizeIterator<Item = Task<'_>> + Clone {
        self.annotations.tasks.iter().map(|&entry| Task { timeline: self, entry })
    }

    /// Returns the task with this ID. If the program reused the ID, the last such task. `None` if it neither starts nor
    /// ends within the trace.
    ///
    /// The first call builds an index of all tasks.
    pub fn task(&self, id: TaskId) -> Option<Task<'_>> {
        let &number = self.annotations.index().by_id.get(&id.0)?;
        self.annotations.tasks.get(number).map(|&entry| Task { timeline: self, entry })
    }

    /// Returns a task and all its descendants, parents before their children. Each occurs once and has a depth, which
    /// is 0 for the task itself. Empty if the trace does not contain the task.
    pub fn task_tree(&self, id: TaskId) -> TaskTree<'_> {
        let root = self.annotations.index().by_id.get(&id.0);
        TaskTree {
            timeline: self,
            pending: root.map(|&number| (0, number)).into_iter().collect(),
            seen: HashSet::default(),
        }
    }

    /// Returns all regions in order of their start. Regions that started before the trace come first.
    pub fn regions(&self) -> impl ExactSizeIterator<Item = Region<'_>> + Clone {
        self.annotations.regions.iter().map(|&entry| Region { timeline: self, entry })
    }

    /// Returns all log messages in order of time.
    pub fn logs(&self) -> impl ExactSizeIterator<Item = LogMessage<'_>> + Clone {
        self.annotations.logs.iter().map(|&entry| LogMessage { timeline: self, entry })
    }

    /// Returns all samples of the CPU profiler in order of time.
    pub fn cpu_samples(&self) -> impl ExactSizeIterator<Item = CpuSample<'_>> + Clone {
        self.annotations.samples.iter().map(|&entry| CpuSample { timeline: self, entry })
    }

    /// Returns all labels of goroutines in order of time. The runtime labels its GC workers.
    pub fn labels(&self) -> impl ExactSizeIterator<Item = Label<'_>> + Clone {
        self.annotations.labels.iter().map(|&entry| Label { timeline: self, entry })
    }
}

/// A task of the program (`runtime/trace.NewTask`).
#[derive(Clone, Copy)]
pub struct Task<'t> {
    timeline: &'t Timeline,
    entry: TaskEntry,
}

impl<'t> Task<'t> {
    /// Returns its ID.
    pub fn id(&self) -> TaskId {
        TaskId(self.entry.id)
    }

    /// Returns the task in which it was created. `None` if it has no parent, or if the parent is not known.
    pub fn parent(&self) -> Option<TaskId> {
        self.entry.parent.map(TaskId)
    }

    /// Returns the name that the program gave it. Empty if it started before the trace.
    pub fn name(&self) -> Text<'t> {
        self.timeline.symbols.strings.get(self.entry.name)
    }

    /// Returns when it started. `None` if it started before the trace, or in a [gap](Timeline::gaps).
    pub fn start(&self) -> Option<Time> {
        self.entry.start.filter(|&start| !self.timeline.is_gap(start)).map(Time)
    }

    /// Returns when it ended. `None` if it was open when the trace ended, or if it may have ended in a
    /// [gap](Timeline::gaps).
    pub fn end(&self) -> Option<Time> {
        self.timeline.end_told(self.entry.end)
    }

    /// Returns how long it took within the trace.
    pub fn duration(&self) -> Duration {
        let Range { start, end } = self.known();
        end - start
    }

    /// Returns the range of time in which the task is known to be open.
    pub(crate) fn known(&self) -> Range<Time> {
        self.timeline.known(self.entry.start, self.entry.end)
    }

    /// Returns the goroutine that started it. If this is not known, the goroutine that ended it.
    pub fn go(&self) -> Option<GoId> {
        self.timeline.goroutines.id(self.entry.go).map(GoId)
    }

    /// Returns the goroutine that ended it. `None` if it was open when the trace ended.
    pub fn ended_by(&self) -> Option<GoId> {
        self.timeline.goroutines.id(self.entry.ended_by).map(GoId)
    }

    /// Returns the stack at which it started.
    pub fn stack(&self) -> Option<StackTrace<'t>> {
        self.timeline.symbols.stack(self.entry.stack)
    }

    /// Returns the tasks that were created in it, in order of their start.
    pub fn children(&self) -> impl Iterator<Item = Task<'t>> + use<'t> {
        let timeline = self.timeline;
        let children = timeline.annotations.index().children.get(&self.entry.id);
        children
            .into_iter()
            .flatten()
            .filter_map(move |&number| Some(Task { timeline, entry: *timeline.annotations.tasks.get(number)? }))
    }

    /// Returns its regions in order of their start, of any goroutine.
    pub fn regions(&self) -> impl Iterator<Item = Region<'t>> + use<'t> {
        let timeline = self.timeline;
        let regions = timeline.annotations.index().regions.get(&self.entry.id);
        regions
            .into_iter()
            .flatten()
            .filter_map(move |&number| Some(Region { timeline, entry: *timeline.annotations.regions.get(number)? }))
    }

    /// Returns its log messages in order of time.
    pub fn logs(&self) -> impl Iterator<Item = LogMessage<'t>> + use<'t> {
        let timeline = self.timeline;
        let logs = timeline.annotations.index().logs.get(&self.entry.id);
        logs.into_iter()
            .flatten()
            .filter_map(move |&number| Some(LogMessage { timeline, entry: *timeline.annotations.logs.get(number)? }))
    }
}

/// A task and its descendants, parents before their children.
#[derive(Clone, Debug)]
pub struct TaskTree<'t> {
    timeline: &'t Timeline,
    /// A stack of the tasks to visit, as depth and index.
    pending: Vec<(u32, usize)>,
    /// The tasks already added. A program may make a task its own ancestor.
    seen: HashSet<usize, RandomState>,
}

impl<'t> Iterator for TaskTree<'t> {
    type Item = (u32, Task<'t>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (depth, number) = self.pending.pop()?;
            if !self.seen.insert(number) {
                continue;
            }
            let &entry = self.timeline.annotations.tasks.get(number)?;
            let children = self.timeline.annotations.index().children.get(&entry.id).into_iter().flatten().rev();
            let seen = &self.seen;
            self.pending.extend(children.filter(|child| !seen.contains(child)).map(|&child| (depth + 1, child)));
            return Some((depth, Task { timeline: self.timeline, entry }));
        }
    }
}

/// A region of a goroutine (`runtime/trace.StartRegion`).
#[derive(Clone, Copy)]
pub struct Region<'t> {
    timeline: &'t Timeline,
    entry: RegionEntry,
}

impl<'t> Region<'t> {
    /// Returns the type that the program gave it.
    pub fn name(&self) -> Text<'t> {
        self.timeline.symbols.strings.get(self.entry.name)
    }

    /// Returns the task of the region. [`TaskId::BACKGROUND`] if it has none.
    pub fn task(&self) -> TaskId {
        TaskId(self.entry.task)
    }

    /// Returns the goroutine.
    pub fn go(&self) -> Option<GoId> {
        self.timeline.goroutines.id(self.entry.go).map(GoId)
    }

    /// Returns when it started. `None` if it started before the trace, or in a [gap](Timeline::gaps).
    pub fn start(&self) -> Option<Time> {
        self.entry.start.filter(|&start| !self.timeline.is_gap(start)).map(Time)
    }

    /// Returns when it ended. `None` if it was open when the trace or its goroutine ended, or if it may have ended in a
    /// [gap](Timeline::gaps).
    pub fn end(&self) -> Option<Time> {
        self.timeline.end_told(self.entry.end)
    }

    /// Returns the range of time in which the region is known to be open.
    pub(crate) fn known(&self) -> Range<Time> {
        self.timeline.known(self.entry.start, self.entry.end)
    }

    /// Returns the stack at which it started.
    pub fn stack(&self) -> Option<StackTrace<'t>> {
        self.timeline.symbols.stack(self.entry.stack)
    }
}

/// A message of `runtime/trace.Log`.
#[derive(Clone, Copy)]
pub struct LogMessage<'t> {
    timeline: &'t Timeline,
    entry: LogEntry,
}

impl<'t> LogMessage<'t> {
    /// Returns when it was logged.
    pub fn time(&self) -> Time {
        Time(self.entry.time)
    }

    /// Returns the task of the message. [`TaskId::BACKGROUND`] if it has none.
    pub fn task(&self) -> TaskId {
        TaskId(self.entry.task)
    }

    /// Returns the goroutine that logged it.
    pub fn go(&self) -> Option<GoId> {
        self.timeline.goroutines.id(self.entry.go).map(GoId)
    }

    /// Returns the category.
    pub fn category(&self) -> Text<'t> {
        self.timeline.symbols.strings.get(self.entry.category)
    }

    /// Returns the message.
    pub fn message(&self) -> Text<'t> {
        self.timeline.symbols.strings.get(self.entry.message)
    }

    /// Returns the stack at which it was logged.
    pub fn stack(&self) -> Option<StackTrace<'t>> {
        self.timeline.symbols.stack(self.entry.stack)
    }
}

/// A label of a goroutine.
#[derive(Clone, Copy)]
pub struct Label<'t> {
    timeline: &'t Timeline,
    entry: LabelEntry,
}

impl<'t> Label<'t> {
    /// Returns when the goroutine got it.
    pub fn time(&self) -> Time {
        Time(self.entry.time)
    }

    /// Returns the goroutine.
    pub fn go(&self) -> Option<GoId> {
        self.timeline.goroutines.id(self.entry.go).map(GoId)
    }

    /// Returns the label.
    pub fn text(&self) -> Text<'t> {
        self.timeline.symbols.strings.get(self.entry.label)
    }
}

/// A sample of the CPU profiler: the stack that ran on a thread at one time.
#[derive(Clone, Copy)]
pub struct CpuSample<'t> {
    timeline: &'t Timeline,
    entry: SampleEntry,
}

impl<'t> CpuSample<'t> {
    /// Returns when it was taken.
    pub fn time(&self) -> Time {
        Time(self.entry.time)
    }

    /// Returns the goroutine that ran. `None` if no goroutine was running.
    pub fn go(&self) -> Option<GoId> {
        self.timeline.goroutines.id(self.entry.go).map(GoId)
    }

    /// Returns the P.
    pub fn proc(&self) -> Option<ProcId> {
        self.timeline.places.get(self.entry.place as usize).and_then(|place| present(place.proc)).map(ProcId)
    }

    /// Returns the thread.
    pub fn thread(&self) -> Option<ThreadId> {
        self.timeline.places.get(self.entry.place as usize).and_then(|place| present(place.thread)).map(ThreadId)
    }

    /// Returns the stack that was sampled.
    pub fn stack(&self) -> Option<StackTrace<'t>> {
        self.timeline.symbols.stack(self.entry.stack)
    }
}

macro_rules! debug_without_timeline {
    ($($name:ident)+) => {$(
        impl fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.entry).finish()
            }
        }
    )+};
}

debug_without_timeline!(Task Region LogMessage Label CpuSample);

impl<'t> Goroutine<'t> {
    /// Returns its labels in order of time.
    pub fn labels(&self) -> impl Iterator<Item = Label<'t>> + use<'t> {
        let id = self.id();
        self.timeline().labels().filter(move |label| label.go() == Some(id))
    }

    /// Returns its regions in order of their start.
    pub fn regions(&self) -> impl Iterator<Item = Region<'t>> + use<'t> {
        let id = self.id();
        self.timeline().regions().filter(move |region| region.go() == Some(id))
    }

    /// Returns its log messages.
    pub fn logs(&self) -> impl Iterator<Item = LogMessage<'t>> + use<'t> {
        let id = self.id();
        self.timeline().logs().filter(move |log| log.go() == Some(id))
    }

    /// Returns the samples of the CPU profiler taken while it was running.
    pub fn cpu_samples(&self) -> impl Iterator<Item = CpuSample<'t>> + use<'t> {
        let id = self.id();
        self.timeline().cpu_samples().filter(move |sample| sample.go() == Some(id))
    }
}
