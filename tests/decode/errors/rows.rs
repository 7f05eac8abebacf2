//! One test for each row of `faults.md`: the error and place of strict reading, and what lenient reading delivers and counts as
//! lost. The other files of this folder test variations.

use gotrace::raw::{EventType, RawFrame};
use gotrace::synth::{Batch, Clock, CpuSample, Generation, Trace};
use gotrace::{
    ErrorKind, Flaw, GoId, Location, ProcId, Reader, Resource, StackId, StringId, StuckHead, Tally, ThreadId, Time,
    Version, WarningKind,
};

use super::lenient::{AFRESH, ON, assert_read, read as read_leniently};
use super::{
    FIRST, FIRST_122, HEADER, RUNNING, RUNNING_LEN, TABLE_HEADER, assert_fault, at, at_batch, at_event, at_generation,
    generation, read, running, sound, then, trace,
};

/// Nothing is lost.
const NONE: Tally = Tally { bytes: 0, batches: 0, generations: 0, events: 0 };

/// A faulty trace, and what is made of it.
struct Row<'a> {
    bytes: Vec<u8>,
    kind: &'a dyn Fn() -> ErrorKind,
    at: Location,
    /// The events before the error.
    strict: Vec<&'a str>,
    /// Those of lenient reading, which notes the same fault.
    lenient: Vec<&'a str>,
    lost: Tally,
}

#[track_caller]
fn assert_row(row: &Row<'_>) {
    assert_fault(&row.bytes, &row.strict, (row.kind)(), row.at);
    let lenient = assert_read(&row.bytes, &row.lenient, &[((row.kind)(), row.at)]);
    assert_eq!(lenient.lost, row.lost);
}

/// A file that is refused before anything is read, in both modes.
#[track_caller]
fn assert_refused(bytes: &[u8], kind: &ErrorKind) {
    for builder in [Reader::builder(), Reader::builder().lenient()] {
        let error = builder.from_slice(bytes).expect_err("it is refused");
        assert_eq!((format!("{:?}", error.kind), error.at), (format!("{kind:?}"), Location::default()));
    }
}

/// A trace of a generation with these batches and of a sound one.
fn two(version: Version, batches: impl IntoIterator<Item = Batch>) -> Vec<u8> {
    before_second(version, &generation(1, batches))
}

fn before_second(version: Version, first: &Generation) -> Vec<u8> {
    Trace::new(version).generation(first).generation(&generation(2, [running()])).into_bytes()
}

/// How long the second one is.
fn second_len(version: Version) -> u64 {
    Trace::new(version).generation(&generation(2, [running()])).into_bytes().len() as u64 - 16
}

fn on(thread: u64) -> Batch {
    Batch::new(ThreadId(thread), 200)
}

/// The first place behind [`running`]'s batch.
const BEHIND: u64 = FIRST + HEADER + RUNNING_LEN;

/// A fault of the event behind [`running`]'s, for which the rest of the generation is given up: `lost` of its bytes and
/// this event.
#[track_caller]
fn assert_given_up(event: Batch, lost: u64, kind: &dyn Fn() -> ErrorKind) {
    let place = at_event(BEHIND, 3);
    assert_row(&Row {
        bytes: two(Version::Go126, [event]),
        kind,
        at: place,
        strict: RUNNING.to_vec(),
        lenient: then(&RUNNING, &AFRESH),
        lost: Tally { bytes: lost, batches: 0, generations: 0, events: 1 },
    });
}

#[test]
fn row_01_empty_or_shorter_than_a_header() {
    assert_refused(b"", &ErrorKind::NotATrace { preview: String::new() });
    for len in 1..16 {
        assert_refused(&b"go 1.26 trace\0\0\0"[..len], &ErrorKind::TruncatedHeader { len });
    }
}

