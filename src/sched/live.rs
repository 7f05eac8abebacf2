//! How much is remembered: what a file that never ends anything can make grow from generation to generation.

use super::Sched;

/// Numbers of things that live or are open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Live {
    pub goroutines: u64,
    pub procs: u64,
    pub tasks: u64,
    pub regions: u64,
}

impl Sched {
    /// How much lives now.
    pub fn live(&self) -> Live {
        Live {
            goroutines: self.gos.len() as u64,
            procs: self.procs.len() as u64,
            tasks: self.annotations.open_tasks() as u64,
            regions: self.annotations.open_regions() as u64,
        }
    }

    /// About how many bytes of memory all of it takes.
    pub fn bytes(&self) -> u64 {
        let arenas = self.gos.bytes() + self.procs.bytes() + self.threads.bytes();
        (arenas + self.names.bytes() + self.annotations.bytes() + self.ranges.bytes()) as u64
    }
}
