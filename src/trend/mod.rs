//! Analyses a time series: whether it grows, falls, oscillates or stays constant.
//!
//! The module is made for the live heap after each GC cycle, but works for any series. Each algorithm is a function
//! that can be used alone. [`Trend`] and [`Shape`] combine the algorithms. Every algorithm takes at
//! most O(n log n) time, so series may be long.
//!
//! ```
//! use gotrace::trend::{Forecast, Trend};
//!
//! // Seconds, and megabytes that grow by two per second.
//! let at: Vec<f64> = (0..50).map(f64::from).collect();
//! let size: Vec<f64> = at.iter().map(|at| 100.0 + 2.0 * at + (at * 12.9898).sin()).collect();
//! let trend = Trend::of(&at, &size, 0.95).ok_or("too few")?;
//! assert!((trend.theil_sen.slope - 2.0).abs() < 0.01);
//! assert!(trend.mann_kendall.p < 1e-9);
//! let Forecast::At { expected, .. } = trend.forecast(400.0) else { return Err("not growing".into()) };
//! assert!((expected - 150.0).abs() < 2.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A series is two slices of the same length: positions, such as times, in ascending order, and
//! values. All must be finite. Otherwise, functions return `None`.

mod forecast;
mod inflection;
mod inversions;
mod mann_kendall;
mod normal;
mod peaks;
mod prominence;
mod shape;
mod slopes;
mod smooth;
mod theil_sen;

pub use forecast::Forecast;
pub use inflection::{Inflection, InflectionOptions, Turn, inflections};
pub use mann_kendall::{MannKendall, mann_kendall};
pub use peaks::{Peak, PeakOptions, find_peaks};
pub use shape::{Shape, ShapeOptions};
pub use smooth::moving_average;
pub use theil_sen::{Interval, TheilSen, theil_sen};

/// The line through a series, and a test of whether the series has a trend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    /// The number of samples.
    pub samples: usize,
    /// The last position.
    pub last_at: f64,
    /// The highest value.
    pub highest: f64,
    /// The line through the series.
    pub theil_sen: TheilSen,
    /// The result of the trend test.
    pub mann_kendall: MannKendall,
}

impl Trend {
    /// Computes the trend of a series. `confidence` is the level of the confidence interval of the
    /// slope, such as 0.95.
    ///
    /// `None` if there are fewer than two distinct positions, if the slices differ in length, or if
    /// a number is not finite.
    pub fn of(at: &[f64], values: &[f64], confidence: f64) -> Option<Self> {
        let theil_sen = theil_sen(at, values, confidence)?;
        let mann_kendall = mann_kendall(values)?;
        let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Some(Trend { samples: at.len(), last_at: *at.last()?, highest, theil_sen, mann_kendall })
    }

    /// Returns whether the series rises: the slope is positive, and the test is significant at this level, such as
    /// 0.05.
    pub fn rises(&self, significance: f64) -> bool {
        self.theil_sen.slope > 0.0 && self.mann_kendall.s > 0 && self.mann_kendall.p < significance
    }

    /// Returns whether the series falls: the slope is negative, and the test is significant at this level.
    pub fn falls(&self, significance: f64) -> bool {
        self.theil_sen.slope < 0.0 && self.mann_kendall.s < 0 && self.mann_kendall.p < significance
    }

    /// Computes when the series reaches a limit, if it continues along the line.
    ///
    /// The limit only counts as already reached if a value has reached it. The line alone is not
    /// enough: if the growth of the series slows down, the line ends above all values.
    pub fn forecast(&self, limit: f64) -> Forecast {
        forecast::forecast(self, limit)
    }
}

/// Returns whether two slices are a valid series. Does not check the order of positions.
fn is_series(at: &[f64], values: &[f64]) -> bool {
    at.len() == values.len() && at.iter().chain(values).all(|value| value.is_finite())
}

/// Returns the median of sorted values. There must be at least one value.
fn median_of_sorted(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    match sorted.len() % 2 {
        0 => f64::midpoint(sorted[half - 1], sorted[half]),
        _ => sorted[half],
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    median_of_sorted(&sorted)
}
