//! A distribution of durations in little memory, whatever their number.

use std::time::Duration;

/// Each range from one power of two to the next is divided into 2^PARTS_BITS equal buckets.
const PARTS_BITS: u32 = 6;

/// More different buckets than this are kept in an array instead of a sorted list.
const FEW: usize = 48;

/// A log-linear histogram of durations.
///
/// Count, sum, minimum and maximum are exact. Percentiles are the middle of a bucket: exact below 128 ns, and within 0.8 %
/// above. Memory is bounded by the number of different buckets, at most 30 KiB.
///
/// With the feature `serde` it serialises as an object of its count and of whole nanoseconds: `count`, `sum_ns`, `min_ns`,
/// `mean_ns`, `p50_ns`, `p90_ns`, `p99_ns` and `max_ns`, all 0 where it is empty. The buckets are not part of it.
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
    /// Sorted by bucket.
    Few(Vec<(u16, u64)>),
    Many(Vec<u64>),
}

impl Default for Buckets {
    fn default() -> Self {
        Buckets::Few(Vec::new())
    }
}

/// The bucket of a value: its power of two, and which part of it.
#[inline]
fn bucket(value: u64) -> usize {
    let power = (value | 1).ilog2().saturating_sub(PARTS_BITS);
    ((u64::from(power) << PARTS_BITS) + (value >> power)) as usize
}

/// The least value of a bucket and how many follow it.
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

/// Durations of nearly the same length: see [`Histogram::buckets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistogramBucket {
    /// The shortest duration that falls into the bucket.
    pub min: Duration,
    /// The longest duration that falls into the bucket.
    pub max: Duration,
    /// How many durations it holds, at least one.
    pub count: u64,
}

impl Histogram {
    /// Adds a duration. One longer than 292 years counts as 292 years, the most that `i64` nanoseconds hold.
    pub fn add(&mut self, duration: Duration) {
        self.add_nanos(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX));
    }

    /// Adds a duration in nanoseconds, 0 if it is negative.
    #[inline]
    pub(crate) fn add_nanos(&mut self, nanos: i64) {
        self.add_repeated(nanos, 1);
    }

    /// Adds zero as many times as it takes to have `count` durations.
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

    /// The number of durations.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether it holds no duration.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The sum, at most 292 years.
    pub fn sum(&self) -> Duration {
        from_nanos(i64::try_from(self.sum).unwrap_or(i64::MAX))
    }

    /// The shortest duration, zero if there is none.
    pub fn min(&self) -> Duration {
        from_nanos(self.min)
    }

    /// The longest duration, zero if there is none.
    pub fn max(&self) -> Duration {
        from_nanos(self.max)
    }

    /// The mean, rounded to a nanosecond; zero if there is none.
    pub fn mean(&self) -> Duration {
        from_nanos(self.mean_nanos().round() as i64)
    }

    /// The mean in nanoseconds with its fraction, 0 if there is none.
    pub(crate) fn mean_nanos(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum as f64 / self.count as f64 }
    }

    /// The shortest duration that so many percent of all do not exceed (nearest rank); zero if there is none.
    ///
    /// A `percent` of 0 or less gives the minimum as closely as the buckets allow, one of 100 or more the maximum.
    pub fn percentile(&self, percent: f64) -> Duration {
        from_nanos(self.percentile_nanos(percent))
    }

    fn percentile_nanos(&self, percent: f64) -> i64 {
        // 7 % of 100 are 7, though the product is a little more.
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

    /// The buckets that hold durations, in ascending order.
    pub fn buckets(&self) -> impl Iterator<Item = HistogramBucket> + '_ {
        self.buckets.each().map(|(bucket, count)| {
            let (min, more) = bounds(bucket);
            HistogramBucket { min: Duration::from_nanos(min), max: Duration::from_nanos(min + more), count }
        })
    }
}

/// All values in a histogram are 0 or more.
fn from_nanos(nanos: i64) -> Duration {
    Duration::from_nanos(nanos.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_without_gap_or_overlap() {
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
    fn percentiles_are_those_of_the_sorted_values_within_a_bucket() {
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
    fn small_values_are_exact_and_merging_is_adding() {
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
