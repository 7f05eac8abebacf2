//! The text form goes to bytes and back without loss.

use gotrace::raw::RawReader;
use gotrace::synth;
use gotrace_tests::corpus::{RELEASES, samples};

/// A trace as Go's `raw.TextWriter` writes it, and how long it is with every integer as short as can be.
fn text(bytes: &[u8]) -> (String, usize) {
    let mut reader = RawReader::from_slice(bytes).expect("a trace");
    let mut text = format!("Trace Go1.{}\n", reader.version().minor()).into_bytes();
    let mut size = 16;
    while let Some(batch) = reader.next_batch().expect("a whole trace") {
        let mut events = batch.events();
        while let Some(event) = events.next_event().expect("a whole trace") {
            event.write_text(&mut text).expect("memory does not fail");
            size += event.encoded_size();
        }
    }
    (String::from_utf8(text).expect("all but UTF-8 is escaped"), size)
}

#[test]
fn text_gives_the_canonical_encoding() {
    for sample in RELEASES.into_iter().flat_map(samples) {
        let (original, size) = text(&sample.bytes());
        let bytes = synth::from_text(&original).unwrap_or_else(|error| panic!("{}: {error}", sample.name));
        assert_eq!(bytes.len(), size, "{}", sample.name);
        let (again, _) = text(&bytes);
        assert!(again == original, "{}: the text changes on the way", sample.name);
    }
}
