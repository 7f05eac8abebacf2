//! Captures of two real programs under load, Debian's prometheus and npm's esbuild
//! (`testdata/leaks/real`). The expected values are the output of Go's tools.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use gotrace::gctrace::Log;
use gotrace::pprof::{By, Profile, Report};
use gotrace::timeline::Timeline;
use gotrace::{EventKind, Metric, Reader, Version};
use gotrace_tests::corpus::testdata;

fn path(name: &str) -> PathBuf {
    testdata().join("leaks/real").join(name)
}

fn report(name: &str) -> Report {
    Report::new(&Profile::from_path(path(name)).expect("a profile"), By::Function).expect("a valid profile")
}

/// The flat values of the first rows of `go tool pprof -top`, and the total.
fn top(name: &str, sample: &str, count: usize) -> (i64, Vec<(i64, String)>) {
    let report = report(name);
    let index = report.sample_types().iter().position(|it| it.kind == sample).expect("the profile has the sample type");
    let rows = report.top(index).into_iter().take(count).map(|row| (row.flat[index], row.name().to_owned())).collect();
    (report.total()[index], rows)
}

fn rows(rows: &[(i64, &str)]) -> Vec<(i64, String)> {
    rows.iter().map(|&(value, name)| (value, name.to_owned())).collect()
}

#[test]
fn heap_profiles_equal_those_of_go_tool_pprof() {
    let stripes = (3_309_944, "github.com/prometheus/prometheus/tsdb.newStripeSeries");
    let regexp = (1_608_299, "regexp/syntax.(*compiler).inst");
    let pool = (566_314, "github.com/prometheus/prometheus/scrape.newScrapePool.func1");
    let deflate = (562_015, "compress/flate.(*compressor).initDeflate");
    let of = |n| top(&format!("prometheus/heap.{n}.pb.gz"), "inuse_space", 4);
    assert_eq!(of(1), (9_203_393, rows(&[stripes, regexp, pool, deflate])));
    assert_eq!(of(2), (9_727_729, rows(&[stripes, regexp, pool, deflate])));
    assert_eq!(of(3), (10_416_089, rows(&[stripes, regexp, (1_212_696, "runtime/trace.Start"), pool])));
    let esbuild = rows(&[
        (7_865_620, "github.com/evanw/esbuild/internal/js_parser.(*parser).pushScopeForParsePass"),
        (6_866_933, "github.com/evanw/esbuild/internal/graph.CloneLinkerGraph.func1"),
        (5_247_475, "github.com/evanw/esbuild/internal/js_parser.(*parser).declareSymbol"),
    ]);
    assert_eq!(top("esbuild/heap.1.pb.gz", "alloc_space", 3), (46_436_540, esbuild));
}

#[test]
fn goroutine_profiles_equal_those_of_go_tool_pprof() {
    for n in 1..=3 {
        let parked = (25, "runtime.gopark");
        let itself = (1, "runtime.goroutineProfileWithLabels");
        assert_eq!(top(&format!("prometheus/goroutine.{n}.pb.gz"), "goroutine", 2), (28, rows(&[parked, itself])));
    }
}

/// The version, the number of events of each kind as in `go tool trace -d=parsed`, and the last
/// heap size.
fn events(name: &str) -> (Version, BTreeMap<&'static str, u64>, u64) {
    let mut reader = Reader::from_path(path(name)).expect("a trace");
    let (mut kinds, mut heap) = (BTreeMap::new(), 0);
    while let Some(event) = reader.next_event().expect("a valid trace") {
        let kind = event.kind();
        *kinds.entry(kind.name()).or_default() += 1;
        if let EventKind::Metric(Metric::HeapObjects(bytes)) = kind {
            heap = bytes;
        }
    }
    (reader.version(), kinds, heap)
}

#[test]
fn numbers_of_events_equal_those_of_go_tool_trace() {
    let (version, kinds, heap) = events("prometheus/trace");
    let expected =
        [("Label", 4), ("Metric", 196), ("RangeBegin", 7), ("RangeEnd", 7), ("StateTransition", 2828), ("Sync", 2)];
    assert_eq!((version.to_string(), kinds, heap), ("go 1.19".into(), BTreeMap::from(expected), 11_485_936));
    let (version, kinds, heap) = events("esbuild/trace");
    let expected = [("Metric", 5704), ("RangeBegin", 1), ("RangeEnd", 1), ("StateTransition", 5754), ("Sync", 2)];
    assert_eq!((version.to_string(), kinds, heap), ("go 1.26".into(), BTreeMap::from(expected), 60_956_672));
}

#[test]
fn numbers_of_goroutines_and_gc_cycles_equal_those_of_go_tool_trace() {
    // The number of goroutines (those at the start plus those created in the trace), of goroutines
    // that exit, and of GC cycles.
    for (name, goroutines, ended, collections) in
        [("prometheus/trace", 34 + 53, 52, 1), ("esbuild/trace", 6 + 731, 727, 0)]
    {
        let timeline = Timeline::from_path(path(name)).expect("a trace");
        assert_eq!(timeline.goroutines().count(), goroutines, "{name}");
        assert_eq!(timeline.goroutines().filter(|goroutine| goroutine.ended_at().is_some()).count(), ended, "{name}");
        assert_eq!(timeline.gc_cycles().count(), collections, "{name}");
    }
}

#[test]
fn gc_log_cycles_equal_those_that_grep_counts() {
    let log = Log::from_path(path("prometheus/gctrace.log.gz")).expect("a log");
    assert_eq!((log.skipped.other, log.skipped.total()), (33, 33));
    let live: Vec<u64> = log.cycles.iter().map(|cycle| cycle.heap_live >> 20).collect();
    assert_eq!(live, [2, 2, 3, 6, 9, 8, 8, 9, 9, 10, 8, 9]);
    assert!(log.cycles.iter().all(|cycle| cycle.procs == 1 && !cycle.forced && cycle.globals.is_some()));
    assert_eq!(log.cycles.last().map(|cycle| (cycle.n, cycle.start)), Some((12, Duration::from_millis(47_585))));

    assert_eq!(fs::metadata(path("esbuild/gctrace.log.gz")).expect("the file is in testdata").len(), 20);
    let log = Log::from_path(path("esbuild/gctrace.log.gz")).expect("a log");
    assert_eq!(log, Log::default(), "esbuild runs without a GC");
}