#[test]
fn row_02_unsupported_versions() {
    for name in ["go 1.99", "go 1.24", "go 1.5"] {
        let mut header = format!("{name} trace").into_bytes();
        header.resize(16, 0);
        assert_refused(&header, &ErrorKind::UnsupportedVersion { version: name.to_owned() });
    }
}

#[test]
fn row_03_a_header_alone() {
    for version in [Version::Go122, Version::Go126] {
        assert_row(&Row {
            bytes: Trace::new(version).into_bytes(),
            kind: &|| ErrorKind::EmptyTrace,
            at: at(16),
            strict: vec![],
            lenient: vec![],
            lost: NONE,
        });
    }
}

#[test]
fn row_04_text_instead_of_a_trace() {
    for (bytes, preview) in [
        (&b"404 page not found\n"[..], "404 page not fou"),
        (b"<!DOCTYPE html><html>", "<!DOCTYPE html><"),
        (b"HTTP/1.1 502 Bad Gateway", "HTTP/1.1 502 Bad"),
    ] {
        assert_refused(bytes, &ErrorKind::NotATrace { preview: preview.to_owned() });
    }
}

/// At every byte in `file`, `lenient` and `tests/decode/damage.rs`.
#[test]
fn row_05_a_cut() {
    let create = |go| [1, go, 0, 0];
    let batch = running().event(EventType::GoCreate, &create(2)).event(EventType::GoCreate, &create(3));
    let cut = (BEHIND + 5 + 3) as usize;
    assert_row(&Row {
        bytes: trace(Version::Go126, [batch])[..cut].to_vec(),
        kind: &|| ErrorKind::TruncatedBatch { missing: 2 },
        at: at_batch(cut as u64),
        strict: vec!["Sync"],
        lenient: then(&RUNNING, &["G2 NotExist->Runnable", "Gap", "Sync"]),
        lost: Tally { bytes: 3, ..NONE },
    });
    // Where the file may end there.
    for version in [Version::Go122, Version::Go123, Version::Go125] {
        let bytes = two(version, [running()]);
        let whole = &bytes[..bytes.len() - second_len(version) as usize];
        let mut reader = Reader::from_slice(whole).expect("a header");
        while reader.next_event().expect("it seems whole").is_some() {}
        let warnings: Vec<_> = reader.warnings().0.iter().map(|warning| (warning.kind, warning.at.offset)).collect();
        assert_eq!(warnings, [(WarningKind::UnprovenEnd, whole.len() as u64)]);
        assert_eq!(assert_read(whole, &then(&RUNNING, &["Sync"]), &[]).warnings, 1);
    }
}

#[test]
fn row_06_the_last_end_is_missing() {
    let bytes = Trace::new(Version::Go126).generation(generation(1, [running()]).without_end()).into_bytes();
    assert_row(&Row {
        at: at_generation(bytes.len() as u64, 1),
        bytes,
        kind: &|| ErrorKind::MissingEndOfGeneration,
        strict: vec!["Sync"],
        lenient: then(&RUNNING, &["Sync"]),
        lost: NONE,
    });
}

#[test]
fn row_07_tables_are_cut_off() {
    let mut first = Generation::new(1);
    let name = first.string("a name that is cut off").0;
    let stack = first.stack(&[RawFrame { pc: 5, func: name, file: name, line: 1 }]).0;
    first.batch(running().event(EventType::GoBlock, &[1, name, stack]));
    let bytes = Trace::new(Version::Go126).generation(&first).into_bytes();
    let cut = BEHIND + 4 + TABLE_HEADER + 3;
    assert_row(&Row {
        bytes: bytes[..cut as usize].to_vec(),
        // Eight bytes: the type, and a stack with its own and six numbers. Three are there.
        kind: &|| ErrorKind::TruncatedBatch { missing: 5 },
        at: at_generation(cut, 1),
        strict: vec!["Sync"],
        lenient: then(&RUNNING, &["G1 Running->Waiting", "Gap", "Sync"]),
        // What there is of the table was read.
        lost: NONE,
    });
}

