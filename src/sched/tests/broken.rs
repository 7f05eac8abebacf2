//! The texts of errors, and cases that the table in `v2::effects` does not cover.

use super::*;

#[test]
fn events_of_goroutines_in_the_wrong_state_fail() {
    for (op, event) in [
        (Op::GoStop, "GoStop"),
        (Op::GoBlock, "GoBlock"),
        (Op::GoDestroy, "GoDestroy"),
        (Op::GoCreate(2), "GoCreate"),
        (Op::GoCreateBlocked(2), "GoCreateBlocked"),
        (Op::GoSwitch(2, 1), "GoSwitch"),
        (Op::GoSwitchDestroy(2, 1), "GoSwitchDestroy"),
        (Op::GoSyscallBegin(2), "GoSyscallBegin"),
    ] {
        assert_eq!(try_op(&mut after(&CALLING), 7, op), format!("{event} for goroutine 1, which is Syscall"));
    }
    for (op, event) in [
        (Op::GoSyscallEnd, "GoSyscallEnd"),
        (Op::GoSyscallEndBlocked, "GoSyscallEndBlocked"),
        (Op::GoDestroySyscall, "GoDestroySyscall"),
    ] {
        assert_eq!(try_op(&mut after(&BASE), 7, op), format!("{event} for goroutine 1, which is Running"));
    }
}

#[test]
fn events_of_ps_in_the_wrong_state_fail() {
    let calling = [BASE[0], (7, Op::GoStatus(1, 7, SYSCALL))];
    for (op, event) in [(Op::GoSyscallEnd, "GoSyscallEnd"), (Op::GoDestroySyscall, "GoDestroySyscall")] {
        assert_eq!(try_op(&mut after(&calling), 7, op), format!("{event} for proc 0, which is Running"));
    }
    for number in [0, 2] {
        let expected = format!("GoSyscallBegin: sequence {number} of proc 0 does not follow 0");
        assert_eq!(try_op(&mut after(&BASE), 7, Op::GoSyscallBegin(number)), expected);
    }
    // No event leads to this state, but the rule covers it.
    let mut sched = after(&BASE[..1]);
    let proc = sched.procs.find(0);
    sched.procs.get_mut(proc).expect("stated").status = crate::sched::ProcStatus::Idle;
    assert_eq!(try_op(&mut sched, 7, Op::ProcStop), "ProcStop for proc 0, which is Idle");
}

#[test]
fn an_existing_goroutine_is_not_created_again() {
    for op in [Op::GoCreate(1), Op::GoCreateBlocked(1)] {
        assert_eq!(try_op(&mut after(&BASE), 7, op), "goroutine 1 is created twice");
    }
    assert_eq!(try_op(&mut after(&BASE), 8, Op::GoCreateSyscall(1)), "goroutine 1 is created twice");
}

#[test]
fn statuses_must_be_valid_and_agree_with_the_known_state() {
    for status in [0, 5, 257, (1 << 32) + 2] {
        let expected = format!("invalid status {status} for");
        assert_eq!(try_op(&mut after(&[]), 7, Op::GoStatus(1, 7, status)), format!("{expected} goroutine 1"));
        assert_eq!(try_op(&mut after(&[]), 7, Op::ProcStatus(0, status)), format!("{expected} proc 0"));
    }
    for (status, name) in [(RUNNABLE, "Runnable"), (SYSCALL, "Syscall"), (WAITING, "Waiting")] {
        let expected = format!("goroutine 1 has status {name}, but its last state was Running");
        assert_eq!(try_op(&mut after(&BASE), 7, Op::GoStatus(1, 7, status)), expected);
    }
    for (status, name) in [(P_IDLE, "Idle"), (P_SYSCALL, "Syscall"), (P_ABANDONED, "SyscallAbandoned")] {
        let expected = format!("proc 0 has status {name}, but its last state was Running");
        assert_eq!(try_op(&mut after(&BASE), 7, Op::ProcStatus(0, status)), expected);
    }
    let mut sched = after(&BASE);
    sched.begin_generation(2);
    let expected = "goroutine 5 first appears in a status after the first generation";
    assert_eq!(try_op(&mut sched, 7, Op::GoStatus(5, NONE, WAITING)), expected);
}

#[test]
fn a_goroutine_or_p_is_on_one_thread_at_a_time() {
    let expected = |resource: &str| format!("{resource} is on thread 8 while it is still on thread 7");
    assert_eq!(try_op(&mut after(&BASE), 8, Op::GoStatus(1, 8, RUNNING)), expected("goroutine 1"));
    assert_eq!(try_op(&mut after(&BASE), 8, Op::ProcStatus(0, P_RUNNING)), expected("proc 0"));
    assert_eq!(try_op(&mut after(&CALLING), 8, Op::ProcStatus(0, P_SYSCALL)), expected("proc 0"));
    assert_eq!(try_op(&mut after(&CALLING), 8, Op::GoStatus(1, 8, SYSCALL)), expected("goroutine 1"));
    // A third thread writes the status.
    assert_eq!(try_op(&mut after(&CALLING), 9, Op::GoStatus(1, 8, SYSCALL)), expected("goroutine 1"));
    // The same thread may repeat its status.
    go_on(&mut after(&BASE), &BASE);
    go_on(&mut after(&CALLING), &[(7, Op::ProcStatus(0, P_SYSCALL)), (7, Op::GoStatus(1, 7, SYSCALL))]);
}

