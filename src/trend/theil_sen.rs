//! The Theil–Sen line: its slope is the median of the slopes of all pairs, so that outliers don't bend it.

use super::mann_kendall::variance_term;
use super::slopes::Slopes;
use super::{is_series, median, normal};

/// A line through a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TheilSen {
    /// Values per unit of position.
    pub slope: f64,
    /// The value at position 0.
    pub intercept: f64,
    /// The confidence interval of the slope. `None` if too many values are equal to compute one.
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
    /// The value on the line.
    pub fn at(&self, position: f64) -> f64 {
        self.intercept + self.slope * position
    }
}

/// Finds the line through a series. `confidence` is the level of the confidence interval of the slope, such as 0.95.
///
/// The same as SciPy's `theilslopes` (its method `separate`): the interval is by P. K. Sen, "Estimates of the regression
/// coefficient based on Kendall's tau", J. Am. Stat. Assoc. 63 (1968), equation 2.6. Pairs of equal position are
/// left out. Of up to 2,000 samples all slopes are compared; of more, those wanted are found among the n² without making
/// them all, in time n log n and in memory 16 MiB.
///
/// `None` if there are fewer than two different positions, the slices differ in length or something is not finite.
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

/// The standard deviation of the number of rising pairs, NaN if ties leave none.
fn sigma(at: &[f64], values: &[f64]) -> f64 {
    let ties = ties(at) + ties(values);
    ((variance_term(at.len() as f64) - ties) / 18.0).sqrt()
}

fn ties(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.chunk_by(|a, b| a == b).map(|group| variance_term(group.len() as f64)).sum()
}
