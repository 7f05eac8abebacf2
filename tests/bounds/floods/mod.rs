//! Floods: traces that are cheap to build, but that a naive reader would need very long to read.
//! The tests check that they are read correctly and in bounded time.
//!
//! The bound is so high that only superlinear work exceeds it. The test `doubling` prints the exact
//! times.

pub mod build;
pub mod list;

use std::time::{Duration, Instant};

use crate::ALONE;
use build::{dense, sparse, thin};
use gotrace::Reader;
use list::FLOODS;

/// The time limit for each MiB. An optimised build takes less than a second, but tests run with few
/// optimisations and on busy machines.
const LIMIT: Duration = Duration::from_secs(4);

/// Reads the trace from a slice and from a `Read`. Returns the number of events and the error
/// message, which is empty if there is no error.
fn read(bytes: &[u8]) -> (u64, String) {
    let start = Instant::now();
    let slice = drain(Reader::from_slice(bytes).expect("a header"));
    let mebibytes = bytes.len() as u32 / (1 << 20) + 1;
    assert!(start.elapsed() < LIMIT * mebibytes, "{:?} for {} bytes", start.elapsed(), bytes.len());
    assert_eq!(slice, drain(Reader::from_reader(bytes).expect("a header")));
    let lenient = leniently(bytes);
    assert!(slice.1.is_empty() == (lenient == 0), "{slice:?}, {lenient} faults");
    slice
}

/// Reads the trace leniently from a slice and from a `Read`, and checks the time limit. Returns the
/// number of faults.
fn leniently(bytes: &[u8]) -> u64 {
    let mebibytes = bytes.len() as u32 / (1 << 20) + 1;
    let builder = Reader::builder().lenient();
    let read = |mut reader: Reader<'_>| {
        let start = Instant::now();
        let mut events = 0u64;
        while reader.next_event().expect("lenient reading never fails").is_some() {
            events += 1;
        }
        assert!(start.elapsed() < LIMIT * mebibytes, "{:?} for {} bytes", start.elapsed(), bytes.len());
        let account = reader.account();
        assert_eq!(account.read.bytes + account.lost.bytes + account.trailing, bytes.len() as u64);
        (events, account.fault_count, account.lost)
    };
    let slice = read(builder.from_slice(bytes).expect("a header"));
    assert_eq!(slice, read(builder.from_reader(bytes).expect("a header")));
    slice.1
}

fn drain(mut reader: Reader<'_>) -> (u64, String) {
    let mut events = 0;
    loop {
        match reader.next_event() {
            Ok(Some(_)) => events += 1,
            Ok(None) => return (events, String::new()),
            Err(error) => return (events, error.to_string()),
        }
    }
}

/// Reads a valid flood and returns the number of events without the first and the last Sync.
fn read_valid(bytes: &[u8]) -> u64 {
    assert!((1 << 20..1 << 23).contains(&bytes.len()), "{} bytes", bytes.len());
    let (events, error) = read(bytes);
    assert_eq!(error, "");
    events - 2
}

#[test]
fn batches_are_read_in_bounded_time() {
    let _others = ALONE.read();
    assert_eq!(read_valid(&build::tiny_batches(400_000)), 0);
    assert_eq!(read_valid(&build::one_event_batches(200_000)), 200_000);
    assert_eq!(read_valid(&build::empty_threads(300_000)), 0);
    assert_eq!(read_valid(&build::experiments(300_000)), 0);
}

#[test]
fn threads_and_ps_are_read_in_bounded_time() {
    let _others = ALONE.read();
    assert_eq!(read_valid(&build::busy_threads(200_000, dense)), 200_000);
    assert_eq!(read_valid(&build::busy_threads(80_000, sparse)), 80_000);
}

#[test]
fn goroutines_are_read_in_bounded_time() {
    let _others = ALONE.read();
    assert_eq!(read_valid(&build::goroutines(300_000, dense)), 300_002);
    assert_eq!(read_valid(&build::goroutines(150_000, sparse)), 150_002);
}

#[test]
fn ranges_are_read_in_bounded_time() {
    let _others = ALONE.read();
    assert_eq!(read_valid(&build::assists(150_000)), 300_002);
    assert_eq!(read_valid(&build::sweeps(150_000)), 300_002);
    assert_eq!(read_valid(&build::stops(260_000)), 260_002);
}

#[test]
fn annotations_are_read_in_bounded_time() {
    let _others = ALONE.read();
    assert_eq!(read_valid(&build::tasks(130_000)), 130_002);
    let regions = 200_000;
    let bytes = build::regions(regions);
    assert_eq!(read_valid(&bytes), 2 * regions + 2);
    let mut reader = Reader::from_slice(&bytes).expect("a header");
    while reader.next_event().expect("a valid trace").is_some() {}
    let (kept, count) = reader.warnings();
    assert_eq!((kept.len(), count), (1000, regions - 1), "only the last region ends correctly");
}

#[test]
fn tables_are_read_in_bounded_time() {
    let _others = ALONE.read();
    for id in [dense, thin, sparse] {
        assert_eq!(read_valid(&build::strings(250_000, id)), 0);
        assert_eq!(read_valid(&build::stacks(300_000, id)), 0);
    }
    assert_eq!(read_valid(&build::frames(300_000)), 0);
    assert_eq!(read_valid(&build::samples(200_000)), 200_000);
}

