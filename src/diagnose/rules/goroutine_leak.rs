//! Goroutines that nothing can wake, as found by the garbage collector itself (Go 1.26 and later): in a `goroutineleak`
//! profile, or marked `(leaked)` in a dump that was taken after such a profile.

use super::goroutine_growth::place_of;
use super::{RuleContext, RuleOutput};
use crate::diagnose::finding::{Basis, Evidence, Finding, Source, Strength, Value};
use crate::diagnose::{place, waits};
use crate::event::OwnedFrame;

/// These goroutines are leaked: nothing reachable refers to what they wait for. Only
/// unsafe code can make this wrong.
const CONFIDENCE: f64 = 0.98;

pub(super) fn judge(context: RuleContext<'_>, output: &mut RuleOutput) {
    let inputs = context.inputs;
    let (profiles, source) = match inputs.leaked.all.is_empty() {
        true => (&inputs.dumped.leaked, Source::Dump),
        false => (&inputs.leaked, Source::GoroutineLeak),
    };
    if profiles.all.is_empty() {
        return;
    }
    output.able.push("goroutine-leak-profile");
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
            source,
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
