//! [`Event`], the public view of a record, and its text form.

use std::fmt;
use std::io;

use super::alloc_free::AllocFree;
use super::kind::{
    EventKind, Gap, GoTransition, Label, Log, Metric, ProcTransition, Range, RangeName, Region, Scope, Sweep, Sync,
    Task,
};
use super::record::{RangeType, Record, Symbol, What};
use super::stack::Stack;
use super::state::GoState;
use super::tables::{Span, Symbols};
use super::text::{Text, write_int};
use crate::account::Break;
use crate::id::{GoId, NONE, ProcId, TaskId, ThreadId, present};
use crate::time::Time;

/// One event of a trace.
///
/// It borrows from the reader that returned it. Strings and stacks are looked up on demand.
#[derive(Clone, Copy)]
pub struct Event<'a> {
    record: &'a Record,
    symbols: Symbols<'a>,
}

impl<'a> Event<'a> {
    pub(crate) fn new(record: &'a Record, symbols: Symbols<'a>) -> Self {
        Event { record, symbols }
    }

    /// Returns the time of the event. Times are strictly increasing within a trace.
    pub fn time(&self) -> Time {
        Time(self.record.time)
    }

    /// Returns the goroutine that was running on the thread just before the event. `None` if no goroutine was running.
    /// For a transition, the goroutine that changes its state is [`GoTransition::go`].
    pub fn go(&self) -> Option<GoId> {
        present(self.record.go).map(GoId)
    }

    /// Returns the P of the thread just before the event. `None` if the thread had no P.
    pub fn proc(&self) -> Option<ProcId> {
        present(self.record.proc).map(ProcId)
    }

    /// Returns the thread on which the event happened. `None` if no thread wrote the event.
    pub fn thread(&self) -> Option<ThreadId> {
        present(self.record.thread).map(ThreadId)
    }

