//! The heap, its goal and GOMAXPROCS over time.

use super::Timeline;
use super::columns::metrics::Column;
use crate::time::Time;

/// A value of a metric and the time from which it is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MetricValue {
    /// The time at which the runtime reported it.
    pub time: Time,
    /// The value: a number of bytes, or GOMAXPROCS.
    pub value: u64,
}

/// Returns the value at a time, which is the last reported value. `None` if a gap follows it.
fn at(column: &Column, gaps: &[i64], time: Time) -> Option<u64> {
    let last = column.partition_point(|&(since, _)| since <= time.0).checked_sub(1)?;
    let &(since, value) = column.get(last)?;
    let next_gap = gaps.get(gaps.partition_point(|&gap| gap <= since));
    next_gap.is_none_or(|&gap| time.0 < gap).then_some(value)
}

fn all(column: &Column) -> impl ExactSizeIterator<Item = MetricValue> + DoubleEndedIterator + Clone {
    column.iter().map(|&(time, value)| MetricValue { time: Time(time), value })
}

impl Timeline {
    /// Returns the heap size (live and unswept objects) in bytes, with the times at which the runtime reported it.
    pub fn heap(&self) -> impl ExactSizeIterator<Item = MetricValue> + DoubleEndedIterator + Clone {
        all(&self.metrics.heap)
    }

    /// Returns the heap size in bytes at a time. `None` before the trace first reports it, and after a gap.
    pub fn heap_at(&self, time: Time) -> Option<u64> {
        at(&self.metrics.heap, &self.gaps, time)
    }

    /// Returns the heap goal, which is the heap size in bytes at which the next collection is to end, with the times at
    /// which it changed.
    pub fn heap_goals(&self) -> impl ExactSizeIterator<Item = MetricValue> + DoubleEndedIterator + Clone {
        all(&self.metrics.goals)
    }

    /// Returns the heap goal in bytes at a time. `None` before the trace first reports it, and after a gap.
    pub fn heap_goal_at(&self, time: Time) -> Option<u64> {
        at(&self.metrics.goals, &self.gaps, time)
    }

    /// Returns GOMAXPROCS when the trace started, and after each change.
    pub fn gomaxprocs(&self) -> impl ExactSizeIterator<Item = MetricValue> + DoubleEndedIterator + Clone {
        all(&self.metrics.gomaxprocs)
    }

    /// Returns GOMAXPROCS at a time. `None` before the trace first reports it, and after a gap.
    pub fn gomaxprocs_at(&self, time: Time) -> Option<u64> {
        at(&self.metrics.gomaxprocs, &self.gaps, time)
    }
}
