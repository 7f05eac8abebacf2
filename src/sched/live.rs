//! The amount of state that the scheduler keeps. A file can increase it in each generation.

use super::Sched;

/// The numbers of live goroutines and Ps, and of open tasks and regions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Live {
    pub goroutines: u64,
    pub procs: u64,
    pub tasks: u64,
    pub regions: u64,
}

impl Sched {
    /// Returns the current numbers.
    pub fn live(&self) -> Live {
        Live {
            goroutines: self.gos.len() as u64,
            procs: self.procs.len() as u64,
            tasks: self.annotations.open_tasks() as u64,
            regions: self.annotations.open_regions() as u64,
        }
    }

    /// Returns the approximate memory of the state in bytes.
    pub fn bytes(&self) -> u64 {
        let arenas = self.gos.bytes() + self.procs.bytes() + self.threads.bytes();
        (arenas + self.names.bytes() + self.annotations.bytes() + self.ranges.bytes()) as u64
    }
}
