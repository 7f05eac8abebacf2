//! The text of traces of Go 1.11 to 1.21, and its comparison with the text of Go's reader.

use gotrace::{Error, Reader};

/// The text of all events, and the error if there is one.
pub fn text(mut reader: Reader<'_>) -> (Vec<u8>, Option<Error>) {
    let mut out = Vec::new();
    loop {
        match reader.next_event() {
            Ok(Some(event)) => event.write_text(&mut out).expect("writing to a vector cannot fail"),
            Ok(None) => return (out, None),
            Err(error) => {
                assert!(matches!(reader.next_event(), Ok(None)), "an error ends the trace");
                return (out, Some(error));
            }
        }
    }
}

pub fn whole_text(bytes: &[u8]) -> Vec<u8> {
    let (text, error) = text(Reader::from_slice(bytes).expect("a header"));
    assert!(error.is_none(), "{error:?}");
    text
}

/// Consecutive events that the writer recorded at the same time, so that the reader made their
/// times one nanosecond apart. Go's reader sorts them randomly, so the texts are kept without times
/// and sorted.
#[derive(Debug, PartialEq, Eq)]
struct Tied {
    first: i64,
    events: Vec<String>,
}

fn tied(text: &[u8]) -> Vec<Tied> {
    let text = String::from_utf8_lossy(text);
    let mut runs: Vec<Tied> = Vec::new();
    for event in text.split_inclusive('\n').collect::<Vec<_>>().chunk_by(|_, next| !next.starts_with("M=")) {
        let event = event.concat();
        let (before, after) = event.split_once(" Time=").expect("each event has a time");
        let digits = after.find(|c: char| c != '-' && !c.is_ascii_digit()).unwrap_or(after.len());
        let time: i64 = after[..digits].parse().expect("a number");
        let untimed = format!("{before}{}", &after[digits..]);
        match runs.last_mut() {
            Some(run) if run.first + run.events.len() as i64 == time => run.events.push(untimed),
            _ => runs.push(Tied { first: time, events: vec![untimed] }),
        }
    }
    runs.iter_mut().for_each(|run| run.events.sort());
    runs
}

pub fn assert_agrees(name: &str, ours: &[u8], reference: &[u8]) {
    if ours == reference {
        return;
    }
    let (ours, reference) = (tied(ours), tied(reference));
    for (ours, reference) in ours.iter().zip(&reference) {
        assert_eq!(ours, reference, "{name}");
    }
    assert_eq!(ours.len(), reference.len(), "{name}");
}
