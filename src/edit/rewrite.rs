//! Writes batches again: with another generation number, or without some of their events.

use std::collections::HashMap;
use std::io::{self, Write};

use super::misuse::Misuse;
use crate::error::Error;
use crate::id::ThreadId;
use crate::raw::{BatchHeader, BatchKind, EventType, RawBatch, RawReader};

/// Writes the batches of a trace of one generation with another number.
pub(super) fn renumber(mut trace: RawReader<'_>, number: u64, out: &mut impl Write) -> Result<(), Error> {
    while let Some(batch) = trace.next_batch()? {
        BatchHeader { generation: number, ..BatchHeader::of(&batch) }.write(batch.body(), out).map_err(unwritten)?;
    }
    Ok(())
}

/// Writes the batches of a trace without the misused events. The time delta of an omitted event is added to the next event of
/// its batch.
pub(super) fn leave_out(misuse: &Misuse, mut trace: RawReader<'_>, out: &mut impl Write) -> Result<(), Error> {
    let mut generation = 0;
    let mut counts = HashMap::new();
    while let Some(batch) = trace.next_batch()? {
        if batch.generation != generation {
            generation = batch.generation;
            counts.clear();
        }
        let is_concerned = batch.thread.is_some_and(|thread| misuse.concerns(generation, thread.0));
        if !is_concerned || batch.kind != BatchKind::Events {
            out.write_all(batch.bytes()).map_err(unwritten)?;
            continue;
        }
        let body = without(misuse, &batch, &mut counts)?;
        // No runtime writes an empty batch.
        if !body.is_empty() {
            BatchHeader::of(&batch).write(&body, out).map_err(unwritten)?;
        }
    }
    Ok(())
}

/// How many events of its type a thread had in the generation.
type Counts = HashMap<(ThreadId, EventType), u64>;

/// The body of a batch without the events that are misused.
fn without(misuse: &Misuse, batch: &RawBatch<'_>, counts: &mut Counts) -> Result<Vec<u8>, Error> {
    let mut body = Vec::with_capacity(batch.body().len());
    let Some(thread) = batch.thread else { return Ok(body) };
    let mut events = batch.events();
    // The first event is the batch's header.
    events.next_event()?;
    let mut late = 0;
    while let Some(event) = events.next_event()? {
        let number = counts.entry((thread, event.event())).or_default();
        let is_misused = misuse.has(batch.generation, thread.0, event.event(), *number);
        *number += 1;
        let delta = event.args().first().copied().unwrap_or_default();
        if is_misused {
            late += delta;
            continue;
        }
        match late {
            0 => body.extend_from_slice(event.bytes()),
            _ => write_later(event.bytes(), delta + late, &mut body).map_err(unwritten)?,
        }
        late = 0;
    }
    Ok(body)
}

/// Writes an event with another time delta.
fn write_later(event: &[u8], delta: u64, out: &mut impl Write) -> io::Result<()> {
    let (code, args) = event.split_at(event.len().min(1));
    out.write_all(code)?;
    write_first(delta, args, out)
}

/// Writes varints that are already encoded, the first of them replaced by `first`.
pub(super) fn write_first(first: u64, ints: &[u8], out: &mut impl Write) -> io::Result<()> {
    write_int(first, out)?;
    out.write_all(ints.get(int_len(ints)..).unwrap_or_default())
}

/// The bit of a varint's byte that says that another byte follows.
const MORE: u8 = 0x80;

/// Writes a varint.
pub(super) fn write_int(mut value: u64, out: &mut impl Write) -> io::Result<()> {
    while value >= u64::from(MORE) {
        out.write_all(&[value as u8 | MORE])?;
        value >>= 7;
    }
    out.write_all(&[value as u8])
}

/// The length of the varint at the start of the bytes.
pub(super) fn int_len(bytes: &[u8]) -> usize {
    bytes.len().min(bytes.iter().take_while(|byte| **byte & MORE != 0).count() + 1)
}

pub(super) fn unwritten(error: io::Error) -> Error {
    Error { kind: error.into(), at: Default::default() }
}
