//! Real traces with one fault: nothing that is sound is lost with it. Places and counts are those of the whole traces.

use std::ops::Range;

use gotrace::raw::{EventType, RawReader};
use gotrace::synth::Batch;
use gotrace::{ErrorKind, Reader, ThreadId, Version};

use super::lenient::read;
use super::{at_generation, drain, running, trace};
use gotrace_tests::corpus::sample;

/// Reads leniently; gives how many events each generation has, and the faults.
fn salvage(bytes: &[u8]) -> (Vec<usize>, Vec<String>) {
    let lenient = read(bytes);
    let events: Vec<_> = lenient.reading.events.iter().filter(|event| *event != "Gap").collect();
    let parts: Vec<_> = events.split(|event| *event == "Sync").map(<[_]>::len).collect();
    let faults = lenient.faults.iter().map(|(kind, at)| format!("{kind} at {}", at.offset));
    // There is nothing before the first Sync and behind the last.
    (parts[1..parts.len() - 1].to_vec(), faults.collect())
}

fn salvaged(bytes: &[u8]) -> Vec<usize> {
    salvage(bytes).0
}

/// Where the batches of a trace are, and of which generations.
fn batches(bytes: &[u8]) -> Vec<(Range<usize>, u64)> {
    let mut reader = RawReader::from_slice(bytes).expect("a header");
    let mut batches = Vec::new();
    while let Some(batch) = reader.next_batch().expect("a whole trace") {
        let start = batch.offset as usize;
        batches.push((start..start + batch.bytes().len(), batch.generation));
    }
    batches
}

/// 5: what stands in a batch that is cut is no generation, however much it looks like one.
#[test]
fn a_cut_hides_no_generation() {
    for name in ["go1.25/allocfree", "go1.27/channels", "go1.22/channels", "go1.25/timers", "go1.26/generations"] {
        let bytes = sample(name).bytes();
        let mut most = 0;
        for len in 16..bytes.len().min(2500) {
            let Ok(mut reader) = Reader::builder().lenient().from_slice(&bytes[..len]) else { continue };
            let mut events = 0;
            while reader.next_event().expect("lenient reading goes on").is_some() {
                events += 1;
            }
            // A cut may leave a Gap that a shorter one does not.
            assert!(events + 1 >= most, "{name} cut at {len}: {events} events, {most} before");
            most = most.max(events);
        }
        assert!(most > 30, "{name}");
    }
}

/// 9: a batch of one generation is missing, which the file does not show; the next one says what is.
#[test]
fn row_10_statuses_contradict_the_generation_before() {
    let whole = sample("go1.22/borders").bytes();
    let mut bytes = whole.clone();
    bytes.drain(9108..9151);
    let all = salvaged(&whole);
    let (left, faults) = salvage(&bytes);
    assert_eq!((left[3], all[3]), (225, 225));
    assert_eq!((&left[..2], &left[3..]), (&all[..2], &all[3..]));
    let said = r#"InconsistentStatus { resource: Proc(ProcId(2)), known: "Idle", found: "Running" } at 13466"#;
    assert_eq!(faults, [said]);
}

/// 13: before Go 1.26 a clock begins a generation. With the number of the one before, that has two and is skipped.
#[test]
fn a_wrong_number_of_a_clock_costs_one_generation() {
    for (name, place) in [("go1.22/generations", 5705), ("go1.23/generations", 6990), ("go1.25/generations", 8039)] {
        let mut bytes = sample(name).bytes();
        let all = salvaged(&bytes);
        assert_eq!(bytes[place], 3);
        bytes[place] = 2;
        let (left, faults) = salvage(&bytes);
        assert_eq!(left, [all[0], all[2]], "{name}");
        assert!(faults[0].starts_with("BadFrequency(Repeated)"), "{name}: {faults:?}");
        // The third has none: it is read on the clock of the first.
        assert_eq!(faults[1..], [format!("BadFrequency(Missing) at {}", bytes.len())], "{name}");
    }
}

