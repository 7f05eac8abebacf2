//! What a generation takes for granted of the past, and whether the past confirms it.

use super::*;

/// The past: goroutine 1 runs on M 7 and P 0, goroutine 2 waits, P 1 is idle.
const PAST: [(u64, Op); 4] = [BASE[0], BASE[1], (7, Op::GoStatus(2, NONE, WAITING)), (7, Op::ProcStatus(1, P_IDLE))];

/// Orders a second generation on its own and joins it to the past; says whether that was what it took it for. If it was, what is
/// known then is what one pass knows.
fn joins(past: &[(u64, Op)], steps: &[(u64, Op)]) -> bool {
    let mut apart = Sched::assuming();
    apart.begin_generation(2);
    for &(thread, op) in steps {
        if try_op(&mut apart, thread, op) != "done" {
            return false;
        }
    }
    let mut joined = after(past);
    let before = snapshot(&mut joined);
    if joined.join(apart).is_none() {
        assert_eq!(snapshot(&mut joined), before, "what is refuted changes nothing");
        return false;
    }
    let mut one_pass = after(past);
    one_pass.begin_generation(2);
    go_on(&mut one_pass, steps);
    assert_eq!(snapshot(&mut joined), snapshot(&mut one_pass), "{steps:?}");
    true
}

/// The statuses that a sound generation tells of [`PAST`].
const TOLD: [(u64, Op); 4] = PAST;

fn told(more: &[(u64, Op)]) -> Vec<(u64, Op)> {
    TOLD.iter().chain(more).copied().collect()
}

#[test]
fn what_is_told_is_what_was() {
    assert!(joins(&PAST, &TOLD));
    assert!(joins(&PAST, &told(&[(7, Op::GoUnblock(2, 1)), (7, Op::GoBlock), (7, Op::GoStart(2, 2))])));
    assert!(joins(&PAST, &told(&[(8, Op::ProcStart(1, 1)), (8, Op::GoCreate(3)), (8, Op::GoStart(3, 1))])));
    assert!(joins(
        &PAST,
        &told(&[(7, Op::GoSyscallBegin(1)), (8, Op::ProcSteal(0, 2, 7)), (7, Op::GoSyscallEndBlocked)])
    ));
}

#[test]
fn another_status_than_there_was_is_refuted() {
    let [proc, go, waiting, idle] = TOLD;
    assert!(!joins(&PAST, &[proc, (7, Op::GoStatus(1, NONE, RUNNABLE)), waiting, idle]));
    assert!(!joins(&PAST, &[proc, go, (7, Op::GoStatus(2, NONE, RUNNABLE)), idle]));
    assert!(!joins(&PAST, &[proc, go, waiting, (8, Op::ProcStatus(1, P_RUNNING))]));
}

#[test]
fn a_goroutine_too_many_or_too_few_is_refuted() {
    let [proc, go, waiting, idle] = TOLD;
    assert!(!joins(&PAST, &[proc, go, idle]), "goroutine 2 might be created again");
    assert!(!joins(&PAST, &told(&[(7, Op::GoStatus(3, NONE, WAITING))])));
    assert!(!joins(&PAST, &[proc, go, waiting, idle, (8, Op::ProcStatus(5, P_IDLE))]), "no P 5 was there");
}

#[test]
fn another_thread_than_there_was_is_refuted() {
    let [_, _, waiting, idle] = TOLD;
    assert!(!joins(&PAST, &[(8, Op::ProcStatus(0, P_RUNNING)), (8, Op::GoStatus(1, 8, RUNNING)), waiting, idle]));
}

#[test]
fn a_thread_that_had_a_goroutine_cannot_have_done_without() {
    let [proc, go, waiting, idle] = TOLD;
    // Each of these happens on M 7 before it says that it has goroutine 1; in one pass goroutine 1 does it, or it is refused.
    assert!(!joins(&PAST, &[proc, waiting, idle, (7, Op::GoUnblock(2, 1)), go]), "goroutine 1 wakes it");
    assert!(!joins(&PAST, &[proc, waiting, idle, (7, Op::GoCreate(3)), go]), "goroutine 1 creates it");
    let starts = [(7, Op::GoCreate(3)), (7, Op::GoStart(3, 1)), (7, Op::GoBlock)];
    assert!(!joins(&PAST, &[&[proc, waiting, idle][..], &starts, &[go]].concat()), "M 7 is not free");
}

#[test]
fn a_thread_that_had_a_p_cannot_take_another() {
    let [_, _, waiting, idle] = TOLD;
    let told = [(8, Op::ProcStatus(0, P_SYSCALL)), (8, Op::GoStatus(1, 7, WAITING)), waiting, idle];
    assert!(!joins(&PAST, &[&told[..], &[(7, Op::ProcStart(1, 1))]].concat()));
}

#[test]
fn a_p_about_to_be_stolen_was_in_a_system_call_of_its_victim() {
    let past = [&PAST[..], &[(7, Op::GoSyscallBegin(1))]].concat();
    let [_, _, waiting, idle] = TOLD;
    let stolen = [
        (8, Op::ProcStatus(0, P_ABANDONED)),
        (8, Op::ProcSteal(0, 1, 7)),
        (8, Op::GoStatus(1, 7, SYSCALL)),
        waiting,
        idle,
        (7, Op::GoSyscallEndBlocked),
    ];
    assert!(joins(&past, &stolen));
    assert!(!joins(&PAST, &stolen), "the P was running");
    let mut other = stolen;
    other[1] = (8, Op::ProcSteal(0, 1, 9));
    assert!(!joins(&past, &other), "M 9 had nothing");
}

#[test]
fn the_collector_goes_on_where_it_was() {
    let past = [&PAST[..], &[(7, Op::GcBegin(4))]].concat();
    assert!(joins(&past, &told(&[(7, Op::GcActive(5)), (7, Op::GcEnd(6)), (7, Op::GcBegin(7))])));
    assert!(joins(&past, &told(&[(7, Op::GcEnd(5))])));
    assert!(joins(&PAST, &told(&[(7, Op::GcBegin(9))])), "the trace's first says where the count stands");
    assert!(!joins(&past, &told(&[(7, Op::GcEnd(6))])));
    assert!(!joins(&past, &told(&[(7, Op::GcBegin(5))])));
}

#[test]
fn ranges_are_open_on_both_sides_of_the_border() {
    let past = [&PAST[..], &[(7, Op::AssistBegin), (7, Op::SweepBegin)]].concat();
    let active = told(&[(7, Op::AssistActive(1)), (7, Op::SweepActive(0))]);
    assert!(joins(&past, &active));
    assert!(joins(&past, &[&active[..], &[(7, Op::AssistEnd), (7, Op::SweepEnd)]].concat()));
    assert!(!joins(&past, &TOLD), "what is open may end");
    assert!(!joins(&PAST, &active), "nothing was open");
    let stopped = [&PAST[..], &[(7, Op::StwBegin("GC sweep termination"))]].concat();
    assert!(!joins(&stopped, &TOLD), "its reason is the past's to tell");
}
