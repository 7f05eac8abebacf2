//! Tests of events that happen, in addition to the transitions in the table of `v2::effects`.

use super::*;
use crate::event::{GoState, ProcState};
use crate::sched::Usage;
use crate::sched::arena::DIRECT;

/// A new goroutine in a reused slot starts with sequence number 0.
#[test]
fn a_reused_slot_has_no_ranges_or_regions() {
    let mut sched = after(&BASE);
    go_on(&mut sched, &[(7, Op::StwBegin("a")), (7, Op::AssistBegin)]);
    let (thread, task) = (sched.thread(7), 0);
    let context = sched.context(thread);
    let name = sched.names.intern(b"region");
    sched.region_begin(context, task, name).expect("a goroutine");
    let slot = context.go;
    // An ID with the same direct-mapped slot.
    let next = 1 + DIRECT as u64;
    go_on(&mut sched, &[(7, Op::GoDestroy), (7, Op::GoCreate(next)), (7, Op::GoStart(next, 1))]);

    let context = sched.context(thread);
    assert_eq!((context.go, context.go_id), (slot, next), "another goroutine has the slot");
    assert_eq!(sched.gos.len(), 1);
    let other = sched.names.intern(b"other");
    assert_eq!(sched.region_end(context, task, other).expect("a goroutine"), Usage::Correct, "no region is open");
    for (end, event) in [(Op::StwEnd, "STWEnd"), (Op::AssistEnd, "GCMarkAssistEnd")] {
        assert_eq!(try_op(&mut sched, 7, end), format!("{event}: the range is not open"));
    }
    // The slot is also cleared after a coroutine switch.
    let mut sched =
        after(&[BASE[0], BASE[1], (7, Op::AssistBegin), (7, Op::GoCreateBlocked(2)), (7, Op::GoSwitchDestroy(2, 1))]);
    go_on(&mut sched, &[(7, Op::GoCreate(next)), (7, Op::GoStop), (7, Op::GoStart(next, 1)), (7, Op::AssistBegin)]);
}

/// In the first generation, statuses may mention new goroutines and Ps. In later generations, statuses repeat their
/// states.
#[test]
fn statuses_set_the_thread_and_reset_the_sequence_number() {
    let mut sched = after(&[
        BASE[0],
        BASE[1],
        (7, Op::GoStatus(2, NONE, WAITING)),
        (7, Op::GoStatus(3, NONE, RUNNABLE)),
        (7, Op::GoUnblock(2, 1)),
        (7, Op::ProcStatus(1, P_IDLE)),
        (7, Op::GoSyscallBegin(1)),
    ]);
    assert_eq!(
        [go(&mut sched, 1), go(&mut sched, 2), go(&mut sched, 3)],
        ["Syscall 0 on 7", "Runnable 1", "Runnable 0"]
    );
    sched.begin_generation(2);
    assert_eq!(
        try_op(&mut sched, 8, Op::ProcSteal(0, 2, 7)),
        "waits",
        "its sequence number is from another generation"
    );
    go_on(&mut sched, &[(7, Op::ProcStatus(0, P_SYSCALL)), (7, Op::GoStatus(1, 7, SYSCALL))]);
    go_on(&mut sched, &[(8, Op::GoStatus(2, NONE, RUNNABLE))]);
    assert_eq!([go(&mut sched, 1), go(&mut sched, 2)], ["Syscall 0 on 7", "Runnable 0"]);
    assert_eq!(proc(&mut sched, 0), "Syscall 0 on 7");
    go_on(&mut sched, &[(8, Op::ProcSteal(0, 1, 7)), (8, Op::ProcStart(0, 2)), (8, Op::GoStart(2, 1))]);
    assert_eq!(go(&mut sched, 2), "Running 1 on 8");
}

#[test]
fn statuses_report_the_previous_state() {
    let mut sched = after(&[]);
    let here = sched.thread(7);
    let context = sched.context(here);
    let stated = sched.go_status(context, 1, NONE, WAITING).expect("valid").done().expect("never waits");
    assert_eq!((stated.from, stated.to), (GoState::Undetermined, GoState::Waiting));
    let stated = sched.proc_status(context, 0, P_IDLE).expect("valid").done().expect("never waits");
    assert_eq!((stated.from, stated.to), (ProcState::Undetermined, ProcState::Idle));
    sched.begin_generation(2);
    let stated = sched.go_status(context, 1, NONE, WAITING).expect("valid").done().expect("never waits");
    assert_eq!((stated.from, stated.to), (GoState::Waiting, GoState::Waiting));
    let stated = sched.proc_status(context, 1, P_IDLE).expect("valid").done().expect("never waits");
    assert_eq!((stated.from, stated.to), (ProcState::NotExist, ProcState::Idle), "GOMAXPROCS has grown");
}

