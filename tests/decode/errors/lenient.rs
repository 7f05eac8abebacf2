//! Lenient reading of each fault. The second generation of most traces is valid and must be
//! delivered, whatever is wrong with the first.
//!
//! The tests named `row_NN_…` are about the rows of the table in `src/v2/lenient/mod.rs`. Row 10 is
//! in `salvage.rs`. "Fault 5" in a comment is row 5 of `faults.md`.

use gotrace::raw::{EventType, RawFrame};
use gotrace::synth::{Batch, Clock, CpuSample, Generation, Trace};
use gotrace::{
    Error, ErrorKind, EventKind, Flaw, GoId, Location, ProcId, Reader, Resource, StackId, StringId, StuckHead, Tally,
    ThreadId, Time, Version,
};

use super::{
    FIRST, FIRST_BEFORE_125, HEADER, NO_LOSS, RUNNING, RUNNING_LEN, Reading, TABLE_HEADER, VERSIONS, at, at_batch,
    at_event, at_generation, brief, generation, numbered, on, read_valid, running, then, trace,
};
use gotrace_tests::pieces::Pieces;

/// The events of a generation that consists of [`running`] and follows a gap, and the Sync at the
/// end of the trace.
pub(super) const AFTER_GAP: [&str; 5] = ["Gap", "Sync", RUNNING[1], RUNNING[2], "Sync"];
/// The events of a generation that consists of [`running`] and follows a complete one, and the Sync
/// at the end of the trace.
pub(super) const CONTINUED: [&str; 4] = ["Sync", "P0 Running->Running", "G1 Running->Running", "Sync"];

/// The result of reading a trace leniently.
#[derive(Debug)]
pub(super) struct Lenient {
    pub(super) reading: Reading,
    /// The location of each gap, and the losses it reports.
    gaps: Vec<(Location, Tally)>,
    read: Tally,
    pub(super) lost: Tally,
    pub(super) trailing: u64,
    pub(super) faults: Vec<(String, Location)>,
    pub(super) warnings: u64,
}

fn drain(reader: Result<Reader<'_>, Error>, len: usize) -> Lenient {
    let mut reader = reader.expect("a header");
    let mut reading = Reading { events: Vec::new(), times: Vec::new(), error: None };
    let mut gaps = Vec::new();
    while let Some(event) = reader.next_event().expect("lenient reading never fails") {
        reading.events.push(brief(&event));
        reading.times.push(event.time().0);
        if let EventKind::Gap(gap) = event.kind() {
            gaps.push((gap.at, gap.lost));
        }
    }
    assert!(reading.times.is_sorted_by(|a, b| a < b), "each event is later than the one before");
    let account = reader.account();
    assert_eq!(account.read.bytes + account.lost.bytes + account.trailing, len as u64, "{account:?}");
    assert_eq!(account.read.events, reading.events.len() as u64);
    assert_eq!(account.fault_count, account.faults.len() as u64);
    let faults = account.faults.iter().map(|fault| (format!("{:?}", fault.kind), fault.at)).collect();
    let (read, lost, trailing) = (account.read, account.lost, account.trailing);
    Lenient { gaps, read, lost, trailing, faults, warnings: reader.warnings().1, reading }
}

/// Reads from a slice and in pieces of several sizes, and checks that all agree.
pub(super) fn read(bytes: &[u8]) -> Lenient {
    let builder = Reader::builder().lenient();
    let slice = drain(builder.from_slice(bytes), bytes.len());
    for step in [1, 7, usize::MAX] {
        let other = drain(builder.from_reader(Pieces::new(bytes, &[step])), bytes.len());
        assert_eq!(format!("{slice:?}"), format!("{other:?}"), "{step} bytes at a time");
    }
    slice
}

/// Asserts the events of lenient reading and the faults that it reports.
#[track_caller]
pub(super) fn assert_read(bytes: &[u8], events: &[&str], faults: &[(ErrorKind, Location)]) -> Lenient {
    let lenient = read(bytes);
    assert_eq!(lenient.reading.events, events, "{lenient:#?}");
    let faults: Vec<_> = faults.iter().map(|(kind, at)| (format!("{kind:?}"), *at)).collect();
    assert_eq!(lenient.faults, faults);
    lenient
}

/// Part of a batch is lost, and then the whole generation is skipped. That part is not counted
/// again.
#[test]
fn bytes_lost_before_their_generation_is_skipped_are_counted_once() {
    // One clock tick is a second, so the times of thread 8 overflow.
    let clock = Clock { frequency: 1, time: 100, mono: 0, seconds: 0, nanos: 0 };
    let damaged = Batch::new(ThreadId(7), 100).bytes(&[200; 9]);
    let late = Batch::new(ThreadId(8), 1 << 40).event(EventType::ProcStatus, &[1, 0, 1]);
    let first = generation(1, [damaged, late]).clock(Some(clock)).clone();
    let lenient = read(&Trace::new(Version::Go126).generation(&first).into_bytes());
    let faults: Vec<_> = lenient.faults.iter().map(|(kind, _)| &kind[..]).collect();
    assert_eq!(faults, ["UnknownEvent { code: 200 }", "TimestampOverflow"]);
    assert_eq!(lenient.lost, Tally { bytes: 28, batches: 2, generations: 1, events: 1 });
    assert_eq!(lenient.gaps[0].1, lenient.lost);
}

/// A trace with two generations: one of these batches, and a valid one.
pub(super) fn with_second(version: Version, batches: impl IntoIterator<Item = Batch>) -> Vec<u8> {
    before_second(version, &generation(1, batches))
}

pub(super) fn before_second(version: Version, first: &Generation) -> Vec<u8> {
    Trace::new(version).generation(first).generation(&second()).into_bytes()
}

