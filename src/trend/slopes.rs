//! Selects a slope by rank among the slopes of all pairs of points.
//!
//! n points have about n²/2 slopes: 5·10⁹ for 100,000 points. To find the slope with a given rank without computing all
//! slopes, an interval around it is narrowed down (J. Matoušek, "Randomized optimal algorithm for slope selection",
//! Inf. Proc. Letters 39, 1991). Call y − θx the intercept of a point for the slope θ.
//!
//! - The number of slopes below θ is the number of pairs whose order by intercept for θ differs
//!   from their order by x. Merge sort counts such inversions.
//! - The slopes between θ and φ are the slopes of the pairs whose order by intercept for θ differs from their order for
//!   φ. While merging, any of these slopes can be selected by its number.
//! - So each round picks random slopes of the interval. Two picks just below and above the rank are the next interval.
//!   Once the interval contains few slopes, all of these are computed and sorted.
//!
//! The random picks use a fixed seed, so the same series always gives the same result. The result
//! is exact, except that slopes cannot be distinguished if they differ by less than the rounding
//! error of the intercepts.

use super::inversions::{self, Keyed};

/// Up to this number of slopes are computed and sorted, in 8 MiB of memory. This is the number of slopes of 1,448
/// points.
const FEW: u64 = 1 << 20;

/// The number of random slopes per round. Each round reduces the interval to about a hundredth.
const PICKS: usize = 1 << 16;

/// The distance from the expected position of the rank among the picks to the new ends of the
/// interval, in standard deviations.
const REACH: f64 = 3.0;

/// The maximum number of rounds. If they do not suffice, the remaining slopes are equal except for
/// rounding.
const MAX_ROUNDS: usize = 40;

pub(super) struct Slopes {
    /// The points, sorted by x, then by y.
    points: Vec<Point>,
    len: u64,
    /// All slopes in ascending order, if they are at most [`FEW`].
    sorted: Option<Vec<f64>>,
    work: Vec<Point>,
    spare: Vec<Point>,
    random: u64,
}

/// A point, and its sort key for the current slope.
#[derive(Clone, Copy)]
struct Point {
    x: f64,
    y: f64,
    key: f64,
}

impl Keyed for Point {
    #[inline(always)]
    fn key(&self) -> f64 {
        self.key
    }
}

/// Returns the intercept of a point for a slope, or a key with the same order in the limit if the slope is infinite.
fn intercept(point: &Point, slope: f64) -> f64 {
    match slope {
        f64::NEG_INFINITY => point.x,
        f64::INFINITY => -point.x,
        slope => point.y - slope * point.x,
    }
}

