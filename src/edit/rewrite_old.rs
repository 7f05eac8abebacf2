//! Writes traces of Go 1.21 and older, which are one sequence of records, without some of their events.

use std::collections::HashMap;
use std::io::{self, Write};

use super::misuse::Misuse;
use super::rewrite::{int_len, unwritten, write_first, write_int};
use crate::error::Error;
use crate::raw::EventType;
use crate::v1::raw::{self as raw_v1, RawReader, RawRecord};

/// The mode of a region's end (Go `runtime/trace/annotation.go`).
const END: u64 = 1;
/// The upper two bits of a record's first byte if the length of its values follows.
const BY_LENGTH: u8 = 3;

/// Writes the records after the header without the misused events. The time delta of an omitted event is added to the next
/// event of its batch.
pub(super) fn leave_out(misuse: &Misuse, trace: &[u8], out: &mut impl Write) -> Result<(), Error> {
    let mut reader = RawReader::from_slice(trace)?;
    let mut counts = HashMap::new();
    let (mut proc, mut late) = (0, 0);
    while let Some(record) = reader.next_record()? {
        let end = reader.offset() as usize;
        let bytes = trace.get(end - record.size()..end).unwrap_or_default();
        if let (raw_v1::EventType::Batch, Some(of)) = (record.event(), record.values().first()) {
            (proc, late) = (*of, 0);
        }
        let delta = delta(&record);
        if let Some(event) = annotation(&record) {
            let number = counts.entry((proc, event)).or_default();
            let is_misused = misuse.has(0, proc, event, *number);
            *number += 1;
            if is_misused {
                late += delta.unwrap_or_default();
                continue;
            }
        }
        match delta {
            Some(delta) if late > 0 => write_later(bytes, delta + std::mem::take(&mut late), out),
            _ => out.write_all(bytes),
        }
        .map_err(unwritten)?;
    }
    Ok(())
}

/// The time since the event before; `None` for records that have none.
fn delta(record: &RawRecord<'_>) -> Option<u64> {
    let is_delta = record.names().next() == Some("dt") && record.event() != raw_v1::EventType::CPUSample;
    record.values().first().copied().filter(|_| is_delta)
}

/// The type that the record has in newer traces, if it can be misused.
fn annotation(record: &RawRecord<'_>) -> Option<EventType> {
    match (record.event(), record.values()) {
        (raw_v1::EventType::UserTaskCreate, _) => Some(EventType::UserTaskBegin),
        (raw_v1::EventType::UserRegion, [_, _, END, ..]) => Some(EventType::UserRegionEnd),
        _ => None,
    }
}

/// Writes an event with another time delta, which may change its length.
fn write_later(event: &[u8], delta: u64, out: &mut impl Write) -> io::Result<()> {
    let (code, mut values) = event.split_at(event.len().min(1));
    out.write_all(code)?;
    if code.first().is_some_and(|code| code >> 6 == BY_LENGTH) {
        let (len, rest) = values.split_at(int_len(values));
        let len = len.iter().rev().fold(0, |len, byte| len << 7 | u64::from(byte & 0x7f));
        let mut longer = Vec::new();
        write_int(delta, &mut longer)?;
        write_int(len + longer.len() as u64 - int_len(rest) as u64, out)?;
        values = rest;
    }
    write_first(delta, values, out)
}
