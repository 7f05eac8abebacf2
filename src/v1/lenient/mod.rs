//! Lenient reading: as much of a damaged trace as can be trusted, and an account of the rest.
//!
//! This table is all that lenient reading decides. The code cites its rows.
//!
//! | # | damage | what is kept | what is lost | what is reported |
//! |---|---|---|---|---|
//! | 1 | unreadable record | events before it, strings and stacks after it | the bytes up to the next proven batch, and all events from there on (Gap) | the fault |
//! | 2 | file cut | events before the cut, as far as none of them needs one after it | the bytes of the record that is cut, and what needs something after it (Gap) | the record that is cut |
//! | 3 | bad record in a batch: newer than the version, or a CPU sample whose time is none | the newer record; all others | the CPU sample | the fault |
//! | 4 | bad string or stack: empty, or missing | events that name it, with a placeholder | its text or frames | the fault. What is missing after rows 1 and 2 is not: it was lost with the bytes |
//! | 5 | repeated ID, or the ID 0 | the first entry | the others | each of the others |
//! | 6 | missing frequency, or an invalid or repeated one | the last valid one, since writers put it after all events. Without one, a tick counts as a nanosecond | the others | the fault |
//! | 7 | contradiction in the order of events | events before it | all others (Gap) | the fault. Events that wait for others after rows 1 and 2 are not: those were lost |
//! | 8 | header of another trace in a file that strict reading does not accept | all before the first one | nothing: the rest of the file is trailing | `MultipleTraces` |
//! | 9 | other data after the end of the trace | the trace | nothing: the data is trailing | `TrailingData` |
//! | 10 | nothing but a header | – | nothing | `EmptyTrace` |
//! | 11 | I/O error, or more of something than `Limits` allow | events of earlier blocks | not counted | as the error that ends reading |
//!
//! The format has no generations, and nothing after damage says what goroutines and Ps were doing. So there is one Gap at
//! the most, and no event after it but the last Sync. Strings, stacks and the clock's rate are at the end of the file,
//! and the events before the damage need them: that is why the walk goes on after it.

mod walk;

use super::emitter::{Emitter, Progress};
use super::found::location;
use crate::account::Ledger;
use crate::error::{Error, ErrorKind, Flaw};
use crate::wire::source::Source;

/// Ticks a second where a file does not say.
const NANOSECOND_TICKS: u64 = 1_000_000_000;

#[derive(Debug, Default)]
pub(super) struct Lenient {
    phase: Phase,
    ledger: Ledger,
}

/// What the next step does.
#[derive(Debug, Default)]
enum Phase {
    /// Reads and walks the file, and makes the first Sync.
    #[default]
    Open,
    /// Makes a block of events.
    Emit,
    /// Makes the Gap, if anything was lost.
    Gap,
    /// Makes the last Sync.
    Close,
    /// Fails (row 11).
    Fail(Error),
    Ended,
}

impl Lenient {
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Makes the next block. Fails as row 11 says.
    pub fn step(&mut self, emitter: &mut Emitter, source: &mut Source<'_>) -> Result<Progress, Error> {
        while !emitter.out.is_ready() {
            self.phase = match std::mem::replace(&mut self.phase, Phase::Ended) {
                Phase::Open => self.open(emitter, source)?,
                Phase::Emit => self.emit(emitter, source),
                Phase::Gap => {
                    if let Some(gap) = self.ledger.open_break.take() {
                        emitter.gap(gap);
                    }
                    Phase::Close
                }
                Phase::Close => {
                    emitter.close();
                    Phase::Ended
                }
                Phase::Fail(error) => return Err(error),
                Phase::Ended => return Ok(Progress::End),
            };
        }
        Ok(Progress::Block)
    }

    fn open(&mut self, emitter: &mut Emitter, source: &mut Source<'_>) -> Result<Phase, Error> {
        emitter.found = self.read(source, emitter.version, &emitter.limits)?;
        if source.window().is_empty() {
            // Row 10.
            self.ledger.note(Error { kind: ErrorKind::EmptyTrace, at: location(source, 0) });
            return Ok(Phase::Ended);
        }
        let end = location(source, source.window().len() - self.ledger.trailing as usize);
        let rate = emitter.found.ticks_per_second.unwrap_or_else(|| {
            // Row 6.
            self.ledger.note(Error { kind: ErrorKind::BadFrequency(Flaw::Missing), at: end });
            NANOSECOND_TICKS
        });
        if let Err(kind) = emitter.found.tables.seal() {
            // Row 4: a frame names a string that is missing.
            self.report(Error { kind, at: end });
        }
        let begun = emitter.begin(rate, source);
        Ok(self.next_phase(begun, emitter, source))
    }

    fn emit(&mut self, emitter: &mut Emitter, source: &Source<'_>) -> Phase {
        let made = emitter.fill(source);
        // Row 4: events name strings and stacks that are missing.
        for fault in emitter.found.policy.take() {
            self.report(fault.located(source));
        }
        self.next_phase(made, emitter, source)
    }

    /// What follows what the emitter has made.
    fn next_phase(&mut self, made: Result<Progress, Error>, emitter: &mut Emitter, source: &Source<'_>) -> Phase {
        match made {
            Ok(Progress::Block) => Phase::Emit,
            Ok(Progress::End) => {
                if self.ledger.open_break.is_none() && self.ledger.trailing == 0 {
                    emitter.warn_of_end(source);
                }
                Phase::Gap
            }
            // Row 11.
            Err(error) if matches!(error.kind, ErrorKind::LimitExceeded { .. }) => Phase::Fail(error),
            // Row 7.
            Err(error) => {
                let at = error.at;
                self.report(error);
                self.ledger.break_off(at, emitter.rest(source.window()));
                Phase::Gap
            }
        }
    }

    /// Notes a fault, unless it says only that something is missing and bytes were lost before (rows 4 and 7).
    fn report(&mut self, error: Error) {
        use ErrorKind as K;
        let says_missing = matches!(error.kind, K::UnknownString { .. } | K::UnknownStack { .. } | K::StuckFrontier(_));
        if self.ledger.open_break.is_none() || !says_missing {
            self.ledger.note(error);
        }
    }
}
