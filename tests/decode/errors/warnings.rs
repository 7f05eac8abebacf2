//! Fault 25: misused regions and tasks of the traced program are warnings, not errors.

use gotrace::raw::{EventType, RawReader};
use gotrace::synth::{Batch, Generation, Trace};
use gotrace::{GoId, Location, OwnedFrame, Reader, ThreadId, Version, Warning, WarningKind, raw_v1};

use gotrace_tests::corpus::sample;
use gotrace_tests::pieces::Pieces;

use super::{FIRST, HEADER, RUNNING_LEN, at_event, read_valid, running};

/// The warnings of a valid trace, the same in each mode of reading, and their number.
fn warnings(bytes: &[u8]) -> (Vec<Warning>, u64) {
    read_valid(bytes);
    let pieces = Pieces::new(bytes, &[1]);
    let readers = [Reader::from_slice(bytes), Reader::from_reader(bytes), Reader::from_reader(pieces)];
    let [slice, whole, in_pieces] = readers.map(|reader| {
        let mut reader = reader.expect("a header");
        while reader.next_event().expect("a valid trace").is_some() {}
        let (warnings, count) = reader.warnings();
        (warnings.to_vec(), count)
    });
    assert_eq!(slice, whole);
    assert_eq!(slice, in_pieces);
    slice
}

/// A trace of [`running`] and the events that `fill` adds. Its arguments are the IDs of the strings
/// "a" and "b".
fn named(fill: impl FnOnce(Batch, u64, u64) -> Batch) -> Vec<u8> {
    let mut generation = Generation::new(1);
    let [a, b] = ["a", "b"].map(|name| generation.string(name).0);
    generation.batch(fill(running(), a, b));
    Trace::new(Version::Go126).generation(&generation).into_bytes()
}

/// The fields of a warning without its stack, since a test cannot build a `Warning`.
type Found = (WarningKind, Option<GoId>, Location);

/// The warnings of a synthetic trace, which has no stacks, and their number.
fn found(bytes: &[u8]) -> (Vec<Found>, u64) {
    let (warnings, count) = warnings(bytes);
    assert!(warnings.iter().all(|warning| warning.stack.is_empty()));
    (warnings.into_iter().map(|warning| (warning.kind, warning.go, warning.at)).collect(), count)
}

fn warning(kind: WarningKind, len: u64, event: u64) -> Found {
    (kind, Some(GoId(1)), at_event(FIRST + HEADER + RUNNING_LEN + len, event))
}

#[test]
fn regions_that_end_out_of_order_are_mismatched() {
    let begin = EventType::UserRegionBegin;
    let end = EventType::UserRegionEnd;
    let good = named(|batch, a, b| {
        let begun = batch.event(begin, &[1, 0, a, 0]).event(begin, &[1, 0, b, 0]);
        begun.event(end, &[1, 0, b, 0]).event(end, &[1, 0, a, 0])
    });
    assert_eq!(found(&good), (vec![], 0));

    let crossed = named(|batch, a, b| {
        let begun = batch.event(begin, &[1, 0, a, 0]).event(begin, &[1, 0, b, 0]);
        begun.event(end, &[1, 0, a, 0]).event(end, &[1, 0, b, 0])
    });
    // The first end is reported and closes the region that it names, so the second end matches.
    assert_eq!(found(&crossed), (vec![warning(WarningKind::RegionMismatch, 10, 5)], 1));

    for wrong in [|a, b| [5, a, b], |a, b| [0, b, a]] {
        let bytes = named(|batch, a, b| {
            let [task, name, _] = wrong(a, b);
            batch.event(begin, &[1, 0, a, 0]).event(end, &[1, task, name, 0])
        });
        assert_eq!(found(&bytes), (vec![warning(WarningKind::RegionMismatch, 5, 4)], 1));
    }
    assert_eq!(
        found(&named(|batch, a, _| batch.event(end, &[1, 0, a, 0]))),
        (vec![], 0),
        "the region started before the trace"
    );
}

#[test]
fn a_task_that_starts_twice_is_reported() {
    let begin = EventType::UserTaskBegin;
    let twice = named(|batch, a, b| batch.event(begin, &[1, 9, 0, a, 0]).event(begin, &[1, 9, 0, b, 0]));
    assert_eq!(found(&twice), (vec![warning(WarningKind::TaskRestarted, 6, 4)], 1));
    let again = named(|batch, a, b| {
        let ended = batch.event(begin, &[1, 9, 0, a, 0]).event(EventType::UserTaskEnd, &[1, 9, 0]);
        ended.event(begin, &[1, 9, 0, b, 0]).event(EventType::UserTaskEnd, &[1, 9, 0])
    });
    assert_eq!(found(&again), (vec![], 0));
    let unknown = named(|batch, _, _| batch.event(EventType::UserTaskEnd, &[1, 9, 0]));
    assert_eq!(found(&unknown), (vec![], 0), "the task started before the trace");
}

