//! Garbage collection and stop-the-world pauses.
//!
//! A cycle is what the trace calls `GC concurrent mark phase`. The runtime starts it before it
//! stops the world for the sweep termination, and ends it while the world is stopped for the mark
//! termination (Go `src/runtime/mgc.go`, `gcStart` and `gcMarkTermination`); the sweeping that it
//! makes necessary goes on until the next one.

use std::ops::Range;
use std::time::Duration;

use super::Timeline;
use super::columns::OPEN;
use super::columns::gc::{AssistEntry, CycleEntry, PauseEntry, SweepEntry};
use super::columns::symbols::StackTrace;
use crate::event::{Text, is_gc_pause};
use crate::id::{GoId, ProcId, present};
use crate::time::Time;

/// So many values are compared at most: a damaged trace may claim any number of Ps.
const MAX_PROCS: usize = 1024;

/// Those of a row sorted by start that start within a range.
fn starting<T>(row: &[T], start: impl Fn(&T) -> i64, range: Range<i64>) -> &[T] {
    let first = row.partition_point(|entry| start(entry) < range.start);
    let end = row.partition_point(|entry| start(entry) < range.end);
    row.get(first..end).unwrap_or_default()
}

impl Timeline {
    /// The garbage collections, in order of time.
    pub fn gc_cycles(&self) -> impl ExactSizeIterator<Item = GcCycle<'_>> + DoubleEndedIterator + Clone {
        self.gc.cycles.iter().enumerate().map(|(index, &entry)| GcCycle { timeline: self, index, entry })
    }

    /// The times when the world was stopped, for any reason, in order of time.
    pub fn pauses(&self) -> impl ExactSizeIterator<Item = Pause<'_>> + DoubleEndedIterator + Clone {
        self.gc.pauses.iter().map(|&entry| Pause { timeline: self, entry })
    }

    /// The mark assists, in order of their starts.
    pub fn mark_assists(&self) -> impl ExactSizeIterator<Item = MarkAssist<'_>> + Clone {
        self.gc.assists.iter().map(|&entry| MarkAssist { timeline: self, entry })
    }

    /// The sweeps that allocation had to wait for, in order of their starts. The background
    /// sweeper's are not in a trace.
    pub fn sweeps(&self) -> impl ExactSizeIterator<Item = GcSweep<'_>> + Clone {
        self.gc.sweeps.iter().map(|&entry| GcSweep { timeline: self, entry })
    }

    pub(super) fn go_id(&self, number: u32) -> Option<GoId> {
        self.goroutines.id(number).map(GoId)
    }

    /// An end that may lie beyond the trace's.
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
    /// Which one in the trace, from 1. The runtime's own count, which gctrace lines show, is not in
    /// a trace.
    pub fn seq(&self) -> u64 {
        self.index as u64 + 1
    }

    /// When it started: before the stop-the-world for its sweep termination. If it is older than
    /// the trace, when the trace first says that it is under way.
    pub fn start(&self) -> Time {
        Time(self.entry.start)
    }

    /// Whether it started before the trace, or where a [gap](Timeline::gaps) hides it.
    pub fn is_older(&self) -> bool {
        self.entry.is_old
    }

    /// The goroutine that started it: its allocation was due for a collection, or it called
    /// `runtime.GC`.
    pub fn go(&self) -> Option<GoId> {
        self.timeline.go_id(self.entry.go)
    }

    /// Where that was.
    pub fn stack(&self) -> Option<StackTrace<'t>> {
        self.timeline.symbols.stack(self.entry.stack)
    }

    /// Its own pauses: those that start within it and are the collector's.
    pub fn pauses(&self) -> impl Iterator<Item = Pause<'t>> + Clone + use<'t> {
        let timeline = self.timeline;
        let pauses = starting(&timeline.gc.pauses, |entry| entry.start, self.range());
        pauses.iter().map(move |&entry| Pause { timeline, entry }).filter(Pause::is_of_gc)
    }

    /// The mark assists that start within it.
    pub fn assists(&self) -> impl ExactSizeIterator<Item = MarkAssist<'t>> + Clone + use<'t> {
        let timeline = self.timeline;
        let assists = starting(&timeline.gc.assists, |entry| entry.start, self.range());
        assists.iter().map(move |&entry| MarkAssist { timeline, entry })
    }

    /// The sweeps that it made necessary: those that start after it and before the next one.
    pub fn sweeps(&self) -> impl ExactSizeIterator<Item = GcSweep<'t>> + Clone + use<'t> {
        let timeline = self.timeline;
        let next = timeline.gc.cycles.get(self.index + 1).map_or(OPEN, |next| next.start);
        let sweeps = starting(&timeline.gc.sweeps, |entry| entry.start, self.entry.end..next);
        sweeps.iter().map(move |&entry| GcSweep { timeline, entry })
    }

    /// How long its [`pauses`](Self::pauses) were together.
    pub fn pause_time(&self) -> Duration {
        self.pauses().map(|pause| pause.duration()).sum()
    }

    /// How long its [`assists`](Self::assists) were together.
    pub fn assist_time(&self) -> Duration {
        self.assists().map(|assist| assist.duration()).sum()
    }

    /// How long its [`sweeps`](Self::sweeps) were together.
    pub fn sweep_time(&self) -> Duration {
        self.sweeps().map(|sweep| sweep.duration()).sum()
    }

    /// Bytes that its [`sweeps`](Self::sweeps) looked at.
    pub fn bytes_swept(&self) -> u64 {
        self.sweeps().fold(0, |sum, sweep| sum.saturating_add(sweep.bytes_swept()))
    }

    /// Bytes that became free by its [`sweeps`](Self::sweeps).
    pub fn bytes_reclaimed(&self) -> u64 {
        self.sweeps().fold(0, |sum, sweep| sum.saturating_add(sweep.bytes_reclaimed()))
    }

    /// Bytes on the heap when it started, the first of the three in a gctrace line; `None` if the
    /// trace does not say.
    pub fn heap_start(&self) -> Option<u64> {
        let stopped = self.pauses().next().map_or(self.start(), |pause| pause.start());
        let heap = &self.timeline.metrics.heap;
        self.heap_before(heap.partition_point(|&(time, _)| time <= stopped.0))
    }

    /// Bytes on the heap when marking ended, garbage included: the second of the three; `None` if
    /// it is open or cut, or the trace does not say.
    pub fn heap_end(&self) -> Option<u64> {
        let (index, _) = self.marked()?;
        self.heap_before(index)
    }

    /// Bytes that were marked, and so are live: the third; `None` if it is open or cut, or the
    /// trace does not say.
    pub fn heap_live(&self) -> Option<u64> {
        let (_, live) = self.marked()?;
        Some(live)
    }

    /// The last value before the end and where it is: the runtime has set it to what is marked,
    /// with the world stopped (Go `src/runtime/mgcpacer.go`, `resetLive`).
    fn marked(&self) -> Option<(usize, u64)> {
        let heap = &self.timeline.metrics.heap;
        let CycleEntry { start, end, .. } = self.entry;
        let last =
            heap.partition_point(|&(time, _)| time <= end).checked_sub(1).filter(|_| end != OPEN && !self.is_cut())?;
        let &(time, live) = heap.get(last)?;
        // Otherwise its value is of before this cycle.
        (time >= start).then_some((last, live))
    }

    /// Bytes on the heap before a value. A thread computes its value a little before it writes the
    /// event, so one that was delayed reports less than another has reported before. The heap only
    /// grows between collections, so the largest counts of as many values as there are Ps.
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

    /// The heap size at which it was to end, in bytes; `None` if the trace does not say, or if
    /// there was no goal: GOGC was off.
    ///
    /// Before Go 1.25, GOGC=off shows as a huge goal.
    pub fn goal(&self) -> Option<u64> {
        self.timeline.heap_goal_at(self.end()).filter(|&goal| goal != 0)
    }

    /// The heap size at which the next one is to end, in bytes: the first that the trace reports
    /// after its end; `None` as for [`goal`](Self::goal).
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

