//! What can't have happened: fault 23, the sequence of fault 24 that can't be waited for, and what no state allows.

use gotrace::raw::EventType;
use gotrace::synth::{Batch, Trace};
use gotrace::{ErrorKind, GoId, Location, ProcId, Resource, ThreadId, Version};

use super::{FIRST, HEADER, RUNNING, RUNNING_LEN, assert_fault, at_event, generation, running, sound, then, trace};

const NO_M: u64 = u64::MAX;

fn go(id: u64) -> Resource {
    Resource::Goroutine(GoId(id))
}

fn proc(id: u64) -> Resource {
    Resource::Proc(ProcId(id))
}

/// An empty batch of an M, behind [`running`]'s in time.
fn on(thread: u64) -> Batch {
    Batch::new(ThreadId(thread), 200)
}

/// Asserts a fault of an event so many bytes behind [`running`]'s, with what was delivered between.
#[track_caller]
fn assert_broken(batch: Batch, len: u64, more: &[&str], kind: ErrorKind) {
    let place = at_event(FIRST + HEADER + RUNNING_LEN + len, 3 + more.len() as u64);
    assert_fault(&trace(Version::Go126, [batch]), &then(&RUNNING, more), kind, place);
}

/// Asserts a fault of an event so many bytes into the body of M 8's batch, behind that of [`running`].
#[track_caller]
fn assert_broken_on_8(batch: Batch, len: u64, more: &[&str], kind: ErrorKind) {
    let offset = FIRST + HEADER + RUNNING_LEN + HEADER + 1 + len;
    let place = Location { thread: Some(ThreadId(8)), ..at_event(offset, 3 + more.len() as u64) };
    assert_fault(&trace(Version::Go126, [running(), batch]), &then(&RUNNING, more), kind, place);
}

/// Asserts a fault at the first event of M 7 in a second generation.
#[track_caller]
fn assert_broken_later(first: [Batch; 1], first_events: &[&str], event: EventType, args: &[u64], kind: ErrorKind) {
    let later = generation(2, [on(7).event(event, args)]);
    let start = trace(Version::Go126, first);
    let bytes = Trace::new(Version::Go126).bytes(&start[16..]).generation(&later).into_bytes();
    let events = then(first_events, &["Sync"]);
    let offset = start.len() as u64 + 25 + HEADER + 1;
    let place = Location { generation: Some(2), ..at_event(offset, events.len() as u64) };
    assert_fault(&bytes, &events, kind, place);
}

