//! A heap that has reached its memory limit (Go issue 58106).
//!
//! With GOGC alone, the heap goal of a collection is a multiple of the live heap. GOMEMLIMIT holds
//! the goal down. When the live heap comes close to the limit, the collector runs all the time and
//! the program does little else. Raising GOGC has no effect then.

use super::{RuleContext, RuleOutput, bytes};
use crate::diagnose::finding::{Basis, Evidence, Finding, Source, Strength, Value};
use crate::gctrace::{Cycle, Pressure};

/// The goal is held down if it is at most this multiple of the live heap. With GOGC=100, it is
/// twice the live heap.
const HELD_FACTOR: f64 = 1.25;

/// The goals of at least this share of the collections have to be held down.
const MIN_HELD: f64 = 0.8;

/// The goals of the collections vary by at most this share, since the limit is constant.
const SPREAD: f64 = 0.1;

/// The log has whole MiB, so a size may be off by this many bytes.
const ROUNDING: f64 = (1 << 20) as f64;

/// The last of this many equal parts of the log is examined.
const PARTS: usize = 3;

/// At least this many collections are examined.
const MIN_CYCLES: usize = 8;

pub(super) fn judge(context: RuleContext<'_>, output: &mut RuleOutput) {
    let cycles = &context.inputs.cycles;
    let tail = &cycles[cycles.len() - (cycles.len() / PARTS).max(MIN_CYCLES).min(cycles.len())..];
    if tail.len() < MIN_CYCLES {
        return;
    }
    let Some(share) = Pressure::of(tail).gc_cpu_share.filter(|share| *share >= context.options.gc_cpu_share) else {
        return;
    };
    let Some(held) = held_goal(tail) else { return };
    let live = tail[tail.len() - 1].heap_live;
    let size = |size: u64| bytes(i64::try_from(size).unwrap_or(i64::MAX));
    output.findings.push(Finding {
        rule: "memory-limit",
        source: Source::GcLog,
        confidence: context.options.suspect,
        strength: Strength::None,
        title: format!(
            "the heap is at its memory limit: {} are live, the heap goal is only {}, and garbage collection takes {:.0} % of the CPU time",
            size(live),
            size(held),
            share * 100.0
        ),
        place: None,
        related: Vec::new(),
        goroutines: Vec::new(),
        evidence: vec![
            Evidence::new("live_bytes", Value::Bytes(i64::try_from(live).unwrap_or(i64::MAX))),
            Evidence::new("goal_bytes", Value::Bytes(i64::try_from(held).unwrap_or(i64::MAX))),
            Evidence::new("gc_cpu_share", Value::Number(share)),
        ],
        next_step: "raise GOMEMLIMIT (and the container's memory), or keep less in memory: GOGC has no effect here; if the live heap still rises, heap profiles show what grows".to_owned(),
        basis: Basis::Apart,
    });
}

/// Returns the heap goal that the limit allows. `None` if the limit does not hold the goal down.
fn held_goal(cycles: &[Cycle]) -> Option<u64> {
    // The goal of a collection is computed from the live heap after the previous one.
    let pairs = || cycles.windows(2).filter_map(|pair| Some((pair[0].heap_live, pair[1].goal?)));
    let held = pairs().filter(|&(live, goal)| goal as f64 <= live as f64 * HELD_FACTOR + ROUNDING).count();
    let goals = || pairs().map(|(_, goal)| goal);
    let (low, high) = (goals().min()?, goals().max()?);
    let is_constant = (high - low) as f64 <= high as f64 * SPREAD + ROUNDING;
    (is_constant && held as f64 >= MIN_HELD * pairs().count() as f64).then_some(high)
}
