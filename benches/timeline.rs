//! The speed of building and of querying a timeline.
//!
//! The trace is the one at GOTRACE_BIG_TRACE, or the largest in testdata. The benchmark also prints
//! the memory of the timeline, and fails if a lookup allocates.

mod inputs;

use std::alloc::System;
use std::fs;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gotrace::{GoId, Time, Timeline};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

criterion_group!(benches, build, ask);
criterion_main!(benches);

fn input() -> Vec<u8> {
    fs::read(inputs::big().unwrap_or_else(inputs::biggest_of_testdata)).expect("the trace is readable")
}

fn build(criterion: &mut Criterion) {
    let bytes = input();
    let timeline = Timeline::from_slice(&bytes).expect("a trace");
    let memory = timeline.memory();
    let per_span = memory.span_bytes as f64 / memory.spans as f64;
    println!("{} spans of {per_span:.1} bytes, {} bytes of tables", memory.spans, memory.table_bytes);
    let mut group = criterion.benchmark_group("build");
    group.throughput(Throughput::ElementsAndBytes { elements: memory.spans, bytes: bytes.len() as u64 });
    group.sample_size(10);
    group.bench_function("timeline", |bencher| bencher.iter(|| Timeline::from_slice(black_box(&bytes))));
    group.finish();
}

/// A query of a timeline about a goroutine and an instant.
type Question = fn(&Timeline, GoId, Time);

const QUESTIONS: [(&str, Question); 3] = [
    ("goroutine", |timeline, id, _| {
        black_box(timeline.goroutine(black_box(id)));
    }),
    ("state at an instant", |timeline, id, time| {
        black_box(timeline.goroutine(black_box(id)).and_then(|goroutine| goroutine.at(black_box(time))));
    }),
    ("first ten spans", |timeline, id, _| {
        for span in timeline.goroutine(black_box(id)).into_iter().flat_map(|goroutine| goroutine.spans()).take(10) {
            black_box((span.state(), span.end(), span.reason(), span.woken_by()));
        }
    }),
];

/// The number of queries, which go through all goroutines in a mixed order.
const ASKED: usize = 4096;

fn ask(criterion: &mut Criterion) {
    let timeline = Timeline::from_slice(&input()).expect("a trace");
    let ids: Vec<GoId> = timeline.goroutines().map(|goroutine| goroutine.id()).collect();
    let length = timeline.end().since(timeline.start());
    let asked: Vec<(GoId, Time)> = (0..ASKED)
        .map(|i| {
            let mixed = (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            (ids[mixed % ids.len()], Time(timeline.start().0 + length / ASKED as i64 * (mixed % ASKED) as i64))
        })
        .collect();
    let mut group = criterion.benchmark_group("ask");
    for (name, question) in QUESTIONS {
        let region = Region::new(ALLOCATOR);
        asked.iter().for_each(|&(id, time)| question(&timeline, id, time));
        assert_eq!(region.change().allocations, 0, "{name} allocates");
        let mut turn = asked.iter().cycle();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let &(id, time) = turn.next().expect("the iterator cycles");
                question(&timeline, id, time);
            });
        });
    }
    group.finish();
}
