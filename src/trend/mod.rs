//! What a series of measurements does: grow, fall, swing or stay constant.
//!
//! Made for the live heap after each collection, but it works for any series. Each algorithm has its own file and can be used
//! alone; [`Trend`] and [`Shape`] combine them. Each takes time n log n at most, so long series are fine.
//!
//! ```
//! use gotrace::trend::{Forecast, Trend};
//!
//! // Seconds, and megabytes that grow by two a second.
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
//! A series is two slices of the same length: positions, such as times, that never fall, and values. All must be finite;
//! otherwise the result is `None`.

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

/// The straight line through a series, and whether there is one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    /// The number of samples.
    pub samples: usize,
    /// The last position.
    pub last_at: f64,
    /// The highest value.
    pub highest: f64,
    /// The line.
    pub theil_sen: TheilSen,
    /// Whether the series rises or falls at all.
    pub mann_kendall: MannKendall,
}

impl Trend {
    /// Finds the trend of a series. `confidence` is the level of the confidence interval of the slope, such as 0.95.
    ///
    /// `None` if there are fewer than two different positions, the slices differ in length or something is not finite.
    pub fn of(at: &[f64], values: &[f64], confidence: f64) -> Option<Self> {
        let theil_sen = theil_sen(at, values, confidence)?;
        let mann_kendall = mann_kendall(values)?;
        let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Some(Trend { samples: at.len(), last_at: *at.last()?, highest, theil_sen, mann_kendall })
    }

    /// Whether the series rises: its slope and the test agree at this level of significance, such as 0.05.
    pub fn rises(&self, significance: f64) -> bool {
        self.theil_sen.slope > 0.0 && self.mann_kendall.s > 0 && self.mann_kendall.p < significance
    }

    /// Whether it falls, in the same sense.
    pub fn falls(&self, significance: f64) -> bool {
        self.theil_sen.slope < 0.0 && self.mann_kendall.s < 0 && self.mann_kendall.p < significance
    }

    /// When the series reaches a limit if it continues along the line.
    ///
    /// A limit counts as reached only if a value has reached it: the line of a series that slows down ends above all values.
    pub fn forecast(&self, limit: f64) -> Forecast {
        forecast::forecast(self, limit)
    }
}

/// Whether two slices are a valid series.
fn is_series(at: &[f64], values: &[f64]) -> bool {
    at.len() == values.len() && at.iter().chain(values).all(|value| value.is_finite())
}

/// The median of values in rising order. They are not empty.
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
