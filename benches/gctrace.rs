//! The speed of reading GC logs, with and without other lines, and of trends of long series.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gotrace::gctrace::{Log, LogReader};
use gotrace::trend::{InflectionOptions, inflections, mann_kendall, theil_sen};

criterion_group!(benches, lines, trends);
criterion_main!(benches);

/// The approximate size of the logs.
const LOG: usize = 8 << 20;

fn lines(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("gctrace");
    for (name, log) in [("pure", log(0)), ("one in ten", log(9)), ("one in a hundred", log(99))] {
        group.throughput(Throughput::Bytes(log.len() as u64));
        group.bench_function(format!("slice/{name}"), |bencher| {
            bencher.iter(|| count(LogReader::from_slice(black_box(log.as_bytes()))));
        });
        group.bench_function(format!("stream/{name}"), |bencher| {
            bencher.iter(|| count(LogReader::from_reader(black_box(log.as_bytes()))));
        });
        group.bench_function(format!("log/{name}"), |bencher| {
            bencher.iter(|| Log::from_slice(black_box(log.as_bytes())).map_or(0, |log| log.cycles.len()));
        });
    }
    group.finish();
}

fn count(mut reader: LogReader<'_>) -> u64 {
    let mut count = 0;
    while let Some(cycle) = reader.next_cycle().expect("memory can be read") {
        count += u64::from(black_box(cycle).n > 0);
    }
    count
}

/// A log of Go 1.27 with `others` other lines before each line of the runtime.
fn log(others: usize) -> String {
    let mut log = String::with_capacity(LOG + 1000);
    let mut n = 0u64;
    while log.len() < LOG {
        for other in 0..others {
            log += &format!("2026/11/25 15:00:00 GET /items/{other}?page={n} 200 512 bytes in 1.{other}ms gc=off\n");
        }
        n += 1;
        let (seconds, millis, live) = (n / 7, n % 1000, 40 + n % 90);
        log += &format!(
            "gc {n} @{seconds}.{millis:03}s 2%: 0.0{}+{}+0.004 ms clock, 0.18+1.{}/5.2/13+0.032 ms cpu, \
             {}->{}->{live} MB, {} MB goal, 0 MB stacks, 0 MB globals, 8 P\n",
            n % 90 + 10,
            n % 60,
            n % 10,
            2 * live,
            2 * live + 1,
            2 * live + 2,
        );
    }
    log
}

fn trends(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("trend");
    for samples in [1_000, 10_000, 100_000] {
        let at: Vec<f64> = (0..samples).map(|n| f64::from(n) * 1.3e8).collect();
        let size = |n: u32| f64::from((40 + n / 100 + n.wrapping_mul(2_654_435_761) % 37) << 20);
        let values: Vec<f64> = (0..samples).map(size).collect();
        group.throughput(Throughput::Elements(u64::from(samples)));
        if samples > 10_000 {
            group.sample_size(10);
        }
        group.bench_function(format!("theil_sen/{samples}"), |bencher| {
            bencher.iter(|| theil_sen(black_box(&at), black_box(&values), 0.95));
        });
        group.bench_function(format!("mann_kendall/{samples}"), |bencher| {
            bencher.iter(|| mann_kendall(black_box(&values)));
        });
        group.bench_function(format!("inflections/{samples}"), |bencher| {
            bencher.iter(|| inflections(black_box(&values), &InflectionOptions::default()).len());
        });
    }
    group.finish();
}