/// Every byte of every small trace in `tests/decode/damage.rs`.
#[test]
fn row_08_changed_bytes() {
    let whole = two(Version::Go126, [running().event(EventType::HeapAlloc, &[1, 4096])]);
    let (mut refused, mut changed) = (0, 0);
    for at in 16..whole.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] ^= flip;
            let strict = read(&bytes);
            // Every byte is accounted for, in every mode of reading.
            let lenient = read_leniently(&bytes);
            match strict.error {
                Some(error) => {
                    assert!(error.at.offset <= bytes.len() as u64, "{error}");
                    assert!(!lenient.faults.is_empty(), "byte {at} ^ {flip:#x}: {error}");
                }
                None => assert_eq!(lenient.reading.events, strict.events, "byte {at} ^ {flip:#x}"),
            }
            refused += usize::from(!lenient.faults.is_empty());
            changed += 1;
        }
    }
    assert!(refused > changed / 2 && refused < changed, "{refused} of {changed} are noticed");
}

/// A head of M 7 that waits for goroutine 9.
fn waiting_for_9() -> ErrorKind {
    ErrorKind::StuckFrontier(vec![StuckHead {
        thread: Some(ThreadId(7)),
        proc: None,
        event: "GoStart",
        time: Time(103 * 64),
        offset: BEHIND,
        waits_for: "goroutine 9 to be Runnable (nothing is known of it)".to_owned(),
    }])
}

#[test]
fn row_09_a_batch_is_missing() {
    // The one in which goroutine 9 is created.
    assert_given_up(running().event(EventType::GoStart, &[1, 9, 1]), 4, &waiting_for_9);
}

#[test]
fn row_10_a_batch_stands_twice() {
    let heap = || on(7).event(EventType::HeapAlloc, &[1, 4096]);
    let len = HEADER + 1 + 1 + 2;
    assert_row(&Row {
        bytes: two(Version::Go126, [running(), heap(), heap()]),
        kind: &|| ErrorKind::DuplicateBatch,
        at: at_batch(BEHIND + len + 1),
        strict: vec!["Sync"],
        lenient: then(&then(&RUNNING, &["Metric"]), &ON),
        lost: Tally { bytes: len + 1, batches: 1, generations: 0, events: 1 },
    });
}

#[test]
fn row_11_batches_of_an_m_are_swapped() {
    let heap = on(7).event(EventType::HeapAlloc, &[1, 1]);
    assert_row(&Row {
        bytes: two(Version::Go126, [heap, running()]),
        kind: &|| ErrorKind::TimeRegression { last: 200, found: 100 },
        at: at_batch(FIRST + HEADER + 1 + 3),
        strict: vec!["Sync"],
        lenient: then(&then(&RUNNING, &["Metric"]), &ON),
        lost: NONE,
    });
}

#[test]
fn row_12_batches_of_different_ms_are_swapped() {
    let other = on(8).event(EventType::ProcStatus, &[1, 1, 2]);
    let [a, b] = [[running(), other.clone()], [other, running()]].map(|batches| trace(Version::Go126, batches));
    assert_ne!(a, b);
    assert_eq!(sound(&a), sound(&b));
    assert_eq!(sound(&a), assert_read(&b, &then(&RUNNING, &["P1 Undetermined->Idle", "Sync"]), &[]).reading.events);
}

#[test]
fn row_13_generations_back_again_and_skipped() {
    let copy = Tally { bytes: HEADER + RUNNING_LEN, batches: 1, generations: 1, events: 2 };
    for (last, found, lenient, lost) in
        [(5, 4, &AFRESH[..], NONE), (1, 1, &["Sync"], copy), (1, 3, &AFRESH, Tally { generations: 1, ..NONE })]
    {
        let first = generation(last, [running()]);
        let end = Trace::new(Version::Go126).generation(&first).into_bytes().len() as u64;
        let second = generation(found, [running()]);
        assert_row(&Row {
            bytes: Trace::new(Version::Go126).generation(&first).generation(&second).into_bytes(),
            kind: &|| ErrorKind::GenerationOutOfOrder { last, found },
            at: at_generation(end, found),
            strict: then(&RUNNING, &["Sync"]),
            lenient: then(&RUNNING, lenient),
            lost,
        });
    }
}

