//! From records to the timeline: each is taken in once, without allocation, text or a search.
//!
//! What a generation says by its own IDs is translated to the timeline's numbers where it is met for the first time
//! in the generation. Nothing here looks back over spans, so what is kept of a stretch of the trace could be built apart
//! and joined: a goroutine's spans are rows of chunks.

mod goroutines;
mod threads;
mod translation;

use crate::event::record::{Record, What};
use crate::event::tables;
use crate::timeline::clock::Clocks;
use crate::timeline::symbols::Symbols;
use crate::timeline::{Extent, Timeline};
use crate::wire::header::Version;
use goroutines::Goroutines;
pub(super) use threads::Place;
use threads::Threads;
use translation::Translation;

/// Takes in the records of a trace in their order.
#[derive(Debug)]
pub(super) struct Builder {
    version: Version,
    /// The times of the first event and of the last one so far.
    extent: Option<Extent>,
    threads: Threads,
    goroutines: Goroutines,
    translation: Translation,
    clocks: Clocks,
    symbols: Symbols,
}

impl Builder {
    pub fn new(version: Version) -> Self {
        Builder {
            version,
            extent: None,
            threads: Threads::default(),
            goroutines: Goroutines::default(),
            translation: Translation::default(),
            clocks: Clocks::default(),
            symbols: Symbols::default(),
        }
    }

    /// Takes in the next record.
    #[inline(always)]
    pub fn add(&mut self, record: &Record, tables: tables::Symbols<'_>) {
        let extent = self.extent.get_or_insert(Extent { start: record.time, end: record.time });
        extent.end = record.time;
        if let What::GoTransition(from, to) = record.what {
            let translate = (&mut self.translation, &mut self.symbols, tables);
            let thread = self.threads.of(record);
            self.goroutines.transition(record, (from, to), thread, extent.start, translate);
        } else {
            self.add_other(record, tables);
        }
    }

    #[inline(never)]
    fn add_other(&mut self, record: &Record, tables: tables::Symbols<'_>) {
        match record.what {
            What::Sync if record.b != 0 => {
                self.translation.begin_generation(tables.tables);
                if let Some(snapshot) = tables.tables.clock {
                    self.clocks.add(snapshot);
                }
            }
            _ => {}
        }
    }

    /// The timeline of all that came.
    pub fn finish(self) -> Timeline {
        Timeline {
            version: self.version,
            extent: self.extent.unwrap_or_default(),
            goroutines: self.goroutines.index,
            start_stacks: self.goroutines.spans.start_stacks(),
            spans: self.goroutines.spans.finish(),
            places: self.threads.places,
            clocks: self.clocks,
            families: Default::default(),
            symbols: self.symbols,
        }
    }
}
