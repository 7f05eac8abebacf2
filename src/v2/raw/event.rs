//! Raw events: decoding, their text, their size.

use std::fmt;
use std::io;

use super::super::spec::{self, Class, EventType};
use super::{RawBatch, RawFrame};
use crate::error::{Error, ErrorKind, Location};
use crate::event::Text;
use crate::event::text::write_int;
use crate::wire::header::Version;
use crate::wire::varint;

/// The most arguments that an event has: four and the time.
const MAX_ARGS: usize = spec::MAX_ARGS + 1;

/// How many arguments the events of a version have, by type; [`UNUSUAL`] for types that it does not have, for events
/// of none or more than [`FREQUENT_ARGS`], and for those that have more than arguments or frame a batch.
pub(super) type Arity = [u8; 256];

const UNUSUAL: u8 = u8::MAX;

/// The table of a version.
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

/// The events of a batch in file order.
#[derive(Clone, Debug)]
pub struct RawEvents<'a> {
    batch: &'a RawBatch<'a>,
    /// The batch's bytes from the next event on: what is left is compared with a constant, where a position would
    /// have to be compared with a length.
    rest: &'a [u8],
    failed: bool,
    arity: &'static Arity,
    /// The last event's arguments, in place: to copy them costs more than to decode them. They are boxed so that what is
    /// given out leads here and not to `self`: the rest can then stay in registers, without which every event
    /// would wait for the one before.
    args: Box<Args>,
}

type Args = [u64; MAX_ARGS];

/// What is found out of an event besides the values of its arguments.
#[derive(Clone, Copy)]
struct Extent {
    /// How many arguments it has.
    args: usize,
    /// How many bytes it is long.
    len: usize,
}

impl<'a> RawEvents<'a> {
    pub(super) fn new(batch: &'a RawBatch<'a>) -> Self {
        let arity = arity(batch.version);
        RawEvents { batch, rest: batch.bytes, failed: false, arity, args: Box::default() }
    }

    /// The next event, `None` behind the last.
    ///
    /// # Errors
    ///
    /// `UnknownEvent`, `EventNotInVersion`, `WrongContext` for the frame of a batch inside another one,
    /// `VarintOverflow`, and where the batch ends too early `VarintTruncated`, `EventTruncated` or, if the file ends
    /// there, `TruncatedBatch`. Afterwards this gives `Ok(None)`.
    #[inline(always)]
    pub fn next_event(&mut self) -> Result<Option<RawEvent<'_>>, Error> {
        let extent = match read_brief(&mut self.args, self.rest, self.arity) {
            // Apart from the rest, so that the compiler knows how little this takes, and checks nothing.
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

    /// Gives out the event in front and goes past it.
    #[inline(always)]
    fn step(&mut self, Extent { args, len }: Extent) -> RawEvent<'_> {
        let rest = self.rest;
        self.rest = rest.get(len..).unwrap_or_default();
        RawEvent { args: self.args.get(..args).unwrap_or_default(), rest, len, batch: self.batch }
    }
}

/// How many arguments a frequent event has at most.
const FREQUENT_ARGS: usize = 4;

/// A brief event is not longer than this: a type, and brief integers.
const WINDOW: usize = 1 + FREQUENT_ARGS * varint::BRIEF;

