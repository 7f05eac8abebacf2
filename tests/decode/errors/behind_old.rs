//! Where a trace without generations ends, and what follows it: fault 26.

use gotrace::{Error, ErrorKind, Reader, ReaderBuilder, Tally, Warning, raw_v1};

use super::{Trickle, at};
use gotrace_tests::corpus::old::{
    BATCH, FREQUENCY, GO_CREATE, GO_SCHED, GO_START, OldTrace, PROC_START, STACK, STRING,
};
use gotrace_tests::corpus::{OLD_RELEASES, sample, samples};

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
            for error in [strict_error(Reader::from_slice(&longer)), strict_error(Reader::from_reader(trickle))] {
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

/// A trace of a string, some more, and the clock's rate.
fn with_text(text: &[u8]) -> OldTrace {
    let trace = OldTrace::new().record(BATCH, &[0, 100]).record(PROC_START, &[1, 7]).string(1, text);
    (2..30).fold(trace, |trace, id| trace.string(id, b"text")).record(FREQUENCY, &[1_000_000_000])
}

/// However much of another trace is in a text, a whole trace is whole. If anything is wrong with it, what is read ends at
/// the header: less is read, but nothing of another trace.
#[test]
fn a_trace_in_a_text_is_text_where_nothing_is_wrong() {
    let other = sample("go1.21/mutex").bytes();
    let (plain, ..) = read_old(Reader::builder(), &with_text(b"text").into_bytes());
    for len in [16, 17, 40, 200, 201, 202, 203, 400, other.len()] {
        let bytes = with_text(&other[..len]).into_bytes();
        for builder in [Reader::builder(), Reader::builder().lenient()] {
            let (events, error, lost, trailing, _) = read_old(builder, &bytes);
            assert!(error.is_none() && events == plain, "{len}: {error:?}");
            assert_eq!((lost, trailing), (NONE, 0), "{len}");
        }
        let header = memchr::memmem::rfind(&bytes, HEADER).expect("it is there");
        // The ID of a string that is there already; a batch of an impossible P.
        let wrong = [&[STRING, 1, 1, b'x'][..], &[BATCH | 1 << 6, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1]];
        for tail in [&b"\n"[..], b"PASS\n", HEADER, &other].into_iter().chain(wrong) {
            let longer = [&bytes, tail].concat();
            let (events, _, lost, trailing, _) = read_old(Reader::builder().lenient(), &longer);
            assert!(events[..2] == plain[..2] && events.len() == 4, "{len} and {tail:?}: {events:?}");
            // The type, the ID and the length of the text that is cut.
            let bytes = trailing + lost.bytes;
            assert!(bytes - (longer.len() - header) as u64 <= 4, "{len} and {}: {lost:?} {trailing}", tail.len());
        }
    }
}

/// A text hides no other trace after the first, and damage is not one.
#[test]
fn what_follows_a_header_in_a_text_is_reported() {
    let whole = OldTrace::new().record(BATCH, &[0, 100]).record(PROC_START, &[1, 7]).string(1, HEADER);
    let whole = whole.record(FREQUENCY, &[1_000_000_000]).into_bytes();
    let place = whole.len() as u64;
    for (tail, kind) in [
        (&sample("go1.21/mutex").bytes()[..], ErrorKind::MultipleTraces),
        (&sample("go1.26/mutex").bytes(), ErrorKind::MultipleTraces),
        (b"\0\0\0junk", ErrorKind::TrailingData { found: 0 }),
        // A batch of an impossible P.
        (&[BATCH | 1 << 6, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1], ErrorKind::InvalidProc { id: 0x7_ffff_ffff | 1 << 35 }),
    ] {
        let error = strict_error(Reader::from_slice(&[&whole, tail].concat()));
        assert_eq!((format!("{:?}", error.kind), error.at.offset), (format!("{kind:?}"), place));
    }
}

/// The header of a trace with nothing behind it.
const HEADER: &[u8] = b"go 1.21 trace\0\0\0";

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

/// A stack without frames is as good as none, but it is one that events may name.
#[test]
fn a_stack_without_frames_is_known() {
    let trace = |stack: &[u64]| {
        let trace = OldTrace::new().record(BATCH, &[0, 100]).record(PROC_START, &[1, 7]);
        let trace = trace.record(GO_CREATE, &[1, 8, 0, 5]).record(GO_START, &[1, 8, 1]).record(GO_SCHED, &[1, 5]);
        trace.record(STACK, stack).record(FREQUENCY, &[1_000_000_000]).into_bytes()
    };
    let by_length = [STACK | 3 << 6, 2, 5, 0];
    let mut bytes = trace(&[5, 0]);
    let inline = memchr::memmem::find(&bytes, &[STACK | 1 << 6, 5, 0]).expect("it is there");
    for bytes in [bytes.clone(), {
        bytes.splice(inline..inline + 3, by_length);
        bytes
    }] {
        let (events, error, ..) = read_old(Reader::builder(), &bytes);
        assert!(error.is_none(), "{error:?}");
        assert_eq!(events.len(), 5, "{events:?}");
        assert!(events[3].ends_with("Reason=\"runtime.Gosched\""), "{events:?}");
    }
    for (stack, kind) in
        [(&[6, 0][..], ErrorKind::UnknownStack { id: gotrace::StackId(5) }), (&[5, 1], ErrorKind::VarintTruncated)]
    {
        let (_, error, ..) = read_old(Reader::builder(), &trace(stack));
        assert_eq!(error.map(|error| format!("{:?}", error.kind)), Some(format!("{kind:?}")));
    }
}
