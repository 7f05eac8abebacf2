//! Goroutines that wait for a lock that its holder does not release.
//!
//! After a wait of a millisecond, a mutex is handed to its waiters in order (Go
//! `src/internal/sync/mutex.go`, starvation mode). So if a goroutine waits for a second or more,
//! and no other goroutine gets a lock at the same place, the holder does not release the lock. The
//! same is true if goroutines that came later got a lock there: that was another lock of the same
//! code.
//!
//! A goroutine dump says how long each goroutine has been waiting, from a minute on.

use std::cmp::Reverse;
use std::time::Duration;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::{RuleContext, RuleOutput, time};
use crate::analysis::population::{PopulationGroup, PopulationReport, WaitPlace};
use crate::diagnose::dumped::Dumped;
use crate::diagnose::finding::{Basis, Evidence, Finding, Source, Strength, Value};
use crate::diagnose::snapshots::{Series, Stack};
use crate::diagnose::{place, waits};
use crate::event::OwnedFrame;
use crate::id::GoId;
use crate::time::Time;

/// The shortest wait that counts.
const LONG: Duration = Duration::from_secs(1);

/// The confidence for one input, and if a goroutine profile shows the same.
const ONE: f64 = 0.6;
const CONFIRMED: f64 = 0.85;

/// If there are at most this many waiters in all, their places are one finding: they probably wait
/// for one lock.
const FEW: u64 = 9;

/// The goroutines that wait at one place for a lock.
struct Queue {
    place: OwnedFrame,
    stack: Vec<OwnedFrame>,
    operation: &'static str,
    started_in: String,
    /// Goroutines that wait for long, or since the start of the trace. Only some of them if there
    /// are many.
    waiters: Vec<GoId>,
    /// The number of goroutines that wait at this place.
    count: u64,
    /// The longest wait.
    longest: Duration,
    /// Whether the longest wait began before the trace.
    is_older: bool,
}

/// How many goroutines lock something in each function, in each goroutine profile or dump.
type Profiled<'a> = IndexMap<&'a str, Series<1>, RandomState>;

pub(super) fn judge(context: RuleContext<'_>, output: &mut RuleOutput) {
    let profiled = profiled(context);
    for trace in &context.inputs.traces {
        let population = &trace.population;
        let mut queues = queues(population);
        queues.retain(|queue| queue.longest >= LONG || waited_before(context, &profiled, queue));
        output.findings.extend(findings(Source::Trace, &profiled, queues));
    }
    // A dump does not confirm itself.
    output.findings.extend(findings(Source::Dump, &Profiled::default(), dumped_queues(&context.inputs.dumped)));
}

/// Returns the findings about queues.
fn findings(source: Source, profiled: &Profiled<'_>, mut queues: Vec<Queue>) -> Vec<Finding> {
    queues.sort_by_key(|queue| Reverse(queue.count));
    let total: u64 = queues.iter().map(|queue| queue.count).sum();
    let size = if total <= FEW { queues.len() } else { 1 };
    queues.chunks(size.max(1)).map(|queues| finding(source, profiled, queues)).collect()
}

/// Returns the places where goroutines of the last dump have been waiting for a lock for at least a minute.
fn dumped_queues(dumped: &Dumped) -> Vec<Queue> {
    let mut queues: IndexMap<(&OwnedFrame, &str), Queue, RandomState> = IndexMap::default();
    for waiter in &dumped.long_waits {
        let frames = dumped.goroutines.frames(waiter.stack);
        let stack: Vec<OwnedFrame> = frames.clone().cloned().collect();
        let Some(operation) = waits::operation(&stack).filter(|operation| waits::is_lock(operation)) else { continue };
        let (Some(place), Some(start)) = (place::own(frames.clone()), frames.clone().next_back()) else { continue };
        let queue = queues.entry((place, operation)).or_insert_with(|| Queue {
            place: place.clone(),
            stack,
            operation,
            started_in: start.func.clone(),
            waiters: Vec::new(),
            count: 0,
            longest: Duration::ZERO,
            is_older: false,
        });
        queue.waiters.push(waiter.goroutine);
        queue.count += 1;
        queue.longest = queue.longest.max(waiter.wait);
    }
    queues.into_values().collect()
}