/// A P that will be stolen is reported on the thread that has it, no matter which thread writes its status.
#[test]
fn a_p_to_be_stolen_is_reported_on_the_thread_of_its_call() {
    let mut sched = after(&CALLING);
    sched.begin_generation(2);
    let thief = sched.thread(8);
    let context = sched.context(thief);
    let stated = sched.proc_status(context, 0, P_ABANDONED).expect("valid").done().expect("never waits");
    assert_eq!((stated.from, stated.to), (ProcState::Running, ProcState::Running));
    assert_eq!(sched.threads.id(stated.context.thread), 7);
    assert_eq!((stated.context.proc_id, stated.context.go_id), (0, 1));
    assert_eq!(proc(&mut sched, 0), "Syscall 0 on 7", "it has not been stolen yet");
    go_on(&mut sched, &[(8, Op::ProcSteal(0, 1, 7)), (7, Op::GoSyscallEndBlocked)]);
}

/// A goroutine in a system call is on the thread of the call, even if this thread has had no event.
#[test]
fn a_call_at_the_start_of_a_generation_is_on_its_thread() {
    let mut sched = after(&BASE);
    go_on(&mut sched, &[(7, Op::GoStatus(2, 9, SYSCALL))]);
    assert_eq!(go(&mut sched, 2), "Syscall 0 on 9");
    // The goroutine returns without a P.
    go_on(&mut sched, &[(9, Op::GoSyscallEndBlocked)]);
    assert_eq!(go(&mut sched, 2), "Runnable 0");
}

#[test]
fn the_exit_of_a_c_callback_reports_the_lost_p() {
    let lost = |steps: &[(u64, Op)]| {
        let mut sched = after(steps);
        let thread = sched.thread(7);
        let context = sched.context(thread);
        sched.go_destroy_syscall(context).expect("valid").done()
    };
    assert_eq!(lost(&CALLING), Some(true));
    assert_eq!(lost(&[(7, Op::GoCreateSyscall(2))]), Some(false));
}

#[test]
fn a_steal_reports_the_previous_state_of_the_p() {
    let left = |steps: &[(u64, Op)]| {
        let mut sched = after(steps);
        let thread = sched.thread(8);
        let context = sched.context(thread);
        let number = if steps.len() == 3 { 2 } else { 1 };
        sched.proc_steal(context, 0, number, 7).expect("valid").done()
    };
    assert_eq!(left(&CALLING), Some(ProcState::Running));
    assert_eq!(left(&[(7, Op::ProcStatus(0, P_ABANDONED))]), Some(ProcState::Idle));
}

/// The events of the GC share one sequence, which starts with any number.
#[test]
fn gc_events_share_one_sequence() {
    go_on(&mut after(&BASE), &[(7, Op::GcBegin(41)), (7, Op::GcEnd(42)), (7, Op::GcBegin(43))]);
    let mut sched = after(&[(NONE, Op::GcActive(41)), BASE[0], BASE[1]]);
    sched.begin_generation(2);
    go_on(&mut sched, &[(7, Op::GcActive(42)), (7, Op::GcEnd(43))]);
}

#[test]
fn ranges_nest_and_outlive_their_generation() {
    let mut sched = after(&[BASE[0], BASE[1], (7, Op::StwBegin("a")), (7, Op::AssistBegin), (7, Op::SweepBegin)]);
    sched.begin_generation(2);
    go_on(&mut sched, &[(7, Op::AssistActive(1)), (7, Op::SweepActive(0))]);
    let thread = sched.thread(7);
    let context = sched.context(thread);
    let reason = sched.stop_the_world_end(context).expect("open").done().expect("never waits");
    assert_eq!(sched.names.get(reason), b"a");
    go_on(&mut sched, &[(7, Op::AssistEnd), (7, Op::SweepEnd), (7, Op::StwBegin("a")), (7, Op::StwBegin("b"))]);
    let reason = sched.stop_the_world_end(context).expect("open").done().expect("never waits");
    assert_eq!(sched.names.get(reason), b"a", "the stop that began first");
    go_on(&mut sched, &[(7, Op::StwEnd), (7, Op::SweepBegin)]);
}

/// Misuse is not an error.
#[test]
fn misused_annotations_are_reported() {
    let mut sched = after(&BASE);
    let thread = sched.thread(7);
    let context = sched.context(thread);
    let [a, b] = [&b"a"[..], b"b"].map(|name| sched.names.intern(name));

    let task = |parent, name| ActiveTask { parent, name };
    assert_eq!(sched.task_begin(context, 5, task(1, a)).expect("user code"), Usage::Correct);
    assert_eq!(sched.task_begin(context, 5, task(2, b)).expect("user code"), Usage::Misused);
    let ended = sched.task_end(context, 5).expect("user code").expect("it has begun");
    assert_eq!((ended.parent, ended.name), (2, b));
    assert!(sched.task_end(context, 5).expect("user code").is_none());

    assert_eq!(sched.region_end(context, 0, a).expect("user code"), Usage::Correct, "it began before the trace");
    for (task, name) in [(0, a), (0, b), (1, a)] {
        sched.region_begin(context, task, name).expect("user code");
    }
    assert_eq!(sched.region_end(context, 0, a).expect("user code"), Usage::Misused, "not the innermost");
    assert_eq!(sched.region_end(context, 1, b).expect("user code"), Usage::Misused, "never begun");
    assert_eq!(sched.region_end(context, 1, a).expect("user code"), Usage::Correct);
    assert_eq!(sched.region_end(context, 0, b).expect("user code"), Usage::Correct);
    assert_eq!(sched.region_end(context, 0, b).expect("user code"), Usage::Correct, "no region is left open");
}
