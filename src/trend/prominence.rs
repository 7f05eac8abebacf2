//! Computes the prominence of peaks.

/// Returns the prominence of each peak. See [`Peak::prominence`](super::Peak::prominence).
///
/// Each side is computed in one pass with a stack, so the time for all peaks is linear. Walking
/// from each peak to the next higher value would take quadratic time for a series that rises in
/// steps.
pub(super) fn prominences(values: &[f64], peaks: &[usize]) -> Vec<f64> {
    let left = bases(values.iter().copied().enumerate(), values.len());
    let right = bases(values.iter().copied().enumerate().rev(), values.len());
    peaks.iter().map(|&peak| values[peak] - left[peak].max(right[peak])).collect()
}

/// For each value, the lowest value since the last higher value.
fn bases(values: impl Iterator<Item = (usize, f64)>, len: usize) -> Vec<f64> {
    let mut lowest = vec![0.0; len];
    // A stack of descending values. Each is stored with the lowest value since the previous value on the stack.
    let mut higher: Vec<(f64, f64)> = Vec::new();
    for (at, value) in values {
        let mut base = value;
        while let Some(&(_, since)) = higher.last().filter(|(height, _)| *height <= value) {
            base = base.min(since);
            higher.pop();
        }
        lowest[at] = base;
        higher.push((value, base));
    }
    lowest
}
