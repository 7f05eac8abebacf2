//! A histogram of durations whose memory use does not grow with the number of durations.

use std::time::Duration;

/// Each range from one power of two to the next is divided into 2^PARTS_BITS equal buckets.
const PARTS_BITS: u32 = 6;

/// Up to this many different buckets are kept in a sorted list. If there are more, an array is
/// used.
const FEW: usize = 48;

/// A log-linear histogram of durations.
///
/// Count, sum, minimum and maximum are exact. A percentile is the middle of a bucket: exact below
/// 128 ns, and within 0.8 % above. Memory use depends on the number of different buckets and is at
/// most 30 KiB.
///
/// With the feature `serde`, a histogram serialises as an object with the number of durations,
/// `count`, and with the fields `sum_ns`, `min_ns`, `mean_ns`, `p50_ns`, `p90_ns`, `p99_ns` and
/// `max_ns` in whole nanoseconds. All fields are 0 if the histogram is empty. The buckets are not
/// serialised.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    count: u64,
    sum: i128,
    min: i64,
    max: i64,
    buckets: Buckets,
}

#[derive(Clone, Debug)]
enum Buckets {
    /// Pairs of bucket and count, sorted by bucket.
    Few(Vec<(u16, u64)>),
    Many(Vec<u64>),
}

impl Default for Buckets {
    fn default() -> Self {
        Buckets::Few(Vec::new())
    }
}

/// Returns the bucket of a value. The bucket number combines the power of two and the part within
/// it.
#[inline]
fn bucket(value: u64) -> usize {
    let power = (value | 1).ilog2().saturating_sub(PARTS_BITS);
    ((u64::from(power) << PARTS_BITS) + (value >> power)) as usize
}

/// Returns the smallest value of a bucket, and the difference between the largest and the smallest.
fn bounds(bucket: usize) -> (u64, u64) {
    let bucket = bucket as u64;
    let power = (bucket >> PARTS_BITS).saturating_sub(1);
    ((bucket - (power << PARTS_BITS)) << power, (1 << power) - 1)
}

impl Buckets {
    #[inline]
    fn add(&mut self, bucket: usize, count: u64) {
        match self {
            Buckets::Many(many) if bucket < many.len() => many[bucket] += count,
            _ => self.add_rarely(bucket, count),
        }
    }

    #[inline(never)]
    fn add_rarely(&mut self, bucket: usize, count: u64) {
        match self {
            Buckets::Few(few) => match few.binary_search_by_key(&bucket, |&(bucket, _)| bucket.into()) {
                Ok(place) => few[place].1 += count,
                Err(place) if few.len() < FEW => few.insert(place, (bucket as u16, count)),
                Err(_) => {
                    let last = few.last().map_or(0, |&(bucket, _)| bucket.into());
                    let mut many = vec![0; bucket.max(last) + 1];
                    few.iter().for_each(|&(bucket, count)| many[usize::from(bucket)] = count);
                    many[bucket] += count;
                    *self = Buckets::Many(many);
                }
            },
            Buckets::Many(many) => {
                many.resize(many.len().max(bucket + 1), 0);
                many[bucket] += count;
            }
        }
    }

    fn each(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        let (few, many) = match self {
            Buckets::Few(few) => (Some(few.iter().map(|&(bucket, count)| (bucket.into(), count))), None),
            Buckets::Many(many) => (None, Some(many.iter().copied().enumerate().filter(|&(_, count)| count > 0))),
        };
        few.into_iter().flatten().chain(many.into_iter().flatten())
    }
}

/// A range of nearly equal durations. See [`Histogram::buckets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistogramBucket {
    /// The shortest duration that belongs to the bucket.
    pub min: Duration,
    /// The longest duration that belongs to the bucket.
    pub max: Duration,
    /// The number of durations in the bucket, at least one.
    pub count: u64,
}

