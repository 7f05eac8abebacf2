//! Walking over ordinary events without looking at what they say.
//!
//! An event does not say how long it is, so the next one's place is known only when this one's length is: a walk is a
//! chain of steps that each wait for the last. Several walks at once take hardly longer than one. So a long stretch is
//! walked from several places at once, and where a walk comes out at just the place where the next one set out, that one's
//! steps were the right ones.

use byteorder::{ByteOrder, LittleEndian};

use super::parse::BY_LENGTH;
use super::spec::{Class, EventType, INLINE_VALUES, SHAPES, TYPE_BITS};

/// How many walks there are at once.
const WALKS: usize = 4;
/// How many bytes each is to cover, and one alone before the others are worth it.
const STRETCH: usize = 512;
/// A walk from within an event falls into step with the events after a few of them.
const FALLING_IN: usize = 8;

const TOP_BITS: u64 = 0x8080_8080_8080_8080;
const LOW_BITS: u64 = 0x0101_0101_0101_0101;

/// By first byte, what is added to the number of integers that have ended with each byte, so that the byte's top bit
/// says whether all of the record's have. Of what is no ordinary event with its values inline none ever has.
static ENOUGH: [u64; 256] = {
    let mut enough = [0; 256];
    let mut first = 0;
    while first < enough.len() {
        if INLINE_VALUES[first] > 0 {
            enough[first] = TOP_BITS - INLINE_VALUES[first] as u64 * LOW_BITS;
        }
        first += 1;
    }
    enough
};

/// By first byte, whether it is that of an ordinary event whose second byte says how many there are of values.
static HAS_LENGTH: [bool; 256] = {
    let mut has_length = [false; 256];
    let mut first = (BY_LENGTH as usize) << 6;
    while first < has_length.len() {
        let shape = SHAPES[first & TYPE_BITS as usize];
        has_length[first] = matches!(shape.class, Class::Timed) && !matches!(shape.event, EventType::GoSysExit);
        first += 1;
    }
    has_length
};

/// The length of an ordinary event, if it can be told from its first bytes.
#[inline(always)]
pub(super) fn quick_len(window: &[u8], pos: usize) -> Option<usize> {
    let head = window.get(pos..)?.first_chunk::<9>()?;
    // A byte whose top bit is clear ends an integer. The product adds these up, each byte with all before it.
    let ends = (!LittleEndian::read_u64(&head[1..]) & TOP_BITS) >> 7;
    let last = ends.wrapping_mul(LOW_BITS).wrapping_add(ENOUGH[usize::from(head[0])]) & TOP_BITS;
    if last != 0 {
        return Some(2 + (last.trailing_zeros() / 8) as usize);
    }
    let len = 2 + usize::from(head[1]);
    let is_whole = head[1] < 0x80 && len <= window.len() - pos;
    (HAS_LENGTH[usize::from(head[0])] && is_whole).then_some(len)
}

/// The place of the first record from `pos` on that is no ordinary event, or that does not begin before `until`.
pub(super) fn skip(window: &[u8], pos: usize, until: usize) -> usize {
    let mut pos = pos;
    loop {
        let alone = until.min(pos + STRETCH);
        pos = walk(window, pos, alone);
        if pos < alone || pos >= until {
            return pos;
        }
        while until - pos > WALKS * STRETCH {
            let (place, goal) = walk_together(window, pos);
            pos = place;
            if place < goal {
                return place;
            }
        }
    }
}

/// The same by one walk.
#[inline(always)]
fn walk(window: &[u8], pos: usize, until: usize) -> usize {
    let mut pos = pos;
    while pos < until {
        let Some(len) = quick_len(window, pos) else { break };
        pos += len;
    }
    pos
}

/// The same by several walks, and how far the last of those that were right was to come.
fn walk_together(window: &[u8], pos: usize) -> (usize, usize) {
    let starts: [usize; WALKS] = std::array::from_fn(|i| match i {
        0 => pos,
        i => fall_in(window, pos + i * STRETCH),
    });
    let goals: [usize; WALKS] = std::array::from_fn(|i| starts.get(i + 1).copied().unwrap_or(pos + WALKS * STRETCH));
    let mut places = starts;
    step_together(window, &mut places, &goals);
    let mut right = (pos, pos);
    for (i, (place, goal)) in places.into_iter().zip(goals).enumerate() {
        if i > 0 && right.0 != starts[i] {
            break;
        }
        right = (walk(window, place, goal), goal);
    }
    right
}

/// Takes steps as long as every walk has one to take.
#[inline(always)]
fn step_together(window: &[u8], places: &mut [usize; WALKS], goals: &[usize; WALKS]) {
    let [mut a, mut b, mut c, mut d] = *places;
    while a < goals[0] && b < goals[1] && c < goals[2] && d < goals[3] {
        let (Some(one), Some(two), Some(three), Some(four)) =
            (quick_len(window, a), quick_len(window, b), quick_len(window, c), quick_len(window, d))
        else {
            break;
        };
        (a, b, c, d) = (a + one, b + two, c + three, d + four);
    }
    *places = [a, b, c, d];
}

/// A place from `pos` on where an event is likely to begin.
fn fall_in(window: &[u8], pos: usize) -> usize {
    (0..FALLING_IN).fold(pos, |pos, _| pos + quick_len(window, pos).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::spec::EventType;

    /// Numbers that look like chance, the same every time.
    fn chance() -> impl FnMut(u64) -> u64 {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        move |below| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        }
    }

    /// Ordinary events with values of one to four bytes, and one in so many that is no such event.
    fn events(count: u64, odd: u64) -> Vec<u8> {
        let firsts: Vec<u8> = (0..=u8::MAX).filter(|first| INLINE_VALUES[usize::from(*first)] > 0).collect();
        let mut chance = chance();
        let mut bytes = Vec::new();
        for i in 1..=count {
            if i % odd == 0 {
                bytes.extend([BY_LENGTH << 6 | EventType::GoSysExit.code(), 4, 1, 1, 1, 1]);
                bytes.extend([BY_LENGTH << 6 | EventType::GoUnblock.code(), 5, 1, 2, 0x81, 1, 1]);
                continue;
            }
            let first = firsts[chance(firsts.len() as u64) as usize];
            bytes.push(first);
            for _ in 0..INLINE_VALUES[usize::from(first)] {
                bytes.extend((0..chance(2)).map(|_| 0x80 | chance(128) as u8));
                bytes.push(chance(128) as u8);
            }
        }
        bytes
    }

    fn assert_same(window: &[u8]) {
        let step = 1 + window.len() / 7;
        for pos in (0..window.len()).step_by(step).chain(0..20) {
            for until in (pos..window.len()).step_by(step).chain([window.len()]) {
                assert_eq!(skip(window, pos, until), walk(window, pos, until), "from {pos} until {until}");
            }
        }
    }

    #[test]
    fn several_walks_come_to_where_one_does() {
        for odd in [50, 700, 5000, u64::MAX] {
            let window = events(20_000, odd);
            assert!(window.len() > 2 * WALKS * STRETCH, "long enough for several walks");
            assert_same(&window);
        }
    }

    /// Where all bytes are the same, a walk that sets out from within an event never falls into step.
    #[test]
    fn walks_out_of_step_are_not_believed() {
        for byte in 0..=u8::MAX {
            assert_same(&vec![byte; 3 * WALKS * STRETCH + 5]);
        }
    }
}
