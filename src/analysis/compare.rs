//! What has changed between two traces, in numbers under names, and whether it is too much.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::goroutines::{GroupBy, GroupTable, Groups};
use super::histogram::Histogram;
use super::latency::{Latencies, LatencyReport};
use super::mmu::MutatorUtilization;
use super::observer::Observer;
use super::procs::{ProcReport, Procs};
use super::times::Accounting;
use super::utilization::{UtilFlags, Utilization};
use crate::event::Event;

/// The numbers of a trace that are worth comparing, by name.
///
/// Durations are in nanoseconds. Of each distribution there are `count`, `sum`, `mean`, `p50`, `p90`, `p99` and `max`:
///
/// | name | what |
/// |---|---|
/// | `duration` | of the trace |
/// | `goroutines` | how many there were |
/// | `gc.pause.p99` … | pauses of the collector |
/// | `stw.REASON.max` … | pauses for a reason |
/// | `gc.assist.sum`, `gc.sweep.sum` … | what goroutines did for the collector |
/// | `gc.procs` | how many Ps ran background workers, on average |
/// | `mmu.1ms`, `mmu.10ms`, `mmu.100ms` | the minimum mutator utilization, from 0 to 1 |
/// | `sched.p50` …, `wake.p50` …, `syscall.p50` …, `network.p50` … | [latencies](super::LatencyReport) |
/// | `procs.running`, `procs.runnable`, `procs.idle_while_runnable` | goroutines that run and that are ready on average; time wasted |
/// | `block.REASON.sum` | what all goroutines spent blocked for a reason |
/// | `group.FUNCTION.count`, `group.FUNCTION.total`, `.execution`, `.sched_wait`, `.block` | sums of a group of goroutines |
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    /// The numbers.
    pub values: BTreeMap<String, f64>,
}

/// Finds the numbers of a trace, in one pass.
#[derive(Debug)]
pub struct Measure {
    observers: (Groups, Latencies, Procs, Utilization),
}

impl Default for Measure {
    fn default() -> Self {
        let groups = Groups::new(GroupBy::Start, Accounting::Corrected);
        Measure { observers: (groups, Latencies::new(), Procs::new(), Utilization::new(UtilFlags::default())) }
    }
}

impl Observer for Measure {
    type Output = Metrics;

    #[inline]
    fn event(&mut self, event: &Event<'_>) {
        self.observers.event(event);
    }

    fn finish(self) -> Metrics {
        let (groups, latencies, procs, utilization) = self.observers.finish();
        let mut metrics = Metrics::default();
        metrics.add_groups(&groups);
        metrics.add_latencies(&latencies);
        metrics.add_procs(&procs, &utilization);
        metrics
    }
}

impl Metrics {
    fn set(&mut self, name: impl Into<String>, value: f64) {
        self.values.insert(name.into(), value);
    }

    fn distribution(&mut self, name: &str, times: &Histogram) {
        self.set(format!("{name}.count"), times.count() as f64);
        self.set(format!("{name}.sum"), times.sum().as_nanos() as f64);
        self.set(format!("{name}.mean"), times.mean_nanos());
        for percent in [50, 90, 99] {
            self.set(format!("{name}.p{percent}"), times.percentile(percent.into()).as_nanos() as f64);
        }
        self.set(format!("{name}.max"), times.max().as_nanos() as f64);
    }

    fn add_groups(&mut self, table: &GroupTable) {
        let mut blocks: BTreeMap<&str, f64> = BTreeMap::new();
        for group in &table.groups {
            let times = &group.times;
            let block = times.blocks.iter().map(|(_, times)| times.sum().as_nanos() as f64).sum::<f64>();
            let name = if group.name.is_empty() { "(unknown)" } else { &group.name };
            for (column, value) in [
                ("count", group.goroutines as f64),
                ("total", times.total.sum().as_nanos() as f64),
                ("execution", times.execution.sum().as_nanos() as f64),
                ("sched_wait", times.sched_wait.sum().as_nanos() as f64),
                ("block", block),
            ] {
                self.set(format!("group.{name}.{column}"), value);
            }
            for (reason, times) in &times.blocks {
                *blocks.entry(reason).or_default() += times.sum().as_nanos() as f64;
            }
        }
        self.set("goroutines", table.groups.iter().map(|group| group.goroutines as f64).sum());
        for (reason, sum) in blocks {
            let reason = if reason.is_empty() { "(none)" } else { reason };
            self.set(format!("block.{reason}.sum"), sum);
        }
    }