fn second() -> Generation {
    generation(2, [running()])
}

/// The length of the second generation.
pub(super) fn second_len(version: Version) -> u64 {
    Trace::new(version).generation(&second()).into_bytes().len() as u64 - 16
}

/// The location `len` bytes after the events of [`running`].
fn after_running(len: u64, events: u64) -> Location {
    at_event(FIRST + HEADER + RUNNING_LEN + len, events)
}

/// Asserts that the rest of the generation after the events of [`running`] is lost, and the next
/// one is delivered.
#[track_caller]
fn assert_rest_is_lost(batch: Batch, kind: ErrorKind, lost: u64) {
    let lenient =
        assert_read(&with_second(Version::Go126, [batch]), &then(&RUNNING, &AFTER_GAP), &[(kind, after_running(0, 3))]);
    assert_eq!((lenient.lost.events, lenient.lost.generations, lenient.read.generations), (lost, 0, 2));
    assert_eq!(lenient.gaps, [(after_running(0, 3), lenient.lost)]);
}

#[test]
fn the_undamaged_trace_is_read_without_an_error() {
    for version in VERSIONS {
        let bytes = with_second(version, [running()]);
        let lenient = assert_read(&bytes, &then(&RUNNING, &CONTINUED), &[]);
        assert_eq!((lenient.lost, lenient.trailing), (NO_LOSS, 0));
        assert_eq!((lenient.read.generations, lenient.read.batches), (2, 4));
        assert_eq!(lenient.warnings, u64::from(version < Version::Go126));
        assert_eq!(read_valid(&bytes), lenient.reading.events);
    }
}

/// Faults 1, 2 and 4.
#[test]
fn other_files_and_versions_are_refused_as_in_strict_reading() {
    for bytes in [&b""[..], b"go 1.26", b"go 1.99 trace\0\0\0", b"go 1.24 trace\0\0\0", b"<html><body>404"] {
        let strict = Reader::from_slice(bytes).expect_err("no trace");
        let lenient = Reader::builder().lenient().from_slice(bytes).expect_err("no trace");
        assert_eq!(format!("{strict:?}"), format!("{lenient:?}"));
    }
}

/// Fault 3.
#[test]
fn a_header_alone_yields_no_events() {
    for version in VERSIONS {
        assert_read(&Trace::new(version).into_bytes(), &[], &[(ErrorKind::EmptyTrace, at(16))]);
    }
}

/// Fault 5: the events before the cut are those of the complete trace.
#[test]
fn a_truncated_file_yields_all_complete_generations() {
    for version in VERSIONS {
        let mut whole = Trace::new(version);
        let mut ends = vec![16];
        for number in 1..=3 {
            let mut generation = generation(number, [running()]);
            let name = generation.string("select").0;
            generation.batch(on(7).event(EventType::GoBlock, &[1, name, 0]));
            let wake = Batch::new(ThreadId(8), 300).event(EventType::GoUnblock, &[1, 1, 1, 0]);
            generation.batch(wake.event(EventType::ProcStatus, &[1, 1, 2]));
            // Goroutine 1 runs again at the end, so the statuses of the next generation are
            // consistent.
            let start = Batch::new(ThreadId(7), 400).event(EventType::GoStart, &[1, 1, 2]);
            whole = whole.generation(generation.batch(start));
            ends.push(whole.clone().into_bytes().len());
        }
        let whole = whole.into_bytes();
        let all = read_valid(&whole);
        assert_eq!(all.len(), 1 + 3 * 7);
        for len in 16..whole.len() {
            let lenient = read(&whole[..len]);
            let events: Vec<_> = lenient.reading.events.iter().filter(|event| *event != "Gap").collect();
            let given = events.split_last().map_or(&[][..], |(_, given)| given);
            assert!(all.iter().zip(given).all(|(a, b)| a == *b), "{version}, {len}: {:?}", lenient.reading.events);
            let generations = ends.iter().filter(|end| **end <= len).count() - 1;
            assert!(given.len() >= 7 * generations, "{version}, {len}: {lenient:#?}");
            // A cut at the end of a generation loses nothing. Some other cuts look like such an
            // end.
            let is_clean = ends.contains(&len) && len > 16;
            assert_eq!(
                lenient.gaps.is_empty() && lenient.faults.is_empty(),
                is_clean || looks_whole(version, &lenient)
            );
            // Only the first generation is lost if its clock is missing. Later ones use the
            // previous clock.
            assert!(lenient.lost.generations == 0 || generations == 0, "{version}, {len}: {lenient:#?}");
        }
    }
}

/// Before Go 1.26 a cut after a batch looks like the end of the trace.
fn looks_whole(version: Version, lenient: &Lenient) -> bool {
    version < Version::Go126 && lenient.faults.is_empty() && lenient.warnings == 1
}

/// Fault 5: the events of the truncated batch are delivered up to the cut.
#[test]
fn row_02_the_file_ends_inside_a_batch() {
    let create = |go| [1, go, 0, 0];
    let batch = running().event(EventType::GoCreate, &create(2)).event(EventType::GoCreate, &create(3));
    let bytes = Trace::new(Version::Go126).generation(&generation(1, [batch])).into_bytes();
    let cut = (FIRST + HEADER + RUNNING_LEN + 5 + 3) as usize;
    let fault = (ErrorKind::TruncatedBatch { missing: 2 }, at_batch(cut as u64));
    let events = then(&RUNNING, &["G2 NotExist->Runnable", "Gap", "Sync"]);
    let lenient = assert_read(&bytes[..cut], &events, &[fault]);
    assert_eq!(lenient.lost, Tally { bytes: 3, ..NO_LOSS });
}

