//! Latencies and the use of Ps, compared with values that this test computes from the text of `go
//! tool trace -d=parsed`.

use std::collections::BTreeMap;
use std::time::Duration;

use gotrace::Reader;
use gotrace::analysis::latency::{Latency, LatencySeries};
use gotrace::analysis::procs::Procs;
use gotrace::analysis::run;

use gotrace_tests::corpus::{RELEASES, Sample, samples};

use crate::nanos;

/// A line of `go tool trace -d=parsed`.
struct Line<'a> {
    time: i64,
    kind: &'a str,
    fields: BTreeMap<&'a str, &'a str>,
    rest: &'a str,
}

fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    text.lines().filter(|line| line.starts_with("M=")).map(|line| {
        let kind = line.split(' ').nth(3).expect("a kind");
        let fields: BTreeMap<_, _> = line.split(' ').filter_map(|field| field.split_once('=')).collect();
        Line { time: fields["Time"].parse().expect("a time"), kind, fields, rest: line }
    })
}

impl<'a> Line<'a> {
    /// The ID, the old state and the new state, if the line is a transition of this kind of
    /// resource.
    fn transition(&self, key: &str) -> Option<(&'a str, &'a str, &'a str)> {
        let id = self.fields.get(key)?;
        let (from, to) = self.rest.split(' ').find_map(|field| field.split_once("->"))?;
        (self.kind == "StateTransition" && from != to).then_some((*id, from, to))
    }
}

/// All durations of each kind.
#[derive(Default)]
struct Expected {
    scheduler: Vec<i64>,
    wake: Vec<i64>,
    syscall: Vec<i64>,
    network: Vec<i64>,
    gc_pause: Vec<i64>,
    /// The time during which each P executed a goroutine.
    executing: BTreeMap<u64, i64>,
    /// For each number of running goroutines, the time for which exactly this number was running.
    parallelism: BTreeMap<usize, i64>,
    most_runnable: usize,
    /// The sum of the number of runnable goroutines times the time, in nanoseconds.
    runnable: i64,
}

fn evaluate(text: &str) -> Expected {
    let mut found = Expected::default();
    // By goroutine: when its current state started, its previous state, and whether it waits for
    // the network.
    let mut since: BTreeMap<&str, (i64, &str, bool)> = BTreeMap::new();
    let mut running: BTreeMap<&str, (u64, i64)> = BTreeMap::new();
    let mut runnable: BTreeMap<&str, ()> = BTreeMap::new();
    let mut stopped = None;
    let mut last = None;
    for line in lines(text) {
        let before = last.replace(line.time).unwrap_or(line.time);
        *found.parallelism.entry(running.len()).or_default() += line.time - before;
        found.runnable += (line.time - before) * runnable.len() as i64;
        if line.rest.contains("stop-the-world") && line.rest.contains("GC") {
            match line.kind {
                "RangeBegin" => stopped = Some(line.time),
                "RangeEnd" => found.gc_pause.extend(stopped.take().map(|start| line.time - start)),
                _ => {}
            }
        }
        let Some((go, from, to)) = line.transition("GoID") else { continue };
        if let Some((start, came_from, is_network)) = since.remove(go) {
            let duration = line.time - start;
            match from {
                "Runnable" if to == "Running" => {
                    found.scheduler.push(duration);
                    found.wake.extend((came_from == "Waiting").then_some(duration));
                }
                "Syscall" => found.syscall.push(duration),
                "Waiting" if is_network => found.network.push(duration),
                _ => {}
            }
        }
        if from != "Undetermined" {
            since.insert(go, (line.time, from, line.rest.contains("Reason=\"network\"")));
        }
        if from == "Running"
            && let Some((proc, start)) = running.remove(go)
        {
            *found.executing.entry(proc).or_default() += line.time - start;
        }
        if to == "Running" {
            running.insert(go, (line.fields["P"].parse().unwrap_or(u64::MAX), line.time));
        }
        runnable.remove(go);
        if to == "Runnable" {
            runnable.insert(go, ());
        }
        found.most_runnable = found.most_runnable.max(runnable.len());
    }
    for (proc, start) in running.into_values() {
        *found.executing.entry(proc).or_default() += last.unwrap_or(start) - start;
    }
    found
}

