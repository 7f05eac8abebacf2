//! Counts inversions, which are pairs in the wrong order, by merge sort. This takes time n log n,
//! although there are up to n²/2 pairs.

/// An item with a sort key.
pub(super) trait Keyed: Copy {
    /// Returns the key. It must not be NaN.
    fn key(&self) -> f64;
}

impl Keyed for f64 {
    fn key(&self) -> f64 {
        *self
    }
}

/// Sorts by key. Returns the number of inversions: pairs whose first item had the greater key.
pub(super) fn count<T: Keyed>(items: &mut [T], spare: &mut Vec<T>) -> u64 {
    let mut inversions = 0;
    visit(items, spare, |left, _| inversions += left.len() as u64);
    inversions
}

/// Sorts by key. Calls `show` for all inversions, several at a time: the arguments are a slice of items, and an item
/// that came after all of these but has a smaller key.
pub(super) fn visit<T: Keyed>(items: &mut [T], spare: &mut Vec<T>, mut show: impl FnMut(&[T], &T)) {
    spare.clear();
    spare.extend_from_slice(items);
    let mut width = 1;
    // Each pass merges from one buffer into the other.
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
    fn the_count_equals_a_comparison_of_all_pairs() {
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
