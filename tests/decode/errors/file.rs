//! Errors in the file as a whole: faults 1 to 6, 8 and 26, and sources that fail.

use std::io;

use gotrace::raw::{EventType, RawFrame};
use gotrace::synth::{Batch, CpuSample, Generation, Trace};
use gotrace::{ErrorKind, Location, Reader, ThreadId, Version};
use gotrace_tests::pieces::Pieces;

use super::{
    FIRST, RUNNING, VERSIONS, assert_failed, assert_fault, at, at_batch, at_generation, drain, generation, read,
    read_valid, running, then, trace,
};

const HEADER_26: &[u8; 16] = b"go 1.26 trace\0\0\0";

/// Faults 1 and 4.
#[test]
fn the_error_for_other_files_shows_their_start() {
    for (bytes, preview) in [
        (&b""[..], ""),
        (b"x", "x"),
        (b"<!DOCTYPE html>\n<html>", "<!DOCTYPE html>\\n"),
        (b"404 page not found\n", "404 page not fou"),
        (b"\x1f\x8b\x08\0", "\\x1f\\x8b\\x08\\x00"),
        (b"go 1.26 profile\0", "go 1.26 profile\\x00"),
    ] {
        assert_fault(bytes, &[], ErrorKind::NotATrace { preview: preview.to_owned() }, at(0));
    }
}

/// Fault 1.
#[test]
fn a_truncated_header_is_an_error() {
    for len in 1..16 {
        assert_fault(&HEADER_26[..len], &[], ErrorKind::TruncatedHeader { len }, at(0));
    }
}

/// Fault 2.
#[test]
fn the_error_for_an_unsupported_version_names_it() {
    for (header, version) in [
        (b"go 1.99 trace\0\0\0", "go 1.99"),
        (b"go 1.24 trace\0\0\0", "go 1.24"),
        (b"go 1.27 trace\0\0\0", "go 1.27"),
        (b"go 1.5 trace\0\0\0\0", "go 1.5"),
    ] {
        assert_fault(header, &[], ErrorKind::UnsupportedVersion { version: version.to_owned() }, at(0));
    }
}

/// Fault 3.
#[test]
fn a_header_alone_is_an_empty_trace() {
    for version in VERSIONS {
        assert_fault(&Trace::new(version).into_bytes(), &[], ErrorKind::EmptyTrace, at(16));
    }
}

/// Fault 5: the events before the error are those of the complete trace.
#[test]
fn a_truncated_trace_is_an_error_except_at_the_end_of_a_generation() {
    for version in VERSIONS {
        let mut first = generation(1, [running()]);
        let reason = first.string("chan receive").0;
        first.batch(
            Batch::new(ThreadId(8), 110)
                .event(EventType::ProcStatus, &[1, 1, 1])
                .event(EventType::GoStatus, &[1, 2, 8, 2])
                .event(EventType::GoBlock, &[1, reason, 0]),
        );
        let mut second = generation(2, []);
        let reason = second.string("select").0;
        second.batch(running().event(EventType::GoBlock, &[1, reason, 0]));
        let end = Trace::new(version).generation(&first).into_bytes().len();
        let whole = Trace::new(version).generation(&first).generation(&second).into_bytes();
        let events = read_valid(&whole);
        assert_eq!(events.len(), 6 + 4 + 1);

        // Before Go 1.26 the end is not marked, so a file that ends after a batch looks complete if
        // no event refers to what is missing. In Go 1.25 a generation starts with the clock, so the
        // clock alone looks complete too, and so does a first batch that refers to no strings.
        let clean = match version {
            Version::Go125 => vec![FIRST as usize, FIRST as usize + 14, end, end + 25],
            _ => vec![end],
        };
        for len in 17..whole.len() {
            let reading = read(&whole[..len]);
            assert_eq!(reading.error.is_none(), clean.contains(&len), "{version}, {len}: {:?}", reading.error);
            // The truncated trace ends with a Sync that the complete one has later.
            let given = reading.events.strip_suffix(&["Sync".to_owned()][..]).unwrap_or(&reading.events);
            assert!(events.starts_with(given), "{version}, {len}: {given:?}");
        }
    }
}

