//! The events of one P, one after another.

use byteorder::{ByteOrder, LittleEndian};

use super::found::{Batch, Fault, Row};
use super::parse::{self, Parsed};
use super::spec::{Class, EventType, MAX_ARGS, NEWEST, SHAPES, TYPE_BITS};
use crate::account::Tally;
use crate::error::ErrorKind;

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

/// The next bytes of values. Nearly all values are one or two bytes long, and nearly all events fit in with all of
/// theirs.
#[derive(Clone, Copy)]
pub(super) struct Word {
    bytes: u64,
    used: u32,
}

impl Word {
    /// How many bytes are looked at together.
    pub const LEN: usize = 8;
    /// More than a word has bytes: what was taken is no value.
    const SHORT: u32 = 64;

    #[inline(always)]
    pub fn new(bytes: &[u8]) -> Self {
        Word { bytes: LittleEndian::read_u64(bytes), used: 0 }
    }

    /// Takes a value of up to four bytes.
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

    /// Whether the values were not all in the word, or longer than four bytes.
    #[inline(always)]
    pub fn is_short(self) -> bool {
        self.used as usize > Self::LEN
    }

    #[inline(always)]
    pub fn used(self) -> usize {
        self.used as usize
    }
}

/// The argument that says where a log message stands.
pub(super) const TEXT_ARG: usize = MAX_ARGS - 1;

/// The argument that says what follows a `GoSysCall`, as far as its P's bytes tell: one of these.
pub(super) const SEQUEL_ARG: usize = 1;
/// The goroutine goes on: the call did not block.
pub(super) const RETURNS: u64 = 0;
/// `GoSysBlock`.
pub(super) const BLOCKS: u64 = 1;
/// Something that does not tell: [`Cursor::sequel`] has to look further.
pub(super) const UNCLEAR: u64 = 2;

/// The events of a P.
#[derive(Debug)]
pub(super) struct Cursor {
    /// The place of the event that comes next,
    walk: Walk,
    /// and what it is, with the place behind it, if that is known.
    next: Option<(Event, Walk)>,
}

/// A place among the events of a P.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    pub pos: usize,
    /// Where the batch ends.
    pub end: usize,
    /// The time of the last event.
    pub ticks: u64,
    next_batch: Option<u32>,
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
    pub fn new(row: Row) -> Self {
        Cursor { walk: Walk { pos: 0, end: 0, ticks: 0, next_batch: Some(row.first) }, next: None }
    }

    /// The place of the event that comes next, to go on from there: what is known of it is forgotten.
    #[inline(always)]
    pub fn walk(&mut self) -> &mut Walk {
        self.next = None;
        &mut self.walk
    }

    /// The event that comes next, if it is known.
    #[inline(always)]
    pub fn event(&self) -> Option<&Event> {
        self.next.as_ref().map(|(event, _)| event)
    }

    /// Goes past that event.
    #[inline(always)]
    pub fn step(&mut self) {
        if let Some((_, after)) = self.next.take() {
            self.walk = after;
        }
    }

    /// Gets to know the event that comes next; false if there are no more.
    #[inline(never)]
    pub fn look(&mut self, window: &[u8], batches: &[Batch]) -> Result<bool, Fault> {
        while self.next.is_none() {
            if self.walk.pos == self.walk.end && !self.walk.next_batch(batches) {
                return Ok(false);
            }
            let at = self.walk.pos;
            let mut after = self.walk;
            match after.step(window).map_err(|kind| Fault { kind, at })? {
                Some(event) if event.ticks > i64::MAX as u64 => {
                    return Err(Fault { kind: Box::new(ErrorKind::TimestampOverflow), at });
                }
                Some(event) => self.next = Some((event, after)),
                None => self.walk = after,
            }
        }
        Ok(true)
    }

    /// What follows the system call that is the current event: the next event of the goroutine.
    ///
    /// As long as the goroutine has the P, the events of the P are its own, except those that speak of another's past
    /// ([`is_of_another`]). Behind a call these are walked over once, so that looking ahead is linear.
    #[inline(never)]
    pub fn sequel(&self, go: u64, window: &[u8], batches: &[Batch]) -> Option<Sequel> {
        let (_, mut ahead) = self.next?;
        loop {
            if ahead.pos == ahead.end && !ahead.next_batch(batches) {
                return None;
            }
            match ahead.step(window).ok()? {
                Some(event) if !is_of_another(&event, go) => {
                    return Some(Sequel { blocks: event.event == EventType::GoSysBlock, ticks: event.ticks });
                }
                _ => {}
            }
        }
    }
}

impl Cursor {
    /// How many bytes, batches and events have not happened yet, and never will.
    pub fn rest(&self, window: &[u8], batches: &[Batch]) -> Tally {
        let mut walk = self.walk;
        let mut rest = Tally { bytes: walk.end.saturating_sub(walk.pos) as u64, ..Tally::default() };
        loop {
            if walk.pos >= walk.end {
                if !walk.next_batch(batches) {
                    return rest;
                }
                rest += Tally { bytes: (walk.end - walk.pos) as u64, batches: 1, ..Tally::default() };
            }
            match walk.step(window) {
                Ok(event) => rest.events += u64::from(event.is_some()),
                Err(_) => walk.pos = walk.end,
            }
        }
    }
}

impl Walk {
    /// Goes on to the P's next batch, from whose time its events count.
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

    /// Whether what stands at a place of the batch says by its type that the system call before it does not block.
    #[inline(always)]
    pub fn says_returns(&self, window: &[u8], pos: usize) -> bool {
        self.peek_sequel(window, pos) == RETURNS
    }

    /// What follows a system call, where the type of the next record tells.
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

    /// Reads any event, or goes over a record of a table among them. The first pass has checked which version has it.
    fn step(&mut self, window: &[u8]) -> Parsed<Option<Event>> {
        let at = self.pos;
        let bytes = window.get(..self.end).unwrap_or_default();
        let shape = parse::shape(bytes.get(at).copied().unwrap_or(0), NEWEST)?;
        if matches!(shape.class, Class::String | Class::Stack) {
            self.pos = parse::end(bytes, at, shape)?;
            return Ok(None);
        }
        let ([delta, mut args @ ..], end) = parse::values(bytes, at, shape)?;
        self.pos = end;
        if !matches!(shape.class, Class::Timed | Class::TimedString) {
            return Ok(None);
        }
        if shape.class == Class::TimedString {
            args[TEXT_ARG] = end as u64;
            self.pos = parse::text(bytes, end, shape.event)?.1;
        }
        if shape.event == EventType::GoSysCall {
            args[SEQUEL_ARG] = self.peek_sequel(window, self.pos);
        }
        self.ticks = self.ticks.saturating_add(delta);
        Ok(Some(Event { ticks: self.ticks, args, at, event: shape.event }))
    }
}

/// Whether an event is not of the goroutine that has the P (`parseEvent`: these say whose they are).
fn is_of_another(event: &Event, go: u64) -> bool {
    tells_its_goroutine(event.event) && event.args[0] != go
}

fn tells_its_goroutine(event: EventType) -> bool {
    matches!(event, EventType::GoSysExit | EventType::GoWaiting | EventType::GoInSyscall)
}
