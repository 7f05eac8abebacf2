//! Times of goroutines, groups and regions, compared with those of Go.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gotrace::analysis::goroutines::{
    Accounting, GoroutineGroup, GoroutineSummary, Goroutines, GroupBy, NamedTime, RegionSummary, Summarizer,
    SummarySink, Times,
};
use gotrace::analysis::run;
use gotrace::timeline::{BLOCKED_BEFORE_TRACE, NO_REASON};
use gotrace::{Reader, Time, synth};

use crate::expected::{Goroutine, Line, Nanos, Region, agree, all_samples, lines, ties};
use crate::nanos;
use gotrace_tests::corpus::v1::{BATCH, FREQUENCY, GO_CREATE, GO_SCHED, GO_START, PROC_START, V1Trace};
use gotrace_tests::corpus::{RELEASES, Sample, samples};

/// Collects all summaries in the form of the oracle.
#[derive(Default)]
struct All {
    goroutines: Vec<Goroutine>,
    regions: Vec<Region>,
}

/// The name of the column for a reason in `go tool trace`, which is empty for waits without a
/// reason.
fn block_column(reason: &str) -> String {
    let reason = if [BLOCKED_BEFORE_TRACE, NO_REASON].contains(&reason) { "" } else { reason };
    format!("Block time ({reason})")
}

fn stats(times: &Times<'_>) -> (Nanos, Nanos) {
    let mut stats = Nanos::new();
    for (name, time) in [
        ("Execution time", times.execution()),
        ("Sched wait time", times.sched_wait()),
        ("Syscall execution time", times.syscall()),
        ("Block time (syscall)", times.syscall_block()),
        ("Unknown time", times.unknown()),
    ] {
        stats.insert(name.to_owned(), nanos(time));
    }
    for NamedTime { name, time, .. } in times.blocks() {
        *stats.entry(block_column(&name)).or_default() += nanos(time);
    }
    let columns = times.columns().into_iter().map(|column| (column.name, nanos(column.time)));
    let mut columns: Nanos = columns.filter(|(name, _)| name != "Total").collect();
    columns.retain(|_, nanos| *nanos != 0);
    let mut ranges: Nanos = times.ranges().into_iter().map(|range| (range.name, nanos(range.time))).collect();
    stats.retain(|_, nanos| *nanos != 0);
    ranges.retain(|_, nanos| *nanos != 0);
    assert_eq!(columns, stats);
    (stats, ranges)
}

impl SummarySink for All {
    fn goroutine(&mut self, goroutine: &GoroutineSummary<'_>) {
        let (stats, ranges) = stats(&goroutine.times);
        self.goroutines.push(Goroutine {
            id: goroutine.id().0,
            name: goroutine.name().to_string(),
            creation: goroutine.creation().0,
            start: goroutine.start().map_or(0, |time| time.0),
            end: goroutine.end().map_or(0, |time| time.0),
            total: nanos(goroutine.times.total()),
            stats,
            ranges,
        });
    }

    fn region(&mut self, region: &RegionSummary<'_>) {
        let (stats, ranges) = stats(&region.times);
        self.regions.push(Region {
            go: region.go.0,
            task: region.task.0,
            name: region.name.to_string(),
            start: region.start.map(|time| time.0),
            end: region.end.map(|time| time.0),
            total: nanos(region.times.total()),
            stats,
            ranges,
        });
    }
}

fn expected(sample: &Sample) -> (Vec<Goroutine>, Vec<Region>) {
    let (mut goroutines, mut regions) = (Vec::new(), Vec::new());
    for line in lines(sample) {
        match line {
            Line::Goroutine(goroutine) => goroutines.push(goroutine),
            Line::Region(region) => regions.push(region),
            _ => {}
        }
    }
    goroutines.sort();
    regions.sort();
    (goroutines, regions)
}

