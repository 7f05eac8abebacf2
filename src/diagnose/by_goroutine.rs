//! Goroutines and allocations: which goroutines pass through a function that allocates, and what a
//! goroutine may have allocated.
//!
//! A heap profile has stacks but no goroutines. A trace has goroutines and the stacks at which they
//! were seen. An allocation and a goroutine are related if the goroutine was seen in the function
//! that allocates, or started in the function in which the stack of the allocation starts.

use std::collections::{BTreeSet, HashSet};

use super::finding::{Evidence, Finding, Source, Value};
use super::inputs::Inputs;
use super::inputs::heap::{ALLOC_SPACE, INUSE_SPACE};
use super::place;
use super::snapshots::{Snapshot, Stack};
use crate::analysis::population::PopulationGroup;
use crate::event::{OwnedFrame, Text};
use crate::id::GoId;
use crate::time::Time;
use crate::timeline::{Goroutine, StackTrace, Timeline};

/// A goroutine that was seen in a function.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Passage {
    /// The goroutine.
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub goroutine: GoId,
    /// The function in which it started. Empty if the trace does not contain it.
    pub name: String,
    /// The goroutine that created it. `None` if it was created before the trace, or by the runtime.
    #[cfg_attr(feature = "schema", schemars(with = "Option<u64>"))]
    pub created_by: Option<GoId>,
    /// The line at which it was created. `None` if it was created before the trace.
    pub creation_place: Option<OwnedFrame>,
    /// When it was created. `None` if it was created before the trace.
    #[cfg_attr(feature = "serde", serde(rename = "start_ns"))]
    pub start: Option<Time>,
    /// When it exited. `None` if it was still alive when the trace ended.
    #[cfg_attr(feature = "serde", serde(rename = "end_ns"))]
    pub end: Option<Time>,
    /// When it was first seen in the function: the start of the first span with such a stack.
    #[cfg_attr(feature = "serde", serde(rename = "first_seen_ns"))]
    pub first_seen: Time,
    /// When it was last seen in the function.
    #[cfg_attr(feature = "serde", serde(rename = "last_seen_ns"))]
    pub last_seen: Time,
    /// The number of spans in which it was seen in the function.
    pub count: u64,
}

/// Returns the goroutines whose stacks pass through a function, in the order in which the trace
/// first mentions them.
///
/// A trace has stacks where goroutines stop, block, create others or make system calls, not at
/// every allocation. A goroutine that only runs through the function may be missed.
pub fn passing_through(timeline: &Timeline, function: &str) -> Vec<Passage> {
    let passes =
        |stack: Option<StackTrace<'_>>| stack.is_some_and(|stack| stack.frames().any(|frame| frame.func == function));
    let passage = |goroutine: Goroutine<'_>| {
        let mut seen: Option<(Time, Time)> = None;
        let mut count = 0;
        if passes(goroutine.start_stack()) {
            let start = goroutine.created_at().unwrap_or(timeline.start());
            seen = Some((start, start));
        }
        for span in goroutine.spans().filter(|span| passes(span.stack())) {
            count += 1;
            seen = Some((seen.map_or(span.start(), |(first, _)| first), span.start()));
        }
        let (first_seen, last_seen) = seen?;
        Some(Passage {
            goroutine: goroutine.id(),
            name: goroutine.name().to_string(),
            created_by: goroutine.created_by(),
            creation_place: goroutine.creation_stack().and_then(|stack| place::own(frames(stack).iter()).cloned()),
            start: goroutine.created_at(),
            end: goroutine.ended_at(),
            first_seen,
            last_seen,
            count,
        })
    };
    timeline.goroutines().filter_map(passage).collect()
}

fn frames(stack: StackTrace<'_>) -> Vec<OwnedFrame> {
    stack.frames().map(place::of_frame).collect()
}

