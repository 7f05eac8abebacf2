//! Counts the events of damaged parts of a generation.

use crate::account::Tally;
use crate::v2::batch::{Batch, EventBatch};
use crate::v2::cursor::Cursor;
use crate::v2::generation::Generation;
use crate::v2::spec::Alphabet;
use crate::wire::varint;

/// Returns the number of whole events at the start of these bytes, and the length of these events.
pub(super) fn whole_events(bytes: &[u8], alphabet: &Alphabet) -> (u64, usize) {
    let mut end = 0;
    let mut events = 0;
    while let Some(event) = bytes.get(end).and_then(|&code| alphabet[usize::from(code)]) {
        let mut pos = end + 1;
        if event.spec().args.iter().any(|_| varint::read(bytes, &mut pos).is_err()) {
            break;
        }
        end = pos;
        events += 1;
    }
    (events, end)
}

/// Returns the content of a batch of any kind.
pub(super) fn of_batch(batch: &Batch, generation: &Generation, window: &[u8]) -> Tally {
    let Batch { start, body, end, time, .. } = *batch;
    // A table has no events.
    let body = if holds_events(batch, window) { body } else { end };
    of_event_batch(&EventBatch { start, body, end, time, next: None }, generation, window)
}

/// Returns whether a batch contains events.
pub(super) fn holds_events(batch: &Batch, window: &[u8]) -> bool {
    batch.experiment.is_none() && !batch.is_table(window)
}

/// Returns the content of a batch of events.
pub(super) fn of_event_batch(batch: &EventBatch, generation: &Generation, window: &[u8]) -> Tally {
    let body = window.get(batch.body..batch.end).unwrap_or_default();
    let (events, _) = whole_events(body, generation.alphabet);
    Tally { bytes: (batch.end - batch.start) as u64, batches: 1, generations: 0, events }
}

/// Returns the content of the event batches of a generation, and the generation itself.
pub(super) fn of_generation(generation: &Generation, window: &[u8]) -> Tally {
    let mut lost = Tally { generations: 1, ..Tally::default() };
    for batch in generation.batches.iter().filter(|batch| batch.start < batch.end) {
        lost += of_event_batch(batch, generation, window);
    }
    lost
}

/// Returns the rest of the current batch of a cursor.
pub(super) fn of_batch_rest(cursor: &Cursor, generation: &Generation, window: &[u8]) -> Tally {
    let rest = window.get(cursor.at..cursor.end).unwrap_or_default();
    Tally { bytes: rest.len() as u64, events: whole_events(rest, generation.alphabet).0, ..Tally::default() }
}

/// Returns the rest of all batches of a cursor.
pub(super) fn of_thread_rest(cursor: &Cursor, generation: &Generation, window: &[u8]) -> Tally {
    let mut rest = of_batch_rest(cursor, generation, window);
    let mut next = cursor.next_batch();
    while let Some(batch) = next.and_then(|next| generation.batches.get(next as usize)) {
        rest += of_event_batch(batch, generation, window);
        next = batch.next;
    }
    rest
}