/// Fault 6.
#[test]
fn a_generation_without_its_end_is_delivered() {
    let mut open = generation(1, [running()]);
    let bytes = Trace::new(Version::Go126).generation(open.without_end()).into_bytes();
    let end = bytes.len() as u64;
    let fault = || (ErrorKind::MissingEndOfGeneration, at_generation(end, 1));
    let lenient = assert_read(&bytes, &then(&RUNNING, &["Sync"]), &[fault()]);
    assert_eq!(lenient.lost, NO_LOSS);
    let lenient = assert_read(&before_second(Version::Go126, &open), &then(&RUNNING, &CONTINUED), &[fault()]);
    assert_eq!(lenient.lost, NO_LOSS);
}

/// Fault 7: the events are delivered without the missing names and stacks.
#[test]
fn missing_tables_make_names_and_stacks_unknown() {
    let mut first = Generation::new(1);
    let name = first.string("a name that is cut off").0;
    let stack = first.stack(&[RawFrame { pc: 5, func: name, file: name, line: 1 }]).0;
    first.batch(running().event(EventType::GoBlock, &[1, name, stack]));
    let events = FIRST + HEADER + RUNNING_LEN + 4;
    for version in [Version::Go125, Version::Go126] {
        let bytes = Trace::new(version).generation(&first).into_bytes();
        let stacks = Trace::new(version).generation(first.clone().without_end()).into_bytes().len() as u64;
        for (cut, has_stack) in [(events + 3, false), (events + TABLE_HEADER + 3, false), (stacks - 3, true)] {
            let mut reader = Reader::builder().lenient().from_slice(&bytes[..cut as usize]).expect("a header");
            let mut blocked = Vec::new();
            while let Some(event) = reader.next_event().expect("lenient") {
                if let EventKind::GoTransition(change) = event.kind()
                    && !change.reason.is_empty()
                {
                    let frames = event.stack().expect("an ID").frames();
                    blocked.push((change.reason.to_string(), frames.map(|frame| frame.func.to_string()).collect()));
                }
            }
            let frames = if has_stack { vec!["?".to_owned()] } else { vec![] };
            assert_eq!(blocked, [("?".to_owned(), frames)], "{version} {cut}");
        }
    }
}

/// Faults 9 and 24: the next generation is delivered after a gap.
#[test]
fn row_11_events_cannot_be_ordered() {
    let start = EventType::GoStart;
    let head = StuckHead {
        thread: Some(ThreadId(7)),
        proc: None,
        event: "GoStart",
        time: Time(103 * 64),
        offset: FIRST + HEADER + RUNNING_LEN,
        waits_for: "goroutine 9 to be Runnable (not seen yet)".to_owned(),
    };
    let batch = running().event(start, &[1, 9, 1]).event(EventType::GoStop, &[1, 0, 0]);
    assert_rest_is_lost(batch, ErrorKind::StuckFrontier(vec![head]), 2);
    let kind =
        ErrorKind::BadSequence { event: "GoSyscallBegin", resource: Resource::Proc(ProcId(0)), last: 0, found: 9 };
    assert_rest_is_lost(running().event(EventType::GoSyscallBegin, &[1, 9, 0]), kind, 1);
}

/// Fault 10.
#[test]
fn row_05_a_batch_is_repeated() {
    let heap = || on(7).event(EventType::HeapAlloc, &[1, 4096]);
    let bytes = with_second(Version::Go126, [running(), heap(), heap()]);
    let location = at_batch(FIRST + HEADER + RUNNING_LEN + HEADER + 1 + 4);
    let events = then(&then(&RUNNING, &["Metric"]), &CONTINUED);
    let lenient = assert_read(&bytes, &events, &[(ErrorKind::DuplicateBatch, location)]);
    assert_eq!(lenient.lost, Tally { bytes: HEADER + 1 + 4, batches: 1, generations: 0, events: 1 });

    let sample =
        || Batch::new(None, 1).event(EventType::CPUSamples, &[]).event(EventType::CPUSample, &[99, 7, 0, 1, 0]);
    let bytes = with_second(Version::Go126, [running(), sample(), sample()]);
    let location = at_generation(FIRST + HEADER + RUNNING_LEN + TABLE_HEADER + 7, 1);
    let events = then(&["Sync", "StackSample", RUNNING[1], RUNNING[2]], &CONTINUED);
    assert_read(&bytes, &events, &[(ErrorKind::DuplicateBatch, location)]);
}

/// Fault 11: the batches are sorted, and the fault is reported.
#[test]
fn row_06_batches_are_not_in_order_of_time() {
    let stop = on(7).event(EventType::GoStop, &[1, 0, 0]);
    let bytes = with_second(Version::Go126, [stop.clone(), running()]);
    let fault = (ErrorKind::TimeRegression { last: 200, found: 100 }, at_batch(FIRST + HEADER + 1 + 4));
    let lenient = assert_read(&without_second(&bytes), &then(&RUNNING, &["G1 Running->Runnable", "Sync"]), &[fault]);
    assert_eq!(lenient.lost, NO_LOSS);

    // Sorting puts a copy next to its original, so the copy is detected.
    let heap = |time| Batch::new(ThreadId(7), time).event(EventType::HeapAlloc, &[1, 4096]);
    let bytes = trace(Version::Go126, [running(), heap(200), heap(300), heap(200)]);
    let location = at_batch(FIRST + HEADER + RUNNING_LEN + 2 * (HEADER + 1 + 4));
    let fault = (ErrorKind::TimeRegression { last: 300, found: 200 }, location);
    let lenient = assert_read(&bytes, &then(&RUNNING, &["Metric", "Metric", "Sync"]), &[fault]);
    assert_eq!((lenient.lost.batches, lenient.lost.events), (1, 1));
    // If the generation is then skipped, the copy is counted once.
    let late = Batch::new(ThreadId(8), u64::MAX).event(EventType::HeapAlloc, &[0, 1]);
    let lenient = read(&trace(Version::Go126, [running(), heap(200), heap(300), heap(200), late]));
    assert_eq!((lenient.lost.batches, lenient.lost.events, lenient.lost.generations), (5, 6, 1));
}

