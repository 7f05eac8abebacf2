//! Finds turning points of a series.

use super::{PeakOptions, find_peaks, moving_average};

/// Options for finding turning points.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct InflectionOptions {
    /// The number of samples in the moving average.
    pub window: usize,
    /// The minimum prominence and distance of peaks and of valleys. A valley is a peak of the
    /// negated series.
    pub peak: PeakOptions,
}

impl InflectionOptions {
    /// Sets the number of samples in the moving average.
    #[must_use]
    pub fn window(mut self, window: usize) -> Self {
        self.window = window;
        self
    }

    /// Sets the minimum prominence and distance of peaks and of valleys.
    #[must_use]
    pub fn peak(mut self, peak: PeakOptions) -> Self {
        self.peak = peak;
        self
    }
}

impl Default for InflectionOptions {
    /// Returns options for heap sizes in bytes: averages of five samples, turning points with a prominence of at least
    /// 2 MiB and a distance of at least 20 samples.
    fn default() -> Self {
        InflectionOptions { window: 5, peak: PeakOptions { distance: 20, prominence: (2 << 20) as f64 } }
    }
}

/// The direction of a turning point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Turn {
    /// From rising to falling.
    Peak,
    /// From falling to rising.
    Valley,
}

/// A turning point.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Inflection {
    /// The index of the sample in the middle of the window.
    pub index: usize,
    /// The moving average at this sample.
    pub value: f64,
    /// The prominence, in the unit of the values. See [`Peak`](super::Peak).
    pub prominence: f64,
    /// The direction.
    pub turn: Turn,
}

/// Finds the turning points of a series, in order: the peaks and valleys of its moving average.
///
/// Only averages of full windows are used, so the first and last few samples are never turning
/// points.
pub fn inflections(values: &[f64], options: &InflectionOptions) -> Vec<Inflection> {
    let smooth = moving_average(values, options.window);
    let mirrored: Vec<f64> = smooth.iter().map(|value| -value).collect();
    let turns = |series: &[f64], turn| {
        let peaks = find_peaks(series, &options.peak).into_iter();
        let inflection = |peak: super::Peak| Inflection {
            index: peak.index + (options.window - 1) / 2,
            value: smooth[peak.index],
            prominence: peak.prominence,
            turn,
        };
        peaks.map(inflection).collect::<Vec<_>>()
    };
    let mut found = turns(&smooth, Turn::Peak);
    found.extend(turns(&mirrored, Turn::Valley));
    found.sort_by_key(|inflection| inflection.index);
    found
}
