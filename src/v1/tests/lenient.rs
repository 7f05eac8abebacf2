//! Tests lenient reading, row by row of the table in [`lenient`](super::super::lenient).

use std::io;

use super::{E, Trace};
use crate::error::{ErrorKind, Flaw};
use crate::wire::header::Version;
use crate::{EventKind, Limits, Reader, Tally};

/// The result of lenient reading.
#[derive(Debug)]
struct Lenient {
    /// The events in short form, without the first Sync.
    events: Vec<String>,
    faults: Vec<(String, u64)>,
    lost: Tally,
    trailing: u64,
    warnings: u64,
}

fn read(bytes: &[u8]) -> Lenient {
    let mut reader = Reader::builder().lenient().from_slice(bytes).expect("a header");
    let mut events = Vec::new();
    while let Some(event) = reader.next_event().expect("lenient reading continues") {
        events.push(match event.kind() {
            EventKind::GoTransition(change) => format!("G{} {}->{}", change.go, change.from, change.to),
            EventKind::ProcTransition(change) => format!("P{} {}->{}", change.proc, change.from, change.to),
            EventKind::Label(label) => format!("Label {}", label.label),
            kind => kind.name().to_owned(),
        });
    }
    let account = reader.account();
    assert_eq!(account.read.bytes + account.lost.bytes + account.trailing, bytes.len() as u64, "{account:?}");
    let faults = account.faults.iter().map(|fault| (format!("{:?}", fault.kind), fault.at.offset)).collect();
    if !events.is_empty() {
        assert_eq!(events.remove(0), "Sync");
    }
    let warnings = reader.warnings().1;
    Lenient { events, faults, lost: account.lost, trailing: account.trailing, warnings }
}

/// The events of [`Trace::begun`].
const BEGUN: [&str; 3] = ["G2 Undetermined->Waiting", "P0 Undetermined->Running", "G1 Undetermined->Running"];

#[track_caller]
fn assert_read(bytes: &[u8], more: &[&str], faults: &[(ErrorKind, usize)]) -> Lenient {
    let lenient = read(bytes);
    assert_eq!(lenient.events, [&BEGUN[..], more].concat(), "{lenient:#?}");
    let faults: Vec<_> = faults.iter().map(|(kind, at)| (format!("{kind:?}"), *at as u64)).collect();
    assert_eq!(lenient.faults, faults);
    lenient
}

#[test]
fn a_whole_trace_has_no_faults() {
    let lenient = assert_read(&Trace::begun().end(), &["Sync"], &[]);
    assert_eq!(lenient.lost, Tally::default());
}

/// Row 1. Events after the damage are lost, but strings are used for events before it.
#[test]
fn row_01_unreadable_record() {
    let label = |trace: Trace| {
        let unblocked = trace.event(E::GoBlock, &[1, 0]).event(E::GoUnblock, &[1, 2, 2, 0]);
        unblocked.event(E::GoStartLabel, &[1, 2, 3, 99])
    };
    let labelled = label(Trace::begun());
    let damage = labelled.0.len();
    let mut damaged = labelled;
    damaged.0.extend([0, 0, 0]);
    let bytes = damaged.batch(0, 200).event(E::HeapAlloc, &[1, 1]).batch(0, 300).string(99, "worker").end();
    let events = ["G1 Running->Waiting", "G2 Waiting->Runnable", "G2 Runnable->Running", "Label worker", "Gap", "Sync"];
    let lenient = assert_read(&bytes, &events, &[(ErrorKind::UnknownEvent { code: 0 }, damage)]);
    assert_eq!(lenient.lost.bytes, 3);
}

/// Row 2. Events before the end are kept if they do not need an event after it.
#[test]
fn row_02_truncated_file() {
    let cut = Trace::begun().event(E::HeapAlloc, &[5, 1]).0;
    let faults = [
        (ErrorKind::TruncatedEvent { event: "HeapAlloc" }, cut.len() - 3),
        (ErrorKind::BadFrequency(Flaw::Missing), cut.len() - 1),
    ];
    let lenient = assert_read(&cut[..cut.len() - 1], &["Gap", "Sync"], &faults);
    assert_eq!(lenient.lost.bytes, 2);

    // P 1 would have to make goroutine 2 runnable.
    let waits = Trace::begun().event(E::GoBlock, &[1, 0]).event(E::GoStart, &[5, 2, 3]).event(E::HeapAlloc, &[1, 1]);
    let cut = waits.batch(1, 107).event(E::GoUnblock, &[1, 2, 2, 0]).0;
    let faults = [
        (ErrorKind::TruncatedEvent { event: "GoUnblock" }, cut.len() - 6),
        (ErrorKind::BadFrequency(Flaw::Missing), cut.len() - 1),
    ];
    let lenient = assert_read(&cut[..cut.len() - 1], &["G1 Running->Waiting", "Gap", "Sync"], &faults);
    assert_eq!(lenient.lost.events, 2);
}

