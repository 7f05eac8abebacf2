//! One test for each row of `faults.md`: the error and location of strict reading, the events of
//! lenient reading, and what it counts as lost. The other files of this folder test variations.

use gotrace::raw::{EventType, RawFrame};
use gotrace::synth::{Batch, Clock, CpuSample, Generation, Trace};
use gotrace::{
    ErrorKind, Flaw, GoId, Location, ProcId, Reader, Resource, StackId, StringId, StuckHead, Tally, ThreadId, Time,
    Version, WarningKind,
};

use super::lenient::{
    AFTER_GAP, CONTINUED, assert_read, before_second, read as read_leniently, second_len, with_second,
};
use super::{
    FIRST, FIRST_BEFORE_125, HEADER, NO_LOSS, RUNNING, RUNNING_LEN, TABLE_HEADER, assert_fault, at, at_batch, at_event,
    at_generation, generation, on, read, read_valid, running, then, trace,
};

/// A damaged trace, and the results of both ways of reading it.
struct Row<'a> {
    bytes: Vec<u8>,
    kind: &'a dyn Fn() -> ErrorKind,
    at: Location,
    /// The events that strict reading yields before the error.
    strict: Vec<&'a str>,
    /// The events of lenient reading, which reports the same fault.
    lenient: Vec<&'a str>,
    lost: Tally,
}

#[track_caller]
fn assert_row(row: &Row<'_>) {
    assert_fault(&row.bytes, &row.strict, (row.kind)(), row.at);
    let lenient = assert_read(&row.bytes, &row.lenient, &[((row.kind)(), row.at)]);
    assert_eq!(lenient.lost, row.lost);
}

/// Asserts that both strict and lenient reading refuse a file because of its header.
#[track_caller]
fn assert_refused(bytes: &[u8], kind: &ErrorKind) {
    for builder in [Reader::builder(), Reader::builder().lenient()] {
        let error = builder.from_slice(bytes).expect_err("the header is refused");
        assert_eq!((format!("{:?}", error.kind), error.at), (format!("{kind:?}"), Location::default()));
    }
}

/// The offset after the batch of [`running`].
const AFTER_RUNNING: u64 = FIRST + HEADER + RUNNING_LEN;

