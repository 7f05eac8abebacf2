//! Lenient reading continues after damage. This table defines its behaviour, and the code cites its rows.
//!
//! | # | damage | what is kept | what is lost | what is reported |
//! |---|---|---|---|---|
//! | 1 | the header of a batch cannot be read, or the size of a batch is wrong | earlier batches; after the damage, tables of the same generation, from the next place where the bytes are [provably](resync) batches | the bytes in between; later events of the generation | the error of the header, a Gap |
//! | 2 | the file ends inside a batch | the batch up to its last whole record | the rest | `TruncatedBatch`, a Gap |
//! | 3 | a record in a batch cannot be read | the earlier records of the batch; later batches of the thread | the rest of the batch | the error of the record |
//! | 4 | the generation number of a batch is 0, or it is neither the expected number nor the number of the next batch | – | the batch | `InvalidGeneration`, `InterleavedGenerations`, `GenerationOutOfOrder` |
//! | 5 | a repeated batch | the first batch | the second batch | `DuplicateBatch` |
//! | 6 | the batches of a thread are not sorted by time | all, sorted | – | `TimeRegression` |
//! | 7 | a repeated generation: same number, same start | the first generation | the second generation | `GenerationOutOfOrder` |
//! | 8 | generations are missing, or their numbers decrease | all existing generations | the number of missing generations | `GenerationOutOfOrder`, a Gap |
//! | 9 | a generation has no clock frequency, or its times cannot be computed | if only the frequency is missing: all, with the frequency of the previous generation | otherwise the generation | `BadFrequency`, `TimestampOverflow`, a Gap if it is lost |
//! | 10 | statuses contradict the end of the previous generation | both generations | – | the contradiction, a Gap |
//! | 11 | an event contradicts earlier events, no event can happen, or a time or number is impossible | earlier events | the rest of the generation | the error of the event, a Gap |
//! | 12 | after a complete generation: the header of another trace, or data that is not a batch | the trace before it | nothing: the bytes after the trace count as trailing, not as lost | `MultipleTraces`, `TrailingData` |
//! | 13 | an I/O error, or a limit is exceeded | everything before it | the rest of the file | the error, after the last event |
//! | 14 | an ID is unknown, zero or repeated, a string or stack is too long, the version of the trace does not have an event, a generation has no end record | all events; the first of two entries with the same ID; `?` for an unknown name | – | the error |
//! | 15 | text between two batches | everything | the text | `TextInTrace` |
//!
//! After a Gap, the state of goroutines, Ps and threads is unknown until the statuses of the next generation. Errors
//! that follow from a missing part of a generation are not reported.
//!
//! [`gather`] collects the batches of a generation (rows 1 to 5, 8 and 12 to 15), [`sort`] sorts
//! them (row 6), and this file does the rest.

mod gather;
mod loss;
mod resync;
mod sort;
mod state;

use std::collections::BTreeSet;

use gather::Gather;
use state::{EarlierGenerations, Phase};

use super::cursor::Cursor;
use super::generation::Generation;
use super::records::Fault as BatchFault;
use super::sequencer::{Fault, Next, Sequencer};
use super::spec::EventType;
use crate::account::{Break, Ledger, Tally};
use crate::error::{Error, ErrorKind, Flaw, Location};
use crate::id::{ThreadId, present};
use crate::sched::Sched;
use crate::sched::arena::Index;
use crate::wire::source::Source;

#[derive(Debug, Default)]
pub(super) struct Lenient {
    /// Row 13: the error to return after the current generation.
    pending: Option<Error>,
    ledger: Ledger,
    phase: Phase,
    /// The loss before the current generation.
    before: Option<Break>,
    earlier: EarlierGenerations,
    /// The numbers and start times of the generations that were delivered.
    delivered: BTreeSet<(u64, u64)>,
}

/// The result of reading a generation.
enum Read {
    Generation,
    Skipped,
    /// There are no more generations.
    End,
}

impl Lenient {
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Records an error in an event that is delivered anyway (row 14).
    pub fn tolerate(&mut self, error: Error) {
        let is_unknown = matches!(error.kind, ErrorKind::UnknownString { .. } | ErrorKind::UnknownStack { .. });
        if !(is_unknown && self.phase.has_hole()) {
            self.ledger.note(error);
        }
    }

    /// Reads the next generation, after the last event of the current generation.
    pub fn next_generation(&mut self, sequencer: &mut Sequencer, source: &mut Source<'_>) -> Next {
        loop {
            if let Some(error) = self.pending.take() {
                return self.close(Some(error), sequencer);
            }
            source.release(sequencer.generation.len);
            match self.read(&mut sequencer.generation, source) {
                Read::Generation => match self.open(sequencer, source) {
                    Ok(()) => return Next::Generation,
                    // Row 13: a limit.
                    Err(error) if matches!(error.kind, ErrorKind::LimitExceeded { .. }) => {
                        self.ledger.reopen(self.before.take());
                        return self.close(Some(error), sequencer);
                    }
                    Err(error) => self.skip(error, &sequencer.generation, source),
                },
                Read::Skipped => {}
                Read::End => return self.end(sequencer, source),
            }
        }
    }

