//! How long things take: until a goroutine that is ready runs, in system calls, for the network, with the world stopped, in
//! the service of the collector.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::histogram::Histogram;
use super::names::{Name, Names};
use super::observer::Observer;
use super::over_time::OverTime;
use crate::event::record::{RangeType, Record, What};
use crate::event::{Event, GoState, ProcState, is_gc_pause};
use crate::id::{GoId, NONE, present};
use crate::sched::arena::Arena;
use crate::time::Time;

/// A distribution of durations in nanoseconds, of the whole trace and in the course of it. A duration belongs to the window in
/// which it ends.
#[derive(Clone, Debug, Default)]
pub struct LatencySeries {
    /// All.
    pub all: Histogram,
    /// How long a window is, in nanoseconds. There are 128 at most.
    pub window: i64,
    /// Windows of equal length, with the time at which each begins.
    pub windows: Vec<(Time, Histogram)>,
}

/// Stop-the-world pauses for one reason.
#[derive(Clone, Debug, Default)]
pub struct Pauses {
    /// The reason, such as `GC mark termination`.
    pub reason: String,
    /// From the begin to the end of the pause.
    pub total: Histogram,
    /// From the begin until the last P stopped.
    pub to_stop: Histogram,
    /// From when the last P stopped to the end.
    pub stopped: Histogram,
    /// The longest.
    pub longest: Option<Pause>,
}

/// A stop-the-world pause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// When it began.
    pub begin: Time,
    /// How long it was, in nanoseconds.
    pub total: i64,
    /// How long it took until the last P stopped, in nanoseconds: 0 if no P ran but that of the goroutine that asked for it.
    pub to_stop: i64,
    /// The goroutine that asked for it.
    pub by: Option<GoId>,
    /// The goroutine that ran last on the P that stopped last, if one stopped.
    pub last: Option<GoId>,
    /// Where that goroutine was as it stopped: the innermost function outside of package `runtime`; empty if not known.
    pub last_func: String,
}

/// What a function paid for the collector, by its allocations. Durations in nanoseconds.
#[derive(Clone, Debug, Default)]
pub struct GcCost {
    /// The innermost function outside of package `runtime`; empty where the trace gives no stack.
    pub func: String,
    /// Mark assists.
    pub assists: Histogram,
    /// Sweeps.
    pub sweeps: Histogram,
}

/// What [`Latencies`] finds.
#[derive(Clone, Debug, Default)]
pub struct LatencyReport {
    /// From ready to running, for whatever reason a goroutine was ready.
    pub scheduler: LatencySeries,
    /// From ready to running of those that were woken: the wait for a P behind the one for something else.
    pub wake: LatencySeries,
    /// In a system call.
    pub syscall: LatencySeries,
    /// Waiting for the network.
    pub network: LatencySeries,
    /// With the world stopped for the collector.
    pub gc_pause: LatencySeries,
    /// Pauses by reason, those with the longest time in all first.
    pub pauses: Vec<Pauses>,
    /// Assists and sweeps by function, the dearest first.
    pub costs: Vec<GcCost>,
}

#[derive(Debug, Default)]
struct Gathered {
    all: Histogram,
    over_time: OverTime<Histogram>,
}

impl Gathered {
    fn add(&mut self, begin: i64, end: i64) {
        self.all.add_nanos(end - begin);
        self.over_time.at(end).0.add_nanos(end - begin);
    }

    fn into_series(self) -> LatencySeries {
        let (window, windows) = self.over_time.into_windows();
        LatencySeries { all: self.all, window, windows: windows.into_iter().map(|(at, h)| (Time(at), h)).collect() }
    }
}

/// What is known of a goroutine: since when it is in a state, and from which it came.
#[derive(Clone, Copy, Debug, Default)]
struct Since {
    time: i64,
    from: GoState,
    is_network: bool,
}

/// An open range.
#[derive(Clone, Copy, Debug)]
struct Open {
    begin: i64,
    func: Name,
}

#[derive(Debug)]
struct OpenPause {
    begin: i64,
    reason: Name,
    by: u64,
    /// When the last P stopped, and who had been there.
    last_stop: Option<(i64, Option<Leaver>)>,
}

/// Who stopped running.
#[derive(Clone, Copy, Debug)]
struct Leaver {
    go: u64,
    func: Name,
}

/// Measures how long things take, in one pass.
///
/// Only what begins and ends within the trace is counted, and on the same side of a gap of lenient reading. Memory follows the goroutines that are alive, the reasons of pauses, and
/// the functions that allocate.
#[derive(Debug, Default)]
pub struct Latencies {
    names: Names,
    goroutines: Arena<Since>,
    scheduler: Gathered,
    wake: Gathered,
    syscall: Gathered,
    network: Gathered,
    gc_pause: Gathered,
    pause: Option<OpenPause>,
    pauses: IndexMap<Name, (Pauses, Name), RandomState>,
    /// Who ran last on each P.
    leavers: HashMap<u64, Leaver, RandomState>,
    assists: HashMap<u64, Open, RandomState>,
    sweeps: HashMap<u64, Open, RandomState>,
    costs: IndexMap<Name, GcCost, RandomState>,
}

impl Latencies {
    /// Measures from here on.
    pub fn new() -> Self {
        Self::default()
    }

