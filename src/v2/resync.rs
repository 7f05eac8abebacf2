//! Where the next batch begins, once the row of batches is lost.
//!
//! A batch begins with a byte that is common in the middle of others, so one header proves nothing. A place is taken for
//! a beginning if batches follow each other from there as a trace has them: each header where the last batch ends, all
//! of one generation, or of the next one where that begins, their times on one clock, and each with a body that begins
//! like one. Three are enough, or fewer if the file ends with them.

use std::io;
use std::ops::Range;

use memchr::memchr3;

use super::batch::{self, Batch, Framing};
use super::spec::{Class, EventType};
use crate::id::NONE;
use crate::time::TIME_LIMIT;
use crate::wire::header;
use crate::wire::source::Source;

const _: () = assert!(EventType::EventBatch.code() == header::BATCH);

/// How many batches in a row prove that they are batches.
const CHAIN: usize = 3;
/// How many generations may be missing.
pub(super) const MAX_SKIPPED: u64 = 1 << 12;
/// How far from the clock of the last generation another may be, in the clock's units: on Linux three days.
const MAX_APART: u64 = 1 << 42;

/// What is known of the batches that are looked for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    /// The first generation that they can be of, `None` where they can be of any.
    pub from: Option<u64>,
    /// A time on the clock of the trace, 0 where none is known.
    pub near: u64,
    /// Whether they are looked for among bytes that may be anything, and rightly so: then those that follow each other must
    /// all be whole.
    pub is_opaque: bool,
    /// Where the sound records end of the batch that they are looked for in: no other batch is before.
    pub sound_until: usize,
    /// Headers of traces that end up to here are text, unless batches follow them; others are the beginnings of traces.
    pub texts_until: usize,
}

impl Wanted {
    /// Whether a generation of this number may be the first that is found.
    fn may_begin(&self, number: u64) -> bool {
        match self.from {
            Some(from) => (from..=from.saturating_add(MAX_SKIPPED)).contains(&number),
            None => number > 0,
        }
    }
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Landmark {
    /// A batch of this generation.
    Batch(u64),
    /// The header of a trace.
    Trace,
}

/// Where in the window a landmark is, and what it is.
pub(super) type Found = (usize, Landmark);

/// Looks for the first landmark that begins at one of these places of the window, or before the file's end.
pub(super) fn find(source: &mut Source<'_>, places: Range<usize>, wanted: Wanted) -> io::Result<Option<Found>> {
    source.fill(places.end)?;
    let mut pos = places.start;
    loop {
        let end = places.end.min(source.window().len());
        let Some(rest) = source.window().get(pos..end) else { return Ok(None) };
        let types = [EventType::EventBatch.code(), EventType::ExperimentalBatch.code(), b'g'];
        let Some(next) = memchr3(types[0], types[1], types[2], rest) else { return Ok(None) };
        let at = pos + next;
        if let Some(landmark) = landmark_at(source, at, wanted)? {
            // The number of the only experiment is also the type of ordinary batches, which are far more common.
            let is_ordinary = source.window()[at] == types[1]
                && source.window().get(at + 1) == Some(&types[0])
                && at + 1 < end
                && landmark_at(source, at + 1, wanted)? == Some(landmark);
            return Ok(Some((at + usize::from(is_ordinary), landmark)));
        }
        pos = at + 1;
    }
}

fn landmark_at(source: &mut Source<'_>, at: usize, wanted: Wanted) -> io::Result<Option<Landmark>> {
    if source.window()[at] != b'g' {
        return match at < wanted.sound_until {
            true => Ok(None),
            false => chain_at(source, at, wanted),
        };
    }
    let behind = at + header::LEN;
    source.fill(behind)?;
    let Some(version) = header::version_at(source.window(), at) else { return Ok(None) };
    let is_trace = match behind <= wanted.texts_until {
        false => true,
        // Batches of this kind are known by their records (v1/resync.rs); the first byte will do.
        true if version.is_v1() => source.fill(behind + 1)? && source.window()[behind] == header::OLD_BATCH,
        true => chain_at(source, behind, Wanted::default())?.is_some(),
    };
    Ok(is_trace.then_some(Landmark::Trace))
}

/// Whether batches follow each other from a place.
fn chain_at(source: &mut Source<'_>, at: usize, wanted: Wanted) -> io::Result<Option<Landmark>> {
    let mut pos = at;
    let mut generations = None;
    let mut is_table = false;
    let found = |generations: Option<(u64, u64)>| generations.map(|(first, _)| Landmark::Batch(first));
    for link in 0..CHAIN {
        if link > 0 {
            let end = EventType::EndOfGeneration.code();
            if source.fill(pos + 1)? && source.window().get(pos) == Some(&end) {
                pos += 1;
            }
            if !source.fill(pos + 1)? {
                // A single batch at the very end is believed if it is a table's: "no M" is ten bytes long.
                return Ok(found(generations).filter(|_| link > 1 || is_table && !wanted.is_opaque));
            }
        }
        source.fill(pos + batch::MAX_HEADER + 1)?;
        let Ok(Framing::Batch(batch)) = batch::read(source.window(), pos) else { return Ok(None) };
        let (first, last) = generations.unwrap_or((batch.generation, batch.generation));
        let is_wanted = match link {
            0 => wanted.may_begin(batch.generation),
            _ => batch.generation == last || batch.generation == last.wrapping_add(1),
        };
        if !is_wanted || !is_plausible(&batch, source.window(), wanted) {
            return Ok(None);
        }
        generations = Some((first, batch.generation));
        is_table = batch.thread == NONE && begins_table(&batch, source.window());
        pos = batch.end;
        if !source.fill(pos)? {
            // The file is cut in this one. So few are only believed of a generation that is due, if it is known which is.
            let is_due = wanted.near == 0 || wanted.from.is_none_or(|from| first - from <= 1);
            return Ok(found(generations).filter(|_| link > 0 && !wanted.is_opaque && is_due));
        }
    }
    Ok(found(generations))
}

/// Whether a batch has a time and a beginning that batches have.
fn is_plausible(batch: &Batch, window: &[u8], wanted: Wanted) -> bool {
    let is_in_time = match wanted.near {
        0 => batch.time < TIME_LIMIT.cast_unsigned(),
        near => batch.time.abs_diff(near) < MAX_APART,
    };
    let begins_well = match (batch.experiment, window.get(batch.body)) {
        (Some(_), _) | (_, None) => true,
        _ if batch.body == batch.end => true,
        (None, Some(&code)) => {
            EventType::from_code(code)
                .is_some_and(|event| matches!(event.spec().class, Class::Timed | Class::AllocFree))
                || begins_table(batch, window)
        }
    };
    is_in_time && begins_well
}

/// Whether a batch is a table's or the clock's.
pub(super) fn begins_table(batch: &Batch, window: &[u8]) -> bool {
    use EventType as E;
    begins_clock(batch, window) || matches!(first_of(batch, window), Some(E::Strings | E::Stacks | E::CPUSamples))
}

/// Whether a batch is the clock's.
pub(super) fn begins_clock(batch: &Batch, window: &[u8]) -> bool {
    matches!(first_of(batch, window), Some(EventType::Sync | EventType::Frequency))
}

fn first_of(batch: &Batch, window: &[u8]) -> Option<EventType> {
    let body = window.get(batch.body..batch.end.min(window.len()))?;
    let first = body.first().filter(|_| batch.experiment.is_none());
    first.and_then(|&code| EventType::from_code(code))
}
