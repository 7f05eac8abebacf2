//! The change of a metric between two traces, its size, and whether it is good or bad.

use super::MetricsReport;
use crate::analysis::is_runtime_goroutine;
use crate::timeline::{BLOCKED_BEFORE_TRACE, NO_REASON};

/// The unit of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "lowercase"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum Unit {
    /// Nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "ns"))]
    Nanoseconds,
    /// A whole number.
    Count,
    /// A fraction or an average number.
    Ratio,
}

impl Unit {
    /// Returns the unit of the metric with this name.
    fn of(name: &str) -> Self {
        let last = name.rsplit('.').next().unwrap_or_default();
        let is_ratio = name.starts_with("mmu.") || matches!(name, "gc.procs" | "procs.running" | "procs.runnable");
        match (last, is_ratio) {
            (_, true) => Unit::Ratio,
            ("count" | "goroutines", _) => Unit::Count,
            _ => Unit::Nanoseconds,
        }
    }
}

/// Whether a change is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "lowercase"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum Verdict {
    /// The second trace is better.
    Better,
    /// The second trace is worse.
    Worse,
    /// The values differ, but the change is neither good nor bad. Examples are the length of the
    /// trace and the number of pauses.
    Different,
    /// The values are equal.
    Same,
}

/// The values of a metric in two traces.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Change {
    /// The name of the metric, as in [`MetricsReport`].
    pub name: String,
    /// The unit of the metric.
    pub unit: Unit,
    /// The value in the first trace. `None` if the first trace does not have the metric.
    pub before: Option<f64>,
    /// The value in the second trace. `None` if the second trace does not have the metric.
    pub after: Option<f64>,
    /// The growth of the value in percent. `None` if the value in the first trace is 0, or if one
    /// of the traces does not have the metric.
    pub percent: Option<f64>,
    /// The size of the effect: the absolute value of the natural logarithm of
    /// `(after + floor) / (before + floor)`. Because of the floor, the growth of a tiny value is a
    /// small effect. The floor is 10 µs or 0.1 % of the longer trace, whichever is more, for
    /// durations that are sums. It is 10 µs for other durations, 3 for counts and 0.01 for ratios.
    pub effect: f64,
    /// Whether the change is good.
    pub verdict: Verdict,
    /// Whether the change is not worth showing. This is the case if the change is smaller than the
    /// floor of `effect`, smaller than 5 %, or about goroutines of the runtime itself.
    pub is_noise: bool,
}

/// The smallest difference between two durations that is not noise, in nanoseconds.
const FLOOR_NANOS: f64 = 10_000.0;

/// The smallest difference between two sums over a trace that is not noise, as a fraction of the
/// duration of the trace.
const FLOOR_OF_TRACE: f64 = 0.001;

const FLOOR_COUNT: f64 = 3.0;

const FLOOR_RATIO: f64 = 0.01;

/// The smallest difference between two values that is not noise, as a fraction of the larger value.
const MIN_GROWTH: f64 = 0.05;

impl Change {
    /// Computes the change of a metric. A value is `None` if its trace does not have the metric.
    pub fn new(name: impl Into<String>, before: Option<f64>, after: Option<f64>) -> Self {
        Self::in_traces_of(name.into(), before, after, 0.0)
    }

    /// Like [`new`](Self::new), where the longer of the two traces lasts `duration` nanoseconds.
    fn in_traces_of(name: String, before: Option<f64>, after: Option<f64>, duration: f64) -> Self {
        let unit = Unit::of(&name);
        let floor = match unit {
            Unit::Nanoseconds if is_sum(&name) => FLOOR_NANOS.max(duration * FLOOR_OF_TRACE),
            Unit::Nanoseconds => FLOOR_NANOS,
            Unit::Count => FLOOR_COUNT,
            Unit::Ratio => FLOOR_RATIO,
        };
        let (old, new) = (before.unwrap_or(0.0), after.unwrap_or(0.0));
        let percent = before.zip(after).filter(|&(before, _)| before != 0.0);
        let is_small = (new - old).abs() < floor || (new - old).abs() < old.abs().max(new.abs()) * MIN_GROWTH;
        Change {
            percent: percent.map(|(before, after)| (after - before) / before * 100.0),
            effect: ((new + floor) / (old + floor)).ln().abs(),
            verdict: verdict(&name, old, new),
            is_noise: is_small || is_of_runtime(&name),
            name,
            unit,
            before,
            after,
        }
    }
}

/// Returns whether a metric is a sum of times over the trace, which grows with the length of the
/// trace.
fn is_sum(name: &str) -> bool {
    let is_of_group = name.starts_with("group.");
    is_of_group || name.ends_with(".sum") || matches!(name, "duration" | "procs.idle_while_runnable")
}

