//! Converts events to records.
//!
//! Most events have one record, like the same events of v2. Other events differ. A system call that does not block is
//! one event here and two records, a nanosecond apart. Goroutines that existed when tracing started have `GoCreate`
//! events, up to the first `Gomaxprocs`. Threads (Ms) are known only from the `ProcStart` events that name them.
//!
//! The rules are the same as in Go's `src/internal/trace/tracev1.go`.

use std::collections::BTreeSet;

use super::check::{World, done};
use super::cursor::{self, Cursor, Event};
use super::found::Found;
use super::goroutine::Proc;
use super::model::{fake_proc, or_none, or_zero, reason, stop_reason};
use super::order::Number;
use super::parse::{self, Parsed};
use super::record_block::RecordBlock;
use super::spec::EventType;
use super::syscall::{self, Exit};
use crate::error::{ErrorKind, broken};
use crate::event::names::NameId;
use crate::event::record::{RangeType, Record, Symbol, What};
use crate::event::tables::{Span, UNKNOWN};
use crate::event::{GoState, ProcState};
use crate::id::NONE;
use crate::sched::{ActiveTask, Outcome, Step, Usage};
use crate::warning::WarningKind;
use crate::wire::header::Version;

/// The number of goroutines in the initial list after which the limits are checked.
const LISTED_AT_A_TIME: usize = 1024;

/// The data for looking up what an event refers to.
#[derive(Clone, Copy)]
pub(super) struct Lookup<'a> {
    pub window: &'a [u8],
    pub found: &'a Found,
    /// The number of CPU samples that were returned.
    pub samples: usize,
}

impl Lookup<'_> {
    /// Returns the text of the string that the event at this position refers to.
    fn text(&self, id: u64, at: usize) -> Parsed<&[u8]> {
        match self.found.string(id, at)? {
            Symbol::Span { pos, len } => Ok(Span { pos, len }.of(self.window)),
            Symbol::Id(_) => Ok(UNKNOWN),
            _ => Ok(b""),
        }
    }

    /// Returns whether the system call that a goroutine enters here blocks. Its next event determines that, unless a
    /// CPU sample of the goroutine comes first.
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

/// The records of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Produced {
    /// One record.
    Record,
    /// No record: the event only changed the state.
    Nothing,
    /// The record, and a second record for the label of the goroutine.
    RecordAndLabel(Symbol),
    /// The record, and a second record for the return from the system call.
    RecordAndReturn,
}

/// Fills the record of a CPU sample. Go 1.21 does not state its thread.
pub(super) fn sample(proc: u64, go: u64, stack: u64, time: i64, record: &mut Record) {
    record.other(What::StackSample, 0);
    record.stack = stack;
    record.locate(NONE, proc, or_none(go), time);
}

