//! Events that contradict the known states: fault 23, the wrong sequence numbers of fault 24 that
//! no other event could make right, and illegal transitions.

use gotrace::raw::EventType;
use gotrace::synth::{Batch, Trace};
use gotrace::{ErrorKind, GoId, Location, ProcId, Resource, ThreadId, Version};

use super::{
    FIRST, HEADER, RUNNING, RUNNING_LEN, assert_fault, at_event, generation, on, read_valid, running, then, trace,
};

const NO_THREAD: u64 = u64::MAX;

fn go(id: u64) -> Resource {
    Resource::Goroutine(GoId(id))
}

fn proc(id: u64) -> Resource {
    Resource::Proc(ProcId(id))
}

/// Asserts an error at the event `len` bytes after those of [`running`]. `more` are the events in
/// between.
#[track_caller]
fn assert_broken(batch: Batch, len: u64, more: &[&str], kind: ErrorKind) {
    let location = at_event(FIRST + HEADER + RUNNING_LEN + len, 3 + more.len() as u64);
    assert_fault(&trace(Version::Go126, [batch]), &then(&RUNNING, more), kind, location);
}

/// Asserts an error at the event `len` bytes into the body of thread 8's batch, which follows that
/// of [`running`].
#[track_caller]
fn assert_broken_on_8(batch: Batch, len: u64, more: &[&str], kind: ErrorKind) {
    let offset = FIRST + HEADER + RUNNING_LEN + HEADER + 1 + len;
    let location = Location { thread: Some(ThreadId(8)), ..at_event(offset, 3 + more.len() as u64) };
    assert_fault(&trace(Version::Go126, [running(), batch]), &then(&RUNNING, more), kind, location);
}

/// Asserts an error at the first event of thread 7 in the second generation.
#[track_caller]
fn assert_broken_later(first: [Batch; 1], first_events: &[&str], event: EventType, args: &[u64], kind: ErrorKind) {
    let later = generation(2, [on(7).event(event, args)]);
    let start = trace(Version::Go126, first);
    let bytes = Trace::new(Version::Go126).bytes(&start[16..]).generation(&later).into_bytes();
    let events = then(first_events, &["Sync"]);
    let offset = start.len() as u64 + 25 + HEADER + 1;
    let location = Location { generation: Some(2), ..at_event(offset, events.len() as u64) };
    assert_fault(&bytes, &events, kind, location);
}

#[test]
fn events_that_the_state_of_a_goroutine_does_not_allow_are_errors() {
    let running_1 = |event| ErrorKind::IllegalTransition { event, resource: go(1), state: "Running" };
    for event in [EventType::GoSyscallEnd, EventType::GoSyscallEndBlocked, EventType::GoDestroySyscall] {
        assert_broken(running().event(event, &[1]), 0, &[], running_1(event.name()));
    }
    let calling = running().event(EventType::GoSyscallBegin, &[1, 1, 0]);
    for (event, args) in [
        (EventType::GoBlock, &[1, 0, 0][..]),
        (EventType::GoStop, &[1, 0, 0]),
        (EventType::GoDestroy, &[1]),
        (EventType::GoCreate, &[1, 2, 0, 0]),
        (EventType::GoSwitch, &[1, 2, 1]),
        (EventType::GoSyscallBegin, &[1, 2, 0]),
    ] {
        let kind = ErrorKind::IllegalTransition { event: event.name(), resource: go(1), state: "Syscall" };
        assert_broken(calling.clone().event(event, args), 4, &["G1 Running->Syscall"], kind);
    }
}

