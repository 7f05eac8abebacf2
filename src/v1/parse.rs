//! Decodes records: type, number of values, values.
//!
//! ```text
//! record  ┌ type: 6 bits ┬ number of values minus 1: 2 bits, 3: their length follows ┐ values …
//! batch   Batch     P  ticks
//! event   Timed     ticks since the last event of the P  arguments …  stack
//! long    Timed|3   bytes  values …            for four values or more
//! log     Timed|3   bytes  values …  length  text
//! string  String    ID  length  text
//! stack   Stack|3   bytes  ID  frames  (PC function file line) …
//! ```
//!
//! The rules are the same as in `readRawEvent` and `parseEvent` in Go's
//! `src/internal/trace/internal/tracev1/parser.go`.

use super::spec::{Class, EventType, MAX_ARGS, MAX_FRAMES, MAX_STRING, MAX_VALUE_BYTES, SHAPES, Shape, TYPE_BITS};
use crate::error::{ErrorKind, broken};
use crate::event::tables::Span;
use crate::wire::varint::{self, Fault};

/// The values of a record, including time and stack.
pub(super) type Values = [u64; MAX_ARGS + 1];

/// The two upper bits of the first byte if the length of the values follows.
pub(super) const BY_LENGTH: u8 = 3;

/// The maximum length of a record, which is a log message or a string.
pub(super) const MAX_RECORD: usize = MAX_STRING as usize + MAX_VALUE_BYTES as usize + 4 * varint::MAX_LEN;

pub(super) type Parsed<T> = Result<T, Box<ErrorKind>>;

/// Returns the shape of a record with this first byte, if it exists in this version.
#[inline(always)]
pub(super) fn shape(first: u8, minor: u8) -> Parsed<Shape> {
    let shape = SHAPES[usize::from(first & TYPE_BITS)];
    match shape.since <= minor {
        true => Ok(shape),
        false => broken(not_here(shape, first & TYPE_BITS)),
    }
}

#[cold]
fn not_here(shape: Shape, code: u8) -> ErrorKind {
    match shape.class {
        Class::Unknown => ErrorKind::UnknownEvent { code },
        _ => ErrorKind::EventNotInVersion { event: shape.event.name(), since: shape.since.into() },
    }
}

/// The place of a record's values: a number of inline values, or a range of bytes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Layout {
    Inline(u8),
    /// The start and the end.
    Within(usize, usize),
}

impl Layout {
    /// Returns the layout of the record at `at`.
    #[inline(always)]
    pub fn read(bytes: &[u8], at: usize, event: EventType) -> Parsed<Layout> {
        let number = bytes.get(at).map_or(0, |first| first >> 6);
        match number == BY_LENGTH {
            false => Ok(Layout::Inline(number + 1)),
            true => Layout::by_length(bytes, at + 1, event),
        }
    }

    #[inline]
    fn by_length(bytes: &[u8], mut pos: usize, event: EventType) -> Parsed<Layout> {
        let len = varint::read(bytes, &mut pos).map_err(|fault| cut(fault, event))?;
        if len > MAX_VALUE_BYTES {
            return broken(ErrorKind::ValuesTooLong { event: event.name(), len });
        }
        let end = pos + len as usize;
        match end <= bytes.len() {
            true => Ok(Layout::Within(pos, end)),
            false => broken(ErrorKind::TruncatedEvent { event: event.name() }),
        }
    }
}

/// Returns the error for an integer at the end of the file.
#[cold]
pub(super) fn cut(fault: Fault, event: EventType) -> Box<ErrorKind> {
    Box::new(match fault {
        Fault::Truncated => ErrorKind::TruncatedEvent { event: event.name() },
        Fault::Overflow => ErrorKind::VarintOverflow,
    })
}

#[cold]
pub(super) fn miscounted<T>(shape: Shape, found: usize) -> Parsed<T> {
    let (event, expected) = (shape.event.name(), shape.values);
    broken(ErrorKind::WrongArgumentCount { event, expected: expected.into(), found: found as u64 })
}

