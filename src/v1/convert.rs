//! From the format's events to those of the typed model.
//!
//! Most have one counterpart; some speak of what v2 says otherwise. A system call that does not block is one event here
//! and two there, a nanosecond apart. What goroutines did as tracing began is told by ordinary-looking `GoCreate`s, up
//! to the first `Gomaxprocs`. Ms are known only by the `ProcStart`s that name them.
//!
//! The rules are those of Go's `src/internal/trace/tracev1.go`.

use std::collections::BTreeSet;

use super::check::{World, done};
use super::cursor::{self, Cursor, Event};
use super::found::Found;
use super::goroutine::Proc;
use super::model::{fake_proc, or_none, or_zero, reason, stop_reason};
use super::order::Number;
use super::outbox::Outbox;
use super::parse::{self, Parsed};
use super::spec::EventType;
use super::syscall::{self, Exit};
use crate::error::{ErrorKind, broken};
use crate::event::names::NameId;
use crate::event::record::{RangeType, Record, Symbol, What};
use crate::event::tables::{Span, UNKNOWN};
use crate::event::{GoState, ProcState};
use crate::id::NONE;
use crate::sched::{ActiveTask, Fit, Outcome, Step};
use crate::warning::WarningKind;
use crate::wire::header::Version;

/// After how many goroutines that are listed, of which no events are made yet, the limits are looked at.
const LISTED_AT_A_TIME: usize = 1024;

/// What of the trace an event is made with.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub window: &'a [u8],
    pub found: &'a Found,
    /// How many of the CPU samples are delivered.
    pub samples: usize,
}

impl Place<'_> {
    /// The text of the string that the event at a place names.
    fn text(&self, id: u64, at: usize) -> Parsed<&[u8]> {
        match self.found.string(id, at)? {
            Symbol::Span { pos, len } => Ok(Span { pos, len }.of(self.window)),
            Symbol::Id(_) => Ok(UNKNOWN),
            _ => Ok(b""),
        }
    }

    /// Whether the system call blocks that a goroutine begins here: its next event says so, unless a CPU sample of it
    /// comes first.
    #[inline(always)]
    fn call_blocks(&self, cursor: &Cursor, go: u64, sequel: u64) -> bool {
        match sequel {
            cursor::RETURNS => false,
            cursor::BLOCKS if self.found.samples.is_empty() => true,
            _ => self.call_blocks_by_search(cursor, go),
        }
    }

    #[inline(never)]
    fn call_blocks_by_search(&self, cursor: &Cursor, go: u64) -> bool {
        let Some(sequel) = cursor.sequel(go, self.window, &self.found.batches) else { return false };
        sequel.blocks && !self.found.is_sampled(go, self.samples, sequel.ticks)
    }
}

/// What an event gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// The record.
    Event,
    /// Nothing: the event only changed what is known.
    Nothing,
    /// The record, and the label of the goroutine.
    AndLabel(Symbol),
    /// The record, and the return from the system call.
    AndReturn,
}

/// Makes a CPU sample. Go 1.21 does not say on which M it was taken.
pub(super) fn sample(proc: u64, go: u64, stack: u64, time: i64, record: &mut Record) {
    record.other(What::StackSample, 0);
    record.stack = stack;
    record.locate(NONE, proc, or_none(go), time);
}

/// Makes the second event, from a copy of the first.
pub(super) fn second(given: Given, time: i64, record: &mut Record) {
    match given {
        Given::AndLabel(label) => {
            record.other(What::Label, 0);
            record.text = label;
        }
        _ => {
            record.go_transition(record.go, GoState::Syscall, GoState::Running);
        }
    }
    record.time = time;
}

#[derive(Debug)]
pub(super) struct Converter {
    version: Version,
    pub world: World,
    /// Whether the goroutines that existed as tracing began are still being listed.
    listing: bool,
    /// Those listed of which nothing more is known yet.
    created: BTreeSet<u64>,
    /// When the list ended.
    listed_at: i64,
    stop_reason: &'static &'static str,
    /// Whether anything came up that is rare: a warning, the end of the list, so many listed that they are to be held to
    /// the limits.
    pub has_news: bool,
    /// What the last event says of a mistake of the traced program.
    pub warning: Option<WarningKind>,
}

