//! Analyses in one pass: running them, and how distributions are printed.

use std::path::Path;
use std::time::Duration;

use gotrace::analysis::{Histogram, Observer, run};
use gotrace::{Error, Reader};

use crate::failure::Failure;
use crate::view::text::duration_text;

/// What an analysis found in a file, or on standard input for `-`, and why the trace could not be read to its end.
pub fn observe<O: Observer + Send>(path: &Path, observer: O) -> Result<(O::Output, Option<Error>), Failure> {
    let input = crate::input::open_trace(path)?;
    let mut reader = Reader::from_reader(input).map_err(|error| Failure::trace(path, &error))?;
    Ok(run(&mut reader, observer))
}

/// The end of a program that has printed what it found.
pub fn ended(path: &Path, error: Option<Error>) -> Result<(), Failure> {
    error.map_or(Ok(()), |error| Err(Failure::trace(path, &error)))
}

/// Nanoseconds with a unit.
pub fn time(nanos: i64) -> String {
    duration_text(Duration::from_nanos(nanos.max(0).unsigned_abs()))
}

/// The names of the columns of [`spread_text`].
pub fn spread_head() -> String {
    let names = ["sum", "min", "mean", "p50", "p90", "p99", "max"];
    names.map(|name| format!("{name:>9}")).join(" ")
}

/// A distribution in a line, 69 characters wide.
pub fn spread_text(times: &Histogram) -> String {
    let [p50, p90, p99] = [50.0, 90.0, 99.0].map(|percent| times.percentile(percent));
    let values = [times.sum(), times.min(), times.mean(), p50, p90, p99, times.max()];
    values.map(|duration| format!("{:>9}", duration_text(duration))).join(" ")
}
