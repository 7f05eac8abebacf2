//! Traces of Go 1.11 to 1.21, complete and damaged. The text of their events is compared with that
//! of Go's reader.

use std::io;

use gotrace::{Error, ErrorKind, EventKind, Reader};
use gotrace_tests::corpus::{Sample, V1_RELEASES, sample, samples};
use gotrace_tests::pieces::Pieces;
use gotrace_tests::v1_text::{assert_agrees, text, whole_text};

fn traces() -> Vec<Sample> {
    let traces: Vec<_> = V1_RELEASES.into_iter().flat_map(samples).collect();
    assert!(traces.len() > 30);
    traces
}

#[test]
fn text_equals_that_of_go() {
    let mut equal = 0;
    let traces = traces();
    for sample in &traces {
        let (ours, golden) = (whole_text(&sample.bytes()), sample.golden("parsed"));
        equal += usize::from(ours == golden);
        assert_agrees(&sample.name, &ours, &golden);
    }
    assert_eq!(equal, traces.len(), "number of traces whose text is equal to the byte");
}

#[test]
fn text_is_the_same_from_a_slice_and_in_pieces() {
    let irregular = [1, 700, 13, 3000, 97, 2048, 5, 1234, 31, 2500, 400];
    for sample in traces() {
        let bytes = sample.bytes();
        let want = whole_text(&bytes);
        for sizes in [&[usize::MAX][..], &[1], &irregular] {
            let (text, error) = text(Reader::from_reader(Pieces::new(&bytes, sizes)).expect("a header"));
            assert!(error.is_none() && text == want, "{} in pieces of {sizes:?}: {error:?}", sample.name);
        }
    }
}

/// Reads a trace that may be damaged and formats every event.
fn read_and_format(bytes: &[u8]) -> Result<usize, Error> {
    let mut reader = Reader::from_slice(bytes)?;
    let mut events = 0;
    while let Some(event) = reader.next_event()? {
        events += format!("{event:?}").len().min(1);
        event.write_text(&mut io::sink()).expect("writing to a sink cannot fail");
    }
    Ok(events)
}

const SMALL: [&str; 3] = ["go1.19/timers", "go1.21/labels", "go1.21/panicgoexit"];

#[test]
fn a_trace_truncated_before_its_stacks_is_an_error() {
    for name in SMALL {
        let bytes = sample(name).bytes();
        assert!(read_and_format(&bytes).is_ok());
        let mut silent = Vec::new();
        for cut in 0..bytes.len() {
            match read_and_format(&bytes[..cut]) {
                Ok(_) => silent.push(cut),
                Err(error) => assert!(error.at.offset <= cut as u64, "{name} cut at {cut}: {error}"),
            }
        }
        // The stacks come last, after the clock's frequency. A trace that is cut between two of
        // them looks complete, or an event refers to a missing stack.
        assert!(silent.iter().all(|cut| *cut > bytes.len() / 4), "{name}: {silent:?}");
        assert!(matches!(read_and_format(&bytes[..16]).expect_err("nothing but a header").kind, ErrorKind::EmptyTrace));
    }
}

#[test]
fn a_changed_byte_never_causes_a_panic() {
    for name in SMALL {
        let mut bytes = sample(name).bytes();
        for at in 0..bytes.len() {
            for mask in [0x01, 0x80, 0xff] {
                bytes[at] ^= mask;
                // The result may be an error or a different trace.
                let _ = read_and_format(&bytes);
                bytes[at] ^= mask;
            }
        }
    }
}

/// Reads leniently and returns the texts of the events, without gaps and the last Sync.
fn leniently(bytes: &[u8]) -> Vec<String> {
    let mut reader = Reader::builder().lenient().from_slice(bytes).expect("a header");
    let mut texts = Vec::new();
    let mut gaps = 0;
    while let Some(event) = reader.next_event().expect("lenient reading never fails") {
        match event.kind() {
            EventKind::Gap(_) => gaps += 1,
            kind => texts.push(format!("{} {:?} {:?} {kind:?}", kind.name(), event.go(), event.proc())),
        }
    }
    let account = reader.account();
    assert_eq!(account.read.bytes + account.lost.bytes + account.trailing, bytes.len() as u64);
    assert_eq!(account.read.events, texts.len() as u64 + gaps);
    assert!(gaps <= 1 && (gaps == 0 || account.fault_count > 0));
    texts.pop();
    texts
}

/// An event before the cut is lost only if it depends on one after it.
#[test]
fn a_truncated_trace_yields_the_events_before_the_cut() {
    for name in SMALL {
        let bytes = sample(name).bytes();
        let all = leniently(&bytes).len();
        let mut last = 0;
        let mut given = Vec::new();
        for cut in (16..=bytes.len()).step_by(5) {
            let events = leniently(&bytes[..cut]).len();
            given.push(events);
            last = last.max(events);
        }
        assert!(given.iter().any(|&events| events > all / 2 && events < all), "{name}: {given:?}");
        assert_eq!(leniently(&bytes).len(), whole_events(&bytes) - 1, "{name}");
        assert!(last <= all, "{name}");
    }
}

fn whole_events(bytes: &[u8]) -> usize {
    let mut reader = Reader::from_slice(bytes).expect("a header");
    let mut events = 0;
    while reader.next_event().expect("a complete trace").is_some() {
        events += 1;
    }
    events
}

#[test]
fn a_changed_byte_never_stops_lenient_reading() {
    for name in SMALL {
        let mut bytes = sample(name).bytes();
        for at in (16..bytes.len()).step_by(7) {
            for mask in [0x01, 0x80, 0xff] {
                bytes[at] ^= mask;
                let slice = leniently(&bytes);
                let copy = bytes.clone();
                let mut reader = Reader::builder().lenient().from_reader(&copy[..]).expect("a header");
                let mut events = 0;
                while let Some(event) = reader.next_event().expect("lenient reading never fails") {
                    events += usize::from(!matches!(event.kind(), EventKind::Gap(_)));
                }
                assert_eq!(slice.len() + 1, events.max(1), "{name}: {at} ^ {mask}");
                bytes[at] ^= mask;
            }
        }
    }
}
