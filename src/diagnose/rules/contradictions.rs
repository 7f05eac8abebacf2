//! Inputs that contradict the findings of other inputs.

use super::{RuleContext, RuleOutput, row};
use crate::diagnose::finding::{Against, Finding, Source, Value, Weakens};
use crate::diagnose::growth::deviations;

/// The factor for a trace and goroutine profiles that disagree about the same goroutines.
const DISAGREE: f64 = 0.5;

/// If a `goroutineleak` profile has none of this many goroutines, that weakens a finding.
const MANY: i64 = 30;

/// The factor by which it does. It is close to 1 because the profile has only goroutines that nothing
/// reachable could wake. A leak is often still reachable.
const REACHABLE: f64 = 0.9;

/// A trace shows that goroutines come and go if at least this many exited.
const MIN_ENDED: u64 = 10;

pub(super) fn judge(context: RuleContext<'_>, output: &mut RuleOutput) {
    if !context.same_run.kinds.is_empty() {
        return;
    }
    let all = [flat_profiles(context, output), reachable(context, output), ending(context, output)];
    output.against.extend(all.into_iter().flatten());
}

/// Returns the functions in which the goroutines of findings started.
fn starts(output: &RuleOutput, source: Source, is_wanted: impl Fn(&Finding) -> bool) -> Vec<String> {
    let findings = output.findings.iter().filter(|finding| finding.source == source && is_wanted(finding));
    findings.filter_map(Finding::started_in).map(str::to_owned).collect()
}

/// Goroutines that stay in the trace, but whose number does not rise in the goroutine profiles.
fn flat_profiles(context: RuleContext<'_>, output: &RuleOutput) -> Vec<Against> {
    let profiles = &context.inputs.goroutines;
    if profiles.all.len() < 3 || context.same_run.goroutines.is_some() {
        return Vec::new();
    }
    let by_start = profiles.grouped(|stack| Some(profiles.frames(stack).next_back()?.func.as_str()));
    let against = |start: String| {
        let counts = by_start.get(start.as_str())?.column(0);
        let (first, last) = (*counts.first()?, *counts.last()?);
        // The trace is somewhere among the profiles. Those after it have to rise too.
        let is_flat = last <= first || counts[counts.len() - 2] >= last;
        let numbers = row(&counts, i64::to_string);
        let reason = format!("in the goroutine profiles, the number of goroutines of {start} does not rise: {numbers}");
        let weakens = Weakens::StartedIn(Source::Trace, start);
        is_flat.then_some(Against { source: Source::Goroutine, factor: DISAGREE, weakens, reason })
    };
    starts(output, Source::Trace, |finding| finding.rule != "lock-held").into_iter().filter_map(against).collect()
}

/// Many goroutines that wait in the trace, none of which is in the `goroutineleak` profile.
fn reachable(context: RuleContext<'_>, output: &RuleOutput) -> Vec<Against> {
    let profiles = &context.inputs.leaked;
    if profiles.all.is_empty() {
        return Vec::new();
    }
    let is_there = |start: &str| {
        profiles.stacks().any(|stack| profiles.frames(stack).next_back().is_some_and(|frame| frame.func == start))
    };
    let many = |finding: &Finding| matches!(finding.value("waiting"), Some(Value::Count(count)) if *count >= MANY);
    let missing = starts(output, Source::Trace, many).into_iter().filter(|start| !is_there(start));
    let against = |start: String| {
        let reason =
            format!("the goroutineleak profile has no goroutine of {start}: something reachable could still wake them");
        let weakens = Weakens::StartedIn(Source::Trace, start);
        Against { source: Source::GoroutineLeak, factor: REACHABLE, weakens, reason }
    };
    missing.map(against).collect()
}

/// Goroutines whose number grows in the profiles, but which come and go in the trace.
fn ending(context: RuleContext<'_>, output: &RuleOutput) -> Vec<Against> {
    let stays = starts(output, Source::Trace, |_| true);
    let groups = || context.inputs.traces.iter().flat_map(|trace| &trace.population.groups);
    let against = |start: String| {
        let group = groups().find(|group| group.name == start && group.ended >= MIN_ENDED)?;
        let (created, ended) = (group.created, group.ended);
        let passing = group.lifetimes.count();
        if deviations((created - passing) as f64, (ended - passing) as f64) > 1.0 {
            return None;
        }
        let reason = format!("in the trace, goroutines of {start} come and go: {created} created, {ended} exited");
        let weakens = Weakens::StartedIn(Source::Goroutine, start);
        Some(Against { source: Source::Trace, factor: DISAGREE, weakens, reason })
    };
    let grown = starts(output, Source::Goroutine, |_| true).into_iter();
    grown.filter(|start| !stays.contains(start)).filter_map(against).collect()
}
