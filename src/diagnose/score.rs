//! The health score: heap, pauses and waits over sliding windows, each through a logistic curve.

use std::collections::BTreeMap;

use super::inputs::Inputs;
use super::options::Options;
use super::vitals::Second;

/// How the score is computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HealthOptions {
    /// The length of a window in whole seconds.
    pub window: u32,
    /// The heap in use that is expected at most, in bytes: 2,048 MB.
    pub heap: f64,
    /// The pause that is expected at most, in nanoseconds: 5 ms.
    pub pause: f64,
    /// The blocking events a second that are expected at most: 100.
    pub blocked: f64,
    /// The weights of heap, pause and blocking events: 0.4, 0.3, 0.3.
    pub weights: [f64; 3],
    /// How steep the curve is: at 6, half of the bound costs 5 % of the weight, the bound half of it and one and a half times the bound 95 %.
    pub steepness: f64,
}

impl Default for HealthOptions {
    fn default() -> Self {
        HealthOptions {
            window: 10,
            heap: 2048.0 * 1024.0 * 1024.0,
            pause: 5e6,
            blocked: 100.0,
            weights: [0.4, 0.3, 0.3],
            steepness: 6.0,
        }
    }
}

/// The health over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    /// The lowest score of a window.
    pub score: f64,
    /// The score of each window, by the second in which it begins, on the clock of what it was computed from.
    pub windows: Vec<(i64, f64)>,
}

/// The health that the inputs show: of a trace all three parts; else of the GC log heap and pauses.
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
        // A second of the program's life fits.
        let second = seconds.entry((cycle.at / 1_000_000_000) as i64).or_default();
        second.heap = second.heap.max(cycle.heap_start.max(cycle.heap_end));
        second.pause = second.pause.max(cycle.clock.sweep_term.max(cycle.clock.mark_term));
    }
    health(&seconds, [true, true, false], &options.health)
}

/// Which of the three could be told.
pub(super) type Known = [bool; 3];

/// Seconds that lie further apart than this begin anew: nothing is known of what is between.
const MAX_WINDOWS: usize = 1 << 16;

/// The score of every window, sliding by a second. What is not known counts neither way; `None` if nothing is.
pub(super) fn health(seconds: &BTreeMap<i64, Second>, known: Known, options: &HealthOptions) -> Option<Health> {
    let weight: f64 = options.weights.iter().zip(known).filter(|(_, known)| *known).map(|(weight, _)| weight).sum();
    let (&first, _) = seconds.first_key_value()?;
    if weight <= 0.0 {
        return None;
    }
    let length = i64::from(options.window.max(1));
    // A window begins at every second that is there, unless it would reach beyond the end: but the first always does.
    let last = *seconds.last_key_value()?.0;
    let begins = seconds.keys().copied().filter(|&begin| begin == first || begin <= last - (length - 1));
    let windows: Vec<(i64, f64)> = begins
        .take(MAX_WINDOWS)
        .map(|begin| {
            let within = || seconds.range(begin..begin.saturating_add(length)).map(|(_, second)| second);
            let covered = last.saturating_sub(begin).saturating_add(1).clamp(1, length);
            let heap = within().map(|second| second.heap).max().unwrap_or(0) as f64;
            let pause = within().map(|second| second.pause).max().unwrap_or(0) as f64;
            let blocked = within().map(|second| second.blocked).sum::<u64>() as f64 / covered as f64;
            let loads = [heap / options.heap, pause / options.pause, blocked / options.blocked];
            let lost: f64 = loads
                .iter()
                .zip(options.weights)
                .zip(known)
                .filter(|(_, known)| *known)
                .map(|((load, weight), _)| weight * logistic(*load, options.steepness))
                .sum();
            (begin, 100.0 * (1.0 - lost / weight))
        })
        .collect();
    let score = windows.iter().map(|&(_, score)| score).min_by(f64::total_cmp)?;
    Some(Health { score, windows })
}

/// 0 for no load, a half at the bound, towards 1 beyond: the logistic curve, moved so that it begins at 0.
fn logistic(load: f64, steepness: f64) -> f64 {
    let curve = |load: f64| 1.0 / (1.0 + (-steepness * (load - 1.0)).exp());
    let idle = curve(0.0);
    ((curve(load) - idle) / (1.0 - 2.0 * idle)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(all: &[(i64, u64, u64, u64)]) -> BTreeMap<i64, Second> {
        all.iter().map(|&(at, heap, pause, blocked)| (at, Second { heap, pause, blocked })).collect()
    }

    #[test]
    fn each_part_costs_half_its_weight_at_its_bound() {
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
        let bad: Vec<i64> = health.windows.iter().filter(|(_, score)| *score < 50.0).map(|&(at, _)| at).collect();
        assert_eq!(bad, (3..=12).collect::<Vec<_>>(), "those that hold second 12");
        assert!(health.score < 1e-3, "only pauses are known");
    }

    #[test]
    fn nothing_known_has_no_score() {
        assert_eq!(health(&seconds(&[]), [true; 3], &HealthOptions::default()), None);
        assert_eq!(health(&seconds(&[(0, 1, 1, 1)]), [false; 3], &HealthOptions::default()), None);
    }
}
