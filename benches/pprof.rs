//! The speed of reading profiles and of summing them by function.
//!
//! `cargo bench --bench pprof` measures both with a synthetic profile. `benches/pprof.sh` uses this
//! program to write two profiles of any size:
//!
//! ```text
//! pprof make BYTES BASE LATER
//! ```
//!
//! writes two heap profiles of about BYTES each before compression. The heap of the later one is
//! larger.

use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::io::BufWriter;

use criterion::{Criterion, Throughput};
use gotrace::WallTime;
use gotrace::pprof::{By, Profile, ProfileBuilder, ProfileFrame, Report, SampleLabel, ValueType};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [command, bytes, base, later] = &args[..]
        && command == "make"
    {
        let bytes = bytes.parse()?;
        for (path, is_later) in [(base, false), (later, true)] {
            make(bytes, is_later).write_gzip(BufWriter::new(File::create(path)?))?;
        }
        return Ok(());
    }
    let mut criterion = Criterion::default().configure_from_args();
    measure(&mut criterion)?;
    criterion.final_summary();
    Ok(())
}

const MEASURED: usize = 8 << 20;

fn measure(criterion: &mut Criterion) -> Result<(), Box<dyn Error>> {
    let mut packed = Vec::new();
    make(MEASURED, false).write_gzip(&mut packed)?;
    let unpacked = Profile::from_slice(&packed)?;
    let bytes = unpacked.bytes();
    let mut group = criterion.benchmark_group("pprof");
    group.throughput(Throughput::Bytes(bytes.len() as u64)).sample_size(10);
    group
        .bench_function("unpack and parse", |bencher| bencher.iter(|| black_box(Profile::from_slice(&packed)).is_ok()));
    group.bench_function("parse", |bencher| bencher.iter(|| black_box(Profile::from_slice(bytes)).is_ok()));
    group.bench_function("by function", |bencher| {
        let report = || Report::new(&Profile::from_slice(bytes)?, By::Function);
        bencher.iter(|| black_box(report()).is_ok());
    });
    group.finish();
    Ok(())
}

/// A heap profile like that of a large program, with thousands of functions, and stacks with common
/// outer frames.
fn make(bytes: usize, is_later: bool) -> ProfileBuilder<4> {
    let mut random = Random(7);
    let names: Vec<String> = (0..FUNCTIONS)
        .map(|i| format!("example.com/team/service/internal/part{}.(*Type{}).Method{i}", i % 211, i % 1009))
        .collect();
    let files: Vec<String> = (0..211).map(|i| format!("example.com/team/service/internal/part{i}/file.go")).collect();
    let mut profile = ProfileBuilder::new([
        ValueType::new("alloc_objects", "count"),
        ValueType::new("alloc_space", "bytes"),
        ValueType::new("inuse_objects", "count"),
        ValueType::new("inuse_space", "bytes"),
    ]);
    profile.period(ValueType::new("space", "bytes"), 524_288);
    let time = WallTime::from_nanos(1_700_000_000_000_000_000 + i128::from(is_later) * 60_000_000_000);
    profile.time(time.expect("in range"));
    // The outermost frame comes first.
    let mut stack: Vec<(u64, u64)> = Vec::new();
    let mut written = 0;
    while written < bytes {
        stack.truncate(random.below(stack.len() as u64 + 1) as usize);
        let depth = 12 + random.below(40) as usize;
        while stack.len() < depth {
            stack.push((random.below(FUNCTIONS), random.below(3)));
        }
        let size = 16 << random.below(12);
        let objects = 1 + random.below(1000);
        let kept = random.below(objects + 1) * if is_later { 2 } else { 1 };
        let values = [objects * 2, objects * 2 * size, kept, kept * size].map(|value| value as i64);
        // Some stacks are only in the later profile.
        if random.below(16) > 0 || is_later {
            let frames = stack.iter().rev().map(|&(function, site)| {
                let line = 10 + 7 * site as i64;
                let address = 0x40_0000 + function * 64 + site * 8;
                let file = &files[(function % 211) as usize][..];
                ProfileFrame { address, ..ProfileFrame::new(&names[function as usize][..], file, line) }
            });
            profile.labelled_sample(frames, values, [SampleLabel::number("bytes", size as i64, "")]);
        }
        // Two or three bytes for each location, and the values, the label and the framing.
        written += 5 * depth / 2 + 26;
    }
    profile
}

const FUNCTIONS: u64 = 20_000;

/// SplitMix64, so that the profile is the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}
