//! Unsigned LEB128 integers, as in Go's `encoding/binary`: seven bits per byte, low bits first, at
//! most ten bytes. Encodings may be longer than necessary, because the runtime pads the size of a
//! batch to a fixed width.

use byteorder::{ByteOrder, LittleEndian};

use crate::error::ErrorKind;

/// The reason why an integer cannot be read. The type is only one byte, because the hot path returns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The bytes end inside the integer.
    Truncated,
    /// The integer is longer than ten bytes or exceeds 64 bits.
    Overflow,
}

impl From<Fault> for ErrorKind {
    #[cold]
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Truncated => ErrorKind::VarintTruncated,
            Fault::Overflow => ErrorKind::VarintOverflow,
        }
    }
}

impl From<Fault> for Box<ErrorKind> {
    #[cold]
    fn from(fault: Fault) -> Self {
        Box::new(fault.into())
    }
}

/// The length of the longest encoding of a 64-bit value.
pub(crate) const MAX_LEN: usize = 10;

/// The bit that is set in all bytes except the last.
const MORE: u8 = 0x80;
const MORE_IN_EACH: u64 = 0x8080_8080_8080_8080;

/// Reads an integer at `*pos` and advances `*pos`. On error, `*pos` does not change.
#[inline(always)]
pub(crate) fn read(bytes: &[u8], pos: &mut usize) -> Result<u64, Fault> {
    // In a 120 MB trace (`benches/bigtrace.sh`), 72 % of integers have one byte, 20 % two and 7 %
    // three. So these branches are predicted well, and were faster than branch-free code.
    if let Some(&first) = bytes.get(*pos) {
        if first < MORE {
            *pos += 1;
            return Ok(u64::from(first));
        }
        if let Some(&second) = bytes.get(*pos + 1) {
            let low = u64::from(first & !MORE);
            if second < MORE {
                *pos += 2;
                return Ok(low | u64::from(second) << 7);
            }
            if let Some(&third) = bytes.get(*pos + 2)
                && third < MORE
            {
                *pos += 3;
                return Ok(low | u64::from(second & !MORE) << 7 | u64::from(third) << 14);
            }
        }
    }
    // Passing the position by value lets it stay in a register.
    let (value, end) = read_long(bytes, *pos)?;
    *pos = end;
    Ok(value)
}

#[inline(never)]
fn read_long(bytes: &[u8], pos: usize) -> Result<(u64, usize), Fault> {
    let rest = bytes.get(pos..).unwrap_or_default();
    match rest.first_chunk().and_then(read_word) {
        Some((value, len)) => Ok((value, pos + len)),
        None => read_bytewise(rest, pos),
    }
}

/// Reads an integer of up to eight bytes with one load, and returns it with its length. The first
/// byte without the [`MORE`] bit gives the length. Then neighbouring groups of 7, 14 and 28 bits
/// are joined.
#[inline(always)]
pub(crate) fn read_word(bytes: &[u8; 8]) -> Option<(u64, usize)> {
    let word = LittleEndian::read_u64(bytes);
    let last = !word & MORE_IN_EACH;
    if last == 0 {
        return None;
    }
    // Keep the bits up to the end of the integer's last byte.
    let word = word & (last ^ (last - 1)) & !MORE_IN_EACH;
    let word = (word & 0x007f_007f_007f_007f) | ((word & 0x7f00_7f00_7f00_7f00) >> 1);
    let word = (word & 0x0000_3fff_0000_3fff) | ((word & 0x3fff_0000_3fff_0000) >> 2);
    let word = (word & 0x0000_0000_0fff_ffff) | ((word & 0x0fff_ffff_0000_0000) >> 4);
    Some((word, (last.trailing_zeros() / 8 + 1) as usize))
}

/// The length of the longest integer that [`read_brief`] reads. Most integers of a busy trace are
/// not longer.
pub(crate) const BRIEF: usize = 4;

