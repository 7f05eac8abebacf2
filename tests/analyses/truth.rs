//! The timeline, compared with what the traced program and its runtime measured.

use std::fs;
use std::time::Duration;

use gotrace::timeline::{RuntimeWaker, Span, StackTrace};
use gotrace::{GoState, Timeline};
use gotrace_tests::corpus::{Sample, sample};

fn timeline(sample: &Sample) -> Timeline {
    Timeline::from_slice(&sample.bytes()).expect("a trace")
}

/// A GC cycle as reported by a line of GODEBUG=gctrace=1 and `runtime.MemStats`.
#[derive(Debug)]
struct Collection {
    sweep_termination: Truncated,
    mark_termination: Truncated,
    /// Heap megabytes at the start, at the end of marking, and live.
    heap: [u64; 3],
    goal: u64,
    /// The sum of both pauses.
    pause: Duration,
}

/// The lowest and highest duration that the line can stand for: it shows two digits and truncates
/// the rest (Go `src/runtime/mgc.go`, `fmtNSAsMS`).
type Truncated = (Duration, Duration);

fn truncated(shown: &str) -> Truncated {
    let decimals = shown.split_once('.').map_or(0, |(_, decimals)| decimals.len() as i32);
    let millis: f64 = shown.parse().expect("a number");
    let of = |millis: f64| Duration::from_secs_f64(millis / 1e3);
    (of(millis), of(millis + 10f64.powi(-decimals)))
}

/// The GC cycles within the trace. The program printed a line `pause NUMBER NANOSECONDS` for each.
fn collections(log: &str) -> Vec<Collection> {
    let pauses = log.lines().filter_map(|line| line.strip_prefix("pause ")?.split_once(' '));
    pauses
        .map(|(number, nanos)| {
            let start = format!("gc {number} ");
            let line = log.lines().find(|line| line.starts_with(&start)).expect("each cycle has a line");
            // gc 3 @0.008s 6%: 0.16+0.73+0.014 ms clock, 0.33+0.53/0.001/0+0.029 ms cpu, 3->4->3
            // MB, 4 MB goal, …
            let before = |mark: &str| line.split(mark).next().and_then(|part| part.rsplit([' ']).next()).expect(mark);
            let clock: Vec<Truncated> = before(" ms clock").split('+').map(truncated).collect();
            let heap: Vec<u64> = before(" MB,").split("->").map(|mb| mb.parse().expect("a number")).collect();
            Collection {
                sweep_termination: clock[0],
                mark_termination: clock[2],
                heap: heap.try_into().expect("three sizes"),
                goal: before(" MB goal").parse().expect("a number"),
                pause: Duration::from_nanos(nanos.parse().expect("a number")),
            }
        })
        .collect()
}

/// Asserts that a duration is within 20 µs and a tenth of what the runtime measured.
fn assert_close(ours: Duration, (least, most): Truncated, what: &str) {
    let tolerance = |theirs: Duration| Duration::from_micros(20) + theirs / 10;
    let is_close = ours + tolerance(least) >= least && ours <= most + tolerance(most);
    assert!(is_close, "{what}: {ours:?}, but the runtime measured {least:?} to {most:?}");
}

#[test]
fn gc_cycles_equal_those_that_the_runtime_reports() {
    let mut compared = 0;
    for release in ["go1.24", "go1.25", "go1.26", "go1.27"] {
        let sample = sample(&format!("{release}/gctruth"));
        let log = fs::read_to_string(sample.path.with_extension("gctrace")).expect("the GC log is in testdata");
        let expected = collections(&log);
        let timeline = timeline(&sample);
        assert_eq!(timeline.gc_cycles().len(), expected.len(), "{release}");
        assert!(expected.len() > 3, "{release}");
        for (cycle, expected) in timeline.gc_cycles().zip(&expected) {
            let what = format!("{release}, collection {}", cycle.seq());
            assert_close(cycle.pause_time(), (expected.pause, expected.pause), &what);
            let reasons: Vec<_> = cycle.pauses().map(|pause| pause.reason().to_string()).collect();
            assert_eq!(reasons, ["GC sweep termination", "GC mark termination"], "{what}");
            let pauses: Vec<_> = cycle.pauses().map(|pause| pause.duration()).collect();
            assert_close(pauses[0], expected.sweep_termination, &what);
            assert_close(pauses[1], expected.mark_termination, &what);
            // The runtime truncates to megabytes.
            let megabytes = |bytes: Option<u64>| bytes.map(|bytes| bytes >> 20);
            let heap = [cycle.heap_start(), cycle.heap_end(), cycle.heap_live()].map(megabytes);
            assert_eq!(heap, expected.heap.map(Some), "{what}");
            match cycle.goal() {
                Some(goal) => assert_eq!(goal >> 20, expected.goal, "{what}"),
                // GOGC is off, so the line shows the largest integer in megabytes.
                None => assert!(expected.goal > 1 << 40, "{what}"),
            }
            assert!(!cycle.is_open() && !cycle.started_before_trace());
            compared += 1;
        }
        let whole: Duration = timeline.gc_cycles().map(|cycle| cycle.pause_time()).sum();
        let gc = timeline.pauses().filter(|pause| pause.reason().as_bytes().starts_with(b"GC"));
        assert_eq!(
            gc.map(|pause| pause.duration()).sum::<Duration>(),
            whole,
            "{release}: every pause belongs to a cycle"
        );
    }
    assert!(compared > 16);
}