#[test]
fn a_goroutine_in_a_system_call_is_on_the_thread_that_has_it() {
    let text = |thread: &str, holds: &str| {
        format!("goroutine 2 is reported in a system call on {thread}, but that thread runs {holds}")
    };
    let expected = text("no thread", "no goroutine");
    assert_eq!(try_op(&mut after(&BASE), 7, Op::GoStatus(2, NONE, SYSCALL)), expected);
    let expected = text("thread 7", "goroutine 1");
    assert_eq!(try_op(&mut after(&BASE), 8, Op::GoStatus(2, 7, SYSCALL)), expected);
    // The thread is known but has no goroutine.
    let expected = text("thread 7", "no goroutine");
    assert_eq!(try_op(&mut after(&[(7, Op::ProcStatus(0, P_IDLE))]), 8, Op::GoStatus(2, 7, SYSCALL)), expected);
    // Thread 7 writes the status itself, after the first generation.
    let mut sched = after(&[BASE[0], BASE[1], (7, Op::GoStatus(2, 9, SYSCALL))]);
    sched.begin_generation(2);
    let expected = text("thread 7", "goroutine 1");
    assert_eq!(try_op(&mut sched, 7, Op::GoStatus(2, 7, SYSCALL)), expected);
}

#[test]
fn a_p_is_stolen_from_the_thread_that_has_it() {
    let expected = |thread, holds| format!("proc 0 is stolen from thread {thread}, which has {holds}");
    assert_eq!(try_op(&mut after(&CALLING), 8, Op::ProcSteal(0, 2, 8)), expected(8, "no proc"));
    assert_eq!(try_op(&mut after(&CALLING), 8, Op::ProcSteal(0, 2, 99)), expected(99, "no proc"));
    let other = [CALLING[0], CALLING[1], CALLING[2], (8, Op::ProcStatus(1, P_RUNNING))];
    assert_eq!(try_op(&mut after(&other), 9, Op::ProcSteal(0, 2, 8)), expected(8, "proc 1"));
    // The thread has acquired another P, which never happens during a system call in a valid trace.
    let orphan = [CALLING[0], CALLING[1], CALLING[2], (7, Op::ProcStatus(1, P_RUNNING))];
    let expected = "proc 0 is about to be stolen but is on no thread";
    assert_eq!(try_op(&mut after(&orphan), 8, Op::ProcStatus(0, P_ABANDONED)), expected);
}

#[test]
fn an_open_range_cannot_start_and_a_closed_range_cannot_end() {
    let begun = [BASE[0], BASE[1], (7, Op::StwBegin("a")), (7, Op::AssistBegin), (7, Op::SweepBegin)];
    for (op, event) in [
        (Op::StwBegin("a"), "STWBegin"),
        (Op::AssistBegin, "GCMarkAssistBegin"),
        (Op::AssistActive(1), "GCMarkAssistActive"),
        (Op::SweepBegin, "GCSweepBegin"),
        (Op::SweepActive(0), "GCSweepActive"),
    ] {
        assert_eq!(try_op(&mut after(&begun), 7, op), format!("{event}: the range is already open"));
    }
    for (op, event) in [
        (Op::StwEnd, "STWEnd"),
        (Op::AssistEnd, "GCMarkAssistEnd"),
        (Op::AssistActive(1), "GCMarkAssistActive"),
        (Op::SweepEnd, "GCSweepEnd"),
        (Op::SweepActive(0), "GCSweepActive"),
    ] {
        let mut sched = after(&BASE);
        sched.begin_generation(2);
        assert_eq!(try_op(&mut sched, 7, op), format!("{event}: the range is not open"));
    }
}

#[test]
fn gc_events_in_the_wrong_state_fail() {
    let expected = |event: &str, state: &str| format!("{event} while the GC is {state}");
    let begun = [BASE[0], BASE[1], (7, Op::GcBegin(5))];
    assert_eq!(try_op(&mut after(&begun), 7, Op::GcBegin(6)), expected("GCBegin", "running"));
    assert_eq!(try_op(&mut after(&begun), 7, Op::GcActive(6)), expected("GCActive", "running"));
    let ended = [begun[0], begun[1], begun[2], (7, Op::GcEnd(6))];
    assert_eq!(try_op(&mut after(&ended), 7, Op::GcEnd(7)), expected("GCEnd", "not running"));
    assert_eq!(try_op(&mut after(&BASE), 7, Op::GcEnd(1)), expected("GCEnd", "in an undetermined state"));
    let mut sched = after(&ended);
    sched.begin_generation(2);
    assert_eq!(try_op(&mut sched, 7, Op::GcActive(7)), expected("GCActive", "not running"));
}
