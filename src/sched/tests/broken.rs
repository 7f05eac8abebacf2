//! What never can happen is an error.

use super::*;

#[test]
fn goroutines_in_the_wrong_state() {
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
fn ps_in_the_wrong_state() {
    let calling = [BASE[0], (7, Op::GoStatus(1, 7, SYSCALL))];
    for (op, event) in [(Op::GoSyscallEnd, "GoSyscallEnd"), (Op::GoDestroySyscall, "GoDestroySyscall")] {
        assert_eq!(try_op(&mut after(&calling), 7, op), format!("{event} for proc 0, which is Running"));
    }
    for number in [0, 2] {
        let expected = format!("GoSyscallBegin: sequence {number} of proc 0 does not follow 0");
        assert_eq!(try_op(&mut after(&BASE), 7, Op::GoSyscallBegin(number)), expected);
    }
    // No event leads to a P on a thread that is neither running nor in a call, but the rule stands.
    let mut sched = after(&BASE[..1]);
    let proc = sched.procs.find(0);
    sched.procs.get_mut(proc).expect("stated").status = crate::sched::ProcStatus::Idle;
    assert_eq!(try_op(&mut sched, 7, Op::ProcStop), "ProcStop for proc 0, which is Idle");
}

/// What has happened, a thread, its event and what that lacks.
type Row<'a> = (&'a [(u64, Op)], u64, Op, &'a str);

/// Every event that needs a thread, a P, a goroutine, or none.
#[test]
fn events_need_their_context() {
    let no_thread = "expected a thread but didn't have one";
    let no_proc = "expected a proc but didn't have one";
    let no_go = "expected a goroutine but didn't have one";
    let a_go = "expected no goroutine but had one";
    let p = &BASE[..1];
    let idle = [(8, Op::ProcStatus(3, P_IDLE))];
    let runnable = [BASE[0], BASE[1], (7, Op::GoCreate(2))];
    let abandoned = [(8, Op::ProcStatus(3, P_ABANDONED))];
    let begun = [(NONE, Op::GcActive(4))];
    let rows: [Row<'_>; 39] = [
        (&[], 7, Op::GoCreate(2), no_proc),
        (&[], NONE, Op::GoCreate(2), no_thread),
        (&BASE, 7, Op::GoCreateSyscall(2), a_go),
        (&[], NONE, Op::GoCreateSyscall(2), no_thread),
        (&runnable, 8, Op::GoStart(2, 1), no_proc),
        (&runnable, 7, Op::GoStart(2, 1), a_go),
        (&runnable, NONE, Op::GoStart(2, 1), no_thread),
        (p, 7, Op::GoStop, no_go),
        (&[], 7, Op::GoStop, no_proc),
        (p, 7, Op::GoBlock, no_go),
        (&[], NONE, Op::GoBlock, no_thread),
        (p, 7, Op::GoDestroy, no_go),
        (&[], 7, Op::GoDestroy, no_proc),
        (p, 7, Op::GoSwitch(2, 1), no_go),
        (&[], 7, Op::GoSwitch(2, 1), no_proc),
        (&[], NONE, Op::GoSwitchDestroy(2, 1), no_thread),
        (p, 7, Op::GoSyscallBegin(1), no_go),
        (&[], 7, Op::GoSyscallBegin(1), no_proc),
        (p, 7, Op::GoSyscallEnd, no_go),
        (&[], 7, Op::GoSyscallEnd, no_proc),
        (p, 7, Op::GoSyscallEndBlocked, no_go),
        (&[], NONE, Op::GoSyscallEndBlocked, no_thread),
        (p, 7, Op::GoDestroySyscall, no_go),
        (&[], NONE, Op::GoDestroySyscall, no_thread),
        (&idle, NONE, Op::ProcStart(3, 1), no_thread),
        (&[], 7, Op::ProcStop, no_proc),
        (&[], NONE, Op::ProcStop, no_thread),
        (&abandoned, NONE, Op::ProcSteal(3, 1, 8), no_thread),
        (&begun, NONE, Op::GcEnd(5), no_thread),
        (&begun, 7, Op::GcEnd(5), no_proc),
        (p, 7, Op::StwBegin("a"), no_go),
        (&[], 7, Op::StwEnd, no_proc),
        (p, 7, Op::AssistBegin, no_go),
        (p, 7, Op::AssistEnd, no_go),
        (&[], 7, Op::AssistActive(9), no_go),
        (&[], 7, Op::SweepBegin, no_proc),
        (&[], NONE, Op::SweepEnd, no_thread),
        (&[], 7, Op::SweepActive(9), no_proc),
        (&[BASE[0], BASE[1], (7, Op::GcBegin(3)), (7, Op::GcEnd(4))], 8, Op::GcBegin(5), no_proc),
    ];
    for (steps, thread, op, mismatch) in rows {
        let told = try_op(&mut after(steps), thread, op);
        assert_eq!(told.split_once(": ").expect("an event and what it lacks").1, mismatch, "{op:?} on {thread}");
    }
    let mut sched = after(&[]);
    let nowhere = Context::NOWHERE;
    let name = sched.names.intern(b"a");
    let told = |result: Result<(), Box<ErrorKind>>| result.expect_err("no thread").to_string();
    assert_eq!(told(sched.user_event("UserLog", nowhere)), format!("UserLog: {no_thread}"));
    assert_eq!(told(sched.proc_event("HeapAlloc", nowhere)), format!("HeapAlloc: {no_thread}"));
    assert_eq!(told(sched.thread_event("SpanAlloc", nowhere)), format!("SpanAlloc: {no_thread}"));
    assert_eq!(
        told(sched.task_begin(nowhere, 1, ActiveTask { parent: 0, name }).map(drop)),
        format!("UserTaskBegin: {no_thread}")
    );
    assert_eq!(told(sched.task_end(nowhere, 1).map(drop)), format!("UserTaskEnd: {no_thread}"));
    assert_eq!(told(sched.region_begin(nowhere, 1, name)), format!("UserRegionBegin: {no_thread}"));
    assert_eq!(told(sched.region_end(nowhere, 1, name).map(drop)), format!("UserRegionEnd: {no_thread}"));
}

#[test]
fn what_exists_is_not_created() {
    for op in [Op::GoCreate(1), Op::GoCreateBlocked(1)] {
        assert_eq!(try_op(&mut after(&BASE), 7, op), "goroutine 1 is created twice");
    }
    assert_eq!(try_op(&mut after(&BASE), 8, Op::GoCreateSyscall(1)), "goroutine 1 is created twice");
}

#[test]
fn statuses_must_agree() {
    for status in [0, 5, 257, (1 << 32) + 2] {
        let told = format!("invalid status {status} for");
        assert_eq!(try_op(&mut after(&[]), 7, Op::GoStatus(1, 7, status)), format!("{told} goroutine 1"));
        assert_eq!(try_op(&mut after(&[]), 7, Op::ProcStatus(0, status)), format!("{told} proc 0"));
    }
    for (status, name) in [(RUNNABLE, "Runnable"), (SYSCALL, "Syscall"), (WAITING, "Waiting")] {
        let told = format!("goroutine 1 has status {name}, but its last state was Running");
        assert_eq!(try_op(&mut after(&BASE), 7, Op::GoStatus(1, 7, status)), told);
    }
    for (status, name) in [(P_IDLE, "Idle"), (P_SYSCALL, "Syscall"), (P_ABANDONED, "SyscallAbandoned")] {
        let told = format!("proc 0 has status {name}, but its last state was Running");
        assert_eq!(try_op(&mut after(&BASE), 7, Op::ProcStatus(0, status)), told);
    }
    let mut sched = after(&BASE);
    sched.begin_generation(2);
    let told = "goroutine 5 has a status after the first generation but was never seen before";
    assert_eq!(try_op(&mut sched, 7, Op::GoStatus(5, NONE, WAITING)), told);
}

#[test]
fn nothing_is_on_two_threads() {
    let told = |resource: &str| format!("{resource} is on thread 8 while it is still on thread 7");
    assert_eq!(try_op(&mut after(&BASE), 8, Op::GoStatus(1, 8, RUNNING)), told("goroutine 1"));
    assert_eq!(try_op(&mut after(&BASE), 8, Op::ProcStatus(0, P_RUNNING)), told("proc 0"));
    assert_eq!(try_op(&mut after(&CALLING), 8, Op::ProcStatus(0, P_SYSCALL)), told("proc 0"));
    assert_eq!(try_op(&mut after(&CALLING), 8, Op::GoStatus(1, 8, SYSCALL)), told("goroutine 1"));
    // By the word of a third thread.
    assert_eq!(try_op(&mut after(&CALLING), 9, Op::GoStatus(1, 8, SYSCALL)), told("goroutine 1"));
    // The same thread may say it again.
    go_on(&mut after(&BASE), &BASE);
    go_on(&mut after(&CALLING), &[(7, Op::ProcStatus(0, P_SYSCALL)), (7, Op::GoStatus(1, 7, SYSCALL))]);
}

#[test]
fn a_call_is_on_the_thread_that_has_it() {
    let text =
        |thread: &str, holds: &str| format!("goroutine 2 has a status in a system call on {thread}, which has {holds}");
    let told = text("no thread", "no goroutine");
    assert_eq!(try_op(&mut after(&BASE), 7, Op::GoStatus(2, NONE, SYSCALL)), told);
    let told = text("thread 7", "goroutine 1");
    assert_eq!(try_op(&mut after(&BASE), 8, Op::GoStatus(2, 7, SYSCALL)), told);
    // A thread that has had an event and has nothing.
    let told = text("thread 7", "no goroutine");
    assert_eq!(try_op(&mut after(&[(7, Op::ProcStatus(0, P_IDLE))]), 8, Op::GoStatus(2, 7, SYSCALL)), told);
    // Its own, after the first generation.
    let mut sched = after(&[BASE[0], BASE[1], (7, Op::GoStatus(2, 9, SYSCALL))]);
    sched.begin_generation(2);
    let told = text("thread 7", "goroutine 1");
    assert_eq!(try_op(&mut sched, 7, Op::GoStatus(2, 7, SYSCALL)), told);
}

#[test]
fn a_p_is_stolen_from_who_has_it() {
    let told = |thread, holds| format!("proc 0 is stolen from thread {thread}, which has {holds}");
    assert_eq!(try_op(&mut after(&CALLING), 8, Op::ProcSteal(0, 2, 8)), told(8, "no proc"));
    assert_eq!(try_op(&mut after(&CALLING), 8, Op::ProcSteal(0, 2, 99)), told(99, "no proc"));
    let other = [CALLING[0], CALLING[1], CALLING[2], (8, Op::ProcStatus(1, P_RUNNING))];
    assert_eq!(try_op(&mut after(&other), 9, Op::ProcSteal(0, 2, 8)), told(8, "proc 1"));
    // Its thread has taken another since, as no sound trace says.
    let orphan = [CALLING[0], CALLING[1], CALLING[2], (7, Op::ProcStatus(1, P_RUNNING))];
    let told = "proc 0 is about to be stolen but is on no thread";
    assert_eq!(try_op(&mut after(&orphan), 8, Op::ProcStatus(0, P_ABANDONED)), told);
}

#[test]
fn ranges_that_are_open_or_not() {
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
fn gc_cycles_in_the_wrong_state() {
    let told = |event: &str, state: &str| format!("{event} while the GC is {state}");
    let begun = [BASE[0], BASE[1], (7, Op::GcBegin(5))];
    assert_eq!(try_op(&mut after(&begun), 7, Op::GcBegin(6)), told("GCBegin", "running"));
    assert_eq!(try_op(&mut after(&begun), 7, Op::GcActive(6)), told("GCActive", "running"));
    let ended = [begun[0], begun[1], begun[2], (7, Op::GcEnd(6))];
    assert_eq!(try_op(&mut after(&ended), 7, Op::GcEnd(7)), told("GCEnd", "not running"));
    assert_eq!(try_op(&mut after(&BASE), 7, Op::GcEnd(1)), told("GCEnd", "in an undetermined state"));
    let mut sched = after(&ended);
    sched.begin_generation(2);
    assert_eq!(try_op(&mut sched, 7, Op::GcActive(7)), told("GCActive", "not running"));
}
