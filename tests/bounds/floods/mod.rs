//! Floods end in what they say, soon: traces made to cost a reader more than their maker.
//!
//! The time is bounded so widely that only work out of proportion can exceed it; what floods cost is measured by hand.

pub mod build;
pub mod list;

use std::time::{Duration, Instant};

use crate::ALONE;
use build::{dense, sparse, thin};
use gotrace::Reader;
use list::FLOODS;

/// The bound is a second a MiB. Tests are hardly optimised, and machines are busy.
const PATIENCE: Duration = Duration::from_secs(4);

/// Reads to the end as a slice and through a `Read`; gives the number of events and the error's text.
fn read(bytes: &[u8]) -> (u64, String) {
    let begun = Instant::now();
    let slice = drain(Reader::from_slice(bytes).expect("a header"));
    let mebibytes = bytes.len() as u32 / (1 << 20) + 1;
    assert!(begun.elapsed() < PATIENCE * mebibytes, "{:?} for {} bytes", begun.elapsed(), bytes.len());
    assert_eq!(slice, drain(Reader::from_reader(bytes).expect("a header")));
    let lenient = leniently(bytes);
    assert!(slice.1.is_empty() == (lenient == 0), "{slice:?}, {lenient} faults");
    slice
}

/// Reads over all damage, as a slice and through a `Read`, in the same time; gives the number of faults.
fn leniently(bytes: &[u8]) -> u64 {
    let mebibytes = bytes.len() as u32 / (1 << 20) + 1;
    let builder = Reader::builder().lenient();
    let read = |mut reader: Reader<'_>| {
        let begun = Instant::now();
        let mut events = 0u64;
        while reader.next_event().expect("lenient reading goes on").is_some() {
            events += 1;
        }
        assert!(begun.elapsed() < PATIENCE * mebibytes, "{:?} for {} bytes", begun.elapsed(), bytes.len());
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

/// Reads a flood that is sound; gives the number of events but the two Syncs.
fn sound(bytes: &[u8]) -> u64 {
    assert!((1 << 20..1 << 23).contains(&bytes.len()), "{} bytes", bytes.len());
    let (events, error) = read(bytes);
    assert_eq!(error, "");
    events - 2
}

#[test]
fn batches() {
    let _others = ALONE.read();
    assert_eq!(sound(&build::tiny_batches(400_000)), 0);
    assert_eq!(sound(&build::one_event_batches(200_000)), 200_000);
    assert_eq!(sound(&build::empty_ms(300_000)), 0);
    assert_eq!(sound(&build::experiments(300_000)), 0);
}

#[test]
fn threads_and_ps() {
    let _others = ALONE.read();
    assert_eq!(sound(&build::busy_ms(200_000, dense)), 200_000);
    assert_eq!(sound(&build::busy_ms(80_000, sparse)), 80_000);
}

#[test]
fn goroutines() {
    let _others = ALONE.read();
    assert_eq!(sound(&build::goroutines(300_000, dense)), 300_002);
    assert_eq!(sound(&build::goroutines(150_000, sparse)), 150_002);
}

#[test]
fn ranges() {
    let _others = ALONE.read();
    assert_eq!(sound(&build::assists(150_000)), 300_002);
    assert_eq!(sound(&build::sweeps(150_000)), 300_002);
    assert_eq!(sound(&build::stops(260_000)), 260_002);
}

#[test]
fn annotations() {
    let _others = ALONE.read();
    assert_eq!(sound(&build::tasks(130_000)), 130_002);
    let regions = 200_000;
    let bytes = build::regions(regions);
    assert_eq!(sound(&bytes), 2 * regions + 2);
    let mut reader = Reader::from_slice(&bytes).expect("a header");
    while reader.next_event().expect("a sound trace").is_some() {}
    let (kept, count) = reader.warnings();
    assert_eq!((kept.len(), count), (1000, regions - 1), "only the last is the innermost");
}

#[test]
fn tables() {
    let _others = ALONE.read();
    for id in [dense, thin, sparse] {
        assert_eq!(sound(&build::strings(250_000, id)), 0);
        assert_eq!(sound(&build::stacks(300_000, id)), 0);
    }
    assert_eq!(sound(&build::frames(300_000)), 0);
    assert_eq!(sound(&build::samples(200_000)), 200_000);
}

#[test]
fn a_stack_too_deep() {
    let _others = ALONE.read();
    let (events, error) = read(&build::deep_stack(16_000));
    // Header, clock, the batch's header with a size of three bytes, and the type of the table.
    let place = format!("at byte {}, generation 1", 16 + 25 + 16 + 1);
    assert_eq!((events, error), (1, format!("a stack of 16000 frames exceeds the maximum of 128 {place}")));
}

#[test]
fn generations() {
    let _others = ALONE.read();
    assert_eq!(sound(&build::tiny_generations(30_000)), 30_000 - 1);
    assert_eq!(sound(&build::huge_and_tiny(60_000)), 20_000);
    assert_eq!(sound(&build::leaks(4, 20_000)), 4 * (40_000 + 2) + 3);
}

#[test]
fn threads_that_wait_for_ever() {
    let _others = ALONE.read();
    let (events, error) = read(&build::stuck_ms(4000, 20_000));
    assert_eq!(events, 3 + 20_000);
    assert!(error.starts_with("the trace is broken: none of 4000 threads can proceed: M "), "{error}");
    let (events, error) = read(&build::stuck_ms(100_000, 0));
    assert_eq!(events, 3);
    assert!(error.starts_with("the trace is broken: none of 100000 threads can proceed: M "), "{error}");
    let (events, error) = read(&build::one_stuck_on(4000, 20_000));
    assert_eq!(events, 3 + 20_000);
    assert!(error.starts_with("the trace is broken: none of 4000 threads can proceed: M "), "{error}");
}

#[test]
fn threads_that_wait_for_the_same() {
    let _others = ALONE.read();
    assert_eq!(sound(&build::one_wanted_by_all(50_000)), 2 + 4 * 50_000);
}

#[test]
fn system_calls_of_old_traces() {
    let _others = ALONE.read();
    let bytes = build::syscalls_v1(100_000);
    let (events, error) = read(&bytes);
    // Of each goroutine its status, and of those that run their creation, start, call, its end and their own.
    assert_eq!((error.as_str(), events > 500_000), ("", true), "{events}");
}

/// Prints how long each flood takes, what doubling it costs, and how long Go's reader takes, which `GOTRACE_PEER` names:
/// `GOTRACE_PEER=$(benches/build-peer.sh) cargo test --release -p gotrace-tests --test bounds doubling -- --ignored --nocapture`.
#[test]
#[ignore = "times are for people"]
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
    let begun = Instant::now();
    work();
    begun.elapsed().as_secs_f64()
}