    /// Returns the stack of the code that caused the event. `None` if the trace contains no stack for it.
    pub fn stack(&self) -> Option<Stack<'a>> {
        match self.record.what {
            What::Sync | What::Gap => None,
            _ => self.stack_of(self.record.stack),
        }
    }

    /// Returns the underlying record, for analyses that compare IDs before they look up strings or stacks.
    #[inline(always)]
    pub(crate) fn record(&self) -> &'a Record {
        self.record
    }

    pub(crate) fn stack_of(&self, id: u64) -> Option<Stack<'a>> {
        (id != 0).then(|| Stack::new(id, self.symbols))
    }

    pub(crate) fn text(&self, symbol: Symbol) -> Text<'a> {
        Text(match symbol {
            Symbol::Empty => b"",
            Symbol::Id(id) => return self.symbols.tables.string(id, self.symbols.window),
            Symbol::Span { pos, len } => Span { pos, len }.of(self.symbols.window),
            Symbol::Name(name) => self.symbols.names.get(name),
            Symbol::Static(text) => text.as_bytes(),
        })
    }

    /// Returns the kind of the event and its contents.
    pub fn kind(&self) -> EventKind<'a> {
        let record = self.record;
        match record.what {
            What::Sync => EventKind::Sync(self.sync()),
            What::GoMaxProcs => EventKind::Metric(Metric::GoMaxProcs(record.a)),
            What::HeapObjects => EventKind::Metric(Metric::HeapObjects(record.a)),
            What::HeapGoal => EventKind::Metric(Metric::HeapGoal(record.a)),
            What::Label => EventKind::Label(Label { label: self.text(record.text), go: self.go() }),
            What::StackSample => EventKind::StackSample,
            What::RangeBegin(range) => EventKind::RangeBegin(self.range(range)),
            What::RangeActive(range) => EventKind::RangeActive(self.range(range)),
            What::RangeEnd(range) => {
                let sweep = Sweep { swept: record.b, reclaimed: record.c };
                EventKind::RangeEnd(Range {
                    sweep: (range == RangeType::GcSweep).then_some(sweep),
                    ..self.range(range)
                })
            }
            What::TaskBegin => EventKind::TaskBegin(self.task()),
            What::TaskEnd => EventKind::TaskEnd(self.task()),
            What::RegionBegin => EventKind::RegionBegin(self.region()),
            What::RegionEnd => EventKind::RegionEnd(self.region()),
            What::Log => EventKind::Log(Log {
                task: TaskId(record.a),
                category: self.text(record.text),
                message: self.text(record.text2),
            }),
            What::GoTransition(from, to) => EventKind::GoTransition(GoTransition {
                go: GoId(record.a),
                from,
                to,
                reason: self.text(record.text),
                stack: self.stack_of(record.b),
            }),
            What::ProcTransition(from, to) => {
                EventKind::ProcTransition(ProcTransition { proc: ProcId(record.a), from, to })
            }
            What::Gap => EventKind::Gap(self.gap()),
            What::AllocFree(kind) => EventKind::Experimental(AllocFree::new(kind, record.a, record.b, record.c)),
        }
    }

    /// Returns the Sync. The last Sync of a trace has no generation. The decoder sets `b` to 0 for it.
    fn sync(&self) -> Sync<'a> {
        let symbols = (self.record.b != 0).then_some(self.symbols);
        Sync { n: self.record.a, clock: symbols.and_then(|symbols| symbols.tables.clock), symbols }
    }

    fn gap(&self) -> Gap {
        let Break { at, lost } = self.symbols.tables.gap.unwrap_or_default();
        Gap { at, lost }
    }

    fn range(&self, range: RangeType) -> Range<'a> {
        let scope = match range {
            RangeType::GcMark => Scope::Global,
            RangeType::GcSweep => Scope::Proc(present(self.record.a).map(ProcId)),
            RangeType::StopTheWorld | RangeType::GcMarkAssist => Scope::Goroutine(present(self.record.a).map(GoId)),
        };
        Range { name: RangeName::new(range, self.text(self.record.text)), scope, sweep: None }
    }

    fn task(&self) -> Task<'a> {
        Task {
            id: TaskId(self.record.a),
            parent: present(self.record.b).map(TaskId),
            name: self.text(self.record.text),
        }
    }

    fn region(&self) -> Region<'a> {
        Region { task: TaskId(self.record.a), name: self.text(self.record.text) }
    }

    /// Writes the event and a newline, byte for byte like `go tool trace -d=parsed` of Go 1.27.3.
    ///
    /// # Errors
    ///
    /// Errors of writing to `out`.
    pub fn write_text(&self, out: &mut impl io::Write) -> io::Result<()> {
        let record = self.record;
        let kind = self.kind();
        out.write_all(b"M=")?;
        write_int(signed(record.thread), out)?;
        out.write_all(b" P=")?;
        write_int(signed(record.proc), out)?;
        out.write_all(b" G=")?;
        write_int(signed(record.go), out)?;
        out.write_all(b" ")?;
        out.write_all(kind.name().as_bytes())?;
        out.write_all(b" Time=")?;
        write_int(record.time, out)?;
        match kind {
            EventKind::Sync(sync) => write_sync(&sync, out)?,
            EventKind::Metric(metric) => {
                write!(out, " Name=\"{}\" Value=Value{{Uint64({})}}", metric.name(), metric.value())?;
            }
            EventKind::Label(label) => {
                out.write_all(b" Label=")?;
                label.label.write_quoted(out)?;
                write!(out, " Resource=Goroutine({})", signed(record.go))?;
            }
            EventKind::RangeBegin(range) | EventKind::RangeActive(range) => write_range(&range, out)?,
            EventKind::RangeEnd(range) => {
                write_range(&range, out)?;
                out.write_all(b" Attributes=[")?;
                if let Some(Sweep { swept, reclaimed }) = range.sweep {
                    write!(out, "\"bytes swept\"=Value{{Uint64({swept})}} ")?;
                    write!(out, "\"bytes reclaimed\"=Value{{Uint64({reclaimed})}}")?;
                }
                out.write_all(b"]")?;
            }
            EventKind::TaskBegin(task) | EventKind::TaskEnd(task) => {
                write!(out, " ID={} Parent={} Type=", task.id, task.parent.map_or(NONE, |parent| parent.0))?;
                task.name.write_quoted(out)?;
            }
            EventKind::RegionBegin(region) | EventKind::RegionEnd(region) => {
                write!(out, " Task={} Type=", region.task)?;
                region.name.write_quoted(out)?;
            }
            EventKind::Log(log) => {
                write!(out, " Task={} Category=", log.task)?;
                log.category.write_quoted(out)?;
                out.write_all(b" Message=")?;
                log.message.write_quoted(out)?;
            }
            EventKind::GoTransition(change) => write_go_transition(&change, record.a, out)?,
            EventKind::ProcTransition(change) => {
                write!(out, " ProcID={} {}->{} Reason=\"\"", signed(record.a), change.from, change.to)?;
            }
            EventKind::Experimental(event) => {
                let (name, args) = event.args();
                write!(out, " Name={name} Args=[")?;
                for (i, (arg, value)) in args.into_iter().flatten().enumerate() {
                    let separator = if i == 0 { "" } else { ", " };
                    write!(out, "{separator}{arg}=Value{{Uint64({value})}}")?;
                }
                out.write_all(b"]")?;
            }
            EventKind::Gap(Gap { at, lost }) => {
                write!(out, " Offset={} Bytes={} Batches={}", at.offset, lost.bytes, lost.batches)?;
                write!(out, " Generations={} Events={}", lost.generations, lost.events)?;
            }
            EventKind::StackSample => {}
        }
        let stack = self.stack();
        // In Go's reader, a CPU sample always has a stack, even if it is empty.
        if stack.is_some() || matches!(kind, EventKind::StackSample) {
            out.write_all(b"\nStack=\n")?;
            stack.map_or(Ok(()), |stack| stack.write_text(out))?;
        }
        out.write_all(b"\n")
    }
}

