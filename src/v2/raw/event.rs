//! Decodes raw events, and writes them as text.

use std::fmt;
use std::io;

use super::super::spec::{self, Class, EventType};
use super::{RawBatch, RawFrame};
use crate::error::{Error, ErrorKind, Location};
use crate::event::Text;
use crate::event::text::write_int;
use crate::wire::header::Version;
use crate::wire::varint;

/// The maximum number of arguments of an event, including the time.
const MAX_ARGS: usize = spec::MAX_ARGS + 1;

/// The number of arguments of each event type in a version. [`UNUSUAL`] for types that are not in the version, that
/// have no arguments or more than [`FREQUENT_ARGS`], that have data or frames, or that are the header of a batch.
pub(super) type Arity = [u8; 256];

const UNUSUAL: u8 = u8::MAX;

/// Returns the table for a version.
pub(super) fn arity(version: Version) -> &'static Arity {
    static GO122: Arity = table(Version::Go122);
    static GO123: Arity = table(Version::Go123);
    static GO125: Arity = table(Version::Go125);
    static GO126: Arity = table(Version::Go126);
    match version {
        Version::Go126 => &GO126,
        Version::Go125 => &GO125,
        Version::Go123 => &GO123,
        _ => &GO122,
    }
}

const fn table(version: Version) -> Arity {
    let mut table = [UNUSUAL; 256];
    let mut i = 0;
    while i < EventType::ALL.len() {
        let event = EventType::ALL[i];
        let spec = event.spec();
        assert!(spec.args.len() <= MAX_ARGS);
        let plain = !matches!(spec.class, Class::Data | Class::Stack) && !frames_a_batch(event);
        let frequent = matches!(spec.args.len(), 1..=FREQUENT_ARGS);
        if plain && frequent && spec.since.minor() <= version.minor() {
            table[event.code() as usize] = spec.args.len() as u8;
        }
        i += 1;
    }
    table
}

const fn frames_a_batch(event: EventType) -> bool {
    matches!(event, EventType::EventBatch | EventType::ExperimentalBatch | EventType::EndOfGeneration)
}

/// Iterates over the events of a batch, in file order.
#[derive(Clone, Debug)]
pub struct RawEvents<'a> {
    batch: &'a RawBatch<'a>,
    /// The bytes of the batch from the next event on. This is faster than a position in `bytes`:
    /// checks compare a length with a constant.
    rest: &'a [u8],
    failed: bool,
    arity: &'static Arity,
    /// The arguments of the last event. Events borrow them, because copying would take longer than decoding. They are
    /// boxed, so that the borrow does not refer to `self` and the compiler can keep `rest` in registers.
    args: Box<Args>,
}

type Args = [u64; MAX_ARGS];

/// The size of a decoded event.
#[derive(Clone, Copy)]
struct Extent {
    /// The number of arguments.
    args: usize,
    /// The length in bytes.
    len: usize,
}

impl<'a> RawEvents<'a> {
    pub(super) fn new(batch: &'a RawBatch<'a>) -> Self {
        let arity = arity(batch.version);
        RawEvents { batch, rest: batch.bytes, failed: false, arity, args: Box::default() }
    }

    /// Returns the next event, or `None` at the end of the batch.
    ///
    /// # Errors
    ///
    /// `UnknownEvent`, `EventNotInVersion`, `WrongContext` for the header of a batch inside another
    /// batch, or `VarintOverflow`. If the batch ends inside the event, `VarintTruncated` or
    /// `EventTruncated`, or `TruncatedBatch` if the file ends there as well. Afterwards, this
    /// returns `Ok(None)`.
    #[inline(always)]
    pub fn next_event(&mut self) -> Result<Option<RawEvent<'_>>, Error> {
        let extent = match read_brief(&mut self.args, self.rest, self.arity) {
            // This is separate from the call below, so that the compiler knows the maximum length and
            // removes bounds checks.
            Some(extent) => return Ok(Some(self.step(extent))),
            None => read(&mut self.args, self.batch, self.rest, self.failed),
        };
        match extent {
            Ok(Some(extent)) => Ok(Some(self.step(extent))),
            Ok(None) => Ok(None),
            Err(error) => {
                (self.rest, self.failed) = (&[], true);
                Err(unboxed(error))
            }
        }
    }

    /// Returns the next event and advances `rest`.
    #[inline(always)]
    fn step(&mut self, Extent { args, len }: Extent) -> RawEvent<'_> {
        let rest = self.rest;
        self.rest = rest.get(len..).unwrap_or_default();
        RawEvent { args: self.args.get(..args).unwrap_or_default(), rest, len, batch: self.batch }
    }
}

