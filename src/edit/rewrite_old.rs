//! Writes traces of Go 1.21 and older, which are one sequence of records, without some of their
//! events.

use std::io::Write;

use super::misuse::Misuse;
use super::rewrite::{Omission, write_error, write_with_delta};
use crate::error::Error;
use crate::raw::EventType;
use crate::v1::raw::{self as raw_v1, RawReader, RawRecord};

/// The mode of a region's end (Go `runtime/trace/annotation.go`).
const END: u64 = 1;

/// Writes the records after the header without the misused events.
pub(super) fn leave_out(misuse: &Misuse, mut trace: RawReader<'_>, out: &mut impl Write) -> Result<(), Error> {
    let mut omission = Omission::new(misuse);
    let mut proc = 0;
    while let Some(record) = trace.next_record()? {
        if let (raw_v1::EventType::Batch, Some(of)) = (record.event(), record.values().first()) {
            proc = *of;
            omission.begin_batch();
        }
        if annotation(&record).is_some_and(|event| omission.is_misused(0, proc, event)) {
            omission.leave_out(delta(&record).unwrap_or_default());
            continue;
        }
        match delta(&record) {
            Some(delta) => write_with_delta(record.bytes(), delta, omission.take_skipped_delta(), out),
            None => out.write_all(record.bytes()),
        }
        .map_err(write_error)?;
    }
    Ok(())
}

/// Returns the time since the previous event. `None` for records without a time.
fn delta(record: &RawRecord<'_>) -> Option<u64> {
    let is_delta = record.names().next() == Some("dt") && record.event() != raw_v1::EventType::CPUSample;
    record.values().first().copied().filter(|_| is_delta)
}

/// Returns the type of the event in newer traces. `None` if the record cannot be misused.
fn annotation(record: &RawRecord<'_>) -> Option<EventType> {
    match (record.event(), record.values()) {
        (raw_v1::EventType::UserTaskCreate, _) => Some(EventType::UserTaskBegin),
        (raw_v1::EventType::UserRegion, [_, _, END, ..]) => Some(EventType::UserRegionEnd),
        _ => None,
    }
}
