//! Tasks, regions, log messages, labels and CPU samples.

use std::collections::HashMap;
use std::sync::OnceLock;

use foldhash::fast::RandomState;

use super::symbols::{StackNumber, StringNumber};

/// A task. A task without a start started before the trace. A start or end at a gap is not known.
#[derive(Clone, Copy, Debug)]
pub(in crate::timeline) struct TaskEntry {
    pub id: u64,
    pub parent: Option<u64>,
    pub start: Option<i64>,
    pub end: i64,
    pub name: StringNumber,
    pub stack: StackNumber,
    pub go: u32,
    /// The goroutine that ended the task, or [`NO_GOROUTINE`].
    pub ended_by: u32,
}

/// Means that there is no goroutine.
pub(in crate::timeline) const NO_GOROUTINE: u32 = u32::MAX;

/// A region. A region without a start started before the trace. A start or end at a gap is not known.
#[derive(Clone, Copy, Debug)]
pub(in crate::timeline) struct RegionEntry {
    pub task: u64,
    pub start: Option<i64>,
    pub end: i64,
    pub name: StringNumber,
    pub stack: StackNumber,
    pub go: u32,
}

/// A log message.
#[derive(Clone, Copy, Debug)]
pub(in crate::timeline) struct LogEntry {
    pub time: i64,
    pub task: u64,
    pub category: StringNumber,
    pub message: StringNumber,
    pub stack: StackNumber,
    pub go: u32,
}

/// A label of a goroutine.
#[derive(Clone, Copy, Debug)]
pub(in crate::timeline) struct LabelEntry {
    pub time: i64,
    pub go: u32,
    pub label: StringNumber,
}

/// A sample of the CPU profiler.
#[derive(Clone, Copy, Debug)]
pub(in crate::timeline) struct SampleEntry {
    pub time: i64,
    pub go: u32,
    pub place: u32,
    pub stack: StackNumber,
}

/// All annotations, each kind in order of time.
#[derive(Debug, Default)]
pub(in crate::timeline) struct AnnotationColumns {
    pub tasks: Vec<TaskEntry>,
    pub regions: Vec<RegionEntry>,
    pub logs: Vec<LogEntry>,
    pub labels: Vec<LabelEntry>,
    pub samples: Vec<SampleEntry>,
    index: OnceLock<TaskIndex>,
}

impl AnnotationColumns {
    pub fn bytes(&self) -> u64 {
        let tasks = self.tasks.capacity() * size_of::<TaskEntry>();
        let regions = self.regions.capacity() * size_of::<RegionEntry>();
        let logs = self.logs.capacity() * size_of::<LogEntry>();
        let labels = self.labels.capacity() * size_of::<LabelEntry>();
        (tasks + regions + logs + labels + self.samples.capacity() * size_of::<SampleEntry>()) as u64
    }

    pub fn index(&self) -> &TaskIndex {
        self.index.get_or_init(|| {
            let mut index = TaskIndex::default();
            for (number, task) in self.tasks.iter().enumerate() {
                index.by_id.insert(task.id, number);
                if let Some(parent) = task.parent {
                    index.children.entry(parent).or_default().push(number);
                }
            }
            for (number, region) in self.regions.iter().enumerate() {
                index.regions.entry(region.task).or_default().push(number);
            }
            for (number, log) in self.logs.iter().enumerate() {
                index.logs.entry(log.task).or_default().push(number);
            }
            index
        })
    }
}

/// The regions, messages and children of each task, computed at the first query. Numbers are indexes into the columns.
#[derive(Debug, Default)]
pub(in crate::timeline) struct TaskIndex {
    /// The last task with each ID.
    pub by_id: HashMap<u64, usize, RandomState>,
    pub children: HashMap<u64, Vec<usize>, RandomState>,
    pub regions: HashMap<u64, Vec<usize>, RandomState>,
    pub logs: HashMap<u64, Vec<usize>, RandomState>,
}
