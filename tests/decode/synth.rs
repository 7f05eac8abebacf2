//! Real traces, written as text and encoded again.

use gotrace::raw::RawReader;
use gotrace::synth;
use gotrace_tests::corpus::{RELEASES, samples};

/// The text of a trace, as Go's `raw.TextWriter` writes it, and the trace's size with every varint
/// as short as possible.
fn text(bytes: &[u8]) -> (String, usize) {
    let mut reader = RawReader::from_slice(bytes).expect("a trace");
    let mut text = format!("Trace Go1.{}\n", reader.version().minor()).into_bytes();
    let mut size = 16;
    while let Some(batch) = reader.next_batch().expect("a complete trace") {
        let mut events = batch.events();
        while let Some(event) = events.next_event().expect("a complete trace") {
            event.write_text(&mut text).expect("writing to a vector cannot fail");
            size += event.encoded_size();
        }
    }
    (String::from_utf8(text).expect("the text escapes what is not UTF-8"), size)
}

#[test]
fn text_is_encoded_with_the_shortest_varints_and_decodes_to_the_same_text() {
    for sample in RELEASES.into_iter().flat_map(samples) {
        let (original, size) = text(&sample.bytes());
        let bytes = synth::from_text(&original).unwrap_or_else(|error| panic!("{}: {error}", sample.name));
        assert_eq!(bytes.len(), size, "{}", sample.name);
        let (again, _) = text(&bytes);
        assert!(again == original, "{}: the text differs after encoding and decoding", sample.name);
    }
}
