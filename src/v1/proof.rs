//! Where a trace goes on behind damage, and whether it does.
//!
//! Batches do not say how long they are, so one is known by the sound records behind its header.

use memchr::{memchr, memchr2_iter};

use super::parse::{self, Layout, MAX_RECORD};
use super::spec::{Class, EventType, MAX_PROC, NEWEST};
use crate::event::tables::RawFrame;
use crate::id::NONE;
use crate::wire::header::{self, Version};
use crate::wire::varint;

/// How many sound records behind a batch's header prove that it is one.
const PROOF: usize = 16;

/// The first byte of a batch: its type, and that it has two values.
const BATCH: u8 = EventType::Batch.code() | 1 << 6;
const _: () = assert!(BATCH == header::OLD_BATCH);
/// The first byte of a stack: its type, and that its length in bytes follows.
const STACK: u8 = EventType::Stack.code() | parse::BY_LENGTH << 6;

/// Whether a writer puts records that begin so behind the clock's rate, or another rate follows, which is another fault.
///
/// The rate comes when all events are written: behind it are the goroutines of timers (before Go 1.14), and batches of stacks
/// and their strings (Go 1.21 `src/runtime/trace.go`, `readTrace0` and `traceStackTable.dump`; Go 1.11 to 1.20 `ReadTrace`).
pub(super) fn may_follow_rate(first: u8) -> bool {
    const STRING: u8 = EventType::String.code();
    const TIMER: u8 = EventType::TimerGoroutine.code();
    const FREQUENCY: u8 = EventType::Frequency.code();
    matches!(first, BATCH | STACK | STRING | TIMER | FREQUENCY)
}

/// Whether something of the trace stands behind what can't follow the clock's rate: then damage has changed one of them. Looks
/// only as far as every way of reading has read, and not into another trace.
pub(super) fn goes_on(window: &[u8], from: usize) -> bool {
    let near = &window[..window.len().min(from + MAX_RECORD)];
    let other = header::find(near.get(from..).unwrap_or_default()).next();
    let near = other.map_or(near, |other| &near[..from + other]);
    memchr2_iter(BATCH, STACK, near.get(from..).unwrap_or_default()).any(|found| {
        let at = from + found;
        match near[at] {
            STACK => stack_end(near, at).is_some_and(|end| sound_records(near, end, 1).is_some()),
            _ => is_batch(near, at),
        }
    })
}

/// Where another trace begins: at a header behind which a trace goes on. A header alone may be text of this one, and so may all be
/// if nothing is wrong with the file; which of them it is, the walk tells.
pub(super) fn other_trace(window: &[u8]) -> Option<usize> {
    header::find(window).find(|at| {
        let behind = at + header::LEN;
        match header::version_at(window, *at).is_some_and(Version::is_v1) {
            true => is_batch(window, behind),
            // Batches of this kind are known by their neighbours (v2/resync.rs); the first byte will do.
            false => window.get(behind) == Some(&header::BATCH),
        }
    })
}

/// Whether a batch stands here that sound records follow.
fn is_batch(window: &[u8], at: usize) -> bool {
    batch_body(window, at).is_some_and(|body| sound_records(window, body, PROOF) == Some(PROOF))
}

/// Where the next batch seems to begin, or the window's end.
pub(super) fn next_batch(window: &[u8], mut from: usize) -> usize {
    while let Some(found) = window.get(from..).and_then(|rest| memchr(BATCH, rest)) {
        let at = from + found;
        if batch_body(window, at).is_some_and(|body| sound_records(window, body, PROOF).is_some()) {
            return at;
        }
        from = at + 1;
    }
    window.len()
}

/// Where the events of a batch begin, if its P is one.
fn batch_body(window: &[u8], at: usize) -> Option<usize> {
    let shape = parse::shape(*window.get(at)?, NEWEST).ok()?;
    let ([proc, ticks, ..], body) = parse::values(window, at, shape).ok()?;
    let is_proc = proc == NONE || proc <= MAX_PROC;
    (shape.class == Class::Batch && is_proc && i64::try_from(ticks).is_ok()).then_some(body)
}

/// How many sound records follow each other from here on, up to so many or the window's end; `None` if one is not.
fn sound_records(window: &[u8], mut pos: usize, most: usize) -> Option<usize> {
    for number in 0..most {
        let Some(&first) = window.get(pos) else { return Some(number) };
        let shape = parse::shape(first, NEWEST).ok()?;
        pos = match shape.class {
            Class::Unknown => return None,
            Class::Stack | Class::String | Class::TimedString => parse::end(window, pos, shape).ok()?,
            _ => parse::values(window, pos, shape).ok()?.1,
        };
    }
    Some(most)
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
