//! Measures latencies: scheduling (a runnable goroutine waits for a P), system calls, network
//! waits, stop-the-world pauses, and GC work done by goroutines (mark assists and sweeps).

mod details;
mod report;

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::time::Duration;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::histogram::Histogram;
use super::names::Name;
use super::observer::Observer;
use super::over_time::OverTime;
use super::stacks::StackKey;
use super::tracker::{Follower, NEVER, Slot, Tracker, Transition};
use crate::event::record::{RangeType, Record, What};
use crate::event::{Event, GoState, ProcState, is_gc_pause};
use crate::id::{GoId, NONE, present};
use crate::sched::arena::Arena;
use crate::time::Time;
use details::{Details, Functions};
pub use report::{
    GcCost, LatencyKind, LatencyReport, LatencySeries, LatencyWindow, LongestPause, PauseLatency, SlowWait,
};

/// Distributions of durations, by time window.
#[derive(Debug, Default)]
struct Durations {
    over_time: OverTime<Histogram>,
}

impl Durations {
    #[inline]
    fn add(&mut self, start: i64, end: i64) {
        self.over_time.at(end).0.add_nanos(end - start);
    }

    fn into_series(self) -> LatencySeries {
        let (window, windows) = self.over_time.into_windows();
        let mut all = Histogram::default();
        windows.iter().for_each(|(_, durations)| all.merge(durations));
        let windows = windows.into_iter().map(|(start, durations)| LatencyWindow { start: Time(start), durations });
        LatencySeries { all, window: nanos(window), windows: windows.collect() }
    }
}

/// A range that has not ended.
#[derive(Clone, Copy, Debug)]
struct Open {
    start: i64,
    func: Name,
}

#[derive(Debug)]
struct OpenPause {
    start: i64,
    reason: Name,
    by: u64,
    stack: StackKey,
    /// The time at which the most recent P stopped during this pause, and the last goroutine that
    /// ran on it.
    last_stop: Option<(i64, Option<StoppedGoroutine>)>,
}

/// A goroutine that stopped running.
#[derive(Clone, Copy, Debug, Default)]
struct StoppedGoroutine {
    go: u64,
    func: Name,
}

/// Measures latencies, in one pass.
///
/// A latency is counted only if its start and end are in the trace, and lenient reading skipped
/// nothing in between. Memory is proportional to the number of live goroutines, of reasons of
/// pauses, and of functions that allocate.
#[derive(Debug, Default)]
pub struct Latency {
    tracker: Tracker,
    latencies: Latencies,
}

/// The latencies measured so far.
#[derive(Debug)]
pub(super) struct Latencies {
    range: Range<i64>,
    chosen: HashSet<u64, RandomState>,
    /// Data for the slowest waits and for chosen functions. `None` if neither was requested.
    details: Option<Box<Details>>,
    /// Scheduling latencies that follow a wait. All others are in `not_woken`.
    wake: Durations,
    not_woken: Durations,
    syscall: Durations,
    network: Durations,
    gc_pause: Durations,
    pause: Option<OpenPause>,
    /// By reason: the pauses, and the function of the last goroutine of the longest pause.
    pauses: IndexMap<Name, (PauseLatency, Name), RandomState>,
    /// The goroutine that last stopped running on each P.
    last_stopped: Arena<StoppedGoroutine>,
    assists: HashMap<u64, Open, RandomState>,
    sweeps: HashMap<u64, Open, RandomState>,
    costs: IndexMap<Name, GcCost, RandomState>,
}

impl Default for Latencies {
    fn default() -> Self {
        Latencies {
            range: i64::MIN..i64::MAX,
            chosen: HashSet::default(),
            details: None,
            wake: Durations::default(),
            not_woken: Durations::default(),
            syscall: Durations::default(),
            network: Durations::default(),
            gc_pause: Durations::default(),
            pause: None,
            pauses: IndexMap::default(),
            last_stopped: Arena::default(),
            assists: HashMap::default(),
            sweeps: HashMap::default(),
            costs: IndexMap::default(),
        }
    }
}

fn nanos(nanos: i64) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}

impl Latency {
    /// Creates an analysis that measures all latencies and keeps only their distributions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Also keeps the slowest waits of each [kind](LatencyKind), at most `limit` per kind.
    pub fn slowest(mut self, limit: usize) -> Self {
        if limit > 0 {
            self.latencies.details.get_or_insert_default().most = limit;
        }
        self
    }

    /// Measures only latencies that overlap a range of time, and counts only their part within the
    /// range.
    pub fn within(mut self, range: Range<Time>) -> Self {
        self.latencies.range = range.start.0..range.end.0;
        self
    }

    /// Measures only latencies of these goroutines, or of all goroutines if the list is empty. A
    /// pause belongs to the goroutine that requested it.
    pub fn goroutines(mut self, goroutines: impl IntoIterator<Item = GoId>) -> Self {
        self.latencies.chosen = goroutines.into_iter().map(|id| id.0).collect();
        self
    }

