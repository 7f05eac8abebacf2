//! Builds a timeline from records. Each record is processed once, without allocation, text or a
//! search.
//!
//! ```text
//! Reader ─► Builder ─► Feed ─► Keeper ─► columns
//!           (tables)           (threads, goroutines, Ps, ranges, annotations, metrics)
//! ```
//!
//! The [`Builder`] replaces a generation's string and stack IDs by the timeline's numbers. The records that it passes
//! on do not need the generation's tables, so reading can continue while a [`Keeper`](keeper::Keeper) on another thread
//! adds the events to the columns. Reading and adding take about the same time, for every trace format and source.

mod annotations;
mod feed;
mod goroutines;
mod keeper;
mod numbers;
mod procs;
mod ranges;
mod threads;
mod whys;

use crate::account::Tally;
use crate::event::record::{Record, Sink, Symbol, What};
use crate::event::tables;
use crate::time::ClockSnapshot;
use crate::timeline::columns::symbols::{Stacks, Strings, Symbols};
use crate::timeline::store::{Extent, Timeline};
use crate::wire::header::Version;
use feed::Feed;
use keeper::Kept;
use numbers::Numbers;

/// Takes the records of a trace, in order.
#[derive(Debug)]
pub(super) struct Builder {
    version: Version,
    /// The times of the first event and of the last event so far.
    extent: Option<Extent>,
    strings: Strings,
    stacks: Stacks,
    clocks: Vec<ClockSnapshot>,
    feed: Feed,
}

impl Sink for Builder {
    /// Adds the next records. All records are of the same generation.
    fn add(&mut self, records: &[Record], tables: tables::Symbols<'_>) {
        let (Some(first), Some(last)) = (records.first(), records.last()) else { return };
        let extent = self.extent.get_or_insert(Extent { start: first.time, end: last.time });
        extent.end = last.time;
        if first.what == What::Sync && first.b != 0 {
            self.begin_generation(tables);
        }
        let strings = &mut self.strings;
        self.feed.pass_on(records, |record| translate(record, tables, strings));
    }
}

/// Returns whether records of this kind refer to strings that have to be translated.
fn has_text(what: What) -> bool {
    match what {
        What::RangeBegin(_) | What::RangeActive(_) => true,
        What::TaskBegin | What::TaskEnd | What::RegionBegin | What::RegionEnd | What::Log | What::Label => true,
        // The reason is in the generation's table, or is not a string of the trace.
        What::GoTransition(..) => false,
        _ => false,
    }
}

/// Replaces the strings of a record by the timeline's numbers.
#[cold]
fn translate(record: &Record, tables: tables::Symbols<'_>, strings: &mut Strings) -> Record {
    let mut number = |symbol| Symbol::Id(numbers::string(symbol, tables, strings).into());
    let text2 = if record.what == What::Log { number(record.text2) } else { Symbol::Empty };
    Record { text: number(record.text), text2, ..*record }
}

impl Builder {
    /// Creates a builder for a trace of this version. With more than one thread, the builder may start another thread.
    pub fn new(version: Version, threads: usize) -> Self {
        Builder {
            version,
            extent: None,
            strings: Strings::default(),
            stacks: Stacks::default(),
            clocks: Vec::new(),
            feed: Feed::new(threads),
        }
    }

    #[inline(never)]
    fn begin_generation(&mut self, tables: tables::Symbols<'_>) {
        if let Some(snapshot) = tables.tables.clock {
            self.clocks.push(snapshot);
        }
        self.feed.begin_generation(Numbers::new(tables, &mut self.strings, &mut self.stacks));
    }

    /// Returns the timeline of all records so far.
    pub fn finish(mut self) -> Timeline {
        let kept = self.feed.finish().finish(&mut self.strings);
        let Kept { goroutines, start_stacks, created, spans, places, whys, gc, metrics, procs, annotations, gaps } =
            kept;
        Timeline {
            version: self.version,
            extent: self.extent.unwrap_or_default(),
            goroutines,
            start_stacks,
            created,
            spans,
            places,
            clocks: self.clocks,
            families: Default::default(),
            gc,
            metrics,
            procs,
            annotations,
            gaps,
            warnings: Vec::new(),
            warning_count: 0,
            lost: Tally::default(),
            symbols: Symbols { strings: self.strings, stacks: self.stacks, whys },
            levels: Default::default(),
        }
    }
}

#[cfg(test)]
mod tests;
