//! The first pass: where the batches are, and all that events refer to.
//!
//! A batch does not say how long it is, and the clock's rate and most stacks are at the end of the file, so the whole
//! file is walked once before the first event can be delivered. The walk goes quickly over ordinary events ([`skip`](super::skip))
//! and keeps nothing of them. Besides the tables it keeps what is delivered elsewhere than it is written: CPU samples, and
//! the ends of system calls ([`syscall`](super::syscall)).

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::found::{Batch, Fault, FaultPolicy, Found, Row, Sample};
use super::parse::{self, Layout, Parsed};
use super::proof::{goes_on, may_follow_rate};
use super::skip::{quick_len, skip};
use super::spec::{self, Class, EventType, MAX_PROC, Shape};
use super::syscall::Exit;
use crate::error::{ErrorKind, Flaw, broken};
use crate::event::tables::{RawFrame, StackEntry, Tables};
use crate::id::NONE;
use crate::number::number;
use crate::wire::header;
use crate::wire::varint;

/// Whether the walk has come to the clock's rate, after which there are no more events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Footer {
    Ahead,
    Reached,
    /// Events followed what seemed to be it.
    Doubtful,
}

/// What the walk keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeps {
    Everything,
    /// After damage no event can be trusted, but strings, stacks and the clock's rate can.
    Tables,
}

/// A walk over a file of which more and more is there.
#[derive(Debug)]
pub(super) struct Scan {
    minor: u8,
    pos: usize,
    keeps: Keeps,
    footer: Footer,
    /// The batch being walked, and its P.
    open: Option<(u64, Batch)>,
    /// Where the last text ends.
    text_end: usize,
    has_events: bool,
    /// The time at a place of the batch, which is worked out only where it is needed.
    clock: (usize, u64),
    rows: HashMap<u64, usize, RandomState>,
    found: Found,
}

impl Scan {
    pub fn new(minor: u8, policy: FaultPolicy) -> Self {
        Scan {
            minor,
            pos: 0,
            keeps: Keeps::Everything,
            footer: Footer::Ahead,
            open: None,
            text_end: 0,
            has_events: false,
            clock: (0, 0),
            rows: HashMap::default(),
            found: Found { policy, ..Found::default() },
        }
    }

    /// How far the walk has come.
    pub fn pos(&self) -> usize {
        self.pos
    }

    /// Goes on at the start of a batch, for its strings and stacks alone.
    pub fn resume_for_tables(&mut self, pos: usize) {
        self.close_batch(self.pos);
        self.pos = pos;
        self.keeps = Keeps::Tables;
    }

    /// The faults that the walk went on after, since the last call.
    pub fn take_faults(&mut self) -> Vec<Fault> {
        self.found.policy.take()
    }

    /// How many Ps have batches.
    pub fn rows(&self) -> usize {
        self.found.rows.len()
    }

    pub fn tables(&self) -> &Tables {
        &self.found.tables
    }

    pub fn stacks(&self) -> usize {
        self.found.tables.stacks.len() + self.found.frameless.len()
    }

    pub fn samples(&self) -> usize {
        self.found.samples.len()
    }

    /// Fails, or keeps the fault and goes on.
    fn pass(&self, kind: ErrorKind) -> Parsed<()> {
        self.found.policy.pass(kind, self.pos)
    }

    /// Walks over the records that begin before `until`, of a window that holds them whole or ends with the file.
    pub fn walk(&mut self, window: &[u8], until: usize) -> Result<(), Fault> {
        while self.pos < until {
            if self.open.is_some() && self.footer != Footer::Reached {
                self.skip_events(window, until);
            }
            if self.pos < until {
                self.record(window).map_err(|kind| self.fault(window, kind))?;
            }
        }
        Ok(())
    }

