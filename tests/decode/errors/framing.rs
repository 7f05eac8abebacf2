//! Batches and generations: faults 5, 9 to 15 and 18.

use gotrace::raw::EventType;
use gotrace::synth::{Batch, Generation, Trace};
use gotrace::{ErrorKind, Location, ThreadId, Version};

use super::{
    FIRST, FIRST_122, HEADER, RUNNING, RUNNING_LEN, VERSIONS, assert_fault, at, at_batch, at_event, at_generation,
    generation, read, running, sound, then, trace,
};

/// A header and bytes.
fn raw(version: Version, bytes: &[u8]) -> Vec<u8> {
    Trace::new(version).bytes(bytes).into_bytes()
}

/// 18.
#[test]
fn a_batch_begins_with_its_type() {
    assert_fault(&raw(Version::Go126, &[17, 1, 1]), &["Sync"], ErrorKind::NotABatch { found: 17 }, at(16));
    // An end is none in a trace that has no ends.
    let bytes = trace(Version::Go125, [running()]);
    let len = bytes.len() as u64;
    let events = then(&RUNNING, &["Sync"]);
    let kind = ErrorKind::NotABatch { found: 52 };
    assert_fault(&[&bytes[..], &[52]].concat(), &events, kind, at_generation(len, 1));
    // In a generation that lacks something it is the byte that is to blame, not what is lacking.
    let bytes = raw(Version::Go122, &[1, 1, 7, 1, 1, 11, 60]);
    assert_fault(&bytes, &["Sync"], ErrorKind::NotABatch { found: 60 }, at_generation(22, 1));
}

/// 5.
#[test]
fn a_batch_may_be_cut_anywhere() {
    let batch = [1, 1, 7, 100, 3, 11, 1, 11];
    for (len, missing, place) in [
        (1, 1, at(17)),
        (2, 1, at_generation(18, 1)),
        (3, 1, at_batch(19)),
        (4, 1, at_batch(20)),
        (5, 3, at_batch(21)),
        (6, 2, at_batch(22)),
        (7, 1, at_batch(23)),
    ] {
        let bytes = raw(Version::Go126, &batch[..len]);
        assert_fault(&bytes, &["Sync"], ErrorKind::TruncatedBatch { missing }, place);
    }
    // A number that goes on at the end of the file.
    let bytes = raw(Version::Go122, &[1, 1, 7, 0x80]);
    assert_fault(&bytes, &["Sync"], ErrorKind::TruncatedBatch { missing: 1 }, at_batch(19));
}

/// 15: the sizes are refused before anything is set aside for them.
#[test]
fn batches_have_a_largest_size() {
    for size in [65_537, 1 << 63, u64::MAX] {
        for version in VERSIONS {
            let bytes = Trace::new(version).generation(&clockless([running().claiming(size)])).into_bytes();
            assert_fault(&bytes, &["Sync"], ErrorKind::BatchTooLarge { size }, at_batch(16 + 4));
        }
    }
    let heap = (0..).map(|_| [37, 1, 1]);
    let full: Vec<u8> = heap.flatten().take(65_535 - RUNNING_LEN as usize).collect();
    let bytes = trace(Version::Go126, [running().bytes(&full).bytes(&[])]);
    assert_eq!(sound(&bytes).len(), 4 + full.len() / 3);
    let largest = running().bytes(&full).event(EventType::ProcStop, &[]).claiming(65_536);
    let bytes = trace(Version::Go126, [largest]);
    let place = at_event(FIRST + HEADER + 2 + 65_535, 3 + full.len() as u64 / 3);
    let reading = read(&bytes);
    let error = reading.error.expect("the last event has no time");
    assert_eq!(format!("{:?}", error.kind), "VarintTruncated");
    assert_eq!(error.at, place);
}

/// A generation without a clock: its batches are the first.
fn clockless(batches: impl IntoIterator<Item = Batch>) -> Generation {
    let mut generation = generation(1, batches);
    generation.clock(None);
    generation
}

