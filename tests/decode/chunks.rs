//! The events, or the error, do not depend on the sizes of the pieces in which a trace is read.

use std::io::{self, Read};

use gotrace::raw::RawReader;
use gotrace::{Error, Reader, raw_v1};
use gotrace_tests::corpus::{RELEASES, V1_RELEASES, samples};
use gotrace_tests::pieces::Pieces;
use proptest::prelude::*;

/// The text of all events and of the error, if there is one.
fn ordered(reader: Result<Reader<'_>, Error>) -> Vec<u8> {
    let mut text = Vec::new();
    let result = reader.and_then(|mut reader| {
        while let Some(event) = reader.next_event()? {
            event.write_text(&mut text).expect("writing to a vector cannot fail");
        }
        assert!(matches!(reader.next_event(), Ok(None)), "the reader is fused");
        text.extend(format!("{:?}\n", reader.account()).bytes());
        Ok(())
    });
    finish(text, result)
}

fn raw(reader: Result<RawReader<'_>, Error>) -> Vec<u8> {
    let mut text = Vec::new();
    let result = reader.and_then(|mut reader| {
        while let Some(batch) = reader.next_batch()? {
            let mut events = batch.events();
            while let Some(event) = events.next_event()? {
                text.extend(format!("{} ", event.offset()).bytes());
                event.write_text(&mut text).expect("writing to a vector cannot fail");
            }
        }
        Ok(())
    });
    finish(text, result)
}

fn records(reader: Result<raw_v1::RawReader<'_>, Error>) -> Vec<u8> {
    let mut text = Vec::new();
    let result = reader.and_then(|mut reader| {
        while let Some(record) = reader.next_record()? {
            text.extend(format!("{} ", record.offset()).bytes());
            record.write_text(&mut text).expect("writing to a vector cannot fail");
        }
        Ok(())
    });
    finish(text, result)
}

fn finish(mut text: Vec<u8>, result: Result<(), Error>) -> Vec<u8> {
    if let Err(error) = result {
        text.extend(format!("error: {error}\n").bytes());
    }
    text
}

fn assert_pieces_do_not_matter(bytes: &[u8], sizes: &[usize]) {
    let events = ordered(Reader::from_slice(bytes));
    let lenient = ordered(Reader::builder().lenient().from_slice(bytes));
    let raw_events = raw(RawReader::from_slice(bytes));
    let v1_records = records(raw_v1::RawReader::from_slice(bytes));
    for sizes in [&[usize::MAX][..], &[1], sizes] {
        assert!(ordered(Reader::from_reader(Pieces::new(bytes, sizes))) == events, "events in pieces of {sizes:?}");
        let pieces = Pieces::new(bytes, sizes);
        let leniently = ordered(Reader::builder().lenient().from_reader(pieces));
        assert!(leniently == lenient, "lenient events in pieces of {sizes:?}");
        assert!(
            raw(RawReader::from_reader(Pieces::new(bytes, sizes))) == raw_events,
            "raw events in pieces of {sizes:?}"
        );
        let pieces = raw_v1::RawReader::from_reader(Pieces::new(bytes, sizes));
        assert!(records(pieces) == v1_records, "v1 records in pieces of {sizes:?}");
    }
}

/// A way to damage a file.
#[derive(Clone, Debug)]
enum Damage {
    None,
    Cut,
    Flip(u8),
    Remove(usize),
    Repeat(usize),
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>, at: usize) {
        match *self {
            Damage::None => {}
            Damage::Cut => bytes.truncate(at),
            Damage::Flip(bits) => bytes[at] ^= bits,
            Damage::Remove(len) => {
                bytes.drain(at..bytes.len().min(at + len));
            }
            Damage::Repeat(len) => {
                let piece = bytes[at..bytes.len().min(at + len)].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        Just(Damage::None),
        Just(Damage::Cut),
        (1..=u8::MAX).prop_map(Damage::Flip),
        (1..200usize).prop_map(Damage::Remove),
        (1..200usize).prop_map(Damage::Repeat),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn pieces_do_not_change_the_result(
        release in prop::sample::select([&RELEASES[..], &V1_RELEASES].concat()),
        which: prop::sample::Index,
        at: prop::sample::Index,
        damage in damage(),
        sizes in prop::collection::vec(1..5000usize, 1..8),
    ) {
        let samples = samples(release);
        let mut bytes = which.get(&samples).bytes();
        let at = at.index(bytes.len());
        damage.apply(&mut bytes, at);
        assert_pieces_do_not_matter(&bytes, &sizes);
    }
}

#[test]
fn an_error_in_mid_stream_is_returned() {
    struct Failing<'a>(&'a [u8]);
    impl Read for Failing<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            match self.0.is_empty() {
                true => Err(io::Error::other("the disk is gone")),
                false => self.0.read(out),
            }
        }
    }
    let bytes = gotrace_tests::corpus::sample("go1.26/channels").bytes();
    for len in [0, 10, 16, 100, bytes.len()] {
        for text in
            [ordered(Reader::from_reader(Failing(&bytes[..len]))), raw(RawReader::from_reader(Failing(&bytes[..len])))]
        {
            assert!(String::from_utf8_lossy(&text).contains("cannot read: the disk is gone"), "after {len} bytes");
        }
    }
}
