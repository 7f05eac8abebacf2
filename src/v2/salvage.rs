//! What lenient reading makes of a damaged generation.
//!
//! ```text
//!  batch batch batch ░░damage░░ batch batch End  batch …
//!  └ events, tables ┘           └ tables ┘       └ the next generation
//! ```
//!
//! Where the row of batches is lost, [`resync`](super::resync) looks for the next one. If that is of the same generation,
//! its tables are still good for the events before the damage. Its events are not: what happened on the Ms in between is
//! gone, and they would seem to be of whatever ran there before. So the generation's events end with the damage.
//!
//! A batch that does not belong where it stands is left out. What is wrong inside a table costs the rest of its batch.

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;

use super::batch::{self, Batch, Framing};
use super::generation::{Fault, Generation, Thread, read_framing};
use super::resync::{self, Found, Landmark, Wanted};
use super::spec::{Alphabet, EventType};
use super::verdict::Verdict;
use crate::account::{Break, Ledger, Tally};
use crate::error::{Error, ErrorKind, Flaw, Location};
use crate::time::Frequency;
use crate::wire::header::{self, Version};
use crate::wire::source::Source;
use crate::wire::varint;

/// How far behind damage the rest of the same generation is looked for: what is between is in memory.
const NEAR: usize = 1 << 20;

/// What is known of the damage in a generation.
#[derive(Debug, Default)]
pub(super) struct Damage {
    /// Faults of the batch being added, to be noted.
    pub noted: Vec<Fault>,
    /// Threads whose batches are not in the order of their times.
    pub unsorted: BTreeSet<u32>,
    /// Something of the generation is missing, so what follows from that is no news.
    pub is_partial: bool,
    /// No event of a batch behind the damage can be trusted.
    pub has_hole: bool,
    /// Where the batch was cut off whose events are the last to be read; what is wrong there was told.
    pub clipped_at: Option<usize>,
    /// The end of a file that is cut in a batch; that was told.
    pub file_cut_at: Option<usize>,
    /// Why the generation can't be delivered.
    unsound: Option<Error>,
    /// The bytes can't be read on.
    broken_off: Option<Error>,
    /// What was lost between the last generation and this one.
    pub before: Option<Break>,
    /// What had been lost before this one's number was compared with the last one's.
    lost_before_number: Option<Break>,
    /// What is known of the trace before the generation.
    pub trace: Known,
}

/// What is known of the trace so far.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// What is wrong behind the generation was told already.
    is_told: bool,
    /// The trace is over, whatever follows.
    is_over: bool,
    /// What a generation's clock counts in, as the last one said.
    last_frequency: Option<Frequency>,
    /// A time on it.
    last_time: u64,
    /// Whether the last generation was whole.
    was_whole: bool,
    /// The numbers and times of the generations that were delivered.
    pub delivered: BTreeSet<(u64, u64)>,
    /// What number came before copies of generations, if none was delivered behind them.
    pub before_copies: Option<u64>,
    /// The farthest place in the file at which something of the trace was found to begin behind a header in it.
    goes_on_at: u64,
}

impl Damage {
    /// For the next generation.
    pub fn clear(&mut self) {
        *self = Damage { trace: std::mem::take(&mut self.trace), ..Damage::default() };
    }
}

/// What became of reading a generation leniently.
#[derive(Debug)]
pub(super) enum Salvaged {
    /// There are events to deliver. Behind them the bytes may not be readable: why.
    Events(Option<Error>),
    /// It had to be skipped.
    Skipped,
    /// The trace ends here.
    End,
}

pub(super) type Outcome<T> = Result<T, Error>;

