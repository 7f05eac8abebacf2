//! What can be wrong with a trace, and where.

use std::fmt;
use std::io;

use thiserror::Error;

use crate::id::{GoId, ProcId, Resource, StackId, StringId, ThreadId};
use crate::time::Time;

/// Why a trace could not be read on, and the place in the file.
#[derive(Debug)]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Where.
    pub at: Location,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind, self.at)
    }
}

/// It has no source: its text has all that is known.
impl std::error::Error for Error {}

/// A place in a trace. Its text begins with a blank, to follow a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Location {
    /// Bytes from the start of the file.
    pub offset: u64,
    /// The generation, where the fault lies in one.
    pub generation: Option<u64>,
    /// The thread whose batch it is, where it is one's.
    pub thread: Option<ThreadId>,
    /// How many events were delivered before, where the fault came up in ordering them.
    pub event: Option<u64>,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " at byte {}", self.offset)?;
        if let Some(generation) = self.generation {
            write!(f, ", generation {generation}")?;
        }
        if let Some(thread) = self.thread {
            write!(f, ", M {thread}")?;
        }
        if let Some(event) = self.event {
            write!(f, ", after {event} event{}", plural(event))?;
        }
        Ok(())
    }
}

/// What is wrong with a trace.
///
/// The variants are grouped by what is at fault: the file, the framing, the tables, an event, or the order of events.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ErrorKind {
    // The file.
    /// The bytes could not be read.
    #[error("cannot read: {0}")]
    Io(io::Error),
    /// The file does not begin like a trace.
    #[error("not a Go execution trace: it begins with \"{preview}\"")]
    NotATrace {
        /// The file's first bytes, up to sixteen, with escapes; empty for an empty file.
        preview: String,
    },
    /// The file ends inside its header.
    #[error("the file ends inside the trace header: {len} of 16 bytes")]
    TruncatedHeader {
        /// How many bytes there are.
        len: usize,
    },
    /// The trace is of a format that is not read.
    #[error("unsupported trace version {version}")]
    UnsupportedVersion {
        /// The version as the header names it, such as `go 1.5`.
        version: String,
    },
    /// There is a header and nothing else: the program ended before it wrote any of the trace.
    #[error("the trace is empty: nothing follows its header")]
    EmptyTrace,
    /// The file has more of something than [`Limits`](crate::Limits) allow.
    #[error("more than {limit} {what}: the limit that the reader was given")]
    LimitExceeded {
        /// What there is too much of.
        what: &'static str,
        /// The most.
        limit: u64,
    },
    /// A second trace follows the first in the same file.
    #[error("a second trace begins here")]
    MultipleTraces,
    /// Something that is no trace follows the trace.
    #[error("the trace is followed by other data (byte {found:#04x} is no batch)")]
    TrailingData {
        /// The first byte of it.
        found: u8,
    },

    // The framing.
    /// A batch must begin here, and the byte says otherwise.
    #[error("expected a batch, found byte {found:#04x}")]
    NotABatch {
        /// The byte in its place.
        found: u8,
    },
    /// The file ends inside a batch.
    #[error("the file ends inside a batch: {missing} byte{} missing", if *.missing == 1 { " is" } else { "s are" })]
    TruncatedBatch {
        /// How many bytes more were announced, or 1 if the file ends in the batch's header.
        missing: u64,
    },
    /// A batch says it is larger than any writer makes it.
    #[error("batch of {size} bytes: the most is 65536")]
    BatchTooLarge {
        /// Its size.
        size: u64,
    },
    /// An integer is longer than ten bytes or 64 bits.
    #[error("an integer overflows 64 bits")]
    VarintOverflow,
    /// A batch ends inside an integer.
    #[error("the batch ends inside an integer")]
    VarintTruncated,
    /// A batch of generation 0, which no runtime writes.
    #[error("generation 0 is invalid")]
    InvalidGeneration,
    /// A generation is not the one after the last.
    #[error("generation {found} follows generation {last}")]
    GenerationOutOfOrder {
        /// The generation before.
        last: u64,
        /// The one found.
        found: u64,
    },
    /// The file ends inside a record (Go 1.21 and older, whose batches do not say how long they are).
    #[error("the file ends inside a {event} record")]
    TruncatedEvent {
        /// The record's name.
        event: &'static str,
    },
    /// A record announces more bytes of values than any writer puts there.
    #[error("{len} bytes of values in a {event} record: the most is 2048")]
    ValuesTooLong {
        /// The record's name.
        event: &'static str,
        /// How many bytes.
        len: u64,
    },
    /// A batch is of a P whose number is out of range.
    #[error("P {id} is out of range")]
    InvalidProc {
        /// The number.
        id: u64,
    },
    /// Batches of two generations are mixed.
    #[error("a batch of generation {found} lies inside generation {current}")]
    InterleavedGenerations {
        /// The generation being read.
        current: u64,
        /// The batch's.
        found: u64,
    },
    /// A generation of a Go 1.26 trace stops without saying that it ends: the trace was cut between two batches.
    #[error("the generation has no end: the trace is cut")]
    MissingEndOfGeneration,
    /// The same batch stands twice.
    #[error("the batch is a copy of the one before it of the same M or kind")]
    DuplicateBatch,
    /// A batch begins before the one that stands before it on the same M.
    #[error("the batch begins at timestamp {found}, before its M's last at {last}")]
    TimeRegression {
        /// The batch before, in raw timestamp units.
        last: u64,
        /// This batch.
        found: u64,
    },

    // The tables of a generation.
    /// A batch of a table holds a record of another kind.
    #[error("expected a {expected} record, found event type {found}")]
    UnexpectedRecord {
        /// The record that the batch is made of.
        expected: &'static str,
        /// The event type in its place.
        found: u8,
    },
    /// A table gives something the ID 0, which stands for nothing.
    #[error("a {table} has the ID 0")]
    ZeroId {
        /// `string` or `stack`.
        table: &'static str,
    },
    /// A table gives an ID twice.
    #[error("the {table} ID {id} is given twice")]
    DuplicateId {
        /// `string` or `stack`.
        table: &'static str,
        /// The ID.
        id: u64,
    },
    /// A table gives an ID to an empty string, which needs none (Go 1.21 and older).
    #[error("string {id} is empty")]
    EmptyString {
        /// The ID.
        id: StringId,
    },
    /// A string is longer than any writer makes it.
    #[error("string of {len} bytes: the most is {max}")]
    StringTooLong {
        /// Its length.
        len: u64,
        /// The most.
        max: u64,
    },
    /// A stack is deeper than any writer makes it.
    #[error("stack of {frames} frames: the most is {max}")]
    StackTooDeep {
        /// Its depth.
        frames: u64,
        /// The most.
        max: u64,
    },
    /// A string is not in the generation's table.
    #[error("unknown string ID {id}")]
    UnknownString {
        /// The ID.
        id: StringId,
    },
    /// A stack is not in the generation's table.
    #[error("unknown stack ID {id}")]
    UnknownStack {
        /// The ID.
        id: StackId,
    },
    /// A batch of an experiment that is not known.
    #[error("unknown experiment {id}")]
    UnknownExperiment {
        /// Its number.
        id: u8,
    },
    /// A generation does not say how fast its clock is, says it twice, or names a rate that no clock has.
    #[error("{0} clock frequency")]
    BadFrequency(Flaw),
    /// A generation of a Go 1.25 or later trace has no clock snapshot, has two, or one that is out of range.
    #[error("{0} clock snapshot")]
    BadClockSnapshot(Flaw),

    // An event by itself.
    /// No event has this type.
    #[error("unknown event type {code}")]
    UnknownEvent {
        /// The type.
        code: u8,
    },
    /// A batch ends inside an event's bytes.
    #[error("the batch ends inside a {event}")]
    EventTruncated {
        /// Its name.
        event: &'static str,
    },
    /// A record that belongs to a table or the framing, among the events of an M.
    #[error("{event} among the events of an M")]
    WrongContext {
        /// Its name.
        event: &'static str,
    },
    /// An event that the trace's version does not have yet.
    #[error("{event} is of go 1.{since}, newer than the trace")]
    EventNotInVersion {
        /// Its name.
        event: &'static str,
        /// The version that brought it.
        since: u32,
    },
    /// An event that had been given up before the first version that is read.
    #[error("{event} is of go 1.7 or older")]
    ObsoleteEvent {
        /// Its name.
        event: &'static str,
    },
    /// A record has more or fewer values than it should.
    #[error("{event} has {found} values and not {expected}")]
    WrongArgumentCount {
        /// Its name.
        event: &'static str,
        /// How many it should have, the time and the stack among them.
        expected: u64,
        /// How many it has.
        found: u64,
    },
    /// An event that is neither a region's begin nor its end.
    #[error("invalid region mode {mode}")]
    InvalidRegionMode {
        /// The number.
        mode: u64,
    },
    /// A time that lies further on than any clock goes: past 2⁶² ns, 146 years, which in a trace of Go 1.21 or older count from its
    /// first event.
    #[error("a timestamp overflows")]
    TimestampOverflow,
    /// A status that no goroutine or P has.
    #[error("invalid status {status} for {resource}")]
    InvalidStatus {
        /// What it is about.
        resource: Resource,
        /// The number.
        status: u64,
    },

    // The order of events.
    /// An event happened without something that it needs, or with something that it can't have.
    #[error("{event}: {mismatch}")]
    WrongSchedContext {
        /// The event.
        event: &'static str,
        /// What was missing or too much.
        mismatch: ContextMismatch,
    },
    /// An event that can't happen in the state which its subject is in.
    #[error("{event} for {resource}, which is {state}")]
    IllegalTransition {
        /// The event.
        event: &'static str,
        /// Its subject.
        resource: Resource,
        /// The subject's state.
        state: &'static str,
    },
    /// An event is earlier than one that it must follow: the trace's clock can't be trusted (Go 1.21 and older).
    #[error("time stamps out of order: {found} after {last} ticks")]
    TimeOrder {
        /// The time before, in ticks of the trace's clock.
        last: u64,
        /// The event's.
        found: u64,
    },
    /// A goroutine comes back from a system call that it never was in.
    #[error("goroutine {0} comes back from a system call that it never was in")]
    StraySyscallExit(GoId),
    /// A goroutine starts on a P that runs another.
    #[error("{event} of goroutine {go} on proc {proc}, which runs goroutine {holds}")]
    ProcBusy {
        /// The event.
        event: &'static str,
        /// The goroutine.
        go: GoId,
        /// The P.
        proc: ProcId,
        /// The goroutine that the P runs.
        holds: GoId,
    },
    /// A generation begins with a status that is not the one its subject was left in.
    #[error("{resource} is said to be {found}, but was left {known}")]
    InconsistentStatus {
        /// The goroutine or P.
        resource: Resource,
        /// The state that it was left in.
        known: &'static str,
        /// The state that it is said to be in.
        found: &'static str,
    },
    /// A goroutine's first sign of life after the first generation is a status: it was never created.
    #[error("goroutine {0} has a status after the first generation but was never seen before")]
    LateGoroutine(GoId),
    /// A goroutine in a system call is said to be on another thread than it was, or on none.
    #[error("goroutine {go} is said to be in a system call on {}, which has {}",
        or_none("thread", .thread), or_none("goroutine", .holds))]
    SyscallThread {
        /// The goroutine.
        go: GoId,
        /// The thread.
        thread: Option<ThreadId>,
        /// The goroutine that this thread has.
        holds: Option<GoId>,
    },
    /// A goroutine is created that exists already.
    #[error("goroutine {0} is created twice")]
    CreatedTwice(GoId),
    /// A goroutine or P runs on two threads at once.
    #[error("{resource} is on thread {here} while it is still on thread {there}")]
    DoubleBinding {
        /// The goroutine or P.
        resource: Resource,
        /// The thread that says it has it now.
        here: ThreadId,
        /// The thread that had it.
        there: ThreadId,
    },
    /// A P is stolen from a thread that does not have it.
    #[error("{proc} is stolen from thread {thread}, which has {}", or_none("proc", .holds), proc = Resource::Proc(*.proc))]
    StolenFromWrongThread {
        /// The P.
        proc: ProcId,
        /// The thread it is said to be on.
        thread: ThreadId,
        /// The P that this thread has.
        holds: Option<ProcId>,
    },
    /// A P that is about to be stolen is on no thread.
    #[error("proc {0} is about to be stolen but on no thread")]
    NoThreadForProc(ProcId),
    /// A sequence number that leaves out or repeats a step, on an event that can't wait.
    #[error("{event}: sequence {found} of {resource} does not follow {last}")]
    BadSequence {
        /// The event.
        event: &'static str,
        /// The goroutine or P that is counted.
        resource: Resource,
        /// The last number.
        last: u64,
        /// The event's.
        found: u64,
    },
    /// A range (stop-the-world, sweep, mark assist) begins while it is open, or ends or is active while it is not.
    #[error("{event}: the range is {}", if *.open { "open already" } else { "not open" })]
    RangeMismatch {
        /// The event.
        event: &'static str,
        /// Whether the range was open.
        open: bool,
    },
    /// A GC cycle begins, ends or is active when it can't.
    #[error("{event} while the GC is {state}")]
    GcMismatch {
        /// The event.
        event: &'static str,
        /// What the GC was doing.
        state: &'static str,
    },
    /// No thread's next event can happen, before Go 1.22 no P's: some event that they all wait for is missing or
    /// damaged.
    #[error("the trace is broken: none of {} {} can go on: {}", .0.len(), noun(.0), heads(.0))]
    StuckFrontier(Vec<StuckHead>),
}

