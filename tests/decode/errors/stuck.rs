//! Faults 9 and 24: the next event of every thread waits for another event, and the error lists
//! what each one waits for.

use gotrace::raw::EventType;
use gotrace::synth::{Batch, Trace};
use gotrace::{ErrorKind, Location, StuckHead, ThreadId, Time, Version};

use super::{FIRST, HEADER, RUNNING, RUNNING_LEN, assert_fault, at_event, generation, read, running, then, trace};

/// The stuck event of thread 8. It is `len` bytes and `units` clock ticks after the start of its
/// batch, which follows the batch of [`running`].
fn head(event: &'static str, len: u64, units: i64, waits_for: &str) -> StuckHead {
    StuckHead {
        thread: Some(ThreadId(8)),
        proc: None,
        event,
        time: Time((200 + units) * 64),
        offset: FIRST + HEADER + RUNNING_LEN + HEADER + 1 + len,
        waits_for: waits_for.to_owned(),
    }
}

/// Asserts that the first event of thread 8 is stuck.
#[track_caller]
fn assert_stuck(event: EventType, args: &[u64], waits_for: &str) {
    let other = Batch::new(ThreadId(8), 200).event(event, args);
    let head = head(event.name(), 0, 1, waits_for);
    let location = Location { thread: Some(ThreadId(8)), ..at_event(head.offset, 3) };
    let kind = ErrorKind::StuckFrontier(vec![head]);
    assert_fault(&trace(Version::Go126, [running(), other]), &RUNNING, kind, location);
}

/// Fault 24.
#[test]
fn events_wait_for_the_state_and_sequence_number_of_a_goroutine() {
    assert_stuck(EventType::GoStart, &[1, 9, 1], "goroutine 9 to be Runnable (not seen yet)");
    assert_stuck(
        EventType::GoStart,
        &[1, 1, 1],
        "goroutine 1 to be Runnable with sequence 1 next (it is Running, last 0)",
    );
    assert_stuck(EventType::GoUnblock, &[1, 9, 1, 0], "goroutine 9 to be Waiting (not seen yet)");
    assert_stuck(
        EventType::GoUnblock,
        &[1, 1, 3, 0],
        "goroutine 1 to be Waiting with sequence 3 next (it is Running, last 0)",
    );
}

/// Fault 24.
#[test]
fn events_wait_for_the_state_and_sequence_number_of_a_p() {
    assert_stuck(EventType::ProcStart, &[1, 9, 1], "proc 9 to be Idle (not seen yet)");
    assert_stuck(EventType::ProcStart, &[1, 0, 1], "proc 0 to be Idle with sequence 1 next (it is Running, last 0)");
    assert_stuck(EventType::ProcSteal, &[1, 9, 1, 7], "proc 9 to be Syscall (not seen yet)");
    assert_stuck(
        EventType::ProcSteal,
        &[1, 0, 1, 7],
        "proc 0 to be Syscall with sequence 1 next (it is Running, last 0)",
    );
}

/// Fault 24.
#[test]
fn events_wait_for_their_thread_to_lose_its_p() {
    let calling = running().event(EventType::GoSyscallBegin, &[1, 1, 0]).event(EventType::GoSyscallEndBlocked, &[1]);
    let offset = FIRST + HEADER + RUNNING_LEN + 4;
    let head = StuckHead {
        thread: Some(ThreadId(7)),
        proc: None,
        event: "GoSyscallEndBlocked",
        time: Time(104 * 64),
        offset,
        waits_for: "proc 0 to be stolen or stopped".to_owned(),
    };
    let events = then(&RUNNING, &["G1 Running->Syscall"]);
    let kind = ErrorKind::StuckFrontier(vec![head]);
    assert_fault(&trace(Version::Go126, [calling]), &events, kind, at_event(offset, 4));

    // P 3 is idle and could start, but the thread already has P 0.
    let batch = running().event(EventType::ProcStatus, &[1, 3, 2]).event(EventType::ProcStart, &[1, 3, 1]);
    let head = StuckHead {
        thread: Some(ThreadId(7)),
        proc: None,
        event: "ProcStart",
        time: Time(104 * 64),
        offset,
        waits_for: "its thread to release proc 0".to_owned(),
    };
    let events = then(&RUNNING, &["P3 Undetermined->Idle"]);
    let kind = ErrorKind::StuckFrontier(vec![head]);
    assert_fault(&trace(Version::Go126, [batch]), &events, kind, at_event(offset, 4));
}

