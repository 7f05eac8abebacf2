//! The effects of each event on goroutines, Ps and the GC, and the conditions under which it can happen.
//!
//! This table is the only complete statement of these rules. [`waits_for`] and [`ends_waits`] follow from it.
//! [`order`](super::order) implements it twice, because it must be fast: one function for frequent events and one for
//! all events. The tests of this module try both functions with every event in every state, and compare the outcome
//! with the table.
//!
//! The rules are the same as in Go's `src/internal/trace/order.go`.

use smallvec::SmallVec;

use super::spec::{EventType, MAX_ARGS};
use crate::id::NONE;
use crate::sched::arena::Index;
use crate::sched::{Context, GcState, GoStatus, ProcStatus, Sched, Wait};

/// A rule of an event. The rules of an event apply in order. The first rule that is not met decides whether the event
/// waits or the trace is broken. If all rules are met, all their changes are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// The thread must have this. Otherwise the trace is broken.
    Needs(Need),
    /// The event waits while its thread has this.
    WaitsWhile(Have),
    /// A goroutine changes its state.
    Go(GoChange),
    /// A P changes its state.
    Proc(ProcChange),
    /// The GC changes its state. The event waits until its sequence number is the next number of the GC.
    Gc(GcChange),
    /// The event states the status of a goroutine at the start of a generation. The status must equal the known status.
    /// Goroutines may be new in the first generation.
    GoStatus,
    /// The event states the status of a P at the start of a generation. The status must equal the known status, or
    /// `SyscallAbandoned` for a P in `Syscall`. Ps may be new in any generation.
    ProcStatus,
    /// A range starts. It must not be open.
    RangeBegin(Range),
    /// A range ends. It must be open.
    RangeEnd(Range),
    /// A range is open at the start of a generation, on the goroutine or P that the event names. In the first
    /// generation, this starts the range. In later generations, the range must be open.
    RangeActive(Range),
}

/// A condition of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// There is a thread.
    Thread,
    /// There is a thread with a P.
    Proc,
    /// There is a thread with a goroutine.
    Go,
    /// There is a thread without a goroutine.
    NoGo,
    /// If the thread has a goroutine, it is Running.
    GoIsRunning,
    /// If the P that the event names is in `Syscall`, the thread that the event names has the P, and loses it.
    ProcOnNamedThread,
}

/// A P that the thread of an event that waits has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Have {
    /// A P in any state.
    Proc,
    /// A P in `Syscall`.
    ProcInSyscall,
}

/// The goroutine or P that a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// The goroutine or P of the thread. If it is in another state than the rule's, the trace is broken.
    Own,
    /// The goroutine or P of the thread, if it has one.
    OwnIfAny,
    /// The goroutine or P whose ID is the first argument. The second argument is its next sequence number. The event
    /// waits until the state equals the rule's and the number is next.
    Named,
    /// A new goroutine or P whose ID is the first argument.
    New,
}

/// A goroutine changes its state. `None` means that the goroutine does not exist.
///
/// A goroutine that is Running or in Syscall afterwards is on the thread of the event. Other goroutines are on no
/// thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GoChange {
    pub who: Subject,
    pub from: Option<GoStatus>,
    pub to: Option<GoStatus>,
}

/// A P changes its state.
///
/// A P that is Running or in Syscall afterwards is on the thread of the event. Other Ps are on no thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ProcChange {
    pub which: Subject,
    pub from: &'static [ProcStatus],
    pub to: ProcStatus,
    /// Whether the event of the P's own thread has the P's sequence number as its first argument.
    pub own_sequence: bool,
}

/// The GC changes its state. The first argument of the event is the sequence number of GC events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GcChange {
    pub from: GcState,
    pub to: GcState,
    pub first: FirstOfGc,
}

/// The cases in which an event of the GC sets the sequence number. In these cases, the only other rule is that the
/// state of the GC must be unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FirstOfGc {
    Never,
    /// While the state of the GC is unknown.
    WhileUnknown,
    /// In the first generation.
    InFirstGeneration,
}

/// The kinds of ranges that a goroutine or a P can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Range {
    /// A range of a goroutine.
    StopTheWorld,
    /// A range of a goroutine.
    MarkAssist,
    /// A range of a P.
    Sweep,
}

/// Returns the rules of an event.
pub(super) fn rules(event: EventType) -> &'static [Rule] {
    BY_CODE[usize::from(event.code())]
}

