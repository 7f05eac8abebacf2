//! Goroutines, groups and regions.

use std::collections::BTreeMap;

use gotrace::Reader;
use gotrace::analysis::{GoroutineSummary, GroupBy, Groups, RegionSummary, Summarizer, Summary, Times, run};

use crate::corpus::Sample;
use crate::expected::{Goroutine, Line, Nanos, Region, agree, all_samples, lines, ties};

/// Keeps everything in the oracle's form.
#[derive(Default)]
struct All {
    goroutines: Vec<Goroutine>,
    regions: Vec<Region>,
}

fn stats(times: &Times<'_>) -> (Nanos, Nanos) {
    let mut stats = Nanos::new();
    for (name, nanos) in [
        ("Execution time", times.execution()),
        ("Sched wait time", times.sched_wait()),
        ("Syscall execution time", times.syscall()),
        ("Block time (syscall)", times.syscall_block()),
        ("Unknown time", times.unknown()),
    ] {
        stats.insert(name.to_owned(), nanos);
    }
    for (reason, nanos) in times.blocks() {
        *stats.entry(format!("Block time ({reason})")).or_default() += nanos;
    }
    let mut ranges: Nanos = times.ranges().collect();
    stats.retain(|_, nanos| *nanos != 0);
    ranges.retain(|_, nanos| *nanos != 0);
    (stats, ranges)
}

impl Summary for All {
    fn goroutine(&mut self, goroutine: &GoroutineSummary<'_>) {
        let (stats, ranges) = stats(&goroutine.times);
        self.goroutines.push(Goroutine {
            id: goroutine.id().0,
            name: goroutine.name().to_string(),
            creation: goroutine.creation().0,
            start: goroutine.start().map_or(0, |time| time.0),
            end: goroutine.end().map_or(0, |time| time.0),
            total: goroutine.times.total(),
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
            total: region.times.total(),
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
fn goroutines_and_regions_are_those_of_go() {
    let (mut goroutines, mut regions, mut tied) = (0, 0, 0);
    for sample in all_samples() {
        let bytes = sample.bytes();
        let mut reader = Reader::from_slice(&bytes).expect("a trace");
        let (mut all, error) = run(&mut reader, Summarizer::new(All::default()));
        assert!(error.is_none(), "{}", sample.name);
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
fn groups_add_up_to_what_go_shows() {
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
            run(&mut reader, (Groups::by_start(), Groups::new(GroupBy::Name, Default::default())));
        assert_eq!(by_start.groups.len(), expected_groups.len(), "{}", sample.name);
        for group in &by_start.groups {
            let (count, sums) = &expected_groups[&group.name];
            let columns = group.times.columns().into_iter().map(|(name, times)| (name, times.sum()));
            let ranges = group.times.ranges.iter().map(|(name, times)| (name.clone(), times.sum()));
            let mut found: Nanos = columns.chain(ranges).collect();
            found.retain(|_, nanos| *nanos != 0);
            assert_eq!(group.goroutines, *count, "{} in {}", group.name, sample.name);
            let same = agree(&found, sums, ties(&sample) * *count as i64);
            assert!(same, "{} in {}\nours: {found:?}\nGo's: {sums:?}", group.name, sample.name);
            assert_eq!(group.times.execution.count(), *count, "those without count with 0");
        }
        // However they are put into groups, they are the same goroutines.
        assert!(by_name.groups.len() <= by_start.groups.len());
        let all = |groups: &[gotrace::analysis::Group]| -> (u64, i64) {
            (groups.iter().map(|group| group.goroutines).sum(), groups.iter().map(|g| g.times.total.sum()).sum())
        };
        assert_eq!(all(&by_name.groups), all(&by_start.groups), "{}", sample.name);
    }
}
