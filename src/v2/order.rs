//! What each event does to the scheduler, and the record that it gives.

use std::cell::Cell;

use super::cursor::{Cursor, Frame};
use super::spec::{EventType, MAX_ARGS};
use crate::error::{ContextMismatch, ErrorKind, broken};
use crate::event::alloc_free::Kind as AllocFreeKind;
use crate::event::record::{RangeType, Record, Symbol, What};
use crate::event::tables::Tables;
use crate::event::{GoState, ProcState};
use crate::id::{NONE, StackId, StringId};
use crate::sched::arena::Index;
use crate::sched::{ActiveTask, Context, Ending, Fit, GoStatus, OnThread, Outcome, RangeId, Sched, Step, Wait};
use crate::warning::WarningKind;
use crate::wire::source::Source;
use crate::wire::varint;
use smallvec::SmallVec;

/// The current record, and those that the same event gave besides: a coroutine switch gives three.
#[derive(Debug)]
pub(super) struct Outbox {
    pub current: Record,
    more: SmallVec<[Record; 2]>,
    /// What the event says of a mistake of the traced program.
    pub warning: Option<WarningKind>,
}

impl Default for Outbox {
    fn default() -> Self {
        Outbox { current: Record::BLANK, more: SmallVec::new(), warning: None }
    }
}

impl Outbox {
    /// Whether the event has given more than the current record.
    #[inline(always)]
    pub fn has_more(&self) -> bool {
        !self.more.is_empty()
    }

    /// How many there are, the current one included.
    pub fn len(&self) -> u64 {
        1 + self.more.len() as u64
    }

    /// Makes the next of them current.
    pub fn next(&mut self) {
        self.current = self.more.remove(0);
    }

    /// Adds a copy of the current record, for the caller to change.
    pub fn copy(&mut self) -> &mut Record {
        self.more.push(self.current);
        let last = self.more.len() - 1;
        &mut self.more[last]
    }
}

/// Where an event looks things up.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub tables: &'a Tables,
    pub source: &'a Source<'a>,
    /// The event, and the M whose it is.
    pub event: EventType,
    pub cursor: &'a Cursor,
    /// Where the first ID is noted that the tables lack.
    pub unknown: &'a Cell<Option<Unknown>>,
}

/// An ID that the tables lack.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unknown {
    Stack(u64),
    String(u64),
}

impl Place<'_> {
    fn stack(&self, id: u64) -> u64 {
        if !self.tables.has_stack(id) {
            self.note(Unknown::Stack(id));
        }
        id
    }

    fn string(&self, id: u64) -> Symbol {
        if !self.tables.has_string(id) {
            self.note(Unknown::String(id));
        }
        Symbol::Id(id)
    }

    #[cold]
    fn note(&self, unknown: Unknown) {
        self.unknown.set(self.unknown.get().or(Some(unknown)));
    }

    /// The text of a string, for a name that outlives the generation.
    fn text(&self, id: u64) -> &[u8] {
        self.string(id);
        self.tables.string(id, self.source.window()).as_bytes()
    }
}

/// Ends the function where an event has to wait.
macro_rules! done {
    ($outcome:expr) => {
        match $outcome? {
            Step::Done(value) => value,
            Step::Wait => return Ok(Step::Wait),
        }
    };
}

