//! Strings, stacks, samples and clocks: faults 7, 16, 21 and 22.

use gotrace::raw::{EventType, RawFrame};
use gotrace::synth::{Batch, Clock, CpuSample, Generation, Trace};
use gotrace::{ErrorKind, Flaw, Location, StackId, StringId, Version};

use super::{
    FIRST, FIRST_122, HEADER, RUNNING, RUNNING_LEN, TABLE_HEADER, assert_fault, at_event, at_generation, generation,
    running, sound, then, trace,
};

/// A batch of a table.
fn table(kind: EventType) -> Batch {
    Batch::new(None, 1).event(kind, &[])
}

fn strings(entries: &[(u64, &[u8])]) -> Batch {
    entries.iter().fold(table(EventType::Strings), |batch, &(id, text)| batch.data(EventType::String, &[id], text))
}

/// Asserts a fault at so many bytes into the body of a table that is the only batch besides the clock.
#[track_caller]
fn assert_table_fault(batch: Batch, kind: ErrorKind, pos: u64) {
    let bytes = trace(Version::Go126, [batch]);
    assert_fault(&bytes, &["Sync"], kind, at_generation(FIRST + TABLE_HEADER + pos, 1));
}

/// 18: the records of a table are of one kind.
#[test]
fn a_table_holds_records_of_its_kind() {
    for (kind, expected) in
        [(EventType::Strings, "String"), (EventType::Stacks, "Stack"), (EventType::CPUSamples, "CPUSample")]
    {
        let fault = ErrorKind::UnexpectedRecord { expected, found: 11 };
        assert_table_fault(table(kind).event(EventType::ProcStop, &[1]), fault, 1);
    }
    let fault = ErrorKind::UnexpectedRecord { expected: "Frequency", found: 5 };
    let bytes = trace(Version::Go122, [Batch::new(None, 1).event(EventType::Frequency, &[1]).bytes(&[5])]);
    assert_fault(&bytes, &["Sync"], fault, at_generation(FIRST_122 + TABLE_HEADER + 2, 1));
}

/// 22.
#[test]
fn id_0_stands_for_nothing() {
    assert_table_fault(strings(&[(1, b"a"), (0, b"b")]), ErrorKind::ZeroId { table: "string" }, 1 + 4);
    let stacks = table(EventType::Stacks).event(EventType::Stack, &[0, 0]);
    assert_table_fault(stacks, ErrorKind::ZeroId { table: "stack" }, 1);
}

/// 22: whether the IDs are close together or far apart.
#[test]
fn an_id_is_given_once() {
    for (id, len) in [(3, 1), (1 << 40, 6), (u64::MAX, 10)] {
        let fault = ErrorKind::DuplicateId { table: "string", id };
        assert_table_fault(strings(&[(id, b"a"), (5, b"b"), (id, b"c")]), fault, 1 + (3 + len) + 4);
        let stacks = table(EventType::Stacks).event(EventType::Stack, &[id, 0]).event(EventType::Stack, &[id, 0]);
        assert_table_fault(stacks, ErrorKind::DuplicateId { table: "stack", id }, 1 + (2 + len));
    }
    // In another batch, too.
    let bytes = trace(Version::Go122, [strings(&[(1, b"a")]), strings(&[(2, b"b"), (1, b"c")])]);
    let place = at_generation(FIRST_122 + TABLE_HEADER + 5 + TABLE_HEADER + 1 + 4, 1);
    assert_fault(&bytes, &["Sync"], ErrorKind::DuplicateId { table: "string", id: 1 }, place);
}

/// 22.
#[test]
fn strings_have_a_longest() {
    let fault = ErrorKind::StringTooLong { len: 1025, max: 1024 };
    assert_table_fault(strings(&[(1, &[b'x'; 1025])]), fault, 1 + 1);
    let fault = ErrorKind::StringTooLong { len: u64::MAX, max: 1024 };
    assert_table_fault(table(EventType::Strings).event(EventType::String, &[1, u64::MAX]), fault, 1);
    assert_eq!(sound(&trace(Version::Go126, [strings(&[(1, &[b'x'; 1024]), (2, b"\xc3")])])), ["Sync", "Sync"]);
}

