//! Profiles in text form (`debug=1`).

use std::collections::BTreeMap;
use std::io::Read;

use flate2::read::GzDecoder;
use gotrace::pprof::{
    By, LabelValue, Place, PprofKind, Profile, ProfileError, ProfileErrorKind, ProfileLimits, Report, ValueType,
};

use gotrace_tests::profiles::{self as files, without_types};

fn open(text: &str) -> Profile<'_> {
    files::parse(text.as_bytes())
}

/// The flat and cumulative values of each function, except zeros and the functions that only one of the two forms has.
fn sums(profile: &Profile<'_>) -> BTreeMap<String, (Vec<i64>, Vec<i64>)> {
    // In stacks of goroutines, the functions of the runtime that wait are only in binary profiles.
    let stacks = matches!(profile.kind(), PprofKind::Goroutine | PprofKind::GoroutineLeak | PprofKind::ThreadCreate);
    let report = Report::new(profile, By::Function).expect("a valid profile");
    let rows = report.rows().filter(|row| {
        let hidden = if stacks { row.name().starts_with("runtime.") } else { row.name() == "runtime.goexit" };
        // In a binary profile of Go 1.21, `runtime.CallersFrames` hides the function into which it is inlined.
        let hidden = hidden || row.name().starts_with("runtime/pprof.");
        !hidden && row.cum.iter().any(|&value| value != 0)
    });
    let mut sums = BTreeMap::new();
    for row in rows {
        let (flat, cum) =
            sums.entry(without_types(row.name())).or_insert((vec![0; row.flat.len()], vec![0; row.cum.len()]));
        flat.iter_mut().zip(row.flat).for_each(|(sum, value)| *sum += value);
        cum.iter_mut().zip(row.cum).for_each(|(sum, value)| *sum += value);
    }
    sums
}

/// Both forms were written at the same moment.
#[test]
fn text_and_binary_profiles_have_the_same_values() {
    let mut compared = 0;
    for (name, text) in files::texts() {
        let binary = files::open(&text.with_file_name(name.rsplit('/').next().expect("a file").replace("txt", "pb")));
        let text = files::open(&text);
        let binary_kind = if name.contains("allocs") { PprofKind::Heap } else { binary.kind() };
        assert_eq!(text.kind(), binary_kind, "{name}: the text does not say that it is of allocs");
        let types = |profile: &Profile<'_>| profile.sample_types().map(|it| format!("{it:?}")).collect::<Vec<_>>();
        assert_eq!(types(&text), types(&binary), "{name}");
        assert_eq!((text.period(), text.period_type()), (binary.period(), binary.period_type()), "{name}");
        let total = |profile: &Profile<'_>| Report::new(profile, By::Function).expect("valid").total().to_vec();
        assert_eq!(total(&text), total(&binary), "{name}");
        assert_eq!(sums(&text), sums(&binary), "{name}");
        assert_eq!(text.time(), None, "{name}");
        compared += sums(&text).len();
    }
    assert!(compared > 300, "{compared} functions");
}

/// The frames of all samples: function, file, line, address, and whether the frame is inlined.
fn frames(profile: &Profile<'_>) -> Vec<Vec<String>> {
    let mut stacks = Vec::new();
    let mut samples = profile.samples();
    while let Some(sample) = samples.next_sample().expect("a valid profile") {
        let frames = sample.frames().map(|frame| {
            let inlined = if frame.inlined { " inlined" } else { "" };
            format!("{:x} {} {}:{}{inlined}", frame.address, frame.func, frame.file, frame.line)
        });
        stacks.push(frames.collect());
    }
    stacks
}

#[test]
fn names_and_lines_are_those_of_the_comments() {
    let profile = files::open(&files::text("go1.21/heap"));
    let first = frames(&profile).swap_remove(0);
    let expected = [
        "4b8f5e main.(*cache[...]).fill ./profiles.go:146",
        "4b766f main.main ./profiles.go:38",
        "43681a runtime.main runtime/proc.go:267",
        "4635a0 runtime.goexit :0",
    ];
    assert_eq!(first, expected);
}

