//! The largest rows of a report or of growth, for display.

use std::collections::BTreeMap;
use std::time::Duration;

use super::diff::{Growth, GrowthRow};
use super::kind::PprofKind;
use super::report::{By, Report, Row, SortBy};
use crate::time::WallTime;

/// The largest rows of a profile, or of several profiles with their growth.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct TopReport {
    /// The kind of the profile, such as `heap`.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub kind: PprofKind,
    /// The unit of each row: a function, a package or a stack.
    pub by: By,
    /// The sample type that the rows are sorted by. `None` if the profile has no sample types.
    pub sample: Option<String>,
    /// The sample types and their units, such as `inuse_space` and `bytes`.
    pub sample_types: BTreeMap<String, String>,
    /// For each sample type, the sum over all samples of the last profile.
    pub total: BTreeMap<String, i64>,
    /// The profiles, sorted by time.
    pub profiles: Vec<Snapshot>,
    /// The number of rows with a value other than zero.
    pub row_count: usize,
    /// The largest rows of the last profile.
    pub rows: Vec<TopRow>,
    /// The growth. `None` if there is only one profile.
    pub growth: Option<TopGrowth>,
}

/// The time of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Snapshot {
    /// The time at which it was taken. `None` if unknown.
    pub time: Option<WallTime>,
    /// The duration that it covers. `None` if unknown, as for heap profiles.
    #[cfg_attr(feature = "serde", serde(rename = "duration_ns", serialize_with = "crate::nanos::optional"))]
    #[cfg_attr(feature = "schema", schemars(with = "Option<u64>"))]
    pub duration: Option<Duration>,
}

/// The values of a function, package or stack.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct TopRow {
    /// The function or package. For a stack, its innermost function, or empty if it has no
    /// functions.
    pub name: String,
    /// The functions of a stack, innermost first. `None` for functions and packages.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub functions: Option<Vec<String>>,
    /// The values by sample type.
    pub values: BTreeMap<String, Sums>,
}

/// A flat and a cumulative value, as in `go tool pprof -top`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Sums {
    /// The sum over the samples with this function or package as the innermost frame.
    pub flat: i64,
    /// The sum over the samples with this function or package in their stack.
    pub cum: i64,
}

/// The rows that grow most over several profiles.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct TopGrowth {
    /// The time from the first profile to the last. `None` if it is unknown or zero.
    #[cfg_attr(feature = "serde", serde(rename = "duration_ns", serialize_with = "crate::nanos::optional"))]
    #[cfg_attr(feature = "schema", schemars(with = "Option<u64>"))]
    pub duration: Option<Duration>,
    /// The number of rows whose value changed.
    pub row_count: usize,
    /// The rows that grew most.
    pub rows: Vec<TopGrowthRow>,
}

/// The growth of a function, package or stack. See [`GrowthRow`].
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct TopGrowthRow {
    /// The function or package. For a stack, its innermost function, or empty if it has no
    /// functions.
    pub name: String,
    /// The functions of a stack, innermost first. `None` for functions and packages.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub functions: Option<Vec<String>>,
    /// The flat value in each profile, sorted by time.
    pub flat: Vec<i64>,
    /// The cumulative value in each profile, sorted by time.
    pub cum: Vec<i64>,
    /// The growth of the flat value per second. `None` if a time is unknown, or if the times are
    /// equal.
    pub flat_per_second: Option<f64>,
    /// The growth of the cumulative value per second. `None` if a time is unknown, or if the times are equal.
    pub cum_per_second: Option<f64>,
}

impl TopReport {
    /// Collects the `most` rows with the largest values of a sample type. If there are fewer, they are followed by rows
    /// that only have values of other sample types.
    pub fn of_report(report: &Report, sample_type: usize, sort: SortBy, most: usize) -> Self {
        let types = report.sample_types();
        let rows = sorted(report, sample_type, sort);
        TopReport {
            kind: report.kind(),
            by: report.by(),
            sample: types.get(sample_type).map(|sample_type| sample_type.kind.clone()),
            sample_types: types.iter().map(|it| (it.kind.clone(), it.unit.clone())).collect(),
            total: types.iter().zip(report.total()).map(|(it, &total)| (it.kind.clone(), total)).collect(),
            profiles: vec![Snapshot::of(report)],
            row_count: rows.len(),
            rows: rows.into_iter().take(most).map(|row| TopRow::of(report, row)).collect(),
            growth: None,
        }
    }

    /// Collects the `most` largest rows of the last profile, and the `most` rows that grew most.
    pub fn of_growth(growth: &Growth, sample_type: usize, most: usize) -> Self {
        let last = growth.snapshots().last().unwrap_or(growth.diff());
        let rows = growth.rows(sample_type);
        let by = last.by();
        TopReport {
            profiles: growth.snapshots().iter().map(Snapshot::of).collect(),
            growth: Some(TopGrowth {
                duration: growth.duration(),
                row_count: rows.len(),
                rows: rows.into_iter().take(most).map(|row| TopGrowthRow::of(by, row)).collect(),
            }),
            ..TopReport::of_report(last, sample_type, SortBy::Flat, most)
        }
    }
}

/// Returns the rows with a value of this sample type, followed by rows that only have other values.
fn sorted(report: &Report, sample_type: usize, sort: SortBy) -> Vec<Row<'_>> {
    let mut rows = report.sorted(sample_type, sort);
    let is_zero = |values: &[i64]| values.get(sample_type).is_none_or(|&value| value == 0);
    let any = |values: &[i64]| values.iter().any(|&value| value != 0);
    let others = report.rows().filter(|row| is_zero(row.flat) && is_zero(row.cum) && (any(row.flat) || any(row.cum)));
    let mut others: Vec<Row<'_>> = others.collect();
    others.sort_by(|a, b| a.frames().cmp(b.frames()));
    rows.append(&mut others);
    rows
}

/// Returns the functions of the row. `None` unless the report is by stack.
fn functions(by: By, row: Row<'_>) -> Option<Vec<String>> {
    (by == By::Stack).then(|| row.frames().map(str::to_owned).collect())
}

impl Snapshot {
    fn of(report: &Report) -> Self {
        Snapshot { time: report.time(), duration: report.duration() }
    }
}

impl TopRow {
    fn of(report: &Report, row: Row<'_>) -> Self {
        let values = row.flat.iter().zip(row.cum).map(|(&flat, &cum)| Sums { flat, cum });
        let kinds = report.sample_types().iter().map(|sample_type| sample_type.kind.clone());
        TopRow {
            name: row.name().to_owned(),
            functions: functions(report.by(), row),
            values: kinds.zip(values).collect(),
        }
    }
}

impl TopGrowthRow {
    fn of(by: By, row: GrowthRow<'_>) -> Self {
        TopGrowthRow {
            name: row.diff.name().to_owned(),
            functions: functions(by, row.diff),
            flat: row.flat,
            cum: row.cum,
            flat_per_second: row.flat_per_second,
            cum_per_second: row.cum_per_second,
        }
    }
}
