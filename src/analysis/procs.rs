//! What the Ps (processors) do: how busy each P is, how many goroutines wait for a P, and how much
//! of the Ps the garbage collector uses.

use std::ops::Range;
use std::time::Duration;

use super::observer::Observer;
use super::over_time::{Content, OverTime};
use super::tracker::{Follower, NEVER, PerGoroutine, Tracker, Transition};
use crate::event::record::What;
use crate::event::{Event, GoState, ProcState};
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

/// The result of [`Procs`].
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

/// The limit for IDs of Ps. IDs are below GOMAXPROCS, so only a damaged trace has larger IDs. They
/// are ignored.
const MAX_PROCS: u64 = 1 << 12;

/// Sums over a window. Most fields are a count integrated over time, in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    length: i64,
    running: i64,
    runnable: i64,
    runnable_max: u64,
    procs: i64,
    idle_while_runnable: i64,
    gc: i64,
}

impl Content for Sums {
    #[inline]
    fn merge(&mut self, later: &Sums) {
        self.length += later.length;
        self.running = self.running.saturating_add(later.running);
        self.runnable = self.runnable.saturating_add(later.runnable);
        self.runnable_max = self.runnable_max.max(later.runnable_max);
        self.procs = self.procs.saturating_add(later.procs);
        self.idle_while_runnable += later.idle_while_runnable;
        self.gc = self.gc.saturating_add(later.gc);
    }
}

impl Sums {
    fn into_window(self, start: i64) -> ProcsWindow {
        let mean = |sum: i64| if self.length == 0 { 0.0 } else { sum as f64 / self.length as f64 };
        ProcsWindow {
            start: Time(start),
            duration: nanos(self.length),
            running: mean(self.running),
            runnable: mean(self.runnable),
            runnable_max: self.runnable_max,
            procs: mean(self.procs),
            idle_while_runnable: nanos(self.idle_while_runnable),
            gc: mean(self.gc),
        }
    }
}

impl Content for i64 {
    fn merge(&mut self, later: &i64) {
        *self += *later;
    }
}

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

/// A number that changes over time, and its integral over the current window.
///
/// The integral assumes that the number keeps its value until the end of the window. A change
/// therefore only corrects the integral for the rest of the window, and numbers that do not change
/// need no work.
#[derive(Clone, Copy, Debug, Default)]
struct Level {
    value: u64,
    integral: i128,
}

impl Level {
    /// Changes the number when `rest` nanoseconds of the window are left.
    #[inline]
    fn set(&mut self, value: u64, rest: i64) {
        self.integral += (i128::from(value) - i128::from(self.value)) * i128::from(rest);
        self.value = value;
    }

    #[inline]
    fn add(&mut self, rest: i64) {
        self.value += 1;
        self.integral += i128::from(rest);
    }

    #[inline]
    fn subtract(&mut self, rest: i64) {
        if self.value > 0 {
            self.value -= 1;
            self.integral -= i128::from(rest);
        }
    }

    /// Returns the integral of the window when `rest` nanoseconds of it are left, at most
    /// [`i64::MAX`].
    fn end_window(&mut self, rest: i64) -> i64 {
        let integral = self.integral - i128::from(self.value) * i128::from(rest);
        i64::try_from(integral).unwrap_or(i64::MAX)
    }

    fn start_window(&mut self, length: i64) {
        self.integral = i128::from(self.value) * i128::from(length);
    }
}

/// The number of goroutines and Ps in each state over time.
#[derive(Debug, Default)]
struct Levels {
    over_time: OverTime<Sums>,
    /// The current window, or the part of it that has not been added to `over_time`.
    window: Range<i64>,
    /// 1, or 0 in a gap.
    known: Level,
    running: Level,
    runnable: Level,
    procs: Level,
    gc: Level,
    /// 1 while a P is idle and a goroutine is runnable.
    wasteful: Level,
    /// The maximum number of runnable goroutines in the window, and when the number last changed.
    runnable_max: u64,
    runnable_since: i64,
    /// How long exactly n goroutines ran, in nanoseconds by n, and when n last changed.
    parallelism: Vec<i64>,
    running_since: i64,
}

impl Levels {
    fn start(&mut self, time: i64) {
        self.over_time.start(time);
        self.start_window(time);
        (self.runnable_since, self.running_since) = (time, time);
        self.set_known(true, time);
    }

    fn start_window(&mut self, time: i64) {
        self.window = time..self.over_time.window_end(time);
        let length = self.window.end - time;
        for level in self.all() {
            level.start_window(length);
        }
        self.runnable_max = 0;
    }

    fn all(&mut self) -> [&mut Level; 6] {
        let Levels { known, running, runnable, procs, gc, wasteful, .. } = self;
        [known, running, runnable, procs, gc, wasteful]
    }

    /// Advances to a time and ends the windows before it.
    #[inline]
    fn advance(&mut self, time: i64) {
        while time >= self.window.end {
            let end = self.window.end;
            self.end_window(end);
            // Skip the windows in a gap.
            self.start_window(if self.known.value == 0 { time } else { end });
        }
    }

    /// Adds the current window, up to `time`.
    #[inline(never)]
    fn end_window(&mut self, time: i64) {
        self.note_runnable(time);
        let rest = self.window.end - time;
        let [known, running, runnable, procs, gc, wasteful] = self.all().map(|level| level.end_window(rest));
        if known == 0 {
            return;
        }
        let runnable_max = self.runnable_max;
        let sums = Sums { length: known, running, runnable, runnable_max, procs, idle_while_runnable: wasteful, gc };
        self.over_time.at(self.window.start).0.merge(&sums);
    }

    /// Adds the last window. Nothing is known about the time after `time`.
    fn end(&mut self, time: i64) {
        self.note_parallelism(time);
        self.end_window(time);
    }

    /// Returns how much of the window is left, in nanoseconds.
    #[inline]
    fn rest(&self, time: i64) -> i64 {
        self.window.end - time
    }

    fn set_known(&mut self, known: bool, time: i64) {
        self.note_parallelism(time);
        self.known.set(u64::from(known), self.rest(time));
    }

    /// Adds the time since the number of running goroutines last changed. Must be called before
    /// each change.
    #[inline]
    fn note_parallelism(&mut self, time: i64) {
        let running = self.running.value.min(MAX_PROCS) as usize;
        if self.known.value > 0 && time > self.running_since {
            if self.parallelism.len() <= running {
                self.parallelism.resize(running + 1, 0);
            }
            self.parallelism[running] += time - self.running_since;
        }
        self.running_since = time;
    }

    /// Updates the maximum of runnable goroutines, if the current number lasted for any time. Must
    /// be called before each change of the number.
    #[inline]
    fn note_runnable(&mut self, time: i64) {
        if time > self.runnable_since {
            self.runnable_max = self.runnable_max.max(self.runnable.value);
        }
        self.runnable_since = time;
    }
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
            levels: Levels { window: i64::MIN..i64::MIN, ..Levels::default() },
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
