//! Generations side by side: each ordered on its own, and joined in order.
//!
//! ```text
//!   file      │ generation 1 │ generation 2 │ generation 3 │ …
//!   ordered         ▼              ▼              ▼           at the same time, each as if it were alone
//!   joined     ───► 1 ───────────► 2 ───────────► 3 ───►      what 2 took for granted is compared with what 1 left
//! ```
//!
//! What a generation can't know of the past, it assumes, and [`Sched::join`] checks that. Where it does not hold, or where
//! anything went wrong, the generation is ordered again, now knowing the past; so what comes out, errors and
//! warnings included, is what one pass gives. Only generations that the framing tells apart are taken: what is behind
//! the first doubt is left to one pass.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::super::batch::{self, Framing};
use super::{Decoder, Stage};
use crate::error::Error;
use crate::event::record::{Record, Sink};
use crate::event::tables::Symbols;
use crate::limits::Mode;
use crate::sched::Sched;
use crate::wire::header::Version;
use crate::wire::source::Source;

/// Room for records that is used again: a generation has so many that to ask the system for it each time would cost more than
/// to order them.
#[derive(Debug, Default)]
struct Spare(Mutex<Vec<Vec<Record>>>);

impl Spare {
    fn take(&self) -> Vec<Record> {
        let mut rooms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rooms.pop().unwrap_or_default()
    }

    fn put(&self, mut room: Vec<Record>) {
        room.clear();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(room);
    }
}

/// A generation that was ordered on its own.
#[derive(Debug)]
struct Apart<'a> {
    decoder: Decoder,
    bytes: &'a [u8],
    records: Vec<Record>,
}

/// The whole generations at the front of the bytes, as far as the framing tells them apart, `most` of them at the most. The one
/// before them was `last`, 0 if there was none.
fn extents(bytes: &[u8], offset: u64, version: Version, last: u64, most: usize) -> Vec<Extent<'_>> {
    split(bytes, offset, version, last, most).0
}

/// The same, and whether more bytes could bring more generations.
fn split(bytes: &[u8], offset: u64, version: Version, mut last: u64, most: usize) -> (Vec<Extent<'_>>, bool) {
    let mut found = Vec::new();
    let mut goes_on = false;
    let (mut start, mut pos) = (0, 0);
    let mut current = None;
    let marks_ends = version >= Version::Go126;
    while found.len() < most {
        let next = batch::read(bytes, pos);
        let number = match next {
            Ok(Framing::EndOfGeneration) if marks_ends => {
                pos += 1;
                None
            }
            Ok(Framing::Batch(batch)) if batch.end <= bytes.len() => Some(batch.generation),
            Ok(Framing::Batch(_)) => {
                goes_on = true;
                break;
            }
            Err(fault) => {
                goes_on = fault.is_short();
                break;
            }
            Ok(Framing::EndOfGeneration) => break,
        };
        if let Some(ended) = current
            && number != current
        {
            if marks_ends && number.is_some() {
                break;
            }
            found.push(Extent { bytes: &bytes[start..pos], offset: offset + start as u64, last });
            (last, start, current) = (ended, pos, None);
        }
        if let Ok(Framing::Batch(batch)) = next {
            let follows = last == 0 || batch.generation == last.wrapping_add(1);
            if current.is_none() && (!follows || batch.generation == 0) {
                break;
            }
            current = Some(batch.generation);
            pos = batch.end;
        }
    }
    (found, goes_on)
}

/// A generation's bytes, and where in the file they begin.
#[derive(Clone, Copy, Debug)]
struct Extent<'a> {
    pub bytes: &'a [u8],
    pub offset: u64,
    /// The number of the generation before, 0 for the first.
    pub last: u64,
}

impl<'a> Extent<'a> {
    /// Orders the generation on its own; `None` if anything is wrong with it, or seems to be.
    fn order(self, version: Version, mode: Mode, mut records: Vec<Record>) -> Option<Apart<'a>> {
        let mut decoder = Decoder::new(version, mode);
        if self.last != 0 {
            decoder.sched = Sched::assuming();
        }
        decoder.generation.number = self.last;
        let mut source = Source::part(self.bytes, self.offset);
        while decoder.refill(&mut source).ok()? {
            if !decoder.is_sound() {
                return None;
            }
            records.extend_from_slice(&decoder.block[..decoder.len]);
            if decoder.is_generation_done() {
                return Some(Apart { decoder, bytes: self.bytes, records });
            }
        }
        None
    }
}

fn order_wave<'a>(
    wave: &[Extent<'a>],
    version: Version,
    mode: Mode,
    spare: &Spare,
) -> Vec<(Extent<'a>, Option<Apart<'a>>)> {
    wave.par_iter().map(|&extent| (extent, extent.order(version, mode, spare.take()))).collect()
}

impl Decoder {
    /// Whether nothing was read yet, and damage is not to be gone over: what is behind that can't be told from what is.
    pub fn is_untouched(&self) -> bool {
        self.syncs == 0 && self.is_sound() && !self.generation.mode.lenient
    }