#[test]
fn the_first_1000_warnings_are_kept_and_all_are_counted() {
    let many =
        named(|batch, a, _| (0..1500).fold(batch, |batch, _| batch.event(EventType::UserTaskBegin, &[1, 9, 0, a, 0])));
    let (kept, count) = warnings(&many);
    assert_eq!((kept.len(), count), (1000, 1499));
    // The batch's size takes two bytes.
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
            "a task starts that has already started at byte {}, generation 1, M 7, after 4 events, goroutine 1",
            place(0)
        )
    );
}

/// A trace of `testdata/programs/annotations.go` in which the end of region `deep` names task 99
/// instead of task 3. The end of the region `prepare` around it then finds `deep` open. `ends`
/// returns the offset of the time of each region end. The task follows the time.
fn misused(name: &str, ends: impl Fn(&[u8]) -> Vec<usize>) -> Vec<u8> {
    let mut bytes = sample(name).bytes();
    let task_after = |time: usize| 1 + (time..).find(|&at| bytes[at] < 0x80).expect("a time ends");
    let tasks: Vec<usize> = ends(&bytes).into_iter().map(task_after).filter(|&at| bytes[at] == 3).collect();
    let [task] = tasks[..] else { panic!("one region of task 3: {tasks:?}") };
    bytes[task] = 99;
    bytes
}

/// The stacks of both warnings. The program counters are those in the golden file.
fn misused_at(pcs: [u64; 4]) -> [Vec<OwnedFrame>; 2] {
    let frame = |pc, func: &str, file: &str, line| OwnedFrame { pc, func: func.into(), file: file.into(), line };
    let [deep, with_region, nested, main] = pcs;
    let outer =
        [frame(nested, "main.nested", "./annotations.go", 45), frame(main, "main.main", "./annotations.go", 28)];
    let mut inner = vec![
        frame(deep, "main.nested.func1", "./annotations.go", 47),
        frame(with_region, "runtime/trace.WithRegion", "runtime/trace/annotation.go", 141),
    ];
    inner.extend_from_slice(&outer);
    [inner, outer.to_vec()]
}

fn assert_misused(bytes: &[u8], stacks: [Vec<OwnedFrame>; 2]) {
    for builder in [Reader::builder(), Reader::builder().lenient()] {
        let mut reader = builder.from_slice(bytes).expect("a header");
        while reader.next_event().expect("a warning is no error").is_some() {}
        let misused: Vec<_> = reader.warnings().0.iter().filter(|warning| warning.go == Some(GoId(1))).collect();
        assert!(misused.iter().all(|warning| warning.kind == WarningKind::RegionMismatch), "{misused:#?}");
        assert_eq!([&misused[0].stack, &misused[1].stack], [&stacks[0], &stacks[1]]);
        assert_eq!(misused.len(), 2);
        for (warning, place) in misused.iter().zip(["main.nested.func1", "main.nested"]) {
            let text = warning.to_string();
            assert!(text.ends_with(&format!(", goroutine 1, in {place}")) && !text.contains('\n'), "{text}");
        }
    }
}

#[test]
fn a_warning_has_the_stack_of_the_region_end() {
    let ends = |bytes: &[u8]| {
        let mut reader = RawReader::from_slice(bytes).expect("a header");
        let mut times = Vec::new();
        while let Some(batch) = reader.next_batch().expect("a complete trace") {
            let mut events = batch.events();
            while let Some(event) = events.next_event().expect("a complete trace") {
                let is_end = event.event() == EventType::UserRegionEnd;
                times.extend(is_end.then_some(event.offset() as usize + 1));
            }
        }
        times
    };
    let stacks = misused_at([0x4b5190, 0x4b2510, 0x4b50e8, 0x4b4f30]);
    assert_misused(&misused("go1.26/annotations", ends), stacks);

    let ends = |bytes: &[u8]| {
        let mut reader = raw_v1::RawReader::from_slice(bytes).expect("a header");
        let mut times = Vec::new();
        while let Some(record) = reader.next_record().expect("a complete trace") {
            let is_end = record.event() == raw_v1::EventType::UserRegion && record.values()[2] == 1;
            times.extend(is_end.then_some(record.offset() as usize + 2));
        }
        times
    };
    let stacks = misused_at([0x4902a4, 0x48f47c, 0x4901dd, 0x490017]);
    assert_misused(&misused("go1.21/annotations", ends), stacks);
}