#[test]
fn row_14_generations_are_interleaved() {
    let stray = generation(2, [on(8).event(EventType::ProcStatus, &[1, 5, 2])]).clock(None).clone();
    let start = Trace::new(Version::Go126).generation(generation(1, [running()]).without_end()).into_bytes();
    let rest = generation(1, [on(7).event(EventType::GoStop, &[1, 0, 0])]).clock(None).clone();
    let bytes = Trace::new(Version::Go126).bytes(&start[16..]).generation(stray.clone().without_end());
    let bytes = bytes.generation(&rest).into_bytes();
    // One pass that does not look ahead misses the end; looking on, the generation goes on.
    let place = Location { thread: Some(ThreadId(8)), ..at_generation(start.len() as u64, 1) };
    assert_fault(&bytes, &["Sync"], ErrorKind::MissingEndOfGeneration, place);
    let fault = ErrorKind::InterleavedGenerations { current: 1, found: 2 };
    let events = then(&RUNNING, &["G1 Running->Runnable", "Sync"]);
    let lenient = assert_read(&bytes, &events, &[(fault, place)]);
    // A time of 200 takes a byte more.
    assert_eq!(lenient.lost, Tally { bytes: HEADER + 1 + 4, batches: 1, generations: 0, events: 1 });
}

#[test]
fn row_15_impossible_sizes_and_numbers() {
    for size in [65_537, 1 << 63] {
        let bytes = two(Version::Go126, [running(), on(7).event(EventType::GoStop, &[1, 0, 0]).claiming(size)]);
        let lost = bytes.len() as u64 - second_len(Version::Go126) - BEHIND;
        assert_row(&Row {
            bytes,
            kind: &|| ErrorKind::BatchTooLarge { size },
            // Behind type, generation, M and a time of two bytes.
            at: at_batch(BEHIND + 5),
            strict: vec!["Sync"],
            lenient: then(&RUNNING, &AFRESH),
            // How many batches it was is not known.
            lost: Tally { bytes: lost, ..NONE },
        });
    }
    let long = running().bytes(&[EventType::GoUnblock.code()]).bytes(&[0xff; 12]);
    let bytes = two(Version::Go126, [long]);
    assert_row(&Row {
        bytes,
        kind: &|| ErrorKind::VarintOverflow,
        at: at_event(BEHIND, 3),
        strict: RUNNING.to_vec(),
        lenient: then(&RUNNING, &AFRESH),
        lost: Tally { bytes: 13, ..NONE },
    });
}

#[test]
fn row_16_impossible_frequencies() {
    let skipped = |first: &Generation, flaw: Flaw, at: Location| {
        assert_row(&Row {
            bytes: before_second(Version::Go126, first),
            kind: &|| ErrorKind::BadFrequency(flaw),
            at,
            strict: vec!["Sync"],
            lenient: AFRESH.to_vec(),
            // Its tables were read.
            lost: Tally { bytes: HEADER + RUNNING_LEN, batches: 1, generations: 1, events: 2 },
        });
    };
    let mut first = generation(1, [running()]);
    for frequency in [0, u64::MAX] {
        first.clock(Some(Clock { frequency, time: 1, mono: 0, seconds: 0, nanos: 0 }));
        skipped(&first, Flaw::Invalid, at_generation(FIRST_122 + TABLE_HEADER + 1, 1));
    }
    first.clock(None);
    let end = Trace::new(Version::Go126).generation(&first).into_bytes().len() as u64;
    skipped(&first, Flaw::Missing, at_generation(end, 1));
    let clock = |units| Batch::new(None, 1).event(EventType::Frequency, &[units]);
    let mut first = generation(1, [clock(1000), running(), clock(2000), on(7)]);
    let bytes = before_second(Version::Go122, first.clock(None));
    let place = FIRST_122 + TABLE_HEADER + 3 + HEADER + RUNNING_LEN + TABLE_HEADER;
    assert_fault(&bytes, &["Sync"], ErrorKind::BadFrequency(Flaw::Repeated), at_generation(place, 1));
    let fault = (ErrorKind::BadFrequency(Flaw::Repeated), at_generation(place, 1));
    assert_eq!(assert_read(&bytes, &AFRESH, &[fault]).lost.generations, 1);
}