/// Cuts off the second generation.
fn without_second(bytes: &[u8]) -> Vec<u8> {
    bytes[..bytes.len() - second_len(Version::Go126) as usize].to_vec()
}

/// Fault 12.
#[test]
fn the_order_of_batches_of_different_threads_does_not_matter() {
    let other = on(8).event(EventType::ProcStatus, &[1, 1, 2]);
    let orders = [[running(), other.clone()], [other, running()]];
    let [a, b] = orders.map(|batches| read(&trace(Version::Go126, batches)).reading);
    assert_eq!((a.events, a.times), (b.events, b.times));
}

/// Fault 13.
#[test]
fn row_08_generations_are_missing() {
    for version in VERSIONS {
        let thread = Some(ThreadId(7)).filter(|_| version < Version::Go125);
        for (last, found, skipped) in [(1, 3, 1), (1, 7, 5), (5, 4, 0), (5, 2, 0), (1, u64::MAX, 0), (u64::MAX, 9, 0)] {
            let (bytes, end) = numbered(version, &[last, found]);
            let location = Location { thread, ..at_generation(end, found) };
            let kind = ErrorKind::GenerationOutOfOrder { last, found };
            let lenient = assert_read(&bytes, &then(&RUNNING, &AFTER_GAP), &[(kind, location)]);
            assert_eq!(lenient.lost, Tally { generations: skipped, ..NO_LOSS });
            assert_eq!(lenient.gaps, [(location, lenient.lost)]);
        }
    }
}

/// Fault 13: a repeated generation has the same number and the same start time.
#[test]
fn row_07_a_generation_is_repeated() {
    let (bytes, end) = numbered(Version::Go126, &[1, 1, 2]);
    let len = (end - 16) / 2;
    let fault = || (ErrorKind::GenerationOutOfOrder { last: 1, found: 1 }, at_generation(16 + len, 1));
    let lenient = assert_read(&bytes, &then(&RUNNING, &CONTINUED), &[fault()]);
    assert_eq!(lenient.lost, Tally { bytes: HEADER + RUNNING_LEN, batches: 1, generations: 1, events: 2 });
    let mut later = generation(1, [running()]);
    later.clock(Some(Clock { frequency: 15_625_000, time: 2, mono: 0, seconds: 0, nanos: 0 }));
    let bytes = Trace::new(Version::Go126).generation(&generation(1, [running()])).generation(&later).into_bytes();
    assert_read(&bytes, &then(&RUNNING, &AFTER_GAP), &[fault()]);
}

/// Fault 13: damage of the first copy or between the copies is reported, and the second copy is
/// read if the first one cannot be read.
#[test]
fn the_valid_copy_of_a_repeated_generation_is_delivered() {
    let clock = |frequency| Clock { frequency, time: 1, mono: 0, seconds: 0, nanos: 0 };
    let of = |number, frequency| generation(number, [running()]).clock(Some(clock(frequency))).clone();
    let trace = |generations: &[Generation]| generations.iter().fold(Trace::new(Version::Go126), Trace::generation);
    let bytes = trace(&[of(1, 0), of(1, 15_625_000)]).into_bytes();
    let lenient = read(&bytes);
    assert_eq!(lenient.reading.events, AFTER_GAP, "{lenient:?}");
    assert_eq!(lenient.gaps[0].1, lenient.lost);
    assert_eq!((lenient.lost.generations, lenient.lost.events), (1, 2));

    let bytes = trace(&[of(1, 15_625_000), of(2, 0), of(1, 15_625_000), of(2, 15_625_000)]).into_bytes();
    let lenient = read(&bytes);
    assert_eq!(lenient.reading.events, then(&RUNNING, &AFTER_GAP), "{lenient:?}");
    // The copy of generation 1 is lost too. But generation 1 is not missing in the events, so the
    // gap counts only generation 2.
    assert_eq!((lenient.gaps[0].1.generations, lenient.lost.generations), (1, 2));

    // Several generations are repeated, and each copy is reported. No gap: generation 3 follows
    // generation 2.
    let f = 15_625_000;
    let lenient = read(&trace(&[of(1, f), of(2, f), of(1, f), of(2, f), of(3, f)]).into_bytes());
    assert_eq!(lenient.reading.events, then(&then(&RUNNING, &CONTINUED[..3]), &CONTINUED), "{lenient:?}");
    assert_eq!((lenient.lost.generations, lenient.lost.events, lenient.faults.len()), (2, 4, 2));
    // If a single generation number is far too high, no generations count as missing before it.
    let lenient = read(&trace(&[of(1, f), of(100_000, f), of(3, f), of(10, f)]).into_bytes());
    let lost: Vec<_> = lenient.gaps.iter().map(|(_, lost)| lost.generations).collect();
    assert_eq!((lost, lenient.lost.generations), (vec![0, 0, 6], 6), "{lenient:?}");

    // The file ends inside the copy. The loss before the copy is still reported.
    let bytes = trace(&[of(5, f), of(4, 0)]).into_bytes();
    let copy = trace(&[of(5, f)]).into_bytes();
    for cut in 30..copy.len() - 1 {
        let lenient = read(&[&bytes, &copy[16..cut]].concat());
        assert_eq!((lenient.gaps.len(), lenient.gaps[0].1.generations), (1, 1), "{cut}: {lenient:?}");
        assert_eq!(lenient.gaps[0].0.offset, copy.len() as u64, "{cut}");
    }
}

