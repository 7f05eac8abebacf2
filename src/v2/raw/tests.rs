//! Tests of the raw layer on synthetic traces.

use proptest::prelude::*;

use super::*;
use crate::synth::{Batch as Bytes, Generation, Trace};

/// Returns a trace with one batch.
fn trace(version: Version, body: Bytes) -> Vec<u8> {
    let mut generation = Generation::new(1);
    generation.clock(None).batch(body);
    Trace::new(version).generation(&generation).into_bytes()
}

fn batch() -> Bytes {
    Bytes::new(ThreadId(7), 300)
}

/// Returns the text and offset of every event before the first error, and the text of the error.
fn read(bytes: &[u8]) -> (Vec<String>, String) {
    let mut events = Vec::new();
    let result = RawReader::from_slice(bytes).and_then(|mut reader| {
        while let Some(batch) = reader.next_batch()? {
            let mut raw = batch.events();
            while let Some(event) = raw.next_event()? {
                let mut text = Vec::new();
                event.write_text(&mut text).expect("writing to a Vec cannot fail");
                events.push(format!("{} {}", event.offset(), String::from_utf8_lossy(&text).trim_end()));
            }
        }
        Ok(())
    });
    (events, result.err().map(|error| error.to_string()).unwrap_or_default())
}

#[test]
fn events_have_texts_and_offsets() {
    let body = batch()
        .event(EventType::GoStart, &[5, 200, 3])
        .data(EventType::String, &[1], b"a\n")
        .event(EventType::Stack, &[9, 2, 1, 2, 3, 4, 1 << 60, 6, 7, u64::MAX])
        .event(EventType::ProcStop, &[1]);
    let (events, error) = read(&trace(Version::Go126, body));
    assert_eq!(error, "");
    assert_eq!(
        events,
        [
            "16 EventBatch gen=1 m=7 time=300 size=40",
            "22 GoStart dt=5 g=200 g_seq=3",
            "27 String id=1\n\tdata=\"a\\n\"",
            "32 Stack id=9 nframes=2\n\tpc=1 func=2 file=3 line=4\n\tpc=1152921504606846976 func=6 file=7 line=18446744073709551615",
            "60 ProcStop dt=1",
            "62 EndOfGeneration",
        ]
    );
}

#[test]
fn batches_have_headers() {
    let bytes = trace(Version::Go126, batch().experiment(1).bytes(&[1, 2, 3]));
    let mut reader = RawReader::from_slice(&bytes).expect("a header");
    let found = reader.next_batch().expect("valid").expect("a batch");
    assert_eq!((found.offset, found.kind, found.generation), (16, BatchKind::Experimental(1), 1));
    assert_eq!((found.thread, found.time, found.size, found.missing), (Some(ThreadId(7)), 300, 3, 0));
    assert_eq!((found.body(), found.bytes().len()), (&[1, 2, 3][..], 10));
    let mut events = found.events();
    let event = events.next_event().expect("valid").expect("the batch itself");
    assert_eq!((event.event(), event.args()), (EventType::ExperimentalBatch, &[1, 1, 7, 300][..]));
    assert_eq!((event.data(), event.encoded_size()), (Some(&[1, 2, 3][..]), 10));
    let end = reader.next_batch().expect("valid").expect("the end");
    assert_eq!((end.kind, end.generation, end.bytes()), (BatchKind::EndOfGeneration, 1, &[52][..]));
    assert!(reader.next_batch().expect("valid").is_none());
}

#[test]
fn an_incomplete_batch_is_returned_before_the_error() {
    let body = || batch().event(EventType::ProcStop, &[1]).event(EventType::GoStart, &[5, 200, 3]);
    let (events, error) = read(&trace(Version::Go122, body().claiming(20)));
    assert_eq!(events.len(), 3);
    assert_eq!(error, "the file ends inside a batch: 13 bytes are missing at byte 29, generation 1, M 7");
    let whole = trace(Version::Go122, body());
    let (events, error) = read(&whole[..whole.len() - 2]);
    assert_eq!(events.len(), 2);
    assert_eq!(error, "the file ends inside a batch: 2 bytes are missing at byte 27, generation 1, M 7");

    let mut reader = RawReader::from_slice(&whole[..whole.len() - 2]).expect("a header");
    assert_eq!(reader.next_batch().expect("a part").map(|batch| batch.missing), Some(2));
    assert!(matches!(reader.next_batch(), Err(Error { kind: ErrorKind::TruncatedBatch { missing: 2 }, .. })));
    assert!(matches!(reader.next_batch(), Ok(None)));
}