/// The maximum number of arguments of a frequent event.
const FREQUENT_ARGS: usize = 4;

/// The maximum length of an event with a type and integers of at most [`varint::BRIEF`] bytes.
const WINDOW: usize = 1 + FREQUENT_ARGS * varint::BRIEF;

/// Decodes the next event if it has only a few arguments, of at most [`varint::BRIEF`] bytes each.
#[inline(always)]
fn read_brief(args: &mut Args, rest: &[u8], arity: &Arity) -> Option<Extent> {
    let window: &[u8; WINDOW] = rest.first_chunk()?;
    let count = usize::from(arity[usize::from(window[0])]);
    if count > FREQUENT_ARGS {
        return None;
    }
    let mut pos = 1;
    // There is no loop here: with separate branches for each number of arguments, the processor predicts them
    // better.
    if count > 2 {
        // These are usually the time and a small number.
        (args[0], args[1]) = varint::read_two_brief(window, &mut pos)?;
        args[2] = varint::read_brief(window, &mut pos)?;
        if count > 3 {
            args[3] = varint::read_brief(window, &mut pos)?;
        }
    } else {
        args[0] = varint::read_brief(window, &mut pos)?;
        if count > 1 {
            args[1] = varint::read_brief(window, &mut pos)?;
        }
    }
    Some(Extent { args: count, len: pos })
}

/// Moves the error out of its box. Not inlined, because moving the error would take registers from the hot path.
#[cold]
#[inline(never)]
#[allow(clippy::boxed_local, reason = "the error arrives boxed")]
fn unboxed(error: Box<Error>) -> Error {
    *error
}

/// Decodes any event. Marked as cold, because [`read_brief`] decodes most events.
#[cold]
#[inline(never)]
fn read(all: &mut Args, batch: &RawBatch<'_>, rest: &[u8], failed: bool) -> Result<Option<Extent>, Box<Error>> {
    let bytes = batch.bytes;
    let start = bytes.len() - rest.len();
    let Some(&code) = rest.first() else {
        return match batch.missing {
            0 => Ok(None),
            _ if failed => Ok(None),
            missing => Err(fault(batch, ErrorKind::TruncatedBatch { missing }, start)),
        };
    };
    let Some(event) = EventType::from_code(code) else {
        return Err(fault(batch, ErrorKind::UnknownEvent { code }, start));
    };
    let spec = event.spec();
    if batch.version < spec.since {
        let kind = ErrorKind::EventNotInVersion { event: event.name(), since: spec.since.minor() };
        return Err(fault(batch, kind, start));
    }
    if frames_a_batch(event) && start != 0 {
        return Err(fault(batch, ErrorKind::WrongContext { event: event.name() }, start));
    }
    let mut pos = start + 1;
    let args = all.get_mut(..spec.args.len()).unwrap_or_default();
    for arg in args.iter_mut() {
        *arg = int(batch, &mut pos)?;
    }
    match spec.class {
        Class::Data => {
            let len = int(batch, &mut pos)?;
            let end = usize::try_from(len).ok().and_then(|len| pos.checked_add(len));
            pos = end.filter(|&end| end <= bytes.len()).ok_or_else(|| short(batch, event, pos))?;
        }
        Class::Stack => {
            let frames = args.last().copied().unwrap_or_default();
            skip_ints(batch, &mut pos, frames.saturating_mul(FRAME_ARGS.len() as u64))?;
        }
        Class::Structural | Class::Timed | Class::AllocFree => {}
    }
    Ok(Some(Extent { args: spec.args.len(), len: pos - start }))
}

