//! The effects of each event on goroutines, Ps and the GC, and the conditions under which it can happen.
//!
//! This table is the only complete statement of these rules. Two functions implement it, because
//! they must be fast: [`run`](super::moves) for frequent events and [`convert`](super::convert) for
//! all events. The tests of this module run both with every event in every state, and compare the
//! outcomes with the table.
//!
//! The rules are the same as in `stateTransition` in Go's `src/internal/trace/internal/tracev1/order.go` and of
//! `postProcessTrace` in `parser.go`.

use super::spec::EventType;
use crate::event::GoState;

/// A rule of an event. The rules of an event apply in order. The first rule that is not met decides whether the event
/// waits or the trace is broken. If all rules are met, all their changes are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// The P of the event runs a goroutine. Otherwise the trace is broken.
    NeedsGo,
    /// The P of the event runs no goroutine. Otherwise the trace is broken.
    NeedsNoGo,
    /// A goroutine changes its state. The event waits until the goroutine is in the first state.
    Go(GoChange),
    /// The goroutine of the P exits, no matter what its state is.
    Exits,
    /// The P starts. Otherwise the trace is broken, because the P is running.
    Starts,
    /// The P stops. Otherwise the trace is broken, because the P is not running.
    Stops,
    /// A GC cycle starts. The first argument is the number of earlier cycles. The event waits until all earlier cycles
    /// have started.
    NextCycle,
    /// A range starts. It must not be open.
    RangeBegin(Range),
    /// A range ends. It must be open.
    RangeEnd(Range),
    /// The mark assist of the goroutine ends, if it has one. It may have started before the trace.
    EndsAssist,
    /// The trace is broken: no runtime writes the event in these versions.
    NeverWritten,
}

/// A goroutine changes its state. If the new state is Running, it runs on the P of the event,
/// otherwise on no P.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GoChange {
    pub who: Subject,
    pub from: GoState,
    pub to: GoState,
    pub number: Number,
}

/// The goroutine that a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// The goroutine that runs on the P of the event.
    OnProc,
    /// The goroutine whose ID is the first argument.
    Named,
}

/// How an event uses the sequence number of its goroutine, which is the number of counted events about the goroutine so
/// far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    /// The event is not counted, and waits for no sequence number.
    Uncounted,
    /// The event is counted. It waits for no sequence number, because the previous event about the
    /// goroutine is on the same P.
    Local,
    /// The event waits until the sequence number has this value. Then it is counted.
    After(u64),
    /// Like `After`, with the value in the second argument.
    AfterArgument,
    /// The event is the first counted event.
    First,
}

/// The kinds of ranges. `Gc` and `StopTheWorld` have no goroutine or P.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Range {
    Gc,
    StopTheWorld,
    /// A range of the P of the event.
    Sweep,
    /// A range of the goroutine that runs on the P. It has no goroutine if none runs there.
    MarkAssist,
}

/// Returns the rules of an event. Events without rules can always happen.
pub(super) const fn rules(event: EventType) -> &'static [Rule] {
    use EventType as E;
    use GoState::{NotExist, Runnable, Running, Waiting};
    use Number::{After, AfterArgument, First, Local, Uncounted};
    use Range::{Gc, MarkAssist, StopTheWorld, Sweep};
    use Rule::{EndsAssist, Exits, NeedsGo, NeedsNoGo, NeverWritten, NextCycle, RangeBegin, RangeEnd, Starts, Stops};

    match event {
        E::GoCreate => const { &[named(NotExist, Runnable, First)] },
        E::GoWaiting | E::GoInSyscall => const { &[named(Runnable, Waiting, After(1))] },
        E::GoStart | E::GoStartLabel => const { &[named(Runnable, Running, AfterArgument), NeedsNoGo] },
        E::GoStartLocal => const { &[named(Runnable, Running, Local), NeedsNoGo] },
        E::GoUnblock | E::GoSysExit => const { &[named(Waiting, Runnable, AfterArgument)] },
        E::GoUnblockLocal => const { &[named(Waiting, Runnable, Local)] },
        E::GoSysExitLocal => const { &[named(Waiting, Runnable, Local), NeverWritten] },
        E::GoBlock
        | E::GoBlockSend
        | E::GoBlockRecv
        | E::GoBlockSelect
        | E::GoBlockSync
        | E::GoBlockCond
        | E::GoBlockNet
        | E::GoBlockGC
        | E::GoSleep
        | E::GoSysBlock => const { &[on_proc(Running, Waiting, Uncounted)] },
        E::GoSched | E::GoPreempt => const { &[on_proc(Running, Runnable, Uncounted)] },
        E::GoSysCall => &[NeedsGo],
        E::GoEnd | E::GoStop => &[NeedsGo, Exits],
        E::ProcStart => &[Starts],
        E::ProcStop => &[Stops, NeedsNoGo],
        E::GCStart => &[NextCycle, RangeBegin(Gc)],
        E::GCDone => &[RangeEnd(Gc)],
        E::GCSTWStart => &[RangeBegin(StopTheWorld)],
        E::GCSTWDone => &[RangeEnd(StopTheWorld)],
        E::GCSweepStart => &[RangeBegin(Sweep)],
        E::GCSweepDone => &[RangeEnd(Sweep)],
        E::GCMarkAssistStart => &[RangeBegin(MarkAssist)],
        E::GCMarkAssistDone => &[EndsAssist],
        E::FutileWakeup => &[NeverWritten],
        _ => &[],
    }
}

const fn named(from: GoState, to: GoState, number: Number) -> Rule {
    Rule::Go(GoChange { who: Subject::Named, from, to, number })
}

const fn on_proc(from: GoState, to: GoState, number: Number) -> Rule {
    Rule::Go(GoChange { who: Subject::OnProc, from, to, number })
}

/// Returns the new state of the goroutine that runs on the P, if the event removes it from the P and does nothing else.
pub(super) const fn left_in(event: EventType) -> Option<GoState> {
    match rules(event) {
        [Rule::Go(GoChange { who: Subject::OnProc, to, .. })] => Some(*to),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
