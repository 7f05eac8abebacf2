//! Computes which fraction of the processors the program has over time. The garbage collector has
//! the rest.
//!
//! The rules are the same as in `MmuReportV2` of Go's `src/internal/trace/gc.go`.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

use super::{MmuReport, UtilizationPoint};
use crate::analysis::observer::Observer;
use crate::event::record::{RangeType, Record, What};
use crate::event::{Event, GoState, is_gc_pause};
use crate::id::NONE;
use crate::time::Time;

/// Options that define which work counts as garbage collection, and whether each P is reported
/// separately. The defaults are the same as in `go tool trace`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct MmuOptions {
    /// Whether to report a series for each P instead of a single series over all Ps. Off by
    /// default.
    pub per_proc: bool,
    /// Whether stop-the-world pauses of the GC count. These are the pauses whose reason contains
    /// `GC`. On by default.
    pub stop_the_world: bool,
    /// Whether background mark workers count, except idle workers. With `per_proc`, dedicated
    /// workers do not count either, because no goroutine waits on their P. On by default.
    pub background: bool,
    /// Whether mark assists count. On by default.
    pub assists: bool,
    /// Whether sweeping counts. Off by default.
    pub sweeps: bool,
}

impl Default for MmuOptions {
    fn default() -> Self {
        MmuOptions { per_proc: false, stop_the_world: true, background: true, assists: true, sweeps: false }
    }
}

impl MmuOptions {
    /// Sets [`per_proc`](Self::per_proc).
    pub fn per_proc(mut self, counts: bool) -> Self {
        self.per_proc = counts;
        self
    }

    /// Sets [`stop_the_world`](Self::stop_the_world).
    pub fn stop_the_world(mut self, counts: bool) -> Self {
        self.stop_the_world = counts;
        self
    }

    /// Sets [`background`](Self::background).
    pub fn background(mut self, counts: bool) -> Self {
        self.background = counts;
        self
    }

    /// Sets [`assists`](Self::assists).
    pub fn assists(mut self, counts: bool) -> Self {
        self.assists = counts;
        self
    }

    /// Sets [`sweeps`](Self::sweeps).
    pub fn sweeps(mut self, counts: bool) -> Self {
        self.sweeps = counts;
        self
    }
}

/// The maximum GOMAXPROCS. A damaged trace may have any value.
const MAX_PROCS: u64 = 1 << 12;

/// The maximum number of changes to keep. With `per_proc`, a pause causes two changes for each P.
const MAX_CHANGES: usize = 1 << 26;

/// Computes the mutator utilization over time in one pass.
///
/// Memory use is proportional to the number of changes of the utilization, two numbers each, and to
/// the number of goroutines in the first generation. In a gap of lenient reading, the program
/// counts as having all processors.
#[derive(Debug)]
pub struct Mmu {
    options: MmuOptions,
    series: Vec<Vec<UtilizationPoint>>,
    changes: usize,
    procs: Vec<Proc>,
    /// The changes of GOMAXPROCS: the time and the new value.
    procs_changes: Vec<(i64, usize)>,
    /// The number of Ps that the GC uses.
    busy: usize,
    stopped: i64,
    /// The goroutines in a mark assist, and the background workers.
    assisting: HashSet<u64, RandomState>,
    workers: HashSet<u64, RandomState>,
    /// Small Bloom filters of the two sets, by ID modulo 64. Most transitions are of goroutines in
    /// neither set. The filter of assisting goroutines is reset when the set becomes empty.
    assisting_filter: u64,
    worker_filter: u64,
    /// Whether each goroutine is running. Only kept while ranges may be reported late.
    executing: HashMap<u64, bool, RandomState>,
    generation: u64,
    /// The last generation in which active ranges may be reported late. This happens in the first
    /// generation and in the first generation after a gap.
    late_until: u64,
    is_in_gap: bool,
    /// The ranges that were reported late, as pairs: the number of points at the start of the first
    /// series that the ranges cover, and the number of ranges.
    late: Vec<(usize, u32)>,
    last: Option<i64>,
    /// Whether the last points of all series are up to date.
    settled: bool,
}

#[derive(Clone, Debug)]
struct Proc {
    /// The number of active GC ranges and workers on this P. The GC uses the P if this is above 0.
    gc: i64,
    series: usize,
}

impl Mmu {
    /// Returns an analysis with the given options.
    pub fn new(options: MmuOptions) -> Self {
        Mmu {
            options,
            series: Vec::new(),
            changes: 0,
            procs: Vec::new(),
            procs_changes: Vec::new(),
            busy: 0,
            stopped: 0,
            assisting: HashSet::default(),
            workers: HashSet::default(),
            assisting_filter: 0,
            worker_filter: 0,
            executing: HashMap::default(),
            generation: 0,
            late_until: 1,
            is_in_gap: false,
            late: Vec::new(),
            last: None,
            settled: true,
        }
    }

