//! What collecting costs, from the log alone.
//!
//! Everything is a function over a slice of one process's cycles, so that any window of a [`Run`](super::Run) can be
//! asked about.

use super::Cycle;

/// Over how many collections in a row a [collapse](mark_collapse) or a [surge](assist_surge) is looked for.
pub const SURGE_CYCLES: usize = 10;

/// Of less than this the log's whole MiB say too little: a rate would be off by a quarter and more.
const MIN_MARKED: u64 = 4 << 20;

const NANOS_PER_MILLI: f64 = 1e6;
const NANOS_PER_SECOND: f64 = 1e9;

/// What collecting costs over some cycles. Shares are between 0 and 1; one can come out above 1, since the log rounds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pressure {
    /// How many collections.
    pub cycles: usize,
    /// From the first one's begin to the last one's, in nanoseconds: shares and rates are over this time, to which the
    /// last collection does not belong.
    pub elapsed: u64,
    /// Collections a second. `None` if no time elapsed, as the shares below.
    pub per_second: Option<f64>,
    /// The share of the CPU time of all Ps that collecting took from the program: stops, assists and the collector's
    /// own workers, but not marking on idle Ps.
    pub cpu_share: Option<f64>,
    /// The share of time in which the world was stopped.
    pub stopped_share: Option<f64>,
    /// The longest of the stops of one collection together, in nanoseconds.
    pub pause_max: u64,
    /// Half the collections stopped the world for no longer than this, in nanoseconds.
    pub pause_median: u64,
    /// All stops together, in nanoseconds, those of the last collection too.
    pub pause_total: u64,
    /// Bytes marked in a millisecond of marking. `None` if no marking took measurable time.
    pub mark_rate: Option<f64>,
    /// Bytes marked in a millisecond of CPU time of marking. `None` if no marking took measurable time.
    pub mark_cpu_rate: Option<f64>,
    /// Of the CPU time of marking, the share that allocating goroutines had to do. `None` if none was measurable.
    pub assist_share: Option<f64>,
    /// Bytes allocated a second: from what one collection left to where the next one began, and what came on top during
    /// marking.
    pub allocated_per_second: Option<f64>,
    /// Nanoseconds of assist for each MiB allocated. `None` if less than a MiB was.
    pub assist_per_mib: Option<f64>,
}

impl Pressure {
    /// Measures cycles of one process, in order.
    pub fn of(cycles: &[Cycle]) -> Self {
        let (Some(first), Some(last)) = (cycles.first(), cycles.last()) else { return Pressure::default() };
        let elapsed = last.at.saturating_sub(first.at);
        let seconds = elapsed as f64 / NANOS_PER_SECOND;
        let whole = &cycles[..cycles.len() - 1];
        let over = |value: f64, time: f64| (time > 0.0).then(|| value / time);

        let available: f64 =
            cycles.windows(2).map(|pair| f64::from(pair[0].procs) * pair[1].at.saturating_sub(pair[0].at) as f64).sum();
        let assist = sum(cycles, |cycle| cycle.cpu.assist);
        let marked = sum(cycles, Cycle::marked);
        let mark_cpu = sum(cycles, |cycle| cycle.cpu.mark());
        let allocated: f64 = cycles.windows(2).map(|pair| allocated(&pair[0], &pair[1]) as f64).sum();
        let allocated_mib = allocated / f64::from(1 << 20);
        let mut pauses: Vec<u64> = cycles.iter().map(|cycle| cycle.clock.pause()).collect();
        pauses.sort_unstable();

        Pressure {
            cycles: cycles.len(),
            elapsed,
            per_second: over(whole.len() as f64, seconds),
            cpu_share: over(sum(whole, |cycle| cycle.cpu.taken()), available),
            stopped_share: over(sum(whole, |cycle| cycle.clock.pause()), elapsed as f64),
            pause_max: pauses[pauses.len() - 1],
            pause_median: pauses[(pauses.len() - 1) / 2],
            pause_total: pauses.iter().fold(0, |total, &pause| total.saturating_add(pause)),
            mark_rate: over(marked, sum(cycles, |cycle| cycle.clock.mark) / NANOS_PER_MILLI),
            mark_cpu_rate: over(marked, mark_cpu / NANOS_PER_MILLI),
            assist_share: over(assist, mark_cpu),
            allocated_per_second: over(allocated, seconds),
            assist_per_mib: (allocated_mib >= 1.0).then(|| sum(whole, |cycle| cycle.cpu.assist) / allocated_mib),
        }
    }
}