impl Slopes {
    /// Prepares the slopes of all pairs of points with different x. All values must be finite.
    pub fn new(x: &[f64], y: &[f64]) -> Self {
        // Intercepts are more precise if the points are near the origin.
        let origin = x.first().zip(y.first()).map_or((0.0, 0.0), |(&x, &y)| (x, y));
        let point = |(&x, &y): (&f64, &f64)| Point { x: x - origin.0, y: y - origin.1, key: 0.0 };
        let mut points: Vec<Point> = x.iter().zip(y).map(point).collect();
        points.sort_unstable_by(|a, b| a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y)));
        let pairs = |n: usize| n as u64 * (n as u64).saturating_sub(1) / 2;
        let tied: u64 = points.chunk_by(|a, b| a.x == b.x).map(|group| pairs(group.len())).sum();
        let len = pairs(points.len()) - tied;
        let mut slopes =
            Slopes { points, len, sorted: None, work: Vec::new(), spare: Vec::new(), random: 0x9e37_79b9_7f4a_7c15 };
        if len <= FEW {
            slopes.sorted = Some(slopes.between(f64::NEG_INFINITY, f64::INFINITY));
        }
        slopes
    }

    /// Returns the number of slopes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Returns the slope with this rank, which must be less than [`len`](Self::len). The lowest slope has rank 0.
    pub fn of_rank(&mut self, rank: u64) -> f64 {
        if let Some(sorted) = &self.sorted {
            return sorted[rank as usize];
        }
        let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
        // The numbers of slopes up to `low`, and of slopes below `high`.
        let (mut up_to_low, mut below_high) = (0, self.len);
        for _ in 0..MAX_ROUNDS {
            let inside = below_high - up_to_low;
            if inside <= FEW {
                break;
            }
            let picks = self.pick(low, high);
            let share = (rank - up_to_low) as f64 / inside as f64;
            let middle = share * picks.len() as f64;
            let reach = REACH * (share * (1.0 - share) * picks.len() as f64).sqrt() + 1.0;
            let Some(last) = picks.len().checked_sub(1) else { break };
            let pivots = [(middle - reach).max(0.0) as usize, ((middle + reach) as usize).min(last)];
            for pivot in pivots.map(|at| picks[at]) {
                if !(pivot > low && pivot < high) {
                    continue;
                }
                let (below, up_to) = (self.below(pivot), self.len - self.above(pivot));
                if rank < below {
                    (high, below_high) = (pivot, below);
                } else if rank < up_to {
                    return pivot;
                } else {
                    (low, up_to_low) = (pivot, up_to);
                }
            }
            if below_high <= up_to_low || below_high - up_to_low >= inside {
                return picks[(middle as usize).min(last)];
            }
        }
        let mut rest = self.between(low, high);
        let Some(last) = rest.len().checked_sub(1) else { return if low.is_finite() { low } else { high } };
        let at = ((rank - up_to_low) as usize).min(last);
        *rest.select_nth_unstable_by(at, f64::total_cmp).1
    }

    /// Returns the number of slopes below `slope`: the pairs whose order changes. Points with equal x are sorted by y,
    /// so their order does not change.
    fn below(&mut self, slope: f64) -> u64 {
        self.work.clear();
        self.work.extend(self.points.iter().map(|point| Point { key: intercept(point, slope), ..*point }));
        inversions::count(&mut self.work, &mut self.spare)
    }

    /// Returns the number of slopes above `slope`, computed like [`below`](Self::below) on the mirror image.
    fn above(&mut self, slope: f64) -> u64 {
        self.work.clear();
        for group in self.points.chunk_by(|a, b| a.x == b.x) {
            self.work.extend(group.iter().rev().map(|point| Point { key: -intercept(point, slope), ..*point }));
        }
        inversions::count(&mut self.work, &mut self.spare)
    }

    /// Fills `work` with the points in the order for `low`, with keys for `high`.
    fn sort_for_interval(&mut self, low: f64, high: f64) {
        self.work.clear();
        self.work.extend(self.points.iter().map(|point| Point { key: intercept(point, high), ..*point }));
        self.work
            .sort_unstable_by(|a, b| intercept(a, low).total_cmp(&intercept(b, low)).then(a.key.total_cmp(&b.key)));
    }

    /// Returns all slopes between `low` and `high`, in ascending order.
    fn between(&mut self, low: f64, high: f64) -> Vec<f64> {
        self.sort_for_interval(low, high);
        let mut slopes = Vec::new();
        inversions::visit(&mut self.work, &mut self.spare, |lefts, right| {
            slopes.extend(lefts.iter().filter_map(|left| slope(left, right)));
        });
        slopes.sort_unstable_by(f64::total_cmp);
        slopes
    }

    /// Returns [`PICKS`] random slopes between `low` and `high`, in ascending order.
    fn pick(&mut self, low: f64, high: f64) -> Vec<f64> {
        self.sort_for_interval(low, high);
        let ordered = self.work.clone();
        let inside = inversions::count(&mut self.work, &mut self.spare);
        if inside == 0 {
            return Vec::new();
        }
        let mut numbers: Vec<u64> = (0..PICKS).map(|_| self.next_random() % inside).collect();
        numbers.sort_unstable();
        self.work = ordered;
        let mut numbers = numbers.into_iter().peekable();
        let mut passed = 0;
        let mut slopes = Vec::with_capacity(PICKS);
        inversions::visit(&mut self.work, &mut self.spare, |lefts, right| {
            while let Some(number) = numbers.next_if(|number| number - passed < lefts.len() as u64) {
                slopes.extend(slope(&lefts[(number - passed) as usize], right));
            }
            passed += lefts.len() as u64;
        });
        slopes.sort_unstable_by(f64::total_cmp);
        slopes
    }

    /// Returns a pseudo-random number by xorshift (G. Marsaglia, 2003).
    fn next_random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

/// Returns the slope of two points. `None` if they have the same x, and are inverted only because of rounding.
fn slope(left: &Point, right: &Point) -> Option<f64> {
    let run = right.x - left.x;
    (run > 0.0).then(|| (right.y - left.y) / run)
}