impl From<io::Error> for ErrorKind {
    /// Not as a source: the kind's text has it already.
    fn from(error: io::Error) -> Self {
        ErrorKind::Io(error)
    }
}

/// Fails with a boxed kind: the hot path carries a pointer where an error may come, and never makes one.
#[cold]
#[inline(never)]
pub(crate) fn broken<T>(kind: ErrorKind) -> Result<T, Box<ErrorKind>> {
    Err(Box::new(kind))
}

/// The ending of a word that this number of things has.
fn plural(number: u64) -> &'static str {
    if number == 1 { "" } else { "s" }
}

fn or_none(what: &str, id: &Option<impl fmt::Display>) -> String {
    id.as_ref().map_or_else(|| format!("no {what}"), |id| format!("{what} {id}"))
}

/// What is wrong with a value that a generation must state once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flaw {
    /// It is not there.
    Missing,
    /// It is there twice.
    Repeated,
    /// It is out of range.
    Invalid,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Flaw::Missing => "missing",
            Flaw::Repeated => "repeated",
            Flaw::Invalid => "invalid",
        })
    }
}

/// How the G, P and M of an event differ from what it needs. The texts are those of Go's reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContextMismatch {
    /// It needs a thread.
    NoThread,
    /// It needs a P.
    NoProc,
    /// It needs a goroutine.
    NoGoroutine,
    /// It can't happen with a goroutine.
    HasGoroutine,
}

