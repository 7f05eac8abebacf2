//! Finds peaks of a series, like SciPy's `find_peaks`.

use super::prominence::prominences;

/// Options for finding peaks.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct PeakOptions {
    /// The minimum distance of two peaks, in samples, at least 1. Of two closer peaks, the lower peak is dropped.
    pub distance: usize,
    /// The minimum prominence of a peak, in the unit of the values. See [`Peak::prominence`].
    pub prominence: f64,
}

impl Default for PeakOptions {
    /// Finds every local maximum.
    fn default() -> Self {
        PeakOptions { distance: 1, prominence: 0.0 }
    }
}

impl PeakOptions {
    /// Sets the minimum distance of two peaks, in samples.
    #[must_use]
    pub fn distance(mut self, distance: usize) -> Self {
        self.distance = distance;
        self
    }

    /// Sets the minimum prominence of a peak, in the unit of the values.
    #[must_use]
    pub fn prominence(mut self, prominence: f64) -> Self {
        self.prominence = prominence;
        self
    }
}

/// A peak of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peak {
    /// The index of the sample. For a flat peak, the index of the middle sample, rounded down.
    pub index: usize,
    /// The prominence of the peak, in the unit of the values. For each side, take the lowest value between the peak and
    /// the next higher value, or the end of the series. The prominence is the height of the peak above the higher of
    /// these two values.
    pub prominence: f64,
}

/// Finds the local maxima with the minimum distance and prominence, like
/// `scipy.signal.find_peaks(values, distance=…, prominence=…)`.
///
/// A local maximum is a sample, or several consecutive samples of the same value, with a lower sample on both sides.
/// The minimum distance is applied first, from the highest maximum to the lowest, and ignores prominence. Of two maxima
/// with the same height, the later maximum is kept. (In SciPy, this depends on NumPy's unstable sort.) Returns no peaks
/// if a value is not finite.
pub fn find_peaks(values: &[f64], options: &PeakOptions) -> Vec<Peak> {
    if !values.iter().all(|value| value.is_finite()) {
        return Vec::new();
    }
    let peaks = far_enough(values, local_maxima(values), options.distance);
    let found = prominences(values, &peaks);
    let peaks = peaks.into_iter().zip(found).map(|(index, prominence)| Peak { index, prominence });
    peaks.filter(|peak| peak.prominence >= options.prominence).collect()
}

/// Returns the index of every local maximum.
fn local_maxima(values: &[f64]) -> Vec<usize> {
    let mut maxima = Vec::new();
    let mut begin = 0;
    for level in values.chunk_by(|a, b| a == b) {
        let end = begin + level.len();
        let before = begin.checked_sub(1).map(|at| values[at]);
        if let (Some(before), Some(&after)) = (before, values.get(end))
            && before < level[0]
            && after < level[0]
        {
            maxima.push(begin.midpoint(end - 1));
        }
        begin = end;
    }
    maxima
}

/// Keeps the highest peak and drops the peaks that are too close to it, then continues with the next highest.
fn far_enough(values: &[f64], peaks: Vec<usize>, distance: usize) -> Vec<usize> {
    let mut by_height: Vec<usize> = (0..peaks.len()).collect();
    by_height.sort_by(|&a, &b| values[peaks[a]].total_cmp(&values[peaks[b]]));
    let mut keep = vec![true; peaks.len()];
    for &this in by_height.iter().rev() {
        if !keep[this] {
            continue;
        }
        let is_close = |other: &usize| peaks[this].abs_diff(peaks[*other]) < distance;
        for other in (0..this).rev().take_while(is_close) {
            keep[other] = false;
        }
        for other in (this + 1..peaks.len()).take_while(is_close) {
            keep[other] = false;
        }
    }
    peaks.into_iter().zip(keep).filter_map(|(peak, keep)| keep.then_some(peak)).collect()
}
