//! Goroutines that are created in the trace and do not exit, and waits that do not end.
//!
//! The goroutines of a pool exist from start to end, goroutines of requests exit as fast as they are created, and long
//! waits with a deadline end one after the other. In all of these cases, as many goroutines exit as are created, except
//! for chance. The goroutines of a leak are created all the time and do not exit.

use std::time::Duration;

use indexmap::IndexMap;

use super::{RuleContext, RuleOutput, idle_connections, is_idle_connection, time, unblock};
use crate::analysis::population::{PopulationGroup, PopulationReport, WaitPlace, Waiter};
use crate::diagnose::finding::{Against, Evidence, Finding, Source, Strength, Value, Weakens};
use crate::diagnose::growth::{Growth, NEGLIGIBLE, confidence, deviations};
use crate::diagnose::place;
use crate::event::OwnedFrame;
use crate::time::Time;

/// The highest confidence for a trace: it is short, and a growing number of clients looks the same.
const MOST: f64 = 0.7;

/// The trace is split into this many parts to see whether the number rises in all of them.
const PARTS: usize = 8;

/// The maximum number of goroutines to list.
const MAX_EXAMPLES: usize = 16;

pub(super) fn judge(context: RuleContext<'_>, output: &mut RuleOutput) {
    if context.inputs.traces.is_empty() {
        output.not_judged.push("which goroutines stay, and who created them: no trace was given".to_owned());
        return;
    }
    for trace in &context.inputs.traces {
        let population = &trace.population;
        let mut grown = false;
        for group in &population.groups {
            match judge_group(context, population, group) {
                Some(Growing::Leak(finding)) => {
                    grown = true;
                    output.findings.push(*finding);
                }
                Some(Growing::IdleConnections(count)) => output.against.push(idle_connections(Source::Trace, count)),
                None => {}
            }
        }
        if !grown {
            output.against.push(stable(population));
        }
    }
}

/// A group whose number grows.
enum Growing {
    Leak(Box<Finding>),
    /// The number of connections that wait for their next request.
    IdleConnections(u64),
}

/// Says that the number of goroutines is stable.
fn stable(population: &PopulationReport) -> Against {
    let created: u64 = population.groups.iter().map(|group| group.created).sum();
    let ended: u64 = population.groups.iter().map(|group| group.ended).sum::<u64>() + population.unnamed_ended;
    let left: u64 = population.groups.iter().map(|group| group.left).sum();
    let reason = format!("goroutine count is stable: {created} created, {ended} exited, {left} alive");
    Against { source: Source::Trace, factor: 1.0, weakens: Weakens::Nothing, reason }
}

/// Returns by how much the number had grown at the end of each of some equal parts of the trace.
fn rise(population: &PopulationReport, group: &PopulationGroup) -> Vec<f64> {
    let length = population.end.since(population.start).max(1) as f64;
    let mut sums = vec![0.0; PARTS + 1];
    for window in &group.growth {
        let part = window.start.since(population.start) as f64 / length * PARTS as f64;
        // In range: a number between 0 and PARTS.
        sums[(part.max(0.0) as usize).min(PARTS - 1) + 1] += window.goroutines as f64;
    }
    for part in 1..sums.len() {
        sums[part] += sums[part - 1];
    }
    sums
}

/// The goroutines of a group that wait at one place.
#[derive(Default)]
struct Waiters<'a> {
    stack: Vec<OwnedFrame>,
    /// Empty if the trace contains no reason.
    reason: &'a str,
    /// The number of goroutines that have this reason and stack.
    known: u64,
    waiting: u64,
    since_creation: u64,
    oldest: Option<Time>,
    examples: Vec<Waiter>,
}

impl<'a> Waiters<'a> {
    /// Returns the largest set of waiters of a group. For goroutines that are older than the trace, the reason may be
    /// missing and the frames of the runtime may differ. So waiters are grouped by their place in the program, and the
    /// reason of the others is used.
    fn largest(group: &'a PopulationGroup) -> Option<Self> {
        let mut places: IndexMap<Vec<OwnedFrame>, Waiters<'a>> = IndexMap::new();
        for wait in &group.waits {
            let stack = place::of_stack(&wait.stack);
            let own = stack.iter().position(|frame| Some(frame) == place::own(stack.iter())).unwrap_or(0);
            places.entry(stack[own..].to_vec()).or_default().add(wait, stack);
        }
        let mut largest = places.into_values().max_by_key(|waiters| (waiters.waiting, waiters.since_creation))?;
        largest.examples.sort_by_key(|waiter| (waiter.since, waiter.goroutine));
        Some(largest)
    }