impl fmt::Display for ContextMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ContextMismatch::NoThread => "expected a thread but didn't have one",
            ContextMismatch::NoProc => "expected a proc but didn't have one",
            ContextMismatch::NoGoroutine => "expected a goroutine but didn't have one",
            ContextMismatch::HasGoroutine => "expected no goroutine but had one",
        })
    }
}

/// The next event of one thread or P of a [`ErrorKind::StuckFrontier`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StuckHead {
    /// The thread, `None` for the batches that belong to none, and before Go 1.22.
    pub thread: Option<ThreadId>,
    /// The P, before Go 1.22.
    pub proc: Option<ProcId>,
    /// The event's name on the wire.
    pub event: &'static str,
    /// The event's time.
    pub time: Time,
    /// The event's place in the file.
    pub offset: u64,
    /// What has to happen first, and what is known instead.
    pub waits_for: String,
}

impl fmt::Display for StuckHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.thread, self.proc) {
            (Some(thread), _) => write!(f, "M {thread}: ")?,
            (None, Some(proc)) => write!(f, "P {proc}: ")?,
            (None, None) => write!(f, "no M: ")?,
        }
        write!(f, "{} at byte {} waits for {}", self.event, self.offset, self.waits_for)
    }
}

fn noun(heads: &[StuckHead]) -> &'static str {
    match heads.iter().any(|head| head.proc.is_some()) {
        true => "Ps",
        false => "threads",
    }
}

/// How many stuck threads a message lists; the error's value has them all.
const HEADS_IN_MESSAGE: usize = 4;

fn heads(heads: &[StuckHead]) -> String {
    let mut text = heads.iter().take(HEADS_IN_MESSAGE).map(StuckHead::to_string).collect::<Vec<_>>().join("; ");
    if heads.len() > HEADS_IN_MESSAGE {
        text += "; …";
    }
    text
}
