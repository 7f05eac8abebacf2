//! How a decoder goes on over damage: to the next batch of an M where a batch is damaged, to the next generation where
//! the order of events is, and from there with nothing in mind.

use super::super::cursor::Cursor;
use super::super::generation::Generation;
use super::super::order::Unknown;
use super::super::salvage::{self, Salvaged};
use super::super::spec::EventType;
use super::{Decoder, Stage};
use crate::account::{Break, Tally};
use crate::error::{Error, ErrorKind, Location};
use crate::event::record::{Record, What};
use crate::id::{ThreadId, present};
use crate::limits;
use crate::sched::Sched;
use crate::sched::arena::Index;
use crate::wire::source::Source;

/// Whether an error ends lenient reading as well: it is no damage of the trace.
pub(super) fn is_final(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::Io(_) | ErrorKind::LimitExceeded { .. })
}

/// Whether what is wrong with an event makes its batch unreadable from there on, and no more.
fn is_of_one_batch(kind: &ErrorKind) -> bool {
    use ErrorKind as K;
    matches!(kind, K::UnknownEvent { .. } | K::EventNotInVersion { .. } | K::WrongContext { .. } | K::VarintTruncated)
}

impl Decoder {
    /// Reads on after the last event of a generation, over whatever is damaged; false at the end.
    pub(super) fn next_sound_generation(&mut self, source: &mut Source<'_>) -> Result<bool, Error> {
        loop {
            match std::mem::replace(&mut self.stage, Stage::Ended) {
                Stage::Reading => {}
                Stage::Failing(error) => return Err(error),
                Stage::Ended => return Ok(false),
            }
            if let Some(error) = self.pending.take() {
                return Ok(self.close_over_gap(Stage::Failing(error)));
            }
            source.release(self.generation.len);
            let last = self.generation.number;
            match self.generation.salvage(source, last, &mut self.ledger) {
                Ok(Salvaged::Events(broken_off)) => self.pending = broken_off,
                Ok(Salvaged::Skipped) => {
                    self.stage = Stage::Reading;
                    continue;
                }
                Ok(Salvaged::End) => return Ok(self.end_over_gap(source)),
                Err(error) => return Ok(self.close_over_gap(Stage::Failing(error))),
            }
            self.stage = Stage::Reading;
            if self.open_over_gap(source) {
                return Ok(true);
            }
        }
    }

    /// Delivers the generation's Sync, behind the gap before it if there is one; false if it has to be skipped after all.
    fn open_over_gap(&mut self, source: &Source<'_>) -> bool {
        if self.generation.damage.before.is_none()
            && let Some(error) = self.contradiction(source)
        {
            self.generation.damage.before = Some(Break { at: error.at, lost: Tally::default() });
            self.ledger.note(error);
        }
        let before = self.generation.damage.before;
        if before.is_some() {
            self.sched = Sched::default();
        }
        let lost = self.ledger.lost;
        match self.open(source) {
            Ok(()) => {}
            Err(error) if is_final(&error) => {
                self.close_over_gap(Stage::Failing(error));
                return true;
            }
            Err(error) => {
                self.clear_heads();
                self.generation.samples.clear();
                // All of the generation is lost: what was given up of it before is no other loss.
                self.ledger.lost = lost;
                self.generation.skip(error, source, &mut self.ledger);
                return false;
            }
        }
        let Generation { number, min_time, damage, .. } = &mut self.generation;
        damage.before = None;
        damage.trace.before_copies = None;
        damage.trace.delivered.insert((*number, *min_time));
        self.generation.tables.gap = before;
        if before.is_some() {
            self.put_gap_first();
        }
        true
    }

