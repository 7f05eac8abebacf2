//! From records to the timeline: each is taken in once, without allocation, text or a search.
//!
//! What a generation says by its own IDs is translated to the timeline's numbers where it is met for the first time
//! in the generation. Nothing here looks back over spans, so what is kept of a stretch of the trace could be built apart
//! and joined: a goroutine's spans are rows of chunks.

mod annotations;
mod feed;
mod goroutines;
mod procs;
mod ranges;
mod threads;
mod translation;

use crate::account::Tally;
use crate::event::ProcState;
use crate::event::record::{RangeType, Record, Sink, What};
use crate::event::tables;
use crate::id::NONE;
use crate::timeline::clock::Clocks;
use crate::timeline::metrics::Metrics;
use crate::timeline::spans::NOBODY;
use crate::timeline::symbols::{StackNumber, StringNumber, Symbols};
use crate::timeline::tasks::{LabelEntry, LogEntry, SampleEntry};
use crate::timeline::{Extent, Timeline};
use crate::wire::header::Version;
use annotations::Annotations;
use goroutines::Goroutines;
use procs::Procs;
use ranges::{Looked, Ranges};
pub(super) use threads::Place;
use threads::Threads;
use translation::Translation;

/// Takes in the records of a trace in their order.
#[derive(Debug)]
pub(super) struct Builder {
    version: Version,
    /// The times of the first event and of the last one so far.
    extent: Option<Extent>,
    /// When parts of the trace are missing, after which nothing is known.
    gaps: Vec<i64>,
    threads: Threads,
    goroutines: Goroutines,
    translation: Translation,
    clocks: Clocks,
    ranges: Ranges,
    metrics: Metrics,
    procs: Procs,
    annotations: Annotations,
    symbols: Symbols,
}

impl Sink for Builder {
    fn add(&mut self, records: &[Record], tables: tables::Symbols<'_>) {
        self.take_in(records, tables);
    }
}

impl Builder {
    /// For a trace of a version, on so many threads.
    pub fn new(version: Version, threads: usize) -> Self {
        Builder {
            version,
            extent: None,
            gaps: Vec::new(),
            threads: Threads::default(),
            goroutines: Goroutines::new(threads),
            translation: Translation::default(),
            clocks: Clocks::default(),
            ranges: Ranges::default(),
            metrics: Metrics::default(),
            procs: Procs::default(),
            annotations: Annotations::default(),
            symbols: Symbols::default(),
        }
    }

    /// Takes in the next records, all of the same generation.
    fn take_in(&mut self, records: &[Record], tables: tables::Symbols<'_>) {
        let (Some(first), Some(last)) = (records.first(), records.last()) else { return };
        let extent = self.extent.get_or_insert(Extent { start: first.time, end: last.time });
        extent.end = last.time;
        let start = extent.start;
        for record in records {
            if let What::GoTransition(from, to) = record.what {
                let translate = (&mut self.translation, &mut self.symbols, tables);
                let thread = self.threads.of(record);
                self.goroutines.transition(record, (from, to), thread, start, translate);
            } else {
                self.add_other(record, tables);
            }
        }
    }