/// Returns an ID as Go prints it: -1 if the ID is absent.
fn signed(id: u64) -> i64 {
    id as i64
}

fn write_sync(sync: &Sync<'_>, out: &mut impl io::Write) -> io::Result<()> {
    write!(out, " N={}", sync.n)?;
    match sync.clock {
        Some(clock) => write!(out, " Trace={} Mono={} Wall={}", clock.trace, clock.mono, clock.wall),
        None => Ok(()),
    }
}

fn write_go_transition(change: &GoTransition<'_>, go: u64, out: &mut impl io::Write) -> io::Result<()> {
    out.write_all(b" GoID=")?;
    write_int(signed(go), out)?;
    out.write_all(b" ")?;
    out.write_all(change.from.name().as_bytes())?;
    out.write_all(b"->")?;
    out.write_all(change.to.name().as_bytes())?;
    out.write_all(b" Reason=")?;
    change.reason.write_quoted(out)?;
    // Go's reader gives every goroutine that is created by another goroutine a start stack,
    // even if it is empty.
    let created = change.from == GoState::NotExist && change.to != GoState::Syscall;
    if created || change.stack.is_some() {
        out.write_all(b"\nTransitionStack=\n")?;
        change.stack.map_or(Ok(()), |stack| stack.write_text(out))?;
    }
    Ok(())
}

fn write_range(range: &Range<'_>, out: &mut impl io::Write) -> io::Result<()> {
    out.write_all(b" Name=")?;
    match range.name {
        RangeName::StopTheWorld(reason) => {
            // Quoting works character by character, so the parts can be quoted separately.
            let mut quoted = Vec::new();
            reason.write_quoted(&mut quoted)?;
            out.write_all(b"\"stop-the-world (")?;
            out.write_all(&quoted[1..quoted.len() - 1])?;
            out.write_all(b")\"")?;
        }
        name => write!(out, "\"{name}\"")?,
    }
    match range.scope {
        Scope::Global => out.write_all(b" Scope=None"),
        Scope::Goroutine(id) => write!(out, " Scope=Goroutine({})", signed(id.map_or(NONE, |id| id.0))),
        Scope::Proc(id) => write!(out, " Scope=Proc({})", signed(id.map_or(NONE, |id| id.0))),
    }
}

/// The text of [`Event::write_text`] without the newline. Invalid UTF-8 is replaced by U+FFFD.
impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::new();
        self.write_text(&mut text).map_err(|_| fmt::Error)?;
        f.write_str(String::from_utf8_lossy(&text).strip_suffix('\n').unwrap_or_default())
    }
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("time", &self.record.time)
            .field("thread", &self.thread())
            .field("proc", &self.proc())
            .field("go", &self.go())
            .field("kind", &self.kind())
            .field("stack", &self.stack())
            .finish()
    }
}