/// 15.
#[test]
fn numbers_have_64_bits() {
    let long = [[0xff; 10].as_slice(), &[1]].concat();
    let high = [[0xff; 9].as_slice(), &[2]].concat();
    for number in [long, high] {
        let bytes = raw(Version::Go126, &[&[1][..], &number].concat());
        assert_fault(&bytes, &["Sync"], ErrorKind::VarintOverflow, at(17));
        let bytes = raw(Version::Go126, &[&[1, 1, 7, 100], &number[..]].concat());
        assert_fault(&bytes, &["Sync"], ErrorKind::VarintOverflow, at_batch(20));
    }
    // All 64 bits are a number: that of no M.
    assert_eq!(sound(&trace(Version::Go126, [Batch::new(None, 1)])), ["Sync", "Sync"]);
}

/// 13.
#[test]
fn there_is_no_generation_0() {
    for version in VERSIONS {
        let bytes = Trace::new(version).generation(generation(0, [running()]).clock(None)).into_bytes();
        let place = Location { thread: Some(ThreadId(7)), ..at(16) };
        assert_fault(&bytes, &["Sync"], ErrorKind::InvalidGeneration, place);
    }
}

/// The trace of generations with these numbers, and the end of the first one.
fn numbered(version: Version, numbers: &[u64]) -> (Vec<u8>, u64) {
    let mut trace = Trace::new(version);
    let mut end = 0;
    for (i, &number) in numbers.iter().enumerate() {
        trace = trace.generation(&generation(number, [running()]));
        end = if i == 0 { trace.clone().into_bytes().len() as u64 } else { end };
    }
    (trace.into_bytes(), end)
}

/// 13: what came before is delivered.
#[test]
fn generations_count_up() {
    let delivered = then(&RUNNING, &["Sync"]);
    for found in [1, 3, 7, u64::MAX] {
        let (bytes, end) = numbered(Version::Go126, &[1, found]);
        let kind = ErrorKind::GenerationOutOfOrder { last: 1, found };
        assert_fault(&bytes, &delivered, kind, at_generation(end, found));
    }
    // Backwards.
    let (bytes, end) = numbered(Version::Go126, &[5, 4]);
    let kind = ErrorKind::GenerationOutOfOrder { last: 5, found: 4 };
    assert_fault(&bytes, &delivered, kind, at_generation(end, 4));

    // Before Go 1.26 the generation before is not known to be over.
    for (version, thread) in
        [(Version::Go122, Some(ThreadId(7))), (Version::Go123, Some(ThreadId(7))), (Version::Go125, None)]
    {
        let (bytes, end) = numbered(version, &[1, 3]);
        let place = Location { thread, ..at_generation(end, 1) };
        assert_fault(&bytes, &delivered, ErrorKind::GenerationOutOfOrder { last: 1, found: 3 }, place);
        let (bytes, end) = numbered(version, &[5, 4]);
        let place = Location { thread, ..at_generation(end, 5) };
        assert_fault(&bytes, &delivered, ErrorKind::InterleavedGenerations { current: 5, found: 4 }, place);
    }
    // The first one may have any number.
    assert_eq!(sound(&numbered(Version::Go126, &[9, 10]).0).len(), 7);
    assert_eq!(sound(&numbered(Version::Go122, &[9, 10]).0).len(), 7);
}

