//! Minimum mutator utilization (MMU) and its distribution (MUD).
//!
//! MMU was introduced by Cheng and Blelloch, "A Parallel, Real-Time Garbage Collector" (PLDI 2001). Both mean here what they mean in Go's
//! `src/internal/trace/gc.go`.

/// The mutator utilization from a moment on, until the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MutatorUtil {
    /// The moment, in nanoseconds on the trace's clock.
    pub time: i64,
    /// The part of the processors that the program has, from 0 to 1.
    pub util: f64,
}

/// A window of time and the mean mutator utilization in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// Its begin, in nanoseconds on the trace's clock.
    pub time: i64,
    /// The mean, from 0 to 1.
    pub util: f64,
}

/// The mutator utilization over a trace: one function, or one for each P.
#[derive(Clone, Debug, Default)]
pub struct MutatorUtilization {
    series: Vec<Series>,
}

#[derive(Clone, Debug)]
struct Series {
    points: Vec<MutatorUtil>,
    /// The integral of the utilization up to each point.
    sums: Vec<f64>,
}

/// The integral up to a moment, for moments that ascend.
struct Integral<'a> {
    series: &'a Series,
    /// The last point that is not behind the moment.
    at: usize,
}

impl<'a> Integral<'a> {
    fn new(series: &'a Series) -> Self {
        Integral { series, at: 0 }
    }

    fn up_to(&mut self, time: i64) -> f64 {
        let rest = &self.series.points[self.at..];
        // Nearly always it is one of the next.
        let mut step = 1;
        while rest.get(step).is_some_and(|point| point.time <= time) {
            step *= 2;
        }
        let near = &rest[step / 2..rest.len().min(step + 1)];
        self.at += step / 2 + near.partition_point(|point| point.time <= time).saturating_sub(1);
        let point = self.series.points[self.at];
        self.series.sums[self.at] + point.util * (time - point.time) as f64
    }

    /// When the utilization changes next.
    fn next_change(&self) -> i64 {
        self.series.points.get(self.at + 1).map_or(i64::MAX, |point| point.time)
    }
}

impl Series {
    fn new(points: Vec<MutatorUtil>) -> Self {
        let mut sum = 0.0;
        let mut last = MutatorUtil { time: 0, util: 0.0 };
        let add = |point: &MutatorUtil| {
            sum += last.util * (point.time - last.time) as f64;
            last = *point;
            sum
        };
        let sums = points.iter().map(add).collect();
        Series { points, sums }
    }

    fn begin(&self) -> i64 {
        self.points.first().map_or(0, |point| point.time)
    }

    fn duration(&self) -> i64 {
        self.points.last().map_or(0, |point| point.time) - self.begin()
    }

    /// Calls `each` with the begin and the mean utilization of windows of a length, in order. The mean is linear between
    /// two begins where neither edge of the window meets a change, so these are all that matter.
    ///
    /// `each` gives the utilization above which nothing interests it. The slope of the mean is at most 1 a window, so begins that
    /// can't come down to it are left out.
    fn slide(&self, window: i64, mut each: impl FnMut(i64, f64) -> f64) {
        let end = self.begin() + self.duration() - window;
        let (mut left, mut right) = (Integral::new(self), Integral::new(self));
        let mut time = self.begin();
        loop {
            let util = (right.up_to(time + window) - left.up_to(time)) / window as f64;
            let bound = each(time, util);
            if time >= end || bound < 0.0 {
                return;
            }
            let skip = time.saturating_add(((util - bound) * window as f64) as i64);
            let change = left.next_change().min(right.next_change().saturating_sub(window));
            time = change.max(skip).min(end);
        }
    }

    /// A window as long as asked for, or as this.
    fn fit(&self, window: i64) -> i64 {
        window.min(self.duration())
    }
}

/// Returned where the rest does not matter: no utilization is below.
const ENOUGH: f64 = -1.0;

impl MutatorUtilization {
    pub(super) fn new(series: Vec<Vec<MutatorUtil>>) -> Self {
        MutatorUtilization { series: series.into_iter().map(Series::new).collect() }
    }

