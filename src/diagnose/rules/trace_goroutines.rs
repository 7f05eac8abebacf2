//! Goroutines that are created in the trace and do not end, and waits that nobody ends.
//!
//! A pool is there before and after, goroutines of requests end as they are made, and long waits with a deadline are let go in
//! turn: in each, as many come as go, but for chance. Of a leak's only come, all the time.

use indexmap::IndexMap;

use super::{Case, Heard, nanos};
use crate::analysis::{PopulationGroup, PopulationReport, WaitPlace};
use crate::diagnose::finding::{Against, Finding, Scope, Source, Value};
use crate::diagnose::growth::{Growth, NEGLIGIBLE, confidence, deviations};
use crate::diagnose::inputs::places;
use crate::diagnose::place::{self, Place};
use crate::id::GoId;
use crate::time::Time;

/// What a trace can say at most: it is short, and clients that come one after the other look the same.
const MOST: f64 = 0.7;

/// A rise is looked at in so many parts of the trace.
const PARTS: usize = 8;

/// So many goroutines are named.
const MAX_EXAMPLES: usize = 16;

pub(super) fn judge(case: Case<'_>, heard: &mut Heard) {
    if case.inputs.traces.is_empty() {
        heard.not_judged.push("which goroutines stay, and who created them: there is no trace".to_owned());
        return;
    }
    for trace in &case.inputs.traces {
        let population = &trace.population;
        let mut grown = false;
        for group in &population.groups {
            if let Some(finding) = judge_group(case, population, group) {
                grown = true;
                heard.findings.push(finding);
            }
        }
        if !grown {
            heard.against.push(steady(population));
        }
    }
}

/// Says that goroutines come and go.
fn steady(population: &PopulationReport) -> Against {
    let created: u64 = population.groups.iter().map(|group| group.created).sum();
    let ended: u64 = population.groups.iter().map(|group| group.ended).sum::<u64>() + population.unnamed_ended;
    let left: u64 = population.groups.iter().map(|group| group.left).sum();
    let reason = format!("goroutines come and go in the trace: made {created}, ended {ended}, left {left}");
    Against { source: Source::Trace, factor: 1.0, speaks_against: Scope::Nothing, reason }
}

/// How many there were more at the ends of equal parts of the trace.
fn rise(population: &PopulationReport, group: &PopulationGroup) -> Vec<f64> {
    let length = population.end.since(population.begin).max(1) as f64;
    let mut sums = vec![0.0; PARTS + 1];
    for &(begin, growth) in &group.growth {
        let part = begin.since(population.begin) as f64 / length * PARTS as f64;
        // In range: a number between 0 and PARTS.
        sums[(part.max(0.0) as usize).min(PARTS - 1) + 1] += growth as f64;
    }
    for part in 1..sums.len() {
        sums[part] += sums[part - 1];
    }
    sums
}

/// Goroutines of a group that wait at one place.
#[derive(Default)]
struct Crowd<'a> {
    stack: Vec<Place>,
    /// Empty if the trace tells none.
    reason: &'a str,
    /// How many of them the reason and the stack are of.
    told: u64,
    waiting: u64,
    since_creation: u64,
    oldest: Option<Time>,
    examples: Vec<(GoId, Time)>,
}

impl<'a> Crowd<'a> {
    /// The largest one of a group. Of goroutines that were there before the trace it may tell the place and not the reason, and
    /// other frames of the runtime: where they are in the program counts, and the others speak for them.
    fn largest(group: &'a PopulationGroup) -> Option<Self> {
        let mut crowds: IndexMap<Vec<Place>, Crowd<'a>> = IndexMap::new();
        for wait in &group.waits {
            let stack = places(&wait.stack);
            let own = stack.iter().position(|frame| Some(frame) == place::own(stack.iter())).unwrap_or(0);
            crowds.entry(stack[own..].to_vec()).or_default().add(wait, stack);
        }
        let mut largest = crowds.into_values().max_by_key(|crowd| (crowd.waiting, crowd.since_creation))?;
        largest.examples.sort_by_key(|&(id, since)| (since, id));
        Some(largest)
    }