#[test]
fn goroutines_and_regions_equal_those_of_go() {
    let (mut goroutines, mut regions, mut tied) = (0, 0, 0);
    for sample in all_samples() {
        let bytes = sample.bytes();
        let mut reader = Reader::from_slice(&bytes).expect("a trace");
        let (mut all, error) = run(&mut reader, Summarizer::new(All::default()));
        assert!(error.is_none(), "{}: {error:?}", sample.name);
        let expected = expected(&sample);
        all.goroutines.sort();
        all.regions.sort();
        let ties = ties(&sample);
        assert_eq!(all.goroutines.len(), expected.0.len(), "{}", sample.name);
        for (ours, go) in all.goroutines.iter().zip(&expected.0) {
            tied += u32::from(ours != go);
            let who = |g: &Goroutine| (g.id, g.name.clone());
            let close = |a: i64, b: i64| (a - b).abs() <= ties;
            let times = close(ours.creation, go.creation) && close(ours.start, go.start) && close(ours.end, go.end);
            let columns = agree(&ours.stats, &go.stats, ties) && agree(&ours.ranges, &go.ranges, ties);
            let same = who(ours) == who(go) && times && columns && close(ours.total, go.total);
            assert!(same, "{}\nours: {ours:?}\nGo's: {go:?}", sample.name);
        }
        assert_eq!(all.regions.len(), expected.1.len(), "{}", sample.name);
        for (ours, go) in all.regions.iter().zip(&expected.1) {
            assert_eq!(ours, go, "{}", sample.name);
        }
        goroutines += all.goroutines.len();
        regions += all.regions.len();
    }
    assert!(goroutines > 3000 && regions > 100, "{goroutines} goroutines, {regions} regions");
    assert!(tied < 20, "{tied} goroutines differ by a few nanoseconds");
}

#[test]
fn groups_equal_the_sums_of_the_goroutines_of_go() {
    for sample in all_samples() {
        let mut expected_groups: BTreeMap<String, (u64, Nanos)> = BTreeMap::new();
        for goroutine in expected(&sample).0 {
            let (count, sums) = expected_groups.entry(goroutine.name).or_default();
            *count += 1;
            let total = ("Total".to_owned(), goroutine.total);
            for (column, nanos) in goroutine.stats.into_iter().chain(goroutine.ranges).chain([total]) {
                *sums.entry(column).or_default() += nanos;
            }
        }
        let bytes = sample.bytes();
        let mut reader = Reader::from_slice(&bytes).expect("a trace");
        let ((by_start, by_name), _) =
            run(&mut reader, (Goroutines::new(), Goroutines::with(GroupBy::Name, Accounting::Reference)));
        assert_eq!(by_start.groups.len(), expected_groups.len(), "{}", sample.name);
        for group in &by_start.groups {
            let (count, sums) = &expected_groups[&group.name];
            let times = &group.times;
            let mut found = Nanos::new();
            for (column, times) in [
                ("Total", &times.total),
                ("Execution time", &times.execution),
                ("Sched wait time", &times.sched_wait),
                ("Syscall execution time", &times.syscall),
                ("Block time (syscall)", &times.syscall_block),
                ("Unknown time", &times.unknown),
            ] {
                found.insert(column.to_owned(), nanos(times.sum()));
            }
            for block in &times.blocks {
                *found.entry(block_column(&block.name)).or_default() += nanos(block.times.sum());
            }
            let blocks: Duration = times.blocks.iter().map(|block| block.times.sum()).sum();
            assert_eq!(times.block.sum(), blocks, "{} in {}", group.name, sample.name);
            found.extend(times.ranges.iter().map(|range| (range.name.clone(), nanos(range.times.sum()))));
            found.retain(|_, nanos| *nanos != 0);
            assert_eq!(group.count, *count, "{} in {}", group.name, sample.name);
            let same = agree(&found, sums, ties(&sample) * *count as i64);
            assert!(same, "{} in {}\nours: {found:?}\nGo's: {sums:?}", group.name, sample.name);
            assert_eq!(group.times.execution.count(), *count, "goroutines without the column count with 0");
        }
        // Both groupings contain the same goroutines.
        assert!(by_name.groups.len() <= by_start.groups.len());
        let all = |groups: &[GoroutineGroup]| -> (u64, Duration) {
            (groups.iter().map(|group| group.count).sum(), groups.iter().map(|g| g.times.total.sum()).sum())
        };
        assert_eq!(all(&by_name.groups), all(&by_start.groups), "{}", sample.name);
    }
}

