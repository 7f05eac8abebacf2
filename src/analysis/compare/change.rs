//! What changed, how much, and whether that is good or bad.

use super::MetricsReport;
use crate::timeline::{BLOCKED_BEFORE_TRACE, NO_REASON};

/// What a metric is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "lowercase"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum Unit {
    /// Nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "ns"))]
    Nanoseconds,
    /// A whole number of things.
    Count,
    /// A fraction, or a number of things on average.
    Ratio,
}

impl Unit {
    /// The unit of a metric.
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
    /// It differs, and that is neither good nor bad: how long a trace is, or how often something happened.
    Different,
    /// Both are equal.
    Same,
}

/// A metric before and after.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Change {
    /// The name of the metric, as in [`MetricsReport`].
    pub name: String,
    /// What it is measured in.
    pub unit: Unit,
    /// Its value in the first trace; `None` where that has no such metric.
    pub before: Option<f64>,
    /// Its value in the second trace; `None` where that has no such metric.
    pub after: Option<f64>,
    /// By how many percent it grew; `None` where it was 0 or missing before, or is missing now.
    pub percent: Option<f64>,
    /// How large the effect is: by which factor the value grew, as a natural logarithm and without its sign, with a floor added
    /// to both values, so that the growth of a tiny value is a small effect. The floor is 10 µs or 0.1 % of the longer trace for
    /// durations that are sums, 10 µs for others, 3 for counts and 0.01 for ratios.
    pub effect: f64,
    /// Whether the change is good.
    pub verdict: Verdict,
    /// Whether it is not worth showing: smaller than the floor or than 5 %, or about the runtime's own goroutines.
    pub is_noise: bool,
}

/// Durations that differ by less are noise, in nanoseconds.
const FLOOR_NANOS: f64 = 10_000.0;

/// Sums over a trace that differ by less than this part of its duration are noise.
const FLOOR_OF_TRACE: f64 = 0.001;

const FLOOR_COUNT: f64 = 3.0;

const FLOOR_RATIO: f64 = 0.01;

/// Metrics that differ by a smaller part are noise.
const MIN_GROWTH: f64 = 0.05;

impl Change {
    /// The change of a metric. A value is `None` if its trace does not have the metric.
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

/// Whether a metric is a sum of times over the trace, which grows with the trace.
fn is_sum(name: &str) -> bool {
    let is_of_group = name.starts_with("group.");
    is_of_group || name.ends_with(".sum") || matches!(name, "duration" | "procs.idle_while_runnable")
}

/// Whether a metric is about goroutines that the runtime started for itself.
fn is_of_runtime(name: &str) -> bool {
    name.strip_prefix("group.").is_some_and(|name| name.starts_with("runtime.") || name.starts_with("runtime/"))
}

/// Reasons to be blocked for which waiting is idle by design, or not known.
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

/// All metrics of two traces.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Comparison {
    /// The metrics that one of the traces has at least, the largest effects first.
    pub changes: Vec<Change>,
}

impl Comparison {
    /// The change of a metric; `None` if neither trace has it.
    pub fn change(&self, name: &str) -> Option<&Change> {
        self.changes.iter().find(|change| change.name == name)
    }
}

impl MetricsReport {
    /// Compares the metrics of this trace with those of a second one.
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

    /// A growth by 928 % of 448 ns says nothing beside a wait that is nearly gone.
    #[test]
    fn large_effects_come_first_and_tiny_ones_are_noise() {
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
    fn what_is_missing_counts_as_0() {
        let comparison = report(&[("stw.stop.max", 1e6)]).compare(&report(&[("mmu.1ms", 0.5)]));
        let change = comparison.change("mmu.1ms").expect("it is in the second");
        assert_eq!((change.before, change.after, change.percent), (None, Some(0.5), None));
        assert_eq!((change.verdict, change.unit), (Verdict::Better, Unit::Ratio));
        assert_eq!(comparison.change("stw.stop.max").map(|change| change.verdict), Some(Verdict::Better));
        assert!(comparison.change("no.such").is_none());
    }

    #[test]
    fn units_follow_from_names() {
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
