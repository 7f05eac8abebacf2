//! The health score: memory, pauses and goroutines, each through a logistic curve.

use super::finding::Family;
use super::inputs::Inputs;
use super::options::{HealthOptions, Options};
use super::rules::{self, RuleOutput};
use crate::gctrace::{Pressure, nanos};

/// The health of the program.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Health {
    /// The score, from 0 to 100: the geometric mean of the parts by
    /// [their weights](super::HealthWeights), so that good parts do not hide a bad one.
    pub score: f64,
    /// The heap. `None` if no input had enough data to find growing memory.
    pub heap: Option<HealthPart>,
    /// The pauses, in which the world is stopped, mostly for garbage collection. `None` if no input
    /// shows a pause.
    pub pauses: Option<HealthPart>,
    /// Blocked goroutines. `None` if no input had enough data to find goroutines that pile up.
    pub blocking: Option<HealthPart>,
}

/// A part of the health score.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct HealthPart {
    /// The score of this part alone, from 0 to 100.
    pub score: f64,
    /// The load as a multiple of its bound. At the bound, the score is 50.
    ///
    /// - For the heap and for blocked goroutines, it is the confidence of the strongest finding,
    ///   and the bound is [`Options::suspect`](super::Options::suspect).
    /// - For pauses, it is the share of time in which the world is stopped, and the bound is 5 %.
    ///
    /// [`HealthOptions`] can add a bound for a measured size or rate. Then the load that is the
    /// larger multiple of its bound counts.
    pub load: f64,
}

/// The world is stopped for at most this share of the time in a healthy program.
const MOST_STOPPED: f64 = 0.05;

/// The lowest score of a part in the mean. With a score of 0, the mean would be 0 whatever the
/// other parts are.
const LOWEST: f64 = 1.0;

/// Computes the health from the inputs and the findings about them.
pub(super) fn of(inputs: &Inputs, output: &RuleOutput, options: &Options) -> Option<Health> {
    let health = &options.health;
    let is_able = |family: Family| output.able.iter().any(|rule| rules::family(rule) == family);
    let strongest = |family: Family| {
        let findings = output.findings.iter().filter(|finding| finding.source.family() == family);
        findings.map(|finding| finding.confidence).fold(0.0, f64::max) / options.suspect.max(f64::MIN_POSITIVE)
    };
    let (memory, goroutines) = (strongest(Family::Memory), strongest(Family::Goroutines));
    let heap_bound = health.heap.map(|bound| peak(inputs) as f64 / bound as f64);
    let blocking_bound = health.blocked_per_second.and_then(|bound| Some(blocked_per_second(inputs)? / bound));
    let heap = (is_able(Family::Memory) || memory > 0.0 || heap_bound.is_some())
        .then(|| memory.max(heap_bound.unwrap_or(0.0)));
    let blocking = (is_able(Family::Goroutines) || goroutines > 0.0 || blocking_bound.is_some())
        .then(|| goroutines.max(blocking_bound.unwrap_or(0.0)));
    combine([heap, pause_load(inputs, health), blocking], health)
}

/// Returns the score of loads of heap, pauses and blocking. `None` if none is known.
fn combine(loads: [Option<f64>; 3], options: &HealthOptions) -> Option<Health> {
    let weights = [options.weights.heap, options.weights.pauses, options.weights.blocking];
    // Only the ratios matter. The sum of very large weights would be infinite.
    let largest = weights.into_iter().fold(f64::MIN_POSITIVE, f64::max);
    let weights = weights.map(|weight| weight / largest);
    let parts = loads
        .map(|load| load.map(|load| HealthPart { score: 100.0 * (1.0 - logistic(load, options.steepness)), load }));
    let known = || parts.iter().zip(weights).filter_map(|(part, weight)| Some((part.as_ref()?, weight)));
    let weight: f64 = known().map(|(_, weight)| weight).sum();
    if weight <= 0.0 {
        return None;
    }
    let logarithms: f64 = known().map(|(part, weight)| weight * part.score.max(LOWEST).ln()).sum();
    let [heap, pauses, blocking] = parts;
    Some(Health { score: (logarithms / weight).exp(), heap, pauses, blocking })
}

/// Returns the share of time in which the world is stopped, as a multiple of [`MOST_STOPPED`].
/// `None` if no input shows a pause.
fn pause_load(inputs: &Inputs, options: &HealthOptions) -> Option<f64> {
    let pressure = Pressure::of(&inputs.cycles);
    let logged = pressure.stopped_share.map(|share| (share, pressure.pause_max));
    let traced = inputs.traces.iter().filter(|trace| !trace.load.longest_pause.is_zero()).map(|trace| {
        let length = nanos(trace.end - trace.start).max(1.0);
        (nanos(trace.load.stopped) / length, trace.load.longest_pause)
    });
    let loads = traced.chain(logged).map(|(share, longest)| {
        let bound = options.pause.map_or(0.0, |bound| nanos(longest) / nanos(bound));
        (share / MOST_STOPPED).max(bound)
    });
    loads.reduce(f64::max)
}

/// Returns the largest heap of a trace or of the GC log, in bytes.
fn peak(inputs: &Inputs) -> u64 {
    let traced = inputs.traces.iter().map(|trace| trace.load.heap_max);
    traced.chain(inputs.cycles.iter().map(|cycle| cycle.heap_start.max(cycle.heap_end))).max().unwrap_or(0)
}

/// Returns how many blocking events a trace has per second. `None` without a trace.
fn blocked_per_second(inputs: &Inputs) -> Option<f64> {
    let rates = inputs.traces.iter().map(|trace| {
        let seconds = trace.end.since(trace.start) as f64 / 1e9;
        trace.load.blocked as f64 / seconds.max(1e-3)
    });
    rates.reduce(f64::max)
}

/// Returns the value of a logistic curve that is 0 without load and a half at the bound, and
/// approaches 1 beyond the bound.
fn logistic(load: f64, steepness: f64) -> f64 {
    let curve = |load: f64| 1.0 / (1.0 + (-steepness * (load - 1.0)).exp());
    let idle = curve(0.0);
    match 1.0 - 2.0 * idle {
        // If the steepness is nearly 0, the curve is a line.
        0.0 => (load / 2.0).clamp(0.0, 1.0),
        height => ((curve(load) - idle) / height).clamp(0.0, 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(loads: [Option<f64>; 3]) -> f64 {
        combine(loads, &HealthOptions::default()).expect("a known part").score
    }

    #[test]
    fn a_part_at_its_bound_has_half_its_score() {
        assert!((score([Some(0.0); 3]) - 100.0).abs() < 1e-9);
        let half = |weight: f64| 100.0 * 0.5_f64.powf(weight);
        assert!((score([Some(1.0), Some(0.0), Some(0.0)]) - half(0.4)).abs() < 1e-9);
        assert!((score([Some(0.0), Some(1.0), Some(0.0)]) - half(0.3)).abs() < 1e-9);
        assert!((score([Some(0.0), Some(0.0), Some(1.0)]) - half(0.3)).abs() < 1e-9);
        assert!((score([Some(9.0); 3]) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn parts_that_are_not_known_do_not_count() {
        assert!((score([None, None, Some(1.0)]) - 50.0).abs() < 1e-9);
        assert!((score([Some(1.0), None, Some(1.0)]) - 50.0).abs() < 1e-9);
        assert_eq!(combine([None; 3], &HealthOptions::default()), None);
    }

    #[test]
    fn two_good_parts_do_not_hide_a_bad_one() {
        assert!(score([Some(1.5), Some(0.0), Some(0.0)]) < 35.0);
    }
}
