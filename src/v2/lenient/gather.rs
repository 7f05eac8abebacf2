//! Collects the batches of one generation, before and after damage.
//!
//! ```text
//!  batch batch batch ░░damage░░ batch batch End  batch …
//!  └ events, tables ┘           └ tables ┘       └ the next generation
//! ```

use std::ops::ControlFlow;

use super::loss;
use super::resync::{self, Landmark, Wanted};
use super::state::{EarlierGenerations, Phase, Preceding};
use crate::account::{Break, Ledger, Tally};
use crate::error::{Error, ErrorKind, Flaw, Location};
use crate::v2::batch::{self, Batch, Framing};
use crate::v2::generation::Generation;
use crate::v2::records::Fault;
use crate::v2::spec::EventType;
use crate::wire::header::Version;
use crate::wire::lines;
use crate::wire::source::Source;

/// The number of bytes after damage in which to look for the rest of the generation. These bytes stay in memory.
const NEAR: usize = 1 << 20;

pub(super) struct Gather<'a, 's> {
    pub generation: &'a mut Generation,
    pub source: &'a mut Source<'s>,
    pub ledger: &'a mut Ledger,
    pub earlier: &'a mut EarlierGenerations,
    pub phase: Phase,
    /// The loss before the generation.
    pub before: Option<Break>,
    /// The generations that are missing before this one. They are counted later, because this generation may be a copy.
    pub missing: Option<Break>,
}

/// Whether the generation continues or has ended.
type Step = ControlFlow<()>;
const CONTINUES: Step = ControlFlow::Continue(());
const ENDED: Step = ControlFlow::Break(());

/// The relation of a batch to the generation.
enum Fit {
    Belongs,
    /// The batch starts another generation.
    EndsBefore,
    /// The batch is skipped.
    LeftOut(ErrorKind),
}

impl Gather<'_, '_> {
    /// Reads up to the end of the generation, or to the end of the file if there is no generation.
    /// Fails on I/O errors and limits (row 13).
    pub fn run(&mut self) -> Result<(), Error> {
        loop {
            if self.is_before() {
                self.source.release(self.generation.len);
                self.generation.len = 0;
            }
            let pos = self.generation.len;
            let step = match self.frame(pos)? {
                Some(Ok(Framing::Batch(batch))) => self.batch(&batch)?,
                Some(Ok(Framing::EndOfGeneration)) => self.end_of_generation(),
                Some(Err(fault)) if self.is_before() => self.between_generations(fault),
                // The header of another trace is handled after this generation.
                Some(Err(_)) | None => self.end_without_mark(pos),
            };
            if step.is_break() {
                return Ok(());
            }
            self.generation.check_limits().map_err(|kind| self.error(kind, pos, None))?;
        }
    }

    fn is_before(&self) -> bool {
        matches!(self.phase, Phase::Before)
    }

    /// Creates an error at a position of the window, in a batch or between batches.
    fn error(&self, kind: ErrorKind, pos: usize, batch: Option<&Batch>) -> Error {
        let offset = self.source.base() + pos as u64;
        match batch {
            Some(batch) => self.generation.error_in(batch, kind, offset),
            None => self.generation.error(kind, offset, None),
        }
    }

    /// Returns what starts at `pos`. `None` at the end of the file.
    fn frame(&mut self, pos: usize) -> Result<Option<Result<Framing, batch::Fault>>, Error> {
        let framing = match self.source.fill(pos + 1) {
            Ok(true) => batch::read_from(self.source, pos, batch::read_any).map(Some),
            Ok(false) => Ok(None),
            Err(error) => Err(error),
        };
        framing.map_err(|error| self.error(error.into(), self.source.window().len(), None))
    }

    /// Returns what follows a batch that ends at `pos`, and whether there is an end of the generation in between. An
    /// end is only one byte, which is common in text, so it does not prove that the size of the batch is right.
    fn after(&mut self, pos: usize) -> (bool, Option<Result<Framing, batch::Fault>>) {
        // An I/O error will occur again in the next step.
        match self.frame(pos).ok().flatten() {
            Some(Ok(Framing::EndOfGeneration)) => (true, self.frame(pos + 1).ok().flatten()),
            next => (false, next),
        }
    }

