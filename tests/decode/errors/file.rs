//! The file as a whole: faults 1 to 6 and 26, and bytes that can't be read.

use std::io;

use gotrace::raw::{EventType, RawFrame};
use gotrace::synth::{Batch, CpuSample, Generation, Trace};
use gotrace::{ErrorKind, Location, Reader, ThreadId, Version};

use super::{
    FIRST, RUNNING, Trickle, VERSIONS, assert_failed, assert_fault, at, at_batch, at_generation, drain, generation,
    read, running, sound, then, trace,
};

const HEADER_26: &[u8; 16] = b"go 1.26 trace\0\0\0";

/// 1, 4.
#[test]
fn what_is_no_trace_is_shown() {
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

/// 1.
#[test]
fn a_header_may_be_cut() {
    for len in 1..16 {
        assert_fault(&HEADER_26[..len], &[], ErrorKind::TruncatedHeader { len }, at(0));
    }
}

/// 2.
#[test]
fn other_versions_are_refused_by_name() {
    for (header, version) in [
        (b"go 1.99 trace\0\0\0", "go 1.99"),
        (b"go 1.24 trace\0\0\0", "go 1.24"),
        (b"go 1.27 trace\0\0\0", "go 1.27"),
        (b"go 1.5 trace\0\0\0\0", "go 1.5"),
    ] {
        assert_fault(header, &[], ErrorKind::UnsupportedVersion { version: version.to_owned() }, at(0));
    }
}

/// 3.
#[test]
fn a_header_alone_is_an_empty_trace() {
    for version in VERSIONS {
        assert_fault(&Trace::new(version).into_bytes(), &[], ErrorKind::EmptyTrace, at(16));
    }
}

/// 5: a trace that ends anywhere but at a generation's end is damaged, and what it gives before is what the whole gives.
#[test]
fn a_cut_is_an_error_except_at_a_generations_end() {
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
        let events = sound(&whole);
        assert_eq!(events.len(), 6 + 4 + 1);

        // Before Go 1.26 the end is not marked, so a file that ends with a batch looks whole if nothing refers to what
        // is missing. In Go 1.25 the clock comes first: then the clock is a generation, and so is a batch without strings.
        let clean = match version {
            Version::Go125 => vec![FIRST as usize, FIRST as usize + 14, end, end + 25],
            _ => vec![end],
        };
        for len in 17..whole.len() {
            let reading = read(&whole[..len]);
            assert_eq!(reading.error.is_none(), clean.contains(&len), "{version}, {len}: {:?}", reading.error);
            // The last Sync stands where the cut trace ends.
            let given = reading.events.strip_suffix(&["Sync".to_owned()][..]).unwrap_or(&reading.events);
            assert!(events.starts_with(given), "{version}, {len}: {given:?}");
        }
    }
}

/// 5: what a file lacks because it is cut is not to blame.
#[test]
fn a_cut_is_told_and_not_what_follows_from_it() {
    // M 8 starts a goroutine, and the batch in which that is created is cut.
    let clock = Batch::new(None, 1).event(EventType::Frequency, &[15_625_000]);
    let start =
        Batch::new(ThreadId(8), 100).event(EventType::ProcStatus, &[1, 1, 1]).event(EventType::GoStart, &[9, 2, 1]);
    let create = running().event(EventType::GoCreate, &[1, 2, 0, 0]);
    let mut generation = generation(1, [clock, start, create]);
    let bytes = Trace::new(Version::Go122).generation(generation.clock(None)).into_bytes();
    assert_eq!(sound(&bytes).len(), 7);
    let len = bytes.len() as u64 - 1;
    let events = ["Sync", "P1 Undetermined->Running"];
    assert_fault(&bytes[..bytes.len() - 1], &events, ErrorKind::TruncatedBatch { missing: 1 }, at_batch(len));

    // The strings are cut, or the stacks.
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
        assert_eq!(sound(&bytes).len(), 5);
        let len = bytes.len() as u64 - 1;
        let kind = ErrorKind::TruncatedBatch { missing: 1 };
        assert_fault(&bytes[..bytes.len() - 1], &RUNNING, kind, at_generation(len, 1));
    }
}

/// 6.
#[test]
fn a_generation_needs_its_end() {
    let mut open = generation(1, [running()]);
    let bytes = Trace::new(Version::Go126).generation(open.without_end()).into_bytes();
    let end = bytes.len() as u64;
    assert_fault(&bytes, &["Sync"], ErrorKind::MissingEndOfGeneration, at_generation(end, 1));

    // The next one begins without it.
    let bytes = Trace::new(Version::Go126).bytes(&bytes[16..]).generation(&generation(2, [running()])).into_bytes();
    assert_fault(&bytes, &["Sync"], ErrorKind::MissingEndOfGeneration, at_generation(end, 1));

    // One that is whole comes before it.
    let whole = trace(Version::Go126, [running()]);
    let mut second = generation(2, [running()]);
    let bytes = Trace::new(Version::Go126).bytes(&whole[16..]).generation(second.without_end()).into_bytes();
    let end = bytes.len() as u64;
    assert_fault(&bytes, &then(&RUNNING, &["Sync"]), ErrorKind::MissingEndOfGeneration, at_generation(end, 2));
}