/// Asserts that an event after those of [`running`] is an error, and that lenient reading loses
/// this event and `lost` bytes.
#[track_caller]
fn assert_rest_is_lost(event: Batch, lost: u64, kind: &dyn Fn() -> ErrorKind) {
    let location = at_event(AFTER_RUNNING, 3);
    assert_row(&Row {
        bytes: with_second(Version::Go126, [event]),
        kind,
        at: location,
        strict: RUNNING.to_vec(),
        lenient: then(&RUNNING, &AFTER_GAP),
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
            lost: NO_LOSS,
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

/// Tests that cut at every byte are in `file.rs`, `lenient.rs` and `tests/decode/damage.rs`.
#[test]
fn row_05_a_truncated_file() {
    let create = |go| [1, go, 0, 0];
    let batch = running().event(EventType::GoCreate, &create(2)).event(EventType::GoCreate, &create(3));
    let cut = (AFTER_RUNNING + 5 + 3) as usize;
    assert_row(&Row {
        bytes: trace(Version::Go126, [batch])[..cut].to_vec(),
        kind: &|| ErrorKind::TruncatedBatch { missing: 2 },
        at: at_batch(cut as u64),
        strict: vec!["Sync"],
        lenient: then(&RUNNING, &["G2 NotExist->Runnable", "Gap", "Sync"]),
        lost: Tally { bytes: 3, ..NO_LOSS },
    });
    // Before Go 1.26 a file may end between generations.
    for version in [Version::Go122, Version::Go123, Version::Go125] {
        let bytes = with_second(version, [running()]);
        let whole = &bytes[..bytes.len() - second_len(version) as usize];
        let mut reader = Reader::from_slice(whole).expect("a header");
        while reader.next_event().expect("it looks complete").is_some() {}
        let warnings: Vec<_> = reader.warnings().0.iter().map(|warning| (warning.kind, warning.at.offset)).collect();
        assert_eq!(warnings, [(WarningKind::UnprovenEnd, whole.len() as u64)]);
        assert_eq!(assert_read(whole, &then(&RUNNING, &["Sync"]), &[]).warnings, 1);
    }
}

#[test]
fn row_06_the_last_end_of_generation_is_missing() {
    let bytes = Trace::new(Version::Go126).generation(generation(1, [running()]).without_end()).into_bytes();
    assert_row(&Row {
        at: at_generation(bytes.len() as u64, 1),
        bytes,
        kind: &|| ErrorKind::MissingEndOfGeneration,
        strict: vec!["Sync"],
        lenient: then(&RUNNING, &["Sync"]),
        lost: NO_LOSS,
    });
}

#[test]
fn row_07_tables_are_cut_off() {
    let mut first = Generation::new(1);
    let name = first.string("a name that is cut off").0;
    let stack = first.stack(&[RawFrame { pc: 5, func: name, file: name, line: 1 }]).0;
    first.batch(running().event(EventType::GoBlock, &[1, name, stack]));
    let bytes = Trace::new(Version::Go126).generation(&first).into_bytes();
    let cut = AFTER_RUNNING + 4 + TABLE_HEADER + 3;
    assert_row(&Row {
        bytes: bytes[..cut as usize].to_vec(),
        // The batch has eight bytes: the type of the table, and a stack record of seven. Three are
        // there.
        kind: &|| ErrorKind::TruncatedBatch { missing: 5 },
        at: at_generation(cut, 1),
        strict: vec!["Sync"],
        lenient: then(&RUNNING, &["G1 Running->Waiting", "Gap", "Sync"]),
        // The cut batch holds only a table, so no events are lost.
        lost: NO_LOSS,
    });
}

/// `tests/decode/damage.rs` changes every byte of real traces.
#[test]
fn row_08_changed_bytes() {
    let whole = with_second(Version::Go126, [running().event(EventType::HeapAlloc, &[1, 4096])]);
    let (mut refused, mut changed) = (0, 0);
    for at in 16..whole.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] ^= flip;
            let strict = read(&bytes);
            // This also checks the byte counts, in every mode of reading.
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
    assert!(refused > changed / 2 && refused < changed, "{refused} of {changed} changes are detected");
}

/// The error of thread 7 waiting for goroutine 9.
fn waiting_for_9() -> ErrorKind {
    ErrorKind::StuckFrontier(vec![StuckHead {
        thread: Some(ThreadId(7)),
        proc: None,
        event: "GoStart",
        time: Time(103 * 64),
        offset: AFTER_RUNNING,
        waits_for: "goroutine 9 to be Runnable (not seen yet)".to_owned(),
    }])
}

#[test]
fn row_09_a_batch_is_missing() {
    // The batch with the creation of goroutine 9 is missing.
    assert_rest_is_lost(running().event(EventType::GoStart, &[1, 9, 1]), 4, &waiting_for_9);
}

#[test]
fn row_10_a_repeated_batch() {
    let heap = || on(7).event(EventType::HeapAlloc, &[1, 4096]);
    let len = HEADER + 1 + 1 + 2;
    assert_row(&Row {
        bytes: with_second(Version::Go126, [running(), heap(), heap()]),
        kind: &|| ErrorKind::DuplicateBatch,
        at: at_batch(AFTER_RUNNING + len + 1),
        strict: vec!["Sync"],
        lenient: then(&then(&RUNNING, &["Metric"]), &CONTINUED),
        lost: Tally { bytes: len + 1, batches: 1, generations: 0, events: 1 },
    });
}

#[test]
fn row_11_batches_of_one_thread_are_swapped() {
    let heap = on(7).event(EventType::HeapAlloc, &[1, 1]);
    assert_row(&Row {
        bytes: with_second(Version::Go126, [heap, running()]),
        kind: &|| ErrorKind::TimeRegression { last: 200, found: 100 },
        at: at_batch(FIRST + HEADER + 1 + 3),
        strict: vec!["Sync"],
        lenient: then(&then(&RUNNING, &["Metric"]), &CONTINUED),
        lost: NO_LOSS,
    });
}

#[test]
fn row_12_batches_of_different_threads_are_swapped() {
    let other = on(8).event(EventType::ProcStatus, &[1, 1, 2]);
    let [a, b] = [[running(), other.clone()], [other, running()]].map(|batches| trace(Version::Go126, batches));
    assert_ne!(a, b);
    assert_eq!(read_valid(&a), read_valid(&b));
    assert_eq!(
        read_valid(&a),
        assert_read(&b, &then(&RUNNING, &["P1 Undetermined->Idle", "Sync"]), &[]).reading.events
    );
}

#[test]
fn row_13_generations_out_of_order_repeated_and_skipped() {
    let copy = Tally { bytes: HEADER + RUNNING_LEN, batches: 1, generations: 1, events: 2 };
    for (last, found, lenient, lost) in [
        (5, 4, &AFTER_GAP[..], NO_LOSS),
        (1, 1, &["Sync"], copy),
        (1, 3, &AFTER_GAP, Tally { generations: 1, ..NO_LOSS }),
    ] {
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
    // Strict reading does not look ahead, so it misses the end. Lenient reading sees that
    // generation 1 continues.
    let location = Location { thread: Some(ThreadId(8)), ..at_generation(start.len() as u64, 1) };
    assert_fault(&bytes, &["Sync"], ErrorKind::MissingEndOfGeneration, location);
    let fault = ErrorKind::InterleavedGenerations { current: 1, found: 2 };
    let events = then(&RUNNING, &["G1 Running->Runnable", "Sync"]);
    let lenient = assert_read(&bytes, &events, &[(fault, location)]);
    // The time 200 takes two bytes.
    assert_eq!(lenient.lost, Tally { bytes: HEADER + 1 + 4, batches: 1, generations: 0, events: 1 });
}

#[test]
fn row_15_impossible_sizes_and_numbers() {
    for size in [65_537, 1 << 63] {
        let bytes = with_second(Version::Go126, [running(), on(7).event(EventType::GoStop, &[1, 0, 0]).claiming(size)]);
        let lost = bytes.len() as u64 - second_len(Version::Go126) - AFTER_RUNNING;
        assert_row(&Row {
            bytes,
            kind: &|| ErrorKind::BatchTooLarge { size },
            // After type, generation, thread, and a time of two bytes.
            at: at_batch(AFTER_RUNNING + 5),
            strict: vec!["Sync"],
            lenient: then(&RUNNING, &AFTER_GAP),
            // The number of lost batches is unknown.
            lost: Tally { bytes: lost, ..NO_LOSS },
        });
    }
    let long = running().bytes(&[EventType::GoUnblock.code()]).bytes(&[0xff; 12]);
    let bytes = with_second(Version::Go126, [long]);
    assert_row(&Row {
        bytes,
        kind: &|| ErrorKind::VarintOverflow,
        at: at_event(AFTER_RUNNING, 3),
        strict: RUNNING.to_vec(),
        lenient: then(&RUNNING, &AFTER_GAP),
        lost: Tally { bytes: 13, ..NO_LOSS },
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
            lenient: AFTER_GAP.to_vec(),
            // Its tables were read, so they are not lost.
            lost: Tally { bytes: HEADER + RUNNING_LEN, batches: 1, generations: 1, events: 2 },
        });
    };
    let mut first = generation(1, [running()]);
    for frequency in [0, u64::MAX] {
        first.clock(Some(Clock { frequency, time: 1, mono: 0, seconds: 0, nanos: 0 }));
        skipped(&first, Flaw::Invalid, at_generation(FIRST_BEFORE_125 + TABLE_HEADER + 1, 1));
    }
    first.clock(None);
    let end = Trace::new(Version::Go126).generation(&first).into_bytes().len() as u64;
    skipped(&first, Flaw::Missing, at_generation(end, 1));
    let clock = |units| Batch::new(None, 1).event(EventType::Frequency, &[units]);
    let mut first = generation(1, [clock(1000), running(), clock(2000), on(7)]);
    let bytes = before_second(Version::Go122, first.clock(None));
    let location = FIRST_BEFORE_125 + TABLE_HEADER + 3 + HEADER + RUNNING_LEN + TABLE_HEADER;
    assert_fault(&bytes, &["Sync"], ErrorKind::BadFrequency(Flaw::Repeated), at_generation(location, 1));
    let fault = (ErrorKind::BadFrequency(Flaw::Repeated), at_generation(location, 1));
    assert_eq!(assert_read(&bytes, &AFTER_GAP, &[fault]).lost.generations, 1);
}

#[test]
fn row_17_times_that_overflow() {
    assert_rest_is_lost(running().event(EventType::HeapAlloc, &[u64::MAX, 1]), 12, &|| ErrorKind::TimestampOverflow);
    let late = Batch::new(ThreadId(8), u64::MAX).event(EventType::HeapAlloc, &[0, 1]);
    let bytes = with_second(Version::Go126, [running(), late]);
    assert_row(&Row {
        bytes,
        kind: &|| ErrorKind::TimestampOverflow,
        at: Location { thread: Some(ThreadId(8)), ..at_event(AFTER_RUNNING, 0) },
        // The time of the first event of each batch is needed before any event is delivered.
        strict: vec![],
        lenient: AFTER_GAP.to_vec(),
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
            at: at_event(AFTER_RUNNING, 3),
            strict: RUNNING.to_vec(),
            lenient: then(&RUNNING, &["G1 Running->Runnable", "Sync"]),
            lost: Tally { bytes: 3, ..NO_LOSS },
        });
    }
    let strings = running().event(EventType::Strings, &[]).event(EventType::ProcStop, &[1]);
    assert_row(&Row {
        bytes: trace(Version::Go126, [strings]),
        kind: &|| ErrorKind::WrongContext { event: "Strings" },
        at: at_event(AFTER_RUNNING, 3),
        strict: RUNNING.to_vec(),
        lenient: then(&RUNNING, &["Sync"]),
        lost: Tally { bytes: 3, ..NO_LOSS },
    });
}

#[test]
fn row_19_an_event_newer_than_the_trace() {
    let location = Location { offset: FIRST_BEFORE_125 + HEADER + RUNNING_LEN, ..at_event(0, 3) };
    assert_fault(
        &trace(Version::Go122, [running().event(EventType::GoCreateBlocked, &[1, 2, 0, 0])]),
        &RUNNING,
        ErrorKind::EventNotInVersion { event: "GoCreateBlocked", since: 23 },
        location,
    );
    // Lenient reading delivers the event and then reports it, so the event is counted.
    let lenient = assert_read(
        &trace(Version::Go122, [running().event(EventType::GoCreateBlocked, &[1, 2, 0, 0])]),
        &then(&RUNNING, &["G2 NotExist->Waiting", "Sync"]),
        &[(
            ErrorKind::EventNotInVersion { event: "GoCreateBlocked", since: 23 },
            Location { event: Some(3), ..location },
        )],
    );
    assert_eq!(lenient.lost, NO_LOSS);
}

#[test]
fn row_20_invalid_statuses() {
    for (status, len) in [(0, 5), (5, 5), (257, 6), ((1 << 32) + 2, 9)] {
        let go = Resource::Goroutine(GoId(3));
        let event = running().event(EventType::GoStatus, &[1, 3, 7, status]);
        assert_rest_is_lost(event, len, &|| ErrorKind::InvalidStatus { resource: go, status });
        let proc = Resource::Proc(ProcId(3));
        let event = running().event(EventType::ProcStatus, &[1, 3, status]);
        assert_rest_is_lost(event, len - 1, &|| ErrorKind::InvalidStatus { resource: proc, status });
    }
}

#[test]
fn row_21_unknown_ids() {
    let row = |bytes, kind: &dyn Fn() -> ErrorKind, at, strict: &[&'static str], lenient: &[&'static str]| {
        let lenient = then(lenient, &["Sync"]);
        assert_row(&Row { bytes, kind, at, strict: strict.to_vec(), lenient, lost: NO_LOSS });
    };
    let stopped = then(&RUNNING, &["G1 Running->Runnable"]);
    let stop = |string, stack| trace(Version::Go126, [running().event(EventType::GoStop, &[1, string, stack])]);
    let string = || ErrorKind::UnknownString { id: StringId(77) };
    let stack = || ErrorKind::UnknownStack { id: StackId(77) };
    row(stop(77, 0), &string, at_event(AFTER_RUNNING, 3), &RUNNING, &stopped);
    row(stop(0, 77), &stack, at_event(AFTER_RUNNING, 3), &RUNNING, &stopped);

    let mut sampled = generation(1, [running()]);
    sampled.sample(CpuSample { time: 200, thread: 7, proc: 0, go: 1, stack: StackId(77) });
    let bytes = Trace::new(Version::Go126).generation(&sampled).into_bytes();
    row(bytes, &stack, at_event(AFTER_RUNNING + TABLE_HEADER + 1, 3), &RUNNING, &then(&RUNNING, &["StackSample"]));

    let bytes = trace(Version::Go126, [running(), on(7).experiment(9).bytes(&[0])]);
    // The error of strict reading has no thread: it is returned before the thread is read.
    let kind = || ErrorKind::UnknownExperiment { id: 9 };
    assert_fault(&bytes, &["Sync"], kind(), at_generation(AFTER_RUNNING + 1, 1));
    let events = then(&RUNNING, &["Sync"]);
    assert_eq!(assert_read(&bytes, &events, &[(kind(), at_batch(AFTER_RUNNING + 1))]).lost, NO_LOSS);
}

#[test]
fn row_22_invalid_ids_and_lengths() {
    let table = |entries: &[(u64, &[u8])]| {
        let table = Batch::new(None, 1).event(EventType::Strings, &[]);
        entries.iter().fold(table, |batch, &(id, text)| batch.data(EventType::String, &[id], text))
    };
    let row = |batch: Batch, pos: u64, kind: &dyn Fn() -> ErrorKind| {
        assert_row(&Row {
            bytes: trace(Version::Go126, [running(), batch]),
            kind,
            at: at_generation(AFTER_RUNNING + TABLE_HEADER + pos, 1),
            strict: vec!["Sync"],
            lenient: then(&RUNNING, &["Sync"]),
            lost: NO_LOSS,
        });
    };
    row(table(&[(0, b"zero")]), 1, &|| ErrorKind::ZeroId { table: "string" });
    row(table(&[(1, b"a"), (1, b"b")]), 1 + 4, &|| ErrorKind::DuplicateId { table: "string", id: 1 });
    // The batch's size takes two bytes.
    row(table(&[(1, &[b'x'; 1025])]), 1 + 1, &|| ErrorKind::StringTooLong { len: 1025, max: 1024 });
    let frames = vec![0; 4 * 129];
    let deep =
        Batch::new(None, 1).event(EventType::Stacks, &[]).event(EventType::Stack, &[&[1, 129][..], &frames].concat());
    row(deep, 1 + 1, &|| ErrorKind::StackTooDeep { frames: 129, max: 128 });
}

#[test]
fn row_23_a_p_on_two_threads() {
    let other = on(8).event(EventType::ProcStatus, &[1, 0, 1]);
    assert_row(&Row {
        bytes: with_second(Version::Go126, [running(), other]),
        kind: &|| ErrorKind::DoubleBinding {
            resource: Resource::Proc(ProcId(0)),
            here: ThreadId(8),
            there: ThreadId(7),
        },
        at: Location { thread: Some(ThreadId(8)), ..at_event(AFTER_RUNNING + HEADER + 1, 3) },
        strict: RUNNING.to_vec(),
        lenient: then(&RUNNING, &AFTER_GAP),
        lost: Tally { bytes: 4, batches: 0, generations: 0, events: 1 },
    });
}

#[test]
fn row_24_sequences_and_unknown_goroutines() {
    assert_rest_is_lost(running().event(EventType::GoStart, &[1, 9, 1]), 4, &waiting_for_9);
    // A system call never waits for its P, which its thread has, so a wrong sequence number is an
    // error at once.
    let proc = Resource::Proc(ProcId(0));
    let event = running().event(EventType::GoSyscallBegin, &[1, 9, 0]);
    assert_rest_is_lost(event, 4, &|| ErrorKind::BadSequence {
        event: "GoSyscallBegin",
        resource: proc,
        last: 0,
        found: 9,
    });
}

#[test]
fn row_25_misused_regions() {
    let batch =
        running().event(EventType::UserRegionBegin, &[1, 0, 0, 0]).event(EventType::UserRegionEnd, &[1, 4, 0, 0]);
    let bytes = trace(Version::Go126, [batch]);
    let events = then(&RUNNING, &["RegionBegin", "RegionEnd", "Sync"]);
    assert_eq!(read_valid(&bytes), events);
    assert_eq!(assert_read(&bytes, &events, &[]).lost, NO_LOSS);
    for builder in [Reader::builder(), Reader::builder().lenient()] {
        let mut reader = builder.from_slice(&bytes).expect("a header");
        while reader.next_event().expect("a misused region is only a warning").is_some() {}
        let [warning] = reader.warnings().0 else { panic!("expected one warning") };
        assert_eq!((warning.kind, warning.go), (WarningKind::RegionMismatch, Some(GoId(1))));
        assert_eq!(warning.at, at_event(AFTER_RUNNING + 5, 4));
    }
}

#[test]
fn row_26_another_trace_or_other_data_after_the_trace() {
    let one = trace(Version::Go126, [running()]);
    for (tail, kind) in [
        (&one[..], &(|| ErrorKind::MultipleTraces) as &dyn Fn() -> ErrorKind),
        (b"\nok\n", &|| ErrorKind::TrailingData { found: b'\n' }),
    ] {
        let bytes = [&one[..], tail].concat();
        let location = at(one.len() as u64);
        let events = then(&RUNNING, &["Sync"]);
        assert_fault(&bytes, &events, kind(), location);
        let lenient = assert_read(&bytes, &events, &[(kind(), location)]);
        assert_eq!((lenient.lost, lenient.trailing), (NO_LOSS, tail.len() as u64));
    }
}

/// One of the limits. `tests/decode/limits.rs` tests the others, and `tests/bounds/floods` tests
/// memory and time.
#[test]
fn row_27_floods() {
    let mut limits = gotrace::Limits::default();
    limits.threads = 9;
    let bytes = trace(Version::Go126, (0..10).map(on));
    for builder in [Reader::builder(), Reader::builder().lenient()] {
        let mut reader = builder.limits(limits).from_slice(&bytes).expect("a header");
        let error = loop {
            match reader.next_event() {
                Ok(event) => assert!(event.is_some(), "expected an error for too many threads"),
                Err(error) => break error,
            }
        };
        assert!(matches!(error.kind, ErrorKind::LimitExceeded { what: "threads in a generation", limit: 9 }));
        assert_eq!(error.at.offset, FIRST + 9 * (HEADER + 1));
        assert_eq!(error.at.generation, Some(1));
    }
}

// Row 28 is about profiles: `row_28_hostile_profiles_exceed_limits` in
// `tests/profiles/pprof/broken.rs`. Row 29 is about GC logs: `row_29_damaged_lines_are_detected` in
// `tests/profiles/gctrace.rs`.