#[test]
fn the_end_of_a_system_call_whose_p_is_running_is_an_error() {
    // Goroutine 1 is in a system call, but its P is Running.
    for event in [EventType::GoSyscallEnd, EventType::GoDestroySyscall] {
        let batch = on(7).event(EventType::ProcStatus, &[1, 0, 1]).event(EventType::GoStatus, &[1, 1, 7, 3]);
        let bytes = trace(Version::Go126, [batch.event(event, &[1])]);
        let events = ["Sync", RUNNING[1], "G1 Undetermined->Syscall"];
        let kind = ErrorKind::IllegalTransition { event: event.name(), resource: proc(0), state: "Running" };
        assert_fault(&bytes, &events, kind, at_event(FIRST + HEADER + 1 + RUNNING_LEN, 3));
    }
}

#[test]
fn a_status_that_contradicts_the_known_state_is_an_error() {
    for (status, found) in [(1, "Runnable"), (3, "Syscall"), (4, "Waiting")] {
        let kind = ErrorKind::InconsistentStatus { resource: go(1), known: "Running", found };
        assert_broken_later([running()], &RUNNING, EventType::GoStatus, &[1, 1, 7, status], kind);
    }
    for (status, found) in [(2, "Idle"), (3, "Syscall"), (4, "SyscallAbandoned")] {
        let kind = ErrorKind::InconsistentStatus { resource: proc(0), known: "Running", found };
        assert_broken_later([running()], &RUNNING, EventType::ProcStatus, &[1, 0, status], kind);
    }
    // In the same generation.
    let kind = ErrorKind::InconsistentStatus { resource: go(1), known: "Running", found: "Waiting" };
    assert_broken(running().event(EventType::GoStatus, &[1, 1, 7, 4]), 0, &[], kind);
}

#[test]
fn a_goroutine_that_appears_after_the_first_generation_without_a_creation_is_an_error() {
    assert_broken_later(
        [running()],
        &RUNNING,
        EventType::GoStatus,
        &[1, 5, NO_THREAD, 4],
        ErrorKind::LateGoroutine(GoId(5)),
    );
    // A P may appear later, when GOMAXPROCS grows.
    let later = generation(2, [on(7).event(EventType::ProcStatus, &[1, 5, 2])]);
    let first = trace(Version::Go126, [running()]);
    let bytes = Trace::new(Version::Go126).bytes(&first[16..]).generation(&later).into_bytes();
    assert_eq!(read_valid(&bytes)[3..], ["Sync", "P5 NotExist->Idle", "Sync"]);
}

#[test]
fn creating_a_goroutine_that_exists_is_an_error() {
    for event in [EventType::GoCreate, EventType::GoCreateBlocked] {
        assert_broken(running().event(event, &[1, 1, 0, 0]), 0, &[], ErrorKind::CreatedTwice(GoId(1)));
    }
    assert_broken_on_8(on(8).event(EventType::GoCreateSyscall, &[1, 1]), 0, &[], ErrorKind::CreatedTwice(GoId(1)));
    // The ID of a goroutine that has exited may be used again.
    let again = running().event(EventType::GoDestroy, &[1]).event(EventType::GoCreate, &[1, 1, 0, 0]);
    assert_eq!(read_valid(&trace(Version::Go126, [again])).len(), 6);
}

#[test]
fn a_goroutine_in_a_system_call_without_its_thread_is_an_error() {
    let fault = |thread: Option<u64>, holds: Option<u64>| ErrorKind::SyscallThread {
        go: GoId(2),
        thread: thread.map(ThreadId),
        holds: holds.map(GoId),
    };
    // It has no thread.
    assert_broken_on_8(on(8).event(EventType::GoStatus, &[1, 2, NO_THREAD, 3]), 0, &[], fault(None, None));
    // Its thread has another goroutine.
    assert_broken_on_8(on(8).event(EventType::GoStatus, &[1, 2, 7, 3]), 0, &[], fault(Some(7), Some(1)));
    // In the second generation its thread has another goroutine.
    let first = Batch::new(ThreadId(8), 100).event(EventType::GoStatus, &[1, 2, 8, 3]);
    let both = generation(1, [running(), first]);
    let start = Trace::new(Version::Go126).generation(&both).into_bytes();
    let later = generation(2, [on(7).event(EventType::GoStatus, &[1, 2, 7, 3])]);
    let bytes = Trace::new(Version::Go126).bytes(&start[16..]).generation(&later).into_bytes();
    let events = ["Sync", RUNNING[1], "G2 Undetermined->Syscall", RUNNING[2], "Sync"];
    let location = Location { generation: Some(2), ..at_event(start.len() as u64 + 25 + HEADER + 1, 5) };
    let reading = super::read(&bytes);
    assert_eq!(reading.events.len(), events.len());
    super::assert_failed(
        &reading,
        &reading.events.iter().map(String::as_str).collect::<Vec<_>>(),
        &fault(Some(7), Some(1)),
        location,
    );
}