    /// Measures only waits that have a matching function in their stack, and waits of goroutines
    /// that started in a matching function. `predicate` is called once for each distinct function
    /// name.
    pub fn with_function(mut self, predicate: impl Fn(&str) -> bool + Send + 'static) -> Self {
        self.latencies.details.get_or_insert_default().functions = Some(Functions::new(Box::new(predicate)));
        self
    }
}

impl Latencies {
    /// Returns the part of a span that is within the range. `None` if the span is outside the
    /// range.
    #[inline]
    fn clip(&self, start: i64, end: i64) -> Option<(i64, i64)> {
        let (start, end) = (start.max(self.range.start), end.min(self.range.end));
        (start <= end).then_some((start, end))
    }

    #[inline]
    fn is_selected(&mut self, tracker: &Tracker, go: u64, slot: Slot) -> bool {
        let is_chosen = self.chosen.is_empty() || self.chosen.contains(&go);
        is_chosen && self.details.as_mut().is_none_or(|details| details.is_selected(tracker, slot))
    }

    fn is_selected_at(&mut self, tracker: &mut Tracker, event: &Event<'_>, go: u64) -> bool {
        let is_chosen = self.chosen.is_empty() || self.chosen.contains(&go);
        is_chosen && self.details.as_mut().is_none_or(|details| details.is_selected_at(tracker, event, go))
    }

    /// Adds the interval that the transition ends, if the goroutine is chosen.
    #[inline]
    fn measure(&mut self, tracker: &Tracker, kind: LatencyKind, transition: Transition) {
        let Transition { go, slot, since, time, .. } = transition;
        let Some((start, end)) = self.clip(since, time) else { return };
        if !self.is_selected(tracker, go, slot) {
            return;
        }
        match kind {
            LatencyKind::Scheduler if transition.previous == GoState::Waiting => self.wake.add(start, end),
            LatencyKind::Scheduler => self.not_woken.add(start, end),
            LatencyKind::Syscall => self.syscall.add(start, end),
            LatencyKind::Network => self.network.add(start, end),
            LatencyKind::Pause => {}
        }
        if let Some(details) = &mut self.details {
            details.add_if_slow(kind, go, slot, start, end);
        }
    }

    /// Records that a goroutine stops running on a P.
    #[inline]
    fn stop_running(&mut self, tracker: &mut Tracker, event: &Event<'_>) {
        let record = event.record();
        let func = if self.pause.is_some() { tracker.names.outside(event, record.stack) } else { Name::EMPTY };
        let last = self.last_stopped.find(record.proc);
        match self.last_stopped.get_mut(last) {
            Some(stopped) => (stopped.go, stopped.func) = (record.a, func),
            None => drop(self.last_stopped.insert(record.proc, StoppedGoroutine { go: record.a, func })),
        }
    }

    /// Discards open pauses, mark assists, sweeps and waits at a gap. After the gap, all states are
    /// unknown until the next generation reports them.
    fn lose(&mut self) {
        self.pause = None;
        self.last_stopped = Arena::default();
        self.assists.clear();
        self.sweeps.clear();
        if let Some(details) = &mut self.details {
            details.lose();
        }
    }

    fn start(&mut self, tracker: &mut Tracker, event: &Event<'_>, range: RangeType) {
        let record = event.record();
        match range {
            RangeType::StopTheWorld if self.is_selected_at(tracker, event, record.a) => {
                let reason = tracker.names.of(event, record.text);
                let stack = match self.details {
                    Some(_) => tracker.stacks.of(event, record.stack, &mut tracker.names),
                    None => StackKey::EMPTY,
                };
                self.pause = Some(OpenPause { start: record.time, reason, by: record.a, stack, last_stop: None });
            }
            RangeType::GcMarkAssist if self.is_selected_at(tracker, event, record.a) => {
                let open = Open { start: record.time, func: tracker.names.outside(event, record.stack) };
                self.assists.insert(record.a, open);
            }
            RangeType::GcSweep if self.is_selected_at(tracker, event, record.go) => {
                let open = Open { start: record.time, func: tracker.names.outside(event, record.stack) };
                self.sweeps.insert(record.a, open);
            }
            _ => {}
        }
    }

    fn end(&mut self, tracker: &mut Tracker, record: &Record, range: RangeType) {
        let open = match range {
            RangeType::StopTheWorld => return self.end_pause(tracker, record.time),
            RangeType::GcMarkAssist => self.assists.remove(&record.a),
            RangeType::GcSweep => self.sweeps.remove(&record.a),
            RangeType::GcMark => return,
        };
        let Some(Open { start, func }) = open else { return };
        let Some((start, end)) = self.clip(start, record.time) else { return };
        let cost = self.costs.entry(func).or_default();
        match range {
            RangeType::GcMarkAssist => cost.assists.add_nanos(end - start),
            _ => cost.sweeps.add_nanos(end - start),
        }
    }

