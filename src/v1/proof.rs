//! Determines whether valid records follow a position. This proves that the position is in the trace.
//!
//! A batch does not state its length, so the records after its header must prove it.

use memchr::memchr2_iter;

use super::parse::{self, Layout, MAX_RECORD};
use super::spec::{Class, EventType, MAX_PROC, NEWEST};
use crate::event::tables::RawFrame;
use crate::id::NONE;
use crate::wire::header;
use crate::wire::varint;

/// The number of valid records after the header of a batch that prove it.
const RECORDS: usize = 16;

/// The first byte of a batch: its type, and the flag that two values follow.
pub(super) const BATCH: u8 = EventType::Batch.code() | 1 << 6;
const _: () = assert!(BATCH == header::OLD_BATCH);
/// The first byte of a stack: its type, and the flag that the length of its values follows.
const STACK: u8 = EventType::Stack.code() | parse::BY_LENGTH << 6;

/// Returns whether a runtime writes records with this first byte after the clock frequency. Also true for a second
/// frequency, which is reported elsewhere.
///
/// The frequency is written after all events. It is followed by the goroutines of timers (before Go
/// 1.14), and by batches of stacks and their strings (Go 1.21 `src/runtime/trace.go`, `readTrace0`
/// and `traceStackTable.dump`; Go 1.11 to 1.20 `ReadTrace`).
pub(super) fn may_follow_rate(first: u8) -> bool {
    const STRING: u8 = EventType::String.code();
    const TIMER: u8 = EventType::TimerGoroutine.code();
    const FREQUENCY: u8 = EventType::Frequency.code();
    matches!(first, BATCH | STACK | STRING | TIMER | FREQUENCY)
}

/// Returns whether the trace continues after a record that cannot follow the frequency. In this case, the record or the
/// frequency is damaged. Looks only at bytes that strict reading has read, and not into another trace.
pub(super) fn trace_continues(window: &[u8], from: usize) -> bool {
    let near = &window[..window.len().min(from + MAX_RECORD)];
    let other = header::find(near.get(from..).unwrap_or_default()).next();
    let near = other.map_or(near, |other| &near[..from + other]);
    memchr2_iter(BATCH, STACK, near.get(from..).unwrap_or_default()).any(|found| {
        let at = from + found;
        match near[at] {
            STACK => stack_end(near, at).is_some_and(|end| records(near, end, 1) != Proof::None),
            _ => batch(near, at) == Proof::Full,
        }
    })
}

/// The result of checking the records at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// All records that were checked are valid.
    Full,
    /// All records up to the end of the window are valid, but there are too few records.
    ToEnd,
    /// A record is not valid.
    None,
}

/// Returns whether a batch starts at this position.
pub(super) fn batch(window: &[u8], at: usize) -> Proof {
    batch_body(window, at).map_or(Proof::None, |body| records(window, body, RECORDS))
}

/// Returns the position of the records of a batch, if its header is valid.
fn batch_body(window: &[u8], at: usize) -> Option<usize> {
    let shape = parse::shape(*window.get(at)?, NEWEST).ok()?;
    let ([proc, ticks, ..], body) = parse::values(window, at, shape).ok()?;
    let is_proc = proc == NONE || proc <= MAX_PROC;
    (shape.class == Class::Batch && is_proc && i64::try_from(ticks).is_ok()).then_some(body)
}

/// Returns whether the given number of records are valid.
fn records(window: &[u8], mut pos: usize, most: usize) -> Proof {
    for _ in 0..most {
        if pos >= window.len() {
            return Proof::ToEnd;
        }
        match sound_end(window, pos) {
            Some(end) => pos = end,
            None => return Proof::None,
        }
    }
    Proof::Full
}

/// Returns the end of the record at this position, if it is valid.
fn sound_end(window: &[u8], pos: usize) -> Option<usize> {
    let shape = parse::shape(*window.get(pos)?, NEWEST).ok()?;
    match shape.class {
        Class::Unknown => None,
        Class::Stack | Class::String | Class::TimedString => parse::end(window, pos, shape).ok(),
        _ => Some(parse::values(window, pos, shape).ok()?.1),
    }
}

/// Returns the end of the stack at this position, if it is valid.
fn stack_end(window: &[u8], at: usize) -> Option<usize> {
    let Ok(Layout::Within(mut pos, end)) = Layout::read(window, at, EventType::Stack) else { return None };
    let within = window.get(..end)?;
    let id = varint::read(within, &mut pos).ok()?;
    let frames = varint::read(within, &mut pos).ok()?;
    for _ in 0..frames {
        RawFrame::read(within, &mut pos).ok()?;
    }
    (id > 0 && frames > 0 && pos == end).then_some(end)
}
