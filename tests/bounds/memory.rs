//! What a reader takes of memory is in proportion to the largest generation, whatever the file says.
//!
//! All is one test, and no other runs beside it: what others allocate would count. `--nocapture` prints the figures; the trace that
//! `GOTRACE_BIG_TRACE` names is read too.

use std::{env, fs};

use crate::ALONE;
use crate::floods::list::{FLOODS, MORE};
use gotrace::{Error, Reader};
use gotrace_tests::corpus::{OLD_RELEASES, RELEASES, old, sample, samples};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// What any trace may take,
const ANY: u64 = 64 << 20;
/// and how many times the largest generation besides: a real trace, and one made to cost much.
const REAL: u64 = 3;
const HOSTILE: u64 = 48;

/// What reading took at the most, and the bytes of the largest generation if it came to the trace's end.
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

/// Reads in every mode; gives how many bytes were taken at the most. Of a trace that is broken, or has no generations, the
/// file is taken for one.
fn assert_bounded(name: &str, bytes: Vec<u8>, factor: u64) -> u64 {
    // Not the reader's: it is there before and after.
    let bytes: &'static [u8] = Box::leak(bytes.into_boxed_slice());
    let [strict, stream] = [read(|| Reader::from_slice(bytes)), read(|| Reader::from_reader(bytes))];
    let lenient = read(|| Reader::builder().lenient().from_slice(bytes));
    let largest = strict.1.unwrap_or(bytes.len() as u64);
    let bound = ANY + factor * largest;
    for (mode, (taken, _)) in [("strictly", strict), ("as a stream", stream), ("leniently", lenient)] {
        assert!(taken <= bound, "{name} takes {taken} bytes {mode}, {bound} at the most, of {largest}");
    }
    let most = strict.0.max(stream.0).max(lenient.0);
    println!("{name:<40}{:>10} bytes, largest {largest:>9}, at most {most:>10}", bytes.len());
    most
}

/// A trace damaged here and there.
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

/// Each mistake has a stack of the longest names: what is kept of them is bounded.
fn mistakes_in_long_names() -> Vec<u8> {
    let name = "f".repeat(900_000);
    let mut bytes = old::OldTrace::new()
        .record(old::BATCH, &[0, 100])
        .record(old::GO_CREATE, &[0, 1, 0, 0])
        .record(old::PROC_START, &[1, 7])
        .record(old::GO_START, &[1, 1, 1]);
    bytes = bytes.string(1, name.as_bytes());
    let frames: Vec<u64> = [1, 100].into_iter().chain((1..=100).flat_map(|pc| [pc, 1, 1, pc])).collect();
    bytes = bytes.record(old::STACK, &frames);
    for _ in 0..2000 {
        bytes = bytes.record(old::TASK_CREATE, &[1, 5, 0, 1, 1]);
    }
    bytes.record(old::FREQUENCY, &[1_000_000_000]).into_bytes()
}

#[test]
fn memory_is_in_proportion() {
    let _alone = ALONE.write();
    for sample in RELEASES.into_iter().chain(OLD_RELEASES).flat_map(samples) {
        let most = assert_bounded(&sample.name, sample.bytes(), REAL);
        assert!(most > 1000, "memory is counted");
    }
    if let Some(path) = env::var_os("GOTRACE_BIG_TRACE") {
        assert_bounded(&path.to_string_lossy(), fs::read(&path).expect("the trace can be read"), REAL);
    }
    for (name, n, build) in FLOODS.into_iter().chain(MORE) {
        assert_bounded(name, build(n), HOSTILE);
    }
    assert_bounded("mistakes in long names", mistakes_in_long_names(), HOSTILE);
    for name in ["go1.21/gc", "go1.22/http", "go1.25/http", "go1.26/http", "go1.26/generations"] {
        assert_damage_is_bounded(name);
    }
}
