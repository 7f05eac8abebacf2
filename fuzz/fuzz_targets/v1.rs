//! Reading v1 traces (Go 1.11 to 1.21) never panics, and the events do not depend on the sizes of
//! the pieces.

#![no_main]

use std::io::Write;

use gotrace::{Reader, raw_v1};
use gotrace_fuzz::budget::Budget;
use gotrace_fuzz::chunked::{Chunked, ReadSizes};
use gotrace_fuzz::listing::{self, assert_same};
use libfuzzer_sys::fuzz_target;

const HEADERS: [&[u8; 16]; 3] = [b"go 1.11 trace\0\0\0", b"go 1.19 trace\0\0\0", b"go 1.21 trace\0\0\0"];

/// The maximum amount of text for one input.
const TEXT: usize = 32 << 10;

fuzz_target!(|data: &[u8]| {
    let Some((&choice, body)) = data.split_first() else { return };
    let trace = [HEADERS[usize::from(choice) % HEADERS.len()], body].concat();
    let slice = listing::ordered(Reader::from_slice(&trace));
    let pieces = ReadSizes::Random(u64::from(choice));
    assert_same(&slice, &listing::ordered(Reader::from_reader(Chunked::new(&trace, pieces))), "in pieces");
    format_all(&trace, &mut Budget::new(TEXT));
});

/// Formats all events and all raw records.
fn format_all(trace: &[u8], budget: &mut Budget) {
    let Ok(mut reader) = Reader::from_slice(trace) else { return };
    while let Ok(Some(event)) = reader.next_event() {
        if budget.is_spent() {
            break;
        }
        write!(budget, "{event:?} {event}").expect("writing to a budget cannot fail");
    }
    let mut records = raw_v1::RawReader::from_slice(trace).expect("the header is valid");
    while let Ok(Some(record)) = records.next_record() {
        if budget.is_spent() {
            break;
        }
        record.write_text(budget).expect("writing to a budget cannot fail");
    }
    assert!(records.offset() <= trace.len() as u64);
}
