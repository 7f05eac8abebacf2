//! Observers are shown the events that `next_event` gives.

use gotrace::analysis::{Observer, run};
use gotrace::{Event, Reader};

use crate::expected::all_samples;

/// Writes down what it is shown.
struct Text(Vec<u8>);

impl Observer for Text {
    type Output = Vec<u8>;

    fn event(&mut self, event: &Event<'_>) {
        event.write_text(&mut self.0).expect("memory does not fail");
    }

    fn finish(self) -> Vec<u8> {
        self.0
    }
}

#[test]
fn observers_are_shown_the_events_of_the_reader() {
    for sample in all_samples() {
        let bytes = sample.bytes();
        let mut reader = Reader::from_slice(&bytes).expect("a trace");
        let (shown, error) = run(&mut reader, Text(Vec::new()));
        assert!(error.is_none(), "{}: {error:?}", sample.name);
        let mut reader = Reader::from_slice(&bytes).expect("a trace");
        let mut given = Vec::new();
        while let Some(event) = reader.next_event().expect("a whole trace") {
            event.write_text(&mut given).expect("memory does not fail");
        }
        let same = shown.split(|&byte| byte == b'\n').zip(given.split(|&byte| byte == b'\n')).find(|(a, b)| a != b);
        let same = same.map(|(a, b)| (String::from_utf8_lossy(a), String::from_utf8_lossy(b)));
        assert_eq!(same, None, "{}", sample.name);
        assert_eq!(shown.len(), given.len(), "{}", sample.name);
    }
}