impl Generation {
    /// Reads the generation at the window's start, or the next one that can be found. Errors are those of reading the
    /// bytes and of limits.
    pub fn salvage(&mut self, source: &mut Source<'_>, last: u64, ledger: &mut Ledger) -> Outcome<Salvaged> {
        if self.has_frequency {
            self.damage.trace.last_frequency = Some(self.frequency);
            self.damage.trace.last_time = self.min_time;
        }
        self.clear();
        if self.damage.trace.is_over {
            return Ok(Salvaged::End);
        }
        self.gather(source, last, ledger)?;
        if self.number == 0 {
            return match self.damage.broken_off.take() {
                Some(error) => Err(error),
                None => Ok(Salvaged::End),
            };
        }
        self.conclude(source, ledger);
        let broken_off = self.damage.broken_off.take();
        match self.damage.unsound.take() {
            // That its number comes again was told, or that of the first of several. No two begin at one time, so it is a copy.
            _ if self.damage.trace.delivered.contains(&(self.number, self.min_time)) => {
                self.damage.trace.before_copies.get_or_insert(last);
                ledger.reopen(self.damage.lost_before_number);
                ledger.lose(Tally { generations: 1, ..self.tally(source) });
                broken_off.map_or(Ok(Salvaged::Skipped), Err)
            }
            None => Ok(Salvaged::Events(broken_off)),
            Some(error) => {
                self.skip(error, source, ledger);
                broken_off.map_or(Ok(Salvaged::Skipped), Err)
            }
        }
    }

    /// Leaves the generation out.
    pub fn skip(&mut self, error: Error, source: &Source<'_>, ledger: &mut Ledger) {
        let lost = Tally { generations: 1, ..self.tally(source) };
        ledger.reopen(self.damage.before.take());
        ledger.break_off(error.at, lost);
        ledger.note(error);
    }

    /// All that its batches of events have.
    fn tally(&self, source: &Source<'_>) -> Tally {
        let window = source.window();
        // Copies were counted when they were left out: of them nothing is left.
        let batches = self.batches.iter().filter(|batch| batch.start < batch.end);
        batches.fold(Tally::default(), |mut tally, batch| {
            let body = window.get(batch.body..batch.end).unwrap_or_default();
            tally += Tally {
                bytes: (batch.end - batch.start) as u64,
                batches: 1,
                generations: 0,
                events: count_events(body, self.alphabet),
            };
            tally
        })
    }

    /// Collects the generation's batches.
    fn gather(&mut self, source: &mut Source<'_>, last: u64, ledger: &mut Ledger) -> Outcome<()> {
        loop {
            // A generation begins with the first batch that is its own.
            if self.number == 0 {
                source.release(self.len);
                self.len = 0;
            }
            let at = source.base() + self.len as u64;
            match source.fill(self.len + 1) {
                Ok(true) => {}
                Ok(false) => {
                    if self.number != 0 && self.version >= Version::Go126 {
                        ledger.note(self.error(ErrorKind::MissingEndOfGeneration, at, None));
                    } else if self.number != 0 && !self.has_frequency && self.damage.trace.last_frequency.is_some() {
                        let error = self.error(ErrorKind::BadFrequency(Flaw::Missing), at, None);
                        ledger.break_off(error.at, Tally::default());
                        ledger.note(error);
                        self.damage.is_partial = true;
                    }
                    return Ok(());
                }
                Err(error) => return self.break_off(error, source),
            }
            let framing = match read_framing(source, self.len, batch::read_any) {
                Ok(framing) => framing,
                Err(error) => return self.break_off(error, source),
            };
            let goes_on = match framing {
                Ok(Framing::Batch(batch)) => self.take(&batch, source, last, ledger)?,
                Ok(Framing::EndOfGeneration) => self.take_end(at, ledger),
                Err(fault) => self.find_next(fault, source, last, ledger)?,
            };
            if !goes_on {
                return Ok(());
            }
            self.check_limits().map_err(|kind| self.error(kind, at, None))?;
        }
    }

    fn break_off(&mut self, error: io::Error, source: &Source<'_>) -> Outcome<()> {
        let end = source.base() + source.window().len() as u64;
        let error = self.error(error.into(), end, None);
        self.damage.is_partial = true;
        self.damage.broken_off = Some(error);
        Ok(())
    }

