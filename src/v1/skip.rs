//! Skips events without decoding them.
//!
//! An event does not state its length. To find the next event, the length of the current event must be known, so a walk
//! over the events is a chain of dependent steps. Several walks at the same time take hardly longer than one walk. So a
//! long part is walked from several positions at once. If a walk reaches exactly the start of the next walk, the steps
//! of the next walk were right.

use byteorder::{ByteOrder, LittleEndian};

use super::parse::BY_LENGTH;
use super::spec::{Class, EventType, INLINE_VALUES, SHAPES, TYPE_BITS};

/// The number of simultaneous walks.
const WALKS: usize = 4;
/// The number of bytes of each walk, and of a single walk before several walks are faster. Programs that log or switch
/// often have other records every few thousand bytes.
const STRETCH: usize = 512;
/// The number of events after which a walk from inside an event has usually reached the start of an event.
const FALLING_IN: usize = 8;

/// The maximum length of values whose length precedes them.
const MOST_BYTES: usize = 16;

const _: () = assert!(FALLING_IN * (2 + MOST_BYTES) < STRETCH, "walks start one after the other");

const TOP_BITS: u64 = 0x8080_8080_8080_8080;
const LOW_BITS: u64 = 0x0101_0101_0101_0101;

/// For each first byte: the number to add to the number of integers that end with each byte, so that the top bit of a
/// byte shows whether all integers of the record have ended. For all records except events with inline values, the top
/// bit is never set.
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

/// For each first byte: the number of values of an event whose second byte is the length of its values. Otherwise 0.
/// Ends of system calls are not included, because the scan keeps them.
static VALUES_BY_LENGTH: [u8; 256] = {
    let mut values = [0; 256];
    let mut first = (BY_LENGTH as usize) << 6;
    while first < values.len() {
        let shape = SHAPES[first & TYPE_BITS as usize];
        if matches!(shape.class, Class::Timed) && !matches!(shape.event, EventType::GoSysExit) {
            values[first] = shape.values;
        }
        first += 1;
    }
    values
};

/// Returns the length of an event that can be skipped, if its first bytes show the length.
#[inline(always)]
pub(super) fn quick_len(window: &[u8], pos: usize) -> Option<usize> {
    let head = window.get(pos..)?.first_chunk::<9>()?;
    // A byte without its top bit ends an integer. The product gives each byte the sum of all bytes
    // up to it.
    let ends = (!LittleEndian::read_u64(&head[1..]) & TOP_BITS) >> 7;
    let last = ends.wrapping_mul(LOW_BITS).wrapping_add(ENOUGH[usize::from(head[0])]) & TOP_BITS;
    if last != 0 {
        return Some(2 + (last.trailing_zeros() / 8) as usize);
    }
    len_by_length(window, pos)
}

/// Returns the length of an event whose second byte is the length of its values. The number of values must be right.
#[inline(always)]
fn len_by_length(window: &[u8], pos: usize) -> Option<usize> {
    let head = window.get(pos..)?.first_chunk::<{ 2 + MOST_BYTES }>()?;
    let (values, bytes) = (VALUES_BY_LENGTH[usize::from(head[0])], usize::from(head[1]));
    if values == 0 || !(1..=MOST_BYTES).contains(&bytes) {
        return None;
    }
    let ends = !LittleEndian::read_u128(&head[2..]) & (u128::MAX / 0xff * 0x80);
    let ends = ends << (8 * (MOST_BYTES - bytes));
    let ends_with_value = ends >> 127 == 1;
    (ends_with_value && ends.count_ones() == u32::from(values)).then_some(2 + bytes)
}

/// Returns the position of the first record from `pos` on that cannot be skipped, or that starts at or after `until`.
pub(super) fn skip(window: &[u8], pos: usize, until: usize) -> usize {
    let alone = until.min(pos + STRETCH);
    let mut pos = walk(window, pos, alone);
    if pos < alone {
        return pos;
    }
    while pos + WALKS * STRETCH < until {
        let (place, goal) = walk_together(window, pos);
        pos = place;
        if place < goal {
            return place;
        }
    }
    walk(window, pos, until)
}

/// Like [`skip`], with one walk.
#[inline(always)]
fn walk(window: &[u8], pos: usize, until: usize) -> usize {
    let mut pos = pos;
    while pos < until {
        let Some(len) = quick_len(window, pos) else { break };
        pos += len;
    }
    pos
}