impl Converter {
    pub fn new(version: Version) -> Self {
        Converter {
            version,
            world: World::default(),
            listing: true,
            created: BTreeSet::new(),
            listed_at: 0,
            stop_reason: &"",
            has_news: false,
            warning: None,
        }
    }

    /// Whether the goroutines that existed as tracing began are still being listed.
    pub fn is_listing(&self) -> bool {
        self.listing
    }

    /// Whether the goroutines of which nothing is known but that they exist come next.
    pub fn has_listed(&self) -> bool {
        !self.listing && !self.created.is_empty()
    }

    /// Makes the status of the next of these.
    pub fn state_listed(&mut self, out: &mut Outbox) {
        let Some(go) = self.created.pop_first() else { return };
        let time = out.time(self.listed_at);
        let record = out.next();
        record.go_transition(go, GoState::Undetermined, GoState::Runnable);
        record.locate(NONE, NONE, NONE, time);
        out.push(time);
    }

    /// Makes the end of a system call, where it belongs.
    pub fn exit_syscall(&mut self, event: EventType, go: u64, time: i64, record: &mut Record) -> Parsed<()> {
        self.world.exit_syscall(event, go)?;
        record.go_transition(go, GoState::Syscall, GoState::Runnable);
        record.locate(NONE, fake_proc::SYSCALL, or_none(go), time);
        Ok(())
    }