    /// Sets GOMAXPROCS from `time` on.
    fn set_procs(&mut self, procs: u64, time: i64) {
        let procs = procs.min(MAX_PROCS) as usize;
        if self.procs.len() > procs {
            for proc in self.procs.drain(procs..) {
                self.busy -= usize::from(proc.gc > 0);
                if self.options.per_proc {
                    add(&mut self.series[proc.series], &mut self.changes, point(time, 0.0));
                }
            }
        }
        while self.procs.len() < procs {
            let mut series = 0;
            if self.options.per_proc || self.series.is_empty() {
                series = self.series.len();
                self.series.push(vec![point(time, 1.0)]);
            }
            self.procs.push(Proc { gc: 0, series });
        }
        if self.procs_changes.last().is_none_or(|&(_, n)| n != procs) {
            self.procs_changes.push((time, procs));
        }
        self.settled = false;
    }

    fn change(&mut self, proc: u64, by: i64) {
        let Some(proc) = usize::try_from(proc).ok().and_then(|proc| self.procs.get_mut(proc)) else { return };
        let was_busy = proc.gc > 0;
        proc.gc += by;
        self.busy = self.busy + usize::from(proc.gc > 0) - usize::from(was_busy);
        self.settled = false;
    }

    #[inline]
    fn go_transition(&mut self, record: &Record, from: GoState, to: GoState) {
        let go = record.a;
        if (self.assisting_filter | self.worker_filter) & filter_bit(go) != 0
            && from.is_executing() != to.is_executing()
            && (self.assisting.contains(&go) || self.workers.contains(&go))
        {
            self.change(record.proc, if to.is_executing() { 1 } else { -1 });
        }
        if self.generation <= self.late_until {
            match to {
                GoState::NotExist => self.executing.remove(&go),
                _ => self.executing.insert(go, to.is_executing()),
            };
        }
    }

    fn range(&mut self, event: &Event<'_>, range: RangeType, starts: bool) {
        let record = event.record();
        let by = if starts { 1 } else { -1 };
        match range {
            RangeType::StopTheWorld
                if self.options.stop_the_world && is_gc_pause(event.text(record.text).as_bytes()) =>
            {
                self.stopped += by;
                self.settled = false;
            }
            RangeType::GcSweep if self.options.sweeps => self.change(record.proc, by),
            RangeType::GcMarkAssist if self.options.assists => {
                self.change(record.proc, by);
                match starts {
                    true if record.a != NONE => {
                        self.assisting.insert(record.a);
                        self.assisting_filter |= filter_bit(record.a);
                    }
                    _ => {
                        self.assisting.remove(&record.a);
                        if self.assisting.is_empty() {
                            self.assisting_filter = 0;
                        }
                    }
                }
            }
            _ => {}
        }
    }

    /// Handles a range that was already active but is reported late. A range that was active before
    /// the trace counts from the start of the trace. A range that was active before the end of a
    /// gap counts from now.
    fn was_on(&mut self, event: &Event<'_>, range: RangeType) {
        let runs = || self.executing.get(&event.record().go) == Some(&true);
        let counts = match range {
            RangeType::GcMarkAssist => self.options.assists && runs(),
            RangeType::GcSweep => self.options.sweeps,
            _ => false,
        };
        if counts && !self.options.per_proc && self.generation <= 1 {
            // Update the last point now, because the next point is compared with it. The previous
            // points are updated at the end.
            let procs = self.procs_at_last_point();
            if let Some((last, before)) = self.series[0].split_last_mut() {
                last.utilization = less(last.utilization, 1, procs);
                match self.late.last_mut() {
                    Some((points, times)) if *points == before.len() => *times += 1,
                    _ => self.late.push((before.len(), 1)),
                }
            }
        }
        self.range(event, range, true);
    }

    /// Returns GOMAXPROCS just before the last point of the first series.
    fn procs_at_last_point(&self) -> usize {
        let time = self.series[0].last().map_or(0, |point| point.time.0);
        let next = self.procs_changes.partition_point(|&(change, _)| change < time);
        self.procs_changes[next.saturating_sub(1)].1
    }

