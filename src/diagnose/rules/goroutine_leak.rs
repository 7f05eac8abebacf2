//! Goroutines that nothing can wake, found by the collector itself (Go 1.26 and later).

use super::{Case, Heard};
use crate::diagnose::finding::{Finding, Source, Value};
use crate::diagnose::place::Place;

use super::goroutine_growth::{operation, place_of};

/// What is in this profile is leaked: nothing that lives refers to what it waits for. Unsafe code can lie.
const SURE: f64 = 0.98;

pub(super) fn judge(case: Case<'_>, heard: &mut Heard) {
    let profiles = &case.inputs.leaked;
    if profiles.all.is_empty() {
        return;
    }
    let groups = profiles.grouped(|stack| Some(place_of(profiles, stack)?.function.as_str()));
    for series in groups.values() {
        let counts = series.column(0);
        let Some(&last) = counts.last().filter(|count| **count > 0) else { continue };
        let Some(&stack) = series.stacks.last() else { continue };
        let Some(place) = place_of(profiles, stack) else { continue };
        let frames: Vec<Place> = profiles.frames(stack).cloned().collect();
        let operation = operation(&frames);
        let are = if last == 1 { "goroutine is" } else { "goroutines are" };
        heard.findings.push(Finding {
            rule: "goroutine-leak-profile",
            source: Source::GoroutineLeak,
            confidence: SURE,
            title: format!("{last} {are} blocked in {} ({operation}), and nothing can wake them", place.function),
            place: Some(place.clone()),
            related: frames.last().cloned().into_iter().filter(|start| start.function != "main.main").collect(),
            goroutines: Vec::new(),
            evidence: vec![
                ("goroutines", Value::Series(counts.clone())),
                ("blocked_in", Value::Text(operation.to_owned())),
                ("stack", Value::Stack(frames)),
            ],
            next_step: format!("end the {operation} at {place} on every way out of who should have answered"),
        });
    }
}
