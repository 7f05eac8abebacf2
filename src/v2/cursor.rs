//! The events of one M in a generation, one after another.

use super::batch::EventBatch;
use super::spec::{Alphabet, EventType, MAX_ARGS};
use crate::error::{ErrorKind, broken};
use crate::sched::arena::Index;
use crate::time::{Frequency, TIME_LIMIT};
use crate::wire::header::Version;
use crate::wire::varint;

/// A place in the batches of an M: behind the type and the time of an event, in front of its arguments.
///
/// What orders events is their time, so only that is decoded ahead; the arguments are when the event is tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor {
    pub thread: Index,
    pub thread_id: u64,
    /// The event's type, which may not be in the alphabet.
    pub code: u8,
    pub time: i64,
    /// Where the event begins in the window,
    pub at: usize,
    /// where its arguments do,
    pub args: usize,
    /// and where its batch ends.
    pub end: usize,
    next_batch: Option<u32>,
}

/// How many arguments a frequent event has at most, after its time.
const FREQUENT_ARGS: usize = 3;

/// What a frequent event's arguments and the type and the time of the next event fit in if all are brief.
pub(super) type Frame = [u8; FRAME_LEN];
pub(super) const FRAME_LEN: usize = FREQUENT_ARGS * varint::BRIEF + 1 + varint::BRIEF;

/// What decoding needs to know of the generation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timebase<'a> {
    pub window: &'a [u8],
    pub batches: &'a [EventBatch],
    pub frequency: Frequency,
    pub version: Version,
    pub alphabet: &'static Alphabet,
}

impl Cursor {
    /// A cursor before the first event of an M, whose batches begin with `first`.
    pub fn new(thread: Index, thread_id: u64, first: u32) -> Self {
        Cursor { thread, thread_id, code: 0, time: 0, at: 0, args: 0, end: 0, next_batch: Some(first) }
    }

    /// The batch after the one it is in.
    pub fn next_batch(&self) -> Option<u32> {
        self.next_batch
    }

    /// The window up to the end of the batch.
    #[inline(always)]
    pub fn bytes<'a>(&self, window: &'a [u8]) -> &'a [u8] {
        window.get(..self.end).unwrap_or_default()
    }

    /// Goes to the event at `pos`, where this one's arguments end, if it is in the same batch and sound.
    /// If not, nothing has changed. `bytes` end with the batch.
    #[inline(always)]
    pub fn step(&mut self, pos: usize, bytes: &[u8], frequency: Frequency) -> bool {
        let mut args = pos + 1;
        if let Some(&code) = bytes.get(pos)
            && let Ok(delta) = varint::read(bytes, &mut args)
            && let Some(delta) = frequency.nanos(delta)
            && let Some(time) = add(self.time, delta)
        {
            self.code = code;
            self.time = time;
            self.at = pos;
            self.args = args;
            return true;
        }
        false
    }

    /// The event, its arguments, and where they end.
    pub fn read(&self, base: &Timebase<'_>) -> Result<(EventType, [u64; MAX_ARGS], usize), Box<ErrorKind>> {
        let Some(event) = base.alphabet[self.code as usize] else {
            return broken(not_here(self.code, base.version));
        };
        let bytes = self.bytes(base.window);
        let mut args = [0; MAX_ARGS];
        let mut pos = self.args;
        for arg in args.iter_mut().take(event.spec().args.len() - 1) {
            *arg = varint::read(bytes, &mut pos)?;
        }
        Ok((event, args, pos))
    }

    /// Goes to the event at `pos`, be it in the next batch; false if there is none. On an error, `at` is its place.
    pub fn advance(&mut self, mut pos: usize, base: &Timebase<'_>) -> Result<bool, Box<ErrorKind>> {
        while pos == self.end {
            let Some(batch) = self.next_batch.and_then(|next| base.batches.get(next as usize)) else {
                return Ok(false);
            };
            self.at = batch.start;
            self.end = batch.start;
            self.time = base.frequency.time(batch.time).ok_or(ErrorKind::TimestampOverflow)?;
            self.next_batch = batch.next;
            self.end = batch.end;
            pos = batch.body;
        }
        let bytes = self.bytes(base.window);
        if self.step(pos, bytes, base.frequency) {
            return Ok(true);
        }
        self.at = pos;
        broken(self.fault(base))
    }

    /// What is wrong with the event at `at`, to which [`step`](Self::step) did not go.
    fn fault(&self, base: &Timebase<'_>) -> ErrorKind {
        let bytes = self.bytes(base.window);
        let code = bytes.get(self.at).copied().unwrap_or_default();
        if base.alphabet[code as usize].is_none() {
            return not_here(code, base.version);
        }
        match varint::read(bytes, &mut (self.at + 1)) {
            Ok(_) => ErrorKind::TimestampOverflow,
            Err(fault) => fault.into(),
        }
    }
}

/// A cursor on its way through a batch as long as that is easy: the arguments, type and time of what it meets are brief and
/// not near the batch's end. It is apart from the cursor to stay in registers.
pub(super) struct Stride<'a> {
    /// Of the event at which it stands.
    pub code: u8,
    pub time: i64,
    /// The batch from that event's arguments on,
    rest: &'a [u8],
    /// and how long the event is in front of them.
    head: usize,
}

impl<'a> Stride<'a> {
    #[inline(always)]
    pub fn new(cursor: &Cursor, window: &'a [u8]) -> Option<Self> {
        let rest = window.get(cursor.args..cursor.end)?;
        Some(Stride { code: cursor.code, time: cursor.time, rest, head: cursor.args - cursor.at })
    }

    /// The bytes from the arguments on, unless the batch ends among them.
    #[inline(always)]
    pub fn frame(&self) -> Option<&'a Frame> {
        self.rest.first_chunk()
    }

    /// Goes to the event at `len` of this one's frame, where its arguments end. If that is not brief, nothing has changed.
    #[inline(always)]
    pub fn step(&mut self, len: usize, frame: &Frame, frequency: Frequency) -> bool {
        let mut args = len + 1;
        if let Some(&code) = frame.get(len)
            && let Some(delta) = varint::read_brief(frame, &mut args)
            && let Some(delta) = frequency.nanos(delta)
            && let Some(time) = add(self.time, delta)
            && let Some(rest) = self.rest.get(args..)
        {
            *self = Stride { code, time, rest, head: args - len };
            return true;
        }
        false
    }

    /// Brings the cursor here.
    #[inline(always)]
    pub fn end(self, cursor: &mut Cursor) {
        cursor.code = self.code;
        cursor.time = self.time;
        cursor.args = cursor.end - self.rest.len();
        cursor.at = cursor.args - self.head;
    }
}

/// The time so long after another. Neither is negative, so the sum fits without its sign.
#[inline(always)]
fn add(time: i64, delta: i64) -> Option<i64> {
    let sum = time.cast_unsigned() + delta.cast_unsigned();
    (sum < TIME_LIMIT.cast_unsigned()).then_some(sum.cast_signed())
}

/// Why a type can't stand in an M's batch.
fn not_here(code: u8, version: Version) -> ErrorKind {
    let Some(event) = EventType::from_code(code) else {
        return ErrorKind::UnknownEvent { code };
    };
    let since = event.spec().since;
    match since > version {
        true => ErrorKind::EventNotInVersion { event: event.name(), since: since.minor() },
        false => ErrorKind::WrongContext { event: event.name() },
    }
}
