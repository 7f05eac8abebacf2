//! The health score: heap, pauses and waits over sliding windows, each through a logistic curve.

use std::collections::BTreeMap;

use super::inputs::Inputs;
use super::options::{HealthOptions, Options};
use super::vitals::Second;
use crate::gctrace::nanos;
use crate::time::Time;

/// The health over time.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Health {
    /// The lowest score of a window, from 0 to 100.
    pub score: f64,
    /// The window with that score.
    pub worst: HealthWindow,
    /// The number of windows.
    pub window_count: usize,
    /// All windows, in order of time. Not in JSON, where there could be thousands.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub windows: Vec<HealthWindow>,
}

/// The health in a window.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct HealthWindow {
    /// When it starts: on the trace's clock, or for a score from the GC log since the program's
    /// start.
    #[cfg_attr(feature = "serde", serde(rename = "start_ns"))]
    pub start: Time,
    /// The score of all parts, from 0 to 100.
    pub score: f64,
    /// The score of the heap alone. `None` if its size is not known.
    pub heap: Option<f64>,
    /// The score of the pauses alone. `None` if they are not known.
    pub pauses: Option<f64>,
    /// The score of the blocking events alone. `None` if they are not known.
    pub blocking: Option<f64>,
}

/// Computes the health from the inputs: all three parts from a trace, or heap and pauses from the GC log.
pub(super) fn of(inputs: &Inputs, options: &Options) -> Option<Health> {
    let traces = inputs.traces.iter().filter_map(|trace| {
        let has_heap = trace.seconds.values().any(|second| second.heap > 0);
        health(&trace.seconds, [has_heap, true, true], &options.health)
    });
    if let Some(worst) = traces.min_by(|a, b| a.score.total_cmp(&b.score)) {
        return Some(worst);
    }
    let mut seconds: BTreeMap<i64, Second> = BTreeMap::new();
    for cycle in &inputs.cycles {
        let second = seconds.entry(i64::try_from(cycle.start.as_secs()).unwrap_or(i64::MAX)).or_default();
        second.heap = second.heap.max(cycle.heap_start.max(cycle.heap_end));
        second.pause = second.pause.max(cycle.clock.sweep_term.max(cycle.clock.mark_term));
    }
    health(&seconds, [true, true, false], &options.health)
}

/// Whether the heap, pauses and blocking events are known.
pub(super) type Known = [bool; 3];

/// The maximum number of windows to compute.
const MAX_WINDOWS: usize = 1 << 16;

/// Computes the score of every window. Windows start one second apart. Parts that are not known do not count. `None` if
/// no part is known.
pub(super) fn health(seconds: &BTreeMap<i64, Second>, known: Known, options: &HealthOptions) -> Option<Health> {
    let weights = [options.weights.heap, options.weights.pauses, options.weights.blocking];
    let weight: f64 = weights.iter().zip(known).filter(|(_, known)| *known).map(|(weight, _)| weight).sum();
    let (&first, _) = seconds.first_key_value()?;
    if weight <= 0.0 {
        return None;
    }
    let length = i64::try_from(options.window.as_secs().max(1)).unwrap_or(i64::MAX);
    // A window starts at every second with data, unless it would extend beyond the end. There is always a first window.
    let last = *seconds.last_key_value()?.0;
    let starts = seconds.keys().copied().filter(|&start| start == first || start <= last - (length - 1));
    let windows: Vec<HealthWindow> = starts
        .take(MAX_WINDOWS)
        .map(|start| {
            let within = || seconds.range(start..start.saturating_add(length)).map(|(_, second)| second);
            let covered = last.saturating_sub(start).saturating_add(1).clamp(1, length);
            let heap = within().map(|second| second.heap).max().unwrap_or(0) as f64;
            let pause = nanos(within().map(|second| second.pause).max().unwrap_or_default());
            let blocked = within().map(|second| second.blocked).sum::<u64>() as f64 / covered as f64;
            let loads =
                [heap / options.heap as f64, pause / nanos(options.pause), blocked / options.blocked_per_second];
            let costs = loads.map(|load| logistic(load, options.steepness));
            let lost: f64 = costs
                .iter()
                .zip(weights)
                .zip(known)
                .filter(|(_, known)| *known)
                .map(|((cost, weight), _)| weight * cost)
                .sum();
            let part = |index: usize| known[index].then(|| 100.0 * (1.0 - costs[index]));
            HealthWindow {
                start: Time(start.saturating_mul(1_000_000_000)),
                score: 100.0 * (1.0 - lost / weight),
                heap: part(0),
                pauses: part(1),
                blocking: part(2),
            }
        })
        .collect();
    let worst = *windows.iter().min_by(|a, b| a.score.total_cmp(&b.score))?;
    Some(Health { score: worst.score, worst, window_count: windows.len(), windows })
}

/// Returns the logistic curve, shifted to start at 0: 0 for no load, a half at the bound, and towards 1 beyond the
/// bound.
fn logistic(load: f64, steepness: f64) -> f64 {
    let curve = |load: f64| 1.0 / (1.0 + (-steepness * (load - 1.0)).exp());
    let idle = curve(0.0);
    ((curve(load) - idle) / (1.0 - 2.0 * idle)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn seconds(all: &[(i64, u64, u64, u64)]) -> BTreeMap<i64, Second> {
        all.iter()
            .map(|&(at, heap, pause, blocked)| (at, Second { heap, pause: Duration::from_nanos(pause), blocked }))
            .collect()
    }

    #[test]
    fn a_part_at_its_bound_loses_half_its_weight() {
        let options = HealthOptions::default();
        let score = |heap, pause, blocked| {
            let health = health(&seconds(&[(7, heap, pause, blocked)]), [true; 3], &options).expect("a second");
            health.score
        };
        assert!((score(0, 0, 0) - 100.0).abs() < 1e-9);
        assert!((score(2 << 30, 0, 0) - 80.0).abs() < 1e-6);
        assert!((score(0, 5_000_000, 0) - 85.0).abs() < 1e-6);
        assert!((score(0, 0, 100) - 85.0).abs() < 1e-6);
        assert!(score(20 << 30, 50_000_000, 10_000) < 1e-3);
    }

    #[test]
    fn windows_slide_and_the_worst_counts() {
        let all: Vec<_> = (0..30).map(|at| (at, 0, if at == 12 { 50_000_000 } else { 0 }, 0)).collect();
        let health = health(&seconds(&all), [false, true, false], &HealthOptions::default()).expect("seconds");
        assert_eq!(health.windows.len(), 21);
        let bad = health.windows.iter().filter(|window| window.score < 50.0);
        let bad: Vec<i64> = bad.map(|window| window.start.0 / 1_000_000_000).collect();
        assert_eq!(bad, (3..=12).collect::<Vec<_>>(), "those that contain second 12");
        assert_eq!((health.worst.heap, health.worst.blocking), (None, None));
        assert!(health.score < 1e-3, "only pauses are known");
    }

    #[test]
    fn no_known_part_has_no_score() {
        assert_eq!(health(&seconds(&[]), [true; 3], &HealthOptions::default()), None);
        assert_eq!(health(&seconds(&[(0, 1, 1, 1)]), [false; 3], &HealthOptions::default()), None);
    }
}
