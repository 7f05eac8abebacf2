//! Traces with a batch whose size reaches into the next generation or the next trace: those bytes
//! are not part of the batch.

use gotrace::raw::{EventType, RawReader};
use gotrace::synth::{Batch, Trace};
use gotrace::{ErrorKind, Tally, ThreadId, Version};

use super::lenient::{CONTINUED, Lenient, assert_read, read};
use super::{RUNNING, at, at_generation, generation, running, then};
use gotrace_tests::corpus::{RELEASES, sample};

/// The events of each generation.
fn parts(lenient: &Lenient) -> Vec<Vec<String>> {
    let events = lenient.reading.events.iter().filter(|event| *event != "Gap");
    let events: Vec<_> = events.cloned().collect();
    events.split(|event| event == "Sync").map(<[_]>::to_vec).collect()
}

/// Fault 8: some bytes near the end of a generation are missing, in its strings or stacks, so that
/// the size of its last batch covers the first bytes of the next generation.
#[test]
fn a_wrong_size_does_not_damage_the_next_generation() {
    let mut boundaries = 0;
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
                    assert_eq!(found.len(), whole.len(), "{what}");
                    for (number, (found, whole)) in found.iter().zip(&whole).enumerate() {
                        // The next generation starts with undetermined states, so only its event
                        // count is the same.
                        let is_kept = if number == i + 2 { found.len() == whole.len() } else { found == whole };
                        assert!(number == i + 1 || is_kept, "{what}: generation {number}");
                    }
                }
                boundaries += 1;
            }
        }
    }
    assert_eq!(boundaries, 42);
}

/// The offset of the end of each generation.
fn ends(bytes: &[u8]) -> Vec<usize> {
    let mut reader = RawReader::from_slice(bytes).expect("a header");
    let mut ends = vec![0];
    let mut last = 0;
    while let Some(batch) = reader.next_batch().expect("a complete trace") {
        if batch.generation > last {
            ends.push(0);
            last = batch.generation;
        }
        *ends.last_mut().expect("one is there") = batch.offset as usize + batch.bytes().len();
    }
    ends.split_off(1)
}

/// Fault 26: a truncated trace yields the same events whether or not another trace follows it.
#[test]
fn another_trace_after_a_truncated_one_is_trailing_data() {
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

/// Fault 26, with only the start of the other trace.
#[test]
fn the_start_of_another_trace_after_a_truncated_one_is_trailing_data() {
    for name in ["go1.22/mutex", "go1.23/annotations", "go1.25/mutex", "go1.26/mutex"] {
        let bytes = sample(name).bytes();
        for cut in (17..bytes.len() - 61).step_by(29) {
            let alone = parts(&read(&bytes[..cut]));
            // 60 bytes hold the header, but no batches that prove to be a trace.
            for len in [16, 60] {
                let both = read(&[&bytes[..cut], &bytes[..len]].concat());
                assert_eq!(
                    (parts(&both), both.trailing),
                    (alone.clone(), len as u64),
                    "{name} cut at {cut}, then {len} bytes"
                );
            }
        }
    }
}

/// Fault 26.
#[test]
fn data_between_two_complete_traces_is_not_damage_of_the_first() {
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

/// Fault 26: the numbers of the second trace's generations do not matter, nor does damage of the
/// second trace.
#[test]
fn a_trace_after_a_complete_one_is_trailing_data_even_if_damaged() {
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
        check(&second, "undamaged");
        check(&[&second[..16], b"xx", &second].concat(), "after an extra header");
        for at in 16..second.len() {
            let mut second = second.clone();
            second[at] ^= 0xff;
            check(&second, &format!("{at}"));
        }
    }
}

/// The cut stack or string of a v1 trace claims bytes of the header of the next trace.
#[test]
fn a_v1_trace_cut_in_a_stack_or_string_ends_before_the_next_trace() {
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

/// A string of the program may contain the header of a trace. If damage follows, it may be another
/// trace.
#[test]
fn a_header_inside_a_string_starts_another_trace_only_if_damage_follows() {
    let second = generation(2, [running()]);
    let mut first = generation(1, [running()]);
    first.string("go 1.26 trace\0\0\0");
    let bytes = Trace::new(Version::Go126).generation(&first).generation(&second).into_bytes();
    assert_read(&bytes, &then(&RUNNING, &CONTINUED), &[]);

    let open = Trace::new(Version::Go126).generation(first.without_end());
    let end = open.clone().into_bytes().len() as u64;
    let bytes = open.bytes(&[0]).generation(&second).into_bytes();
    let faults =
        [(ErrorKind::NotABatch { found: 0 }, at_generation(end, 1)), (ErrorKind::MultipleTraces, at(end - 16))];
    let lenient = assert_read(&bytes, &then(&RUNNING, &["Gap", "Sync"]), &faults);
    assert_eq!(lenient.trailing, bytes.len() as u64 - (end - 16));
}

/// Faults 5 and 8: the start and the end of a flight recorder's trace are damaged, whose first
/// generation is not 1.
#[test]
fn a_first_generation_with_any_number_is_found_after_a_damaged_start() {
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
