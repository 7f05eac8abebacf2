//! The heap, its goal and GOMAXPROCS over time.

use super::Timeline;
use super::columns::metrics::Column;
use crate::time::Time;

/// A value of a metric and the time from which it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MetricValue {
    /// When the runtime reported it.
    pub time: Time,
    /// The value: bytes, or GOMAXPROCS.
    pub value: u64,
}

/// The value at a time: the last one reported, unless a gap follows it.
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
    /// The heap size (live and unswept objects) in bytes, whenever the runtime reported it.
    pub fn heap(&self) -> impl ExactSizeIterator<Item = MetricValue> + DoubleEndedIterator + Clone {
        all(&self.metrics.heap)
    }

    /// The heap size in bytes at a time. `None` before the trace first reports it, and after a gap.
    pub fn heap_at(&self, time: Time) -> Option<u64> {
        at(&self.metrics.heap, &self.gaps, time)
    }

    /// The heap goal, which is the heap size in bytes at which the next collection is to end,
    /// whenever it changed.
    pub fn heap_goals(&self) -> impl ExactSizeIterator<Item = MetricValue> + DoubleEndedIterator + Clone {
        all(&self.metrics.goals)
    }

    /// The heap goal in bytes at a time. `None` before the trace first reports it, and after a gap.
    pub fn heap_goal_at(&self, time: Time) -> Option<u64> {
        at(&self.metrics.goals, &self.gaps, time)
    }

    /// GOMAXPROCS, whenever the runtime reported it: when the trace started, and at each change.
    pub fn gomaxprocs(&self) -> impl ExactSizeIterator<Item = MetricValue> + DoubleEndedIterator + Clone {
        all(&self.metrics.gomaxprocs)
    }

    /// GOMAXPROCS at a time. `None` before the trace first reports it, and after a gap.
    pub fn gomaxprocs_at(&self, time: Time) -> Option<u64> {
        at(&self.metrics.gomaxprocs, &self.gaps, time)
    }
}
