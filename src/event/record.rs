//! [`Record`], a decoded event in flat form. Decoders write it, and [`Event`](super::Event) reads
//! it.

use super::kind_name::KindName;
use super::state::{GoState, ProcState};
use super::tables::Span;
use super::tables::Symbols;
use crate::event::names::NameId;
use crate::id::NONE;

/// An event whose IDs are the same as in the trace file ([`NONE`] if absent).
///
/// Decoders reuse a block of records. They only set the fields that the event has. The other fields keep values of an
/// earlier event and must not be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    pub what: What,
    pub time: i64,
    pub thread: u64,
    pub proc: u64,
    pub go: u64,
    /// The stack of the code that caused the event. 0 if there is none.
    pub stack: u64,
    /// The arguments. Their meaning depends on `what`.
    pub a: u64,
    pub b: u64,
    pub c: u64,
    pub text: Symbol,
    pub text2: Symbol,
}

/// The kind of a record, and the meaning of its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// `a`: the number of the Sync; `b`: 1 if it starts a generation and so has tables, else 0.
    Sync,
    /// `a`: the value.
    GoMaxProcs,
    HeapObjects,
    HeapGoal,
    /// `text`: the label.
    Label,
    StackSample,
    /// `a`: the goroutine or P of the range; `text`: the reason of a stop-the-world; `b`, `c`:
    /// bytes swept and reclaimed.
    RangeBegin(RangeType),
    RangeActive(RangeType),
    RangeEnd(RangeType),
    /// `a`: the task; `b`: its parent; `text`: its type.
    TaskBegin,
    TaskEnd,
    /// `a`: the task; `text`: its type.
    RegionBegin,
    RegionEnd,
    /// `a`: the task; `text`: the category; `text2`: the message.
    Log,
    /// `a`: the goroutine; `b`: the stack of the goroutine itself; `text`: the reason.
    GoTransition(GoState, GoState),
    /// `a`: the P.
    ProcTransition(ProcState, ProcState),
    /// [`Tables::gap`](super::tables::Tables::gap) says what is lost.
    Gap,
    /// `a`, `b`, `c`: the arguments in order.
    AllocFree(super::alloc_free::Kind),
}

impl What {
    /// Returns the name of the kind of event.
    pub fn kind_name(self) -> KindName {
        match self {
            What::Sync => KindName::Sync,
            What::GoMaxProcs | What::HeapObjects | What::HeapGoal => KindName::Metric,
            What::Label => KindName::Label,
            What::StackSample => KindName::StackSample,
            What::RangeBegin(_) => KindName::RangeBegin,
            What::RangeActive(_) => KindName::RangeActive,
            What::RangeEnd(_) => KindName::RangeEnd,
            What::TaskBegin => KindName::TaskBegin,
            What::TaskEnd => KindName::TaskEnd,
            What::RegionBegin => KindName::RegionBegin,
            What::RegionEnd => KindName::RegionEnd,
            What::Log => KindName::Log,
            What::GoTransition(..) | What::ProcTransition(..) => KindName::StateTransition,
            What::Gap => KindName::Gap,
            What::AllocFree(_) => KindName::Experimental,
        }
    }
}

/// The types of ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RangeType {
    StopTheWorld,
    GcMark,
    GcSweep,
    GcMarkAssist,
}

/// The place of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Symbol {
    Empty,
    /// In the string table of the generation.
    Id(u64),
    /// In the window of resident bytes. It has the fields of a [`Span`], because nesting the struct
    /// would make the enum larger than 16 bytes.
    Span {
        pos: usize,
        len: u32,
    },
    /// In the names that outlive their generation.
    Name(NameId),
    /// A constant that does not come from the trace.
    Static(&'static &'static str),
}

impl From<Span> for Symbol {
    fn from(Span { pos, len }: Span) -> Self {
        Symbol::Span { pos, len }
    }
}

/// Receives records in blocks. All records of a block are of the same generation.
pub(crate) trait Sink {
    /// Receives the next block.
    fn add(&mut self, records: &[Record], symbols: Symbols<'_>);
}

impl Record {
    /// Makes this the transition of a goroutine, without a stack or a reason.
    #[inline(always)]
    pub fn go_transition(&mut self, go: u64, from: GoState, to: GoState) {
        self.what = What::GoTransition(from, to);
        self.a = go;
        self.b = 0;
        self.stack = 0;
        self.text = Symbol::Empty;
    }

    /// Makes this an event of another kind, without a stack or a text.
    #[inline(always)]
    pub fn other(&mut self, what: What, a: u64) {
        self.what = what;
        self.a = a;
        self.stack = 0;
        self.text = Symbol::Empty;
    }

    /// Sets the thread, P, goroutine and time of the event.
    #[inline(always)]
    pub fn locate(&mut self, thread: u64, proc: u64, go: u64, time: i64) {
        self.thread = thread;
        self.proc = proc;
        self.go = go;
        self.time = time;
    }

    pub const BLANK: Record = Record {
        what: What::Sync,
        time: 0,
        thread: NONE,
        proc: NONE,
        go: NONE,
        stack: 0,
        a: 0,
        b: 0,
        c: 0,
        text: Symbol::Empty,
        text2: Symbol::Empty,
    };
}
