//! Copies batches with another generation number, or without some events.

use std::collections::HashMap;
use std::io::{self, Read, Write};

use super::misuse::{Misuse, Writer};
use crate::error::Error;
use crate::raw::{BatchHeader, BatchKind, EventType, RawBatch, RawReader};
use crate::wire::lines;

/// Copies the batches of a trace that has one generation, and replaces its generation number.
pub(super) fn renumber(mut trace: RawReader<'_>, number: u64, out: &mut impl Write) -> Result<(), Error> {
    while let Some(batch) = trace.next_batch()? {
        BatchHeader { generation: number, ..BatchHeader::of(&batch) }.write(batch.body(), out).map_err(write_error)?;
    }
    Ok(())
}

/// Returns the batches of a generation without the text between them.
pub(super) fn without_text(header: &[u8], mut part: &[u8]) -> Vec<u8> {
    let mut batches = Vec::new();
    while let Ok(mut trace) = RawReader::from_reader(header.chain(part)) {
        while let Ok(Some(batch)) = trace.next_batch() {
            batches.extend_from_slice(batch.bytes());
            part = &part[batch.bytes().len()..];
        }
        match part.iter().position(|byte| !lines::is_printed(&[*byte])) {
            Some(text) if text > 0 => part = &part[text..],
            _ => break,
        }
    }
    // Other damage is found when the result is read again.
    batches.extend_from_slice(part);
    batches
}

/// Copies the batches of a trace without the events in `misuse`.
pub(super) fn leave_out(misuse: &Misuse, mut trace: RawReader<'_>, out: &mut impl Write) -> Result<(), Error> {
    let mut omission = Omission::new(misuse);
    while let Some(batch) = trace.next_batch()? {
        let has_events = batch.thread.is_some_and(|thread| misuse.has_events_of(batch.generation, thread.0));
        if !has_events || batch.kind != BatchKind::Events {
            out.write_all(batch.bytes()).map_err(write_error)?;
            continue;
        }
        let body = without(&mut omission, &batch)?;
        // No runtime writes an empty batch.
        if !body.is_empty() {
            BatchHeader::of(&batch).write(&body, out).map_err(write_error)?;
        }
    }
    Ok(())
}

/// Returns the body of a batch without the events that Go's reader rejects.
fn without(omission: &mut Omission<'_>, batch: &RawBatch<'_>) -> Result<Vec<u8>, Error> {
    let mut body = Vec::with_capacity(batch.body().len());
    let Some(thread) = batch.thread else { return Ok(body) };
    omission.begin_batch();
    let mut events = batch.events();
    // The first event is the batch's header.
    events.next_event()?;
    while let Some(event) = events.next_event()? {
        let delta = event.args().first().copied().unwrap_or_default();
        match omission.is_misused(batch.generation, thread.0, event.event()) {
            true => omission.leave_out(delta),
            false => {
                write_with_delta(event.bytes(), delta, omission.take_skipped_delta(), &mut body).map_err(write_error)?
            }
        }
    }
    Ok(body)
}

/// Finds the events to leave out. The time delta of such an event is added to the next event of its
/// batch.
pub(super) struct Omission<'m> {
    misuse: &'m Misuse,
    generation: u64,
    /// The number of events of each writer and type so far in the generation.
    counts: HashMap<(Writer, EventType), u64>,
    /// The sum of the time deltas of the events that were left out after the last event that was
    /// written.
    skipped_delta: u64,
}

impl<'m> Omission<'m> {
    pub fn new(misuse: &'m Misuse) -> Self {
        Omission { misuse, generation: 0, counts: HashMap::new(), skipped_delta: 0 }
    }

    /// Starts a batch. Deltas do not carry over from the previous batch.
    pub fn begin_batch(&mut self) {
        self.skipped_delta = 0;
    }

    /// Returns whether the next event of this type and writer is one that Go's reader rejects.
    pub fn is_misused(&mut self, generation: u64, writer: Writer, event: EventType) -> bool {
        if generation != self.generation {
            self.generation = generation;
            self.counts.clear();
        }
        let number = self.counts.entry((writer, event)).or_default();
        let is_misused = self.misuse.has(generation, writer, event, *number);
        *number += 1;
        is_misused
    }

    /// Notes the time delta of an event that is left out.
    pub fn leave_out(&mut self, delta: u64) {
        self.skipped_delta += delta;
    }

    /// Returns the time to add to the time delta of the next event, and resets the sum.
    pub fn take_skipped_delta(&mut self) -> u64 {
        std::mem::take(&mut self.skipped_delta)
    }
}

/// In traces of Go 1.21 and older, an event whose first byte has these upper two bits is followed
/// by the length of its values.
pub(super) const BY_LENGTH: u8 = 3;

/// Writes an event with a larger time delta, which may change its length.
pub(super) fn write_with_delta(event: &[u8], delta: u64, skipped_delta: u64, out: &mut impl Write) -> io::Result<()> {
    if skipped_delta == 0 {
        return out.write_all(event);
    }
    let delta = delta + skipped_delta;
    let (code, mut values) = event.split_at(event.len().min(1));
    out.write_all(code)?;
    if code.first().is_some_and(|code| code >> 6 == BY_LENGTH) {
        let (len, rest) = values.split_at(int_len(values));
        let len = len.iter().rev().fold(0, |len, byte| len << 7 | u64::from(byte & !MORE));
        let mut longer = Vec::new();
        write_int(delta, &mut longer)?;
        write_int(len + longer.len() as u64 - int_len(rest) as u64, out)?;
        values = rest;
    }
    write_int(delta, out)?;
    out.write_all(values.get(int_len(values)..).unwrap_or_default())
}

/// The bit in a byte of a varint that is set if another byte follows.
const MORE: u8 = 0x80;

/// Writes a varint.
pub(super) fn write_int(mut value: u64, out: &mut impl Write) -> io::Result<()> {
    while value >= u64::from(MORE) {
        out.write_all(&[value as u8 | MORE])?;
        value >>= 7;
    }
    out.write_all(&[value as u8])
}

/// Returns the length of the varint at the start of the bytes.
fn int_len(bytes: &[u8]) -> usize {
    bytes.len().min(bytes.iter().take_while(|byte| **byte & MORE != 0).count() + 1)
}

pub(super) fn write_error(error: io::Error) -> Error {
    Error { kind: error.into(), at: Default::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::{Batch, Generation, Trace};
    use crate::{ThreadId, Version};

    #[test]
    fn text_between_batches_is_left_out() {
        for version in [Version::Go122, Version::Go126] {
            let batch = |time| Batch::new(ThreadId(7), time).event(EventType::ProcStatus, &[0, 1, 2]);
            let trace = Trace::new(version).generation(Generation::new(1).batch(batch(100)).batch(batch(200)));
            let bytes = trace.into_bytes();
            let (header, part) = bytes.split_at(16);
            let mut reader = RawReader::from_slice(&bytes).expect("a header");
            let first = reader.next_batch().expect("a batch").expect("a batch").bytes().len();
            let text = [&part[..first], b"one line\nand the next\n", &part[first..]].concat();
            assert_eq!(without_text(header, &text), part, "{version}");
            assert_eq!(without_text(header, part), part, "{version}");
        }
    }
}
