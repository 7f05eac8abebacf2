//! The Theil–Sen estimator. Its slope is the median of the slopes of all pairs of points, so
//! outliers have little influence.

use super::mann_kendall::variance_term;
use super::slopes::Slopes;
use super::{is_series, median, normal};

/// A line through a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TheilSen {
    /// The change of the value per unit of position.
    pub slope: f64,
    /// The value at position 0.
    pub intercept: f64,
    /// The confidence interval of the slope. `None` if there are too many ties to compute an interval.
    pub interval: Option<Interval>,
}

/// A confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl TheilSen {
    /// Returns the value of the line at a position.
    pub fn at(&self, position: f64) -> f64 {
        self.intercept + self.slope * position
    }
}

/// Fits a line through a series. `confidence` is the level of the confidence interval of the slope,
/// such as 0.95.
///
/// The result is the same as in SciPy's `theilslopes` with the method `separate`. The confidence interval is from P. K.
/// Sen, "Estimates of the regression coefficient based on Kendall's tau", J. Am. Stat. Assoc. 63 (1968), equation 2.6.
/// Pairs with the same position are ignored. For up to about 1,400 samples, all slopes are computed. For more, slopes
/// are selected by rank without computing all n²/2, in time n log n and 16 MiB of memory.
///
/// `None` if there are fewer than two distinct positions, if the slices differ in length, or if a
/// number is not finite.
pub fn theil_sen(at: &[f64], values: &[f64], confidence: f64) -> Option<TheilSen> {
    if !is_series(at, values) {
        return None;
    }
    let mut slopes = Slopes::new(at, values);
    let pairs = slopes.len();
    let half = pairs.checked_sub(1)? / 2;
    let slope = match pairs % 2 {
        0 => f64::midpoint(slopes.of_rank(half), slopes.of_rank(half + 1)),
        _ => slopes.of_rank(half),
    };
    let intercept = median(values) - slope * median(at);
    let sigma = sigma(at, values);
    let interval = (sigma >= 0.0).then(|| {
        let reach = normal::two_sided_quantile(1.0 - confidence) * sigma;
        let mut rank = |rank: f64| slopes.of_rank((rank.max(0.0) as u64).min(pairs - 1));
        let low = ((pairs as f64 - reach) / 2.0).round_ties_even() - 1.0;
        let high = ((pairs as f64 + reach) / 2.0).round_ties_even();
        Interval { low: rank(low), high: rank(high) }
    });
    Some(TheilSen { slope, intercept, interval })
}

/// Returns the standard deviation of the number of rising pairs. NaN if there are too many ties.
fn sigma(at: &[f64], values: &[f64]) -> f64 {
    let ties = ties(at) + ties(values);
    ((variance_term(at.len() as f64) - ties) / 18.0).sqrt()
}

fn ties(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.chunk_by(|a, b| a == b).map(|group| variance_term(group.len() as f64)).sum()
}