/// Returns the places where goroutines wait for a lock that nobody releases. Those that wait since
/// the start of the trace may wait for less than a second.
fn queues(population: &PopulationReport) -> Vec<Queue> {
    let waits = population.groups.iter().flat_map(|group| group.waits.iter().map(move |wait| (group, wait)));
    let queue = |(group, wait): (&PopulationGroup, &WaitPlace)| {
        let stack = place::of_stack(&wait.stack);
        let operation = waits::operation(&stack).filter(|operation| waits::is_lock(operation))?;
        // No wait at this place has ended, or one that started later has.
        let is_overtaken = |since: Time| wait.latest_ended.is_none_or(|latest| since < latest);
        let is_long = |since: Time| since == population.start || population.end - since >= LONG;
        let stuck = wait.examples.iter().filter(|waiter| is_long(waiter.since) && is_overtaken(waiter.since));
        let waiters: Vec<GoId> = stuck.map(|waiter| waiter.goroutine).collect();
        let oldest = wait.oldest.filter(|_| !waiters.is_empty())?;
        let place = place::own(stack.iter())?.clone();
        // The examples are the longest waits. If all of them are stuck, the lock is held for the
        // other waiters too.
        let count = if waiters.len() == wait.examples.len() { wait.waiting } else { waiters.len() as u64 };
        let (longest, is_older) = (population.end - oldest, oldest == population.start);
        Some(Queue { place, stack, operation, started_in: group.name.clone(), waiters, count, longest, is_older })
    };
    waits.filter_map(queue).collect()
}

/// Counts goroutines that lock something in the goroutine profiles or dumps. Empty if these do not
/// belong to the trace.
fn profiled(context: RuleContext<'_>) -> Profiled<'_> {
    let (profiles, _) = context.inputs.goroutine_snapshots();
    if context.same_run.goroutines.is_some() || !context.same_run.kinds.is_empty() {
        return Profiled::default();
    }
    profiles.grouped(|stack: Stack| {
        let frames: Vec<OwnedFrame> = profiles.frames(stack).cloned().collect();
        waits::operation(&frames).filter(|operation| waits::is_lock(operation))?;
        Some(place::own(profiles.frames(stack))?.func.as_str())
    })
}

/// Returns whether goroutines that wait since the trace's start already waited in the profiles,
/// which cover a long time.
fn waited_before(context: RuleContext<'_>, profiled: &Profiled<'_>, queue: &Queue) -> bool {
    let extent = context.inputs.goroutine_snapshots().0.extent();
    let is_long = extent.is_some_and(|(first, last)| u128::from(last.abs_diff(first)) >= LONG.as_nanos());
    let waiting = queue.waiters.len() as i64;
    let has_all = |series: &Series<1>| series.column(0).iter().all(|count| *count >= waiting);
    let is_profiled = || profiled.get(queue.place.func.as_str()).is_some_and(has_all);
    is_long && queue.is_older && is_profiled()
}

/// Returns the finding about queues, the longest first, of which there is at least one.
fn finding(source: Source, profiled: &Profiled<'_>, queues: &[Queue]) -> Finding {
    let first = &queues[0];
    let count: u64 = queues.iter().map(|queue| queue.count).sum();
    let longest = queues.iter().map(|queue| queue.longest).max().unwrap_or(first.longest);
    let is_confirmed = queues.iter().all(|queue| {
        let last = profiled.get(queue.place.func.as_str()).and_then(|series| series.column(0).last().copied());
        last.is_some_and(|count| count >= queue.waiters.len() as i64)
    });
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
        source,
        confidence: if is_confirmed { CONFIRMED } else { ONE },
        strength: Strength::None,
        title: format!(
            "{count} {are} for up to {} in {}{elsewhere} ({}), and nobody unlocks {them}",
            time(longest),
            first.place.func,
            first.operation
        ),
        place: Some(first.place.clone()),
        related: related.collect(),
        goroutines: queues.iter().flat_map(|queue| queue.waiters.iter().copied()).collect(),
        evidence: vec![
            Evidence::new("waiting", Value::Count(count as i64)),
            Evidence::new("oldest_wait_ns", Value::Duration(longest)),
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