    fn add_latencies(&mut self, report: &LatencyReport) {
        for (name, series) in [
            ("sched", &report.scheduler),
            ("wake", &report.wake),
            ("syscall", &report.syscall),
            ("network", &report.network),
            ("gc.pause", &report.gc_pause),
        ] {
            self.distribution(name, &series.all);
        }
        for pauses in &report.pauses {
            self.distribution(&format!("stw.{}", pauses.reason), &pauses.total);
        }
        let (mut assists, mut sweeps) = (Histogram::default(), Histogram::default());
        for cost in &report.costs {
            assists.merge(&cost.assists);
            sweeps.merge(&cost.sweeps);
        }
        self.distribution("gc.assist", &assists);
        self.distribution("gc.sweep", &sweeps);
    }

    fn add_procs(&mut self, report: &ProcReport, utilization: &MutatorUtilization) {
        self.set("duration", report.duration as f64);
        self.set("gc.procs", report.whole.gc);
        self.set("procs.running", report.whole.running);
        self.set("procs.runnable", report.whole.runnable);
        self.set("procs.idle_while_runnable", report.whole.idle_while_runnable as f64);
        for (name, window) in [("mmu.1ms", 1_000_000), ("mmu.10ms", 10_000_000), ("mmu.100ms", 100_000_000)] {
            self.set(name, utilization.mmu(window));
        }
    }
}

/// A number before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Its name, as in [`Metrics`].
    pub name: String,
    /// The number in the first trace; `None` where that has no such number.
    pub before: Option<f64>,
    /// The number in the second trace; `None` where that has no such number.
    pub after: Option<f64>,
}

impl Change {
    /// By how many percent the number grew; `None` where it was 0 or absent before, or is absent now.
    pub fn percent(&self) -> Option<f64> {
        let (before, after) = self.before.zip(self.after)?;
        (before != 0.0).then(|| (after - before) / before * 100.0)
    }
}

impl Metrics {
    /// All numbers of this and of another trace, by name.
    pub fn compare(&self, after: &Metrics) -> Vec<Change> {
        let new = after.values.keys().filter(|name| !self.values.contains_key(*name));
        let mut names: Vec<_> = self.values.keys().chain(new).collect();
        names.sort();
        let change = |name: &String| Change {
            name: name.clone(),
            before: self.values.get(name).copied(),
            after: after.values.get(name).copied(),
        };
        names.into_iter().map(change).collect()
    }
}

/// A bound that a change must not cross, such as `gc.pause.p99 > +20%`.
///
/// ```
/// use gotrace::analysis::{Change, Threshold};
///
/// let threshold: Threshold = "gc.pause.p99 > +20%".parse().unwrap();
/// let change = |after| Change { name: "gc.pause.p99".into(), before: Some(100.0), after: Some(after) };
/// assert!(threshold.is_crossed(&change(121.0)));
/// assert!(!threshold.is_crossed(&change(120.0)));
/// ```
///
/// A name, `>` or `<`, and a limit: with a sign and `%` the growth in percent, with a sign alone the growth, without a sign
/// the number in the second trace. A limit may have a unit: ns, us, ms, s.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// The name of the number, as in [`Metrics`].
    pub name: String,
    above: bool,
    limit: Limit,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Limit {
    Percent(f64),
    Growth(f64),
    Value(f64),
}

