//! The events of one P, one after another.

use byteorder::{ByteOrder, LittleEndian};

use super::parse::{self, BY_LENGTH, Parsed};
use super::scan::{Batch, Row};
use super::spec::{Class, EventType, MAX_ARGS, SHAPES, TYPE_BITS};
use crate::error::{ErrorKind, broken};

/// An event as it stands in a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    /// When it was written, in ticks.
    pub ticks: u64,
    /// Its arguments, then its stack if it has one. Behind those of a log message, where in the window the text stands.
    pub args: [u64; MAX_ARGS],
    /// Where it begins in the window.
    pub at: usize,
    pub event: EventType,
}

/// How many bytes of values are looked at together.
const WORD: usize = 8;

/// The next bytes of values. Nearly all values are one or two bytes long, and nearly all events fit in with all of theirs.
#[derive(Clone, Copy)]
struct Word {
    bytes: u64,
    used: u32,
}

impl Word {
    /// More than a word has bytes: what was taken is no value.
    const SHORT: u32 = 64;

    #[inline(always)]
    fn new(bytes: &[u8]) -> Self {
        Word { bytes: LittleEndian::read_u64(bytes), used: 0 }
    }

    /// Takes a value of up to three bytes.
    #[inline(always)]
    fn take(&mut self) -> u64 {
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
        self.used = Self::SHORT;
        0
    }

    /// Whether the values were not all in the word, or longer than three bytes.
    #[inline(always)]
    fn is_short(self) -> bool {
        self.used as usize > WORD
    }

    fn used(self) -> usize {
        self.used as usize
    }
}

/// The argument that says where a log message stands.
pub(super) const TEXT_ARG: usize = MAX_ARGS - 1;

#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor {
    /// The event that [`step`](Self::step) went to.
    pub event: Event,
    pos: usize,
    end: usize,
    next: Option<u32>,
    minor: u8,
}

/// What comes behind a `GoSysCall`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sequel {
    /// Whether it says that the call blocks.
    pub blocks: bool,
    /// When, in ticks.
    pub ticks: u64,
}

impl Cursor {
    /// A cursor before the first event of a P.
    pub fn new(row: Row, minor: u8) -> Self {
        let event = Event { ticks: 0, args: [0; MAX_ARGS], at: 0, event: EventType::Batch };
        Cursor { event, pos: 0, end: 0, next: Some(row.first), minor }
    }

    /// Where a fault lies that `step` gave.
    pub fn pos(&self) -> usize {
        self.pos
    }

    /// Goes to the next event; false if there is none.
    #[inline(always)]
    pub fn step(&mut self, window: &[u8], batches: &[Batch]) -> Parsed<bool> {
        loop {
            if self.pos == self.end {
                if !self.next_batch(batches)? {
                    return Ok(false);
                }
                continue;
            }
            // Reading a little past the batch's end does no harm: where the record ends, the first pass has seen.
            let Some(head) = window.get(self.pos..self.pos + 1 + WORD) else {
                if self.step_slowly(window)? {
                    return Ok(true);
                }
                continue;
            };
            let number = head[0] >> 6;
            let shape = SHAPES[usize::from(head[0] & TYPE_BITS)];
            let mut word = Word::new(&head[1..]);
            let delta = word.take();
            let a = if number > 0 { word.take() } else { 0 };
            let b = if number > 1 { word.take() } else { 0 };
            let is_plain = shape.class == Class::Timed && number + 1 == shape.values && number < BY_LENGTH;
            if !is_plain || word.is_short() {
                if self.step_slowly(window)? {
                    return Ok(true);
                }
                continue;
            }
            let ticks = self.later(delta)?;
            let event = &mut self.event;
            (event.ticks, event.args[0], event.args[1]) = (ticks, a, b);
            (event.at, event.event) = (self.pos, shape.event);
            self.pos += 1 + word.used();
            return Ok(true);
        }
    }

    #[inline(always)]
    fn later(&self, delta: u64) -> Parsed<u64> {
        match self.event.ticks.checked_add(delta) {
            Some(ticks) if ticks <= i64::MAX as u64 => Ok(ticks),
            _ => broken(ErrorKind::TimestampOverflow),
        }
    }

    /// Goes to any event, or over a record of a table among them: says whether it is an event.
    #[inline(never)]
    fn step_slowly(&mut self, window: &[u8]) -> Parsed<bool> {
        let at = self.pos;
        let bytes = window.get(..self.end).unwrap_or_default();
        let shape = parse::shape(bytes[at], self.minor)?;
        if matches!(shape.class, Class::String | Class::Stack) {
            self.pos = parse::end(bytes, at, shape)?;
            return Ok(false);
        }
        let ([delta, args @ ..], end) = parse::values(bytes, at, shape)?;
        self.pos = end;
        if !matches!(shape.class, Class::Timed | Class::TimedString) {
            return Ok(false);
        }
        self.event = Event { ticks: self.later(delta)?, args, at, event: shape.event };
        if shape.class == Class::TimedString {
            self.event.args[TEXT_ARG] = end as u64;
            self.pos = parse::text(bytes, end, shape.event)?.1;
        }
        Ok(true)
    }

    /// Goes on to the P's next batch, from whose time its events count.
    fn next_batch(&mut self, batches: &[Batch]) -> Parsed<bool> {
        let Some(batch) = self.next.and_then(|next| batches.get(next as usize)) else {
            return Ok(false);
        };
        self.next = batch.next;
        self.pos = batch.body;
        self.end = batch.end;
        self.event.ticks = batch.ticks;
        self.later(0)?;
        Ok(true)
    }

    /// Whether the event behind a system call says that it blocks, where its type tells without reading on.
    #[inline(always)]
    pub fn peek_blocks(&self, window: &[u8]) -> Option<bool> {
        let first = window.get(..self.end)?.get(self.pos)?;
        let shape = SHAPES[usize::from(first & TYPE_BITS)];
        let is_plain = shape.class == Class::Timed && !tells_its_goroutine(shape.event);
        is_plain.then_some(shape.event == EventType::GoSysBlock)
    }

    /// What follows the system call, which a goroutine has just begun: the next event of that goroutine.
    ///
    /// As long as the goroutine has the P, the events of the P are its own, except those that speak of another's past
    /// ([`is_of_another`]). Behind a call these are walked over once, so that looking ahead is linear.
    #[inline(never)]
    pub fn sequel(&self, go: u64, window: &[u8], batches: &[Batch]) -> Option<Sequel> {
        let mut ahead = *self;
        while let Ok(true) = ahead.step(window, batches) {
            let event = &ahead.event;
            if !is_of_another(event, go) {
                return Some(Sequel { blocks: event.event == EventType::GoSysBlock, ticks: event.ticks });
            }
        }
        None
    }
}

/// Whether an event is not of the goroutine that has the P (`parseEvent`: these say whose they are).
fn is_of_another(event: &Event, go: u64) -> bool {
    tells_its_goroutine(event.event) && event.args[0] != go
}

fn tells_its_goroutine(event: EventType) -> bool {
    matches!(event, EventType::GoSysExit | EventType::GoWaiting | EventType::GoInSyscall)
}
