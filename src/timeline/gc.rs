//! Garbage collection and stop-the-world pauses.
//!
//! A cycle is the range `GC concurrent mark phase` of the trace. The runtime starts it before it
//! stops the world for the sweep termination, and ends it while the world is stopped for the mark
//! termination (Go `src/runtime/mgc.go`, `gcStart` and `gcMarkTermination`). Sweeping continues
//! until the next cycle.

use std::ops::Range;
use std::time::Duration;

use super::Timeline;
use super::columns::OPEN;
use super::columns::gc::{AssistEntry, CycleEntry, PauseEntry, SweepEntry};
use super::columns::symbols::StackTrace;
use crate::event::{Text, is_gc_pause};
use crate::id::{GoId, ProcId, present};
use crate::time::Time;

/// The maximum number of heap sizes that `heap_before` compares. A damaged trace may state any
/// number of Ps.
const MAX_PROCS: usize = 1024;

/// Returns the entries that start within a range. `row` must be sorted by start.
fn starting<T>(row: &[T], start: impl Fn(&T) -> i64, range: Range<i64>) -> &[T] {
    let first = row.partition_point(|entry| start(entry) < range.start);
    let end = row.partition_point(|entry| start(entry) < range.end);
    row.get(first..end).unwrap_or_default()
}

impl Timeline {
    /// Returns the garbage collections, in order of time.
    pub fn gc_cycles(&self) -> impl ExactSizeIterator<Item = GcCycle<'_>> + DoubleEndedIterator + Clone {
        self.gc.cycles.iter().enumerate().map(|(index, &entry)| GcCycle { timeline: self, index, entry })
    }

    /// Returns the stop-the-world pauses for any reason, in order of time.
    pub fn pauses(&self) -> impl ExactSizeIterator<Item = Pause<'_>> + DoubleEndedIterator + Clone {
        self.gc.pauses.iter().map(|&entry| Pause { timeline: self, entry })
    }

    /// Returns the mark assists, in order of their starts.
    pub fn mark_assists(&self) -> impl ExactSizeIterator<Item = MarkAssist<'_>> + Clone {
        self.gc.assists.iter().map(|&entry| MarkAssist { timeline: self, entry })
    }

    /// Returns the sweeps that allocations had to wait for, in order of their starts. A trace does not contain the
    /// sweeps of the background sweeper.
    pub fn sweeps(&self) -> impl ExactSizeIterator<Item = GcSweep<'_>> + Clone {
        self.gc.sweeps.iter().map(|&entry| GcSweep { timeline: self, entry })
    }

    pub(super) fn go_id(&self, number: u32) -> Option<GoId> {
        self.goroutines.id(number).map(GoId)
    }

    /// Returns the end of a range. For an open range, the end of the trace.
    pub(super) fn end_or_last(&self, end: i64) -> Time {
        Time(if end == OPEN { self.extent.end } else { end })
    }
}

/// A garbage collection: marking, which ends with the world stopped for the mark termination.
#[derive(Clone, Copy, Debug)]
pub struct GcCycle<'t> {
    timeline: &'t Timeline,
    index: usize,
    entry: CycleEntry,
}

impl<'t> GcCycle<'t> {
    /// Returns the number of the collection within the trace, from 1. A trace does not contain the runtime's own count,
    /// which gctrace lines show.
    pub fn seq(&self) -> u64 {
        self.index as u64 + 1
    }

    /// Returns when it started, before the stop-the-world pause of its sweep termination. For a collection that started
    /// before the trace, this is the time at which the trace first reports it as active.
    pub fn start(&self) -> Time {
        Time(self.entry.start)
    }

    /// Returns whether it started before the trace or in a [gap](Timeline::gaps).
    pub fn started_before_trace(&self) -> bool {
        self.entry.is_old
    }

    /// Returns the goroutine that started it by an allocation or by calling `runtime.GC`. `None` if no goroutine was
    /// running.
    pub fn go(&self) -> Option<GoId> {
        self.timeline.go_id(self.entry.go)
    }

