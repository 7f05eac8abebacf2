//! The result of [`Allocations`](super::Allocations).

use std::collections::HashMap;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::NO_CLASS;
use super::counts::{ObjectCount, ObjectTotals, PageCount};
use super::source::SuspiciousWindow;
use crate::analysis::histogram::Histogram;
use crate::analysis::names::Names;
use crate::analysis::stacks::{StackKey, Stacks};
use crate::event::{AllocFreeInfo, Frame, HeapSpan, Text};
use crate::id::{GoId, NONE, TaskId};
use crate::time::Time;

/// A type of the traced program.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct AllocatedType {
    /// The name of the type. For a slice, this is the type of the elements. Empty for memory that
    /// the runtime allocates without a type, such as the bytes of strings.
    pub name: String,
    /// The size of a value in bytes.
    #[cfg_attr(feature = "serde", serde(rename = "size_bytes"))]
    pub size: u64,
    /// The number of bytes at the start of a value that can contain pointers.
    pub pointer_bytes: u64,
}

/// Objects of one type and size that a goroutine allocated for a task, or that existed when the
/// trace started.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AllocationRow {
    /// The index of the objects' type in [`AllocationsReport::types`]. Index 0 is the unknown type.
    pub ty: usize,
    /// The runtime's size class. 0 for objects that have a span of their own. `None` if the span of
    /// the objects is not known.
    pub class: Option<u8>,
    /// Whether the objects contain no pointers. `None` if the span of the objects is not known.
    pub no_scan: Option<bool>,
    /// The size of the slot of each object in bytes. This can be more than the requested size.
    pub size: u64,
    /// The goroutine that allocated the objects. `None` for objects that existed when the trace
    /// started, for objects that no goroutine allocated, and for objects beyond
    /// [`AllocationOptions::max_rows`](super::AllocationOptions::max_rows).
    pub go: Option<GoId>,
    /// The task for which the goroutine worked: the task of its innermost region, or else the last
    /// open task that the goroutine began or was created for. `None` if the trace does not have a
    /// task.
    pub task: Option<TaskId>,
    /// The counts of the objects, and the times of allocations.
    pub totals: ObjectTotals,
    pub(super) stack: StackKey,
}

/// The sums of all rows that have the same value, such as the same type.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct AllocationGroup {
    /// The type, the size, the goroutine's ID, the start function or the task. Empty if it is not
    /// known.
    pub name: String,
    /// The goroutine. Only present if rows are grouped by goroutine.
    #[cfg_attr(feature = "serde", serde(rename = "goroutine", skip_serializing_if = "Option::is_none"))]
    pub go: Option<GoId>,
    /// The function in which the goroutine started. Only present if rows are grouped by goroutine.
    /// Empty if the trace has no stack for the goroutine.
    #[cfg_attr(feature = "serde", serde(rename = "start_function", skip_serializing_if = "Option::is_none"))]
    pub start: Option<String>,
    /// The task. Only present if rows are grouped by task.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub task: Option<TaskId>,
    /// The sums of the rows in the group.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub totals: ObjectTotals,
}

/// The property by which rows are grouped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AllocationBy {
    /// The type of the objects.
    Type,
    /// The size class, with and without pointers. Large objects are grouped by size.
    SizeClass,
    /// The goroutine that allocated the objects.
    Goroutine,
    /// The function in which the allocating goroutine started.
    Start,
    /// The task for which the allocating goroutine worked.
    Task,
}

/// A goroutine of an [`AllocationSource`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SourceGoroutine {
    /// The ID of the goroutine.
    pub id: GoId,
    /// The kept objects that the goroutine allocated.
    pub kept: ObjectCount,
}

