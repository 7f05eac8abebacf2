//! The memory of a reader is proportional to the largest generation, for any input.
//!
//! All of it is one test, and no other test runs at the same time, since its allocations would
//! count. `--nocapture` prints the figures. Set `GOTRACE_BIG_TRACE` to the path of a trace to test
//! it too.

use std::{env, fs};

use crate::ALONE;
use crate::floods::list::{FLOODS, MORE};
use gotrace::{Error, Reader};
use gotrace_tests::corpus::{RELEASES, V1_RELEASES, sample, samples, v1};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Bytes that any trace may use, in addition to a multiple of the largest generation.
const BASE: u64 = 64 << 20;
/// The factor for real traces.
const REAL: u64 = 3;
/// The factor for traces built to use much memory.
const HOSTILE: u64 = 48;

/// The peak memory of reading, and the bytes of the largest generation if reading reached the end
/// of the trace.
fn read(open: impl FnOnce() -> Result<Reader<'static>, Error>) -> (u64, Option<u64>) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let largest = open().and_then(|mut reader| {
        let mut largest = 0;
        while reader.next_event()?.is_some() {
            largest = largest.max(reader.generation().map_or(0, |generation| generation.bytes));
        }
        Ok(largest)
    });
    ((MEMORY.peak_usage() - before) as u64, largest.ok().filter(|largest| *largest > 0))
}

/// Reads in every mode, checks the bound, and returns the peak memory. If the trace is damaged or
/// has no generations, the size of the file counts as that of the largest generation.
fn assert_bounded(name: &str, bytes: Vec<u8>, factor: u64) -> u64 {
    // Leaked, so that the input does not count as memory of the reader.
    let bytes: &'static [u8] = Box::leak(bytes.into_boxed_slice());
    let [strict, stream] = [read(|| Reader::from_slice(bytes)), read(|| Reader::from_reader(bytes))];
    let lenient = read(|| Reader::builder().lenient().from_slice(bytes));
    let largest = strict.1.unwrap_or(bytes.len() as u64);
    let bound = BASE + factor * largest;
    for (mode, (taken, _)) in [("strictly", strict), ("as a stream", stream), ("leniently", lenient)] {
        assert!(
            taken <= bound,
            "{name}: {taken} bytes when read {mode}, more than {bound}. The largest generation has {largest} bytes"
        );
    }
    let most = strict.0.max(stream.0).max(lenient.0);
    println!("{name:<40}{:>10} bytes, largest generation {largest:>9}, peak memory {most:>10}", bytes.len());
    most
}

/// Truncates a trace to several lengths and changes some of its bytes.
fn assert_damage_is_bounded(name: &str) {
    let bytes = sample(name).bytes();
    for len in (16..bytes.len()).step_by(bytes.len() / 7) {
        assert_bounded(&format!("{name} cut at {len}"), bytes[..len].to_vec(), HOSTILE);
    }
    for at in (16..bytes.len()).step_by(bytes.len() / 40) {
        let mut changed = bytes.clone();
        changed[at] ^= 0xff;
        assert_bounded(&format!("{name} with byte {at} changed"), changed, HOSTILE);
    }
}

/// Warnings whose stacks have very long names: what is kept of them is bounded.
fn warnings_with_long_names() -> Vec<u8> {
    let name = "f".repeat(900_000);
    let mut bytes = v1::V1Trace::new()
        .record(v1::BATCH, &[0, 100])
        .record(v1::GO_CREATE, &[0, 1, 0, 0])
        .record(v1::PROC_START, &[1, 7])
        .record(v1::GO_START, &[1, 1, 1]);
    bytes = bytes.string(1, name.as_bytes());
    let frames: Vec<u64> = [1, 100].into_iter().chain((1..=100).flat_map(|pc| [pc, 1, 1, pc])).collect();
    bytes = bytes.record(v1::STACK, &frames);
    for _ in 0..2000 {
        bytes = bytes.record(v1::TASK_CREATE, &[1, 5, 0, 1, 1]);
    }
    bytes.record(v1::FREQUENCY, &[1_000_000_000]).into_bytes()
}

#[test]
fn memory_is_proportional_to_the_largest_generation() {
    let _alone = ALONE.write();
    for sample in RELEASES.into_iter().chain(V1_RELEASES).flat_map(samples) {
        let most = assert_bounded(&sample.name, sample.bytes(), REAL);
        assert!(most > 1000, "the allocator counts memory");
    }
    if let Some(path) = env::var_os("GOTRACE_BIG_TRACE") {
        assert_bounded(&path.to_string_lossy(), fs::read(&path).expect("the trace can be read"), REAL);
    }
    for (name, n, build) in FLOODS.into_iter().chain(MORE) {
        assert_bounded(name, build(n), HOSTILE);
    }
    assert_bounded("warnings with long names", warnings_with_long_names(), HOSTILE);
    for name in ["go1.21/gc", "go1.22/http", "go1.25/http", "go1.26/http", "go1.26/generations"] {
        assert_damage_is_bounded(name);
    }
}
