//! The events of one M in a generation, one after another.

use super::generation::EventBatch;
use super::spec::{EventType, MAX_ARGS, NOT_TIMED, SHAPES};
use crate::error::{ErrorKind, broken};
use crate::sched::arena::Index;
use crate::time::Frequency;
use crate::wire::varint;

/// How many events are decoded at a time: enough to keep the decoding loop hot, few enough for the blocks of a
/// dozen Ms to stay in the first-level cache.
const BLOCK: usize = 32;

/// An event as it stands in a batch, with its time worked out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timed {
    pub time: i64,
    pub args: [u64; MAX_ARGS],
    /// Where it begins in the window.
    pub at: usize,
    pub event: EventType,
}

/// A fault and the place of its event in the window.
#[derive(Debug)]
pub(super) struct Fault {
    pub kind: Box<ErrorKind>,
    pub at: usize,
}

#[derive(Debug)]
pub(super) struct Cursor {
    pub thread: Index,
    pub thread_id: u64,
    /// Decoded events, of which those before `next` have happened.
    block: Vec<Timed>,
    next: usize,
    /// What stopped the decoding behind the block.
    fault: Option<Fault>,
    time: i64,
    next_batch: Option<u32>,
    pos: usize,
    end: usize,
}

/// What decoding needs to know of the generation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timebase<'a> {
    pub window: &'a [u8],
    pub batches: &'a [EventBatch],
    pub frequency: Frequency,
    /// The N of the trace's version.
    pub minor: u8,
}

const BLANK: Timed = Timed { time: 0, args: [0; MAX_ARGS], at: 0, event: EventType::EventBatch };

impl Cursor {
    /// A cursor before the first event of an M, whose batches begin with `first`.
    pub fn new(thread: Index, thread_id: u64, first: u32) -> Self {
        Cursor {
            thread,
            thread_id,
            block: Vec::new(),
            next: 0,
            fault: None,
            time: 0,
            next_batch: Some(first),
            pos: 0,
            end: 0,
        }
    }

    /// The event that comes next on this M: the one that [`advance`](Self::advance) went to.
    #[inline(always)]
    pub fn event(&self) -> &Timed {
        self.block.get(self.next).unwrap_or(&BLANK)
    }

    /// Goes to the next event, if it is decoded already.
    #[inline(always)]
    pub fn step(&mut self) -> bool {
        self.next += 1;
        self.next < self.block.len()
    }

    /// Decodes on and goes to the first event of that; false if there is none.
    #[inline(never)]
    pub fn refill(&mut self, base: Timebase<'_>) -> Result<bool, Fault> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        self.block.clear();
        self.next = 0;
        if let Err(kind) = self.decode_block(base) {
            let fault = Fault { kind, at: self.pos };
            if self.block.is_empty() {
                return Err(fault);
            }
            // What was decoded before comes first.
            self.fault = Some(fault);
        }
        Ok(!self.block.is_empty())
    }

    fn decode_block(&mut self, base: Timebase<'_>) -> Result<(), Box<ErrorKind>> {
        while self.block.len() < BLOCK {
            if self.pos == self.end {
                if !self.next_batch(base)? {
                    return Ok(());
                }
                continue;
            }
            let bytes = base.window.get(..self.end).unwrap_or_default();
            let mut pos = self.pos;
            let code = bytes[pos];
            pos += 1;
            let shape = SHAPES[code as usize];
            if shape.since > base.minor || shape.args == NOT_TIMED {
                return broken(not_here(code, base.minor));
            }
            let delta = varint::read(bytes, &mut pos)?;
            let mut args = [0; MAX_ARGS];
            for arg in args.iter_mut().take(shape.args as usize) {
                *arg = varint::read(bytes, &mut pos)?;
            }
            let delta = base.frequency.nanos(delta).ok_or_else(overflow)?;
            self.time = self.time.checked_add(delta).ok_or_else(overflow)?;
            self.block.push(Timed { time: self.time, args, at: self.pos, event: shape.event });
            self.pos = pos;
        }
        Ok(())
    }

    /// Goes on to the M's next batch, whose time is the base of its events'.
    fn next_batch(&mut self, base: Timebase<'_>) -> Result<bool, Box<ErrorKind>> {
        let Some(batch) = self.next_batch.and_then(|next| base.batches.get(next as usize)) else {
            return Ok(false);
        };
        self.next_batch = batch.next;
        self.pos = batch.body;
        self.end = batch.end;
        self.time = base.frequency.nanos(batch.time).ok_or_else(overflow)?;
        Ok(true)
    }
}

#[cold]
fn overflow() -> Box<ErrorKind> {
    Box::new(ErrorKind::TimestampOverflow)
}

/// Why a type can't stand in an M's batch.
#[cold]
fn not_here(code: u8, minor: u8) -> ErrorKind {
    let Some(event) = EventType::from_code(code) else {
        return ErrorKind::UnknownEvent { code };
    };
    let since = event.spec().since.minor();
    match since > u32::from(minor) {
        true => ErrorKind::EventNotInVersion { event: event.name(), since },
        false => ErrorKind::WrongContext { event: event.name() },
    }
}