/// Objects of one type and size that were allocated by goroutines with the same start function.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AllocationSource {
    /// The index of the objects' type in [`AllocationsReport::types`].
    pub ty: usize,
    /// See [`AllocationRow::class`].
    pub class: Option<u8>,
    /// The size of the slot of each object in bytes.
    pub size: u64,
    /// The function in which the goroutines started. Empty if the trace has no stack for the
    /// goroutines.
    pub start: String,
    /// The goroutines with the most kept bytes, at most 16. Goroutines that kept equally much are
    /// sorted by allocated bytes.
    pub goroutines: Vec<SourceGoroutine>,
    /// The number of goroutines. `goroutines` may list fewer.
    pub goroutine_count: usize,
    /// The counts of the objects, and the times of allocations.
    pub totals: ObjectTotals,
    /// The number of freed objects of this type and size, including objects from before the trace.
    /// The runtime does not know the type of most objects from before the trace, so these count if
    /// they have this size.
    pub freed_of_all: u64,
    /// The number of objects of this type and size that any goroutine allocated.
    pub allocated_of_all: u64,
    /// The number of windows in which more than
    /// [`min_allocated`](super::AllocationOptions::min_allocated) objects were allocated and fewer
    /// than [`max_freed`](super::AllocationOptions::max_freed) were freed.
    pub suspicious_windows: u64,
    /// The window with the most allocated objects among the windows that `suspicious_windows`
    /// counts.
    pub worst: Option<SuspiciousWindow>,
    /// The largest number of consecutive gaps between allocations that are shorter than
    /// [`gap`](super::AllocationOptions::gap).
    pub longest_run: u64,
    /// Whether `longest_run` is at least [`run`](super::AllocationOptions::run).
    pub is_steady: bool,
    pub(super) stack: StackKey,
}

impl AllocationSource {
    /// Returns whether the source looks like a leak. This is the case if `suspicious_windows` is
    /// above 0 or the source is steady, some objects were kept, and fewer than half as many objects
    /// of this type and size were freed as were allocated. The last condition distinguishes a leak from a cache
    /// that drops its oldest entries.
    pub fn is_suspicious(&self) -> bool {
        let is_one_way = self.freed_of_all.saturating_mul(2) < self.allocated_of_all;
        self.totals.kept.objects > 0 && is_one_way && (self.suspicious_windows > 0 || self.is_steady)
    }
}

/// The spans of one class.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct PageSpans {
    /// The size class of the objects in the spans. 0 for large objects. `None` if the spans hold
    /// something else, such as stacks.
    pub class: Option<u8>,
    /// Whether the objects in the spans contain no pointers.
    pub no_scan: Option<bool>,
    /// The spans that existed when the trace started.
    pub existing: PageCount,
    /// The spans that were allocated in the trace.
    pub allocated: PageCount,
    /// The spans that were freed, whether they existed when the trace started or were allocated in
    /// the trace.
    pub freed: PageCount,
}

impl PageSpans {
    pub(super) fn of(span: &HeapSpan) -> Self {
        let none = PageCount::default();
        PageSpans { class: span.size_class(), no_scan: span.no_scan(), existing: none, allocated: none, freed: none }
    }
}

/// The goroutine stacks of one size.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct GoroutineStacks {
    /// The size of each stack in bytes.
    #[cfg_attr(feature = "serde", serde(rename = "size_bytes"))]
    pub size: u64,
    /// The number of stacks that existed when the trace started.
    pub existing: u64,
    /// The number of stacks that were allocated in the trace.
    pub allocated: u64,
    /// The number of stacks that were freed, whether they existed when the trace started or were
    /// allocated in the trace.
    pub freed: u64,
}

impl GoroutineStacks {
    pub(super) fn of(size: u64) -> Self {
        GoroutineStacks { size, existing: 0, allocated: 0, freed: 0 }
    }
}

/// The live objects that were allocated in the trace and have certainly outlived a number of
/// collections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Survivors {
    /// The number of collections that the objects have outlived. Objects that are garbage when a
    /// collection starts marking are freed before the next collection starts. An object has
    /// therefore outlived a collection only when the next one has started.
    pub cycles: u32,
    /// The objects that have outlived exactly this many collections.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub count: ObjectCount,
}

