//! Fault 26 in v1 traces (before Go 1.22): the end of the trace, and data after it.

use gotrace::{Error, ErrorKind, Reader, ReaderBuilder, Tally, Warning, raw_v1};

use super::{NO_LOSS, at};
use gotrace_tests::corpus::v1::{BATCH, FREQUENCY, GO_CREATE, GO_SCHED, GO_START, PROC_START, STACK, STRING, V1Trace};
use gotrace_tests::corpus::{V1_RELEASES, sample, samples};
use gotrace_tests::pieces::Pieces;

/// Returns the texts of the events, the error if reading fails, the losses, the number of trailing
/// bytes and the warnings.
fn read_v1(builder: ReaderBuilder, bytes: &[u8]) -> (Vec<String>, Option<Error>, Tally, u64, Vec<Warning>) {
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
    reader.expect("a header").next_event().expect_err("the first pass over a v1 trace precedes its first event")
}

#[test]
fn another_trace_or_other_data_after_a_v1_trace_is_reported() {
    for sample in V1_RELEASES.into_iter().flat_map(samples) {
        let bytes = sample.bytes();
        let (whole, error, ..) = read_v1(Reader::builder(), &bytes);
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
            let pieces = Pieces::new(&longer, &[4096]);
            for error in [strict_error(Reader::from_slice(&longer)), strict_error(Reader::from_reader(pieces))] {
                assert_eq!((format!("{:?}", error.kind), error.at), (format!("{kind:?}"), place), "{what}");
            }
            let (events, error, lost, trailing, warnings) = read_v1(Reader::builder().lenient(), &longer);
            assert!(error.is_none() && events == whole, "{what}");
            assert_eq!((lost, trailing, warnings), (NO_LOSS, tail.len() as u64, vec![]), "{what}");
        }
    }
}

