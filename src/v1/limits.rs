//! Checks limits on v1 traces. A whole trace counts as one generation.

use super::check::World;
use super::scan::Scan;
use crate::error::ErrorKind;
use crate::limits::{Limits, check};

/// Checks the numbers of live goroutines, open tasks and open regions.
pub(super) fn check_live(world: &World, limits: &Limits) -> Result<(), ErrorKind> {
    check("goroutines", world.gos.len() as u64, limits.goroutines)?;
    check("open tasks", world.annotations.open_tasks() as u64, limits.tasks)?;
    check("open regions", world.annotations.open_regions() as u64, limits.regions)
}

/// Checks the size of the file, which is completely in memory.
pub(super) fn check_len(len: usize, limits: &Limits) -> Result<(), ErrorKind> {
    check("bytes in a generation", len as u64, limits.generation_bytes)
}

/// Checks the result of the first pass.
pub(super) fn check_found(scan: &Scan, limits: &Limits) -> Result<(), ErrorKind> {
    check("Ps", scan.proc_count() as u64, limits.threads.min(limits.procs))?;
    check("strings in a generation", scan.tables().strings.len() as u64, limits.strings)?;
    check("stacks in a generation", scan.stack_count() as u64, limits.stacks)?;
    check("frames in a generation", scan.tables().frame_count() as u64, limits.frames)?;
    check("CPU samples in a generation", scan.sample_count() as u64, limits.samples)
}
