//! Real traces with a batch whose size covers more than the batch: what it covers is not its own.

use gotrace::raw::{EventType, RawReader};
use gotrace::synth::{Batch, Trace};
use gotrace::{ErrorKind, Tally, ThreadId, Version};

use super::lenient::{Lenient, ON, assert_read, read};
use super::{RUNNING, at, at_generation, generation, running, then};
use gotrace_tests::corpus::{RELEASES, sample};

/// Events by generation.
fn parts(lenient: &Lenient) -> Vec<Vec<String>> {
    let events = lenient.reading.events.iter().filter(|event| *event != "Gap");
    let events: Vec<_> = events.cloned().collect();
    events.split(|event| event == "Sync").map(<[_]>::to_vec).collect()
}

/// 8: some bytes near the end of a generation are missing, in its strings or stacks, so that the last batch takes in the
/// first bytes of the next generation.
#[test]
fn a_size_that_is_wrong_costs_no_other_generation() {
    let mut borders = 0;
    for release in RELEASES {
        for name in ["borders", "generations"] {
            let sample = sample(&format!("{release}/{name}"));
            let bytes = sample.bytes();
            let whole = parts(&read(&bytes));
            let ends = ends(&bytes);
            for (i, end) in ends[..ends.len() - 1].iter().enumerate() {
                for missing in [1, 16] {
                    let until = end - 60;
                    let damaged = read(&[&bytes[..until - missing], &bytes[until..]].concat());
                    let what = format!("{} without {missing} bytes before {until}", sample.name);
                    let found = parts(&damaged);
                    // Nothing stands before the first Sync.
                    assert_eq!(found.len(), whole.len(), "{what}");
                    for (number, (found, whole)) in found.iter().zip(&whole).enumerate() {
                        // The one behind it does not know what came before.
                        let is_there = if number == i + 2 { found.len() == whole.len() } else { found == whole };
                        assert!(number == i + 1 || is_there, "{what}: generation {number}");
                    }
                }
                borders += 1;
            }
        }
    }
    assert_eq!(borders, 42);
}

/// Where each generation ends.
fn ends(bytes: &[u8]) -> Vec<usize> {
    let mut reader = RawReader::from_slice(bytes).expect("a header");
    let mut ends = vec![0];
    let mut last = 0;
    while let Some(batch) = reader.next_batch().expect("a whole trace") {
        if batch.generation > last {
            ends.push(0);
            last = batch.generation;
        }
        *ends.last_mut().expect("one is there") = batch.offset as usize + batch.bytes().len();
    }
    ends.split_off(1)
}

/// 26: a trace that is cut gives what it gives alone, whatever trace stands behind it.
#[test]
fn another_trace_behind_a_cut_is_no_part_of_the_first() {
    const CUTS: usize = 40;
    let pairs = [
        ("go1.26/generations", "go1.27/generations"),
        ("go1.22/generations", "go1.22/borders"),
        ("go1.25/borders", "go1.25/generations"),
        ("go1.23/http", "go1.21/http"),
        ("go1.21/http", "go1.21/mutex"),
        ("go1.19/gc", "go1.19/http"),
        ("go1.21/generations", "go1.26/generations"),
    ];
    for (first, second) in pairs {
        let (bytes, second) = (sample(first).bytes(), sample(second).bytes());
        for i in 0..CUTS {
            let cut = 16 + (bytes.len() - 17) * (2 * i + 1) / (2 * CUTS);
            let alone = read(&bytes[..cut]);
            let both = read(&[&bytes[..cut], &second].concat());
            let what = format!("{first} cut at {cut}");
            assert_eq!(parts(&both), parts(&alone), "{what}");
            let others = both.faults.iter().filter(|(kind, _)| kind == "MultipleTraces");
            let places: Vec<_> = others.map(|(_, at)| at.offset).collect();
            assert_eq!((places, both.trailing), (vec![cut as u64], second.len() as u64), "{what}");
        }
    }
}

/// The same where there is no more of the other than its beginning.
#[test]
fn a_beginning_of_another_trace_behind_a_cut_is_no_part_of_the_first() {
    for name in ["go1.22/mutex", "go1.23/annotations", "go1.25/mutex", "go1.26/mutex"] {
        let bytes = sample(name).bytes();
        for cut in (17..bytes.len() - 61).step_by(29) {
            let alone = parts(&read(&bytes[..cut]));
            // 60 bytes are its header and no batch that proves to be one.
            for len in [16, 60] {
                let both = read(&[&bytes[..cut], &bytes[..len]].concat());
                assert_eq!(
                    (parts(&both), both.trailing),
                    (alone.clone(), len as u64),
                    "{name} cut at {cut}, {len} behind"
                );
            }
        }
    }
}

