//! Whether a batch belongs to the generation that lenient reading is in.

use super::batch::{self, Batch, Framing};
use super::generation::{Generation, read_framing};
use super::resync;
use crate::error::ErrorKind;
use crate::id::NONE;
use crate::wire::header::Version;
use crate::wire::source::Source;

/// What to do with a batch.
pub(super) enum Verdict {
    /// It belongs to the generation.
    Take,
    /// It is the first of another generation.
    EndsBefore,
    /// It does not belong here.
    LeaveOut(ErrorKind),
}

impl Generation {
    /// What to do with a batch, by the number of its generation, and by that of the batch behind it: a batch with a
    /// strange number between two of the same is the strange one.
    pub fn judge(&self, batch: &Batch, source: &mut Source<'_>, last: u64) -> Verdict {
        let found = batch.generation;
        let expected = if self.number == 0 { last.wrapping_add(1) } else { self.number };
        let is_second_clock = self.has_frequency
            && found == expected
            && batch.thread == NONE
            && resync::begins_clock(batch, source.window());
        if found == expected && !is_second_clock || found != 0 && self.number == 0 && last == 0 {
            return Verdict::Take;
        }
        let next = match read_framing(source, batch.end, batch::read_any) {
            Ok(Ok(Framing::Batch(next))) => Some(next.generation),
            _ => None,
        };
        if is_second_clock {
            return self.judge_second_clock(batch, next, source.window());
        }
        // What skips some is believed if another batch agrees.
        let follows = found == self.number.wrapping_add(1);
        let is_believed = follows || next.is_some_and(|next| next == found || next == found.wrapping_add(1));
        let is_new = (found > self.number || self.version < Version::Go126) && is_believed;
        if found == 0 || next == Some(expected) || self.number != 0 && !is_new {
            let kind = match (found, self.number) {
                (0, _) => ErrorKind::InvalidGeneration,
                (_, 0) => ErrorKind::GenerationOutOfOrder { last, found },
                (_, current) => ErrorKind::InterleavedGenerations { current, found },
            };
            return Verdict::LeaveOut(kind);
        }
        match self.number {
            0 => Verdict::Take,
            _ => Verdict::EndsBefore,
        }
    }

    /// Where no ends are marked, a clock begins a generation. One with this one's number is a copy of its clock, or the next
    /// one's with a wrong number.
    fn judge_second_clock(&self, batch: &Batch, next: Option<u64>, window: &[u8]) -> Verdict {
        if window.get(self.clock_batch.clone()) == window.get(batch.start..batch.end) {
            return Verdict::LeaveOut(ErrorKind::DuplicateBatch);
        }
        match self.version < Version::Go126 && next == Some(self.number.wrapping_add(1)) {
            true => Verdict::EndsBefore,
            false => Verdict::Take,
        }
    }

    /// The same of a batch behind which there is nothing.
    pub fn judge_number(&self, batch: &Batch, last: u64) -> Verdict {
        match self.check_number(batch, last) {
            Ok(()) => Verdict::Take,
            Err(kind) => Verdict::LeaveOut(kind),
        }
    }
}
