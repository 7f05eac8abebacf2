//! What [`Latency`](super::Latency) finds.

use std::time::Duration;

use crate::analysis::histogram::Histogram;
use crate::event::OwnedFrame;
use crate::id::GoId;
use crate::time::Time;

/// How long things took in a trace.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct LatencyReport {
    /// Scheduling latency: from when a goroutine became runnable, for whatever reason, until it ran.
    pub scheduler: LatencySeries,
    /// The scheduling latency of those goroutines that were woken from a wait.
    pub wake: LatencySeries,
    /// Time in a system call.
    pub syscall: LatencySeries,
    /// Time waiting for the network.
    pub network: LatencySeries,
    /// Stop-the-world pauses of the garbage collector.
    pub gc_pause: LatencySeries,
    /// Stop-the-world pauses by reason, those with the longest time in all first.
    pub pauses: Vec<PauseLatency>,
    /// Mark assists and sweeps by function, those with the longest time in all first.
    pub gc_costs: Vec<GcCost>,
    /// The slowest of each [kind](LatencyKind), by kind and then the longest first. Empty unless
    /// [`Latency::slowest`](super::Latency::slowest) asks for them.
    pub slowest: Vec<SlowWait>,
}

/// A distribution of durations over the whole trace and in the course of it. A duration belongs to the window in which it
/// ends.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct LatencySeries {
    /// All durations.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub all: Histogram,
    /// The length of a window. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "window_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub window: Duration,
    /// Windows of equal length in order, 128 at most.
    pub windows: Vec<LatencyWindow>,
}

/// The durations that end in a window of time.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct LatencyWindow {
    /// When the window starts. In JSON: nanoseconds on the trace's clock.
    #[cfg_attr(feature = "serde", serde(rename = "start_ns"))]
    pub start: Time,
    /// The durations.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub durations: Histogram,
}

/// Stop-the-world pauses for one reason.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct PauseLatency {
    /// The reason in the runtime's words, such as `GC mark termination`.
    pub reason: String,
    /// From the start to the end of the pause.
    pub total: Histogram,
    /// From the start of the pause until the last P had stopped.
    pub time_to_stop: Histogram,
    /// From when the last P had stopped to the end of the pause.
    pub stopped: Histogram,
    /// The longest pause; absent if a selection leaves none.
    pub longest: Option<LongestPause>,
}

/// The longest stop-the-world pause for a reason.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct LongestPause {
    /// When the runtime started to stop the world. In JSON: nanoseconds on the trace's clock.
    #[cfg_attr(feature = "serde", serde(rename = "start_ns"))]
    pub start: Time,
    /// From the start to the end of the pause. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "duration_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub duration: Duration,
    /// How long it took until the last P had stopped; zero if no P ran but that of the goroutine that asked for the pause. In
    /// JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "time_to_stop_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub time_to_stop: Duration,
    /// The goroutine that asked for the pause.
    pub goroutine: Option<GoId>,
    /// The goroutine that ran last on the P that stopped last, if one stopped.
    pub last_goroutine: Option<GoId>,
    /// Where that goroutine stopped: the innermost function outside of package `runtime`; absent if it is not known.
    pub last_function: Option<String>,
}

/// What a function paid for the garbage collector by its allocations.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct GcCost {
    /// The innermost function outside of package `runtime`; absent where the trace has no stack.
    pub function: Option<String>,
    /// Mark assists.
    pub assists: Histogram,
    /// Sweeps.
    pub sweeps: Histogram,
}

/// What a goroutine, or the whole program, waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum LatencyKind {
    /// Runnable until it ran.
    Scheduler,
    /// In a system call.
    Syscall,
    /// Waiting for the network.
    Network,
    /// Stop-the-world pauses, for the garbage collector and for anything else.
    Pause,
}

impl LatencyKind {
    /// All kinds, in the order in which a report lists them.
    pub const ALL: [LatencyKind; 4] =
        [LatencyKind::Scheduler, LatencyKind::Syscall, LatencyKind::Network, LatencyKind::Pause];

    /// Its name: `scheduler`, `syscall`, `network` or `pause`.
    pub fn name(self) -> &'static str {
        match self {
            LatencyKind::Scheduler => "scheduler",
            LatencyKind::Syscall => "syscall",
            LatencyKind::Network => "network",
            LatencyKind::Pause => "pause",
        }
    }
}

/// One of the slowest waits.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SlowWait {
    /// What it waited for.
    pub kind: LatencyKind,
    /// When the wait started. In JSON: nanoseconds on the trace's clock.
    #[cfg_attr(feature = "serde", serde(rename = "start_ns"))]
    pub start: Time,
    /// When the wait ended. In JSON: nanoseconds on the trace's clock.
    #[cfg_attr(feature = "serde", serde(rename = "end_ns"))]
    pub end: Time,
    /// How long it was. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "duration_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub duration: Duration,
    /// The goroutine that waited; for a pause the one that asked for it, absent if it was none.
    pub goroutine: Option<GoId>,
    /// The function that the goroutine started in; absent if the trace has no stack of it.
    pub function: Option<String>,
    /// What it waited for in the runtime's words. For the scheduler it is what made the goroutine runnable: `created`, `system
    /// call`, a reason to yield such as `preempted`, or what it had been waiting for before, such as `chan receive`.
    pub reason: String,
    /// The goroutine that created or woke it; only for the scheduler, and absent if the runtime did.
    pub woken_by: Option<GoId>,
    /// Where the goroutine was when it stopped running, innermost frame first; for a pause where it was asked for. Empty if the
    /// trace has no stack.
    pub stack: Vec<OwnedFrame>,
}