#[test]
fn a_location_has_all_lines_that_were_inlined_there() {
    let text = "goroutine profile: total 3\r\n\
        2 @ 0x11 0x21 0x21 0x31 0x41 0x99\r\n\
        #\t0x20\tmain.a+0x1\t\t/src/a b.go:1\r\n\
        #\t0x20\tmain.a+0x1\t\t/src/a b.go:1\r\n\
        #\t0x30\tmain.inner+0x2\tC:/src/b.go:2\r\n\
        #\t0x30\tmain.outer+0x2\tC:/src/b.go:3\r\n\
        #   0x41   main.F[go.shape.struct { A int }]+0x0   c.go:4\r\n\r\n\
        1 @ 0x31 0x11 0x77\r\n\
        # a comment\r\n\
        #\t0x76\r\n";
    let inner = "30 main.inner C:/src/b.go:2 inlined";
    let outer = "30 main.outer C:/src/b.go:3";
    let a = "20 main.a /src/a b.go:1";
    let waits = "10 runtime.(unnamed) :0";
    let expected = [
        vec![waits, a, a, inner, outer, "40 main.F[go.shape.struct { A int }] c.go:4", "98 runtime.goexit :0"],
        vec![inner, outer, waits, "76  :0"],
    ];
    assert_eq!(frames(&open(text)), expected);
}

/// Returns the values of all samples.
fn values(profile: &Profile<'_>) -> Vec<Vec<i64>> {
    let mut values = Vec::new();
    let mut samples = profile.samples();
    while let Some(sample) = samples.next_sample().expect("a valid profile") {
        values.push(sample.values().to_vec());
    }
    values
}

/// The expected values are those of `go tool pprof -raw` of Go 1.27.3.
#[test]
fn sampled_values_are_scaled() {
    let heap = open("heap profile: 2: 100 [3: 150] @ heap/1048576\n1: 14336 [3: 43008] @ 0x1\n0: 0 [1: 7] @ 0x2\n");
    assert_eq!(values(&heap), [[111, 1_594_465, 37, 531_488], [74_898, 524_291, 0, 0]]);
    assert_eq!(heap.period(), 524_288);
    let every_object = open("heap profile: 2: 100 [3: 150] @ heap/2\n1: 14336 [3: 43008] @ 0x1\n");
    assert_eq!(values(&every_object), [[3, 43_008, 1, 14_336]]);
    let in_use = open("heap profile: 2: 100 [0: 0] @ heap/2\n1: 14336 [0: 0] @ 0x1\n");
    let types: Vec<ValueType<'_>> = in_use.sample_types().collect();
    assert_eq!(types, [ValueType::new("objects", "count"), ValueType::new("space", "bytes")]);
    assert_eq!(values(&in_use), [[1, 14_336]]);
    let mutex = open("--- mutex:\ncycles/second=2000000000\nsampling period=5\n1001 3 @ 0x1\n");
    assert_eq!(values(&mutex), [[15, 2502]]);
    assert_eq!((mutex.kind(), mutex.period()), (PprofKind::Contention, 5));
    let no_clock = open("--- contention:\nms since reset=1500\n7 1 @ 0x1\n---\n8 1 @ 0x1\n");
    assert_eq!((values(&no_clock), no_clock.duration().map(|it| it.as_millis())), (vec![vec![1, 7]], Some(1500)));
    let own = open("# by hand\n\nmain.connections profile: total 2\n2 @ 0x1\nMAPPED_LIBRARIES:\n0x1-0x2 r-xp\n");
    assert_eq!(
        (values(&own), own.sample_types().next()),
        (vec![vec![2]], Some(ValueType::new("main.connections", "count")))
    );
}

#[test]
fn labels_and_sizes_of_objects_are_kept() {
    let labels = |profile: &Profile<'_>| {
        let mut all = Vec::new();
        let mut samples = profile.samples();
        while let Some(sample) = samples.next_sample().expect("a valid profile") {
            let mut labels = sample.labels();
            while let Some(label) = labels.next_label().expect("a valid profile") {
                all.push(match label.value {
                    LabelValue::Text(value) => format!("{}={value}", label.key),
                    LabelValue::Number { value, .. } => format!("{}={value}", label.key),
                });
            }
        }
        all
    };
    assert_eq!(labels(&files::open(&files::text("go1.27/goroutine"))), ["kind=größer", "worker=7"]);
    let text = "heap profile: 2: 100 [3: 150] @ heap/2\n2: 96 [3: 144] @ 0x1\n0: 0 [2: 32] @ 0x1\n0: 0 [0: 0] @ 0x1\n";
    assert_eq!(labels(&open(text)), ["bytes=48", "bytes=16"]);
}