    /// Handles the end of a generation (row 14). An end without a generation before it has no effect.
    fn end_of_generation(&mut self) -> Step {
        let at = self.generation.len;
        self.generation.len += 1;
        if self.is_before() {
            self.ledger.note_loss(self.error(ErrorKind::BadFrequency(Flaw::Missing), at, None), Tally::of_bytes(1));
            return CONTINUES;
        }
        let (event, since) = (EventType::EndOfGeneration.name(), EventType::EndOfGeneration.spec().since);
        if self.generation.version < since {
            self.ledger.note(self.error(ErrorKind::EventNotInVersion { event, since: since.minor() }, at, None));
        }
        ENDED
    }

    /// Handles a generation without an end (row 14).
    fn end_without_mark(&mut self, pos: usize) -> Step {
        if matches!(self.phase, Phase::Sound) && self.generation.version >= Version::Go126 {
            self.ledger.note(self.error(ErrorKind::MissingEndOfGeneration, pos, None));
        }
        ENDED
    }

    /// Adds or skips a batch. The bytes after the batch show whether its number and its size can be right.
    fn batch(&mut self, batch: &Batch) -> Result<Step, Error> {
        let is_whole = self.source.fill(batch.end);
        let window_end = self.source.window().len();
        let is_whole = is_whole.map_err(|error| self.error(error.into(), window_end, None))?;
        let (is_last, next) = if is_whole { self.after(batch.end) } else { (false, None) };
        let next_generation = match &next {
            Some(Ok(Framing::Batch(next))) => Some(next.generation),
            _ => None,
        };
        let misfit = match self.fit(batch.generation, next_generation) {
            Fit::EndsBefore => return Ok(self.end_without_mark(batch.start)),
            Fit::LeftOut(kind) => Some(self.error(kind, batch.start, Some(batch))),
            Fit::Belongs => {
                self.begin(batch);
                None
            }
        };
        let (error, reach) = match next {
            _ if !is_whole => {
                let kind = ErrorKind::TruncatedBatch { missing: (batch.end - window_end) as u64 };
                (self.error(kind, window_end, Some(batch)), window_end)
            }
            Some(Err(fault)) if !matches!(fault.kind, ErrorKind::MultipleTraces) => {
                let reach = if is_last { batch.end } else { batch.end.saturating_add(NEAR) };
                (self.generation.error_of(fault, self.source.base()), reach)
            }
            Some(Ok(Framing::Batch(next))) if !may_follow(batch.generation, next.generation) => {
                let (current, found) = (batch.generation, next.generation);
                let kind = ErrorKind::InterleavedGenerations { current, found };
                (self.error(kind, batch.end, Some(batch)), batch.end)
            }
            _ => {
                self.take(batch, batch.end, misfit);
                return Ok(CONTINUES);
            }
        };
        Ok(self.batch_before_damage(batch, misfit, error, reach))
    }

    /// Determines the relation of a batch to the generation (rows 4 and 8). An unexpected number is right if the next
    /// batch has the same number.
    fn fit(&self, found: u64, next: Option<u64>) -> Fit {
        let (last, number) = (self.earlier.number, self.generation.number);
        let (due, misfit) = match self.is_before() {
            true => (last.wrapping_add(1), ErrorKind::GenerationOutOfOrder { last, found }),
            false => (number, ErrorKind::InterleavedGenerations { current: number, found }),
        };
        let is_first = self.is_before() && last == 0;
        let is_confirmed = next.is_some_and(|next| may_follow(found, next));
        let is_next = !self.is_before() && found == number.wrapping_add(1);
        match found {
            0 => Fit::LeftOut(ErrorKind::InvalidGeneration),
            _ if found == due || is_first => Fit::Belongs,
            _ if next == Some(due) || !(is_next || is_confirmed) => Fit::LeftOut(misfit),
            _ if self.is_before() => Fit::Belongs,
            _ => Fit::EndsBefore,
        }
    }

    /// Counts a batch of the generation, and starts the generation if it is the first batch.
    fn begin(&mut self, batch: &Batch) {
        let (last, found) = (self.earlier.number, batch.generation);
        if self.is_before() {
            self.phase = Phase::Sound;
            self.earlier.preceding = Preceding::WholeGeneration;
            self.before = self.ledger.open_break.take();
            // Row 8.
            if last != 0 && found != last.wrapping_add(1) {
                let error = self.error(ErrorKind::GenerationOutOfOrder { last, found }, batch.start, Some(batch));
                // A number that is far too high is damaged, so no generations are missing.
                let skipped = found.saturating_sub(last).saturating_sub(1);
                let generations = Some(skipped).filter(|skipped| *skipped <= resync::MAX_SKIPPED).unwrap_or_default();
                self.missing = Some(Break { at: error.at, lost: Tally { generations, ..Tally::default() } });
                self.ledger.note(error);
            }
        }
        self.generation.count(batch);
    }

