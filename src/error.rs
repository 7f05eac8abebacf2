//! Errors of reading a trace: what is wrong and where.

use std::fmt;
use std::io;

use thiserror::Error;

use crate::id::{GoId, ProcId, Resource, StackId, StringId, ThreadId};
use crate::time::Time;

/// Why reading a trace failed, and at which place in the file.
#[derive(Debug)]
pub struct Error {
    /// The kind of error, with its data.
    pub kind: ErrorKind,
    /// The place in the file.
    pub at: Location,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind, self.at)
    }
}

/// `source` returns `None`: the display text already includes the underlying I/O error.
impl std::error::Error for Error {}

/// A place in a trace. Its display text starts with a space, so that it can follow a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Location {
    /// Byte offset from the start of the file.
    pub offset: u64,
    /// The generation, if the error is inside one.
    pub generation: Option<u64>,
    /// The thread (M) that wrote the batch, if a thread wrote it.
    pub thread: Option<ThreadId>,
    /// The number of events delivered before the error, if it was found while ordering events.
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
/// The variants are grouped by what is at fault: the file, the framing, the tables, a single event,
/// or the order of events.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ErrorKind {
    // The file.
    /// Reading the bytes failed.
    #[error("cannot read: {0}")]
    Io(io::Error),
    /// The file does not start with a trace header.
    #[error("not a Go execution trace: it starts with \"{preview}\"")]
    NotATrace {
        /// The first bytes of the file, at most sixteen, escaped. Empty if the file is empty.
        preview: String,
    },
    /// The file ends inside its header.
    #[error("the file ends inside the trace header: {len} of 16 bytes")]
    TruncatedHeader {
        /// The number of bytes in the file.
        len: usize,
    },
    /// The version of the trace is not supported.
    #[error("unsupported trace version {version}")]
    UnsupportedVersion {
        /// The version in the header, such as `go 1.5`.
        version: String,
    },
    /// Nothing follows the header: the program exited before it wrote any trace data.
    #[error("the trace is empty: nothing follows its header")]
    EmptyTrace,
    /// The trace exceeds one of the reader's [`Limits`](crate::Limits).
    #[error("more than {limit} {what}: the reader's limit is exceeded")]
    LimitExceeded {
        /// What exceeds the limit.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// The file contains a second trace after the first.
    #[error("a second trace starts here")]
    MultipleTraces,
    /// The trace is followed by bytes that are not part of it.
    #[error("the trace is followed by other data (byte {found:#04x} does not start a batch)")]
    TrailingData {
        /// The first byte after the trace.
        found: u8,
    },

    // The framing.
    /// The byte at this offset does not start a batch, but only a batch is allowed here.
    #[error("expected a batch, found byte {found:#04x}")]
    NotABatch {
        /// The byte found instead.
        found: u8,
    },
    /// Text follows a batch, but only another batch is allowed here. The traced program probably printed it to the file
    /// of the trace.
    #[error("expected a batch, found the text {begin:?}")]
    TextInTrace {
        /// The first characters of the text.
        begin: String,
    },
    /// The file ends inside a batch.
    #[error("the file ends inside a batch: {missing} byte{} missing", if *.missing == 1 { " is" } else { "s are" })]
    TruncatedBatch {
        /// The number of missing bytes according to the batch header, or 1 if the file ends inside the header.
        missing: u64,
    },
    /// The header of a batch states a size above the maximum.
    #[error("a batch of {size} bytes exceeds the maximum of 65536")]
    BatchTooLarge {
        /// The stated size in bytes.
        size: u64,
    },
    /// An integer is longer than ten bytes or exceeds 64 bits.
    #[error("an integer overflows 64 bits")]
    VarintOverflow,
    /// A batch ends inside an integer.
    #[error("the batch ends inside an integer")]
    VarintTruncated,
    /// A batch has the generation 0, which no runtime writes.
    #[error("generation 0 is invalid")]
    InvalidGeneration,
    /// The generation number does not follow the previous generation number.
    #[error("generation {found} follows generation {last}")]
    GenerationOutOfOrder {
        /// The previous generation.
        last: u64,
        /// The generation found.
        found: u64,
    },
    /// The file ends inside a record. Only in traces of Go 1.21 and older, whose batches do not
    /// state their size.
    #[error("the file ends inside a {event} record")]
    TruncatedEvent {
        /// The name of the record.
        event: &'static str,
    },
    /// A record states more bytes of values than any writer produces.
    #[error("{len} bytes of values in a {event} record exceed the maximum of 2048")]
    ValuesTooLong {
        /// The name of the record.
        event: &'static str,
        /// The stated length in bytes.
        len: u64,
    },
    /// The P of a batch has a number that is out of range.
    #[error("P {id} is out of range")]
    InvalidProc {
        /// The number of the P.
        id: u64,
    },
    /// The batches of two generations are interleaved.
    #[error("a batch of generation {found} is inside generation {current}")]
    InterleavedGenerations {
        /// The generation being read.
        current: u64,
        /// The generation of the batch.
        found: u64,
    },
    /// A generation of a trace of Go 1.26 or later has no end marker: the trace was truncated
    /// between two batches.
    #[error("the generation has no end marker: the trace is truncated")]
    MissingEndOfGeneration,
    /// A batch occurs twice in a row.
    #[error("the batch is a copy of the previous batch of the same M or kind")]
    DuplicateBatch,
    /// A batch starts at an earlier time than the previous batch of the same thread.
    #[error("the batch starts at timestamp {found}, before the previous batch of its M at {last}")]
    TimeRegression {
        /// The start of the previous batch, in raw timestamp units.
        last: u64,
        /// The start of this batch, in raw timestamp units.
        found: u64,
    },

    // The tables of a generation.
    /// A batch that holds one table contains a record of another kind.
    #[error("expected a {expected} record, found event type {found}")]
    UnexpectedRecord {
        /// The only kind of record that this batch may contain.
        expected: &'static str,
        /// The event type found instead.
        found: u8,
    },
    /// A table entry has ID 0, which is reserved for "none".
    #[error("a {table} has the ID 0")]
    ZeroId {
        /// `string` or `stack`.
        table: &'static str,
    },
    /// Two entries of a table have the same ID.
    #[error("the {table} ID {id} occurs twice")]
    DuplicateId {
        /// `string` or `stack`.
        table: &'static str,
        /// The ID.
        id: u64,
    },
    /// A table contains an empty string, which needs no ID (Go 1.21 and older).
    #[error("string {id} is empty")]
    EmptyString {
        /// The ID.
        id: StringId,
    },
    /// A string exceeds the maximum length that the runtime writes.
    #[error("a string of {len} bytes exceeds the maximum of {max}")]
    StringTooLong {
        /// The length in bytes.
        len: u64,
        /// The maximum.
        max: u64,
    },
    /// A stack exceeds the maximum depth that the runtime writes.
    #[error("a stack of {frames} frames exceeds the maximum of {max}")]
    StackTooDeep {
        /// The number of frames.
        frames: u64,
        /// The maximum.
        max: u64,
    },
    /// The generation's table has no string with this ID.
    #[error("unknown string ID {id}")]
    UnknownString {
        /// The ID.
        id: StringId,
    },
    /// The generation's table has no stack with this ID.
    #[error("unknown stack ID {id}")]
    UnknownStack {
        /// The ID.
        id: StackId,
    },
    /// A batch is of an experiment that is not supported.
    #[error("unknown experiment {id}")]
    UnknownExperiment {
        /// The number of the experiment.
        id: u8,
    },
    /// The clock frequency of a generation is missing, occurs twice, or has a value that no clock has.
    #[error("{0} clock frequency")]
    BadFrequency(Flaw),
    /// The clock snapshot of a generation is missing, occurs twice, or is out of range (Go 1.25 and
    /// later).
    #[error("{0} clock snapshot")]
    BadClockSnapshot(Flaw),

    // A single event.
    /// No event has this type code.
    #[error("unknown event type {code}")]
    UnknownEvent {
        /// The type code.
        code: u8,
    },
    /// A batch ends inside an event.
    #[error("the batch ends inside a {event}")]
    EventTruncated {
        /// The name of the event.
        event: &'static str,
    },
    /// A record of a table or of the framing occurs among the events of a thread.
    #[error("{event} is not allowed among the events of an M")]
    WrongContext {
        /// The name of the record.
        event: &'static str,
    },
    /// An event that was added after the version of the trace.
    #[error("{event} was added in Go 1.{since}, after the version of the trace")]
    EventNotInVersion {
        /// The name of the event.
        event: &'static str,
        /// The minor version of Go that added it.
        since: u32,
    },
    /// An event that Go 1.11, the oldest supported version, no longer writes.
    #[error("{event} is only written by Go 1.7 and older")]
    ObsoleteEvent {
        /// The name of the event.
        event: &'static str,
    },
    /// A record has too many or too few values.
    #[error("{event} has {found} values, expected {expected}")]
    WrongArgumentCount {
        /// The name of the record.
        event: &'static str,
        /// The expected number of values, including the time and the stack.
        expected: u64,
        /// The number of values found.
        found: u64,
    },
    /// The mode of a region event is neither start nor end.
    #[error("invalid region mode {mode}")]
    InvalidRegionMode {
        /// The mode found.
        mode: u64,
    },
    /// A time exceeds 2⁶² ns (146 years) on the trace's clock. In traces of Go 1.21 and older, this
    /// is relative to the first event.
    #[error("a timestamp overflows")]
    TimestampOverflow,
    /// A status code that no goroutine or P can have.
    #[error("invalid status {status} for {resource}")]
    InvalidStatus {
        /// The goroutine or P.
        resource: Resource,
        /// The status code.
        status: u64,
    },

    // The order of events.
    /// An event lacks the goroutine, P or thread that it needs, or has one that it must not have.
    #[error("{event}: {mismatch}")]
    WrongSchedContext {
        /// The name of the event.
        event: &'static str,
        /// What is missing or not allowed.
        mismatch: ContextMismatch,
    },
    /// An event is illegal in the current state of its goroutine or P.
    #[error("{event} for {resource}, which is {state}")]
    IllegalTransition {
        /// The name of the event.
        event: &'static str,
        /// The goroutine or P.
        resource: Resource,
        /// Its current state.
        state: &'static str,
    },
    /// An event is earlier than an event that must precede it: the clock of the trace is unreliable (Go
    /// 1.21 and older).
    #[error("timestamps out of order: {found} after {last} ticks")]
    TimeOrder {
        /// The earlier event's time, in ticks of the trace's clock.
        last: u64,
        /// The time found, in ticks.
        found: u64,
    },
    /// A goroutine exits a system call without being in one.
    #[error("goroutine {0} exits a system call that it did not enter")]
    StraySyscallExit(GoId),
    /// A goroutine starts on a P that is running another goroutine.
    #[error("{event} of goroutine {go} on proc {proc}, which runs goroutine {holds}")]
    ProcBusy {
        /// The name of the event.
        event: &'static str,
        /// The goroutine.
        go: GoId,
        /// The P.
        proc: ProcId,
        /// The goroutine that the P is running.
        holds: GoId,
    },
    /// The status at the start of a generation contradicts the state at the end of the previous generation.
    #[error("{resource} has status {found}, but its last state was {known}")]
    InconsistentStatus {
        /// The goroutine or P.
        resource: Resource,
        /// The state at the end of the previous generation.
        known: &'static str,
        /// The state according to the status.
        found: &'static str,
    },
    /// A goroutine first appears in a status after the first generation: its creation is missing.
    #[error("goroutine {0} first appears in a status after the first generation")]
    LateGoroutine(GoId),
    /// The status of a goroutine in a system call names no thread, or a thread that does not run
    /// the goroutine.
    #[error("goroutine {go} is reported in a system call on {}, but that thread runs {}",
        or_none("thread", .thread), or_none("goroutine", .holds))]
    SyscallThread {
        /// The goroutine.
        go: GoId,
        /// The thread that the status names.
        thread: Option<ThreadId>,
        /// The goroutine that this thread runs.
        holds: Option<GoId>,
    },
    /// A goroutine is created although it already exists.
    #[error("goroutine {0} is created twice")]
    CreatedTwice(GoId),
    /// A goroutine or P is on two threads at once.
    #[error("{resource} is on thread {here} while it is still on thread {there}")]
    DoubleBinding {
        /// The goroutine or P.
        resource: Resource,
        /// The thread that the current event puts it on.
        here: ThreadId,
        /// The thread that it is still on.
        there: ThreadId,
    },
    /// A P is stolen from a thread that does not have it.
    #[error("{proc} is stolen from thread {thread}, which has {}", or_none("proc", .holds), proc = Resource::Proc(*.proc))]
    StolenFromWrongThread {
        /// The P.
        proc: ProcId,
        /// The thread that the event names.
        thread: ThreadId,
        /// The P that this thread has.
        holds: Option<ProcId>,
    },
    /// A status says that a P is about to be stolen, but the P is on no thread.
    #[error("proc {0} is about to be stolen but is on no thread")]
    NoThreadForProc(ProcId),
    /// The sequence number of an event that cannot wait does not follow the last sequence number.
    #[error("{event}: sequence {found} of {resource} does not follow {last}")]
    BadSequence {
        /// The name of the event.
        event: &'static str,
        /// The goroutine or P that the sequence number counts events of.
        resource: Resource,
        /// The last sequence number.
        last: u64,
        /// The sequence number of the event.
        found: u64,
    },
    /// A range (stop-the-world, sweep, mark assist) starts while it is open, or ends or is active
    /// while it is not open.
    #[error("{event}: the range is {}", if *.open { "already open" } else { "not open" })]
    RangeMismatch {
        /// The name of the event.
        event: &'static str,
        /// Whether the range was open.
        open: bool,
    },
    /// A GC cycle starts, ends or is active although the state of the GC does not allow it.
    #[error("{event} while the GC is {state}")]
    GcMismatch {
        /// The name of the event.
        event: &'static str,
        /// The state of the GC.
        state: &'static str,
    },
    /// The next event of every thread (before Go 1.22: of every P) has to wait. An event that these threads wait for is
    /// missing or damaged.
    #[error("the trace is broken: none of {} {} can proceed: {}", .0.len(), noun(.0), heads(.0))]
    StuckFrontier(Vec<StuckHead>),
}