#[test]
fn a_heap_profile_has_the_memory_statistics_of_the_process() {
    for (name, path) in files::texts() {
        let profile = files::open(&path);
        let Some(stats) = profile.mem_stats() else {
            assert!(!name.contains("heap") && !name.contains("allocs"), "{name}");
            continue;
        };
        let parts = [
            stats.heap_sys,
            stats.stack_sys,
            stats.mspan_sys,
            stats.mcache_sys,
            stats.buck_hash_sys,
            stats.gc_sys,
            stats.other_sys,
        ];
        assert_eq!(stats.sys, parts.iter().sum::<u64>(), "{name}");
        assert_eq!(stats.heap_sys, stats.heap_idle + stats.heap_inuse, "{name}");
        assert_eq!(stats.heap_objects, stats.mallocs - stats.frees, "{name}");
        assert!(stats.stack_inuse <= stats.stack_sys && stats.stack_inuse > 0, "{name}");
        assert!(stats.alloc == stats.heap_alloc && stats.total_alloc >= stats.alloc, "{name}");
        assert_eq!(stats.pauses.len(), stats.num_gc as usize, "{name}");
        assert!(stats.pauses.iter().all(|pause| !pause.is_zero()), "{name}");
        assert!(stats.num_forced_gc >= 2 && stats.num_gc >= stats.num_forced_gc, "{name}");
        assert!(stats.gc_cpu_fraction > 0.0 && stats.gc_cpu_fraction < 1.0, "{name}");
        assert!(stats.last_gc.is_some() && stats.max_rss > Some(1 << 20), "{name}");
    }
}

fn error(text: &str, limits: &ProfileLimits) -> ProfileError {
    match Profile::from_slice_with(text.as_bytes(), limits) {
        Ok(_) => panic!("no error: {text:?}"),
        Err(error) => error,
    }
}

