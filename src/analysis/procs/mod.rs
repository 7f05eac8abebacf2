//! What the Ps (processors) do: how busy each P is, how many goroutines wait for a P, and how much
//! of the Ps the garbage collector uses.

mod levels;
mod report;

use std::ops::Range;
use std::time::Duration;

use super::observer::Observer;
use super::over_time::{Content, OverTime};
use super::tracker::{Follower, NEVER, PerGoroutine, Tracker, Transition};
use crate::event::record::What;
use crate::event::{Event, GoState, ProcState};
use crate::id::ProcId;
use crate::time::Time;
use levels::{Levels, Sums};
pub use report::{ProcUse, ProcsReport, ProcsWindow};

/// The limit for IDs of Ps. IDs are below GOMAXPROCS, so only a damaged trace has larger IDs. They
/// are ignored.
const MAX_PROCS: u64 = 1 << 12;

/// The known state of a P.
#[derive(Debug, Default)]
struct Proc {
    /// When the P got its current thread, and when the current goroutine started to run on it.
    running: Option<i64>,
    executing: Option<i64>,
    running_for: i64,
    executing_for: i64,
    /// Whether the current goroutine is a background worker of the garbage collector.
    is_gc: bool,
    over_time: OverTime<i64>,
}

/// Reports the use of the Ps in one pass. Memory use is proportional to the number of Ps and of
/// live goroutines.
///
/// A goroutine that is runnable when the trace starts counts from the time at which the trace first
/// mentions it. Each generation mentions a goroutine only when it first needs to.
#[derive(Debug, Default)]
pub struct Procs {
    tracker: Tracker,
    uses: ProcUses,
}

/// The use of the Ps so far.
#[derive(Debug)]
pub(super) struct ProcUses {
    range: Range<i64>,
    /// The start of the trace or of the range, whichever is later.
    start: i64,
    /// Whether no event has been processed yet.
    is_new: bool,
    gomaxprocs: Option<u64>,
    procs: Vec<Proc>,
    /// Whether each goroutine is a background worker of the garbage collector.
    is_worker: PerGoroutine<bool>,
    levels: Levels,
}

impl Default for ProcUses {
    fn default() -> Self {
        ProcUses {
            range: i64::MIN..i64::MAX,
            start: i64::MIN,
            is_new: true,
            gomaxprocs: None,
            procs: Vec::new(),
            is_worker: PerGoroutine::default(),
            levels: Levels::new(),
        }
    }
}

fn nanos(nanos: i64) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}

impl Procs {
    /// Reports the use of the Ps in the whole trace.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts only the time within a range.
    pub fn within(mut self, range: Range<Time>) -> Self {
        self.uses.range = range.start.0..range.end.0;
        self
    }
}

impl ProcUses {
    /// Returns `time` limited to the range, so that time before and after the range does not count.
    #[inline]
    fn clamp(&self, time: i64) -> i64 {
        time.min(self.range.end).max(self.start)
    }

    /// Advances to the time of an event, and returns the time as [`clamp`](Self::clamp) does.
    #[inline]
    fn advance(&mut self, time: i64) -> i64 {
        let now = self.clamp(time);
        if now < self.levels.window.end { now } else { self.next_window(time) }
    }

    #[cold]
    #[inline(never)]
    fn next_window(&mut self, time: i64) -> i64 {
        if self.is_new {
            (self.is_new, self.start) = (false, time.max(self.range.start));
            self.levels.start(self.start);
        }
        let now = self.clamp(time);
        self.levels.advance(now);
        now
    }

    /// Updates whether a P is idle while a goroutine is runnable. Must be called after a change of
    /// one of the two numbers.
    #[inline]
    fn note_waste(&mut self, now: i64) {
        let levels = &mut self.levels;
        let is_wasteful = levels.runnable.value > 0 && levels.procs.value < self.gomaxprocs.unwrap_or(0);
        if u64::from(is_wasteful) != levels.wasteful.value {
            levels.wasteful.set(u64::from(is_wasteful), levels.rest(now));
        }
    }

    /// Handles a gap. After a gap, all states are unknown until the next generation reports them.
    fn lose(&mut self, time: i64) {
        let now = self.advance(time);
        self.stop(time);
        let levels = &mut self.levels;
        levels.note_runnable(now);
        levels.set_known(false, now);
        let rest = levels.rest(now);
        for level in levels.all() {
            level.set(0, rest);
        }
        self.is_worker.clear();
    }

    /// Ends the current states of all Ps, so that these states count up to `time`.
    fn stop(&mut self, time: i64) {
        for id in 0..self.procs.len() as u64 {
            self.stop_executing(id, time);
            self.proc_transition(id, ProcState::Idle, time);
        }
    }

    #[inline]
    fn proc(&mut self, id: u64) -> Option<&mut Proc> {
        if id >= MAX_PROCS {
            return None;
        }
        let index = id as usize;
        if index >= self.procs.len() {
            self.procs.resize_with(index + 1, Proc::default);
        }
        self.procs.get_mut(index)
    }

    /// Handles a label. The runtime labels the background workers of the garbage collector when
    /// they start to work.
    fn label(&mut self, tracker: &mut Tracker, event: &Event<'_>) {
        let record = event.record();
        let slot = tracker.find(record.go);
        let is_running = tracker.get(slot).is_some_and(|goroutine| goroutine.state == GoState::Running);
        if !is_running || !event.text(record.text).as_bytes().starts_with(b"GC ") {
            return;
        }
        let now = self.advance(record.time);
        *self.is_worker.at(slot) = true;
        let rest = self.levels.rest(now);
        if let Some(proc) = self.proc(record.proc)
            && !std::mem::replace(&mut proc.is_gc, true)
        {
            self.levels.gc.add(rest);
        }
    }

