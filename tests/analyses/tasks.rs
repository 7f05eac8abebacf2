//! Tasks and regions, compared with those of Go.

use std::collections::BTreeMap;
use std::time::Duration;

use gotrace::analysis::run;
use gotrace::analysis::tasks::{SlowestOptions, TaskSummary, Tasks, slowest};
use gotrace::raw::{EventType, RawFrame};
use gotrace::synth::{Batch, Clock, Generation, Trace};
use gotrace::{GoId, Reader, TaskId, ThreadId, Time, Timeline, Version};

use crate::expected::{Line, Region, Task, all_samples, lines};
use crate::nanos;

fn of(task: &TaskSummary) -> Task {
    Task {
        id: task.id.0,
        name: task.name.clone(),
        parent: task.parent.map(|id| id.0),
        start: task.start.map(|time| time.0),
        end: task.end.map(|time| time.0),
        logs: task.logs,
        regions: task.regions,
        goroutines: Some(task.goroutines.iter().map(|id| id.0).collect()),
    }
}

#[test]
fn tasks_and_regions_equal_those_of_go() {
    let (mut tasks, mut types) = (0, 0);
    for sample in all_samples() {
        let (mut expected, mut regions): (Vec<Task>, Vec<Region>) = (Vec::new(), Vec::new());
        for line in lines(&sample) {
            match line {
                Line::Task(task) => expected.push(task),
                // A region without a type is one that Go adds for a goroutine created within a
                // task.
                Line::Region(region) if !region.name.is_empty() => regions.push(region),
                _ => {}
            }
        }
        let bytes = sample.bytes();
        let mut reader = Reader::from_slice(&bytes).expect("a trace");
        let mut found = Vec::new();
        let (table, error) = run(&mut reader, Tasks::new(|task: &TaskSummary| found.push(of(task))));
        assert!(error.is_none(), "{}: {error:?}", sample.name);
        expected.iter_mut().for_each(|task| _ = task.goroutines.get_or_insert_default());
        assert_eq!(found, expected, "{}", sample.name);
        tasks += found.len();

        // The groups are the sums of these tasks and regions.
        let named = expected.iter().filter(|task| task.id != 0);
        let mut latencies: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
        for task in named {
            let latencies = latencies.entry(&task.name).or_default();
            latencies.extend(task.start.zip(task.end).map(|(start, end)| end - start));
        }
        assert_eq!(table.tasks.len(), latencies.len(), "{}", sample.name);
        for (group, (name, latencies)) in table.tasks.iter().zip(latencies) {
            assert_eq!((&*group.name, group.latency.count()), (name, latencies.len() as u64), "{}", sample.name);
            assert_eq!(nanos(group.latency.sum()), latencies.iter().sum::<i64>(), "{name} in {}", sample.name);
            assert_eq!(
                nanos(group.latency.max()),
                latencies.iter().copied().max().unwrap_or(0),
                "{name} in {}",
                sample.name
            );
        }
        // The oracle does not distinguish regions whose type is empty from those that Go adds.
        let typed = || table.regions.iter().filter(|group| !group.name.is_empty());
        for group in typed() {
            let all: Vec<_> = regions.iter().filter(|region| region.name == group.name).collect();
            let stat = |name: &str| all.iter().filter_map(|region| region.stats.get(name)).sum::<i64>();
            assert_eq!(group.count, all.len() as u64, "{} in {}", group.name, sample.name);
            assert_eq!(nanos(group.times.execution), stat("Execution time"), "{} in {}", group.name, sample.name);
            assert_eq!(nanos(group.times.sched_wait), stat("Sched wait time"), "{} in {}", group.name, sample.name);
            types += 1;
        }
        assert_eq!(typed().map(|group| group.count).sum::<u64>(), regions.len() as u64);
    }
    assert!(tasks > 100 && types > 40, "{tasks} tasks, {types} types of regions");
}

/// Goroutine 1 starts a task, waits for a mutex that goroutine 2 unlocks, and ends the task. The
/// comments on the right are the times of the events.
#[test]
fn a_slow_task_lists_its_waits_and_who_ended_them() {
    let mut generation = Generation::new(1);
    generation.clock(Some(Clock { frequency: 1_000_000_000, time: 1000, mono: 0, seconds: 0, nanos: 0 }));
    let [name, sync, preempted, func] =
        ["order", "sync", "preempted", "main.audit"].map(|text| generation.string(text).0);
    let stack = generation.stack(&[RawFrame { pc: 1, func, file: 0, line: 1 }]).0;
    generation.batch(
        Batch::new(ThreadId(7), 1000)
            .event(EventType::ProcStatus, &[10, 0, 1]) // 1010
            .event(EventType::GoStatus, &[1, 1, 7, 2]) // 1011
            .event(EventType::GoStatus, &[1, 2, u64::MAX, 1]) // 1012
            .event(EventType::UserTaskBegin, &[8, 5, 0, name, stack]) // 1020
            .event(EventType::GoBlock, &[100, sync, stack]) // 1120
            .event(EventType::GoStart, &[1, 2, 1]) // 1121
            .event(EventType::GoUnblock, &[79, 1, 1, stack]) // 1200
            .event(EventType::GoStop, &[10, preempted, stack]) // 1210
            .event(EventType::GoStart, &[10, 1, 2]) // 1220
            .event(EventType::UserTaskEnd, &[80, 5, stack]) // 1300
            .event(EventType::HeapAlloc, &[50, 1 << 20]), // 1350
    );
    let bytes = Trace::new(Version::Go126).generation(&generation).into_bytes();
    let timeline = Timeline::from_slice(&bytes).expect("a valid trace");
    let report = slowest(&timeline, &SlowestOptions::default());
    assert_eq!((report.task_count, report.matching), (1, 1));
    let task = &report.tasks[0];
    assert_eq!((task.id, &*task.name, nanos(task.duration)), (TaskId(5), "order", 280));
    assert_eq!([task.running, task.runnable, task.syscall].map(nanos), [180, 20, 0]);
    let [wait] = &task.waits[..] else { panic!("{:?}", task.waits) };
    assert_eq!((&*wait.reason, wait.count, nanos(wait.total)), ("sync", 1, 80));
    let longest = &wait.longest;
    assert_eq!((longest.go, longest.start, longest.woken_by), (GoId(1), Time(1120), Some(GoId(2))));
    assert_eq!(longest.stack.iter().map(|frame| &*frame.func).collect::<Vec<_>>(), ["main.audit"]);
    let [goroutine] = &task.goroutines[..] else { panic!("{:?}", task.goroutines) };
    assert_eq!((goroutine.id, nanos(goroutine.total), nanos(goroutine.blocked)), (GoId(1), 280, 80));

    // Only the time within the window counts.
    let window = SlowestOptions::default().between(Time(1100)..Time(1160));
    let task = &slowest(&timeline, &window).tasks[0];
    assert_eq!((nanos(task.duration), nanos(task.running), nanos(task.waits[0].total)), (60, 20, 40));
    for options in [
        SlowestOptions::default().name("another"),
        SlowestOptions::default().goroutine(GoId(2)),
        SlowestOptions::default().min(Duration::from_nanos(281)),
        SlowestOptions::default().between(Time(1301)..Time(1350)),
    ] {
        assert_eq!(slowest(&timeline, &options).matching, 0, "{options:?}");
    }
}
