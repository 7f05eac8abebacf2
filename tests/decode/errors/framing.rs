//! Errors in batches and generations: faults 5, 10 to 15 and 18.

use gotrace::raw::EventType;
use gotrace::synth::{Batch, Generation, Trace};
use gotrace::{ErrorKind, Location, ThreadId, Version};

use super::{
    FIRST, FIRST_BEFORE_125, HEADER, RUNNING, RUNNING_LEN, VERSIONS, assert_fault, at, at_batch, at_event,
    at_generation, generation, numbered, read, read_valid, running, then, trace,
};

/// A trace of these bytes after the header.
fn raw(version: Version, bytes: &[u8]) -> Vec<u8> {
    Trace::new(version).bytes(bytes).into_bytes()
}

/// Fault 18.
#[test]
fn other_bytes_instead_of_a_batch_are_an_error() {
    assert_fault(&raw(Version::Go126, &[17, 1, 1]), &["Sync"], ErrorKind::NotABatch { found: 17 }, at(16));
    // An end of generation in a version that has none.
    let bytes = trace(Version::Go125, [running()]);
    let len = bytes.len() as u64;
    let events = then(&RUNNING, &["Sync"]);
    let kind = ErrorKind::NotABatch { found: 52 };
    assert_fault(&[&bytes[..], &[52]].concat(), &events, kind, at_generation(len, 1));
    // The generation has no clock either, but the error is about the byte.
    let bytes = raw(Version::Go122, &[1, 1, 7, 1, 1, 11, 60]);
    assert_fault(&bytes, &["Sync"], ErrorKind::NotABatch { found: 60 }, at_generation(22, 1));
}

/// Fault 5.
#[test]
fn a_batch_truncated_at_any_byte_is_an_error() {
    let batch = [1, 1, 7, 100, 3, 11, 1, 11];
    for (len, missing, location) in [
        (1, 1, at(17)),
        (2, 1, at_generation(18, 1)),
        (3, 1, at_batch(19)),
        (4, 1, at_batch(20)),
        (5, 3, at_batch(21)),
        (6, 2, at_batch(22)),
        (7, 1, at_batch(23)),
    ] {
        let bytes = raw(Version::Go126, &batch[..len]);
        assert_fault(&bytes, &["Sync"], ErrorKind::TruncatedBatch { missing }, location);
    }
    // A varint that is cut off.
    let bytes = raw(Version::Go122, &[1, 1, 7, 0x80]);
    assert_fault(&bytes, &["Sync"], ErrorKind::TruncatedBatch { missing: 1 }, at_batch(19));
}

/// Fault 15: no memory is allocated for the size.
#[test]
fn batches_over_65536_bytes_are_errors() {
    for size in [65_537, 1 << 63, u64::MAX] {
        for version in VERSIONS {
            let bytes = Trace::new(version).generation(&clockless([running().claiming(size)])).into_bytes();
            assert_fault(&bytes, &["Sync"], ErrorKind::BatchTooLarge { size }, at_batch(16 + 4));
        }
    }
    let heap = (0..).map(|_| [37, 1, 1]);
    let full: Vec<u8> = heap.flatten().take(65_535 - RUNNING_LEN as usize).collect();
    let bytes = trace(Version::Go126, [running().bytes(&full).bytes(&[])]);
    assert_eq!(read_valid(&bytes).len(), 4 + full.len() / 3);
    let largest = running().bytes(&full).event(EventType::ProcStop, &[]).claiming(65_536);
    let bytes = trace(Version::Go126, [largest]);
    let location = at_event(FIRST + HEADER + 2 + 65_535, 3 + full.len() as u64 / 3);
    let reading = read(&bytes);
    let error = reading.error.expect("the last event has no time");
    assert_eq!(format!("{:?}", error.kind), "VarintTruncated");
    assert_eq!(error.at, location);
}

/// A generation without a clock, so that its first batch follows the header.
fn clockless(batches: impl IntoIterator<Item = Batch>) -> Generation {
    let mut generation = generation(1, batches);
    generation.clock(None);
    generation
}