/// What is wrong with the text of a [`Threshold`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ThresholdError {
    /// There is neither `>` nor `<`.
    NoComparison,
    /// There is no name in front of it.
    NoName,
    /// Behind it there is no number with one of the units.
    NoLimit,
}

impl fmt::Display for ThresholdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ThresholdError::NoComparison => "neither > nor <: write it like gc.pause.p99 > +20%",
            ThresholdError::NoName => "no name: write it like gc.pause.p99 > +20%",
            ThresholdError::NoLimit => "no limit: write one like +20%, +5ms or 10ms",
        })
    }
}

impl std::error::Error for ThresholdError {}

impl FromStr for Threshold {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        // Names of generic functions have no such signs behind a blank.
        let place = text.rfind(['>', '<']).ok_or(ThresholdError::NoComparison)?;
        let (name, limit) = (text[..place].trim(), text[place + 1..].trim());
        if name.is_empty() {
            return Err(ThresholdError::NoName);
        }
        let digits = limit.find(|c: char| !matches!(c, '0'..='9' | '.' | '+' | '-')).unwrap_or(limit.len());
        let (number, unit) = limit.split_at(digits);
        let value: f64 = number.parse().map_err(|_| ThresholdError::NoLimit)?;
        let is_relative = number.starts_with(['+', '-']);
        let scale = match unit.trim() {
            "%" if is_relative => {
                return Ok(Threshold {
                    name: name.into(),
                    above: text.as_bytes()[place] == b'>',
                    limit: Limit::Percent(value),
                });
            }
            "" | "ns" => 1.0,
            "us" | "µs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            _ => return Err(ThresholdError::NoLimit),
        };
        let limit = if is_relative { Limit::Growth(value * scale) } else { Limit::Value(value * scale) };
        Ok(Threshold { name: name.into(), above: text.as_bytes()[place] == b'>', limit })
    }
}

impl Threshold {
    /// Whether a change of its number crosses it. A number that one of the traces does not have counts as 0; what was 0 and is
    /// more has grown by more than any percentage.
    pub fn is_crossed(&self, change: &Change) -> bool {
        let (before, after) = (change.before.unwrap_or(0.0), change.after.unwrap_or(0.0));
        let (found, limit) = match self.limit {
            Limit::Value(limit) => (after, limit),
            Limit::Growth(limit) => (after - before, limit),
            Limit::Percent(limit) if before == 0.0 && after == 0.0 => (0.0, limit),
            Limit::Percent(limit) => ((after - before) / before.abs() * 100.0, limit),
        };
        if self.above { found > limit } else { found < limit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(before: Option<f64>, after: Option<f64>) -> Change {
        Change { name: "x".into(), before, after }
    }

    #[test]
    fn thresholds_mean_what_they_say() {
        for (text, before, after, crossed) in [
            ("x > +20%", Some(100.0), Some(120.1), true),
            ("x > +20%", Some(100.0), Some(119.9), false),
            ("x > +20%", None, Some(0.1), true),
            ("x > +20%", None, None, false),
            ("x < -50%", Some(100.0), Some(49.0), true),
            ("x > +5us", Some(100.0), Some(5_101.0), true),
            ("x > +5us", Some(100.0), Some(5_099.0), false),
            ("x > 5 ms", Some(9e9), Some(5_000_001.0), true),
            ("x < 0.5", None, Some(0.4), true),
            ("x<0.5", None, Some(0.6), false),
        ] {
            let threshold: Threshold = text.parse().expect(text);
            assert_eq!(threshold.is_crossed(&change(before, after)), crossed, "{text}: {before:?} {after:?}");
        }
    }

    #[test]
    fn bad_thresholds_are_refused() {
        for (text, error) in [
            ("x", ThresholdError::NoComparison),
            (" > 5", ThresholdError::NoName),
            ("x > ", ThresholdError::NoLimit),
            ("x > 5 parsecs", ThresholdError::NoLimit),
            ("x > 20%", ThresholdError::NoLimit),
        ] {
            assert_eq!(text.parse::<Threshold>(), Err(error), "{text}");
        }
    }
}
