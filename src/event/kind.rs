//! What an event says, by kind.

use std::fmt;

use super::alloc_free::{self, AllocFree, AllocFreeInfo, AllocFreeType};
use super::record::RangeType;
use super::stack::Stack;
use super::state::{GoState, ProcState};
use super::tables::Symbols;
use super::text::Text;
use crate::account::Tally;
use crate::error::Location;
use crate::id::{GoId, ProcId, TaskId, ThreadId, present};
use crate::time::ClockSnapshot;

/// What an event says.
///
/// The kinds and their contents are those of Go's `internal/trace`; what Go offers through getters that panic on the
/// wrong kind is here in the variant that has it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum EventKind<'a> {
    /// The start of a generation, or the end of the trace: all goroutines and Ps that exist are known.
    Sync(Sync<'a>),
    /// The value of a metric.
    Metric(Metric),
    /// A label for the goroutine. The runtime labels its GC workers.
    Label(Label<'a>),
    /// A range of time begins.
    RangeBegin(Range<'a>),
    /// A range is open as the trace begins, or still open as a generation begins.
    RangeActive(Range<'a>),
    /// A range ends.
    RangeEnd(Range<'a>),
    /// A task begins (`runtime/trace.NewTask`).
    TaskBegin(Task<'a>),
    /// A task ends.
    TaskEnd(Task<'a>),
    /// A region of the goroutine begins (`runtime/trace.StartRegion`).
    RegionBegin(Region<'a>),
    /// A region of the goroutine ends.
    RegionEnd(Region<'a>),
    /// A message of `runtime/trace.Log`.
    Log(Log<'a>),
    /// A goroutine goes from one state to another.
    GoTransition(GoTransition<'a>),
    /// A P goes from one state to another.
    ProcTransition(ProcTransition),
    /// A sample of the CPU profiler. The event's stack is what ran.
    StackSample,
    /// An event of the `AllocFree` experiment.
    Experimental(AllocFree),
    /// Something is lost here, and what follows begins anew: nothing is known of any goroutine, P, thread, range or task
    /// until its next status. Only lenient reading gives it.
    Gap(Gap),
}

macro_rules! kind_names {
    ($($kind:ident),*) => {
        /// The name of an event's kind, without its contents: for counting.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum KindName {
            $($kind),*
        }

        impl KindName {
            pub const ALL: &[KindName] = &[$(KindName::$kind),*];

            /// The name in Go's `-d=parsed` text.
            pub fn text(self) -> &'static str {
                match self {
                    $(KindName::$kind => stringify!($kind)),*
                }
            }
        }
    };
}

kind_names! {
    Sync, Metric, Label, RangeBegin, RangeActive, RangeEnd, TaskBegin, TaskEnd, RegionBegin, RegionEnd, Log,
    StateTransition, StackSample, Experimental, Gap
}

impl EventKind<'_> {
    /// The kind's name in Go's `-d=parsed` text. Both transitions are `StateTransition`.
    pub fn name(&self) -> &'static str {
        let name = match self {
            EventKind::Sync(_) => KindName::Sync,
            EventKind::Metric(_) => KindName::Metric,
            EventKind::Label(_) => KindName::Label,
            EventKind::RangeBegin(_) => KindName::RangeBegin,
            EventKind::RangeActive(_) => KindName::RangeActive,
            EventKind::RangeEnd(_) => KindName::RangeEnd,
            EventKind::TaskBegin(_) => KindName::TaskBegin,
            EventKind::TaskEnd(_) => KindName::TaskEnd,
            EventKind::RegionBegin(_) => KindName::RegionBegin,
            EventKind::RegionEnd(_) => KindName::RegionEnd,
            EventKind::Log(_) => KindName::Log,
            EventKind::GoTransition(_) | EventKind::ProcTransition(_) => KindName::StateTransition,
            EventKind::StackSample => KindName::StackSample,
            EventKind::Experimental(_) => KindName::Experimental,
            EventKind::Gap(_) => KindName::Gap,
        };
        name.text()
    }
}

/// A part of a damaged trace that is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gap {
    /// Where the damage begins. What it is stands under this place in the faults of
    /// [`Reader::account`](crate::Reader::account).
    pub at: Location,
    /// What is lost, as far as it can be counted.
    pub lost: Tally,
}

/// The start of a generation, or the end of the trace.
#[derive(Clone, Copy, Debug)]
pub struct Sync<'a> {
    /// Which one in the trace, from 1.
    pub n: u64,
    /// What the clocks showed in the generation; `None` before Go 1.25 and at the trace's end.
    pub clock: Option<ClockSnapshot>,
    /// The generation's tables; `None` at the trace's end.
    pub(super) symbols: Option<Symbols<'a>>,
}

impl<'a> Sync<'a> {
    /// Whether a generation begins here; otherwise it is the end of the trace.
    pub fn begins_generation(&self) -> bool {
        self.symbols.is_some()
    }

    /// The batches that experiments wrote in the generation, undecoded.
    pub fn experimental_batches(&self) -> impl Iterator<Item = ExperimentalBatch<'a>> + use<'a> {
        self.symbols.into_iter().flat_map(|symbols| {
            symbols.tables.experiments.iter().map(move |batch| ExperimentalBatch {
                experiment: if batch.experiment == alloc_free::EXPERIMENT { "AllocFree" } else { "unknown" },
                thread: present(batch.thread).map(ThreadId),
                data: batch.data.of(symbols.window),
            })
        })
    }

    /// The units of the `AllocFree` experiment's IDs, where the generation states them.
    pub fn alloc_free_info(&self) -> Option<AllocFreeInfo> {
        self.experimental_batches().find_map(|batch| AllocFreeInfo::read(batch.data))
    }

    /// The types that the `AllocFree` experiment's objects have in the generation. What is no type in them ends its batch.
    pub fn alloc_free_types(&self) -> impl Iterator<Item = AllocFreeType<'a>> + use<'a> {
        self.experimental_batches().flat_map(|batch| alloc_free::Types::new(batch.data))
    }
}

/// Bytes of an experiment.
#[derive(Clone, Copy, Debug)]
pub struct ExperimentalBatch<'a> {
    /// The experiment's name.
    pub experiment: &'static str,
    /// The thread that wrote it, if it was one.
    pub thread: Option<ThreadId>,
    /// The bytes, of which only the experiment knows the meaning.
    pub data: &'a [u8],
}

/// A metric of the runtime and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Metric {
    /// GOMAXPROCS.
    GoMaxProcs(u64),
    /// Bytes of live and unswept objects on the heap.
    HeapObjects(u64),
    /// The size in bytes at which the GC cycle is to end.
    HeapGoal(u64),
}

impl Metric {
    /// The name that `runtime/metrics` has for it, with its unit.
    pub fn name(&self) -> &'static str {
        match self {
            Metric::GoMaxProcs(_) => "/sched/gomaxprocs:threads",
            Metric::HeapObjects(_) => "/memory/classes/heap/objects:bytes",
            Metric::HeapGoal(_) => "/gc/heap/goal:bytes",
        }
    }

    /// The value, in the unit of the name.
    pub fn value(&self) -> u64 {
        match *self {
            Metric::GoMaxProcs(value) | Metric::HeapObjects(value) | Metric::HeapGoal(value) => value,
        }
    }
}

/// A label for a goroutine.
#[derive(Clone, Copy, Debug)]
pub struct Label<'a> {
    /// The label.
    pub label: Text<'a>,
    /// The goroutine it is for, the one that was running.
    pub go: Option<GoId>,
}