/// Lets the cursor's event happen if it is one of those that make up most of a busy trace and nothing hinders it;
/// gives the end of its arguments in its frame. In all other cases nothing has changed, and [`order`] tells them apart.
///
/// The record lacks the thread and the time.
#[inline(always)]
pub(super) fn frequent(
    on: &mut OnThread<'_>,
    tables: &Tables,
    code: u8,
    frame: &Frame,
    record: &mut Record,
) -> Option<usize> {
    use EventType as E;
    use GoState::{NotExist, Runnable, Running, Syscall, Waiting};

    let mut pos = 0;
    record.proc = on.proc_id();
    record.go = on.go_id();
    // A type that is not in the alphabet is none of these.
    match E::from_code(code)? {
        E::GoStart => {
            let go = varint::read_brief(frame, &mut pos)?;
            let sequence = varint::read_brief(frame, &mut pos)?;
            on.go_start(go, sequence).ok()?.done()?;
            record.go_transition(go, Runnable, Running);
        }
        E::GoUnblock => {
            let go = varint::read_brief(frame, &mut pos)?;
            let sequence = varint::read_brief(frame, &mut pos)?;
            let stack = varint::read_brief(frame, &mut pos)?;
            if !tables.has_stack(stack) {
                return None;
            }
            on.go_unblock(go, sequence).ok()?.done()?;
            record.go_transition(go, Waiting, Runnable);
            record.stack = stack;
        }
        E::GoBlock => {
            let reason = varint::read_brief(frame, &mut pos)?;
            let stack = varint::read_brief(frame, &mut pos)?;
            if !tables.has_string(reason) || !tables.has_stack(stack) {
                return None;
            }
            on.go_leave("GoBlock", GoStatus::Waiting).ok()?.done()?;
            record.go_transition(record.go, Running, Waiting);
            record.text = Symbol::Id(reason);
            record.stack = stack;
            record.b = stack;
        }
        E::GoStop => {
            let reason = varint::read_brief(frame, &mut pos)?;
            let stack = varint::read_brief(frame, &mut pos)?;
            if !tables.has_string(reason) || !tables.has_stack(stack) {
                return None;
            }
            on.go_leave("GoStop", GoStatus::Runnable).ok()?.done()?;
            record.go_transition(record.go, Running, Runnable);
            record.text = Symbol::Id(reason);
            record.stack = stack;
            record.b = stack;
        }
        E::GoSyscallBegin => {
            let sequence = varint::read_brief(frame, &mut pos)?;
            let stack = varint::read_brief(frame, &mut pos)?;
            if !tables.has_stack(stack) {
                return None;
            }
            on.go_syscall_begin(sequence).ok()?.done()?;
            record.go_transition(record.go, Running, Syscall);
            record.stack = stack;
            record.b = stack;
        }
        E::GoSyscallEnd => {
            on.go_syscall_end().ok()?.done()?;
            record.go_transition(record.go, Syscall, Running);
        }
        E::GoCreate => {
            let go = varint::read_brief(frame, &mut pos)?;
            let start = varint::read_brief(frame, &mut pos)?;
            let stack = varint::read_brief(frame, &mut pos)?;
            if !tables.has_stack(start) || !tables.has_stack(stack) {
                return None;
            }
            on.go_create("GoCreate", go, GoStatus::Runnable).ok()?.done()?;
            record.go_transition(go, NotExist, Runnable);
            record.b = start;
            record.stack = stack;
        }
        E::GoDestroy => {
            if on.go_has_annotations() {
                return None;
            }
            on.go_destroy().ok()?.done()?;
            record.go_transition(record.go, Running, NotExist);
        }
        E::HeapAlloc => {
            // The one argument that is often long.
            let (bytes, len) = varint::read_word(frame.first_chunk()?)?;
            pos = len;
            record.other(What::HeapObjects, bytes);
        }
        _ => return None,
    }
    Some(pos)
}

