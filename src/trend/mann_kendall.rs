//! The Mann–Kendall test: whether a series rises or falls, independent of its shape.

use super::{inversions, normal};

/// The result of the test.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MannKendall {
    /// The number of rising pairs minus the number of falling pairs.
    pub s: i64,
    /// The variance of `s` for series without a trend, corrected for ties.
    pub variance: f64,
    /// `s` divided by its standard deviation, with continuity correction.
    pub z: f64,
    /// The two-sided p-value: the probability that `z` is at least as far from 0 for a series
    /// without a trend.
    pub p: f64,
    /// Kendall's tau: `s` divided by the number of pairs. 1 if every pair rises, −1 if every pair
    /// falls.
    pub tau: f64,
}

/// Tests a series for a trend, in time n log n.
///
/// The test is from H. B. Mann, "Nonparametric tests against trend", Econometrica 13 (1945), and M. G. Kendall, "Rank
/// Correlation Methods" (1975), with the correction for ties. It assumes independent samples. If neighbouring samples
/// are correlated, `p` is too small. Returns `None` if there are fewer than two values or if one is not finite.
pub fn mann_kendall(values: &[f64]) -> Option<MannKendall> {
    if values.len() < 2 || !values.iter().all(|value| value.is_finite()) {
        return None;
    }
    let mut sorted = values.to_vec();
    let falling = inversions::count(&mut sorted, &mut Vec::new());
    let n = values.len() as f64;
    let pairs = values.len() as u64 * (values.len() as u64 - 1) / 2;
    let (mut tied_pairs, mut tied_variance) = (0, 0.0);
    for group in sorted.chunk_by(|a, b| a == b) {
        tied_pairs += group.len() as u64 * (group.len() as u64 - 1) / 2;
        tied_variance += variance_term(group.len() as f64);
    }
    let s = (pairs - tied_pairs - falling) as i64 - falling as i64;
    let variance = (variance_term(n) - tied_variance) / 18.0;
    let z = if s == 0 { 0.0 } else { (s - s.signum()) as f64 / variance.sqrt() };
    Some(MannKendall { s, variance, z, p: normal::two_sided(z), tau: s as f64 / (0.5 * n * (n - 1.0)) })
}

/// Returns the contribution of n samples to eighteen times the variance. A group of n ties reduces the variance by the
/// same amount.
pub(super) fn variance_term(n: f64) -> f64 {
    n * (n - 1.0) * (2.0 * n + 5.0)
}
