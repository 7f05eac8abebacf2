//! How far a peak stands out of what surrounds it.

/// A peak's prominence: its height above the higher of the two lowest points that separate it from higher ground, or
/// from the ends.
///
/// Each side is looked at once with a stack of falling heights, so that all peaks together take linear time; to walk from each
/// peak to higher ground would take quadratic time on a series that rises in steps.
pub(super) fn prominences(values: &[f64], peaks: &[usize]) -> Vec<f64> {
    let left = bases(values.iter().copied().enumerate(), values.len());
    let right = bases(values.iter().copied().enumerate().rev(), values.len());
    peaks.iter().map(|&peak| values[peak] - left[peak].max(right[peak])).collect()
}

/// For each value the lowest of those between it and the last higher one before.
fn bases(values: impl Iterator<Item = (usize, f64)>, len: usize) -> Vec<f64> {
    let mut lowest = vec![0.0; len];
    // Heights that fall, each with the lowest value since the one below it.
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
