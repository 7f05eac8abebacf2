//! Writes repaired traces to OUT, OUT.2 and so on.

use std::path::Path;

use gotrace::edit::{DamageReport, RepairError, Repaired};

use super::place::{Closed, Place, TempDraft};
use super::report::RepairedFile;
use crate::failure::Failure;
use crate::input::Seekable;

/// Writes what can be saved to OUT, OUT.2 and so on. No file is replaced before all are written.
pub(crate) fn repair(
    bytes: Result<Box<dyn Seekable>, Failure>,
    report: &DamageReport,
    out: &Path,
    trace: &Path,
) -> Result<Vec<RepairedFile>, Failure> {
    let out = Place::new(out, trace)?;
    let saved = save(bytes?, report, &out, trace)?;
    let others = (2..=saved.len()).map(|number| out.numbered(number, trace)).collect::<Result<Vec<_>, _>>()?;
    let places: Vec<_> = std::iter::once(&out).chain(&others).collect();
    for (i, place) in places.iter().enumerate() {
        if let Some(other) = places[..i].iter().find(|other| other.is(place)) {
            let (name, other) = (place.name.display(), other.name.display());
            return Err(Failure::Usage(format!(
                "{name} and {other} are the same file; each part needs a file of its own"
            )));
        }
    }
    let mut files = Vec::new();
    for (saved, place) in saved.into_iter().zip(places) {
        saved.trace.put(place)?;
        let (file, replaces) = (place.name.display().to_string(), place.is_taken());
        files.push(RepairedFile { file, replaces, part: saved.report });
    }
    Ok(files)
}

/// Whether a repair can save anything, as far as that can be found out. If no generation is known to
/// be sound, a repair is tried and its result discarded.
pub(crate) fn may_save(bytes: Result<Box<dyn Seekable>, Failure>, report: &DamageReport) -> bool {
    if report.generations.iter().any(|generation| generation.ok) {
        return true;
    }
    let saved = bytes.ok().map(|mut bytes| gotrace::edit::repair(&mut bytes, report, TempDraft::discarded));
    !matches!(saved, Some(Ok(saved)) if saved.is_empty())
}

fn save(
    mut bytes: Box<dyn Seekable>,
    report: &DamageReport,
    out: &Place,
    trace: &Path,
) -> Result<Vec<Repaired<Closed>>, Failure> {
    gotrace::edit::repair(&mut bytes, report, || out.draft()).map_err(|error| match error {
        RepairError::Read(error) => Failure::input(trace, error),
        RepairError::Write(error) => Failure::output(&out.name, error),
        other => Failure::Usage(other.to_string()),
    })
}