#[test]
fn damage_in_a_batch_does_not_affect_the_next() {
    let check = |body: Bytes, message: &str| {
        let mut generation = Generation::new(1);
        generation.clock(None).batch(batch().event(EventType::ProcStop, &[1]).bytes(&body_of(body))).batch(batch());
        let bytes = Trace::new(Version::Go122).generation(&generation).into_bytes();
        let (events, error) = read(&bytes);
        assert_eq!((events.len(), error.as_str()), (2, format!("{message}, generation 1, M 7").as_str()));

        let mut reader = RawReader::from_slice(&bytes).expect("a header");
        let damaged = reader.next_batch().expect("the frame is valid").expect("a batch");
        let mut events = damaged.events();
        while let Ok(Some(_)) = events.next_event() {}
        assert!(matches!(events.next_event(), Ok(None)));
        assert!(reader.next_batch().expect("valid").is_some());
    };
    check(batch().bytes(&[60]), "unknown event type 60 at byte 24");
    check(
        batch().event(EventType::GoSwitch, &[1, 1, 1]),
        "GoSwitch was added in Go 1.23, after the version of the trace at byte 24",
    );
    check(
        batch().event(EventType::EventBatch, &[1, 1, 1, 0]),
        "EventBatch is not allowed among the events of an M at byte 24",
    );
    check(batch().event(EventType::GoStart, &[1, 300]), "the batch ends inside an integer at byte 28");
    check(batch().bytes(&[11]).bytes(&[0xff; 11]), "an integer overflows 64 bits at byte 25");
    check(batch().bytes(&[3, 1, 1]).bytes(&[0xff; 11]), "an integer overflows 64 bits at byte 27");
    check(batch().event(EventType::String, &[1, 9]), "the batch ends inside a String at byte 27");
    check(batch().event(EventType::String, &[1, u64::MAX]), "the batch ends inside a String at byte 36");
}

fn body_of(batch: Bytes) -> Vec<u8> {
    let bytes = trace(Version::Go122, batch);
    let mut reader = RawReader::from_slice(&bytes).expect("a header");
    let batch = reader.next_batch().expect("valid").expect("a batch");
    batch.body().to_vec()
}

#[test]
fn errors_in_the_framing_are_reported() {
    let whole = trace(Version::Go126, batch());
    let error = |bytes: Vec<u8>| read(&bytes).1;
    assert_eq!(error(whole[..16].to_vec()), "the trace is empty: nothing follows its header at byte 16");
    assert_eq!(
        error(whole[..whole.len() - 1].to_vec()),
        "the generation has no end marker: the trace is truncated at byte 22, generation 1"
    );
    assert_eq!(error(whole.repeat(2)), "a second trace starts here at byte 23");
    assert_eq!(
        error([&whole[..], b"\n"].concat()),
        "the trace is followed by other data (byte 0x0a does not start a batch) at byte 23"
    );
    let old = trace(Version::Go122, batch());
    assert_eq!(error([&old[..], b"\x34"].concat()), "expected a batch, found byte 0x34 at byte 22");
}

proptest! {
    #[test]
    fn integers_of_every_length_are_read(events in prop::collection::vec(prop::collection::vec(any_int(), 5), 1..30)) {
        // The last event is near the end of the batch, most other events are not, so this tests both ways of decoding.
        let body = events.iter().fold(batch(), |batch, args| batch.event(EventType::UserLog, args));
        let bytes = trace(Version::Go122, body);
        let mut reader = RawReader::from_slice(&bytes).expect("a header");
        let found = reader.next_batch().expect("valid").expect("a batch");
        let mut raw = found.events();
        raw.next_event().expect("the event of the batch itself");
        for args in &events {
            let event = raw.next_event().expect("valid").expect("as many as written");
            prop_assert_eq!(event.args(), &args[..]);
        }
        prop_assert!(raw.next_event().expect("valid").is_none());
    }

    #[test]
    fn frames_of_every_length_are_skipped(ints in prop::collection::vec(any_int(), 0..60)) {
        let frames = ints.len() / 4;
        let args: Vec<u64> = [1, frames as u64].into_iter().chain(ints[..frames * 4].iter().copied()).collect();
        let bytes = trace(Version::Go122, batch().event(EventType::Stack, &args).event(EventType::ProcStop, &[1]));
        let mut reader = RawReader::from_slice(&bytes).expect("a header");
        let found = reader.next_batch().expect("valid").expect("a batch");
        let mut raw = found.events();
        raw.next_event().expect("the event of the batch itself");
        let stack = raw.next_event().expect("valid").expect("the stack");
        let found: Vec<u64> = stack.frames().flat_map(|frame| [frame.pc, frame.func, frame.file, frame.line]).collect();
        prop_assert_eq!(&found, &args[2..]);
        prop_assert_eq!(stack.encoded_size(), stack.bytes().len());
        prop_assert_eq!(raw.next_event().expect("valid").map(|event| event.event()), Some(EventType::ProcStop));
    }
}

/// Integers with encodings of every length.
fn any_int() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0..64u32).prop_map(|(value, shift)| value >> shift)
}