#[test]
fn row_17_times_that_overflow() {
    assert_given_up(running().event(EventType::HeapAlloc, &[u64::MAX, 1]), 12, &|| ErrorKind::TimestampOverflow);
    let late = Batch::new(ThreadId(8), u64::MAX).event(EventType::HeapAlloc, &[0, 1]);
    let bytes = two(Version::Go126, [running(), late]);
    assert_row(&Row {
        bytes,
        kind: &|| ErrorKind::TimestampOverflow,
        at: Location { thread: Some(ThreadId(8)), ..at_event(BEHIND, 0) },
        // The time of its first event is needed to begin.
        strict: vec![],
        lenient: AFRESH.to_vec(),
        lost: Tally { bytes: HEADER + RUNNING_LEN + 14 + 3, batches: 2, generations: 1, events: 3 },
    });
}

#[test]
fn row_18_unknown_and_structural_events() {
    let stop = || on(7).event(EventType::GoStop, &[1, 0, 0]);
    for code in [0, 60, 255] {
        let bytes = trace(Version::Go126, [running().bytes(&[code, 1, 1]), stop()]);
        assert_row(&Row {
            bytes,
            kind: &|| ErrorKind::UnknownEvent { code },
            at: at_event(BEHIND, 3),
            strict: RUNNING.to_vec(),
            lenient: then(&RUNNING, &["G1 Running->Runnable", "Sync"]),
            lost: Tally { bytes: 3, ..NONE },
        });
    }
    let strings = running().event(EventType::Strings, &[]).event(EventType::ProcStop, &[1]);
    assert_row(&Row {
        bytes: trace(Version::Go126, [strings]),
        kind: &|| ErrorKind::WrongContext { event: "Strings" },
        at: at_event(BEHIND, 3),
        strict: RUNNING.to_vec(),
        lenient: then(&RUNNING, &["Sync"]),
        lost: Tally { bytes: 3, ..NONE },
    });
}

#[test]
fn row_19_an_event_newer_than_the_trace() {
    let place = Location { offset: FIRST_122 + HEADER + RUNNING_LEN, ..at_event(0, 3) };
    assert_fault(
        &trace(Version::Go122, [running().event(EventType::GoCreateBlocked, &[1, 2, 0, 0])]),
        &RUNNING,
        ErrorKind::EventNotInVersion { event: "GoCreateBlocked", since: 23 },
        place,
    );
    // It has happened when it is noted, so it counts.
    let lenient = assert_read(
        &trace(Version::Go122, [running().event(EventType::GoCreateBlocked, &[1, 2, 0, 0])]),
        &then(&RUNNING, &["G2 NotExist->Waiting", "Sync"]),
        &[(ErrorKind::EventNotInVersion { event: "GoCreateBlocked", since: 23 }, Location { event: Some(3), ..place })],
    );
    assert_eq!(lenient.lost, NONE);
}