/// Fault 24: the stealing thread has a P of its own, which does not prevent the steal.
#[test]
fn a_steal_waits_for_the_sequence_number_of_the_stolen_p() {
    let calling = running().event(EventType::GoSyscallBegin, &[1, 1, 0]);
    let thief = Batch::new(ThreadId(8), 200).event(EventType::ProcStatus, &[1, 1, 1]);
    let bytes = trace(Version::Go126, [calling, thief.event(EventType::ProcSteal, &[1, 0, 5, 7])]);
    let waits_for = "proc 0 to be Syscall with sequence 5 next (it is Syscall, last 1)";
    let head = head("ProcSteal", 4 + 4, 2, waits_for);
    let location = Location { thread: Some(ThreadId(8)), ..at_event(head.offset, 5) };
    let events = then(&RUNNING, &["G1 Running->Syscall", "P1 Undetermined->Running"]);
    assert_fault(&bytes, &events, ErrorKind::StuckFrontier(vec![head]), location);
}

/// Fault 24.
#[test]
fn gc_events_wait_for_the_gc_event_before_them() {
    let started = running().event(EventType::GCBegin, &[1, 5, 0]);
    for (event, args, waits_for) in [
        (EventType::GCBegin, &[1, 8, 0][..], "GC event 7 (the last event was 5)"),
        (EventType::GCEnd, &[1, 7], "GC event 6 (the last event was 5)"),
        (EventType::GCEnd, &[1, 5], "GC event 4 (the last event was 5)"),
    ] {
        let offset = FIRST + HEADER + RUNNING_LEN + 4;
        let head = StuckHead {
            thread: Some(ThreadId(7)),
            proc: None,
            event: event.name(),
            time: Time(104 * 64),
            offset,
            waits_for: waits_for.to_owned(),
        };
        let bytes = trace(Version::Go126, [started.clone().event(event, args)]);
        let kind = ErrorKind::StuckFrontier(vec![head]);
        assert_fault(&bytes, &then(&RUNNING, &["RangeBegin"]), kind, at_event(offset, 4));
    }
}

/// Fault 24.
#[test]
fn a_coroutine_switch_waits_for_the_other_goroutine() {
    for event in [EventType::GoSwitch, EventType::GoSwitchDestroy] {
        let offset = FIRST + HEADER + RUNNING_LEN;
        let head = StuckHead {
            thread: Some(ThreadId(7)),
            proc: None,
            event: event.name(),
            time: Time(103 * 64),
            offset,
            waits_for: "goroutine 9 to be Waiting (not seen yet)".to_owned(),
        };
        let bytes = trace(Version::Go126, [running().event(event, &[1, 9, 1])]);
        assert_fault(&bytes, &RUNNING, ErrorKind::StuckFrontier(vec![head]), at_event(offset, 3));
    }
}

