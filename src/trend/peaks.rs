//! Peaks, found as SciPy's `find_peaks` finds them.

use super::prominence::prominences;

/// What counts as a peak.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct PeakOptions {
    /// The least number of samples between two peaks, 1 or more. Of two that are closer, the lower one is dropped.
    pub distance: usize,
    /// How far it has to stand out, in the unit of the values.
    pub prominence: f64,
}

impl Default for PeakOptions {
    /// Every local maximum.
    fn default() -> Self {
        PeakOptions { distance: 1, prominence: 0.0 }
    }
}

impl PeakOptions {
    /// Sets the least number of samples between two peaks.
    #[must_use]
    pub fn distance(mut self, distance: usize) -> Self {
        self.distance = distance;
        self
    }

    /// Sets how far a peak has to stand out, in the unit of the values.
    #[must_use]
    pub fn prominence(mut self, prominence: f64) -> Self {
        self.prominence = prominence;
        self
    }
}

/// A peak of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peak {
    /// The index of its sample; of a flat peak that of the middle one, or the one left of the middle.
    pub index: usize,
    /// How far it stands out: its height above the higher one of the two lowest points that separate it from higher
    /// ground, or from the series' ends.
    pub prominence: f64,
}

/// Finds the local maxima that are far enough from each other and prominent enough, as
/// `scipy.signal.find_peaks(values, distance=…, prominence=…)` does.
///
/// A maximum is a sample, or a stretch of equal ones, with a lower sample on either side. The distance is enforced
/// first, from the highest maximum down, also on those that are not prominent. Of equal heights the later one is
/// kept; SciPy leaves that to NumPy's unstable sort. Values that are not finite are no peaks of any use: there are
/// none then.
pub fn find_peaks(values: &[f64], options: &PeakOptions) -> Vec<Peak> {
    if !values.iter().all(|value| value.is_finite()) {
        return Vec::new();
    }
    let peaks = far_enough(values, local_maxima(values), options.distance);
    let found = prominences(values, &peaks);
    let peaks = peaks.into_iter().zip(found).map(|(index, prominence)| Peak { index, prominence });
    peaks.filter(|peak| peak.prominence >= options.prominence).collect()
}

/// The middles of all stretches of equal values that lie between lower ones.
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

/// Keeps the highest peak, drops those closer to it than the distance, and so on down.
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
