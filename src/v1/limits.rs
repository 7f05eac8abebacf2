//! How much of everything a trace may have. It is one generation, and nothing is taken from it into another.

use super::check::World;
use super::scan::Scan;
use crate::error::ErrorKind;
use crate::limits::{Limits, check};

/// Holds what lives to the limits.
pub(super) fn check_live(world: &World, limits: &Limits) -> Result<(), ErrorKind> {
    check("goroutines", world.gos.len() as u64, limits.goroutines)?;
    check("open tasks", world.annotations.open_tasks() as u64, limits.tasks)?;
    check("open regions", world.annotations.open_regions() as u64, limits.regions)
}

/// Holds the bytes of the file, all of which are in memory, to the limit.
pub(super) fn check_len(len: usize, limits: &Limits) -> Result<(), ErrorKind> {
    check("bytes in a generation", len as u64, limits.generation_bytes)
}

/// Holds what the first pass has found to the limits.
pub(super) fn check_found(scan: &Scan, limits: &Limits) -> Result<(), ErrorKind> {
    check("Ps", scan.rows() as u64, limits.threads.min(limits.procs))?;
    check("strings in a generation", scan.tables().strings.len() as u64, limits.strings)?;
    check("stacks in a generation", scan.stacks() as u64, limits.stacks)?;
    check("frames in a generation", scan.tables().frame_count() as u64, limits.frames)?;
    check("CPU samples in a generation", scan.samples() as u64, limits.samples)
}