/// A goroutine that allocated.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct AllocatingGoroutine {
    /// The function in which the goroutine started. Empty if the trace has no stack for the
    /// goroutine.
    #[cfg_attr(feature = "serde", serde(rename = "start_function"))]
    pub start: String,
    /// The goroutine that created this goroutine. `None` if the trace does not have the event.
    pub creator: Option<GoId>,
    /// When the goroutine was created. `None` if the trace does not have the event.
    #[cfg_attr(feature = "serde", serde(rename = "created_ns"))]
    pub created: Option<Time>,
    /// When the goroutine exited. `None` if the trace does not have the event.
    #[cfg_attr(feature = "serde", serde(rename = "ended_ns"))]
    pub ended: Option<Time>,
}

/// The result of [`Allocations`](super::Allocations).
#[derive(Debug)]
#[non_exhaustive]
pub struct AllocationsReport {
    /// When the trace starts.
    pub start: Time,
    /// When the trace ends.
    pub end: Time,
    /// The number of events of the experiment. 0 if the program ran without `traceallocfree=1`.
    pub events: u64,
    /// The units of the experiment's IDs. `None` if the trace does not have them.
    pub info: Option<AllocFreeInfo>,
    /// The number of collections that started marking, including one that was already marking when
    /// the trace started.
    pub cycles: u32,
    /// The types of the objects. The first entry represents the unknown type.
    pub types: Vec<AllocatedType>,
    /// The allocated objects, in order of the first allocation.
    pub rows: Vec<AllocationRow>,
    /// The allocated objects by type, size and start function. Suspicious sources come first, then
    /// the sources with the most kept bytes.
    pub sources: Vec<AllocationSource>,
    /// The live objects that were allocated in the trace, by the number of collections that they
    /// have outlived, in ascending order.
    pub survivors: Vec<Survivors>,
    /// The ages at the end of the trace of the live objects that were allocated in the trace.
    pub ages: Histogram,
    /// The lifetimes of the objects that were allocated and freed in the trace.
    pub lifetimes: Histogram,
    /// The spans of the heap by class, in ascending order.
    pub spans: Vec<PageSpans>,
    /// The goroutine stacks by size, in ascending order.
    pub stacks: Vec<GoroutineStacks>,
    /// The number of tiny objects that share a slot with an earlier object. No row counts these
    /// objects. Their slot counts once and lives as long as any of its objects.
    pub shared: u64,
    /// The number of objects that were freed without an event. Their slot was used again.
    pub replaced: u64,
    /// The number of frees of objects, spans and stacks that the trace does not mention before the
    /// free.
    pub unknown_frees: u64,
    /// The number of objects beyond
    /// [`AllocationOptions::max_live`](super::AllocationOptions::max_live). They count as
    /// allocated, but neither as live nor as freed.
    pub not_followed: u64,
    /// The number of live objects before gaps in a damaged trace. Whether they were freed is not
    /// known.
    pub lost: u64,
    pub(super) goroutines: HashMap<u64, AllocatingGoroutine, RandomState>,
    pub(super) frames: Stacks,
    pub(super) names: Names,
}

/// The last known stack of a goroutine.
#[derive(Clone, Copy, Debug)]
pub struct AllocatedStack<'a> {
    report: &'a AllocationsReport,
    stack: StackKey,
}

impl<'a> AllocatedStack<'a> {
    /// Returns the frames, innermost first. Empty if the trace has no stack for the goroutine.
    pub fn frames(&self) -> impl DoubleEndedIterator<Item = Frame<'a>> + use<'a> {
        let names = &self.report.names;
        self.report.frames.frames(self.stack).map(move |frame| Frame {
            pc: frame.pc,
            func: Text(names.bytes(frame.func)),
            file: Text(names.bytes(frame.file)),
            line: frame.line,
        })
    }
}

impl AllocationsReport {
    /// Returns a goroutine that allocated. `None` if the goroutine did not allocate.
    pub fn goroutine(&self, go: GoId) -> Option<&AllocatingGoroutine> {
        self.goroutines.get(&go.0)
    }

