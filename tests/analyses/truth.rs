//! The timeline against what the traced program and its runtime say themselves.

use std::fs;
use std::time::Duration;

use gotrace::timeline::{RuntimeWaker, Span, StackTrace};
use gotrace::{GoState, Timeline};
use gotrace_tests::corpus::{Sample, sample};

fn timeline(sample: &Sample) -> Timeline {
    Timeline::from_slice(&sample.bytes()).expect("a trace")
}

/// A collection as a line of GODEBUG=gctrace=1 and `runtime.MemStats` tell it.
#[derive(Debug)]
struct Collection {
    sweep_termination: Cut,
    mark_termination: Cut,
    /// Megabytes as it began, as marking ended, and live; then the goal.
    heap: [u64; 3],
    goal: u64,
    /// Both pauses together.
    pause: Duration,
}

/// A time of which the line shows two digits and cuts off the rest (Go `src/runtime/mgc.go`, `fmtNSAsMS`): the least and the
/// most that it can have been.
type Cut = (Duration, Duration);

fn cut(shown: &str) -> Cut {
    let decimals = shown.split_once('.').map_or(0, |(_, decimals)| decimals.len() as i32);
    let millis: f64 = shown.parse().expect("a number");
    let of = |millis: f64| Duration::from_secs_f64(millis / 1e3);
    (of(millis), of(millis + 10f64.powi(-decimals)))
}

