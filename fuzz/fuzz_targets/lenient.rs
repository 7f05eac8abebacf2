//! Lenient reading never fails and counts every byte, and generations that it reports as undamaged
//! are a valid trace.

#![no_main]

use gotrace::{Event, EventKind, GenerationInfo, Reader, Tally};
use gotrace_fuzz::budget::Budget;
use gotrace_fuzz::chunked::{Chunked, ReadSizes};
use gotrace_fuzz::listing::{self, assert_same};
use libfuzzer_sys::fuzz_target;
use std::fmt::Write;

/// Longer inputs are cut to this length.
const MAX_LEN: usize = 64 << 10;
/// The length of the header of a trace.
const HEADER: usize = 16;
/// The maximum amount of text for one input.
const TEXT: usize = 16 << 10;

fuzz_target!(|bytes: &[u8]| {
    let bytes = &bytes[..bytes.len().min(MAX_LEN)];
    let builder = Reader::builder().lenient();
    let events = listing::ordered(builder.from_slice(bytes));
    let pieces = ReadSizes::Random(bytes.len() as u64);
    assert_same(&events, &listing::ordered(builder.from_reader(Chunked::new(bytes, pieces))), "in pieces");
    check(bytes);
});

fn check(bytes: &[u8]) {
    let Ok(mut reader) = Reader::builder().lenient().from_slice(bytes) else {
        assert!(Reader::from_slice(bytes).is_err(), "lenient reading accepts the header if strict reading does");
        return;
    };
    let mut budget = Budget::new(TEXT);
    let mut last = None;
    let mut lost = Tally::default();
    let mut count = 0;
    let mut generations: Vec<(GenerationInfo, bool)> = Vec::new();
    let mut is_after_gap = false;
    loop {
        let starts = match reader.next_event().expect("lenient reading never fails") {
            None => break,
            Some(event) => {
                assert!(last < Some(event.time()), "times increase: {last:?}, {}", event.time());
                last = Some(event.time());
                count += 1;
                format(&event, &mut budget);
                match event.kind() {
                    EventKind::Gap(gap) => {
                        lost += gap.lost;
                        is_after_gap = true;
                        false
                    }
                    EventKind::Sync(sync) => sync.begins_generation(),
                    _ => false,
                }
            }
        };
        if starts && let Some(info) = reader.generation() {
            generations.push((info, std::mem::take(&mut is_after_gap)));
        }
    }
    let account = reader.account();
    assert_eq!(account.read.bytes + account.lost.bytes + account.trailing, bytes.len() as u64, "{account:?}");
    assert_eq!(account.read.events, count, "{account:?}");
    assert!(
        lost.bytes <= account.lost.bytes && lost.events <= account.lost.events,
        "the losses of gaps are part of all losses: {account:?}"
    );
    let is_whole = account.fault_count == 0;
    assert_eq!(
        is_whole,
        read_strictly(bytes).is_ok(),
        "strict reading succeeds if there is no fault: {:?}, {account:?}",
        read_strictly(bytes)
    );
    if is_whole {
        assert_eq!(account.lost, Tally::default());
        assert_eq!(read_strictly(bytes), Ok(count));
    } else if account.fault_count == account.faults.len() as u64 {
        let is_faulty = |info: &GenerationInfo| {
            let range = info.offset..=info.offset + info.bytes;
            account
                .faults
                .iter()
                .any(|fault| range.contains(&fault.at.offset) || fault.at.generation == Some(info.number))
        };
        check_sequences(bytes, &generations, is_faulty);
    }
}

/// Checks that consecutive undamaged generations are a valid trace.
fn check_sequences(bytes: &[u8], generations: &[(GenerationInfo, bool)], is_faulty: impl Fn(&GenerationInfo) -> bool) {
    let mut sequence = bytes[..HEADER].to_vec();
    let mut ends_at = 0;
    for (info, is_after_gap) in generations {
        if is_faulty(info) || *is_after_gap || ends_at != info.offset {
            assert_trace(&sequence);
            sequence.truncate(HEADER);
        }
        if !is_faulty(info) {
            ends_at = info.offset + info.bytes;
            sequence.extend_from_slice(&bytes[info.offset as usize..ends_at as usize]);
        }
    }
    assert_trace(&sequence);
}

fn assert_trace(sequence: &[u8]) {
    if sequence.len() > HEADER {
        let read = read_strictly(sequence);
        assert!(read.is_ok(), "consecutive undamaged generations are a valid trace: {read:?}");
    }
}

/// Reads read_strictly and returns the number of events, or the message of the error.
fn read_strictly(bytes: &[u8]) -> Result<u64, String> {
    let mut reader = Reader::from_slice(bytes).map_err(|error| error.to_string())?;
    let mut events = 0;
    loop {
        match reader.next_event() {
            Ok(Some(_)) => events += 1,
            Ok(None) => return Ok(events),
            Err(error) => return Err(error.to_string()),
        }
    }
}

fn format(event: &Event<'_>, budget: &mut Budget) {
    if !budget.is_spent() {
        write!(budget, "{event:?} {event}").expect("writing to a budget cannot fail");
    }
}