    /// Returns the stack of the goroutine that started it. `None` if the trace does not contain the stack.
    pub fn stack(&self) -> Option<StackTrace<'t>> {
        self.timeline.symbols.stack(self.entry.stack)
    }

    /// Returns the pauses of the garbage collector that start within it.
    pub fn pauses(&self) -> impl Iterator<Item = Pause<'t>> + Clone + use<'t> {
        let timeline = self.timeline;
        let pauses = starting(&timeline.gc.pauses, |entry| entry.start, self.range());
        pauses.iter().map(move |&entry| Pause { timeline, entry }).filter(Pause::is_of_gc)
    }

    /// Returns the mark assists that start within it.
    pub fn assists(&self) -> impl ExactSizeIterator<Item = MarkAssist<'t>> + Clone + use<'t> {
        let timeline = self.timeline;
        let assists = starting(&timeline.gc.assists, |entry| entry.start, self.range());
        assists.iter().map(move |&entry| MarkAssist { timeline, entry })
    }

    /// Returns its sweeps: the sweeps that start between its end and the start of the next collection.
    pub fn sweeps(&self) -> impl ExactSizeIterator<Item = GcSweep<'t>> + Clone + use<'t> {
        let timeline = self.timeline;
        let next = timeline.gc.cycles.get(self.index + 1).map_or(OPEN, |next| next.start);
        let sweeps = starting(&timeline.gc.sweeps, |entry| entry.start, self.entry.end..next);
        sweeps.iter().map(move |&entry| GcSweep { timeline, entry })
    }

    /// Returns the total duration of its [`pauses`](Self::pauses).
    pub fn pause_time(&self) -> Duration {
        self.pauses().map(|pause| pause.duration()).sum()
    }

    /// Returns the total duration of its [`assists`](Self::assists).
    pub fn assist_time(&self) -> Duration {
        self.assists().map(|assist| assist.duration()).sum()
    }

    /// Returns the total duration of its [`sweeps`](Self::sweeps).
    pub fn sweep_time(&self) -> Duration {
        self.sweeps().map(|sweep| sweep.duration()).sum()
    }

    /// Returns the bytes that its [`sweeps`](Self::sweeps) examined.
    pub fn bytes_swept(&self) -> u64 {
        self.sweeps().fold(0, |sum, sweep| sum.saturating_add(sweep.bytes_swept()))
    }

    /// Returns the bytes that its [`sweeps`](Self::sweeps) freed.
    pub fn bytes_reclaimed(&self) -> u64 {
        self.sweeps().fold(0, |sum, sweep| sum.saturating_add(sweep.bytes_reclaimed()))
    }

    /// Returns the heap size in bytes at the start: the first of the three sizes in a gctrace line. `None` if the trace
    /// does not contain it.
    pub fn heap_start(&self) -> Option<u64> {
        let stopped = self.pauses().next().map_or(self.start(), |pause| pause.start());
        let heap = &self.timeline.metrics.heap;
        self.heap_before(heap.partition_point(|&(time, _)| time <= stopped.0))
    }

    /// Returns the heap size in bytes at the end of marking, including garbage: the second of the three sizes in a
    /// gctrace line. `None` if the collection is [open](Self::is_open) or [cut](Self::is_cut), or the trace does not
    /// contain the size.
    pub fn heap_end(&self) -> Option<u64> {
        let (index, _) = self.marked()?;
        self.heap_before(index)
    }

    /// Returns the live (marked) bytes: the third of the three sizes in a gctrace line. `None` if the collection is
    /// [open](Self::is_open) or [cut](Self::is_cut), or the trace does not contain the size.
    pub fn heap_live(&self) -> Option<u64> {
        let (_, live) = self.marked()?;
        Some(live)
    }

    /// Returns the index and value of the last heap size before the end. The runtime sets it to the marked bytes while
    /// the world is stopped (Go `src/runtime/mgcpacer.go`, `resetLive`).
    fn marked(&self) -> Option<(usize, u64)> {
        let heap = &self.timeline.metrics.heap;
        let CycleEntry { start, end, .. } = self.entry;
        let last =
            heap.partition_point(|&(time, _)| time <= end).checked_sub(1).filter(|_| end != OPEN && !self.is_cut())?;
        let &(time, live) = heap.get(last)?;
        // If the time is earlier, the value is from before this cycle.
        (time >= start).then_some((last, live))
    }

    /// Returns the heap size before the value at `index`. A thread computes a size shortly before it writes the event.
    /// So a delayed thread may write a smaller size after another thread has written a larger one. Between collections
    /// the heap only grows. So this returns the maximum of the last N sizes, where N is the number of Ps.
    fn heap_before(&self, index: usize) -> Option<u64> {
        let heap = self.timeline.metrics.heap.get(..index)?;
        let procs = self.timeline.gomaxprocs_at(self.start()).map_or(1, |procs| usize::try_from(procs).unwrap_or(1));
        let collected = self
            .index
            .checked_sub(1)
            .and_then(|last| self.timeline.gc.cycles.get(last))
            .map_or(i64::MIN, |last| last.end);
        let recent = heap.iter().rev().take(procs.clamp(1, MAX_PROCS)).enumerate();
        recent.take_while(|&(back, &(time, _))| back == 0 || time > collected).map(|(_, &(_, value))| value).max()
    }

    /// Returns the heap goal: the heap size in bytes at which the collection was planned to end. `None` if the trace
    /// does not contain it, or if GOGC was off.
    ///
    /// Before Go 1.25, GOGC=off appears as a huge goal.
    pub fn goal(&self) -> Option<u64> {
        self.timeline.heap_goal_at(self.end()).filter(|&goal| goal != 0)
    }

    /// Returns the heap goal of the next collection: the first goal that the trace reports after the end of this
    /// collection. `None` if the trace does not contain it, or if GOGC was off.
    pub fn next_goal(&self) -> Option<u64> {
        let goals = &self.timeline.metrics.goals;
        let end = self.entry.end;
        goals.get(goals.partition_point(|&(time, _)| time <= end)).map(|&(_, value)| value).filter(|&goal| goal != 0)
    }

    fn range(&self) -> Range<i64> {
        let CycleEntry { start, end, .. } = self.entry;
        start..end
    }
}