/// Fault 13: there is no generation 0.
#[test]
fn a_batch_of_generation_0_is_skipped() {
    for version in VERSIONS {
        let zero = generation(0, [running()]).clock(None).clone();
        let bytes = Trace::new(version).generation(zero.clone().without_end()).generation(&second()).into_bytes();
        let location = Location { thread: Some(ThreadId(7)), ..at(16) };
        let events = then(&RUNNING, &["Sync"]);
        let lenient = assert_read(&bytes, &events, &[(ErrorKind::InvalidGeneration, location)]);
        assert_eq!(lenient.lost, Tally { bytes: HEADER + RUNNING_LEN, batches: 1, generations: 0, events: 2 });
    }
}

/// Fault 14.
#[test]
fn row_04_a_batch_of_another_generation() {
    for version in VERSIONS {
        // A batch of generation 2 or 10 between two of generation 1.
        for found in [2, 10] {
            let stray = generation(found, [on(8).event(EventType::ProcStatus, &[1, 5, 2])]).clock(None).clone();
            let mut open = generation(1, [running()]);
            let start = Trace::new(version).generation(open.without_end()).into_bytes();
            let rest = generation(1, [on(7).event(EventType::GoStop, &[1, 0, 0])]).clock(None).clone();
            let bytes =
                Trace::new(version).bytes(&start[16..]).generation(stray.clone().without_end()).generation(&rest);
            let bytes = bytes.into_bytes();
            let kind = ErrorKind::InterleavedGenerations { current: 1, found };
            let location = Location { thread: Some(ThreadId(8)), ..at_generation(start.len() as u64, 1) };
            let events = then(&RUNNING, &["G1 Running->Runnable", "Sync"]);
            let lenient = assert_read(&bytes, &events, &[(kind, location)]);
            assert_eq!((lenient.lost.batches, lenient.lost.events), (1, 1));
        }
    }
}

/// Fault 15: the length of a string reaches to the end of the file and is longer than any string
/// can be.
#[test]
fn an_impossible_string_length_does_not_hide_the_next_generation() {
    let string = [EventType::String.code(), 1, 0xe0, 0xd4, 3];
    let broken = on(7).bytes(&string).claiming(60_000);
    let beats = (0..20).fold(on(7), |batch, _| batch.event(EventType::HeapAlloc, &[1, 1]));
    let second = generation(2, [running(), beats]);
    let bytes = Trace::new(Version::Go126).generation(&generation(1, [running(), broken])).generation(&second);
    let lenient = read(&bytes.into_bytes());
    assert_eq!(lenient.reading.events.iter().filter(|event| *event == "Metric").count(), 20);
}

/// Fault 15: the reader does not allocate memory of the impossible size.
#[test]
fn an_impossible_batch_size_skips_to_the_next_generation() {
    for size in [65_537, 1 << 63, u64::MAX] {
        let broken = on(7).event(EventType::GoStop, &[1, 0, 0]).claiming(size);
        let bytes = with_second(Version::Go126, [running(), broken]);
        let location = at_batch(FIRST + HEADER + RUNNING_LEN + 5);
        let lenient =
            assert_read(&bytes, &then(&RUNNING, &AFTER_GAP), &[(ErrorKind::BatchTooLarge { size }, location)]);
        assert_eq!(
            lenient.lost.bytes,
            bytes.len() as u64 - second_len(Version::Go126) - (FIRST + HEADER + RUNNING_LEN)
        );
    }
    let start = Trace::new(Version::Go126).generation(generation(1, [running()]).without_end()).into_bytes();
    let bytes = Trace::new(Version::Go126).bytes(&start[16..]).bytes(&[1, 1, 7, 0xff]).bytes(&[0xff; 12]);
    let bytes = bytes.generation(&second()).into_bytes();
    let location = at_batch(start.len() as u64 + 3);
    assert_read(&bytes, &then(&RUNNING, &AFTER_GAP), &[(ErrorKind::VarintOverflow, location)]);
}

/// Fault 15: a number of more than 64 bits in an event.
#[test]
fn an_impossible_number_skips_to_the_next_generation() {
    let batch = running().bytes(&[EventType::GoUnblock.code()]).bytes(&[0xff; 12]);
    assert_rest_is_lost(batch, ErrorKind::VarintOverflow, 0);
}

/// Asserts that the first generation is skipped, and that `events` events are lost.
#[track_caller]
fn assert_skipped(bytes: &[u8], kind: ErrorKind, location: Location, events: u64) {
    let lenient = assert_read(bytes, &AFTER_GAP, &[(kind, location)]);
    assert_eq!((lenient.lost.generations, lenient.lost.events, lenient.read.generations), (1, events, 1));
}

/// Fault 16.
#[test]
fn row_09_the_clock_has_no_frequency() {
    for version in VERSIONS {
        let mut first = generation(1, [running()]);
        let bytes = before_second(version, first.clock(None));
        let end = Trace::new(version).generation(&first).into_bytes().len() as u64;
        assert_skipped(&bytes, ErrorKind::BadFrequency(Flaw::Missing), at_generation(end, 1), 2);
        for frequency in [0, u64::MAX] {
            first.clock(Some(Clock { frequency, time: 1, mono: 0, seconds: 0, nanos: 0 }));
            let bytes = before_second(version, &first);
            let location = match version < Version::Go125 {
                true => FIRST_BEFORE_125 + HEADER + RUNNING_LEN + TABLE_HEADER,
                false => FIRST_BEFORE_125 + TABLE_HEADER + 1,
            };
            assert_skipped(&bytes, ErrorKind::BadFrequency(Flaw::Invalid), at_generation(location, 1), 2);
        }
    }
    // A later generation uses the clock of the previous one.
    for version in VERSIONS {
        let bytes = Trace::new(version).generation(&generation(1, [running()]));
        let bytes = bytes.generation(second().clock(None)).into_bytes();
        let lenient = read(&bytes);
        assert_eq!(lenient.reading.events, then(&RUNNING, &CONTINUED), "{version}");
        assert_eq!(lenient.faults[0], ("BadFrequency(Missing)".to_owned(), at_generation(bytes.len() as u64, 2)));
        assert_eq!(lenient.lost, NO_LOSS);
    }
    let clock = |units| Batch::new(None, 1).event(EventType::Frequency, &[units]);
    let mut first = generation(1, [clock(1000), running(), clock(2000), on(7)]);
    let bytes = before_second(Version::Go122, first.clock(None));
    let location = at_generation(FIRST_BEFORE_125 + TABLE_HEADER + 3 + HEADER + RUNNING_LEN + TABLE_HEADER, 1);
    assert_skipped(&bytes, ErrorKind::BadFrequency(Flaw::Repeated), location, 2);
}