/// A time in which the world was stopped, until it went on.
#[derive(Clone, Copy, Debug)]
pub struct Pause<'t> {
    timeline: &'t Timeline,
    entry: PauseEntry,
}

impl<'t> Pause<'t> {
    /// What for, in the runtime's words, such as `GC mark termination`.
    pub fn reason(&self) -> Text<'t> {
        self.timeline.symbols.strings.get(self.entry.reason)
    }

    /// Whether it is one of the garbage collector's, by its reason.
    pub fn is_of_gc(&self) -> bool {
        is_gc_pause(self.reason().as_bytes())
    }

    /// When the runtime started to stop the world.
    pub fn start(&self) -> Time {
        Time(self.entry.start)
    }

    /// How long it took until the last P had stopped, as far as the trace shows: the last that went
    /// idle within the pause; zero if none had to.
    pub fn time_to_stop(&self) -> Duration {
        Time(self.entry.last_stop) - self.start()
    }

    /// The goroutine that asked for it.
    pub fn go(&self) -> Option<GoId> {
        self.timeline.go_id(self.entry.go)
    }

    /// Where that was.
    pub fn stack(&self) -> Option<StackTrace<'t>> {
        self.timeline.symbols.stack(self.entry.stack)
    }
}

/// A goroutine marking to pay for what it allocates; it may be blocked or preempted meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct MarkAssist<'t> {
    timeline: &'t Timeline,
    entry: AssistEntry,
}