    fn add(&mut self, wait: &'a WaitPlace, stack: Vec<Place>) {
        let told = if wait.reason.is_empty() { 0 } else { wait.waiting };
        if self.stack.is_empty() || told > self.told {
            (self.stack, self.reason, self.told) = (stack, &wait.reason, told);
        }
        self.waiting += wait.waiting;
        self.since_creation += wait.since_creation;
        self.oldest = self.oldest.into_iter().chain(wait.oldest).min();
        self.examples.extend(&wait.examples);
    }

    /// What they do, for people.
    fn operation(&self) -> &'a str {
        if self.reason.is_empty() { "wait" } else { self.reason }
    }
}

fn judge_group(case: Case<'_>, population: &PopulationReport, group: &PopulationGroup) -> Option<Finding> {
    // Those that came and went within the trace change nothing. Those that ended and of which nothing is known may all have been
    // of this group.
    let passing = group.lifetimes.count();
    let (come, gone) = (group.created - passing, group.ended - passing + population.unnamed_ended);
    let chance = deviations(come as f64, gone as f64);
    let growth = Growth::of(&[], &rise(population, group))?;
    if chance < case.options.deviations || !growth.is_steady {
        return None;
    }
    let goes_on = growth.goes_on(1.0, case.options);
    if goes_on < NEGLIGIBLE {
        return None;
    }
    let crowd = Crowd::largest(group)?;
    let creators: Vec<Vec<Place>> = group.creators.iter().map(|(stack, _)| places(stack)).collect();
    let creator = creators.iter().find_map(|stack| place::own(stack.iter()));
    let named = Place { function: group.name.clone(), ..Place::default() };
    let place = place::own(crowd.stack.iter()).cloned().unwrap_or(named.clone());
    let (net, seconds) =
        (group.created as i64 - group.ended as i64, population.end.since(population.begin) as f64 / 1e9);
    let age = crowd.oldest.map_or(0, |oldest| population.end.since(oldest));
    let mut evidence = vec![
        ("created", Value::Count(group.created as i64)),
        ("ended", Value::Count(group.ended as i64)),
        ("left", Value::Count(group.left as i64)),
        ("growth_per_second", Value::PerSecond(net as f64 / seconds.max(1e-9))),
        ("deviations", Value::Number(chance)),
        ("started_in", Value::Text(group.name.clone())),
        ("blocked_in", Value::Text(crowd.operation().to_owned())),
        ("waiting", Value::Count(crowd.waiting as i64)),
        ("never_woken", Value::Count(crowd.since_creation as i64)),
        ("oldest_wait", Value::Nanos(age)),
        ("stack", Value::Stack(crowd.stack.clone())),
    ];
    if let Some(pace) = growth.pace {
        evidence.push(("pace", Value::Number(pace)));
    }
    if group.lifetimes.count() > 0 {
        evidence.push(("lifetime_p99", Value::Nanos(group.lifetimes.percentile(99.0).as_nanos() as i64)));
    }
    if let Some(creator) = creators.first() {
        evidence.push(("created_at", Value::Stack(creator.clone())));
    }
    let by = creator.map_or(String::new(), |creator| format!(" by {}", creator.function));
    let related = creator.cloned().into_iter().chain([named]).filter(|place| place.function != "main.main");
    Some(Finding {
        rule: "goroutines-stay",
        source: Source::Trace,
        confidence: confidence(chance, MOST, case.options) * goes_on,
        title: format!(
            "{} goroutines of {} were made{by}, {} ended; {} wait{}, up to {}",
            group.created,
            group.name,
            group.ended,
            crowd.waiting,
            if crowd.reason.is_empty() { String::new() } else { format!(" in {}", crowd.reason) },
            nanos(age)
        ),
        next_step: format!(
            "find what should end the {} at {place}, and the way on which it does not come",
            crowd.operation()
        ),
        place: Some(place),
        related: related.collect(),
        goroutines: crowd.examples.iter().take(MAX_EXAMPLES).map(|&(id, _)| id).collect(),
        evidence,
    })
}
