//! The heap, its goal and GOMAXPROCS over time.

/// Values and the times from which they are valid.
pub(in crate::timeline) type Column = Vec<(i64, u64)>;

/// The columns of all metrics, each in order of time.
#[derive(Debug, Default)]
pub(in crate::timeline) struct Metrics {
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
