//! Where a trace without generations ends, and what stands behind it: fault 26.

use gotrace::{Error, ErrorKind, Reader, ReaderBuilder, Tally, Warning, raw_v1};

use super::{Trickle, at};
use crate::corpus::old::{BATCH, FREQUENCY, OldTrace, PROC_START};
use crate::corpus::{OLD_RELEASES, sample, samples};

/// Nothing is lost.
const NONE: Tally = Tally { bytes: 0, batches: 0, generations: 0, events: 0 };

/// What each event is, strictly or not, and the error of a strict reader.
fn read_old(builder: ReaderBuilder, bytes: &[u8]) -> (Vec<String>, Option<Error>, Tally, u64, Vec<Warning>) {
    let mut reader = builder.from_slice(bytes).expect("a header");
    let mut events = Vec::new();
    let error = loop {
        match reader.next_event() {
            Ok(Some(event)) => events.push(event.to_string()),
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    let account = reader.account();
    (events, error, account.lost, account.trailing, reader.warnings().0.to_vec())
}

fn strict_error(reader: Result<Reader<'_>, Error>) -> Error {
    reader.expect("a header").next_event().expect_err("old traces are walked over before their first event")
}

#[test]
fn more_behind_an_old_trace() {
    for sample in OLD_RELEASES.into_iter().flat_map(samples) {
        let bytes = sample.bytes();
        let (whole, error, ..) = read_old(Reader::builder(), &bytes);
        assert!(error.is_none(), "{}", sample.name);
        let text = "PASS: \u{e9}t\u{e9} 0.12s\n".as_bytes();
        let other = [text, &bytes].concat();
        let tails = [&b"\n"[..], b"ok\n", &[0], &[0; 5000], text, &bytes, &other];
        for tail in tails {
            let what = format!("{} and {:?}", sample.name, &tail[..tail.len().min(8)]);
            let longer = [&bytes[..], tail].concat();
            let kind = match tail.len() == bytes.len() {
                true => ErrorKind::MultipleTraces,
                false => ErrorKind::TrailingData { found: tail[0] },
            };
            let place = at(bytes.len() as u64);
            let trickle = Trickle { bytes: &longer, at_end: None, step: 4096 };
            for error in [strict_error(Reader::from_slice(&longer)), strict_error(Reader::new(trickle))] {
                assert_eq!((format!("{:?}", error.kind), error.at), (format!("{kind:?}"), place), "{what}");
            }
            let (events, error, lost, trailing, warnings) = read_old(Reader::builder().lenient(), &longer);
            assert!(error.is_none() && events == whole, "{what}");
            assert_eq!((lost, trailing, warnings), (NONE, tail.len() as u64, vec![]), "{what}");
        }
    }
}

/// Behind the rate of an old trace's clock there is more of the trace.
#[test]
fn damage_is_no_end_of_an_old_trace() {
    let bytes = sample("go1.21/http").bytes();
    let mut records = raw_v1::RawReader::from_slice(&bytes).expect("a header");
    let (mut stops, mut stacks, mut rate) = (Vec::new(), Vec::new(), 0);
    while let Some(record) = records.next_record().expect("a whole trace") {
        match record.event() {
            raw_v1::EventType::ProcStop => stops.push(record.offset() as usize),
            raw_v1::EventType::Stack => stacks.push(record.offset() as usize),
            raw_v1::EventType::Frequency => rate = record.offset() as usize,
            _ => {}
        }
    }
    assert!(
        stops.len() > 5 && stacks.len() > 50 && stops.iter().all(|stop| *stop < rate),
        "{} {}",
        stops.len(),
        stacks.len()
    );
    let is_trailing =
        |bytes: &[u8]| matches!(strict_error(Reader::from_slice(bytes)).kind, ErrorKind::TrailingData { .. });
    for stop in stops {
        let mut bytes = bytes.clone();
        bytes[stop] = raw_v1::EventType::Frequency.code();
        assert!(!is_trailing(&bytes), "ProcStop at {stop}");
    }
    let (last, others) = stacks.split_last().expect("there are some");
    for stack in others.iter().filter(|stack| **stack > rate) {
        let mut bytes = bytes.clone();
        bytes[*stack] = 0;
        assert!(!is_trailing(&bytes), "stack at {stack} of {last}");
    }
    for cut in rate..bytes.len() {
        let (_, error, ..) = read_old(Reader::builder(), &bytes[..cut]);
        assert!(!matches!(error, Some(Error { kind: ErrorKind::TrailingData { .. }, .. })), "cut at {cut}");
    }
}

/// The header of a trace in a string of the program is text, and so is what follows it.
#[test]
fn a_header_in_a_text_is_no_other_trace() {
    let text = [&sample("go1.21/mutex").bytes()[..40], b"..."].concat();
    let trace = |text: &[u8]| {
        let trace = OldTrace::new().record(BATCH, &[0, 100]).string(1, text).record(PROC_START, &[1, 7]);
        trace.record(FREQUENCY, &[1_000_000_000]).into_bytes()
    };
    let (events, error, lost, trailing, _) = read_old(Reader::builder().lenient(), &trace(&text));
    let plain = read_old(Reader::builder(), &trace(b"text"));
    assert!(error.is_none() && plain.1.is_none() && events == plain.0, "{events:?}");
    assert_eq!((events.len(), lost, trailing), (3, NONE, 0));
}

/// 5 and 7: cut between the stacks at its end, an old trace seems whole, but for what its events miss.
#[test]
fn stacks_that_are_cut_off_are_missed() {
    let bytes = sample("go1.21/http").bytes();
    let (whole, ..) = read_old(Reader::builder(), &bytes);
    let cut = &bytes[..12_494];
    let (_, error, ..) = read_old(Reader::builder(), cut);
    let error = error.expect("a stack is missing");
    assert_eq!(format!("{:?} at {}", error.kind, error.at.offset), "UnknownStack { id: StackId(13) } at 1435");
    let mut reader = Reader::builder().lenient().from_slice(cut).expect("a header");
    let mut events = 0;
    while reader.next_event().expect("lenient reading goes on").is_some() {
        events += 1;
    }
    let account = reader.account();
    assert_eq!((events, account.lost, account.trailing), (whole.len(), NONE, 0));
    assert_eq!(format!("{:?}", account.faults[0].kind), format!("{:?}", error.kind));
    assert_eq!((account.fault_count, account.faults[0].at.offset), (61, error.at.offset));
}