    /// An end: false if it is this generation's. One with nothing before it ends nothing.
    fn take_end(&mut self, at: u64, ledger: &mut Ledger) -> bool {
        self.len += 1;
        let (event, since) = (EventType::EndOfGeneration.name(), EventType::EndOfGeneration.spec().since);
        if self.number == 0 {
            ledger.note(self.error(ErrorKind::BadFrequency(Flaw::Missing), at, None));
            ledger.lose(Tally { bytes: 1, ..Tally::default() });
        } else if self.version < since {
            ledger.note(self.error(ErrorKind::EventNotInVersion { event, since: since.minor() }, at, None));
        }
        self.number == 0
    }

    /// Takes a batch in or leaves it out; false if the generation ends before or with it.
    fn take(&mut self, batch: &Batch, source: &mut Source<'_>, last: u64, ledger: &mut Ledger) -> Outcome<bool> {
        let at = source.base() + batch.start as u64;
        if self.number == 0 {
            self.damage.lost_before_number = ledger.open_break;
        }
        let is_whole = match source.fill(batch.end) {
            Ok(is_whole) => is_whole,
            Err(error) => return self.break_off(error, source).map(|()| false),
        };
        if !is_whole {
            return self.take_cut(batch, source, last, ledger);
        }
        let verdict = self.judge(batch, source, last);
        if matches!(verdict, Verdict::EndsBefore) {
            if self.version >= Version::Go126 {
                ledger.note(self.error(ErrorKind::MissingEndOfGeneration, at, None));
            }
            return Ok(false);
        }
        let misframed = self.find_misframed(batch, source, last);
        if let Verdict::LeaveOut(kind) = verdict {
            let end = misframed.as_ref().map_or(batch.end, |(_, (at, _))| *at);
            let batch = Batch { end, ..*batch };
            ledger.note(self.error_in(&batch, kind, at));
            self.total_batches += 1;
            let lost = self.tally_of(&batch, source);
            // The clock goes on as before.
            self.damage.is_partial |= self.number == 0 && resync::begins_clock(&batch, source.window());
            let Some((error, (at, landmark))) = misframed else {
                ledger.lose(lost);
                self.len = end;
                return Ok(true);
            };
            ledger.break_off(error.at, Tally { bytes: 0, ..lost });
            return Ok(self.land(at, landmark, error, source, ledger));
        }
        let follows = |number: u64| batch.generation == number.wrapping_add(1);
        let is_next = follows(last) || self.damage.trace.before_copies.is_some_and(follows);
        if self.number == 0 && last != 0 && !is_next {
            let kind = ErrorKind::GenerationOutOfOrder { last, found: batch.generation };
            let error = self.error_in(batch, kind, at);
            // Beyond that a number is wrong, and no others are lost.
            let most = last.saturating_add(resync::MAX_SKIPPED + 1);
            let highest =
                self.damage.trace.delivered.range(..=(most, u64::MAX)).next_back().map_or(0, |(number, _)| *number);
            let skipped = batch.generation.saturating_sub(last.max(highest)).saturating_sub(1);
            let skipped = if skipped > resync::MAX_SKIPPED { 0 } else { skipped };
            ledger.break_off(error.at, Tally { generations: skipped, ..Tally::default() });
            ledger.note(error);
        }
        if let Some((error, swallowed)) = misframed {
            return Ok(self.take_until(swallowed, batch, error, source, ledger));
        }
        self.add_and_note(batch, source, ledger);
        self.len = batch.end;
        Ok(true)
    }

