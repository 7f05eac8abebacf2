//! Real traces with one fault: lenient reading keeps everything that is not damaged.
//!
//! The offsets and event counts in the tests are those of the traces in testdata.

use std::ops::Range;

use gotrace::raw::{EventType, RawReader};
use gotrace::synth::Batch;
use gotrace::{ErrorKind, Reader, Tally, ThreadId, Version};

use super::lenient::read;
use super::{at_generation, drain, running, trace};
use gotrace_tests::corpus::{RELEASES, sample};

/// Reads leniently and returns the number of events of each generation, and the faults.
fn salvage(bytes: &[u8]) -> (Vec<usize>, Vec<String>) {
    let lenient = read(bytes);
    let events: Vec<_> = lenient.reading.events.iter().filter(|event| *event != "Gap").collect();
    let parts: Vec<_> = events.split(|event| *event == "Sync").map(<[_]>::len).collect();
    let faults = lenient.faults.iter().map(|(kind, at)| format!("{kind} at {}", at.offset));
    // There are no events before the first Sync or after the last.
    (parts[1..parts.len() - 1].to_vec(), faults.collect())
}

fn salvaged(bytes: &[u8]) -> Vec<usize> {
    salvage(bytes).0
}

/// The byte range and generation of each batch.
fn batches(bytes: &[u8]) -> Vec<(Range<usize>, u64)> {
    let mut reader = RawReader::from_slice(bytes).expect("a header");
    let mut batches = Vec::new();
    while let Some(batch) = reader.next_batch().expect("a complete trace") {
        let start = batch.offset as usize;
        batches.push((start..start + batch.bytes().len(), batch.generation));
    }
    batches
}

/// Fault 5: bytes inside the truncated batch that look like a generation are not read as one.
#[test]
fn a_longer_file_never_yields_fewer_events() {
    for name in ["go1.25/allocfree", "go1.27/channels", "go1.22/channels", "go1.25/timers", "go1.26/generations"] {
        let bytes = sample(name).bytes();
        let mut most = 0;
        for len in 16..bytes.len().min(2500) {
            let Ok(mut reader) = Reader::builder().lenient().from_slice(&bytes[..len]) else { continue };
            let mut events = 0;
            while reader.next_event().expect("lenient reading never fails").is_some() {
                events += 1;
            }
            // One less is allowed: the longer file may end without the Gap that the shorter one
            // has.
            assert!(events + 1 >= most, "{name} cut at {len}: {events} events, {most} before");
            most = most.max(events);
        }
        assert!(most > 30, "{name}");
    }
}

/// Fault 9: a batch is missing, which shows only when the statuses of the next generation
/// contradict the known states.
#[test]
fn row_10_statuses_contradict_the_generation_before() {
    let whole = sample("go1.22/borders").bytes();
    let mut bytes = whole.clone();
    bytes.drain(9108..9151);
    let all = salvaged(&whole);
    let (left, faults) = salvage(&bytes);
    assert_eq!((left[3], all[3]), (225, 225));
    assert_eq!((&left[..2], &left[3..]), (&all[..2], &all[3..]));
    let contradiction = r#"InconsistentStatus { resource: Proc(ProcId(2)), known: "Idle", found: "Running" } at 13466"#;
    assert_eq!(faults, [contradiction]);
}

/// Fault 13: the batch with the clock has the number of the generation before, which then has two
/// clocks and is skipped.
#[test]
fn a_clock_with_a_wrong_generation_loses_one_generation() {
    for (name, place) in [("go1.22/generations", 5705), ("go1.23/generations", 6990), ("go1.25/generations", 8039)] {
        let mut bytes = sample(name).bytes();
        let all = salvaged(&bytes);
        assert_eq!(bytes[place], 3);
        bytes[place] = 2;
        let (left, faults) = salvage(&bytes);
        assert_eq!(left, [all[0], all[2]], "{name}");
        assert!(faults[0].starts_with("BadFrequency(Repeated)"), "{name}: {faults:?}");
        // The third generation has no clock and uses that of the first.
        assert_eq!(faults[1..], [format!("BadFrequency(Missing) at {}", bytes.len())], "{name}");
    }
}

/// Faults 10 and 13.
#[test]
fn a_repeated_batch_or_generation_is_read_once() {
    for name in ["go1.22/generations", "go1.23/generations", "go1.25/generations", "go1.26/generations"] {
        let whole = sample(name).bytes();
        let all = salvaged(&whole);
        let batches = batches(&whole);
        let doubled = |range: &Range<usize>| [&whole[..range.end], &whole[range.start..]].concat();
        for (range, _) in batches.iter().filter(|(range, _)| range.len() > 1) {
            let (left, faults) = salvage(&doubled(range));
            assert_eq!(left, all, "{name}: {range:?} twice: {faults:?}");
            let strict = drain(Reader::from_slice(&doubled(range)));
            assert!(strict.error.is_some(), "{name}: {range:?} twice");
        }
        if name < "go1.26" {
            let second = batches.iter().filter(|(_, generation)| *generation == 2).map(|(range, _)| range);
            let range = second.clone().map(|range| range.start).min().expect("a second generation");
            let range = range..second.map(|range| range.end).max().expect("a second generation");
            assert_eq!(salvaged(&doubled(&range)), all, "{name}");
        }
    }
}

