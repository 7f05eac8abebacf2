//! One decoded event, flat: what the decoders write and [`Event`](super::Event) reads.

use super::kind::KindName;
use super::state::{GoState, ProcState};
use super::tables::Span;
use super::tables::Symbols;
use crate::event::names::NameId;
use crate::id::NONE;

/// An event with its IDs as they stand on the wire ([`NONE`] where there is none). A decoder keeps a block of them and sets the
/// fields that the event has; the others hold what the last event left and are not read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    pub what: What,
    pub time: i64,
    pub thread: u64,
    pub proc: u64,
    pub go: u64,
    /// The stack of whoever did it; 0 for none.
    pub stack: u64,
    /// The arguments, by `what`.
    pub a: u64,
    pub b: u64,
    pub c: u64,
    pub text: Symbol,
    pub text2: Symbol,
}

/// The kind of a record, and what its arguments are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// `a`: which one; `b`: whether it begins a generation, and so has tables.
    Sync,
    /// `a`: the value.
    GoMaxProcs,
    HeapObjects,
    HeapGoal,
    /// `text`: the label.
    Label,
    StackSample,
    /// `a`: the goroutine or P it is bound to; `text`: the reason of a stop-the-world; `b`, `c`: bytes swept, reclaimed.
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
    /// The tables say what is lost.
    Gap,
    /// `a`, `b`, `c`: the arguments in order.
    AllocFree(super::alloc_free::Kind),
}

impl What {
    /// The name of the kind of event that it makes.
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

/// The ranges that the runtime marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RangeType {
    StopTheWorld,
    GcMark,
    GcSweep,
    GcMarkAssist,
}

/// Where a string is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Symbol {
    Empty,
    /// In the generation's table.
    Id(u64),
    /// In the window of resident bytes: a [`Span`], whose fields stand here so that a symbol is no longer than 16 bytes.
    Span {
        pos: usize,
        len: u32,
    },
    /// In the names that outlive their generation.
    Name(NameId),
    /// Not from the trace.
    Static(&'static &'static str),
}

impl From<Span> for Symbol {
    fn from(Span { pos, len }: Span) -> Self {
        Symbol::Span { pos, len }
    }
}

/// Takes records in, at a time those that are made together: all of one generation.
pub(crate) trait Sink {
    /// Takes the next ones.
    fn add(&mut self, records: &[Record], symbols: Symbols<'_>);
}

impl Record {
    /// Makes it a goroutine's transition, without a stack or a reason.
    #[inline(always)]
    pub fn go_transition(&mut self, go: u64, from: GoState, to: GoState) {
        self.what = What::GoTransition(from, to);
        self.a = go;
        self.b = 0;
        self.stack = 0;
        self.text = Symbol::Empty;
    }

    /// Makes it anything else, without stack or text.
    #[inline(always)]
    pub fn other(&mut self, what: What, a: u64) {
        self.what = what;
        self.a = a;
        self.stack = 0;
        self.text = Symbol::Empty;
    }

    /// Sets when and where it happened.
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
