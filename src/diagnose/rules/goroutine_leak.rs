//! Goroutines that nothing can wake, as found by the garbage collector itself (Go 1.26 and later).

use super::{RuleContext, RuleOutput};
use super::goroutine_growth::place_of;
use crate::diagnose::finding::{Against, Basis, Evidence, Finding, Source, Strength, Value, Weakens};
use crate::diagnose::{place, waits};
use crate::event::OwnedFrame;

/// Goroutines in this profile are leaked: nothing reachable refers to what they wait for. Only
/// unsafe code can make this wrong.
const CONFIDENCE: f64 = 0.98;

pub(super) fn judge(context: RuleContext<'_>, output: &mut RuleOutput) {
    let profiles = &context.inputs.leaked;
    if profiles.all.is_empty() {
        return;
    }
    output.able.push("goroutine-leak-profile");
    doubt_reachable(context, output);
    let groups = profiles.grouped(|stack| Some(place_of(profiles, stack)?.func.as_str()));
    for series in groups.values() {
        let counts = series.column(0);
        let Some(&last) = counts.last().filter(|count| **count > 0) else { continue };
        let Some(&stack) = series.stacks.last() else { continue };
        let Some(place) = place_of(profiles, stack) else { continue };
        let frames: Vec<OwnedFrame> = profiles.frames(stack).cloned().collect();
        let operation = waits::operation(&frames).unwrap_or("wait");
        let are = if last == 1 { "goroutine is" } else { "goroutines are" };
        output.findings.push(Finding {
            rule: "goroutine-leak-profile",
            source: Source::GoroutineLeak,
            confidence: CONFIDENCE,
            strength: Strength::Strong,
            title: format!("{last} {are} blocked in {} ({operation}), and nothing can wake them", place.func),
            place: Some(place.clone()),
            related: frames.last().cloned().into_iter().filter(|start| start.func != "main.main").collect(),
            goroutines: Vec::new(),
            evidence: vec![
                Evidence::new("goroutines", Value::Counts(counts.clone())),
                Evidence::new("blocked_in", Value::Text(operation.to_owned())),
                Evidence::new("stack", Value::Stack(frames)),
            ],
            basis: Basis::OwnWait,
            next_step: format!(
                "make sure that the {operation} at {} ends on every path, including errors and timeouts",
                place::short(place)
            ),
        });
    }
}

/// If a `goroutineleak` profile has none of this many goroutines, that weakens a finding.
const MANY: i64 = 30;

/// The factor by which it does. It is close to 1 because the profile has only goroutines that nothing
/// reachable could wake. A leak is often still reachable.
const REACHABLE: f64 = 0.9;

/// Weakens findings about many goroutines of which the profile has none.
fn doubt_reachable(context: RuleContext<'_>, output: &mut RuleOutput) {
    let profiles = &context.inputs.leaked;
    let is_there = |start: &str| {
        profiles.stacks().any(|stack| profiles.frames(stack).next_back().is_some_and(|frame| frame.func == start))
    };
    let many = |finding: &&Finding| {
        finding.source == Source::Trace
            && matches!(finding.value("waiting"), Some(Value::Count(count)) if *count >= MANY)
    };
    let starts = output.findings.iter().filter(many).filter_map(Finding::started_in);
    let missing: Vec<String> = starts.filter(|start| !is_there(start)).map(str::to_owned).collect();
    for start in missing {
        let reason = format!(
            "the goroutineleak profile has no goroutine of {start}: something reachable could still wake them"
        );
        let weakens = Weakens::StartedIn(start);
        output.against.push(Against { source: Source::GoroutineLeak, factor: REACHABLE, weakens, reason });
    }
}
