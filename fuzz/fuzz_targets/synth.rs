//! Traces can be written as text and encoded again, and traces of a simulated scheduler can be
//! read.
//!
//! The first byte says what the rest is: a trace, the text of a trace, or choices from which
//! [`gotrace_fuzz::scheduler`] generates a trace.

#![no_main]

use gotrace::raw::RawReader;
use gotrace::{Error, Reader, Timeline, synth};
use gotrace_fuzz::chunked::{Chunked, ReadSizes};
use gotrace_fuzz::listing::{self, assert_same};
use gotrace_fuzz::{queries, scheduler};
use libfuzzer_sys::arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;

/// Longer inputs are cut to this length.
const MAX_LEN: usize = 16 << 10;

fuzz_target!(|bytes: &[u8]| {
    let Some((&what, rest)) = bytes.split_first() else { return };
    let rest = &rest[..rest.len().min(MAX_LEN)];
    match what % 4 {
        0 => round_trip(rest),
        1 => {
            if let Ok(text) = std::str::from_utf8(rest)
                && let Ok(trace) = synth::from_text(text)
            {
                round_trip(&trace);
            }
        }
        _ => {
            if let Ok(trace) = scheduler::trace(&mut Unstructured::new(rest)) {
                read(&trace);
                round_trip(&trace);
            }
        }
    }
});

/// The text of a trace, and whether all its varints are as short as possible.
fn text(trace: &[u8]) -> Result<(String, bool), Error> {
    let mut reader = RawReader::from_slice(trace)?;
    let mut text = format!("Trace Go1.{}\n", reader.version().minor()).into_bytes();
    let mut is_short = true;
    while let Some(batch) = reader.next_batch()? {
        let mut events = batch.events();
        let mut is_first = true;
        while let Some(event) = events.next_event()? {
            event.write_text(&mut text).expect("writing to a vector cannot fail");
            // The runtime reserves room for the size of a batch, so the size is never encoded as
            // short as possible.
            is_short &= is_first || event.encoded_size() == event.bytes().len();
            is_first = false;
        }
    }
    Ok((String::from_utf8(text).expect("the text escapes what is not UTF-8"), is_short))
}

fn round_trip(trace: &[u8]) {
    let Ok((original, is_short)) = text(trace) else { return };
    let again = synth::from_text(&original).unwrap_or_else(|error| panic!("{error} in\n{original}"));
    if is_short {
        let (written, _) = text(&again).unwrap_or_else(|error| panic!("{error} in\n{original}"));
        assert!(written == original, "\n{original}\nbecomes\n{written}");
    }
}

/// Reads a generated trace strictly, in pieces and leniently, and builds its timeline.
fn read(trace: &[u8]) {
    let events = listing::ordered(Reader::from_slice(trace));
    assert_same(
        &events,
        &listing::ordered(Reader::from_reader(Chunked::new(trace, ReadSizes::Random(1)))),
        "in pieces",
    );
    let mut lenient = Reader::builder().lenient().from_slice(trace).expect("the header is valid");
    while lenient.next_event().expect("lenient reading never fails").is_some() {}
    let account = lenient.account();
    assert_eq!(account.read.bytes + account.lost.bytes + account.trailing, trace.len() as u64, "{account:?}");
    let is_undamaged = account.fault_count == 0;
    match Timeline::from_slice(trace) {
        Ok(timeline) => {
            assert!(is_undamaged, "strict reading succeeds only if there is no fault: {account:?}");
            queries::query(&timeline);
        }
        Err(error) => assert!(!is_undamaged, "{error}"),
    }
}
