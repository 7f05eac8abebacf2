//! The largest rows of each table, which is what the JSON of the command holds.

use super::counts::{ObjectCount, ObjectTotals};
use super::report::{
    AllocatedStack, AllocatingGoroutine, AllocationBy, AllocationGroup, AllocationTrail, AllocationsReport,
    GoroutineStacks, PageSpans, Survivors, TrailGoroutine,
};
use super::trail::Hoard;
use crate::analysis::histogram::Histogram;
use crate::event::OwnedFrame;
use crate::id::{GoId, TaskId};
use crate::time::Time;

/// The largest rows of each table of an [`AllocationsReport`].
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct AllocationsSummary {
    /// When the trace starts.
    #[cfg_attr(feature = "serde", serde(rename = "start_ns"))]
    pub start: Time,
    /// When it ends.
    #[cfg_attr(feature = "serde", serde(rename = "end_ns"))]
    pub end: Time,
    /// How many collections started marking.
    pub cycles: u32,
    /// How many events of the experiment there are.
    pub events: u64,
    /// All objects.
    pub totals: ObjectTotals,
    /// See [`AllocationsReport::shared`].
    pub shared: u64,
    /// See [`AllocationsReport::replaced`].
    pub replaced: u64,
    /// See [`AllocationsReport::unknown_frees`].
    pub unknown_frees: u64,
    /// See [`AllocationsReport::not_followed`].
    pub not_followed: u64,
    /// See [`AllocationsReport::lost`].
    pub lost: u64,
    /// How many trails are suspicious.
    pub suspicious_trails: u64,
    /// By type, size and start function of the goroutine: suspicious ones first, then by what was kept.
    pub trails: Vec<TrailSummary>,
    /// By type.
    pub types: Vec<AllocationGroup>,
    /// By size class, with and without pointers.
    pub classes: Vec<AllocationGroup>,
    /// By goroutine.
    pub goroutines: Vec<AllocationGroup>,
    /// By the function in which the goroutine started.
    pub starts: Vec<AllocationGroup>,
    /// By task.
    pub tasks: Vec<AllocationGroup>,
    /// What was allocated in the trace and is left, by how many collections it has outlived.
    pub survivors: Vec<Survivors>,
    /// How old that is when the trace ends.
    pub ages: Histogram,
    /// How long objects lived that were allocated and freed in the trace.
    pub lifetimes: Histogram,
    /// Spans of the heap by class, in ascending order.
    pub spans: Vec<PageSpans>,
    /// Stacks of goroutines by size, in ascending order.
    pub stacks: Vec<GoroutineStacks>,
    /// The goroutine that was asked for.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub goroutine: Option<GoroutineAllocations>,
}

/// An [`AllocationTrail`] with its type and stack spelled out.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct TrailSummary {
    /// The name of the type; empty if it is not known.
    #[cfg_attr(feature = "serde", serde(rename = "type"))]
    pub type_name: String,
    /// The runtime's size class, 0 for objects that have a span of their own; `None` if their span is not known.
    pub class: Option<u8>,
    /// The bytes that each object takes.
    #[cfg_attr(feature = "serde", serde(rename = "size_bytes"))]
    pub size: u64,
    /// The function in which the goroutines started; empty if no stack of theirs is in the trace.
    #[cfg_attr(feature = "serde", serde(rename = "start_function"))]
    pub start: String,
    /// See [`AllocationTrail::is_suspicious`].
    #[cfg_attr(feature = "serde", serde(rename = "suspicious"))]
    pub is_suspicious: bool,
    /// See [`AllocationTrail::hoards`].
    pub hoards: u64,
    /// See [`AllocationTrail::worst`].
    pub worst: Option<Hoard>,
    /// See [`AllocationTrail::is_steady`].
    #[cfg_attr(feature = "serde", serde(rename = "steady"))]
    pub is_steady: bool,
    /// See [`AllocationTrail::longest_run`].
    pub longest_run: u64,
    /// How many goroutines there are.
    pub goroutine_count: u64,
    /// The goroutines that keep most; at most 16.
    pub goroutines: Vec<TrailGoroutine>,
    /// See [`AllocationTrail::allocated_of_all`].
    pub allocated_of_all: u64,
    /// See [`AllocationTrail::freed_of_all`].
    pub freed_of_all: u64,
    /// How many objects there were, and when.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub totals: ObjectTotals,
    /// See [`AllocationsReport::trail_stack`]. Innermost frame first.
    pub stack: Vec<OwnedFrame>,
}

