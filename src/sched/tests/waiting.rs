//! Tests that an event that waits changes nothing, and happens after the event that it waits for.

use super::*;

/// Earlier events, the event that waits, and the events that end the wait.
type Row<'a> = (&'a [(u64, Op)], (u64, Op), &'a [(u64, Op)]);

fn assert_waits(rows: &[Row<'_>]) {
    for &(steps, (thread, op), missing) in rows {
        let mut sched = after(steps);
        // A thread is known from its first event on, no matter what its outcome is.
        sched.thread(8);
        let before = snapshot(&mut sched);
        for _ in 0..2 {
            assert_eq!(try_op(&mut sched, thread, op), "waits", "{op:?}");
            assert_eq!(snapshot(&mut sched), before, "{op:?}");
        }
        go_on(&mut sched, missing);
        assert_eq!(try_op(&mut sched, thread, op), "done", "{op:?} after {missing:?}");
    }
}

const P1: (u64, Op) = (8, Op::ProcStatus(1, P_RUNNING));

#[test]
fn goroutines_wait_for_state_and_sequence() {
    let on_8 = [BASE[0], BASE[1], P1];
    let blocked = [on_8[0], on_8[1], on_8[2], (7, Op::GoCreateBlocked(2))];
    assert_waits(&[
        (&on_8, (8, Op::GoStart(2, 1)), &[(7, Op::GoCreate(2))]),
        (&on_8, (8, Op::GoStart(1, 1)), &[(7, Op::GoStop)]),
        (&on_8, (8, Op::GoStart(1, 2)), &[(7, Op::GoBlock), (7, Op::GoUnblock(1, 1))]),
        (&blocked, (8, Op::GoStart(2, 2)), &[(7, Op::GoUnblock(2, 1))]),
        (
            &blocked,
            (8, Op::GoStart(2, 4)),
            &[
                (7, Op::GoUnblock(2, 1)),
                (7, Op::GoStop),
                (7, Op::GoStart(2, 2)),
                (7, Op::GoBlock),
                (7, Op::GoUnblock(2, 3)),
            ],
        ),
        (&on_8, (8, Op::GoUnblock(2, 1)), &[(7, Op::GoCreateBlocked(2))]),
        (&on_8, (8, Op::GoUnblock(1, 1)), &[(7, Op::GoBlock)]),
        (&on_8, (NONE, Op::GoUnblock(1, 1)), &[(7, Op::GoBlock)]),
        (&on_8, (7, Op::GoSwitch(2, 1)), &[(8, Op::GoCreateBlocked(2))]),
        (&on_8, (7, Op::GoSwitchDestroy(2, 1)), &[(8, Op::GoCreateBlocked(2))]),
        (&[BASE[0], BASE[1], P1, (8, Op::GoStatus(2, 8, RUNNING))], (7, Op::GoSwitch(2, 1)), &[(8, Op::GoBlock)]),
    ]);
}

#[test]
fn ps_wait_for_state_and_sequence() {
    let idle = (7, Op::ProcStatus(3, P_IDLE));
    let calling_on_3 = [CALLING[0], CALLING[1], CALLING[2], (8, Op::ProcStatus(3, P_IDLE))];
    assert_waits(&[
        (&BASE, (8, Op::ProcStart(3, 1)), &[idle]),
        (&BASE, (8, Op::ProcStart(0, 1)), &[(7, Op::ProcStop)]),
        (&[idle], (8, Op::ProcStart(3, 2)), &[(7, Op::ProcStart(3, 1)), (7, Op::ProcStop)]),
        (&CALLING, (8, Op::ProcStart(0, 3)), &[(9, Op::ProcSteal(0, 2, 7))]),
        (&BASE, (8, Op::ProcSteal(0, 2, 7)), &[(7, Op::GoSyscallBegin(1))]),
        (&[], (8, Op::ProcSteal(3, 1, 7)), &[(7, Op::ProcStatus(3, P_ABANDONED))]),
        (&CALLING, (8, Op::ProcSteal(0, 3, 7)), &[(7, Op::GoSyscallEnd), (7, Op::GoSyscallBegin(2))]),
        // A thread has one P, so it must lose the P of its system call.
        (&calling_on_3, (7, Op::ProcStart(3, 1)), &[(8, Op::ProcSteal(0, 2, 7))]),
    ]);
}

#[test]
fn the_end_of_a_call_waits_for_the_loss_of_its_p() {
    assert_waits(&[
        (&CALLING, (7, Op::GoSyscallEndBlocked), &[(8, Op::ProcSteal(0, 2, 7))]),
        (&CALLING, (7, Op::GoSyscallEndBlocked), &[(7, Op::ProcStop)]),
    ]);
}

#[test]
fn gc_events_wait_for_the_previous_gc_event() {
    let begun = [BASE[0], BASE[1], P1, (8, Op::GoStatus(2, 8, RUNNING)), (7, Op::GcBegin(5))];
    let ended = [begun[0], begun[1], begun[2], begun[3], begun[4], (7, Op::GcEnd(6))];
    assert_waits(&[
        (&begun, (8, Op::GcBegin(7)), &[(7, Op::GcEnd(6))]),
        (&ended, (8, Op::GcEnd(8)), &[(7, Op::GcBegin(7))]),
    ]);
    let mut sched = after(&begun);
    sched.begin_generation(2);
    assert_eq!(try_op(&mut sched, 8, Op::GcEnd(7)), "waits");
    go_on(&mut sched, &[(7, Op::GcActive(6)), (8, Op::GcEnd(7))]);
}

/// A past sequence number, or a number of another generation, never follows. The event waits forever, which the caller
/// reports as an error.
#[test]
fn an_event_with_an_impossible_sequence_number_waits() {
    let mut sched = after(&[BASE[0], (7, Op::GoCreate(2)), (7, Op::ProcStatus(3, P_IDLE))]);
    for number in [0, 2, NONE] {
        assert_eq!(try_op(&mut sched, 7, Op::GoStart(2, number)), "waits");
        assert_eq!(try_op(&mut sched, 8, Op::ProcStart(3, number)), "waits");
    }
    sched.begin_generation(2);
    assert_eq!(try_op(&mut sched, 7, Op::GoStart(2, 1)), "waits");
    assert_eq!(try_op(&mut sched, 8, Op::ProcStart(3, 1)), "waits");
    // Sequence numbers wrap around, as in Go.
    let mut last = after(&[BASE[0], (7, Op::GoCreateBlocked(2))]);
    let go = last.gos.find(2);
    last.gos.get_mut(go).expect("created").sequence.number = NONE;
    assert_eq!(try_op(&mut last, 7, Op::GoUnblock(2, 0)), "done");
}
