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

/// The value that holds at an instant.
fn at(column: &Column, time: Time) -> Option<u64> {
    let last = column.partition_point(|&(since, _)| since <= time.0).checked_sub(1)?;
    column.get(last).map(|&(_, value)| value)
}

fn all(column: &Column) -> impl ExactSizeIterator<Item = (Time, u64)> + DoubleEndedIterator + Clone {
    column.iter().map(|&(time, value)| (Time(time), value))
}

impl Timeline {
    /// Bytes of live and unswept objects on the heap, whenever the runtime told them.
    pub fn heap(&self) -> impl ExactSizeIterator<Item = (Time, u64)> + DoubleEndedIterator + Clone {
        all(&self.metrics.heap)
    }

    /// Bytes on the heap at an instant; `None` before the trace first tells them.
    pub fn heap_at(&self, time: Time) -> Option<u64> {
        at(&self.metrics.heap, time)
    }

    /// The heap size in bytes at which the collection that comes next is to end, whenever it changed.
    pub fn heap_goals(&self) -> impl ExactSizeIterator<Item = (Time, u64)> + DoubleEndedIterator + Clone {
        all(&self.metrics.goals)
    }

    /// The goal at an instant; `None` before the trace first tells it.
    pub fn heap_goal_at(&self, time: Time) -> Option<u64> {
        at(&self.metrics.goals, time)
    }

    /// GOMAXPROCS, whenever the runtime told it: as the trace began, and at each change.
    pub fn gomaxprocs(&self) -> impl ExactSizeIterator<Item = (Time, u64)> + DoubleEndedIterator + Clone {
        all(&self.metrics.gomaxprocs)
    }

    /// GOMAXPROCS at an instant; `None` before the trace first tells it.
    pub fn gomaxprocs_at(&self, time: Time) -> Option<u64> {
        at(&self.metrics.gomaxprocs, time)
    }
}
