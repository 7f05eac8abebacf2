//! Writes traces of Go 1.21 and older, which are one sequence of records, without some of their
//! events.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::misuse::Misuse;
use super::rewrite::{BY_LENGTH, Omission, write_error, write_int, write_with_delta};
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

/// Returns the stacks that records refer to and that the trace does not contain.
pub(super) fn missing_stacks(mut trace: RawReader<'_>) -> BTreeSet<u64> {
    let (mut used, mut known) = (BTreeSet::new(), BTreeSet::from([0]));
    while let Ok(Some(record)) = trace.next_record() {
        match (record.event(), record.values().first()) {
            (raw_v1::EventType::Stack, Some(&id)) => drop(known.insert(id)),
            _ => {
                let named = record.names().zip(record.values());
                used.extend(named.filter(|(name, _)| ["stk", "stack"].contains(name)).map(|(_, &id)| id));
            }
        }
    }
    &used - &known
}

/// Writes a stack without frames, which Go's tools treat as no stack.
pub(super) fn write_stack_without_frames(id: u64, out: &mut impl Write) -> io::Result<()> {
    let mut values = Vec::new();
    write_int(id, &mut values)?;
    write_int(0, &mut values)?;
    out.write_all(&[raw_v1::EventType::Stack.code() | BY_LENGTH << 6])?;
    write_int(values.len() as u64, out)?;
    out.write_all(&values)
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

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use crate::edit::{examine, repair};
    use crate::{Reader, Timeline};

    /// A trace that was copied without its last stacks.
    #[test]
    fn missing_stacks_become_stacks_without_frames() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/traces/go1.21/gc.trace");
        let whole = std::fs::read(path).expect("a trace");
        let timeline = Timeline::from_slice(&whole).expect("a whole trace");
        for missing in [10, 500, 2000] {
            let cut = &whole[..whole.len() - missing];
            assert!(Reader::from_slice(cut).and_then(Timeline::from_events).is_err());
            let report = examine(cut);
            let saved = repair(&mut Cursor::new(cut), &report, || Ok(Vec::new())).expect("no I/O");
            assert_eq!(saved.len(), 1, "{missing} bytes are missing: {report:?}");
            let repaired = Timeline::from_slice(&saved[0].trace).expect("a whole trace");
            assert_eq!(repaired.memory().spans, timeline.memory().spans);
        }
    }
}
