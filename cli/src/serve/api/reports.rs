//! Reports about the whole trace, with the same fields as the commands' `--json`.

use gotrace::analysis::Histogram;
use gotrace::analysis::gc::{GcOptions, GcReport};
use gotrace::analysis::mmu::MmuCurve;
use serde::Serialize;
use serde_json::json;

use super::super::session::Loaded;
use super::super::trace::Reports;
use super::{Answer, Nothing, Refusal, to_json};

/// The collections and pauses, and how much time the program keeps in windows of each length.
#[derive(Serialize)]
struct Gc<'r> {
    gc: GcReport,
    mmu: &'r MmuCurve,
}

/// At most this many collections and pauses are listed.
const MAX_ROWS: usize = 5000;

pub fn gc(loaded: &Loaded, _: Nothing) -> Answer {
    let gc = GcReport::new(loaded.timeline()?, &GcOptions::default().top(MAX_ROWS));
    to_json(&Gc { gc, mmu: &reports(loaded)?.mmu })
}

/// Answers with the tasks and regions. Unlike in `--json`, they have histograms.
pub fn tasks(loaded: &Loaded, _: Nothing) -> Answer {
    let report = &reports(loaded)?.tasks;
    let mut value = serde_json::to_value(report).map_err(|error| Refusal::Failed(error.to_string()))?;
    let tasks: Vec<_> = report.tasks.iter().map(|group| &group.latency).collect();
    let regions: Vec<_> = report.regions.iter().map(|group| &group.latency).collect();
    for (name, histograms) in [("tasks", tasks), ("regions", regions)] {
        let rows = value[name].as_array_mut().into_iter().flatten();
        rows.zip(histograms).for_each(|(row, histogram)| row["histogram"] = json!(bars(histogram)));
    }
    to_json(&value)
}

/// Durations from one power of two to the next.
#[derive(Debug, PartialEq, Serialize)]
struct Bar {
    from_ns: u64,
    to_ns: u64,
    count: u64,
}

fn bars(histogram: &Histogram) -> Vec<Bar> {
    let mut bars: Vec<Bar> = Vec::new();
    for bucket in histogram.buckets() {
        let nanos = u64::try_from(bucket.min.as_nanos()).unwrap_or(u64::MAX).max(1);
        let from_ns = 1 << nanos.ilog2();
        match bars.last_mut() {
            Some(bar) if bar.from_ns == from_ns => bar.count += bucket.count,
            _ => bars.push(Bar { from_ns, to_ns: from_ns.saturating_mul(2), count: bucket.count }),
        }
    }
    bars
}

pub fn latency(loaded: &Loaded, _: Nothing) -> Answer {
    to_json(&reports(loaded)?.latency)
}

fn reports(loaded: &Loaded) -> Result<&Reports, Refusal> {
    loaded.trace()?.reports().map_err(Refusal::Failed)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn bars_are_powers_of_two() {
        let mut histogram = Histogram::default();
        [0, 1, 1000, 1023, 1024, 1500].into_iter().for_each(|nanos| histogram.add(Duration::from_nanos(nanos)));
        let bar = |from_ns, to_ns, count| Bar { from_ns, to_ns, count };
        assert_eq!(bars(&histogram), [bar(1, 2, 2), bar(512, 1024, 2), bar(1024, 2048, 2)]);
    }
}
