//! The events of one P.

use byteorder::{ByteOrder, LittleEndian};

use super::found::{Batch, Fault, ProcBatches};
use super::parse::{self, Parsed};
use super::spec::{Class, EventType, MAX_ARGS, NEWEST, SHAPES, TYPE_BITS};
use crate::account::Tally;
use crate::error::ErrorKind;

/// A decoded event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    /// Its time in ticks.
    pub ticks: u64,
    /// Its arguments, and its stack if there is one. For a log message, also the position of its text in the window.
    pub args: [u64; MAX_ARGS],
    /// Its position in the window.
    pub at: usize,
    pub event: EventType,
}

impl Event {
    const BLANK: Event = Event { ticks: 0, args: [0; MAX_ARGS], at: 0, event: EventType::Batch };
}

/// The next eight bytes of the values of an event. Nearly all values have one or two bytes, so nearly all events fit.
#[derive(Clone, Copy)]
pub(super) struct Word {
    bytes: u64,
    used: u32,
}

impl Word {
    /// The number of bytes.
    pub const LEN: usize = 8;
    /// A number larger than [`LEN`](Self::LEN), which means that the last value was not valid.
    const SHORT: u32 = 64;

    #[inline(always)]
    pub fn new(bytes: &[u8]) -> Self {
        Word { bytes: LittleEndian::read_u64(bytes), used: 0 }
    }

    /// Decodes a value of up to four bytes and removes it.
    #[inline(always)]
    pub fn take(&mut self) -> u64 {
        let bytes = self.bytes;
        if bytes & 0x80 == 0 {
            self.bytes >>= 8;
            self.used += 1;
            return bytes & 0x7f;
        }
        if bytes & 0x8000 == 0 {
            self.bytes >>= 16;
            self.used += 2;
            return bytes & 0x7f | bytes >> 1 & 0x3f80;
        }
        if bytes & 0x80_0000 == 0 {
            self.bytes >>= 24;
            self.used += 3;
            return bytes & 0x7f | bytes >> 1 & 0x3f80 | bytes >> 2 & 0x1f_c000;
        }
        if bytes & 0x8000_0000 == 0 {
            self.bytes >>= 32;
            self.used += 4;
            return bytes & 0x7f | bytes >> 1 & 0x3f80 | bytes >> 2 & 0x1f_c000 | bytes >> 3 & 0xfe0_0000;
        }
        self.used = Self::SHORT;
        0
    }

    /// Returns whether a value did not fit, or had more than four bytes.
    #[inline(always)]
    pub fn is_short(self) -> bool {
        self.used as usize > Self::LEN
    }

    #[inline(always)]
    pub fn used(self) -> usize {
        self.used as usize
    }
}

/// The argument with the position of the text of a log message.
pub(super) const TEXT_ARG: usize = MAX_ARGS - 1;

/// The argument of a `GoSysCall` that states what follows it, as far as the next record shows. The value is one of the
/// next three constants.
pub(super) const SEQUEL_ARG: usize = 1;
/// The goroutine continues, so the call did not block.
pub(super) const RETURNS: u64 = 0;
/// A `GoSysBlock` follows.
pub(super) const BLOCKS: u64 = 1;
/// The next record does not show whether the call blocks, so [`Cursor::sequel`] must look further.
pub(super) const UNCLEAR: u64 = 2;

/// The events of a P.
#[derive(Debug)]
pub(super) struct Cursor {
    /// The position of the next event.
    position: Position,
    /// The next event and the position after it, if the event was decoded.
    event: Event,
    after: Position,
    is_decoded: bool,
}

/// A position among the events of a P.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    pub pos: usize,
    /// The end of the batch.
    pub end: usize,
    /// The time of the last event.
    pub ticks: u64,
    next_batch: Option<u32>,
}

/// The next event of a goroutine after a `GoSysCall`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sequel {
    /// Whether the call blocks.
    pub blocks: bool,
    /// The time in ticks.
    pub ticks: u64,
}

impl Cursor {
    /// Creates a cursor before the first event of a P.
    pub fn new(row: ProcBatches) -> Self {
        let position = Position { pos: 0, end: 0, ticks: 0, next_batch: Some(row.first) };
        Cursor { position, event: Event::BLANK, after: position, is_decoded: false }
    }

    /// Returns the position of the next event. If the event was decoded, it will be decoded again.
    #[inline(always)]
    pub fn position(&mut self) -> &mut Position {
        self.is_decoded = false;
        &mut self.position
    }

    /// Returns the next event, if it was decoded.
    #[inline(always)]
    pub fn event(&self) -> Option<&Event> {
        self.is_decoded.then_some(&self.event)
    }

    /// Moves past the decoded event.
    #[inline(always)]
    pub fn step(&mut self) {
        if std::mem::take(&mut self.is_decoded) {
            self.position = self.after;
        }
    }

