//! Adds each event to the columns of its kind.

use super::annotations::Annotations;
use super::goroutines::Goroutines;
use super::numbers::Numbers;
use super::procs::Procs;
use super::ranges::{RangeRefs, Ranges};
use super::threads::Threads;
use super::whys::Whys;
use crate::event::ProcState;
use crate::event::record::{RangeType, Record, Symbol, What};
use crate::timeline::columns::Place;
use crate::timeline::columns::annotations::{AnnotationColumns, LabelEntry, LogEntry, SampleEntry};
use crate::timeline::columns::gc::GcColumns;
use crate::timeline::columns::index::Index;
use crate::timeline::columns::metrics::Metrics;
use crate::timeline::columns::procs::ProcColumns;
use crate::timeline::columns::spans::Spans;
use crate::timeline::columns::symbols::{StackNumber, StringNumber, Strings, Why};

/// The columns so far.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    /// The start of the trace.
    start: Option<i64>,
    numbers: Numbers,
    whys: Whys,
    threads: Threads,
    goroutines: Goroutines,
    ranges: Ranges,
    metrics: Metrics,
    procs: Procs,
    annotations: Annotations,
    /// The times of gaps, after which no state is known.
    gaps: Vec<i64>,
}

/// The finished columns.
#[derive(Debug)]
pub(super) struct Kept {
    pub goroutines: Index,
    pub start_stacks: Vec<StackNumber>,
    pub created: Vec<bool>,
    pub spans: Spans,
    pub places: Vec<Place>,
    pub whys: Vec<Why>,
    pub gc: GcColumns,
    pub metrics: Metrics,
    pub procs: ProcColumns,
    pub annotations: AnnotationColumns,
    pub gaps: Vec<i64>,
}

impl Keeper {
    /// Starts a generation with these numbers.
    pub fn begin_generation(&mut self, numbers: Numbers) {
        self.whys.begin_generation(numbers.stack_count());
        self.numbers = numbers;
    }

    /// Adds the next event.
    #[inline(always)]
    pub fn add(&mut self, record: &Record) {
        if let What::GoTransition(from, to) = record.what {
            let thread = self.threads.of(record);
            let start = self.start.unwrap_or(record.time);
            self.goroutines.transition(record, (from, to), thread, start, (&self.numbers, &mut self.whys));
        } else {
            self.add_other(record);
        }
    }

    /// Adds an event that is not a transition of a goroutine.
    #[inline(never)]
    fn add_other(&mut self, record: &Record) {
        let time = record.time;
        let start = *self.start.get_or_insert(time);
        match record.what {
            What::Gap => self.gap(time),
            What::HeapObjects => self.metrics.heap.push((time, record.a)),
            What::HeapGoal => self.metrics.goals.push((time, record.a)),
            What::GoMaxProcs => self.metrics.gomaxprocs.push((time, record.a)),
            What::RangeBegin(range) => self.begin_range(record, range, false),
            What::RangeActive(range) => self.begin_range(record, range, true),
            What::RangeEnd(range) => self.ranges.end(range, record),
            What::TaskBegin => {
                let (go, name, stack) = self.look_up(record);
                self.annotations.task_begin(record, go, name, stack);
            }
            What::TaskEnd => {
                let (go, name, _) = self.look_up(record);
                self.annotations.task_end(record, go, name);
            }
            What::RegionBegin => {
                let (go, name, stack) = self.look_up(record);
                self.annotations.region_begin(record, go, name, stack);
            }
            What::RegionEnd => {
                let (go, name, _) = self.look_up(record);
                self.annotations.region_end(record, go, name);
            }
            What::Log => {
                let (go, category, stack) = self.look_up(record);
                let message = number(record.text2);
                self.annotations.log(LogEntry { time, task: record.a, category, message, stack, go });
            }
            What::Label => {
                let (go, label, _) = self.look_up(record);
                self.annotations.label(LabelEntry { time, go, label });
            }
            What::StackSample => {
                let (go, _, stack) = self.look_up(record);
                let place = self.threads.of(record).place;
                self.annotations.sample(SampleEntry { time, go, place, stack });
            }
            What::ProcTransition(from, to) => {
                self.procs.transition(record, from, to, start);
                if to == ProcState::Idle {
                    self.ranges.proc_stops(time);
                }
            }
            // Events of the AllocFree experiment are for `analysis::allocations`.
            What::Sync | What::AllocFree(_) | What::GoTransition(..) => {}
        }
    }

    fn begin_range(&mut self, record: &Record, range: RangeType, is_active: bool) {
        // An event that reports an active range may come from any thread, so the event's own goroutine is not the
        // goroutine of the range.
        let go = match range {
            RangeType::StopTheWorld | RangeType::GcMarkAssist => record.a,
            RangeType::GcMark | RangeType::GcSweep => record.go,
        };
        let (go, reason, stack) = self.look_up(&Record { go, ..*record });
        self.ranges.begin(range, record, RangeRefs { go, stack, reason }, is_active);
    }

    /// Returns the goroutine, text and stack of an event.
    fn look_up(&mut self, record: &Record) -> (u32, StringNumber, StackNumber) {
        (self.goroutines.number_of(record.go), number(record.text), self.numbers.stack(record.stack))
    }

    /// Handles a gap in the trace. Open spans, ranges and annotations may have ended in it.
    fn gap(&mut self, time: i64) {
        self.gaps.push(time);
        self.goroutines.spans.gap(time);
        self.procs.gap(time);
        self.ranges.gap(time);
        self.annotations.gap(time);
    }

    /// Returns the finished columns.
    pub fn finish(self, strings: &mut Strings) -> Kept {
        let spans = self.goroutines.spans;
        Kept {
            goroutines: self.goroutines.index,
            start_stacks: spans.start_stacks(),
            created: spans.created(),
            spans: spans.finish(),
            places: self.threads.places,
            whys: self.whys.finish(strings),
            gc: self.ranges.finish(),
            metrics: self.metrics,
            procs: self.procs.finish(),
            annotations: self.annotations.finish(&self.gaps),
            gaps: self.gaps,
        }
    }
}

/// Returns the number of a string that has been translated.
fn number(text: Symbol) -> StringNumber {
    match text {
        Symbol::Id(number) => u32::try_from(number).unwrap_or(0),
        _ => 0,
    }
}
