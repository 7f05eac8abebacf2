//! Lenient reading never fails, accounts for every byte, and what it calls sound is a valid trace.

#![no_main]

use gotrace::{Event, EventKind, GenerationInfo, Reader, Tally};
use gotrace_fuzz::account::{self, assert_same};
use gotrace_fuzz::budget::Budget;
use gotrace_fuzz::chunked::{Chunked, Pieces};
use libfuzzer_sys::fuzz_target;
use std::fmt::Write;

/// What is behind this of an input is left out.
const MAX_LEN: usize = 64 << 10;
/// The header of a trace.
const HEADER: usize = 16;
/// How much text one input may come to.
const TEXT: usize = 16 << 10;

fuzz_target!(|bytes: &[u8]| {
    let bytes = &bytes[..bytes.len().min(MAX_LEN)];
    let builder = Reader::builder().lenient();
    let events = account::ordered(builder.from_slice(bytes));
    let pieces = Pieces::Random(bytes.len() as u64);
    assert_same(&events, &account::ordered(builder.from_reader(Chunked::new(bytes, pieces))), "in pieces");
    check(bytes);
});

fn check(bytes: &[u8]) {
    let Ok(mut reader) = Reader::builder().lenient().from_slice(bytes) else {
        assert!(Reader::from_slice(bytes).is_err(), "what strict reading takes lenient reading takes");
        return;
    };
    let mut budget = Budget::new(TEXT);
    let mut last = None;
    let mut lost = Tally::default();
    let mut count = 0;
    let mut generations: Vec<(GenerationInfo, bool)> = Vec::new();
    let mut is_behind_gap = false;
    loop {
        let begins = match reader.next_event().expect("lenient reading goes on") {
            None => break,
            Some(event) => {
                assert!(last < Some(event.time()), "times increase: {last:?}, {}", event.time());
                last = Some(event.time());
                count += 1;
                ask(&event, &mut budget);
                match event.kind() {
                    EventKind::Gap(gap) => {
                        lost += gap.lost;
                        is_behind_gap = true;
                        false
                    }
                    EventKind::Sync(sync) => sync.begins_generation(),
                    _ => false,
                }
            }
        };
        if begins && let Some(info) = reader.generation() {
            generations.push((info, std::mem::take(&mut is_behind_gap)));
        }
    }
    let account = reader.account();
    assert_eq!(account.read.bytes + account.lost.bytes + account.trailing, bytes.len() as u64, "{account:?}");
    assert_eq!(account.read.events, count, "{account:?}");
    assert!(lost.bytes <= account.lost.bytes && lost.events <= account.lost.events, "gaps tell of losses: {account:?}");
    let is_whole = account.fault_count == 0;
    assert_eq!(is_whole, strictly(bytes).is_ok(), "what has no fault is whole: {:?}, {account:?}", strictly(bytes));
    if is_whole {
        assert_eq!(account.lost, Tally::default());
        assert_eq!(strictly(bytes), Ok(count));
    } else if account.fault_count == account.faults.len() as u64 {
        let is_faulty = |info: &GenerationInfo| {
            let range = info.offset..=info.offset + info.bytes;
            account
                .faults
                .iter()
                .any(|fault| range.contains(&fault.at.offset) || fault.at.generation == Some(info.number))
        };
        check_rows(bytes, &generations, is_faulty);
    }
}

/// Rows of generations that nothing is wrong with are traces.
fn check_rows(bytes: &[u8], generations: &[(GenerationInfo, bool)], is_faulty: impl Fn(&GenerationInfo) -> bool) {
    let mut row = bytes[..HEADER].to_vec();
    let mut ends_at = 0;
    for (info, is_behind_gap) in generations {
        if is_faulty(info) || *is_behind_gap || ends_at != info.offset {
            assert_trace(&row);
            row.truncate(HEADER);
        }
        if !is_faulty(info) {
            ends_at = info.offset + info.bytes;
            row.extend_from_slice(&bytes[info.offset as usize..ends_at as usize]);
        }
    }
    assert_trace(&row);
}

fn assert_trace(row: &[u8]) {
    if row.len() > HEADER {
        let read = strictly(row);
        assert!(read.is_ok(), "a row of sound generations is a trace: {read:?}");
    }
}

/// Reads strictly; gives the number of events, or the error's text.
fn strictly(bytes: &[u8]) -> Result<u64, String> {
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

fn ask(event: &Event<'_>, budget: &mut Budget) {
    if !budget.is_spent() {
        write!(budget, "{event:?} {event}").expect("a sink does not fail");
    }
}
