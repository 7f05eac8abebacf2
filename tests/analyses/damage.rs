//! No analysis panics on a damaged trace, read strictly or leniently.

use std::time::Duration;

use gotrace::analysis::allocations::{AllocationBy, Allocations, ObjectTotals};
use gotrace::analysis::compare::Metrics;
use gotrace::analysis::goroutines::{Accounting, Goroutines, GroupBy};
use gotrace::analysis::latency::Latency;
use gotrace::analysis::mmu::{Mmu, MmuOptions};
use gotrace::analysis::procs::Procs;
use gotrace::analysis::profile::{ProfileKind, ProfileOptions, Profiler};
use gotrace::analysis::run;
use gotrace::analysis::tasks::{LogQuery, LogSearch, Tasks};
use gotrace::raw::EventType;
use gotrace::synth::{Batch, Clock, Generation, Trace};
use gotrace::{Reader, TaskId, ThreadId, Timeline, Version};

use gotrace_tests::corpus::sample;

fn profilers() -> Vec<Profiler> {
    let kinds = [ProfileKind::Net, ProfileKind::Sync, ProfileKind::Syscall, ProfileKind::Sched, ProfileKind::OffCpu];
    let options = [
        ProfileOptions::default(),
        ProfileOptions::default().complete().start("main.main"),
        ProfileOptions::default().region("r").task(TaskId(1)),
    ];
    let all = kinds.into_iter().chain([ProfileKind::Cpu]);
    all.flat_map(|kind| options.iter().map(move |options| Profiler::new(kind, options.clone()))).collect()
}

/// Runs all analyses until the end of the trace or an error.
fn analyse(mut reader: Reader<'_>) {
    let groups = [GroupBy::Start, GroupBy::Creator, GroupBy::Label, GroupBy::Name];
    let groups: Vec<_> = groups.into_iter().map(|by| Goroutines::with(by, Accounting::Corrected)).collect();
    let flags = [false, true].map(|per_proc| MmuOptions::default().per_proc(per_proc).sweeps(true));
    let utilization: Vec<_> = flags.into_iter().map(Mmu::new).collect();
    let tables = (Tasks::by_name(), LogSearch::new(LogQuery::first(10)));
    let observers = (
        groups,
        utilization,
        profilers(),
        Latency::new().slowest(3),
        Procs::new(),
        tables,
        Metrics::new(),
        Allocations::default(),
    );
    let ((groups, utilization, profiles, .., allocations), _) = run(&mut reader, observers);
    // Each object that existed or was allocated is freed, live, or lost.
    let mut unknown = 0;
    for row in &allocations.rows {
        let ObjectTotals { existing, allocated, freed, live, kept, .. } = row.totals;
        unknown += existing.objects + allocated.objects - freed.objects - live.objects;
        assert!(kept <= live);
    }
    assert_eq!(unknown, allocations.lost);
    let totals: ObjectTotals = allocations.by(AllocationBy::Type).iter().map(|group| group.totals).sum();
    assert_eq!(totals, allocations.totals());
    let counts: Vec<u64> = groups.iter().map(|table| table.groups.iter().map(|group| group.count).sum()).collect();
    assert!(counts.iter().all(|&count| count == counts[0]), "{counts:?}");
    for utilization in utilization {
        for window in [1, 1000, 1_000_000, u64::MAX].map(Duration::from_nanos) {
            let mmu = utilization.mmu(window);
            assert!((-1e-9..=1.0 + 1e-9).contains(&mmu), "{mmu}");
            assert!(utilization.mud(window, &[0.0, 0.5, 1.0]).iter().all(|util| util.is_finite()));
            let _ = utilization.worst(window, 2);
        }
    }
    for profile in profiles {
        profile.write_folded(&mut Vec::new()).expect("writing to a vector cannot fail");
    }
}

/// Nine goroutines are runnable for 73 years each. The sum in nanoseconds overflows an `i64`.
#[test]
fn sums_of_times_over_centuries_saturate() {
    let mut generation = Generation::new(1);
    generation.clock(Some(Clock { frequency: 1_000_000_000, time: 1, mono: 0, seconds: 0, nanos: 0 }));
    let mut batch = Batch::new(ThreadId(7), 1).event(EventType::ProcStatus, &[1, 0, 1]);
    for go in 1..=9 {
        batch = batch.event(EventType::GoStatus, &[1, go, u64::MAX, 1]);
    }
    generation.batch(batch.event(EventType::GoStart, &[1 << 61, 1, 1]).event(EventType::GoStop, &[1, 0, 0]));
    let bytes = Trace::new(Version::Go126).generation(&generation).into_bytes();
    analyse(Reader::from_slice(&bytes).expect("a header"));
    let options = ProfileOptions::default().complete();
    let mut reader = Reader::from_slice(&bytes).expect("a header");
    let (profile, error) = run(&mut reader, Profiler::new(ProfileKind::Sched, options));
    assert!(error.is_none(), "{error:?}");
    assert_eq!(profile.samples().iter().map(|sample| sample.total.as_nanos()).collect::<Vec<_>>(), [i64::MAX as u128]);
    let timeline = Timeline::from_slice(&bytes).expect("a valid trace");
    let totals = timeline.totals(timeline.start()..timeline.end());
    assert_eq!(totals.runnable(), Duration::from_nanos(u64::MAX));
}

#[test]
fn analyses_of_traces_with_changed_bytes_do_not_panic() {
    for (name, step) in [
        ("go1.22/annotations", 67),
        ("go1.26/gc", 97),
        ("go1.27/syscalls", 151),
        ("go1.21/gc", 199),
        ("go1.24/allocfree", 61),
    ] {
        let whole = sample(name).bytes();
        for place in (16..whole.len()).step_by(step) {
            for flip in [0x01, 0x80, 0xff] {
                let mut bytes = whole.clone();
                bytes[place] ^= flip;
                analyse(Reader::from_slice(&bytes).expect("the header is undamaged"));
                if let Ok(reader) = Reader::builder().lenient().from_slice(&bytes) {
                    analyse(reader);
                }
            }
        }
    }
}