    pub fn add_and_note(&mut self, batch: &Batch, source: &Source<'_>, ledger: &mut Ledger) {
        if self.number == 0 {
            self.damage.before = ledger.open_break.take();
        }
        self.count(batch);
        self.damage.trace.is_told = false;
        let window = source.window();
        if self.damage.has_hole && holds_events(batch, window) {
            return ledger.break_off(Location::default(), self.tally_of(batch, source));
        }
        let added = self.add(batch, window);
        let locate = |pos: usize| source.base() + pos as u64;
        for Fault { kind, pos } in std::mem::take(&mut self.damage.noted) {
            ledger.note(self.error(kind, locate(pos), batch.thread_id()));
        }
        let Err(Fault { kind, pos }) = added else { return };
        let lost = match kind {
            ErrorKind::BadFrequency(_) => {
                self.damage.unsound.get_or_insert(self.error(kind, locate(pos), batch.thread_id()));
                return;
            }
            ErrorKind::DuplicateBatch => self.tally_of(batch, source),
            _ => Tally { bytes: batch.end.saturating_sub(pos) as u64, ..Tally::default() },
        };
        ledger.lose(lost);
        if self.damage.file_cut_at != Some(batch.end) {
            ledger.note(self.error(kind, locate(pos), batch.thread_id()));
        }
    }

    fn tally_of(&self, batch: &Batch, source: &Source<'_>) -> Tally {
        let window = source.window();
        let events = match holds_events(batch, window) {
            true => count_events(batch.body(window), self.alphabet),
            false => 0,
        };
        Tally { bytes: (batch.end - batch.start) as u64, batches: 1, generations: 0, events }
    }

    pub fn wanted(&self, last: u64) -> Wanted {
        match self.number {
            0 => {
                // That of a flight recorder begins with any.
                let from = (last != 0).then_some(last.saturating_add(1));
                Wanted { from, near: self.damage.trace.last_time, ..Wanted::default() }
            }
            number => Wanted { from: Some(number), near: self.min_time, ..Wanted::default() },
        }
    }

    /// Goes on where the next batch begins, once the row of batches is lost; false if this generation ends here.
    fn find_next(
        &mut self,
        fault: batch::Fault,
        source: &mut Source<'_>,
        last: u64,
        ledger: &mut Ledger,
    ) -> Outcome<bool> {
        let error = self.error_of(fault, source);
        let is_other_trace = matches!(error.kind, ErrorKind::MultipleTraces);
        match self.number {
            0 if is_other_trace => {
                ledger.note(self.behind(last, error));
                self.damage.trace.is_over = true;
                self.drain(source, ledger);
                Ok(false)
            }
            // It is met again once this generation is delivered.
            _ if is_other_trace => {
                if self.version >= Version::Go126 {
                    ledger.note(Error { kind: ErrorKind::MissingEndOfGeneration, ..error });
                }
                Ok(false)
            }
            0 => self.find_far(error, source, last, ledger),
            _ => self.find_near(error, source, last, ledger),
        }
    }

    /// Looks for the first landmark that begins at one of these places. The header of a trace alone may be text of this one: it is
    /// if batches of this one are found behind it.
    pub fn find(
        &mut self,
        source: &mut Source<'_>,
        mut places: Range<usize>,
        wanted: Wanted,
    ) -> io::Result<Option<Found>> {
        loop {
            let known = self.damage.trace.goes_on_at.saturating_sub(source.base());
            let texts_until = wanted.texts_until.max(usize::try_from(known).unwrap_or(usize::MAX));
            let found = resync::find(source, places.clone(), Wanted { texts_until, ..wanted })?;
            let Some((at, Landmark::Trace)) = found else { return Ok(found) };
            // The time that is known may be wrong itself.
            let any = Wanted { near: 0, texts_until: usize::MAX, ..wanted };
            match resync::find(source, at..at + NEAR, any)? {
                Some((next, Landmark::Batch(_))) => {
                    // Looked for once: a file may be full of headers.
                    self.damage.trace.goes_on_at = source.base() + next.max(at + header::LEN) as u64;
                    places.start = at;
                }
                _ => return Ok(found),
            }
        }
    }

