//! Traces of Go 1.11 to 1.21 against the reference reader's text, in every way of reading, whole and damaged.

use std::fs;
use std::io::{self, Read};

use flate2::read::GzDecoder;
use gotrace::{Error, ErrorKind, EventKind, Reader};
use gotrace_tests::corpus::testdata;
use gotrace_tests::old_text::{assert_agrees, text, whole_text};

/// The v1 traces of the repository, and the reference's text of each.
fn traces() -> Vec<(String, Vec<u8>, Vec<u8>)> {
    let mut traces = Vec::new();
    for version in ["go1.19", "go1.21"] {
        for entry in fs::read_dir(testdata().join("traces").join(version)).expect("the traces are in the repository") {
            let path = entry.expect("readable").path();
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let golden = testdata().join("golden").join(version).join(format!("{name}.parsed.gz"));
            let mut text = Vec::new();
            GzDecoder::new(fs::File::open(golden).expect("each has a golden")).read_to_end(&mut text).expect("gzip");
            traces.push((format!("{version}/{name}"), fs::read(&path).expect("readable"), text));
        }
    }
    assert!(traces.len() > 30);
    traces
}

fn trace(name: &str) -> Vec<u8> {
    fs::read(testdata().join("traces").join(name)).expect("in the repository")
}

#[test]
fn text_is_the_references() {
    let mut equal = 0;
    let traces = traces();
    for (name, bytes, golden) in &traces {
        let ours = whole_text(bytes);
        equal += usize::from(ours == *golden);
        assert_agrees(name, &ours, golden);
    }
    // The others have events of two Ps at one time.
    assert!(equal * 2 > traces.len(), "{equal} of {} are equal to the byte", traces.len());
}

/// Gives as many bytes at a time as it likes.
struct Chunks<'a> {
    rest: &'a [u8],
    size: Box<dyn FnMut() -> usize + Send>,
}

impl Read for Chunks<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let len = (self.size)().min(out.len()).min(self.rest.len());
        let (now, rest) = self.rest.split_at(len);
        out[..len].copy_from_slice(now);
        self.rest = rest;
        Ok(len)
    }
}

#[test]
fn every_way_of_reading_gives_the_same() {
    for (name, bytes, _) in traces() {
        let want = whole_text(&bytes);
        let mut state = 0x9e37_79b9_u32;
        let random = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            1 + (state >> 16) as usize % 3000
        };
        let sizes: [Box<dyn FnMut() -> usize + Send>; 3] = [Box::new(|| usize::MAX), Box::new(|| 1), Box::new(random)];
        for size in sizes {
            let (text, error) = text(Reader::from_reader(Chunks { rest: &bytes, size }).expect("a header"));
            assert!(error.is_none() && text == want, "{name}: {error:?}");
        }
    }
}

/// Asks every event everything, of a trace that may be damaged.
fn read_on_any_account(bytes: &[u8]) -> Result<usize, Error> {
    let mut reader = Reader::from_slice(bytes)?;
    let mut events = 0;
    while let Some(event) = reader.next_event()? {
        events += format!("{event:?}").len().min(1);
        event.write_text(&mut io::sink()).expect("a sink does not fail");
    }
    Ok(events)
}

const SMALL: [&str; 3] = ["go1.19/timers.trace", "go1.21/labels.trace", "go1.21/panicgoexit.trace"];

#[test]
fn a_cut_is_an_error_at_every_byte() {
    for name in SMALL {
        let bytes = trace(name);
        assert!(read_on_any_account(&bytes).is_ok());
        let mut silent = Vec::new();
        for cut in 0..bytes.len() {
            match read_on_any_account(&bytes[..cut]) {
                Ok(_) => silent.push(cut),
                Err(error) => assert!(error.at.offset <= cut as u64, "{name} cut at {cut}: {error}"),
            }
        }
        // The rate of the clock stands before the stacks: a cut between two of these, or before an event's
        // stack that is simply missing, can't be told from a whole trace.
        assert!(silent.iter().all(|cut| *cut > bytes.len() / 4), "{name}: {silent:?}");
        assert!(matches!(
            read_on_any_account(&bytes[..16]).expect_err("nothing but a header").kind,
            ErrorKind::EmptyTrace
        ));
    }
}

#[test]
fn a_flipped_byte_never_panics() {
    for name in SMALL {
        let mut bytes = trace(name);
        for at in 0..bytes.len() {
            for mask in [0x01, 0x80, 0xff] {
                bytes[at] ^= mask;
                // An error or another trace: both are fine.
                let _ = read_on_any_account(&bytes);
                bytes[at] ^= mask;
            }
        }
    }
}

/// Reads over damage; gives the events' text without the gap and what comes behind it.
fn leniently(bytes: &[u8]) -> Vec<String> {
    let mut reader = Reader::builder().lenient().from_slice(bytes).expect("a header");
    let mut texts = Vec::new();
    let mut gaps = 0;
    while let Some(event) = reader.next_event().expect("lenient reading goes on") {
        match event.kind() {
            EventKind::Gap(_) => gaps += 1,
            kind => texts.push(format!("{} {:?} {:?} {kind:?}", kind.name(), event.go(), event.proc())),
        }
    }
    let account = reader.account();
    assert_eq!(account.read.bytes + account.lost.bytes + account.trailing, bytes.len() as u64);
    assert_eq!(account.read.events, texts.len() as u64 + gaps);
    assert!(gaps <= 1 && (gaps == 0 || account.fault_count > 0));
    texts.pop();
    texts
}

/// What comes before a cut in the file of the P that is cut comes out, as far as nothing that is cut off had to come first.
#[test]
fn a_cut_leaves_what_is_before() {
    for name in SMALL {
        let bytes = trace(name);
        let all = leniently(&bytes).len();
        let mut last = 0;
        let mut given = Vec::new();
        for cut in (16..=bytes.len()).step_by(5) {
            let events = leniently(&bytes[..cut]).len();
            given.push(events);
            last = last.max(events);
        }
        assert!(given.iter().any(|&events| events > all / 2 && events < all), "{name}: {given:?}");
        assert_eq!(leniently(&bytes).len(), whole_events(&bytes) - 1, "{name}");
        assert!(last <= all, "{name}");
    }
}

fn whole_events(bytes: &[u8]) -> usize {
    let mut reader = Reader::from_slice(bytes).expect("a header");
    let mut events = 0;
    while reader.next_event().expect("whole").is_some() {
        events += 1;
    }
    events
}

#[test]
fn a_flipped_byte_is_gone_over() {
    for name in SMALL {
        let mut bytes = trace(name);
        for at in (16..bytes.len()).step_by(7) {
            for mask in [0x01, 0x80, 0xff] {
                bytes[at] ^= mask;
                let slice = leniently(&bytes);
                let copy = bytes.clone();
                let mut reader = Reader::builder().lenient().from_reader(&copy[..]).expect("a header");
                let mut events = 0;
                while let Some(event) = reader.next_event().expect("lenient reading goes on") {
                    events += usize::from(!matches!(event.kind(), EventKind::Gap(_)));
                }
                assert_eq!(slice.len() + 1, events.max(1), "{name}: {at} ^ {mask}");
                bytes[at] ^= mask;
            }
        }
    }
}