    /// Takes in what is no transition of a goroutine.
    #[inline(never)]
    fn add_other(&mut self, record: &Record, tables: tables::Symbols<'_>) {
        let time = record.time;
        match record.what {
            What::Sync if record.b != 0 => {
                self.translation.begin_generation(tables.tables);
                if let Some(snapshot) = tables.tables.clock {
                    self.clocks.add(snapshot);
                }
            }
            What::Sync => {}
            What::Gap => self.gap(time),
            What::HeapObjects => self.metrics.heap.push((time, record.a)),
            What::HeapGoal => self.metrics.goals.push((time, record.a)),
            What::GoMaxProcs => self.metrics.gomaxprocs.push((time, record.a)),
            What::RangeBegin(range) => {
                let looked = self.look_up_range(record, range, tables);
                self.ranges.begin(range, record, looked, false);
            }
            What::RangeActive(range) => {
                let looked = self.look_up_range(record, range, tables);
                self.ranges.begin(range, record, looked, true);
            }
            What::RangeEnd(range) => self.ranges.end(range, record),
            What::TaskBegin => {
                let (go, name, stack) = self.look_up_annotation(record, tables);
                self.annotations.task_begin(record, go, name, stack);
            }
            What::TaskEnd => {
                let (go, name, _) = self.look_up_annotation(record, tables);
                self.annotations.task_end(record, go, name);
            }
            What::RegionBegin => {
                let (go, name, stack) = self.look_up_annotation(record, tables);
                self.annotations.region_begin(record, go, name, stack);
            }
            What::RegionEnd => {
                let (go, name, _) = self.look_up_annotation(record, tables);
                self.annotations.region_end(record, go, name);
            }
            What::Log => {
                let (go, category, stack) = self.look_up_annotation(record, tables);
                let message = self.translation.string(record.text2, tables, &mut self.symbols);
                self.annotations.log(LogEntry { time, task: record.a, category, message, stack, go });
            }
            What::Label => {
                let label = self.translation.string(record.text, tables, &mut self.symbols);
                let go = self.goroutine(record.go);
                self.annotations.label(LabelEntry { time, go, label });
            }
            What::StackSample => {
                let stack = self.translation.stack(record.stack, tables, &mut self.symbols);
                let go = self.goroutine(record.go);
                let place = self.threads.of(record).place;
                self.annotations.sample(SampleEntry { time, go, place, stack });
            }
            What::ProcTransition(from, to) => {
                let start = self.extent.map_or(time, |extent| extent.start);
                self.procs.transition(record, from, to, start);
                if to == ProcState::Idle {
                    self.ranges.proc_stops(time);
                }
            }
            // What the experiment tells of the heap is another matter.
            What::AllocFree(_) | What::GoTransition(..) => {}
        }
    }

    /// A part of the trace is missing here: what was under way may have ended since.
    fn gap(&mut self, time: i64) {
        self.gaps.push(time);
        self.goroutines.gap(time);
        self.procs.gap(time);
        self.ranges.gap(time);
        self.annotations.gap(time);
    }

    /// The number of a goroutine, [`NOBODY`] for none.
    fn goroutine(&mut self, id: u64) -> u32 {
        if id == NONE { NOBODY } else { self.goroutines.number(id) }
    }

    fn look_up_range(&mut self, record: &Record, range: RangeType, tables: tables::Symbols<'_>) -> Looked {
        // A range that is found under way is told by whatever thread, and bound to another goroutine.
        let go = match range {
            RangeType::StopTheWorld | RangeType::GcMarkAssist => record.a,
            RangeType::GcMark | RangeType::GcSweep => record.go,
        };
        Looked {
            go: self.goroutine(go),
            stack: self.translation.stack(record.stack, tables, &mut self.symbols),
            reason: self.translation.string(record.text, tables, &mut self.symbols),
        }
    }

    /// The goroutine, text and stack of an event that the program caused.
    fn look_up_annotation(&mut self, record: &Record, tables: tables::Symbols<'_>) -> (u32, StringNumber, StackNumber) {
        let text = self.translation.string(record.text, tables, &mut self.symbols);
        let stack = self.translation.stack(record.stack, tables, &mut self.symbols);
        (self.goroutine(record.go), text, stack)
    }

    /// The timeline of all that came.
    pub fn finish(self) -> Timeline {
        let spans = self.goroutines.feed.finish(self.goroutines.index.len());
        Timeline {
            version: self.version,
            extent: self.extent.unwrap_or_default(),
            goroutines: self.goroutines.index,
            start_stacks: self.goroutines.start_stacks,
            spans,
            places: self.threads.places,
            clocks: self.clocks,
            families: Default::default(),
            gc: self.ranges.finish(),
            metrics: self.metrics,
            procs: self.procs.finish(),
            tasks: self.annotations.finish(&self.gaps),
            gaps: self.gaps,
            warnings: Vec::new(),
            warning_count: 0,
            lost: Tally::default(),
            symbols: self.symbols,
        }
    }
}
