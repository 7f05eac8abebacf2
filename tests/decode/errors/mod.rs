//! A damaged trace gives the same typed error whatever the bytes are read from, after all events before it.
//!
//! Each input is sound but for one fault. The numbers in comments are those of `faults.md` in this folder.

mod behind_old;
mod event;
mod file;
mod framing;
mod lenient;
mod order;
mod rows;
mod salvage;
mod stuck;
mod swallowed;
mod tables;
mod warnings;

use std::io::{self, Read};

use gotrace::raw::EventType;
use gotrace::synth::{Batch, Generation, Trace};
use gotrace::{Error, ErrorKind, Event, EventKind, Location, Reader, ThreadId, Version};

/// The versions with generations.
const VERSIONS: [Version; 4] = [Version::Go122, Version::Go123, Version::Go125, Version::Go126];

/// Where the first batch begins in a trace of [`Generation`]s: behind the header before Go 1.25, behind the clock since.
const FIRST_122: u64 = 16;
const FIRST: u64 = 16 + 25;
/// The header of an M's batch with small numbers: type, generation, M, time and size.
const HEADER: u64 = 5;
/// The header of a batch of no M, whose number is ten bytes long.
const TABLE_HEADER: u64 = 14;

/// What [`running`] gives, and how many bytes its events take.
const RUNNING: [&str; 3] = ["Sync", "P0 Undetermined->Running", "G1 Undetermined->Running"];
const RUNNING_LEN: u64 = 4 + 5;

/// A batch of M 7, on which goroutine 1 runs on P 0.
fn running() -> Batch {
    Batch::new(ThreadId(7), 100).event(EventType::ProcStatus, &[1, 0, 1]).event(EventType::GoStatus, &[1, 1, 7, 2])
}

/// A generation of batches.
fn generation(number: u64, batches: impl IntoIterator<Item = Batch>) -> Generation {
    let mut generation = Generation::new(number);
    for batch in batches {
        generation.batch(batch);
    }
    generation
}

/// A trace of one generation.
fn trace(version: Version, batches: impl IntoIterator<Item = Batch>) -> Vec<u8> {
    Trace::new(version).generation(&generation(1, batches)).into_bytes()
}

/// How the bytes of a trace come.
#[derive(Clone, Copy, Debug)]
enum Mode {
    Slice,
    Whole,
    ByteByByte,
}

/// Gives one byte at a time, and at the end an error if there is one.
struct Trickle<'a> {
    bytes: &'a [u8],
    at_end: Option<io::ErrorKind>,
    step: usize,
}

impl Read for Trickle<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let step = out.len().min(self.step);
        match (self.bytes.read(&mut out[..step])?, self.at_end) {
            (0, Some(kind)) => Err(kind.into()),
            (read, _) => Ok(read),
        }
    }
}

/// What a trace gave.
#[derive(Debug)]
struct Reading {
    /// The events, in brief.
    events: Vec<String>,
    times: Vec<i64>,
    error: Option<Error>,
}

/// An event without its time and place: `G1 Running->Waiting`, `P0 Idle->Running`, or the name of its kind.
fn brief(event: &Event<'_>) -> String {
    match event.kind() {
        EventKind::GoTransition(change) => format!("G{} {}->{}", change.go, change.from, change.to),
        EventKind::ProcTransition(change) => format!("P{} {}->{}", change.proc, change.from, change.to),
        kind => kind.name().to_owned(),
    }
}

/// Reads to the end, and once more: a reader that has failed has nothing more to say.
fn drain(reader: Result<Reader<'_>, Error>) -> Reading {
    let mut reading = Reading { events: Vec::new(), times: Vec::new(), error: None };
    let mut reader = match reader {
        Ok(reader) => reader,
        Err(error) => return Reading { error: Some(error), ..reading },
    };
    loop {
        match reader.next_event() {
            Ok(Some(event)) => {
                reading.events.push(brief(&event));
                reading.times.push(event.time().0);
            }
            Ok(None) => break,
            Err(error) => {
                reading.error = Some(error);
                break;
            }
        }
    }
    for _ in 0..2 {
        assert!(matches!(reader.next_event(), Ok(None)), "fused");
    }
    assert!(reading.times.is_sorted_by(|a, b| a < b), "each event is later than the one before");
    reading
}

fn read_in(mode: Mode, bytes: &[u8]) -> Reading {
    match mode {
        Mode::Slice => drain(Reader::from_slice(bytes)),
        Mode::Whole => drain(Reader::from_reader(bytes)),
        Mode::ByteByByte => drain(Reader::from_reader(Trickle { bytes, at_end: None, step: 1 })),
    }
}

/// Reads in every mode; all must agree.
fn read(bytes: &[u8]) -> Reading {
    let slice = read_in(Mode::Slice, bytes);
    for mode in [Mode::Whole, Mode::ByteByByte] {
        let other = read_in(mode, bytes);
        assert_eq!((&slice.events, &slice.times), (&other.events, &other.times), "{mode:?}");
        assert_eq!(format!("{:?}", slice.error), format!("{:?}", other.error), "{mode:?}");
    }
    slice
}

/// Reads a trace that is sound; gives its events.
fn sound(bytes: &[u8]) -> Vec<String> {
    let reading = read(bytes);
    assert!(reading.error.is_none(), "{:?}", reading.error);
    reading.events
}

/// Asserts that a trace gives these events and then this error.
#[track_caller]
fn assert_fault(bytes: &[u8], events: &[&str], kind: ErrorKind, at: Location) {
    assert_failed(&read(bytes), events, &kind, at);
}

#[track_caller]
fn assert_failed(reading: &Reading, events: &[&str], kind: &ErrorKind, at: Location) {
    assert_eq!(reading.events, events);
    let error = reading.error.as_ref().expect("an error");
    // Not all that kinds hold can be compared, but all can be printed.
    assert_eq!(format!("{:?}", error.kind), format!("{kind:?}"));
    assert_eq!(error.at, at);
    assert_eq!(error.at.event.unwrap_or(events.len() as u64), events.len() as u64, "the count is that of the events");
}

/// A place in a file.
fn at(offset: u64) -> Location {
    Location { offset, ..Location::default() }
}

/// A place in a generation.
fn at_generation(offset: u64, generation: u64) -> Location {
    Location { generation: Some(generation), ..at(offset) }
}

/// A place in a batch of M 7 in generation 1.
fn at_batch(offset: u64) -> Location {
    Location { thread: Some(ThreadId(7)), ..at_generation(offset, 1) }
}

/// A place at an event of M 7 in generation 1, after so many events.
fn at_event(offset: u64, event: u64) -> Location {
    Location { event: Some(event), ..at_batch(offset) }
}

/// `events` with more behind them.
fn then<'a>(events: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [events, more].concat()
}

#[test]
fn what_the_tests_build_on_is_sound() {
    for version in VERSIONS {
        assert_eq!(sound(&trace(version, [running()])), then(&RUNNING, &["Sync"]));
    }
}