    /// Makes what an event of a P stands for, if it can happen yet.
    #[inline(always)]
    pub fn convert(
        &mut self,
        event: &Event,
        time: i64,
        (proc, cursor): (&mut Proc, &Cursor),
        place: &Place<'_>,
        record: &mut Record,
    ) -> Outcome<Given> {
        use EventType as E;
        use GoState::{NotExist, Runnable, Running, Syscall, Undetermined, Waiting};

        let [a, b, c, d] = event.args;
        let kind = event.event;
        let (mut shown_proc, mut thread, mut go) = (proc.id, proc.thread, or_none(proc.go_id));

        match kind {
            // The hot ones.
            E::GoStartLocal => {
                done!(self.world.start(kind, proc, a, Number::Any)?);
                go = a;
                record.go_transition(a, Runnable, Running);
                if self.listing {
                    self.created.remove(&a);
                    record.what = What::GoTransition(Undetermined, Running);
                }
            }
            E::GoStart => {
                done!(self.world.start(kind, proc, a, Number::Exactly(b))?);
                go = a;
                record.go_transition(a, Runnable, Running);
                if self.listing {
                    self.created.remove(&a);
                    record.what = What::GoTransition(Undetermined, Running);
                }
            }
            E::GoStartLabel => {
                done!(self.world.start(kind, proc, a, Number::Exactly(b))?);
                go = a;
                record.go_transition(a, Runnable, Running);
                record.locate(or_zero(thread), shown_proc, go, time);
                return Ok(Step::Done(Given::AndLabel(place.found.string(c, event.at)?)));
            }
            E::GoUnblockLocal => {
                let on_network = done!(self.world.unblock(kind, a, Number::Any)?);
                (shown_proc, thread) = unblocker(&self.world, proc, proc.go_id, on_network);
                record.go_transition(a, Waiting, Runnable);
                record.stack = place.found.stack(b, event.at)?;
            }
            E::GoUnblock => {
                let on_network = done!(self.world.unblock(kind, a, Number::Exactly(b))?);
                (shown_proc, thread) = unblocker(&self.world, proc, proc.go_id, on_network);
                record.go_transition(a, Waiting, Runnable);
                record.stack = place.found.stack(c, event.at)?;
            }
            E::GoBlock
            | E::GoBlockSend
            | E::GoBlockRecv
            | E::GoBlockSelect
            | E::GoBlockSync
            | E::GoBlockCond
            | E::GoBlockNet
            | E::GoBlockGC
            | E::GoSleep => {
                done!(self.world.leave(kind, proc, Waiting)?);
                stopped(record, (go, Waiting), reason(kind), place.found.stack(a, event.at)?);
            }
            E::GoSched => {
                done!(self.world.leave(kind, proc, Runnable)?);
                stopped(record, (go, Runnable), reason(kind), place.found.stack(a, event.at)?);
            }
            E::GoPreempt => {
                done!(self.world.leave(kind, proc, Runnable)?);
                stopped(record, (go, Runnable), reason(kind), place.found.stack(a, event.at)?);
            }
            E::GoSysCall => {
                let id = self.world.running(kind, proc)?;
                let stack = place.found.stack(a, event.at)?;
                record.go_transition(id, Running, Syscall);
                record.b = stack;
                record.stack = stack;
                if !place.call_blocks(cursor, id, b) {
                    record.locate(or_zero(thread), shown_proc, go, time);
                    return Ok(Step::Done(Given::AndReturn));
                }
            }
            E::GoSysBlock => {
                done!(self.world.leave(kind, proc, Waiting)?).blocked_at = event.ticks;
                return Ok(Step::Done(Given::Nothing));
            }
            E::GoSysExit => {
                let blocked_at = done!(self.world.pass_exit(a, Number::Exactly(b)));
                if c != 0 {
                    syscall::check_exit(a, c, blocked_at)?;
                }
                if Exit::moves(c, event.ticks) {
                    return Ok(Step::Done(Given::Nothing));
                }
                self.exit_syscall(kind, a, time, record)?;
                return Ok(Step::Done(Given::Event));
            }
            E::GoSysExitLocal => {
                done!(self.world.pass_exit(a, Number::Any));
                // The reference takes the goroutine that the P runs, which can't be waiting. It is never written.
                self.exit_syscall(kind, proc.go_id, time, record)?;
                return Ok(Step::Done(Given::Event));
            }

            // The rest of goroutines.
            E::GoCreate => {
                done!(self.world.create(a)?);
                if self.listing {
                    self.created.insert(a);
                    self.has_news |= self.created.len().is_multiple_of(LISTED_AT_A_TIME);
                    return Ok(Step::Done(Given::Nothing));
                }
                place.found.stack(b, event.at)?;
                record.go_transition(a, NotExist, Runnable);
                record.b = b;
                record.stack = place.found.stack(c, event.at)?;
            }
            E::GoEnd => {
                self.world.end(kind, proc)?;
                record.go_transition(go, Running, NotExist);
            }
            E::GoStop => {
                self.world.end(kind, proc)?;
                stopped(record, (go, Waiting), &"forever", place.found.stack(a, event.at)?);
            }
            E::GoWaiting | E::GoInSyscall => {
                let waiting = done!(self.world.wait(kind, a)?);
                if kind == E::GoInSyscall {
                    waiting.blocked_at = event.ticks;
                }
                self.created.remove(&a);
                go = or_none(a);
                // On which thread the call is, nobody wrote down.
                record.go_transition(a, Undetermined, if kind == E::GoWaiting { Waiting } else { Syscall });
            }

            // Processors.
            E::ProcStart => {
                proc.start(a)?;
                thread = a;
                proc_changes(record, proc, ProcState::Idle, ProcState::Running);
            }
            E::ProcStop => {
                proc.stop()?;
                proc_changes(record, proc, ProcState::Running, ProcState::Idle);
            }

            // Metrics.
            E::Gomaxprocs => {
                if std::mem::take(&mut self.listing) {
                    self.listed_at = time;
                    self.has_news = true;
                    return Ok(Step::Done(Given::Nothing));
                }
                record.other(What::GoMaxProcs, a);
                record.stack = place.found.stack(b, event.at)?;
            }
            E::HeapAlloc => record.other(What::HeapObjects, a),
            E::HeapGoal => record.other(What::HeapGoal, a),

            // Ranges.
            E::GCStart => {
                done!(self.world.merge.begin_cycle(a));
                self.world.begin_gc()?;
                (shown_proc, thread) = (fake_proc::GC, NONE);
                record.other(What::RangeBegin(RangeType::GcMark), NONE);
                record.stack = place.found.stack(b, event.at)?;
            }
            E::GCDone => {
                self.world.end_gc()?;
                record.other(What::RangeEnd(RangeType::GcMark), NONE);
            }
            E::GCSTWStart => {
                self.world.begin_stop()?;
                self.stop_reason = stop_reason(self.version, a);
                record.other(What::RangeBegin(RangeType::StopTheWorld), go);
                record.text = Symbol::Static(self.stop_reason);
            }
            E::GCSTWDone => {
                self.world.end_stop()?;
                record.other(What::RangeEnd(RangeType::StopTheWorld), go);
                record.text = Symbol::Static(self.stop_reason);
            }
            E::GCSweepStart => {
                proc.begin_sweep()?;
                record.other(What::RangeBegin(RangeType::GcSweep), proc.id);
                record.stack = place.found.stack(a, event.at)?;
            }
            E::GCSweepDone => {
                proc.end_sweep()?;
                record.other(What::RangeEnd(RangeType::GcSweep), proc.id);
                record.b = a;
                record.c = b;
            }
            E::GCMarkAssistStart => {
                self.world.begin_assist(proc)?;
                record.other(What::RangeBegin(RangeType::GcMarkAssist), go);
                record.stack = place.found.stack(a, event.at)?;
            }
            E::GCMarkAssistDone => {
                self.world.end_assist(proc);
                record.other(What::RangeEnd(RangeType::GcMarkAssist), go);
            }

            // What the program says of itself.
            E::UserTaskCreate => {
                let name = self.world.names.intern(place.text(c, event.at)?);
                let fit = self.world.annotations.task_begin(a, ActiveTask { parent: b, name });
                self.note((fit == Fit::Misused).then_some(WarningKind::TaskRestarted));
                record.other(What::TaskBegin, a);
                record.b = if b == 0 { NONE } else { b };
                record.text = Symbol::Name(name);
                record.stack = place.found.stack(d, event.at)?;
            }
            E::UserTaskEnd => {
                let begun = self.world.annotations.task_end(a);
                record.other(What::TaskEnd, a);
                // A task of no parent begins with none and ends with 0: the reference's converter keeps them apart.
                record.b = begun.map_or(NONE, |task| task.parent);
                record.text = begun.map_or(Symbol::Empty, |task| Symbol::Name(task.name));
                record.stack = place.found.stack(b, event.at)?;
            }
            E::UserRegion => {
                let name = self.world.names.intern(place.text(c, event.at)?);
                let (what, warning) = region(&mut self.world, proc.go_id, a, b, name)?;
                self.note(warning);
                record.other(what, a);
                record.text = Symbol::Name(name);
                record.stack = place.found.stack(d, event.at)?;
            }
            E::UserLog => {
                let (message, _) = parse::text(place.window, d as usize, kind)?;
                record.other(What::Log, a);
                record.text = place.found.string(b, event.at)?;
                record.text2 = message.into();
                record.stack = place.found.stack(c, event.at)?;
            }

            // Go stopped writing it before the first version that is read; the reference has no conversion for it.
            E::FutileWakeup => return broken(ErrorKind::ObsoleteEvent { event: kind.name() }),
            _ => return broken(ErrorKind::WrongContext { event: kind.name() }),
        }
        record.locate(thread, shown_proc, go, time);
        Ok(Step::Done(Given::Event))
    }