    fn end_pause(&mut self, tracker: &mut Tracker, end: i64) {
        let Some(pause) = self.pause.take() else { return };
        let Some((start, end)) = self.clip(pause.start, end) else { return };
        let (stop, stopped) = pause.last_stop.unwrap_or((pause.start, None));
        let stop = stop.clamp(start, end);
        if is_gc_pause(tracker.names.bytes(pause.reason)) {
            self.gc_pause.add(start, end);
        }
        if let Some(details) = &mut self.details {
            let slot = tracker.find(pause.by);
            details.add_pause_if_slow(pause.by, slot, start, end, pause.reason, pause.stack);
        }
        let (pauses, func) = self.pauses.entry(pause.reason).or_default();
        pauses.total.add_nanos(end - start);
        pauses.time_to_stop.add_nanos(stop - start);
        pauses.stopped.add_nanos(end - stop);
        let duration = nanos(end - start);
        if pauses.longest.as_ref().is_none_or(|longest| longest.duration < duration) {
            *func = stopped.map_or(Name::EMPTY, |stopped| stopped.func);
            pauses.longest = Some(LongestPause {
                start: Time(start),
                duration,
                time_to_stop: nanos(stop - start),
                goroutine: present(pause.by).map(GoId),
                last_goroutine: stopped.map(|stopped| GoId(stopped.go)),
                last_function: None,
            });
        }
    }

    /// Handles a Sync. The first Sync starts the first window of each series. Later ones have no
    /// effect.
    fn sync(&mut self, time: i64) {
        let start = time.max(self.range.start);
        let Latencies { wake, not_woken, syscall, network, gc_pause, .. } = self;
        for series in [wake, not_woken, syscall, network, gc_pause] {
            series.over_time.start(start);
        }
    }

    pub fn into_report(self, tracker: &Tracker) -> LatencyReport {
        let names = &tracker.names;
        let text = |name: Name| (name != Name::EMPTY).then(|| names.text(name));
        let mut pauses: Vec<PauseLatency> = Vec::new();
        for (reason, (mut pause, func)) in self.pauses {
            pause.reason = names.text(reason);
            pause.longest.iter_mut().for_each(|longest| longest.last_function = text(func));
            pauses.push(pause);
        }
        pauses.sort_by(|a, b| b.total.sum().cmp(&a.total.sum()).then_with(|| a.reason.cmp(&b.reason)));
        let mut gc_costs: Vec<GcCost> =
            self.costs.into_iter().map(|(func, cost)| GcCost { function: text(func), ..cost }).collect();
        let sum = |cost: &GcCost| cost.assists.sum() + cost.sweeps.sum();
        gc_costs.sort_by(|a, b| sum(b).cmp(&sum(a)).then_with(|| a.function.cmp(&b.function)));
        let mut scheduler = self.not_woken;
        scheduler.over_time.merge(&self.wake.over_time);
        LatencyReport {
            scheduler: scheduler.into_series(),
            wake: self.wake.into_series(),
            syscall: self.syscall.into_series(),
            network: self.network.into_series(),
            gc_pause: self.gc_pause.into_series(),
            pauses,
            gc_costs,
            slowest: self.details.map_or_else(Vec::new, |details| details.into_slowest(tracker)),
        }
    }
}

impl Follower for Latencies {
    #[inline(always)]
    fn transition(&mut self, tracker: &mut Tracker, event: &Event<'_>, transition: Transition) {
        let Transition { from, to, .. } = transition;
        // If the goroutine entered the state before the trace started, the duration is unknown.
        if transition.since != NEVER && transition.previous != GoState::Undetermined {
            let kind = match from {
                GoState::Runnable if to == GoState::Running => Some(LatencyKind::Scheduler),
                GoState::Syscall => Some(LatencyKind::Syscall),
                GoState::Waiting if transition.reason == Name::NETWORK => Some(LatencyKind::Network),
                _ => None,
            };
            if let Some(kind) = kind {
                self.measure(tracker, kind, transition);
            }
        }
        if let Some(details) = &mut self.details {
            details.enter(tracker, event, transition);
        }
        if from == GoState::Running && event.record().proc != NONE {
            self.stop_running(tracker, event);
        }
    }

    #[inline(never)]
    fn other(&mut self, tracker: &mut Tracker, event: &Event<'_>) {
        let record = event.record();
        match record.what {
            What::ProcTransition(ProcState::Running, ProcState::Idle) => {
                if let Some(pause) = &mut self.pause {
                    let last = self.last_stopped.find(record.a);
                    pause.last_stop = Some((record.time, self.last_stopped.get(last).copied()));
                }
            }
            What::RangeBegin(range) => self.start(tracker, event, range),
            What::RangeEnd(range) => self.end(tracker, record, range),
            What::Gap => self.lose(),
            What::Sync => self.sync(record.time),
            _ => {}
        }
    }
}

impl Observer for Latency {
    type Output = LatencyReport;

    #[inline]
    fn event(&mut self, event: &Event<'_>) {
        self.tracker.show(event, &mut self.latencies);
    }

    fn finish(self) -> LatencyReport {
        self.latencies.into_report(&self.tracker)
    }
}