    /// What the statuses with which each M's part of a generation opens, or those of goroutines without an M, say otherwise
    /// than it was left: then something of the generation before is missing, and the file does not show what. The scheduler
    /// is in the generation then; that it begins it once more changes nothing.
    fn contradiction(&mut self, source: &Source<'_>) -> Option<Error> {
        let Decoder { sched, generation, .. } = self;
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
                        event: Some(self.delivered),
                    };
                    return Some(Error { kind: *kind, at });
                }
                pos = end;
            }
        }
        None
    }

    /// The trace's end.
    fn end_over_gap(&mut self, source: &Source<'_>) -> bool {
        if self.syncs == 0 && self.ledger.faults().1 == 0 {
            let at = Location { offset: source.base(), ..Location::default() };
            self.ledger.note(Error { kind: ErrorKind::EmptyTrace, at });
            return false;
        }
        if self.ledger.open_break.is_none() && self.ledger.trailing == 0 {
            self.warn_of_end(source);
        }
        self.close_over_gap(Stage::Ended)
    }

    /// Delivers the last Sync, behind a gap if something was lost before it.
    fn close_over_gap(&mut self, stage: Stage) -> bool {
        let before = self.ledger.open_break.take();
        self.close(stage);
        self.generation.tables.gap = before;
        if before.is_some() {
            self.put_gap_first();
        }
        true
    }

    /// Puts the gap before the Sync that is current.
    fn put_gap_first(&mut self) {
        let sync = self.out.current;
        let time = if self.syncs == 1 { sync.time.saturating_sub(1) } else { self.last_time };
        self.out.current = Record { what: What::Gap, time, ..Record::BLANK };
        *self.out.copy() = sync;
    }

    /// Goes on over an error in ordering.
    #[cold]
    pub(super) fn recover(&mut self, error: Error, source: &Source<'_>) {
        let faulty = self.faulty.take();
        let head = faulty.and_then(|i| Some((i, self.frontier.heads().get(i)?.cursor as usize)));
        match head {
            Some((i, number)) if is_of_one_batch(&error.kind) => {
                let pos = self.leave_batch(number, error, source);
                self.finish(i, number, pos, source);
            }
            _ => self.abandon(error, source),
        }
    }

    /// Goes on to the next sound event of an M, over what is wrong with one.
    #[cold]
    pub(super) fn advance_over(&mut self, number: usize, mut error: Error, source: &Source<'_>) -> Result<bool, Error> {
        while self.generation.mode.lenient && is_of_one_batch(&error.kind) {
            let pos = self.leave_batch(number, error, source);
            match self.cursors[number].advance(pos, &self.generation.timebase(source.window())) {
                Ok(there) => return Ok(there),
                Err(kind) => error = self.error(*kind, number, source),
            }
        }
        Err(error)
    }

    /// Gives up the rest of the batch in which a cursor is, from its event on; gives its end.
    fn leave_batch(&mut self, number: usize, error: Error, source: &Source<'_>) -> usize {
        let cursor = &self.cursors[number];
        let (at, end) = (cursor.at, cursor.end);
        let rest = source.window().get(at..end).unwrap_or_default();
        let events = salvage::count_events(rest, self.generation.alphabet);
        self.ledger.lose(Tally { bytes: rest.len() as u64, batches: 0, generations: 0, events });
        if self.generation.damage.clipped_at != Some(end) {
            self.ledger.note(error);
        }
        end
    }

    /// Gives up the rest of the generation.
    #[cold]
    pub(super) fn abandon(&mut self, error: Error, source: &Source<'_>) {
        let mut lost = Tally { events: (self.generation.samples.len() - self.next_sample) as u64, ..Tally::default() };
        self.unpark();
        for head in self.frontier.heads() {
            lost += self.rest_of(head.cursor as usize, source);
        }
        self.ledger.break_off(error.at, lost);
        // What is missing is the reason for a standstill.
        if !(self.is_told_partial() && matches!(error.kind, ErrorKind::StuckFrontier(_))) {
            self.ledger.note(error);
        }
        self.clear_heads();
        self.generation.samples.clear();
        self.go_to_sample(0);
    }

    /// What a cursor has before it.
    fn rest_of(&self, number: usize, source: &Source<'_>) -> Tally {
        let cursor = &self.cursors[number];
        let window = source.window();
        let count = |from: usize, to: usize| {
            salvage::count_events(window.get(from..to).unwrap_or_default(), self.generation.alphabet)
        };
        let mut rest = Tally {
            bytes: cursor.end.saturating_sub(cursor.at) as u64,
            events: count(cursor.at, cursor.end),
            ..Tally::default()
        };
        let mut next = cursor.next_batch();
        while let Some(batch) = next.and_then(|next| self.generation.batches.get(next as usize)) {
            rest += Tally {
                bytes: (batch.end - batch.start) as u64,
                batches: 1,
                generations: 0,
                events: count(batch.body, batch.end),
            };
            next = batch.next;
        }
        rest
    }

    /// Notes what strict reading would have refused of an event that has happened.
    pub(super) fn note_oddities(
        &mut self,
        event: EventType,
        unknown: Option<Unknown>,
        number: usize,
        source: &Source<'_>,
    ) {
        let since = event.spec().since;
        if since > self.version {
            let kind = ErrorKind::EventNotInVersion { event: event.name(), since: since.minor() };
            self.ledger.note(self.error(kind, number, source));
        }
        if let Some(unknown) = unknown {
            self.note_unknown(self.error(unknown.into(), number, source));
        }
    }

    /// Notes an ID that the tables lack, if that is news.
    pub(super) fn note_unknown(&mut self, error: Error) {
        if !self.is_told_partial() {
            self.ledger.note(error);
        }
    }

    /// Whether it is known that some of the generation is missing, and was told of it.
    fn is_told_partial(&self) -> bool {
        self.generation.damage.is_partial && self.ledger.has_told_of(self.generation.number)
    }

    /// Holds what lives to the limits.
    pub(super) fn check_limits(&self, offset: u64) -> Result<(), Error> {
        let limits = &self.generation.mode.limits;
        let live = self.sched.live();
        let checked = limits::check("goroutines", live.goroutines, limits.goroutines)
            .and_then(|()| limits::check("Ps", live.procs, limits.procs))
            .and_then(|()| limits::check("open tasks", live.tasks, limits.tasks))
            .and_then(|()| limits::check("open regions", live.regions, limits.regions));
        checked.map_err(|kind| self.error_here(kind, offset))
    }

    /// Holds what is taken from one generation into the next to its limit.
    pub(super) fn check_carried(&mut self, offset: u64) -> Result<(), Error> {
        /// A goroutine takes some eighty bytes, and six at the least in each generation.
        const FACTOR: u64 = 16;
        let limit = self.generation.mode.limits.carried_bytes.saturating_add(self.largest.saturating_mul(FACTOR));
        self.largest = self.largest.max(self.generation.len as u64);
        limits::check("bytes that live on in the next generation", self.sched.bytes(), limit)
            .map_err(|kind| self.error_here(kind, offset))
    }

    /// An error in the generation as a whole.
    fn error_here(&self, kind: ErrorKind, offset: u64) -> Error {
        let generation = (self.generation.number != 0).then_some(self.generation.number);
        let at = Location { offset, generation, thread: None, event: Some(self.delivered) };
        Error { kind, at }
    }
}