/// Row 6.
#[test]
fn row_06_without_a_frequency_ticks_are_nanoseconds() {
    let bytes = Trace::begun().0;
    let missing = ErrorKind::BadFrequency(Flaw::Missing);
    assert_read(&bytes, &["Sync"], &[(missing, bytes.len())]);
}

/// Row 6. Damage turned an event into a frequency.
#[test]
fn row_06_the_last_frequency_counts() {
    let begun = Trace::begun();
    let damaged = begun.event(E::Frequency, &[1_000_000]).event(E::HeapAlloc, &[1, 1]).batch(0, 200);
    let damaged = (0..16).fold(damaged, |trace, _| trace.event(E::HeapAlloc, &[1, 1]));
    let (bytes, end) = (damaged.0.clone(), damaged.0.len());
    let bytes = Trace(bytes).end();
    let mut reader = Reader::builder().lenient().from_slice(&bytes).expect("a header");
    let mut last = None;
    while let Some(event) = reader.next_event().expect("lenient reading continues") {
        last = Some(event.time().0).filter(|_| matches!(event.kind(), EventKind::Metric(_))).or(last);
    }
    assert_eq!(last, Some(116), "nanoseconds, according to the frequency at the end");
    let faults: Vec<_> =
        reader.account().faults.iter().map(|fault| (format!("{:?}", fault.kind), fault.at.offset)).collect();
    assert_eq!(faults, [(format!("{:?}", ErrorKind::BadFrequency(Flaw::Repeated)), end as u64)]);

    let begun = Trace::begun().0.len();
    let bytes = Trace::begun().event(E::Frequency, &[0]).end();
    assert_read(&bytes, &["Sync"], &[(ErrorKind::BadFrequency(Flaw::Invalid), begun)]);
}

/// Row 3.
#[test]
fn row_03_wrong_record_in_a_batch() {
    let mut bytes = Trace::begun().event(E::CPUSample, &[1, 106, 0, 1, 0]).end();
    let sample = Trace::begun().0.len();
    bytes[..16].copy_from_slice(&Version::Go111.header());
    let since = 19;
    let fault = (ErrorKind::EventNotInVersion { event: "CPUSample", since }, sample);
    assert_read(&bytes, &["StackSample", "Sync"], &[fault]);

    let bytes = Trace::begun().event(E::CPUSample, &[1, 1 << 63, 0, 1, 0]).end();
    assert_read(&bytes, &["Sync"], &[(ErrorKind::TimestampOverflow, sample)]);
}

/// Row 4.
#[test]
fn row_04_wrong_string_or_stack() {
    let unblocked = Trace::begun().event(E::GoBlock, &[1, 0]).event(E::GoUnblock, &[1, 2, 2, 0]);
    let at = unblocked.0.len();
    let bytes = unblocked.event(E::GoStartLabel, &[1, 2, 3, 99]).end();
    let events = ["G1 Running->Waiting", "G2 Waiting->Runnable", "G2 Runnable->Running", "Label ?", "Sync"];
    assert_read(&bytes, &events, &[(ErrorKind::UnknownString { id: 99.into() }, at)]);

    let at = Trace::begun().0.len();
    let bytes = Trace::begun().event(E::GoCreate, &[1, 5, 98, 0]).end();
    let fault = (ErrorKind::UnknownStack { id: 98.into() }, at);
    assert_read(&bytes, &["G5 NotExist->Runnable", "Sync"], &[fault]);

    let bytes = Trace::begun().string(3, "").end();
    assert_read(&bytes, &["Sync"], &[(ErrorKind::EmptyString { id: 3.into() }, at)]);
}

/// Row 5.
#[test]
fn row_05_repeated_id() {
    let first = Trace::begun().string(99, "first");
    let at = first.0.len();
    let twice = first.string(99, "second");
    let zero = twice.0.len();
    let trace = twice.string(0, "none").event(E::GoBlock, &[1, 0]).event(E::GoUnblock, &[1, 2, 2, 0]);
    let bytes = trace.event(E::GoStartLabel, &[1, 2, 3, 99]).end();
    let events = ["G1 Running->Waiting", "G2 Waiting->Runnable", "G2 Runnable->Running", "Label first", "Sync"];
    let faults =
        [(ErrorKind::DuplicateId { table: "string", id: 99 }, at), (ErrorKind::ZeroId { table: "string" }, zero)];
    assert_read(&bytes, &events, &faults);
}

