//! Compares profiles of the same program: the difference between two profiles, and the growth over several profiles.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::Duration;

use thiserror::Error;

use super::profile;
use super::report::{By, Report, Row, add};
use crate::number::intern;

/// Why reports cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Incompatible {
    /// The reports sum up values by different things, such as functions and packages.
    #[error("one report is by {0:?}, the other by {1:?}")]
    By(By, By),
    /// The profiles have no sample type in common.
    #[error("the profiles have no sample type in common: one is of kind {0}, the other {1}")]
    SampleTypes(super::PprofKind, super::PprofKind),
    /// Growth needs at least two profiles.
    #[error("growth needs at least two profiles")]
    TooFew,
}

impl Report {
    /// Subtracts `base` from this report, like `go tool pprof -diff_base`. The result contains the sample types that
    /// both reports have.
    ///
    /// # Errors
    ///
    /// Fails if the reports sum up values by different things, or have no sample type in common.
    pub fn minus(&self, base: &Report) -> Result<Report, Incompatible> {
        let mut diff = self.in_terms_of(&[self, base])?;
        let base = base.in_terms_of(&[self, base])?;
        diff.put(&base, |value| value.wrapping_neg());
        diff.duration_nanos = self.duration_nanos.saturating_add(base.duration_nanos);
        Ok(diff)
    }

    /// Returns the report with only the sample types that all reports have, in the order of the first report.
    fn in_terms_of(&self, all: &[&Report]) -> Result<Report, Incompatible> {
        let first = all.first().ok_or(Incompatible::TooFew)?;
        if first.by != self.by {
            return Err(Incompatible::By(first.by, self.by));
        }
        let common =
            first.sample_types.iter().filter(|wanted| all.iter().all(|report| report.sample_types.contains(wanted)));
        let columns: Vec<usize> =
            common.filter_map(|wanted| self.sample_types.iter().position(|found| found == wanted)).collect();
        if columns.is_empty() {
            let has_none =
                |report: &&&Report| report.sample_types.iter().all(|found| !first.sample_types.contains(found));
            let other = all.iter().find(has_none).unwrap_or(first);
            return Err(Incompatible::SampleTypes(first.kind, other.kind));
        }
        let mut report = self.clone();
        if columns.iter().copied().ne(0..self.sample_types.len()) {
            report.default_sample_type =
                columns.iter().position(|&column| column == self.default_sample_type).unwrap_or(0);
            report.sample_types = columns.iter().map(|&column| self.sample_types[column].clone()).collect();
            let width = self.sample_types.len();
            for values in [&mut report.flat, &mut report.cum, &mut report.total] {
                *values = values.chunks(width).flat_map(|row| columns.iter().map(|&column| row[column])).collect();
            }
        }
        Ok(report)
    }

    /// Adds the rows of a report with the same sample types. `change` is applied to each value
    /// first.
    fn put(&mut self, other: &Report, change: impl Fn(i64) -> i64) {
        let width = self.sample_types.len();
        let changed = |values: &[i64]| values.iter().map(|&value| change(value)).collect::<Vec<_>>();
        add(&mut self.total, &changed(&other.total));
        for row in other.rows() {
            let index = self.row_of(row);
            let values = index * width..(index + 1) * width;
            add(&mut self.flat[values.clone()], &changed(row.flat));
            add(&mut self.cum[values], &changed(row.cum));
        }
    }

    /// Returns the index of the row with the same name or stack. Adds a row if there is none.
    fn row_of(&mut self, row: Row<'_>) -> usize {
        let names: Vec<u32> = row.frames().map(|name| intern(&mut self.names, name)).collect();
        let index = match (self.by, &names[..]) {
            (By::Function | By::Package, &[name]) => name as usize,
            _ => self.stacks.insert_full(names.into()).0,
        };
        let end = (index + 1) * self.sample_types.len();
        if end > self.flat.len() {
            self.flat.resize(end, 0);
            self.cum.resize(end, 0);
        }
        index
    }
}

/// The growth of values over several profiles of the same program.
#[derive(Clone, Debug)]
pub struct Growth {
    /// The snapshots, sorted by time. All have the same sample types.
    snapshots: Vec<Report>,
    /// The last snapshot minus the first.
    diff: Report,
}

