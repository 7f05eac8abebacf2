//! The cost of garbage collection, computed from the log alone.
//!
//! All values are computed from a slice of one process's cycles, so they can be computed for any window of a
//! [`Run`](super::Run).

use std::time::Duration;

use super::Cycle;
use super::cycle::nanos;

/// The number of collections in a row over which [`slowest_marking`] and [`most_assist`] compute
/// their values.
pub const PERIOD_CYCLES: usize = 10;

/// Less than this is too little for the log's whole MiB: a rate could be wrong by a quarter or more.
const MIN_MARKED: u64 = 4 << 20;

const NANOS_PER_MILLI: f64 = 1e6;
const NANOS_PER_SECOND: f64 = 1e9;

/// The cost of garbage collection over some cycles. Shares are between 0 and 1, but can exceed 1 slightly, since the
/// log rounds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Pressure {
    /// The number of collections.
    pub cycles: usize,
    /// The time from the start of the first collection to the start of the last collection. Shares and rates are over
    /// this time, which does not include the last collection, except for `stopped_share`.
    #[cfg_attr(feature = "serde", serde(rename = "elapsed_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub elapsed: Duration,
    /// The number of collections per second. `None` if no time elapsed.
    pub cycles_per_second: Option<f64>,
    /// The share of the CPU time of all Ps (processors) that garbage collection took from the program: stops, assists
    /// and the collector's own workers, but not marking on idle Ps. `None` if no time elapsed.
    pub gc_cpu_share: Option<f64>,
    /// The share of time in which the world was stopped: all pauses, over the time from the start of the first
    /// collection to the end of the last collection. `None` if there is only one collection.
    pub stopped_share: Option<f64>,
    /// The longest pause: both stops of one collection together.
    #[cfg_attr(feature = "serde", serde(rename = "pause_max_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub pause_max: Duration,
    /// The median pause of a collection.
    #[cfg_attr(feature = "serde", serde(rename = "pause_median_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub pause_median: Duration,
    /// The sum of all pauses, including the pauses of the last collection.
    #[cfg_attr(feature = "serde", serde(rename = "pause_total_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub pause_total: Duration,
    /// The number of bytes marked per millisecond of marking. `None` if no marking took measurable time.
    pub mark_bytes_per_ms: Option<f64>,
    /// The number of bytes marked per millisecond of CPU time of marking. `None` if no marking took measurable time.
    pub mark_bytes_per_cpu_ms: Option<f64>,
    /// The share of the CPU time of marking that allocating goroutines had to do. `None` if no
    /// marking was measurable.
    pub assist_share: Option<f64>,
    /// The number of bytes allocated per second: from the end of one collection to the start of the next, plus the
    /// bytes allocated during marking.
    pub allocated_bytes_per_second: Option<f64>,
    /// The time of assists for each MiB allocated. `None` if less than a MiB was allocated.
    #[cfg_attr(feature = "serde", serde(rename = "assist_ns_per_mib", serialize_with = "crate::nanos::optional"))]
    #[cfg_attr(feature = "schema", schemars(with = "Option<u64>"))]
    pub assist_per_mib: Option<Duration>,
}

impl Pressure {
    /// Measures cycles of one process, in order.
    pub fn of(cycles: &[Cycle]) -> Self {
        let (Some(first), Some(last)) = (cycles.first(), cycles.last()) else { return Pressure::default() };
        let elapsed = last.start.saturating_sub(first.start);
        let seconds = nanos(elapsed) / NANOS_PER_SECOND;
        let whole = &cycles[..cycles.len() - 1];
        let over = |value: f64, time: f64| (time > 0.0).then(|| value / time);

        let between = |pair: &[Cycle]| nanos(pair[1].start.saturating_sub(pair[0].start));
        let available: f64 = cycles.windows(2).map(|pair| f64::from(pair[0].procs) * between(pair)).sum();
        let time_of = |cycles: &[Cycle], of: fn(&Cycle) -> Duration| -> f64 { sum(cycles, |cycle| nanos(of(cycle))) };
        let assist = time_of(cycles, |cycle| cycle.cpu.assist);
        let marked = sum(cycles, |cycle| cycle.marked() as f64);
        let mark_cpu = time_of(cycles, |cycle| cycle.cpu.mark());
        let allocated: f64 = cycles.windows(2).map(|pair| allocated(&pair[0], &pair[1]) as f64).sum();
        let allocated_mib = allocated / f64::from(1 << 20);
        let assist_of_whole = time_of(whole, |cycle| cycle.cpu.assist);
        let mut pauses: Vec<Duration> = cycles.iter().map(|cycle| cycle.clock.pause()).collect();
        pauses.sort_unstable();
        let pause_total = pauses.iter().fold(Duration::ZERO, |total, &pause| total.saturating_add(pause));
        let covered = last.end().saturating_sub(first.start);

        Pressure {
            cycles: cycles.len(),
            elapsed,
            cycles_per_second: over(whole.len() as f64, seconds),
            gc_cpu_share: over(time_of(whole, |cycle| cycle.cpu.taken()), available),
            stopped_share: (cycles.len() > 1).then(|| over(nanos(pause_total), nanos(covered))).flatten(),
            pause_max: pauses[pauses.len() - 1],
            pause_median: pauses[(pauses.len() - 1) / 2],
            pause_total,
            mark_bytes_per_ms: over(marked, time_of(cycles, |cycle| cycle.clock.mark) / NANOS_PER_MILLI),
            mark_bytes_per_cpu_ms: over(marked, mark_cpu / NANOS_PER_MILLI),
            assist_share: over(assist, mark_cpu),
            allocated_bytes_per_second: over(allocated, seconds),
            assist_per_mib: (allocated_mib >= 1.0)
                .then(|| Duration::from_nanos((assist_of_whole / allocated_mib) as u64)),
        }
    }
}

