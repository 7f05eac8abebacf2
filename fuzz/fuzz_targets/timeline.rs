//! A timeline of any bytes is built or refused, and every query and analysis ends with a sound answer.

#![no_main]

use gotrace::{Reader, Timeline};
use gotrace_fuzz::choice;
use gotrace_fuzz::questions::{analyse, ask};
use libfuzzer_sys::fuzz_target;

/// What is behind this of an input is left out.
const MAX_LEN: usize = 64 << 10;

fuzz_target!(|bytes: &[u8]| {
    let bytes = &bytes[..bytes.len().min(MAX_LEN)];
    let lenient = || Reader::builder().lenient().from_slice(bytes);
    let strict = Timeline::from_slice(bytes);
    if let Ok(timeline) = &strict {
        ask(timeline);
    }
    if let Ok(reader) = lenient() {
        let timeline = Timeline::from_events(reader).expect("lenient reading goes on");
        ask(&timeline);
        if let Ok(strict) = &strict {
            let spans = |timeline: &Timeline| timeline.spans().iter().count();
            assert_eq!(spans(&timeline), spans(strict), "what strict reading takes is the same leniently");
        }
    }
    // What strict reading takes, lenient reading gives as well.
    let choice = choice(bytes);
    let reader = if choice.is_multiple_of(5) { Reader::from_slice(bytes) } else { lenient() };
    reader.into_iter().for_each(|reader| analyse(reader, choice));
});