#[test]
fn a_stack_of_16000_frames_is_an_error() {
    let _others = ALONE.read();
    let (events, error) = read(&build::deep_stack(16_000));
    // The file header, the clock, the header of the table's batch (its size takes three bytes), and
    // the type of the table.
    let location = format!("at byte {}, generation 1", 16 + 25 + 16 + 1);
    assert_eq!((events, error), (1, format!("a stack of 16000 frames exceeds the maximum of 128 {location}")));
}

#[test]
fn generations_are_read_in_bounded_time() {
    let _others = ALONE.read();
    assert_eq!(read_valid(&build::tiny_generations(30_000)), 30_000 - 1);
    assert_eq!(read_valid(&build::huge_and_tiny(60_000)), 20_000);
    assert_eq!(read_valid(&build::leaks(4, 20_000)), 4 * (40_000 + 2) + 3);
}

#[test]
fn threads_waiting_for_unknown_goroutines_are_an_error_in_bounded_time() {
    let _others = ALONE.read();
    let (events, error) = read(&build::stuck_threads(4000, 20_000));
    assert_eq!(events, 3 + 20_000);
    assert!(error.starts_with("the trace is broken: none of 4000 threads can proceed: M "), "{error}");
    let (events, error) = read(&build::stuck_threads(100_000, 0));
    assert_eq!(events, 3);
    assert!(error.starts_with("the trace is broken: none of 100000 threads can proceed: M "), "{error}");
    let (events, error) = read(&build::stuck_on_one(4000, 20_000));
    assert_eq!(events, 3 + 20_000);
    assert!(error.starts_with("the trace is broken: none of 4000 threads can proceed: M "), "{error}");
}

#[test]
fn threads_waiting_for_the_same_goroutine_are_read_in_bounded_time() {
    let _others = ALONE.read();
    assert_eq!(read_valid(&build::waiting_for_one(50_000)), 2 + 4 * 50_000);
}

#[test]
fn system_calls_of_v1_traces_are_read_in_bounded_time() {
    let _others = ALONE.read();
    let bytes = build::syscalls_v1(100_000);
    let (events, error) = read(&bytes);
    // Each goroutine has at least five events: its status, its start, the start and the end of its
    // system call, and its exit.
    assert_eq!((error.as_str(), events > 500_000), ("", true), "{events}");
}

/// Prints the time for each flood, the ratio when its size doubles, and the time of Go's reader if
/// `GOTRACE_PEER` is its path: `GOTRACE_PEER=$(benches/build-peer.sh) cargo test --release -p
/// gotrace-tests --test bounds doubling -- --ignored --nocapture`.
#[test]
#[ignore = "prints times and asserts nothing"]
fn doubling() {
    let _others = ALONE.read();
    println!("{:<22} {:>10} {:>9} {:>8} {:>7} {:>9}", "flood", "bytes", "seconds", "s/MiB", "ratio", "Go");
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("flood.trace");
    for (name, n, build) in FLOODS {
        let mut last = f64::NAN;
        for n in [n, 2 * n, 4 * n] {
            let bytes = build(n);
            let seconds = (0..3).map(|_| seconds(|| drop(drain(Reader::from_slice(&bytes).expect("a header")))));
            let best = seconds.fold(f64::INFINITY, f64::min);
            let per_mebibyte = best / (bytes.len() as f64 / f64::from(1 << 20));
            let go = std::env::var_os("GOTRACE_PEER").map(|peer| {
                std::fs::write(&file, &bytes).expect("the target folder can be written");
                seconds_of_go(&peer, &file)
            });
            let go = go.map_or_else(|| "-".to_owned(), |go| format!("{go:.3}"));
            println!("{name:<22} {:>10} {best:>9.3} {per_mebibyte:>8.3} {:>7.2} {go:>9}", bytes.len(), best / last);
            last = best;
        }
    }
}

fn seconds(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

/// The time of Go's reader, at most a minute. It stops at the first error.
fn seconds_of_go(peer: &std::ffi::OsStr, file: &std::path::Path) -> f64 {
    seconds(|| {
        let mut go = std::process::Command::new("timeout");
        go.arg("60").arg(peer).arg("ordered").arg(file).output().expect("the peer runs");
    })
}

/// Damage that is expensive only for lenient reading.
#[test]
fn damage_is_read_in_bounded_time() {
    let _others = ALONE.read();
    // No generation can be ordered.
    assert_eq!(leniently(&build::stuck_generations(15_000)), 15_000);
    // The batches are in reverse order.
    assert_eq!(leniently(&build::backwards(100_000)), 100_000 - 1);
    assert_eq!(leniently(&build::unknown_names(200_000)), 200_000);
    assert_eq!(leniently(&build::zero_ids(200_000)), 200_000);
    // A batch could start at every byte.
    for junk in [1, 49, b'g'] {
        assert!(leniently(&build::junk(&[junk], 2 << 20)) >= 1);
    }
    assert!(leniently(&build::junk(b"go 1.26 trace\0\0", 2 << 20)) >= 1);
    assert!(leniently(&build::junk(&[1, 2, 1, 1, 1, 13, 9], 2 << 20)) >= 1);
    // Batches of alternating generations.
    assert!(leniently(&build::strays(100_000)) >= 100_000);
    assert!(leniently(&build::headers_in_tables(30_000)) >= 1);
}