/// Row 7.
#[test]
fn row_07_contradiction() {
    for (event, values, lost) in
        [(E::GoStart, &[1, 9, 1][..], 2), (E::GCDone, &[1], 2), (E::GoCreate, &[1, 1, 0, 0], 2)]
    {
        let bytes = Trace::begun().event(event, values).event(E::HeapAlloc, &[1, 1]).end();
        let lenient = read(&bytes);
        assert_eq!(lenient.events, [&BEGUN[..], &["Gap", "Sync"]].concat(), "{}", event.name());
        assert_eq!((lenient.lost.events, lenient.faults.len()), (lost, 1), "{lenient:#?}");
    }
}

/// Row 8.
#[test]
fn row_08_header_of_another_trace() {
    let one = Trace::begun().end();
    let two = [&one[..], &one].concat();
    let lenient = assert_read(&two, &["Sync"], &[(ErrorKind::MultipleTraces, one.len())]);
    assert_eq!((lenient.trailing, lenient.lost), (one.len() as u64, Tally::default()));
    assert_eq!(lenient.warnings, 0, "the end is certain");

    let mut reader = Reader::from_slice(&two).expect("a header");
    let error = reader.next_event().expect_err("two traces");
    assert!(matches!(error.kind, ErrorKind::MultipleTraces) && error.at.offset == one.len() as u64, "{error}");

    // In a trace that strict reading accepts, a header in a text is text. In other traces, the trace ends there.
    let text = "go 1.21 trace\0\0\0";
    let trace = || Trace::begun().event(E::GoBlock, &[1, 0]).string(1, text).event(E::HeapAlloc, &[1, 1]);
    assert_read(&trace().end(), &["G1 Running->Waiting", "Metric", "Sync"], &[]);
    let damaged = trace().event(E::GCDone, &[1]).end();
    let at = memchr::memmem::rfind(&damaged, text.as_bytes()).expect("it is present");
    let faults = [
        (ErrorKind::TruncatedEvent { event: "String" }, at - 3),
        (ErrorKind::MultipleTraces, at),
        (ErrorKind::BadFrequency(Flaw::Missing), at),
    ];
    let lenient = assert_read(&damaged, &["G1 Running->Waiting", "Gap", "Sync"], &faults);
    assert_eq!((lenient.trailing, lenient.lost.bytes), ((damaged.len() - at) as u64, 3));
}

/// Row 9. The data is after the frequency, unless the frequency is before all events.
#[test]
fn row_09_other_data_after_the_end() {
    let begun = Trace::begun().0;
    let header = Version::Go121.header().len();
    let first = Trace::new().batch(0, 90).event(E::Frequency, &[1_000_000_000]).0;
    assert_read(&[&first, &begun[header..]].concat(), &["Sync"], &[]);
    let end = Trace::begun().end();
    assert_read(&[&end[..], b"ok\n"].concat(), &["Sync"], &[(ErrorKind::TrailingData { found: b'o' }, end.len())]);
}

/// Row 10.
#[test]
fn row_10_only_a_header() {
    let lenient = read(&Version::Go121.header());
    assert!(lenient.events.is_empty() && lenient.lost == Tally::default(), "{lenient:?}");
    assert_eq!(lenient.faults, [("EmptyTrace".to_owned(), 16)]);
}

/// Row 11.
#[test]
fn row_11_io_error_or_limit() {
    struct Failing<'a>(&'a [u8]);
    impl io::Read for Failing<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            match self.0.read(out)? {
                0 => Err(io::ErrorKind::ConnectionReset.into()),
                read => Ok(read),
            }
        }
    }
    let bytes = Trace::begun().end();
    let mut reader = Reader::builder().lenient().from_reader(Failing(&bytes)).expect("a header");
    let error = reader.next_event().expect_err("not all bytes can be read");
    assert!(matches!(error.kind, ErrorKind::Io(_)) && error.at.offset == bytes.len() as u64, "{error}");
    assert!(matches!(reader.next_event(), Ok(None)), "an error ends the trace");

    let limits = Limits { goroutines: 1, ..Limits::DEFAULT };
    let mut reader = Reader::builder().lenient().limits(limits).from_slice(&bytes).expect("a header");
    let error = loop {
        match reader.next_event() {
            Ok(event) => assert!(event.is_some(), "there are two goroutines"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error.kind, ErrorKind::LimitExceeded { limit: 1, .. }), "{error}");
}
