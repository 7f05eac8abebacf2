//! Garbage collections and stop-the-world pauses of a [`Timeline`], in numbers.

use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

use crate::event::OwnedFrame;
use crate::id::GoId;
use crate::time::Time;
use crate::timeline::{GcCycle, Pause, StackTrace, Timeline};

/// What a [`GcReport`] covers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GcOptions {
    /// Collections and pauses that overlap this range of time; the whole trace by default. Totals count only the time within
    /// it.
    pub range: Option<Range<Time>>,
    /// How many collections, and how many pauses, are listed: the longest. All by default.
    pub top: usize,
}

impl Default for GcOptions {
    fn default() -> Self {
        GcOptions { range: None, top: usize::MAX }
    }
}

impl GcOptions {
    /// Sets [`range`](Self::range).
    pub fn range(mut self, range: Range<Time>) -> Self {
        self.range = Some(range);
        self
    }

    /// Sets [`top`](Self::top).
    pub fn top(mut self, top: usize) -> Self {
        self.top = top;
        self
    }
}

/// The garbage collections and stop-the-world pauses of a trace.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct GcReport {
    /// The length of the trace, or of the range that is asked for. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "duration_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub duration: Duration,
    /// All stop-the-world pauses, whatever for.
    pub pause_totals: PauseTotals,
    /// The same by reason, those with the longest time first.
    pub pauses_by_reason: Vec<ReasonPauses>,
    /// How many collections there are.
    pub cycle_count: u64,
    /// The collections in order of time: all, or the longest.
    pub cycles: Vec<CycleRow>,
    /// The pauses in order of time: all, or the longest.
    pub pauses: Vec<PauseRow>,
}

/// How many pauses there are and how long they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct PauseTotals {
    /// How many.
    pub count: u64,
    /// Their length in all. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "total_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub total: Duration,
    /// The median length, exactly (nearest rank); zero if there is none. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "p50_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub p50: Duration,
    /// The 99th percentile of their lengths, exactly (nearest rank); zero if there is none. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "p99_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub p99: Duration,
    /// The longest; zero if there is none. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "max_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub max: Duration,
}

/// The pauses for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ReasonPauses {
    /// The reason in the runtime's words, such as `GC mark termination`.
    pub reason: String,
    /// How many and how long.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub totals: PauseTotals,
}

/// A garbage collection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct CycleRow {
    /// Which one in the trace, from 1.
    pub seq: u64,
    /// When it started, or when the trace first says that it is under way. In JSON: nanoseconds on the trace's clock.
    #[cfg_attr(feature = "serde", serde(rename = "start_ns"))]
    pub start: Time,
    /// When it ended, or the end of the trace. In JSON: nanoseconds on the trace's clock.
    #[cfg_attr(feature = "serde", serde(rename = "end_ns"))]
    pub end: Time,
    /// Whether it had not ended when the trace did.
    pub open: bool,
    /// Its own pauses: those that start within it and are the collector's.
    pub pauses: Vec<CyclePause>,
    /// The length of its pauses in all. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "pause_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub pause: Duration,
    /// The length of the mark assists in it, of all goroutines in all. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "assist_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub assist: Duration,
    /// How many mark assists started in it.
    pub assists: u64,
    /// The length of the sweeps that allocation had to wait for, after it and before the next one. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "sweep_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub sweep: Duration,
    /// Bytes that these sweeps looked at.
    #[cfg_attr(feature = "serde", serde(rename = "swept_bytes"))]
    pub swept: u64,
    /// Bytes that these sweeps freed.
    #[cfg_attr(feature = "serde", serde(rename = "reclaimed_bytes"))]
    pub reclaimed: u64,
    /// Bytes on the heap when it started; absent if the trace does not say.
    #[cfg_attr(feature = "serde", serde(rename = "heap_start_bytes"))]
    pub heap_start: Option<u64>,
    /// Bytes on the heap when marking ended, garbage included; absent if the trace does not say.
    #[cfg_attr(feature = "serde", serde(rename = "heap_end_bytes"))]
    pub heap_end: Option<u64>,
    /// Bytes that were marked, and so are live; absent if the trace does not say.
    #[cfg_attr(feature = "serde", serde(rename = "heap_live_bytes"))]
    pub heap_live: Option<u64>,
    /// The heap size at which it was to end, in bytes; absent if the trace does not say or there was no goal.
    #[cfg_attr(feature = "serde", serde(rename = "goal_bytes"))]
    pub goal: Option<u64>,
    /// The heap size at which the next one is to end, in bytes; absent if the trace does not say.
    #[cfg_attr(feature = "serde", serde(rename = "next_goal_bytes"))]
    pub next_goal: Option<u64>,
    /// The goroutine that started it: its allocation was due for a collection, or it called `runtime.GC`.
    pub goroutine: Option<GoId>,
}

/// A pause of a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct CyclePause {
    /// The reason in the runtime's words.
    pub reason: String,
    /// When it started. In JSON: nanoseconds on the trace's clock.
    #[cfg_attr(feature = "serde", serde(rename = "start_ns"))]
    pub start: Time,
    /// When it ended, or the end of the trace. In JSON: nanoseconds on the trace's clock.
    #[cfg_attr(feature = "serde", serde(rename = "end_ns"))]
    pub end: Time,
}

