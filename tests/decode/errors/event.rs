//! Errors in single events: faults 15 and 17 to 20.

use gotrace::raw::EventType;
use gotrace::synth::Batch;
use gotrace::{ContextMismatch, ErrorKind, GoId, Location, ProcId, Resource, ThreadId, Version};

use super::{
    FIRST, FIRST_BEFORE_125, HEADER, RUNNING, RUNNING_LEN, assert_fault, at_batch, at_event, read_valid, running, then,
    trace,
};

/// Asserts an error at the event after those of [`running`].
#[track_caller]
fn assert_event_fault(batch: Batch, kind: ErrorKind) {
    let location = at_event(FIRST + HEADER + RUNNING_LEN, 3);
    assert_fault(&trace(Version::Go126, [batch]), &RUNNING, kind, location);
}

/// Fault 18.
#[test]
fn unknown_event_types_are_errors() {
    for code in [0, 53, 60, 126, 127, 137, 255] {
        assert_event_fault(running().bytes(&[code, 1, 1]), ErrorKind::UnknownEvent { code });
    }
    // The first event of a batch.
    let bytes = trace(Version::Go126, [Batch::new(ThreadId(7), 100).bytes(&[60, 1])]);
    assert_fault(&bytes, &["Sync"], ErrorKind::UnknownEvent { code: 60 }, at_event(FIRST + HEADER, 1));
}

/// Fault 18: events that belong to the framing or to tables.
#[test]
fn structural_events_in_the_batch_of_a_thread_are_errors() {
    for event in [
        EventType::EventBatch,
        EventType::Stacks,
        EventType::Stack,
        EventType::Strings,
        EventType::String,
        EventType::CPUSamples,
        EventType::CPUSample,
        EventType::Frequency,
        EventType::ExperimentalBatch,
        EventType::Sync,
        EventType::ClockSnapshot,
        EventType::EndOfGeneration,
    ] {
        let kind = ErrorKind::WrongContext { event: event.name() };
        assert_event_fault(running().event(event, &[1, 1, 1, 1]), kind);
    }
    // Since Go 1.25 a frequency follows a Sync, so a batch that starts with one is not a table.
    let bytes = trace(Version::Go126, [Batch::new(ThreadId(7), 100).event(EventType::Frequency, &[1])]);
    assert_fault(&bytes, &["Sync"], ErrorKind::WrongContext { event: "Frequency" }, at_event(FIRST + HEADER, 1));
}

/// Fault 19.
#[test]
fn events_newer_than_the_version_are_errors() {
    for (version, first, event) in [
        (Version::Go122, FIRST_BEFORE_125, EventType::GoSwitch),
        (Version::Go122, FIRST_BEFORE_125, EventType::GoSwitchDestroy),
        (Version::Go122, FIRST_BEFORE_125, EventType::GoCreateBlocked),
        (Version::Go122, FIRST_BEFORE_125, EventType::GoStatusStack),
        (Version::Go122, FIRST_BEFORE_125, EventType::SpanAlloc),
        (Version::Go122, FIRST_BEFORE_125, EventType::ExperimentalBatch),
        (Version::Go122, FIRST_BEFORE_125, EventType::Sync),
        (Version::Go123, FIRST_BEFORE_125, EventType::Sync),
        (Version::Go123, FIRST_BEFORE_125, EventType::ClockSnapshot),
        (Version::Go125, FIRST, EventType::EndOfGeneration),
    ] {
        let bytes = trace(version, [running().event(event, &[1, 1, 1, 1, 1])]);
        let since = event.spec().since.minor();
        let location = at_event(first + HEADER + RUNNING_LEN, 3);
        assert_fault(&bytes, &RUNNING, ErrorKind::EventNotInVersion { event: event.name(), since }, location);
    }
    // A batch of an experiment.
    let bytes = trace(Version::Go122, [running(), Batch::new(ThreadId(7), 100).experiment(1).bytes(&[0])]);
    let location = at_batch(FIRST_BEFORE_125 + HEADER + RUNNING_LEN);
    assert_fault(&bytes, &["Sync"], ErrorKind::EventNotInVersion { event: "ExperimentalBatch", since: 23 }, location);
}

