//! Whether a series of numbers grows like a leak: by more than chance, all the time, and without
//! slowing down.

use super::options::Options;
use crate::trend::mann_kendall;

/// A series of fewer values than this has to rise at every step. For longer ones, the Mann–Kendall
/// test allows for noise.
const FEW: usize = 5;

/// The significance level of the Mann–Kendall test.
const SIGNIFICANCE: f64 = 0.05;

/// The growth of a series of values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Growth {
    /// The last value minus the first.
    pub total: f64,
    /// The growth per second. `None` if the times are not known.
    pub per_second: Option<f64>,
    /// Whether it grows over the whole series.
    pub is_steady: bool,
    /// The rate of the later half as a share of the rate of the earlier half. `None` for two
    /// values.
    pub pace: Option<f64>,
    /// Both halves.
    halves: Halves,
}

/// The halves of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Halves {
    /// The growth in the earlier half.
    early: f64,
    /// The growth in the later half.
    late: f64,
    /// The length of the later half as a share of the length of the earlier half.
    longer: f64,
}

impl Growth {
    /// Examines values at increasing times in seconds. If `at` is empty because the times are not
    /// known, the values count as equally far apart.
    pub fn of(at: &[f64], values: &[f64]) -> Option<Self> {
        let (&first, &last) = (values.first()?, values.last()?);
        let is_known = at.len() == values.len() && at.windows(2).all(|pair| pair[0] < pair[1]);
        let position = |index: usize| if is_known { at[index] } else { index as f64 };
        let end = values.len() - 1;
        let is_steady = match values.len() {
            0 | 1 => false,
            2..FEW => values.windows(2).all(|pair| pair[0] < pair[1]),
            _ => mann_kendall(values).is_some_and(|test| test.s > 0 && test.p < SIGNIFICANCE),
        };
        let middle = end.div_ceil(2);
        let (early, late) = (values[middle] - first, last - values[middle]);
        let longer = (position(end) - position(middle)) / (position(middle) - position(0));
        let pace = (end > 1).then(|| late / longer / early).filter(|pace| !pace.is_nan());
        let per_second = (is_known && end > 0).then(|| (last - first) / (position(end) - position(0)));
        Some(Growth { total: last - first, per_second, is_steady, pace, halves: Halves { early, late, longer } })
    }

    /// Returns the probability that the growth continues, unlike a warm-up. It is 1 unless the
    /// growth slows down by more than [`Options::slowing`]. Then it is the probability that this
    /// happens by chance. `unit` is what counts as one, such as the bytes that a sample represents.
    pub fn goes_on(&self, unit: f64, options: &Options) -> f64 {
        let Halves { early, late, longer } = self.halves;
        let share = longer * options.pace;
        let (expected, found) = (early / unit * share, late / unit);
        // Both are counts. The expected count is as uncertain as the count it is computed from.
        let spread = (expected * share + found.max(0.0)).sqrt();
        let slower = (expected - found) / spread;
        match self.pace.is_some() && slower > options.slowing {
            true => libm::erfc(slower / std::f64::consts::SQRT_2),
            false => 1.0,
        }
    }
}

/// A confidence below this is not worth reporting.
pub(super) const NEGLIGIBLE: f64 = 0.1;

/// Returns by how many standard deviations the number of arrivals exceeds the number of departures.
/// See [`Options::deviations`].
pub(super) fn deviations(come: f64, gone: f64) -> f64 {
    match come + gone > 0.0 {
        true => (come - gone) / (come + gone).sqrt(),
        false => 0.0,
    }
}

/// Returns the confidence for a number of deviations: [`Options::suspect`] at the threshold, and
/// `most` from twice the threshold on.
pub(super) fn confidence(deviations: f64, most: f64, options: &Options) -> f64 {
    let beyond = ((deviations - options.deviations) / options.deviations).clamp(0.0, 1.0);
    options.suspect + (most - options.suspect).max(0.0) * beyond
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leak_is_steady_and_a_cache_slows_down() {
        let at = [0.0, 10.0, 20.0];
        let leak = Growth::of(&at, &[10.0, 60.0, 110.0]).expect("values");
        assert_eq!((leak.total, leak.per_second, leak.pace), (100.0, Some(5.0), Some(1.0)));
        let options = Options::default();
        assert!(leak.is_steady && leak.goes_on(1.0, &options) == 1.0);
        let cache = Growth::of(&at, &[10.0, 90.0, 110.0]).expect("values");
        assert!(cache.is_steady && cache.goes_on(1.0, &options) < 0.01);
        assert_eq!(cache.goes_on(20.0, &options), 1.0, "four and then one may be chance");
        let batch = Growth::of(&at, &[10.0, 120.0, 110.0]).expect("values");
        assert!(!batch.is_steady);
        // The second half takes nine tenths of the time, so it has the same pace.
        let uneven = Growth::of(&[0.0, 1.0, 10.0], &[0.0, 1.0, 10.0]).expect("values");
        assert_eq!(uneven.pace, Some(1.0));
        assert_eq!(Growth::of(&[], &[]), None);
    }

    #[test]
    fn growth_differs_from_chance() {
        assert_eq!(deviations(100.0, 100.0), 0.0);
        assert_eq!(deviations(25.0, 0.0), 5.0);
        assert!(deviations(1000.0, 960.0) < 1.0, "forty more of two thousand are chance");
        assert_eq!(deviations(0.0, 0.0), 0.0);
        let options = Options::default();
        assert_eq!(confidence(3.0, 0.7, &options), 0.5);
        assert!((confidence(6.0, 0.7, &options) - 0.7).abs() < 1e-9 && confidence(60.0, 0.7, &options) < 0.71);
    }
}