    /// Handles the start of a goroutine on a P.
    #[inline]
    fn start_executing(&mut self, proc: u64, is_worker: bool, time: i64, now: i64) {
        let rest = self.levels.rest(now);
        let Some(proc) = self.proc(proc) else { return };
        proc.executing = Some(time);
        proc.is_gc = is_worker;
        if is_worker {
            self.levels.gc.add(rest);
        }
    }

    #[inline]
    fn stop_executing(&mut self, proc: u64, time: i64) {
        let (first, range) = (self.start, self.range.clone());
        let rest = self.levels.rest(self.clamp(time));
        let Some(proc) = self.proc(proc) else { return };
        let was_gc = std::mem::take(&mut proc.is_gc);
        if let Some(since) = proc.executing.take() {
            let (mut from, to) = (since.max(range.start), time.min(range.end));
            proc.executing_for += (to - from).max(0);
            proc.over_time.start(first);
            while from < to {
                let (executing, next) = proc.over_time.at(from);
                let part = next.min(to) - from;
                *executing += part;
                from += part;
            }
        }
        if was_gc {
            self.levels.gc.subtract(rest);
        }
    }

    fn proc_transition(&mut self, id: u64, to: ProcState, time: i64) {
        let (range, now) = (self.range.clone(), self.clamp(time));
        let Some(proc) = self.proc(id) else { return };
        let was_running = proc.running.is_some();
        if let Some(since) = proc.running.take() {
            proc.running_for += (time.min(range.end) - since.max(range.start)).max(0);
        }
        proc.running = (to == ProcState::Running).then_some(time);
        let rest = self.levels.rest(now);
        match (was_running, to == ProcState::Running) {
            (false, true) => self.levels.procs.add(rest),
            (true, false) => self.levels.procs.subtract(rest),
            _ => {}
        }
        self.note_waste(now);
    }

    /// Builds the report. The trace ends at the last time of the tracker.
    pub fn into_report(mut self, tracker: &Tracker) -> ProcsReport {
        let last = tracker.last_time();
        let now = self.advance(last);
        let first = self.start;
        self.stop(last);
        self.levels.end(now);
        let last = last.min(self.range.end);
        let Levels { over_time, parallelism, .. } = self.levels;
        let (window, windows) = over_time.into_windows();
        let mut whole = Sums::default();
        windows.iter().for_each(|(_, sums)| whole.merge(sums));
        let windows: Vec<_> = windows.into_iter().map(|(start, sums)| sums.into_window(start)).collect();
        let procs =
            self.procs.into_iter().enumerate().filter(|(_, proc)| proc.running_for > 0 || proc.executing_for > 0);
        let procs = procs.map(|(id, proc)| {
            let mut utilization = vec![0.0; windows.len()];
            // The windows of this P are shorter if it stopped early.
            for (start, executing) in proc.over_time.into_windows().1 {
                let index = ((start - first) / window.max(1)) as usize;
                if let (Some(part), Some(whole)) = (utilization.get_mut(index), windows.get(index)) {
                    *part += executing as f64 / whole.duration.as_nanos().max(1) as f64;
                }
            }
            let (running, executing) = (nanos(proc.running_for), nanos(proc.executing_for));
            ProcUse { proc: ProcId(id as u64), running, executing, utilization }
        });
        ProcsReport {
            duration: nanos(last - first),
            gomaxprocs: self.gomaxprocs,
            procs: procs.collect(),
            whole: whole.into_window(first),
            parallelism: parallelism.into_iter().map(nanos).collect(),
            window: nanos(window),
            windows,
        }
    }
}

impl Follower for ProcUses {
    #[inline(always)]
    fn transition(&mut self, _: &mut Tracker, event: &Event<'_>, transition: Transition) {
        let Transition { from, to, slot, time, .. } = transition;
        let proc = event.record().proc;
        let now = self.advance(time);
        if transition.is_first() {
            *self.is_worker.at(slot) = false;
        }
        let rest = self.levels.rest(now);
        match from {
            GoState::Running => {
                self.levels.note_parallelism(now);
                self.levels.running.subtract(rest);
                // After a gap, the trace does not say on which P the goroutine started to run.
                self.stop_executing(if transition.since == NEVER { proc } else { transition.proc }, time);
            }
            GoState::Runnable => {
                self.levels.note_runnable(now);
                self.levels.runnable.subtract(rest);
                self.note_waste(now);
            }
            _ => {}
        }
        match to {
            GoState::Running => {
                self.levels.note_parallelism(now);
                self.levels.running.add(rest);
                let is_worker = *self.is_worker.at(slot);
                self.start_executing(proc, is_worker, time, now);
            }
            GoState::Runnable => {
                self.levels.note_runnable(now);
                self.levels.runnable.add(rest);
                self.note_waste(now);
            }
            _ => {}
        }
    }

    #[inline(never)]
    fn other(&mut self, tracker: &mut Tracker, event: &Event<'_>) {
        let record = event.record();
        let time = record.time;
        match record.what {
            What::ProcTransition(from, to) if from != to => {
                self.advance(time);
                self.proc_transition(record.a, to, time);
            }
            What::Label => self.label(tracker, event),
            What::GoMaxProcs => {
                let now = self.advance(time);
                self.gomaxprocs = Some(record.a);
                self.note_waste(now);
            }
            What::Sync => {
                let now = self.advance(time);
                self.levels.set_known(true, now);
            }
            What::Gap => self.lose(time),
            _ => {}
        }
    }
}

impl Observer for Procs {
    type Output = ProcsReport;

    #[inline]
    fn event(&mut self, event: &Event<'_>) {
        self.tracker.show(event, &mut self.uses);
    }

    fn finish(self) -> ProcsReport {
        self.uses.into_report(&self.tracker)
    }
}
