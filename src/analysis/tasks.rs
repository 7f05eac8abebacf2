//! Tasks, regions and log messages of the traced program (`runtime/trace`).

use std::collections::HashMap;
use std::fmt;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::histogram::Histogram;
use super::observer::Observer;
use super::summarizer::Summarizer;
use super::summary::{GoroutineSummary, RegionSummary, Summary};
use super::times::Accounting;
use crate::event::record::What;
use crate::event::{Event, EventKind};
use crate::id::{GoId, TaskId};
use crate::time::Time;

/// A task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskSummary {
    /// The task; 0 stands for what belongs to none.
    pub id: TaskId,
    /// What the program called it; empty if its begin is not in the trace.
    pub name: String,
    /// The task it was made in.
    pub parent: Option<TaskId>,
    /// When it began and ended, if it did within the trace.
    pub begin: Option<Time>,
    /// See [`begin`](TaskSummary::begin).
    pub end: Option<Time>,
    /// How many log messages it has.
    pub logs: u64,
    /// How many regions it has.
    pub regions: u64,
    /// The goroutines that began or ended it, logged for it or had regions in it, ascending: the first 1024 that came.
    pub goroutines: Vec<GoId>,
    /// What its goroutines did in its regions.
    pub times: TimeByState,
}

/// Nanoseconds by what goroutines did, as in `go tool trace`. A sum too long for an `i64` stays at the greatest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeByState {
    /// `Execution time`.
    pub execution: i64,
    /// `Sched wait time`.
    pub sched_wait: i64,
    /// `Syscall execution time`.
    pub syscall: i64,
    /// `Block time (syscall)`.
    pub syscall_block: i64,
    /// All other `Block time`.
    pub block: i64,
}

impl TimeByState {
    fn add(&mut self, other: &TimeByState) {
        let add = |sum: &mut i64, nanos| *sum = sum.saturating_add(nanos);
        add(&mut self.execution, other.execution);
        add(&mut self.sched_wait, other.sched_wait);
        add(&mut self.syscall, other.syscall);
        add(&mut self.syscall_block, other.syscall_block);
        add(&mut self.block, other.block);
    }

    fn of(region: &RegionSummary<'_>) -> Self {
        let times = &region.times;
        TimeByState {
            execution: times.execution(),
            sched_wait: times.sched_wait(),
            syscall: times.syscall(),
            syscall_block: times.syscall_block(),
            block: times.blocks().fold(0, |sum, (_, nanos)| sum.saturating_add(nanos)),
        }
    }
}

/// Tasks of one name.
#[derive(Clone, Debug, Default)]
pub struct TaskGroup {
    /// The name; empty for tasks whose begin is not in the trace.
    pub name: String,
    /// How many there are.
    pub tasks: u64,
    /// How long those took that began and ended within the trace.
    pub latency: Histogram,
    /// How many began but did not end.
    pub open: u64,
    /// Log messages, regions and goroutines of all of them; a goroutine counts once a task.
    pub logs: u64,
    /// See [`logs`](TaskGroup::logs).
    pub regions: u64,
    /// See [`logs`](TaskGroup::logs).
    pub goroutines: u64,
    /// What their goroutines did in their regions, nested ones of the same task counted once, and from when a goroutine is
    /// created in a region of the task.
    pub times: TimeByState,
}

/// Regions of one type.
#[derive(Clone, Debug, Default)]
pub struct RegionGroup {
    /// The type.
    pub name: String,
    /// How many there are.
    pub regions: u64,
    /// How long those took that began and ended within the trace.
    pub latency: Histogram,
    /// What their goroutines did in them.
    pub times: TimeByState,
}

/// What [`Tasks`] finds.
#[derive(Clone, Debug, Default)]
pub struct TaskTable {
    /// Tasks by name, ascending. What belongs to no task is not among them.
    pub tasks: Vec<TaskGroup>,
    /// Regions by type, ascending.
    pub regions: Vec<RegionGroup>,
}

/// So many tasks are never let go of.
const FEW: usize = 4096;

/// So many goroutines of a task are told apart.
const MAX_GOROUTINES: usize = 1024;

/// Sums up tasks and regions, in one pass, and shows each task to a closure when there is nothing to add.
///
/// Tasks that have ended are let go of as a generation begins, when there are many and the task was not mentioned in the last one;
/// so memory follows the tasks that are open at a time and the goroutines that are alive. What is said of a task after that counts
/// as another task without a name.
pub struct Tasks<F> {
    summarizer: Summarizer<InTasks>,
    each: F,
    groups: IndexMap<String, TaskGroup, RandomState>,
    syncs: u64,
    /// How many tasks were left when some were last let go of.
    kept: usize,
}

#[derive(Debug, Default)]
struct InTasks {
    tasks: HashMap<u64, Task, RandomState>,
    regions: IndexMap<String, RegionGroup, RandomState>,
}

#[derive(Debug)]
struct Task {
    summary: TaskSummary,
    /// How many generations had begun when it was last mentioned.
    mentioned: u64,
}

impl InTasks {
    fn task(&mut self, id: TaskId, syncs: u64) -> &mut TaskSummary {
        let task = self.tasks.entry(id.0).or_insert_with(|| Task { summary: TaskSummary::new(id), mentioned: syncs });
        task.mentioned = syncs;
        &mut task.summary
    }
}

impl TaskSummary {
    fn new(id: TaskId) -> Self {
        TaskSummary {
            id,
            name: String::new(),
            parent: None,
            begin: None,
            end: None,
            logs: 0,
            regions: 0,
            goroutines: Vec::new(),
            times: TimeByState::default(),
        }
    }

