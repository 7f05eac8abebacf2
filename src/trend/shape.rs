//! What form a series has: a leak rises, a cache rises to a plateau, batch work goes up and down.

use super::{PeakOptions, Trend, find_peaks, is_series, median_of_sorted};

/// Thresholds of a [`Shape`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ShapeOptions {
    /// Fewer samples have no shape.
    pub min_samples: usize,
    /// Changes up to here are noise, in the unit of the values.
    pub noise: f64,
    /// So are changes up to this share of the median.
    pub relative_noise: f64,
    /// The significance of a rise or fall.
    pub significance: f64,
    /// A tooth stands out by this share of the range from the fifth to the ninety-fifth percentile.
    pub tooth: f64,
    /// How many teeth make a saw.
    pub min_teeth: usize,
    /// On a plateau the second half rises by no more than this share of the whole rise.
    pub plateau_rise: f64,
}

impl Default for ShapeOptions {
    /// For heaps in bytes. What was allocated during a collection counts as alive in it, so the live heap jitters; below 4
    /// MiB, the least heap that Go begins to collect (`src/runtime/mgcpacer.go`, `defaultHeapMinimum`), nothing is told.
    fn default() -> Self {
        ShapeOptions {
            min_samples: 10,
            noise: (4 << 20) as f64,
            relative_noise: 0.05,
            significance: 0.01,
            tooth: 0.3,
            min_teeth: 3,
            plateau_rise: 0.1,
        }
    }
}

impl ShapeOptions {
    /// Sets the least number of samples that have a shape.
    #[must_use]
    pub fn min_samples(mut self, min_samples: usize) -> Self {
        self.min_samples = min_samples;
        self
    }

    /// Sets up to which change values are noise, in their unit.
    #[must_use]
    pub fn noise(mut self, noise: f64) -> Self {
        self.noise = noise;
        self
    }

    /// Sets up to which share of the median changes are noise.
    #[must_use]
    pub fn relative_noise(mut self, relative_noise: f64) -> Self {
        self.relative_noise = relative_noise;
        self
    }

    /// Sets the significance level of a rise or fall.
    #[must_use]
    pub fn significance(mut self, significance: f64) -> Self {
        self.significance = significance;
        self
    }

    /// Sets by which share of the range a tooth has to stand out.
    #[must_use]
    pub fn tooth(mut self, tooth: f64) -> Self {
        self.tooth = tooth;
        self
    }

    /// Sets the least number of teeth of a sawtooth.
    #[must_use]
    pub fn min_teeth(mut self, min_teeth: usize) -> Self {
        self.min_teeth = min_teeth;
        self
    }

    /// Sets by which share of the whole rise a plateau may still rise.
    #[must_use]
    pub fn plateau_rise(mut self, plateau_rise: f64) -> Self {
        self.plateau_rise = plateau_rise;
        self
    }
}

/// The form of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// Too few samples, or they aren't finite.
    TooShort,
    /// It stays where it is, but for noise.
    Flat {
        /// Where: the median.
        level: f64,
    },
    /// It rises and falls again and again.
    Sawtooth {
        /// How often.
        teeth: usize,
        /// The lowest points, which a leak under the saw lifts: `None` if they are too few or at one position.
        valleys: Option<Trend>,
        /// Whether the valleys rise, significantly and beyond noise.
        rises: bool,
    },
    /// It rose and stays.
    Plateau {
        /// Where: the median of the second half.
        level: f64,
        /// How far it rose.
        rise: f64,
        /// The position from which on it was there: the first sample that came within a tenth of the rise.
        since: f64,
    },
    /// It rises from the first half to the second, and on in the second.
    Rising,
    /// It falls.
    Falling,
    /// Something else.
    Irregular,
}

impl Shape {
    /// Tells the form of a series.
    pub fn of(at: &[f64], values: &[f64], options: &ShapeOptions) -> Self {
        if values.len() < options.min_samples.max(4) || !is_series(at, values) {
            return Shape::TooShort;
        }
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let level = median_of_sorted(&sorted);
        let last = sorted.len() - 1;
        let range = sorted[last * 95 / 100] - sorted[last * 5 / 100];
        let noise = options.noise.max(options.relative_noise * level.abs());
        if range <= noise {
            return Shape::Flat { level };
        }
        if let Some(sawtooth) = sawtooth(at, values, range, noise, options) {
            return sawtooth;
        }
        let Some(trend) = Trend::of(at, values, 0.95) else { return Shape::Irregular };
        if trend.rises(options.significance) {
            return plateau(at, values, noise, options).unwrap_or(Shape::Rising);
        }
        match trend.falls(options.significance) {
            true => Shape::Falling,
            false => Shape::Irregular,
        }
    }
}

/// Teeth stand out of the noise and of most of the range, on both sides.
fn sawtooth(at: &[f64], values: &[f64], range: f64, noise: f64, options: &ShapeOptions) -> Option<Shape> {
    let tooth = PeakOptions { distance: 1, prominence: noise.max(options.tooth * range) };
    let teeth = find_peaks(values, &tooth).len();
    let mirrored: Vec<f64> = values.iter().map(|value| -value).collect();
    let valleys = find_peaks(&mirrored, &tooth);
    // Between n teeth are n − 1 valleys.
    if teeth < options.min_teeth || valleys.len() + 1 < options.min_teeth {
        return None;
    }
    let (valleys_at, lows): (Vec<f64>, Vec<f64>) = valleys.iter().map(|low| (at[low.index], values[low.index])).unzip();
    let valleys = Trend::of(&valleys_at, &lows, 0.95);
    let rises = valleys.is_some_and(|trend| {
        let rise = trend.theil_sen.slope * (valleys_at[valleys_at.len() - 1] - valleys_at[0]);
        trend.rises(options.significance) && rise > noise
    });
    Some(Shape::Sawtooth { teeth, valleys, rises })
}

/// A rise that has ended: the second half, for itself, goes on with little of it.
fn plateau(at: &[f64], values: &[f64], noise: f64, options: &ShapeOptions) -> Option<Shape> {
    let half = values.len() / 2;
    let (late_at, late) = (&at[half..], &values[half..]);
    let level = super::median(late);
    // Of the start only a little counts: a rise to a plateau may be short.
    let start = super::median(&values[..(half / 16).max(1)]);
    let rise = level - start;
    if rise <= noise {
        return None;
    }
    let line = super::theil_sen(late_at, late, 0.95)?;
    let late_rise = line.slope * (late_at[late_at.len() - 1] - late_at[0]);
    if late_rise > noise.max(options.plateau_rise * rise) {
        return None;
    }
    let reached = level - 0.1 * rise;
    let since = values.iter().position(|&value| value >= reached).map_or(late_at[0], |first| at[first]);
    Some(Shape::Plateau { level, rise, since })
}