/// 22.
#[test]
fn stacks_have_a_deepest() {
    for frames in [129, 1 << 30, u64::MAX] {
        let stacks = table(EventType::Stacks).event(EventType::Stack, &[1, frames]);
        assert_table_fault(stacks, ErrorKind::StackTooDeep { frames, max: 128 }, 1);
    }
    let mut deepest = generation(1, [running()]);
    let frames: Vec<_> = (1..=128).map(|pc| RawFrame { pc, func: 0, file: 0, line: 1 }).collect();
    deepest.stack(&frames);
    assert_eq!(sound(&Trace::new(Version::Go126).generation(&deepest).into_bytes()).len(), 4);
}

/// 7: a table's batch that is too short for its last record.
#[test]
fn a_table_may_end_inside_a_record() {
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

/// 7, 21: a string that is not there, in each event that has one.
#[test]
fn the_strings_of_events_must_be_known() {
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
        let place = at_event(FIRST + HEADER + RUNNING_LEN, 3);
        assert_fault(&bytes, &RUNNING, ErrorKind::UnknownString { id: StringId(77) }, place);
    }
}

/// 7, 21: a stack that is not there, in each event that has one.
#[test]
fn the_stacks_of_events_must_be_known() {
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
        let place = at_event(FIRST + HEADER + RUNNING_LEN, 3);
        assert_fault(&bytes, &RUNNING, ErrorKind::UnknownStack { id: StackId(77) }, place);
    }
    let waiting = Batch::new(gotrace::ThreadId(8), 200).event(EventType::GoStatus, &[1, 2, u64::MAX, 4]);
    let bytes = trace(Version::Go126, [running(), waiting.event(EventType::GoUnblock, &[1, 2, 1, 77])]);
    let place =
        Location { thread: Some(gotrace::ThreadId(8)), ..at_event(FIRST + HEADER + RUNNING_LEN + HEADER + 1 + 14, 4) };
    let events = then(&RUNNING, &["G2 Undetermined->Waiting"]);
    assert_fault(&bytes, &events, ErrorKind::UnknownStack { id: StackId(77) }, place);
}

/// 7, 21: a frame whose function or file is not there. The place is the end of the generation: the strings may stand last.
#[test]
fn the_strings_of_frames_must_be_known() {
    for (func, file) in [(77, 0), (0, 77)] {
        let mut generation = generation(1, [running()]);
        generation.stack(&[RawFrame { pc: 1, func, file, line: 1 }]);
        let bytes = Trace::new(Version::Go126).generation(&generation).into_bytes();
        let place = at_generation(bytes.len() as u64, 1);
        assert_fault(&bytes, &["Sync"], ErrorKind::UnknownString { id: StringId(77) }, place);
    }
}

/// 21: it is delivered in its place among the events, so what comes before it is too.
#[test]
fn the_stacks_of_samples_must_be_known() {
    let mut generation = generation(1, [running()]);
    for (time, stack) in [(101, 0), (200, 77)] {
        generation.sample(CpuSample { time, thread: 7, proc: 0, go: 1, stack: StackId(stack) });
    }
    let bytes = Trace::new(Version::Go126).generation(&generation).into_bytes();
    let place = at_event(FIRST + HEADER + RUNNING_LEN + TABLE_HEADER + 1 + 6, 4);
    let events = ["Sync", RUNNING[1], "StackSample", RUNNING[2]];
    assert_fault(&bytes, &events, ErrorKind::UnknownStack { id: StackId(77) }, place);
}

/// 21.
#[test]
fn there_is_one_experiment() {
    for id in [0, 2, 255] {
        let bytes = trace(Version::Go126, [running(), Batch::new(None, 1).experiment(id)]);
        let place = at_generation(FIRST + HEADER + RUNNING_LEN + 1, 1);
        assert_fault(&bytes, &["Sync"], ErrorKind::UnknownExperiment { id }, place);
    }
}

fn clocked(clock: Clock) -> Generation {
    let mut generation = generation(1, [running()]);
    generation.clock(Some(clock));
    generation
}

