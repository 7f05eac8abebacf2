//! A timeline of any bytes is built or refused, and every query and analysis has a consistent
//! result.

#![no_main]

use gotrace::{Reader, Timeline};
use gotrace_fuzz::choice;
use gotrace_fuzz::queries::{analyse, query};
use libfuzzer_sys::fuzz_target;

/// Longer inputs are cut to this length.
const MAX_LEN: usize = 64 << 10;

fuzz_target!(|bytes: &[u8]| {
    let bytes = &bytes[..bytes.len().min(MAX_LEN)];
    let lenient = || Reader::builder().lenient().from_slice(bytes);
    let strict = Timeline::from_slice(bytes);
    if let Ok(timeline) = &strict {
        query(timeline);
    }
    if let Ok(reader) = lenient() {
        let timeline = Timeline::from_events(reader).expect("lenient reading never fails");
        query(&timeline);
        if let Ok(strict) = &strict {
            let spans = |timeline: &Timeline| timeline.spans().iter().count();
            assert_eq!(spans(&timeline), spans(strict), "strict and lenient reading of a valid trace agree");
        }
    }
    // Lenient reading of a valid trace yields the same events, so analyses mostly use it.
    let choice = choice(bytes);
    let reader = if choice.is_multiple_of(5) { Reader::from_slice(bytes) } else { lenient() };
    reader.into_iter().for_each(|reader| analyse(reader, choice));
});