#[test]
fn goroutines_go_from_state_to_state() {
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
fn ps_go_from_state_to_state() {
    // The goroutine is in a system call, and its P runs.
    for event in [EventType::GoSyscallEnd, EventType::GoDestroySyscall] {
        let batch = on(7).event(EventType::ProcStatus, &[1, 0, 1]).event(EventType::GoStatus, &[1, 1, 7, 3]);
        let bytes = trace(Version::Go126, [batch.event(event, &[1])]);
        let events = ["Sync", RUNNING[1], "G1 Undetermined->Syscall"];
        let kind = ErrorKind::IllegalTransition { event: event.name(), resource: proc(0), state: "Running" };
        assert_fault(&bytes, &events, kind, at_event(FIRST + HEADER + 1 + RUNNING_LEN, 3));
    }
}

#[test]
fn a_status_agrees_with_what_is_known() {
    for (status, found) in [(1, "Runnable"), (3, "Syscall"), (4, "Waiting")] {
        let kind = ErrorKind::InconsistentStatus { resource: go(1), known: "Running", found };
        assert_broken_later([running()], &RUNNING, EventType::GoStatus, &[1, 1, 7, status], kind);
    }
    for (status, found) in [(2, "Idle"), (3, "Syscall"), (4, "SyscallAbandoned")] {
        let kind = ErrorKind::InconsistentStatus { resource: proc(0), known: "Running", found };
        assert_broken_later([running()], &RUNNING, EventType::ProcStatus, &[1, 0, status], kind);
    }
    // In the same generation, too.
    let kind = ErrorKind::InconsistentStatus { resource: go(1), known: "Running", found: "Waiting" };
    assert_broken(running().event(EventType::GoStatus, &[1, 1, 7, 4]), 0, &[], kind);
}

#[test]
fn later_goroutines_are_created() {
    assert_broken_later(
        [running()],
        &RUNNING,
        EventType::GoStatus,
        &[1, 5, NO_M, 4],
        ErrorKind::LateGoroutine(GoId(5)),
    );
    // Ps come when GOMAXPROCS grows.
    let later = generation(2, [on(7).event(EventType::ProcStatus, &[1, 5, 2])]);
    let first = trace(Version::Go126, [running()]);
    let bytes = Trace::new(Version::Go126).bytes(&first[16..]).generation(&later).into_bytes();
    assert_eq!(sound(&bytes)[3..], ["Sync", "P5 NotExist->Idle", "Sync"]);
}

#[test]
fn a_goroutine_is_created_once() {
    for event in [EventType::GoCreate, EventType::GoCreateBlocked] {
        assert_broken(running().event(event, &[1, 1, 0, 0]), 0, &[], ErrorKind::CreatedTwice(GoId(1)));
    }
    assert_broken_on_8(on(8).event(EventType::GoCreateSyscall, &[1, 1]), 0, &[], ErrorKind::CreatedTwice(GoId(1)));
    // What is gone may come again.
    let again = running().event(EventType::GoDestroy, &[1]).event(EventType::GoCreate, &[1, 1, 0, 0]);
    assert_eq!(sound(&trace(Version::Go126, [again])).len(), 6);
}

#[test]
fn a_system_call_has_a_thread() {
    let fault = |thread: Option<u64>, holds: Option<u64>| ErrorKind::SyscallThread {
        go: GoId(2),
        thread: thread.map(ThreadId),
        holds: holds.map(GoId),
    };
    // None at all.
    assert_broken_on_8(on(8).event(EventType::GoStatus, &[1, 2, NO_M, 3]), 0, &[], fault(None, None));
    // One that has another goroutine.
    assert_broken_on_8(on(8).event(EventType::GoStatus, &[1, 2, 7, 3]), 0, &[], fault(Some(7), Some(1)));
    // Its own, which has another goroutine, or none, after the first generation.
    let first = Batch::new(ThreadId(8), 100).event(EventType::GoStatus, &[1, 2, 8, 3]);
    let both = generation(1, [running(), first]);
    let start = Trace::new(Version::Go126).generation(&both).into_bytes();
    let later = generation(2, [on(7).event(EventType::GoStatus, &[1, 2, 7, 3])]);
    let bytes = Trace::new(Version::Go126).bytes(&start[16..]).generation(&later).into_bytes();
    let events = ["Sync", RUNNING[1], "G2 Undetermined->Syscall", RUNNING[2], "Sync"];
    let place = Location { generation: Some(2), ..at_event(start.len() as u64 + 25 + HEADER + 1, 5) };
    let reading = super::read(&bytes);
    assert_eq!(reading.events.len(), events.len());
    super::assert_failed(
        &reading,
        &reading.events.iter().map(String::as_str).collect::<Vec<_>>(),
        &fault(Some(7), Some(1)),
        place,
    );
}

/// 23.
#[test]
fn nothing_is_on_two_threads() {
    let fault = |resource| ErrorKind::DoubleBinding { resource, here: ThreadId(8), there: ThreadId(7) };
    assert_broken_on_8(on(8).event(EventType::ProcStatus, &[1, 0, 1]), 0, &[], fault(proc(0)));
    let batch = on(8).event(EventType::ProcStatus, &[1, 1, 1]).event(EventType::GoStatus, &[1, 1, 8, 2]);
    assert_broken_on_8(batch, 4, &["P1 Undetermined->Running"], fault(go(1)));

    // In system calls.
    let calling = |thread| on(thread).event(EventType::GoStatus, &[1, 2, thread, 3]);
    let bytes = trace(Version::Go126, [calling(7), calling(8)]);
    let events = ["Sync", "G2 Undetermined->Syscall"];
    let offset = FIRST + 2 * (HEADER + 1) + 5;
    let place = Location { thread: Some(ThreadId(8)), ..at_event(offset, 2) };
    assert_fault(&bytes, &events, fault(go(2)), place);

    // In another generation.
    let start = trace(Version::Go126, [running()]);
    let moved = generation(2, [on(8).event(EventType::ProcStatus, &[1, 0, 1])]);
    let bytes = Trace::new(Version::Go126).bytes(&start[16..]).generation(&moved).into_bytes();
    let place = Location { generation: Some(2), thread: Some(ThreadId(8)), ..at_event(start.len() as u64 + 31, 4) };
    assert_fault(&bytes, &then(&RUNNING, &["Sync"]), fault(proc(0)), place);
}

#[test]
fn a_p_is_stolen_from_the_thread_that_has_it() {
    let calling = running().event(EventType::GoSyscallBegin, &[1, 1, 0]);
    let steal = |from| {
        let thief = on(8).event(EventType::ProcSteal, &[1, 0, 2, from]);
        trace(Version::Go126, [calling.clone(), thief])
    };
    let events = then(&RUNNING, &["G1 Running->Syscall"]);
    assert_eq!(sound(&steal(7)), then(&events, &["P0 Running->Idle", "Sync"]));
    let offset = FIRST + HEADER + RUNNING_LEN + 4 + HEADER + 1;
    let place = Location { thread: Some(ThreadId(8)), ..at_event(offset, 4) };
    for from in [8, 9] {
        let kind = ErrorKind::StolenFromWrongThread { proc: ProcId(0), thread: ThreadId(from), holds: None };
        assert_fault(&steal(from), &events, kind, place);
    }
}

#[test]
fn a_p_that_is_to_be_stolen_is_on_a_thread() {
    // Its M goes on with another P as if it had none.
    let calling = running().event(EventType::GoSyscallBegin, &[1, 1, 0]).event(EventType::ProcStatus, &[1, 1, 1]);
    let batch = calling.event(EventType::ProcStatus, &[1, 0, 4]);
    let more = ["G1 Running->Syscall", "P1 Undetermined->Running"];
    assert_broken(batch, 4 + 4, &more, ErrorKind::NoThreadForProc(ProcId(0)));
}

/// 24: the P is at hand, so nothing can be waited for.
#[test]
fn a_system_call_counts_its_p() {
    for found in [0, 2, u64::MAX] {
        let kind = ErrorKind::BadSequence { event: "GoSyscallBegin", resource: proc(0), last: 0, found };
        assert_broken(running().event(EventType::GoSyscallBegin, &[1, found, 0]), 0, &[], kind);
    }
    // A status makes the count start over; without one it is that of another generation.
    let kind = ErrorKind::BadSequence { event: "GoSyscallBegin", resource: proc(0), last: 0, found: 1 };
    assert_broken_later([running()], &RUNNING, EventType::GoSyscallBegin, &[1, 1, 0], kind);
}

#[test]
fn ranges_begin_and_end() {
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
fn the_gc_runs_once_at_a_time() {
    let fault = |event, state| ErrorKind::GcMismatch { event, state };
    let begun = running().event(EventType::GCBegin, &[1, 5, 0]);
    let more = ["RangeBegin"];
    let batch = begun.clone().event(EventType::GCBegin, &[1, 6, 0]);
    assert_broken(batch, 4, &more, fault("GCBegin", "running"));
    let batch = begun.clone().event(EventType::GCActive, &[1, 6]);
    assert_broken(batch, 4, &more, fault("GCActive", "running"));
    let ended = begun.event(EventType::GCEnd, &[1, 6]);
    let more = ["RangeBegin", "RangeEnd"];
    let batch = ended.clone().event(EventType::GCEnd, &[1, 7]);
    assert_broken(batch, 4 + 3, &more, fault("GCEnd", "not running"));
    let batch = ended.event(EventType::GCActive, &[1, 7]);
    assert_broken(batch, 4 + 3, &more, fault("GCActive", "not running"));
    // The trace's first end has nothing to count from but 0.
    let batch = running().event(EventType::GCEnd, &[1, 1]);
    assert_broken(batch, 0, &[], fault("GCEnd", "in an undetermined state"));
}
