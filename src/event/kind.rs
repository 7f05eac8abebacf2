//! [`EventKind`]: the kind of an event and its contents.

use std::fmt;

use super::alloc_free::{self, AllocFree, AllocFreeInfo, AllocFreeType};
use super::kind_name::KindName;
use super::record::RangeType;
use super::stack::Stack;
use super::state::{GoState, ProcState};
use super::tables::Symbols;
use super::text::Text;
use crate::account::Tally;
use crate::error::Location;
use crate::id::{GoId, ProcId, TaskId, ThreadId, present};
use crate::time::ClockSnapshot;

/// The kind of an event and its contents.
///
/// The kinds are the same as in Go's `internal/trace`. Go has a getter for each kind, which panics on other kinds.
/// Here, the contents are in the variant.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum EventKind<'a> {
    /// The start of a generation, or the end of the trace.
    Sync(Sync<'a>),
    /// A metric has a new value.
    Metric(Metric),
    /// A goroutine gets a label. The runtime labels its GC workers.
    Label(Label<'a>),
    /// A range of time starts.
    RangeBegin(Range<'a>),
    /// A range is already open at the start of the trace or of a generation.
    RangeActive(Range<'a>),
    /// A range ends.
    RangeEnd(Range<'a>),
    /// A task starts (`runtime/trace.NewTask`).
    TaskBegin(Task<'a>),
    /// A task ends.
    TaskEnd(Task<'a>),
    /// A region of the goroutine starts (`runtime/trace.StartRegion`).
    RegionBegin(Region<'a>),
    /// A region of the goroutine ends.
    RegionEnd(Region<'a>),
    /// A message of `runtime/trace.Log`.
    Log(Log<'a>),
    /// A goroutine changes its state.
    GoTransition(GoTransition<'a>),
    /// A P changes its state.
    ProcTransition(ProcTransition),
    /// A sample of the CPU profiler. The stack of the event is the sampled stack.
    StackSample,
    /// An event of the `AllocFree` experiment.
    Experimental(AllocFree),
    /// A part of the trace is lost. After it, the state of every goroutine, P, thread, range and
    /// task is unknown until its next status. Only lenient reading returns it.
    Gap(Gap),
}

impl EventKind<'_> {
    /// Returns the name in the text of `go tool trace -d=parsed`. It is `StateTransition` for goroutines and Ps.
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

/// A lost part of a damaged trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gap {
    /// The start of the damage. [`Account::faults`](crate::Account::faults) has an error with the
    /// same location.
    pub at: Location,
    /// Counts of what is lost, as far as it can be counted.
    pub lost: Tally,
}

/// The start of a generation, or the end of the trace.
#[derive(Clone, Copy, Debug)]
pub struct Sync<'a> {
    /// The number of the Sync in the trace, starting from 1.
    pub n: u64,
    /// The clock snapshot of the generation. `None` before Go 1.25 and at the end of the trace.
    pub clock: Option<ClockSnapshot>,
    /// The tables of the generation. `None` at the end of the trace.
    pub(super) symbols: Option<Symbols<'a>>,
}

impl<'a> Sync<'a> {
    /// True at the start of a generation, false at the end of the trace.
    pub fn begins_generation(&self) -> bool {
        self.symbols.is_some()
    }

    /// Returns the raw batches of experiments in the generation.
    pub fn experimental_batches(&self) -> impl Iterator<Item = ExperimentalBatch<'a>> + use<'a> {
        self.symbols.into_iter().flat_map(|symbols| {
            symbols.tables.experiments.iter().map(move |batch| ExperimentalBatch {
                experiment: if batch.experiment == alloc_free::EXPERIMENT { "AllocFree" } else { "unknown" },
                thread: present(batch.thread).map(ThreadId),
                data: batch.data.of(symbols.window),
            })
        })
    }

    /// Returns the units in which the `AllocFree` experiment encodes its IDs. `None` if the
    /// generation has none.
    pub fn alloc_free_info(&self) -> Option<AllocFreeInfo> {
        self.experimental_batches().find_map(|batch| AllocFreeInfo::read(batch.data))
    }

    /// Returns the types of objects of the `AllocFree` experiment in the generation. An invalid entry ends the
    /// iteration over its batch.
    pub fn alloc_free_types(&self) -> impl Iterator<Item = AllocFreeType<'a>> + use<'a> {
        self.experimental_batches().flat_map(|batch| alloc_free::Types::new(batch.data))
    }
}

/// A raw batch of an experiment.
#[derive(Clone, Copy, Debug)]
pub struct ExperimentalBatch<'a> {
    /// The name of the experiment.
    pub experiment: &'static str,
    /// The thread that wrote the batch. `None` if no thread wrote it.
    pub thread: Option<ThreadId>,
    /// The bytes. The experiment defines their format.
    pub data: &'a [u8],
}

/// A metric of the runtime and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Metric {
    /// GOMAXPROCS.
    GoMaxProcs(u64),
    /// The number of bytes of heap memory in objects that are live or not swept yet.
    HeapObjects(u64),
    /// The heap size in bytes at which the current GC cycle should end.
    HeapGoal(u64),
}

impl Metric {
    /// Returns the name in Go's package `runtime/metrics`, which includes the unit.
    pub fn name(&self) -> &'static str {
        match self {
            Metric::GoMaxProcs(_) => "/sched/gomaxprocs:threads",
            Metric::HeapObjects(_) => "/memory/classes/heap/objects:bytes",
            Metric::HeapGoal(_) => "/gc/heap/goal:bytes",
        }
    }

    /// Returns the value, in the unit that [`name`](Self::name) includes.
    pub fn value(&self) -> u64 {
        match *self {
            Metric::GoMaxProcs(value) | Metric::HeapObjects(value) | Metric::HeapGoal(value) => value,
        }
    }
}

/// A label of a goroutine.
#[derive(Clone, Copy, Debug)]
pub struct Label<'a> {
    /// The label.
    pub label: Text<'a>,
    /// The goroutine that gets the label, which is the running goroutine. `None` if no goroutine is
    /// running.
    pub go: Option<GoId>,
}

/// A range of time in which the runtime does something.
#[derive(Clone, Copy, Debug)]
pub struct Range<'a> {
    /// The kind of the range.
    pub name: RangeName<'a>,
    /// The program, goroutine or P to which the range belongs. The start and the end of a range
    /// have the same scope.
    pub scope: Scope,
    /// The result of a sweep. `None` for other ranges, and at the start of a sweep.
    pub sweep: Option<Sweep>,
}

/// Returns whether the garbage collector stops the world for this reason (`MutatorUtilizationV2` in
/// Go `src/internal/trace/gc.go`).
pub(crate) fn is_gc_pause(reason: &[u8]) -> bool {
    memchr::memmem::find(reason, b"GC").is_some()
}

/// The kind of a range. Its display text is the name that Go uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RangeName<'a> {
    /// The world is stopped or being stopped. The reason is a text such as `GC mark termination`.
    StopTheWorld(Text<'a>),
    /// The concurrent mark phase of a GC cycle.
    GcMark,
    /// A P sweeps spans before it allocates memory.
    GcSweep,
    /// A goroutine helps to mark because it allocates memory.
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

/// The program, goroutine or P to which a range belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The whole program. At most one range of each kind can be open in this scope.
    Global,
    /// A goroutine. `None` if the trace does not say which.
    Goroutine(Option<GoId>),
    /// A P. `None` if the trace does not say which.
    Proc(Option<ProcId>),
}

/// The result of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sweep {
    /// The number of bytes swept.
    pub swept: u64,
    /// The number of bytes freed.
    pub reclaimed: u64,
}

/// A task.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// The ID of the task.
    pub id: TaskId,
    /// The parent task. `None` if there is none, or at the end of a task whose start is not in the
    /// trace.
    pub parent: Option<TaskId>,
    /// The name that the program gave the task. Empty at the end of a task whose start is not in
    /// the trace.
    pub name: Text<'a>,
}

/// A region.
#[derive(Clone, Copy, Debug)]
pub struct Region<'a> {
    /// The task of the region. [`TaskId::BACKGROUND`] if it has none.
    pub task: TaskId,
    /// The name that the program gave the region.
    pub name: Text<'a>,
}

/// A log message.
#[derive(Clone, Copy, Debug)]
pub struct Log<'a> {
    /// The task of the message. [`TaskId::BACKGROUND`] if it has none.
    pub task: TaskId,
    /// The category.
    pub category: Text<'a>,
    /// The message.
    pub message: Text<'a>,
}

/// A goroutine changes its state.
#[derive(Clone, Copy, Debug)]
pub struct GoTransition<'a> {
    /// The goroutine that changes its state. It can differ from [`Event::go`](crate::Event::go), the goroutine that
    /// caused the change.
    pub go: GoId,
    /// The previous state.
    pub from: GoState,
    /// The new state.
    pub to: GoState,
    /// Why the goroutine blocks or stops, in the runtime's words. Empty for other transitions.
    pub reason: Text<'a>,
    /// The stack of the goroutine `go`. For a new goroutine, the stack contains its start function.
    /// [`Event::stack`](crate::Event::stack) is the stack of the goroutine that caused the change.
    pub stack: Option<Stack<'a>>,
}

/// A P changes its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcTransition {
    /// The P.
    pub proc: ProcId,
    /// The previous state.
    pub from: ProcState,
    /// The new state.
    pub to: ProcState,
}
