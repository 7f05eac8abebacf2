//! Tries events: checks whether an event can happen now. If it can, applies it to the scheduler's
//! state, and fills its records.
//!
//! [`effects`](super::effects) is a table of the rules of each event. Its tests compare the two
//! functions here, [`try_event`] and [`try_frequent`], with the table.

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
use crate::sched::{ActiveTask, Context, Ending, GoStatus, OnThread, Outcome, RangeId, Sched, Step, Usage, Wait};
use crate::warning::WarningKind;
use crate::wire::source::Source;
use crate::wire::varint;
use smallvec::SmallVec;

/// The records of one event. Most events have one record. A coroutine switch has three records.
#[derive(Debug)]
pub(super) struct EventRecords {
    pub current: Record,
    more: SmallVec<[Record; 2]>,
    /// A wrong use of tasks or regions by the traced program, which the event reveals.
    pub warning: Option<WarningKind>,
}

impl Default for EventRecords {
    fn default() -> Self {
        EventRecords { current: Record::BLANK, more: SmallVec::new(), warning: None }
    }
}

impl EventRecords {
    /// Returns whether there are records after the current one.
    #[inline(always)]
    pub fn has_more(&self) -> bool {
        !self.more.is_empty()
    }

    /// Returns the number of records, including the current one.
    pub fn len(&self) -> u64 {
        1 + self.more.len() as u64
    }

    /// Makes the next record the current record.
    pub fn next(&mut self) {
        self.current = self.more.remove(0);
    }

    /// Adds a copy of the current record, and returns the copy.
    pub fn push_copy(&mut self) -> &mut Record {
        self.more.push(self.current);
        let last = self.more.len() - 1;
        &mut self.more[last]
    }
}

/// An event to try, and the tables that its IDs refer to.
#[derive(Clone, Copy)]
pub(super) struct Attempt<'a> {
    pub tables: &'a Tables,
    pub source: &'a Source<'a>,
    pub event: EventType,
    /// The cursor of the event's thread.
    pub cursor: &'a Cursor,
    /// Receives the first ID that is not in the tables.
    pub unknown: &'a Cell<Option<Unknown>>,
}

/// An ID that is not in the tables.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unknown {
    Stack(u64),
    String(u64),
}

impl Attempt<'_> {
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

    /// Returns the text of a string, for names that outlive the generation.
    fn text(&self, id: u64) -> &[u8] {
        self.string(id);
        self.tables.string(id, self.source.window()).as_bytes()
    }
}

/// Returns from the function if the event has to wait.
macro_rules! done {
    ($outcome:expr) => {
        match $outcome? {
            Step::Done(value) => value,
            Step::Wait => return Ok(Step::Wait),
        }
    };
}

/// Tries an event of one of the most frequent kinds. Returns the length of its arguments if it
/// happens. Otherwise, nothing changes, and the caller must call [`try_event`] for the same event.
///
/// Does not set the thread and the time of the record.
#[inline(always)]
pub(super) fn try_frequent(
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
        E::GoBlock => try_frequent_leave(on, tables, frame, &mut pos, record, ("GoBlock", GoStatus::Waiting, Waiting))?,
        E::GoStop => try_frequent_leave(on, tables, frame, &mut pos, record, ("GoStop", GoStatus::Runnable, Runnable))?,
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
            // Unlike other arguments, this argument is often long.
            let (bytes, len) = varint::read_word(frame.first_chunk()?)?;
            pos = len;
            record.other(What::HeapObjects, bytes);
        }
        _ => return None,
    }
    Some(pos)
}

