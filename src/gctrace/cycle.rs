//! A garbage collection, as described by one line of the log.

use std::time::Duration;

/// A garbage collection, as its line in the log describes it.
///
/// Sizes are in bytes. The log contains sizes in whole MiB, rounded down, so the true value can be up to one MiB
/// larger. The log contains the duration of a phase with two significant digits, or in whole milliseconds from ten
/// milliseconds on, and the start in whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Cycle {
    /// The number of the collection: the first collection of a process is 1.
    pub n: u32,
    /// When it started, since the program's start.
    #[cfg_attr(feature = "serde", serde(rename = "start_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub start: Duration,
    /// The share of the CPU time available to the program since its start that was spent on garbage collection, in
    /// whole percent (`MemStats.GCCPUFraction`). Idle marking does not count.
    pub gc_cpu_percent: u32,
    /// The duration of each phase.
    pub clock: Clock,
    /// The CPU time of each phase.
    pub cpu: Cpu,
    /// The size of the heap when the collection started, in bytes.
    #[cfg_attr(feature = "serde", serde(rename = "heap_start_bytes"))]
    pub heap_start: u64,
    /// The size of the heap when marking ended, in bytes. It includes the memory that was allocated during marking.
    #[cfg_attr(feature = "serde", serde(rename = "heap_end_bytes"))]
    pub heap_end: u64,
    /// The size of the live heap, which is the marked memory, in bytes.
    #[cfg_attr(feature = "serde", serde(rename = "heap_live_bytes"))]
    pub heap_live: u64,
    /// The planned size of the heap at the end of marking, in bytes: the value of `MemStats.NextGC` until then. `None`
    /// if there is no goal, because of `GOGC=off` without a memory limit.
    #[doc(alias = "next_gc")]
    #[cfg_attr(feature = "serde", serde(rename = "goal_bytes"))]
    pub goal: Option<u64>,
    /// The size of the stacks to scan, in bytes. `None` before Go 1.18, which does not report it.
    #[cfg_attr(feature = "serde", serde(rename = "stacks_bytes"))]
    pub stacks: Option<u64>,
    /// The size of the global variables to scan, in bytes. `None` before Go 1.18, which does not
    /// report it.
    #[cfg_attr(feature = "serde", serde(rename = "globals_bytes"))]
    pub globals: Option<u64>,
    /// `GOMAXPROCS`.
    pub procs: u32,
    /// Whether the program requested the collection with `runtime.GC` or `debug.FreeOSMemory`.
    pub forced: bool,
    /// Whether the collection looked for leaked goroutines, for the `goroutineleak` profile (Go 1.26 and later).
    pub leak_check: bool,
}

/// The durations of the phases of a collection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Clock {
    /// The duration of the first stop of the world, which finishes sweeping and starts marking.
    #[cfg_attr(feature = "serde", serde(rename = "sweep_term_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub sweep_term: Duration,
    /// The duration of marking while the program runs.
    #[cfg_attr(feature = "serde", serde(rename = "mark_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub mark: Duration,
    /// The duration of the second stop of the world, which finishes marking.
    #[cfg_attr(feature = "serde", serde(rename = "mark_term_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub mark_term: Duration,
}

/// The CPU time of the phases of a collection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Cpu {
    /// The duration of the first stop of the world, times the number of Ps (processors).
    #[cfg_attr(feature = "serde", serde(rename = "sweep_term_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub sweep_term: Duration,
    /// The CPU time of marking by goroutines that allocate. They mark in proportion to the memory that they allocate.
    #[cfg_attr(feature = "serde", serde(rename = "assist_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub assist: Duration,
    /// The CPU time of marking by the collector's own workers, dedicated and fractional.
    #[cfg_attr(feature = "serde", serde(rename = "background_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub background: Duration,
    /// The CPU time of marking on Ps that had nothing else to do.
    #[cfg_attr(feature = "serde", serde(rename = "idle_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub idle: Duration,
    /// The duration of the second stop of the world, times the number of Ps.
    #[cfg_attr(feature = "serde", serde(rename = "mark_term_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub mark_term: Duration,
}

impl Clock {
    /// Returns how long the world was stopped.
    pub fn pause(&self) -> Duration {
        self.sweep_term.saturating_add(self.mark_term)
    }

    /// Returns the time from the start of the collection to its end.
    pub fn total(&self) -> Duration {
        self.pause().saturating_add(self.mark)
    }
}

impl Cpu {
    /// Returns the CPU time of all marking.
    pub fn mark(&self) -> Duration {
        self.assist.saturating_add(self.background).saturating_add(self.idle)
    }

    /// Returns the CPU time that the program lost: everything except idle marking.
    pub fn taken(&self) -> Duration {
        let stopped = self.sweep_term.saturating_add(self.mark_term);
        stopped.saturating_add(self.assist).saturating_add(self.background)
    }
}

impl Cycle {
    /// Returns when it ended, since the program's start.
    pub fn end(&self) -> Duration {
        self.start.saturating_add(self.clock.total())
    }

    /// Returns the size of the memory that was scanned and marked, as far as the log contains it: the live heap, stacks
    /// and globals, in bytes.
    pub fn marked(&self) -> u64 {
        self.heap_live.saturating_add(self.stacks.unwrap_or(0)).saturating_add(self.globals.unwrap_or(0))
    }
}

/// Converts a duration to nanoseconds.
pub(crate) fn nanos(duration: Duration) -> f64 {
    // A log's durations are read from 64-bit numbers of nanoseconds, so nothing is lost here.
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX) as f64
}