/// The growth of a function, package or stack.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GrowthRow<'g> {
    /// The last snapshot minus the first.
    pub diff: Row<'g>,
    /// The flat value of the selected sample type in each snapshot, in order of time. 0 if the
    /// snapshot does not have the row.
    pub flat: Vec<i64>,
    /// The cumulative value of the selected sample type in each snapshot, in order of time. 0 if the snapshot does not
    /// have the row.
    pub cum: Vec<i64>,
    /// The growth of the flat value per second, from the first snapshot to the last. `None` if a
    /// time is unknown, or if the times are equal.
    pub flat_per_second: Option<f64>,
    /// The growth of the cumulative value per second, from the first snapshot to the last. `None` if a time is unknown,
    /// or if the times are equal.
    pub cum_per_second: Option<f64>,
}

impl Growth {
    /// Sorts snapshots by time and compares them. Snapshots with an unknown time come first, in the
    /// given order.
    ///
    /// # Errors
    ///
    /// Fails if there are fewer than two reports, or if they cannot be compared.
    pub fn new(mut snapshots: Vec<Report>) -> Result<Self, Incompatible> {
        snapshots.sort_by_key(|snapshot| snapshot.time_nanos);
        let all: Vec<&Report> = snapshots.iter().collect();
        let snapshots = all.iter().map(|snapshot| snapshot.in_terms_of(&all)).collect::<Result<Vec<_>, _>>()?;
        let [first, .., last] = &snapshots[..] else { return Err(Incompatible::TooFew) };
        let diff = last.minus(first)?;
        Ok(Growth { snapshots, diff })
    }

    /// Returns the snapshots, sorted by time.
    pub fn snapshots(&self) -> &[Report] {
        &self.snapshots
    }

    /// Returns the last snapshot minus the first.
    pub fn diff(&self) -> &Report {
        &self.diff
    }

    /// Returns the time from the first snapshot to the last. `None` if it is unknown or zero.
    pub fn duration(&self) -> Option<Duration> {
        let [first, .., last] = &self.snapshots[..] else { return None };
        let nanos = last.time_nanos.checked_sub(first.time_nanos)?;
        profile::duration(nanos).filter(|_| first.time_nanos != 0)
    }

    /// Returns the rows whose value differs between the first and the last snapshot, sorted by growth: the rows that
    /// grew most come first, the rows that shrank most come last. `sample_type` is an index. Empty if it is out of
    /// range.
    pub fn rows(&self, sample_type: usize) -> Vec<GrowthRow<'_>> {
        let mut changed = self.diff.top(sample_type);
        changed.sort_by_key(|row| Reverse((row.flat[sample_type], row.cum[sample_type])));
        let seconds = self.duration().map(|duration| duration.as_nanos() as f64 / 1e9);
        let by_stack: Vec<HashMap<Vec<&str>, usize>> = self.snapshots.iter().map(stacks_by_name).collect();
        let grown = changed.into_iter().map(|diff| {
            let rows = self.snapshots.iter().zip(&by_stack).map(|(snapshot, by_stack)| match snapshot.by {
                By::Function | By::Package => snapshot.find(diff.name()),
                By::Stack => by_stack.get(&diff.frames().collect::<Vec<_>>()).map(|&index| snapshot.row(index)),
            });
            let values = rows.map(|row| row.map_or((0, 0), |row| (row.flat[sample_type], row.cum[sample_type])));
            let (flat, cum) = values.unzip();
            GrowthRow {
                flat,
                cum,
                flat_per_second: seconds.map(|seconds| diff.flat[sample_type] as f64 / seconds),
                cum_per_second: seconds.map(|seconds| diff.cum[sample_type] as f64 / seconds),
                diff,
            }
        });
        grown.collect()
    }
}

/// Indexes stacks by the names of their functions, because IDs of names differ between snapshots.
fn stacks_by_name(report: &Report) -> HashMap<Vec<&str>, usize> {
    match report.by {
        By::Function | By::Package => HashMap::new(),
        By::Stack => report.rows().enumerate().map(|(index, row)| (row.frames().collect(), index)).collect(),
    }
}
