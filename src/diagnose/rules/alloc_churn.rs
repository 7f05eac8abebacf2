//! Functions that allocate the most without keeping the memory: pools, builders and caches whose
//! content changes.

use std::collections::HashMap;

use super::{RuleContext, RuleOutput, bytes};
use crate::diagnose::finding::{Against, Source, Weakens};
use crate::diagnose::inputs::heap::{ALLOC_SPACE, INUSE_SPACE};
use crate::diagnose::place;
use crate::diagnose::snapshots::Stack;
use crate::event::OwnedFrame;

/// A function that keeps more than this share of what it allocated is not churn.
const TURNOVER: f64 = 0.1;

/// The maximum number of functions to report.
const MAX_REPORTED: usize = 2;

pub(super) fn judge(context: RuleContext<'_>, output: &mut RuleOutput) {
    let heaps = &context.inputs.heaps;
    if heaps.all.len() < 2 || context.same_run.heaps.is_some() {
        return;
    }
    let own: HashMap<Stack, &OwnedFrame> =
        heaps.stacks().filter_map(|stack| Some((stack, place::own(heaps.frames(stack))?))).collect();
    let by_function = heaps.grouped(|stack| own.get(&stack).map(|place| place.func.as_str()));
    let last = heaps.all.len() - 1;
    let mut churn: Vec<(i64, &str, i64)> = Vec::new();
    let mut total = 0_i64;
    for (function, series) in &by_function {
        let between = |column: usize| series.values[last][column].saturating_sub(series.values[0][column]);
        let allocated = between(ALLOC_SPACE);
        total = total.saturating_add(allocated);
        let grows = output.findings.iter().any(|finding| finding.functions().any(|name| name == *function));
        if !grows && (between(INUSE_SPACE) as f64) < TURNOVER * allocated as f64 {
            churn.push((allocated, function, series.values[last][INUSE_SPACE]));
        }
    }
    churn.sort_unstable_by(|a, b| b.cmp(a));
    for (allocated, function, held) in
        churn.into_iter().take(MAX_REPORTED).filter(|(allocated, ..)| allocated.saturating_mul(4) > total)
    {
        let reason = format!(
            "{function} allocates the most ({} from the first to the last profile) but keeps {}: churn, not growth",
            bytes(allocated),
            bytes(held)
        );
        let weakens = Weakens::Function(function.to_owned());
        output.against.push(Against { source: Source::Heap, factor: 1.0, weakens, reason });
    }
}
