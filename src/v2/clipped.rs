//! Batches that end before their sizes say: the file is cut in them, or their sizes are wrong and cover others.

use std::io;

use super::batch::{self, Batch, Framing};
use super::generation::{Generation, read_framing};
use super::raw;
use super::resync::{self, Found, Landmark, Wanted};
use super::salvage::{Outcome, holds_events};
use super::spec::EventType;
use super::verdict::Verdict;
use crate::account::{Ledger, Tally};
use crate::error::{Error, ErrorKind, Location};
use crate::wire::source::Source;

impl Generation {
    /// What a batch covers if its size is wrong, which shows by what stands behind it, or in a table by its records. If that
    /// can't be read, it is met again behind the batch.
    pub fn find_misframed(&mut self, batch: &Batch, source: &mut Source<'_>, last: u64) -> Option<(Error, Found)> {
        let (kind, at) = match read_framing(source, batch.end, batch::read_any).ok()? {
            Ok(Framing::Batch(next)) if !may_follow(batch.generation, next.generation) => {
                let kind = ErrorKind::InterleavedGenerations { current: batch.generation, found: next.generation };
                (kind, batch.end)
            }
            Ok(_) if resync::begins_table(batch, source.window()) => {
                let end = raw::sound(batch, source.window()).until;
                if end == batch.end {
                    return None;
                }
                (ErrorKind::WrongContext { event: EventType::EventBatch.name() }, end)
            }
            Ok(_) => return None,
            Err(_) if source.window().len() == batch.end => return None,
            Err(fault) => (fault.kind, fault.at),
        };
        let error = self.error_in(batch, kind, source.base() + at as u64);
        let swallowed = self.find_within(batch, source, last).ok()??;
        Some((error, swallowed))
    }

    /// A batch that goes on past the file's end: the file is cut in it, or its size is wrong and others follow.
    pub fn take_cut(
        &mut self,
        batch: &Batch,
        source: &mut Source<'_>,
        last: u64,
        ledger: &mut Ledger,
    ) -> Outcome<bool> {
        let end = source.window().len();
        let offset = source.base() + end as u64;
        let missing = (batch.end - end) as u64;
        let error = self.error_in(batch, ErrorKind::TruncatedBatch { missing }, offset);
        let is_taken = matches!(self.judge_number(batch, last), Verdict::Take);
        if let Ok(Some((at, landmark))) = self.find_within(batch, source, last) {
            // Its size is wrong: the place is the batch, and not the end of the file.
            let place = Location { offset: source.base() + batch.start as u64, ..error.at };
            let error = Error { at: place, ..error };
            return Ok(match is_taken {
                true => self.take_until((at, landmark), batch, error, source, ledger),
                false => self.land(at, landmark, error, source, ledger),
            });
        }
        if batch.body >= end || !is_taken {
            let bytes = (end - self.len) as u64;
            self.damage.is_partial = true;
            self.len = end;
            ledger.break_off(error.at, Tally { bytes, batches: 1, ..Tally::default() });
            ledger.note(error);
            return Ok(false);
        }
        self.damage.file_cut_at = Some(end);
        self.take_clipped(&Batch { end, ..*batch }, error, source, ledger);
        Ok(false)
    }

    /// Looks in a batch that is not what its size says for others: those behind it that its size covers.
    fn find_within(&mut self, batch: &Batch, source: &mut Source<'_>, last: u64) -> io::Result<Option<Found>> {
        let sound = raw::sound(batch, source.window());
        let wanted = Wanted {
            is_opaque: batch.experiment.is_some(),
            sound_until: sound.until,
            texts_until: sound.texts_until,
            ..self.wanted(last)
        };
        self.find(source, batch.start..batch.end.min(source.window().len()), wanted)
    }

    /// Takes what is a batch's own of one that covers others; false if the generation ends behind it.
    pub fn take_until(
        &mut self,
        (at, landmark): Found,
        batch: &Batch,
        error: Error,
        source: &Source<'_>,
        ledger: &mut Ledger,
    ) -> bool {
        if batch.body >= at {
            return self.land(at, landmark, error, source, ledger);
        }
        self.take_clipped(&Batch { end: at, ..*batch }, error, source, ledger);
        self.damage.has_hole = true;
        landmark == Landmark::Batch(self.number)
    }

    /// Takes a batch that ends before its size says. The error is news if nothing else is wrong with it.
    fn take_clipped(&mut self, batch: &Batch, error: Error, source: &Source<'_>, ledger: &mut Ledger) {
        self.damage.is_partial = true;
        // What is wrong with a table shows here, with events once they are read.
        if !self.damage.has_hole && holds_events(batch, source.window()) {
            self.damage.clipped_at = Some(batch.end);
        }
        let (_, told) = ledger.faults();
        self.add_and_note(batch, source, ledger);
        ledger.break_off(error.at, Tally::default());
        if ledger.faults().1 == told {
            ledger.note(error);
        }
        self.len = batch.end;
    }
}

/// Whether a batch of one generation may stand behind one of another.
fn may_follow(generation: u64, next: u64) -> bool {
    next == generation || next == generation.wrapping_add(1)
}
