//! A damaged trace yields the events before the damage and then a typed error, the same from a
//! slice and from a `Read`.
//!
//! Each input is valid except for one fault. "Fault 5" in a comment is row 5 of `faults.md` in this
//! folder.

mod after_v1;
mod boundaries;
mod event;
mod file;
mod framing;
mod lenient;
mod order;
mod rows;
mod salvage;
mod stuck;
mod tables;
mod warnings;

use gotrace::raw::EventType;
use gotrace::synth::{Batch, Generation, Trace};
use gotrace::{Error, ErrorKind, Event, EventKind, Location, Reader, Tally, ThreadId, Version};
use gotrace_tests::pieces::Pieces;

/// The format versions whose traces consist of generations.
const VERSIONS: [Version; 4] = [Version::Go122, Version::Go123, Version::Go125, Version::Go126];

/// The offset of the first batch before Go 1.25: after the header.
const FIRST_BEFORE_125: u64 = 16;
/// The offset of the first batch since Go 1.25: after the header and the batch with the clock.
const FIRST: u64 = 16 + 25;
/// The length of the header of a thread's batch if all numbers are small: type, generation, thread,
/// time and size.
const HEADER: u64 = 5;
/// The length of the header of a batch without a thread, whose thread ID takes ten bytes.
const TABLE_HEADER: u64 = 14;

/// The events of a trace of [`running`], and the length of the batch's body.
const RUNNING: [&str; 3] = ["Sync", "P0 Undetermined->Running", "G1 Undetermined->Running"];
const RUNNING_LEN: u64 = 4 + 5;

/// Nothing is lost.
const NO_LOSS: Tally = Tally { bytes: 0, batches: 0, generations: 0, events: 0 };

/// A batch of thread 7, with goroutine 1 running on P 0.
pub(crate) fn running() -> Batch {
    Batch::new(ThreadId(7), 100).event(EventType::ProcStatus, &[1, 0, 1]).event(EventType::GoStatus, &[1, 1, 7, 2])
}

/// An empty batch of a thread that starts later than [`running`].
fn on(thread: u64) -> Batch {
    Batch::new(ThreadId(thread), 200)
}

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

/// A trace of generations with these numbers, and the offset of the last one.
fn numbered(version: Version, numbers: &[u64]) -> (Vec<u8>, u64) {
    let mut last = 0;
    let mut trace = Trace::new(version);
    for &number in numbers {
        last = trace.clone().into_bytes().len() as u64;
        trace = trace.generation(&generation(number, [running()]));
    }
    (trace.into_bytes(), last)
}

/// The source of a trace's bytes.
#[derive(Clone, Copy, Debug)]
enum Mode {
    Slice,
    Whole,
    ByteByByte,
}

/// The result of reading a trace.
#[derive(Debug)]
struct Reading {
    /// The events, as [`brief`] formats them.
    events: Vec<String>,
    times: Vec<i64>,
    error: Option<Error>,
}

/// An event without its time and place: `G1 Running->Waiting`, `P0 Idle->Running`, or the name of
/// its kind.
fn brief(event: &Event<'_>) -> String {
    match event.kind() {
        EventKind::GoTransition(change) => format!("G{} {}->{}", change.go, change.from, change.to),
        EventKind::ProcTransition(change) => format!("P{} {}->{}", change.proc, change.from, change.to),
        kind => kind.name().to_owned(),
    }
}

/// Reads to the end or to an error, and checks that the reader then yields nothing more.
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
        Mode::ByteByByte => drain(Reader::from_reader(Pieces::new(bytes, &[1]))),
    }
}

/// Reads in every mode and checks that all agree.
fn read(bytes: &[u8]) -> Reading {
    let slice = read_in(Mode::Slice, bytes);
    for mode in [Mode::Whole, Mode::ByteByByte] {
        let other = read_in(mode, bytes);
        assert_eq!((&slice.events, &slice.times), (&other.events, &other.times), "{mode:?}");
        assert_eq!(format!("{:?}", slice.error), format!("{:?}", other.error), "{mode:?}");
    }
    slice
}

/// Reads a trace without an error and returns its events.
fn read_valid(bytes: &[u8]) -> Vec<String> {
    let reading = read(bytes);
    assert!(reading.error.is_none(), "{:?}", reading.error);
    reading.events
}

/// Asserts that reading yields these events and then this error.
#[track_caller]
fn assert_fault(bytes: &[u8], events: &[&str], kind: ErrorKind, at: Location) {
    assert_failed(&read(bytes), events, &kind, at);
}

#[track_caller]
fn assert_failed(reading: &Reading, events: &[&str], kind: &ErrorKind, at: Location) {
    assert_eq!(reading.events, events);
    let error = reading.error.as_ref().expect("an error");
    // `ErrorKind` is not `PartialEq`, since it can hold an `io::Error`.
    assert_eq!(format!("{:?}", error.kind), format!("{kind:?}"));
    assert_eq!(error.at, at);
    assert_eq!(
        error.at.event.unwrap_or(events.len() as u64),
        events.len() as u64,
        "the error counts the events before it"
    );
}

/// A location that is only an offset.
fn at(offset: u64) -> Location {
    Location { offset, ..Location::default() }
}

/// A location in a generation.
fn at_generation(offset: u64, generation: u64) -> Location {
    Location { generation: Some(generation), ..at(offset) }
}

/// A location in a batch of thread 7 in generation 1.
fn at_batch(offset: u64) -> Location {
    Location { thread: Some(ThreadId(7)), ..at_generation(offset, 1) }
}

/// The location of an event of thread 7 in generation 1. `event` is the number of events before it.
fn at_event(offset: u64, event: u64) -> Location {
    Location { event: Some(event), ..at_batch(offset) }
}

/// `events` followed by `more`.
fn then<'a>(events: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [events, more].concat()
}

#[test]
fn the_undamaged_trace_is_read_without_an_error() {
    for version in VERSIONS {
        assert_eq!(read_valid(&trace(version, [running()])), then(&RUNNING, &["Sync"]));
    }
}
