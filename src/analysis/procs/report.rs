//! The result of [`Procs`](super::Procs).

use std::time::Duration;

use crate::id::ProcId;
use crate::time::Time;

/// The use of one P.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ProcUse {
    /// The ID of the P.
    pub proc: ProcId,
    /// How long the P had a thread. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "running_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub running: Duration,
    /// How long a goroutine ran on the P. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "executing_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub executing: Duration,
    /// For each window of the report, the fraction of time in which a goroutine ran on the P, from
    /// 0 to 1.
    pub utilization: Vec<f64>,
}

/// The use of the Ps in a window of time.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ProcsWindow {
    /// When the window starts. In JSON: nanoseconds on the trace's clock.
    #[cfg_attr(feature = "serde", serde(rename = "start_ns"))]
    pub start: Time,
    /// The part of the window that lies within the trace. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "duration_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub duration: Duration,
    /// The average number of running goroutines.
    pub running: f64,
    /// The average number of goroutines that were runnable and had to wait for a P.
    pub runnable: f64,
    /// The maximum number of goroutines that were runnable and had to wait for a P.
    pub runnable_max: u64,
    /// The average number of Ps that had a thread.
    pub procs: f64,
    /// How long at least one P was idle while a goroutine was runnable. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "idle_while_runnable_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub idle_while_runnable: Duration,
    /// The average number of Ps that ran a background worker of the garbage collector.
    pub gc: f64,
}

/// The result of [`Procs`](super::Procs).
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ProcsReport {
    /// The time from the first event to the last, within the requested range. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "duration_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub duration: Duration,
    /// The last value of GOMAXPROCS. Absent if the trace has no value.
    pub gomaxprocs: Option<u64>,
    /// The use of the Ps in the whole trace. Its duration excludes the gaps of lenient reading.
    pub whole: ProcsWindow,
    /// How long exactly n goroutines ran, for n from 0 upwards. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "parallelism_ns", serialize_with = "crate::nanos::list"))]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<u64>"))]
    pub parallelism: Vec<Duration>,
    /// The Ps that were used, sorted by ID.
    pub procs: Vec<ProcUse>,
    /// The length of a window. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "window_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub window: Duration,
    /// Windows of equal length in order, at most 128.
    pub windows: Vec<ProcsWindow>,
}
