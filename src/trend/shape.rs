//! Classifies the shape of a series, such as the size of the live heap. A leak makes it rise, a
//! cache makes it rise to a plateau, and batch jobs make it a sawtooth.

use super::{PeakOptions, Trend, find_peaks, is_series, median_of_sorted};

/// Thresholds for [`Shape::of`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ShapeOptions {
    /// The minimum number of samples. Shorter series are [`Shape::TooShort`].
    pub min_samples: usize,
    /// Changes up to this size are noise, in the unit of the values.
    pub noise: f64,
    /// Changes up to this fraction of the median are noise, too.
    pub relative_noise: f64,
    /// The significance level for a rise or fall.
    pub significance: f64,
    /// The minimum prominence of a peak or valley of a sawtooth, as a fraction of the range between the 5th and the 95th
    /// percentile.
    pub min_prominence: f64,
    /// The minimum number of peaks of a sawtooth.
    pub min_peaks: usize,
    /// On a plateau, the second half of the series may rise by at most this fraction of the whole
    /// rise.
    pub plateau_rise: f64,
}

impl Default for ShapeOptions {
    /// Returns options for heap sizes in bytes. Objects that are allocated during a GC cycle count as live in it, so
    /// the live heap varies. The noise is 4 MiB, the minimum heap size at which Go starts a GC cycle
    /// (`defaultHeapMinimum` in Go `src/runtime/mgcpacer.go`).
    fn default() -> Self {
        ShapeOptions {
            min_samples: 10,
            noise: (4 << 20) as f64,
            relative_noise: 0.05,
            significance: 0.01,
            min_prominence: 0.3,
            min_peaks: 3,
            plateau_rise: 0.1,
        }
    }
}

impl ShapeOptions {
    /// Sets the minimum number of samples.
    #[must_use]
    pub fn min_samples(mut self, min_samples: usize) -> Self {
        self.min_samples = min_samples;
        self
    }

    /// Sets the size of changes that are noise, in the unit of the values.
    #[must_use]
    pub fn noise(mut self, noise: f64) -> Self {
        self.noise = noise;
        self
    }

    /// Sets the fraction of the median up to which changes are noise.
    #[must_use]
    pub fn relative_noise(mut self, relative_noise: f64) -> Self {
        self.relative_noise = relative_noise;
        self
    }

    /// Sets the significance level for a rise or fall.
    #[must_use]
    pub fn significance(mut self, significance: f64) -> Self {
        self.significance = significance;
        self
    }

    /// Sets the minimum prominence of a peak or valley of a sawtooth, as a fraction of the range of the values.
    #[must_use]
    pub fn min_prominence(mut self, min_prominence: f64) -> Self {
        self.min_prominence = min_prominence;
        self
    }

    /// Sets the minimum number of peaks of a sawtooth.
    #[must_use]
    pub fn min_peaks(mut self, min_peaks: usize) -> Self {
        self.min_peaks = min_peaks;
        self
    }

    /// Sets by how much the second half of a plateau may rise, as a fraction of the whole rise.
    #[must_use]
    pub fn plateau_rise(mut self, plateau_rise: f64) -> Self {
        self.plateau_rise = plateau_rise;
        self
    }
}

/// The shape of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// There are too few samples, or a number is not finite.
    TooShort,
    /// It is constant except for noise.
    Flat {
        /// The median.
        level: f64,
    },
    /// It rises and falls repeatedly.
    Sawtooth {
        /// The number of peaks.
        peaks: usize,
        /// The trend of the valleys, which rise if there is a leak. `None` if there are too few
        /// valleys or they all have the same position.
        valleys: Option<Trend>,
        /// Whether the valleys rise, significantly and by more than noise.
        rises: bool,
    },
    /// It rose and was constant afterwards.
    Plateau {
        /// The median of the second half.
        level: f64,
        /// The difference between `level` and the start of the series.
        rise: f64,
        /// The position of the first sample that reaches `level` minus a tenth of `rise`.
        since: f64,
    },
    /// It rises, also in its second half.
    Rising,
    /// It falls.
    Falling,
    /// It has none of the other shapes.
    Irregular,
}

impl Shape {
    /// Classifies a series.
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

/// Returns a sawtooth if enough peaks and valleys stand out from the noise.
fn sawtooth(at: &[f64], values: &[f64], range: f64, noise: f64, options: &ShapeOptions) -> Option<Shape> {
    let prominent = PeakOptions { distance: 1, prominence: noise.max(options.min_prominence * range) };
    let peaks = find_peaks(values, &prominent).len();
    let mirrored: Vec<f64> = values.iter().map(|value| -value).collect();
    let valleys = find_peaks(&mirrored, &prominent);
    // There are n − 1 valleys between n peaks.
    if peaks < options.min_peaks || valleys.len() + 1 < options.min_peaks {
        return None;
    }
    let (valleys_at, lows): (Vec<f64>, Vec<f64>) = valleys.iter().map(|low| (at[low.index], values[low.index])).unzip();
    let valleys = Trend::of(&valleys_at, &lows, 0.95);
    let rises = valleys.is_some_and(|trend| {
        let rise = trend.theil_sen.slope * (valleys_at[valleys_at.len() - 1] - valleys_at[0]);
        trend.rises(options.significance) && rise > noise
    });
    Some(Shape::Sawtooth { peaks, valleys, rises })
}

/// Returns a plateau if the rise has ended: the second half rises by only a small part of the whole
/// rise.
fn plateau(at: &[f64], values: &[f64], noise: f64, options: &ShapeOptions) -> Option<Shape> {
    let half = values.len() / 2;
    let (late_at, late) = (&at[half..], &values[half..]);
    let level = super::median(late);
    // The start is the median of only a few samples, because the rise may be short.
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
