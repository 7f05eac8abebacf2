//! Goroutines that wait for a lock that its holder does not release.
//!
//! After a wait of a millisecond, a mutex is handed to its waiters in order (Go
//! `src/internal/sync/mutex.go`, starvation mode). So a goroutine that waits for a second or more, at
//! a place where nobody got the lock meanwhile, waits for a holder that does not let go. The same is
//! true if others that came later got theirs: those are other locks of the same code.

use std::time::Duration;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::{RuleContext, RuleOutput, time};
use crate::analysis::population::{PopulationGroup, PopulationReport, WaitPlace};
use crate::diagnose::finding::{Basis, Evidence, Finding, Source, Strength, Value};
use crate::diagnose::{place, waits};
use crate::event::OwnedFrame;
use crate::id::GoId;
use crate::time::Time;

/// The shortest wait that counts, in nanoseconds.
const LONG: i64 = 1_000_000_000;

/// The confidence for one input, and if a goroutine profile shows the same.
const ONE: f64 = 0.6;
const CONFIRMED: f64 = 0.85;

/// Up to this many waiters in all, several places are reported as one event: one lock that was not
/// released blocks the few goroutines of several functions.
const FEW: usize = 9;

/// The goroutines that wait at one place for a lock.
struct Queue {
    place: OwnedFrame,
    stack: Vec<OwnedFrame>,
    operation: &'static str,
    started_in: String,
    waiters: Vec<GoId>,
    oldest: Time,
}

pub(super) fn judge(context: RuleContext<'_>, output: &mut RuleOutput) {
    for trace in &context.inputs.traces {
        let population = &trace.population;
        let mut queues = queues(population);
        // Whether they wait for long enough.
        queues.retain(|queue| population.end.since(queue.oldest) >= LONG || stood_before(context, population, queue));
        queues.sort_by_key(|queue| std::cmp::Reverse(queue.waiters.len()));
        let total: usize = queues.iter().map(|queue| queue.waiters.len()).sum();
        if total <= FEW && queues.len() > 1 {
            output.findings.push(finding(context, population, &queues));
        } else {
            let findings = queues.chunks(1).map(|queue| finding(context, population, queue));
            output.findings.extend(findings);
        }
    }
}

/// Returns the places where goroutines wait for a lock that nobody releases.
fn queues(population: &PopulationReport) -> Vec<Queue> {
    let waits = population.groups.iter().flat_map(|group| group.waits.iter().map(move |wait| (group, wait)));
    let queue = |(group, wait): (&PopulationGroup, &WaitPlace)| {
        let stack = place::of_stack(&wait.stack);
        let operation = waits::operation(&stack).filter(|operation| waits::is_lock(operation))?;
        let is_passed = |since: Time| wait.latest_ended.is_none_or(|latest| since < latest);
        let is_long = |since: Time| since == population.start || population.end.since(since) >= LONG;
        let stuck = wait.examples.iter().filter(|waiter| is_long(waiter.since) && is_passed(waiter.since));
        let waiters: Vec<GoId> = stuck.map(|waiter| waiter.goroutine).collect();
        let oldest = wait.oldest.filter(|_| !waiters.is_empty())?;
        let place = place::own(stack.iter())?.clone();
        Some(Queue { place, stack, operation, started_in: group.name.clone(), waiters, oldest })
    };
    waits.filter_map(queue).collect()
}

/// Returns how many goroutines each goroutine profile has that lock something at the same place.
fn in_profiles(context: RuleContext<'_>, queue: &Queue) -> Vec<i64> {
    let profiles = &context.inputs.goroutines;
    if context.same_run.goroutines.is_some() || !context.same_run.kinds.is_empty() {
        return Vec::new();
    }
    let is_same = |stack: u32| {
        let frames: Vec<OwnedFrame> = profiles.frames(stack).cloned().collect();
        let is_there = place::own(frames.iter()).is_some_and(|place| place.func == queue.place.func);
        is_there && waits::operation(&frames).is_some_and(waits::is_lock)
    };
    let count = |values: &IndexMap<u32, [i64; 1], RandomState>| -> i64 {
        values.iter().filter(|(stack, _)| is_same(**stack)).map(|(_, values)| values[0]).sum()
    };
    profiles.all.iter().map(|profile| count(&profile.values)).collect()
}

/// Returns whether goroutines that wait since the trace's start already waited in the profiles, which
/// cover a long time.
fn stood_before(context: RuleContext<'_>, population: &PopulationReport, queue: &Queue) -> bool {
    let is_long = context.inputs.goroutines.extent().is_some_and(|(first, last)| last - first >= LONG);
    let counts = in_profiles(context, queue);
    let waiting = queue.waiters.len() as i64;
    is_long && queue.oldest == population.start && counts.iter().all(|count| *count >= waiting)
}

/// Returns the finding about queues, the longest first, of which there is at least one.
fn finding(context: RuleContext<'_>, population: &PopulationReport, queues: &[Queue]) -> Finding {
    let first = &queues[0];
    let count: usize = queues.iter().map(|queue| queue.waiters.len()).sum();
    let oldest = queues.iter().map(|queue| queue.oldest).min().unwrap_or(first.oldest);
    let age: Duration = population.end - oldest;
    let is_confirmed = queues
        .iter()
        .all(|queue| in_profiles(context, queue).last().is_some_and(|count| *count >= queue.waiters.len() as i64));
    let (are, them) = if count == 1 { ("goroutine waits", "it") } else { ("goroutines wait", "them") };
    let elsewhere = match queues.len() {
        1 => String::new(),
        places => format!(" and {} more", places - 1),
    };
    let starts = queues.iter().map(|queue| place::function(queue.started_in.clone()));
    let others = queues[1..].iter().map(|queue| queue.place.clone());
    let related = others.chain(starts).filter(|place| place.func != "main.main");
    Finding {
        rule: "lock-held",
        source: Source::Trace,
        confidence: if is_confirmed { CONFIRMED } else { ONE },
        strength: Strength::None,
        title: format!(
            "{count} {are} for up to {} in {}{elsewhere} ({}), and nobody unlocks {them}",
            time(age),
            first.place.func,
            first.operation
        ),
        place: Some(first.place.clone()),
        related: related.collect(),
        goroutines: queues.iter().flat_map(|queue| queue.waiters.iter().copied()).collect(),
        evidence: vec![
            Evidence::new("waiting", Value::Count(count as i64)),
            Evidence::new("oldest_wait_ns", Value::Duration(age)),
            Evidence::new("blocked_in", Value::Text(first.operation.to_owned())),
            Evidence::new("started_in", Value::Text(first.started_in.clone())),
            Evidence::new("stack", Value::Stack(first.stack.clone())),
        ],
        next_step: format!(
            "find who holds the lock that {} wants, and the path on which it returns or waits without unlocking",
            place::short(&first.place)
        ),
        basis: Basis::OwnWait,
    }
}