/// The record with the clock's frequency is near the end of a v1 trace, but stacks follow it.
#[test]
fn damage_after_the_frequency_is_not_trailing_data() {
    let bytes = sample("go1.21/http").bytes();
    let mut records = raw_v1::RawReader::from_slice(&bytes).expect("a header");
    let (mut stops, mut stacks, mut frequency) = (Vec::new(), Vec::new(), 0);
    while let Some(record) = records.next_record().expect("a complete trace") {
        match record.event() {
            raw_v1::EventType::ProcStop => stops.push(record.offset() as usize),
            raw_v1::EventType::Stack => stacks.push(record.offset() as usize),
            raw_v1::EventType::Frequency => frequency = record.offset() as usize,
            _ => {}
        }
    }
    assert!(
        stops.len() > 5 && stacks.len() > 50 && stops.iter().all(|stop| *stop < frequency),
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
    let (last, others) = stacks.split_last().expect("the trace has stacks");
    for stack in others.iter().filter(|stack| **stack > frequency) {
        let mut bytes = bytes.clone();
        bytes[*stack] = 0;
        assert!(!is_trailing(&bytes), "stack at {stack} of {last}");
    }
    for cut in frequency..bytes.len() {
        let (_, error, ..) = read_v1(Reader::builder(), &bytes[..cut]);
        assert!(!matches!(error, Some(Error { kind: ErrorKind::TrailingData { .. }, .. })), "cut at {cut}");
    }
}

/// A trace with this string, 28 other strings, and the clock's frequency.
fn with_string(text: &[u8]) -> V1Trace {
    let trace = V1Trace::new().record(BATCH, &[0, 100]).record(PROC_START, &[1, 7]).string(1, text);
    (2..30).fold(trace, |trace, id| trace.string(id, b"text")).record(FREQUENCY, &[1_000_000_000])
}

/// If the trace is valid, a string that contains the start of another trace is read as a string. If
/// the trace is damaged after the string, reading ends at the header inside the string, so that no
/// events of the other trace are read.
#[test]
fn a_trace_inside_a_string_is_a_string_unless_damage_follows() {
    let other = sample("go1.21/mutex").bytes();
    let (plain, ..) = read_v1(Reader::builder(), &with_string(b"text").into_bytes());
    for len in [16, 17, 40, 200, 201, 202, 203, 400, other.len()] {
        let bytes = with_string(&other[..len]).into_bytes();
        for builder in [Reader::builder(), Reader::builder().lenient()] {
            let (events, error, lost, trailing, _) = read_v1(builder, &bytes);
            assert!(error.is_none() && events == plain, "{len}: {error:?}");
            assert_eq!((lost, trailing), (NO_LOSS, 0), "{len}");
        }
        let header = memchr::memmem::rfind(&bytes, HEADER).expect("the string is in the trace");
        // A string whose ID is already used, and a batch with an invalid P.
        let wrong = [&[STRING, 1, 1, b'x'][..], &[BATCH | 1 << 6, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1]];
        for tail in [&b"\n"[..], b"PASS\n", HEADER, &other].into_iter().chain(wrong) {
            let longer = [&bytes, tail].concat();
            let (events, _, lost, trailing, _) = read_v1(Reader::builder().lenient(), &longer);
            assert!(events[..2] == plain[..2] && events.len() == 4, "{len} and {tail:?}: {events:?}");
            // The type, ID and length of the cut string come before the header.
            let bytes = trailing + lost.bytes;
            assert!(bytes - (longer.len() - header) as u64 <= 4, "{len} and {}: {lost:?} {trailing}", tail.len());
        }
    }
}

/// A header inside a string does not change how data after the trace is reported.
#[test]
fn data_after_a_trace_with_a_header_in_a_string_is_reported() {
    let whole = V1Trace::new().record(BATCH, &[0, 100]).record(PROC_START, &[1, 7]).string(1, HEADER);
    let whole = whole.record(FREQUENCY, &[1_000_000_000]).into_bytes();
    let place = whole.len() as u64;
    for (tail, kind) in [
        (&sample("go1.21/mutex").bytes()[..], ErrorKind::MultipleTraces),
        (&sample("go1.26/mutex").bytes(), ErrorKind::MultipleTraces),
        (b"\0\0\0junk", ErrorKind::TrailingData { found: 0 }),
        // A batch with an invalid P.
        (&[BATCH | 1 << 6, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1], ErrorKind::InvalidProc { id: 0x7_ffff_ffff | 1 << 35 }),
    ] {
        let error = strict_error(Reader::from_slice(&[&whole, tail].concat()));
        assert_eq!((format!("{:?}", error.kind), error.at.offset), (format!("{kind:?}"), place));
    }
}

/// The header of a trace.
const HEADER: &[u8] = b"go 1.21 trace\0\0\0";

/// Faults 5 and 7: a v1 trace that is cut between the stacks at its end looks complete, but its
/// events refer to missing stacks.
#[test]
fn missing_stacks_at_the_end_of_a_v1_trace_are_reported() {
    let bytes = sample("go1.21/http").bytes();
    let (whole, ..) = read_v1(Reader::builder(), &bytes);
    let cut = &bytes[..12_494];
    let (_, error, ..) = read_v1(Reader::builder(), cut);
    let error = error.expect("a stack is missing");
    assert_eq!(format!("{:?} at {}", error.kind, error.at.offset), "UnknownStack { id: StackId(13) } at 1435");
    let mut reader = Reader::builder().lenient().from_slice(cut).expect("a header");
    let mut events = 0;
    while reader.next_event().expect("lenient reading never fails").is_some() {
        events += 1;
    }
    let account = reader.account();
    assert_eq!((events, account.lost, account.trailing), (whole.len(), NO_LOSS, 0));
    assert_eq!(format!("{:?}", account.faults[0].kind), format!("{:?}", error.kind));
    assert_eq!((account.fault_count, account.faults[0].at.offset), (61, error.at.offset));
}

/// Events may refer to a stack without frames.
#[test]
fn a_stack_without_frames_is_known() {
    let trace = |stack: &[u64]| {
        let trace = V1Trace::new().record(BATCH, &[0, 100]).record(PROC_START, &[1, 7]);
        let trace = trace.record(GO_CREATE, &[1, 8, 0, 5]).record(GO_START, &[1, 8, 1]).record(GO_SCHED, &[1, 5]);
        trace.record(STACK, stack).record(FREQUENCY, &[1_000_000_000]).into_bytes()
    };
    let by_length = [STACK | 3 << 6, 2, 5, 0];
    let mut bytes = trace(&[5, 0]);
    let inline = memchr::memmem::find(&bytes, &[STACK | 1 << 6, 5, 0]).expect("the stack is in the trace");
    for bytes in [bytes.clone(), {
        bytes.splice(inline..inline + 3, by_length);
        bytes
    }] {
        let (events, error, ..) = read_v1(Reader::builder(), &bytes);
        assert!(error.is_none(), "{error:?}");
        assert_eq!(events.len(), 5, "{events:?}");
        assert!(events[3].ends_with("Reason=\"runtime.Gosched\""), "{events:?}");
    }
    for (stack, kind) in
        [(&[6, 0][..], ErrorKind::UnknownStack { id: gotrace::StackId(5) }), (&[5, 1], ErrorKind::VarintTruncated)]
    {
        let (_, error, ..) = read_v1(Reader::builder(), &trace(stack));
        assert_eq!(error.map(|error| format!("{:?}", error.kind)), Some(format!("{kind:?}")));
    }
}