/// 10 and 13: of what stands twice one copy is read, be it a batch or all of a generation.
#[test]
fn one_copy_is_read() {
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

/// 10: nothing in the statuses of goroutines is counted.
#[test]
fn doubled_statuses_are_noticed() {
    let whole = sample("go1.27/generations").bytes();
    let bytes = [&whole[..1023], &whole[921..]].concat();
    let error = drain(Reader::from_slice(&bytes)).error.expect("it is noticed");
    assert!(matches!(error.kind, ErrorKind::DuplicateBatch), "{error:?}");
    assert_eq!(error.at, at_generation(1023, 1));
}

/// The batches of Ms in the second generation.
fn of_ms(bytes: &[u8]) -> Vec<Range<usize>> {
    let is_ms = |range: &Range<usize>| bytes[size_of(bytes, range).end] == EventType::ProcStatus.code();
    let of_second = |(range, number): (Range<usize>, u64)| (number == 2 && range.len() > 20).then_some(range);
    batches(bytes).into_iter().filter_map(of_second).filter(is_ms).collect()
}

/// Where the size of a batch stands, behind its generation, M and time.
fn size_of(bytes: &[u8], batch: &Range<usize>) -> Range<usize> {
    let end_of = |pos: usize| pos + bytes[pos..].iter().take_while(|byte| **byte >= 0x80).count() + 1;
    let start = (0..3).fold(batch.start + 1, |pos, _| end_of(pos));
    start..end_of(start)
}

/// 13 and 8: a batch of no generation, whose size covers a part of the next one: what that was is missing.
#[test]
fn a_batch_that_is_left_out_may_cover_another() {
    for (name, number) in [
        ("go1.22/generations", 2),
        ("go1.23/generations", 1),
        ("go1.25/borders", 4),
        ("go1.26/generations", 2),
        ("go1.26/borders", 4),
    ] {
        let whole = sample(name).bytes();
        let batches: Vec<_> =
            of_ms(&whole).into_iter().filter(|batch| whole[size_of(&whole, batch).start] & 0x7f < 0x78).collect();
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

/// 8: what stands behind a generation's first batch, if its size is wrong, is of that generation and M.
#[test]
fn a_wrong_size_of_a_first_batch_is_its_generations() {
    for name in ["go1.22/generations", "go1.23/borders", "go1.25/generations", "go1.26/borders", "go1.27/generations"] {
        let whole = sample(name).bytes();
        let (first, generation) = batches(&whole).swap_remove(0);
        let mut bytes = whole.clone();
        bytes[size_of(&whole, &first).start] += 8;
        let (kind, at) = read(&bytes).faults.swap_remove(0);
        let behind = first.end + 8;
        assert_eq!(kind, format!("NotABatch {{ found: {} }}", whole[behind]), "{name}");
        assert_eq!((at.offset, at.generation), (behind as u64, Some(generation)), "{name}");
    }
}

/// 8: where several batches of a generation are shorter than their sizes say, each is told of once.
#[test]
fn of_two_batches_with_wrong_sizes_each_is_told() {
    let on = |proc: u64| Batch::new(ThreadId(10 + proc), 100).event(EventType::ProcStatus, &[1, proc, 2]);
    // The first has lost its end, so that an event goes on in what is next.
    let cut = running().bytes(&[EventType::HeapAlloc.code(), 1, 0xff, 0xff, 0xff]).claiming(9 + 5 + 9 + 3);
    let batches = [cut, on(1), on(2), on(3), on(4), on(5).claiming(4 + 2), on(6), on(7), on(8)];
    let (left, faults) = salvage(&trace(Version::Go126, batches));
    let places = ["NotABatch { found: 100 } at 72", "NotABatch { found: 16 } at 107"];
    assert_eq!((left, faults), (vec![2], places.map(str::to_owned).to_vec()));
}
