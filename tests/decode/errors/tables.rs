//! Errors in strings, stacks, samples and clocks: faults 7, 16 to 18, 21 and 22.

use gotrace::raw::{EventType, RawFrame};
use gotrace::synth::{Batch, Clock, CpuSample, Generation, Trace};
use gotrace::{ErrorKind, Flaw, Location, StackId, StringId, Version};

use super::{
    FIRST, FIRST_BEFORE_125, HEADER, RUNNING, RUNNING_LEN, TABLE_HEADER, assert_fault, at_event, at_generation,
    generation, read_valid, running, then, trace,
};

/// An empty table.
fn table(kind: EventType) -> Batch {
    Batch::new(None, 1).event(kind, &[])
}

fn strings(entries: &[(u64, &[u8])]) -> Batch {
    entries.iter().fold(table(EventType::Strings), |batch, &(id, text)| batch.data(EventType::String, &[id], text))
}

/// Asserts an error `pos` bytes into the body of a table that is the only batch besides the clock.
#[track_caller]
fn assert_table_fault(batch: Batch, kind: ErrorKind, pos: u64) {
    let bytes = trace(Version::Go126, [batch]);
    assert_fault(&bytes, &["Sync"], kind, at_generation(FIRST + TABLE_HEADER + pos, 1));
}

/// Fault 18.
#[test]
fn a_record_of_another_type_in_a_table_is_an_error() {
    for (kind, expected) in
        [(EventType::Strings, "String"), (EventType::Stacks, "Stack"), (EventType::CPUSamples, "CPUSample")]
    {
        let fault = ErrorKind::UnexpectedRecord { expected, found: 11 };
        assert_table_fault(table(kind).event(EventType::ProcStop, &[1]), fault, 1);
    }
    let fault = ErrorKind::UnexpectedRecord { expected: "Frequency", found: 5 };
    let bytes = trace(Version::Go122, [Batch::new(None, 1).event(EventType::Frequency, &[1]).bytes(&[5])]);
    assert_fault(&bytes, &["Sync"], fault, at_generation(FIRST_BEFORE_125 + TABLE_HEADER + 2, 1));
}

/// Fault 22.
#[test]
fn id_0_in_a_table_is_an_error() {
    assert_table_fault(strings(&[(1, b"a"), (0, b"b")]), ErrorKind::ZeroId { table: "string" }, 1 + 4);
    let stacks = table(EventType::Stacks).event(EventType::Stack, &[0, 0]);
    assert_table_fault(stacks, ErrorKind::ZeroId { table: "stack" }, 1);
}

/// Fault 22, for small and for sparse IDs.
#[test]
fn a_repeated_id_is_an_error() {
    for (id, len) in [(3, 1), (1 << 40, 6), (u64::MAX, 10)] {
        let fault = ErrorKind::DuplicateId { table: "string", id };
        assert_table_fault(strings(&[(id, b"a"), (5, b"b"), (id, b"c")]), fault, 1 + (3 + len) + 4);
        let stacks = table(EventType::Stacks).event(EventType::Stack, &[id, 0]).event(EventType::Stack, &[id, 0]);
        assert_table_fault(stacks, ErrorKind::DuplicateId { table: "stack", id }, 1 + (2 + len));
    }
    // In another batch of the same table.
    let bytes = trace(Version::Go122, [strings(&[(1, b"a")]), strings(&[(2, b"b"), (1, b"c")])]);
    let location = at_generation(FIRST_BEFORE_125 + TABLE_HEADER + 5 + TABLE_HEADER + 1 + 4, 1);
    assert_fault(&bytes, &["Sync"], ErrorKind::DuplicateId { table: "string", id: 1 }, location);
}

/// Fault 22.
#[test]
fn strings_over_1024_bytes_are_errors() {
    let fault = ErrorKind::StringTooLong { len: 1025, max: 1024 };
    assert_table_fault(strings(&[(1, &[b'x'; 1025])]), fault, 1 + 1);
    let fault = ErrorKind::StringTooLong { len: u64::MAX, max: 1024 };
    assert_table_fault(table(EventType::Strings).event(EventType::String, &[1, u64::MAX]), fault, 1);
    assert_eq!(read_valid(&trace(Version::Go126, [strings(&[(1, &[b'x'; 1024]), (2, b"\xc3")])])), ["Sync", "Sync"]);
}

