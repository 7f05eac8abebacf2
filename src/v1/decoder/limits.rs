//! How much of everything a trace may have. It is one generation, and nothing is carried on into another.

use super::super::scan::Scan;
use super::Decoder;
use crate::error::{Error, ErrorKind};
use crate::limits::{Mode, check};
use crate::wire::source::Source;

impl Decoder {
    /// Holds what lives to the limits.
    pub(super) fn check_live(&self, source: &Source<'_>) -> Result<(), Error> {
        let limits = &self.mode.limits;
        let world = &self.converter.world;
        let checked = check("goroutines", world.gos.len() as u64, limits.goroutines)
            .and_then(|()| check("open tasks", world.annotations.open_tasks() as u64, limits.tasks))
            .and_then(|()| check("open regions", world.annotations.open_regions() as u64, limits.regions));
        checked.map_err(|kind| self.fault(kind, 0, source))
    }
}

/// Holds what the walk has found to the limits.
pub(super) fn check_walk(scan: &Scan, len: usize, mode: &Mode) -> Result<(), ErrorKind> {
    let limits = &mode.limits;
    check("bytes in a generation", len as u64, limits.generation_bytes)?;
    check("Ps", scan.rows() as u64, limits.threads.min(limits.procs))?;
    check("strings in a generation", scan.tables().strings.len() as u64, limits.strings)?;
    check("stacks in a generation", scan.stacks() as u64, limits.stacks)?;
    check("frames in a generation", scan.tables().frame_count() as u64, limits.frames)?;
    check("CPU samples in a generation", scan.samples() as u64, limits.samples)
}
