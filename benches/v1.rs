//! The speed of reading v1 traces (before Go 1.22), in events and bytes per second.
//!
//! `GOTRACE_V1` can be the path of a large trace, such as one written by `benches/bigtrace.sh`. The
//! default are the traces in testdata.
//!
//! The last group checks that the time is linear: a hostile trace of twice the length may take at
//! most 2.3 times as long.

use std::fs;
use std::hint::black_box;
use std::path::Path;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gotrace::Reader;

/// Reads to the end or to an error, and returns the number of events.
fn read(bytes: &[u8]) -> u64 {
    let mut events = 0;
    let Ok(mut reader) = Reader::from_slice(bytes) else { return 0 };
    while let Ok(Some(event)) = reader.next_event() {
        black_box(&event);
        events += 1;
    }
    events
}

fn real(c: &mut Criterion) {
    let traces = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/traces");
    let large = std::env::var_os("GOTRACE_V1").map(Into::into);
    let path = large.unwrap_or_else(|| traces.join("go1.21/gc.trace"));
    let bytes = fs::read(&path).expect("a trace to read");
    let mut group = c.benchmark_group("v1");
    group.sample_size(10);
    group.throughput(Throughput::Elements(read(&bytes)));
    group.bench_function("events", |b| b.iter(|| read(&bytes)));
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("bytes", |b| b.iter(|| read(&bytes)));
    group.finish();
}

fn push(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn batch(out: &mut Vec<u8>, proc: u64, ticks: u64) {
    out.push(1 | 1 << 6);
    push(out, proc);
    push(out, ticks);
}

/// `n` Ps that all wait for one goroutine, each for another start of it.
fn waiting_ps(n: u64) -> Vec<u8> {
    let mut out = b"go 1.21 trace\0\0\0".to_vec();
    batch(&mut out, 0, 1);
    out.extend([13 | 3 << 6, 4, 0, 1, 0, 0]); // GoCreate 1
    for p in 1..=n {
        batch(&mut out, p, 1);
        out.extend([14 | 2 << 6, 0, 1]); // GoStart 1 with the sequence number of the P,
        push(&mut out, n - p + 1);
        out.extend([17 | 1 << 6, 0, 0]); // and GoSched
    }
    out.extend([2, 100]); // Frequency
    out
}

/// `n` system calls, each followed by a record that does not show whether the call blocks.
fn unclear_calls(n: u64) -> Vec<u8> {
    let mut out = b"go 1.21 trace\0\0\0".to_vec();
    batch(&mut out, 0, 1);
    out.extend([13 | 3 << 6, 4, 0, 1, 0, 0]); // GoCreate 1
    out.extend([14 | 2 << 6, 0, 1, 1]); // GoStart 1
    for i in 0..n {
        out.extend([28 | 1 << 6, 0, 0]); // GoSysCall
        out.push(37); // String
        push(&mut out, i + 1);
        out.extend([1, b'x']);
    }
    out.extend([2, 100]); // Frequency
    out
}

/// `n` goroutines that are created and never run.
fn created(n: u64) -> Vec<u8> {
    let mut out = b"go 1.21 trace\0\0\0".to_vec();
    batch(&mut out, 0, 1);
    for go in 1..=n {
        let mut values = vec![0];
        push(&mut values, go);
        values.extend([0, 0]);
        out.extend([13 | 3 << 6, values.len() as u8]);
        out.extend(values);
    }
    out.extend([2, 100]); // Frequency
    out
}

fn hostile(c: &mut Criterion) {
    let mut group = c.benchmark_group("v1-hostile");
    group.sample_size(10);
    type Make = fn(u64) -> Vec<u8>;
    for (name, make) in [("waiting-ps", waiting_ps as Make), ("unclear-calls", unclear_calls), ("created", created)] {
        for n in [50_000, 100_000] {
            let bytes = make(n);
            group.throughput(Throughput::Bytes(bytes.len() as u64));
            group.bench_with_input(BenchmarkId::new(name, n), &bytes, |b, bytes| b.iter(|| read(bytes)));
        }
    }
    group.finish();
}

criterion_group!(benches, real, hostile);
criterion_main!(benches);