impl From<io::Error> for ErrorKind {
    /// Wraps an I/O error. It is not a `source`, because its text is part of the text of the kind.
    fn from(error: io::Error) -> Self {
        ErrorKind::Io(error)
    }
}

/// Returns a boxed `kind` as an error. Out of line and boxed, so that the hot path only carries a
/// pointer for errors.
#[cold]
#[inline(never)]
pub(crate) fn broken<T>(kind: ErrorKind) -> Result<T, Box<ErrorKind>> {
    Err(Box::new(kind))
}

fn plural(number: u64) -> &'static str {
    if number == 1 { "" } else { "s" }
}

fn or_none(what: &str, id: &Option<impl fmt::Display>) -> String {
    id.as_ref().map_or_else(|| format!("no {what}"), |id| format!("{what} {id}"))
}

/// What is wrong with a value that must occur exactly once in a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flaw {
    /// It is missing.
    Missing,
    /// It occurs twice.
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

/// How the goroutine, P and thread of an event differ from what the event needs. The texts are the same as in Go's
/// reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContextMismatch {
    /// The event needs a thread.
    NoThread,
    /// The event needs a P.
    NoProc,
    /// The event needs a goroutine.
    NoGoroutine,
    /// The event must not have a goroutine.
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

/// The event at which a thread or P is stuck, in [`ErrorKind::StuckFrontier`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StuckHead {
    /// The thread. `None` for batches without a thread, and before Go 1.22.
    pub thread: Option<ThreadId>,
    /// The P, only before Go 1.22.
    pub proc: Option<ProcId>,
    /// The name of the event in the trace format.
    pub event: &'static str,
    /// The time of the event.
    pub time: Time,
    /// The byte offset of the event.
    pub offset: u64,
    /// The state that the event waits for, and the current state.
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

/// The number of stuck threads that the message lists. [`ErrorKind::StuckFrontier`] contains all of
/// them.
const HEADS_IN_MESSAGE: usize = 4;

fn heads(heads: &[StuckHead]) -> String {
    let mut text = heads.iter().take(HEADS_IN_MESSAGE).map(StuckHead::to_string).collect::<Vec<_>>().join("; ");
    if heads.len() > HEADS_IN_MESSAGE {
        text += "; …";
    }
    text
}