/// 26: what stands between two whole traces is no damage of the first.
#[test]
fn what_stands_between_two_traces_is_no_damage() {
    for (release, between) in RELEASES.into_iter().zip([&b"\n"[..], b"\0", b"x", b"PASS\n\0\0\x03", b"\n", b"\0"]) {
        let (first, second) = (sample(&format!("{release}/channels")).bytes(), sample("go1.26/mutex").bytes());
        let alone = read(&first);
        let both = read(&[&first, between, &second].concat());
        assert_eq!(both.reading.events, alone.reading.events, "{release}");
        assert_eq!((both.lost, both.trailing), (Tally::default(), (between.len() + second.len()) as u64), "{release}");
        let faults: Vec<_> = both.faults.iter().map(|(kind, at)| (kind.clone(), at.offset)).collect();
        let end = first.len() as u64;
        let trailing = (format!("{:?}", ErrorKind::TrailingData { found: between[0] }), end);
        let other = ("MultipleTraces".to_owned(), end + between.len() as u64);
        assert_eq!(faults, [trailing, other], "{release}");
    }
}

/// 26: so it is whatever the generations of the other are called, and if its first bytes are damaged.
#[test]
fn a_trace_behind_a_whole_one_is_no_part_of_it() {
    const BETWEEN: &[u8] = b"\0junk";
    for (first, second) in [(1, 3), (5000, 5002), (1, 5000), (5000, 1)] {
        let [first, second] = [first, second].map(|number| {
            let trace = Trace::new(Version::Go126).generation(&generation(number, [running()]));
            trace.generation(&generation(number + 1, [running()])).into_bytes()
        });
        let alone = read(&first);
        assert_eq!(alone.faults, []);
        let check = |second: &[u8], what: &str| {
            let both = read(&[&first, BETWEEN, second].concat());
            assert_eq!(parts(&both), parts(&alone), "{what}");
            assert_eq!((both.lost, both.trailing), (Tally::default(), (BETWEEN.len() + second.len()) as u64), "{what}");
            let faults: Vec<_> = both.faults.iter().map(|(kind, at)| (&kind[..], at.offset)).collect();
            let end = first.len() as u64;
            assert_eq!(faults, [("TrailingData { found: 0 }", end), ("MultipleTraces", end + 5)], "{what}");
        };
        check(&second, "whole");
        // Before another trace its header alone.
        check(&[&second[..16], b"xx", &second].concat(), "a header before it");
        for at in 16..second.len() {
            let mut second = second.clone();
            second[at] ^= 0xff;
            check(&second, &format!("{at}"));
        }
    }
}

/// An old trace that is cut in a stack, or in a text that records seem to follow, takes in the header of the one behind it.
#[test]
fn a_stack_or_a_text_that_is_cut_ends_before_another_trace() {
    for (first, cut, second) in
        [("go1.19/syscalls", 5350, "go1.24/cpuprofile"), ("go1.19/annotations", 1181, "go1.24/panicgoexit")]
    {
        let (bytes, second) = (sample(first).bytes(), sample(second).bytes());
        let alone = read(&bytes[..cut]);
        let both = read(&[&bytes[..cut], &second].concat());
        assert_eq!((parts(&both), both.lost), (parts(&alone), alone.lost), "{first}");
        let mut faults = alone.faults;
        faults.insert(1, ("MultipleTraces".to_owned(), at(cut as u64)));
        assert_eq!((both.faults, both.trailing), (faults, second.len() as u64), "{first}");
    }
}

/// The header of a trace in a string of the program is text, unless damage follows it: then it may be another trace.
#[test]
fn a_header_in_a_text_is_another_trace_only_at_damage() {
    let second = generation(2, [running()]);
    let mut first = generation(1, [running()]);
    first.string("go 1.26 trace\0\0\0");
    let bytes = Trace::new(Version::Go126).generation(&first).generation(&second).into_bytes();
    assert_read(&bytes, &then(&RUNNING, &ON), &[]);

    let open = Trace::new(Version::Go126).generation(first.without_end());
    let end = open.clone().into_bytes().len() as u64;
    let bytes = open.bytes(&[0]).generation(&second).into_bytes();
    let faults =
        [(ErrorKind::NotABatch { found: 0 }, at_generation(end, 1)), (ErrorKind::MultipleTraces, at(end - 16))];
    let lenient = assert_read(&bytes, &then(&RUNNING, &["Gap", "Sync"]), &faults);
    assert_eq!(lenient.trailing, bytes.len() as u64 - (end - 16));
}

/// 5 and 8: a trace whose first generation is not 1, as of a flight recorder, is found behind a damaged head, though it is cut.
#[test]
fn the_first_generation_may_have_any_number() {
    let other = Batch::new(ThreadId(8), 200).event(EventType::HeapAlloc, &[1, 1]);
    let bytes = Trace::new(Version::Go126).generation(generation(57, [running(), other]).without_end()).into_bytes();
    let cut = [&bytes[..16], &[0; 20], &bytes[16..bytes.len() - 1]].concat();
    let events = ["Gap", "Sync", RUNNING[1], RUNNING[2], "Gap", "Sync"];
    let lenient = read(&cut);
    assert_eq!(lenient.reading.events, events, "{lenient:?}");
    let faults: Vec<_> = lenient.faults.iter().map(|(kind, at)| (&kind[..], at.offset)).collect();
    let end = cut.len() as u64;
    let expected = [("NotABatch { found: 0 }", 16), ("TruncatedBatch { missing: 1 }", end)];
    assert_eq!(faults, expected);
}