/// Fault 5: missing events and strings are not errors of their own.
#[test]
fn only_the_truncation_is_reported_and_not_its_consequences() {
    // Thread 8 starts goroutine 2. The batch that creates it is truncated.
    let clock = Batch::new(None, 1).event(EventType::Frequency, &[15_625_000]);
    let start =
        Batch::new(ThreadId(8), 100).event(EventType::ProcStatus, &[1, 1, 1]).event(EventType::GoStart, &[9, 2, 1]);
    let create = running().event(EventType::GoCreate, &[1, 2, 0, 0]);
    let mut generation = generation(1, [clock, start, create]);
    let bytes = Trace::new(Version::Go122).generation(generation.clock(None)).into_bytes();
    assert_eq!(read_valid(&bytes).len(), 7);
    let len = bytes.len() as u64 - 1;
    let events = ["Sync", "P1 Undetermined->Running"];
    assert_fault(&bytes[..bytes.len() - 1], &events, ErrorKind::TruncatedBatch { missing: 1 }, at_batch(len));

    // The strings or the stacks are truncated.
    let frame = RawFrame { pc: 1, func: 0, file: 0, line: 1 };
    let label = |generation: &mut Generation| running().event(EventType::GoLabel, &[1, generation.string("worker").0]);
    let stop = |generation: &mut Generation| running().event(EventType::GoStop, &[1, 0, generation.stack(&[frame]).0]);
    let sample = |generation: &mut Generation| {
        let stack = generation.stack(&[frame]);
        generation.sample(CpuSample { time: 200, thread: 7, proc: 0, go: 1, stack });
        running()
    };
    for fill in [&label as &dyn Fn(&mut Generation) -> Batch, &stop, &sample] {
        let mut generation = Generation::new(1);
        let batch = fill(&mut generation);
        let bytes = Trace::new(Version::Go122).generation(generation.batch(batch)).into_bytes();
        assert_eq!(read_valid(&bytes).len(), 5);
        let len = bytes.len() as u64 - 1;
        let kind = ErrorKind::TruncatedBatch { missing: 1 };
        assert_fault(&bytes[..bytes.len() - 1], &RUNNING, kind, at_generation(len, 1));
    }
}

/// Fault 6.
#[test]
fn a_generation_without_its_end_is_an_error() {
    let mut open = generation(1, [running()]);
    let bytes = Trace::new(Version::Go126).generation(open.without_end()).into_bytes();
    let end = bytes.len() as u64;
    assert_fault(&bytes, &["Sync"], ErrorKind::MissingEndOfGeneration, at_generation(end, 1));

    // The next generation follows.
    let bytes = Trace::new(Version::Go126).bytes(&bytes[16..]).generation(&generation(2, [running()])).into_bytes();
    assert_fault(&bytes, &["Sync"], ErrorKind::MissingEndOfGeneration, at_generation(end, 1));

    // A complete generation comes before.
    let whole = trace(Version::Go126, [running()]);
    let mut second = generation(2, [running()]);
    let bytes = Trace::new(Version::Go126).bytes(&whole[16..]).generation(second.without_end()).into_bytes();
    let end = bytes.len() as u64;
    assert_fault(&bytes, &then(&RUNNING, &["Sync"]), ErrorKind::MissingEndOfGeneration, at_generation(end, 2));
}

/// Fault 26.
#[test]
fn a_second_trace_has_an_error_of_its_own() {
    for version in VERSIONS {
        let one = trace(version, [running()]);
        let two = [&one[..], &one].concat();
        assert_eq!(two.len(), 2 * one.len());
        let location = at_end_of_trace(version, one.len());
        assert_fault(&two, &then(&RUNNING, &["Sync"]), ErrorKind::MultipleTraces, location);
    }
}

