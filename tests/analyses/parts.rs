//! Measurements of the two halves of a trace add up to those of the whole trace.

use std::time::Duration;

use gotrace::analysis::gc::{GcOptions, GcReport};
use gotrace::analysis::latency::{Latency, LatencyKind, LatencyReport};
use gotrace::analysis::procs::Procs;
use gotrace::analysis::run;
use gotrace::analysis::threads::ThreadsReport;
use gotrace::{GoId, Reader, Time, Timeline};

use gotrace_tests::corpus::{RELEASES, samples};

fn measured(bytes: &[u8], latency: Latency) -> LatencyReport {
    let mut reader = Reader::from_slice(bytes).expect("a trace");
    let (report, error) = run(&mut reader, latency);
    assert!(error.is_none(), "{error:?}");
    report
}

/// The total scheduling latency, time in system calls, and time waiting for the network.
fn sums(report: &LatencyReport) -> [Duration; 3] {
    [&report.scheduler, &report.syscall, &report.network].map(|series| series.all.sum())
}

#[test]
fn measurements_of_halves_add_up_to_those_of_the_whole() {
    for sample in RELEASES.into_iter().flat_map(samples) {
        let bytes = sample.bytes();
        let timeline = Timeline::from_slice(&bytes).expect("a trace");
        let (start, end) = (timeline.start(), timeline.end());
        let middle = Time(start.0 / 2 + end.0 / 2);
        let parts = [start..middle, middle..end];

        let whole = measured(&bytes, Latency::new());
        let halves = parts.clone().map(|part| sums(&measured(&bytes, Latency::new().within(part))));
        let added: Vec<_> = halves[0].iter().zip(&halves[1]).map(|(a, b)| *a + *b).collect();
        assert_eq!(added, sums(&whole), "{}", sample.name);

        let procs = |range| {
            let mut reader = Reader::from_slice(&bytes).expect("a trace");
            let (report, _) = run(&mut reader, Procs::new().within(range));
            let executing: Duration = report.procs.iter().map(|proc| proc.executing).sum();
            (report.duration, executing, report.whole.idle_while_runnable)
        };
        let [first, second] = parts.clone().map(procs);
        let added = (first.0 + second.0, first.1 + second.1, first.2 + second.2);
        assert_eq!(added, procs(start..end), "{}", sample.name);

        let threads = ThreadsReport::new(&timeline, start..end);
        let [first, second] = parts.clone().map(|part| ThreadsReport::new(&timeline, part));
        assert_eq!(first.running + second.running, threads.running, "{}", sample.name);
        assert_eq!(first.syscall + second.syscall, threads.syscall, "{}", sample.name);

        let pauses = |range| GcReport::new(&timeline, &GcOptions::default().range(range)).pause_totals.total;
        let [first, second] = parts.map(pauses);
        assert_eq!(first + second, pauses(start..end), "{}", sample.name);
    }
}

#[test]
fn running_time_of_threads_equals_that_of_goroutines() {
    for sample in RELEASES.into_iter().flat_map(samples) {
        let timeline = Timeline::from_slice(&sample.bytes()).expect("a trace");
        let range = timeline.start()..timeline.end();
        let report = ThreadsReport::new(&timeline, range.clone());
        let totals = timeline.totals(range);
        assert_eq!(report.running, totals.running(), "{}", sample.name);
        assert!(report.threads.iter().all(|thread| thread.first_seen <= thread.last_seen), "{report:?}");
        assert_eq!(report.thread_count, report.threads.len() as u64);
    }
}

#[test]
fn all_slow_waits_add_up_to_the_latency_series() {
    for sample in RELEASES.into_iter().flat_map(samples) {
        let bytes = sample.bytes();
        let all = measured(&bytes, Latency::new().slowest(usize::MAX));
        let of = |kind| all.slowest.iter().filter(move |wait| wait.kind == kind);
        for (kind, series) in [
            (LatencyKind::Scheduler, &all.scheduler),
            (LatencyKind::Syscall, &all.syscall),
            (LatencyKind::Network, &all.network),
        ] {
            let durations: Vec<Duration> = of(kind).map(|wait| wait.duration).collect();
            assert!(durations.is_sorted_by(|a, b| a >= b), "{kind:?} in {}", sample.name);
            assert_eq!(durations.len() as u64, series.all.count(), "{kind:?} in {}", sample.name);
            assert_eq!(durations.iter().sum::<Duration>(), series.all.sum(), "{kind:?} in {}", sample.name);
            let few = measured(&bytes, Latency::new().slowest(3));
            let few = few.slowest.iter().filter(|wait| wait.kind == kind).collect::<Vec<_>>();
            assert_eq!(few, of(kind).take(3).collect::<Vec<_>>(), "{kind:?} in {}", sample.name);
        }
        // The latencies of one goroutine, and those of its start function.
        let Some(wait) = of(LatencyKind::Scheduler).find(|wait| wait.function.is_some()) else { continue };
        let go = wait.goroutine.unwrap_or(GoId(0));
        let own = measured(&bytes, Latency::new().goroutines([go])).scheduler.all;
        let expected: Duration =
            of(LatencyKind::Scheduler).filter(|w| w.goroutine == Some(go)).map(|w| w.duration).sum();
        assert_eq!(own.sum(), expected, "goroutine {go} in {}", sample.name);
        let name = wait.function.clone().unwrap_or_default();
        let matches = {
            let name = name.clone();
            measured(&bytes, Latency::new().with_function(move |function| function == name)).scheduler.all
        };
        let is_chosen = |w: &&gotrace::analysis::latency::SlowWait| {
            w.function.as_ref() == Some(&name) || w.stack.iter().any(|frame| frame.func == name)
        };
        let expected: Duration = of(LatencyKind::Scheduler).filter(is_chosen).map(|w| w.duration).sum();
        assert_eq!(matches.sum(), expected, "{name} in {}", sample.name);
    }
}
