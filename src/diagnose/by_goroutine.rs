//! By goroutine, both ways: who passes through a place that allocates, and what a goroutine has allocated.
//!
//! A heap profile knows stacks and no goroutines, a trace knows goroutines and where they were seen. They meet where a
//! goroutine was seen in the function that allocates, or started where the stack of the allocation does.

use std::collections::{BTreeSet, HashSet};

use super::finding::{Finding, Source, Value};
use super::inputs::Inputs;
use super::inputs::heap::{ALLOC_SPACE, INUSE_SPACE};
use super::place::{self, Place};
use super::snapshots::Stack;
use crate::analysis::PopulationGroup;
use crate::event::Text;
use crate::id::GoId;
use crate::time::Time;
use crate::timeline::{Goroutine, StackTrace, Timeline};

/// A goroutine that was seen in a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// The goroutine.
    pub go: GoId,
    /// The function in which it started; empty if the trace does not tell.
    pub started_in: String,
    /// Who created it; `None` if before the trace, or by the runtime.
    pub created_by: Option<GoId>,
    /// Where that was.
    pub created_at: Option<Place>,
    /// When it was created; `None` if before the trace.
    pub begin: Option<Time>,
    /// When it ended; `None` if it had not when the trace did.
    pub end: Option<Time>,
    /// When it was first and last seen in the function: the begins of spans with such a stack.
    pub seen: (Time, Time),
    /// How often.
    pub times: u64,
}

/// The goroutines whose stacks pass through a function, in the order in which the trace first speaks of them.
///
/// A trace has stacks where goroutines stop, block, create others or go into system calls, not at every allocation: who only runs
/// through the function may be missed.
pub fn passing_through(timeline: &Timeline, function: &str) -> Vec<Passage> {
    let passes =
        |stack: Option<StackTrace<'_>>| stack.is_some_and(|stack| stack.frames().any(|frame| frame.func == function));
    let passage = |goroutine: Goroutine<'_>| {
        let mut seen: Option<(Time, Time)> = None;
        let mut times = 0;
        if passes(goroutine.start_stack()) {
            let begin = goroutine.created_at().unwrap_or(timeline.start());
            seen = Some((begin, begin));
        }
        for span in goroutine.spans().filter(|span| passes(span.stack())) {
            times += 1;
            seen = Some((seen.map_or(span.start(), |(first, _)| first), span.start()));
        }
        Some(Passage {
            go: goroutine.id(),
            started_in: goroutine.name().to_string(),
            created_by: goroutine.created_by(),
            created_at: goroutine.creation_stack().and_then(|stack| place::own(frames(stack).iter()).cloned()),
            begin: goroutine.created_at(),
            end: goroutine.ended_at(),
            seen: seen?,
            times,
        })
    };
    timeline.goroutines().filter_map(passage).collect()
}

fn frames(stack: StackTrace<'_>) -> Vec<Place> {
    let place = |frame: crate::event::Frame<'_>| Place {
        function: frame.func.to_string(),
        file: frame.file.to_string(),
        line: i64::try_from(frame.line).unwrap_or(0),
    };
    stack.frames().map(place).collect()
}

/// An allocation of a heap profile that a goroutine may have made.
#[derive(Clone, Debug, PartialEq)]
pub struct Allocation {
    /// The line that allocates.
    pub place: Place,
    /// The stack, innermost first.
    pub stack: Vec<Place>,
    /// Whether the goroutine was seen in the function that allocates. Otherwise it only started where the stack does.
    pub is_seen: bool,
    /// Bytes allocated there up to the last profile, by all goroutines.
    pub allocated: i64,
    /// Bytes of it in use in the last profile.
    pub in_use: i64,
    /// By how many bytes that is more than in the first profile.
    pub growth: i64,
    /// How many goroutines of the trace started in the same function, and so share these sums.
    pub shared_by: u64,
}

/// What a goroutine may have allocated, by its stacks: the allocations of the heap profiles whose stacks begin where the goroutine
/// started. First those in functions in which it was seen, and then those that are most in use.
///
/// Empty if there are no heap profiles or the trace does not know the goroutine. A goroutine that started in `runtime.main` is `main`
/// itself.
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
    let begins_there = |stack: Stack| {
        // The runtime's frame below is in some profiles and not in others.
        let outermost = heaps.frames(stack).rfind(|frame| frame.function != "runtime.goexit");
        outermost.is_some_and(|frame| start == frame.function.as_str())
    };
    let mut found: Vec<Allocation> = heaps
        .stacks()
        .filter(|&stack| begins_there(stack))
        .filter_map(|stack| {
            let value = |all: &super::snapshots::Snapshot<4>, column: usize| {
                all.values.get(&stack).map_or(0, |values| values[column])
            };
            let place = place::own(heaps.frames(stack))?.clone();
            Some(Allocation {
                is_seen: seen.contains(&Text::from(place.function.as_str())),
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

/// Tells findings of heap profiles which goroutines of the traces pass through the place.
pub(super) fn link(inputs: &Inputs, findings: &mut [Finding]) {
    for finding in findings.iter_mut().filter(|finding| finding.source == Source::Heap) {
        let Some(place) = &finding.place else { continue };
        let start = match finding.value("stack") {
            Some(Value::Stack(stack)) => stack.last().map(|frame| frame.function.clone()).unwrap_or_default(),
            _ => String::new(),
        };
        let passes = |group: &&PopulationGroup| {
            let waits = group.waits.iter().flat_map(|wait| &wait.stack);
            // Everything passes through main.
            let starts_there = group.name == start && start != "runtime.main" && start != "main.main";
            starts_there || waits.into_iter().any(|frame| frame.func == place.function)
        };
        let groups = inputs.traces.iter().flat_map(|trace| &trace.population.groups);
        let Some(group) = groups.filter(passes).max_by_key(|group| group.left) else { continue };
        finding.goroutines = group.examples.iter().map(|&(id, _)| id).collect();
        let mut add = |name, value| finding.evidence.push((name, value));
        add("goroutines_started_in", Value::Text(group.name.clone()));
        add("goroutines_created", Value::Count(group.created as i64));
        add("goroutines_ended", Value::Count(group.ended as i64));
        add("goroutines_left", Value::Count(group.left as i64));
    }
}