/// Like [`skip`], with several walks. Also returns the goal of the last walk that was right.
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

/// Moves all walks as long as no walk stops.
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

/// Returns a position after `pos` where an event probably starts.
fn fall_in(window: &[u8], pos: usize) -> usize {
    (0..FALLING_IN).fold(pos, |pos, _| pos + quick_len(window, pos).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a generator of pseudo-random numbers with a fixed seed.
    fn chance() -> impl FnMut(u64) -> u64 {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        move |below| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        }
    }

    /// Returns events with values of one to three bytes, inline and with their length, and one in `odd` records that
    /// cannot be skipped.
    fn events(count: u64, odd: u64) -> Vec<u8> {
        let firsts: Vec<u8> = (0..=u8::MAX).filter(|first| number(*first) > 0).collect();
        let mut chance = chance();
        let mut bytes = Vec::new();
        for i in 1..=count {
            if i % odd == 0 {
                bytes.extend([BY_LENGTH << 6 | EventType::GoSysExit.code(), 4, 1, 1, 1, 1]);
                continue;
            }
            let first = firsts[chance(firsts.len() as u64) as usize];
            // Values have at most as many bytes as are skipped.
            let most = if first >> 6 == BY_LENGTH { 3 } else { 2 };
            let mut values = Vec::new();
            for _ in 0..number(first) {
                values.extend((0..chance(most)).map(|_| 0x80 | chance(128) as u8));
                values.push(chance(128) as u8);
            }
            bytes.push(first);
            if first >> 6 == BY_LENGTH {
                bytes.push(values.len() as u8);
            }
            bytes.extend(values);
        }
        bytes
    }

    /// Returns the number of values of an event with this first byte. 0 if there is no such event.
    fn number(first: u8) -> u8 {
        INLINE_VALUES[usize::from(first)] + VALUES_BY_LENGTH[usize::from(first)]
    }

    fn assert_same(window: &[u8], pos: usize, until: usize) {
        assert_eq!(skip(window, pos, until), walk(window, pos, until), "from {pos} until {until}");
    }

    fn assert_same_here_and_there(window: &[u8]) {
        let step = 1 + window.len() / 7;
        for pos in (0..window.len()).step_by(step).chain(0..20) {
            for until in (pos..window.len()).step_by(step).chain([window.len()]) {
                assert_same(window, pos, until);
            }
        }
    }

    #[test]
    fn several_walks_end_where_one_walk_ends() {
        for odd in [50, 700, 5000, u64::MAX] {
            let window = events(20_000, odd);
            assert!(window.len() > 2 * WALKS * STRETCH, "long enough for several walks");
            assert_same_here_and_there(&window);
        }
    }

    /// If one walk ends just after the goal of several walks, these must not go further.
    #[test]
    fn walks_end_at_their_goal() {
        let window = events(2_000, u64::MAX);
        assert!(walk(&window, 0, window.len() / 2) >= window.len() / 2, "there are only events");
        let goal = STRETCH + WALKS * STRETCH;
        for pos in 0..40 {
            for until in goal - 200..goal + 1200 {
                assert_same(&window, pos, until);
            }
        }
    }

    /// If all bytes are equal, a walk that starts inside an event is never right.
    #[test]
    fn walks_that_start_inside_an_event_are_discarded() {
        for byte in 0..=u8::MAX {
            assert_same_here_and_there(&vec![byte; 3 * WALKS * STRETCH + 5]);
        }
    }

    /// An event whose length and values disagree is not skipped, so that it is reported.
    #[test]
    fn events_with_damaged_lengths_are_not_skipped() {
        let unblock = |len: u8, values: [u8; 5]| {
            let head = [BY_LENGTH << 6 | EventType::GoUnblock.code(), len];
            quick_len(&[&head[..], &values, &[1; 16]].concat(), 0)
        };
        assert_eq!(unblock(5, [1, 2, 0x81, 1, 1]), Some(7));
        for len in [0, 1, 3, 4, 6, 16, 17, 0x85] {
            assert_eq!(unblock(len, [1, 2, 0x81, 1, 1]), None, "{len} bytes");
        }
        assert_eq!(unblock(4, [1, 2, 3, 0x81, 1]), None, "the last value continues");
    }
}
