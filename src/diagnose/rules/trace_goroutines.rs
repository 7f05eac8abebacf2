//! Goroutines that are created in the trace and do not exit, and waits that do not end.
//!
//! The goroutines of a pool exist from start to end, goroutines of requests exit as fast as they
//! are created, and long waits with a deadline end one after the other. In all of these cases, as
//! many goroutines exit as are created, except for chance. The goroutines of a leak are created all
//! the time and do not exit.

use std::time::Duration;

use indexmap::IndexMap;

use super::{RuleContext, RuleOutput, capture, time, unblock};
use crate::analysis::population::{Creator, PopulationGroup, PopulationReport, WaitPlace, Waiter};
use crate::diagnose::finding::{Against, Basis, Evidence, Finding, Source, Strength, Value, Weakens};
use crate::diagnose::growth::confidence;
use crate::diagnose::stayers::Stayers;
use crate::diagnose::{connections, place, waits};
use crate::event::OwnedFrame;
use crate::time::Time;

/// The highest confidence for a trace: it is short, and a growing number of clients looks the same.
const MOST: f64 = 0.7;

/// The shortest trace that can show that goroutines stay, in nanoseconds.
const MIN_LENGTH: i64 = 500_000_000;

/// What a trace answers.
const QUESTION: &str = "which goroutines stay, and who created them";

/// The maximum number of goroutines to list.
const MAX_EXAMPLES: usize = 16;

pub(super) fn judge(context: RuleContext<'_>, output: &mut RuleOutput) {
    if context.inputs.traces.is_empty() {
        return output.missing(QUESTION, "no trace was given", capture::TRACE);
    }
    for trace in &context.inputs.traces {
        let population = &trace.population;
        let length = population.end.since(population.start);
        if length < MIN_LENGTH {
            let length = time(Duration::from_nanos(length.max(0).unsigned_abs()));
            output.missing(QUESTION, &format!("the trace is too short ({length})"), capture::TRACE);
            continue;
        }
        output.able.push("goroutines-stay");
        let (mut grown, mut idle) = (false, 0);
        for group in &population.groups {
            match judge_group(context, population, group) {
                Some(Growing::Leak(finding)) => {
                    grown = true;
                    output.findings.push(*finding);
                }
                Some(Growing::IdleConnections(count)) => idle += count,
                None => {}
            }
        }
        output.against.extend((idle > 0).then(|| connections::idle(Source::Trace, idle)));
        if !grown {
            output.against.push(stable(population));
            old_waiters(population, output);
        }
    }
}

/// From this many on, goroutines that wait during the whole trace are mentioned.
const MANY: u64 = 20;

/// Mentions the largest group of goroutines that wait at one place during the whole trace, of which none is woken.
fn old_waiters(population: &PopulationReport, output: &mut RuleOutput) {
    let places = population.groups.iter().flat_map(|group| group.waits.iter().map(move |wait| (group, wait)));
    let is_old = |wait: &WaitPlace| wait.waiting >= MANY && wait.left == 0 && wait.oldest == Some(population.start);
    let old = places.filter(|(_, wait)| is_old(wait) && !connections::is_idle(&place::of_stack(&wait.stack)));
    let Some((group, wait)) = old.max_by_key(|(_, wait)| wait.waiting) else { return };
    let question = format!(
        "whether the {} goroutines of {} that wait in {} during the whole trace are a pool or a leak",
        wait.waiting,
        group.name,
        waits::operation(&place::of_stack(&wait.stack)).unwrap_or("the same place"),
    );
    output.missing(&question, "the trace does not show when they began to wait", capture::GOROUTINE);
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
    let reason = format!("in the trace, no group of goroutines grows: {created} created, {ended} exited, {left} alive");
    Against { source: Source::Trace, factor: 1.0, weakens: Weakens::Nothing, reason }
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
    /// Returns the largest set of waiters of a group. For goroutines that are older than the trace,
    /// the reason may be missing and the frames of the runtime may differ. So waiters are grouped
    /// by their place in the program, and the most frequent known reason counts for all of them.
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

    /// Returns what they wait for, in the words of a report. The stack is more precise than the
    /// reason, which is "sync" for most of package `sync`.
    fn operation(&self) -> &'a str {
        match waits::operation(&self.stack) {
            Some(operation) => operation,
            None if self.reason.is_empty() => "wait",
            None => self.reason,
        }
    }
}

fn judge_group(context: RuleContext<'_>, population: &PopulationReport, group: &PopulationGroup) -> Option<Growing> {
    let stayers = Stayers::of(population, group, context.options)?;
    let waiters = Waiters::largest(group)?;
    if connections::is_idle(&waiters.stack) {
        return Some(Growing::IdleConnections(waiters.waiting));
    }
    Some(Growing::Leak(Box::new(finding(context, population, group, &stayers, waiters))))
}

