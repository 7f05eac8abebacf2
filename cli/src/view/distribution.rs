//! A distribution of durations as cells of a table.

use gotrace::analysis::Histogram;

use super::table::{Cell, Column};
use super::units;

/// The columns of [`cells`]. ≈ marks percentiles, which come from a histogram. If the terminal is
/// too narrow, the sum, the minimum, the mean and the 90th percentile are left out, in this order.
pub const COLUMNS: [Column; 8] = [
    Column::number("TIMES"),
    Column::number("TOTAL").detail(4),
    Column::number("MIN").detail(3),
    Column::number("MEAN").detail(2),
    Column::number("≈P50"),
    Column::number("≈P90").detail(1),
    Column::number("≈P99"),
    Column::number("MAX"),
];

/// The cells for durations: their number, their sum, and how they are distributed.
pub fn cells(durations: &Histogram) -> Vec<Cell> {
    if durations.is_empty() {
        return vec!["0".into()];
    }
    let percentile = |percent| durations.percentile(percent);
    let times = [
        durations.sum(),
        durations.min(),
        durations.mean(),
        percentile(50.0),
        percentile(90.0),
        percentile(99.0),
        durations.max(),
    ];
    let count = units::count(durations.count());
    std::iter::once(count).chain(times.map(units::duration)).map(Cell::from).collect()
}
