//! Where a series turns.

use super::{PeakOptions, find_peaks, moving_average};

/// How turning points are found.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct InflectionOptions {
    /// The number of samples in the moving average.
    pub window: usize,
    /// What counts as a peak of the averages. A valley is a peak of the mirror image.
    pub peak: PeakOptions,
}

impl InflectionOptions {
    /// Sets the number of samples in the moving average.
    #[must_use]
    pub fn window(mut self, window: usize) -> Self {
        self.window = window;
        self
    }

    /// Sets what counts as a peak.
    #[must_use]
    pub fn peak(mut self, peak: PeakOptions) -> Self {
        self.peak = peak;
        self
    }
}

impl Default for InflectionOptions {
    /// For heaps in bytes: averages of five, turns 20 samples apart that stand out by 2 MiB.
    fn default() -> Self {
        InflectionOptions { window: 5, peak: PeakOptions { distance: 20, prominence: (2 << 20) as f64 } }
    }
}

/// Which way a series turns.
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
    /// The sample in the middle of the averaged ones.
    pub index: usize,
    /// The average there.
    pub value: f64,
    /// How far it stands out, see [`Peak`](super::Peak).
    pub prominence: f64,
    /// Which way the series turns.
    pub turn: Turn,
}

/// Finds where a series turns: the peaks of its moving average, and those of its mirror image, in order.
///
/// Only averages of full windows are looked at, so the first and last few samples are no turns.
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