#[test]
fn row_20_statuses_that_there_are_not() {
    for (status, len) in [(0, 5), (5, 5), (257, 6), ((1 << 32) + 2, 9)] {
        let go = Resource::Goroutine(GoId(3));
        let event = running().event(EventType::GoStatus, &[1, 3, 7, status]);
        assert_given_up(event, len, &|| ErrorKind::InvalidStatus { resource: go, status });
        let proc = Resource::Proc(ProcId(3));
        let event = running().event(EventType::ProcStatus, &[1, 3, status]);
        assert_given_up(event, len - 1, &|| ErrorKind::InvalidStatus { resource: proc, status });
    }
}

#[test]
fn row_21_unknown_ids() {
    let row = |bytes, kind: &dyn Fn() -> ErrorKind, at, strict: &[&'static str], lenient: &[&'static str]| {
        let lenient = then(lenient, &["Sync"]);
        assert_row(&Row { bytes, kind, at, strict: strict.to_vec(), lenient, lost: NONE });
    };
    let stopped = then(&RUNNING, &["G1 Running->Runnable"]);
    let stop = |string, stack| trace(Version::Go126, [running().event(EventType::GoStop, &[1, string, stack])]);
    let string = || ErrorKind::UnknownString { id: StringId(77) };
    let stack = || ErrorKind::UnknownStack { id: StackId(77) };
    row(stop(77, 0), &string, at_event(BEHIND, 3), &RUNNING, &stopped);
    row(stop(0, 77), &stack, at_event(BEHIND, 3), &RUNNING, &stopped);

    let mut sampled = generation(1, [running()]);
    sampled.sample(CpuSample { time: 200, thread: 7, proc: 0, go: 1, stack: StackId(77) });
    let bytes = Trace::new(Version::Go126).generation(&sampled).into_bytes();
    row(bytes, &stack, at_event(BEHIND + TABLE_HEADER + 1, 3), &RUNNING, &then(&RUNNING, &["StackSample"]));

    let bytes = trace(Version::Go126, [running(), on(7).experiment(9).bytes(&[0])]);
    // Strict reading does not get as far as the M.
    let kind = || ErrorKind::UnknownExperiment { id: 9 };
    assert_fault(&bytes, &["Sync"], kind(), at_generation(BEHIND + 1, 1));
    let events = then(&RUNNING, &["Sync"]);
    assert_eq!(assert_read(&bytes, &events, &[(kind(), at_batch(BEHIND + 1))]).lost, NONE);
}

#[test]
fn row_22_ids_and_lengths_that_are_not_allowed() {
    let table = |entries: &[(u64, &[u8])]| {
        let table = Batch::new(None, 1).event(EventType::Strings, &[]);
        entries.iter().fold(table, |batch, &(id, text)| batch.data(EventType::String, &[id], text))
    };
    let row = |batch: Batch, pos: u64, kind: &dyn Fn() -> ErrorKind| {
        assert_row(&Row {
            bytes: trace(Version::Go126, [running(), batch]),
            kind,
            at: at_generation(BEHIND + TABLE_HEADER + pos, 1),
            strict: vec!["Sync"],
            lenient: then(&RUNNING, &["Sync"]),
            lost: NONE,
        });
    };
    row(table(&[(0, b"zero")]), 1, &|| ErrorKind::ZeroId { table: "string" });
    row(table(&[(1, b"a"), (1, b"b")]), 1 + 4, &|| ErrorKind::DuplicateId { table: "string", id: 1 });
    // A size of two bytes.
    row(table(&[(1, &[b'x'; 1025])]), 1 + 1, &|| ErrorKind::StringTooLong { len: 1025, max: 1024 });
    let frames = vec![0; 4 * 129];
    let deep =
        Batch::new(None, 1).event(EventType::Stacks, &[]).event(EventType::Stack, &[&[1, 129][..], &frames].concat());
    row(deep, 1 + 1, &|| ErrorKind::StackTooDeep { frames: 129, max: 128 });
}

