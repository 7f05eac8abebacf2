//! What [`Tasks`](super::Tasks) reports.

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
    /// The task. 0 stands for regions and log messages that belong to no task.
    pub id: TaskId,
    /// The name that the program gave it; empty if it started before the trace.
    pub name: String,
    /// The task in which it was created.
    pub parent: Option<TaskId>,
    /// When it started; `None` if before the trace.
    #[cfg_attr(feature = "serde", serde(rename = "start_ns"))]
    pub start: Option<Time>,
    /// When it ended; `None` if it had not when the trace ended.
    #[cfg_attr(feature = "serde", serde(rename = "end_ns"))]
    pub end: Option<Time>,
    /// How many log messages it has.
    pub logs: u64,
    /// How many regions it has.
    pub regions: u64,
    /// The first 1024 goroutines that started or ended it, logged for it or had regions in it, by ID.
    pub goroutines: Vec<GoId>,
    /// What its goroutines did in its regions.
    pub times: TimeByState,
}

/// Time by what goroutines did, in the columns of `go tool trace`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct TimeByState {
    /// `Execution time`.
    #[cfg_attr(feature = "serde", serde(rename = "execution_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub execution: Duration,
    /// `Sched wait time`: runnable, waiting for a P.
    #[cfg_attr(feature = "serde", serde(rename = "sched_wait_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub sched_wait: Duration,
    /// `Syscall execution time`.
    #[cfg_attr(feature = "serde", serde(rename = "syscall_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub syscall: Duration,
    /// `Block time (syscall)`.
    #[cfg_attr(feature = "serde", serde(rename = "syscall_block_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub syscall_block: Duration,
    /// All other `Block time`.
    #[cfg_attr(feature = "serde", serde(rename = "block_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub block: Duration,
}

/// Tasks of one name.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct TaskGroup {
    /// The name; empty for tasks that started before the trace.
    pub name: String,
    /// How many tasks there are.
    pub count: u64,
    /// How many started but did not end.
    pub open: u64,
    /// How long those took that started and ended within the trace, in nanoseconds.
    pub latency: Histogram,
    /// How many log messages they have.
    pub logs: u64,
    /// How many regions they have.
    pub regions: u64,
    /// How many goroutines worked on them. A goroutine counts once for each of its tasks.
    pub goroutines: u64,
    /// What their goroutines did in their regions. Nested regions of one task count once, and a goroutine that is created in
    /// a region counts from its creation.
    pub times: TimeByState,
}

/// Regions of one type.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct RegionGroup {
    /// The type.
    pub name: String,
    /// How many regions there are.
    pub count: u64,
    /// How long those took that started and ended within the trace, in nanoseconds.
    pub latency: Histogram,
    /// What their goroutines did in them.
    pub times: TimeByState,
}

/// The output of [`Tasks`](super::Tasks).
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct TasksReport {
    /// How many tasks there are.
    pub task_count: u64,
    /// How many names they have.
    pub task_names: u64,
    /// How many regions there are.
    pub region_count: u64,
    /// How many types they have.
    pub region_types: u64,
    /// Tasks by name, in ascending order. Regions and log messages without a task are not among them.
    pub tasks: Vec<TaskGroup>,
    /// Regions by type, in ascending order.
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
