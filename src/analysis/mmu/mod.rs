//! Minimum mutator utilization (MMU) and mutator utilization distribution (MUD).
//!
//! MMU was introduced by Cheng and Blelloch, "A Parallel, Real-Time Garbage Collector" (PLDI 2001).
//! MMU and MUD are defined as in Go's `src/internal/trace/gc.go`.

mod curve;
mod observer;

use std::time::Duration;

use crate::time::Time;
pub use curve::{MmuCurve, MmuPoint};
pub use observer::{Mmu, MmuOptions};

/// The mutator utilization from one time until the time of the next point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UtilizationPoint {
    /// The time from which the utilization applies.
    pub time: Time,
    /// The fraction of the processors that the program has, from 0 to 1.
    pub utilization: f64,
}

/// A window of time and the mean mutator utilization in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UtilizationWindow {
    /// When the window starts.
    pub start: Time,
    /// The mean utilization, from 0 to 1.
    pub utilization: f64,
}

/// The mutator utilization over a trace: a single series, or one series for each P.
#[derive(Clone, Debug, Default)]
pub struct MmuReport {
    series: Vec<Series>,
}

#[derive(Clone, Debug)]
struct Series {
    points: Vec<UtilizationPoint>,
    /// The integral of the utilization up to each point, in nanoseconds.
    sums: Vec<f64>,
}

/// The integral of a series up to a time. Times must be passed in ascending order.
struct Integral<'a> {
    series: &'a Series,
    /// The index of the last point that is not after the time.
    at: usize,
}

impl<'a> Integral<'a> {
    fn new(series: &'a Series) -> Self {
        Integral { series, at: 0 }
    }

    fn up_to(&mut self, time: i64) -> f64 {
        let rest = &self.series.points[self.at..];
        // Search exponentially, since the wanted point is nearly always among the next few.
        let mut step = 1;
        while rest.get(step).is_some_and(|point| point.time.0 <= time) {
            step *= 2;
        }
        let near = &rest[step / 2..rest.len().min(step + 1)];
        self.at += step / 2 + near.partition_point(|point| point.time.0 <= time).saturating_sub(1);
        let point = self.series.points[self.at];
        self.series.sums[self.at] + point.utilization * (time - point.time.0) as f64
    }

    /// Returns the time of the next change of the utilization.
    fn next_change(&self) -> i64 {
        self.series.points.get(self.at + 1).map_or(i64::MAX, |point| point.time.0)
    }
}

impl Series {
    fn new(points: Vec<UtilizationPoint>) -> Self {
        let mut sum = 0.0;
        let mut last = UtilizationPoint { time: Time(0), utilization: 0.0 };
        let add = |point: &UtilizationPoint| {
            sum += last.utilization * (point.time.0 - last.time.0) as f64;
            last = *point;
            sum
        };
        let sums = points.iter().map(add).collect();
        Series { points, sums }
    }

    fn start(&self) -> i64 {
        self.points.first().map_or(0, |point| point.time.0)
    }

    fn duration(&self) -> i64 {
        self.points.last().map_or(0, |point| point.time.0) - self.start()
    }

    /// Calls `each` with the start and the mean utilization of windows of length `window`, in
    /// order. The mean is linear between two starts if neither edge of the window passes a change,
    /// so only the starts at changes are visited.
    ///
    /// `each` returns the utilization above which further windows do not matter. The mean changes
    /// by at most 1 per window length, so starts that cannot reach a value that low are skipped.
    fn slide(&self, window: i64, mut each: impl FnMut(i64, f64) -> f64) {
        let end = self.start() + self.duration() - window;
        let (mut left, mut right) = (Integral::new(self), Integral::new(self));
        let mut time = self.start();
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

    /// Returns the length of a window, limited to the duration of this series.
    fn fit(&self, window: i64) -> i64 {
        window.min(self.duration())
    }
}

/// Returned by a callback of `slide` to stop: no utilization is lower than this.
const ENOUGH: f64 = -1.0;

impl MmuReport {
    pub(super) fn new(series: Vec<Vec<UtilizationPoint>>) -> Self {
        MmuReport { series: series.into_iter().map(Series::new).collect() }
    }

    /// Returns the series: a single one, or one for each P. Each series ends with a point of
    /// utilization 0, after which nothing is known.
    pub fn series(&self) -> impl Iterator<Item = &[UtilizationPoint]> {
        self.series.iter().map(|series| &series.points[..])
    }

    /// Returns the duration of the longest series.
    pub fn duration(&self) -> Duration {
        let longest = self.series.iter().map(Series::duration).max().unwrap_or(0);
        Time(longest) - Time(0)
    }

    /// Returns the minimum mutator utilization: the lowest mean utilization of any window of the
    /// given length, from 0 to 1. A window longer than the trace is shortened to the trace.
    pub fn mmu(&self, window: Duration) -> f64 {
        self.mmu_of(nanos(window))
    }

