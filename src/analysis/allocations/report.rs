//! What [`Allocations`](super::Allocations) finds.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::NO_CLASS;
use super::counts::{ObjectCount, ObjectTotals, PageCount};
use super::trail::Hoard;
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
    /// Its name; empty for what the runtime allocates without a type, such as the bytes of strings. For a slice it is the type
    /// of the elements.
    pub name: String,
    /// The size of a value in bytes.
    #[cfg_attr(feature = "serde", serde(rename = "size_bytes"))]
    pub size: u64,
    /// How many bytes at the front of a value can hold pointers.
    pub pointer_bytes: u64,
}

/// Objects of one type and size that a goroutine allocated for a task, or that existed when the trace started.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AllocationRow {
    /// Their type, in [`AllocationsReport::types`]; the first is the one that is not known.
    pub ty: usize,
    /// The runtime's size class, 0 for objects that have a span of their own; `None` if their span is not known.
    pub class: Option<u8>,
    /// Whether they hold no pointers.
    pub no_scan: Option<bool>,
    /// The bytes that each takes: the slot's, not those that were asked for.
    pub size: u64,
    /// The goroutine that allocated them; `None` for what existed when the trace started, what no goroutine allocated, and
    /// what is beyond [`AllocationOptions::max_rows`](super::AllocationOptions::max_rows).
    pub go: Option<GoId>,
    /// The task for which the goroutine worked: that of its innermost region, else the one that it started last or was created
    /// for. `None` if the trace shows none.
    pub task: Option<TaskId>,
    /// How many there were, and when.
    pub totals: ObjectTotals,
    pub(super) stack: StackKey,
}

/// The sums of rows that share a value, such as a type.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct AllocationGroup {
    /// The type, the size, the goroutine's ID, its start function or the task; empty if it is not known.
    pub name: String,
    /// The goroutine, where the group is one.
    #[cfg_attr(feature = "serde", serde(rename = "goroutine", skip_serializing_if = "Option::is_none"))]
    pub go: Option<GoId>,
    /// The function in which the goroutine started, where the group is one; empty if no stack of it is in the trace.
    #[cfg_attr(feature = "serde", serde(rename = "start_function", skip_serializing_if = "Option::is_none"))]
    pub start: Option<String>,
    /// The task, where the group is one.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub task: Option<TaskId>,
    /// The sums of its rows.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub totals: ObjectTotals,
}

/// What rows are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AllocationBy {
    /// The type.
    Type,
    /// The size class, with and without pointers; large objects by their size.
    SizeClass,
    /// The goroutine that allocated.
    Goroutine,
    /// The function in which that goroutine started.
    Start,
    /// The task for which it worked.
    Task,
}

/// A goroutine of a trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct TrailGoroutine {
    /// The goroutine.
    pub id: GoId,
    /// What it allocated that is kept.
    pub kept: ObjectCount,
}

/// Objects of one type and size that goroutines of one start function allocated.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AllocationTrail {
    /// Their type, in [`AllocationsReport::types`].
    pub ty: usize,
    /// See [`AllocationRow::class`].
    pub class: Option<u8>,
    /// The bytes that each takes.
    pub size: u64,
    /// The function in which the goroutines started; empty if no stack of theirs is in the trace.
    pub start: String,
    /// The goroutines that keep most, and of equals those that allocated most; at most 16.
    pub goroutines: Vec<TrailGoroutine>,
    /// How many goroutines there are.
    pub goroutine_count: usize,
    /// How many objects there were, and when.
    pub totals: ObjectTotals,
    /// How many objects of this type and size were freed, including those from before the trace. For most of the latter the
    /// runtime does not know the type; they count by their size.
    pub freed_of_all: u64,
    /// How many objects of this type and size were allocated, by any goroutine.
    pub allocated_of_all: u64,
    /// In how many windows more than [`min_allocated`](super::AllocationOptions::min_allocated) were allocated and fewer than
    /// [`max_freed`](super::AllocationOptions::max_freed) freed.
    pub hoards: u64,
    /// The one of them in which most was allocated.
    pub worst: Option<Hoard>,
    /// How many times in a row the gap between two allocations was shorter than
    /// [`gap`](super::AllocationOptions::gap).
    pub longest_run: u64,
    /// Whether that is at least [`run`](super::AllocationOptions::run).
    pub is_steady: bool,
    pub(super) stack: StackKey,
}

impl AllocationTrail {
    /// Whether it looks like a leak: it hoards or is steady, some of it was kept, and of its type and size less than half
    /// as much is freed as is allocated. The last distinguishes a leak from a cache that drops its oldest entries.
    pub fn is_suspicious(&self) -> bool {
        let is_one_way = self.freed_of_all.saturating_mul(2) < self.allocated_of_all;
        self.totals.kept.objects > 0 && is_one_way && (self.hoards > 0 || self.is_steady)
    }
}

/// Spans of one class.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct PageSpans {
    /// The size class of their objects, 0 for large ones; `None` if they hold something else, such as stacks.
    pub class: Option<u8>,
    /// Whether their objects hold no pointers.
    pub no_scan: Option<bool>,
    /// Those that existed when the trace started.
    pub existing: PageCount,
    /// Those that were allocated.
    pub allocated: PageCount,
    /// Those of either that were freed.
    pub freed: PageCount,
}

impl PageSpans {
    pub(super) fn of(span: &HeapSpan) -> Self {
        let none = PageCount::default();
        PageSpans { class: span.size_class(), no_scan: span.no_scan(), existing: none, allocated: none, freed: none }
    }
}

