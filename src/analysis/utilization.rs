//! How much of the processors the program itself has at each moment, the rest being the garbage collector's.
//!
//! The rules are those of Go's `src/internal/trace/gc.go`, `MutatorUtilizationV2`.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

use super::mmu::{MutatorUtil, MutatorUtilization};
use super::observer::Observer;
use crate::event::record::{RangeType, Record, What};
use crate::event::{Event, GoState, is_gc_pause};
use crate::id::NONE;

/// What counts as work of the garbage collector, and for whom. The default is that of `go tool trace`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UtilFlags {
    /// A function for each P, instead of one in which each P has its share.
    pub per_proc: bool,
    /// Stop-the-world pauses of the GC: those whose reason contains `GC`.
    pub stw: bool,
    /// Background mark workers, idle ones excepted; with `per_proc` dedicated ones too, which leave no goroutine on their P to wait.
    pub background: bool,
    /// Mark assists.
    pub assist: bool,
    /// Sweeping.
    pub sweep: bool,
}

impl Default for UtilFlags {
    fn default() -> Self {
        UtilFlags { per_proc: false, stw: true, background: true, assist: true, sweep: false }
    }
}

/// The largest GOMAXPROCS that is believed: a damaged trace may claim any.
const MAX_PROCS: u64 = 1 << 12;

/// So many changes are kept; with `per_proc`, a pause makes two for each P.
const MAX_CHANGES: usize = 1 << 26;

/// Finds the mutator utilization over time, in one pass.
///
/// Memory follows the number of its changes, two numbers each, and the goroutines that are alive in the first
/// generation. In a gap of lenient reading the program counts as having all processors.
#[derive(Debug)]
pub struct Utilization {
    flags: UtilFlags,
    series: Vec<Vec<MutatorUtil>>,
    changes: usize,
    procs: Vec<Proc>,
    /// When GOMAXPROCS changed, and to what.
    procs_changes: Vec<(i64, usize)>,
    /// How many Ps the GC has.
    busy: usize,
    stopped: i64,
    /// Goroutines in a mark assist, and background workers.
    assisting: HashSet<u64, RandomState>,
    workers: HashSet<u64, RandomState>,
    /// For each remainder of an ID whether such a goroutine is, or was, in one of them: most transitions are of others.
    suspects: u64,
    /// Who executes, as long as it matters.
    executing: HashMap<u64, bool, RandomState>,
    generation: u64,
    /// Up to which generation ranges are told late that were on before: the first one, and the first behind a gap.
    late_until: u64,
    is_in_gap: bool,
    /// Before how many of the first series' points a range was on that was told late, and how many were.
    late: Vec<(usize, u32)>,
    last: Option<i64>,
    /// Whether the last points of all series say how things are.
    settled: bool,
}

#[derive(Clone, Debug)]
struct Proc {
    /// Above 0 the GC is active on this P.
    gc: i64,
    series: usize,
}

impl Utilization {
    /// Counts what the flags say.
    pub fn new(flags: UtilFlags) -> Self {
        Utilization {
            flags,
            series: Vec::new(),
            changes: 0,
            procs: Vec::new(),
            procs_changes: Vec::new(),
            busy: 0,
            stopped: 0,
            assisting: HashSet::default(),
            workers: HashSet::default(),
            suspects: 0,
            executing: HashMap::default(),
            generation: 0,
            late_until: 1,
            is_in_gap: false,
            late: Vec::new(),
            last: None,
            settled: true,
        }
    }