const MORE: u8 = 0x80;

/// Skips integers, up to eight bytes at a time. Each integer takes at least one byte, so the time is bounded by the
/// length of the batch even if `count` is wrong.
fn skip_ints(batch: &RawBatch<'_>, pos: &mut usize, mut count: u64) -> Result<(), Box<Error>> {
    while count > 0 {
        let word = batch.bytes.get(*pos..).and_then(|rest| rest.first_chunk());
        let ends = word.map_or(0, |&word| !u64::from_le_bytes(word) & (u64::from(MORE) * EACH_BYTE));
        let ended = (ends >> 7).wrapping_mul(EACH_BYTE) >> 56;
        if ended == 0 || ended > count {
            int(batch, pos)?;
            count -= 1;
        } else {
            // Continue after the last integer that ends in these bytes. The remaining bytes are part of an integer that
            // may be too long, which `int` must check.
            *pos += 8 - ends.leading_zeros() as usize / 8;
            count -= ended;
        }
    }
    Ok(())
}

const EACH_BYTE: u64 = 0x0101_0101_0101_0101;

#[inline]
fn int(batch: &RawBatch<'_>, pos: &mut usize) -> Result<u64, Box<Error>> {
    varint::read(batch.bytes, pos).map_err(|what| match (what, batch.missing) {
        (varint::Fault::Truncated, 1..) => {
            fault(batch, ErrorKind::TruncatedBatch { missing: batch.missing }, batch.bytes.len())
        }
        (what, _) => fault(batch, what.into(), *pos),
    })
}

/// Returns the error for an event that extends beyond the end of its batch. If the file ends there, the error is about
/// the file.
#[cold]
fn short(batch: &RawBatch<'_>, event: EventType, pos: usize) -> Box<Error> {
    match batch.missing {
        0 => fault(batch, ErrorKind::EventTruncated { event: event.name() }, pos),
        missing => fault(batch, ErrorKind::TruncatedBatch { missing }, batch.bytes.len()),
    }
}

#[cold]
fn fault(batch: &RawBatch<'_>, kind: ErrorKind, pos: usize) -> Box<Error> {
    let generation = (batch.generation != 0).then_some(batch.generation);
    let at = Location { offset: batch.offset + pos as u64, generation, thread: batch.thread, event: None };
    Box::new(Error { kind, at })
}

/// An event as it is in the file. It borrows from its [`RawEvents`] until the next event is read.
#[derive(Clone, Copy)]
pub struct RawEvent<'a> {
    args: &'a [u64],
    /// The bytes of the batch from this event on. The first `len` bytes are this event.
    rest: &'a [u8],
    len: usize,
    batch: &'a RawBatch<'a>,
}

impl<'a> RawEvent<'a> {
    /// Returns the byte offset of the event in the file.
    #[inline]
    pub fn offset(&self) -> u64 {
        self.batch.offset + (self.batch.bytes.len() - self.rest.len()) as u64
    }

    /// Returns the type of the event.
    #[inline]
    pub fn event(&self) -> EventType {
        // Only known types are decoded, so the default is never used.
        self.rest.first().and_then(|&code| EventType::from_code(code)).unwrap_or(EventType::EventBatch)
    }