/// Stacks of goroutines of one size.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct GoroutineStacks {
    /// The size in bytes.
    #[cfg_attr(feature = "serde", serde(rename = "size_bytes"))]
    pub size: u64,
    /// How many existed when the trace started.
    pub existing: u64,
    /// How many were allocated.
    pub allocated: u64,
    /// How many of either were freed.
    pub freed: u64,
}

impl GoroutineStacks {
    pub(super) fn of(size: u64) -> Self {
        GoroutineStacks { size, existing: 0, allocated: 0, freed: 0 }
    }
}

/// What was allocated in the trace, is left, and has outlived a number of collections for certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Survivors {
    /// How many collections. What is garbage when a collection starts marking is freed before the next one starts, so a
    /// collection is outlived when the next one has started.
    pub cycles: u32,
    /// What outlived so many and no more.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub count: ObjectCount,
}

/// A goroutine that allocated.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct AllocatingGoroutine {
    /// The function in which it started; empty if no stack of it is in the trace.
    #[cfg_attr(feature = "serde", serde(rename = "start_function"))]
    pub start: String,
    /// The goroutine that created it, if that is in the trace.
    pub creator: Option<GoId>,
    /// When it was created, if that is in the trace.
    #[cfg_attr(feature = "serde", serde(rename = "created_ns"))]
    pub created: Option<Time>,
    /// When it ended, if that is in the trace.
    #[cfg_attr(feature = "serde", serde(rename = "ended_ns"))]
    pub ended: Option<Time>,
}

/// What [`Allocations`](super::Allocations) finds.
#[derive(Debug)]
#[non_exhaustive]
pub struct AllocationsReport {
    /// When the trace starts.
    pub start: Time,
    /// When it ends.
    pub end: Time,
    /// How many events of the experiment there are. If there are none, the program ran without `traceallocfree=1`.
    pub events: u64,
    /// The units of its IDs, if the trace states them.
    pub info: Option<AllocFreeInfo>,
    /// How many collections started marking, including one that was marking when the trace started.
    pub cycles: u32,
    /// The types. The first one stands for objects without a known type.
    pub types: Vec<AllocatedType>,
    /// What was allocated, in order of the first allocation.
    pub rows: Vec<AllocationRow>,
    /// The same by type, size and start function of the goroutine: suspicious ones first, then by what was kept.
    pub trails: Vec<AllocationTrail>,
    /// What was allocated in the trace and is left, by how many collections it has outlived, in ascending order.
    pub survivors: Vec<Survivors>,
    /// How old that is when the trace ends.
    pub ages: Histogram,
    /// How long objects lived that were allocated and freed in the trace.
    pub lifetimes: Histogram,
    /// Spans of the heap by class, ascending.
    pub spans: Vec<PageSpans>,
    /// Stacks of goroutines by size, ascending.
    pub stacks: Vec<GoroutineStacks>,
    /// Tiny objects that share a slot with an earlier one. They are in no row: the slot counts once and lives as long as any of
    /// them.
    pub shared: u64,
    /// Objects that were freed without an event: their slot was used again.
    pub replaced: u64,
    /// Frees of objects, spans and stacks that the trace does not mention before.
    pub unknown_frees: u64,
    /// Objects beyond [`AllocationOptions::max_live`](super::AllocationOptions::max_live). They count as allocated, and as neither
    /// live nor freed.
    pub not_followed: u64,
    /// Objects that existed before a gap in a damaged trace: what became of them is not known.
    pub lost: u64,
    pub(super) goroutines: HashMap<u64, AllocatingGoroutine, RandomState>,
    pub(super) frames: Stacks,
    pub(super) names: Names,
}

/// A stack that a goroutine was seen with.
#[derive(Clone, Copy, Debug)]
pub struct AllocatedStack<'a> {
    report: &'a AllocationsReport,
    stack: StackKey,
}

impl<'a> AllocatedStack<'a> {
    /// The frames, innermost first; none if the goroutine was seen without a stack.
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
    /// A goroutine that allocated, or `None` if this one did not.
    pub fn goroutine(&self, go: GoId) -> Option<&AllocatingGoroutine> {
        self.goroutines.get(&go.0)
    }

    /// What a goroutine allocated, in order of the first allocation.
    pub fn of_goroutine(&self, go: GoId) -> impl Iterator<Item = &AllocationRow> {
        self.rows.iter().filter(move |row| row.go == Some(go))
    }

    /// The last stack that a row's goroutine was seen with before its last allocation. Allocation events have no stacks, so it
    /// may be of something else that the goroutine did.
    pub fn stack(&self, row: &AllocationRow) -> AllocatedStack<'_> {
        AllocatedStack { report: self, stack: row.stack }
    }

    /// The same stack of a trail's row that keeps most.
    pub fn trail_stack(&self, trail: &AllocationTrail) -> AllocatedStack<'_> {
        AllocatedStack { report: self, stack: trail.stack }
    }

    /// The sums of all rows.
    pub fn totals(&self) -> ObjectTotals {
        self.rows.iter().map(|row| row.totals).sum()
    }

    /// Sums rows up. Groups come in descending order of the bytes kept, then live, then allocated, then by name.
    pub fn by(&self, by: AllocationBy) -> Vec<AllocationGroup> {
        let mut groups: IndexMap<(u64, u64), AllocationGroup, RandomState> = IndexMap::default();
        // Start functions are the same where their names are.
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

/// Such as `48 bytes` or `65536 bytes, no pointers`.
fn class_name(class: Option<u8>, no_scan: Option<bool>, size: u64) -> String {
    let pointers = if no_scan == Some(true) { ", no pointers" } else { "" };
    match class {
        None => String::new(),
        Some(0) => format!("{size} bytes, large{pointers}"),
        Some(_) => format!("{size} bytes{pointers}"),
    }
}