#[test]
fn row_23_on_two_ms() {
    let other = on(8).event(EventType::ProcStatus, &[1, 0, 1]);
    assert_row(&Row {
        bytes: two(Version::Go126, [running(), other]),
        kind: &|| ErrorKind::DoubleBinding {
            resource: Resource::Proc(ProcId(0)),
            here: ThreadId(8),
            there: ThreadId(7),
        },
        at: Location { thread: Some(ThreadId(8)), ..at_event(BEHIND + HEADER + 1, 3) },
        strict: RUNNING.to_vec(),
        lenient: then(&RUNNING, &AFRESH),
        lost: Tally { bytes: 4, batches: 0, generations: 0, events: 1 },
    });
}

#[test]
fn row_24_sequences_and_unknown_goroutines() {
    assert_given_up(running().event(EventType::GoStart, &[1, 9, 1]), 4, &waiting_for_9);
    // The P is at hand: nothing to wait for.
    let proc = Resource::Proc(ProcId(0));
    let event = running().event(EventType::GoSyscallBegin, &[1, 9, 0]);
    assert_given_up(event, 4, &|| ErrorKind::BadSequence {
        event: "GoSyscallBegin",
        resource: proc,
        last: 0,
        found: 9,
    });
}

#[test]
fn row_25_annotations_misused() {
    let batch =
        running().event(EventType::UserRegionBegin, &[1, 0, 0, 0]).event(EventType::UserRegionEnd, &[1, 4, 0, 0]);
    let bytes = trace(Version::Go126, [batch]);
    let events = then(&RUNNING, &["RegionBegin", "RegionEnd", "Sync"]);
    assert_eq!(sound(&bytes), events);
    assert_eq!(assert_read(&bytes, &events, &[]).lost, NONE);
    for builder in [Reader::builder(), Reader::builder().lenient()] {
        let mut reader = builder.from_slice(&bytes).expect("a header");
        while reader.next_event().expect("a warning is no error").is_some() {}
        let [warning] = reader.warnings().0 else { panic!("one warning") };
        assert_eq!((warning.kind, warning.go), (WarningKind::RegionMismatch, Some(GoId(1))));
        assert_eq!(warning.at, at_event(BEHIND + 5, 4));
    }
}

#[test]
fn row_26_more_behind_the_trace() {
    let one = trace(Version::Go126, [running()]);
    for (tail, kind) in [
        (&one[..], &(|| ErrorKind::MultipleTraces) as &dyn Fn() -> ErrorKind),
        (b"\nok\n", &|| ErrorKind::TrailingData { found: b'\n' }),
    ] {
        let bytes = [&one[..], tail].concat();
        let place = at(one.len() as u64);
        let events = then(&RUNNING, &["Sync"]);
        assert_fault(&bytes, &events, kind(), place);
        let lenient = assert_read(&bytes, &events, &[(kind(), place)]);
        assert_eq!((lenient.lost, lenient.trailing), (NONE, tail.len() as u64));
    }
}

/// Within bounds or refused: the rest is in `tests/floods` and `tests/limits.rs`.
#[test]
fn row_27_floods() {
    let mut limits = gotrace::Limits::default();
    limits.threads = 9;
    let bytes = trace(Version::Go126, (0..10).map(on));
    for builder in [Reader::builder(), Reader::builder().lenient()] {
        let mut reader = builder.limits(limits).from_slice(&bytes).expect("a header");
        let error = loop {
            match reader.next_event() {
                Ok(event) => assert!(event.is_some(), "there are too many Ms"),
                Err(error) => break error,
            }
        };
        assert!(matches!(error.kind, ErrorKind::LimitExceeded { what: "threads in a generation", limit: 9 }));
        assert_eq!(error.at.offset, FIRST + 9 * (HEADER + 1));
        assert_eq!(error.at.generation, Some(1));
    }
}

// 28 and 29 are no traces: profiles are in `tests/profiles/pprof/broken.rs` (`row_28_hostile_profiles_exceed_limits`), GC logs in
// `tests/gctrace.rs` (`row_29_damage_is_noticed`).