    fn add(&mut self, wait: &'a WaitPlace, stack: Vec<OwnedFrame>) {
        let known = if wait.reason.is_empty() { 0 } else { wait.waiting };
        if self.stack.is_empty() || known > self.known {
            (self.stack, self.reason, self.known) = (stack, &wait.reason, known);
        }
        self.waiting += wait.waiting;
        self.since_creation += wait.since_creation;
        self.oldest = self.oldest.into_iter().chain(wait.oldest).min();
        self.examples.extend(&wait.examples);
    }

    /// Returns what they wait for, in the words of a report.
    fn operation(&self) -> &'a str {
        if self.reason.is_empty() { "wait" } else { self.reason }
    }
}

fn judge_group(context: RuleContext<'_>, population: &PopulationReport, group: &PopulationGroup) -> Option<Growing> {
    // Goroutines that were created and exited within the trace do not change the number. The goroutines that exited and
    // are otherwise unknown may all have been in this group.
    let passing = group.lifetimes.count();
    let (come, gone) = (group.created - passing, group.ended - passing + population.unnamed_ended);
    let chance = deviations(come as f64, gone as f64);
    let growth = Growth::of(&[], &rise(population, group))?;
    if chance < context.options.deviations || !growth.is_steady {
        return None;
    }
    let goes_on = growth.goes_on(1.0, context.options);
    if goes_on < NEGLIGIBLE {
        return None;
    }
    let waiters = Waiters::largest(group)?;
    if is_idle_connection(&waiters.stack) {
        return Some(Growing::IdleConnections(waiters.waiting));
    }
    let creators: Vec<Vec<OwnedFrame>> = group.creators.iter().map(|creator| place::of_stack(&creator.stack)).collect();
    let creator = creators.iter().find_map(|stack| place::own(stack.iter()));
    let start = place::function(group.name.clone());
    let place = place::own(waiters.stack.iter()).cloned().unwrap_or(start.clone());
    let (net, seconds) =
        (group.created as i64 - group.ended as i64, population.end.since(population.start) as f64 / 1e9);
    let age = waiters.oldest.map_or(Duration::ZERO, |oldest| population.end - oldest);
    let mut evidence = vec![
        Evidence::new("created", Value::Count(group.created as i64)),
        Evidence::new("exited", Value::Count(group.ended as i64)),
        Evidence::new("alive", Value::Count(group.left as i64)),
        Evidence::new("growth_per_second", Value::PerSecond(net as f64 / seconds.max(1e-9))),
        Evidence::new("deviations", Value::Number(chance)),
        Evidence::new("started_in", Value::Text(group.name.clone())),
        Evidence::new("blocked_in", Value::Text(waiters.operation().to_owned())),
        Evidence::new("waiting", Value::Count(waiters.waiting as i64)),
        Evidence::new("never_woken", Value::Count(waiters.since_creation as i64)),
        Evidence::new("oldest_wait_ns", Value::Duration(age)),
        Evidence::new("stack", Value::Stack(waiters.stack.clone())),
    ];
    evidence.extend(Evidence::pace(growth.pace));
    if group.lifetimes.count() > 0 {
        let lifetime = group.lifetimes.percentile(99.0);
        evidence.push(Evidence::new("lifetime_p99_ns", Value::Duration(lifetime)));
    }
    if let Some(creator) = creators.first() {
        evidence.push(Evidence::new("creation_stack", Value::Stack(creator.clone())));
    }
    let by = creator.map_or(String::new(), |creator| format!(" by {}", creator.func));
    let related = creator.cloned().into_iter().chain([start]).filter(|place| place.func != "main.main");
    let waiting = match (waiters.waiting, waiters.reason) {
        (1, "") => "1 waits".to_owned(),
        (1, reason) => format!("1 waits in {reason}"),
        (count, "") => format!("{count} wait"),
        (count, reason) => format!("{count} wait in {reason}"),
    };
    Some(Growing::Leak(Box::new(Finding {
        rule: "goroutines-stay",
        source: Source::Trace,
        confidence: confidence(chance, MOST, context.options) * goes_on,
        strength: Strength::None,
        title: format!(
            "{} goroutines of {} were created{by}, {} exited; {waiting}, for up to {}",
            group.created,
            group.name,
            group.ended,
            time(age)
        ),
        next_step: unblock(waiters.operation(), &place),
        place: Some(place),
        related: related.collect(),
        goroutines: waiters.examples.iter().take(MAX_EXAMPLES).map(|waiter| waiter.goroutine).collect(),
        evidence,
    })))
}
