//! The largest rows of each table. This is the JSON output of the command.

use super::counts::{ObjectCount, ObjectTotals};
use super::report::{
    AllocatedStack, AllocatingGoroutine, AllocationBy, AllocationGroup, AllocationSource, AllocationsReport,
    GoroutineStacks, PageSpans, SourceGoroutine, Survivors,
};
use super::source::SuspiciousWindow;
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
    /// When the trace ends.
    #[cfg_attr(feature = "serde", serde(rename = "end_ns"))]
    pub end: Time,
    /// The number of collections that started marking.
    pub cycles: u32,
    /// The number of events of the experiment.
    pub events: u64,
    /// The totals of all objects.
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
    /// The number of suspicious sources.
    pub suspicious_sources: u64,
    /// The sources by type, size and start function. Suspicious sources come first, then the sources
    /// with the most kept bytes.
    pub sources: Vec<SourceSummary>,
    /// The allocations by type.
    pub types: Vec<AllocationGroup>,
    /// The allocations by size class, with and without pointers.
    pub classes: Vec<AllocationGroup>,
    /// The allocations by goroutine.
    pub goroutines: Vec<AllocationGroup>,
    /// The allocations by the function in which the goroutine started.
    pub starts: Vec<AllocationGroup>,
    /// The allocations by task.
    pub tasks: Vec<AllocationGroup>,
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
    /// The requested goroutine. Absent if no goroutine was requested.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub goroutine: Option<GoroutineAllocations>,
}

/// An [`AllocationSource`] with the name of its type and the frames of its stack.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SourceSummary {
    /// The name of the type. Empty if it is not known.
    #[cfg_attr(feature = "serde", serde(rename = "type"))]
    pub type_name: String,
    /// The runtime's size class. 0 for objects that have a span of their own. `None` if the span of
    /// the objects is not known.
    pub class: Option<u8>,
    /// The size of the slot of each object in bytes.
    #[cfg_attr(feature = "serde", serde(rename = "size_bytes"))]
    pub size: u64,
    /// The function in which the goroutines started. Empty if the trace has no stack for the
    /// goroutines.
    #[cfg_attr(feature = "serde", serde(rename = "start_function"))]
    pub start: String,
    /// See [`AllocationSource::is_suspicious`].
    #[cfg_attr(feature = "serde", serde(rename = "suspicious"))]
    pub is_suspicious: bool,
    /// See [`AllocationSource::suspicious_windows`].
    pub suspicious_windows: u64,
    /// See [`AllocationSource::worst`].
    pub worst: Option<SuspiciousWindow>,
    /// See [`AllocationSource::is_steady`].
    #[cfg_attr(feature = "serde", serde(rename = "steady"))]
    pub is_steady: bool,
    /// See [`AllocationSource::longest_run`].
    pub longest_run: u64,
    /// The number of goroutines. `goroutines` may list fewer.
    pub goroutine_count: u64,
    /// The goroutines with the most kept bytes, at most 16.
    pub goroutines: Vec<SourceGoroutine>,
    /// See [`AllocationSource::allocated_of_all`].
    pub allocated_of_all: u64,
    /// See [`AllocationSource::freed_of_all`].
    pub freed_of_all: u64,
    /// The counts of the objects, and the times of allocations.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub totals: ObjectTotals,
    /// The stack that [`AllocationsReport::source_stack`] returns, innermost frame first.
    pub stack: Vec<OwnedFrame>,
}

/// The allocations of one goroutine.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct GoroutineAllocations {
    /// The ID of the goroutine.
    pub id: GoId,
    /// Where the goroutine started, and when it was created and exited.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub goroutine: AllocatingGoroutine,
    /// The kept objects that the goroutine allocated.
    pub kept: ObjectCount,
    /// The number of rows. `rows` may list fewer.
    pub row_count: u64,
    /// The objects by type, size and task, in order of the first allocation.
    pub rows: Vec<RowSummary>,
}

/// An [`AllocationRow`](super::AllocationRow) with the name of its type and the frames of its
/// stack.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct RowSummary {
    /// The name of the type. Empty if it is not known.
    #[cfg_attr(feature = "serde", serde(rename = "type"))]
    pub type_name: String,
    /// The runtime's size class. 0 for objects that have a span of their own. `None` if the span of
    /// the objects is not known.
    pub class: Option<u8>,
    /// The size of the slot of each object in bytes.
    #[cfg_attr(feature = "serde", serde(rename = "size_bytes"))]
    pub size: u64,
    /// The task for which the goroutine worked.
    pub task: Option<TaskId>,
    /// The counts of the objects, and the times of allocations.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub totals: ObjectTotals,
    /// The stack that [`AllocationsReport::stack`] returns, innermost frame first.
    pub stack: Vec<OwnedFrame>,
}

fn owned(stack: AllocatedStack<'_>) -> Vec<OwnedFrame> {
    stack.frames().map(OwnedFrame::from).collect()
}

impl AllocationsReport {
    /// Returns the `top` largest rows of each table.
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
            suspicious_sources: self.sources.iter().filter(|source| source.is_suspicious()).count() as u64,
            sources: self.sources.iter().take(top).map(|source| self.source_summary(source)).collect(),
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

    fn source_summary(&self, source: &AllocationSource) -> SourceSummary {
        SourceSummary {
            type_name: self.type_name(source.ty).to_owned(),
            class: source.class,
            size: source.size,
            start: source.start.clone(),
            is_suspicious: source.is_suspicious(),
            suspicious_windows: source.suspicious_windows,
            worst: source.worst,
            is_steady: source.is_steady,
            longest_run: source.longest_run,
            goroutine_count: source.goroutine_count as u64,
            goroutines: source.goroutines.clone(),
            allocated_of_all: source.allocated_of_all,
            freed_of_all: source.freed_of_all,
            totals: source.totals,
            stack: owned(self.source_stack(source)),
        }
    }

    /// Returns the first `top` rows of a goroutine. `None` if the goroutine did not allocate.
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

    /// Returns the name of a type, given by its index in [`types`](AllocationsReport::types). Empty
    /// if the type has no name.
    pub fn type_name(&self, ty: usize) -> &str {
        self.types.get(ty).map_or("", |ty| &ty.name)
    }
}