fn assert_same(found: &LatencySeries, expected: &[i64], what: &str, sample: &Sample) {
    let max = expected.iter().copied().max().unwrap_or(0);
    let sums = (found.all.count(), found.all.sum().as_nanos() as i64, found.all.max().as_nanos() as i64);
    assert_eq!(sums, (expected.len() as u64, expected.iter().sum(), max), "{what} in {}", sample.name);
    let in_windows: u64 = found.windows.iter().map(|window| window.durations.count()).sum();
    assert_eq!(in_windows, expected.len() as u64, "{what} in {}", sample.name);
}

#[test]
fn latencies_and_p_utilization_agree_with_go_tool_trace() {
    let mut counts = [0; 5];
    for sample in RELEASES.into_iter().flat_map(samples) {
        let text = String::from_utf8_lossy(&sample.golden("parsed")).into_owned();
        let expected = evaluate(&text);
        let bytes = sample.bytes();
        let mut reader = Reader::from_slice(&bytes).expect("a trace");
        let ((found, procs), error) = run(&mut reader, (Latency::new(), Procs::new()));
        assert!(error.is_none(), "{}: {error:?}", sample.name);
        let kinds = [
            ("scheduler", &found.scheduler, &expected.scheduler),
            ("wake", &found.wake, &expected.wake),
            ("syscall", &found.syscall, &expected.syscall),
            ("network", &found.network, &expected.network),
            ("gc pause", &found.gc_pause, &expected.gc_pause),
        ];
        for (count, (what, found, expected)) in counts.iter_mut().zip(kinds) {
            assert_same(found, expected, what, &sample);
            *count += expected.len();
        }
        for pauses in &found.pauses {
            let parts = pauses.time_to_stop.sum() + pauses.stopped.sum();
            assert_eq!(
                parts,
                pauses.total.sum(),
                "a pause consists of the time to stop and the time stopped: {}",
                sample.name
            );
        }

        let executing: BTreeMap<u64, i64> = procs
            .procs
            .iter()
            .map(|proc| (proc.proc.0, nanos(proc.executing)))
            .filter(|&(_, nanos)| nanos > 0)
            .collect();
        assert_eq!(executing, expected.executing, "{}", sample.name);
        for (n, duration) in procs.parallelism.iter().enumerate() {
            let expected = expected.parallelism.get(&n).copied().unwrap_or(0);
            assert_eq!(duration.as_nanos() as i64, expected, "{n} goroutines at a time in {}", sample.name);
        }
        assert_eq!(procs.whole.duration, procs.duration, "{}", sample.name);
        assert_eq!(procs.windows.iter().map(|window| window.duration).sum::<Duration>(), procs.duration);
        assert_eq!(procs.whole.runnable_max, expected.most_runnable as u64, "{}", sample.name);
        let runnable = procs.whole.runnable * nanos(procs.duration) as f64;
        assert!((runnable - expected.runnable as f64).abs() <= 1e-6 * runnable + 1.0, "{}", sample.name);
        for proc in &procs.procs {
            let parts =
                proc.utilization.iter().zip(&procs.windows).map(|(part, window)| part * nanos(window.duration) as f64);
            let sum: f64 = parts.sum();
            assert!((sum - nanos(proc.executing) as f64).abs() < 1.0, "{sum} {proc:?} in {}", sample.name);
            assert!(proc.utilization.iter().all(|part| (0.0..=1.0 + 1e-9).contains(part)), "{proc:?}");
        }
    }
    assert!(counts.iter().all(|&count| count > 50), "{counts:?}");
}