fn sum(cycles: &[Cycle], of: impl Fn(&Cycle) -> f64) -> f64 {
    cycles.iter().map(of).sum()
}

/// Returns the memory allocated from the start of one collection to the start of the next, in bytes.
fn allocated(this: &Cycle, next: &Cycle) -> u64 {
    let while_marking = this.heap_end.saturating_sub(this.heap_start);
    while_marking.saturating_add(next.heap_start.saturating_sub(this.heap_live))
}

/// The collections in a row over which a value was at its worst.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Period {
    /// The index of the first collection in the slice.
    pub first: usize,
    /// The index of the last collection in the slice.
    pub last: usize,
    /// The number of the first collection.
    pub first_n: u32,
    /// The number of the last collection.
    pub last_n: u32,
    /// The value over the period.
    pub value: f64,
    /// The usual value: the median over all periods of this length.
    pub usual: f64,
}

/// Returns the period of [`PERIOD_CYCLES`] collections in a row in which marking was slowest, in bytes per millisecond.
/// If `value` is well below `usual`, the collector no longer gets the CPU time or the memory bandwidth that it had.
///
/// Collections with less than 4 MiB to mark are left out, since the log's sizes are too coarse for them. `None` if
/// there are fewer than twice [`PERIOD_CYCLES`] other collections.
pub fn slowest_marking(cycles: &[Cycle]) -> Option<Period> {
    let measurable = |cycle: &Cycle| cycle.marked() >= MIN_MARKED && !cycle.clock.mark.is_zero();
    let parts = cycles.iter().enumerate().filter(|(_, cycle)| measurable(cycle));
    let parts = parts.map(|(index, cycle)| Part {
        index,
        n: cycle.n,
        dividend: cycle.marked() as f64,
        divisor: nanos(cycle.clock.mark) / NANOS_PER_MILLI,
    });
    extreme(&parts.collect::<Vec<_>>(), |value, worst| value < worst)
}

/// Returns the period of [`PERIOD_CYCLES`] collections in a row in which allocating goroutines had to do the largest
/// share of marking, between 0 and 1: allocation was faster than the collector.
///
/// `None` if there are fewer than twice [`PERIOD_CYCLES`] collections with measurable marking.
pub fn most_assist(cycles: &[Cycle]) -> Option<Period> {
    let parts = cycles.iter().enumerate().filter(|(_, cycle)| !cycle.cpu.mark().is_zero());
    let parts = parts.map(|(index, cycle)| Part {
        index,
        n: cycle.n,
        dividend: nanos(cycle.cpu.assist),
        divisor: nanos(cycle.cpu.mark()),
    });
    extreme(&parts.collect::<Vec<_>>(), |value, worst| value > worst)
}

/// The values of a collection that are summed up to form a quotient.
struct Part {
    index: usize,
    n: u32,
    dividend: f64,
    divisor: f64,
}

/// Returns the period with the worst quotient of sums, and the median quotient.
fn extreme(parts: &[Part], is_worse: impl Fn(f64, f64) -> bool) -> Option<Period> {
    if parts.len() < 2 * PERIOD_CYCLES {
        return None;
    }
    let value = |period: &[Part]| {
        let dividend: f64 = period.iter().map(|part| part.dividend).sum();
        dividend / period.iter().map(|part| part.divisor).sum::<f64>()
    };
    let mut values: Vec<f64> = parts.windows(PERIOD_CYCLES).map(value).collect();
    let mut worst = 0;
    for (at, &value) in values.iter().enumerate() {
        if is_worse(value, values[worst]) {
            worst = at;
        }
    }
    let value = values[worst];
    values.sort_unstable_by(f64::total_cmp);
    let usual = values[(values.len() - 1) / 2];
    let (first, last) = (&parts[worst], &parts[worst + PERIOD_CYCLES - 1]);
    Some(Period { first: first.index, last: last.index, first_n: first.n, last_n: last.n, value, usual })
}
