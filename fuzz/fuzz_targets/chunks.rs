//! Events, batches and errors are the same in whatever pieces the bytes arrive.

#![no_main]

use gotrace::Reader;
use gotrace::raw::RawReader;
use gotrace_fuzz::account::{self, assert_same};
use gotrace_fuzz::choice;
use gotrace_fuzz::chunked::{Chunked, Pieces};
use libfuzzer_sys::fuzz_target;

/// What is behind this of an input is left out.
const MAX_LEN: usize = 64 << 10;
/// The longest input that is read a byte at a time too: that is slow, and random pieces find the same in time.
const MAX_LEN_IN_BYTES: usize = 2 << 10;

fuzz_target!(|bytes: &[u8]| {
    let bytes = &bytes[..bytes.len().min(MAX_LEN)];
    let events = account::ordered(Reader::from_slice(bytes));
    let batches = account::wire(RawReader::from_slice(bytes));
    for pieces in [Pieces::Whole, Pieces::Bytes, Pieces::Random(choice(bytes))] {
        if matches!(pieces, Pieces::Bytes) && bytes.len() > MAX_LEN_IN_BYTES {
            continue;
        }
        let what = format!("{pieces:?}");
        assert_same(&events, &account::ordered(Reader::from_reader(Chunked::new(bytes, pieces))), &what);
        assert_same(&batches, &account::wire(RawReader::from_reader(Chunked::new(bytes, pieces))), &what);
    }
});
