//! What lenient reading makes of damage in a trace without generations.

use super::{E, Trace};
use crate::error::{ErrorKind, Flaw};
use crate::wire::header::Version;
use crate::{EventKind, Reader, Tally};

/// What came of reading leniently.
#[derive(Debug)]
struct Lenient {
    /// What the events are, in brief, without the Sync before them.
    events: Vec<String>,
    faults: Vec<(String, u64)>,
    lost: Tally,
    trailing: u64,
    warnings: u64,
}

fn read(bytes: &[u8]) -> Lenient {
    let mut reader = Reader::builder().lenient().from_slice(bytes).expect("a header");
    let mut events = Vec::new();
    while let Some(event) = reader.next_event().expect("lenient reading goes on") {
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

/// What [`Trace::begun`] gives.
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
    assert_eq!(read(&Version::Go121.header()).faults, [("EmptyTrace".to_owned(), 16)]);
}

/// 5, 16: without the clock's rate, a tick is taken for a nanosecond.
#[test]
fn without_a_rate_ticks_are_nanoseconds() {
    let bytes = Trace::begun().0;
    let missing = ErrorKind::BadFrequency(Flaw::Missing);
    assert_read(&bytes, &["Sync"], &[(missing, bytes.len())]);
    let cut = Trace::begun().event(E::HeapAlloc, &[5, 1]).0;
    let faults = [
        (ErrorKind::TruncatedEvent { event: "HeapAlloc" }, cut.len() - 3),
        (ErrorKind::BadFrequency(Flaw::Missing), cut.len() - 1),
    ];
    let lenient = assert_read(&cut[..cut.len() - 1], &["Gap", "Sync"], &faults);
    assert_eq!(lenient.lost.bytes, 2);
}

/// 16.
#[test]
fn of_two_rates_the_first_counts() {
    let once = Trace::begun().end();
    let lenient = read(&Trace(once.clone()).end());
    assert_eq!(lenient.faults, [(format!("{:?}", ErrorKind::BadFrequency(Flaw::Repeated)), once.len() as u64)]);
    let begun = Trace::begun().0.len();
    let bytes = Trace::begun().event(E::Frequency, &[0]).end();
    assert_read(&bytes, &["Sync"], &[(ErrorKind::BadFrequency(Flaw::Invalid), begun)]);
}

/// 16: an event that damage has made a rate.
#[test]
fn a_rate_that_events_follow_is_none() {
    let begun = Trace::begun();
    let place = begun.0.len();
    let damaged = begun.event(E::Frequency, &[1_000_000]).event(E::HeapAlloc, &[1, 1]).batch(0, 200);
    let damaged = (0..16).fold(damaged, |trace, _| trace.event(E::HeapAlloc, &[1, 1]));
    let (bytes, end) = (damaged.0.clone(), damaged.0.len());
    let bytes = Trace(bytes).end();
    let mut reader = Reader::builder().lenient().from_slice(&bytes).expect("a header");
    let mut last = None;
    while let Some(event) = reader.next_event().expect("lenient reading goes on") {
        last = Some(event.time().0).filter(|_| matches!(event.kind(), EventKind::Metric(_))).or(last);
    }
    assert_eq!(last, Some(116), "nanoseconds, as the rate at the end says");
    let faults: Vec<_> =
        reader.account().faults.iter().map(|fault| (format!("{:?}", fault.kind), fault.at.offset)).collect();
    assert_eq!(faults, [(format!("{:?}", ErrorKind::BadFrequency(Flaw::Repeated)), end as u64)], "not {place}");
}

/// 18: what follows is given up, but its tables serve what comes before.
#[test]
fn tables_behind_the_damage_are_used() {
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

/// 19.
#[test]
fn newer_records_are_taken() {
    let mut bytes = Trace::begun().event(E::CPUSample, &[1, 106, 0, 1, 0]).end();
    let sample = Trace::begun().0.len();
    bytes[..16].copy_from_slice(&Version::Go111.header());
    let since = 19;
    let fault = (ErrorKind::EventNotInVersion { event: "CPUSample", since }, sample);
    assert_read(&bytes, &["StackSample", "Sync"], &[fault]);
}

/// 21.
#[test]
fn unknown_ids_have_placeholders() {
    let unblocked = Trace::begun().event(E::GoBlock, &[1, 0]).event(E::GoUnblock, &[1, 2, 2, 0]);
    let at = unblocked.0.len();
    let bytes = unblocked.event(E::GoStartLabel, &[1, 2, 3, 99]).end();
    let events = ["G1 Running->Waiting", "G2 Waiting->Runnable", "G2 Runnable->Running", "Label ?", "Sync"];
    assert_read(&bytes, &events, &[(ErrorKind::UnknownString { id: 99.into() }, at)]);

    let at = Trace::begun().0.len();
    let bytes = Trace::begun().event(E::GoCreate, &[1, 5, 98, 0]).end();
    let fault = (ErrorKind::UnknownStack { id: 98.into() }, at);
    assert_read(&bytes, &["G5 NotExist->Runnable", "Sync"], &[fault]);
}

/// 22.
#[test]
fn of_two_strings_the_first_counts() {
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

/// 9, 23, 24: nothing behind a contradiction can be made sense of.
#[test]
fn what_can_not_go_on_is_given_up() {
    for (event, values, lost) in
        [(E::GoStart, &[1, 9, 1][..], 2), (E::GCDone, &[1], 2), (E::GoCreate, &[1, 1, 0, 0], 2)]
    {
        let bytes = Trace::begun().event(event, values).event(E::HeapAlloc, &[1, 1]).end();
        let lenient = read(&bytes);
        assert_eq!(lenient.events, [&BEGUN[..], &["Gap", "Sync"]].concat(), "{}", event.name());
        assert_eq!((lenient.lost.events, lenient.faults.len()), (lost, 1), "{lenient:#?}");
    }
}

/// 26.
#[test]
fn a_rate_before_all_events_ends_nothing() {
    let begun = Trace::begun().0;
    let header = Version::Go121.header().len();
    let first = Trace::new().batch(0, 90).event(E::Frequency, &[1_000_000_000]).0;
    assert_read(&[&first, &begun[header..]].concat(), &["Sync"], &[]);
    // Behind the events it does.
    let end = Trace::begun().end();
    assert_read(&[&end[..], b"ok\n"].concat(), &["Sync"], &[(ErrorKind::TrailingData { found: b'o' }, end.len())]);
}

/// 26.
#[test]
fn another_trace_is_left_out() {
    let one = Trace::begun().end();
    let two = [&one[..], &one].concat();
    let lenient = assert_read(&two, &["Sync"], &[(ErrorKind::MultipleTraces, one.len())]);
    assert_eq!((lenient.trailing, lenient.lost), (one.len() as u64, Tally::default()));
    assert_eq!(lenient.warnings, 0, "what follows is told of its end");

    let mut reader = Reader::from_slice(&two).expect("a header");
    let error = reader.next_event().expect_err("two traces");
    assert!(matches!(error.kind, ErrorKind::MultipleTraces) && error.at.offset == one.len() as u64, "{error}");
}
