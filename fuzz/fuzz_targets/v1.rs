//! Old traces (Go 1.11 to 1.21) never panic, and their events are the same in whatever pieces.

#![no_main]

use std::io::Write;

use gotrace::{Reader, raw_v1};
use gotrace_fuzz::account::{self, assert_same};
use gotrace_fuzz::budget::Budget;
use gotrace_fuzz::chunked::{Chunked, Pieces};
use libfuzzer_sys::fuzz_target;

const HEADERS: [&[u8; 16]; 3] = [b"go 1.11 trace\0\0\0", b"go 1.19 trace\0\0\0", b"go 1.21 trace\0\0\0"];

/// How much text of values one input may come to.
const TEXT: usize = 32 << 10;

fuzz_target!(|data: &[u8]| {
    let Some((&choice, body)) = data.split_first() else { return };
    let trace = [HEADERS[usize::from(choice) % HEADERS.len()], body].concat();
    let slice = account::ordered(Reader::from_slice(&trace));
    let pieces = Pieces::Random(u64::from(choice));
    assert_same(&slice, &account::ordered(Reader::from_reader(Chunked::new(&trace, pieces))), "in pieces");
    ask(&trace, &mut Budget::new(TEXT));
});

/// Asks for every value of the events and of the records as they stand.
fn ask(trace: &[u8], budget: &mut Budget) {
    let Ok(mut reader) = Reader::from_slice(trace) else { return };
    while let Ok(Some(event)) = reader.next_event() {
        if budget.is_spent() {
            break;
        }
        write!(budget, "{event:?} {event}").expect("a sink does not fail");
    }
    let mut records = raw_v1::RawReader::from_slice(trace).expect("the header is one of ours");
    while let Ok(Some(record)) = records.next_record() {
        if budget.is_spent() {
            break;
        }
        record.write_text(budget).expect("a sink does not fail");
    }
    assert!(records.offset() <= trace.len() as u64);
}