    /// Returns the rows of a goroutine, in order of the first allocation.
    pub fn of_goroutine(&self, go: GoId) -> impl Iterator<Item = &AllocationRow> {
        self.rows.iter().filter(move |row| row.go == Some(go))
    }

    /// Returns the last known stack of the row's goroutine at its last allocation. Allocation
    /// events have no stack, so the stack may belong to something else that the goroutine did.
    pub fn stack(&self, row: &AllocationRow) -> AllocatedStack<'_> {
        AllocatedStack { report: self, stack: row.stack }
    }

    /// Returns the stack of the source's row with the most kept bytes. See [`stack`](Self::stack).
    pub fn source_stack(&self, source: &AllocationSource) -> AllocatedStack<'_> {
        AllocatedStack { report: self, stack: source.stack }
    }

    /// Returns the sums of all rows.
    pub fn totals(&self) -> ObjectTotals {
        self.rows.iter().map(|row| row.totals).sum()
    }

    /// Returns the sums of rows by group. Groups are sorted by kept bytes, then live bytes, then
    /// allocated bytes, each in descending order, then by name.
    pub fn by(&self, by: AllocationBy) -> Vec<AllocationGroup> {
        let mut groups: IndexMap<(u64, u64), AllocationGroup, RandomState> = IndexMap::default();
        // Goroutines with the same start function share a group, so group by name.
        let mut starts: HashMap<&str, u64, RandomState> = HashMap::default();
        for row in &self.rows {
            let start = row.go.and_then(|go| self.goroutine(go)).map_or("", |goroutine| &goroutine.start);
            let key = match by {
                AllocationBy::Type => (row.ty as u64, 0),
                AllocationBy::SizeClass => {
                    let class = row.class.map_or(NO_CLASS, |class| u64::from(class) << 1);
                    (class | u64::from(row.no_scan == Some(true)), row.size)
                }
                AllocationBy::Goroutine => (row.go.map_or(NONE, |go| go.0), 0),
                AllocationBy::Task => (row.task.map_or(NONE, |task| task.0), 0),
                AllocationBy::Start => {
                    let next = starts.len() as u64;
                    (*starts.entry(start).or_insert(next), 0)
                }
            };
            let group = groups.entry(key).or_insert_with(|| AllocationGroup {
                name: self.name(by, row, start),
                go: row.go.filter(|_| by == AllocationBy::Goroutine),
                start: (by == AllocationBy::Goroutine && row.go.is_some()).then(|| start.to_owned()),
                task: row.task.filter(|_| by == AllocationBy::Task),
                totals: ObjectTotals::default(),
            });
            group.totals += row.totals;
        }
        let mut groups: Vec<_> = groups.into_values().collect();
        groups.sort_by(|a, b| {
            b.totals
                .size()
                .cmp(&a.totals.size())
                .then_with(|| a.name.cmp(&b.name))
                .then_with(|| (a.go, a.task).cmp(&(b.go, b.task)))
        });
        groups
    }

    fn name(&self, by: AllocationBy, row: &AllocationRow, start: &str) -> String {
        match by {
            AllocationBy::Type => self.types.get(row.ty).map(|ty| ty.name.clone()).unwrap_or_default(),
            AllocationBy::SizeClass => class_name(row.class, row.no_scan, row.size),
            AllocationBy::Goroutine => row.go.map(|go| go.to_string()).unwrap_or_default(),
            AllocationBy::Task => row.task.map(|task| task.to_string()).unwrap_or_default(),
            AllocationBy::Start => start.to_owned(),
        }
    }
}

/// Returns the name of a size class, such as `48 bytes` or `65536 bytes, no pointers`.
fn class_name(class: Option<u8>, no_scan: Option<bool>, size: u64) -> String {
    let pointers = if no_scan == Some(true) { ", no pointers" } else { "" };
    match class {
        None => String::new(),
        Some(0) => format!("{size} bytes, large{pointers}"),
        Some(_) => format!("{size} bytes{pointers}"),
    }
}