/// Lets any event happen, if it can, and puts what it gives into `out`. IDs that the tables lack are noted, whatever becomes
/// of the event.
pub(super) fn order(sched: &mut Sched, place: Place<'_>, [a, b, c, d]: [u64; MAX_ARGS], out: &mut Outbox) -> Outcome {
    use EventType as E;
    use GoState::{NotExist, Runnable, Running, Syscall, Waiting};

    let Cursor { thread, thread_id, time, .. } = *place.cursor;
    let kind = place.event;
    sched.make_known(thread);
    let context = sched.context(thread);
    let (go, proc) = (context.go_id, context.proc_id);
    let record = &mut out.current;

    match kind {
        E::GoStart => {
            done!(on_thread(sched, kind, thread)?.go_start(a, b));
            record.go_transition(a, Runnable, Running);
        }
        E::GoUnblock => {
            done!(sched.go_unblock(a, b));
            record.go_transition(a, Waiting, Runnable);
            record.stack = place.stack(c);
        }
        E::GoBlock | E::GoStop => {
            let (status, to) = match kind {
                E::GoBlock => (GoStatus::Waiting, Waiting),
                _ => (GoStatus::Runnable, Runnable),
            };
            done!(on_thread(sched, kind, thread)?.go_leave(kind.name(), status));
            record.go_transition(go, Running, to);
            record.text = place.string(a);
            record.stack = place.stack(b);
            record.b = b;
        }
        E::GoSyscallBegin => {
            done!(on_thread(sched, kind, thread)?.go_syscall_begin(a));
            record.go_transition(go, Running, Syscall);
            record.stack = place.stack(b);
            record.b = b;
        }
        E::GoSyscallEnd => {
            done!(on_thread(sched, kind, thread)?.go_syscall_end());
            record.go_transition(go, Syscall, Running);
        }
        E::GoSyscallEndBlocked => {
            done!(sched.go_syscall_end_blocked(context));
            record.go_transition(go, Syscall, Runnable);
        }
        // The rest of goroutines.
        E::GoCreate => {
            done!(on_thread(sched, kind, thread)?.go_create("GoCreate", a, GoStatus::Runnable));
            create(record, place, a, Runnable, b, c);
        }
        E::GoCreateBlocked => {
            done!(on_thread(sched, kind, thread)?.go_create("GoCreateBlocked", a, GoStatus::Waiting));
            create(record, place, a, Waiting, b, c);
        }
        E::GoCreateSyscall => {
            done!(sched.go_create_syscall(context, a));
            record.go_transition(a, NotExist, Syscall);
        }
        E::GoDestroy => {
            done!(on_thread(sched, kind, thread)?.go_destroy());
            sched.forget_annotations(context.go, go);
            record.go_transition(go, Running, NotExist);
        }
        E::GoDestroySyscall => {
            let lost_proc = done!(sched.go_destroy_syscall(context));
            if lost_proc {
                record.other(What::ProcTransition(ProcState::Running, ProcState::Idle), proc);
                record.locate(thread_id, proc, go, time);
                out.copy().go_transition(go, Syscall, NotExist);
                return Ok(Step::Done(()));
            }
            record.go_transition(go, Syscall, NotExist);
        }
        E::GoSwitch | E::GoSwitchDestroy => {
            let (ending, left) = match kind {
                E::GoSwitch => (Ending::Block, Waiting),
                _ => (Ending::Destroy, NotExist),
            };
            done!(sched.go_switch(kind.name(), context, a, b, ending));
            record.go_transition(a, Waiting, Runnable);
            record.locate(thread_id, proc, go, time);
            out.copy().go_transition(go, Running, left);
            let start = out.copy();
            start.go_transition(a, Runnable, Running);
            start.go = NONE;
            return Ok(Step::Done(()));
        }
        E::GoStatus | E::GoStatusStack => {
            let stated = done!(sched.go_status(context, a, b, c));
            let stack = match kind {
                E::GoStatusStack => place.stack(d),
                _ => 0,
            };
            record.go_transition(a, stated.from, stated.to);
            record.b = stack;
            record.stack = stack;
            let Context { thread, proc_id, go_id, .. } = stated.context;
            record.locate(sched.threads.id(thread), proc_id, go_id, time);
            return Ok(Step::Done(()));
        }

        // Processors.
        E::ProcStart => {
            done!(sched.proc_start(context, a, b));
            record.other(What::ProcTransition(ProcState::Idle, ProcState::Running), a);
        }
        E::ProcStop => {
            done!(sched.proc_stop(context));
            record.other(What::ProcTransition(ProcState::Running, ProcState::Idle), proc);
        }
        E::ProcSteal => {
            let from = done!(sched.proc_steal(context, a, b, c));
            record.other(What::ProcTransition(from, ProcState::Idle), a);
        }
        E::ProcStatus => {
            let stated = done!(sched.proc_status(context, a, b));
            record.other(What::ProcTransition(stated.from, stated.to), a);
            let Context { thread, proc_id, go_id, .. } = stated.context;
            record.locate(sched.threads.id(thread), proc_id, go_id, time);
            return Ok(Step::Done(()));
        }

        // Metrics.
        E::ProcsChange => {
            sched.user_event("ProcsChange", context)?;
            record.other(What::GoMaxProcs, a);
            record.stack = place.stack(b);
        }
        E::HeapAlloc => {
            sched.proc_event("HeapAlloc", context)?;
            record.other(What::HeapObjects, a);
        }
        E::HeapGoal => {
            sched.proc_event("HeapGoal", context)?;
            record.other(What::HeapGoal, a);
        }

        // Ranges.
        E::STWBegin => {
            let reason = sched.names.intern(place.text(a));
            done!(sched.go_range_begin("STWBegin", context, RangeId::StopTheWorld(reason)));
            record.other(What::RangeBegin(RangeType::StopTheWorld), go);
            record.text = Symbol::Name(reason);
            record.stack = place.stack(b);
        }
        E::STWEnd => {
            let reason = done!(sched.stop_the_world_end(context));
            record.other(What::RangeEnd(RangeType::StopTheWorld), go);
            record.text = Symbol::Name(reason);
        }
        E::GCActive => {
            done!(sched.gc_active(context, a));
            record.other(What::RangeActive(RangeType::GcMark), NONE);
        }
        E::GCBegin => {
            done!(sched.gc_begin(context, a));
            record.other(What::RangeBegin(RangeType::GcMark), NONE);
            record.stack = place.stack(b);
        }
        E::GCEnd => {
            done!(sched.gc_end(context, a));
            record.other(What::RangeEnd(RangeType::GcMark), NONE);
        }
        E::GCSweepActive => {
            done!(sched.sweep_active(a));
            record.other(What::RangeActive(RangeType::GcSweep), a);
        }
        E::GCSweepBegin => {
            done!(sched.sweep_begin(context));
            record.other(What::RangeBegin(RangeType::GcSweep), proc);
            record.stack = place.stack(a);
        }
        E::GCSweepEnd => {
            done!(sched.sweep_end(context));
            record.other(What::RangeEnd(RangeType::GcSweep), proc);
            record.b = a;
            record.c = b;
        }
        E::GCMarkAssistActive => {
            done!(sched.go_range_active("GCMarkAssistActive", a, RangeId::MarkAssist));
            record.other(What::RangeActive(RangeType::GcMarkAssist), a);
        }
        E::GCMarkAssistBegin => {
            done!(sched.go_range_begin("GCMarkAssistBegin", context, RangeId::MarkAssist));
            record.other(What::RangeBegin(RangeType::GcMarkAssist), go);
            record.stack = place.stack(a);
        }
        E::GCMarkAssistEnd => {
            done!(sched.mark_assist_end(context));
            record.other(What::RangeEnd(RangeType::GcMarkAssist), go);
        }

        // What the program says of itself.
        E::GoLabel => {
            sched.user_event("GoLabel", context)?;
            record.other(What::Label, 0);
            record.text = place.string(a);
        }
        E::UserTaskBegin => {
            // 0 stands for no parent here, not for the background task.
            let parent = if b == 0 { NONE } else { b };
            let name = sched.names.intern(place.text(c));
            let fit = sched.task_begin(context, a, ActiveTask { parent, name })?;
            out.warning = (fit == Fit::Misused).then_some(WarningKind::TaskRestarted);
            record.other(What::TaskBegin, a);
            record.b = parent;
            record.text = Symbol::Name(name);
            record.stack = place.stack(d);
        }
        E::UserTaskEnd => {
            let begun = sched.task_end(context, a)?;
            record.other(What::TaskEnd, a);
            record.b = begun.map_or(NONE, |task| task.parent);
            record.text = begun.map_or(Symbol::Empty, |task| Symbol::Name(task.name));
            record.stack = place.stack(b);
        }
        E::UserRegionBegin => {
            let name = sched.names.intern(place.text(b));
            sched.region_begin(context, a, name)?;
            record.other(What::RegionBegin, a);
            record.text = Symbol::Name(name);
            record.stack = place.stack(c);
        }
        E::UserRegionEnd => {
            let name = sched.names.intern(place.text(b));
            let fit = sched.region_end(context, a, name)?;
            out.warning = (fit == Fit::Misused).then_some(WarningKind::RegionMismatch);
            record.other(What::RegionEnd, a);
            record.text = Symbol::Name(name);
            record.stack = place.stack(c);
        }
        E::UserLog => {
            sched.user_event("UserLog", context)?;
            record.other(What::Log, a);
            record.text = place.string(b);
            record.text2 = place.string(c);
            record.stack = place.stack(d);
        }

        _ => {
            let Some(allocation) = alloc_free(kind) else {
                return broken(ErrorKind::WrongContext { event: kind.name() });
            };
            sched.thread_event(kind.name(), context)?;
            record.other(What::AllocFree(allocation), a);
            record.b = b;
            record.c = c;
        }
    }
    record.locate(thread_id, proc, go, time);
    Ok(Step::Done(()))
}

