//! The events of one P, one after another.

use super::parse::{self, Parsed};
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

#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor {
    event: Event,
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

    /// The event that [`step`](Self::step) went to.
    #[inline(always)]
    pub fn event(&self) -> &Event {
        &self.event
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
            let bytes = window.get(..self.end).unwrap_or_default();
            let shape = SHAPES[usize::from(bytes[self.pos] & TYPE_BITS)];
            if shape.class != Class::Timed {
                if self.step_otherwise(bytes)? {
                    return Ok(true);
                }
                continue;
            }
            let ([delta, args @ ..], end) = parse::values(bytes, self.pos, shape)?;
            self.event = Event { ticks: self.later(delta)?, args, at: self.pos, event: shape.event };
            self.pos = end;
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

    /// Goes over a record of a table among the events, or to a log message: says whether it is one.
    #[cold]
    fn step_otherwise(&mut self, bytes: &[u8]) -> Parsed<bool> {
        let shape = parse::shape(bytes[self.pos], self.minor)?;
        let at = self.pos;
        let [delta, a, b, c, _] = match shape.class {
            Class::String | Class::Stack => {
                self.pos = parse::end(bytes, at, shape)?;
                return Ok(false);
            }
            _ => {
                let (values, end) = parse::values(bytes, at, shape)?;
                self.pos = end;
                values
            }
        };
        if shape.class != Class::TimedString {
            return Ok(false);
        }
        let text_at = self.pos;
        self.pos = parse::text(bytes, text_at, shape.event)?.1;
        self.event = Event { ticks: self.later(delta)?, args: [a, b, c, text_at as u64], at, event: shape.event };
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

    /// What follows the system call, which a goroutine has just begun: the next event of that goroutine.
    ///
    /// As long as the goroutine has the P, the events of the P are its own, except those that speak of another's past
    /// ([`is_of_another`]). Behind a call these are walked over once, so that looking ahead is linear.
    pub fn sequel(&self, go: u64, window: &[u8], batches: &[Batch]) -> Option<Sequel> {
        let mut ahead = *self;
        while let Ok(true) = ahead.step(window, batches) {
            let event = ahead.event();
            if !is_of_another(event, go) {
                return Some(Sequel { blocks: event.event == EventType::GoSysBlock, ticks: event.ticks });
            }
        }
        None
    }
}

/// Whether an event is not of the goroutine that has the P (`parseEvent`: these say whose they are).
fn is_of_another(event: &Event, go: u64) -> bool {
    matches!(event.event, EventType::GoSysExit | EventType::GoWaiting | EventType::GoInSyscall) && event.args[0] != go
}
