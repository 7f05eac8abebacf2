//! The report of [`Latency`](super::Latency).

use std::time::Duration;

use crate::analysis::histogram::Histogram;
use crate::event::OwnedFrame;
use crate::id::GoId;
use crate::time::Time;

/// The latencies in a trace.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct LatencyReport {
    /// Scheduling latency: the time from when a goroutine became runnable, for any reason, until it
    /// ran.
    pub scheduler: LatencySeries,
    /// The scheduling latency of goroutines that were woken from a wait.
    pub wake: LatencySeries,
    /// The time in system calls.
    pub syscall: LatencySeries,
    /// The time in waits for the network.
    pub network: LatencySeries,
    /// Stop-the-world pauses of the garbage collector.
    pub gc_pause: LatencySeries,
    /// Stop-the-world pauses by reason, in descending order of total time.
    pub pauses: Vec<PauseLatency>,
    /// Mark assists and sweeps by function, in descending order of total time.
    pub gc_costs: Vec<GcCost>,
    /// The slowest waits of each [kind](LatencyKind), sorted by kind and then in descending order
    /// of duration. Empty unless [`Latency::slowest`](super::Latency::slowest) was called.
    pub slowest: Vec<SlowWait>,
}

/// A distribution of durations over the whole trace and by time window. A duration belongs to the
/// window in which it ends.
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
    /// At most 128 windows of equal length, in order of time.
    pub windows: Vec<LatencyWindow>,
}

/// The durations that end in a time window.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct LatencyWindow {
    /// The start of the window. In JSON: nanoseconds on the trace's clock.
    #[cfg_attr(feature = "serde", serde(rename = "start_ns"))]
    pub start: Time,
    /// The durations.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub durations: Histogram,
}

/// Stop-the-world pauses with the same reason.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct PauseLatency {
    /// The reason in the runtime's words, such as `GC mark termination`.
    pub reason: String,
    /// The time from the start to the end of each pause.
    pub total: Histogram,
    /// The time from the start of each pause until the last P had stopped.
    pub time_to_stop: Histogram,
    /// The time from when the last P had stopped until the end of each pause.
    pub stopped: Histogram,
    /// The longest pause. `None` if the selection contains no pause.
    pub longest: Option<LongestPause>,
}

/// The longest stop-the-world pause with the same reason.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct LongestPause {
    /// The time at which the runtime started to stop the world. In JSON: nanoseconds on the trace's
    /// clock.
    #[cfg_attr(feature = "serde", serde(rename = "start_ns"))]
    pub start: Time,
    /// The time from the start to the end of the pause. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "duration_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub duration: Duration,
    /// The time until the last P had stopped. Zero if no P was running except the P of the
    /// goroutine that requested the pause. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "time_to_stop_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub time_to_stop: Duration,
    /// The goroutine that requested the pause.
    pub goroutine: Option<GoId>,
    /// The goroutine that last ran on the P that stopped last. `None` if no P had to be stopped.
    pub last_goroutine: Option<GoId>,
    /// The innermost function outside of package `runtime` in which `last_goroutine` stopped.
    /// `None` if it is unknown.
    pub last_function: Option<String>,
}

/// The time that a function spent on garbage collection because of its allocations.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct GcCost {
    /// The innermost function outside of package `runtime`. `None` if the trace has no stack.
    pub function: Option<String>,
    /// The durations of mark assists.
    pub assists: Histogram,
    /// The durations of sweeps.
    pub sweeps: Histogram,
}

/// The kind of a wait of a goroutine or of the whole program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum LatencyKind {
    /// A runnable goroutine waits for a P.
    Scheduler,
    /// A goroutine is in a system call.
    Syscall,
    /// A goroutine waits for the network.
    Network,
    /// The world is stopped, for garbage collection or for any other reason.
    Pause,
}

impl LatencyKind {
    /// All kinds, in the order in which a report lists them.
    pub const ALL: [LatencyKind; 4] =
        [LatencyKind::Scheduler, LatencyKind::Syscall, LatencyKind::Network, LatencyKind::Pause];

    /// Returns the name of the kind: `scheduler`, `syscall`, `network` or `pause`.
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
    /// The kind of the wait.
    pub kind: LatencyKind,
    /// The start of the wait. In JSON: nanoseconds on the trace's clock.
    #[cfg_attr(feature = "serde", serde(rename = "start_ns"))]
    pub start: Time,
    /// The end of the wait. In JSON: nanoseconds on the trace's clock.
    #[cfg_attr(feature = "serde", serde(rename = "end_ns"))]
    pub end: Time,
    /// The length of the wait. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "duration_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub duration: Duration,
    /// The goroutine that waited. For a pause, the goroutine that requested it. `None` if no
    /// goroutine requested the pause.
    pub goroutine: Option<GoId>,
    /// The function in which the goroutine started. `None` if the trace has no stack of the
    /// goroutine.
    pub function: Option<String>,
    /// The reason of the wait in the runtime's words. For the scheduler, this is what made the
    /// goroutine runnable: `created`, `system call`, a reason to yield such as `preempted`, or the
    /// reason of the previous wait, such as `chan receive`.
    pub reason: String,
    /// The goroutine that created or woke the waiting goroutine. Only for the scheduler. `None` if
    /// the runtime woke the goroutine.
    pub woken_by: Option<GoId>,
    /// The stack at which the goroutine stopped running, innermost frame first. For a pause, the
    /// stack at which it was requested. Empty if the trace has no stack.
    pub stack: Vec<OwnedFrame>,
}
