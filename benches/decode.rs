//! The speed of reading traces in bytes and events per second, from varints to the text of events.
//!
//! The traces are the largest in testdata and, if it is set, the one at GOTRACE_BIG_TRACE.
//! `benches/peers.sh` compares with Go's reader.

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

/// A way to read a trace. It returns the number of events.
type Pass = fn(&[u8]) -> u64;

const PASSES: [(&str, Pass); 5] =
    [("scan", scan), ("ordering", ordering), ("full", full), ("stream", stream), ("text", text)];

/// For inputs of this size, ten samples are enough, since each takes long.
const LARGE: usize = 10 << 20;

fn passes(criterion: &mut Criterion) {
    let paths: Vec<PathBuf> = iter::once(inputs::biggest_of_testdata()).chain(inputs::big()).collect();
    for (name, pass) in PASSES {
        let mut group = criterion.benchmark_group(name);
        for path in &paths {
            let bytes = fs::read(path).expect("the trace is readable");
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

/// Reads raw events in file order.
fn scan(bytes: &[u8]) -> u64 {
    let mut reader = RawReader::from_slice(bytes).expect("a trace");
    let mut count = 0;
    while let Some(batch) = reader.next_batch().expect("a valid trace") {
        let mut events = batch.events();
        while let Some(event) = events.next_event().expect("a valid trace") {
            black_box(event.args());
            count += 1;
        }
    }
    count
}

/// Reads events in order, without accessing them.
fn ordering(bytes: &[u8]) -> u64 {
    count(Reader::from_slice(bytes).expect("a trace"))
}

/// The same as [`ordering`], from a `Read`.
fn stream(bytes: &[u8]) -> u64 {
    count(Reader::from_reader(bytes).expect("a trace"))
}

fn count(mut reader: Reader<'_>) -> u64 {
    let mut count = 0;
    while let Some(event) = reader.next_event().expect("a valid trace") {
        black_box(event.time());
        count += 1;
    }
    count
}

/// Reads events in order and all frames of their stacks.
fn full(bytes: &[u8]) -> u64 {
    let mut reader = Reader::from_slice(bytes).expect("a trace");
    let mut count = 0;
    while let Some(event) = reader.next_event().expect("a valid trace") {
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

/// Reads events in order and writes their text.
fn text(bytes: &[u8]) -> u64 {
    let mut out = io::BufWriter::new(io::sink());
    let mut reader = Reader::from_slice(bytes).expect("a trace");
    let mut count = 0;
    while let Some(event) = reader.next_event().expect("a valid trace") {
        event.write_text(&mut out).expect("writing to a sink cannot fail");
        count += 1;
    }
    out.flush().expect("writing to a sink cannot fail");
    count
}

/// Reads raw events with varints of one length. In real traces nearly all are short.
fn varint(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("varint");
    for len in [1, 2, 3, 5, 8, 10] {
        let bytes = trace_of_integers(len);
        // An event has two varints.
        let events = scan(&bytes);
        group.throughput(Throughput::ElementsAndBytes { elements: 2 * events, bytes: bytes.len() as u64 });
        group.bench_function(format!("{len} bytes"), |bencher| bencher.iter(|| scan(black_box(&bytes))));
    }
    group.finish();
}

/// A full batch of HeapAlloc events in which each varint takes `len` bytes.
fn trace_of_integers(len: usize) -> Vec<u8> {
    /// The maximum size of a batch (Go `tracev2.MaxBatchSize`).
    const BODY: usize = 64 << 10;

    let mut integer = vec![0x81; len - 1];
    integer.push(0x01);
    let event = [&[EventType::HeapAlloc.code()], &integer[..], &integer[..]].concat();
    let body = event.repeat(BODY / event.len());

    let mut bytes = b"go 1.22 trace\0\0\0".to_vec();
    // Generation 1, thread 1, time 0, and the size in three bytes.
    bytes.extend([EventType::EventBatch.code(), 1, 1, 0]);
    bytes.extend([0, 7, 14].map(|shift| (body.len() >> shift) as u8 & 0x7f | if shift < 14 { 0x80 } else { 0 }));
    bytes.extend(body);
    bytes
}