/// Decodes the event in front if it is brief, and has a few arguments and nothing else.
#[inline(always)]
fn read_brief(args: &mut Args, rest: &[u8], arity: &Arity) -> Option<Extent> {
    let window: &[u8; WINDOW] = rest.first_chunk()?;
    let count = usize::from(arity[usize::from(window[0])]);
    if count > FREQUENT_ARGS {
        return None;
    }
    let mut pos = 1;
    // No loop: each number of arguments has its branches, which the processor then foretells by themselves.
    if count > 2 {
        // Mostly the time and a small number.
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

/// Out of line, for its moving about of words would take the registers of those that are busy.
#[cold]
#[inline(never)]
#[allow(clippy::boxed_local, reason = "it comes boxed")]
fn unboxed(error: Box<Error>) -> Error {
    *error
}

/// Decodes any event, or tells why there is none. Few are decoded here, and the compiler is to know that.
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

/// Skips integers, as many as end in the next eight bytes at a time. Every one takes bytes, so a wrong number of them
/// costs no more than the batch is long.
fn skip_ints(batch: &RawBatch<'_>, pos: &mut usize, mut count: u64) -> Result<(), Box<Error>> {
    while count > 0 {
        let word = batch.bytes.get(*pos..).and_then(|rest| rest.first_chunk());
        let ends = word.map_or(0, |&word| !u64::from_le_bytes(word) & (u64::from(MORE) * EACH_BYTE));
        let ended = (ends >> 7).wrapping_mul(EACH_BYTE) >> 56;
        if ended == 0 || ended > count {
            int(batch, pos)?;
            count -= 1;
        } else {
            // Behind the last that ends here: so no integer is skipped that is too long.
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

/// A fault of a batch that ends inside the bytes of an event. If the file ends there, that is the reason.
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

/// An event as it stands on the wire. It borrows from its [`RawEvents`] until the next one is asked for.
#[derive(Clone, Copy)]
pub struct RawEvent<'a> {
    args: &'a [u64],
    /// The batch's bytes from this event on,
    rest: &'a [u8],
    /// and how many of them are its own.
    len: usize,
    batch: &'a RawBatch<'a>,
}

impl<'a> RawEvent<'a> {
    /// Where it begins in the file.
    #[inline]
    pub fn offset(&self) -> u64 {
        self.batch.offset + (self.batch.bytes.len() - self.rest.len()) as u64
    }

    /// Its type.
    #[inline]
    pub fn event(&self) -> EventType {
        // Nothing else is decoded than the types that there are.
        self.rest.first().and_then(|&code| EventType::from_code(code)).unwrap_or(EventType::EventBatch)
    }

    /// Its arguments, named by [`Spec::args`](super::Spec::args).
    #[inline]
    pub fn args(&self) -> &'a [u64] {
        self.args
    }

    /// Its bytes in the file, type and trailer included.
    #[inline]
    pub fn bytes(&self) -> &'a [u8] {
        self.rest.get(..self.len).unwrap_or_default()
    }

    /// The bytes behind the arguments of an event that has some: a string's, or an experiment's batch.
    pub fn data(&self) -> Option<&'a [u8]> {
        (self.event().spec().class == Class::Data).then(|| self.trailer())
    }

    /// The frames of a stack; none for other events.
    pub fn frames(&self) -> RawFrames<'a> {
        match self.event().spec().class {
            Class::Stack => RawFrames { bytes: self.trailer(), pos: 0 },
            _ => RawFrames { bytes: &[], pos: 0 },
        }
    }

    /// The bytes behind the arguments, without their number if it is written there. Events that have such bytes are
    /// rare: looking for the place again is cheaper than keeping it for all.
    fn trailer(&self) -> &'a [u8] {
        let ints = self.args().len() + usize::from(self.event().spec().class == Class::Data);
        let bytes = self.bytes();
        let mut pos = 1;
        for _ in 0..ints {
            // They were read before.
            let _ = varint::read(bytes, &mut pos);
        }
        bytes.get(pos..).unwrap_or_default()
    }

    /// How many bytes it takes with every integer as short as can be. In a file it may be longer: the runtime pads
    /// the sizes of batches and of other things that it fills in later.
    pub fn encoded_size(&self) -> usize {
        let args: usize = self.args().iter().map(|&arg| varint::len(arg)).sum();
        let frames: usize = self.frames().map(|frame| frame_args(frame).map(varint::len).iter().sum::<usize>()).sum();
        let data = self.data().map_or(0, |data| varint::len(data.len() as u64) + data.len());
        1 + args + frames + data
    }

    /// Writes the event as `go tool trace -d=wire` of Go 1.27.3 does, byte for byte: a line, one more for each
    /// frame of a stack, and one for data unless they are empty.
    ///
    /// # Errors
    ///
    /// Those of `out`.
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

/// The names of a frame's integers in text, in the order of the wire.
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

/// The frames of a [`RawEvent`], innermost first.
#[derive(Clone, Debug)]
pub struct RawFrames<'a> {
    bytes: &'a [u8],
    pos: usize,
}

impl Iterator for RawFrames<'_> {
    type Item = RawFrame;

    fn next(&mut self) -> Option<RawFrame> {
        // They were read once when the event's end was looked for: they are whole.
        RawFrame::read(self.bytes, &mut self.pos).ok()
    }
}

/// Without the batch's bytes, which would stand in the text of each of its events.
impl fmt::Debug for RawEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("RawEvent");
        out.field("offset", &self.offset()).field("event", &self.event()).field("args", &self.args()).finish()
    }
}
