//! The events of one P, one after another.

use byteorder::{ByteOrder, LittleEndian};

use super::parse::{self, Parsed};
use super::scan::{Batch, Fault, Row};
use super::spec::{Class, EventType, INLINE_VALUES, MAX_ARGS, SHAPES, TYPE_BITS};
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

const BLANK: Event = Event { ticks: 0, args: [0; MAX_ARGS], at: 0, event: EventType::Batch };

/// How many bytes of values are looked at together.
const WORD: usize = 8;

/// The next bytes of values. Nearly all values are one or two bytes long, and nearly all events fit in with all of
/// theirs.
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

    /// Takes a value of up to four bytes.
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
    fn is_short(self) -> bool {
        self.used as usize > WORD
    }

    fn used(self) -> usize {
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

/// How many events are decoded at a time: as many as the first-level cache holds for a dozen Ps.
const BLOCK: usize = 32;
/// The least bytes of an event.
const MIN_EVENT: usize = 2;

#[derive(Debug)]
pub(super) struct Cursor {
    /// Decoded events, of which those before `next` have happened.
    block: Vec<Event>,
    next: usize,
    walk: Walk,
}

/// A place among the events of a P.
#[derive(Clone, Copy, Debug)]
struct Walk {
    pos: usize,
    end: usize,
    ticks: u64,
    next_batch: Option<u32>,
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
        let walk = Walk { pos: 0, end: 0, ticks: 0, next_batch: Some(row.first), minor };
        Cursor { block: Vec::new(), next: 0, walk }
    }

    /// The event that comes next, if it is decoded.
    #[inline(always)]
    pub fn event(&self) -> Option<&Event> {
        self.block.get(self.next)
    }

    /// Goes past that event.
    #[inline(always)]
    pub fn step(&mut self) {
        self.next += 1;
    }

    /// Decodes on, when all that was decoded has happened; false if there are no more events.
    #[inline(never)]
    pub fn refill(&mut self, window: &[u8], batches: &[Batch]) -> Result<bool, Fault> {
        self.next = 0;
        loop {
            if self.walk.pos == self.walk.end && !self.walk.next_batch(batches) {
                self.block = Vec::new();
                return Ok(false);
            }
            let most = (self.walk.end - self.walk.pos) / MIN_EVENT;
            self.block.reserve_exact(most.clamp(1, BLOCK).saturating_sub(self.block.len()));
            self.block.resize(most.clamp(1, BLOCK), BLANK);
            let len = self.walk.decode(window, &mut self.block).map_err(|kind| Fault { kind, at: self.walk.pos })?;
            self.block.truncate(len);
            match self.block.last() {
                // Times only grow within a batch.
                Some(event) if event.ticks > i64::MAX as u64 => {
                    let (kind, at) = (ErrorKind::TimestampOverflow, event.at);
                    return Err(Fault { kind: Box::new(kind), at });
                }
                Some(_) => return Ok(true),
                None => {}
            }
        }
    }

    /// What follows the system call that is the current event: the next event of the goroutine.
    ///
    /// As long as the goroutine has the P, the events of the P are its own, except those that speak of another's past
    /// ([`is_of_another`]). Behind a call these are walked over once, so that looking ahead is linear.
    #[inline(never)]
    pub fn sequel(&self, go: u64, window: &[u8], batches: &[Batch]) -> Option<Sequel> {
        let call = self.event()?;
        // A block ends with its batch, so the batch that comes next is that of the walk.
        let mut ahead = Walk { pos: call.at, ..self.walk };
        ahead.step(window).ok()?;
        ahead.ticks = call.ticks;
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

    /// Decodes a block of events, up to the end of the batch. Says how many there were.
    fn decode(&mut self, window: &[u8], block: &mut [Event]) -> Parsed<usize> {
        let mut len = 0;
        let mut walk = *self;
        while let Some(event) = block.get_mut(len)
            && walk.pos < walk.end
        {
            if walk.step_quickly(window, event) {
                len += 1;
            } else {
                *self = walk;
                if let Some(other) = self.step(window)? {
                    *event = other;
                    len += 1;
                }
                walk = *self;
            }
        }
        *self = walk;
        Ok(len)
    }

    /// Reads an event whose values are few and short, as nearly all are; false if it is not such a one.
    #[inline(always)]
    fn step_quickly(&mut self, window: &[u8], event: &mut Event) -> bool {
        // Reading a little past the batch's end does no harm: where the record ends, the first pass has seen.
        let Some(head) = window.get(self.pos..).and_then(|rest| rest.first_chunk::<{ 1 + WORD }>()) else {
            return false;
        };
        let values = INLINE_VALUES[usize::from(head[0])];
        let mut word = Word::new(&head[1..]);
        let delta = word.take();
        if values > 1 {
            event.args[0] = word.take();
        }
        if values > 2 {
            event.args[1] = word.take();
        }
        if values == 0 || word.is_short() {
            return false;
        }
        event.at = self.pos;
        event.event = SHAPES[usize::from(head[0] & TYPE_BITS)].event;
        self.pos += 1 + word.used();
        self.ticks = self.ticks.saturating_add(delta);
        event.ticks = self.ticks;
        if event.event == EventType::GoSysCall {
            event.args[SEQUEL_ARG] = self.peek_sequel(window);
        }
        true
    }

    /// What follows a system call, where the type of the next record tells.
    #[inline(always)]
    fn peek_sequel(&self, window: &[u8]) -> u64 {
        let Some(&first) = window.get(..self.end).and_then(|batch| batch.get(self.pos)) else { return UNCLEAR };
        let shape = SHAPES[usize::from(first & TYPE_BITS)];
        match shape.event {
            EventType::GoSysBlock => BLOCKS,
            event if shape.class == Class::Timed && !tells_its_goroutine(event) => RETURNS,
            _ => UNCLEAR,
        }
    }

    /// Reads any event, or goes over a record of a table among them.
    #[inline(never)]
    fn step(&mut self, window: &[u8]) -> Parsed<Option<Event>> {
        let at = self.pos;
        let bytes = window.get(..self.end).unwrap_or_default();
        let shape = parse::shape(bytes.get(at).copied().unwrap_or(0), self.minor)?;
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
            args[SEQUEL_ARG] = self.peek_sequel(window);
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
