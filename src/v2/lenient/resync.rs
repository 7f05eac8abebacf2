//! Finds the next batch after damage (row 1 of the [table](super)).
//!
//! The first byte of a batch is common in other data, so one header proves nothing. Three headers prove a batch if each
//! starts at the end of the previous batch, they are of the same or consecutive generations, their times are close, and
//! their bodies start as bodies do. Fewer headers are enough if they end at the end of the file and the first batch is
//! a table. A table has no thread, which is encoded as ten specific bytes.
//!
//! The header of a trace always counts as the start of another trace. It may be a string of the traced program, but
//! events of another trace must never be returned as events of this trace.

use std::ops::Range;

use memchr::memchr2;

use crate::id::NONE;
use crate::time::TIME_LIMIT;
use crate::v2::batch::{self, Batch, Framing};
use crate::v2::spec::{Class, EventType};
use crate::wire::header;
use crate::wire::source::Source;

/// The number of consecutive headers that prove a batch.
const CHAIN: usize = 3;
/// The maximum number of missing generations.
pub(super) const MAX_SKIPPED: u64 = 1 << 12;
/// The maximum time by which a batch is later than the known time, in units of the clock. On Linux this is three days.
const MAX_LATER: u64 = 1 << 42;
/// The maximum time by which a batch is earlier than the known time. On Linux this is four minutes. Arguments of events
/// are often small numbers, which look like early times.
const MAX_EARLIER: u64 = 1 << 32;

/// The properties of the batch to find.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// The lowest generation. `None` for any generation.
    pub from: Option<u64>,
    /// A time on the clock of the trace, or 0 if no time is known.
    pub near: u64,
}

/// A place where reading can continue, or where another trace starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Landmark {
    /// A batch of this generation.
    Batch(u64),
    /// The header of a trace.
    Trace,
}

/// Finds the first landmark at these positions of the window. Also returns its position.
pub(super) fn find(source: &mut Source<'_>, places: Range<usize>, wanted: Wanted) -> Option<(usize, Landmark)> {
    fill(source, places.end);
    let mut pos = places.start;
    loop {
        let rest = source.window().get(pos..places.end.min(source.window().len()))?;
        let at = pos + memchr2(EventType::EventBatch.code(), b'g', rest)?;
        if let Some(landmark) = landmark_at(source, at, wanted) {
            return Some((at, landmark));
        }
        pos = at + 1;
    }
}

/// Returns whether the file has this many bytes. An I/O error will occur again later.
fn fill(source: &mut Source<'_>, len: usize) -> bool {
    source.fill(len).unwrap_or(false)
}

fn landmark_at(source: &mut Source<'_>, at: usize, wanted: Wanted) -> Option<Landmark> {
    if source.window()[at] != b'g' {
        return chain_at(source, at, wanted).map(Landmark::Batch);
    }
    fill(source, at + header::LEN);
    header::version_at(source.window(), at).map(|_| Landmark::Trace)
}

/// Returns the generation of the batch at a position, if the headers after it prove it.
fn chain_at(source: &mut Source<'_>, at: usize, wanted: Wanted) -> Option<u64> {
    let mut pos = at;
    let mut first: Option<Batch> = None;
    let mut last = 0;
    for link in 0..CHAIN {
        // This is the length of the end of a generation, a header, and the first byte of its body.
        fill(source, pos + 1 + batch::MAX_HEADER + 1);
        let window = source.window();
        if link > 0 && window.get(pos) == Some(&EventType::EndOfGeneration.code()) {
            pos += 1;
        }
        if let Some(first) = first.filter(|_| window.len() == pos) {
            let is_proven = first.thread == NONE && first.is_table(window);
            return is_proven.then_some(first.generation);
        }
        let Ok(Framing::Batch(batch)) = batch::read(window, pos) else { return None };
        let is_wanted = match first {
            None => wanted.may_begin(batch.generation),
            Some(_) => batch.generation == last || batch.generation == last.wrapping_add(1),
        };
        if !is_wanted || !wanted.is_plausible(&batch, window) {
            return None;
        }
        first = first.or(Some(batch));
        last = batch.generation;
        pos = batch.end;
        if link + 1 < CHAIN && !fill(source, pos) {
            return None;
        }
    }
    first.map(|first| first.generation)
}

impl Wanted {
    /// Returns whether this can be the number of the first generation after the damage.
    fn may_begin(&self, number: u64) -> bool {
        match self.from {
            Some(from) => (from..=from.saturating_add(MAX_SKIPPED)).contains(&number),
            None => number > 0,
        }
    }

    /// Returns whether a batch has a plausible time and a plausible first record.
    fn is_plausible(&self, batch: &Batch, window: &[u8]) -> bool {
        let is_in_time = match self.near {
            0 => batch.time < TIME_LIMIT.cast_unsigned(),
            near => (near.saturating_sub(MAX_EARLIER)..near.saturating_add(MAX_LATER)).contains(&batch.time),
        };
        let is_whole = batch.body < batch.end.min(window.len());
        let begins_well = match batch.first(window) {
            Some(event) => matches!(event.spec().class, Class::Timed | Class::AllocFree) || batch.is_table(window),
            None => batch.experiment.is_some() || !is_whole,
        };
        is_in_time && begins_well
    }
}
