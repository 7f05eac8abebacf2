//! Analyses in one pass: running them, and how distributions are printed.

use std::path::Path;
use std::time::Duration;

use gotrace::analysis::{Histogram, Observer, run};
use gotrace::{Error, Reader};
use serde::Serialize;

use crate::failure::Failure;
use crate::view::text::duration_text;

/// What an analysis found in a file, or on standard input for `-`, and why the trace could not be read to its end.
pub fn observe<O: Observer + Send>(path: &Path, observer: O) -> Result<(O::Output, Option<Error>), Failure> {
    let input = crate::input::open(path, true)?;
    let mut reader = Reader::from_reader(input).map_err(|error| Failure::trace(path, &error))?;
    Ok(run(&mut reader, observer))
}

/// The end of a program that has printed what it found.
pub fn ended(path: &Path, error: Option<Error>) -> Result<(), Failure> {
    error.map_or(Ok(()), |error| Err(Failure::trace(path, &error)))
}

/// A distribution as JSON. Schema: `gotrace::analysis::json`.
#[derive(Clone, Debug, Serialize)]
pub struct Spread {
    pub count: u64,
    pub sum_ns: i64,
    pub min_ns: i64,
    pub mean_ns: f64,
    pub p50_ns: i64,
    pub p90_ns: i64,
    pub p99_ns: i64,
    pub max_ns: i64,
}

impl From<&Histogram> for Spread {
    fn from(histogram: &Histogram) -> Self {
        Spread {
            count: histogram.count(),
            sum_ns: histogram.sum(),
            min_ns: histogram.min(),
            mean_ns: histogram.mean(),
            p50_ns: histogram.percentile(50.0),
            p90_ns: histogram.percentile(90.0),
            p99_ns: histogram.percentile(99.0),
            max_ns: histogram.max(),
        }
    }
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
    let Spread { sum_ns, min_ns, mean_ns, p50_ns, p90_ns, p99_ns, max_ns, .. } = times.into();
    let values = [sum_ns, min_ns, mean_ns as i64, p50_ns, p90_ns, p99_ns, max_ns];
    values.map(|nanos| format!("{:>9}", time(nanos))).join(" ")
}
