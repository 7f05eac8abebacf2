//! The first pass, which finds the batches and all data that events refer to.
//!
//! A batch does not state its length, and the clock frequency and most stacks are at the end of the file. So the whole
//! file is scanned before the first event can be returned. The scan skips most events quickly ([`skip`](super::skip)).
//! Besides the tables, it keeps two kinds of events that are returned at another time than they
//! were written: CPU samples and ends of system calls ([`syscall`](super::syscall)).

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::found::{Batch, Fault, FaultPolicy, Found, ProcBatches, Sample};
use super::parse::{self, Layout, Parsed};
use super::proof::{may_follow_rate, trace_continues};
use super::skip::{quick_len, skip};
use super::spec::{self, Class, EventType, MAX_PROC, Shape};
use super::syscall::Exit;
use crate::error::{ErrorKind, Flaw, broken};
use crate::event::tables::{RawFrame, StackEntry, Tables};
use crate::id::NONE;
use crate::number::number;
use crate::wire::header;
use crate::wire::varint;

/// Whether the scan has reached the clock frequency, which follows all events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Footer {
    Ahead,
    Reached,
    /// Events follow a frequency, so it may not be the real one.
    Doubtful,
}

/// The records that the scan keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeps {
    Everything,
    /// Only strings, stacks and the clock frequency, because events after damage are unreliable.
    Tables,
}

/// A scan of a file that is read in parts.
#[derive(Debug)]
pub(super) struct Scan {
    minor: u8,
    pos: usize,
    keeps: Keeps,
    footer: Footer,
    /// The current batch and its P.
    open: Option<(u64, Batch)>,
    /// The end of the last string that was scanned, in the window.
    text_end: usize,
    has_events: bool,
    /// A position in the batch and its time, which is computed on demand.
    clock: (usize, u64),
    /// The index in `found.procs` of each P.
    proc_indexes: HashMap<u64, usize, RandomState>,
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
            proc_indexes: HashMap::default(),
            found: Found { policy, ..Found::default() },
        }
    }

    /// Returns the current position.
    pub fn pos(&self) -> usize {
        self.pos
    }

    /// Continues at the start of a batch, but only keeps tables.
    pub fn resume_for_tables(&mut self, pos: usize) {
        self.close_batch(self.pos);
        self.pos = pos;
        self.keeps = Keeps::Tables;
    }

    /// Removes and returns the faults after which the scan continued.
    pub fn take_faults(&mut self) -> Vec<Fault> {
        self.found.policy.take()
    }

    /// Returns the number of Ps with batches.
    pub fn proc_count(&self) -> usize {
        self.found.procs.len()
    }

    pub fn tables(&self) -> &Tables {
        &self.found.tables
    }

    pub fn stack_count(&self) -> usize {
        self.found.tables.stacks.len() + self.found.frameless.len()
    }

    pub fn sample_count(&self) -> usize {
        self.found.samples.len()
    }

    /// Returns the fault as an error, or stores it and continues, as the policy says.
    fn tolerate(&self, kind: ErrorKind) -> Parsed<()> {
        self.found.policy.tolerate(kind, self.pos)
    }

    /// Scans the records that start before `until`. The window must contain all of these records, or end with the file.
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

    /// Creates the fault for an error at the current position. If another trace starts just before
    /// this position, the first bytes of its header were scanned as an event, and the fault is at
    /// the header. A header inside the last string is ignored, because a string may contain any
    /// text.
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

    /// Skips events. Their values are checked when they are decoded.
    fn skip_events(&mut self, window: &[u8], until: usize) {
        let pos = skip(window, self.pos, until);
        self.has_events |= pos > self.pos;
        self.pos = pos;
    }

    /// Scans any record.
    fn record(&mut self, window: &[u8]) -> Parsed<()> {
        let at = self.pos;
        let first = window.get(at).copied().unwrap_or(0);
        if self.footer == Footer::Reached && !may_follow_rate(first) {
            // From now on, the footer is `Doubtful`, so this slow search runs only once, even if a
            // malicious file repeats the frequency.
            if !trace_continues(window, at) {
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

    /// Returns the shape of a record. If the type of the record is newer than the version of the
    /// trace, this is a fault, and the record has the shape of the newest version.
    fn shape(&mut self, first: u8) -> Parsed<Shape> {
        match parse::shape(first, self.minor) {
            Err(kind) if matches!(*kind, ErrorKind::EventNotInVersion { .. }) => {
                self.tolerate(*kind)?;
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

    /// Adds the batch, which ends at `end`. Batches that contain only strings or stacks are not decoded again.
    fn close_batch(&mut self, end: usize) {
        let Some((proc, batch)) = self.open.take() else { return };
        if !std::mem::take(&mut self.has_events) || self.keeps == Keeps::Tables {
            return;
        }
        let number = number(self.found.batches.len());
        self.found.batches.push(Batch { end, ..batch });
        let procs = &mut self.found.procs;
        let index = *self.proc_indexes.entry(proc).or_insert(procs.len());
        match procs.get_mut(index) {
            None => procs.push(ProcBatches { proc, first: number, last: number }),
            Some(batches) => {
                if let Some(last) = self.found.batches.get_mut(batches.last as usize) {
                    last.next = Some(number);
                }
                batches.last = number;
            }
        }
    }

    fn plain(&mut self, window: &[u8], at: usize, shape: Shape) -> Parsed<usize> {
        let ([value, ..], end) = parse::values(window, at, shape)?;
        if shape.event == EventType::TimerGoroutine {
            self.found.timers.insert(value);
            return Ok(end);
        }
        // No runtime writes the frequency first, but hand-made traces may do so.
        let has_any = self.has_events || !self.found.batches.is_empty();
        if self.footer == Footer::Ahead && has_any {
            self.footer = Footer::Reached;
        }
        if self.found.ticks_per_second.is_some() {
            self.tolerate(ErrorKind::BadFrequency(Flaw::Repeated))?;
        }
        // A frequency below zero is possible if clocks differ between processors.
        if value == 0 || i64::try_from(value).is_err() {
            self.tolerate(ErrorKind::BadFrequency(Flaw::Invalid))?;
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
            self.tolerate(ErrorKind::EmptyString { id: id.into() })?;
        } else if let Err(kind) = self.found.tables.strings.insert(id, text, "string") {
            self.tolerate(kind)?;
        }
        Ok(end)
    }

    fn stack(&mut self, window: &[u8], at: usize, shape: Shape) -> Parsed<usize> {
        let (mut pos, end) = match Layout::read(window, at, shape.event)? {
            Layout::Within(pos, end) => (pos, end),
            // The only values are the ID and the number of frames, which has to be 0.
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
            self.tolerate(kind)?;
        }
        Ok(end)
    }

    fn sample(&mut self, window: &[u8], at: usize, shape: Shape) -> Parsed<usize> {
        let ([_, ticks, proc, go, stack], end) = parse::values(window, at, shape)?;
        if i64::try_from(ticks).is_err() {
            self.tolerate(ErrorKind::TimestampOverflow)?;
            return Ok(end);
        }
        if self.keeps == Keeps::Everything {
            self.found.samples.push(Sample { ticks, proc, go, stack, at });
        }
        Ok(end)
    }

    /// Scans an event that is not skipped.
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

    /// Returns the time at a position in the batch, which must not be before the position of the last call.
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

    /// Returns the result. The whole file must have been scanned.
    pub fn finish(mut self) -> Found {
        self.close_batch(self.pos);
        self.found.walked = self.pos as u64;
        self.found
    }
}
