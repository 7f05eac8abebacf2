//! What each event does to the scheduler, and the record that it gives.

use super::cursor::Timed;
use super::spec::EventType;
use crate::error::{ErrorKind, WarningKind, broken};
use crate::event::alloc_free::Kind as AllocFreeKind;
use crate::event::record::{Change, RangeType, Record, Symbol, What};
use crate::event::tables::Tables;
use crate::event::{GoState, ProcState};
use crate::id::{NONE, StackId, StringId};
use crate::sched::arena::Index;
use crate::sched::{ActiveTask, Context, Ending, Fit, GoStatus, Outcome, RangeId, Sched, Step};

/// The records that an event gave and that are not yet delivered: a coroutine switch gives three.
#[derive(Debug)]
pub(super) struct Outbox {
    records: [Record; 3],
    len: usize,
    delivered: usize,
    /// What the event says of a mistake of the traced program.
    pub warning: Option<WarningKind>,
}

impl Default for Outbox {
    fn default() -> Self {
        Outbox { records: [Record::BLANK; 3], len: 0, delivered: 0, warning: None }
    }
}

impl Outbox {
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.delivered == self.len
    }

    /// Takes the next record; [`current`](Self::current) shows it until the next is taken.
    #[inline(always)]
    pub fn deliver(&mut self) -> &mut Record {
        self.delivered += 1;
        &mut self.records[self.delivered - 1]
    }

    pub fn current(&self) -> &Record {
        &self.records[self.delivered.saturating_sub(1)]
    }

    /// The record that is delivered next.
    pub fn next_record(&self) -> &Record {
        &self.records[self.delivered]
    }

    /// Makes room for one record, the first; the caller fills it.
    #[inline(always)]
    pub fn start(&mut self) -> &mut Record {
        self.len = 1;
        self.delivered = 0;
        &mut self.records[0]
    }

    /// Adds a copy of the first record, for the caller to change.
    fn copy(&mut self) -> &mut Record {
        let record = self.records[0];
        self.len += 1;
        self.records[self.len - 1] = record;
        &mut self.records[self.len - 1]
    }
}

/// Where an event looks things up.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub tables: &'a Tables,
    pub window: &'a [u8],
    /// The M whose event it is.
    pub thread: Index,
    pub thread_id: u64,
}

