//! Pairs that stand in the wrong order, by merge sort: n log n for the n² pairs.

/// What merging sorts by.
pub(super) trait Keyed: Copy {
    /// The key; it is no NaN.
    fn key(&self) -> f64;
}

impl Keyed for f64 {
    fn key(&self) -> f64 {
        *self
    }
}

/// Sorts by key, and counts the pairs of which the earlier one had the greater key.
pub(super) fn count<T: Keyed>(items: &mut [T], spare: &mut Vec<T>) -> u64 {
    let mut inversions = 0;
    visit(items, spare, |left, _| inversions += left.len() as u64);
    inversions
}

/// Sorts by key, and shows the pairs of which the earlier one had the greater key: for each later one, all the earlier
/// ones of a stretch at once.
pub(super) fn visit<T: Keyed>(items: &mut [T], spare: &mut Vec<T>, mut show: impl FnMut(&[T], &T)) {
    spare.clear();
    spare.extend_from_slice(items);
    let mut width = 1;
    // From the one into the other and back.
    let (mut from, mut to) = (&mut *items, &mut spare[..]);
    let mut is_spare = false;
    while width < from.len() {
        for start in (0..from.len()).step_by(2 * width) {
            let middle = (start + width).min(from.len());
            let end = (start + 2 * width).min(from.len());
            merge(&from[start..middle], &from[middle..end], &mut to[start..end], &mut show);
        }
        (from, to) = (to, from);
        is_spare = !is_spare;
        width *= 2;
    }
    if is_spare {
        to.copy_from_slice(from);
    }
}

fn merge<T: Keyed>(mut left: &[T], mut right: &[T], out: &mut [T], show: &mut impl FnMut(&[T], &T)) {
    for out in out {
        let take_left = match (left, right) {
            ([first, ..], [second, ..]) => first.key() <= second.key(),
            (rest, _) => !rest.is_empty(),
        };
        if take_left {
            *out = left[0];
            left = &left[1..];
        } else {
            *out = right[0];
            right = &right[1..];
            if !left.is_empty() {
                show(left, out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_two_loops_count() {
        let mut state = 1u32;
        for len in 0..70 {
            let values: Vec<f64> = (0..len)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    f64::from(state >> 28)
                })
                .collect();
            let pairs = |at: usize| values[at + 1..].iter().filter(|&&later| values[at] > later).count() as u64;
            let mut sorted = values.clone();
            assert_eq!(count(&mut sorted, &mut Vec::new()), (0..len).map(pairs).sum::<u64>());
            assert!(sorted.is_sorted());
        }
    }
}