/// Fault 23.
#[test]
fn a_goroutine_or_p_on_two_threads_is_an_error() {
    let fault = |resource| ErrorKind::DoubleBinding { resource, here: ThreadId(8), there: ThreadId(7) };
    assert_broken_on_8(on(8).event(EventType::ProcStatus, &[1, 0, 1]), 0, &[], fault(proc(0)));
    let batch = on(8).event(EventType::ProcStatus, &[1, 1, 1]).event(EventType::GoStatus, &[1, 1, 8, 2]);
    assert_broken_on_8(batch, 4, &["P1 Undetermined->Running"], fault(go(1)));

    // A goroutine in a system call.
    let calling = |thread| on(thread).event(EventType::GoStatus, &[1, 2, thread, 3]);
    let bytes = trace(Version::Go126, [calling(7), calling(8)]);
    let events = ["Sync", "G2 Undetermined->Syscall"];
    let offset = FIRST + 2 * (HEADER + 1) + 5;
    let location = Location { thread: Some(ThreadId(8)), ..at_event(offset, 2) };
    assert_fault(&bytes, &events, fault(go(2)), location);

    // In the second generation.
    let start = trace(Version::Go126, [running()]);
    let moved = generation(2, [on(8).event(EventType::ProcStatus, &[1, 0, 1])]);
    let bytes = Trace::new(Version::Go126).bytes(&start[16..]).generation(&moved).into_bytes();
    let location = Location { generation: Some(2), thread: Some(ThreadId(8)), ..at_event(start.len() as u64 + 31, 4) };
    assert_fault(&bytes, &then(&RUNNING, &["Sync"]), fault(proc(0)), location);
}

#[test]
fn stealing_a_p_from_a_thread_that_does_not_have_it_is_an_error() {
    let calling = running().event(EventType::GoSyscallBegin, &[1, 1, 0]);
    let steal = |from| {
        let thief = on(8).event(EventType::ProcSteal, &[1, 0, 2, from]);
        trace(Version::Go126, [calling.clone(), thief])
    };
    let events = then(&RUNNING, &["G1 Running->Syscall"]);
    assert_eq!(read_valid(&steal(7)), then(&events, &["P0 Running->Idle", "Sync"]));
    let offset = FIRST + HEADER + RUNNING_LEN + 4 + HEADER + 1;
    let location = Location { thread: Some(ThreadId(8)), ..at_event(offset, 4) };
    for from in [8, 9] {
        let kind = ErrorKind::StolenFromWrongThread { proc: ProcId(0), thread: ThreadId(from), holds: None };
        assert_fault(&steal(from), &events, kind, location);
    }
}

#[test]
fn a_p_in_an_abandoned_system_call_without_a_thread_is_an_error() {
    // Thread 7 has taken another P, so no thread has P 0 any longer.
    let calling = running().event(EventType::GoSyscallBegin, &[1, 1, 0]).event(EventType::ProcStatus, &[1, 1, 1]);
    let batch = calling.event(EventType::ProcStatus, &[1, 0, 4]);
    let more = ["G1 Running->Syscall", "P1 Undetermined->Running"];
    assert_broken(batch, 4 + 4, &more, ErrorKind::NoThreadForProc(ProcId(0)));
}