    /// Whether nothing is known to be wrong with the generation.
    fn is_sound(&self) -> bool {
        self.fault.is_none() && self.pending.is_none() && matches!(self.stage, Stage::Reading)
    }

    /// Goes on to the end of a generation that was ordered on its own, if what it assumed is so; otherwise nothing
    /// has changed.
    fn join(&mut self, apart: Apart<'_>, spare: &Spare, sink: &mut impl Sink) -> bool {
        let Apart { decoder: mut next, bytes, mut records } = apart;
        let mistakes = match next.sched.is_assuming() {
            true => match self.sched.join(std::mem::take(&mut next.sched)) {
                Some(mistakes) => mistakes,
                None => return false,
            },
            false => {
                self.sched = std::mem::take(&mut next.sched);
                std::mem::take(&mut next.warnings)
            }
        };
        for mut warning in mistakes {
            warning.at.event = warning.at.event.map(|event| event + self.delivered);
            self.keep_warning(warning);
        }
        // The first events may have to be later than they are: each is later than the last of the generation before.
        let mut last = self.last_time;
        for record in &mut records {
            if record.time > last {
                break;
            }
            last += 1;
            record.time = last;
        }
        self.last_time = records.last().map_or(last, |record| record.time);
        self.syncs += next.syncs;
        self.delivered += next.delivered;
        self.generations += next.generations;
        self.largest = self.largest.max(next.largest).max(bytes.len() as u64);
        self.generation.total_batches += next.generation.total_batches;
        self.generation.number = next.generation.number;
        // The names of the generation have kept their numbers.
        sink.add(&records, Symbols { window: bytes, tables: &next.generation.tables, names: &self.sched.names });
        spare.put(records);
        true
    }

    /// Orders what a source has from here on, all of it or one generation.
    fn follow(&mut self, source: &mut Source<'_>, only_one: bool, sink: &mut impl Sink) -> Result<(), Error> {
        while self.refill(source)? {
            let (records, symbols) = self.take(source);
            sink.add(records, symbols);
            if only_one && self.is_generation_done() && self.is_sound() {
                break;
            }
        }
        Ok(())
    }

    /// Orders all events, `wave` generations at a time on the threads of the current pool, while those of the wave before are
    /// taken in. Their records are in memory until then, some eighty bytes an event, so waves are short.
    ///
    /// Of a generation that was ordered on its own, Syncs count from 1, ends of tasks may lack name and parent, and records that only
    /// repeat a status may lack thread, P and goroutine.
    pub fn order_in_waves(&mut self, source: &mut Source<'_>, wave: usize, sink: &mut impl Sink) -> Result<(), Error> {
        let (version, mode) = (self.version, self.generation.mode);
        let spare = Spare::default();
        loop {
            self.fill_wave(source, 2 * wave);
            let extents = extents(source.window(), source.base(), version, self.generation.number, usize::MAX);
            let Some(end) = extents.last().map(|last| last.offset + last.bytes.len() as u64) else { break };
            let order = |wave| order_wave(wave, version, mode, &spare);
            let mut waves = extents.chunks(wave);
            let mut ordered = waves.next().map(order).unwrap_or_default();
            let mut outcome = Ok(());
            while !ordered.is_empty() && outcome.is_ok() {
                let (joined, next) = rayon::join(
                    || self.join_all(std::mem::take(&mut ordered), &spare, sink),
                    || waves.next().map(order).unwrap_or_default(),
                );
                (outcome, ordered) = (joined, next);
            }
            outcome?;
            source.release((end - source.base()) as usize);
        }
        self.follow(source, false, sink)
    }

    fn join_all(
        &mut self,
        ordered: Vec<(Extent<'_>, Option<Apart<'_>>)>,
        spare: &Spare,
        sink: &mut impl Sink,
    ) -> Result<(), Error> {
        for (extent, apart) in ordered {
            self.check_limits(extent.offset)?;
            self.check_carried(extent.offset)?;
            if !apart.is_some_and(|apart| self.join(apart, spare, sink)) {
                self.generation.len = 0;
                self.follow(&mut Source::part(extent.bytes, extent.offset), true, sink)?;
            }
            self.generation.len = 0;
        }
        Ok(())
    }

    /// Has the source give so many generations, if it goes on so far; all of a slice is there.
    fn fill_wave(&self, source: &mut Source<'_>, wave: usize) {
        let mut len = 1 << 20;
        loop {
            // What can't be read is met again when its turn comes.
            let is_there = source.fill(len).unwrap_or(false);
            let window = source.window();
            let (found, goes_on) = split(window, 0, self.version, self.generation.number, wave);
            // Behind damage nothing is found, however much is read; and a generation has a limit.
            let whole: usize = found.iter().map(|extent| extent.bytes.len()).sum();
            let is_too_large = (window.len() - whole) as u64 > self.generation.mode.limits.generation_bytes;
            if !is_there || !goes_on || found.len() >= wave || is_too_large {
                return;
            }
            len = window.len().saturating_mul(2);
        }
    }
}

#[cfg(test)]
mod tests;