#[test]
fn a_malformed_line_is_an_error_with_its_number() {
    let heap = "heap profile: 1: 2 [3: 4] @ heap/2\n";
    let is_sample = "expected a sample of a heap profile, such as 1: 48 [2: 96] @ 0x4b8f5f, found";
    let is_count = "expected a number of stacks, such as 5 @ 0x436c8e 0x4062ed, found";
    for (text, message) in [
        (
            "heap profile: 1: 2 [3: x] @ heap/2\n",
            r#"expected heap profile: N: N [N: N] @ heap/N, found "heap profile: 1: 2 [3: x] @ heap/2" in line 1"#
                .to_owned(),
        ),
        (
            "\nheap profile: 1: 2 [3: 4] @ heap/x",
            r#"expected heap profile: N: N [N: N] @ heap/N, found "heap profile: 1: 2 [3: 4] @ heap/x" in line 2"#
                .to_owned(),
        ),
        (&format!("{heap}\n1: 2 [3: 4]\n"), format!("{is_sample} \"1: 2 [3: 4]\" in line 3")),
        (&format!("{heap}<html>\u{1b}\n"), format!("{is_sample} \"<html>\\u{{1b}}\" in line 2")),
        (
            &format!("{heap}0: 2 [3: 4] @ 0x1\n"),
            "expected 0 bytes for 0 objects, found \"0: 2 [3: 4] @ 0x1\" in line 2".to_owned(),
        ),
        (
            &format!("{heap}1: 2 [3: 4] @ 0x1 2\n"),
            "expected a return address, such as 0x4b8f5f, found \"1: 2 [3: 4] @ 0x1 2\" in line 2".to_owned(),
        ),
        ("goroutine profile: total 3\n# a\n1 0x1\n", format!("{is_count} \"1 0x1\" in line 3")),
        (
            "goroutine profile: total 3\n99999999999999999999 @ 0x1\n",
            format!("{is_count} \"99999999999999999999 @ 0x1\" in line 2"),
        ),
        ("--- mutex:\ncycles/second=x\n", "expected a number after =, found \"cycles/second=x\" in line 2".to_owned()),
        (
            "--- mutex:\nformat=x\n",
            "expected cycles/second= or sampling period=, found \"format=x\" in line 2".to_owned(),
        ),
        (
            "--- mutex:\n1 @ 0x1\n",
            "expected cycles and a number of events, such as 49667456 11 @ 0x468b85, found \"1 @ 0x1\" in line 2"
                .to_owned(),
        ),
    ] {
        let error = error(text, &ProfileLimits::default());
        assert!(matches!(error.kind, ProfileErrorKind::Text { .. }), "{error:?}");
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn limits_apply_to_text() {
    let text =
        "goroutine profile: total 3\n1 @ 0x1 0x2 0x3\n# 0x1 a+0x1 f.go:1\n# 0x1 b+0x1 f.go:1\n# 0x1 c+0x1 f.go:1\n";
    let limits = ProfileLimits::default();
    for (limits, what, line) in [
        (limits.stack(2), "locations in a stack", 2),
        (limits.lines(2), "lines in a location", 0),
        (limits.frames_per_byte(0), "frames in the stacks of a report", 1),
    ] {
        let error = error(text, &limits);
        assert!(matches!(error.kind, ProfileErrorKind::LimitExceeded { what: found, .. } if found == what), "{error}");
        assert_eq!(error.at, Place::Line(line), "{error}");
    }
    assert!(matches!(error(text, &limits.bytes(30)).kind, ProfileErrorKind::LimitExceeded { .. }));
}

#[test]
fn other_files_are_named() {
    for (text, message) in [
        (
            "<html><head><title>502 Bad Gateway",
            "this is an HTML page, not a profile that Go writes; it begins with \"<html><head><title>502 Bad Gateway\"",
        ),
        (
            "{\"kind\":\"Status\"}",
            "this is a JSON document, not a profile that Go writes; it begins with \"{\\\"kind\\\":\\\"Status\\\"}\"",
        ),
        (
            "404 page not found\n",
            "this is an error response (404 page not found), not a profile that Go writes; it begins with \"404 page not found\\n\"",
        ),
        (
            "--- contentionz 1 ---\ncycles/second = 1\n",
            "this is a profile in an old text form of C++ programs, not a profile that Go writes; it begins with \"--- contentionz 1 ---\\ncycles/second = 1\\n\"",
        ),
        (
            "heap profile: 1: 2 [1: 2] @ heap_v2/524288\n",
            "this is a profile in an old text form of C++ programs, not a profile that Go writes; it begins with \"heap profile: 1: 2 [1: 2] @ heap_v2/5242\"",
        ),
        (
            "\0\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x10",
            "this is a CPU profile in the old binary form of C++ programs, not a profile that Go writes",
        ),
    ] {
        let error = error(text, &ProfileLimits::default());
        assert!(matches!(error.kind, ProfileErrorKind::NotAProfile { .. }), "{error:?}");
        assert_eq!(error.to_string(), format!("{message} at byte 0 of the decompressed profile"));
    }
}

/// A text that is cut anywhere is read up to there, or is an error in its last line.
#[test]
fn a_cut_text_is_read_or_an_error_at_its_end() {
    let mut text = String::new();
    let file = std::fs::File::open(files::text("go1.27/heap")).expect("the file exists");
    GzDecoder::new(file).read_to_string(&mut text).expect("UTF-8 in gzip");
    let (mut read, mut malformed) = (0, 0);
    for end in (100..text.len()).step_by(23) {
        match Profile::from_slice(&text.as_bytes()[..end]) {
            Ok(_) => read += 1,
            Err(error) => {
                assert_eq!(error.at, Place::Line(text[..end].lines().count() as u64), "{error}");
                malformed += 1;
            }
        }
    }
    assert!(read > 500 && malformed > 20, "{read} read, {malformed} malformed");
}