impl Place<'_> {
    #[inline(always)]
    fn stack(&self, id: u64) -> Result<u64, Box<ErrorKind>> {
        match self.tables.has_stack(id) {
            true => Ok(id),
            false => broken(ErrorKind::UnknownStack { id: StackId(id) }),
        }
    }

    #[inline(always)]
    fn string(&self, id: u64) -> Result<Symbol, Box<ErrorKind>> {
        match (id, self.tables.strings.get(id)) {
            (0, _) => Ok(Symbol::Empty),
            (_, Some(span)) => Ok(Symbol::Span(span)),
            (_, None) => broken(ErrorKind::UnknownString { id: StringId(id) }),
        }
    }

    /// The text of a string, for a name that outlives the generation.
    fn text(&self, id: u64) -> Result<&[u8], Box<ErrorKind>> {
        match self.string(id)? {
            Symbol::Span(span) => Ok(span.of(self.window)),
            _ => Ok(b""),
        }
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

/// Lets an event happen, if it can, and puts what it gives into `out`.
#[inline(always)]
pub(super) fn order(sched: &mut Sched, place: Place<'_>, event: &Timed, out: &mut Outbox) -> Outcome {
    use EventType as E;
    use GoState::{NotExist, Runnable, Running, Syscall, Waiting};

    let [a, b, c, d] = event.args;
    let kind = event.event;
    let context = sched.context(place.thread);
    let (go, proc) = (context.go_id, context.proc_id);

    match kind {
        // The hot ones: two thirds of a busy trace and more.
        E::GoStart => {
            done!(sched.go_start(context, a, b));
            transition(out, a, (Runnable, Running));
        }
        E::GoUnblock => {
            done!(sched.go_unblock(a, b));
            transition(out, a, (Waiting, Runnable)).stack = place.stack(c)?;
        }
        E::GoBlock => {
            done!(sched.go_leave("GoBlock", context, Ending::Block));
            stop(out, place, go, (Running, Waiting), a, b)?;
        }
        E::GoStop => {
            done!(sched.go_leave("GoStop", context, Ending::Stop));
            stop(out, place, go, (Running, Runnable), a, b)?;
        }
        E::GoSyscallBegin => {
            done!(sched.go_syscall_begin(context, a));
            let stack = place.stack(b)?;
            let record = transition(out, go, (Running, Syscall));
            record.b = stack;
            record.stack = stack;
        }
        E::GoSyscallEnd => {
            done!(sched.go_syscall_end(context));
            transition(out, go, (Syscall, Running));
        }
        E::GoSyscallEndBlocked => {
            done!(sched.go_syscall_end_blocked(context));
            transition(out, go, (Syscall, Runnable));
        }

        // The rest of goroutines.
        E::GoCreate => {
            done!(sched.go_create("GoCreate", context, a, GoStatus::Runnable));
            create(out, place, a, Runnable, b, c)?;
        }
        E::GoCreateBlocked => {
            done!(sched.go_create("GoCreateBlocked", context, a, GoStatus::Waiting));
            create(out, place, a, Waiting, b, c)?;
        }
        E::GoCreateSyscall => {
            done!(sched.go_create_syscall(context, a));
            transition(out, a, (NotExist, Syscall));
        }
        E::GoDestroy => {
            done!(sched.go_leave("GoDestroy", context, Ending::Destroy));
            transition(out, go, (Running, NotExist));
        }
        E::GoDestroySyscall => {
            let lost_proc = done!(sched.go_destroy_syscall(context));
            if lost_proc {
                proc_transition(out, proc, (ProcState::Running, ProcState::Idle));
                locate(out, place.thread_id, proc, go, event.time);
                set_transition(out.copy(), go, (Syscall, NotExist));
                return Ok(Step::Done(()));
            }
            transition(out, go, (Syscall, NotExist));
        }
        E::GoSwitch | E::GoSwitchDestroy => {
            let (ending, left) = match kind {
                E::GoSwitch => (Ending::Block, Waiting),
                _ => (Ending::Destroy, NotExist),
            };
            done!(sched.go_switch(kind.name(), context, a, b, ending));
            transition(out, a, (Waiting, Runnable));
            locate(out, place.thread_id, proc, go, event.time);
            set_transition(out.copy(), go, (Running, left));
            let start = out.copy();
            set_transition(start, a, (Runnable, Running));
            start.go = NONE;
            return Ok(Step::Done(()));
        }
        E::GoStatus | E::GoStatusStack => {
            let stated = done!(sched.go_status(context, a, b, c));
            let stack = match kind {
                E::GoStatusStack => place.stack(d)?,
                _ => 0,
            };
            let record = transition(out, a, (stated.from, stated.to));
            record.b = stack;
            record.stack = stack;
            locate_in(out, sched, stated.context, event.time);
            return Ok(Step::Done(()));
        }

        // Processors.
        E::ProcStart => {
            done!(sched.proc_start(context, a, b));
            proc_transition(out, a, (ProcState::Idle, ProcState::Running));
        }
        E::ProcStop => {
            done!(sched.proc_stop(context));
            proc_transition(out, proc, (ProcState::Running, ProcState::Idle));
        }
        E::ProcSteal => {
            let from = done!(sched.proc_steal(context, a, b, c));
            proc_transition(out, a, (from, ProcState::Idle));
        }
        E::ProcStatus => {
            let stated = done!(sched.proc_status(context, a, b));
            proc_transition(out, a, (stated.from, stated.to));
            locate_in(out, sched, stated.context, event.time);
            return Ok(Step::Done(()));
        }

        // Metrics.
        E::ProcsChange => {
            sched.user_event("ProcsChange", context)?;
            let stack = place.stack(b)?;
            let record = metric(out, What::GoMaxProcs, a);
            record.stack = stack;
        }
        E::HeapAlloc => {
            sched.proc_event("HeapAlloc", context)?;
            metric(out, What::HeapObjects, a);
        }
        E::HeapGoal => {
            sched.proc_event("HeapGoal", context)?;
            metric(out, What::HeapGoal, a);
        }

        // Ranges.
        E::STWBegin => {
            let reason = sched.names.intern(place.text(a)?);
            done!(sched.go_range_begin("STWBegin", context, RangeId::StopTheWorld(reason)));
            let record = range(out, What::RangeBegin(RangeType::StopTheWorld), go);
            record.text = Symbol::Name(reason);
            record.stack = place.stack(b)?;
        }
        E::STWEnd => {
            let reason = done!(sched.stop_the_world_end(context));
            range(out, What::RangeEnd(RangeType::StopTheWorld), go).text = Symbol::Name(reason);
        }
        E::GCActive => {
            done!(sched.gc_active(context, a));
            range(out, What::RangeActive(RangeType::GcMark), NONE);
        }
        E::GCBegin => {
            done!(sched.gc_begin(context, a));
            range(out, What::RangeBegin(RangeType::GcMark), NONE).stack = place.stack(b)?;
        }
        E::GCEnd => {
            done!(sched.gc_end(context, a));
            range(out, What::RangeEnd(RangeType::GcMark), NONE);
        }
        E::GCSweepActive => {
            done!(sched.sweep_active(a));
            range(out, What::RangeActive(RangeType::GcSweep), a);
        }
        E::GCSweepBegin => {
            done!(sched.sweep_begin(context));
            range(out, What::RangeBegin(RangeType::GcSweep), proc).stack = place.stack(a)?;
        }
        E::GCSweepEnd => {
            done!(sched.sweep_end(context));
            let record = range(out, What::RangeEnd(RangeType::GcSweep), proc);
            record.b = a;
            record.c = b;
        }
        E::GCMarkAssistActive => {
            done!(sched.go_range_active("GCMarkAssistActive", a, RangeId::MarkAssist));
            range(out, What::RangeActive(RangeType::GcMarkAssist), a);
        }
        E::GCMarkAssistBegin => {
            done!(sched.go_range_begin("GCMarkAssistBegin", context, RangeId::MarkAssist));
            range(out, What::RangeBegin(RangeType::GcMarkAssist), go).stack = place.stack(a)?;
        }
        E::GCMarkAssistEnd => {
            done!(sched.mark_assist_end(context));
            range(out, What::RangeEnd(RangeType::GcMarkAssist), go);
        }

        // What the program says of itself.
        E::GoLabel => {
            sched.user_event("GoLabel", context)?;
            let record = annotation(out, What::Label, 0);
            record.text = place.string(a)?;
        }
        E::UserTaskBegin => {
            // 0 stands for no parent here, not for the background task.
            let parent = if b == 0 { NONE } else { b };
            let name = sched.names.intern(place.text(c)?);
            let fit = sched.task_begin(context, a, ActiveTask { parent, name })?;
            out.warning = (fit == Fit::Misused).then_some(WarningKind::TaskRestarted);
            let record = annotation(out, What::TaskBegin, a);
            record.b = parent;
            record.text = Symbol::Name(name);
            record.stack = place.stack(d)?;
        }
        E::UserTaskEnd => {
            let begun = sched.task_end(context, a)?;
            let record = annotation(out, What::TaskEnd, a);
            record.b = begun.map_or(NONE, |task| task.parent);
            record.text = begun.map_or(Symbol::Empty, |task| Symbol::Name(task.name));
            record.stack = place.stack(b)?;
        }
        E::UserRegionBegin => {
            let name = sched.names.intern(place.text(b)?);
            sched.region_begin(context, a, name)?;
            let record = annotation(out, What::RegionBegin, a);
            record.text = Symbol::Name(name);
            record.stack = place.stack(c)?;
        }
        E::UserRegionEnd => {
            let name = sched.names.intern(place.text(b)?);
            let fit = sched.region_end(context, a, name)?;
            out.warning = (fit == Fit::Misused).then_some(WarningKind::RegionMismatch);
            let record = annotation(out, What::RegionEnd, a);
            record.text = Symbol::Name(name);
            record.stack = place.stack(c)?;
        }
        E::UserLog => {
            sched.user_event("UserLog", context)?;
            let record = annotation(out, What::Log, a);
            record.text = place.string(b)?;
            record.text2 = place.string(c)?;
            record.stack = place.stack(d)?;
        }

        _ => {
            let Some(kind) = alloc_free(kind) else {
                return broken(ErrorKind::WrongContext { event: kind.name() });
            };
            sched.thread_event(event.event.name(), context)?;
            let record = annotation(out, What::AllocFree(kind), a);
            record.b = b;
            record.c = c;
        }
    }
    locate(out, place.thread_id, proc, go, event.time);
    Ok(Step::Done(()))
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

/// Starts a goroutine's transition without a stack or a reason.
#[inline(always)]
fn transition(out: &mut Outbox, go: u64, change: (GoState, GoState)) -> &mut Record {
    let record = out.start();
    set_transition(record, go, change);
    record
}

#[inline(always)]
fn set_transition(record: &mut Record, go: u64, (from, to): (GoState, GoState)) {
    record.go_transition(go, from, to);
}

/// The running goroutine stops or blocks: the event's stack is its own.
#[inline(always)]
fn stop(
    out: &mut Outbox,
    place: Place<'_>,
    go: u64,
    change: (GoState, GoState),
    reason: u64,
    stack: u64,
) -> Result<(), Box<ErrorKind>> {
    let record = transition(out, go, change);
    record.text = place.string(reason)?;
    record.stack = place.stack(stack)?;
    record.b = stack;
    Ok(())
}

fn create(
    out: &mut Outbox,
    place: Place<'_>,
    go: u64,
    to: GoState,
    start: u64,
    stack: u64,
) -> Result<(), Box<ErrorKind>> {
    let record = transition(out, go, (GoState::NotExist, to));
    record.b = place.stack(start)?;
    record.stack = place.stack(stack)?;
    Ok(())
}

#[inline(always)]
fn proc_transition(out: &mut Outbox, proc: u64, (from, to): (ProcState, ProcState)) {
    let record = out.start();
    record.what = What::ProcTransition;
    record.change = Change::Proc(from, to);
    record.a = proc;
    record.stack = 0;
}

fn metric(out: &mut Outbox, what: What, value: u64) -> &mut Record {
    annotation(out, what, value)
}

fn range(out: &mut Outbox, what: What, on: u64) -> &mut Record {
    annotation(out, what, on)
}

/// Starts any other record, without stack or text.
#[inline(always)]
fn annotation(out: &mut Outbox, what: What, a: u64) -> &mut Record {
    let record = out.start();
    record.other(what, a);
    record
}

/// Sets when and where the first record happened.
#[inline(always)]
fn locate(out: &mut Outbox, thread: u64, proc: u64, go: u64, time: i64) {
    let record = &mut out.records[0];
    record.thread = thread;
    record.proc = proc;
    record.go = go;
    record.time = time;
}

/// The same where it is not the M whose batch it stood in.
fn locate_in(out: &mut Outbox, sched: &Sched, context: Context, time: i64) {
    locate(out, sched.threads.id(context.thread), context.proc_id, context.go_id, time);
}

/// What an event that can't happen yet waits for.
pub(super) fn explain(sched: &mut Sched, thread: Index, event: &Timed) -> (&'static str, String) {
    use EventType as E;
    let [a, b, ..] = event.args;
    let context = sched.context(thread);
    let waits_for = match event.event {
        E::GoStart => sched.go_wait(a, b, "Runnable"),
        E::GoUnblock | E::GoSwitch | E::GoSwitchDestroy => sched.go_wait(a, b, "Waiting"),
        E::ProcStart => sched.proc_wait(context, a, b, "Idle"),
        E::ProcSteal => sched.proc_wait(context, a, b, "Syscall"),
        E::GoSyscallEndBlocked => sched.syscall_wait(context),
        E::GCActive | E::GCBegin | E::GCEnd => sched.gc_wait(a),
        _ => String::from("nothing"),
    };
    (event.event.name(), waits_for)
}
