//! Serialises values that borrow from a timeline. They are converted one by one, so that a million
//! spans take no extra memory.

use serde::{Serialize, Serializer};

use super::columns::symbols::StackTrace;
use super::goroutine::Span;
use super::totals::Totals;
use super::waker::Waker;
use crate::event::{GoState, OwnedFrame};
use crate::id::{GoId, ProcId, ThreadId};
use crate::time::Time;

/// A period in which a goroutine was in one state.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Span"))]
struct SpanFields<'t> {
    /// The goroutine.
    goroutine: GoId,
    /// The state, in lower case: `running`, `runnable`, `waiting`, `syscall`, or `undetermined`
    /// until the trace reports it.
    state: String,
    /// The reason why it blocked or yielded, in the runtime's words. `blocked since before the trace` for a wait that
    /// started before the trace. `null` for states that have no reason.
    reason: Option<String>,
    /// When the goroutine entered the state, in nanoseconds on the trace's clock.
    start_ns: Time,
    /// When it left the state. The end of the trace if it was still in the state then.
    end_ns: Time,
    /// Whether it was still in the state when the trace ended.
    open: bool,
    /// The P on which it ran, or with which it entered the system call.
    proc: Option<ProcId>,
    /// The thread on which it ran or was in the system call. `null` before Go 1.22.
    thread: Option<ThreadId>,
    /// The stack when it entered the state, innermost frame first.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<OwnedFrame>"))]
    stack: Frames<'t>,
    /// The waker of the goroutine. `null` if it was not woken.
    woken_by: Option<WakerFields<'t>>,
}

/// The goroutine or the part of the runtime that woke a goroutine.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Waker"))]
struct WakerFields<'t> {
    /// The goroutine that woke it. `null` if no goroutine did.
    goroutine: Option<GoId>,
    /// The part of the runtime that woke it: `network poller`, `timer`, `scheduler` or `sysmon`.
    runtime: Option<&'static str>,
    /// The stack of the waking goroutine, innermost frame first.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<OwnedFrame>"))]
    stack: Frames<'t>,
}

/// The frames of a stack. Empty if there is no stack.
struct Frames<'t>(Option<StackTrace<'t>>);

impl Serialize for Frames<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.into_iter().flat_map(|stack| stack.frames()).map(OwnedFrame::from))
    }
}

impl Serialize for StackTrace<'_> {
    /// Serialises an array of frames, innermost first.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Frames(Some(*self)).serialize(serializer)
    }
}

impl<'t> From<Waker<'t>> for WakerFields<'t> {
    fn from(waker: Waker<'t>) -> Self {
        let runtime = waker.runtime().map(|runtime| runtime.name());
        WakerFields { goroutine: waker.go(), runtime, stack: Frames(waker.stack()) }
    }
}

impl Serialize for Span<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let reason = self.reason_name();
        let state =
            if self.state() == GoState::NotExist { "not_exist".into() } else { self.state().name().to_lowercase() };
        let fields = SpanFields {
            goroutine: self.goroutine().id(),
            state,
            reason: (!reason.is_empty()).then(|| reason.to_string()),
            start_ns: self.start(),
            end_ns: self.end(),
            open: self.is_open(),
            proc: self.proc(),
            thread: self.thread(),
            stack: Frames(self.stack()),
            woken_by: self.woken_by().map(WakerFields::from),
        };
        fields.serialize(serializer)
    }
}

/// The times that goroutines were in each state, in nanoseconds.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Totals"))]
struct TotalsFields {
    /// The sum of all states.
    total_ns: u64,
    /// The time running.
    running_ns: u64,
    /// The time runnable: ready to run, waiting for a P.
    runnable_ns: u64,
    /// The time in system calls, with or without a P.
    syscall_ns: u64,
    /// The time blocked, for any reason.
    waiting_ns: u64,
    /// The time blocked, by reason.
    waiting: Vec<ReasonFields>,
}

/// The time that goroutines were blocked for one reason.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "ReasonTotal"))]
struct ReasonFields {
    /// The reason, in the runtime's words.
    reason: String,
    /// The number of waits.
    count: u64,
    /// The total time of these waits.
    total_ns: u64,
}

impl Serialize for Totals<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let nanos = crate::nanos::nanos;
        let waiting = self.waiting_by_reason().map(|row| ReasonFields {
            reason: row.reason.to_string(),
            count: row.count,
            total_ns: nanos(row.time),
        });
        let fields = TotalsFields {
            total_ns: nanos(self.total()),
            running_ns: nanos(self.running()),
            runnable_ns: nanos(self.runnable()),
            syscall_ns: nanos(self.syscall()),
            waiting_ns: nanos(self.waiting()),
            waiting: waiting.collect(),
        };
        fields.serialize(serializer)
    }
}

/// Gives a type the schema of the fields that it is serialised as.
#[cfg(feature = "schema")]
macro_rules! schema_of_fields {
    ($($type:ty: $fields:ty;)*) => {$(
        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                <$fields>::schema_name()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                <$fields>::json_schema(generator)
            }
        }
    )*};
}

#[cfg(feature = "schema")]
schema_of_fields! {
    Span<'_>: SpanFields<'static>;
    StackTrace<'_>: Vec<OwnedFrame>;
    Totals<'_>: TotalsFields;
}