    /// Handles a batch before damage (row 1, or row 2 if no other batch is found). Either the size of the batch is
    /// wrong, or the bytes after it are damaged. Looks for other batches up to `reach`.
    fn batch_before_damage(&mut self, batch: &Batch, misfit: Option<Error>, mut error: Error, reach: usize) -> Step {
        let found = resync::find(self.source, batch.start + 1..reach, self.wanted());
        let has_batches = found.is_some_and(|(at, landmark)| at < batch.end || landmark != Landmark::Trace);
        if let Some((at, Landmark::Batch(_))) = found
            && self.is_text_after(batch, &error, at)
        {
            self.take(batch, batch.end, misfit);
            self.ledger.note_loss(error, Tally::of_bytes(at - batch.end));
            self.generation.len = at;
            return CONTINUES;
        }
        let is_sound = found.is_none() && reach == batch.end;
        if is_sound || !has_batches && self.may_be_over(batch, &error) {
            self.take(batch, batch.end, misfit);
            return if is_sound { CONTINUES } else { ENDED };
        }
        if found.is_some() && matches!(error.kind, ErrorKind::TruncatedBatch { .. }) {
            // The file is not truncated there, so the size of the batch is wrong.
            error.at.offset = self.source.base() + batch.start as u64;
        }
        let end = found.map_or(self.source.window().len(), |(at, _)| at).min(batch.end);
        self.take(batch, end, misfit);
        self.leave_hole(error, end, found.map_or(end, |(at, _)| at));
        match found {
            Some(_) => CONTINUES,
            None => {
                self.earlier.preceding = Preceding::Damage;
                if self.is_before() { CONTINUES } else { ENDED }
            }
        }
    }

    /// Returns whether there is only text between a batch and the next batch at `at` (row 15). Then no bytes of the
    /// trace are missing.
    fn is_text_after(&self, batch: &Batch, error: &Error, at: usize) -> bool {
        matches!(error.kind, ErrorKind::TextInTrace { .. })
            && self.source.window().get(batch.end..at).is_some_and(lines::is_printed)
    }

    /// Returns whether the generation may end before these bytes (row 12). Before Go 1.26, a generation ends with its
    /// strings.
    fn may_be_over(&self, batch: &Batch, error: &Error) -> bool {
        let is_strings = batch.first(self.source.window()) == Some(EventType::Strings);
        matches!(error.kind, ErrorKind::NotABatch { .. } | ErrorKind::TextInTrace { .. })
            && !self.is_before()
            && self.generation.version < Version::Go126
            && (is_strings || self.generation.tables.strings.len() > 0)
    }

    /// Adds a batch up to `end`, which may be before its own end. The caller reports the reason.
    fn take(&mut self, batch: &Batch, end: usize, misfit: Option<Error>) {
        self.generation.len = end;
        let is_clipped = end < batch.end;
        let mut batch = Batch { end, body: batch.body.min(end), ..*batch };
        let window = self.source.window();
        if let Some(error) = misfit {
            // Row 4.
            self.generation.total_batches += 1;
            return self.ledger.note_loss(error, loss::of_batch(&batch, self.generation, window));
        }
        if loss::holds_events(&batch, window) {
            if self.phase.has_hole() {
                // Row 1. The events of the thread in the missing part are unknown.
                return self.ledger.break_off(Location::default(), loss::of_batch(&batch, self.generation, window));
            }
            if is_clipped {
                batch.end = batch.body + loss::whole_events(batch.body(window), self.generation.alphabet).1;
                self.ledger.lose(Tally::of_bytes(end - batch.end));
            }
        }
        let Some(Fault { kind, pos }) = self.add(&batch) else { return };
        let error = self.error(kind, pos, Some(&batch));
        let rest = Tally::of_bytes(batch.end.saturating_sub(pos));
        match error.kind {
            // Row 9.
            ErrorKind::BadFrequency(_) => self.phase = Phase::Unusable(error),
            // Row 5.
            ErrorKind::DuplicateBatch => {
                self.ledger.note_loss(error, loss::of_batch(&batch, self.generation, self.source.window()));
            }
            // The caller reports why the table is cut.
            _ if is_clipped => self.ledger.lose(rest),
            _ => match resync::find(self.source, batch.start + 1..batch.end, self.wanted()) {
                // Row 1. The size of the table covers other batches.
                Some((at, _)) => self.leave_hole(error, pos, at),
                // Row 3.
                None => self.ledger.note_loss(error, rest),
            },
        }
    }