/// 14.
#[test]
fn generations_do_not_mix() {
    let two = generation(2, [running()]);
    let late = clockless([Batch::new(ThreadId(7), 200).event(EventType::ProcStop, &[1])]);
    for version in [Version::Go122, Version::Go123] {
        let one = trace(version, [running()]);
        let mixed = Trace::new(version).bytes(&one[16..]).generation(&two).generation(&late).into_bytes();
        let kind = ErrorKind::InterleavedGenerations { current: 2, found: 1 };
        let offset = mixed.len() as u64 - HEADER - 1 - 2;
        let place = Location { generation: Some(2), ..at_batch(offset) };
        let events = then(&RUNNING, &["Sync", "P0 Running->Running", "G1 Running->Running", "Sync"]);
        assert_fault(&mixed, &events, kind, place);
    }
    // A batch of the first among those of the second.
    let mut open = generation(1, [running()]);
    let bytes = Trace::new(Version::Go126).generation(open.without_end()).into_bytes();
    let bytes = Trace::new(Version::Go126).bytes(&bytes[16..]).generation(&two).into_bytes();
    let place = at_generation(FIRST + HEADER + RUNNING_LEN, 1);
    assert_fault(&bytes, &["Sync"], ErrorKind::MissingEndOfGeneration, place);
}

/// 10.
#[test]
fn a_doubled_batch_is_noticed() {
    for (version, first) in [(Version::Go122, FIRST_122), (Version::Go126, FIRST)] {
        // Nothing in it has a sequence.
        let heap = || Batch::new(ThreadId(7), 200).event(EventType::HeapAlloc, &[1, 4096]);
        let bytes = trace(version, [running(), heap(), heap()]);
        let second = first + HEADER + RUNNING_LEN + HEADER + 1 + 4;
        let (kind, place) = (ErrorKind::DuplicateBatch, at_batch(second));
        assert_fault(&bytes, &["Sync"], kind, place);
    }
    // Two that differ are not one.
    let heap = |bytes| Batch::new(ThreadId(7), 100).event(EventType::HeapAlloc, &[1, bytes]);
    assert_eq!(sound(&trace(Version::Go126, [running(), heap(1), heap(2)])).len(), 6);
    // Nor are empty ones, of which nothing is twice.
    let empty = || Batch::new(ThreadId(7), 100);
    assert_eq!(sound(&trace(Version::Go126, [running(), empty(), empty()])).len(), 4);
}

/// 10: of these nothing else would show.
#[test]
fn doubled_samples_and_experiments_are_noticed() {
    let sample =
        |time| Batch::new(None, 1).event(EventType::CPUSamples, &[]).event(EventType::CPUSample, &[time, 7, 0, 1, 0]);
    let experiment = |byte| Batch::new(ThreadId(7), 1).experiment(1).bytes(&[byte]);
    let first = FIRST + HEADER + RUNNING_LEN;
    let bytes = trace(Version::Go126, [running(), sample(99), sample(99)]);
    assert_fault(&bytes, &["Sync"], ErrorKind::DuplicateBatch, at_generation(first + 21, 1));
    let bytes = trace(Version::Go126, [running(), experiment(1), experiment(1)]);
    assert_fault(&bytes, &["Sync"], ErrorKind::DuplicateBatch, at_batch(first + 7));

    let bytes = trace(Version::Go126, [running(), sample(98), experiment(1), sample(99), experiment(2)]);
    assert_eq!(sound(&bytes).len(), 6);
}

/// 11.
#[test]
fn the_batches_of_an_m_go_forward() {
    for last in [101, 127] {
        let late = Batch::new(ThreadId(7), last).event(EventType::GoStop, &[1, 0, 0]);
        let bytes = trace(Version::Go126, [late.clone(), running()]);
        let kind = ErrorKind::TimeRegression { last, found: 100 };
        assert_fault(&bytes, &["Sync"], kind, at_batch(FIRST + HEADER + 4));
        assert_eq!(sound(&trace(Version::Go126, [running(), late])).len(), 5);
    }
    let at_once = Batch::new(ThreadId(7), 100).event(EventType::GoStop, &[1, 0, 0]);
    assert_eq!(sound(&trace(Version::Go126, [running(), at_once])).len(), 5);
}

/// 12.
#[test]
fn the_batches_of_different_ms_may_stand_in_any_order() {
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