/// What a goroutine allocated.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct GoroutineAllocations {
    /// The goroutine.
    pub id: GoId,
    /// Where it started, and when it lived.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub goroutine: AllocatingGoroutine,
    /// All that it allocated that is kept.
    pub kept: ObjectCount,
    /// How many rows there are.
    pub row_count: u64,
    /// Objects by type, size and task, in order of the first allocation.
    pub rows: Vec<RowSummary>,
}

/// An [`AllocationRow`](super::AllocationRow) with its type and stack spelled out.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct RowSummary {
    /// The name of the type; empty if it is not known.
    #[cfg_attr(feature = "serde", serde(rename = "type"))]
    pub type_name: String,
    /// The runtime's size class, 0 for objects that have a span of their own; `None` if their span is not known.
    pub class: Option<u8>,
    /// The bytes that each object takes.
    #[cfg_attr(feature = "serde", serde(rename = "size_bytes"))]
    pub size: u64,
    /// The task for which the goroutine worked.
    pub task: Option<TaskId>,
    /// How many objects there were, and when.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub totals: ObjectTotals,
    /// See [`AllocationsReport::stack`]. Innermost frame first.
    pub stack: Vec<OwnedFrame>,
}

fn owned(stack: AllocatedStack<'_>) -> Vec<OwnedFrame> {
    stack.frames().map(OwnedFrame::from).collect()
}

impl AllocationsReport {
    /// The `top` largest rows of each table.
    pub fn summary(&self, top: usize) -> AllocationsSummary {
        let largest = |by| {
            let mut groups = self.by(by);
            groups.truncate(top);
            groups
        };
        AllocationsSummary {
            start: self.start,
            end: self.end,
            cycles: self.cycles,
            events: self.events,
            totals: self.totals(),
            shared: self.shared,
            replaced: self.replaced,
            unknown_frees: self.unknown_frees,
            not_followed: self.not_followed,
            lost: self.lost,
            suspicious_trails: self.trails.iter().filter(|trail| trail.is_suspicious()).count() as u64,
            trails: self.trails.iter().take(top).map(|trail| self.trail_summary(trail)).collect(),
            types: largest(AllocationBy::Type),
            classes: largest(AllocationBy::SizeClass),
            goroutines: largest(AllocationBy::Goroutine),
            starts: largest(AllocationBy::Start),
            tasks: largest(AllocationBy::Task),
            survivors: self.survivors.iter().take(top).copied().collect(),
            ages: self.ages.clone(),
            lifetimes: self.lifetimes.clone(),
            spans: self.spans.clone(),
            stacks: self.stacks.clone(),
            goroutine: None,
        }
    }

    fn trail_summary(&self, trail: &AllocationTrail) -> TrailSummary {
        TrailSummary {
            type_name: self.type_name(trail.ty).to_owned(),
            class: trail.class,
            size: trail.size,
            start: trail.start.clone(),
            is_suspicious: trail.is_suspicious(),
            hoards: trail.hoards,
            worst: trail.worst,
            is_steady: trail.is_steady,
            longest_run: trail.longest_run,
            goroutine_count: trail.goroutine_count as u64,
            goroutines: trail.goroutines.clone(),
            allocated_of_all: trail.allocated_of_all,
            freed_of_all: trail.freed_of_all,
            totals: trail.totals,
            stack: owned(self.trail_stack(trail)),
        }
    }

    /// The first `top` rows of a goroutine; `None` if it allocated nothing.
    pub fn goroutine_summary(&self, go: GoId, top: usize) -> Option<GoroutineAllocations> {
        let goroutine = self.goroutine(go)?.clone();
        let rows = self.of_goroutine(go).take(top).map(|row| RowSummary {
            type_name: self.type_name(row.ty).to_owned(),
            class: row.class,
            size: row.size,
            task: row.task,
            totals: row.totals,
            stack: owned(self.stack(row)),
        });
        let rows = rows.collect();
        let totals: ObjectTotals = self.of_goroutine(go).map(|row| row.totals).sum();
        let row_count = self.of_goroutine(go).count() as u64;
        Some(GoroutineAllocations { id: go, goroutine, kept: totals.kept, row_count, rows })
    }

    /// The name of a type, given by its index in [`types`](AllocationsReport::types); empty if it has none.
    pub fn type_name(&self, ty: usize) -> &str {
        self.types.get(ty).map_or("", |ty| &ty.name)
    }
}