/// A stop-the-world pause.
#[derive(Clone, Copy, Debug)]
pub struct Pause<'t> {
    timeline: &'t Timeline,
    entry: PauseEntry,
}

impl<'t> Pause<'t> {
    /// Returns the reason, in the runtime's words, such as `GC mark termination`.
    pub fn reason(&self) -> Text<'t> {
        self.timeline.symbols.strings.get(self.entry.reason)
    }

    /// Returns whether the garbage collector caused it, judging by the reason.
    pub fn is_of_gc(&self) -> bool {
        is_gc_pause(self.reason().as_bytes())
    }

    /// Returns when the runtime started to stop the world.
    pub fn start(&self) -> Time {
        Time(self.entry.start)
    }

    /// Returns the time until the last P stopped. In the trace, this is the last time at which a P became idle within
    /// the pause. Zero if no P had to stop.
    pub fn time_to_stop(&self) -> Duration {
        Time(self.entry.last_stop) - self.start()
    }

    /// Returns the goroutine that caused it. `None` if no goroutine was running.
    pub fn go(&self) -> Option<GoId> {
        self.timeline.go_id(self.entry.go)
    }

    /// Returns the stack of the goroutine that caused it. `None` if the trace does not contain the stack.
    pub fn stack(&self) -> Option<StackTrace<'t>> {
        self.timeline.symbols.stack(self.entry.stack)
    }
}

/// A mark assist: a goroutine has to help with marking before it may allocate more. It may be
/// blocked or preempted during the assist.
#[derive(Clone, Copy, Debug)]
pub struct MarkAssist<'t> {
    timeline: &'t Timeline,
    entry: AssistEntry,
}

impl<'t> MarkAssist<'t> {
    /// Returns the goroutine.
    pub fn go(&self) -> Option<GoId> {
        self.timeline.go_id(self.entry.go)
    }

    /// Returns when it started. If it started before the trace, this is the time at which the trace first reports it as
    /// active.
    pub fn start(&self) -> Time {
        Time(self.entry.start)
    }

    /// Returns the stack at which the goroutine allocated. `None` if the trace does not contain the stack.
    pub fn stack(&self) -> Option<StackTrace<'t>> {
        self.timeline.symbols.stack(self.entry.stack)
    }
}

/// A sweep that a P had to do before an allocation.
#[derive(Clone, Copy, Debug)]
pub struct GcSweep<'t> {
    timeline: &'t Timeline,
    entry: SweepEntry,
}

impl<'t> GcSweep<'t> {
    /// Returns the P.
    pub fn proc(&self) -> Option<ProcId> {
        present(self.entry.proc).map(ProcId)
    }

    /// Returns the goroutine that was running on the P. `None` if no goroutine was running.
    pub fn go(&self) -> Option<GoId> {
        self.timeline.go_id(self.entry.go)
    }

    /// Returns when it started. If it started before the trace, this is the time at which the trace first reports it as
    /// active.
    pub fn start(&self) -> Time {
        Time(self.entry.start)
    }

    /// Returns the bytes that it examined. 0 if it is open.
    pub fn bytes_swept(&self) -> u64 {
        self.entry.swept
    }

    /// Returns the bytes that it freed. 0 if it is open.
    pub fn bytes_reclaimed(&self) -> u64 {
        self.entry.reclaimed
    }

    /// Returns the stack at which the goroutine allocated. `None` if the trace does not contain the stack.
    pub fn stack(&self) -> Option<StackTrace<'t>> {
        self.timeline.symbols.stack(self.entry.stack)
    }
}

/// Methods about the end of a range, which may be open or cut.
macro_rules! lasting {
    ($($kind:ident)*) => { $(
        impl $kind<'_> {
            /// Returns when it ended. If it is open, this is the end of the trace.
            pub fn end(&self) -> Time {
                self.timeline.end_or_last(self.entry.end)
            }

            /// Returns the time from its start to its end.
            pub fn duration(&self) -> Duration {
                self.end() - self.start()
            }

            /// Returns whether it was still active when the trace ended.
            pub fn is_open(&self) -> bool {
                self.entry.end == OPEN
            }

            /// Returns whether its end is in a [gap](Timeline::gaps) of a damaged trace. In this case,
            /// [`end`](Self::end) is the time of the gap, and the real duration may be longer.
            pub fn is_cut(&self) -> bool {
                self.timeline.is_gap(self.entry.end)
            }
        }
    )* };
}

lasting! { GcCycle Pause MarkAssist GcSweep }
