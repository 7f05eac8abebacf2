//! The heap, its goal and GOMAXPROCS over time.

use super::Timeline;
use crate::time::Time;

/// Values and when they came to hold.
type Column = Vec<(i64, u64)>;

/// The columns of all metrics, each in order of time.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    pub heap: Column,
    pub goals: Column,
    pub gomaxprocs: Column,
}

impl Metrics {
    pub fn bytes(&self) -> u64 {
        let columns = [&self.heap, &self.goals, &self.gomaxprocs];
        columns.map(|column| (column.capacity() * size_of::<(i64, u64)>()) as u64).iter().sum()
    }
}

/// The value that holds at an instant: the last one told, if nothing is missing since.
fn at(column: &Column, gaps: &[i64], time: Time) -> Option<u64> {
    let last = column.partition_point(|&(since, _)| since <= time.0).checked_sub(1)?;
    let &(since, value) = column.get(last)?;
    let next_gap = gaps.get(gaps.partition_point(|&gap| gap <= since));
    next_gap.is_none_or(|&gap| time.0 < gap).then_some(value)
}

fn all(column: &Column) -> impl ExactSizeIterator<Item = (Time, u64)> + DoubleEndedIterator + Clone {
    column.iter().map(|&(time, value)| (Time(time), value))
}

impl Timeline {
    /// Bytes of live and unswept objects on the heap, whenever the runtime told them.
    pub fn heap(&self) -> impl ExactSizeIterator<Item = (Time, u64)> + DoubleEndedIterator + Clone {
        all(&self.metrics.heap)
    }

    /// Bytes on the heap at an instant; `None` before the trace first tells them, and after a gap.
    pub fn heap_at(&self, time: Time) -> Option<u64> {
        at(&self.metrics.heap, &self.gaps, time)
    }

    /// The heap size in bytes at which the collection that comes next is to end, whenever it changed.
    pub fn heap_goals(&self) -> impl ExactSizeIterator<Item = (Time, u64)> + DoubleEndedIterator + Clone {
        all(&self.metrics.goals)
    }

    /// The goal at an instant; `None` before the trace first tells it, and after a gap.
    pub fn heap_goal_at(&self, time: Time) -> Option<u64> {
        at(&self.metrics.goals, &self.gaps, time)
    }

    /// GOMAXPROCS, whenever the runtime told it: as the trace began, and at each change.
    pub fn gomaxprocs(&self) -> impl ExactSizeIterator<Item = (Time, u64)> + DoubleEndedIterator + Clone {
        all(&self.metrics.gomaxprocs)
    }

    /// GOMAXPROCS at an instant; `None` before the trace first tells it, and after a gap.
    pub fn gomaxprocs_at(&self, time: Time) -> Option<u64> {
        at(&self.metrics.gomaxprocs, &self.gaps, time)
    }
}