type Row = (EventType, &'static [Rule]);

static TABLE: [Row; 49] = {
    use EventType as E;
    use GoStatus::{Runnable, Running, Syscall, Waiting};
    use Need::{Go, GoIsRunning, NoGo, Proc, ProcOnNamedThread, Thread};
    use ProcStatus as P;
    use Range::{MarkAssist, StopTheWorld, Sweep};
    use Rule::{Needs, RangeActive, RangeBegin, RangeEnd, WaitsWhile};

    [
        (E::GoCreate, &[Needs(Proc), Needs(GoIsRunning), new_go(Runnable)]),
        (E::GoCreateBlocked, &[Needs(Proc), Needs(GoIsRunning), new_go(Waiting)]),
        (E::GoCreateSyscall, &[Needs(NoGo), new_go(Syscall)]),
        (E::GoStart, &[Needs(Thread), named_go(Runnable, Running), Needs(Proc), Needs(NoGo)]),
        (E::GoStop, &[Needs(Proc), Needs(Go), own_go(Running, Runnable)]),
        (E::GoBlock, &[Needs(Proc), Needs(Go), own_go(Running, Waiting)]),
        (E::GoUnblock, &[named_go(Waiting, Runnable)]),
        (E::GoDestroy, &[Needs(Proc), Needs(Go), own_go_exits(Running)]),
        (E::GoSwitch, &[Needs(Proc), Needs(Go), own_go(Running, Waiting), named_go(Waiting, Running)]),
        (E::GoSwitchDestroy, &[Needs(Proc), Needs(Go), own_go_exits(Running), named_go(Waiting, Running)]),
        (E::GoSyscallBegin, &[Needs(Proc), Needs(Go), own_go(Running, Syscall), own_proc_next(P::Syscall)]),
        (E::GoSyscallEnd, &[Needs(Proc), Needs(Go), own_go(Syscall, Running), own_proc(&[P::Syscall], P::Running)]),
        (E::GoSyscallEndBlocked, &[WaitsWhile(Have::ProcInSyscall), Needs(Go), own_go(Syscall, Runnable)]),
        (E::GoDestroySyscall, &[Needs(Go), own_go_exits(Syscall), own_proc_if_any(&[P::Syscall], P::SyscallAbandoned)]),
        (E::GoStatus, &[Rule::GoStatus]),
        (E::GoStatusStack, &[Rule::GoStatus]),
        (E::ProcStart, &[named_proc(&[P::Idle], P::Running), WaitsWhile(Have::Proc), Needs(Thread)]),
        (E::ProcStop, &[Needs(Proc), own_proc(&[P::Running, P::Syscall], P::Idle)]),
        (
            E::ProcSteal,
            &[named_proc(&[P::Syscall, P::SyscallAbandoned], P::Idle), Needs(Thread), Needs(ProcOnNamedThread)],
        ),
        (E::ProcStatus, &[Rule::ProcStatus]),
        (E::ProcsChange, USER_CODE),
        (E::HeapAlloc, &[Needs(Proc)]),
        (E::HeapGoal, &[Needs(Proc)]),
        (E::STWBegin, &[Needs(Proc), Needs(Go), RangeBegin(StopTheWorld)]),
        (E::STWEnd, &[Needs(Proc), Needs(Go), RangeEnd(StopTheWorld)]),
        (E::GCActive, &[gc(GcState::Running, GcState::Running, FirstOfGc::InFirstGeneration), Needs(Proc), Needs(Go)]),
        (E::GCBegin, &[gc(GcState::NotRunning, GcState::Running, FirstOfGc::WhileUnknown), Needs(Proc), Needs(Go)]),
        (E::GCEnd, &[gc(GcState::Running, GcState::NotRunning, FirstOfGc::Never), Needs(Proc), Needs(Go)]),
        (E::GCSweepActive, &[RangeActive(Sweep)]),
        (E::GCSweepBegin, &[Needs(Proc), RangeBegin(Sweep)]),
        (E::GCSweepEnd, &[Needs(Proc), RangeEnd(Sweep)]),
        (E::GCMarkAssistActive, &[RangeActive(MarkAssist)]),
        (E::GCMarkAssistBegin, &[Needs(Proc), Needs(Go), RangeBegin(MarkAssist)]),
        (E::GCMarkAssistEnd, &[Needs(Proc), Needs(Go), RangeEnd(MarkAssist)]),
        (E::GoLabel, USER_CODE),
        (E::UserTaskBegin, USER_CODE),
        (E::UserTaskEnd, USER_CODE),
        (E::UserRegionBegin, USER_CODE),
        (E::UserRegionEnd, USER_CODE),
        (E::UserLog, USER_CODE),
        (E::Span, ALLOCATION),
        (E::SpanAlloc, ALLOCATION),
        (E::SpanFree, ALLOCATION),
        (E::HeapObject, ALLOCATION),
        (E::HeapObjectAlloc, ALLOCATION),
        (E::HeapObjectFree, ALLOCATION),
        (E::GoroutineStack, ALLOCATION),
        (E::GoroutineStackAlloc, ALLOCATION),
        (E::GoroutineStackFree, ALLOCATION),
    ]
};

/// The rules of events that a goroutine of the program causes.
const USER_CODE: &[Rule] = &[Rule::Needs(Need::Proc), Rule::Needs(Need::Go)];
/// The rules of events of the AllocFree experiment.
const ALLOCATION: &[Rule] = &[Rule::Needs(Need::Thread)];

static BY_CODE: [&[Rule]; 256] = {
    let mut by_code: [&[Rule]; 256] = [&[]; 256];
    let mut i = 0;
    while i < TABLE.len() {
        by_code[TABLE[i].0.code() as usize] = TABLE[i].1;
        i += 1;
    }
    by_code
};

const fn own_go(from: GoStatus, to: GoStatus) -> Rule {
    Rule::Go(GoChange { who: Subject::Own, from: Some(from), to: Some(to) })
}

const fn own_go_exits(from: GoStatus) -> Rule {
    Rule::Go(GoChange { who: Subject::Own, from: Some(from), to: None })
}

const fn named_go(from: GoStatus, to: GoStatus) -> Rule {
    Rule::Go(GoChange { who: Subject::Named, from: Some(from), to: Some(to) })
}

const fn new_go(to: GoStatus) -> Rule {
    Rule::Go(GoChange { who: Subject::New, from: None, to: Some(to) })
}

const fn own_proc(from: &'static [ProcStatus], to: ProcStatus) -> Rule {
    Rule::Proc(ProcChange { which: Subject::Own, from, to, own_sequence: false })
}

/// Returns a change from any state. Only the sequence number must be right.
const fn own_proc_next(to: ProcStatus) -> Rule {
    Rule::Proc(ProcChange { which: Subject::Own, from: ProcStatus::ALL, to, own_sequence: true })
}

const fn own_proc_if_any(from: &'static [ProcStatus], to: ProcStatus) -> Rule {
    Rule::Proc(ProcChange { which: Subject::OwnIfAny, from, to, own_sequence: false })
}

const fn named_proc(from: &'static [ProcStatus], to: ProcStatus) -> Rule {
    Rule::Proc(ProcChange { which: Subject::Named, from, to, own_sequence: false })
}

const fn gc(from: GcState, to: GcState, first: FirstOfGc) -> Rule {
    Rule::Gc(GcChange { from, to, first })
}

impl Subject {
    /// Returns the ID of the goroutine or P, given the ID on the thread and the ID that the event names.
    fn id(self, own: u64, named: u64) -> u64 {
        match self {
            Subject::Own | Subject::OwnIfAny => own,
            Subject::Named | Subject::New => named,
        }
    }
}

/// Returns what an event that cannot happen yet waits for. `None` if the event never waits.
pub(super) fn waits_for(
    sched: &mut Sched,
    event: EventType,
    thread: Index,
    [a, b, ..]: [u64; MAX_ARGS],
) -> Option<Wait> {
    let context = sched.context(thread);
    rules(event).iter().find_map(|rule| match *rule {
        Rule::Go(GoChange { who: Subject::Named, from: Some(status), .. }) => {
            Some(Wait::Go { id: a, status, last: b.wrapping_sub(1) })
        }
        Rule::Proc(ProcChange { which: Subject::Named, from, .. }) => {
            let stealable = from.contains(&ProcStatus::Syscall);
            let wait = Wait::Proc { id: a, stealable, last: b.wrapping_sub(1) };
            // If the P is already in this state, the event waits for something else.
            (sched.proc_wait(a) != Some(wait)).then_some(wait)
        }
        Rule::WaitsWhile(_) => Some(Wait::ProcLost { id: context.proc_id }),
        Rule::Gc(_) => Some(Wait::Gc { last: a.wrapping_sub(1) }),
        _ => None,
    })
}

/// Returns the waits that end because an event has happened. `before` is the context of its thread before the event.
pub(super) fn ends_waits(
    sched: &mut Sched,
    event: EventType,
    before: Context,
    [named, ..]: [u64; MAX_ARGS],
) -> SmallVec<[Wait; 4]> {
    let mut ended = SmallVec::new();
    for rule in rules(event) {
        let (go, proc) = match *rule {
            Rule::Go(GoChange { who, .. }) => (who.id(before.go_id, named), NONE),
            Rule::GoStatus => (named, NONE),
            Rule::Proc(ProcChange { which, .. }) => (NONE, which.id(before.proc_id, named)),
            Rule::ProcStatus => (NONE, named),
            Rule::Gc(_) => {
                ended.push(sched.gc_wait());
                continue;
            }
            _ => continue,
        };
        ended.extend(sched.go_wait(go));
        ended.extend(sched.proc_wait(proc));
        if proc != NONE {
            ended.push(Wait::ProcLost { id: proc });
        }
    }
    ended
}

#[cfg(test)]
mod tests;
