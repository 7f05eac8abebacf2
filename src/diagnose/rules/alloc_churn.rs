//! What allocates most, and whether it holds any of it: pools, builders and caches that turn over.

use std::collections::HashMap;

use super::{Case, Heard, bytes};
use crate::diagnose::finding::{Against, Scope, Source};
use crate::diagnose::inputs::heap::{ALLOC_SPACE, INUSE_SPACE};
use crate::diagnose::place::{self, Place};
use crate::diagnose::snapshots::Stack;

/// Who holds more than this share of what it allocated meanwhile does not merely turn over.
const TURNOVER: f64 = 0.1;

/// So many are told.
const TOLD: usize = 2;

pub(super) fn judge(case: Case<'_>, heard: &mut Heard) {
    let heaps = &case.inputs.heaps;
    if heaps.all.len() < 2 {
        return;
    }
    let own: HashMap<Stack, &Place> =
        heaps.stacks().filter_map(|stack| Some((stack, place::own(heaps.frames(stack))?))).collect();
    let by_function = heaps.grouped(|stack| own.get(&stack).map(|place| place.function.as_str()));
    let last = heaps.all.len() - 1;
    let mut churn: Vec<(i64, &str, i64)> = Vec::new();
    let mut total = 0_i64;
    for (function, series) in &by_function {
        let between = |column: usize| series.values[last][column].saturating_sub(series.values[0][column]);
        let allocated = between(ALLOC_SPACE);
        total = total.saturating_add(allocated);
        if (between(INUSE_SPACE) as f64) < TURNOVER * allocated as f64 {
            churn.push((allocated, function, series.values[last][INUSE_SPACE]));
        }
    }
    churn.sort_unstable_by(|a, b| b.cmp(a));
    for (allocated, function, held) in churn.into_iter().take(TOLD).filter(|(allocated, ..)| allocated * 4 > total) {
        let reason = format!(
            "{function} allocates most ({} from first to last profile) but holds {}: that is churn, not growth",
            bytes(allocated),
            bytes(held)
        );
        let scope = Scope::Function(function.to_owned());
        heard.against.push(Against { source: Source::Heap, factor: 1.0, speaks_against: scope, reason });
    }
}