    #[inline]
    fn go_transition(&mut self, event: &Event<'_>, from: GoState, to: GoState) {
        let record = event.record();
        let time = record.time;
        let index = self.goroutines.find(record.a);
        let before = self.goroutines.get(index).copied();
        if let Some(since) = before {
            match from {
                GoState::Runnable if to == GoState::Running => {
                    self.scheduler.add(since.time, time);
                    if since.from == GoState::Waiting {
                        self.wake.add(since.time, time);
                    }
                }
                GoState::Syscall => self.syscall.add(since.time, time),
                GoState::Waiting if since.is_network => self.network.add(since.time, time),
                _ => {}
            }
        }
        if from == GoState::Running && record.proc != NONE {
            let func = if self.pause.is_some() { self.names.outside(event, record.stack) } else { Name::EMPTY };
            self.leavers.insert(record.proc, Leaver { go: record.a, func });
        }
        match to {
            GoState::NotExist if index.is_some() => self.goroutines.remove(index),
            // Since when it is in the state that a trace begins with is not known.
            GoState::Runnable | GoState::Syscall | GoState::Waiting if from != GoState::Undetermined => {
                let is_network = to == GoState::Waiting && event.text(record.text) == "network";
                let since = Since { time, from, is_network };
                match self.goroutines.get_mut(index) {
                    Some(known) => *known = since,
                    None => {
                        self.goroutines.insert(record.a, since);
                    }
                }
            }
            _ => {}
        }
    }

    /// Nothing is known of anyone until the next generation tells anew.
    fn lose(&mut self) {
        self.goroutines = Arena::default();
        self.pause = None;
        self.leavers.clear();
        self.assists.clear();
        self.sweeps.clear();
    }

    fn begin(&mut self, event: &Event<'_>, range: RangeType) {
        let record = event.record();
        let open = |names: &mut Names| Open { begin: record.time, func: names.outside(event, record.stack) };
        match range {
            RangeType::StopTheWorld => {
                let reason = self.names.of(event, record.text);
                self.pause = Some(OpenPause { begin: record.time, reason, by: record.a, last_stop: None });
            }
            RangeType::GcMarkAssist => {
                self.assists.insert(record.a, open(&mut self.names));
            }
            RangeType::GcSweep => {
                self.sweeps.insert(record.a, open(&mut self.names));
            }
            RangeType::GcMark => {}
        }
    }

    fn end(&mut self, record: &Record, range: RangeType) {
        match range {
            RangeType::StopTheWorld => self.end_pause(record.time),
            RangeType::GcMarkAssist => {
                if let Some(open) = self.assists.remove(&record.a) {
                    self.costs.entry(open.func).or_default().assists.add_nanos(record.time - open.begin);
                }
            }
            RangeType::GcSweep => {
                if let Some(open) = self.sweeps.remove(&record.a) {
                    self.costs.entry(open.func).or_default().sweeps.add_nanos(record.time - open.begin);
                }
            }
            RangeType::GcMark => {}
        }
    }

    fn end_pause(&mut self, end: i64) {
        let Some(pause) = self.pause.take() else { return };
        let (stop, leaver) = pause.last_stop.unwrap_or((pause.begin, None));
        let total = end - pause.begin;
        if is_gc_pause(self.names.bytes(pause.reason)) {
            self.gc_pause.add(pause.begin, end);
        }
        let (pauses, func) = self.pauses.entry(pause.reason).or_default();
        pauses.total.add_nanos(total);
        pauses.to_stop.add_nanos(stop - pause.begin);
        pauses.stopped.add_nanos(end - stop);
        if pauses.longest.as_ref().is_none_or(|longest| longest.total < total) {
            *func = leaver.map_or(Name::EMPTY, |leaver| leaver.func);
            pauses.longest = Some(Pause {
                begin: Time(pause.begin),
                total,
                to_stop: stop - pause.begin,
                by: present(pause.by).map(GoId),
                last: leaver.map(|leaver| GoId(leaver.go)),
                last_func: String::new(),
            });
        }
    }
}

impl Observer for Latencies {
    type Output = LatencyReport;

    #[inline]
    fn event(&mut self, event: &Event<'_>) {
        let record = event.record();
        match record.what {
            What::GoTransition(from, to) if from != to && record.a != NONE => self.go_transition(event, from, to),
            What::ProcTransition(ProcState::Running, ProcState::Idle) => {
                if let Some(pause) = &mut self.pause {
                    pause.last_stop = Some((record.time, self.leavers.get(&record.a).copied()));
                }
            }
            What::RangeBegin(range) => self.begin(event, range),
            What::RangeEnd(range) => self.end(record, range),
            What::Gap => self.lose(),
            What::Sync => {
                self.names.forget_ids();
                for series in
                    [&mut self.scheduler, &mut self.wake, &mut self.syscall, &mut self.network, &mut self.gc_pause]
                {
                    series.over_time.begin(record.time);
                }
            }
            _ => {}
        }
    }

    fn finish(self) -> LatencyReport {
        let names = self.names;
        let mut pauses: Vec<Pauses> = Vec::new();
        for (reason, (mut kind, func)) in self.pauses {
            kind.reason = names.text(reason);
            kind.longest.iter_mut().for_each(|longest| longest.last_func = names.text(func));
            pauses.push(kind);
        }
        pauses.sort_by(|a, b| b.total.sum().cmp(&a.total.sum()).then_with(|| a.reason.cmp(&b.reason)));
        let mut costs: Vec<GcCost> =
            self.costs.into_iter().map(|(func, cost)| GcCost { func: names.text(func), ..cost }).collect();
        let sum = |cost: &GcCost| cost.assists.sum().saturating_add(cost.sweeps.sum());
        costs.sort_by(|a, b| sum(b).cmp(&sum(a)).then_with(|| a.func.cmp(&b.func)));
        LatencyReport {
            scheduler: self.scheduler.into_series(),
            wake: self.wake.into_series(),
            syscall: self.syscall.into_series(),
            network: self.network.into_series(),
            gc_pause: self.gc_pause.into_series(),
            pauses,
            costs,
        }
    }
}