/// Fault 10: statuses have no sequence numbers, so only comparing the batches detects the copy.
#[test]
fn a_repeated_batch_of_statuses_is_detected() {
    let whole = sample("go1.27/generations").bytes();
    let bytes = [&whole[..1023], &whole[921..]].concat();
    let error = drain(Reader::from_slice(&bytes)).error.expect("the copy is detected");
    assert!(matches!(error.kind, ErrorKind::DuplicateBatch), "{error:?}");
    assert_eq!(error.at, at_generation(1023, 1));
}

/// The batches of threads in the second generation.
fn thread_batches(bytes: &[u8]) -> Vec<Range<usize>> {
    let is_of_thread = |range: &Range<usize>| bytes[size_of(bytes, range).end] == EventType::ProcStatus.code();
    let of_second = |(range, number): (Range<usize>, u64)| (number == 2 && range.len() > 20).then_some(range);
    batches(bytes).into_iter().filter_map(of_second).filter(is_of_thread).collect()
}

/// The byte range of a batch's size, which follows its generation, thread and time.
fn size_of(bytes: &[u8], batch: &Range<usize>) -> Range<usize> {
    let end_of = |pos: usize| pos + bytes[pos..].iter().take_while(|byte| **byte >= 0x80).count() + 1;
    let start = (0..3).fold(batch.start + 1, |pos, _| end_of(pos));
    start..end_of(start)
}

/// Faults 13 and 8: a batch of generation 0 is skipped, and its wrong size covers the start of the
/// next batch.
#[test]
fn a_skipped_batch_with_a_wrong_size_damages_only_its_generation() {
    for (name, number) in [
        ("go1.22/generations", 2),
        ("go1.23/generations", 1),
        ("go1.25/borders", 4),
        ("go1.26/generations", 2),
        ("go1.26/borders", 4),
    ] {
        let whole = sample(name).bytes();
        let batches: Vec<_> = thread_batches(&whole)
            .into_iter()
            .filter(|batch| whole[size_of(&whole, batch).start] & 0x7f < 0x78)
            .collect();
        assert_eq!(batches.len(), number, "{name}");
        for batch in batches {
            let mut bytes = whole.clone();
            bytes[batch.start + 1] = 0;
            bytes[size_of(&whole, &batch).start] += 8;
            let (left, faults) = salvage(&bytes);
            let all = salvaged(&whole);
            assert_eq!((left.len(), left[0], &left[3..]), (all.len(), all[0], &all[3..]), "{name}: {batch:?}");
            let next = whole[batch.end + 8];
            let expected = [
                format!("InvalidGeneration at {}", batch.start),
                format!("NotABatch {{ found: {next} }} at {}", batch.end + 8),
            ];
            assert_eq!(faults, expected, "{name}: {batch:?}");
        }
    }
}

/// Fault 8: the error after a generation's first batch, whose size is wrong, names that generation.
#[test]
fn a_wrong_size_of_the_first_batch_is_an_error_of_its_generation() {
    for name in ["go1.22/generations", "go1.23/borders", "go1.25/generations", "go1.26/borders", "go1.27/generations"] {
        let whole = sample(name).bytes();
        let (first, generation) = batches(&whole).swap_remove(0);
        let mut bytes = whole.clone();
        bytes[size_of(&whole, &first).start] += 8;
        let (kind, at) = read(&bytes).faults.swap_remove(0);
        let next = first.end + 8;
        assert_eq!(kind, format!("NotABatch {{ found: {} }}", whole[next]), "{name}");
        assert_eq!((at.offset, at.generation), (next as u64, Some(generation)), "{name}");
    }
}

/// Fault 8: two batches of a generation are shorter than their sizes say.
#[test]
fn each_of_two_batches_with_wrong_sizes_is_reported_once() {
    let on = |proc: u64| Batch::new(ThreadId(10 + proc), 100).event(EventType::ProcStatus, &[1, proc, 2]);
    // The first batch has lost its end, so its last event continues in the bytes of the next batch.
    let cut = running().bytes(&[EventType::HeapAlloc.code(), 1, 0xff, 0xff, 0xff]).claiming(9 + 5 + 9 + 3);
    let batches = [cut, on(1), on(2), on(3), on(4), on(5).claiming(4 + 2), on(6), on(7), on(8)];
    let (left, faults) = salvage(&trace(Version::Go126, batches));
    let places = ["NotABatch { found: 100 } at 72", "NotABatch { found: 16 } at 107"];
    assert_eq!((left, faults), (vec![2], places.map(str::to_owned).to_vec()));
}

/// The traced program prints to the file of the trace.
#[test]
fn text_between_batches_loses_nothing() {
    const TEXT: &[u8] = "serve: Grüße, request done in 12ms\n".as_bytes();
    for release in RELEASES {
        let whole = sample(&format!("{release}/channels")).bytes();
        let events = read(&whole).reading.events;
        let all = batches(&whole);
        // Three headers after the text show that the trace continues there.
        for (batch, _) in &all[..all.len() - 3] {
            let bytes = [&whole[..batch.end], TEXT, &whole[batch.end..]].concat();
            let both = read(&bytes);
            assert_eq!(both.reading.events, events, "{release}: after {batch:?}");
            let faults: Vec<_> = both.faults.iter().map(|(kind, at)| (kind.clone(), at.offset)).collect();
            let begin = "serve: G".to_owned();
            let kind = format!("{:?}", ErrorKind::TextInTrace { begin });
            assert_eq!(faults, [(kind, batch.end as u64)], "{release}: after {batch:?}");
            assert_eq!(both.lost, Tally { bytes: TEXT.len() as u64, ..Tally::default() });
        }
    }
}
