//! Tasks and regions.

use std::collections::BTreeMap;
use std::time::Duration;

use gotrace::Reader;
use gotrace::analysis::run;
use gotrace::analysis::tasks::{TaskSummary, Tasks};

use crate::expected::{Line, Region, Task, all_samples, lines};

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).expect("a time of a trace")
}

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
fn tasks_and_regions_are_those_of_go() {
    let (mut tasks, mut types) = (0, 0);
    for sample in all_samples() {
        let (mut expected, mut regions): (Vec<Task>, Vec<Region>) = (Vec::new(), Vec::new());
        for line in lines(&sample) {
            match line {
                Line::Task(task) => expected.push(task),
                // Those without a type stand for a task that a goroutine takes over.
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

        // Groups are those tasks and regions added up.
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
        // The oracle does not tell regions that the program gave no type from those that hand on a task.
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