    fn note(&mut self, warning: Option<WarningKind>) {
        self.warning = warning;
        self.has_news |= warning.is_some();
    }
}

/// The P and the thread on which something is shown to make a goroutine runnable.
#[inline(always)]
fn unblocker(world: &World, proc: &Proc, go: u64, on_network: bool) -> (u64, u64) {
    if on_network {
        return (fake_proc::NETPOLL, NONE);
    }
    match !world.timers.is_empty() && world.timers.contains(&go) {
        true => (fake_proc::TIMER, NONE),
        false => (proc.id, proc.thread),
    }
}

/// The goroutine stops or blocks: the event's stack is its own.
#[inline(always)]
fn stopped(record: &mut Record, (go, to): (u64, GoState), reason: &'static &'static str, stack: u64) {
    record.go_transition(go, GoState::Running, to);
    record.text = Symbol::Static(reason);
    record.b = stack;
    record.stack = stack;
}

/// The first that is told of a P is its status.
fn proc_changes(record: &mut Record, proc: &mut Proc, from: ProcState, to: ProcState) {
    let known = std::mem::replace(&mut proc.known, true);
    let from = if known { from } else { ProcState::Undetermined };
    record.other(What::ProcTransition(from, to), proc.id);
}

fn region(world: &mut World, go: u64, task: u64, mode: u64, name: NameId) -> Parsed<(What, Option<WarningKind>)> {
    match mode {
        0 => {
            world.annotations.region_begin(go, task, name);
            Ok((What::RegionBegin, None))
        }
        1 => {
            let fit = world.annotations.region_end(go, task, name);
            Ok((What::RegionEnd, (fit == Fit::Misused).then_some(WarningKind::RegionMismatch)))
        }
        _ => broken(ErrorKind::InvalidRegionMode { mode }),
    }
}
