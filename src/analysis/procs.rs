//! What the Ps (processors) do: how busy each is, how many goroutines wait for one, and what the garbage collector takes.

use std::ops::Range;
use std::time::Duration;

use super::observer::Observer;
use super::over_time::{Content, OverTime};
use crate::event::record::What;
use crate::event::{Event, GoState, ProcState};
use crate::id::{NONE, ProcId};
use crate::sched::arena::Arena;
use crate::time::Time;

/// What one P did.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ProcUse {
    /// The P.
    pub proc: ProcId,
    /// How long a thread had it. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "running_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub running: Duration,
    /// How long a goroutine ran on it. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "executing_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub executing: Duration,
    /// The part of each window of the report for which a goroutine ran on it, from 0 to 1.
    pub utilization: Vec<f64>,
}

/// What the Ps did in a window of time.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ProcsWindow {
    /// When the window starts. In JSON: nanoseconds on the trace's clock.
    #[cfg_attr(feature = "serde", serde(rename = "start_ns"))]
    pub start: Time,
    /// How much of it lies within the trace. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "duration_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub duration: Duration,
    /// How many goroutines ran, on average.
    pub running: f64,
    /// How many goroutines were runnable and had to wait for a P, on average.
    pub runnable: f64,
    /// How many goroutines were runnable and had to wait for a P, at most.
    pub runnable_max: u64,
    /// How many Ps had a thread, on average.
    pub procs: f64,
    /// How long a P was idle while a goroutine was runnable. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "idle_while_runnable_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub idle_while_runnable: Duration,
    /// How many Ps ran a background worker of the garbage collector, on average.
    pub gc: f64,
}

/// What [`Procs`] finds.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ProcsReport {
    /// From the first event to the last. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "duration_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub duration: Duration,
    /// The last value of GOMAXPROCS; absent if the trace has none.
    pub gomaxprocs: Option<u64>,
    /// The trace as a whole. Its duration leaves out the gaps of lenient reading, of which nothing is known.
    pub whole: ProcsWindow,
    /// How long exactly so many goroutines ran, from none up. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "parallelism_ns", serialize_with = "crate::nanos::list"))]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<u64>"))]
    pub parallelism: Vec<Duration>,
    /// The Ps, by ID.
    pub procs: Vec<ProcUse>,
    /// The length of a window. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "window_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub window: Duration,
    /// Windows of equal length in order, 128 at most.
    pub windows: Vec<ProcsWindow>,
}

/// IDs of Ps are below GOMAXPROCS; those of a damaged trace are not followed beyond this.
const MAX_PROCS: u64 = 1 << 12;

/// Sums of a window: nanoseconds times how many.
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
    fn merge(&mut self, later: Sums) {
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
    fn merge(&mut self, later: i64) {
        *self += later;
    }
}

/// What is known of a P.
#[derive(Debug, Default)]
struct Proc {
    /// Since when a thread has it, and since when a goroutine runs on it.
    running: Option<i64>,
    executing: Option<i64>,
    running_for: i64,
    executing_for: i64,
    is_gc: bool,
    over_time: OverTime<i64>,
}

/// Follows the Ps, in one pass. Memory follows their number, and the goroutines that are running or runnable.
///
/// Goroutines that are runnable when the trace starts count from when it mentions them, which each generation does when it
/// first needs to.
#[derive(Debug)]
pub struct Procs {
    range: Range<i64>,
    first: Option<i64>,
    last: i64,
    gomaxprocs: Option<u64>,
    procs: Vec<Proc>,
    /// On which P each running goroutine runs.
    homes: Arena<u64>,
    workers: Arena<()>,
    running: u64,
    runnable: u64,
    busy_procs: u64,
    gc_procs: u64,
    over_time: OverTime<Sums>,
    parallelism: Vec<i64>,
    is_in_gap: bool,
}

impl Default for Procs {
    fn default() -> Self {
        Self::new()
    }
}

fn nanos(nanos: i64) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}

impl Procs {
    /// Follows the Ps through the whole trace.
    pub fn new() -> Self {
        Procs {
            range: i64::MIN..i64::MAX,
            first: None,
            last: 0,
            gomaxprocs: None,
            procs: Vec::new(),
            homes: Arena::default(),
            workers: Arena::default(),
            running: 0,
            runnable: 0,
            busy_procs: 0,
            gc_procs: 0,
            over_time: OverTime::default(),
            parallelism: Vec::new(),
            is_in_gap: false,
        }
    }

    /// Counts only the time within a range.
    pub fn within(mut self, range: Range<Time>) -> Self {
        self.range = range.start.0..range.end.0;
        self
    }

    /// Adds the time since the last change of state to the sums.
    #[inline]
    fn advance(&mut self, now: i64) {
        let mut from = self.last.max(self.range.start);
        self.last = now;
        let to = now.min(self.range.end);
        if self.is_in_gap || from >= to {
            return;
        }
        let is_wasteful = self.runnable > 0 && self.busy_procs < self.gomaxprocs.unwrap_or(0);
        let running = self.running.min(MAX_PROCS) as usize;
        if self.parallelism.len() <= running {
            self.parallelism.resize(running + 1, 0);
        }
        self.parallelism[running] += to - from;
        while from < to {
            let (sums, next) = self.over_time.at(from);
            let part = next.min(to) - from;
            let times = |count: u64| part.saturating_mul(i64::try_from(count).unwrap_or(i64::MAX));
            sums.merge(Sums {
                length: part,
                running: times(self.running),
                runnable: times(self.runnable),
                runnable_max: self.runnable,
                procs: times(self.busy_procs),
                idle_while_runnable: if is_wasteful { part } else { 0 },
                gc: times(self.gc_procs),
            });
            from += part;
        }
    }