/// Fills the second record of an event. The second record is a copy of the first.
pub(super) fn second(produced: Produced, time: i64, record: &mut Record) {
    match produced {
        Produced::RecordAndLabel(label) => {
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
    /// Whether events still list the goroutines that existed when tracing started.
    listing: bool,
    /// The listed goroutines that have had no further events.
    created: BTreeSet<u64>,
    /// The time at which the list ended, in ticks.
    listed_at: i64,
    stop_reason: &'static &'static str,
    /// Whether something rare happened: a warning, the end of the initial list, or a long list of
    /// goroutines, for which the limits must be checked.
    pub rare_happened: bool,
    /// A mistake of the traced program that the last event shows.
    pub warning: Option<WarningKind>,
    /// The number of second records that [`run`](Self::run) has made.
    pub returns: u64,
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
            rare_happened: false,
            warning: None,
            returns: 0,
        }
    }

    /// Returns whether events still list the goroutines that existed when tracing started.
    pub fn is_listing(&self) -> bool {
        self.listing
    }

    /// Returns whether the statuses of listed goroutines without further events must be returned next.
    pub fn has_listed(&self) -> bool {
        !self.listing && !self.created.is_empty()
    }

    /// Adds the status of the next listed goroutine without further events.
    pub fn state_listed(&mut self, out: &mut RecordBlock) {
        let Some(go) = self.created.pop_first() else { return };
        let time = out.time(self.listed_at);
        let record = out.next();
        record.go_transition(go, GoState::Undetermined, GoState::Runnable);
        record.locate(NONE, NONE, NONE, time);
        out.push(time);
    }

    /// Fills the record of the end of a system call, at the time when it ended.
    pub fn exit_syscall(&mut self, event: EventType, go: u64, time: i64, record: &mut Record) -> Parsed<()> {
        self.world.exit_syscall(event, go)?;
        record.go_transition(go, GoState::Syscall, GoState::Runnable);
        record.locate(NONE, fake_proc::SYSCALL, or_none(go), time);
        Ok(())
    }

    /// Fills the record of an event of a P, if the event can happen. This is a separate function so that the compiler
    /// optimises its caller for frequent events ([`run`](Self::run)).
    #[inline(never)]
    pub fn convert(
        &mut self,
        event: &Event,
        time: i64,
        (proc, cursor): (&mut Proc, &Cursor),
        lookup: &Lookup<'_>,
        record: &mut Record,
    ) -> Outcome<Produced> {
        use EventType as E;

        record.locate(proc.thread, proc.id, or_none(proc.go_id), time);
        match event.event {
            E::GoStartLocal
            | E::GoStart
            | E::GoStartLabel
            | E::GoUnblockLocal
            | E::GoUnblock
            | E::GoCreate
            | E::GoWaiting
            | E::GoInSyscall => self.convert_named(event, proc, lookup, record),
            E::GoBlock
            | E::GoBlockSend
            | E::GoBlockRecv
            | E::GoBlockSelect
            | E::GoBlockSync
            | E::GoBlockCond
            | E::GoBlockNet
            | E::GoBlockGC
            | E::GoSleep
            | E::GoSched
            | E::GoPreempt
            | E::GoEnd
            | E::GoStop => self.convert_leave(event, proc, lookup, record),
            E::GoSysCall | E::GoSysBlock | E::GoSysExit | E::GoSysExitLocal => {
                self.convert_call(event, (proc, cursor), lookup, record)
            }
            E::ProcStart | E::ProcStop | E::Gomaxprocs | E::HeapAlloc | E::HeapGoal => {
                self.convert_proc(event, proc, lookup, record)
            }
            E::GCStart
            | E::GCDone
            | E::GCSTWStart
            | E::GCSTWDone
            | E::GCSweepStart
            | E::GCSweepDone
            | E::GCMarkAssistStart
            | E::GCMarkAssistDone => self.convert_range(event, proc, lookup, record),
            E::UserTaskCreate | E::UserTaskEnd | E::UserRegion | E::UserLog => {
                self.convert_annotation(event, proc, lookup, record)
            }
            // No supported version writes this event, and Go's reader cannot convert it.
            E::FutileWakeup => broken(ErrorKind::ObsoleteEvent { event: event.event.name() }),
            kind => broken(ErrorKind::WrongContext { event: kind.name() }),
        }
    }

    /// Fills the record of an event that names the goroutine whose state it changes.
    fn convert_named(
        &mut self,
        event: &Event,
        proc: &mut Proc,
        lookup: &Lookup<'_>,
        record: &mut Record,
    ) -> Outcome<Produced> {
        use EventType as E;
        use GoState::{NotExist, Runnable, Running, Syscall, Undetermined, Waiting};

        let [a, b, c, _] = event.args;
        let kind = event.event;
        match kind {
            E::GoStartLocal | E::GoStart | E::GoStartLabel => {
                let number = if kind == E::GoStartLocal { Number::Any } else { Number::Exactly(b) };
                done!(self.world.start(kind, proc, a, number)?);
                record.go = a;
                record.go_transition(a, Runnable, Running);
                if kind == E::GoStartLabel {
                    record.thread = or_zero(record.thread);
                    return Ok(Step::Done(Produced::RecordAndLabel(lookup.found.string(c, event.at)?)));
                }
                if self.listing {
                    self.created.remove(&a);
                    record.what = What::GoTransition(Undetermined, Running);
                }
            }
            E::GoUnblockLocal | E::GoUnblock => {
                let (number, stack) = match kind {
                    E::GoUnblockLocal => (Number::Any, b),
                    _ => (Number::Exactly(b), c),
                };
                let on_network = done!(self.world.unblock(kind, a, number)?);
                (record.proc, record.thread) = unblocker(&self.world, proc, proc.go_id, on_network);
                record.go_transition(a, Waiting, Runnable);
                record.stack = lookup.found.stack(stack, event.at)?;
            }
            E::GoCreate => {
                done!(self.world.create(a)?);
                if self.listing {
                    self.created.insert(a);
                    self.rare_happened |= self.created.len().is_multiple_of(LISTED_AT_A_TIME);
                    return Ok(Step::Done(Produced::Nothing));
                }
                lookup.found.stack(b, event.at)?;
                record.go_transition(a, NotExist, Runnable);
                record.b = b;
                record.stack = lookup.found.stack(c, event.at)?;
            }
            // Only `GoWaiting` and `GoInSyscall` are left.
            _ => {
                let waiting = done!(self.world.wait(kind, a)?);
                if kind == E::GoInSyscall {
                    waiting.blocked_at = event.ticks;
                }
                self.created.remove(&a);
                record.go = or_none(a);
                // The trace does not state the thread of the system call.
                record.go_transition(a, Undetermined, if kind == E::GoWaiting { Waiting } else { Syscall });
            }
        }
        Ok(Step::Done(Produced::Record))
    }

    /// Fills the record of an event after which the goroutine on the P no longer runs.
    fn convert_leave(
        &mut self,
        event: &Event,
        proc: &mut Proc,
        lookup: &Lookup<'_>,
        record: &mut Record,
    ) -> Outcome<Produced> {
        use EventType as E;
        use GoState::{NotExist, Runnable, Running, Waiting};

        let (kind, go) = (event.event, record.go);
        let (to, reason) = match kind {
            E::GoEnd => {
                self.world.end(kind, proc)?;
                record.go_transition(go, Running, NotExist);
                return Ok(Step::Done(Produced::Record));
            }
            E::GoStop => {
                self.world.end(kind, proc)?;
                (Waiting, &"forever")
            }
            _ => {
                let to = if matches!(kind, E::GoSched | E::GoPreempt) { Runnable } else { Waiting };
                done!(self.world.leave(kind, proc, to)?);
                (to, reason(kind))
            }
        };
        // The stack of the event is that of the goroutine.
        let stack = lookup.found.stack(event.args[0], event.at)?;
        record.go_transition(go, Running, to);
        record.text = Symbol::Static(reason);
        record.b = stack;
        record.stack = stack;
        Ok(Step::Done(Produced::Record))
    }

    /// Fills the record of an event of a system call.
    fn convert_call(
        &mut self,
        event: &Event,
        (proc, cursor): (&mut Proc, &Cursor),
        lookup: &Lookup<'_>,
        record: &mut Record,
    ) -> Outcome<Produced> {
        use EventType as E;

        let [a, b, c, _] = event.args;
        let kind = event.event;
        match kind {
            E::GoSysCall => {
                let id = self.world.running(kind, proc)?;
                let stack = lookup.found.stack(a, event.at)?;
                record.go_transition(id, GoState::Running, GoState::Syscall);
                record.b = stack;
                record.stack = stack;
                if !lookup.call_blocks(cursor, id, b) {
                    record.thread = or_zero(record.thread);
                    return Ok(Step::Done(Produced::RecordAndReturn));
                }
            }
            E::GoSysBlock => {
                done!(self.world.leave(kind, proc, GoState::Waiting)?).blocked_at = event.ticks;
                return Ok(Step::Done(Produced::Nothing));
            }
            E::GoSysExit => {
                let blocked_at = done!(self.world.pass_exit(a, Number::Exactly(b)));
                if c != 0 {
                    syscall::check_exit(a, c, blocked_at)?;
                }
                if Exit::moves(c, event.ticks) {
                    return Ok(Step::Done(Produced::Nothing));
                }
                self.exit_syscall(kind, a, record.time, record)?;
            }
            // Only `GoSysExitLocal` is left, which no runtime writes. Go's reader uses the goroutine on the P, which cannot
            // be waiting.
            _ => {
                done!(self.world.pass_exit(a, Number::Any));
                self.exit_syscall(kind, proc.go_id, record.time, record)?;
            }
        }
        Ok(Step::Done(Produced::Record))
    }

    /// Fills the record of an event of a P, or of a metric.
    fn convert_proc(
        &mut self,
        event: &Event,
        proc: &mut Proc,
        lookup: &Lookup<'_>,
        record: &mut Record,
    ) -> Outcome<Produced> {
        use EventType as E;
        use ProcState::{Idle, Running};

        let [a, b, ..] = event.args;
        match event.event {
            E::ProcStart => {
                proc.start(a)?;
                record.thread = a;
                proc_changes(record, proc, Idle, Running);
            }
            E::ProcStop => {
                proc.stop()?;
                proc_changes(record, proc, Running, Idle);
            }
            E::Gomaxprocs if self.listing => {
                self.listing = false;
                self.listed_at = record.time;
                self.rare_happened = true;
                return Ok(Step::Done(Produced::Nothing));
            }
            E::Gomaxprocs => {
                record.other(What::GoMaxProcs, a);
                record.stack = lookup.found.stack(b, event.at)?;
            }
            E::HeapAlloc => record.other(What::HeapObjects, a),
            // Only `HeapGoal` is left.
            _ => record.other(What::HeapGoal, a),
        }
        Ok(Step::Done(Produced::Record))
    }

    /// Fills the record of the start or end of a range.
    fn convert_range(
        &mut self,
        event: &Event,
        proc: &mut Proc,
        lookup: &Lookup<'_>,
        record: &mut Record,
    ) -> Outcome<Produced> {
        use EventType as E;
        use RangeType::{GcMark, GcMarkAssist, GcSweep, StopTheWorld};
        use What::{RangeBegin, RangeEnd};

        let [a, b, ..] = event.args;
        let go = record.go;
        match event.event {
            E::GCStart => {
                done!(self.world.merge.begin_cycle(a));
                self.world.begin_gc()?;
                (record.proc, record.thread) = (fake_proc::GC, NONE);
                record.other(RangeBegin(GcMark), NONE);
                record.stack = lookup.found.stack(b, event.at)?;
            }
            E::GCDone => {
                self.world.end_gc()?;
                record.other(RangeEnd(GcMark), NONE);
            }
            E::GCSTWStart => {
                self.world.begin_stop()?;
                self.stop_reason = stop_reason(self.version, a);
                record.other(RangeBegin(StopTheWorld), go);
                record.text = Symbol::Static(self.stop_reason);
            }
            E::GCSTWDone => {
                self.world.end_stop()?;
                record.other(RangeEnd(StopTheWorld), go);
                record.text = Symbol::Static(self.stop_reason);
            }
            E::GCSweepStart => {
                proc.begin_sweep()?;
                record.other(RangeBegin(GcSweep), proc.id);
                record.stack = lookup.found.stack(a, event.at)?;
            }
            E::GCSweepDone => {
                proc.end_sweep()?;
                record.other(RangeEnd(GcSweep), proc.id);
                record.b = a;
                record.c = b;
            }
            E::GCMarkAssistStart => {
                self.world.begin_assist(proc)?;
                record.other(RangeBegin(GcMarkAssist), go);
                record.stack = lookup.found.stack(a, event.at)?;
            }
            // Only `GCMarkAssistDone` is left.
            _ => {
                self.world.end_assist(proc);
                record.other(RangeEnd(GcMarkAssist), go);
            }
        }
        Ok(Step::Done(Produced::Record))
    }

    /// Fills the record of an event of a task or region, or of a log message.
    fn convert_annotation(
        &mut self,
        event: &Event,
        proc: &Proc,
        lookup: &Lookup<'_>,
        record: &mut Record,
    ) -> Outcome<Produced> {
        use EventType as E;

        let [a, b, c, d] = event.args;
        match event.event {
            E::UserTaskCreate => {
                let name = self.world.names.intern(lookup.text(c, event.at)?);
                let usage = self.world.annotations.task_begin(a, ActiveTask { parent: b, name });
                self.note((usage == Usage::Misused).then_some(WarningKind::TaskRestarted));
                record.other(What::TaskBegin, a);
                record.b = if b == 0 { NONE } else { b };
                record.text = Symbol::Name(name);
                record.stack = lookup.found.stack(d, event.at)?;
            }
            E::UserTaskEnd => {
                let begun = self.world.annotations.task_end(a);
                record.other(What::TaskEnd, a);
                // A task without a parent starts with no parent and ends with parent 0, as in Go's reader.
                record.b = begun.map_or(NONE, |task| task.parent);
                record.text = begun.map_or(Symbol::Empty, |task| Symbol::Name(task.name));
                record.stack = lookup.found.stack(b, event.at)?;
            }
            E::UserRegion => {
                let name = self.world.names.intern(lookup.text(c, event.at)?);
                let (what, warning) = region(&mut self.world, proc.go_id, a, b, name)?;
                self.note(warning);
                record.other(what, a);
                record.text = Symbol::Name(name);
                record.stack = lookup.found.stack(d, event.at)?;
            }
            // Only `UserLog` is left.
            _ => {
                let (message, _) = parse::text(lookup.window, d as usize, event.event)?;
                record.other(What::Log, a);
                record.text = lookup.found.string(b, event.at)?;
                record.text2 = message.into();
                record.stack = lookup.found.stack(c, event.at)?;
            }
        }
        Ok(Step::Done(Produced::Record))
    }

    fn note(&mut self, warning: Option<WarningKind>) {
        self.warning = warning;
        self.rare_happened |= warning.is_some();
    }
}

/// Returns the P and the thread to report for an event that makes a goroutine runnable.
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

/// Fills the record of a P. The first event of a P also states its status.
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
            let usage = world.annotations.region_end(go, task, name);
            Ok((What::RegionEnd, (usage == Usage::Misused).then_some(WarningKind::RegionMismatch)))
        }
        _ => broken(ErrorKind::InvalidRegionMode { mode }),
    }
}