    /// Reads the generation at the start of the window, or the next generation that is found.
    fn read(&mut self, generation: &mut Generation, source: &mut Source<'_>) -> Read {
        generation.clear();
        let mut gather = Gather {
            generation: &mut *generation,
            source: &mut *source,
            ledger: &mut self.ledger,
            earlier: &mut self.earlier,
            phase: Phase::Before,
            before: None,
            missing: None,
        };
        self.pending = gather.run().err();
        let Gather { phase, before, missing, .. } = gather;
        (self.phase, self.before) = (phase, before);
        match (&self.phase, &self.pending) {
            (Phase::Before, None) => return Read::End,
            (Phase::Before, Some(_)) => return Read::Skipped,
            (_, Some(_)) => self.phase.mark_hole(),
            (_, None) => {}
        }
        let copies = sort::sort(generation, source.window());
        self.ledger.lose(copies);
        if self.delivered.contains(&(generation.number, generation.min_time)) {
            // Row 7.
            self.ledger.reopen(self.before.take());
            self.ledger.lose(loss::of_generation(generation, source.window()));
            return Read::Skipped;
        }
        // Row 8.
        self.ledger.lose(missing.map_or(Tally::default(), |missing| missing.lost));
        self.before = Break::join(self.before, missing);
        self.earlier.number = generation.number;
        match self.finish(generation, source) {
            Ok(()) => Read::Generation,
            Err(error) => {
                self.skip(error, generation, source);
                Read::Skipped
            }
        }
    }

    /// Row 9. Completes the generation after its last batch.
    fn finish(&mut self, generation: &mut Generation, source: &Source<'_>) -> Result<(), Error> {
        let locate =
            |generation: &Generation, kind, pos: usize| generation.error(kind, source.base() + pos as u64, None);
        match std::mem::replace(&mut self.phase, Phase::AfterHole) {
            Phase::Unusable(error) => return Err(error),
            phase => self.phase = phase,
        }
        if !generation.has_frequency {
            let error = locate(generation, ErrorKind::BadFrequency(Flaw::Missing), generation.len);
            // All generations of a trace have the same clock.
            let Some(frequency) = self.earlier.frequency else { return Err(error) };
            (generation.frequency, generation.has_frequency) = (frequency, true);
            if !self.phase.has_hole() {
                self.ledger.note(error);
            }
            self.phase.mark_hole();
        }
        let mut tolerated = Vec::new();
        let finished = generation.finish(source.window(), &mut |fault| {
            tolerated.push(fault);
            Ok(())
        });
        // Row 14.
        for BatchFault { kind, pos } in tolerated.into_iter().filter(|_| !self.phase.has_hole()) {
            self.ledger.note(locate(generation, kind, pos));
        }
        finished.map_err(|BatchFault { kind, pos }| locate(generation, kind, pos))?;
        self.earlier.frequency = Some(generation.frequency);
        self.earlier.time = generation.min_time;
        Ok(())
    }

    /// Skips the generation.
    fn skip(&mut self, error: Error, generation: &Generation, source: &Source<'_>) {
        self.ledger.reopen(self.before.take());
        self.ledger.note_break(error, loss::of_generation(generation, source.window()));
    }

    /// Delivers the Sync of the generation, preceded by a Gap if something was lost.
    fn open(&mut self, sequencer: &mut Sequencer, source: &Source<'_>) -> Result<(), Error> {
        // Row 10.
        if self.before.is_none()
            && let Some(error) = contradiction(sequencer, source)
        {
            self.before = Some(Break { at: error.at, lost: Tally::default() });
            self.ledger.note(error);
        }
        if self.before.is_some() {
            sequencer.sched = Sched::default();
        }
        sequencer.open(source)?;
        let lost = self.ledger.lost;
        for number in 0..sequencer.generation.threads.len() {
            let begun = sequencer.begin_thread(number, source);
            if let Err(fault) = begun.or_else(|fault| self.leave_batch(fault, sequencer, source)) {
                sequencer.stop();
                // The whole generation is lost, including its parts that were already counted.
                self.ledger.lost = lost;
                return Err(fault.into_error());
            }
        }
        sequencer.begin_generation();
        self.delivered.insert((sequencer.generation.number, sequencer.generation.min_time));
        put_gap(self.before.take(), sequencer);
        Ok(())
    }

