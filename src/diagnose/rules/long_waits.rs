//! Goroutines of a dump that have been waiting for a minute or more for something that only the program itself can do,
//! such as a receive from the channel to which they send.
//!
//! A slow receiver looks the same, so this is a suspicion at most.

use std::time::Duration;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::{RuleContext, RuleOutput, time, unblock};
use crate::diagnose::dumped::LongWait;
use crate::diagnose::finding::{Basis, Evidence, Finding, Source, Strength, Value};
use crate::diagnose::{connections, place, waits};
use crate::event::OwnedFrame;

/// A function needs at least this many such goroutines. A few may wait for a reason, such as the end of the program.
const SEVERAL: usize = 5;

pub(super) fn judge(context: RuleContext<'_>, output: &mut RuleOutput) {
    let dumped = &context.inputs.dumped;
    let mut groups: IndexMap<_, Vec<&LongWait>, RandomState> = IndexMap::default();
    for waiter in &dumped.long_waits {
        let frames = || dumped.goroutines.frames(waiter.stack);
        if let (Some(stuck_in), Some(place)) = (waiter.stuck_in, place::own(frames())) {
            groups.entry((place.func.as_str(), stuck_in)).or_default().push(waiter);
        }
    }
    for ((function, stuck_in), waiters) in groups {
        let longest = waiters.iter().map(|waiter| waiter.wait).max().unwrap_or_default();
        let evidence = Evidence::new("oldest_wait_ns", Value::Duration(longest));
        let is_same = |finding: &&mut Finding| {
            let place = finding.place.as_ref();
            let has_wait = finding.evidence.iter().any(|evidence| evidence.name == "oldest_wait_ns");
            finding.source == Source::Dump && !has_wait && place.is_some_and(|place| place.func == function)
        };
        // Growth is stronger evidence, and the wait is part of it.
        if let Some(grown) = output.findings.iter_mut().find(is_same) {
            grown.evidence.push(evidence);
        } else if waiters.len() >= SEVERAL {
            let frames: Vec<OwnedFrame> = dumped.goroutines.frames(waiters[0].stack).cloned().collect();
            output.findings.extend(finding(context, &waiters, longest, stuck_in, frames));
        }
    }
}

/// Returns the finding about goroutines that wait in one function, and the stack of one of them.
fn finding(
    context: RuleContext<'_>,
    waiters: &[&LongWait],
    longest: Duration,
    stuck_in: &str,
    frames: Vec<OwnedFrame>,
) -> Option<Finding> {
    let place = place::own(frames.iter())?.clone();
    let start = frames.last()?.clone();
    let operation = waits::operation(&frames).unwrap_or(stuck_in);
    let basis = match connections::serves_connection(&start.func) {
        true => Basis::Connection,
        false => waits::basis(operation),
    };
    let count = waiters.len();
    Some(Finding {
        rule: "long-wait",
        source: Source::Dump,
        confidence: context.options.suspect,
        strength: Strength::None,
        title: format!("{count} goroutines wait in {} ({stuck_in}), for up to {}", place.func, time(longest)),
        next_step: unblock(stuck_in, &place),
        place: Some(place),
        goroutines: waiters.iter().map(|waiter| waiter.goroutine).collect(),
        evidence: vec![
            Evidence::new("waiting", Value::Count(count as i64)),
            Evidence::new("oldest_wait_ns", Value::Duration(longest)),
            Evidence::new("blocked_in", Value::Text(stuck_in.to_owned())),
            Evidence::new("started_in", Value::Text(start.func.clone())),
            Evidence::new("stack", Value::Stack(frames)),
        ],
        related: [start].into_iter().filter(|start| start.func != "main.main").collect(),
        basis,
    })
}
