//! The report of [`Tasks`](super::Tasks).

use std::time::Duration;

use crate::analysis::goroutine_summary::RegionSummary;
use crate::analysis::histogram::Histogram;
use crate::id::{GoId, TaskId};
use crate::time::Time;

/// A task.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct TaskSummary {
    /// The ID of the task. 0 is used for regions and log messages that belong to no task.
    pub id: TaskId,
    /// The name that the program gave the task. Empty if the task started before the trace.
    pub name: String,
    /// The task in which this task was created.
    pub parent: Option<TaskId>,
    /// The time at which the task started. `None` if it started before the trace. In JSON:
    /// nanoseconds on the trace's clock.
    #[cfg_attr(feature = "serde", serde(rename = "start_ns"))]
    pub start: Option<Time>,
    /// The time at which the task ended. `None` if it was still open at the end of the trace. In
    /// JSON: nanoseconds on the trace's clock.
    #[cfg_attr(feature = "serde", serde(rename = "end_ns"))]
    pub end: Option<Time>,
    /// The number of log messages of the task.
    pub logs: u64,
    /// The number of regions of the task.
    pub regions: u64,
    /// The goroutines that started or ended the task, logged a message for it or had a region in
    /// it, in ascending order of IDs. Only the first 1024 goroutines are stored.
    pub goroutines: Vec<GoId>,
    /// The time that goroutines spent in the regions of the task, by state.
    pub times: TimeByState,
}

/// Time by the state of goroutines, in the columns of `go tool trace`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct TimeByState {
    /// `Execution time`: the time during which goroutines ran. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "execution_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub execution: Duration,
    /// `Sched wait time`: the time during which goroutines were runnable and waited for a P. In
    /// JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "sched_wait_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub sched_wait: Duration,
    /// `Syscall execution time`: the time in system calls with a P. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "syscall_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub syscall: Duration,
    /// `Block time (syscall)`: the time in system calls without a P. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "syscall_block_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub syscall_block: Duration,
    /// The sum of all other `Block time` columns. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "block_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub block: Duration,
}

/// The tasks with the same name.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct TaskGroup {
    /// The name. Empty for tasks that started before the trace.
    pub name: String,
    /// The number of tasks.
    pub count: u64,
    /// The number of tasks that started but did not end.
    pub open: u64,
    /// The durations of tasks that started and ended within the trace, in nanoseconds.
    pub latency: Histogram,
    /// The number of log messages of the tasks.
    pub logs: u64,
    /// The number of regions of the tasks.
    pub regions: u64,
    /// The number of goroutines that worked on the tasks. A goroutine counts once for each of its
    /// tasks.
    pub goroutines: u64,
    /// The time that goroutines spent in the regions of the tasks, by state. Time in nested regions
    /// of one task counts once. A goroutine that is created in a region counts from its creation.
    pub times: TimeByState,
}

/// The regions with the same type.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct RegionGroup {
    /// The type of the regions.
    pub name: String,
    /// The number of regions.
    pub count: u64,
    /// The durations of regions that started and ended within the trace, in nanoseconds.
    pub latency: Histogram,
    /// The time that goroutines spent in the regions, by state.
    pub times: TimeByState,
}

/// The output of [`Tasks`](super::Tasks).
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct TasksReport {
    /// The number of tasks.
    pub task_count: u64,
    /// The number of distinct names of tasks.
    pub task_names: u64,
    /// The number of regions.
    pub region_count: u64,
    /// The number of distinct types of regions.
    pub region_types: u64,
    /// The tasks by name, in ascending order. Regions and log messages without a task are not
    /// included.
    pub tasks: Vec<TaskGroup>,
    /// The regions by type, in ascending order.
    pub regions: Vec<RegionGroup>,
}

impl TasksReport {
    pub(super) fn new(tasks: Vec<TaskGroup>, regions: Vec<RegionGroup>) -> Self {
        TasksReport {
            task_count: tasks.iter().map(|group| group.count).sum(),
            task_names: tasks.len() as u64,
            region_count: regions.iter().map(|group| group.count).sum(),
            region_types: regions.len() as u64,
            tasks,
            regions,
        }
    }
}

impl TaskSummary {
    pub(super) fn new(id: TaskId) -> Self {
        TaskSummary {
            id,
            name: String::new(),
            parent: None,
            start: None,
            end: None,
            logs: 0,
            regions: 0,
            goroutines: Vec::new(),
            times: TimeByState::default(),
        }
    }
}

impl TimeByState {
    pub(super) fn add(&mut self, other: &TimeByState) {
        let add = |sum: &mut Duration, part| *sum = sum.saturating_add(part);
        add(&mut self.execution, other.execution);
        add(&mut self.sched_wait, other.sched_wait);
        add(&mut self.syscall, other.syscall);
        add(&mut self.syscall_block, other.syscall_block);
        add(&mut self.block, other.block);
    }

    pub(super) fn of(region: &RegionSummary<'_>) -> Self {
        let times = &region.times;
        TimeByState {
            execution: times.execution(),
            sched_wait: times.sched_wait(),
            syscall: times.syscall(),
            syscall_block: times.syscall_block(),
            block: times.block(),
        }
    }
}
