//! What the traced program gets wrong in its annotations does not stop the reading: fault 25.

use gotrace::raw::EventType;
use gotrace::synth::{Batch, Generation, Trace};
use gotrace::{GoId, Location, Reader, ThreadId, Version, Warning, WarningKind};

use super::{FIRST, HEADER, RUNNING_LEN, Trickle, at_event, running, sound};

/// The warnings of a trace that is sound, read in each mode, and how many there were.
fn warnings(bytes: &[u8]) -> (Vec<Warning>, u64) {
    sound(bytes);
    let trickle = Trickle { bytes, at_end: None, step: 1 };
    let readers = [Reader::from_slice(bytes), Reader::new(bytes), Reader::new(trickle)];
    let [slice, whole, trickled] = readers.map(|reader| {
        let mut reader = reader.expect("a header");
        while reader.next_event().expect("a sound trace").is_some() {}
        let (warnings, count) = reader.warnings();
        (warnings.to_vec(), count)
    });
    assert_eq!(slice, whole);
    assert_eq!(slice, trickled);
    slice
}

/// The trace of [`running`] and what is done with the names `a` and `b`.
fn named(fill: impl FnOnce(Batch, u64, u64) -> Batch) -> Vec<u8> {
    let mut generation = Generation::new(1);
    let [a, b] = ["a", "b"].map(|name| generation.string(name).0);
    generation.batch(fill(running(), a, b));
    Trace::new(Version::Go126).generation(&generation).into_bytes()
}

fn warning(kind: WarningKind, len: u64, event: u64) -> Warning {
    Warning { kind, go: Some(GoId(1)), at: at_event(FIRST + HEADER + RUNNING_LEN + len, event) }
}

#[test]
fn a_region_ends_inside_out() {
    let begin = EventType::UserRegionBegin;
    let end = EventType::UserRegionEnd;
    let good = named(|batch, a, b| {
        let begun = batch.event(begin, &[1, 0, a, 0]).event(begin, &[1, 0, b, 0]);
        begun.event(end, &[1, 0, b, 0]).event(end, &[1, 0, a, 0])
    });
    assert_eq!(warnings(&good), (vec![], 0));

    let crossed = named(|batch, a, b| {
        let begun = batch.event(begin, &[1, 0, a, 0]).event(begin, &[1, 0, b, 0]);
        begun.event(end, &[1, 0, a, 0]).event(end, &[1, 0, b, 0])
    });
    // The second end finds what the first has left.
    assert_eq!(warnings(&crossed), (vec![warning(WarningKind::RegionMismatch, 10, 5)], 1));

    for wrong in [|a, b| [5, a, b], |a, b| [0, b, a]] {
        let bytes = named(|batch, a, b| {
            let [task, name, _] = wrong(a, b);
            batch.event(begin, &[1, 0, a, 0]).event(end, &[1, task, name, 0])
        });
        assert_eq!(warnings(&bytes), (vec![warning(WarningKind::RegionMismatch, 5, 4)], 1));
    }
    assert_eq!(warnings(&named(|batch, a, _| batch.event(end, &[1, 0, a, 0]))), (vec![], 0), "before the trace");
}

#[test]
fn a_task_begins_once() {
    let begin = EventType::UserTaskBegin;
    let twice = named(|batch, a, b| batch.event(begin, &[1, 9, 0, a, 0]).event(begin, &[1, 9, 0, b, 0]));
    assert_eq!(warnings(&twice), (vec![warning(WarningKind::TaskRestarted, 6, 4)], 1));
    let again = named(|batch, a, b| {
        let ended = batch.event(begin, &[1, 9, 0, a, 0]).event(EventType::UserTaskEnd, &[1, 9, 0]);
        ended.event(begin, &[1, 9, 0, b, 0]).event(EventType::UserTaskEnd, &[1, 9, 0])
    });
    assert_eq!(warnings(&again), (vec![], 0));
    let unknown = named(|batch, _, _| batch.event(EventType::UserTaskEnd, &[1, 9, 0]));
    assert_eq!(warnings(&unknown), (vec![], 0), "it began before the trace");
}

#[test]
fn a_thousand_warnings_are_kept_and_all_counted() {
    let many =
        named(|batch, a, _| (0..1500).fold(batch, |batch, _| batch.event(EventType::UserTaskBegin, &[1, 9, 0, a, 0])));
    let (kept, count) = warnings(&many);
    assert_eq!((kept.len(), count), (1000, 1499));
    // The batch's size takes a byte more.
    let place = |i: u64| FIRST + HEADER + 1 + RUNNING_LEN + 6 * (i + 1);
    for (i, warning) in (0..).zip(&kept) {
        assert_eq!((warning.kind, warning.go), (WarningKind::TaskRestarted, Some(GoId(1))));
        let thread = Some(ThreadId(7));
        let expected = Location { offset: place(i), generation: Some(1), thread, event: Some(4 + i) };
        assert_eq!(warning.at, expected);
    }
    assert_eq!(
        kept[0].to_string(),
        format!(
            "a task begins that has begun already at byte {}, generation 1, M 7, after 4 events, goroutine 1",
            place(0)
        )
    );
}