    /// Nothing is known until the next generation reports all states again.
    fn lose(&mut self, time: i64) {
        self.advance(time);
        self.stop(time);
        self.homes = Arena::default();
        self.workers = Arena::default();
        (self.running, self.runnable, self.gc_procs) = (0, 0, 0);
        self.is_in_gap = true;
    }

    /// Ends the open states of all Ps, so that they count up to `time`.
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

    #[inline]
    fn go_transition(&mut self, go: u64, proc: u64, from: GoState, to: GoState, time: i64) {
        match from {
            GoState::Running => {
                self.running = self.running.saturating_sub(1);
                let home = self.homes.find(go);
                let left = self.homes.get(home).copied().unwrap_or(proc);
                if home.is_some() {
                    self.homes.remove(home);
                }
                self.stop_executing(left, time);
            }
            GoState::Runnable => self.runnable = self.runnable.saturating_sub(1),
            _ => {}
        }
        match to {
            GoState::Running => {
                self.running += 1;
                let home = self.homes.find(go);
                match self.homes.get_mut(home) {
                    Some(home) => *home = proc,
                    None => drop(self.homes.insert(go, proc)),
                }
                let is_gc = self.workers.find(go).is_some();
                if let Some(proc) = self.proc(proc) {
                    proc.executing = Some(time);
                    proc.is_gc = is_gc;
                    self.gc_procs += u64::from(is_gc);
                }
            }
            GoState::Runnable => self.runnable += 1,
            GoState::NotExist => {
                let worker = self.workers.find(go);
                if worker.is_some() {
                    self.workers.remove(worker);
                }
            }
            _ => {}
        }
    }

    /// The runtime labels the workers of the garbage collector when they start to work.
    fn label(&mut self, event: &Event<'_>) {
        let record = event.record();
        if !event.text(record.text).as_bytes().starts_with(b"GC ") {
            return;
        }
        self.advance(record.time);
        if !self.workers.find(record.go).is_some() {
            self.workers.insert(record.go, ());
        }
        if let Some(proc) = self.proc(record.proc) {
            let was_gc = std::mem::replace(&mut proc.is_gc, true);
            self.gc_procs += u64::from(!was_gc);
        }
    }

    #[inline]
    fn stop_executing(&mut self, proc: u64, time: i64) {
        let (first, range) = (self.first.unwrap_or(time), self.range.clone());
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
        self.gc_procs = self.gc_procs.saturating_sub(u64::from(was_gc));
    }

    fn proc_transition(&mut self, id: u64, to: ProcState, time: i64) {
        let range = self.range.clone();
        let Some(proc) = self.proc(id) else { return };
        let was_running = proc.running.is_some();
        if let Some(since) = proc.running.take() {
            proc.running_for += (time.min(range.end) - since.max(range.start)).max(0);
        }
        proc.running = (to == ProcState::Running).then_some(time);
        let is_running = proc.running.is_some();
        self.busy_procs = self.busy_procs + u64::from(is_running) - u64::from(was_running);
    }
}

impl Observer for Procs {
    type Output = ProcsReport;

    #[inline]
    fn event(&mut self, event: &Event<'_>) {
        let record = event.record();
        let time = record.time;
        if self.first.is_none() {
            let first = time.max(self.range.start);
            (self.first, self.last) = (Some(first), time);
            self.over_time.start(first);
        }
        match record.what {
            What::GoTransition(from, to) if from != to && record.a != NONE => {
                self.advance(time);
                self.go_transition(record.a, record.proc, from, to, time);
            }
            What::ProcTransition(from, to) if from != to => {
                self.advance(time);
                self.proc_transition(record.a, to, time);
            }
            What::Label if self.homes.find(record.go).is_some() => self.label(event),
            What::GoMaxProcs => {
                self.advance(time);
                self.gomaxprocs = Some(record.a);
            }
            What::Sync => {
                self.advance(time);
                self.is_in_gap = false;
            }
            What::Gap => self.lose(time),
            _ => {}
        }
    }

    /// The trace ends with a Sync, so that all up to its end is counted.
    fn finish(mut self) -> ProcsReport {
        let (first, last) = (self.first.unwrap_or(self.last), self.last);
        self.stop(last);
        let last = last.min(self.range.end);
        let (window, windows) = self.over_time.into_windows();
        let mut whole = Sums::default();
        windows.iter().for_each(|&(_, sums)| whole.merge(sums));
        let windows: Vec<_> = windows.into_iter().map(|(start, sums)| sums.into_window(start)).collect();
        let procs =
            self.procs.into_iter().enumerate().filter(|(_, proc)| proc.running_for > 0 || proc.executing_for > 0);
        let procs = procs.map(|(id, proc)| {
            let mut utilization = vec![0.0; windows.len()];
            // Its windows may be shorter if it stopped early.
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
            parallelism: self.parallelism.into_iter().map(nanos).collect(),
            window: nanos(window),
            windows,
        }
    }
}
