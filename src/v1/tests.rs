//! Tests with small traces that are built record by record.

mod lenient;

use super::spec::EventType as E;
use crate::error::{ContextMismatch, Error, ErrorKind, Flaw};
use crate::wire::header::Version;
use crate::wire::varint;
use crate::{EventKind, GoState, Reader, WarningKind};

/// A trace under construction. One tick of its clock is a nanosecond.
struct Trace(Vec<u8>);

impl Trace {
    fn new() -> Self {
        Trace(Version::Go121.header().to_vec())
    }

    /// Creates a trace of P 0 with goroutine 1, which runs on thread 7, and goroutine 2, which waits. The initial list
    /// of goroutines ends at 105 ticks.
    fn begun() -> Self {
        Trace::new()
            .batch(0, 100)
            .event(E::GoCreate, &[0, 1, 0, 0])
            .event(E::GoCreate, &[0, 2, 0, 0])
            .event(E::GoWaiting, &[1, 2])
            .event(E::ProcStart, &[1, 7])
            .event(E::GoStart, &[1, 1, 1])
            .event(E::Gomaxprocs, &[2, 4, 0])
    }

    fn batch(self, proc: u64, ticks: u64) -> Self {
        self.event(E::Batch, &[proc, ticks])
    }

    /// Adds a record. Up to three values are inline. More follow their length.
    fn event(mut self, event: E, values: &[u64]) -> Self {
        let mut bytes = Vec::new();
        values.iter().for_each(|&value| varint::write(&mut bytes, value));
        match values.len() {
            n @ 1..=3 => self.0.push(event.code() | (n as u8 - 1) << 6),
            _ => {
                self.0.push(event.code() | 3 << 6);
                varint::write(&mut self.0, bytes.len() as u64);
            }
        }
        self.0.extend(bytes);
        self
    }

    fn text(mut self, text: &str) -> Self {
        varint::write(&mut self.0, text.len() as u64);
        self.0.extend(text.as_bytes());
        self
    }

    fn string(mut self, id: u64, text: &str) -> Self {
        self.0.push(E::String.code());
        varint::write(&mut self.0, id);
        self.text(text)
    }

    /// Adds the clock frequency, which ends the trace.
    fn end(self) -> Vec<u8> {
        self.event(E::Frequency, &[1_000_000_000]).0
    }

    /// Returns the texts of the events, without the two Syncs.
    fn lines(self) -> Vec<String> {
        let bytes = self.end();
        let mut reader = Reader::from_slice(&bytes).expect("a header");
        let mut lines = Vec::new();
        while let Some(event) = reader.next_event().expect("valid") {
            match event.kind() {
                EventKind::Sync(_) => {}
                _ => lines.push(event.to_string()),
            }
        }
        lines
    }

    fn fault(self) -> ErrorKind {
        fault(&self.end())
    }
}

fn fault(bytes: &[u8]) -> ErrorKind {
    error(bytes).kind
}

fn error(bytes: &[u8]) -> Error {
    let mut reader = Reader::from_slice(bytes).expect("a header");
    loop {
        match reader.next_event() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("no error"),
            Err(error) => {
                assert!(error.at.offset <= bytes.len() as u64);
                assert!(matches!(reader.next_event(), Ok(None)), "an error ends the trace");
                return error;
            }
        }
    }
}

const TWO_SECONDS: u64 = 2_000_000_000;

#[test]
fn goroutines_that_existed_before_have_initial_states() {
    let lines = Trace::begun().event(E::GoEnd, &[1]).lines();
    assert_eq!(
        lines,
        [
            r#"M=-1 P=0 G=2 StateTransition Time=1 GoID=2 Undetermined->Waiting Reason="""#,
            r#"M=7 P=0 G=-1 StateTransition Time=2 ProcID=0 Undetermined->Running Reason="""#,
            r#"M=7 P=0 G=1 StateTransition Time=3 GoID=1 Undetermined->Running Reason="""#,
            r#"M=7 P=0 G=1 StateTransition Time=6 GoID=1 Running->NotExist Reason="""#,
        ]
        .map(String::from)
    );
}

#[test]
fn listed_goroutines_without_events_are_runnable_in_order_of_id() {
    let trace = Trace::new().batch(0, 100);
    let trace = [9, 4, 7].into_iter().fold(trace, |trace, go| trace.event(E::GoCreate, &[0, go, 0, 0]));
    let lines = trace.event(E::GoWaiting, &[0, 4]).event(E::Gomaxprocs, &[5, 1, 0]).lines();
    assert_eq!(
        lines,
        [
            r#"M=-1 P=0 G=4 StateTransition Time=0 GoID=4 Undetermined->Waiting Reason="""#,
            r#"M=-1 P=-1 G=-1 StateTransition Time=5 GoID=7 Undetermined->Runnable Reason="""#,
            r#"M=-1 P=-1 G=-1 StateTransition Time=6 GoID=9 Undetermined->Runnable Reason="""#,
        ]
        .map(String::from)
    );
}