/// Fault 26.
#[test]
fn trailing_data_has_an_error_of_its_own() {
    for version in VERSIONS {
        let mut generation = generation(1, [running()]);
        generation.string("a name");
        let one = Trace::new(version).generation(&generation).into_bytes();
        for tail in [&b"\0\0\0"[..], b"\n", b"HTTP/1.1 200 OK"] {
            let kind = ErrorKind::TrailingData { found: tail[0] };
            let location = at_end_of_trace(version, one.len());
            assert_fault(&[&one[..], tail].concat(), &then(&RUNNING, &["Sync"]), kind, location);
        }
    }
}

/// Before Go 1.26 the last generation is still open.
fn at_end_of_trace(version: Version, len: usize) -> Location {
    match version {
        Version::Go126 => at(len as u64),
        _ => at_generation(len as u64, 1),
    }
}

/// Fault 8: the result does not depend on the mode of reading.
#[test]
fn most_changed_bytes_are_errors_in_every_mode_of_reading() {
    for version in VERSIONS {
        let mut first = generation(1, [running()]);
        let name = first.string("name").0;
        first.stack(&[RawFrame { pc: 1, func: name, file: name, line: 1 }]);
        first.batch(Batch::new(ThreadId(7), 200).event(EventType::GoBlock, &[1, name, 1]));
        let second = generation(2, [Batch::new(ThreadId(8), 300).event(EventType::GoStatus, &[1, 1, 7, 4])]);
        let whole = Trace::new(version).generation(&first).generation(&second).into_bytes();
        assert_eq!(read_valid(&whole).len(), 7, "{version}");
        let mut broken = 0;
        for pos in 0..whole.len() {
            for mask in [0x01, 0x80, 0xff] {
                let mut bytes = whole.clone();
                bytes[pos] ^= mask;
                broken += usize::from(read(&bytes).error.is_some());
            }
        }
        assert!(broken > whole.len() * 2, "{version}: {broken} of {}", whole.len() * 3);
    }
}

/// The location is the end of the bytes, and every generation that is complete by then is
/// delivered.
#[test]
fn the_error_of_a_failing_source_is_returned() {
    for version in VERSIONS {
        let first = trace(version, [running()]);
        let whole = Trace::new(version).bytes(&first[16..]).generation(&generation(2, [running()])).into_bytes();
        for step in [1, 3, usize::MAX] {
            for len in 0..whole.len() {
                let source = Pieces::new(&whole[..len], &[step]).then_fail(io::ErrorKind::ConnectionReset);
                let reading = drain(Reader::from_reader(source));
                let error = reading.error.expect("the source fails");
                match error.kind {
                    ErrorKind::Io(cause) => assert_eq!(cause.kind(), io::ErrorKind::ConnectionReset),
                    kind => panic!("{version}, {len}: {kind:?}"),
                }
                assert_eq!(error.at.offset, len as u64, "{version}");
                let delivered = reading.events.starts_with(&RUNNING.map(str::to_owned));
                assert!(delivered || len < first.len(), "{version}, {len}: {:?}", reading.events);
            }
        }
    }
}

/// A generation from a pipe is delivered at its end, without waiting for the bytes after it.
#[test]
fn a_generation_is_delivered_as_soon_as_it_ends() {
    let bytes = trace(Version::Go126, [running()]);
    let source = Pieces::new(&bytes, &[1]).then_fail(io::ErrorKind::WouldBlock);
    let reading = drain(Reader::from_reader(source));
    let error = ErrorKind::Io(io::ErrorKind::WouldBlock.into());
    assert_failed(&reading, &then(&RUNNING, &["Sync"]), &error, at(bytes.len() as u64));
}

#[test]
fn a_missing_file_is_an_io_error() {
    let error = Reader::from_path("/nonexistent/trace.out").expect_err("no such file");
    assert!(matches!(&error.kind, ErrorKind::Io(cause) if cause.kind() == io::ErrorKind::NotFound), "{error:?}");
    assert_eq!(error.at, at(0));
    // The message contains the cause. `source` is `None`, so that a printed error chain shows it
    // once.
    let ErrorKind::Io(cause) = &error.kind else { panic!("{error:?}") };
    assert_eq!(error.to_string(), format!("cannot read: {cause} at byte 0"));
    assert!(std::error::Error::source(&error).is_none());
}