/// The collections within the trace: those for which there is a line `pause NUMBER NANOSECONDS`.
fn collections(account: &str) -> Vec<Collection> {
    let pauses = account.lines().filter_map(|line| line.strip_prefix("pause ")?.split_once(' '));
    pauses
        .map(|(number, nanos)| {
            let start = format!("gc {number} ");
            let line = account.lines().find(|line| line.starts_with(&start)).expect("each has its line");
            // gc 3 @0.008s 6%: 0.16+0.73+0.014 ms clock, 0.33+0.53/0.001/0+0.029 ms cpu, 3->4->3 MB, 4 MB goal, …
            let before = |mark: &str| line.split(mark).next().and_then(|part| part.rsplit([' ']).next()).expect(mark);
            let clock: Vec<Cut> = before(" ms clock").split('+').map(cut).collect();
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

/// Within 20 µs and a tenth of what the runtime says.
fn assert_close(ours: Duration, (least, most): Cut, what: &str) {
    let tolerance = |theirs: Duration| Duration::from_micros(20) + theirs / 10;
    let is_close = ours + tolerance(least) >= least && ours <= most + tolerance(most);
    assert!(is_close, "{what}: {ours:?}, and the runtime says {least:?} to {most:?}");
}

#[test]
fn collections_are_as_the_runtime_says() {
    let mut compared = 0;
    for release in ["go1.24", "go1.25", "go1.26", "go1.27"] {
        let sample = sample(&format!("{release}/gctruth"));
        let account = fs::read_to_string(sample.path.with_extension("gctrace")).expect("an account");
        let expected = collections(&account);
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
            // The runtime cuts to whole megabytes.
            let megabytes = |bytes: Option<u64>| bytes.map(|bytes| bytes >> 20);
            let heap = [cycle.heap_start(), cycle.heap_end(), cycle.heap_live()].map(megabytes);
            assert_eq!(heap, expected.heap.map(Some), "{what}");
            match cycle.goal() {
                Some(goal) => assert_eq!(goal >> 20, expected.goal, "{what}"),
                // GOGC was off; the line shows all bits set, cut down.
                None => assert!(expected.goal > 1 << 40, "{what}"),
            }
            assert!(!cycle.is_open() && !cycle.is_older());
            compared += 1;
        }
        let whole: Duration = timeline.gc_cycles().map(|cycle| cycle.pause_time()).sum();
        let gc = timeline.pauses().filter(|pause| pause.reason().as_bytes().starts_with(b"GC"));
        assert_eq!(gc.map(|pause| pause.duration()).sum::<Duration>(), whole, "{release}: every pause has its cycle");
    }
    assert!(compared > 16);
}

/// A source line of the program at which a goroutine of a function waits, and who wakes it.
#[derive(Clone, Copy, Debug)]
struct Rule {
    at: &'static str,
    reason: &'static str,
    by: By,
}

#[derive(Clone, Copy, Debug)]
enum By {
    /// A goroutine, at the line with this comment.
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

/// The comment at the line of the program that the innermost frame of the program stands at.
fn comment<'a>(source: &'a str, stack: Option<StackTrace<'_>>) -> &'a str {
    let frame = stack.and_then(|stack| stack.frames().find(|frame| frame.file.as_bytes().ends_with(b"pingpong.go")));
    let line = frame.and_then(|frame| source.lines().nth(frame.line as usize - 1)).unwrap_or_default();
    line.split_once("// ").map_or("", |(_, comment)| comment)
}

#[test]
fn every_wait_names_its_waker() {
    let source =
        fs::read_to_string(gotrace_tests::corpus::testdata().join("programs/pingpong.go")).expect("testdata is whole");
    for release in ["go1.21", "go1.22", "go1.23", "go1.24", "go1.25", "go1.26", "go1.27"] {
        let timeline = timeline(&sample(&format!("{release}/pingpong")));
        let mut met = Vec::new();
        for wait in timeline.blocked() {
            let at = comment(&source, wait.stack());
            if at.is_empty() {
                continue;
            }
            let reason = wait.reason().to_string();
            let rule = RULES.iter().find(|rule| rule.at == at && rule.reason == reason);
            let rule = rule.unwrap_or_else(|| panic!("{release}: {wait:?} at {at:?} for {reason}"));
            let waker = wait.woken_by().unwrap_or_else(|| panic!("{release}: nobody woke {wait:?}"));
            match rule.by {
                By::Timer => assert_eq!(waker.runtime(), Some(RuntimeWaker::Timer), "{release}: {rule:?}"),
                By::Line(line) => {
                    assert_eq!(comment(&source, waker.stack()), line, "{release}: {rule:?}");
                    let go = waker.go().and_then(|go| timeline.goroutine(go)).expect("a goroutine did");
                    let who = line.split(' ').next().expect("who it is");
                    // It was running there and then.
                    let span = go.at(waker.at()).expect("it is there");
                    assert_eq!(span.state(), GoState::Running, "{release}: {rule:?}");
                    let own = go.spans().filter_map(|span| Some(comment(&source, Some(span.stack()?))));
                    assert!(own.into_iter().all(|at| at.is_empty() || at.starts_with(who)), "{release}: {rule:?}");
                }
            }
            assert_eq!(waker.at(), wait.end(), "{release}: {rule:?}");
            met.push((rule.at, rule.reason));
        }
        for rule in
            ["third sleeps", "holder sleeps", "worker sleeps", "contender locks", "waiter waits", "first receives"]
        {
            assert!(met.iter().any(|(at, _)| *at == rule), "{release}: nothing waits where {rule}");
        }
        let rounds = met.iter().filter(|(at, _)| at.starts_with("ping") || at.starts_with("pong")).count();
        assert!(rounds >= 8, "{release}: {rounds}");
    }
}

/// First waits for second, which waits for third, which sleeps.
#[test]
fn chains_lead_to_the_one_who_held_all_up() {
    let source =
        fs::read_to_string(gotrace_tests::corpus::testdata().join("programs/pingpong.go")).expect("testdata is whole");
    for release in ["go1.21", "go1.22", "go1.24", "go1.27"] {
        let timeline = timeline(&sample(&format!("{release}/pingpong")));
        let is_first = |wait: &Span<'_>| comment(&source, wait.stack()) == "first receives";
        let wait = timeline.blocked().into_iter().find(is_first).expect("first waits");
        let chain: Vec<_> = wait.chain().map(|wait| comment(&source, wait.stack())).collect();
        assert_eq!(chain, ["first receives", "second passes on", "third sleeps"], "{release}");
    }
}