const CLOCK: Clock = Clock { frequency: 15_625_000, time: 1, mono: 0, seconds: 0, nanos: 0 };

/// 16.
#[test]
fn a_clock_has_a_possible_frequency() {
    for frequency in [0, 1_000_000_000_001, u64::MAX] {
        let kind = || ErrorKind::BadFrequency(Flaw::Invalid);
        let clock = Clock { frequency, ..CLOCK };
        let bytes = Trace::new(Version::Go126).generation(&clocked(clock)).into_bytes();
        assert_fault(&bytes, &["Sync"], kind(), at_generation(16 + TABLE_HEADER + 1, 1));
        let bytes = Trace::new(Version::Go122).generation(&clocked(clock)).into_bytes();
        let place = at_generation(FIRST_122 + HEADER + RUNNING_LEN + TABLE_HEADER, 1);
        assert_fault(&bytes, &["Sync"], kind(), place);
    }
    for frequency in [1, 1_000_000_000_000] {
        let clock = Clock { frequency, ..CLOCK };
        assert_eq!(sound(&Trace::new(Version::Go126).generation(&clocked(clock)).into_bytes()).len(), 4);
    }
}

/// 16: the place of what is missing is the generation's end.
#[test]
fn a_generation_has_one_frequency() {
    let missing = || ErrorKind::BadFrequency(Flaw::Missing);
    for version in super::VERSIONS {
        let bytes = Trace::new(version).generation(generation(1, [running()]).clock(None)).into_bytes();
        assert_fault(&bytes, &["Sync"], missing(), at_generation(bytes.len() as u64, 1));
    }
    let snapshot = table(EventType::Sync).event(EventType::ClockSnapshot, &[0, 0, 0, 0]);
    let bytes = Trace::new(Version::Go126).generation(generation(1, [snapshot]).clock(None)).into_bytes();
    assert_fault(&bytes, &["Sync"], missing(), at_generation(bytes.len() as u64, 1));
    // An end and nothing before it is a generation without anything.
    let bytes = Trace::new(Version::Go126).bytes(&[52]).into_bytes();
    assert_fault(&bytes, &["Sync"], missing(), super::at(16));

    let repeated = || ErrorKind::BadFrequency(Flaw::Repeated);
    let again = Batch::new(None, 1).event(EventType::Frequency, &[15_625_000]);
    let bytes = trace(Version::Go122, [again]);
    assert_fault(&bytes, &["Sync"], repeated(), at_generation(FIRST_122 + TABLE_HEADER + 5 + TABLE_HEADER, 1));
    let again = table(EventType::Sync).event(EventType::Frequency, &[15_625_000]);
    assert_table_fault(again, repeated(), 1);
}

/// 16, from Go 1.25 on.
#[test]
fn a_generation_has_one_snapshot_of_its_clocks() {
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

/// 17.
#[test]
fn the_times_of_tables_may_overflow() {
    let sample = |time| table(EventType::CPUSamples).event(EventType::CPUSample, &[time, 7, 0, 1, 0]);
    for time in [1 << 57, u64::MAX] {
        assert_table_fault(sample(time), ErrorKind::TimestampOverflow, 1);
    }
    assert_eq!(sound(&trace(Version::Go126, [sample((1 << 56) - 8)])).len(), 3);
    // The clock's own: base and delta add up to more than 64 bits.
    let clock = Batch::new(None, u64::MAX)
        .event(EventType::Sync, &[])
        .event(EventType::Frequency, &[15_625_000])
        .event(EventType::ClockSnapshot, &[1, 0, 0, 0]);
    let bytes = Trace::new(Version::Go126).generation(generation(1, [clock]).clock(None)).into_bytes();
    let place = at_generation(16 + 23 + 6, 1);
    assert_fault(&bytes, &["Sync"], ErrorKind::TimestampOverflow, place);
    // All batches, so that the Sync has no time.
    let mut late = generation(1, []);
    late.clock(Some(Clock { time: u64::MAX, ..CLOCK }));
    let bytes = Trace::new(Version::Go122).generation(&late).into_bytes();
    assert_fault(&bytes, &["Sync"], ErrorKind::TimestampOverflow, at_generation(bytes.len() as u64, 1));
}
