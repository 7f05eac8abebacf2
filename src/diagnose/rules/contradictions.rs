//! Inputs that contradict the findings of other inputs.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::{RuleContext, RuleOutput, row};
use crate::analysis::population::PopulationGroup;
use crate::diagnose::finding::{Against, Finding, Source, Value, Weakens};
use crate::diagnose::growth::deviations;

/// The factor for a trace and goroutine profiles or dumps that disagree about the same goroutines.
const DISAGREE: f64 = 0.5;

/// A finding about at least this many waiting goroutines is weaker if a `goroutineleak` profile has
/// none of them.
const MANY: i64 = 30;

/// The factor for such a finding. It is close to 1 because the profile has only goroutines that
/// nothing reachable could wake. Leaked goroutines are often still reachable.
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

/// Returns the functions in which the goroutines of findings started, each once: several findings
/// may be about goroutines of one function.
fn starts(output: &RuleOutput, source: Source, is_wanted: impl Fn(&Finding) -> bool) -> BTreeSet<&str> {
    let findings = output.findings.iter().filter(|finding| finding.source == source && is_wanted(finding));
    findings.filter_map(Finding::started_in).collect()
}

/// Goroutines that stay in the trace, but whose number does not rise in the goroutine profiles or dumps.
fn flat_profiles(context: RuleContext<'_>, output: &RuleOutput) -> Vec<Against> {
    let (profiles, source) = context.inputs.goroutine_snapshots();
    if profiles.all.len() < 3 || context.same_run.goroutines.is_some() {
        return Vec::new();
    }
    let by_start = profiles.grouped(|stack| Some(profiles.frames(stack).next_back()?.func.as_str()));
    let against = |start: &str| {
        let counts = by_start.get(start)?.column(0);
        let (first, last) = (*counts.first()?, *counts.last()?);
        // Only profiles after the trace can show what stays. So the last step has to rise too.
        let is_flat = last <= first || counts[counts.len() - 2] >= last;
        let numbers = row(&counts, i64::to_string);
        let reason = format!("in the {}, the number of goroutines of {start} does not rise: {numbers}", source.name());
        let weakens = Weakens::StartedIn(Source::Trace, start.to_owned());
        is_flat.then_some(Against { source, factor: DISAGREE, weakens, reason })
    };
    starts(output, Source::Trace, |finding| finding.rule != "lock-held").into_iter().filter_map(against).collect()
}

/// Many goroutines that wait in the trace, none of which is in the `goroutineleak` profile.
fn reachable(context: RuleContext<'_>, output: &RuleOutput) -> Vec<Against> {
    let profiles = &context.inputs.leaked;
    if profiles.all.is_empty() {
        return Vec::new();
    }
    let outermost = |stack| profiles.frames(stack).next_back().map(|frame| frame.func.as_str());
    let leaked: HashSet<&str> = profiles.stacks().filter_map(outermost).collect();
    let many = |finding: &Finding| {
        let is_many = matches!(finding.value("waiting"), Some(Value::Count(count)) if *count >= MANY);
        is_many && finding.rule != "lock-held"
    };
    let missing = starts(output, Source::Trace, many).into_iter().filter(|start| !leaked.contains(start));
    let against = |start: &str| {
        let reason =
            format!("the goroutineleak profile has no goroutine of {start}: something reachable could still wake them");
        let weakens = Weakens::StartedIn(Source::Trace, start.to_owned());
        Against { source: Source::GoroutineLeak, factor: REACHABLE, weakens, reason }
    };
    missing.map(against).collect()
}

/// Goroutines whose number grows in the profiles or dumps, but which come and go in the trace.
fn ending(context: RuleContext<'_>, output: &RuleOutput) -> Vec<Against> {
    let stays = starts(output, Source::Trace, |_| true);
    let (_, source) = context.inputs.goroutine_snapshots();
    let groups = context.inputs.traces.iter().flat_map(|trace| &trace.population.groups);
    let by_start: HashMap<&str, &PopulationGroup> =
        groups.filter(|group| group.ended >= MIN_ENDED).map(|group| (group.name.as_str(), group)).collect();
    let against = |start: &str| {
        let group = by_start.get(start)?;
        let (created, ended) = (group.created, group.ended);
        // Goroutines that were created and exited in the trace say nothing about growth.
        let passing = group.lifetimes.count();
        if deviations(created.saturating_sub(passing) as f64, ended.saturating_sub(passing) as f64) > 1.0 {
            return None;
        }
        let reason = format!("in the trace, goroutines of {start} come and go: {created} created, {ended} exited");
        let weakens = Weakens::StartedIn(source, start.to_owned());
        Some(Against { source: Source::Trace, factor: DISAGREE, weakens, reason })
    };
    let grown = starts(output, source, |finding| finding.rule == "goroutine-growth").into_iter();
    grown.filter(|start| !stays.contains(start)).filter_map(against).collect()
}
