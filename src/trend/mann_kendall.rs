//! The Mann–Kendall test: does a series rise or fall, whatever its form?

use super::{inversions, normal};

/// The result of the test.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MannKendall {
    /// The number of pairs that rise minus the number of pairs that fall.
    pub s: i64,
    /// The variance of `s` if there is no trend, ties taken into account.
    pub variance: f64,
    /// `s` as a standard normal value, corrected for continuity.
    pub z: f64,
    /// The probability that a series without a trend shows one at least as clear, in either direction.
    pub p: f64,
    /// `s` as a share of all pairs: 1 for a series that only rises, −1 for one that only falls.
    pub tau: f64,
}

/// Tests a series for a trend, in time n log n.
///
/// As in H. B. Mann, "Nonparametric tests against trend", Econometrica 13 (1945), and M. G. Kendall, "Rank Correlation
/// Methods" (1975), with the correction for ties; the test takes samples to be independent of each other, so `p` of a
/// slowly swinging series is too small. `None` if there are fewer than two values or one is not finite.
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

/// What n samples, or n tied ones, add to or take from eighteen times the variance.
pub(super) fn variance_term(n: f64) -> f64 {
    n * (n - 1.0) * (2.0 * n + 5.0)
}