    /// The functions: one, or one for each P. Each ends with a point of utilization 0, behind which nothing is known.
    pub fn series(&self) -> impl Iterator<Item = &[MutatorUtil]> {
        self.series.iter().map(|series| &series.points[..])
    }

    /// The length of the longest function in nanoseconds.
    pub fn duration(&self) -> i64 {
        self.series.iter().map(Series::duration).max().unwrap_or(0)
    }

    /// The minimum mutator utilization: the least mean utilization in all windows of so many nanoseconds, from 0 to 1. A window longer
    /// than the trace is as long as the trace.
    pub fn mmu(&self, window: i64) -> f64 {
        if window <= 0 {
            return 0.0;
        }
        let mut least = 1.0_f64;
        for series in &self.series {
            let window = series.fit(window);
            if window == 0 {
                continue;
            }
            series.slide(window, |_, util| {
                least = least.min(util);
                if least <= 0.0 { ENOUGH } else { least }
            });
        }
        least
    }

    /// The mutator utilization distribution: for each quantile from 0 to 1, the mean utilization that so many of all windows of
    /// so many nanoseconds do not exceed. Quantile 0 is the MMU.
    ///
    /// Go 1.27.3's `MMUCurve.MUD` is meant to give the same, but gives the MMU at every quantile: its accumulator leaves early
    /// when no examples of windows are asked for.
    pub fn mud(&self, window: i64, quantiles: &[f64]) -> Vec<f64> {
        let mmu = self.mmu(window);
        let mut pieces = Pieces::default();
        for series in self.series.iter().filter(|series| window > 0 && series.duration() > window) {
            let mut last: Option<(i64, f64)> = None;
            series.slide(window, |time, util| {
                if let Some((begun, before)) = last {
                    pieces.add(before, util, (time - begun) as f64);
                }
                last = Some((time, util));
                1.0
            });
        }
        pieces.edges.sort_by(|a, b| a.at.total_cmp(&b.at));
        let quantile = |quantile: f64| match quantile > 0.0 {
            true => pieces.quantile(quantile).unwrap_or(mmu).max(mmu),
            false => mmu,
        };
        quantiles.iter().map(|&q| quantile(q)).collect()
    }

    /// Up to `n` windows of so many nanoseconds with the lowest mean utilization, the lowest first. They do not overlap.
    pub fn worst(&self, window: i64, n: usize) -> Vec<Window> {
        let mut worst: Vec<Window> = Vec::new();
        for series in &self.series {
            let window = series.fit(window);
            if window <= 0 || n == 0 {
                continue;
            }
            series.slide(window, |time, util| {
                let near = worst.iter().position(|other| (other.time - time).abs() < window);
                match near {
                    Some(place) if worst[place].util <= util => {}
                    Some(place) => worst[place] = Window { time, util },
                    None => worst.push(Window { time, util }),
                }
                worst.sort_by(|a, b| a.util.total_cmp(&b.util).then(a.time.cmp(&b.time)));
                worst.truncate(n);
                if worst.len() < n { 1.0 } else { worst[n - 1].util }
            });
        }
        worst
    }
}

/// A distribution of time over utilization, as a sum of uniform ones and of single values.
#[derive(Debug, Default)]
struct Pieces {
    edges: Vec<Edge>,
    total: f64,
}

#[derive(Debug)]
struct Edge {
    at: f64,
    /// By how much the density grows here.
    density: f64,
    /// How much time is spent at just this value.
    mass: f64,
}

impl Pieces {
    fn add(&mut self, a: f64, b: f64, time: f64) {
        self.total += time;
        if a == b {
            self.edges.push(Edge { at: a, density: 0.0, mass: time });
            return;
        }
        let (low, high) = (a.min(b), a.max(b));
        let density = time / (high - low);
        self.edges.push(Edge { at: low, density, mass: 0.0 });
        self.edges.push(Edge { at: high, density: -density, mass: 0.0 });
    }