    /// Continues at `at`. The bytes from `pos` on and all later events of the generation are lost
    /// (row 1).
    fn leave_hole(&mut self, error: Error, pos: usize, at: usize) {
        self.ledger.note_break(error, Tally::of_bytes(at.saturating_sub(pos)));
        self.phase.mark_hole();
        self.earlier.preceding = Preceding::DamagedGeneration;
        self.generation.len = at;
    }

    /// Adds a batch to the generation, and notes the faults that are tolerated (rows 6 and 14). Returns the fault that
    /// is not tolerated.
    fn add(&mut self, batch: &Batch) -> Option<Fault> {
        let window = self.source.window();
        let is_clock = matches!(batch.first(window), Some(EventType::Sync | EventType::Frequency));
        // A second clock is a fault of the generation, unless it is a copy (row 5).
        if is_clock && window.get(self.generation.clock_batch.clone()) == window.get(batch.start..batch.end) {
            return Some(Fault { kind: ErrorKind::DuplicateBatch, pos: batch.start });
        }
        let mut tolerated = Vec::new();
        let added = self.generation.add(batch, window, &mut |fault| {
            tolerated.push(fault);
            Ok(())
        });
        for Fault { kind, pos } in tolerated {
            self.ledger.note(self.error(kind, pos, Some(batch)));
        }
        added.err()
    }

    fn wanted(&self) -> Wanted {
        match (&self.phase, self.earlier.number) {
            // The first generation of a flight recorder can have any number.
            (Phase::Before, 0) => Wanted { from: None, near: self.earlier.time },
            (Phase::Before, last) => Wanted { from: Some(last.saturating_add(1)), near: self.earlier.time },
            _ => Wanted { from: Some(self.generation.number), near: self.generation.min_time },
        }
    }

    /// Handles bytes after the last generation that are not a batch. Skips to the next landmark, or to the end of the
    /// file.
    fn between_generations(&mut self, fault: batch::Fault) -> Step {
        let error = self.generation.error_of(fault, self.source.base());
        if let ErrorKind::MultipleTraces = error.kind {
            // Row 12.
            self.ledger.note(self.after_last(error));
            self.drain();
            return ENDED;
        }
        let preceding = std::mem::replace(&mut self.earlier.preceding, Preceding::Damage);
        let start = self.source.base();
        let found = self.go_to_landmark();
        let bytes = self.source.base() - start;
        let is_batch = matches!(found, Some(Landmark::Batch(_)));
        let is_tail = !is_batch && matches!(error.kind, ErrorKind::NotABatch { .. } | ErrorKind::TextInTrace { .. });
        if is_tail && preceding == Preceding::WholeGeneration {
            // Row 12.
            self.ledger.trailing += bytes;
            let error = self.after_last(error);
            self.ledger.note(Error { kind: batch::unframed(error.kind, true), ..error });
            return CONTINUES;
        }
        // Row 1.
        self.ledger.break_off(error.at, Tally { bytes, ..Tally::default() });
        if preceding != Preceding::Damage {
            self.ledger.note(error);
        }
        CONTINUES
    }

    /// Skips to the first landmark after the next byte, or to the end of the file. Does not keep these bytes in memory.
    fn go_to_landmark(&mut self) -> Option<Landmark> {
        let mut from = 1;
        loop {
            if let Some((at, landmark)) = resync::find(self.source, from..NEAR, self.wanted()) {
                self.source.release(at);
                return Some(landmark);
            }
            let len = self.source.window().len().min(NEAR);
            self.source.release(len);
            if len < NEAR {
                return None;
            }
            from = 0;
        }
    }

    /// Sets the location of an error after the last generation. Before Go 1.26, it is located in the last generation.
    fn after_last(&self, error: Error) -> Error {
        let last = Some(self.earlier.number).filter(|last| *last != 0 && self.generation.version < Version::Go126);
        Error { at: Location { generation: last.or(error.at.generation), ..error.at }, ..error }
    }

    /// Counts the bytes after the trace. I/O errors do not matter here.
    fn drain(&mut self) {
        while self.source.fill(1).is_ok_and(|has_more| has_more) {
            let len = self.source.window().len();
            self.ledger.trailing += len as u64;
            self.source.release(len);
        }
    }
}

/// Returns whether a batch of one generation may precede a batch of another.
fn may_follow(generation: u64, next: u64) -> bool {
    next == generation || next == generation.wrapping_add(1)
}