/// Fault 17.
#[test]
fn an_overflowing_time_skips_the_rest_of_the_generation() {
    assert_rest_is_lost(running().event(EventType::HeapAlloc, &[u64::MAX, 1]), ErrorKind::TimestampOverflow, 1);
    let late = Batch::new(ThreadId(8), u64::MAX).event(EventType::HeapAlloc, &[0, 1]);
    let bytes = with_second(Version::Go126, [running(), late]);
    let location = Location { thread: Some(ThreadId(8)), ..after_running(0, 0) };
    assert_skipped(&bytes, ErrorKind::TimestampOverflow, location, 3);
}

/// Fault 18.
#[test]
fn row_03_a_record_cannot_be_read() {
    for code in [0, 60, 255] {
        let broken = running().bytes(&[code, 1, 1]);
        let stop = on(7).event(EventType::GoStop, &[1, 0, 0]);
        let bytes = trace(Version::Go126, [broken, stop]);
        let events = then(&RUNNING, &["G1 Running->Runnable", "Sync"]);
        let lenient = assert_read(&bytes, &events, &[(ErrorKind::UnknownEvent { code }, after_running(0, 3))]);
        assert_eq!(lenient.lost, Tally { bytes: 3, ..NO_LOSS });
        assert!(lenient.gaps.is_empty());
    }
    let broken = running().event(EventType::Strings, &[]).event(EventType::ProcStop, &[1]);
    let kind = ErrorKind::WrongContext { event: "Strings" };
    assert_read(&trace(Version::Go126, [broken]), &then(&RUNNING, &["Sync"]), &[(kind, after_running(0, 3))]);
    // The unreadable event is the first of the trace.
    let broken = Batch::new(ThreadId(7), 50).bytes(&[60, 1]);
    let kind = ErrorKind::UnknownEvent { code: 60 };
    let lenient = assert_read(
        &trace(Version::Go126, [broken, running()]),
        &then(&RUNNING, &["Sync"]),
        &[(kind, at_event(FIRST + HEADER, 1))],
    );
    assert_eq!(lenient.lost.bytes, 2);
}

/// Fault 19.
#[test]
fn events_newer_than_the_version_are_delivered_and_reported() {
    let switch = running().event(EventType::GoCreateBlocked, &[1, 2, 0, 0]).event(EventType::GoSwitch, &[1, 2, 1]);
    let events =
        ["G2 NotExist->Waiting", "G2 Waiting->Runnable", "G1 Running->Waiting", "G2 Runnable->Running", "Sync"];
    let since = 23;
    let location =
        |len, events| Location { offset: FIRST_BEFORE_125 + HEADER + RUNNING_LEN + len, ..after_running(0, events) };
    let faults = [
        (ErrorKind::EventNotInVersion { event: "GoCreateBlocked", since }, location(0, 4)),
        (ErrorKind::EventNotInVersion { event: "GoSwitch", since }, location(5, 5)),
    ];
    let lenient = read(&trace(Version::Go122, [switch]));
    assert_eq!(lenient.reading.events, then(&RUNNING, &events));
    let kinds: Vec<_> = lenient.faults.iter().map(|(kind, at)| (kind.clone(), at.offset)).collect();
    assert_eq!(kinds, faults.map(|(kind, at)| (format!("{kind:?}"), at.offset)));
    assert_eq!(lenient.lost, NO_LOSS);

    let bytes = trace(Version::Go122, [running(), on(7).experiment(1).bytes(&[0])]);
    let fault = (
        ErrorKind::EventNotInVersion { event: "ExperimentalBatch", since },
        at_batch(FIRST_BEFORE_125 + HEADER + RUNNING_LEN),
    );
    assert_read(&bytes, &then(&RUNNING, &["Sync"]), &[fault]);
    // Go 1.25 does not write the end marker of a generation.
    let bytes = [trace(Version::Go125, [running()]), vec![52]].concat();
    let fault = (
        ErrorKind::EventNotInVersion { event: "EndOfGeneration", since: 26 },
        at_generation(bytes.len() as u64 - 1, 1),
    );
    assert_read(&bytes, &then(&RUNNING, &["Sync"]), &[fault]);
}

/// Fault 20.
#[test]
fn an_invalid_status_skips_the_rest_of_the_generation() {
    for status in [0, 5, 257, (1 << 32) + 2] {
        let kind = ErrorKind::InvalidStatus { resource: Resource::Goroutine(GoId(3)), status };
        assert_rest_is_lost(running().event(EventType::GoStatus, &[1, 3, 7, status]), kind, 1);
        let kind = ErrorKind::InvalidStatus { resource: Resource::Proc(ProcId(3)), status };
        assert_rest_is_lost(running().event(EventType::ProcStatus, &[1, 3, status]), kind, 1);
    }
}