/// A line of the program at which a goroutine waits, given by its comment, and what wakes the
/// goroutine.
#[derive(Clone, Copy, Debug)]
struct Rule {
    at: &'static str,
    reason: &'static str,
    by: By,
}

#[derive(Clone, Copy, Debug)]
enum By {
    /// Another goroutine, at the line with this comment.
    Line(&'static str),
    Timer,
}

const RULES: [Rule; 14] = [
    Rule { at: "ping sends", reason: "chan send", by: By::Line("pong receives") },
    Rule { at: "ping receives", reason: "chan receive", by: By::Line("pong sends") },
    Rule { at: "pong receives", reason: "chan receive", by: By::Line("ping sends") },
    Rule { at: "pong sends", reason: "chan send", by: By::Line("ping receives") },
    Rule { at: "first receives", reason: "chan receive", by: By::Line("second passes on") },
    Rule { at: "second passes on", reason: "chan receive", by: By::Line("third sends") },
    Rule { at: "second passes on", reason: "chan send", by: By::Line("first receives") },
    Rule { at: "third sleeps", reason: "sleep", by: By::Timer },
    Rule { at: "third sends", reason: "chan send", by: By::Line("second passes on") },
    Rule { at: "holder sleeps", reason: "sleep", by: By::Timer },
    Rule { at: "contender receives", reason: "chan receive", by: By::Line("holder closes") },
    Rule { at: "contender locks", reason: "sync", by: By::Line("holder unlocks") },
    Rule { at: "waiter waits", reason: "sync", by: By::Line("worker is done") },
    Rule { at: "worker sleeps", reason: "sleep", by: By::Timer },
];

/// The comment on the line of the innermost frame that is in pingpong.go.
fn comment<'a>(source: &'a str, stack: Option<StackTrace<'_>>) -> &'a str {
    let frame = stack.and_then(|stack| stack.frames().find(|frame| frame.file.as_bytes().ends_with(b"pingpong.go")));
    let line = frame.and_then(|frame| source.lines().nth(frame.line as usize - 1)).unwrap_or_default();
    line.split_once("// ").map_or("", |(_, comment)| comment)
}

#[test]
fn every_wait_ends_by_the_expected_goroutine_or_timer() {
    let source = fs::read_to_string(gotrace_tests::corpus::testdata().join("programs/pingpong.go"))
        .expect("the file is in testdata");
    for release in ["go1.21", "go1.22", "go1.23", "go1.24", "go1.25", "go1.26", "go1.27"] {
        let timeline = timeline(&sample(&format!("{release}/pingpong")));
        let mut seen = Vec::new();
        for wait in timeline.blocked() {
            let at = comment(&source, wait.stack());
            if at.is_empty() {
                continue;
            }
            let reason = wait.reason().to_string();
            let rule = RULES.iter().find(|rule| rule.at == at && rule.reason == reason);
            let rule = rule.unwrap_or_else(|| panic!("{release}: {wait:?} at {at:?} for {reason}"));
            let waker = wait.woken_by().unwrap_or_else(|| panic!("{release}: nothing woke {wait:?}"));
            match rule.by {
                By::Timer => assert_eq!(waker.runtime(), Some(RuntimeWaker::Timer), "{release}: {rule:?}"),
                By::Line(line) => {
                    assert_eq!(comment(&source, waker.stack()), line, "{release}: {rule:?}");
                    let go = waker.go().and_then(|go| timeline.goroutine(go)).expect("the waker is a goroutine");
                    let who = line.split(' ').next().expect("a name");
                    // The waker was running at that time.
                    let span = go.at(waker.at()).expect("the waker exists");
                    assert_eq!(span.state(), GoState::Running, "{release}: {rule:?}");
                    let own = go.spans().filter_map(|span| Some(comment(&source, Some(span.stack()?))));
                    assert!(own.into_iter().all(|at| at.is_empty() || at.starts_with(who)), "{release}: {rule:?}");
                }
            }
            assert_eq!(waker.at(), wait.end(), "{release}: {rule:?}");
            seen.push((rule.at, rule.reason));
        }
        for rule in
            ["third sleeps", "holder sleeps", "worker sleeps", "contender locks", "waiter waits", "first receives"]
        {
            assert!(seen.iter().any(|(at, _)| *at == rule), "{release}: no wait at {rule:?}");
        }
        let rounds = seen.iter().filter(|(at, _)| at.starts_with("ping") || at.starts_with("pong")).count();
        assert!(rounds >= 8, "{release}: {rounds}");
    }
}

/// Goroutine `first` waits for `second`, which waits for `third`, which sleeps.
#[test]
fn a_chain_of_waits_leads_to_its_root_cause() {
    let source = fs::read_to_string(gotrace_tests::corpus::testdata().join("programs/pingpong.go"))
        .expect("the file is in testdata");
    for release in ["go1.21", "go1.22", "go1.24", "go1.27"] {
        let timeline = timeline(&sample(&format!("{release}/pingpong")));
        let is_first = |wait: &Span<'_>| comment(&source, wait.stack()) == "first receives";
        let wait = timeline.blocked().into_iter().find(is_first).expect("goroutine first waits");
        let chain: Vec<_> = wait.chain().map(|wait| comment(&source, wait.stack())).collect();
        assert_eq!(chain, ["first receives", "second passes on", "third sleeps"], "{release}");
    }
}