    /// Decodes the next event. Returns false if there are no more events.
    #[inline(never)]
    pub fn look(&mut self, window: &[u8], batches: &[Batch]) -> Result<bool, Fault> {
        while !self.is_decoded {
            if self.position.pos == self.position.end && !self.position.next_batch(batches) {
                return Ok(false);
            }
            let at = self.position.pos;
            self.after = self.position;
            match self.after.step(window, &mut self.event).map_err(|kind| Fault { kind, at })? {
                true if self.event.ticks > i64::MAX as u64 => {
                    return Err(Fault { kind: Box::new(ErrorKind::TimestampOverflow), at });
                }
                true => self.is_decoded = true,
                false => self.position = self.after,
            }
        }
        Ok(true)
    }

    /// Returns the next event of the goroutine after the current event, which is a system call.
    ///
    /// As long as the goroutine has the P, the events of the P are events of this goroutine, except for past events of
    /// other goroutines ([`is_of_another`]). These are read only once for each call, so looking ahead takes linear
    /// time.
    #[inline(never)]
    pub fn sequel(&self, go: u64, window: &[u8], batches: &[Batch]) -> Option<Sequel> {
        let mut ahead = self.after;
        let mut event = Event::BLANK;
        loop {
            if ahead.pos == ahead.end && !ahead.next_batch(batches) {
                return None;
            }
            if ahead.step(window, &mut event).ok()? && !is_of_another(&event, go) {
                return Some(Sequel { blocks: event.event == EventType::GoSysBlock, ticks: event.ticks });
            }
        }
    }
}

impl Cursor {
    /// Returns the bytes, batches and events that are left.
    pub fn rest(&self, window: &[u8], batches: &[Batch]) -> Tally {
        let mut position = self.position;
        let mut event = Event::BLANK;
        let mut rest = Tally { bytes: position.end.saturating_sub(position.pos) as u64, ..Tally::default() };
        loop {
            if position.pos >= position.end {
                if !position.next_batch(batches) {
                    return rest;
                }
                rest += Tally { bytes: (position.end - position.pos) as u64, batches: 1, ..Tally::default() };
            }
            match position.step(window, &mut event) {
                Ok(is_event) => rest.events += u64::from(is_event),
                Err(_) => position.pos = position.end,
            }
        }
    }
}

impl Position {
    /// Moves to the next batch of the P.
    fn next_batch(&mut self, batches: &[Batch]) -> bool {
        let Some(batch) = self.next_batch.and_then(|next| batches.get(next as usize)) else {
            return false;
        };
        self.next_batch = batch.next;
        self.pos = batch.body;
        self.end = batch.end;
        self.ticks = batch.ticks;
        true
    }

    /// Returns whether the type of the record at this position shows that the previous system call does not block.
    #[inline(always)]
    pub fn says_returns(&self, window: &[u8], pos: usize) -> bool {
        self.peek_sequel(window, pos) == RETURNS
    }

    /// Returns what follows a system call, as far as the type of the next record shows.
    #[inline(always)]
    fn peek_sequel(&self, window: &[u8], pos: usize) -> u64 {
        let Some(&first) = window.get(..self.end).and_then(|batch| batch.get(pos)) else { return UNCLEAR };
        let shape = SHAPES[usize::from(first & TYPE_BITS)];
        match shape.event {
            EventType::GoSysBlock => BLOCKS,
            event if shape.class == Class::Timed && !tells_its_goroutine(event) => RETURNS,
            _ => UNCLEAR,
        }
    }

    /// Decodes an event, or skips a record of a table and returns false. The first pass has checked that the event exists
    /// in this version.
    fn step(&mut self, window: &[u8], event: &mut Event) -> Parsed<bool> {
        let at = self.pos;
        let bytes = window.get(..self.end).unwrap_or_default();
        let shape = parse::shape(bytes.get(at).copied().unwrap_or(0), NEWEST)?;
        if matches!(shape.class, Class::String | Class::Stack) {
            self.pos = parse::end(bytes, at, shape)?;
            return Ok(false);
        }
        let ([delta, mut args @ ..], end) = parse::values(bytes, at, shape)?;
        self.pos = end;
        if !matches!(shape.class, Class::Timed | Class::TimedString) {
            return Ok(false);
        }
        if shape.class == Class::TimedString {
            args[TEXT_ARG] = end as u64;
            self.pos = parse::text(bytes, end, shape.event)?.1;
        }
        if shape.event == EventType::GoSysCall {
            args[SEQUEL_ARG] = self.peek_sequel(window, self.pos);
        }
        self.ticks = self.ticks.saturating_add(delta);
        *event = Event { ticks: self.ticks, args, at, event: shape.event };
        Ok(true)
    }
}

/// Returns whether an event is about another goroutine than the goroutine on the P. Such events name their goroutine
/// (`parseEvent`).
fn is_of_another(event: &Event, go: u64) -> bool {
    tells_its_goroutine(event.event) && event.args[0] != go
}

fn tells_its_goroutine(event: EventType) -> bool {
    matches!(event, EventType::GoSysExit | EventType::GoWaiting | EventType::GoInSyscall)
}