/// Fault 22.
#[test]
fn stacks_over_128_frames_are_errors() {
    for frames in [129, 1 << 30, u64::MAX] {
        let stacks = table(EventType::Stacks).event(EventType::Stack, &[1, frames]);
        assert_table_fault(stacks, ErrorKind::StackTooDeep { frames, max: 128 }, 1);
    }
    let mut deepest = generation(1, [running()]);
    let frames: Vec<_> = (1..=128).map(|pc| RawFrame { pc, func: 0, file: 0, line: 1 }).collect();
    deepest.stack(&frames);
    assert_eq!(read_valid(&Trace::new(Version::Go126).generation(&deepest).into_bytes()).len(), 4);
}

/// Fault 7: the batch of the table is too short for its last record.
#[test]
fn a_truncated_record_in_a_table_is_an_error() {
    let string = table(EventType::Strings).event(EventType::String, &[1, 5]).bytes(b"abc");
    assert_table_fault(string, ErrorKind::EventTruncated { event: "String" }, 1 + 3);
    let string = table(EventType::Strings).event(EventType::String, &[1]);
    assert_table_fault(string, ErrorKind::VarintTruncated, 1 + 2);
    let stack = table(EventType::Stacks).event(EventType::Stack, &[1, 2, 0x1000, 0, 0, 7, 0x1004, 0]);
    assert_table_fault(stack, ErrorKind::VarintTruncated, 1 + 3 + 5 + 3);
    let sample = table(EventType::CPUSamples).event(EventType::CPUSample, &[1, 7, 0]);
    assert_table_fault(sample, ErrorKind::VarintTruncated, 1 + 4);
    let long = table(EventType::CPUSamples).bytes(&[7]).bytes(&[0xff; 11]);
    assert_table_fault(long, ErrorKind::VarintOverflow, 1 + 1);
}

/// Faults 7 and 21, for each event type that has a string.
#[test]
fn events_with_unknown_strings_are_errors() {
    for (event, args) in [
        (EventType::GoBlock, &[1, 77, 0][..]),
        (EventType::GoStop, &[1, 77, 0]),
        (EventType::STWBegin, &[1, 77, 0]),
        (EventType::GoLabel, &[1, 77]),
        (EventType::UserTaskBegin, &[1, 5, 0, 77, 0]),
        (EventType::UserRegionBegin, &[1, 0, 77, 0]),
        (EventType::UserRegionEnd, &[1, 0, 77, 0]),
        (EventType::UserLog, &[1, 0, 77, 0, 0]),
        (EventType::UserLog, &[1, 0, 0, 77, 0]),
    ] {
        let bytes = trace(Version::Go126, [running().event(event, args)]);
        let location = at_event(FIRST + HEADER + RUNNING_LEN, 3);
        assert_fault(&bytes, &RUNNING, ErrorKind::UnknownString { id: StringId(77) }, location);
    }
}

/// Faults 7 and 21, for each event type that has a stack.
#[test]
fn events_with_unknown_stacks_are_errors() {
    for (event, args) in [
        (EventType::GoBlock, &[1, 0, 77][..]),
        (EventType::GoStop, &[1, 0, 77]),
        (EventType::GoCreate, &[1, 2, 77, 0]),
        (EventType::GoCreate, &[1, 2, 0, 77]),
        (EventType::GoCreateBlocked, &[1, 2, 77, 0]),
        (EventType::GoCreateBlocked, &[1, 2, 0, 77]),
        (EventType::GoSyscallBegin, &[1, 1, 77]),
        (EventType::GoStatusStack, &[1, 3, u64::MAX, 4, 77]),
        (EventType::ProcsChange, &[1, 4, 77]),
        (EventType::STWBegin, &[1, 0, 77]),
        (EventType::GCBegin, &[1, 1, 77]),
        (EventType::GCSweepBegin, &[1, 77]),
        (EventType::GCMarkAssistBegin, &[1, 77]),
        (EventType::UserTaskBegin, &[1, 5, 0, 0, 77]),
        (EventType::UserTaskEnd, &[1, 5, 77]),
        (EventType::UserRegionBegin, &[1, 0, 0, 77]),
        (EventType::UserRegionEnd, &[1, 0, 0, 77]),
        (EventType::UserLog, &[1, 0, 0, 0, 77]),
    ] {
        let bytes = trace(Version::Go126, [running().event(event, args)]);
        let location = at_event(FIRST + HEADER + RUNNING_LEN, 3);
        assert_fault(&bytes, &RUNNING, ErrorKind::UnknownStack { id: StackId(77) }, location);
    }
    let waiting = Batch::new(gotrace::ThreadId(8), 200).event(EventType::GoStatus, &[1, 2, u64::MAX, 4]);
    let bytes = trace(Version::Go126, [running(), waiting.event(EventType::GoUnblock, &[1, 2, 1, 77])]);
    let location =
        Location { thread: Some(gotrace::ThreadId(8)), ..at_event(FIRST + HEADER + RUNNING_LEN + HEADER + 1 + 14, 4) };
    let events = then(&RUNNING, &["G2 Undetermined->Waiting"]);
    assert_fault(&bytes, &events, ErrorKind::UnknownStack { id: StackId(77) }, location);
}