    /// Subtracts the ranges that were reported late from all points that they cover.
    fn settle_late(&mut self) {
        let Some(points) = self.series.first_mut() else { return };
        let mut changes = self.procs_changes.iter().rev().peekable();
        let mut late = self.late.iter().rev().peekable();
        let mut times = 0;
        let end = late.peek().map_or(0, |&&(end, _)| end);
        for (place, point) in points[..end].iter_mut().enumerate().rev() {
            while let Some((_, more)) = late.next_if(|&&(end, _)| place < end) {
                times += more;
            }
            while changes.len() > 1 && changes.next_if(|&&(time, _)| time >= point.time.0).is_some() {}
            let procs = changes.peek().map_or(1, |&&(_, procs)| procs);
            point.utilization = less(point.utilization, times, procs);
        }
    }

    /// Handles a gap. All states are unknown until the next generation reports them.
    fn lose(&mut self) {
        for proc in &mut self.procs {
            proc.gc = 0;
        }
        (self.busy, self.stopped, self.settled, self.is_in_gap) = (0, 0, false, true);
        self.assisting.clear();
        self.workers.clear();
        self.executing.clear();
    }

    fn sync(&mut self, generation: u64) {
        self.generation = generation;
        if std::mem::take(&mut self.is_in_gap) {
            self.late_until = generation;
        }
        if generation > self.late_until {
            self.executing.clear();
        }
    }

    fn label(&mut self, event: &Event<'_>) {
        let record = event.record();
        let label = event.text(record.text).as_bytes();
        let is_dedicated = label == b"GC (dedicated)";
        if self.options.background
            && label.starts_with(b"GC ")
            && label != b"GC (idle)"
            && !(self.options.per_proc && is_dedicated)
        {
            self.workers.insert(record.go);
            self.worker_filter |= filter_bit(record.go);
            self.change(record.proc, 1);
        }
    }

    /// Adds points for the current utilization.
    fn settle(&mut self, time: i64) {
        self.settled = true;
        if !self.options.per_proc {
            let gc = if self.stopped > 0 { self.procs.len() } else { self.busy };
            let util = 1.0 - gc as f64 / self.procs.len() as f64;
            self.settled = add(&mut self.series[0], &mut self.changes, point(time, util));
            return;
        }
        for proc in &self.procs {
            let util = if self.stopped > 0 || proc.gc > 0 { 0.0 } else { 1.0 };
            self.settled &= add(&mut self.series[proc.series], &mut self.changes, point(time, util));
        }
    }
}

/// Returns the bit of a goroutine in a Bloom filter.
fn filter_bit(go: u64) -> u64 {
    1 << (go % 64)
}

fn point(time: i64, utilization: f64) -> UtilizationPoint {
    UtilizationPoint { time: Time(time), utilization }
}

/// Returns the utilization if the program has `taken` processors fewer.
fn less(util: f64, taken: u32, procs: usize) -> f64 {
    (util - f64::from(taken) / procs as f64).max(0.0)
}

/// Adds a point if the utilization changes. Of two points at one time, the lower utilization is
/// kept. Returns whether the last point now has the utilization of `point`.
fn add(series: &mut Vec<UtilizationPoint>, changes: &mut usize, point: UtilizationPoint) -> bool {
    if let Some(last) = series.last_mut() {
        if last.utilization == point.utilization {
            return true;
        }
        if last.time == point.time {
            let is_lower = point.utilization < last.utilization;
            if is_lower {
                *last = point;
            }
            return is_lower;
        }
    }
    if *changes < MAX_CHANGES {
        *changes += 1;
        series.push(point);
    }
    true
}

impl Observer for Mmu {
    type Output = MmuReport;

    #[inline]
    fn event(&mut self, event: &Event<'_>) {
        let record = event.record();
        let time = record.time;
        self.last = Some(time);
        match record.what {
            What::Sync => self.sync(record.a),
            What::GoMaxProcs => self.set_procs(record.a, time),
            // Ignore events until GOMAXPROCS is known, which is near the start of the trace.
            _ if self.procs.is_empty() => return,
            What::GoTransition(from, to) => self.go_transition(record, from, to),
            What::RangeBegin(range) => self.range(event, range, true),
            What::RangeEnd(range) => self.range(event, range, false),
            What::Gap => self.lose(),
            // Events in later generations only repeat known ranges.
            What::RangeActive(range) if self.generation <= self.late_until => self.was_on(event, range),
            What::Label => self.label(event),
            _ => {}
        }
        if !self.settled && !self.procs.is_empty() {
            self.settle(time);
        }
    }

    /// Ends each series with utilization 0 at the last event.
    fn finish(mut self) -> MmuReport {
        self.settle_late();
        if let Some(time) = self.last {
            for proc in &self.procs {
                add(&mut self.series[proc.series], &mut self.changes, point(time, 0.0));
            }
        }
        MmuReport::new(self.series)
    }
}
