//! Allocations, compared with what the traced program counted and with what
//! `testdata/allocations/oracle.py` counts in the text of Go's tool.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::PathBuf;
use std::time::Duration;

use flate2::read::GzDecoder;
use gotrace::analysis::allocations::{
    AllocationBy, AllocationOptions, AllocationSource, Allocations, AllocationsReport, GoroutineStacks, ObjectCount,
    ObjectTotals, PageSpans,
};
use gotrace::analysis::run;
use gotrace::{EventKind, GoId, Reader, TaskId};
use serde::Deserialize;
use serde::de::DeserializeOwned;

const MODES: [&str; 3] = ["registry", "ring", "listeners"];
const RELEASES: [&str; 5] = ["go1.23", "go1.24", "go1.25", "go1.26", "go1.27"];

fn path(name: &str) -> PathBuf {
    gotrace_tests::corpus::testdata().join("allocations").join(name)
}

fn traces() -> impl Iterator<Item = String> {
    RELEASES.iter().flat_map(|release| MODES.iter().map(move |mode| format!("{release}/{mode}")))
}

fn bytes(name: &str) -> Vec<u8> {
    fs::read(path(&format!("{name}.trace"))).expect("the file is in testdata")
}

fn read_json<T: DeserializeOwned>(name: &str) -> T {
    let file = File::open(path(name)).expect("the file is in testdata");
    serde_json::from_reader(GzDecoder::new(file)).expect("JSON")
}

fn report_with(bytes: &[u8], options: AllocationOptions) -> AllocationsReport {
    let mut reader = Reader::from_slice(bytes).expect("a trace");
    let (report, error) = run(&mut reader, Allocations::new(options));
    assert!(error.is_none(), "{error:?}");
    report
}

fn report(name: &str) -> AllocationsReport {
    report_with(&bytes(name), AllocationOptions::default())
}

/// The counts of `oracle.py` for a trace.
#[derive(Deserialize)]
struct Counted {
    cycles: u32,
    other: BTreeMap<String, u64>,
    survivors: Vec<(u32, u64)>,
    rows: Vec<CountedRow>,
}