/// Faults 7 and 21: the function or file of a frame is unknown. The location is the end of the
/// generation, since the strings may come last.
#[test]
fn frames_with_unknown_strings_are_errors() {
    for (func, file) in [(77, 0), (0, 77)] {
        let mut generation = generation(1, [running()]);
        generation.stack(&[RawFrame { pc: 1, func, file, line: 1 }]);
        let bytes = Trace::new(Version::Go126).generation(&generation).into_bytes();
        let location = at_generation(bytes.len() as u64, 1);
        assert_fault(&bytes, &["Sync"], ErrorKind::UnknownString { id: StringId(77) }, location);
    }
}

/// Fault 21: the error comes after the events before the sample.
#[test]
fn samples_with_unknown_stacks_are_errors() {
    let mut generation = generation(1, [running()]);
    for (time, stack) in [(101, 0), (200, 77)] {
        generation.sample(CpuSample { time, thread: 7, proc: 0, go: 1, stack: StackId(stack) });
    }
    let bytes = Trace::new(Version::Go126).generation(&generation).into_bytes();
    let location = at_event(FIRST + HEADER + RUNNING_LEN + TABLE_HEADER + 1 + 6, 4);
    let events = ["Sync", RUNNING[1], "StackSample", RUNNING[2]];
    assert_fault(&bytes, &events, ErrorKind::UnknownStack { id: StackId(77) }, location);
}

/// Fault 21.
#[test]
fn unknown_experiments_are_errors() {
    for id in [0, 2, 255] {
        let bytes = trace(Version::Go126, [running(), Batch::new(None, 1).experiment(id)]);
        let location = at_generation(FIRST + HEADER + RUNNING_LEN + 1, 1);
        assert_fault(&bytes, &["Sync"], ErrorKind::UnknownExperiment { id }, location);
    }
}

fn clocked(clock: Clock) -> Generation {
    let mut generation = generation(1, [running()]);
    generation.clock(Some(clock));
    generation
}

const CLOCK: Clock = Clock { frequency: 15_625_000, time: 1, mono: 0, seconds: 0, nanos: 0 };

/// Fault 16.
#[test]
fn a_frequency_of_0_or_over_1_tick_per_picosecond_is_an_error() {
    for frequency in [0, 1_000_000_000_001, u64::MAX] {
        let kind = || ErrorKind::BadFrequency(Flaw::Invalid);
        let clock = Clock { frequency, ..CLOCK };
        let bytes = Trace::new(Version::Go126).generation(&clocked(clock)).into_bytes();
        assert_fault(&bytes, &["Sync"], kind(), at_generation(16 + TABLE_HEADER + 1, 1));
        let bytes = Trace::new(Version::Go122).generation(&clocked(clock)).into_bytes();
        let location = at_generation(FIRST_BEFORE_125 + HEADER + RUNNING_LEN + TABLE_HEADER, 1);
        assert_fault(&bytes, &["Sync"], kind(), location);
    }
    for frequency in [1, 1_000_000_000_000] {
        let clock = Clock { frequency, ..CLOCK };
        assert_eq!(read_valid(&Trace::new(Version::Go126).generation(&clocked(clock)).into_bytes()).len(), 4);
    }
}