    /// Looks for the rest of the generation, or for another one, nearby.
    fn find_near(&mut self, error: Error, source: &mut Source<'_>, last: u64, ledger: &mut Ledger) -> Outcome<bool> {
        match self.find(source, self.len + 1..self.len + NEAR, self.wanted(last)) {
            // Before Go 1.26 the strings are what a generation ends with: the trace may be over.
            Ok(None | Some((_, Landmark::Trace)))
                if matches!(error.kind, ErrorKind::NotABatch { .. })
                    && self.version < Version::Go126
                    && self.tables.strings.len() > 0 =>
            {
                Ok(false)
            }
            Ok(Some((at, landmark))) => Ok(self.land(at, landmark, error, source, ledger)),
            Ok(None) => {
                self.damage.is_partial = true;
                ledger.break_off(error.at, Tally::default());
                ledger.note(error);
                self.damage.trace.is_told = true;
                Ok(false)
            }
            Err(failed) => {
                ledger.note(error);
                self.break_off(failed, source).map(|()| false)
            }
        }
    }

    /// Goes to a place that was found, over damage; false if this generation ends before it.
    pub fn land(
        &mut self,
        at: usize,
        landmark: Landmark,
        error: Error,
        source: &Source<'_>,
        ledger: &mut Ledger,
    ) -> bool {
        debug_assert!(at <= source.window().len());
        ledger.break_off(error.at, Tally { bytes: (at - self.len) as u64, ..Tally::default() });
        ledger.note(error);
        self.damage.is_partial = true;
        self.damage.has_hole = self.number != 0;
        self.len = at;
        self.number == 0 || landmark == Landmark::Batch(self.number)
    }

    /// Looks for the next generation as far as the file goes.
    fn find_far(&mut self, error: Error, source: &mut Source<'_>, last: u64, ledger: &mut Ledger) -> Outcome<bool> {
        let start = source.base();
        let was_whole = last != 0 && self.damage.trace.was_whole && matches!(error.kind, ErrorKind::NotABatch { .. });
        let found = self.go_far(source, self.wanted(last), was_whole);
        let bytes = source.base() - start;
        if matches!(found, Ok(None | Some(Landmark::Trace))) && was_whole {
            ledger.trailing += bytes;
            let error = self.behind(last, error);
            ledger.note(Error { kind: batch::unframed(error.kind, true), ..error });
            return Ok(true);
        }
        ledger.break_off(error.at, Tally { bytes, ..Tally::default() });
        if !std::mem::take(&mut self.damage.trace.is_told) {
            ledger.note(error);
        }
        match found {
            Ok(_) => Ok(true),
            Err(failed) => self.break_off(failed, source).map(|()| false),
        }
    }

    /// Goes to the first landmark behind the next byte, or to the file's end, and keeps nothing of what is between in memory.
    fn go_far(&mut self, source: &mut Source<'_>, wanted: Wanted, was_whole: bool) -> io::Result<Option<Landmark>> {
        let mut from = 1;
        loop {
            let found = match was_whole {
                // No text is open in which a header could stand.
                true => resync::find(source, from..NEAR, wanted)?,
                false => self.find(source, from..NEAR, wanted)?,
            };
            if let Some((at, landmark)) = found {
                source.release(at);
                return Ok(Some(landmark));
            }
            let len = source.window().len().min(NEAR);
            source.release(len);
            if len < NEAR {
                return Ok(None);
            }
            from = 0;
        }
    }

    /// Before Go 1.26 what follows the last generation counts as its own.
    fn behind(&self, last: u64, error: Error) -> Error {
        match self.version < Version::Go126 && last != 0 {
            true => Error { at: Location { generation: Some(last), ..error.at }, ..error },
            false => error,
        }
    }

