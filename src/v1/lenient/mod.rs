//! Lenient reading returns the undamaged parts of a damaged trace. This table defines what it does, and the code cites
//! its rows.
//!
//! | # | damage | what is kept | what is lost | what is reported |
//! |---|---|---|---|---|
//! | 1 | unreadable record | events before it, strings and stacks after it | the bytes up to the next proven batch, and all events after that (Gap) | the error |
//! | 2 | truncated file | events before the end that do not need an event after it | the bytes of the truncated record, and events that need something after it (Gap) | the truncated record |
//! | 3 | wrong record in a batch: newer than the version, or a CPU sample with an impossible time | the newer record, and all other records | the CPU sample | the error |
//! | 4 | wrong string or stack: empty or missing | events that refer to it, with a placeholder | its text or frames | the error, unless it is missing because of rows 1 and 2 |
//! | 5 | repeated ID, or ID 0 | the first entry | the other entries | each of the other entries |
//! | 6 | missing, invalid or repeated frequency | the last valid frequency, because it is written after all events. If there is none, a tick is a nanosecond | the other frequencies | the error |
//! | 7 | contradiction in the order of events | events before it | all other events (Gap) | the error, unless events wait for events that are lost because of rows 1 and 2 |
//! | 8 | header of another trace in a file that strict reading does not accept | everything before the first such header | nothing: the rest of the file is trailing | `MultipleTraces` |
//! | 9 | other data after the end of the trace | the trace | nothing: the data is trailing | `TrailingData` |
//! | 10 | only a header | – | nothing | `EmptyTrace` |
//! | 11 | I/O error, or a limit | events of earlier blocks | not counted | the error, which ends reading |
//!
//! The format has no generations, so after damage the state of goroutines and Ps stays unknown.
//! There is at most one Gap, and only the last Sync follows it. Strings, stacks and the clock
//! frequency are at the end of the file, and the events before the damage need them. So the first
//! pass continues after damage.

mod walk;

use super::emitter::{Emitter, Progress};
use super::found::location;
use crate::account::Ledger;
use crate::error::{Error, ErrorKind, Flaw};
use crate::wire::source::Source;

/// The frequency if the file does not state one.
const NANOSECOND_TICKS: u64 = 1_000_000_000;

#[derive(Debug, Default)]
pub(super) struct Lenient {
    phase: Phase,
    ledger: Ledger,
}

/// The next step.
#[derive(Debug, Default)]
enum Phase {
    /// Reads the file, and returns the first Sync.
    #[default]
    Open,
    /// Returns a block of events.
    Emit,
    /// Returns the Gap, if something was lost.
    Gap,
    /// Returns the last Sync.
    Close,
    /// Returns an error (row 11).
    Fail(Error),
    Ended,
}

impl Lenient {
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Fills the next block. Fails according to row 11.
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
            // Row 4. A frame refers to a missing string.
            self.report(Error { kind, at: end });
        }
        let begun = emitter.begin(rate, source);
        Ok(self.next_phase(begun, emitter, source))
    }

    fn emit(&mut self, emitter: &mut Emitter, source: &Source<'_>) -> Phase {
        let made = emitter.fill(source);
        // Row 4. Events refer to missing strings and stacks.
        for fault in emitter.found.policy.take() {
            self.report(fault.located(source));
        }
        self.next_phase(made, emitter, source)
    }

    /// Returns the step after the emitter has filled a block or failed.
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

    /// Notes an error, unless it is about missing data and bytes were lost (rows 4 and 7).
    fn report(&mut self, error: Error) {
        use ErrorKind as K;
        let says_missing = matches!(error.kind, K::UnknownString { .. } | K::UnknownStack { .. } | K::StuckFrontier(_));
        if self.ledger.open_break.is_none() || !says_missing {
            self.ledger.note(error);
        }
    }
}