/// Fault 21.
#[test]
fn row_14_ids_are_unknown() {
    let stop = running().event(EventType::GoStop, &[1, 77, 0]);
    let events = then(&RUNNING, &["G1 Running->Runnable", "Sync"]);
    assert_read(
        &trace(Version::Go126, [stop]),
        &events,
        &[(ErrorKind::UnknownString { id: StringId(77) }, after_running(0, 3))],
    );
    let stop = running().event(EventType::GoStop, &[1, 0, 78]);
    assert_read(
        &trace(Version::Go126, [stop]),
        &events,
        &[(ErrorKind::UnknownStack { id: StackId(78) }, after_running(0, 3))],
    );

    let mut sampled = generation(1, [running()]);
    sampled.sample(CpuSample { time: 200, thread: 7, proc: 0, go: 1, stack: StackId(77) });
    let location = after_running(TABLE_HEADER + 1, 3);
    let fault = (ErrorKind::UnknownStack { id: StackId(77) }, location);
    let bytes = Trace::new(Version::Go126).generation(&sampled).into_bytes();
    assert_read(&bytes, &then(&RUNNING, &["StackSample", "Sync"]), &[fault]);

    let mut framed = generation(1, [running()]);
    framed.stack(&[RawFrame { pc: 1, func: 77, file: 0, line: 1 }]);
    let bytes = Trace::new(Version::Go126).generation(&framed).into_bytes();
    let fault = (ErrorKind::UnknownString { id: StringId(77) }, at_generation(bytes.len() as u64, 1));
    assert_read(&bytes, &then(&RUNNING, &["Sync"]), &[fault]);

    let bytes = trace(Version::Go126, [running(), on(7).experiment(9).bytes(&[0])]);
    let mut reader = Reader::builder().lenient().from_slice(&bytes).expect("a header");
    let first = reader.next_event().expect("lenient").expect("a Sync");
    let EventKind::Sync(sync) = first.kind() else { panic!("{first}") };
    assert_eq!(sync.experimental_batches().map(|batch| batch.experiment).collect::<Vec<_>>(), ["unknown"]);
    let fault = (ErrorKind::UnknownExperiment { id: 9 }, at_batch(FIRST + HEADER + RUNNING_LEN + 1));
    assert_read(&bytes, &then(&RUNNING, &["Sync"]), &[fault]);
}

/// Fault 22.
#[test]
fn the_first_entry_of_a_repeated_id_is_kept_and_long_entries_are_cut() {
    let strings = |entries: &[(u64, &[u8])]| {
        let table = Batch::new(None, 1).event(EventType::Strings, &[]);
        entries.iter().fold(table, |batch, &(id, text)| batch.data(EventType::String, &[id], text))
    };
    let reason = |entries: &[(u64, &[u8])]| {
        let bytes = trace(Version::Go126, [running().event(EventType::GoStop, &[1, 1, 0]), strings(entries)]);
        let mut reader = Reader::builder().lenient().from_slice(&bytes).expect("a header");
        let mut reasons = Vec::new();
        while let Some(event) = reader.next_event().expect("lenient") {
            if let EventKind::GoTransition(change) = event.kind() {
                reasons.push(change.reason.to_string());
            }
        }
        let faults: Vec<_> = reader.account().faults.iter().map(|fault| format!("{:?}", fault.kind)).collect();
        (reasons[1].clone(), faults)
    };
    let kind = |kind: ErrorKind| vec![format!("{kind:?}")];
    let twice = kind(ErrorKind::DuplicateId { table: "string", id: 1 });
    assert_eq!(reason(&[(1, b"first"), (1, b"second")]), ("first".to_owned(), twice));
    let zero = kind(ErrorKind::ZeroId { table: "string" });
    assert_eq!(reason(&[(0, b"zero"), (1, b"first")]), ("first".to_owned(), zero));
    let long = kind(ErrorKind::StringTooLong { len: 1025, max: 1024 });
    assert_eq!(reason(&[(1, &[b'x'; 1025])]), ("x".repeat(1024), long));

    let frames: Vec<_> = (1..=129).map(|pc| RawFrame { pc, func: 0, file: 0, line: 1 }).collect();
    let mut deep = Generation::new(1);
    let stack = deep.stack(&frames).0;
    deep.batch(running().event(EventType::GoStop, &[1, 0, stack]));
    let bytes = Trace::new(Version::Go126).generation(&deep).into_bytes();
    let mut reader = Reader::builder().lenient().from_slice(&bytes).expect("a header");
    let mut depths = Vec::new();
    while let Some(event) = reader.next_event().expect("lenient") {
        depths.extend(event.stack().map(|stack| stack.frames().count()));
    }
    assert_eq!(depths, [128]);
    assert!(matches!(reader.account().faults[0].kind, ErrorKind::StackTooDeep { frames: 129, max: 128 }));
}

/// Fault 23.
#[test]
fn a_p_on_two_threads_skips_the_rest_of_the_generation() {
    let other = on(8).event(EventType::ProcStatus, &[1, 0, 1]).event(EventType::GoCreateSyscall, &[1, 5]);
    let bytes = with_second(Version::Go126, [running(), other]);
    let resource = Resource::Proc(ProcId(0));
    let kind = ErrorKind::DoubleBinding { resource, here: ThreadId(8), there: ThreadId(7) };
    let location = Location { thread: Some(ThreadId(8)), ..after_running(HEADER + 1, 3) };
    let lenient = assert_read(&bytes, &then(&RUNNING, &AFTER_GAP), &[(kind, location)]);
    assert_eq!((lenient.lost.events, lenient.lost.bytes), (2, 4 + 3));
}