#[test]
fn a_system_call_that_does_not_block_lasts_a_nanosecond() {
    let lines = Trace::begun().event(E::GoSysCall, &[10, 0]).event(E::GoEnd, &[10]).lines();
    assert_eq!(lines[3], r#"M=7 P=0 G=1 StateTransition Time=15 GoID=1 Running->Syscall Reason="""#);
    assert_eq!(lines[4], r#"M=7 P=0 G=1 StateTransition Time=16 GoID=1 Syscall->Running Reason="""#);
}

/// Returns a trace in which goroutine 1 is in a system call from 115 to 140, which P 1 writes at 160. `between` adds
/// other records.
fn blocked(between: impl FnOnce(Trace) -> Trace) -> Trace {
    let trace = Trace::begun().event(E::GoSysCall, &[10, 0]);
    between(trace)
        .event(E::GoSysBlock, &[5])
        .event(E::ProcStop, &[1])
        .batch(1, 130)
        .event(E::ProcStart, &[0, 8])
        .event(E::HeapAlloc, &[10, 42])
        .event(E::HeapAlloc, &[15, 43])
        .event(E::GoSysExit, &[5, 1, 2, 140])
}

#[test]
fn the_end_of_a_system_call_is_returned_at_its_time() {
    // A batch without events and the tables are between the call and the event that shows that it
    // blocks.
    let lines = blocked(|trace| trace.string(1, "x").batch(3, 1).batch(0, 115)).lines();
    let times: Vec<_> = lines[3..].iter().map(|line| line.split(" Time=").nth(1).unwrap_or_default()).collect();
    assert_eq!(
        times,
        [
            r#"15 GoID=1 Running->Syscall Reason="""#,
            r#"21 ProcID=0 Running->Idle Reason="""#,
            r#"30 ProcID=1 Undetermined->Running Reason="""#,
            r#"40 Name="/memory/classes/heap/objects:bytes" Value=Value{Uint64(42)}"#,
            // The exit is after other events of the same time, because it was written later.
            r#"41 GoID=1 Syscall->Runnable Reason="""#,
            r#"55 Name="/memory/classes/heap/objects:bytes" Value=Value{Uint64(43)}"#,
        ]
    );
    assert!(lines[7].starts_with("M=-1 P=1000003 G=1 "), "{}", lines[7]);
}

#[test]
fn a_system_call_with_a_sample_does_not_block() {
    // Go's reader uses the next event of the goroutine, no matter of which kind.
    let sampled = |go| {
        let sample = move |trace: Trace| trace.event(E::CPUSample, &[0, 117, 0, go, 0]);
        blocked(sample).lines().iter().any(|line| line.contains("Syscall->Running"))
    };
    assert!(sampled(1));
    assert!(!sampled(2));
}

/// Returns the Ps of the events that state a heap goal.
fn procs_of_goals(trace: Trace) -> String {
    let lines = trace.lines();
    let goals = lines.iter().filter(|line| line.contains("/gc/heap/goal"));
    let procs: Vec<_> = goals.filter_map(|line| line.split(['=', ' ']).nth(3)).collect();
    procs.join(" ")
}

#[test]
fn equal_times_are_in_the_order_of_go() {
    // Ps 1 to 4 wait for goroutines that P 0 creates. Then all Ps have events at the same times. Go's reader returns this
    // order in every run.
    let mut trace = Trace::begun();
    for go in [13, 11, 14, 12] {
        trace = trace.event(E::GoCreate, &[5, go, 0, 0]);
    }
    trace = (0..3).fold(trace, |trace, _| trace.event(E::HeapGoal, &[15, 1]));
    for p in 1..=4 {
        trace = trace.batch(p, 105 + p).event(E::ProcStart, &[0, 7 + p]).event(E::GoStart, &[35 - p, 10 + p, 1]);
        trace = (0..p).fold(trace, |trace, _| trace.event(E::HeapGoal, &[0, 1]));
        trace = trace.event(E::HeapGoal, &[15, 1]).event(E::HeapGoal, &[0, 1]);
    }
    assert_eq!(procs_of_goals(trace), "0 1 3 2 3 2 3 4 4 4 4 3 4 3 4 0 2 1 2 1 0");
}

#[test]
fn at_equal_times_samples_are_in_the_order_of_go() {
    let trace = Trace::begun().event(E::CPUSample, &[0, 115, 0, 1, 0]).event(E::CPUSample, &[0, 115, 0, 1, 0]);
    let trace = trace.event(E::HeapGoal, &[10, 1]).event(E::HeapGoal, &[0, 1]);
    let kinds: Vec<_> = trace.lines().iter().filter_map(|line| line.split(' ').nth(3).map(String::from)).collect();
    assert_eq!(kinds[3..], ["StackSample", "Metric", "StackSample", "Metric"]);
}

#[test]
fn a_p_waits_for_an_event_of_another_p() {
    // The clock of P 1 is slow. By time alone, goroutine 2 would start before it becomes runnable.
    let lines = Trace::begun()
        .event(E::GoUnblock, &[20, 2, 2, 0])
        .batch(1, 120)
        .event(E::ProcStart, &[0, 8])
        .event(E::GoStart, &[10, 2, 3])
        .lines();
    assert!(lines[4].contains("GoID=2 Waiting->Runnable"), "{lines:#?}");
    assert!(lines[5].contains("GoID=2 Runnable->Running"), "{lines:#?}");
}

#[test]
fn misused_annotations_are_warnings() {
    let bytes = Trace::begun()
        .string(1, "outer")
        .string(2, "inner")
        .event(E::UserTaskCreate, &[1, 5, 0, 1, 0])
        .event(E::UserTaskCreate, &[1, 5, 0, 1, 0])
        .event(E::UserRegion, &[1, 5, 0, 1, 0])
        .event(E::UserRegion, &[1, 5, 0, 2, 0])
        .event(E::UserRegion, &[1, 5, 1, 1, 0])
        .end();
    let mut reader = Reader::from_slice(&bytes).expect("a header");
    while reader.next_event().expect("valid").is_some() {}
    let (warnings, count) = reader.warnings();
    assert_eq!((warnings.len(), count), (3, 3));
    assert_eq!(warnings[2].kind, WarningKind::UnprovenEnd);
    assert_eq!(warnings[2].at.offset, bytes.len() as u64);
    // The numbers of events before the warnings. The first warning follows the events of `Trace::begun` and one task,
    // the second one all events up to the region.
    let mut reader = Reader::from_slice(&bytes).expect("a header");
    let mut kinds = Vec::new();
    while let Some(event) = reader.next_event().expect("valid") {
        kinds.push(event.kind().name());
    }
    let at = |nth: usize| warnings[nth].at.event.map(|event| kinds[event as usize]);
    assert_eq!((at(0), at(1)), (Some("TaskBegin"), Some("RegionEnd")));
}

#[test]
fn damaged_framing_is_a_typed_error() {
    let header = Version::Go121.header();
    assert!(matches!(fault(&header), ErrorKind::EmptyTrace));
    assert!(matches!(Trace::new().string(1, "x").fault(), ErrorKind::NotABatch { found: 37 }));
    // Events without a P. Many short events follow each other.
    let stray = Trace::new().event(E::ProcStart, &[5, 77]).event(E::ProcStart, &[5, 77]).event(E::ProcStart, &[5, 77]);
    let begun = &Trace::begun().end()[header.len()..];
    assert!(matches!(fault(&[&stray.0, begun].concat()), ErrorKind::NotABatch { found: 0x45 }));
    assert!(matches!(Trace::new().batch(1 << 31, 0).fault(), ErrorKind::InvalidProc { id: 0x8000_0000 }));
    assert!(matches!(fault(&Trace::begun().0), ErrorKind::BadFrequency(Flaw::Missing)));
    for rate in [0, 1 << 63] {
        let trace = Trace::begun().event(E::Frequency, &[rate]).0;
        assert!(matches!(fault(&trace), ErrorKind::BadFrequency(Flaw::Invalid)));
    }
    assert!(matches!(fault(&Trace(Trace::begun().end()).end()), ErrorKind::BadFrequency(Flaw::Repeated)));
    let whole = Trace::begun().end();
    assert!(matches!(fault(&whole[..whole.len() - 1]), ErrorKind::TruncatedEvent { event: "Frequency" }));
}

#[test]
fn damaged_tables_are_typed_errors() {
    let strings = |trace: Trace| trace.fault();
    assert!(matches!(strings(Trace::begun().string(0, "x")), ErrorKind::ZeroId { table: "string" }));
    assert!(matches!(strings(Trace::begun().string(3, "")), ErrorKind::EmptyString { .. }));
    let doubled = Trace::begun().string(3, "x").string(3, "y");
    assert!(matches!(strings(doubled), ErrorKind::DuplicateId { table: "string", id: 3 }));
    // A stack of 1,001 frames, which do not exist.
    let deep = Trace::begun().event(E::Stack, &[1, 1001, 0, 0]);
    assert!(matches!(deep.fault(), ErrorKind::StackTooDeep { frames: 1001, max: 1000 }));
    let nameless = Trace::begun().event(E::Stack, &[1, 1, 0x10, 5, 5, 1]);
    assert!(matches!(nameless.fault(), ErrorKind::UnknownString { .. }));
    let label = Trace::begun().event(E::GoBlock, &[1, 0]).event(E::GoUnblock, &[1, 2, 2, 0]);
    let label = label.event(E::GoStartLabel, &[1, 2, 3, 99]);
    assert!(matches!(label.fault(), ErrorKind::UnknownString { .. }));
}

#[test]
fn contradictions_are_typed_errors() {
    let after = |event, values: &[u64]| Trace::begun().event(event, values).fault();
    assert!(matches!(after(E::GoStart, &[1, 9, 1]), ErrorKind::StuckFrontier(heads) if heads.len() == 1));
    assert!(matches!(after(E::GCStart, &[1, 5, 0]), ErrorKind::StuckFrontier(_)));
    assert!(matches!(after(E::GoCreate, &[1, 0, 0, 0]), ErrorKind::CreatedTwice(_)));
    assert!(matches!(after(E::ProcStart, &[1, 7]), ErrorKind::IllegalTransition { event: "ProcStart", .. }));
    let busy = ContextMismatch::HasGoroutine;
    assert!(matches!(after(E::ProcStop, &[1]), ErrorKind::WrongSchedContext { mismatch, .. } if mismatch == busy));
    assert!(matches!(after(E::GCDone, &[1]), ErrorKind::RangeMismatch { open: false, .. }));
    assert!(matches!(after(E::GCSweepDone, &[1, 0, 0]), ErrorKind::RangeMismatch { open: false, .. }));
    assert!(matches!(after(E::FutileWakeup, &[1]), ErrorKind::ObsoleteEvent { .. }));
    assert!(matches!(after(E::UserRegion, &[1, 0, 2, 0, 0]), ErrorKind::InvalidRegionMode { mode: 2 }));
    assert!(matches!(after(E::ProcStop, &[1, 2, 3]), ErrorKind::WrongArgumentCount { expected: 1, found: 3, .. }));
    let unblocked = || Trace::begun().event(E::GoUnblock, &[1, 2, 2, 0]);
    assert!(matches!(unblocked().event(E::GoStart, &[1, 2, 3]).fault(), ErrorKind::ProcBusy { .. }));
    let idle = Trace::begun().event(E::GoEnd, &[1]).event(E::GoSysCall, &[1, 0]);
    assert!(matches!(idle.fault(), ErrorKind::WrongSchedContext { .. }));
}

#[test]
fn impossible_times_are_typed_errors() {
    let back = Trace::begun().batch(0, 90).event(E::HeapAlloc, &[0, 1]);
    assert!(matches!(back.fault(), ErrorKind::TimeOrder { last: 105, found: 90 }));
    // Goroutine 2 waits, but was never in a system call.
    let stray = Trace::begun().event(E::GoSysExit, &[9, 2, 2, 108]);
    assert!(matches!(stray.fault(), ErrorKind::StraySyscallExit(_)));
    // The Sync and the three events of `begun` come first.
    let here = (Trace::begun().0.len() as u64, Some(4));
    let beyond = Trace::begun().event(E::HeapAlloc, &[u64::MAX, 1]).end();
    let error = error(&beyond);
    assert!(matches!(error.kind, ErrorKind::TimestampOverflow));
    assert_eq!((error.at.offset, error.at.event), here);
    // The first time that is too late, 2⁶² ns after the first event, and the last time that is valid.
    let late = |ticks: u64| Trace::begun().event(E::HeapAlloc, &[ticks - 5, 1]);
    assert!(matches!(late(1 << 62).fault(), ErrorKind::TimestampOverflow));
    assert_eq!(late((1 << 62) - 1000).lines().len(), 4);
    // A time that fits in 64 bits as ticks, but not as nanoseconds.
    let slow = Trace::begun().event(E::HeapAlloc, &[1 << 62, 1]).event(E::Frequency, &[1]).0;
    let error = self::error(&slow);
    assert!(matches!(error.kind, ErrorKind::TimestampOverflow));
    assert_eq!((error.at.offset, error.at.event), here);
}

#[test]
fn events_before_a_contradiction_are_delivered() {
    let bytes = Trace::begun().event(E::HeapAlloc, &[TWO_SECONDS, 1]).event(E::GCDone, &[1]).end();
    let mut reader = Reader::from_slice(&bytes).expect("a header");
    let mut last = None;
    while let Ok(Some(event)) = reader.next_event() {
        last = Some(event.time().0);
    }
    assert_eq!(last, Some(5 + TWO_SECONDS as i64));
}

#[test]
fn events_have_typed_states() {
    let bytes = Trace::begun().event(E::GoSleep, &[3, 0]).end();
    let mut reader = Reader::from_slice(&bytes).expect("a header");
    let mut slept = false;
    while let Some(event) = reader.next_event().expect("valid") {
        if let EventKind::GoTransition(change) = event.kind() {
            slept |= change.reason == "sleep" && change.to == GoState::Waiting;
        }
    }
    assert!(slept);
}