/// Sequence numbers start again in each generation.
#[test]
fn the_error_says_if_the_last_sequence_number_is_of_another_generation() {
    let waiting = running().event(EventType::GoStatus, &[1, 2, u64::MAX, 4]);
    let start = trace(Version::Go126, [waiting]);
    let later = generation(2, [Batch::new(ThreadId(8), 200).event(EventType::GoUnblock, &[1, 2, 1, 0])]);
    let bytes = Trace::new(Version::Go126).bytes(&start[16..]).generation(&later).into_bytes();
    let offset = start.len() as u64 + 25 + HEADER + 1;
    let head = StuckHead {
        offset,
        ..head(
            "GoUnblock",
            0,
            1,
            "goroutine 2 to be Waiting with sequence 1 next (it is Waiting, last 0 in generation 1)",
        )
    };
    let events = then(&RUNNING, &["G2 Undetermined->Waiting", "Sync"]);
    let location = Location { generation: Some(2), thread: Some(ThreadId(8)), ..at_event(offset, 5) };
    assert_fault(&bytes, &events, ErrorKind::StuckFrontier(vec![head]), location);
}

/// The stuck events are sorted by time, and the message names the first four.
#[test]
fn the_stuck_events_of_all_threads_are_listed() {
    let start = |thread, time| Batch::new(ThreadId(thread), time).event(EventType::GoStart, &[0, thread, 1]);
    let starts = [(13, 204), (9, 201), (12, 203), (10, 202), (11, 205)].map(|(thread, time)| start(thread, time));
    let sysmon = Batch::new(None, 206).event(EventType::GoUnblock, &[0, 99, 1, 0]);
    let reading = read(&trace(Version::Go126, [vec![running()], starts.to_vec(), vec![sysmon]].concat()));
    assert_eq!(reading.events, RUNNING);
    let error = reading.error.expect("stuck");
    let ErrorKind::StuckFrontier(heads) = &error.kind else { panic!("{error:?}") };
    let listed: Vec<_> = heads.iter().map(|head| (head.thread.map(|id| id.0), head.time.0 / 64, head.event)).collect();
    let start = "GoStart";
    assert_eq!(
        listed,
        [
            (Some(9), 201, start),
            (Some(10), 202, start),
            (Some(12), 203, start),
            (Some(13), 204, start),
            (Some(11), 205, start),
            (None, 206, "GoUnblock"),
        ]
    );
    assert_eq!(heads[5].waits_for, "goroutine 99 to be Waiting (not seen yet)");
    assert_eq!(error.at.thread, Some(ThreadId(9)), "the location is that of the earliest event");
    let first = FIRST + HEADER + RUNNING_LEN + 2 * (HEADER + 1) + 4;
    let message = format!(
        "the trace is broken: none of 6 threads can proceed: \
         M 9: GoStart at byte {first} waits for goroutine 9 to be Runnable (not seen yet); \
         M 10: GoStart at byte {} waits for goroutine 10 to be Runnable (not seen yet); \
         M 12: GoStart at byte {} waits for goroutine 12 to be Runnable (not seen yet); \
         M 13: GoStart at byte {} waits for goroutine 13 to be Runnable (not seen yet); … \
         at byte {first}, generation 1, M 9, after 3 events",
        first + 2 * 10,
        first + 10,
        first - 10,
    );
    assert_eq!(error.to_string(), message);
}

/// Fault 9: the batch that creates goroutine 2 is missing.
#[test]
fn the_start_of_a_goroutine_waits_for_the_missing_batch_that_creates_it() {
    let create = Batch::new(ThreadId(7), 150).event(EventType::GoCreate, &[1, 2, 0, 0]);
    let start =
        Batch::new(ThreadId(8), 200).event(EventType::ProcStatus, &[1, 1, 1]).event(EventType::GoStart, &[1, 2, 1]);
    let complete = super::read_valid(&trace(Version::Go126, [running(), create, start.clone()]));
    assert_eq!(complete.len(), 7);
    let head = head("GoStart", 4, 2, "goroutine 2 to be Runnable (not seen yet)");
    let location = Location { thread: Some(ThreadId(8)), ..at_event(head.offset, 4) };
    let events = then(&RUNNING, &["P1 Undetermined->Running"]);
    assert_fault(&trace(Version::Go126, [running(), start]), &events, ErrorKind::StuckFrontier(vec![head]), location);
}
