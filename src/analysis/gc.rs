//! Reports the garbage collections and stop-the-world pauses of a [`Timeline`].

use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

use crate::event::OwnedFrame;
use crate::id::GoId;
use crate::time::Time;
use crate::timeline::{GcCycle, Pause, StackTrace, Timeline};

/// Options of a [`GcReport`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GcOptions {
    /// The range of time to report. The report lists collections and pauses that overlap this
    /// range, but totals count only the time within the range. `None`, the default, means the whole
    /// trace.
    pub range: Option<Range<Time>>,
    /// The maximum number of collections, and of pauses, to list. If there are more, the longest
    /// are listed. All are listed by default.
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
    /// The length of the trace, or of the requested range. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "duration_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub duration: Duration,
    /// The totals of all stop-the-world pauses, whatever the reason.
    pub pause_totals: PauseTotals,
    /// The totals of the pauses by reason, sorted by total length, longest first.
    pub pauses_by_reason: Vec<ReasonPauses>,
    /// The number of collections. `cycles` may list fewer.
    pub cycle_count: u64,
    /// The collections in order of time. Only the longest if [`GcOptions::top`] limits their
    /// number.
    pub cycles: Vec<CycleRow>,
    /// The pauses in order of time. Only the longest if [`GcOptions::top`] limits their number.
    pub pauses: Vec<PauseRow>,
}

/// The number of pauses and their lengths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct PauseTotals {
    /// The number of pauses.
    pub count: u64,
    /// The total length of the pauses. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "total_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub total: Duration,
    /// The exact median length of a pause (nearest rank). Zero if there are no pauses. In JSON:
    /// nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "p50_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub p50: Duration,
    /// The exact 99th percentile of the lengths (nearest rank). Zero if there are no pauses. In
    /// JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "p99_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub p99: Duration,
    /// The length of the longest pause. Zero if there are no pauses. In JSON: nanoseconds.
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
    /// The number of pauses and their lengths.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub totals: PauseTotals,
}

/// A garbage collection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct CycleRow {
    /// The number of the collection in the trace, counted from 1.
    pub seq: u64,
    /// When the collection started, or when the trace first mentions it. In JSON: nanoseconds on
    /// the trace's clock.
    #[cfg_attr(feature = "serde", serde(rename = "start_ns"))]
    pub start: Time,
    /// When the collection ended, or the end of the trace. In JSON: nanoseconds on the trace's
    /// clock.
    #[cfg_attr(feature = "serde", serde(rename = "end_ns"))]
    pub end: Time,
    /// Whether the collection was still running when the trace ended.
    pub open: bool,
    /// The pauses of the garbage collector that start during the collection.
    pub pauses: Vec<CyclePause>,
    /// The total length of `pauses`. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "pause_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub pause: Duration,
    /// The total time that all goroutines spent in mark assists during the collection. In JSON:
    /// nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "assist_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub assist: Duration,
    /// The number of mark assists that started during the collection.
    pub assists: u64,
    /// The total time that allocations spent sweeping between the end of this collection and the
    /// start of the next one. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "sweep_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub sweep: Duration,
    /// The number of bytes that these sweeps examined.
    #[cfg_attr(feature = "serde", serde(rename = "swept_bytes"))]
    pub swept: u64,
    /// The number of bytes that these sweeps freed.
    #[cfg_attr(feature = "serde", serde(rename = "reclaimed_bytes"))]
    pub reclaimed: u64,
    /// The heap size in bytes when the collection started. Absent if the trace does not have the
    /// value.
    #[cfg_attr(feature = "serde", serde(rename = "heap_start_bytes"))]
    pub heap_start: Option<u64>,
    /// The heap size in bytes when marking ended, including garbage. Absent if the trace does not
    /// have the value.
    #[cfg_attr(feature = "serde", serde(rename = "heap_end_bytes"))]
    pub heap_end: Option<u64>,
    /// The number of bytes that were marked as live. Absent if the trace does not have the value.
    #[cfg_attr(feature = "serde", serde(rename = "heap_live_bytes"))]
    pub heap_live: Option<u64>,
    /// The heap size in bytes at which this collection was planned to end. Absent if the trace does
    /// not have the value or there was no goal.
    #[cfg_attr(feature = "serde", serde(rename = "goal_bytes"))]
    pub goal: Option<u64>,
    /// The heap size in bytes at which the next collection is planned to end. Absent if the trace
    /// does not have the value.
    #[cfg_attr(feature = "serde", serde(rename = "next_goal_bytes"))]
    pub next_goal: Option<u64>,
    /// The goroutine that started the collection: its allocation triggered the collection, or it
    /// called `runtime.GC`.
    pub goroutine: Option<GoId>,
}

/// A pause of a garbage collection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct CyclePause {
    /// The reason in the runtime's words, such as `GC mark termination`.
    pub reason: String,
    /// When the pause started. In JSON: nanoseconds on the trace's clock.
    #[cfg_attr(feature = "serde", serde(rename = "start_ns"))]
    pub start: Time,
    /// When the pause ended, or the end of the trace. In JSON: nanoseconds on the trace's clock.
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
    /// When the pause ended, or the end of the trace. In JSON: nanoseconds on the trace's clock.
    #[cfg_attr(feature = "serde", serde(rename = "end_ns"))]
    pub end: Time,
    /// Whether the pause had not ended when the trace ended.
    pub open: bool,
    /// Whether the garbage collector requested the pause.
    pub gc: bool,
    /// The time from the start of the pause until the last P had stopped, as far as the trace
    /// shows. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "time_to_stop_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub time_to_stop: Duration,
    /// The goroutine that requested the pause.
    pub goroutine: Option<GoId>,
    /// Where that goroutine requested the pause, innermost frame first. Empty if the trace has no
    /// stack.
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

    /// Returns the time from the start to the end of the collection.
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

    /// Returns the time from the start to the end of the pause.
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
    /// Reports the collections and pauses of a timeline that the options select.
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

/// Returns the `top` longest items in their original order.
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