/// Fault 15, in the time and in each argument.
#[test]
fn numbers_in_events_that_overflow_or_are_cut_off_are_errors() {
    let number = [0xff; 11];
    let mut batch = running().bytes(&[EventType::GoUnblock.code()]);
    for _ in 0..4 {
        assert_event_fault(batch.clone().bytes(&number), ErrorKind::VarintOverflow);
        assert_event_fault(batch.clone(), ErrorKind::VarintTruncated);
        assert_event_fault(batch.clone().bytes(&[0x80]), ErrorKind::VarintTruncated);
        batch = batch.bytes(&[1]);
    }
}

/// The error counts events that the fast path decodes, and those that it does not.
#[test]
fn an_error_counts_all_events_before_it() {
    let stop = running().event(EventType::GoStop, &[1, 0, 0]).event(EventType::ProcStop, &[1]);
    let events = then(&RUNNING, &["G1 Running->Runnable", "P0 Running->Idle"]);
    let bytes = trace(Version::Go126, [stop.bytes(&[60])]);
    let location = at_event(FIRST + HEADER + RUNNING_LEN + 4 + 2, 5);
    assert_fault(&bytes, &events, ErrorKind::UnknownEvent { code: 60 }, location);

    // A coroutine switch is three events.
    let switch = running().event(EventType::GoCreateBlocked, &[1, 2, 0, 0]).event(EventType::GoSwitch, &[1, 2, 1]);
    let switched = ["G2 NotExist->Waiting", "G2 Waiting->Runnable", "G1 Running->Waiting", "G2 Runnable->Running"];
    let bytes = trace(Version::Go126, [switch.bytes(&[60])]);
    let location = at_event(FIRST + HEADER + RUNNING_LEN + 5 + 4, 7);
    assert_fault(&bytes, &then(&RUNNING, &switched), ErrorKind::UnknownEvent { code: 60 }, location);
}

/// Fault 17.
#[test]
fn overflowing_times_are_errors() {
    // A clock tick is 64 ns. The limit is 2^62 ns, which is 2^56 ticks.
    for delta in [1 << 56, 1 << 57, u64::MAX] {
        assert_event_fault(running().event(EventType::HeapAlloc, &[delta, 1]), ErrorKind::TimestampOverflow);
    }
    let delta = (1 << 55) - 48;
    let twice = running().event(EventType::HeapAlloc, &[delta, 1]).event(EventType::HeapAlloc, &[delta, 1]);
    let bytes = trace(Version::Go126, [twice]);
    let location = at_event(FIRST + HEADER + RUNNING_LEN + 1 + 8 + 1, 4);
    assert_fault(&bytes, &then(&RUNNING, &["Metric"]), ErrorKind::TimestampOverflow, location);

    // The first event of a batch: no event of the generation comes before the error.
    for time in [1 << 56, u64::MAX] {
        let late = Batch::new(ThreadId(8), time).event(EventType::HeapAlloc, &[0, 1]);
        let bytes = trace(Version::Go126, [late]);
        let location = Location { thread: Some(ThreadId(8)), ..at_event(FIRST, 0) };
        assert_fault(&bytes, &[], ErrorKind::TimestampOverflow, location);
    }
}

/// Equal times are made distinct, even the last that does not overflow.
#[test]
fn equal_times_close_to_the_limit_are_made_distinct() {
    let last = Batch::new(ThreadId(7), (1 << 56) - 8)
        .event(EventType::ProcStatus, &[0, 0, 1])
        .event(EventType::GoStatus, &[0, 1, 7, 2])
        .event(EventType::GoStop, &[0, 0, 0]);
    assert_eq!(read_valid(&trace(Version::Go126, [last])).len(), 5);
}

/// Fault 20.
#[test]
fn statuses_other_than_1_to_4_are_errors() {
    for status in [0, 5, 257, (1 << 32) + 2, u64::MAX] {
        let resource = Resource::Goroutine(GoId(3));
        let kind = ErrorKind::InvalidStatus { resource, status };
        assert_event_fault(running().event(EventType::GoStatus, &[1, 3, 7, status]), kind);
        let kind = ErrorKind::InvalidStatus { resource, status };
        assert_event_fault(running().event(EventType::GoStatusStack, &[1, 3, 7, status, 0]), kind);
        let kind = ErrorKind::InvalidStatus { resource: Resource::Proc(ProcId(3)), status };
        assert_event_fault(running().event(EventType::ProcStatus, &[1, 3, status]), kind);
    }
}

