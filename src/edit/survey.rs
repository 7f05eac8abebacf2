//! Counts the batches, events and threads that the file contains of generations that could not be read to their end.
//! Looks only at the framing of batches.

use std::collections::BTreeSet;
use std::io::{self, Read, Seek};
use std::ops::Range;

use super::report::{DamageReport, GenerationReport};
use crate::id::ThreadId;
use crate::raw::{BatchKind, Class, EventType, RawBatch, RawReader};
use crate::wire::header;

/// The maximum number of places after damaged batches to try as the start of another batch.
const MAX_TRIES: usize = 1000;

/// The part of a generation that was found.
#[derive(Default)]
struct Found {
    /// The offset of its start, within the part of the file that is surveyed.
    start: Option<usize>,
    batches: u64,
    events: u64,
    threads: BTreeSet<ThreadId>,
}

/// Completes a report with the size, batches, events and threads of the generations that could not be read to their
/// end. Looks only at the framing of batches.
///
/// `input` is the file that was examined.
///
/// # Errors
///
/// Errors of reading the file again. Values that could not be determined stay unknown.
pub fn survey(report: &mut DamageReport, input: &mut (impl Read + Seek)) -> io::Result<()> {
    if report.generations.iter().all(|row| !is_wanted(row)) {
        return Ok(());
    }
    let header = part(input, 0, header::LEN as u64)?;
    let len = report.size.saturating_sub(report.trailing);
    let mut begin = header::LEN as u64;
    let mut rows = &mut report.generations[..];
    while !rows.is_empty() {
        // Consecutive generations of which nothing was read share the bytes between their
        // neighbours.
        let skipped = rows.iter().take_while(|row| row.size.is_none()).count();
        let (group, rest) = std::mem::take(&mut rows).split_at_mut(skipped.max(1));
        let end = match group {
            [GenerationReport { offset, size: Some(size), .. }] => {
                begin = *offset;
                offset.saturating_add(*size)
            }
            _ => rest.first().map_or(len, |next| next.offset),
        };
        if group.iter().any(is_wanted) {
            let bytes = part(input, begin, end.saturating_sub(begin))?;
            describe(group, &header, &bytes, begin);
        }
        (begin, rows) = (end, rest);
    }
    Ok(())
}

/// Returns whether a generation could not be read to its end.
fn is_wanted(row: &GenerationReport) -> bool {
    !row.ok && !row.lacks_end
}

/// Returns the bytes of a part of a file, or as many of them as exist.
pub(super) fn part(input: &mut (impl Read + Seek), offset: u64, len: u64) -> io::Result<Vec<u8>> {
    input.seek(io::SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    input.take(len).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Completes the rows of generations from the part of the file that contains only these generations.
fn describe(rows: &mut [GenerationReport], header: &[u8], bytes: &[u8], offset: u64) {
    let numbers: Vec<u64> = rows.iter().map(|row| row.number).collect();
    let found = find(&numbers, header, bytes);
    let mut end = bytes.len();
    for (row, found) in rows.iter_mut().zip(&found).rev() {
        let Some(start) = found.start else { continue };
        if row.size.is_none() {
            row.offset = offset + start as u64;
            row.size = Some((end - start) as u64);
        }
        row.batches = row.batches.max(Some(found.batches));
        row.events = row.events.max(Some(found.events));
        row.threads = row.threads.max(Some(found.threads.len() as u64));
        end = start;
    }
}

/// Finds consecutive generations in a part of the file.
fn find(numbers: &[u64], header: &[u8], bytes: &[u8]) -> Vec<Found> {
    let mut all: Vec<Found> = numbers.iter().map(|_| Found::default()).collect();
    let mut current = 0;
    // The first generation begins where the last row ended, even if that place is damaged.
    if let (Some(first), true) = (all.first_mut(), bytes.first().is_some_and(|code| begins_batch(*code))) {
        first.start = Some(0);
    }
    let mut tries = MAX_TRIES;
    let mut next = Some(0);
    while let Some(from) = next {
        let part = bytes.get(from..).unwrap_or_default();
        let end = walk(header, part, |batch, place| {
            // An unexpected number is part of the damage: the batch counts for the current
            // generation.
            current = (current..all.len()).find(|i| numbers[*i] == batch.generation).unwrap_or(current);
            if let Some(found) = all.get_mut(current) {
                found.start.get_or_insert(from + place.start);
                found.add(batch);
            }
            true
        });
        next = resume(&numbers[current.min(numbers.len())..], header, bytes, from + end + 1, &mut tries);
    }
    all
}

impl Found {
    fn add(&mut self, batch: &RawBatch<'_>) {
        if batch.kind == BatchKind::EndOfGeneration {
            return;
        }
        self.batches += 1;
        self.threads.extend(batch.thread);
        let mut events = batch.events();
        while let Ok(Some(event)) = events.next_event() {
            self.events += u64::from(is_given(event.event()));
        }
    }
}

/// Returns whether a reader returns an event of this type.
fn is_given(event: EventType) -> bool {
    match event.spec().class {
        Class::Timed => event != EventType::ClockSnapshot,
        Class::AllocFree => true,
        Class::Structural | Class::Data | Class::Stack => event == EventType::CPUSample,
    }
}

/// Returns whether a batch, or the end of a generation, may begin with a byte.
fn begins_batch(code: u8) -> bool {
    [EventType::EventBatch, EventType::ExperimentalBatch, EventType::EndOfGeneration]
        .iter()
        .any(|event| event.code() == code)
}

/// Passes each batch of a part of a trace, with its place, to `show` until `show` returns false. Returns the end of the
/// last batch.
fn walk(header: &[u8], part: &[u8], mut show: impl FnMut(&RawBatch<'_>, Range<usize>) -> bool) -> usize {
    let mut end = 0;
    let Ok(mut reader) = RawReader::from_reader(header.chain(part)) else { return part.len() };
    while let Ok(Some(batch)) = reader.next_batch() {
        let start = end;
        end += batch.bytes().len();
        if !show(&batch, start..end) {
            break;
        }
    }
    end
}

/// Returns the next place where a batch of one of the generations begins, followed by another batch or the end of the
/// part.
fn resume(numbers: &[u64], header: &[u8], bytes: &[u8], from: usize, tries: &mut usize) -> Option<usize> {
    /// The bits of a number that are in the first byte of its varint.
    const LOW: u64 = 0x7f;
    let looks_sound = |two: &[u8]| {
        two[0] == EventType::EventBatch.code() && numbers.iter().any(|number| (number ^ u64::from(two[1])) & LOW == 0)
    };
    let candidates = bytes.get(from..)?.windows(2).enumerate().filter(|(_, two)| looks_sound(two));
    candidates.map(|(i, _)| from + i).take(*tries).find(|at| {
        *tries -= 1;
        is_sound(numbers, header, &bytes[*at..])
    })
}

/// Returns whether a part begins with a whole batch of one of the generations, followed by another batch or the end of
/// the part.
fn is_sound(numbers: &[u64], header: &[u8], part: &[u8]) -> bool {
    let mut is_sound = false;
    walk(header, part, |batch, place| {
        let is_ended = part.get(place.end).is_none_or(|code| begins_batch(*code));
        is_sound = is_ended && batch.missing == 0 && numbers.contains(&batch.generation);
        false
    });
    is_sound
}