    /// What is wrong at the place that the walk has come to. The first bytes of another trace look like events, so its header
    /// is noticed in mid of it; in the last text it is text.
    #[cold]
    fn fault(&mut self, window: &[u8], kind: Box<ErrorKind>) -> Fault {
        let from = self.pos.saturating_sub(header::LEN).max(self.text_end);
        match (from..=self.pos).find(|at| header::version_at(window, *at).is_some()) {
            Some(at) => {
                self.pos = at;
                Fault { kind: Box::new(ErrorKind::MultipleTraces), at }
            }
            None => Fault { kind, at: self.pos },
        }
    }

    /// Walks over ordinary events; their values are checked when they are read.
    fn skip_events(&mut self, window: &[u8], until: usize) {
        let pos = skip(window, self.pos, until);
        self.has_events |= pos > self.pos;
        self.pos = pos;
    }

    /// Walks over any record.
    fn record(&mut self, window: &[u8]) -> Parsed<()> {
        let at = self.pos;
        let first = window.get(at).copied().unwrap_or(0);
        if self.footer == Footer::Reached && !may_follow_rate(first) {
            // Looked for once: a file may be full of rates.
            if !goes_on(window, at) {
                return broken(ErrorKind::TrailingData { found: first });
            }
            self.footer = Footer::Doubtful;
        }
        let shape = self.shape(first)?;
        if self.open.is_none() && shape.class != Class::Batch {
            return broken(ErrorKind::NotABatch { found: first });
        }
        self.pos = match shape.class {
            Class::Batch => self.batch(window, at, shape)?,
            Class::Plain => self.plain(window, at, shape)?,
            Class::Stack => self.stack(window, at, shape)?,
            Class::String => self.string(window, at)?,
            Class::Sample => self.sample(window, at, shape)?,
            Class::Timed | Class::TimedString => self.event(window, at, shape)?,
            Class::Unknown => at,
        };
        Ok(())
    }

    /// The shape of a record; one that the version does not have yet is taken as it will be.
    fn shape(&mut self, first: u8) -> Parsed<Shape> {
        match parse::shape(first, self.minor) {
            Err(kind) if matches!(*kind, ErrorKind::EventNotInVersion { .. }) => {
                self.pass(*kind)?;
                parse::shape(first, spec::NEWEST)
            }
            shape => shape,
        }
    }

    fn batch(&mut self, window: &[u8], at: usize, shape: Shape) -> Parsed<usize> {
        let ([proc, ticks, ..], body) = parse::values(window, at, shape)?;
        if proc != NONE && proc > MAX_PROC {
            return broken(ErrorKind::InvalidProc { id: proc });
        }
        self.close_batch(at);
        self.open = Some((proc, Batch { body, end: body, ticks, next: None }));
        self.clock = (body, ticks);
        Ok(body)
    }

    /// Notes the batch that ends at `end`. One without events, of strings or stacks, is not walked again.
    fn close_batch(&mut self, end: usize) {
        let Some((proc, batch)) = self.open.take() else { return };
        if !std::mem::take(&mut self.has_events) || self.keeps == Keeps::Tables {
            return;
        }
        let number = number(self.found.batches.len());
        self.found.batches.push(Batch { end, ..batch });
        let rows = &mut self.found.rows;
        let row = *self.rows.entry(proc).or_insert(rows.len());
        match rows.get_mut(row) {
            None => rows.push(Row { proc, first: number, last: number }),
            Some(row) => {
                if let Some(last) = self.found.batches.get_mut(row.last as usize) {
                    last.next = Some(number);
                }
                row.last = number;
            }
        }
    }

    fn plain(&mut self, window: &[u8], at: usize, shape: Shape) -> Parsed<usize> {
        let ([value, ..], end) = parse::values(window, at, shape)?;
        if shape.event == EventType::TimerGoroutine {
            self.found.timers.insert(value);
            return Ok(end);
        }
        // No runtime writes it first, but who makes a trace by hand may.
        let has_any = self.has_events || !self.found.batches.is_empty();
        if self.footer == Footer::Ahead && has_any {
            self.footer = Footer::Reached;
        }
        if self.found.ticks_per_second.is_some() {
            self.pass(ErrorKind::BadFrequency(Flaw::Repeated))?;
        }
        // A rate below zero comes of clocks that differ between processors.
        if value == 0 || i64::try_from(value).is_err() {
            self.pass(ErrorKind::BadFrequency(Flaw::Invalid))?;
            return Ok(end);
        }
        self.found.ticks_per_second = Some(value);
        Ok(end)
    }