/// Tries a frequent event after which the goroutine no longer runs.
#[inline(always)]
fn try_frequent_leave(
    on: &mut OnThread<'_>,
    tables: &Tables,
    frame: &Frame,
    pos: &mut usize,
    record: &mut Record,
    (event, status, to): (&'static str, GoStatus, GoState),
) -> Option<()> {
    let reason = varint::read_brief(frame, pos)?;
    let stack = varint::read_brief(frame, pos)?;
    if !tables.has_string(reason) || !tables.has_stack(stack) {
        return None;
    }
    on.go_leave(event, status).ok()?.done()?;
    record.go_transition(record.go, GoState::Running, to);
    record.text = Symbol::Id(reason);
    record.stack = stack;
    record.b = stack;
    Some(())
}

/// Tries an event of any kind. If it happens, its records are in `out`. `attempt.unknown` may be
/// set even if the event does not happen.
pub(super) fn try_event(
    sched: &mut Sched,
    attempt: Attempt<'_>,
    args: [u64; MAX_ARGS],
    out: &mut EventRecords,
) -> Outcome {
    use EventType as E;

    let Cursor { thread, thread_id, time, .. } = *attempt.cursor;
    sched.make_known(thread);
    let context = sched.context(thread);
    out.current.locate(thread_id, context.proc_id, context.go_id, time);
    match attempt.event {
        E::GoCreate
        | E::GoCreateBlocked
        | E::GoCreateSyscall
        | E::GoStart
        | E::GoStop
        | E::GoBlock
        | E::GoUnblock
        | E::GoDestroy
        | E::GoSyscallBegin
        | E::GoSyscallEnd
        | E::GoSyscallEndBlocked => try_go(sched, attempt, context, args, &mut out.current),
        E::GoDestroySyscall | E::GoSwitch | E::GoSwitchDestroy => try_go_pair(sched, attempt, context, args, out),
        E::GoStatus | E::GoStatusStack | E::ProcStatus => try_status(sched, attempt, context, args, &mut out.current),
        E::ProcStart | E::ProcStop | E::ProcSteal | E::ProcsChange | E::HeapAlloc | E::HeapGoal => {
            try_proc(sched, attempt, context, args, &mut out.current)
        }
        E::STWBegin
        | E::STWEnd
        | E::GCActive
        | E::GCBegin
        | E::GCEnd
        | E::GCSweepActive
        | E::GCSweepBegin
        | E::GCSweepEnd
        | E::GCMarkAssistActive
        | E::GCMarkAssistBegin
        | E::GCMarkAssistEnd => try_range(sched, attempt, context, args, &mut out.current),
        E::GoLabel | E::UserTaskBegin | E::UserTaskEnd | E::UserRegionBegin | E::UserRegionEnd | E::UserLog => {
            try_annotation(sched, attempt, context, args, out)
        }
        event => try_allocation(sched, event, context, args, &mut out.current),
    }
}

/// Handles events that change the state of one goroutine.
#[inline(always)]
fn try_go(
    sched: &mut Sched,
    attempt: Attempt<'_>,
    context: Context,
    [a, b, c, _]: [u64; MAX_ARGS],
    record: &mut Record,
) -> Outcome {
    use EventType as E;
    use GoState::{NotExist, Runnable, Running, Syscall, Waiting};

    let event = attempt.event;
    let Context { thread, go_id, .. } = context;
    match event {
        E::GoStart => {
            done!(on_thread(sched, event, thread)?.go_start(a, b));
            record.go_transition(a, Runnable, Running);
        }
        E::GoUnblock => {
            done!(sched.go_unblock(a, b));
            record.go_transition(a, Waiting, Runnable);
            record.stack = attempt.stack(c);
        }
        E::GoBlock | E::GoStop => {
            let (status, to) = match event {
                E::GoBlock => (GoStatus::Waiting, Waiting),
                _ => (GoStatus::Runnable, Runnable),
            };
            done!(on_thread(sched, event, thread)?.go_leave(event.name(), status));
            record.go_transition(go_id, Running, to);
            record.text = attempt.string(a);
            record.stack = attempt.stack(b);
            record.b = b;
        }
        E::GoSyscallBegin => {
            done!(on_thread(sched, event, thread)?.go_syscall_begin(a));
            record.go_transition(go_id, Running, Syscall);
            record.stack = attempt.stack(b);
            record.b = b;
        }
        E::GoSyscallEnd => {
            done!(on_thread(sched, event, thread)?.go_syscall_end());
            record.go_transition(go_id, Syscall, Running);
        }
        E::GoSyscallEndBlocked => {
            done!(sched.go_syscall_end_blocked(context));
            record.go_transition(go_id, Syscall, Runnable);
        }
        E::GoCreate | E::GoCreateBlocked => {
            let (status, to) = match event {
                E::GoCreate => (GoStatus::Runnable, Runnable),
                _ => (GoStatus::Waiting, Waiting),
            };
            done!(on_thread(sched, event, thread)?.go_create(event.name(), a, status));
            record.go_transition(a, NotExist, to);
            record.b = attempt.stack(b);
            record.stack = attempt.stack(c);
        }
        E::GoDestroy => {
            done!(on_thread(sched, event, thread)?.go_destroy());
            sched.forget_annotations(context.go, go_id);
            record.go_transition(go_id, Running, NotExist);
        }
        // Only `GoCreateSyscall` is left.
        _ => {
            done!(sched.go_create_syscall(context, a));
            record.go_transition(a, NotExist, Syscall);
        }
    }
    Ok(Step::Done(()))
}

/// Handles events that change the state of two goroutines, or of a goroutine and a P.
fn try_go_pair(
    sched: &mut Sched,
    attempt: Attempt<'_>,
    context: Context,
    [next, sequence, ..]: [u64; MAX_ARGS],
    out: &mut EventRecords,
) -> Outcome {
    use GoState::{NotExist, Runnable, Running, Syscall, Waiting};

    let Context { go_id, proc_id, .. } = context;
    let event = attempt.event;
    let (ending, left) = match event {
        EventType::GoSwitch => (Ending::Block, Waiting),
        EventType::GoSwitchDestroy => (Ending::Destroy, NotExist),
        _ => {
            let lost_proc = done!(sched.go_destroy_syscall(context));
            if lost_proc {
                out.current.other(What::ProcTransition(ProcState::Running, ProcState::Idle), proc_id);
                out.push_copy().go_transition(go_id, Syscall, NotExist);
            } else {
                out.current.go_transition(go_id, Syscall, NotExist);
            }
            return Ok(Step::Done(()));
        }
    };
    done!(sched.go_switch(event.name(), context, next, sequence, ending));
    out.current.go_transition(next, Waiting, Runnable);
    out.push_copy().go_transition(go_id, Running, left);
    let start = out.push_copy();
    start.go_transition(next, Runnable, Running);
    start.go = NONE;
    Ok(Step::Done(()))
}

/// Handles events that state the status of a goroutine or P at the start of a generation.
fn try_status(
    sched: &mut Sched,
    attempt: Attempt<'_>,
    context: Context,
    [a, b, c, d]: [u64; MAX_ARGS],
    record: &mut Record,
) -> Outcome {
    let on = match attempt.event {
        EventType::ProcStatus => {
            let stated = done!(sched.proc_status(context, a, b));
            record.other(What::ProcTransition(stated.from, stated.to), a);
            stated.context
        }
        event => {
            let stated = done!(sched.go_status(context, a, b, c));
            record.go_transition(a, stated.from, stated.to);
            if event == EventType::GoStatusStack {
                record.stack = attempt.stack(d);
                record.b = d;
            }
            stated.context
        }
    };
    record.locate(sched.threads.id(on.thread), on.proc_id, on.go_id, record.time);
    Ok(Step::Done(()))
}

/// Handles events of Ps, and metrics.
#[inline(always)]
fn try_proc(
    sched: &mut Sched,
    attempt: Attempt<'_>,
    context: Context,
    [a, b, c, _]: [u64; MAX_ARGS],
    record: &mut Record,
) -> Outcome {
    use EventType as E;
    use ProcState::{Idle, Running};

    let name = attempt.event.name();
    match attempt.event {
        E::ProcStart => {
            done!(sched.proc_start(context, a, b));
            record.other(What::ProcTransition(Idle, Running), a);
        }
        E::ProcStop => {
            done!(sched.proc_stop(context));
            record.other(What::ProcTransition(Running, Idle), context.proc_id);
        }
        E::ProcSteal => {
            let from = done!(sched.proc_steal(context, a, b, c));
            record.other(What::ProcTransition(from, Idle), a);
        }
        E::ProcsChange => {
            sched.user_event(name, context)?;
            record.other(What::GoMaxProcs, a);
            record.stack = attempt.stack(b);
        }
        event => {
            sched.proc_event(name, context)?;
            record.other(if event == E::HeapAlloc { What::HeapObjects } else { What::HeapGoal }, a);
        }
    }
    Ok(Step::Done(()))
}

/// Handles events of ranges.
#[inline(always)]
fn try_range(
    sched: &mut Sched,
    attempt: Attempt<'_>,
    context: Context,
    [a, b, ..]: [u64; MAX_ARGS],
    record: &mut Record,
) -> Outcome {
    use EventType as E;
    use RangeType::{GcMark, GcMarkAssist, GcSweep, StopTheWorld};
    use What::{RangeActive, RangeBegin, RangeEnd};

    let Context { go_id, proc_id, .. } = context;
    match attempt.event {
        E::STWBegin => {
            let reason = sched.names.intern(attempt.text(a));
            done!(sched.go_range_begin("STWBegin", context, RangeId::StopTheWorld(reason)));
            record.other(RangeBegin(StopTheWorld), go_id);
            record.text = Symbol::Name(reason);
            record.stack = attempt.stack(b);
        }
        E::STWEnd => {
            let reason = done!(sched.stop_the_world_end(context));
            record.other(RangeEnd(StopTheWorld), go_id);
            record.text = Symbol::Name(reason);
        }
        E::GCActive => {
            done!(sched.gc_active(context, a));
            record.other(RangeActive(GcMark), NONE);
        }
        E::GCBegin => {
            done!(sched.gc_begin(context, a));
            record.other(RangeBegin(GcMark), NONE);
            record.stack = attempt.stack(b);
        }
        E::GCEnd => {
            done!(sched.gc_end(context, a));
            record.other(RangeEnd(GcMark), NONE);
        }
        E::GCSweepActive => {
            done!(sched.sweep_active(a));
            record.other(RangeActive(GcSweep), a);
        }
        E::GCSweepBegin => {
            done!(sched.sweep_begin(context));
            record.other(RangeBegin(GcSweep), proc_id);
            record.stack = attempt.stack(a);
        }
        E::GCSweepEnd => {
            done!(sched.sweep_end(context));
            record.other(RangeEnd(GcSweep), proc_id);
            record.b = a;
            record.c = b;
        }
        E::GCMarkAssistActive => {
            done!(sched.go_range_active("GCMarkAssistActive", a, RangeId::MarkAssist));
            record.other(RangeActive(GcMarkAssist), a);
        }
        E::GCMarkAssistBegin => {
            done!(sched.go_range_begin("GCMarkAssistBegin", context, RangeId::MarkAssist));
            record.other(RangeBegin(GcMarkAssist), go_id);
            record.stack = attempt.stack(a);
        }
        // Only `GCMarkAssistEnd` is left.
        _ => {
            done!(sched.mark_assist_end(context));
            record.other(RangeEnd(GcMarkAssist), go_id);
        }
    }
    Ok(Step::Done(()))
}

/// Handles labels, tasks, regions and log messages.
#[inline(always)]
fn try_annotation(
    sched: &mut Sched,
    attempt: Attempt<'_>,
    context: Context,
    [a, b, c, d]: [u64; MAX_ARGS],
    out: &mut EventRecords,
) -> Outcome {
    use EventType as E;

    let record = &mut out.current;
    match attempt.event {
        E::GoLabel => {
            sched.user_event("GoLabel", context)?;
            record.other(What::Label, 0);
            record.text = attempt.string(a);
        }
        E::UserTaskBegin => {
            // Here 0 means that there is no parent, not that the parent is the background task.
            let parent = if b == 0 { NONE } else { b };
            let name = sched.names.intern(attempt.text(c));
            let usage = sched.task_begin(context, a, ActiveTask { parent, name })?;
            out.warning = (usage == Usage::Misused).then_some(WarningKind::TaskRestarted);
            record.other(What::TaskBegin, a);
            record.b = parent;
            record.text = Symbol::Name(name);
            record.stack = attempt.stack(d);
        }
        E::UserTaskEnd => {
            let begun = sched.task_end(context, a)?;
            record.other(What::TaskEnd, a);
            record.b = begun.map_or(NONE, |task| task.parent);
            record.text = begun.map_or(Symbol::Empty, |task| Symbol::Name(task.name));
            record.stack = attempt.stack(b);
        }
        E::UserRegionBegin => {
            let name = sched.names.intern(attempt.text(b));
            sched.region_begin(context, a, name)?;
            record.other(What::RegionBegin, a);
            record.text = Symbol::Name(name);
            record.stack = attempt.stack(c);
        }
        E::UserRegionEnd => {
            let name = sched.names.intern(attempt.text(b));
            let usage = sched.region_end(context, a, name)?;
            out.warning = (usage == Usage::Misused).then_some(WarningKind::RegionMismatch);
            record.other(What::RegionEnd, a);
            record.text = Symbol::Name(name);
            record.stack = attempt.stack(c);
        }
        // Only `UserLog` is left.
        _ => {
            sched.user_event("UserLog", context)?;
            record.other(What::Log, a);
            record.text = attempt.string(b);
            record.text2 = attempt.string(c);
            record.stack = attempt.stack(d);
        }
    }
    Ok(Step::Done(()))
}

/// Handles events of the AllocFree experiment.
fn try_allocation(
    sched: &mut Sched,
    event: EventType,
    context: Context,
    [a, b, c, _]: [u64; MAX_ARGS],
    record: &mut Record,
) -> Outcome {
    let Some(allocation) = alloc_free(event) else {
        return broken(ErrorKind::WrongContext { event: event.name() });
    };
    sched.thread_event(event.name(), context)?;
    record.other(What::AllocFree(allocation), a);
    record.b = b;
    record.c = c;
    Ok(Step::Done(()))
}

/// Returns the thread of an event. Fails if the event has no thread.
fn on_thread(sched: &mut Sched, event: EventType, thread: Index) -> Result<OnThread<'_>, Box<ErrorKind>> {
    let mismatch = ContextMismatch::NoThread;
    sched.on_thread(thread).ok_or_else(|| Box::new(ErrorKind::WrongSchedContext { event: event.name(), mismatch }))
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

/// Describes what an event waits for.
pub(super) fn explain(sched: &mut Sched, event: EventType, wait: Wait) -> String {
    match (event, wait) {
        (EventType::ProcStart, Wait::ProcLost { id }) => format!("its thread to release proc {id}"),
        _ => sched.explain(wait),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::AllocFree;
    use crate::v2::spec::Class;

    #[test]
    fn alloc_free_events_have_the_names_and_arguments_of_the_spec() {
        let events: Vec<_> = EventType::ALL.iter().filter(|event| event.spec().class == Class::AllocFree).collect();
        assert_eq!(events.len(), 9);
        for event in events {
            let kind = alloc_free(*event).expect("every event of the class has a kind");
            let (name, args) = AllocFree::new(kind, 1, 2, 3).args();
            let args: Vec<_> = args.into_iter().flatten().map(|(arg, _)| arg).collect();
            assert_eq!((name, &args[..]), (event.name(), &event.spec().args[1..]));
        }
    }
}
