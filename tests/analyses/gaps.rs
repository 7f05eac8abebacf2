//! Lenient reading reports a gap where events are lost. Analyses count the time in a gap as unknown
//! or not at all.

use gotrace::analysis::goroutines::{Accounting, GoroutineSummary, Goroutines, GroupBy, Summarizer};
use gotrace::analysis::latency::Latency;
use gotrace::analysis::mmu::{Mmu, MmuOptions, UtilizationPoint};
use gotrace::analysis::procs::{Procs, ProcsWindow};
use gotrace::analysis::profile::{ProfileKind, ProfileOptions, Profiler};
use gotrace::analysis::run;
use gotrace::raw::{EventType, RawFrame};
use gotrace::synth::{Batch, Clock, Generation, Trace};
use gotrace::{EventKind, Reader, ThreadId, Time, Version};

use crate::nanos;

const NO_THREAD: u64 = u64::MAX;

/// A generation whose clock counts nanoseconds from `time`.
fn generation(number: u64, time: u64) -> Generation {
    let mut generation = Generation::new(number);
    generation.clock(Some(Clock { frequency: 1_000_000_000, time, mono: 0, seconds: 0, nanos: 0 }));
    generation
}

/// Two generations. The first is damaged while goroutine 1 waits for the network and goroutine 2, a
/// GC worker, runs on the only P. The comments on the right are the times of the events.
fn damaged() -> Vec<u8> {
    let mut first = generation(1, 1000);
    let network = first.string("network").0;
    let worker = first.string("GC (dedicated)").0;
    let main = RawFrame { pc: 1, func: first.string("main.main").0, file: 0, line: 1 };
    let stack = first.stack(&[main]).0;
    first.batch(
        Batch::new(ThreadId(7), 1000)
            .event(EventType::ProcStatus, &[10, 0, 1]) // 1010
            .event(EventType::GoStatus, &[1, 1, 7, 2]) // 1011
            .event(EventType::ProcsChange, &[1, 1, 0]) // 1012
            .event(EventType::GoStatus, &[1, 2, NO_THREAD, 1]) // 1013
            .event(EventType::GoBlock, &[99, network, stack]) // 1112
            .event(EventType::GoStart, &[1, 2, 1]) // 1113
            .event(EventType::GoLabel, &[1, worker]) // 1114
            .event(EventType::GoStatus, &[86, 3, NO_THREAD, 9]), // 1200: status 9 is invalid
    );
    let mut second = generation(2, 5000);
    let reason = second.string("preempted").0;
    second.batch(
        Batch::new(ThreadId(7), 5000)
            .event(EventType::ProcStatus, &[10, 0, 1]) // 5010
            .event(EventType::GoStatus, &[1, 2, 7, 2]) // 5011
            .event(EventType::GoStatus, &[1, 1, NO_THREAD, 1]) // 5012
            .event(EventType::GoStop, &[100, reason, 0]) // 5112
            .event(EventType::GoStart, &[8, 1, 1]) // 5120
            .event(EventType::HeapAlloc, &[80, 1 << 20]), // 5200
    );
    Trace::new(Version::Go126).generation(&first).generation(&second).into_bytes()
}

fn read(bytes: &[u8]) -> Reader<'_> {
    Reader::builder().lenient().from_slice(bytes).expect("a header")
}

/// The times of the gap and of the end of the trace.
const GAP: i64 = 1115;
const END: i64 = 5201;

#[test]
fn the_damaged_trace_has_a_gap_between_its_generations() {
    let bytes = damaged();
    let mut reader = read(&bytes);
    let mut times = Vec::new();
    while let Some(event) = reader.next_event().expect("lenient reading never fails") {
        if matches!(event.kind(), EventKind::Gap(_) | EventKind::Sync(_)) {
            times.push((event.kind().name(), event.time().0));
        }
    }
    assert_eq!(times, [("Sync", 1000), ("Gap", GAP), ("Sync", 5000), ("Sync", END)]);
}

#[test]
fn the_time_in_a_gap_is_unknown_time_of_goroutines() {
    let (table, error) = run(&mut read(&damaged()), Goroutines::with(GroupBy::Start, Accounting::Corrected));
    assert!(error.is_none(), "{error:?}");
    let columns = |name: &str| {
        let group = table.groups.iter().find(|group| group.name == name).expect("a group");
        let times = &group.times;
        let blocks: Vec<_> =
            times.blocks.iter().map(|block| (block.name.as_str(), block.times.sum().as_nanos())).collect();
        assert_eq!((group.count, group.ended), (1, 0), "{name}");
        (
            [&times.total, &times.execution, &times.sched_wait, &times.unknown]
                .map(|times| times.sum().as_nanos() as i64),
            blocks,
        )
    };
    // Goroutine 1 runs until 1112 and from 5120, and is runnable from 5000 to 5120.
    let unknown = 5000 - GAP;
    let known = [1112 - 1000 + END - 5120, 120];
    assert_eq!(columns("main.main"), ([END - 1000, known[0], known[1], unknown], vec![("network", 3)]));
    // Goroutine 2 is runnable until 1113 and from 5112, and runs in between.
    let known = [GAP - 1113 + 112, 113 + END - 5112];
    assert_eq!(columns(""), ([END - 1000, known[0], known[1], unknown], Vec::new()));
}

