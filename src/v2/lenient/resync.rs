//! Where the next batch begins, once the chain of batches is broken (row 1 of the [table](super)).
//!
//! A batch begins with a byte that is common in the middle of others, so one header proves nothing. A place is taken for
//! the start of a batch if three headers follow each other from there, each where the last batch ends, of one generation
//! or the next, with times on one clock and bodies that begin like one. Fewer are enough if they end where the file does
//! and the first is of a table: the number of no thread is ten bytes long.
//!
//! The header of a trace is always taken for the start of another trace. It may be text of the traced program, but the
//! events of another trace must never be delivered as events of this one.

use std::ops::Range;

use memchr::memchr2;

use crate::id::NONE;
use crate::time::TIME_LIMIT;
use crate::v2::batch::{self, Batch, Framing};
use crate::v2::spec::{Class, EventType};
use crate::wire::header;
use crate::wire::source::Source;

/// How many headers in a row prove that they are headers.
const CHAIN: usize = 3;
/// How many generations may be missing.
pub(super) const MAX_SKIPPED: u64 = 1 << 12;
/// How much later than the known time a batch may be, in the clock's units: on Linux three days.
const MAX_LATER: u64 = 1 << 42;
/// How much earlier: on Linux four minutes. The arguments of events are often small numbers, which look like early times.
const MAX_EARLIER: u64 = 1 << 32;

/// What is known of the batches that are looked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// The first generation that they can be of; `None` if they can be of any.
    pub from: Option<u64>,
    /// A time on the clock of the trace; 0 if none is known.
    pub near: u64,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Landmark {
    /// A batch of this generation.
    Batch(u64),
    /// The header of a trace.
    Trace,
}

/// Finds the first landmark that begins at one of these places of the window. Returns its place, too.
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

/// Whether the file goes on so far. If the source fails, it fails again where reading goes on.
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

/// The generation of the batch at a place, if batches follow each other from there.
fn chain_at(source: &mut Source<'_>, at: usize, wanted: Wanted) -> Option<u64> {
    let mut pos = at;
    let mut first: Option<Batch> = None;
    let mut last = 0;
    for link in 0..CHAIN {
        // The end of a generation, a header, and the first byte of its body.
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
    /// Whether a generation of this number may be the first that is found.
    fn may_begin(&self, number: u64) -> bool {
        match self.from {
            Some(from) => (from..=from.saturating_add(MAX_SKIPPED)).contains(&number),
            None => number > 0,
        }
    }

    /// Whether a batch has a time and a first record that batches have.
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
