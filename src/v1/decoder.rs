//! Decodes bytes to ordered events.
//!
//! Both modes scan the file with [`scan`](super::scan) and produce events with the [`Emitter`].
//! [`strict`](super::strict) and [`lenient`](super::lenient) differ only in how they handle errors.

use super::emitter::{Emitter, Progress};
use super::lenient::Lenient;
use super::strict::Strict;
use crate::account::{Account, Tally};
use crate::error::Error;
use crate::event::record::Record;
use crate::event::tables::Symbols;
use crate::limits::Mode;
use crate::warning::Warning;
use crate::wire::header::Version;
use crate::wire::source::Source;

#[derive(Debug)]
pub(crate) struct Decoder {
    emitter: Emitter,
    reading: Reading,
}

/// The state of strict or lenient reading.
#[derive(Debug)]
enum Reading {
    Strict(Strict),
    Lenient(Lenient),
}

impl Decoder {
    pub fn new(version: Version, mode: Mode) -> Self {
        let reading = match mode.lenient {
            false => Reading::Strict(Strict::default()),
            true => Reading::Lenient(Lenient::default()),
        };
        Decoder { emitter: Emitter::new(version, mode.limits), reading }
    }

    /// Returns the number of batches that were read.
    pub fn batches(&self) -> u64 {
        self.emitter.found.batches.len() as u64
    }

    /// Returns counts of what was read and lost so far.
    pub fn account(&self, source: &Source<'_>) -> Account<'_> {
        let (lost, trailing, (faults, fault_count)) = match &self.reading {
            Reading::Strict(_) => (Tally::default(), 0, (&[][..], 0)),
            Reading::Lenient(lenient) => (lenient.ledger().lost, lenient.ledger().trailing, lenient.ledger().faults()),
        };
        let read = Tally {
            bytes: (source.base() + self.emitter.found.walked).saturating_sub(lost.bytes).saturating_sub(trailing),
            batches: self.batches().saturating_sub(lost.batches),
            generations: 0,
            events: self.emitter.delivered(),
        };
        Account { read, lost, trailing, faults, fault_count }
    }

    /// Returns the first warnings, and the number of all warnings.
    pub fn warnings(&self) -> (&[Warning], u64) {
        self.emitter.warnings.get()
    }

    /// Returns whether the next event is ready.
    #[inline(always)]
    pub fn is_ready(&self) -> bool {
        self.emitter.out.is_ready()
    }

    /// Returns the next event and the tables for its IDs. `is_ready` must be true.
    #[inline(always)]
    pub fn deliver<'a>(&'a mut self, source: &'a Source<'_>) -> (&'a Record, Symbols<'a>) {
        let Emitter { out, found, converter, .. } = &mut self.emitter;
        let names = &converter.world.names;
        (out.deliver(), Symbols { window: source.window(), tables: &found.tables, names })
    }

    /// Returns all events that are ready, and the tables for their IDs.
    pub fn take<'a>(&'a mut self, source: &'a Source<'_>) -> (&'a [Record], Symbols<'a>) {
        let Emitter { out, found, converter, .. } = &mut self.emitter;
        let names = &converter.world.names;
        (out.take(), Symbols { window: source.window(), tables: &found.tables, names })
    }

    /// Decodes the next block of events. All events of the previous block must have been returned.
    /// Returns false at the end of the trace.
    #[inline(never)]
    pub fn refill(&mut self, source: &mut Source<'_>) -> Result<bool, Error> {
        let Decoder { emitter, reading } = self;
        emitter.clear(source)?;
        let progress = match reading {
            Reading::Strict(strict) => strict.step(emitter, source)?,
            Reading::Lenient(lenient) => lenient.step(emitter, source)?,
        };
        Ok(progress == Progress::Block)
    }
}