/// Returns the values of the record at `at`, and their end. Fails if the shape has another number of values.
#[inline(always)]
pub(super) fn values(bytes: &[u8], at: usize, shape: Shape) -> Parsed<(Values, usize)> {
    let mut values = [0; MAX_ARGS + 1];
    match Layout::read(bytes, at, shape.event)? {
        Layout::Inline(number) => {
            if number != shape.values {
                return miscounted(shape, number.into());
            }
            let mut pos = at + 1;
            // There are at most three inline values. The bound makes this known to the compiler.
            for value in values.iter_mut().take(usize::from(number).min(3)) {
                *value = varint::read(bytes, &mut pos).map_err(|fault| cut(fault, shape.event))?;
            }
            Ok((values, pos))
        }
        Layout::Within(mut pos, end) => {
            let within = bytes.get(..end).unwrap_or_default();
            for (i, value) in values.iter_mut().enumerate().take(shape.values.into()) {
                if pos == end {
                    return miscounted(shape, i);
                }
                *value = varint::read(within, &mut pos)?;
            }
            match pos == end {
                true => Ok((values, end)),
                false => miscounted(shape, usize::from(shape.values) + count(within, pos)),
            }
        }
    }
}

/// Returns the end of a record other than a batch. The record must have been scanned before.
pub(super) fn end(bytes: &[u8], at: usize, shape: Shape) -> Parsed<usize> {
    match shape.class {
        Class::String => {
            let mut pos = at + 1;
            varint::read(bytes, &mut pos).map_err(|fault| cut(fault, shape.event))?;
            Ok(text(bytes, pos, shape.event)?.1)
        }
        Class::TimedString => {
            let (_, end) = values(bytes, at, shape)?;
            Ok(text(bytes, end, shape.event)?.1)
        }
        _ => match Layout::read(bytes, at, shape.event)? {
            Layout::Inline(_) => Ok(values(bytes, at, shape)?.1),
            Layout::Within(_, end) => Ok(end),
        },
    }
}

/// Returns the time since the previous event of the record at `at`, which must have been scanned before. 0 if the
/// record has no time.
#[inline(always)]
pub(super) fn delta(bytes: &[u8], at: usize) -> Parsed<u64> {
    let first = bytes.get(at).copied().unwrap_or(0);
    let shape = SHAPES[usize::from(first & TYPE_BITS)];
    if !matches!(shape.class, Class::Timed | Class::TimedString) {
        return Ok(0);
    }
    let mut pos = match Layout::read(bytes, at, shape.event)? {
        Layout::Inline(_) => at + 1,
        Layout::Within(pos, _) => pos,
    };
    Ok(varint::read(bytes, &mut pos)?)
}

/// Returns the number of integers from `pos` to the end, including a truncated integer.
fn count(bytes: &[u8], mut pos: usize) -> usize {
    std::iter::from_fn(|| (pos < bytes.len()).then(|| varint::read(bytes, &mut pos)))
        .scan(true, |was_ok, int| std::mem::replace(was_ok, int.is_ok()).then_some(()))
        .count()
}

/// Returns the error for a stack whose values continue after its last frame.
#[cold]
pub(super) fn oversized_stack<T>(frames: u64, bytes: &[u8], pos: usize) -> Parsed<T> {
    // This includes the ID and the number of frames.
    let expected = 2 + 4 * frames;
    let found = expected + count(bytes, pos) as u64;
    broken(ErrorKind::WrongArgumentCount { event: EventType::Stack.name(), expected, found })
}

/// Checks the number of frames of a stack.
pub(super) fn check_frames(frames: u64) -> Parsed<()> {
    match frames > MAX_FRAMES {
        true => broken(ErrorKind::StackTooDeep { frames, max: MAX_FRAMES }),
        false => Ok(()),
    }
}