    fn join(&mut self, go: Option<GoId>) {
        let Some(go) = go else { return };
        if let Err(place) = self.goroutines.binary_search(&go)
            && self.goroutines.len() < MAX_GOROUTINES
        {
            self.goroutines.insert(place, go);
        }
    }
}

impl Summary for InTasks {
    fn goroutine(&mut self, _: &GoroutineSummary<'_>) {}

    fn region(&mut self, region: &RegionSummary<'_>) {
        let times = TimeByState::of(region);
        if region.is_outermost
            && let Some(task) = self.tasks.get_mut(&region.task.0)
        {
            task.summary.times.add(&times);
        }
        // Without a type it only hands on a task.
        if !region.is_of_program {
            return;
        }
        let name = region.name.to_str_lossy();
        let group = match self.regions.get_mut(&*name) {
            Some(group) => group,
            None => self.regions.entry(name.into_owned()).or_default(),
        };
        group.regions += 1;
        group.times.add(&times);
        if let (Some(begin), Some(end)) = (region.start, region.end) {
            group.latency.add_nanos(end.since(begin));
        }
    }
}

impl Tasks<fn(&TaskSummary)> {
    /// Sums up tasks by name and regions by type.
    pub fn by_name() -> Self {
        Tasks::new(|_| {})
    }
}

impl<F: FnMut(&TaskSummary)> Tasks<F> {
    /// The same, showing each task.
    pub fn new(each: F) -> Self {
        let summarizer = Summarizer::with_accounting(InTasks::default(), Accounting::Reference);
        Tasks { summarizer, each, groups: IndexMap::default(), syncs: 0, kept: 0 }
    }

    /// What is said of a task, before the region that it may be about is summed up.
    fn annotation(&mut self, event: &Event<'_>) {
        let has_begun = self.summarizer.is_in_region(event);
        let syncs = self.syncs;
        let in_tasks = self.summarizer.summary_mut();
        match event.kind() {
            EventKind::TaskBegin(task) | EventKind::TaskEnd(task) => {
                let begins = matches!(event.kind(), EventKind::TaskBegin(_));
                let summary = in_tasks.task(task.id, syncs);
                summary.name = task.name.to_str_lossy().into_owned();
                summary.join(event.go());
                summary.parent = summary.parent.or(task.parent);
                *(if begins { &mut summary.begin } else { &mut summary.end }) = Some(event.time());
                if let Some(parent) = task.parent {
                    in_tasks.task(parent, syncs);
                }
            }
            EventKind::Log(log) => {
                let summary = in_tasks.task(log.task, syncs);
                summary.logs += 1;
                summary.join(event.go());
            }
            EventKind::RegionBegin(region) => {
                let summary = in_tasks.task(region.task, syncs);
                summary.regions += 1;
                summary.join(event.go());
            }
            // Without a begin the region is met here first.
            EventKind::RegionEnd(region) if !has_begun => {
                let summary = in_tasks.task(region.task, syncs);
                summary.regions += 1;
                summary.join(event.go());
            }
            EventKind::Sync(_) => {
                self.syncs += 1;
                self.retire();
            }
            _ => {}
        }
    }

    /// Lets go of tasks that have long ended.
    fn retire(&mut self) {
        let syncs = self.syncs;
        let (each, groups) = (&mut self.each, &mut self.groups);
        let tasks = &mut self.summarizer.summary_mut().tasks;
        if tasks.len() <= FEW.max(2 * self.kept) {
            return;
        }
        tasks.retain(|_, task| {
            let is_over = task.summary.end.is_some() && task.mentioned + 1 < syncs;
            if is_over {
                each(&task.summary);
                gather(groups, &task.summary);
            }
            !is_over
        });
        self.kept = tasks.len();
    }
}

fn gather(groups: &mut IndexMap<String, TaskGroup, RandomState>, task: &TaskSummary) {
    if task.id == TaskId::BACKGROUND {
        return;
    }
    let group = match groups.get_mut(&task.name) {
        Some(group) => group,
        None => groups.entry(task.name.clone()).or_default(),
    };
    group.tasks += 1;
    group.logs += task.logs;
    group.regions += task.regions;
    group.goroutines += task.goroutines.len() as u64;
    group.times.add(&task.times);
    match (task.begin, task.end) {
        (Some(begin), Some(end)) => group.latency.add_nanos(end.since(begin)),
        (Some(_), None) => group.open += 1,
        _ => {}
    }
}

impl<F: FnMut(&TaskSummary)> Observer for Tasks<F> {
    type Output = TaskTable;

    #[inline]
    fn event(&mut self, event: &Event<'_>) {
        if !matches!(event.record().what, What::GoTransition(..) | What::ProcTransition(..)) {
            self.annotation(event);
        }
        self.summarizer.event(event);
    }

    fn finish(self) -> TaskTable {
        let Tasks { summarizer, mut each, mut groups, .. } = self;
        let InTasks { tasks, regions } = summarizer.finish();
        let mut tasks: Vec<Task> = tasks.into_values().collect();
        tasks.sort_by_key(|task| task.summary.id);
        for task in &tasks {
            each(&task.summary);
            gather(&mut groups, &task.summary);
        }
        let mut tasks: Vec<_> = groups.into_iter().map(|(name, group)| TaskGroup { name, ..group }).collect();
        tasks.sort_by(|a, b| a.name.cmp(&b.name));
        let mut regions: Vec<_> = regions.into_iter().map(|(name, group)| RegionGroup { name, ..group }).collect();
        regions.sort_by(|a, b| a.name.cmp(&b.name));
        TaskTable { tasks, regions }
    }
}

impl<F> fmt::Debug for Tasks<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks").field("groups", &self.groups).finish_non_exhaustive()
    }
}
