//! Whether the bytes at a place are of the trace: whether sound records follow.
//!
//! Batches do not say how long they are, so one is known by the records after its header.

use memchr::memchr2_iter;

use super::parse::{self, Layout, MAX_RECORD};
use super::spec::{Class, EventType, MAX_PROC, NEWEST};
use crate::event::tables::RawFrame;
use crate::id::NONE;
use crate::wire::header;
use crate::wire::varint;

/// How many sound records after a batch's header prove that it is one.
const RECORDS: usize = 16;

/// The first byte of a batch: its type, and that it has two values.
pub(super) const BATCH: u8 = EventType::Batch.code() | 1 << 6;
const _: () = assert!(BATCH == header::OLD_BATCH);
/// The first byte of a stack: its type, and that its length in bytes follows.
const STACK: u8 = EventType::Stack.code() | parse::BY_LENGTH << 6;

/// Whether a writer puts records that begin so after the clock's rate, or another rate follows, which is another fault.
///
/// The rate comes when all events are written: after it are the goroutines of timers (before Go 1.14), and batches of stacks
/// and their strings (Go 1.21 `src/runtime/trace.go`, `readTrace0` and `traceStackTable.dump`; Go 1.11 to 1.20 `ReadTrace`).
pub(super) fn may_follow_rate(first: u8) -> bool {
    const STRING: u8 = EventType::String.code();
    const TIMER: u8 = EventType::TimerGoroutine.code();
    const FREQUENCY: u8 = EventType::Frequency.code();
    matches!(first, BATCH | STACK | STRING | TIMER | FREQUENCY)
}

/// Whether something of the trace follows what can't follow the clock's rate: then damage has changed one of them. Looks
/// only as far as every way of reading has read, and not into another trace.
pub(super) fn goes_on(window: &[u8], from: usize) -> bool {
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

/// What the records at a place prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// As many as are looked at are sound.
    Full,
    /// All up to the end of the window are, and that is fewer.
    ToEnd,
    /// One is not.
    None,
}

/// What the bytes at a place prove to be a batch.
pub(super) fn batch(window: &[u8], at: usize) -> Proof {
    batch_body(window, at).map_or(Proof::None, |body| records(window, body, RECORDS))
}

/// Where the events of a batch begin, if its P is one.
fn batch_body(window: &[u8], at: usize) -> Option<usize> {
    let shape = parse::shape(*window.get(at)?, NEWEST).ok()?;
    let ([proc, ticks, ..], body) = parse::values(window, at, shape).ok()?;
    let is_proc = proc == NONE || proc <= MAX_PROC;
    (shape.class == Class::Batch && is_proc && i64::try_from(ticks).is_ok()).then_some(body)
}

/// Whether so many records from a place on are sound.
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

/// Where the record at a place ends, if it is sound.
fn sound_end(window: &[u8], pos: usize) -> Option<usize> {
    let shape = parse::shape(*window.get(pos)?, NEWEST).ok()?;
    match shape.class {
        Class::Unknown => None,
        Class::Stack | Class::String | Class::TimedString => parse::end(window, pos, shape).ok(),
        _ => Some(parse::values(window, pos, shape).ok()?.1),
    }
}

/// Where a stack ends that has just the values it says.
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
