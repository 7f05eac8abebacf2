//! Compares two traces by named metrics. Reports how much each metric changed, and whether the
//! change is good or bad.
//!
//! ```
//! use gotrace::Reader;
//! use gotrace::analysis::compare::{Metrics, Threshold};
//! use gotrace::analysis::run;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/traces");
//! # let (before, after) = (format!("{folder}/go1.22/gc.trace"), format!("{folder}/go1.27/gc.trace"));
//! let (before, _) = run(&mut Reader::from_path(before)?, Metrics::new());
//! let (after, _) = run(&mut Reader::from_path(after)?, Metrics::new());
//! let comparison = before.compare(&after);
//! for change in comparison.changes.iter().filter(|change| !change.is_noise) {
//!     println!("{}: {:?} to {:?}, {:?}", change.name, change.before, change.after, change.verdict);
//! }
//! let limit: Threshold = "gc.pause.p99 > +20%".parse()?;
//! let pause = comparison.change(&limit.name).ok_or("no collections")?;
//! println!("{}", limit.is_crossed(pause));
//! # Ok(())
//! # }
//! ```

mod change;
mod threshold;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

pub use change::{Change, Comparison, Unit, Verdict};
pub use threshold::{Threshold, ThresholdError};

use super::goroutines::{Accounting, GoroutinesReport, GroupBy, Grouping};
use super::histogram::Histogram;
use super::latency::{Latencies, LatencyReport};
use super::mmu::{Mmu, MmuOptions, MmuReport};
use super::observer::Observer;
use super::procs::{ProcUses, ProcsReport};
use super::summarizer::Sums;
use super::tracker::{Follower, Tracker, Transition};
use crate::event::Event;
use crate::time::Time;

/// The metrics of a trace by name. This is the output of [`Metrics`].
///
/// Each metric has a [`Unit`], which follows from its name. Durations are in nanoseconds. Each
/// distribution has the metrics `count`, `sum`, `mean`, `p50`, `p90`, `p99` and `max`:
///
/// | name | meaning |
/// |---|---|
/// | `duration` | length of the trace |
/// | `goroutines` | number of goroutines |
/// | `gc.pause.p99` … | pauses of the collector |
/// | `stw.REASON.max` … | stop-the-world pauses for a reason |
/// | `gc.assist.sum`, `gc.sweep.sum` … | time that goroutines spent on mark assists and sweeping |
/// | `gc.procs` | average number of Ps that ran background workers of the collector |
/// | `mmu.1ms`, `mmu.10ms`, `mmu.100ms` | the minimum mutator utilization, from 0 to 1 |
/// | `sched.p50` …, `wake.p50` …, `syscall.p50` …, `network.p50` … | [latencies](super::latency::LatencyReport) |
/// | `procs.running`, `procs.runnable` | average number of running and of runnable goroutines |
/// | `procs.idle_while_runnable` | time during which a P was idle while a goroutine was runnable |
/// | `block.REASON.sum` | total time that goroutines were blocked for a reason |
/// | `group.FUNCTION.count`, `group.FUNCTION.total`, `.execution`, `.sched_wait`, `.block` | number of goroutines that started in a function, and sums of their times |
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct MetricsReport {
    /// The values of the metrics by name.
    pub values: BTreeMap<String, f64>,
}

/// Computes the [metrics](MetricsReport) of a trace, in one pass.
pub struct Metrics {
    tracker: Tracker,
    parts: Parts,
    utilization: Mmu,
}

/// The analyses that share a tracker.
struct Parts {
    groups: Sums<Grouping<'static>>,
    latencies: Latencies,
    procs: ProcUses,
}

impl Follower for Parts {
    #[inline(always)]
    fn transition(&mut self, tracker: &mut Tracker, event: &Event<'_>, transition: Transition) {
        self.groups.transition(tracker, event, transition);
        self.latencies.transition(tracker, event, transition);
        self.procs.transition(tracker, event, transition);
    }

    fn other(&mut self, tracker: &mut Tracker, event: &Event<'_>) {
        self.groups.other(tracker, event);
        self.latencies.other(tracker, event);
        self.procs.other(tracker, event);
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Creates an analysis that has seen no events.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let groups = Sums::new(Grouping::by(GroupBy::Start), Accounting::Corrected);
        let parts = Parts { groups, latencies: Latencies::default(), procs: ProcUses::default() };
        Metrics { tracker: Tracker::default(), parts, utilization: Mmu::new(MmuOptions::default()) }
    }
}

impl Observer for Metrics {
    type Output = MetricsReport;

    #[inline]
    fn event(&mut self, event: &Event<'_>) {
        self.tracker.show(event, &mut self.parts);
        self.utilization.event(event);
    }

    fn finish(self) -> MetricsReport {
        let Metrics { mut tracker, mut parts, utilization } = self;
        parts.groups.end_trace(&mut tracker);
        let range = Time(tracker.first_time())..Time(tracker.last_time());
        let mut metrics = MetricsReport::default();
        metrics.add_groups(&parts.groups.summary.into_report(&tracker.names, range));
        metrics.add_latencies(&parts.latencies.into_report(&tracker));
        metrics.add_procs(&parts.procs.into_report(&tracker), &utilization.finish());
        metrics
    }
}

impl MetricsReport {
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

    fn add_groups(&mut self, table: &GoroutinesReport) {
        let mut blocks: BTreeMap<&str, f64> = BTreeMap::new();
        for group in &table.groups {
            let times = &group.times;
            let block = times.block.sum().as_nanos() as f64;
            let name = if group.name.is_empty() { "(unknown)" } else { &group.name };
            for (column, value) in [
                ("count", group.count as f64),
                ("total", times.total.sum().as_nanos() as f64),
                ("execution", times.execution.sum().as_nanos() as f64),
                ("sched_wait", times.sched_wait.sum().as_nanos() as f64),
                ("block", block),
            ] {
                self.set(format!("group.{name}.{column}"), value);
            }
            for row in &times.blocks {
                *blocks.entry(&row.name).or_default() += row.times.sum().as_nanos() as f64;
            }
        }
        self.set("goroutines", table.groups.iter().map(|group| group.count as f64).sum());
        for (reason, sum) in blocks {
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
        for cost in &report.gc_costs {
            assists.merge(&cost.assists);
            sweeps.merge(&cost.sweeps);
        }
        self.distribution("gc.assist", &assists);
        self.distribution("gc.sweep", &sweeps);
    }

    fn add_procs(&mut self, report: &ProcsReport, utilization: &MmuReport) {
        self.set("duration", report.duration.as_nanos() as f64);
        self.set("gc.procs", report.whole.gc);
        self.set("procs.running", report.whole.running);
        self.set("procs.runnable", report.whole.runnable);
        self.set("procs.idle_while_runnable", report.whole.idle_while_runnable.as_nanos() as f64);
        for (name, millis) in [("mmu.1ms", 1), ("mmu.10ms", 10), ("mmu.100ms", 100)] {
            self.set(name, utilization.mmu(Duration::from_millis(millis)));
        }
    }
}
