//! Tasks, regions and log messages of the traced program (`runtime/trace`).
//!
//! [`Tasks`] sums up tasks by name and regions by type, [`LogSearch`] finds log messages, and
//! [`slowest`] reports what the slowest tasks waited for.

mod logs;
mod report;
mod slowest;

use std::collections::HashMap;
use std::fmt;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

pub use logs::{LogMatch, LogQuery, LogSearch, LogSearchReport};
pub use report::{RegionGroup, TaskGroup, TaskSummary, TasksReport, TimeByState};
pub use slowest::{LongestWait, SlowTask, SlowTaskGoroutine, SlowestOptions, SlowestReport, TaskWait, slowest};

use super::goroutine_summary::{GoroutineSummary, RegionSummary, SummarySink};
use super::observer::Observer;
use super::summarizer::Summarizer;
use super::times::Accounting;
use crate::event::record::What;
use crate::event::{Event, EventKind};
use crate::id::{GoId, TaskId};

/// The number of tasks up to which no task is dropped, even if it has ended.
const FEW: usize = 4096;

/// The maximum number of goroutines to store for a task.
const MAX_GOROUTINES: usize = 1024;

/// Sums up tasks and regions in one pass, and passes each task to a closure when it is complete.
///
/// When there are many tasks, those that have ended and were not mentioned in the last generation
/// are dropped at the start of a generation. Memory is therefore proportional to the number of open
/// tasks and of live goroutines. If a dropped task is mentioned again, it counts as another task
/// without a name.
pub struct Tasks<F> {
    summarizer: Summarizer<InTasks>,
    each: F,
    groups: IndexMap<String, TaskGroup, RandomState>,
    syncs: u64,
    /// The number of tasks that were left after the last time tasks were dropped.
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
    /// The number of Syncs before the last mention of the task.
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
    fn join(&mut self, go: Option<GoId>) {
        let Some(go) = go else { return };
        if let Err(place) = self.goroutines.binary_search(&go)
            && self.goroutines.len() < MAX_GOROUTINES
        {
            self.goroutines.insert(place, go);
        }
    }
}

impl SummarySink for InTasks {
    fn goroutine(&mut self, _: &GoroutineSummary<'_>) {}

    fn region(&mut self, region: &RegionSummary<'_>) {
        let times = TimeByState::of(region);
        if region.is_outermost
            && let Some(task) = self.tasks.get_mut(&region.task.0)
        {
            task.summary.times.add(&times);
        }
        // A region that is not of the program has no type. It only passes on the task of the
        // goroutine's creator.
        if !region.is_of_program {
            return;
        }
        let name = region.name.to_str_lossy();
        let group = match self.regions.get_mut(&*name) {
            Some(group) => group,
            None => self.regions.entry(name.into_owned()).or_default(),
        };
        group.count += 1;
        group.times.add(&times);
        if let (Some(start), Some(end)) = (region.start, region.end) {
            group.latency.add_nanos(end.since(start));
        }
    }
}

impl Tasks<fn(&TaskSummary)> {
    /// Creates an analysis that sums up tasks by name and regions by type.
    pub fn by_name() -> Self {
        Tasks::new(|_| {})
    }
}

impl<F: FnMut(&TaskSummary)> Tasks<F> {
    /// Creates an analysis that sums up tasks and regions, and passes each task to a closure, in no
    /// particular order.
    pub fn new(each: F) -> Self {
        let summarizer = Summarizer::with_accounting(InTasks::default(), Accounting::Reference);
        Tasks { summarizer, each, groups: IndexMap::default(), syncs: 0, kept: 0 }
    }

    /// Records what an event says about a task. Must be called before the summarizer handles the
    /// event.
    fn annotation(&mut self, event: &Event<'_>) {
        let is_known = event.record().what == What::RegionEnd && self.summarizer.ends_known_region(event);
        let syncs = self.syncs;
        let in_tasks = self.summarizer.summary_mut();
        match event.kind() {
            EventKind::TaskBegin(task) | EventKind::TaskEnd(task) => {
                let begins = matches!(event.kind(), EventKind::TaskBegin(_));
                let summary = in_tasks.task(task.id, syncs);
                summary.name = task.name.to_str_lossy().into_owned();
                summary.join(event.go());
                summary.parent = summary.parent.or(task.parent);
                *(if begins { &mut summary.start } else { &mut summary.end }) = Some(event.time());
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
            // This is the first mention of a region that started before the trace.
            EventKind::RegionEnd(region) if !is_known => {
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

    /// Drops tasks that have ended and were not mentioned in the last generation.
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
    group.count += 1;
    group.logs += task.logs;
    group.regions += task.regions;
    group.goroutines += task.goroutines.len() as u64;
    group.times.add(&task.times);
    match (task.start, task.end) {
        (Some(start), Some(end)) => group.latency.add_nanos(end.since(start)),
        (Some(_), None) => group.open += 1,
        _ => {}
    }
}

impl<F: FnMut(&TaskSummary)> Observer for Tasks<F> {
    type Output = TasksReport;

    #[inline]
    fn event(&mut self, event: &Event<'_>) {
        if !matches!(event.record().what, What::GoTransition(..) | What::ProcTransition(..)) {
            self.annotation(event);
        }
        self.summarizer.event(event);
    }

    fn finish(self) -> TasksReport {
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
        TasksReport::new(tasks, regions)
    }
}

impl<F> fmt::Debug for Tasks<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks").field("groups", &self.groups).finish_non_exhaustive()
    }
}
