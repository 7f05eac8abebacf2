//! The metrics of the runtime, cell by cell.

use super::grid::Grid;
use super::{LaneState, Lanes};
use crate::timeline::columns::metrics::Column;

/// A value that the runtime reports whenever it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Metric {
    /// The heap size in bytes: live and unswept objects.
    Heap,
    /// The heap size in bytes at which the next collection is to end.
    HeapGoal,
    /// GOMAXPROCS.
    Gomaxprocs,
}

/// The values of a metric in a cell.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct MetricCell {
    /// The smallest value.
    pub min: u64,
    /// The largest value.
    pub max: u64,
    /// The mean over the time for which the value is known.
    pub mean: f64,
}

/// The values of a cell so far.
#[derive(Clone, Copy, Default)]
struct Sum {
    min: u64,
    max: u64,
    /// The sum of values, each multiplied by its duration in nanoseconds.
    total: u128,
    nanos: u64,
}

impl Sum {
    fn add(&mut self, value: u64, nanos: u64) {
        self.min = if self.nanos == 0 { value } else { self.min.min(value) };
        self.max = self.max.max(value);
        self.total += u128::from(value) * u128::from(nanos);
        self.nanos += nanos;
    }

    fn cell(self) -> Option<MetricCell> {
        let mean = self.total as f64 / self.nanos as f64;
        (self.nanos > 0).then_some(MetricCell { min: self.min, max: self.max, mean })
    }
}

impl Lanes<'_> {
    /// Returns the values of a metric. `None` for cells in which it is not known: before the trace first reports it,
    /// after a [gap](crate::Timeline::gaps) until the trace reports it again, and outside of the trace.
    pub fn metric(&self, metric: Metric) -> Vec<Option<MetricCell>> {
        let metrics = &self.timeline.metrics;
        let column = match metric {
            Metric::Heap => &metrics.heap,
            Metric::HeapGoal => &metrics.goals,
            Metric::Gomaxprocs => &metrics.gomaxprocs,
        };
        self.cells_of(column)
    }

    /// Returns the share of the processors' time that the mark workers of the garbage collector used: the time of
    /// [`LaneState::GcWork`] divided by GOMAXPROCS. `None` for cells in which GOMAXPROCS is not known.
    pub fn gc_share(&self) -> Vec<Option<f64>> {
        let procs = self.metric(Metric::Gomaxprocs);
        let share = |(cell, procs): (&super::GroupCell, Option<MetricCell>)| {
            procs.filter(|procs| procs.mean > 0.0).map(|procs| cell.mean(LaneState::GcWork) / procs.mean)
        };
        self.all_goroutines().iter().zip(procs).map(share).collect()
    }

    fn cells_of(&self, column: &Column) -> Vec<Option<MetricCell>> {
        let (grid, timeline) = (self.grid, self.timeline);
        let mut sums = vec![Sum::default(); grid.len];
        let first = column.partition_point(|&(since, _)| since <= grid.start(0)).saturating_sub(1);
        for (index, &(since, value)) in column.iter().enumerate().skip(first) {
            if since >= grid.end() {
                break;
            }
            let next = column.get(index + 1).map_or(timeline.extent.end, |&(next, _)| next);
            let gap = timeline.gaps.get(timeline.gaps.partition_point(|&gap| gap <= since));
            add(&mut sums, grid, since, next.min(gap.copied().unwrap_or(next)), value);
        }
        sums.into_iter().map(Sum::cell).collect()
    }
}

/// Adds a value that was valid from `start` to `end`.
fn add(sums: &mut [Sum], grid: Grid, start: i64, end: i64, value: u64) {
    let Some(part) = grid.clip(start, end) else { return };
    for number in grid.cell(part.start)..=grid.cell(part.end - 1) {
        let from = grid.start(number).max(part.start);
        let to = grid.start(number + 1).min(part.end);
        if let Some(sum) = sums.get_mut(number) {
            sum.add(value, to.abs_diff(from));
        }
    }
}