/// Fault 16: the location of a missing frequency is the end of the generation.
#[test]
fn a_missing_or_repeated_frequency_is_an_error() {
    let missing = || ErrorKind::BadFrequency(Flaw::Missing);
    for version in super::VERSIONS {
        let bytes = Trace::new(version).generation(generation(1, [running()]).clock(None)).into_bytes();
        assert_fault(&bytes, &["Sync"], missing(), at_generation(bytes.len() as u64, 1));
    }
    let snapshot = table(EventType::Sync).event(EventType::ClockSnapshot, &[0, 0, 0, 0]);
    let bytes = Trace::new(Version::Go126).generation(generation(1, [snapshot]).clock(None)).into_bytes();
    assert_fault(&bytes, &["Sync"], missing(), at_generation(bytes.len() as u64, 1));
    // An end of generation alone is an empty generation.
    let bytes = Trace::new(Version::Go126).bytes(&[52]).into_bytes();
    assert_fault(&bytes, &["Sync"], missing(), super::at(16));

    let repeated = || ErrorKind::BadFrequency(Flaw::Repeated);
    let again = Batch::new(None, 1).event(EventType::Frequency, &[15_625_000]);
    let bytes = trace(Version::Go122, [again]);
    assert_fault(&bytes, &["Sync"], repeated(), at_generation(FIRST_BEFORE_125 + TABLE_HEADER + 5 + TABLE_HEADER, 1));
    let again = table(EventType::Sync).event(EventType::Frequency, &[15_625_000]);
    assert_table_fault(again, repeated(), 1);
}

/// Fault 16, since Go 1.25.
#[test]
fn a_missing_repeated_or_invalid_clock_snapshot_is_an_error() {
    for version in [Version::Go125, Version::Go126] {
        let frequency = table(EventType::Sync).event(EventType::Frequency, &[15_625_000]);
        let bytes = Trace::new(version).generation(generation(1, [frequency]).clock(None)).into_bytes();
        let kind = ErrorKind::BadClockSnapshot(Flaw::Missing);
        assert_fault(&bytes, &["Sync"], kind, at_generation(bytes.len() as u64, 1));
    }
    let again = table(EventType::Sync).event(EventType::ClockSnapshot, &[0, 0, 0, 0]);
    assert_table_fault(again, ErrorKind::BadClockSnapshot(Flaw::Repeated), 1);

    let bytes = Trace::new(Version::Go126).generation(&clocked(Clock { seconds: 1 << 63, ..CLOCK })).into_bytes();
    let kind = ErrorKind::BadClockSnapshot(Flaw::Invalid);
    assert_fault(&bytes, &["Sync"], kind, at_generation(bytes.len() as u64, 1));
}

/// Fault 17.
#[test]
fn overflowing_times_in_tables_are_errors() {
    let sample = |time| table(EventType::CPUSamples).event(EventType::CPUSample, &[time, 7, 0, 1, 0]);
    for time in [1 << 57, u64::MAX] {
        assert_table_fault(sample(time), ErrorKind::TimestampOverflow, 1);
    }
    assert_eq!(read_valid(&trace(Version::Go126, [sample((1 << 56) - 8)])).len(), 3);
    // The time of the clock snapshot itself: base and delta add up to more than 64 bits.
    let clock = Batch::new(None, u64::MAX)
        .event(EventType::Sync, &[])
        .event(EventType::Frequency, &[15_625_000])
        .event(EventType::ClockSnapshot, &[1, 0, 0, 0]);
    let bytes = Trace::new(Version::Go126).generation(generation(1, [clock]).clock(None)).into_bytes();
    let location = at_generation(16 + 23 + 6, 1);
    assert_fault(&bytes, &["Sync"], ErrorKind::TimestampOverflow, location);
    // The only batch overflows, so that the Sync has no time.
    let mut late = generation(1, []);
    late.clock(Some(Clock { time: u64::MAX, ..CLOCK }));
    let bytes = Trace::new(Version::Go122).generation(&late).into_bytes();
    assert_fault(&bytes, &["Sync"], ErrorKind::TimestampOverflow, at_generation(bytes.len() as u64, 1));
}