    fn string(&mut self, window: &[u8], at: usize) -> Parsed<usize> {
        let mut pos = at + 1;
        let id = varint::read(window, &mut pos).map_err(|fault| parse::cut(fault, EventType::String))?;
        let (text, end) = parse::text(window, pos, EventType::String)?;
        self.text_end = end;
        if text.len == 0 {
            self.pass(ErrorKind::EmptyString { id: id.into() })?;
        } else if let Err(kind) = self.found.tables.strings.insert(id, text, "string") {
            self.pass(kind)?;
        }
        Ok(end)
    }

    fn stack(&mut self, window: &[u8], at: usize, shape: Shape) -> Parsed<usize> {
        let (mut pos, end) = match Layout::read(window, at, shape.event)? {
            Layout::Within(pos, end) => (pos, end),
            // Two values inline: there is no room for frames.
            Layout::Inline(_) => (at + 1, parse::values(window, at, shape)?.1),
        };
        let within = window.get(..end).unwrap_or_default();
        let id = varint::read(within, &mut pos)?;
        let frames = varint::read(within, &mut pos)?;
        parse::check_frames(frames)?;
        let entry = StackEntry { pos, frames: frames as u32 };
        for _ in 0..frames {
            self.found.tables.note_frame(RawFrame::read(within, &mut pos)?);
        }
        if pos != end {
            return parse::oversized_stack(frames, within, pos);
        }
        if frames == 0 {
            self.found.frameless.insert(id);
        } else if let Err(kind) = self.found.tables.stacks.insert(id, entry, "stack") {
            self.pass(kind)?;
        }
        Ok(end)
    }

    fn sample(&mut self, window: &[u8], at: usize, shape: Shape) -> Parsed<usize> {
        let ([_, ticks, proc, go, stack], end) = parse::values(window, at, shape)?;
        if i64::try_from(ticks).is_err() {
            self.pass(ErrorKind::TimestampOverflow)?;
            return Ok(end);
        }
        if self.keeps == Keeps::Everything {
            self.found.samples.push(Sample { ticks, proc, go, stack, at });
        }
        Ok(end)
    }

    /// An event that is not skipped quickly.
    fn event(&mut self, window: &[u8], at: usize, shape: Shape) -> Parsed<usize> {
        let (values, mut end) = parse::values(window, at, shape)?;
        let [_, go, _, left, _] = values;
        self.has_events = true;
        if shape.event == EventType::GoSysExit && self.keeps == Keeps::Everything {
            let emitted = self.time_at(window, end)?;
            self.found.exits.extend(Exit::new(go, left, emitted, at));
        }
        if shape.class == Class::TimedString {
            let (_, text_end) = parse::text(window, end, shape.event)?;
            self.text_end = text_end;
            end = text_end;
        }
        Ok(end)
    }

    /// The time at a place of the batch, after the last that was asked for.
    fn time_at(&mut self, window: &[u8], at: usize) -> Parsed<u64> {
        let (mut pos, mut ticks) = self.clock;
        while pos < at {
            ticks = ticks.saturating_add(parse::delta(window, pos)?);
            pos = match quick_len(window, pos) {
                Some(len) => pos + len,
                None => parse::end(window, pos, parse::shape(window[pos], spec::NEWEST)?)?,
            };
        }
        self.clock = (pos, ticks);
        Ok(ticks)
    }

    /// What was found, once the file has been walked to its end.
    pub fn finish(mut self) -> Found {
        self.close_batch(self.pos);
        self.found.walked = self.pos as u64;
        self.found
    }
}