/// 26.
#[test]
fn a_second_trace_is_told_from_damage() {
    for version in VERSIONS {
        let one = trace(version, [running()]);
        let two = [&one[..], &one].concat();
        assert_eq!(two.len(), 2 * one.len());
        let place = at_end_of_trace(version, one.len());
        assert_fault(&two, &then(&RUNNING, &["Sync"]), ErrorKind::MultipleTraces, place);
    }
}

/// 26.
#[test]
fn data_behind_the_trace_is_told_from_damage() {
    for version in VERSIONS {
        let mut generation = generation(1, [running()]);
        generation.string("a name");
        let one = Trace::new(version).generation(&generation).into_bytes();
        for tail in [&b"\0\0\0"[..], b"\n", b"HTTP/1.1 200 OK"] {
            let kind = ErrorKind::TrailingData { found: tail[0] };
            let place = at_end_of_trace(version, one.len());
            assert_fault(&[&one[..], tail].concat(), &then(&RUNNING, &["Sync"]), kind, place);
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

/// 8: whatever becomes of it, it becomes the same of however the bytes come.
#[test]
fn a_changed_byte_is_an_error_or_another_trace() {
    for version in VERSIONS {
        let mut first = generation(1, [running()]);
        let name = first.string("name").0;
        first.stack(&[RawFrame { pc: 1, func: name, file: name, line: 1 }]);
        first.batch(Batch::new(ThreadId(7), 200).event(EventType::GoBlock, &[1, name, 1]));
        let second = generation(2, [Batch::new(ThreadId(8), 300).event(EventType::GoStatus, &[1, 1, 7, 4])]);
        let whole = Trace::new(version).generation(&first).generation(&second).into_bytes();
        assert_eq!(sound(&whole).len(), 7, "{version}");
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

/// The place is where the bytes stop, and every generation that was whole by then is delivered.
#[test]
fn a_failing_source_is_passed_through() {
    for version in VERSIONS {
        let first = trace(version, [running()]);
        let whole = Trace::new(version).bytes(&first[16..]).generation(&generation(2, [running()])).into_bytes();
        for step in [1, 3, usize::MAX] {
            for len in 0..whole.len() {
                let source = Trickle { bytes: &whole[..len], at_end: Some(io::ErrorKind::ConnectionReset), step };
                let reading = drain(Reader::from_reader(source));
                let error = reading.error.expect("the source fails");
                match error.kind {
                    ErrorKind::Io(cause) => assert_eq!(cause.kind(), io::ErrorKind::ConnectionReset),
                    // What is cut off is known to be missing before the source is asked again.
                    kind => panic!("{version}, {len}: {kind:?}"),
                }
                assert_eq!(error.at.offset, len as u64, "{version}");
                let delivered = reading.events.starts_with(&RUNNING.map(str::to_owned));
                assert!(delivered || len < first.len(), "{version}, {len}: {:?}", reading.events);
            }
        }
    }
}

/// Whoever waits on a pipe for the end of a generation gets its events, though nothing follows yet.
#[test]
fn a_generation_is_delivered_as_soon_as_it_ends() {
    let bytes = trace(Version::Go126, [running()]);
    let source = Trickle { bytes: &bytes, at_end: Some(io::ErrorKind::WouldBlock), step: 1 };
    let reading = drain(Reader::from_reader(source));
    let error = ErrorKind::Io(io::ErrorKind::WouldBlock.into());
    assert_failed(&reading, &then(&RUNNING, &["Sync"]), &error, at(bytes.len() as u64));
}

#[test]
fn a_file_that_is_not_there_is_an_io_error() {
    let error = Reader::from_path("/nonexistent/trace.out").expect_err("no such file");
    assert!(matches!(&error.kind, ErrorKind::Io(cause) if cause.kind() == io::ErrorKind::NotFound), "{error:?}");
    assert_eq!(error.at, at(0));
    // The text says the cause, so whoever prints the chain of sources prints it once.
    let ErrorKind::Io(cause) = &error.kind else { panic!("{error:?}") };
    assert_eq!(error.to_string(), format!("cannot read: {cause} at byte 0"));
    assert!(std::error::Error::source(&error).is_none());
}
