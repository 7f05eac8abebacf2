//! Tests the methods of the scheduler, one event at a time. The tests of `v2::effects` cover all states.

mod broken;
pub(crate) mod sched_state;
mod state;
mod waiting;

use super::arena::Index;
use super::{ActiveTask, Ending, GoStatus, Outcome, RangeId, Sched, Step};
use crate::error::{ContextMismatch, ErrorKind};
use crate::id::NONE;

/// An event with its arguments as in the trace file.
#[derive(Clone, Copy, Debug)]
enum Op {
    GoCreate(u64),
    GoCreateBlocked(u64),
    GoCreateSyscall(u64),
    GoStart(u64, u64),
    GoStop,
    GoBlock,
    GoDestroy,
    GoUnblock(u64, u64),
    GoSwitch(u64, u64),
    GoSwitchDestroy(u64, u64),
    GoSyscallBegin(u64),
    GoSyscallEnd,
    GoSyscallEndBlocked,
    GoDestroySyscall,
    /// Goroutine, thread and status.
    GoStatus(u64, u64, u64),
    ProcStart(u64, u64),
    ProcStop,
    /// P, sequence number, and the thread from which the P is stolen.
    ProcSteal(u64, u64, u64),
    ProcStatus(u64, u64),
    GcActive(u64),
    GcBegin(u64),
    GcEnd(u64),
    AssistBegin,
    AssistActive(u64),
    AssistEnd,
    SweepBegin,
    SweepActive(u64),
    SweepEnd,
    StwBegin(&'static str),
    StwEnd,
}

const RUNNABLE: u64 = 1;
const RUNNING: u64 = 2;
const SYSCALL: u64 = 3;
const WAITING: u64 = 4;

const P_RUNNING: u64 = 1;
const P_IDLE: u64 = 2;
const P_SYSCALL: u64 = 3;
const P_ABANDONED: u64 = 4;

/// Goroutine 1 runs on thread 7 and P 0.
const BASE: [(u64, Op); 2] = [(7, Op::ProcStatus(0, P_RUNNING)), (7, Op::GoStatus(1, 7, RUNNING))];
/// Like `BASE`, but goroutine 1 is in a system call.
const CALLING: [(u64, Op); 3] = [BASE[0], BASE[1], (7, Op::GoSyscallBegin(1))];

/// Returns a scheduler that has handled these events in its first generation.
fn after(steps: &[(u64, Op)]) -> Sched {
    let mut sched = Sched::default();
    sched.begin_generation(1);
    go_on(&mut sched, steps);
    sched
}

fn go_on(sched: &mut Sched, steps: &[(u64, Op)]) {
    for &(thread, op) in steps {
        assert_eq!(try_op(sched, thread, op), "done", "{op:?}");
    }
}

/// Tries an event. Returns `done`, `waits`, or the text of the error.
fn try_op(sched: &mut Sched, thread: u64, op: Op) -> String {
    match apply(sched, thread, op) {
        Ok(Step::Done(())) => "done".to_owned(),
        Ok(Step::Wait) => "waits".to_owned(),
        Err(kind) => kind.to_string(),
    }
}

fn apply(sched: &mut Sched, thread: u64, op: Op) -> Outcome {
    let thread = match thread {
        NONE => Index::NONE,
        id => sched.thread(id),
    };
    sched.make_known(thread);
    let context = sched.context(thread);
    let no_thread = |event| ErrorKind::WrongSchedContext { event, mismatch: ContextMismatch::NoThread };
    macro_rules! on {
        ($event:literal) => {
            sched.on_thread(thread).ok_or_else(|| Box::new(no_thread($event)))?
        };
    }
    match op {
        Op::GoCreate(go) => on!("GoCreate").go_create("GoCreate", go, GoStatus::Runnable),
        Op::GoCreateBlocked(go) => on!("GoCreateBlocked").go_create("GoCreateBlocked", go, GoStatus::Waiting),
        Op::GoCreateSyscall(go) => sched.go_create_syscall(context, go),
        Op::GoStart(go, number) => on!("GoStart").go_start(go, number),
        Op::GoStop => on!("GoStop").go_leave("GoStop", GoStatus::Runnable),
        Op::GoBlock => on!("GoBlock").go_leave("GoBlock", GoStatus::Waiting),
        Op::GoDestroy => {
            let outcome = on!("GoDestroy").go_destroy();
            if outcome.is_ok() {
                sched.forget_annotations(context.go, context.go_id);
            }
            outcome
        }
        Op::GoUnblock(go, number) if thread.is_some() => on!("GoUnblock").go_unblock(go, number),
        Op::GoUnblock(go, number) => sched.go_unblock(go, number),
        Op::GoSwitch(go, number) => sched.go_switch("GoSwitch", context, go, number, Ending::Block),
        Op::GoSwitchDestroy(go, number) => sched.go_switch("GoSwitchDestroy", context, go, number, Ending::Destroy),
        Op::GoSyscallBegin(number) => on!("GoSyscallBegin").go_syscall_begin(number),
        Op::GoSyscallEnd => on!("GoSyscallEnd").go_syscall_end(),
        Op::GoSyscallEndBlocked => sched.go_syscall_end_blocked(context),
        Op::GoDestroySyscall => sched.go_destroy_syscall(context).map(drop_value),
        Op::GoStatus(go, thread, status) => sched.go_status(context, go, thread, status).map(drop_value),
        Op::ProcStart(proc, number) => sched.proc_start(context, proc, number),
        Op::ProcStop => sched.proc_stop(context),
        Op::ProcSteal(proc, number, from) => sched.proc_steal(context, proc, number, from).map(drop_value),
        Op::ProcStatus(proc, status) => sched.proc_status(context, proc, status).map(drop_value),
        Op::GcActive(number) => sched.gc_active(context, number),
        Op::GcBegin(number) => sched.gc_begin(context, number),
        Op::GcEnd(number) => sched.gc_end(context, number),
        Op::AssistBegin => sched.go_range_begin("GCMarkAssistBegin", context, RangeId::MarkAssist),
        Op::AssistActive(go) => sched.go_range_active("GCMarkAssistActive", go, RangeId::MarkAssist),
        Op::AssistEnd => sched.mark_assist_end(context),
        Op::SweepBegin => sched.sweep_begin(context),
        Op::SweepActive(proc) => sched.sweep_active(proc),
        Op::SweepEnd => sched.sweep_end(context),
        Op::StwBegin(reason) => {
            let reason = sched.names.intern(reason.as_bytes());
            sched.go_range_begin("STWBegin", context, RangeId::StopTheWorld(reason))
        }
        Op::StwEnd => sched.stop_the_world_end(context).map(drop_value),
    }
}

fn drop_value<T>(step: Step<T>) -> Step {
    match step {
        Step::Done(_) => Step::Done(()),
        Step::Wait => Step::Wait,
    }
}

/// Returns the status, sequence number and thread of a goroutine, such as `Running 0 on 7`. Empty if it does not exist.
fn go(sched: &mut Sched, id: u64) -> String {
    let index = sched.gos.find(id);
    let Some(state) = sched.gos.get(index).copied() else { return String::new() };
    on(sched, format!("{} {}", state.status.name(), state.sequence.number), sched.thread_of_go(index))
}

/// Returns the status, sequence number and thread of a P.
fn proc(sched: &mut Sched, id: u64) -> String {
    let index = sched.procs.find(id);
    let Some(state) = sched.procs.get(index).copied() else { return String::new() };
    on(sched, format!("{} {}", state.status.name(), state.sequence.number), sched.thread_of_proc(index))
}

fn on(sched: &Sched, state: String, thread: Index) -> String {
    match thread {
        Index::NONE => state,
        thread => format!("{state} on {}", sched.threads.id(thread)),
    }
}

/// Returns the state of the goroutines, Ps and threads with IDs below 12, and all open ranges,
/// tasks and regions.
fn snapshot(sched: &mut Sched) -> String {
    let mut text = format!("{:?} {:?} {:?}", sched.annotations, sched.ranges, sched.gc);
    for id in 0..12 {
        let (go, proc) = (go(sched, id), proc(sched, id));
        let thread = sched.threads.find(id);
        let context = sched.context(thread);
        text += &format!("\n{id}: G {go}, P {proc}, M {} {}", context.go_id as i64, context.proc_id as i64);
    }
    text
}