/// The thread of an event that needs one.
fn on_thread(sched: &mut Sched, event: EventType, thread: Index) -> Result<OnThread<'_>, Box<ErrorKind>> {
    let mismatch = ContextMismatch::NoThread;
    sched.on_thread(thread).ok_or_else(|| Box::new(ErrorKind::WrongSchedContext { event: event.name(), mismatch }))
}

fn create(record: &mut Record, place: Place<'_>, go: u64, to: GoState, start: u64, stack: u64) {
    record.go_transition(go, GoState::NotExist, to);
    record.b = place.stack(start);
    record.stack = place.stack(stack);
}

fn alloc_free(event: EventType) -> Option<AllocFreeKind> {
    Some(match event {
        EventType::Span => AllocFreeKind::Span,
        EventType::SpanAlloc => AllocFreeKind::SpanAlloc,
        EventType::SpanFree => AllocFreeKind::SpanFree,
        EventType::HeapObject => AllocFreeKind::HeapObject,
        EventType::HeapObjectAlloc => AllocFreeKind::HeapObjectAlloc,
        EventType::HeapObjectFree => AllocFreeKind::HeapObjectFree,
        EventType::GoroutineStack => AllocFreeKind::GoroutineStack,
        EventType::GoroutineStackAlloc => AllocFreeKind::GoroutineStackAlloc,
        EventType::GoroutineStackFree => AllocFreeKind::GoroutineStackFree,
        _ => return None,
    })
}