#[derive(Deserialize)]
struct CountedRow {
    #[serde(rename = "type")]
    ty: String,
    size: u64,
    /// −1 if no goroutine was running. Absent for objects that existed before the trace.
    goroutine: Option<i64>,
    #[serde(flatten)]
    counts: Counts,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
struct Counts {
    existing: u64,
    allocated: u64,
    freed: u64,
    live: u64,
    kept: u64,
    first: Option<i64>,
    last: Option<i64>,
}

impl Counts {
    fn add(&mut self, other: Counts) {
        self.existing += other.existing;
        self.allocated += other.allocated;
        self.freed += other.freed;
        self.live += other.live;
        self.kept += other.kept;
        self.first = self.first.into_iter().chain(other.first).min();
        self.last = self.last.max(other.last);
    }
}

type Table = BTreeMap<(String, u64, Option<u64>), Counts>;

fn objects(count: ObjectCount, size: u64) -> u64 {
    assert_eq!(count.bytes, count.objects * size);
    count.objects
}

fn table(report: &AllocationsReport) -> Table {
    let mut table = Table::new();
    for row in &report.rows {
        let count = |count| objects(count, row.size);
        let counts = Counts {
            existing: count(row.totals.existing),
            allocated: count(row.totals.allocated),
            freed: count(row.totals.freed),
            live: count(row.totals.live),
            kept: count(row.totals.kept),
            first: row.totals.first.map(|time| time.0),
            last: row.totals.last.map(|time| time.0),
        };
        let key = (report.types[row.ty].name.clone(), row.size, row.go.map(|go| go.0));
        table.entry(key).or_default().add(counts);
    }
    table
}

#[test]
fn counts_equal_those_of_the_oracle() {
    let oracle: BTreeMap<String, Counted> = read_json("oracle.json.gz");
    assert_eq!(oracle.len(), RELEASES.len() * MODES.len());
    for (file, counted) in oracle {
        let name = file.trim_end_matches(".trace");
        let report = report(name);
        let mut expected = Table::new();
        for row in counted.rows {
            let go = row.goroutine.and_then(|go| u64::try_from(go).ok());
            expected.entry((row.ty, row.size, go)).or_default().add(row.counts);
        }
        let found = table(&report);
        for (key, counts) in &expected {
            assert_eq!(found.get(key), Some(counts), "{name}: {key:?}");
        }
        assert_eq!(found.len(), expected.len(), "{name}");
        assert_eq!(report.cycles, counted.cycles, "{name}");
        let survivors: Vec<_> = report.survivors.iter().map(|it| (it.cycles, it.count.objects)).collect();
        assert_eq!(survivors, counted.survivors, "{name}");
        assert_eq!(report.ages.count(), survivors.iter().map(|(_, count)| count).sum::<u64>(), "{name}");
        let freed: u64 =
            report.rows.iter().filter(|row| row.totals.existing.objects == 0).map(|row| row.totals.freed.objects).sum();
        assert_eq!(report.lifetimes.count(), freed, "{name}");
        let spans = |of: fn(&PageSpans) -> u64| report.spans.iter().map(of).sum::<u64>();
        let stacks = |of: fn(&GoroutineStacks) -> u64| report.stacks.iter().map(of).sum::<u64>();
        for (what, found) in [
            ("Span", spans(|it| it.existing.spans)),
            ("SpanAlloc", spans(|it| it.allocated.spans)),
            ("SpanFree", spans(|it| it.freed.spans)),
            ("GoroutineStack", stacks(|it| it.existing)),
            ("GoroutineStackAlloc", stacks(|it| it.allocated)),
            ("GoroutineStackFree", stacks(|it| it.freed)),
            ("shared", report.shared),
        ] {
            assert_eq!(found, counted.other.get(what).copied().unwrap_or(0), "{name}: {what}");
        }
        let unknown = ["unknown spans freed", "unknown stacks freed"].map(|it| counted.other.get(it).copied());
        assert_eq!(report.unknown_frees, unknown.into_iter().flatten().sum::<u64>(), "{name}");
        assert_eq!((report.replaced, report.not_followed), (0, 0), "{name}");
    }
}

/// The counts of the traced program.
#[derive(Deserialize)]
struct Truth {
    collections: u32,
    goroutines: Vec<Goroutine>,
}

#[derive(Deserialize)]
struct Goroutine {
    id: u64,
    creator: u64,
    start: String,
    sessions: Objects,
    requests: Objects,
}

#[derive(Deserialize)]
struct Objects {
    allocated: u64,
    held: u64,
}

/// The task in which the program allocates.
fn task(bytes: &[u8], mode: &str) -> TaskId {
    let mut reader = Reader::from_slice(bytes).expect("a trace");
    while let Some(event) = reader.next_event().expect("a valid trace") {
        if let EventKind::TaskBegin(task) = event.kind()
            && task.name.to_str() == Some(mode)
        {
            return task.id;
        }
    }
    panic!("no task {mode}")
}

#[test]
fn goroutines_and_their_objects_equal_those_that_the_program_counted() {
    for name in traces() {
        let truth: Truth = read_json(&format!("{name}.json.gz"));
        let report = report(&name);
        assert_eq!(report.cycles, truth.collections, "{name}");
        let task = task(&bytes(&name), name.split('/').nth(1).expect("a mode"));
        assert!(!truth.goroutines.is_empty());
        for goroutine in truth.goroutines {
            let go = GoId(goroutine.id);
            let found = report.goroutine(go).expect("the goroutine allocated");
            assert_eq!((&found.start, found.creator), (&goroutine.start, Some(GoId(goroutine.creator))), "{name}");
            assert!(found.created.is_some_and(|at| at >= report.start));
            assert_eq!(found.ended.is_some(), goroutine.start != "main.listen", "{name}");
            for (ty, counted) in [("main.session", goroutine.sessions), ("main.request", goroutine.requests)] {
                let rows: Vec<_> = report.of_goroutine(go).filter(|row| report.types[row.ty].name == ty).collect();
                assert_eq!(rows.len(), usize::from(counted.allocated > 0), "{name}: {ty} of {go}");
                for row in rows {
                    let ObjectTotals { allocated, freed, live, first, last, .. } = row.totals;
                    assert_eq!((allocated.objects, live.objects), (counted.allocated, counted.held), "{name}: {ty}");
                    assert_eq!(allocated.objects - freed.objects, live.objects);
                    assert_eq!(row.task, Some(task), "{name}: {ty}");
                    assert!(first >= found.created && last >= first, "{name}: {ty}");
                    assert!(found.ended.is_none_or(|ended| last < Some(ended)), "{name}: {ty}");
                }
            }
        }
    }
}

#[test]
fn sources_of_leaks_are_suspicious_and_those_of_a_ring_buffer_are_not() {
    for name in traces() {
        let report = report(&name);
        let suspicious: Vec<_> = report.sources.iter().take_while(|source| source.is_suspicious()).collect();
        assert!(report.sources[suspicious.len()..].iter().all(|source| !source.is_suspicious()), "{name}");
        let sessions = |source: &&AllocationSource| report.types[source.ty].name == "main.session";
        let source = report.sources.iter().find(sessions).expect("all modes allocate sessions");
        let ObjectTotals { allocated, freed, live, kept, .. } = source.totals;
        let counts = [allocated, freed, live, kept].map(|count| count.objects);
        match name.split('/').nth(1) {
            Some("registry") => {
                assert_eq!(suspicious.len(), 1, "{name}");
                assert_eq!(
                    (&*source.start, source.goroutine_count, counts),
                    ("main.main.func1", 1, [1200, 0, 1200, 1200])
                );
                // One window contains all of it, with 200 objects between two GC cycles.
                let worst = source.worst.expect("a suspicious window");
                assert_eq!((source.suspicious_windows, worst.allocated, worst.freed), (1, 1200, 0), "{name}");
                assert_eq!(
                    (worst.start, worst.cycles, u32::try_from(worst.cycles)),
                    (report.start, 8, Ok(report.cycles))
                );
                assert!(source.is_steady && source.longest_run >= 199, "{name}: {}", source.longest_run);
                assert_eq!((source.allocated_of_all, source.freed_of_all), (1200, 0), "{name}");
                let frames: Vec<_> = report.source_stack(source).frames().map(|frame| frame.func.to_string()).collect();
                assert!(frames.ends_with(&["main.remember".into(), "main.main.func1".into()]), "{name}: {frames:?}");
                let requests = report.sources.iter().find(|source| report.types[source.ty].name == "main.request");
                let requests = requests.expect("the program allocates requests");
                assert_eq!(
                    (requests.suspicious_windows, requests.totals.freed.objects, requests.totals.kept.objects),
                    (0, 1200, 0),
                    "{name}"
                );
            }
            Some("ring") => {
                assert!(suspicious.is_empty(), "{name}: {suspicious:?}");
                // A hundred objects from before the trace were freed too. The last hundred are
                // kept.
                assert_eq!((counts, source.suspicious_windows), ([1200, 1100, 100, 100], 0), "{name}");
                assert_eq!((source.allocated_of_all, source.freed_of_all), (1200, 1200), "{name}");
                assert!(source.is_steady, "{name}: a steady source alone is not a leak");
            }
            _ => {
                assert!(suspicious.iter().any(|source| report.types[source.ty].name == "main.session"), "{name}");
                assert_eq!((&*source.start, source.goroutine_count, counts), ("main.listen", 600, [600, 0, 600, 600]));
                assert_eq!(source.goroutines.len(), 16, "{name}");
                assert!(source.goroutines.iter().all(|goroutine| goroutine.kept.objects == 1), "{name}");
                assert!(
                    suspicious.iter().all(|source| source.totals.allocated.objects == 600),
                    "{name}: {suspicious:?}"
                );
                let in_listen = |source: &&&AllocationSource| source.start == "main.listen";
                assert!(suspicious.iter().filter(in_listen).count() >= 1, "{name}");
            }
        }
    }
}

#[test]
fn options_change_the_thresholds_of_the_rules() {
    let bytes = bytes("go1.27/registry");
    let default = AllocationOptions::default();
    let source = |options| {
        let report = report_with(&bytes, options);
        let source = report.sources.iter().find(|source| report.types[source.ty].name == "main.session").cloned();
        source.expect("the program allocates sessions")
    };
    let seen = |options| {
        let source = source(options);
        (source.suspicious_windows, source.is_steady, source.is_suspicious())
    };
    assert_eq!(seen(default), (1, true, true));
    assert_eq!(seen(default.min_allocated(1199).run(1200)), (1, false, true));
    assert_eq!(seen(default.min_allocated(1200).run(1200)), (0, false, false));
    assert_eq!(seen(default.min_allocated(1200)), (0, true, true));
    assert_eq!(seen(default.max_freed(0).run(1200)), (0, false, false));
    assert_eq!(seen(default.gap(Duration::from_nanos(1))), (1, false, true));
    // An object has outlived a cycle only when the next cycle starts. The trace has eight cycles,
    // so an object can outlive at most seven.
    assert_eq!(seen(default.cycles(8)), (1, true, false));
    assert_eq!(source(default.cycles(7)).totals.kept.objects, 200, "the objects allocated before the first cycle");
    assert_eq!(seen(default.cycles(9)), (0, true, false));
    // A window of a microsecond contains too few objects.
    assert_eq!(seen(default.window(Duration::from_nanos(1000))), (0, true, true));
}

#[test]
fn groups_are_the_sums_of_rows() {
    for name in traces() {
        let report = report(&name);
        use AllocationBy::{Goroutine, SizeClass, Start, Task, Type};
        for by in [Type, SizeClass, Goroutine, Start, Task] {
            let groups = report.by(by);
            assert_eq!(groups.iter().map(|group| group.totals).sum::<ObjectTotals>(), report.totals(), "{name} {by:?}");
            assert!(groups.is_sorted_by(|a, b| a.totals.kept >= b.totals.kept), "{name} {by:?}");
        }
        let sessions = report.by(Type).into_iter().find(|group| group.name == "main.session").expect("a type");
        let class = report.by(SizeClass).into_iter().find(|group| group.name == "640 bytes").expect("a size");
        assert!(
            class.totals.allocated >= sessions.totals.allocated && sessions.totals.allocated.objects >= 600,
            "{name}"
        );
        let start = if name.ends_with("listeners") { "main.listen" } else { "main.main.func1" };
        let start = report.by(Start).into_iter().find(|group| group.name == start).expect("a function");
        assert!(start.totals.kept >= sessions.totals.kept && start.task.is_none(), "{name}");
        let task = report.by(Task).into_iter().find(|group| group.task.is_some()).expect("a task");
        assert!(task.totals.kept.objects >= sessions.totals.kept.objects, "{name}");
    }
}

/// Compares totals with the number of events in the text.
#[test]
fn every_event_of_the_experiment_is_counted() {
    for release in RELEASES {
        let sample = gotrace_tests::corpus::sample(&format!("{release}/allocfree"));
        let report = report_with(&sample.bytes(), AllocationOptions::default());
        let text = String::from_utf8(sample.golden("parsed")).expect("text");
        let count = |what: &str| text.lines().filter(|line| line.contains(what)).count() as u64;
        assert_eq!(report.events, count(" Experimental "), "{release}");
        let totals = report.totals();
        assert_eq!(totals.existing.objects, count("Name=HeapObject Args"), "{release}");
        assert_eq!(totals.allocated.objects + report.shared, count("Name=HeapObjectAlloc "), "{release}");
        assert_eq!(totals.freed.objects, count("Name=HeapObjectFree "), "{release}");
        // The program allocates ten of each. The GC runs after the last.
        for ty in ["main.point", "main.list"] {
            let group = report.by(AllocationBy::Type).into_iter().find(|group| group.name == ty).expect("a type");
            assert_eq!(group.totals.allocated.objects, 10, "{release} {ty}");
        }
    }
}

#[test]
fn live_objects_and_rows_are_limited() {
    let bytes = bytes("go1.27/registry");
    let default = AllocationOptions::default();
    let whole = report_with(&bytes, default);
    let few = report_with(&bytes, default.max_live(1000));
    let ObjectTotals { existing, allocated, freed, live, .. } = few.totals();
    assert!(few.not_followed > 0 && live.objects <= 1000);
    assert_eq!(live.objects, existing.objects + allocated.objects - freed.objects - few.not_followed);
    // An object beyond the limit has no known slot, so later objects in the slot count as allocated
    // instead of shared. The sum stays the same.
    let allocations = |report: &AllocationsReport| report.totals().allocated.objects + report.shared;
    assert_eq!(allocations(&few), allocations(&whole));
    let few = report_with(&bytes, default.max_rows(3));
    assert_eq!(few.rows.len(), 4, "three rows and one for all others");
    let other = few.rows.iter().find(|row| row.ty == 0 && row.size == 0).expect("a row for all others");
    assert!(other.totals.allocated.objects > 1200 && other.go.is_none() && other.class.is_none());
    assert_eq!(few.totals().live.objects, whole.totals().live.objects);
}

#[test]
fn a_trace_without_the_experiment_has_no_allocations() {
    let report = report_with(&gotrace_tests::corpus::sample("go1.27/gc").bytes(), AllocationOptions::default());
    assert_eq!((report.events, report.rows.len(), report.sources.len()), (0, 0, 0));
    assert!(report.cycles > 0 && report.info.is_none());
}