    /// Ends the trace.
    fn end(&mut self, sequencer: &mut Sequencer, source: &Source<'_>) -> Next {
        if sequencer.syncs == 0 && self.ledger.faults().1 == 0 {
            let at = Location { offset: source.base(), ..Location::default() };
            self.ledger.note(Error { kind: ErrorKind::EmptyTrace, at });
            return Next::Nothing;
        }
        if self.ledger.open_break.is_none() && self.ledger.trailing == 0 {
            sequencer.warn_of_end(source);
        }
        self.close(None, sequencer)
    }

    /// Delivers the last Sync, preceded by a Gap if something was lost.
    fn close(&mut self, error: Option<Error>, sequencer: &mut Sequencer) -> Next {
        sequencer.close();
        put_gap(self.ledger.open_break.take(), sequencer);
        Next::LastSync(error)
    }

    /// Continues after the sequencer stopped at a fault: at the next batch if possible, otherwise
    /// at the next generation.
    pub fn recover(&mut self, fault: Fault, sequencer: &mut Sequencer, source: &Source<'_>) {
        if let Err(fault) = self.leave_batch(fault, sequencer, source) {
            self.give_up(fault, sequencer, source);
        }
    }

    /// Row 3. Continues with the next readable batch of the thread. Returns the fault if this row
    /// does not apply.
    fn leave_batch(&mut self, mut fault: Fault, sequencer: &mut Sequencer, source: &Source<'_>) -> Result<(), Fault> {
        use ErrorKind as K;
        let is_of_record = |kind: &K| {
            matches!(
                kind,
                K::UnknownEvent { .. } | K::EventNotInVersion { .. } | K::WrongContext { .. } | K::VarintTruncated
            )
        };
        loop {
            let (number, error) = match fault {
                Fault::Unreadable { cursor, error } if is_of_record(&error.kind) => (cursor, error),
                fault => return Err(fault),
            };
            let cursor = sequencer.cursor(number);
            self.ledger.note_loss(error, loss::of_batch_rest(cursor, &sequencer.generation, source.window()));
            let Err(next) = sequencer.resume(number, cursor.end, source) else { return Ok(()) };
            fault = next;
        }
    }

    /// Row 11. Drops the rest of the generation.
    fn give_up(&mut self, fault: Fault, sequencer: &mut Sequencer, source: &Source<'_>) {
        let mut lost = Tally { events: sequencer.samples_left(), ..Tally::default() };
        sequencer.unpark();
        let Sequencer { generation, .. } = &*sequencer;
        let rest = |cursor: &Cursor| loss::of_thread_rest(cursor, generation, source.window());
        sequencer.unfinished().for_each(|cursor| lost += rest(cursor));
        let error = match fault {
            // This thread is no longer in the frontier, so its events were not counted above.
            Fault::Unreadable { cursor, error } => {
                lost += rest(sequencer.cursor(cursor));
                error
            }
            Fault::Disorder(error) => error,
        };
        self.ledger.break_off(error.at, lost);
        if !(self.phase.has_hole() && matches!(error.kind, ErrorKind::StuckFrontier(_))) {
            self.ledger.note(error);
        }
        sequencer.stop();
    }
}

/// Puts a Gap before the current Sync if something was lost.
fn put_gap(lost: Option<Break>, sequencer: &mut Sequencer) {
    sequencer.generation.tables.gap = lost;
    if lost.is_some() {
        sequencer.put_gap_first();
    }
}

/// Row 10. Finds the first status that contradicts the end of the previous generation. Only the statuses at the start
/// of each thread's events and the statuses of goroutines without a thread are checked. A contradiction means that
/// something is missing between the generations, and is the only sign of it.
///
/// This starts the generation in the scheduler. Starting it again has no effect.
fn contradiction(sequencer: &mut Sequencer, source: &Source<'_>) -> Option<Error> {
    let Sequencer { sched, generation, delivered, .. } = sequencer;
    sched.begin_generation(generation.number);
    let base = generation.timebase(source.window());
    for thread in &generation.threads {
        let mut cursor = Cursor::new(Index::NONE, thread.id, thread.first);
        let mut pos = 0;
        while let Ok(true) = cursor.advance(pos, &base)
            && let Ok((event, args, end)) = cursor.read(&base)
        {
            let checked = match (event, args) {
                (EventType::GoStatus | EventType::GoStatusStack, [go, _, status, ..]) => {
                    sched.check_go_status(go, status)
                }
                (EventType::ProcStatus, [proc, status, ..]) => sched.check_proc_status(proc, status),
                _ => break,
            };
            if let Err(kind) = checked {
                let at = Location {
                    offset: source.base() + cursor.at as u64,
                    generation: Some(generation.number),
                    thread: present(thread.id).map(ThreadId),
                    event: Some(*delivered),
                };
                return Some(Error { kind: *kind, at });
            }
            pos = end;
        }
    }
    None
}