/// Returns whether a metric is about goroutines that the runtime started for itself.
fn is_of_runtime(name: &str) -> bool {
    let group = name.strip_prefix("group.").and_then(|name| name.rsplit_once('.'));
    group.is_some_and(|(start, _)| is_runtime_goroutine(start))
}

/// Reasons of waits that are neither good nor bad: the goroutine is idle by design, or the reason
/// is unknown.
const IDLE: [&str; 8] =
    [BLOCKED_BEFORE_TRACE, NO_REASON, "forever", "sleep", "network", "select", "system goroutine wait", "chan receive"];

fn verdict(name: &str, before: f64, after: f64) -> Verdict {
    if before == after {
        return Verdict::Same;
    }
    let last = name.rsplit('.').next().unwrap_or_default();
    let reason = name.strip_prefix("block.").and_then(|name| name.strip_suffix(".sum"));
    let is_of_collector = |reason: &str| reason.contains("GC") && !reason.contains("assist");
    let is_idle = reason.is_some_and(|reason| IDLE.contains(&reason) || is_of_collector(reason));
    let is_of_group = name.starts_with("group.");
    let is_neutral = is_idle
        || matches!(last, "count" | "total" | "goroutines" | "duration" | "running")
        || (is_of_group && (is_of_runtime(name) || name.starts_with("group.(unknown).")))
        || name.starts_with("network.");
    let is_better = (after < before) != name.starts_with("mmu.");
    match (is_neutral, is_better) {
        (true, _) => Verdict::Different,
        (false, true) => Verdict::Better,
        (false, false) => Verdict::Worse,
    }
}

/// The changes of all metrics between two traces.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Comparison {
    /// The changes of all metrics that at least one of the traces has, in descending order of
    /// effect.
    pub changes: Vec<Change>,
}

impl Comparison {
    /// Returns the change of a metric. `None` if neither trace has the metric.
    pub fn change(&self, name: &str) -> Option<&Change> {
        self.changes.iter().find(|change| change.name == name)
    }
}

impl MetricsReport {
    /// Compares the metrics of this trace with the metrics of a second trace.
    pub fn compare(&self, after: &MetricsReport) -> Comparison {
        let duration = |report: &MetricsReport| report.values.get("duration").copied().unwrap_or(0.0);
        let duration = duration(self).max(duration(after));
        let new = after.values.keys().filter(|name| !self.values.contains_key(*name));
        let changes = self.values.keys().chain(new).map(|name| {
            let value = |report: &MetricsReport| report.values.get(name).copied();
            Change::in_traces_of(name.clone(), value(self), value(after), duration)
        });
        let mut changes: Vec<_> = changes.collect();
        changes.sort_by(|a, b| b.effect.total_cmp(&a.effect).then_with(|| a.name.cmp(&b.name)));
        Comparison { changes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(values: &[(&str, f64)]) -> MetricsReport {
        MetricsReport { values: values.iter().map(|&(name, value)| (name.to_owned(), value)).collect() }
    }

    /// The growth of 448 ns by 928 % matters less than a wait of 90 s that shrinks to 0.3 s.
    #[test]
    fn changes_are_sorted_by_effect_and_tiny_changes_are_noise() {
        let before =
            report(&[("gc.assist.p50", 448.0), ("block.sync.sum", 90e9), ("sched.p99", 1e6), ("duration", 5e9)]);
        let after =
            report(&[("gc.assist.p50", 4_605.0), ("block.sync.sum", 0.3e9), ("sched.p99", 2e6), ("duration", 5e9)]);
        let comparison = before.compare(&after);
        let found: Vec<_> =
            comparison.changes.iter().map(|change| (&*change.name, change.verdict, change.is_noise)).collect();
        let expected = [
            ("block.sync.sum", Verdict::Better, false),
            ("sched.p99", Verdict::Worse, false),
            ("gc.assist.p50", Verdict::Worse, true),
            ("duration", Verdict::Same, true),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn missing_metric_counts_as_zero() {
        let comparison = report(&[("stw.stop.max", 1e6)]).compare(&report(&[("mmu.1ms", 0.5)]));
        let change = comparison.change("mmu.1ms").expect("it is in the second");
        assert_eq!((change.before, change.after, change.percent), (None, Some(0.5), None));
        assert_eq!((change.verdict, change.unit), (Verdict::Better, Unit::Ratio));
        assert_eq!(comparison.change("stw.stop.max").map(|change| change.verdict), Some(Verdict::Better));
        assert!(comparison.change("no.such").is_none());
    }

    #[test]
    fn unit_is_derived_from_metric_name() {
        for (name, unit) in [
            ("gc.pause.count", Unit::Count),
            ("goroutines", Unit::Count),
            ("procs.running", Unit::Ratio),
            ("gc.procs", Unit::Ratio),
            ("group.main.main.total", Unit::Nanoseconds),
            ("duration", Unit::Nanoseconds),
        ] {
            assert_eq!(Change::new(name, None, None).unit, unit, "{name}");
        }
    }
}