/// An allocation of a heap profile that a goroutine may have made.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Allocation {
    /// The line of code that allocates.
    pub place: OwnedFrame,
    /// The stack, innermost frame first.
    pub stack: Vec<OwnedFrame>,
    /// Whether the goroutine was seen in the function that allocates. If not, it only started in
    /// the function in which the stack starts.
    #[cfg_attr(feature = "serde", serde(rename = "seen"))]
    pub is_seen: bool,
    /// The number of bytes allocated there up to the last profile, by all goroutines.
    #[cfg_attr(feature = "serde", serde(rename = "allocated_bytes"))]
    pub allocated: i64,
    /// The number of these bytes that are in use in the last profile.
    #[cfg_attr(feature = "serde", serde(rename = "in_use_bytes"))]
    pub in_use: i64,
    /// The number of bytes in use in the last profile, minus the number in the first profile.
    #[cfg_attr(feature = "serde", serde(rename = "growth_bytes"))]
    pub growth: i64,
    /// The number of goroutines in the trace that started in the same function, and so share these
    /// sums.
    pub shared_by: u64,
}

/// Returns what a goroutine may have allocated, judged by its stacks: the allocations of the heap
/// profiles whose stacks start in the function in which the goroutine started. Allocations in
/// functions in which the goroutine was seen come first, then the allocations with the most bytes
/// in use.
///
/// Empty if there are no heap profiles or the goroutine is not in the trace. A goroutine that
/// started in `runtime.main` is `main` itself.
pub fn allocations_of(timeline: &Timeline, go: GoId, inputs: &Inputs) -> Vec<Allocation> {
    let heaps = &inputs.heaps;
    let (Some(goroutine), Some(first), Some(last)) = (timeline.goroutine(go), heaps.all.first(), heaps.all.last())
    else {
        return Vec::new();
    };
    let start = goroutine.name();
    let shared_by = timeline.goroutines().filter(|other| other.name() == start).count() as u64;
    let stacks = goroutine.spans().filter_map(|span| span.stack()).chain(goroutine.start_stack());
    let mut seen: HashSet<Text<'_>> = HashSet::new();
    let mut known: BTreeSet<u32> = BTreeSet::new();
    for stack in stacks {
        if known.insert(stack.number()) {
            seen.extend(stack.frames().map(|frame| frame.func));
        }
    }
    let starts_there = |stack: Stack| {
        // Only some profiles have the runtime's outermost frame.
        let outermost = heaps.frames(stack).rfind(|frame| frame.func != "runtime.goexit");
        outermost.is_some_and(|frame| start == frame.func.as_str())
    };
    let mut found: Vec<Allocation> = heaps
        .stacks()
        .filter(|&stack| starts_there(stack))
        .filter_map(|stack| {
            let value = |all: &Snapshot<4>, column: usize| all.values.get(&stack).map_or(0, |values| values[column]);
            let place = place::own(heaps.frames(stack))?.clone();
            Some(Allocation {
                is_seen: seen.contains(&Text::from(place.func.as_str())),
                stack: heaps.frames(stack).cloned().collect(),
                place,
                allocated: value(last, ALLOC_SPACE),
                in_use: value(last, INUSE_SPACE),
                growth: value(last, INUSE_SPACE).saturating_sub(value(first, INUSE_SPACE)),
                shared_by,
            })
        })
        .collect();
    found.sort_by_key(|a| std::cmp::Reverse((a.is_seen, a.in_use, a.allocated)));
    found
}

/// Adds to findings of heap profiles which goroutines of the traces pass through the place.
pub(super) fn link(inputs: &Inputs, findings: &mut [Finding]) {
    for finding in findings.iter_mut().filter(|finding| finding.source == Source::Heap) {
        let Some(place) = &finding.place else { continue };
        let start = match finding.value("stack") {
            Some(Value::Stack(stack)) => stack.last().map(|frame| frame.func.clone()).unwrap_or_default(),
            _ => String::new(),
        };
        let passes = |group: &&PopulationGroup| {
            let waits = group.waits.iter().flat_map(|wait| &wait.stack);
            // All goroutines of the program are called from main.
            let starts_there = group.name == start && start != "runtime.main" && start != "main.main";
            starts_there || waits.into_iter().any(|frame| frame.func == place.func)
        };
        let groups = inputs.traces.iter().flat_map(|trace| &trace.population.groups);
        let Some(group) = groups.filter(passes).max_by_key(|group| group.left) else { continue };
        finding.goroutines = group.examples.iter().map(|resident| resident.goroutine).collect();
        let mut add = |name, value| finding.evidence.push(Evidence::new(name, value));
        add("goroutines_started_in", Value::Text(group.name.clone()));
        add("goroutines_created", Value::Count(group.created as i64));
        add("goroutines_exited", Value::Count(group.ended as i64));
        add("goroutines_alive", Value::Count(group.left as i64));
    }
}
