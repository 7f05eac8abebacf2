//! The timeline is what a naive reading of `go tool trace -d=parsed` gives, on every trace of testdata.

mod corpus;
mod parsed;

use std::collections::BTreeMap;

use corpus::{OLD_RELEASES, RELEASES, Sample, samples};
use gotrace::timeline::{Goroutine, RuntimeWaker, StackTrace, Waker};
use gotrace::{GoId, GoState, Reader, Time, Timeline};
use parsed::Frame;
use parsed::lives::{Life, Span, WokenBy, naive, naive_totals};

fn frames(stack: Option<StackTrace<'_>>) -> Vec<Frame> {
    stack.into_iter().flat_map(|stack| stack.frames()).map(|frame| Frame::new(&frame)).collect()
}

fn woken_by(waker: &Waker<'_>) -> WokenBy {
    let stack = frames(waker.stack());
    match (waker.go(), waker.runtime()) {
        (Some(go), None) => WokenBy::Goroutine(go.0, stack),
        (None, Some(runtime)) => WokenBy::Runtime { sysmon: runtime == RuntimeWaker::Sysmon, stack },
        both => panic!("{both:?}"),
    }
}

/// The same from the timeline.
fn life(goroutine: Goroutine<'_>) -> Life {
    Life {
        created_at: goroutine.created_at().map(|time| time.0),
        created_by: goroutine.created_by().map(|go| go.0),
        creation_stack: frames(goroutine.creation_stack()),
        ended_at: goroutine.ended_at().map(|time| time.0),
        name: goroutine.name().to_string(),
        start_stack: frames(goroutine.start_stack()),
        spans: goroutine
            .spans()
            .map(|span| Span {
                state: span.state().to_string(),
                start: span.start().0,
                end: span.end().0,
                open: span.is_open(),
                reason: span.reason().to_string(),
                stack: frames(span.stack()),
                proc: span.proc().map(|id| id.0),
                thread: span.thread().map(|id| id.0),
                woken_by: span.woken_by().as_ref().map(woken_by),
            })
            .collect(),
    }
}

fn totals(goroutine: Goroutine<'_>, start: i64, end: i64) -> BTreeMap<String, i64> {
    let totals = goroutine.totals(Time(start)..Time(end));
    let waits = totals.waiting_by_reason().map(|(reason, time, _)| (format!("Waiting: {reason}"), time));
    let states = [("Running", totals.running()), ("Runnable", totals.runnable()), ("Syscall", totals.syscall())];
    let all = states.map(|(state, time)| (state.to_owned(), time)).into_iter().chain(waits);
    all.map(|(key, time)| (key, time.as_nanos() as i64)).filter(|(_, nanos)| *nanos > 0).collect()
}

/// The text of Go's tool. Of old traces it depends on the order of a map which of some events at the same time comes
/// first, so there it is our own text, which tests/v1.rs holds against Go's.
fn text(sample: &Sample) -> String {
    let mut text = sample.golden("parsed");
    if OLD_RELEASES.iter().any(|release| sample.name.starts_with(release)) {
        text.clear();
        let bytes = sample.bytes();
        let mut reader = Reader::from_slice(&bytes).expect("a trace");
        while let Some(event) = reader.next_event().expect("a whole trace") {
            event.write_text(&mut text).expect("memory does not fail");
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

fn check(sample: &Sample) -> usize {
    let name = &sample.name;
    let text = text(sample);
    let timeline = Timeline::from_slice(&sample.bytes()).expect("a trace");
    let lives = naive(&text);
    let known: Vec<u64> = timeline.goroutines().map(|goroutine| goroutine.id().0).collect();
    assert_eq!(known.len(), lives.len(), "{name}: goroutines");
    let (start, end) = (timeline.start().0, timeline.end().0);
    for (&id, expected) in &lives {
        let goroutine = timeline.goroutine(GoId(id)).unwrap_or_else(|| panic!("{name}: goroutine {id}"));
        let found = life(goroutine);
        for (ours, theirs) in found.spans.iter().zip(&expected.spans) {
            assert_eq!(ours, theirs, "{name}: goroutine {id}");
        }
        assert_eq!(found.spans.len(), expected.spans.len(), "{name}: goroutine {id}");
        assert_eq!(
            Life { spans: vec![], ..found },
            Life { spans: vec![], ..clone_without_spans(expected) },
            "{name}: {id}"
        );
        for (start, end) in [(start, end), (start + (end - start) / 3, start + (end - start) / 2)] {
            assert_eq!(totals(goroutine, start, end), naive_totals(expected, start, end), "{name}: goroutine {id}");
        }
        for span in &expected.spans {
            for time in [span.start, span.end - 1] {
                let at = goroutine.at(Time(time)).unwrap_or_else(|| panic!("{name}: goroutine {id} at {time}"));
                assert_eq!((at.start().0, at.end().0), (span.start, span.end), "{name}: goroutine {id} at {time}");
            }
        }
        if let Some(created) = expected.created_at {
            assert!(goroutine.at(Time(created - 1)).is_none());
        }
        if let Some(ended) = expected.ended_at {
            assert!(goroutine.at(Time(ended)).is_none());
        }
        assert!(goroutine.spans().all(|span| span.state() != GoState::NotExist));
    }
    lives.values().map(|life| life.spans.len()).sum()
}

fn clone_without_spans(life: &Life) -> Life {
    Life {
        created_at: life.created_at,
        created_by: life.created_by,
        creation_stack: life.creation_stack.clone(),
        ended_at: life.ended_at,
        name: life.name.clone(),
        start_stack: life.start_stack.clone(),
        spans: vec![],
    }
}

#[test]
fn goroutines_are_as_in_the_text_of_gos_tool() {
    let spans: usize = OLD_RELEASES.into_iter().chain(RELEASES).flat_map(samples).map(|sample| check(&sample)).sum();
    assert!(spans > 50_000, "{spans} spans: are there fewer traces than there were?");
}

#[test]
fn a_goroutine_never_seen_is_none() {
    let timeline = Timeline::from_slice(&corpus::sample("go1.26/channels").bytes()).expect("a trace");
    for id in [0, 1 << 20, u64::MAX] {
        assert!(timeline.goroutine(GoId(id)).is_none());
    }
}

/// After a gap nothing is known of a goroutine until the trace tells its state again.
#[test]
fn what_is_lost_is_not_made_up() {
    let sample = corpus::sample("go1.27/borders");
    let whole = Timeline::from_slice(&sample.bytes()).expect("a trace");
    assert_eq!((whole.gaps().len(), whole.lost().bytes), (0, 0));
    let mut damaged = 0;
    for part in 20..200 {
        let mut bytes = sample.bytes();
        let at = bytes.len() / 200 * part;
        bytes[at..at + 8].fill(0xff);
        let reader = Reader::builder().lenient().from_slice(&bytes).expect("a header");
        let timeline = Timeline::from_reader(reader).expect("lenient reading goes on");
        damaged += usize::from(timeline.gaps().len() > 0 && timeline.lost().bytes > 0);
        for gap in timeline.gaps() {
            for span in timeline.at(gap).goroutines() {
                assert_eq!(span.state(), GoState::Undetermined, "{span:?} at the gap {gap}, byte {at}");
                assert!(span.start() <= gap);
            }
        }
    }
    assert!(damaged > 20, "{damaged} of the damages leave a gap");
}
