//! Decodes batches to ordered events: reads a generation, orders its events, and continues with the next generation.
//!
//! [`Strict`] and [`Lenient`] read generations and decide how to handle faults: strict reading stops, lenient reading
//! continues. They share a [`Generation`] and a [`Sequencer`].

use super::generation::Generation;
use super::lenient::Lenient;
use super::sequencer::{Fault, Filled, Next, Sequencer};
use super::strict::Strict;
use crate::account::{Account, GenerationInfo, Tally};
use crate::error::Error;
use crate::event::record::Record;
use crate::event::tables::Symbols;
use crate::limits::Mode;
use crate::warning::Warning;
use crate::wire::header::Version;
use crate::wire::source::Source;

#[derive(Debug)]
pub(crate) struct Decoder {
    pub(super) sequencer: Sequencer,
    driver: Driver,
    stage: Stage,
}

/// Reads generations and decides how to handle faults.
#[derive(Debug)]
enum Driver {
    Strict(Strict),
    Lenient(Box<Lenient>),
}

#[derive(Debug)]
enum Stage {
    Reading,
    /// This error is returned after the block.
    Failing(Error),
    /// The current block is the last block.
    Ended,
}

impl Decoder {
    pub fn new(version: Version, mode: Mode) -> Self {
        let (accepts, driver) = match mode.lenient {
            false => (version, Driver::Strict(Strict::default())),
            true => (Version::NEWEST, Driver::Lenient(Box::default())),
        };
        Decoder {
            sequencer: Sequencer::new(Generation::new(version, accepts, mode.limits)),
            driver,
            stage: Stage::Reading,
        }
    }

    /// Orders more events. All ordered events must have been returned. Returns false at the end.
    #[inline(never)]
    pub fn refill(&mut self, source: &mut Source<'_>) -> Result<bool, Error> {
        let Decoder { sequencer, driver, stage } = self;
        sequencer.begin_block(source)?;
        loop {
            match driver.fill(sequencer, source) {
                Ok(Filled::Block) => return Ok(true),
                // These events may refer to the tables of the generation, so they must be returned
                // before the next generation is read.
                Ok(Filled::GenerationDone) if sequencer.ready() > 0 => return Ok(true),
                Ok(Filled::GenerationDone) => {
                    match std::mem::replace(stage, Stage::Ended) {
                        Stage::Reading => {}
                        Stage::Failing(error) => return Err(error),
                        Stage::Ended => return Ok(false),
                    }
                    *stage = match driver.next_generation(sequencer, source)? {
                        Next::Generation => Stage::Reading,
                        Next::LastSync(error) => error.map_or(Stage::Ended, Stage::Failing),
                        Next::Nothing => return Ok(false),
                    };
                    sequencer.append();
                }
                Err(fault) => match driver.recover(fault, sequencer, source) {
                    Ok(()) => {}
                    Err(error) if sequencer.ready() == 0 => return Err(error),
                    Err(error) => {
                        sequencer.stop();
                        *stage = Stage::Failing(error);
                    }
                },
            }
        }
    }

    /// Returns counts of what was read and lost so far.
    pub fn account(&self, source: &Source<'_>) -> Account<'_> {
        let ledger = match &self.driver {
            Driver::Strict(_) => None,
            Driver::Lenient(lenient) => Some(lenient.ledger()),
        };
        let lost = ledger.map_or(Tally::default(), |ledger| ledger.lost);
        let trailing = ledger.map_or(0, |ledger| ledger.trailing);
        let (faults, fault_count) = ledger.map_or((&[][..], 0), |ledger| ledger.faults());
        let sequencer = &self.sequencer;
        let passed = source.base() + sequencer.generation.len as u64;
        let read = Tally {
            bytes: passed.saturating_sub(lost.bytes).saturating_sub(trailing),
            batches: self.batches().saturating_sub(lost.batches),
            generations: sequencer.generations,
            events: sequencer.delivered - sequencer.ready(),
        };
        Account { read, lost, trailing, faults, fault_count }
    }

    /// Returns the current generation.
    pub fn generation(&self, source: &Source<'_>) -> Option<GenerationInfo> {
        let Generation { number, len, total_batches, earlier_batches, ref threads, .. } = self.sequencer.generation;
        (number != 0).then_some(GenerationInfo {
            number,
            offset: source.base(),
            bytes: len as u64,
            batches: total_batches - earlier_batches,
            threads: threads.len() as u64,
        })
    }

    pub fn warnings(&self) -> (&[Warning], u64) {
        self.sequencer.warnings.get()
    }

    /// Returns the number of batches that were read.
    pub fn batches(&self) -> u64 {
        self.sequencer.generation.total_batches
    }

    /// Returns whether the next event is ordered.
    #[inline(always)]
    pub fn is_ready(&self) -> bool {
        self.sequencer.is_ready()
    }

    /// Returns the next event, which must be ordered, and its names.
    #[inline(always)]
    pub fn deliver<'a>(&'a mut self, source: &'a Source<'_>) -> (&'a Record, Symbols<'a>) {
        self.sequencer.deliver(source)
    }

    /// Returns all events that are ordered, and their names.
    pub fn take<'a>(&'a mut self, source: &'a Source<'_>) -> (&'a [Record], Symbols<'a>) {
        self.sequencer.take(source)
    }
}

impl Driver {
    fn fill(&mut self, sequencer: &mut Sequencer, source: &Source<'_>) -> Result<Filled, Fault> {
        match self {
            Driver::Strict(_) => sequencer.fill(source, &mut Err),
            Driver::Lenient(lenient) => sequencer.fill(source, &mut |error| {
                lenient.tolerate(error);
                Ok(())
            }),
        }
    }

    fn next_generation(&mut self, sequencer: &mut Sequencer, source: &mut Source<'_>) -> Result<Next, Error> {
        match self {
            Driver::Strict(strict) => strict.next_generation(sequencer, source),
            Driver::Lenient(lenient) => Ok(lenient.next_generation(sequencer, source)),
        }
    }

    fn recover(&mut self, fault: Fault, sequencer: &mut Sequencer, source: &Source<'_>) -> Result<(), Error> {
        match self {
            Driver::Strict(strict) => Err(strict.reason_for(fault.into_error())),
            Driver::Lenient(lenient) => {
                lenient.recover(fault, sequencer, source);
                Ok(())
            }
        }
    }
}