/// Events on threads without the P or goroutine that the event needs, or with one that it must not
/// have.
#[test]
fn events_in_the_wrong_scheduling_context_are_errors() {
    use ContextMismatch::{NoGoroutine, NoProc, NoThread};
    let on = |thread: Option<ThreadId>, event: EventType, args: &[u64], mismatch| {
        let bytes = trace(Version::Go126, [Batch::new(thread, 100).event(event, args)]);
        let header = if thread.is_some() { HEADER } else { 14 };
        let location = Location { thread, ..at_event(FIRST + header, 1) };
        let kind = ErrorKind::WrongSchedContext { event: event.name(), mismatch };
        assert_fault(&bytes, &["Sync"], kind, location);
    };
    let events: [(EventType, &[u64], ContextMismatch); 19] = [
        (EventType::GoBlock, &[1, 0, 0], NoProc),
        (EventType::GoStop, &[1, 0, 0], NoProc),
        (EventType::GoSyscallBegin, &[1, 1, 0], NoProc),
        (EventType::GoSyscallEnd, &[1], NoProc),
        (EventType::GoSyscallEndBlocked, &[1], NoGoroutine),
        (EventType::GoCreate, &[1, 2, 0, 0], NoProc),
        (EventType::GoDestroy, &[1], NoProc),
        (EventType::GoDestroySyscall, &[1], NoGoroutine),
        (EventType::GoSwitch, &[1, 2, 1], NoProc),
        (EventType::ProcStop, &[1], NoProc),
        (EventType::ProcsChange, &[1, 4, 0], NoProc),
        (EventType::HeapAlloc, &[1, 4], NoProc),
        (EventType::HeapGoal, &[1, 4], NoProc),
        (EventType::STWBegin, &[1, 0, 0], NoProc),
        (EventType::STWEnd, &[1], NoProc),
        (EventType::GCMarkAssistBegin, &[1, 0], NoProc),
        (EventType::GCSweepBegin, &[1, 0], NoProc),
        (EventType::UserTaskBegin, &[1, 2, 0, 0, 0], NoProc),
        (EventType::UserLog, &[1, 0, 0, 0, 0], NoProc),
    ];
    for (event, args, mismatch) in events {
        on(Some(ThreadId(7)), event, args, mismatch);
        on(None, event, args, NoThread);
    }
    on(None, EventType::GoCreateSyscall, &[1, 2], NoThread);
    on(None, EventType::HeapObjectAlloc, &[1, 2, 3], NoThread);

    // The thread has a P, but no goroutine.
    for (event, args) in [
        (EventType::GoBlock, &[1, 0, 0][..]),
        (EventType::GoDestroy, &[1]),
        (EventType::GoLabel, &[1, 0]),
        (EventType::ProcsChange, &[1, 4, 0]),
        (EventType::UserRegionEnd, &[1, 0, 0, 0]),
    ] {
        let batch = Batch::new(ThreadId(7), 100).event(EventType::ProcStatus, &[1, 0, 1]).event(event, args);
        let kind = ErrorKind::WrongSchedContext { event: event.name(), mismatch: NoGoroutine };
        assert_fault(&trace(Version::Go126, [batch]), &RUNNING[..2], kind, at_event(FIRST + HEADER + 4, 2));
    }
    // The thread has a goroutine and must not.
    let kind = |event| ErrorKind::WrongSchedContext { event, mismatch: ContextMismatch::HasGoroutine };
    assert_event_fault(running().event(EventType::GoCreateSyscall, &[1, 2]), kind("GoCreateSyscall"));
    let create = running().event(EventType::GoCreate, &[1, 2, 0, 0]).event(EventType::GoStart, &[1, 2, 1]);
    let location = at_event(FIRST + HEADER + RUNNING_LEN + 5, 4);
    let events = then(&RUNNING, &["G2 NotExist->Runnable"]);
    assert_fault(&trace(Version::Go126, [create]), &events, kind("GoStart"), location);
}