    /// Returns the arguments, in the order of [`Spec::args`](super::Spec::args).
    #[inline]
    pub fn args(&self) -> &'a [u64] {
        self.args
    }

    /// Returns the bytes of the event in the file, including data and frames.
    #[inline]
    pub fn bytes(&self) -> &'a [u8] {
        self.rest.get(..self.len).unwrap_or_default()
    }

    /// Returns the data of a string or of an experimental batch. `None` for other events.
    pub fn data(&self) -> Option<&'a [u8]> {
        (self.event().spec().class == Class::Data).then(|| self.trailer())
    }

    /// Returns the frames of a stack. Empty for other events.
    pub fn frames(&self) -> RawFrames<'a> {
        match self.event().spec().class {
            Class::Stack => RawFrames { bytes: self.trailer(), pos: 0 },
            _ => RawFrames { bytes: &[], pos: 0 },
        }
    }

    /// Returns the bytes after the arguments, without their length. Few events have such bytes, so their position is
    /// computed again here and not stored for all events.
    fn trailer(&self) -> &'a [u8] {
        let ints = self.args().len() + usize::from(self.event().spec().class == Class::Data);
        let bytes = self.bytes();
        let mut pos = 1;
        for _ in 0..ints {
            // This cannot fail, because the same bytes have been read before.
            let _ = varint::read(bytes, &mut pos);
        }
        bytes.get(pos..).unwrap_or_default()
    }

    /// Returns the size in bytes with the shortest encoding of integers. The event may take more bytes in the file,
    /// because the runtime pads integers that it fills in later, such as the size of a batch.
    pub fn encoded_size(&self) -> usize {
        let args: usize = self.args().iter().map(|&arg| varint::len(arg)).sum();
        let frames: usize = self.frames().map(|frame| frame_args(frame).map(varint::len).iter().sum::<usize>()).sum();
        let data = self.data().map_or(0, |data| varint::len(data.len() as u64) + data.len());
        1 + args + frames + data
    }

    /// Writes the event like `go tool trace -d=wire` of Go 1.27.3, byte for byte: one line, a line
    /// for each frame of a stack, and a line for data unless it is empty.
    ///
    /// # Errors
    ///
    /// Errors of writing to `out`.
    pub fn write_text(&self, out: &mut impl io::Write) -> io::Result<()> {
        let spec = self.event().spec();
        out.write_all(spec.name.as_bytes())?;
        for (name, &value) in spec.args.iter().zip(self.args()) {
            write_arg(b" ", name, value, out)?;
        }
        for frame in self.frames() {
            for (i, (name, value)) in FRAME_ARGS.iter().zip(frame_args(frame)).enumerate() {
                write_arg(if i == 0 { b"\n\t" } else { b" " }, name, value, out)?;
            }
        }
        if let Some(data) = self.data().filter(|data| !data.is_empty()) {
            out.write_all(b"\n\tdata=")?;
            Text(data).write_quoted(out)?;
        }
        out.write_all(b"\n")
    }
}

/// The names of a frame's integers in the text form, in file order.
pub(crate) const FRAME_ARGS: [&str; 4] = ["pc", "func", "file", "line"];

fn frame_args(frame: RawFrame) -> [u64; 4] {
    [frame.pc, frame.func, frame.file, frame.line]
}

fn write_arg(separator: &[u8], name: &str, value: u64, out: &mut impl io::Write) -> io::Result<()> {
    out.write_all(separator)?;
    out.write_all(name.as_bytes())?;
    out.write_all(b"=")?;
    write_int(value, out)
}

/// Iterates over the frames of a [`RawEvent`], innermost first.
#[derive(Clone, Debug)]
pub struct RawFrames<'a> {
    bytes: &'a [u8],
    pos: usize,
}

impl Iterator for RawFrames<'_> {
    type Item = RawFrame;

    fn next(&mut self) -> Option<RawFrame> {
        // The event has been decoded before, so all frames are complete.
        RawFrame::read(self.bytes, &mut self.pos).ok()
    }
}

/// Formats the event without the bytes of the batch.
impl fmt::Debug for RawEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("RawEvent");
        out.field("offset", &self.offset()).field("event", &self.event()).field("args", &self.args()).finish()
    }
}