/// A goroutine that waits forever counts as exited. If it still exists after a gap, it has not
/// exited, and its time before the gap counts.
#[test]
fn a_goroutine_that_waits_forever_before_a_gap_and_runs_after_it_keeps_its_time() {
    let mut first = generation(1, 1000);
    let forever = first.string("forever").0;
    first.batch(
        Batch::new(ThreadId(7), 1000)
            .event(EventType::ProcStatus, &[10, 0, 1]) // 1010
            .event(EventType::GoStatus, &[1, 1, 7, 2]) // 1011
            .event(EventType::GoBlock, &[100, forever, 0]) // 1111
            .event(EventType::GoStatus, &[89, 3, NO_THREAD, 9]), // 1200: status 9 is invalid
    );
    let mut second = generation(2, 5000);
    second.batch(
        Batch::new(ThreadId(7), 5000)
            .event(EventType::ProcStatus, &[10, 0, 1]) // 5010
            .event(EventType::GoStatus, &[10, 1, NO_THREAD, 1]) // 5020
            .event(EventType::GoStart, &[10, 1, 1]) // 5030
            .event(EventType::HeapAlloc, &[70, 1 << 20]), // 5100
    );
    let bytes = Trace::new(Version::Go126).generation(&first).generation(&second).into_bytes();
    for accounting in [Accounting::Reference, Accounting::Corrected] {
        let mut found = Vec::new();
        let summary = |goroutine: &GoroutineSummary<'_>| {
            let times = [goroutine.times.total(), goroutine.times.execution(), goroutine.times.sched_wait()];
            let times = times.map(|time| time.as_nanos() as i64);
            found.push((goroutine.id().0, goroutine.end(), times));
        };
        let (_, error) = run(&mut read(&bytes), Summarizer::with_accounting(summary, accounting));
        assert!(error.is_none(), "{error:?}");
        let end = 5101;
        assert_eq!(found, [(1, None, [end - 1000, 111 + end - 5030, 30])], "{accounting:?}");
    }
}

#[test]
fn no_latency_spans_a_gap() {
    let (report, _) = run(&mut read(&damaged()), Latency::new());
    let counts = [report.scheduler, report.wake, report.syscall, report.network].map(|series| series.all.count());
    assert_eq!(counts, [0; 4], "every wait that ends started before the gap or before the trace");
}

#[test]
fn ps_are_not_in_use_in_a_gap() {
    let (report, _) = run(&mut read(&damaged()), Procs::new());
    assert_eq!((nanos(report.duration), report.gomaxprocs), (END - 1000, Some(1)));
    let [proc] = &report.procs[..] else { panic!("{:?}", report.procs) };
    let executing = 1112 - 1011 + GAP - 1113 + 5112 - 5011 + END - 5120;
    assert_eq!((nanos(proc.running), nanos(proc.executing)), (GAP - 1010 + END - 5010, executing));
    let ProcsWindow { duration, running, runnable_max, gc, .. } = report.whole;
    let length = nanos(duration);
    assert_eq!((length, runnable_max), (GAP - 1000 + END - 5000, 2));
    let parts = [running, gc].map(|mean| (mean * length as f64).round() as i64);
    assert_eq!(parts, [executing, GAP - 1114]);
    assert_eq!(report.parallelism.into_iter().map(nanos).collect::<Vec<_>>(), [length - executing, executing]);
}

#[test]
fn a_gap_ends_waits() {
    let nanos = |complete| {
        let mut options = ProfileOptions::default();
        options.complete = complete;
        let (profile, _) = run(&mut read(&damaged()), Profiler::new(ProfileKind::Net, options));
        profile.samples().iter().map(|sample| (sample.count, sample.total.as_nanos() as i64)).collect::<Vec<_>>()
    };
    assert_eq!(nanos(true), [(1, GAP - 1112)]);
    assert_eq!(nanos(false), [], "without complete(), waits that do not end are left out");
}

#[test]
fn the_gc_has_no_cpu_time_in_a_gap() {
    let (found, _) = run(&mut read(&damaged()), Mmu::new(MmuOptions::default()));
    let series: Vec<_> = found.series().map(<[UtilizationPoint]>::to_vec).collect();
    let point = |(time, utilization)| UtilizationPoint { time: Time(time), utilization };
    let points = [(1012, 1.0), (1114, 0.0), (GAP, 1.0), (END, 0.0)].map(point);
    assert_eq!(series, [points]);
}