impl Histogram {
    /// Adds a duration. A duration above 292 years counts as 292 years, the maximum of `i64`
    /// nanoseconds.
    pub fn add(&mut self, duration: Duration) {
        self.add_nanos(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX));
    }

    /// Adds a duration in nanoseconds. A negative duration counts as 0.
    #[inline]
    pub(crate) fn add_nanos(&mut self, nanos: i64) {
        self.add_repeated(nanos, 1);
    }

    /// Adds zeros until the histogram has `count` durations.
    pub(crate) fn fill_with_zeros(&mut self, count: u64) {
        self.add_repeated(0, count.saturating_sub(self.count));
    }

    #[inline]
    fn add_repeated(&mut self, nanos: i64, times: u64) {
        if times == 0 {
            return;
        }
        let nanos = nanos.max(0);
        self.min = if self.count == 0 { nanos } else { self.min.min(nanos) };
        self.max = self.max.max(nanos);
        self.count += times;
        self.sum += i128::from(nanos) * i128::from(times);
        self.buckets.add(bucket(nanos.unsigned_abs()), times);
    }

    /// Adds all durations of another histogram.
    pub fn merge(&mut self, other: &Histogram) {
        if other.count == 0 {
            return;
        }
        self.min = if self.count == 0 { other.min } else { self.min.min(other.min) };
        self.max = self.max.max(other.max);
        self.count += other.count;
        self.sum += other.sum;
        other.buckets.each().for_each(|(bucket, count)| self.buckets.add(bucket, count));
    }

    /// Returns the number of durations.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns whether the histogram has no durations.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns the sum of all durations, at most 292 years.
    pub fn sum(&self) -> Duration {
        from_nanos(i64::try_from(self.sum).unwrap_or(i64::MAX))
    }

    /// Returns the shortest duration. Zero if there are no durations.
    pub fn min(&self) -> Duration {
        from_nanos(self.min)
    }

    /// Returns the longest duration. Zero if there are no durations.
    pub fn max(&self) -> Duration {
        from_nanos(self.max)
    }

    /// Returns the mean, rounded to a nanosecond. Zero if there are no durations.
    pub fn mean(&self) -> Duration {
        from_nanos(self.mean_nanos().round() as i64)
    }

    /// Returns the mean in nanoseconds, not rounded. 0 if there are no durations.
    pub(crate) fn mean_nanos(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum as f64 / self.count as f64 }
    }

    /// Returns the shortest duration that at least `percent` percent of all durations do not exceed
    /// (nearest rank). Zero if there are no durations.
    ///
    /// A `percent` of 0 or less returns the minimum as closely as the buckets allow. A `percent` of
    /// 100 or more returns the maximum.
    pub fn percentile(&self, percent: f64) -> Duration {
        from_nanos(self.percentile_nanos(percent))
    }

    fn percentile_nanos(&self, percent: f64) -> i64 {
        // Subtract a small value first. For example, 7 % of 100 is 7, but the floating-point
        // product is slightly larger.
        let rank = (percent * self.count as f64 / 100.0 - 1e-6).ceil().max(1.0);
        if rank >= self.count as f64 {
            return self.max;
        }
        let mut seen = 0;
        for (bucket, count) in self.buckets.each() {
            seen += count;
            if seen as f64 >= rank {
                let (least, more) = bounds(bucket);
                return i64::try_from(least + more / 2).unwrap_or(i64::MAX).clamp(self.min, self.max);
            }
        }
        self.max
    }

    /// Returns the non-empty buckets in ascending order.
    pub fn buckets(&self) -> impl Iterator<Item = HistogramBucket> + '_ {
        self.buckets.each().map(|(bucket, count)| {
            let (min, more) = bounds(bucket);
            HistogramBucket { min: Duration::from_nanos(min), max: Duration::from_nanos(min + more), count }
        })
    }
}

/// Converts nanoseconds to a duration. All values in a histogram are 0 or more.
fn from_nanos(nanos: i64) -> Duration {
    Duration::from_nanos(nanos.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_have_no_gaps_or_overlaps() {
        let mut next = 0;
        for index in 0..bucket(u64::MAX) {
            let (least, more) = bounds(index);
            assert_eq!(least, next, "bucket {index}");
            assert_eq!((bucket(least), bucket(least + more)), (index, index));
            next = least + more + 1;
        }
        assert!(bucket(u64::MAX) < usize::from(u16::MAX));
    }

    #[test]
    fn percentiles_match_sorted_values_within_bucket_precision() {
        let mut histogram = Histogram::default();
        let mut values: Vec<i64> = (0..5000_i64).map(|i| (i * 7919) % 5000 * (i % 13) * 1000).collect();
        values.iter().for_each(|&value| histogram.add_nanos(value));
        values.sort();
        assert_eq!((histogram.min, histogram.max), (values[0], values[4999]));
        assert_eq!((histogram.count(), histogram.sum()), (5000, from_nanos(values.iter().sum())));
        for mille in [10, 100, 500, 900, 990, 999, 1000_usize] {
            let (rank, percent) = ((mille * 5000).div_ceil(1000), mille as f64 / 10.0);
            let exact = values[rank - 1];
            let found = histogram.percentile_nanos(percent);
            assert!((found - exact).abs() as f64 <= 0.008 * exact as f64, "p{percent}: {found}, exactly {exact}");
        }
    }

    #[test]
    fn small_values_are_exact_and_merge_equals_adding() {
        let (mut one, mut other, mut both) = (Histogram::default(), Histogram::default(), Histogram::default());
        for value in 0..100 {
            if value % 3 == 0 {
                one.add_nanos(value)
            } else {
                other.add_nanos(value)
            }
            both.add_nanos(value);
        }
        one.merge(&other);
        for percent in 1..=100 {
            assert_eq!(one.percentile_nanos(percent.into()), i64::from(percent) - 1);
            assert_eq!(both.percentile_nanos(percent.into()), i64::from(percent) - 1);
        }
        assert_eq!(Histogram::default().percentile(50.0), Duration::ZERO);
    }
}
