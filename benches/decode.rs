//! How fast traces are read: bytes and events a second, from the integers of the wire to the text of events.
//!
//! The traces are the largest of testdata and the one that GOTRACE_BIG_TRACE names, if it is set. Beside Go's own
//! reader this crate is measured by benches/peers.sh.

mod inputs;

use std::hint::black_box;
use std::io::{self, Write};
use std::path::PathBuf;
use std::{fs, iter};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use gotrace::raw::{EventType, RawReader};
use gotrace::{EventKind, Reader, Stack};

criterion_group!(benches, varint, passes);
criterion_main!(benches);

/// A way to read a trace; gives the number of events.
type Pass = fn(&[u8]) -> u64;

const PASSES: [(&str, Pass); 5] =
    [("scan", scan), ("ordering", ordering), ("full", full), ("stream", stream), ("text", text)];

/// Runs over inputs of this size take long enough that ten are plenty.
const LARGE: usize = 10 << 20;

fn passes(criterion: &mut Criterion) {
    let paths: Vec<PathBuf> = iter::once(inputs::biggest_of_testdata()).chain(inputs::big()).collect();
    for (name, pass) in PASSES {
        let mut group = criterion.benchmark_group(name);
        for path in &paths {
            let bytes = fs::read(path).expect("the trace can be read");
            let trace = path.file_stem().unwrap_or_default().to_string_lossy();
            measure(&mut group, &trace, &bytes, pass);
        }
        group.finish();
    }
}

fn measure(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, bytes: &[u8], pass: Pass) {
    group.throughput(Throughput::ElementsAndBytes { elements: pass(bytes), bytes: bytes.len() as u64 });
    if bytes.len() > LARGE {
        group.sample_size(10);
    }
    group.bench_function(name, |bencher| bencher.iter(|| pass(black_box(bytes))));
}

/// The raw layer over all events in file order.
fn scan(bytes: &[u8]) -> u64 {
    let mut reader = RawReader::from_slice(bytes).expect("a trace");
    let mut count = 0;
    while let Some(batch) = reader.next_batch().expect("a whole trace") {
        let mut events = batch.events();
        while let Some(event) = events.next_event().expect("a whole trace") {
            black_box(event.args());
            count += 1;
        }
    }
    count
}

/// The events in order, unlooked at.
fn ordering(bytes: &[u8]) -> u64 {
    count(Reader::from_slice(bytes).expect("a trace"))
}

/// The same from a `Read`.
fn stream(bytes: &[u8]) -> u64 {
    count(Reader::from_reader(bytes).expect("a trace"))
}

fn count(mut reader: Reader<'_>) -> u64 {
    let mut count = 0;
    while let Some(event) = reader.next_event().expect("a whole trace") {
        black_box(event.time());
        count += 1;
    }
    count
}

/// The events in order, each resolved with all frames of its stacks.
fn full(bytes: &[u8]) -> u64 {
    let mut reader = Reader::from_slice(bytes).expect("a trace");
    let mut count = 0;
    while let Some(event) = reader.next_event().expect("a whole trace") {
        let kind = event.kind();
        if let EventKind::GoTransition(change) = kind {
            walk(change.stack);
        }
        walk(event.stack());
        black_box(kind);
        count += 1;
    }
    count
}

fn walk(stack: Option<Stack<'_>>) {
    for frame in stack.into_iter().flat_map(|stack| stack.frames()) {
        black_box(frame);
    }
}

/// The events in order as text.
fn text(bytes: &[u8]) -> u64 {
    let mut out = io::BufWriter::new(io::sink());
    let mut reader = Reader::from_slice(bytes).expect("a trace");
    let mut count = 0;
    while let Some(event) = reader.next_event().expect("a whole trace") {
        event.write_text(&mut out).expect("a sink does not fail");
        count += 1;
    }
    out.flush().expect("a sink does not fail");
    count
}

/// The raw layer over integers of one length: short ones are nearly all that real traces have.
fn varint(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("varint");
    for len in [1, 2, 3, 5, 8, 10] {
        let bytes = trace_of_integers(len);
        // Two integers an event.
        let events = scan(&bytes);
        group.throughput(Throughput::ElementsAndBytes { elements: 2 * events, bytes: bytes.len() as u64 });
        group.bench_function(format!("{len} bytes"), |bencher| bencher.iter(|| scan(black_box(&bytes))));
    }
    group.finish();
}

/// A full batch of heap sizes, in which each integer takes `len` bytes.
fn trace_of_integers(len: usize) -> Vec<u8> {
    /// The most that a batch holds (Go `tracev2.MaxBatchSize`).
    const BODY: usize = 64 << 10;

    let mut integer = vec![0x81; len - 1];
    integer.push(0x01);
    let event = [&[EventType::HeapAlloc.code()], &integer[..], &integer[..]].concat();
    let body = event.repeat(BODY / event.len());

    let mut bytes = b"go 1.22 trace\0\0\0".to_vec();
    // Generation 1, M 1, time 0; the size in three bytes.
    bytes.extend([EventType::EventBatch.code(), 1, 1, 0]);
    bytes.extend([0, 7, 14].map(|shift| (body.len() >> shift) as u8 & 0x7f | if shift < 14 { 0x80 } else { 0 }));
    bytes.extend(body);
    bytes
}