/// Returns the text at `pos`, where its length comes first, and the end of the text.
pub(super) fn text(bytes: &[u8], mut pos: usize, event: EventType) -> Parsed<(Span, usize)> {
    let len = varint::read(bytes, &mut pos).map_err(|fault| cut(fault, event))?;
    if len > MAX_STRING {
        return broken(ErrorKind::StringTooLong { len, max: MAX_STRING });
    }
    let end = pos + len as usize;
    match end <= bytes.len() {
        true => Ok((Span { pos, len: len as u32 }, end)),
        false => broken(ErrorKind::TruncatedEvent { event: event.name() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BY_LENGTH_BITS: u8 = BY_LENGTH << 6;
    const TWO: u8 = 1 << 6;
    const THREE: u8 = 2 << 6;

    fn read(bytes: &[u8]) -> Parsed<(Values, usize)> {
        values(bytes, 0, shape(bytes[0], 21)?)
    }

    #[test]
    fn values_are_inline_or_after_their_length() {
        let inline = [
            EventType::GoStart.code() | THREE,
            5, // ticks since the last event
            7, // g
            1, // seq
        ];
        assert_eq!(read(&inline).expect("valid"), ([5, 7, 1, 0, 0], 4));
        let long = [
            EventType::GoCreate.code() | BY_LENGTH_BITS,
            5,    // bytes of values
            5,    // ticks
            0x87, // g: 135
            0x01,
            2, // stack of the new goroutine
            3, // stack of the creator
        ];
        assert_eq!(read(&long).expect("valid"), ([5, 135, 2, 3, 0], 7));
        // No runtime writes this encoding, but Go's reader accepts it.
        let needlessly_long = [EventType::GoEnd.code() | BY_LENGTH_BITS, 1, 9];
        assert_eq!(read(&needlessly_long).expect("valid"), ([9, 0, 0, 0, 0], 3));
    }

    #[test]
    fn a_wrong_number_of_values_is_rejected() {
        for (bytes, expected, found) in [
            (&[EventType::GoStart.code() | TWO, 5, 7][..], 3, 2),
            (&[EventType::GoCreate.code() | BY_LENGTH_BITS, 3, 1, 1, 1], 4, 3),
            (&[EventType::GoCreate.code() | BY_LENGTH_BITS, 6, 1, 1, 1, 1, 1, 1], 4, 6),
            // The fifth value is truncated.
            (&[EventType::GoCreate.code() | BY_LENGTH_BITS, 5, 1, 1, 1, 1, 0x80], 4, 5),
        ] {
            match *read(bytes).expect_err("miscounted") {
                ErrorKind::WrongArgumentCount { expected: e, found: f, .. } => assert_eq!((e, f), (expected, found)),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn each_fault_has_its_error() {
        let fault = |bytes: &[u8]| *read(bytes).expect_err("broken");
        assert!(matches!(fault(&[0]), ErrorKind::UnknownEvent { code: 0 }));
        assert!(matches!(fault(&[50]), ErrorKind::UnknownEvent { code: 50 }));
        assert!(matches!(fault(&[EventType::ProcStop.code()]), ErrorKind::TruncatedEvent { event: "ProcStop" }));
        assert!(matches!(
            fault(&[EventType::GoCreate.code() | BY_LENGTH_BITS, 4, 1]),
            ErrorKind::TruncatedEvent { .. }
        ));
        let too_long = [EventType::GoCreate.code() | BY_LENGTH_BITS, 0x81, 0x10];
        assert!(matches!(fault(&too_long), ErrorKind::ValuesTooLong { len: 2049, .. }));
        let sample = EventType::CPUSample.code() | BY_LENGTH_BITS;
        assert!(matches!(*shape(sample, 11).expect_err("too new"), ErrorKind::EventNotInVersion { since: 19, .. }));
    }

    #[test]
    fn a_text_longer_than_the_limit_is_rejected() {
        let long = [0xc1, 0x84, 0x3d]; // 1,000,001
        let fault = *text(&long, 0, EventType::String).expect_err("too long");
        assert!(matches!(fault, ErrorKind::StringTooLong { len: 1_000_001, max: 1_000_000 }));
        assert_eq!(text(&[2, b'o', b'k'], 0, EventType::String).expect("valid"), (Span { pos: 1, len: 2 }, 3));
    }
}
