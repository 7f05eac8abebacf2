//! Where repaired traces go.

use std::io;
use std::path::Path;

use same_file::Handle;

use crate::cli::Failure;

/// Refuses a place that is the trace itself, by whatever name: it would be lost while it is read.
pub(crate) fn check(place: &Path, trace: &Path) -> Result<(), Failure> {
    let there = match Handle::from_path(place) {
        Ok(there) => there,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Failure::output(place, error)),
    };
    let trace = match trace == Path::new("-") {
        true => Handle::stdin(),
        false => Handle::from_path(trace),
    };
    match trace.is_ok_and(|trace| trace == there) {
        true => Err(Failure::Usage(format!("{}: is the trace itself: repair it into another file", place.display()))),
        false => Ok(()),
    }
}
