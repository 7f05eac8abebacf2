//! The slopes of all pairs of points, by rank.
//!
//! n points have n²/2 slopes: 5·10⁹ for 100,000. The one of a given rank is found without making them all, by narrowing
//! an interval around it (J. Matoušek, "Randomized optimal algorithm for slope selection", Inf. Proc. Letters 39, 1991):
//!
//! - How many slopes are below θ? As many as there are pairs that stand in the other order by y − θx than by x: a count
//!   of inversions, by merge sort.
//! - Which are between θ and φ? Those pairs that stand in one order by y − θx and in the other by y − φx. Any of them can
//!   be picked by its number while merging.
//! - So some are picked, and two of them that lie closely around the rank are the next interval. When few enough are in it,
//!   they are all made and sorted.
//!
//! The picks are by a fixed seed: the same series gives the same answer, and the answer is exact, but for slopes that
//! differ by less than the rounding of y − θx.

use super::inversions::{self, Keyed};

/// So many slopes are made and sorted, in 8 MiB; all of those of 1,448 points are.
const FEW: u64 = 1 << 20;

/// Slopes picked in a round. Two of them around the rank leave about a hundredth of the interval.
const PICKS: usize = 1 << 16;

/// How far around the wanted rank the next interval reaches, in standard deviations of a pick's rank.
const REACH: f64 = 3.0;

/// A round leaves a hundredth of the slopes; where it does not, the rest is equal but for rounding.
const MAX_ROUNDS: usize = 40;

pub(super) struct Slopes {
    /// By x, then y.
    points: Vec<Point>,
    len: u64,
    /// All of them, if they are few.
    sorted: Option<Vec<f64>>,
    work: Vec<Point>,
    spare: Vec<Point>,
    random: u64,
}

/// A point, and where it stands for the θ at hand.
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

/// Where a point stands for a slope θ: by x for −∞, against x for +∞.
fn stand(point: &Point, slope: f64) -> f64 {
    match slope {
        f64::NEG_INFINITY => point.x,
        f64::INFINITY => -point.x,
        slope => point.y - slope * point.x,
    }
}

impl Slopes {
    /// The slopes of all pairs of points that differ in x. All are finite.
    pub fn new(x: &[f64], y: &[f64]) -> Self {
        // Near zero, y − θx has more digits.
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

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// The slope of a rank; the lowest has rank 0, and there are more than `rank`.
    pub fn of_rank(&mut self, rank: u64) -> f64 {
        if let Some(sorted) = &self.sorted {
            return sorted[rank as usize];
        }
        let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
        // Slopes up to `low`, and slopes below `high`.
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

    /// How many are below a slope: the pairs that have turned around. Points of the same x stand by y and never turn.
    fn below(&mut self, slope: f64) -> u64 {
        self.work.clear();
        self.work.extend(self.points.iter().map(|point| Point { key: stand(point, slope), ..*point }));
        inversions::count(&mut self.work, &mut self.spare)
    }

    /// How many are above: the same on the mirror image.
    fn above(&mut self, slope: f64) -> u64 {
        self.work.clear();
        for group in self.points.chunk_by(|a, b| a.x == b.x) {
            self.work.extend(group.iter().rev().map(|point| Point { key: -stand(point, slope), ..*point }));
        }
        inversions::count(&mut self.work, &mut self.spare)
    }

    /// Puts the points in their order for `low`, to be sorted into that for `high`.
    fn stand_between(&mut self, low: f64, high: f64) {
        self.work.clear();
        self.work.extend(self.points.iter().map(|point| Point { key: stand(point, high), ..*point }));
        self.work.sort_unstable_by(|a, b| stand(a, low).total_cmp(&stand(b, low)).then(a.key.total_cmp(&b.key)));
    }

    /// All slopes between two, sorted if they are all of all.
    fn between(&mut self, low: f64, high: f64) -> Vec<f64> {
        self.stand_between(low, high);
        let mut slopes = Vec::new();
        inversions::visit(&mut self.work, &mut self.spare, |lefts, right| {
            slopes.extend(lefts.iter().filter_map(|left| slope(left, right)));
        });
        slopes.sort_unstable_by(f64::total_cmp);
        slopes
    }

    /// Some of the slopes between two, in order.
    fn pick(&mut self, low: f64, high: f64) -> Vec<f64> {
        self.stand_between(low, high);
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

    /// Xorshift (G. Marsaglia, 2003).
    fn next_random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

/// The slope of two points, `None` if rounding alone makes it seem that they differ in x.
fn slope(left: &Point, right: &Point) -> Option<f64> {
    let run = right.x - left.x;
    (run > 0.0).then(|| (right.y - left.y) / run)
}