/// Reads an integer of up to [`BRIEF`] bytes. `None` if it is longer or the window ends. Because
/// the length is bounded, the compiler can prove that several reads stay inside the window, and
/// removes bounds checks.
#[inline(always)]
pub(crate) fn read_brief<const WINDOW: usize>(window: &[u8; WINDOW], pos: &mut usize) -> Option<u64> {
    let first = *window.get(*pos)?;
    if first < MORE {
        *pos += 1;
        return Some(u64::from(first));
    }
    let low = u64::from(first & !MORE);
    let second = *window.get(*pos + 1)?;
    if second < MORE {
        *pos += 2;
        return Some(low | u64::from(second) << 7);
    }
    let low = low | u64::from(second & !MORE) << 7;
    let third = *window.get(*pos + 2)?;
    if third < MORE {
        *pos += 3;
        return Some(low | u64::from(third) << 14);
    }
    let low = low | u64::from(third & !MORE) << 14;
    let fourth = *window.get(*pos + 3)?;
    if fourth < MORE {
        *pos += 4;
        return Some(low | u64::from(fourth) << 21);
    }
    None
}

/// Reads two integers of up to [`BRIEF`] bytes. Usually both have one byte. In this case, a single branch suffices for
/// both.
#[inline(always)]
pub(crate) fn read_two_brief<const WINDOW: usize>(window: &[u8; WINDOW], pos: &mut usize) -> Option<(u64, u64)> {
    let (first, second) = (*window.get(*pos)?, *window.get(*pos + 1)?);
    if (first | second) < MORE {
        *pos += 2;
        return Some((first.into(), second.into()));
    }
    Some((read_brief(window, pos)?, read_brief(window, pos)?))
}

#[cold]
fn read_bytewise(rest: &[u8], pos: usize) -> Result<(u64, usize), Fault> {
    let mut value = 0;
    for (i, &byte) in rest.iter().take(MAX_LEN).enumerate() {
        if i == MAX_LEN - 1 && byte > 1 {
            return Err(Fault::Overflow);
        }
        value |= u64::from(byte & !MORE) << (7 * i);
        if byte < MORE {
            return Ok((value, pos + i + 1));
        }
    }
    match rest.len() < MAX_LEN {
        true => Err(Fault::Truncated),
        false => Err(Fault::Overflow),
    }
}

/// Appends the shortest encoding of `value`.
pub(crate) fn write(out: &mut Vec<u8>, mut value: u64) {
    while value >= u64::from(MORE) {
        out.push(value as u8 | MORE);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Returns the length of the shortest encoding of `value` in bytes.
pub(crate) fn len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(bytes: &[u8]) -> Result<(u64, usize), Fault> {
        let mut pos = 0;
        read(bytes, &mut pos).map(|value| (value, pos))
    }

    proptest! {
        #[test]
        fn reading_returns_the_written_value(value: u64, shift in 0u32..64, tail in 0usize..12) {
            let value = value >> shift;
            let mut bytes = Vec::new();
            write(&mut bytes, value);
            prop_assert_eq!(bytes.len(), len(value));
            let written = bytes.len();
            bytes.resize(written + tail, 0xff);
            prop_assert_eq!(decode(&bytes), Ok((value, written)));
            if written + tail > written {
                prop_assert!(decode(&bytes[..written - 1]).is_err());
            }
        }
    }

    #[test]
    fn padded_integers_are_accepted() {
        assert_eq!(decode(&[0x85, 0x80, 0x00]), Ok((5, 3)));
        assert_eq!(decode(&[0x85, 0x80, 0x00, 9, 9, 9, 9, 9]), Ok((5, 3)));
        assert_eq!(decode(&[0x85, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00]), Ok((5, 10)));
    }

    #[test]
    fn more_than_64_bits_overflow() {
        let overflow = Err(Fault::Overflow);
        assert_eq!(decode(&[0xff; 10]), overflow);
        assert_eq!(decode(&[0xff; 11]), overflow);
        let mut bytes = [0xff; 10];
        bytes[9] = 2;
        assert_eq!(decode(&bytes), overflow);
        bytes[9] = 1;
        assert_eq!(decode(&bytes), Ok((u64::MAX, 10)));
    }

    #[test]
    fn an_integer_cut_short_is_truncated_and_not_an_overflow() {
        let truncated = Err(Fault::Truncated);
        assert_eq!(decode(&[]), truncated);
        assert_eq!(decode(&[0x80]), truncated);
        assert_eq!(decode(&[0xff; 9]), truncated);
    }
}
