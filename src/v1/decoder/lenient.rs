//! How a trace without generations is read over damage: up to it, and no further.
//!
//! Nothing behind the damage tells what goroutines and Ps were doing, so there is no place to begin anew. But stacks and
//! the clock's rate stand at the end of the file, so the walk goes on behind the damage for these: where a batch begins,
//! as well as that can be told of a format whose batches do not say how long they are.

use super::super::found::Fault;
use super::super::parse::MAX_RECORD;
use super::super::proof::{next_batch, other_trace};
use super::super::scan::Scan;
use super::super::spec;
use super::{Decoder, Next, Stage, limits, location};
use crate::account::Tally;
use crate::error::{Error, ErrorKind, Location};
use crate::event::record::{Record, What};
use crate::wire::header;
use crate::wire::source::Source;

impl Decoder {
    /// Fails, or goes on with something in place of what is missing.
    pub(super) fn refuse<T>(&mut self, kind: ErrorKind, at: Location, instead: T) -> Result<T, Error> {
        let error = Error { kind, at };
        if !self.mode.lenient {
            return Err(error);
        }
        // What was lost with a part of the file is missed in the rest of it.
        let is_news = self.ledger.open_break.is_none() || matches!(error.kind, ErrorKind::BadFrequency(_));
        if is_news {
            self.ledger.note(error);
        }
        Ok(instead)
    }

    /// Reads the file and delivers the first Sync. Fails where the bytes can't be read, or are too many.
    pub(super) fn open_leniently(&mut self, source: &mut Source<'_>) -> Result<(), Error> {
        self.walk_over(source)?;
        if self.walked == 0 {
            let at = location(source, 0);
            self.ledger.note(Error { kind: ErrorKind::EmptyTrace, at });
            self.stage = Stage::Ended;
            return Ok(());
        }
        self.stage = Stage::Going;
        if let Err(error) = self.prepare(source) {
            self.abandon(error, source);
            return Ok(());
        }
        self.clock.start = match self.choose() {
            Next::Merge { ticks, .. } => ticks,
            Next::Exit(exit) => exit.ticks(),
            Next::Sample(sample) => sample.ticks,
            Next::Overflow(_) | Next::End => {
                self.give_up();
                return Ok(());
            }
        };
        self.clock.end = self.clock.end();
        self.set_horizon();
        self.sync(-1, true);
        Ok(())
    }

    /// Walks over the whole file, and where that can't go on, from the next batch on for the tables.
    fn walk_over(&mut self, source: &mut Source<'_>) -> Result<(), Error> {
        let mut wanted = 1;
        while source
            .fill(wanted)
            .map_err(|error| Error { kind: error.into(), at: location(source, source.window().len()) })?
        {
            wanted = source.window().len() + 1;
            let checked = crate::limits::check(
                "bytes in a generation",
                source.window().len() as u64,
                self.mode.limits.generation_bytes,
            );
            checked.map_err(|kind| Error { kind, at: location(source, source.window().len()) })?;
        }
        let minor = spec::minor(self.version);
        let other = self.find_other(source.window());
        let window = &source.window()[..other.unwrap_or(source.window().len())];
        let mut scan = Scan::new(minor, true);
        while scan.pos() < window.len() {
            let walked = walk_on(&mut scan, window);
            for Fault { kind, at } in std::mem::take(&mut scan.noted) {
                self.ledger.note(Error { kind: *kind, at: location(source, at) });
            }
            limits::check_walk(&scan, window.len(), &self.mode)
                .map_err(|kind| Error { kind, at: location(source, scan.pos()) })?;
            if let Err(Fault { kind, at }) = walked {
                if matches!(*kind, ErrorKind::MultipleTraces | ErrorKind::TrailingData { .. }) {
                    self.ledger.note(Error { kind: *kind, at: location(source, at) });
                    self.ledger.trailing += (window.len() - at) as u64;
                    break;
                }
                let next = next_batch(window, at + 1);
                let place = location(source, at);
                self.ledger.break_off(place, Tally { bytes: (next - at) as u64, ..Tally::default() });
                self.ledger.note(Error { kind: *kind, at: place });
                scan.jump(next);
            }
        }
        if let Some(at) = other {
            self.ledger.note(Error { kind: ErrorKind::MultipleTraces, at: location(source, at) });
            self.ledger.trailing += (source.window().len() - at) as u64;
        }
        self.walked = source.window().len() as u64;
        self.found = scan.finish();
        Ok(())
    }

    /// Where another trace begins. What stands in records is none, if they can be walked over strictly to this one's end.
    fn find_other(&self, window: &[u8]) -> Option<usize> {
        let first = other_trace(window)?;
        let mut scan = Scan::new(spec::minor(self.version), false);
        while scan.pos() < window.len() && limits::check_walk(&scan, window.len(), &self.mode).is_ok() {
            if let Err(Fault { kind, .. }) = walk_on(&mut scan, window) {
                let is_behind = matches!(*kind, ErrorKind::MultipleTraces | ErrorKind::TrailingData { .. });
                // What follows may begin in records: at the most in the last that says how long it is, or right before it.
                let from = scan.last_framed().saturating_sub(header::LEN - 1).max(first);
                return match is_behind {
                    true => other_trace(&window[from..]).map(|other| from + other),
                    false => Some(first),
                };
            }
        }
        None
    }

    /// Makes a block of events, or gives up.
    pub(super) fn fill_leniently(&mut self, source: &Source<'_>) {
        match self.fill(source) {
            Ok(()) => {}
            // That is no damage of the trace.
            Err(error) if matches!(error.kind, ErrorKind::LimitExceeded { .. }) => self.pending = Some(error),
            Err(error) => self.abandon(error, source),
        }
        let unknown = self.found.unknown.take();
        // What is lost with a part of the file is missed in the rest of it.
        if self.ledger.open_break.is_none() {
            for (unknown, at) in unknown {
                self.ledger.note(Error { kind: unknown.into(), at: location(source, at) });
            }
        }
    }

    /// Gives up the rest of the trace.
    fn abandon(&mut self, error: Error, source: &Source<'_>) {
        let window = source.window();
        let samples = self.found.samples.len().saturating_sub(self.next_sample) as u64;
        let mut lost = Tally { events: samples, ..Tally::default() };
        for lane in &self.lanes {
            lost += lane.cursor.rest(window, &self.found.batches);
        }
        // What is missing is the reason for a standstill.
        let is_news = self.ledger.open_break.is_none() || !matches!(error.kind, ErrorKind::StuckFrontier(_));
        self.ledger.break_off(error.at, lost);
        if is_news {
            self.ledger.note(error);
        }
        self.give_up();
    }

    pub(super) fn give_up(&mut self) {
        self.stage = Stage::AtGap;
        if self.out.waiting() == 0 {
            self.gap();
        }
    }

    /// Delivers the gap, or the last Sync if there is none.
    pub(super) fn gap(&mut self) {
        let gap = self.ledger.open_break.take();
        if gap.is_none() {
            return self.close();
        }
        self.stage = Stage::Closing;
        self.found.tables.gap = gap;
        let time = self.out.time(i64::MIN);
        *self.out.next() = Record { what: What::Gap, time, ..Record::BLANK };
        self.out.push(time);
    }
}

/// Walks over a piece of the file, so that what is noted does not pile up.
fn walk_on(scan: &mut Scan, window: &[u8]) -> Result<(), Fault> {
    let until = scan.pos().saturating_add(MAX_RECORD).min(window.len());
    scan.walk(window, until)
}