/// A minute at the most. It ends with an error where the flood does.
fn seconds_of_go(peer: &std::ffi::OsStr, file: &std::path::Path) -> f64 {
    seconds(|| {
        let mut go = std::process::Command::new("timeout");
        go.arg("60").arg(peer).arg("ordered").arg(file).output().expect("the peer runs");
    })
}

/// What costs only lenient reading.
#[test]
fn damage() {
    let _others = ALONE.read();
    // Each generation is given up, and the next one begins anew.
    assert_eq!(leniently(&build::stuck_generations(15_000)), 15_000);
    // Batches in the order from the last to the first.
    assert_eq!(leniently(&build::backwards(100_000)), 100_000 - 1);
    assert_eq!(leniently(&build::unknown_names(200_000)), 200_000);
    assert_eq!(leniently(&build::zero_ids(200_000)), 200_000);
    // Where a batch may begin at every byte.
    for junk in [1, 49, b'g'] {
        assert!(leniently(&build::junk(&[junk], 2 << 20)) >= 1);
    }
    assert!(leniently(&build::junk(b"go 1.26 trace\0\0", 2 << 20)) >= 1);
    assert!(leniently(&build::junk(&[1, 2, 1, 1, 1, 13, 9], 2 << 20)) >= 1);
    // Batches of generations that come and go.
    assert!(leniently(&build::strays(100_000)) >= 100_000);
    assert!(leniently(&build::headers_in_tables(30_000)) >= 1);
}
