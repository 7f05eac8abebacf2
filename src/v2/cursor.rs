//! The events of one thread in a generation.

use super::batch::EventBatch;
use super::spec::{Alphabet, EventType, MAX_ARGS};
use crate::error::{ErrorKind, broken};
use crate::sched::arena::Index;
use crate::time::{Frequency, TIME_LIMIT};
use crate::wire::header::Version;
use crate::wire::varint;

/// A position in the batches of a thread: after the type and the time of an event, before its
/// arguments.
///
/// Ordering needs only the time of the next event. Its arguments are decoded when it is tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor {
    pub thread: Index,
    pub thread_id: u64,
    /// The code of the event's type. [`read`](Self::read) checks that it is a known code.
    pub code: u8,
    pub time: i64,
    /// The start of the event in the window.
    pub at: usize,
    /// The start of the event's arguments in the window.
    pub args: usize,
    /// The end of the event's batch in the window.
    pub end: usize,
    next_batch: Option<u32>,
}

/// The maximum number of arguments of a frequent event, without its time.
const FREQUENT_ARGS: usize = 3;

/// The next bytes of a batch: enough for the arguments of a frequent event and the type and time of the next event, if
/// none of these integers is longer than [`varint::BRIEF`] bytes.
pub(super) type Frame = [u8; FRAME_LEN];
pub(super) const FRAME_LEN: usize = FREQUENT_ARGS * varint::BRIEF + 1 + varint::BRIEF;

/// The properties of the generation that decoding needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timebase<'a> {
    pub window: &'a [u8],
    pub batches: &'a [EventBatch],
    pub frequency: Frequency,
    pub version: Version,
    pub alphabet: &'static Alphabet,
}

impl Cursor {
    /// Creates a cursor before the first event of a thread. `first` is its first batch.
    pub fn new(thread: Index, thread_id: u64, first: u32) -> Self {
        Cursor { thread, thread_id, code: 0, time: 0, at: 0, args: 0, end: 0, next_batch: Some(first) }
    }

    /// Returns the batch after the current one.
    pub fn next_batch(&self) -> Option<u32> {
        self.next_batch
    }

    /// Returns the window up to the end of the batch.
    #[inline(always)]
    pub fn bytes<'a>(&self, window: &'a [u8]) -> &'a [u8] {
        window.get(..self.end).unwrap_or_default()
    }

    /// Moves to the event at `pos`, the end of the arguments of the current event. Returns false and changes nothing if
    /// the batch ends there, or if the time of the event cannot be read. `bytes` must end where the batch ends.
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

    /// Decodes the event. Returns its type, its arguments, and the position after them.
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

    /// Moves to the event at `pos`, or to the first event of the next batch if the batch ends
    /// there. Returns false if the thread has no more events. On error, `at` is the position of the
    /// error.
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

    /// Returns why [`step`](Self::step) did not move to the event at `at`.
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

/// A cursor that moves through a batch as long as all integers have at most [`varint::BRIEF`] bytes and the batch does
/// not end. It is a separate type so that the compiler keeps it in registers.
pub(super) struct BriefCursor<'a> {
    /// The type of the current event.
    pub code: u8,
    pub time: i64,
    /// The rest of the batch, from the arguments of the event on.
    rest: &'a [u8],
    /// The length of the type and the time of the event.
    head: usize,
}

impl<'a> BriefCursor<'a> {
    #[inline(always)]
    pub fn new(cursor: &Cursor, window: &'a [u8]) -> Option<Self> {
        let rest = window.get(cursor.args..cursor.end)?;
        Some(BriefCursor { code: cursor.code, time: cursor.time, rest, head: cursor.args - cursor.at })
    }

    /// Returns the next [`FRAME_LEN`] bytes, from the arguments on. `None` if the batch has fewer bytes left.
    #[inline(always)]
    pub fn frame(&self) -> Option<&'a Frame> {
        self.rest.first_chunk()
    }

    /// Moves to the next event. The next event starts `len` bytes into the frame, after the arguments of the current
    /// event. Returns false and changes nothing if its time has more than [`varint::BRIEF`] bytes or exceeds the limit.
    #[inline(always)]
    pub fn step(&mut self, len: usize, frame: &Frame, frequency: Frequency) -> bool {
        let mut args = len + 1;
        if let Some(&code) = frame.get(len)
            && let Some(delta) = varint::read_brief(frame, &mut args)
            && let Some(delta) = frequency.nanos(delta)
            && let Some(time) = add(self.time, delta)
            && let Some(rest) = self.rest.get(args..)
        {
            *self = BriefCursor { code, time, rest, head: args - len };
            return true;
        }
        false
    }

    /// Moves the cursor to this position.
    #[inline(always)]
    pub fn end(self, cursor: &mut Cursor) {
        cursor.code = self.code;
        cursor.time = self.time;
        cursor.args = cursor.end - self.rest.len();
        cursor.at = cursor.args - self.head;
    }
}

/// Returns the sum of a time and a duration, or `None` if it is not below [`TIME_LIMIT`]. Neither argument is negative,
/// so the sum fits in a `u64`.
#[inline(always)]
fn add(time: i64, delta: i64) -> Option<i64> {
    let sum = time.cast_unsigned() + delta.cast_unsigned();
    (sum < TIME_LIMIT.cast_unsigned()).then_some(sum.cast_signed())
}

/// Returns why an event type is not allowed in the batch of a thread.
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