impl<'t> MarkAssist<'t> {
    /// The goroutine.
    pub fn go(&self) -> Option<GoId> {
        self.timeline.go_id(self.entry.go)
    }

    /// When it started, or, if it is older than the trace, when the trace first says that it is
    /// under way.
    pub fn start(&self) -> Time {
        Time(self.entry.start)
    }

    /// Where the goroutine allocated.
    pub fn stack(&self) -> Option<StackTrace<'t>> {
        self.timeline.symbols.stack(self.entry.stack)
    }
}

/// A P sweeping before it allocates.
#[derive(Clone, Copy, Debug)]
pub struct GcSweep<'t> {
    timeline: &'t Timeline,
    entry: SweepEntry,
}

impl<'t> GcSweep<'t> {
    /// The P.
    pub fn proc(&self) -> Option<ProcId> {
        present(self.entry.proc).map(ProcId)
    }

    /// The goroutine that was running on it.
    pub fn go(&self) -> Option<GoId> {
        self.timeline.go_id(self.entry.go)
    }

    /// When it started, or, if it is older than the trace, when the trace first says that it is
    /// under way.
    pub fn start(&self) -> Time {
        Time(self.entry.start)
    }

    /// Bytes that it looked at; 0 while it is open.
    pub fn bytes_swept(&self) -> u64 {
        self.entry.swept
    }

    /// Bytes that became free by it; 0 while it is open.
    pub fn bytes_reclaimed(&self) -> u64 {
        self.entry.reclaimed
    }

    /// Where the goroutine allocated.
    pub fn stack(&self) -> Option<StackTrace<'t>> {
        self.timeline.symbols.stack(self.entry.stack)
    }
}

/// When these end, which may be with the trace or at a gap.
macro_rules! lasting {
    ($($kind:ident)*) => { $(
        impl $kind<'_> {
            /// When it ended; if it had not, the end of the trace.
            pub fn end(&self) -> Time {
                self.timeline.end_or_last(self.entry.end)
            }

            /// From its start to its end.
            pub fn duration(&self) -> Duration {
                self.end() - self.start()
            }

            /// Whether it had not ended when the trace did.
            pub fn is_open(&self) -> bool {
                self.entry.end == OPEN
            }

            /// Whether a [gap](Timeline::gaps) of a damaged trace hides its end, which is then that
            /// gap: so long it lasted at least.
            pub fn is_cut(&self) -> bool {
                self.timeline.is_gap(self.entry.end)
            }
        }
    )* };
}

lasting! { GcCycle Pause MarkAssist GcSweep }