    /// The value that so much of the time does not exceed; `None` if there is no time.
    fn quantile(&self, quantile: f64) -> Option<f64> {
        let wanted = quantile * self.total;
        let (mut mass, mut density, mut last) = (0.0, 0.0_f64, self.edges.first()?.at);
        for edge in &self.edges {
            let up_to = mass + (edge.at - last) * density;
            if up_to >= wanted && density > 0.0 {
                return Some((last + (wanted - mass) / density).min(edge.at));
            }
            mass = up_to + edge.mass;
            if mass >= wanted && (edge.mass > 0.0 || wanted <= 0.0) {
                return Some(edge.at);
            }
            density += edge.density;
            last = edge.at;
        }
        Some(last)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn utilization(steps: &[(i64, f64)]) -> MutatorUtilization {
        let mut time = 1000;
        let mut points: Vec<MutatorUtil> = Vec::new();
        for &(duration, util) in steps {
            points.push(MutatorUtil { time, util });
            time += duration;
        }
        points.push(MutatorUtil { time, util: 0.0 });
        MutatorUtilization::new(vec![points])
    }

    /// The mean in each window of whole nanoseconds, by adding up nanoseconds.
    fn by_hand(steps: &[(i64, f64)], window: usize) -> Vec<f64> {
        let flat: Vec<f64> = steps.iter().flat_map(|&(duration, util)| vec![util; duration as usize]).collect();
        flat.windows(window).map(|window| window.iter().sum::<f64>() / window.len() as f64).collect()
    }

    proptest! {
        #[test]
        fn mmu_and_mud_are_what_adding_up_gives(
            steps in prop::collection::vec((1..40_i64, prop::sample::select(vec![0.0, 0.25, 0.5, 0.75, 1.0])), 1..20),
            window in 1..60_usize,
        ) {
            let utilization = utilization(&steps);
            let mut all = by_hand(&steps, window.min(utilization.duration() as usize));
            all.sort_by(f64::total_cmp);
            prop_assert!((utilization.mmu(window as i64) - all[0]).abs() < 1e-9);
            prop_assert!((utilization.worst(window as i64, 1)[0].util - all[0]).abs() < 1e-9);
            // Between whole nanoseconds the mean is linear: so many of them lie below a quantile, give or take one.
            if all.len() > 1 {
                let quantiles = [0.0, 0.1, 0.5, 0.9, 1.0];
                for (quantile, util) in quantiles.iter().zip(utilization.mud(window as i64, &quantiles)) {
                    let slope = 1.0 / window as f64;
                    let below = all.iter().filter(|&&other| other < util - slope - 1e-9).count() as f64;
                    let up_to = all.iter().filter(|&&other| other <= util + slope + 1e-9).count() as f64;
                    let wanted = quantile * (all.len() - 1) as f64;
                    prop_assert!(below <= wanted + 1.0 + 1e-9 && up_to >= wanted - 1e-9, "q{quantile}: {util} in {all:?}");
                }
            }
        }
    }

    #[test]
    fn a_distribution_has_the_expected_quantiles() {
        // 60 ns at 1, then 40 ns at 0; a window of 20 ns: 40 ns at 1, 20 ns of each value between, 20 ns at 0.
        let utilization = utilization(&[(60, 1.0), (40, 0.0)]);
        let found = utilization.mud(20, &[0.0, 0.2, 0.25, 0.375, 0.5, 0.6, 1.0]);
        for (found, expected) in found.into_iter().zip([0.0, 0.0, 0.0, 0.5, 1.0, 1.0, 1.0]) {
            assert!((found - expected).abs() < 1e-9, "{found}, expected {expected}");
        }
        // Longer than the trace: its mean.
        assert_eq!(utilization.mud(1000, &[0.5]), [0.6]);
        assert_eq!((utilization.mmu(0), utilization.mmu(1000)), (0.0, 0.6));
        assert_eq!(MutatorUtilization::default().mmu(5), 1.0);
    }

    #[test]
    fn worst_windows_do_not_overlap() {
        let utilization = utilization(&[(50, 1.0), (10, 0.0), (50, 1.0), (20, 0.5), (50, 1.0)]);
        let worst = utilization.worst(20, 3);
        assert_eq!(worst[0].util, 0.5);
        assert!(worst.iter().all(|a| worst.iter().all(|b| a == b || (a.time - b.time).abs() >= 20)), "{worst:?}");
        assert_eq!(worst.iter().filter(|window| window.util == 0.5).count(), 2, "{worst:?}");
    }
}