/// A stop-the-world pause.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct PauseRow {
    /// The reason in the runtime's words, such as `GC mark termination`.
    pub reason: String,
    /// When the runtime started to stop the world. In JSON: nanoseconds on the trace's clock.
    #[cfg_attr(feature = "serde", serde(rename = "start_ns"))]
    pub start: Time,
    /// When it ended, or the end of the trace. In JSON: nanoseconds on the trace's clock.
    #[cfg_attr(feature = "serde", serde(rename = "end_ns"))]
    pub end: Time,
    /// Whether it had not ended when the trace did.
    pub open: bool,
    /// Whether it is one of the garbage collector's.
    pub gc: bool,
    /// How long it took until the last P had stopped, as far as the trace shows. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "time_to_stop_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub time_to_stop: Duration,
    /// The goroutine that asked for it.
    pub goroutine: Option<GoId>,
    /// Where it asked for it, innermost frame first; empty if the trace has no stack.
    pub stack: Vec<OwnedFrame>,
}

impl CycleRow {
    fn new(cycle: GcCycle<'_>) -> Self {
        let pause = |pause: Pause<'_>| CyclePause {
            reason: pause.reason().to_string(),
            start: pause.start(),
            end: pause.end(),
        };
        CycleRow {
            seq: cycle.seq(),
            start: cycle.start(),
            end: cycle.end(),
            open: cycle.is_open(),
            pauses: cycle.pauses().map(pause).collect(),
            pause: cycle.pause_time(),
            assist: cycle.assist_time(),
            assists: cycle.assists().len() as u64,
            sweep: cycle.sweep_time(),
            swept: cycle.bytes_swept(),
            reclaimed: cycle.bytes_reclaimed(),
            heap_start: cycle.heap_start(),
            heap_end: cycle.heap_end(),
            heap_live: cycle.heap_live(),
            goal: cycle.goal(),
            next_goal: cycle.next_goal(),
            goroutine: cycle.go(),
        }
    }

    /// From its start to its end.
    pub fn duration(&self) -> Duration {
        self.end - self.start
    }
}

impl PauseRow {
    fn new(pause: Pause<'_>) -> Self {
        let frames = |stack: StackTrace<'_>| stack.frames().map(OwnedFrame::from).collect();
        PauseRow {
            reason: pause.reason().to_string(),
            start: pause.start(),
            end: pause.end(),
            open: pause.is_open(),
            gc: pause.is_of_gc(),
            time_to_stop: pause.time_to_stop(),
            goroutine: pause.go(),
            stack: pause.stack().map_or_else(Vec::new, frames),
        }
    }

    /// From its start to its end.
    pub fn duration(&self) -> Duration {
        self.end - self.start
    }
}

impl PauseTotals {
    fn new(mut lengths: Vec<Duration>) -> Self {
        lengths.sort_unstable();
        let percentile = |percent: usize| {
            let rank = (lengths.len() * percent).div_ceil(100);
            lengths.get(rank.saturating_sub(1)).copied().unwrap_or_default()
        };
        PauseTotals {
            count: lengths.len() as u64,
            total: lengths.iter().sum(),
            p50: percentile(50),
            p99: percentile(99),
            max: percentile(100),
        }
    }
}

impl GcReport {
    /// The collections and pauses of a timeline that the options ask for.
    pub fn new(timeline: &Timeline, options: &GcOptions) -> Self {
        let range = options.range.clone().unwrap_or(timeline.start()..timeline.end());
        let overlaps = |start: Time, end: Time| start <= range.end && end >= range.start;
        let cycles: Vec<GcCycle<'_>> =
            timeline.gc_cycles().filter(|cycle| overlaps(cycle.start(), cycle.end())).collect();
        let pauses: Vec<Pause<'_>> = timeline.pauses().filter(|pause| overlaps(pause.start(), pause.end())).collect();

        let mut by_reason: HashMap<_, Vec<Duration>> = HashMap::new();
        let within = |pause: &Pause<'_>| pause.end().min(range.end) - pause.start().max(range.start);
        for pause in &pauses {
            by_reason.entry(pause.reason().to_string()).or_default().push(within(pause));
        }
        let totals = |(reason, lengths)| ReasonPauses { reason, totals: PauseTotals::new(lengths) };
        let mut pauses_by_reason: Vec<_> = by_reason.into_iter().map(totals).collect();
        pauses_by_reason.sort_by(|a, b| b.totals.total.cmp(&a.totals.total).then_with(|| a.reason.cmp(&b.reason)));
        GcReport {
            duration: range.end - range.start,
            pause_totals: PauseTotals::new(pauses.iter().map(within).collect()),
            pauses_by_reason,
            cycle_count: cycles.len() as u64,
            cycles: longest(cycles, options.top, GcCycle::duration).into_iter().map(CycleRow::new).collect(),
            pauses: longest(pauses, options.top, Pause::duration).into_iter().map(PauseRow::new).collect(),
        }
    }
}

/// The `top` longest items, in their original order.
fn longest<T>(row: Vec<T>, top: usize, duration: impl Fn(&T) -> Duration) -> Vec<T> {
    if row.len() <= top {
        return row;
    }
    let mut indexed: Vec<(usize, T)> = row.into_iter().enumerate().collect();
    indexed.sort_by_key(|(_, entry)| std::cmp::Reverse(duration(entry)));
    indexed.truncate(top);
    indexed.sort_by_key(|&(index, _)| index);
    indexed.into_iter().map(|(_, entry)| entry).collect()
}