/// Fault 15.
#[test]
fn varints_of_more_than_64_bits_are_errors() {
    let long = [[0xff; 10].as_slice(), &[1]].concat();
    let high = [[0xff; 9].as_slice(), &[2]].concat();
    for number in [long, high] {
        let bytes = raw(Version::Go126, &[&[1][..], &number].concat());
        assert_fault(&bytes, &["Sync"], ErrorKind::VarintOverflow, at(17));
        let bytes = raw(Version::Go126, &[&[1, 1, 7, 100], &number[..]].concat());
        assert_fault(&bytes, &["Sync"], ErrorKind::VarintOverflow, at_batch(20));
    }
    // The thread ID of a batch without a thread has all 64 bits set.
    assert_eq!(read_valid(&trace(Version::Go126, [Batch::new(None, 1)])), ["Sync", "Sync"]);
}

/// Fault 13.
#[test]
fn generation_0_is_an_error() {
    for version in VERSIONS {
        let bytes = Trace::new(version).generation(generation(0, [running()]).clock(None)).into_bytes();
        let location = Location { thread: Some(ThreadId(7)), ..at(16) };
        assert_fault(&bytes, &["Sync"], ErrorKind::InvalidGeneration, location);
    }
}

/// Fault 13: the generation before is delivered.
#[test]
fn a_generation_that_is_not_the_next_is_an_error() {
    let delivered = then(&RUNNING, &["Sync"]);
    for found in [1, 3, 7, u64::MAX] {
        let (bytes, end) = numbered(Version::Go126, &[1, found]);
        let kind = ErrorKind::GenerationOutOfOrder { last: 1, found };
        assert_fault(&bytes, &delivered, kind, at_generation(end, found));
    }
    // The number goes back.
    let (bytes, end) = numbered(Version::Go126, &[5, 4]);
    let kind = ErrorKind::GenerationOutOfOrder { last: 5, found: 4 };
    assert_fault(&bytes, &delivered, kind, at_generation(end, 4));

    // Before Go 1.26 the generation before has no end, so the error is located in it.
    for (version, thread) in
        [(Version::Go122, Some(ThreadId(7))), (Version::Go123, Some(ThreadId(7))), (Version::Go125, None)]
    {
        let (bytes, end) = numbered(version, &[1, 3]);
        let location = Location { thread, ..at_generation(end, 1) };
        assert_fault(&bytes, &delivered, ErrorKind::GenerationOutOfOrder { last: 1, found: 3 }, location);
        let (bytes, end) = numbered(version, &[5, 4]);
        let location = Location { thread, ..at_generation(end, 5) };
        assert_fault(&bytes, &delivered, ErrorKind::InterleavedGenerations { current: 5, found: 4 }, location);
    }
    // The first generation may have any number.
    assert_eq!(read_valid(&numbered(Version::Go126, &[9, 10]).0).len(), 7);
    assert_eq!(read_valid(&numbered(Version::Go122, &[9, 10]).0).len(), 7);
}

/// Fault 14.
#[test]
fn interleaved_generations_are_an_error() {
    let two = generation(2, [running()]);
    let late = clockless([Batch::new(ThreadId(7), 200).event(EventType::ProcStop, &[1])]);
    for version in [Version::Go122, Version::Go123] {
        let one = trace(version, [running()]);
        let mixed = Trace::new(version).bytes(&one[16..]).generation(&two).generation(&late).into_bytes();
        let kind = ErrorKind::InterleavedGenerations { current: 2, found: 1 };
        let offset = mixed.len() as u64 - HEADER - 1 - 2;
        let location = Location { generation: Some(2), ..at_batch(offset) };
        let events = then(&RUNNING, &["Sync", "P0 Running->Running", "G1 Running->Running", "Sync"]);
        assert_fault(&mixed, &events, kind, location);
    }
    // Generation 2 starts before the end of generation 1.
    let mut open = generation(1, [running()]);
    let bytes = Trace::new(Version::Go126).generation(open.without_end()).into_bytes();
    let bytes = Trace::new(Version::Go126).bytes(&bytes[16..]).generation(&two).into_bytes();
    let location = at_generation(FIRST + HEADER + RUNNING_LEN, 1);
    assert_fault(&bytes, &["Sync"], ErrorKind::MissingEndOfGeneration, location);
}