/// The nanoseconds of each goroutine in each state, according to the text of `go tool trace
/// -d=parsed`.
pub fn by_state(text: &str) -> BTreeMap<u64, BTreeMap<&str, i64>> {
    let mut found: BTreeMap<u64, BTreeMap<&str, i64>> = BTreeMap::new();
    let mut state: BTreeMap<u64, (&str, i64)> = BTreeMap::new();
    let (mut sync, mut last) = (0, 0);
    for line in text.lines().filter(|line| line.starts_with("M=")) {
        let field = |name: &str| line.split(' ').find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
        last = field("Time").and_then(|time| time.parse().ok()).expect("a time");
        if line.contains(" Sync ") {
            sync = last;
        }
        let Some(go) = field("GoID").and_then(|id| id.parse().ok()) else { continue };
        let (from, to) = line.split(' ').find_map(|field| field.split_once("->")).expect("two states");
        if from == to {
            continue;
        }
        // An undetermined goroutine counts as in its new state since the start of the generation.
        let (from, since) = state.insert(go, (to, last)).unwrap_or(match from {
            "Undetermined" => (to, sync),
            _ => (from, last),
        });
        *found.entry(go).or_default().entry(from).or_default() += last - since;
    }
    for (go, (state, since)) in state {
        *found.entry(go).or_default().entry(state).or_default() += last - since;
    }
    found
}

#[test]
fn corrected_times_equal_the_times_in_each_state() {
    for sample in RELEASES.into_iter().flat_map(samples) {
        let text = String::from_utf8_lossy(&sample.golden("parsed")).into_owned();
        let states = by_state(&text);
        for goroutine in sum_up(&sample.bytes(), Accounting::Corrected) {
            let of = |column: &str| goroutine.stats.get(column).copied().unwrap_or(0);
            let state = |state: &str| states[&goroutine.id].get(state).copied().unwrap_or(0);
            let what = format!("goroutine {} of {}", goroutine.id, sample.name);
            assert_eq!(of("Execution time"), state("Running"), "{what}");
            assert_eq!(of("Sched wait time"), state("Runnable"), "{what}");
            assert_eq!(of("Syscall execution time") + of("Block time (syscall)"), state("Syscall"), "{what}");
            let blocks = goroutine.stats.iter().filter(|(column, _)| column.starts_with("Block time ("));
            let blocked: i64 = blocks.map(|(_, nanos)| nanos).sum();
            assert_eq!(blocked - of("Block time (syscall)"), state("Waiting"), "{what}");
        }
    }
}

/// The runtime reports the state of a goroutine without events at the end of the generation, which
/// may be after the window.
#[test]
fn all_goroutines_that_exist_in_a_window_are_reported() {
    let mut late = 0;
    for sample in RELEASES.into_iter().flat_map(samples) {
        let text = String::from_utf8_lossy(&sample.golden("parsed")).into_owned();
        let field = |line: &str, name: &str| -> Option<i64> {
            line.split(' ').find_map(|field| field.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
        };
        let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("M=")).collect();
        let times: Vec<i64> = lines.iter().map(|line| field(line, "Time").expect("a time")).collect();
        for part in [1, 2, 3] {
            let end = times[0] + (times[times.len() - 1] - times[0]) / 4 * part;
            let (mut sync, mut seen, mut expected) = (times[0], BTreeSet::new(), BTreeSet::new());
            for (line, &time) in lines.iter().zip(&times) {
                if line.contains(" Sync ") {
                    sync = time;
                }
                let Some(go) = field(line, "GoID") else { continue };
                let start = if line.contains(" Undetermined->") { sync } else { time };
                if seen.insert(go) && start < end {
                    expected.insert(go);
                    late += u64::from(time >= end);
                }
            }
            let bytes = sample.bytes();
            let mut reader = Reader::from_slice(&bytes).expect("a trace");
            let summarizer = Summarizer::with_accounting(All::default(), Accounting::Corrected);
            let (all, error) = run(&mut reader, summarizer.within(Time(i64::MIN)..Time(end)));
            assert!(error.is_none(), "{error:?}");
            let found: BTreeSet<i64> = all.goroutines.iter().map(|goroutine| goroutine.id as i64).collect();
            assert_eq!(found, expected, "{} until {end}", sample.name);
        }
    }
    assert!(late > 100, "{late} goroutines are first mentioned after the window");
}

fn sum_up(bytes: &[u8], accounting: Accounting) -> Vec<Goroutine> {
    let mut reader = Reader::from_slice(bytes).expect("a trace");
    let (mut all, error) = run(&mut reader, Summarizer::with_accounting(All::default(), accounting));
    assert!(error.is_none(), "{error:?}");
    all.goroutines.sort();
    all.goroutines
}