    fn mmu_of(&self, window: i64) -> f64 {
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

    /// Returns the mutator utilization distribution: for each quantile from 0 to 1, the mean
    /// utilization that this fraction of all windows of the given length does not exceed. Quantile
    /// 0 is the MMU.
    ///
    /// `MMUCurve.MUD` of Go 1.27.3 is meant to return the same, but returns the MMU at every
    /// quantile: its accumulator stops early when the caller requests no example windows.
    pub fn mud(&self, window: Duration, quantiles: &[f64]) -> Vec<f64> {
        let window = nanos(window);
        let mmu = self.mmu_of(window);
        let mut pieces = Pieces::default();
        for series in self.series.iter().filter(|series| window > 0 && series.duration() > window) {
            let mut last: Option<(i64, f64)> = None;
            series.slide(window, |time, util| {
                if let Some((start, before)) = last {
                    pieces.add(before, util, (time - start) as f64);
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

    /// Returns up to `n` windows of the given length that do not overlap and have the lowest mean
    /// utilization, lowest first.
    pub fn worst(&self, window: Duration, n: usize) -> Vec<UtilizationWindow> {
        let mut worst: Vec<UtilizationWindow> = Vec::new();
        for series in &self.series {
            let window = series.fit(nanos(window));
            if window <= 0 || n == 0 {
                continue;
            }
            series.slide(window, |time, utilization| {
                let found = UtilizationWindow { start: Time(time), utilization };
                let near = worst.iter().position(|other| other.start.since(found.start).abs() < window);
                match near {
                    Some(place) if worst[place].utilization <= utilization => {}
                    Some(place) => worst[place] = found,
                    None => worst.push(found),
                }
                worst.sort_by(|a, b| a.utilization.total_cmp(&b.utilization).then(a.start.cmp(&b.start)));
                worst.truncate(n);
                if worst.len() < n { 1.0 } else { worst[n - 1].utilization }
            });
        }
        worst
    }

    /// Returns the MMU and two percentiles for windows of all lengths.
    pub fn curve(&self) -> MmuCurve {
        MmuCurve::new(self)
    }
}

/// Converts to nanoseconds, at most `i64::MAX`. No trace is longer.
fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// A distribution of time over utilization, as a sum of uniform distributions and of single values.
#[derive(Debug, Default)]
struct Pieces {
    edges: Vec<Edge>,
    total: f64,
}

#[derive(Debug)]
struct Edge {
    at: f64,
    /// The change of the density at this utilization.
    density: f64,
    /// The time spent at exactly this utilization.
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

    /// Returns the utilization that the fraction `quantile` of the time does not exceed. `None` if
    /// there is no time.
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

    fn ns(nanos: usize) -> Duration {
        Duration::from_nanos(nanos as u64)
    }

    fn utilization(steps: &[(i64, f64)]) -> MmuReport {
        let mut time = 1000;
        let mut points: Vec<UtilizationPoint> = Vec::new();
        for &(duration, util) in steps {
            points.push(UtilizationPoint { time: Time(time), utilization: util });
            time += duration;
        }
        points.push(UtilizationPoint { time: Time(time), utilization: 0.0 });
        MmuReport::new(vec![points])
    }

    /// Returns the mean of each window that starts at a whole nanosecond, computed by summing up
    /// nanoseconds.
    fn by_hand(steps: &[(i64, f64)], window: usize) -> Vec<f64> {
        let flat: Vec<f64> = steps.iter().flat_map(|&(duration, util)| vec![util; duration as usize]).collect();
        flat.windows(window).map(|window| window.iter().sum::<f64>() / window.len() as f64).collect()
    }

    proptest! {
        #[test]
        fn mmu_and_mud_match_brute_force(
            steps in prop::collection::vec((1..40_i64, prop::sample::select(vec![0.0, 0.25, 0.5, 0.75, 1.0])), 1..20),
            window in 1..60_usize,
        ) {
            let utilization = utilization(&steps);
            let mut all = by_hand(&steps, window.min(utilization.duration().as_nanos() as usize));
            all.sort_by(f64::total_cmp);
            prop_assert!((utilization.mmu(ns(window)) - all[0]).abs() < 1e-9);
            prop_assert!((utilization.worst(ns(window), 1)[0].utilization - all[0]).abs() < 1e-9);
            // Between whole nanoseconds the mean is linear, so the number of windows below a
            // quantile is off by at most one.
            if all.len() > 1 {
                let quantiles = [0.0, 0.1, 0.5, 0.9, 1.0];
                for (quantile, util) in quantiles.iter().zip(utilization.mud(ns(window), &quantiles)) {
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
    fn mud_has_the_expected_quantiles() {
        // 60 ns at 1, then 40 ns at 0. A window of 20 ns has 40 ns at 1, 20 ns evenly between 1 and
        // 0, and 20 ns at 0.
        let utilization = utilization(&[(60, 1.0), (40, 0.0)]);
        let found = utilization.mud(ns(20), &[0.0, 0.2, 0.25, 0.375, 0.5, 0.6, 1.0]);
        for (found, expected) in found.into_iter().zip([0.0, 0.0, 0.0, 0.5, 1.0, 1.0, 1.0]) {
            assert!((found - expected).abs() < 1e-9, "{found}, expected {expected}");
        }
        // A window longer than the trace has the mean of the trace.
        assert_eq!(utilization.mud(ns(1000), &[0.5]), [0.6]);
        assert_eq!((utilization.mmu(ns(0)), utilization.mmu(ns(1000))), (0.0, 0.6));
        assert_eq!(MmuReport::default().mmu(ns(5)), 1.0);
    }

    #[test]
    fn worst_windows_do_not_overlap() {
        let utilization = utilization(&[(50, 1.0), (10, 0.0), (50, 1.0), (20, 0.5), (50, 1.0)]);
        let worst = utilization.worst(ns(20), 3);
        assert_eq!(worst[0].utilization, 0.5);
        assert!(worst.iter().all(|a| worst.iter().all(|b| a == b || a.start.since(b.start).abs() >= 20)), "{worst:?}");
        assert_eq!(worst.iter().filter(|window| window.utilization == 0.5).count(), 2, "{worst:?}");
    }
}