    /// Counts what follows the trace.
    fn drain(&mut self, source: &mut Source<'_>, ledger: &mut Ledger) {
        source.release(self.len);
        self.len = 0;
        // Whether the rest can be read or not: it is not the trace.
        while source.fill(1).is_ok_and(|is_there| is_there) {
            let len = source.window().len();
            ledger.trailing += len as u64;
            source.release(len);
        }
    }

    /// Does what needs all the batches.
    fn conclude(&mut self, source: &Source<'_>, ledger: &mut Ledger) {
        self.sort_batches(source, ledger);
        self.damage.trace.was_whole = !self.damage.is_partial;
        if self.damage.unsound.is_some() {
            return;
        }
        // The clock is the same in all of a trace.
        if let (true, false, Some(frequency)) =
            (self.damage.is_partial, self.has_frequency, self.damage.trace.last_frequency)
        {
            self.frequency = frequency;
            self.has_frequency = true;
            if !ledger.has_told_of(self.number) {
                let end = source.base() + self.len as u64;
                ledger.note(self.error(ErrorKind::BadFrequency(Flaw::Missing), end, None));
            }
        }
        let finished = self.finish(source.window());
        let locate = |pos: usize| source.base() + pos as u64;
        for Fault { kind, pos } in std::mem::take(&mut self.damage.noted) {
            // What is lost with a part of the generation is missed in the rest of it.
            if !self.damage.is_partial {
                ledger.note(self.error(kind, locate(pos), None));
            }
        }
        if let Err(Fault { kind, pos }) = finished {
            self.damage.unsound = Some(self.error(kind, locate(pos), None));
        }
    }

    /// Puts the batches of each M in the order of their times, where they are not.
    fn sort_batches(&mut self, source: &Source<'_>, ledger: &mut Ledger) {
        let window = source.window();
        for number in std::mem::take(&mut self.damage.unsorted) {
            let thread = self.threads[number as usize];
            let mut chain = Vec::new();
            let mut next = Some(thread.first);
            while let Some(index) = next {
                chain.push(index);
                next = self.batches[index as usize].next;
            }
            chain.sort_by_key(|&index| self.batches[index as usize].time);
            let body = |index: u32| {
                let batch = &self.batches[index as usize];
                (batch.time, window.get(batch.body..batch.end).unwrap_or_default())
            };
            let mut copies = Tally::default();
            let mut left_out = Vec::new();
            chain.dedup_by(|&mut index, &mut last| {
                let (time, bytes) = body(index);
                let is_copy = !bytes.is_empty() && (time, bytes) == body(last);
                if is_copy {
                    let batch = &self.batches[index as usize];
                    let events = count_events(bytes, self.alphabet);
                    copies += Tally { bytes: (batch.end - batch.start) as u64, batches: 1, generations: 0, events };
                    left_out.push(index);
                }
                is_copy
            });
            ledger.lose(copies);
            for index in left_out {
                let batch = &mut self.batches[index as usize];
                batch.start = batch.end;
                batch.body = batch.end;
            }
            for (i, &index) in chain.iter().enumerate() {
                self.batches[index as usize].next = chain.get(i + 1).copied();
            }
            self.threads[number as usize] = Thread { first: chain[0], last: chain[chain.len() - 1], ..thread };
        }
    }
}

/// Whether a batch is one of events.
pub(super) fn holds_events(batch: &Batch, window: &[u8]) -> bool {
    batch.experiment.is_none() && !resync::begins_table(batch, window)
}

/// How many events stand in some bytes, up to the first that is none.
pub(super) fn count_events(bytes: &[u8], alphabet: &Alphabet) -> u64 {
    let mut pos = 0;
    let mut events = 0;
    while let Some(&code) = bytes.get(pos) {
        let Some(event) = alphabet[usize::from(code)] else { break };
        pos += 1;
        let is_whole = event.spec().args.iter().all(|_| varint::read(bytes, &mut pos).is_ok());
        if !is_whole {
            break;
        }
        events += 1;
    }
    events
}
