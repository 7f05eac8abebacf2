//! The speed of lanes: a picture of 60 lanes and 2,000 pixels at random zooms.
//!
//! The trace is the one at GOTRACE_BIG_TRACE, or the largest in testdata. The lanes are all Ps, the largest groups and the
//! busiest goroutines. The benchmark also prints what the first picture costs, the memory of the levels, and percentiles
//! over many pictures.

mod inputs;

use std::cmp::Reverse;
use std::fs;
use std::hint::black_box;
use std::ops::Range;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use gotrace::timeline::Group;
use gotrace::{GoId, ProcId, Time, Timeline};

criterion_group!(benches, draw);
criterion_main!(benches);

const PIXELS: usize = 2000;
const LANES: usize = 60;
const GROUPS: usize = 18;
/// The number of pictures from which percentiles are computed.
const PICTURES: usize = 1000;
/// The longest part of the trace is this many times longer than the shortest.
const MAX_ZOOM: f64 = 1e5;

/// The lanes of a picture.
struct Chosen<'t> {
    procs: Vec<ProcId>,
    groups: Vec<Group<'t>>,
    goroutines: Vec<GoId>,
}

impl<'t> Chosen<'t> {
    fn new(timeline: &'t Timeline) -> Self {
        let procs: Vec<ProcId> = timeline.procs().map(|proc| proc.id()).take(LANES / 3).collect();
        let mut goroutines: Vec<(usize, GoId)> =
            timeline.goroutines().map(|goroutine| (goroutine.spans().count(), goroutine.id())).collect();
        goroutines.sort_by_key(|&(spans, id)| (Reverse(spans), id));
        let mut groups: Vec<(usize, Group<'t>)> = timeline
            .groups()
            .map(|group| (group.goroutines().map(|goroutine| goroutine.spans().count()).sum(), group))
            .collect();
        groups.sort_by_key(|&(spans, group)| (Reverse(spans), group.number()));
        let groups: Vec<Group<'t>> = groups.into_iter().map(|(_, group)| group).take(GROUPS).collect();
        let rest = LANES.saturating_sub(procs.len() + groups.len());
        let goroutines = goroutines.into_iter().map(|(_, id)| id).take(rest).collect();
        Chosen { procs, groups, goroutines }
    }

    /// Computes all lanes of a part of the trace.
    fn draw(&self, timeline: &'t Timeline, part: Range<Time>) {
        let lanes = timeline.lanes(part, PIXELS);
        for &proc in &self.procs {
            black_box(lanes.proc(proc));
        }
        for &group in &self.groups {
            black_box(lanes.group(group));
        }
        for &goroutine in &self.goroutines {
            black_box(lanes.goroutine(goroutine));
        }
    }
}

/// Returns parts of the trace. Each length is as likely as any other on a logarithmic scale.
fn parts(timeline: &Timeline) -> Vec<Range<Time>> {
    let whole = timeline.end().since(timeline.start()) as f64;
    let share = |number: usize, factor: u64| {
        let mixed = (number as u64 + 1).wrapping_mul(factor);
        (mixed ^ (mixed >> 31)) as u32 as f64 / f64::from(u32::MAX)
    };
    let part = |number| {
        let length = whole / MAX_ZOOM.powf(share(number, 0x9e37_79b9_7f4a_7c15));
        let start = timeline.start().0 + ((whole - length) * share(number, 0xbf58_476d_1ce4_e5b9)) as i64;
        Time(start)..Time(start + length as i64)
    };
    (0..PICTURES).map(part).collect()
}

fn draw(criterion: &mut Criterion) {
    let bytes = fs::read(inputs::big().unwrap_or_else(inputs::biggest_of_testdata)).expect("the trace is readable");
    let started = Instant::now();
    let timeline = Timeline::from_slice(&bytes).expect("a trace");
    let built = started.elapsed();
    let chosen = Chosen::new(&timeline);
    let started = Instant::now();
    chosen.draw(&timeline, timeline.start()..timeline.end());
    println!("building took {built:?}, the first picture {:?}", started.elapsed());
    let memory = timeline.memory();
    let share = memory.level_bytes as f64 / (memory.span_bytes + memory.table_bytes) as f64;
    println!("levels take {} bytes, {:.1} % of the timeline", memory.level_bytes, share * 100.0);

    let parts = parts(&timeline);
    let mut times: Vec<Duration> = parts
        .iter()
        .map(|part| {
            let started = Instant::now();
            chosen.draw(&timeline, part.clone());
            started.elapsed()
        })
        .collect();
    times.sort_unstable();
    let percentile = |percent: usize| times[(times.len() - 1) * percent / 100];
    println!("median {:?}, 90 % {:?}, 99 % {:?}", percentile(50), percentile(90), percentile(99));

    let mut turn = parts.iter().cycle();
    criterion.bench_function("picture", |bencher| {
        bencher.iter(|| chosen.draw(&timeline, turn.next().expect("the iterator cycles").clone()));
    });
}
