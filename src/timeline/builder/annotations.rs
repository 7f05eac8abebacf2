//! Collects tasks, regions, log messages, labels and CPU samples.

use std::collections::HashMap;
use std::mem;

use foldhash::fast::RandomState;

use crate::event::record::Record;
use crate::id::present;
use crate::timeline::columns::OPEN;
use crate::timeline::columns::annotations::{
    AnnotationColumns, LabelEntry, LogEntry, NO_GOROUTINE, RegionEntry, SampleEntry, TaskEntry,
};
use crate::timeline::columns::symbols::{StackNumber, StringNumber};

/// The annotations so far, and the open tasks and regions.
#[derive(Debug, Default)]
pub(super) struct Annotations {
    columns: AnnotationColumns,
    /// The last task with each ID. A program may reuse an ID.
    tasks: HashMap<u64, usize, RandomState>,
    /// The open regions of each goroutine, the innermost last.
    regions: HashMap<u32, Vec<usize>, RandomState>,
    /// The time of the last gap. A task or region that ends without a start may have started in the gap.
    last_gap: Option<i64>,
}

/// The number of innermost regions of a goroutine to search for a region that ends out of order, as in
/// `sched::annotation`.
const MAX_SEARCH: usize = 64;

impl Annotations {
    pub fn task_begin(&mut self, record: &Record, go: u32, name: StringNumber, stack: StackNumber) {
        let index = self.columns.tasks.len();
        self.columns.tasks.push(TaskEntry {
            id: record.a,
            parent: present(record.b),
            start: Some(record.time),
            end: OPEN,
            name,
            stack,
            go,
            ended_by: NO_GOROUTINE,
        });
        self.tasks.insert(record.a, index);
    }

    /// Ends a task. If its start is not known, the task started before the trace or in a gap.
    pub fn task_end(&mut self, record: &Record, go: u32, name: StringNumber) {
        let known = self.tasks.get(&record.a).and_then(|&index| self.columns.tasks.get_mut(index));
        match known {
            // A program may end a task twice.
            Some(task) if task.end == OPEN => (task.end, task.ended_by) = (record.time, go),
            Some(_) => {}
            None => {
                let index = self.columns.tasks.len();
                let (id, parent, end) = (record.a, present(record.b), record.time);
                let start = self.last_gap;
                self.columns.tasks.push(TaskEntry { id, parent, start, end, name, stack: 0, go, ended_by: go });
                self.tasks.insert(record.a, index);
            }
        }
    }

    pub fn region_begin(&mut self, record: &Record, go: u32, name: StringNumber, stack: StackNumber) {
        self.regions.entry(go).or_default().push(self.columns.regions.len());
        let (task, start) = (record.a, Some(record.time));
        self.columns.regions.push(RegionEntry { task, start, end: OPEN, name, stack, go });
    }

    /// Ends the innermost region with the record's name and task. If no such region is open, the region started before
    /// the trace or in a gap.
    pub fn region_end(&mut self, record: &Record, go: u32, name: StringNumber) {
        let regions = &mut self.columns.regions;
        let open = self.regions.entry(go).or_default();
        let near = open.len().saturating_sub(MAX_SEARCH);
        let is_this =
            |&index: &usize| regions.get(index).is_some_and(|open| open.task == record.a && open.name == name);
        match open[near..].iter().rposition(is_this) {
            Some(at) => {
                let index = open.remove(near + at);
                if let Some(region) = regions.get_mut(index) {
                    region.end = record.time;
                }
            }
            None if open.is_empty() => {
                regions.push(RegionEntry {
                    task: record.a,
                    start: self.last_gap,
                    end: record.time,
                    name,
                    stack: 0,
                    go,
                });
            }
            None => {}
        }
    }

    pub fn log(&mut self, entry: LogEntry) {
        self.columns.logs.push(entry);
    }

    pub fn label(&mut self, entry: LabelEntry) {
        self.columns.labels.push(entry);
    }

    pub fn sample(&mut self, entry: SampleEntry) {
        self.columns.samples.push(entry);
    }

    /// Handles a gap in the trace. Open regions are cut at the gap, since a later end event may be the end of another
    /// region with the same name. Tasks stay open, since their IDs are unique.
    pub fn gap(&mut self, time: i64) {
        self.last_gap = Some(time);
        for index in mem::take(&mut self.regions).into_values().flatten() {
            self.columns.regions[index].end = time;
        }
    }

    /// Sorts by start. Tasks and regions that started before the trace come first. Tasks without an
    /// end are cut at the first gap after their start.
    pub fn finish(mut self, gaps: &[i64]) -> AnnotationColumns {
        for task in self.columns.tasks.iter_mut().filter(|task| task.end == OPEN) {
            let start = task.start.unwrap_or(i64::MIN);
            task.end = gaps.get(gaps.partition_point(|&gap| gap <= start)).copied().unwrap_or(OPEN);
        }
        self.columns.tasks.sort_by_key(|task| task.start);
        self.columns.regions.sort_by_key(|region| region.start);
        self.columns
    }
}