    /// GOMAXPROCS is so many from here on.
    fn set_procs(&mut self, procs: u64, time: i64) {
        let procs = procs.min(MAX_PROCS) as usize;
        if self.procs.len() > procs {
            for proc in self.procs.drain(procs..) {
                self.busy -= usize::from(proc.gc > 0);
                if self.flags.per_proc {
                    add(&mut self.series[proc.series], &mut self.changes, MutatorUtil { time, util: 0.0 });
                }
            }
        }
        while self.procs.len() < procs {
            let mut series = 0;
            if self.flags.per_proc || self.series.is_empty() {
                series = self.series.len();
                self.series.push(vec![MutatorUtil { time, util: 1.0 }]);
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

    fn suspect(&mut self, go: u64) {
        self.suspects |= 1 << (go % 64);
    }

    fn go_transition(&mut self, record: &Record, from: GoState, to: GoState) {
        let go = record.a;
        if self.suspects & (1 << (go % 64)) != 0
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

    fn range(&mut self, event: &Event<'_>, range: RangeType, begins: bool) {
        let record = event.record();
        let by = if begins { 1 } else { -1 };
        match range {
            RangeType::StopTheWorld if self.flags.stw && is_gc_pause(event.text(record.text).as_bytes()) => {
                self.stopped += by;
                self.settled = false;
            }
            RangeType::GcSweep if self.flags.sweep => self.change(record.proc, by),
            RangeType::GcMarkAssist if self.flags.assist => {
                self.change(record.proc, by);
                match begins {
                    true if record.a != NONE => {
                        self.assisting.insert(record.a);
                        self.suspect(record.a);
                    }
                    _ => {
                        self.assisting.remove(&record.a);
                    }
                }
            }
            _ => {}
        }
    }

    /// A range that was on before the trace began is told late: it counts from the begin. One that was on before a gap
    /// ended counts from here.
    fn was_on(&mut self, event: &Event<'_>, range: RangeType) {
        let runs = || self.executing.get(&event.record().go) == Some(&true);
        let counts = match range {
            RangeType::GcMarkAssist => self.flags.assist && runs(),
            RangeType::GcSweep => self.flags.sweep,
            _ => false,
        };
        if counts && !self.flags.per_proc && self.generation <= 1 {
            // The last point is what the next is compared with; those before it wait for the end.
            let procs = self.procs_at_last_point();
            if let Some((last, before)) = self.series[0].split_last_mut() {
                last.util = less(last.util, 1, procs);
                match self.late.last_mut() {
                    Some((points, times)) if *points == before.len() => *times += 1,
                    _ => self.late.push((before.len(), 1)),
                }
            }
        }
        self.range(event, range, true);
    }

    /// GOMAXPROCS before the last point of the first series.
    fn procs_at_last_point(&self) -> usize {
        let time = self.series[0].last().map_or(0, |point| point.time);
        let next = self.procs_changes.partition_point(|&(change, _)| change < time);
        self.procs_changes[next.saturating_sub(1)].1
    }

    /// Takes what was told late off the points before it.
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
            while changes.len() > 1 && changes.next_if(|&&(time, _)| time >= point.time).is_some() {}
            let procs = changes.peek().map_or(1, |&&(_, procs)| procs);
            point.util = less(point.util, times, procs);
        }
    }

    /// Nothing is known until the next generation tells anew.
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
        if self.flags.background
            && label.starts_with(b"GC ")
            && label != b"GC (idle)"
            && !(self.flags.per_proc && is_dedicated)
        {
            self.workers.insert(record.go);
            self.suspect(record.go);
            self.change(record.proc, 1);
        }
    }

    /// Notes how things are.
    fn settle(&mut self, time: i64) {
        self.settled = true;
        if !self.flags.per_proc {
            let gc = if self.stopped > 0 { self.procs.len() } else { self.busy };
            let util = 1.0 - gc as f64 / self.procs.len() as f64;
            self.settled = add(&mut self.series[0], &mut self.changes, MutatorUtil { time, util });
            return;
        }
        for proc in &self.procs {
            let util = if self.stopped > 0 || proc.gc > 0 { 0.0 } else { 1.0 };
            self.settled &= add(&mut self.series[proc.series], &mut self.changes, MutatorUtil { time, util });
        }
    }
}

/// A utilization with so many processors less for the program.
fn less(util: f64, taken: u32, procs: usize) -> f64 {
    (util - f64::from(taken) / procs as f64).max(0.0)
}

/// Adds a point if it says anything new. Of two at one time the lower counts. Whether the last point now is this one.
fn add(series: &mut Vec<MutatorUtil>, changes: &mut usize, point: MutatorUtil) -> bool {
    if let Some(last) = series.last_mut() {
        if last.util == point.util {
            return true;
        }
        if last.time == point.time {
            let is_lower = point.util < last.util;
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

impl Observer for Utilization {
    type Output = MutatorUtilization;

    #[inline]
    fn event(&mut self, event: &Event<'_>) {
        let record = event.record();
        let time = record.time;
        self.last = Some(time);
        match record.what {
            What::Sync => self.sync(record.a),
            What::GoMaxProcs => self.set_procs(record.a, time),
            // Before GOMAXPROCS is known, nothing can be said; it comes very early.
            _ if self.procs.is_empty() => return,
            What::GoTransition(from, to) => self.go_transition(record, from, to),
            What::RangeBegin(range) => self.range(event, range, true),
            What::RangeEnd(range) => self.range(event, range, false),
            What::Gap => self.lose(),
            // Later ones say what is known.
            What::RangeActive(range) if self.generation <= self.late_until => self.was_on(event, range),
            What::Label => self.label(event),
            _ => {}
        }
        if !self.settled && !self.procs.is_empty() {
            self.settle(time);
        }
    }

    /// Each function ends with utilization 0 at the last event.
    fn finish(mut self) -> MutatorUtilization {
        self.settle_late();
        if let Some(time) = self.last {
            for proc in &self.procs {
                add(&mut self.series[proc.series], &mut self.changes, MutatorUtil { time, util: 0.0 });
            }
        }
        MutatorUtilization::new(self.series)
    }
}