/// The events read before the source fails are delivered. Then the error of the source is returned.
#[test]
fn row_13_the_bytes_cannot_be_read() {
    for version in VERSIONS {
        let bytes = with_second(version, [running()]);
        for len in [bytes.len() - 1, bytes.len() - 30] {
            let failing = Pieces::new(&bytes[..len], &[7]).then_fail(std::io::ErrorKind::TimedOut);
            let mut reader = Reader::builder().lenient().from_reader(failing).expect("a header");
            let mut events = Vec::new();
            let error = loop {
                match reader.next_event() {
                    Ok(Some(event)) => events.push(brief(&event)),
                    Ok(None) => panic!("expected the error of the source"),
                    Err(error) => break error,
                }
            };
            assert_eq!(events[..3], RUNNING, "{version}, {len}");
            assert_eq!(events.last().map(String::as_str), Some("Sync"), "{version}, {len}");
            assert!(matches!(error.kind, ErrorKind::Io(_)), "{error:?}");
            assert_eq!(error.at.offset, len as u64);
        }
    }
}

/// Fault 25: the program misuses regions, which is not damage of the trace.
#[test]
fn misused_regions_are_warnings_as_in_strict_reading() {
    let end = running().event(EventType::UserRegionBegin, &[1, 0, 0, 0]).event(EventType::UserRegionEnd, &[1, 4, 0, 0]);
    let events = then(&RUNNING, &["RegionBegin", "RegionEnd", "Sync"]);
    let lenient = assert_read(&trace(Version::Go126, [end]), &events, &[]);
    assert_eq!(lenient.warnings, 1);
}

/// Fault 26: the first trace is read.
#[test]
fn row_12_another_trace_or_other_data_follows() {
    for version in VERSIONS {
        let mut generation = generation(1, [running()]);
        generation.string("a name");
        let one = Trace::new(version).generation(&generation).into_bytes();
        let location = match version {
            Version::Go126 => at(one.len() as u64),
            _ => at_generation(one.len() as u64, 1),
        };
        let events = then(&RUNNING, &["Sync"]);
        let two = [&one[..], &one].concat();
        let lenient = assert_read(&two, &events, &[(ErrorKind::MultipleTraces, location)]);
        assert_eq!((lenient.trailing, lenient.lost), (one.len() as u64, NO_LOSS));
        for tail in [&b"\0\0\0"[..], b"\n", b"HTTP/1.1 200 OK"] {
            let bytes = [&one[..], tail].concat();
            let lenient = assert_read(&bytes, &events, &[(ErrorKind::TrailingData { found: tail[0] }, location)]);
            assert_eq!((lenient.trailing, lenient.lost), (tail.len() as u64, NO_LOSS));
        }
    }
}

/// The next generation is found after any number of junk bytes.
#[test]
fn the_next_generation_is_found_after_junk() {
    for version in VERSIONS {
        let one = trace(version, [running()]);
        for junk in [&[60; 1][..], &[0; 100], &[200; 5000], &vec![7; (3 << 20) + 5]] {
            // The search for batches accepts a position only if three batches follow each other
            // there.
            let mut second = second();
            second.string("a name");
            let bytes = Trace::new(version).bytes(&one[16..]).bytes(junk).generation(&second).into_bytes();
            let lenient = read(&bytes);
            assert_eq!(lenient.reading.events, then(&RUNNING, &AFTER_GAP), "{version}, {}", junk.len());
            assert_eq!(lenient.lost, Tally { bytes: junk.len() as u64, ..NO_LOSS });
        }
    }
}

/// The tables after the damage are used for the events before it.
#[test]
fn row_01_the_chain_of_batches_is_broken() {
    let mut first = Generation::new(1);
    let name = first.string("select").0;
    first.batch(running().event(EventType::GoBlock, &[1, name, 0]));
    first.batch(on(8).event(EventType::ProcStatus, &[1, 1, 2]).claiming(70_000));
    first.batch(Batch::new(ThreadId(9), 300).event(EventType::ProcStatus, &[1, 2, 2]));
    let bytes = before_second(Version::Go126, &first);
    let events = then(&then(&RUNNING, &["G1 Running->Waiting"]), &AFTER_GAP);
    let lenient = read(&bytes);
    assert_eq!(lenient.reading.events, events);
    // The event of thread 9 comes after the damage and is lost, since earlier events may be
    // missing.
    assert_eq!((lenient.lost.batches, lenient.lost.events), (1, 1));
    let mut reader = Reader::builder().lenient().from_slice(&bytes).expect("a header");
    let mut reasons = Vec::new();
    while let Some(event) = reader.next_event().expect("lenient") {
        if let EventKind::GoTransition(change) = event.kind() {
            reasons.push(change.reason.to_string());
        }
    }
    assert_eq!(reasons, ["", "select", ""]);
}

/// A generation that is found after damage may lack batches. If its events then cannot be ordered,
/// that is reported.
#[test]
fn a_generation_found_after_damage_that_cannot_be_ordered_is_reported() {
    let mut cut = generation(1, [on(8).claiming(20_000)]).clock(None).clone();
    let found = generation(6, [Batch::new(ThreadId(7), 100).event(EventType::ProcStart, &[1, 0, 1]), on(8), on(9)]);
    let bytes = Trace::new(Version::Go123).generation(cut.without_end()).generation(&found).into_bytes();
    let lenient = read(&bytes);
    assert_eq!(lenient.reading.events, ["Gap", "Sync", "Gap", "Sync"], "{lenient:?}");
    let kinds: Vec<_> =
        lenient.faults.iter().map(|(kind, at)| (kind.split([' ', '(']).next(), at.generation)).collect();
    assert_eq!(kinds[0], (Some("TruncatedBatch"), Some(1)), "{lenient:?}");
    assert_eq!(kinds[kinds.len() - 1], (Some("StuckFrontier"), Some(6)), "{lenient:?}");
}
