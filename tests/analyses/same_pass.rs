//! Observers receive the events that `next_event` yields.

use gotrace::analysis::{Observer, run};
use gotrace::{Event, Reader};

use crate::expected::all_samples;

/// Collects the text of all events.
struct Text(Vec<u8>);

impl Observer for Text {
    type Output = Vec<u8>;

    fn event(&mut self, event: &Event<'_>) {
        event.write_text(&mut self.0).expect("writing to a vector cannot fail");
    }

    fn finish(self) -> Vec<u8> {
        self.0
    }
}

#[test]
fn observers_receive_the_events_of_the_reader() {
    for sample in all_samples() {
        let bytes = sample.bytes();
        let mut reader = Reader::from_slice(&bytes).expect("a trace");
        let (observed, error) = run(&mut reader, Text(Vec::new()));
        assert!(error.is_none(), "{}: {error:?}", sample.name);
        let mut reader = Reader::from_slice(&bytes).expect("a trace");
        let mut read = Vec::new();
        while let Some(event) = reader.next_event().expect("a complete trace") {
            event.write_text(&mut read).expect("writing to a vector cannot fail");
        }
        let difference =
            observed.split(|&byte| byte == b'\n').zip(read.split(|&byte| byte == b'\n')).find(|(a, b)| a != b);
        let difference = difference.map(|(a, b)| (String::from_utf8_lossy(a), String::from_utf8_lossy(b)));
        assert_eq!(difference, None, "{}", sample.name);
        assert_eq!(observed.len(), read.len(), "{}", sample.name);
    }
}