/// Fault 10.
#[test]
fn a_repeated_batch_is_an_error() {
    for (version, first) in [(Version::Go122, FIRST_BEFORE_125), (Version::Go126, FIRST)] {
        // An event without a sequence number, so that only comparing the batches detects the copy.
        let heap = || Batch::new(ThreadId(7), 200).event(EventType::HeapAlloc, &[1, 4096]);
        let bytes = trace(version, [running(), heap(), heap()]);
        let second = first + HEADER + RUNNING_LEN + HEADER + 1 + 4;
        let (kind, location) = (ErrorKind::DuplicateBatch, at_batch(second));
        assert_fault(&bytes, &["Sync"], kind, location);
    }
    // Batches that differ are not copies.
    let heap = |bytes| Batch::new(ThreadId(7), 100).event(EventType::HeapAlloc, &[1, bytes]);
    assert_eq!(read_valid(&trace(Version::Go126, [running(), heap(1), heap(2)])).len(), 6);
    // Empty batches have no events to repeat.
    let empty = || Batch::new(ThreadId(7), 100);
    assert_eq!(read_valid(&trace(Version::Go126, [running(), empty(), empty()])).len(), 4);
}

/// Fault 10.
#[test]
fn repeated_batches_of_samples_and_experiments_are_errors() {
    let sample =
        |time| Batch::new(None, 1).event(EventType::CPUSamples, &[]).event(EventType::CPUSample, &[time, 7, 0, 1, 0]);
    let experiment = |byte| Batch::new(ThreadId(7), 1).experiment(1).bytes(&[byte]);
    let first = FIRST + HEADER + RUNNING_LEN;
    let bytes = trace(Version::Go126, [running(), sample(99), sample(99)]);
    assert_fault(&bytes, &["Sync"], ErrorKind::DuplicateBatch, at_generation(first + 21, 1));
    let bytes = trace(Version::Go126, [running(), experiment(1), experiment(1)]);
    assert_fault(&bytes, &["Sync"], ErrorKind::DuplicateBatch, at_batch(first + 7));

    let bytes = trace(Version::Go126, [running(), sample(98), experiment(1), sample(99), experiment(2)]);
    assert_eq!(read_valid(&bytes).len(), 6);
}

/// Fault 11.
#[test]
fn a_batch_earlier_than_the_last_of_its_thread_is_an_error() {
    for last in [101, 127] {
        let late = Batch::new(ThreadId(7), last).event(EventType::GoStop, &[1, 0, 0]);
        let bytes = trace(Version::Go126, [late.clone(), running()]);
        let kind = ErrorKind::TimeRegression { last, found: 100 };
        assert_fault(&bytes, &["Sync"], kind, at_batch(FIRST + HEADER + 4));
        assert_eq!(read_valid(&trace(Version::Go126, [running(), late])).len(), 5);
    }
    let at_same_time = Batch::new(ThreadId(7), 100).event(EventType::GoStop, &[1, 0, 0]);
    assert_eq!(read_valid(&trace(Version::Go126, [running(), at_same_time])).len(), 5);
}

/// Fault 12.
#[test]
fn the_order_of_batches_of_different_threads_does_not_matter() {
    let other = Batch::new(ThreadId(8), 105)
        .event(EventType::ProcStatus, &[1, 1, 1])
        .event(EventType::GoStart, &[9, 2, 1])
        .event(EventType::GoStop, &[1, 0, 0]);
    let create = Batch::new(ThreadId(7), 110).event(EventType::GoCreate, &[1, 2, 0, 0]);
    let batches = [running(), create, other];
    let orders = [[0, 1, 2], [0, 2, 1], [2, 0, 1]].map(|order| order.map(|i: usize| batches[i].clone()));
    let readings = orders.map(|batches| read(&trace(Version::Go126, batches)));
    assert_eq!(readings[0].events.len(), 8);
    for reading in &readings {
        assert!(reading.error.is_none(), "{:?}", reading.error);
        assert_eq!((&reading.events, &reading.times), (&readings[0].events, &readings[0].times));
    }
}