/// Fault 24: the thread has the P, so no other event could make the number right.
#[test]
fn a_wrong_sequence_number_of_a_system_call_is_an_error() {
    for found in [0, 2, u64::MAX] {
        let kind = ErrorKind::BadSequence { event: "GoSyscallBegin", resource: proc(0), last: 0, found };
        assert_broken(running().event(EventType::GoSyscallBegin, &[1, found, 0]), 0, &[], kind);
    }
    // Only a status restarts the sequence in a new generation.
    let kind = ErrorKind::BadSequence { event: "GoSyscallBegin", resource: proc(0), last: 0, found: 1 };
    assert_broken_later([running()], &RUNNING, EventType::GoSyscallBegin, &[1, 1, 0], kind);
}

#[test]
fn ranges_that_start_or_end_twice_are_errors() {
    let fault = |event, open| ErrorKind::RangeMismatch { event, open };
    for (begin, args, end) in [
        (EventType::STWBegin, &[1, 0, 0][..], EventType::STWEnd),
        (EventType::GCMarkAssistBegin, &[1, 0], EventType::GCMarkAssistEnd),
        (EventType::GCSweepBegin, &[1, 0], EventType::GCSweepEnd),
    ] {
        let len = 1 + args.len() as u64;
        let batch = running().event(begin, args).event(begin, args);
        assert_broken(batch, len, &["RangeBegin"], fault(begin.name(), true));
        assert_broken(running().event(end, &[1, 0, 0]), 0, &[], fault(end.name(), false));
        let ended = running().event(begin, args).event(end, &[1, 0, 0][..end.spec().args.len()]);
        let more = ["RangeBegin", "RangeEnd"];
        let len = len + 1 + end.spec().args.len() as u64;
        assert_broken(ended.event(end, &[1, 0, 0]), len, &more, fault(end.name(), false));
    }
    for (active, id) in [(EventType::GCMarkAssistActive, 1), (EventType::GCSweepActive, 0)] {
        let batch = running().event(active, &[1, id]).event(active, &[1, id]);
        assert_broken(batch, 3, &["RangeActive"], fault(active.name(), true));
        assert_broken_later([running()], &RUNNING, active, &[1, id], fault(active.name(), false));
        let kind = match active {
            EventType::GCSweepActive => gotrace::ContextMismatch::NoProc,
            _ => gotrace::ContextMismatch::NoGoroutine,
        };
        let kind = ErrorKind::WrongSchedContext { event: active.name(), mismatch: kind };
        assert_broken(running().event(active, &[1, 9]), 0, &[], kind);
    }
}

#[test]
fn gc_events_that_contradict_the_state_of_the_gc_are_errors() {
    let fault = |event, state| ErrorKind::GcMismatch { event, state };
    let started = running().event(EventType::GCBegin, &[1, 5, 0]);
    let more = ["RangeBegin"];
    let batch = started.clone().event(EventType::GCBegin, &[1, 6, 0]);
    assert_broken(batch, 4, &more, fault("GCBegin", "running"));
    let batch = started.clone().event(EventType::GCActive, &[1, 6]);
    assert_broken(batch, 4, &more, fault("GCActive", "running"));
    let ended = started.event(EventType::GCEnd, &[1, 6]);
    let more = ["RangeBegin", "RangeEnd"];
    let batch = ended.clone().event(EventType::GCEnd, &[1, 7]);
    assert_broken(batch, 4 + 3, &more, fault("GCEnd", "not running"));
    let batch = ended.event(EventType::GCActive, &[1, 7]);
    assert_broken(batch, 4 + 3, &more, fault("GCActive", "not running"));
    // The first GC event of a trace is an end with an impossible sequence number.
    let batch = running().event(EventType::GCEnd, &[1, 1]);
    assert_broken(batch, 0, &[], fault("GCEnd", "in an undetermined state"));
}