/// Two goroutines are in system calls on the same P, one after the other, and both lose it. A clock
/// tick is a nanosecond.
const SYSCALLS: &str = "Trace Go1.22
    EventBatch gen=1 m=7 time=1 size=16
    ProcStatus dt=1 p=0 pstatus=1
    GoStatus dt=1 g=1 m=7 gstatus=2
    GoSyscallBegin dt=100 p_seq=1 stack=0
    GoSyscallEndBlocked dt=1000
    EventBatch gen=1 m=8 time=1 size=26
    ProcStatus dt=2 p=1 pstatus=1
    GoStatus dt=2 g=2 m=8 gstatus=2
    ProcSteal dt=400 p=0 p_seq=2 m=7
    ProcSteal dt=2000 p=0 p_seq=5 m=9
    GoStop dt=1000 reason_string=0 stack=0
    EventBatch gen=1 m=9 time=3 size=27
    GoStatus dt=1 g=3 m=18446744073709551615 gstatus=1
    ProcStart dt=500 p=0 p_seq=3
    GoStart dt=1 g=3 g_seq=1
    GoSyscallBegin dt=100 p_seq=4 stack=0
    EventBatch gen=1 m=18446744073709551615 time=1 size=6
    Frequency freq=1000000000";

/// `Accounting::Reference` returns the wrong values of Go 1.27.3's summarizer,
/// `Accounting::Corrected` the right ones.
#[test]
fn system_call_times_are_corrected_where_go_is_wrong() {
    let syscalls = |text: &str, accounting| -> Vec<[i64; 3]> {
        let bytes = synth::from_text(text).expect("a text of a trace");
        let columns = ["Sched wait time", "Syscall execution time", "Block time (syscall)"];
        let goroutines = sum_up(&bytes, accounting).into_iter();
        goroutines.map(|g| columns.map(|column| g.stats.get(column).copied().unwrap_or(0))).collect()
    };
    // Goroutine 3 is in a system call from 605 to the end at 3406, and loses its P at 2405. At 1103
    // the system call of goroutine 1 ends, which started on the same P. Go then forgets the P of
    // goroutine 3.
    let corrected = syscalls(SYSCALLS, Accounting::Corrected);
    assert_eq!(corrected, [[2303, 302, 698], [1, 0, 0], [504, 1800, 1001]]);
    let reference = syscalls(SYSCALLS, Accounting::Reference);
    assert_eq!(reference, [[2303, 302, 698], [1, 0, 0], [504, 2801, 0]]);

    // Goroutine 1 stays in its call. Go counts the time without a P twice, in the wrong columns.
    let open = SYSCALLS.replace("GoSyscallEndBlocked dt=1000\n", "").replace("size=16", "size=13");
    let corrected = syscalls(&open, Accounting::Corrected);
    assert_eq!(corrected, [[0, 302, 3001], [1, 0, 0], [504, 1800, 1001]]);
    let reference = syscalls(&open, Accounting::Reference);
    assert_eq!(reference, [[3001, 3303, 0], [1, 0, 0], [1505, 2801, 0]]);
}

/// A v1 trace whose initial list of goroutines never ends. In the list, a start means only that the
/// goroutine is running, and Go's Summarizer restarts the goroutine each time. The times are so far
/// apart that their sum would overflow.
#[test]
fn a_goroutine_that_is_listed_repeatedly_is_restarted() {
    const FAR: u64 = 4_500_000_000_000_000;
    let listed = V1Trace::new().record(BATCH, &[0, 0]).record(GO_CREATE, &[0, 1, 0, 0]).record(PROC_START, &[0, 7]);
    let started = [(FAR, 1), (100, 2), (10, 3)]
        .into_iter()
        .fold(listed, |trace, (ticks, number)| trace.record(GO_START, &[ticks, 1, number]).record(GO_SCHED, &[5, 0]));
    let bytes = started.record(FREQUENCY, &[1_000_000]).into_bytes();
    for accounting in [Accounting::Reference, Accounting::Corrected] {
        let summarizer = Summarizer::with_accounting(All::default(), accounting);
        let (all, error) = run(&mut Reader::from_slice(&bytes).expect("a header"), summarizer);
        assert!(error.is_none(), "{error:?}");
        let [goroutine] = &all.goroutines[..] else { panic!("{:?}", all.goroutines) };
        let stats = [("Execution time", 4_500_000_000_000_124_929), ("Sched wait time", 1)];
        let stats = stats.map(|(column, nanos)| (column.to_owned(), nanos));
        assert_eq!((goroutine.creation, goroutine.start), (-1, 4_500_000_000_000_119_808));
        assert_eq!((goroutine.total, &goroutine.stats), (4_500_000_000_000_124_930, &stats.into()));
    }
}