fn sum(cycles: &[Cycle], of: impl Fn(&Cycle) -> u64) -> f64 {
    cycles.iter().map(|cycle| of(cycle) as f64).sum()
}

/// What was allocated from one collection's begin to the next one's, in bytes.
fn allocated(this: &Cycle, next: &Cycle) -> u64 {
    let while_marking = this.heap_end.saturating_sub(this.heap_start);
    while_marking.saturating_add(next.heap_start.saturating_sub(this.heap_live))
}

/// A stretch of collections that stands out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    /// The index of the stretch's first collection in the slice.
    pub first: usize,
    /// The index of its last one.
    pub last: usize,
    /// The value over the stretch.
    pub value: f64,
    /// The usual value: the median over all stretches.
    pub usual: f64,
}

/// Where marking was slowest, in bytes a millisecond, over [`SURGE_CYCLES`] collections in a row. A ratio of
/// `value` to `usual` well below 1 says that the collector no longer gets the CPU, or the memory bandwidth, that it had.
///
/// Collections with less than 4 MiB to mark are left out, since the log's sizes are too coarse for them. `None` if there
/// are fewer than twice [`SURGE_CYCLES`] others.
pub fn mark_collapse(cycles: &[Cycle]) -> Option<Stretch> {
    let measurable = |cycle: &Cycle| cycle.marked() >= MIN_MARKED && cycle.clock.mark > 0;
    let parts = cycles.iter().enumerate().filter(|(_, cycle)| measurable(cycle));
    let parts = parts.map(|(at, cycle)| (at, cycle.marked() as f64, cycle.clock.mark as f64 / NANOS_PER_MILLI));
    extreme(&parts.collect::<Vec<_>>(), |value, worst| value < worst)
}

/// Where allocating goroutines had to do the largest share of marking, between 0 and 1, over [`SURGE_CYCLES`]
/// collections in a row: allocation has outrun the collector.
///
/// `None` if there are fewer than twice [`SURGE_CYCLES`] collections with measurable marking.
pub fn assist_surge(cycles: &[Cycle]) -> Option<Stretch> {
    let parts = cycles.iter().enumerate().filter(|(_, cycle)| cycle.cpu.mark() > 0);
    let parts = parts.map(|(at, cycle)| (at, cycle.cpu.assist as f64, cycle.cpu.mark() as f64));
    extreme(&parts.collect::<Vec<_>>(), |value, worst| value > worst)
}

/// The worst quotient of sums over a stretch of (index, dividend, divisor), and the median one.
fn extreme(parts: &[(usize, f64, f64)], is_worse: impl Fn(f64, f64) -> bool) -> Option<Stretch> {
    if parts.len() < 2 * SURGE_CYCLES {
        return None;
    }
    let value = |stretch: &[(usize, f64, f64)]| {
        let dividend: f64 = stretch.iter().map(|part| part.1).sum();
        dividend / stretch.iter().map(|part| part.2).sum::<f64>()
    };
    let mut values: Vec<f64> = parts.windows(SURGE_CYCLES).map(value).collect();
    let mut worst = 0;
    for (at, &value) in values.iter().enumerate() {
        if is_worse(value, values[worst]) {
            worst = at;
        }
    }
    let value = values[worst];
    values.sort_unstable_by(f64::total_cmp);
    let usual = values[(values.len() - 1) / 2];
    Some(Stretch { first: parts[worst].0, last: parts[worst + SURGE_CYCLES - 1].0, value, usual })
}
