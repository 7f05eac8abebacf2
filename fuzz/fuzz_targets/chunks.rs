//! Events, batches and errors do not depend on the sizes of the pieces in which the bytes arrive.

#![no_main]

use gotrace::Reader;
use gotrace::raw::RawReader;
use gotrace_fuzz::choice;
use gotrace_fuzz::chunked::{Chunked, ReadSizes};
use gotrace_fuzz::listing::{self, assert_same};
use libfuzzer_sys::fuzz_target;

/// Longer inputs are cut to this length.
const MAX_LEN: usize = 64 << 10;
/// Only inputs up to this length are also read one byte at a time, which is slow.
const MAX_LEN_IN_BYTES: usize = 2 << 10;

fuzz_target!(|bytes: &[u8]| {
    let bytes = &bytes[..bytes.len().min(MAX_LEN)];
    let events = listing::ordered(Reader::from_slice(bytes));
    let batches = listing::raw(RawReader::from_slice(bytes));
    for pieces in [ReadSizes::Whole, ReadSizes::Bytes, ReadSizes::Random(choice(bytes))] {
        if matches!(pieces, ReadSizes::Bytes) && bytes.len() > MAX_LEN_IN_BYTES {
            continue;
        }
        let what = format!("{pieces:?}");
        assert_same(&events, &listing::ordered(Reader::from_reader(Chunked::new(bytes, pieces))), &what);
        assert_same(&batches, &listing::raw(RawReader::from_reader(Chunked::new(bytes, pieces))), &what);
    }
});