impl From<Unknown> for ErrorKind {
    fn from(unknown: Unknown) -> Self {
        match unknown {
            Unknown::Stack(id) => ErrorKind::UnknownStack { id: StackId(id) },
            Unknown::String(id) => ErrorKind::UnknownString { id: StringId(id) },
        }
    }
}

/// What an event that can't happen yet waits for; `None` for those that never have to.
pub(super) fn waits_for(
    sched: &mut Sched,
    event: EventType,
    thread: Index,
    [a, b, ..]: [u64; MAX_ARGS],
) -> Option<Wait> {
    use EventType as E;
    let context = sched.context(thread);
    Some(match event {
        E::GoStart => Wait::for_runnable(a, b),
        E::GoUnblock | E::GoSwitch | E::GoSwitchDestroy => Wait::for_waiting(a, b),
        E::ProcStart => sched.proc_start_wait(context, a, b),
        E::ProcSteal => Wait::for_stealable(a, b),
        E::GoSyscallEndBlocked => Wait::ProcLost { id: context.proc_id },
        E::GCActive | E::GCBegin | E::GCEnd => Wait::for_gc(a),
        _ => return None,
    })
}

/// The same in words.
pub(super) fn explain(sched: &mut Sched, event: EventType, wait: Wait) -> String {
    match (event, wait) {
        (EventType::ProcStart, Wait::ProcLost { id }) => format!("its M to lose proc {id}"),
        _ => sched.explain(wait),
    }
}

/// What is no longer waited for once an event has happened, which had this thread, P and goroutine before.
pub(super) fn fulfils(
    sched: &mut Sched,
    event: EventType,
    before: Context,
    [a, ..]: [u64; MAX_ARGS],
) -> SmallVec<[Wait; 4]> {
    use EventType as E;
    let (gos, procs) = match event {
        E::GoStatus | E::GoStatusStack | E::GoCreate | E::GoCreateBlocked | E::GoCreateSyscall => ([a, NONE], NONE),
        E::GoStart | E::GoUnblock => ([a, NONE], NONE),
        E::GoSwitch | E::GoSwitchDestroy => ([a, before.go_id], NONE),
        E::GoStop | E::GoBlock | E::GoSyscallEndBlocked => ([before.go_id, NONE], NONE),
        E::GoSyscallBegin | E::GoSyscallEnd | E::GoDestroySyscall => ([before.go_id, NONE], before.proc_id),
        E::ProcStart | E::ProcSteal | E::ProcStatus => ([NONE, NONE], a),
        E::ProcStop => ([NONE, NONE], before.proc_id),
        E::GCActive | E::GCBegin | E::GCEnd => return SmallVec::from_iter([sched.gc_fulfils()]),
        _ => return SmallVec::new(),
    };
    let mut fulfilled: SmallVec<[Wait; 4]> = gos.into_iter().filter_map(|id| sched.go_fulfils(id)).collect();
    fulfilled.extend(sched.proc_fulfils(procs));
    if procs != NONE {
        fulfilled.push(Wait::ProcLost { id: procs });
    }
    fulfilled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::AllocFree;
    use crate::v2::spec::Class;

    #[test]
    fn the_experiments_events_are_named_as_in_the_table() {
        let events: Vec<_> = EventType::ALL.iter().filter(|event| event.spec().class == Class::AllocFree).collect();
        assert_eq!(events.len(), 9);
        for event in events {
            let kind = alloc_free(*event).expect("every event of the class has its kind");
            let (name, args) = AllocFree::new(kind, 1, 2, 3).args();
            let args: Vec<_> = args.into_iter().flatten().map(|(arg, _)| arg).collect();
            assert_eq!((name, &args[..]), (event.name(), &event.spec().args[1..]));
        }
    }
}