fn finding(
    context: RuleContext<'_>,
    population: &PopulationReport,
    group: &PopulationGroup,
    stayers: &Stayers,
    waiters: Waiters<'_>,
) -> Finding {
    let creators: Vec<Vec<OwnedFrame>> = group.creators.iter().map(creation_stack).collect();
    let creator = creators.iter().find_map(|stack| place::own(stack.iter()));
    let start = place::function(group.name.clone());
    let is_connection = connections::serves_connection(&group.name);
    // Goroutines that serve a connection wait in net/http. The code to look at opened it.
    let owner = creator.filter(|creator| is_connection && !place::is_standard(&creator.func));
    let blocked_at = place::own(waiters.stack.iter()).cloned().unwrap_or(start.clone());
    let place = owner.cloned().unwrap_or_else(|| blocked_at.clone());
    let operation = waiters.operation().to_owned();
    let age = waiters.oldest.map_or(Duration::ZERO, |oldest| population.end - oldest);
    let seconds = (population.end.since(population.start) - stayers.age - stayers.since) as f64 / 1e9;
    let mut evidence = vec![
        Evidence::new("created", Value::Count(group.created as i64)),
        Evidence::new("exited", Value::Count(group.ended as i64)),
        Evidence::new("alive", Value::Count(group.left as i64)),
        Evidence::new("compared_age_ns", Value::Duration(Duration::from_nanos(stayers.age.unsigned_abs()))),
        Evidence::new("stayed", Value::Count(stayers.come as i64)),
        Evidence::new("went", Value::Count(stayers.gone as i64)),
        Evidence::new("growth_per_second", Value::PerSecond((stayers.come - stayers.gone) / seconds.max(1e-9))),
        Evidence::new("deviations", Value::Number(stayers.deviations)),
        Evidence::new("started_in", Value::Text(group.name.clone())),
        Evidence::new("blocked_in", Value::Text(operation.clone())),
        Evidence::new("waiting", Value::Count(waiters.waiting as i64)),
        Evidence::new("never_woken", Value::Count(waiters.since_creation as i64)),
        Evidence::new("oldest_wait_ns", Value::Duration(age)),
        Evidence::new("stack", Value::Stack(waiters.stack.clone())),
    ];
    evidence.extend(Evidence::pace(stayers.growth.pace));
    if stayers.since > 0 {
        let since = Duration::from_nanos(stayers.since.unsigned_abs());
        evidence.push(Evidence::new("begins_after_ns", Value::Duration(since)));
    }
    if group.lifetimes.count() > 0 {
        let lifetime = group.lifetimes.percentile(99.0);
        evidence.push(Evidence::new("lifetime_p99_ns", Value::Duration(lifetime)));
    }
    if let Some(creator) = creators.first() {
        evidence.push(Evidence::new("creation_stack", Value::Stack(creator.clone())));
    }
    let basis = match is_connection {
        true => Basis::Connection,
        false => waits::basis(&operation),
    };
    let related = creator.cloned().into_iter().chain([start, blocked_at]);
    let related = related.filter(|related| related.func != "main.main" && related.func != place.func);
    Finding {
        rule: "goroutines-stay",
        source: Source::Trace,
        confidence: confidence(stayers.deviations, MOST, context.options) * stayers.goes_on,
        strength: Strength::None,
        title: title(group, stayers, &waiters, creator, age),
        next_step: unblock(&operation, &place),
        related: related.collect(),
        place: Some(place),
        goroutines: waiters.examples.iter().take(MAX_EXAMPLES).map(|waiter| waiter.goroutine).collect(),
        evidence,
        basis,
    }
}

/// Returns the stack at which goroutines were created. If all of it is in the standard library, the
/// stack at which their creator was created follows: `net/http` opens connections in goroutines of
/// its own.
fn creation_stack(creator: &Creator) -> Vec<OwnedFrame> {
    let mut stack = place::of_stack(&creator.stack);
    if stack.iter().all(|frame| place::is_standard(&frame.func)) {
        stack.extend(place::of_stack(&creator.parent_stack));
    }
    stack
}

fn title(
    group: &PopulationGroup,
    stayers: &Stayers,
    waiters: &Waiters<'_>,
    creator: Option<&OwnedFrame>,
    age: Duration,
) -> String {
    let name = &group.name;
    let by = creator.map_or(String::new(), |creator| format!(" by {}", creator.func));
    let created_by = if by.is_empty() { by.clone() } else { format!(", created{by},") };
    let came = match stayers.age {
        0 => format!("{} goroutines of {name} were created{by}, {} exited", group.created, group.ended),
        least => format!(
            "{} goroutines of {name}{created_by} are older than {}, and {} that old exited",
            stayers.come,
            time(Duration::from_nanos(least.unsigned_abs())),
            stayers.gone
        ),
    };
    let onset = match stayers.since {
        0 => String::new(),
        since => format!(" from +{} on", time(Duration::from_nanos(since.unsigned_abs()))),
    };
    let wait = if waiters.waiting == 1 { "waits" } else { "wait" };
    let operation = waiters.operation();
    let blocked = if operation == "wait" { String::new() } else { format!(" in {operation}") };
    format!("{came}{onset}; {} {wait}{blocked}, for up to {}", waiters.waiting, time(age))
}