/// A range of time that the runtime marks.
#[derive(Clone, Copy, Debug)]
pub struct Range<'a> {
    /// What goes on.
    pub name: RangeName<'a>,
    /// What it is bound to: begin and end have the same.
    pub scope: Scope,
    /// What a sweep did; only at its end.
    pub sweep: Option<Sweep>,
}

/// Whether a stop-the-world is one of the collector's, by its reason (Go `src/internal/trace/gc.go`,
/// `MutatorUtilizationV2`).
pub(crate) fn is_gc_pause(reason: &[u8]) -> bool {
    memchr::memmem::find(reason, b"GC").is_some()
}

/// What a range is. Its text is Go's name for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RangeName<'a> {
    /// The world is being stopped, or stopped, for a reason such as `GC mark termination`.
    StopTheWorld(Text<'a>),
    /// The concurrent mark phase of a GC cycle.
    GcMark,
    /// A P sweeps spans before it allocates.
    GcSweep,
    /// A goroutine marks to pay for what it allocates.
    GcMarkAssist,
}

impl<'a> RangeName<'a> {
    pub(super) fn new(range: RangeType, reason: Text<'a>) -> Self {
        match range {
            RangeType::StopTheWorld => RangeName::StopTheWorld(reason),
            RangeType::GcMark => RangeName::GcMark,
            RangeType::GcSweep => RangeName::GcSweep,
            RangeType::GcMarkAssist => RangeName::GcMarkAssist,
        }
    }
}

impl fmt::Display for RangeName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RangeName::StopTheWorld(reason) => write!(f, "stop-the-world ({reason})"),
            RangeName::GcMark => f.write_str("GC concurrent mark phase"),
            RangeName::GcSweep => f.write_str("GC incremental sweep"),
            RangeName::GcMarkAssist => f.write_str("GC mark assist"),
        }
    }
}

/// What a range is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Nothing: there is one such range at a time in the whole program.
    Global,
    /// A goroutine; `None` where the trace has a range without one.
    Goroutine(Option<GoId>),
    /// A P; `None` where the trace has a range without one.
    Proc(Option<ProcId>),
}

/// What a sweep did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sweep {
    /// Bytes swept.
    pub swept: u64,
    /// Bytes that became free by it.
    pub reclaimed: u64,
}

/// A task.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// The task.
    pub id: TaskId,
    /// The task it was made in; `None` if in none, or if it is the end of a task whose begin is not in the trace.
    pub parent: Option<TaskId>,
    /// What the program called it; empty at the end of a task whose begin is not in the trace.
    pub name: Text<'a>,
}

/// A region.
#[derive(Clone, Copy, Debug)]
pub struct Region<'a> {
    /// The task it belongs to, [`TaskId::BACKGROUND`] if to none.
    pub task: TaskId,
    /// What the program called it.
    pub name: Text<'a>,
}

/// A log message.
#[derive(Clone, Copy, Debug)]
pub struct Log<'a> {
    /// The task it belongs to, [`TaskId::BACKGROUND`] if to none.
    pub task: TaskId,
    /// The category.
    pub category: Text<'a>,
    /// The message.
    pub message: Text<'a>,
}

/// A goroutine goes from one state to another.
#[derive(Clone, Copy, Debug)]
pub struct GoTransition<'a> {
    /// The goroutine. It need not be the event's own: that is whoever did it.
    pub go: GoId,
    /// The state it leaves.
    pub from: GoState,
    /// The state it enters.
    pub to: GoState,
    /// Why it stops or blocks, in the runtime's words; empty for other transitions.
    pub reason: Text<'a>,
    /// Where the goroutine itself is, or for a new one where it starts. The event's own stack is that of whoever did it.
    pub stack: Option<Stack<'a>>,
}

/// A P goes from one state to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcTransition {
    /// The P.
    pub proc: ProcId,
    /// The state it leaves.
    pub from: ProcState,
    /// The state it enters.
    pub to: ProcState,
}
