//! A report on a log: how the live heap changes, and what garbage collection costs.

use std::time::Duration;

use super::cycle::nanos;
use super::{Cycle, Log, Period, Pressure, Run, Skipped, most_assist, slowest_marking};
use crate::trend::{
    Forecast, Inflection, InflectionOptions, MannKendall, Shape, ShapeOptions, Trend, Turn, inflections,
};

const NANOS_PER_SECOND: f64 = 1e9;

/// A trend that chance produces more often than this is not reported as a trend.
const SIGNIFICANCE: f64 = 0.05;

/// A report on the log of a program.
///
/// If the log contains several processes, everything after [`run`](LogReport::run) is about the process with the most
/// collections.
///
/// ```
/// use gotrace::gctrace::{Log, LogReport, LogReportOptions};
///
/// # fn main() -> Result<(), gotrace::Error> {
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/leaks/captures/go1.27/chansend/gctrace.log.gz");
/// let log = Log::from_path(path)?;
/// let report = LogReport::new(&log, &LogReportOptions::default().limit(512 << 20));
/// if let (Some(trend), Some(pressure)) = (&report.trend, &report.pressure) {
///     println!("the live heap grows by {:.0} bytes per second", trend.slope_bytes_per_second);
///     println!("longest pause: {:?}", pressure.pause_max);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct LogReport {
    /// The number of collections in the log.
    pub collections: u64,
    /// The numbers of other lines.
    pub skipped: Skipped,
    /// The number of collections that were left out because of [`LogLimits`](super::LogLimits).
    pub dropped: u64,
    /// The processes in the log.
    pub runs: Vec<RunSummary>,
    /// The index of the process in `runs` that the rest of the report is about: the process with the most collections.
    /// `None` if there are no collections.
    pub run: Option<usize>,
    /// The size of the live heap. `None` if there are no collections.
    pub live_heap: Option<LiveHeap>,
    /// The trend of the live heap. `None` if there are fewer than two collections at different
    /// times.
    pub trend: Option<HeapTrend>,
    /// The form of the live heap over time. `None` if there are no collections.
    pub shape: Option<HeapShape>,
    /// The times at which the live heap turned from rising to falling, or from falling to rising.
    pub turns: Vec<TurningPoint>,
    /// The time at which the heap reaches the limit. `None` without a limit in the options.
    pub forecast: Option<HeapForecast>,
    /// The cost of garbage collection. `None` if there are no collections.
    pub pressure: Option<Pressure>,
    /// The collections with the slowest marking. See [`slowest_marking`].
    pub slowest_marking: Option<Period>,
    /// The collections in which assists did the largest share of marking. See [`most_assist`].
    pub most_assist: Option<Period>,
    /// The collections, if the options request them.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub cycles: Option<Vec<Cycle>>,
}

/// Selects the contents of a [`LogReport`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct LogReportOptions {
    /// The limit in bytes for the forecast of when the heap reaches it. Default: `None`, for no forecast.
    pub limit: Option<u64>,
    /// The confidence level of the interval of the slope, between 0 and 1. Default: 0.95.
    pub confidence: f64,
    /// The options for finding turning points.
    pub turns: InflectionOptions,
    /// Whether the report contains every collection. Default: false.
    pub cycles: bool,
}

impl Default for LogReportOptions {
    fn default() -> Self {
        LogReportOptions { limit: None, confidence: 0.95, turns: InflectionOptions::default(), cycles: false }
    }
}

impl LogReportOptions {
    /// Sets the limit in bytes for the forecast.
    #[must_use]
    pub fn limit(mut self, bytes: impl Into<Option<u64>>) -> Self {
        self.limit = bytes.into();
        self
    }

    /// Sets the confidence level of the interval of the slope, between 0 and 1.
    #[must_use]
    pub fn confidence(mut self, confidence: f64) -> Self {
        self.confidence = confidence;
        self
    }

    /// Sets how turning points are found.
    #[must_use]
    pub fn turns(mut self, turns: InflectionOptions) -> Self {
        self.turns = turns;
        self
    }

    /// Sets whether the report contains every collection.
    #[must_use]
    pub fn cycles(mut self, cycles: bool) -> Self {
        self.cycles = cycles;
        self
    }
}

/// One process of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct RunSummary {
    /// The number of its first collection in the log.
    pub first_n: u32,
    /// The number of its last collection in the log.
    pub last_n: u32,
    /// The number of its collections in the log.
    pub cycles: usize,
    /// The number of collections between the first and the last that are not in the log.
    pub missing: u64,
    /// When its first collection in the log started, since the program's start.
    #[cfg_attr(feature = "serde", serde(rename = "first_start_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub first_start: Duration,
    /// When its last collection in the log started, since the program's start.
    #[cfg_attr(feature = "serde", serde(rename = "last_start_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub last_start: Duration,
    /// The time between the starts of its first and its last collection.
    #[cfg_attr(feature = "serde", serde(rename = "duration_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub duration: Duration,
}

/// The size of the live heap after collections, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct LiveHeap {
    /// The size after the first collection.
    #[cfg_attr(feature = "serde", serde(rename = "first_bytes"))]
    pub first: u64,
    /// The size after the last collection.
    #[cfg_attr(feature = "serde", serde(rename = "last_bytes"))]
    pub last: u64,
    /// The smallest size.
    #[cfg_attr(feature = "serde", serde(rename = "min_bytes"))]
    pub min: u64,
    /// The largest size.
    #[cfg_attr(feature = "serde", serde(rename = "max_bytes"))]
    pub max: u64,
}

/// The trend of the live heap over time.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct HeapTrend {
    /// The number of collections.
    pub samples: usize,
    /// The Theil–Sen slope in bytes per second.
    pub slope_bytes_per_second: f64,
    /// The lower end of the slope's confidence interval. `None` if all values are equal.
    pub slope_low_bytes_per_second: Option<f64>,
    /// The upper end of the slope's confidence interval. `None` if all values are equal.
    pub slope_high_bytes_per_second: Option<f64>,
    /// The value of the trend line at the program's start, in bytes.
    pub intercept_bytes: f64,
    /// The test of whether there is a trend.
    pub mann_kendall: MannKendall,
}

/// The form of the live heap over time. See [`Shape`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(tag = "form", rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum HeapShape {
    /// There are too few collections.
    TooShort,
    /// It is constant, apart from noise.
    Flat {
        /// The median, in bytes.
        level_bytes: f64,
    },
    /// It rises and falls repeatedly.
    Sawtooth {
        /// The number of times that it falls.
        peaks: usize,
        /// Whether the lowest points rise, significantly and beyond noise.
        valleys_rise: bool,
        /// The slope of the lowest points, in bytes per second. `None` if there are too few points.
        valley_slope_bytes_per_second: Option<f64>,
    },
    /// It rose and was constant afterwards.
    Plateau {
        /// The median of the second half, in bytes.
        level_bytes: f64,
        /// The number of bytes by which it rose.
        rise_bytes: f64,
        /// When it reached the level, since the program's start.
        #[cfg_attr(feature = "serde", serde(rename = "since_ns", serialize_with = "crate::nanos::duration"))]
        #[cfg_attr(feature = "schema", schemars(with = "u64"))]
        since: Duration,
    },
    /// It rises.
    Rising,
    /// It falls.
    Falling,
    /// None of these.
    Irregular,
}

/// A point where the live heap turned.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct TurningPoint {
    /// The direction of the turn.
    pub turn: Turn,
    /// The number of the collection.
    pub n: u32,
    /// When that collection started, since the program's start.
    #[cfg_attr(feature = "serde", serde(rename = "start_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub start: Duration,
    /// The mean of the live heap over the collections around the turn, in bytes.
    pub live_mean_bytes: f64,
    /// The prominence of the turn in bytes. See [`Peak`](crate::trend::Peak).
    pub prominence_bytes: f64,
}

/// The time at which the heap reaches a limit if it continues to grow at the same rate.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct HeapForecast {
    /// The limit in bytes.
    #[cfg_attr(feature = "serde", serde(rename = "limit_bytes"))]
    pub limit: u64,
    /// The time at which the live heap reaches the limit. `None` if there are too few collections for a forecast.
    pub live_heap: Option<LimitForecast>,
    /// The time at which the goal reaches the limit. The goal is the size that the heap has when marking ends. `None`
    /// if there are too few collections for a forecast.
    pub goal: Option<LimitForecast>,
}

/// The time at which a limit is reached. Times are durations since the program's start.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(tag = "outcome", rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum LimitForecast {
    /// A collection has reached the limit.
    Reached,
    /// The limit is not reached at this rate: the size does not rise, or has stopped rising, as on a plateau.
    Never,
    /// The limit is reached later.
    Expected {
        /// The time according to the slope of the trend. At most 584 years.
        #[cfg_attr(feature = "serde", serde(rename = "at_ns", serialize_with = "crate::nanos::duration"))]
        #[cfg_attr(feature = "schema", schemars(with = "u64"))]
        at: Duration,
        /// The time according to the steepest slope of the confidence interval. `None` if there is no interval.
        #[cfg_attr(feature = "serde", serde(rename = "earliest_ns", serialize_with = "crate::nanos::optional"))]
        #[cfg_attr(feature = "schema", schemars(with = "Option<u64>"))]
        earliest: Option<Duration>,
        /// The time according to the flattest slope of the confidence interval. `None` if this slope does not rise, or
        /// if there is no interval.
        #[cfg_attr(feature = "serde", serde(rename = "latest_ns", serialize_with = "crate::nanos::optional"))]
        #[cfg_attr(feature = "schema", schemars(with = "Option<u64>"))]
        latest: Option<Duration>,
    },
}

impl LogReport {
    /// Computes the report of a log.
    pub fn new(log: &Log, options: &LogReportOptions) -> Self {
        let runs = log.runs();
        let longest = (0..runs.len()).max_by_key(|&run| runs[run].cycles.len());
        let mut report = LogReport {
            collections: log.cycles.len() as u64,
            skipped: log.skipped,
            dropped: log.dropped,
            runs: runs.iter().map(RunSummary::of).collect(),
            run: longest,
            cycles: options.cycles.then(|| log.cycles.clone()),
            ..LogReport::default()
        };
        if let Some(longest) = longest {
            report.add_run(&runs[longest].cycles, options);
        }
        report
    }

    fn add_run(&mut self, cycles: &[Cycle], options: &LogReportOptions) {
        let at: Vec<f64> = cycles.iter().map(|cycle| nanos(cycle.start)).collect();
        let live: Vec<f64> = cycles.iter().map(|cycle| cycle.heap_live as f64).collect();
        let trend = Trend::of(&at, &live, options.confidence);
        let shape = Shape::of(&at, &live, &ShapeOptions::default());
        self.live_heap = LiveHeap::of(cycles);
        self.trend = trend.as_ref().map(HeapTrend::of);
        self.shape = Some(HeapShape::of(&shape));
        self.turns = inflections(&live, &options.turns).iter().map(|turn| TurningPoint::of(turn, cycles)).collect();
        self.forecast = options.limit.map(|limit| {
            let goals = cycles.iter().filter_map(|cycle| Some((nanos(cycle.start), cycle.goal? as f64)));
            let (goal_at, goals): (Vec<f64>, Vec<f64>) = goals.unzip();
            let reach = |trend: Option<Trend>, shape| LimitForecast::of(&trend?, &shape, limit);
            HeapForecast {
                limit,
                live_heap: reach(trend, shape),
                goal: reach(
                    Trend::of(&goal_at, &goals, options.confidence),
                    Shape::of(&goal_at, &goals, &ShapeOptions::default()),
                ),
            }
        });
        self.pressure = Some(Pressure::of(cycles));
        self.slowest_marking = slowest_marking(cycles);
        self.most_assist = most_assist(cycles);
    }
}

impl RunSummary {
    fn of(run: &Run) -> Self {
        RunSummary {
            first_n: run.cycles.first().map_or(0, |cycle| cycle.n),
            last_n: run.cycles.last().map_or(0, |cycle| cycle.n),
            cycles: run.cycles.len(),
            missing: run.missing(),
            first_start: run.cycles.first().map_or(Duration::ZERO, |cycle| cycle.start),
            last_start: run.cycles.last().map_or(Duration::ZERO, |cycle| cycle.start),
            duration: run.duration(),
        }
    }
}

impl LiveHeap {
    fn of(cycles: &[Cycle]) -> Option<Self> {
        let live = || cycles.iter().map(|cycle| cycle.heap_live);
        Some(LiveHeap { first: live().next()?, last: live().next_back()?, min: live().min()?, max: live().max()? })
    }
}

impl HeapTrend {
    /// Converts a trend whose positions are nanoseconds.
    fn of(trend: &Trend) -> Self {
        let per_second = |slope: f64| slope * NANOS_PER_SECOND;
        let line = &trend.theil_sen;
        HeapTrend {
            samples: trend.samples,
            slope_bytes_per_second: per_second(line.slope),
            slope_low_bytes_per_second: line.interval.map(|interval| per_second(interval.low)),
            slope_high_bytes_per_second: line.interval.map(|interval| per_second(interval.high)),
            intercept_bytes: line.intercept,
            mann_kendall: trend.mann_kendall,
        }
    }
}

impl HeapShape {
    /// Converts a shape whose positions are nanoseconds.
    fn of(shape: &Shape) -> Self {
        match *shape {
            Shape::TooShort => HeapShape::TooShort,
            Shape::Flat { level } => HeapShape::Flat { level_bytes: level },
            Shape::Sawtooth { peaks, valleys, rises } => HeapShape::Sawtooth {
                peaks,
                valleys_rise: rises,
                valley_slope_bytes_per_second: valleys.map(|trend| trend.theil_sen.slope * NANOS_PER_SECOND),
            },
            Shape::Plateau { level, rise, since } => {
                HeapShape::Plateau { level_bytes: level, rise_bytes: rise, since: duration(since) }
            }
            Shape::Rising => HeapShape::Rising,
            Shape::Falling => HeapShape::Falling,
            Shape::Irregular => HeapShape::Irregular,
        }
    }
}

impl TurningPoint {
    fn of(turn: &Inflection, cycles: &[Cycle]) -> Self {
        let cycle = &cycles[turn.index];
        TurningPoint {
            turn: turn.turn,
            n: cycle.n,
            start: cycle.start,
            live_mean_bytes: turn.value,
            prominence_bytes: turn.prominence,
        }
    }
}

impl LimitForecast {
    /// Returns when a series reaches the limit. The positions of the series are nanoseconds. `None` if it is too short
    /// to have a trend.
    fn of(trend: &Trend, shape: &Shape, limit: u64) -> Option<Self> {
        let (expected, earliest, latest) = match trend.forecast(limit as f64) {
            Forecast::Reached => return Some(LimitForecast::Reached),
            Forecast::Never => return Some(LimitForecast::Never),
            Forecast::At { expected, earliest, latest } => (expected, earliest, latest),
        };
        let rises = trend.rises(SIGNIFICANCE);
        match shape {
            Shape::Plateau { .. } | Shape::Sawtooth { rises: false, .. } => Some(LimitForecast::Never),
            Shape::TooShort if !rises => None,
            _ if !rises => Some(LimitForecast::Never),
            _ => Some(LimitForecast::Expected {
                at: duration(expected),
                earliest: earliest.map(duration),
                latest: latest.map(duration),
            }),
        }
    }
}

/// Converts nanoseconds. Negative values become zero, and values out of range become the largest duration.
fn duration(nanos: f64) -> Duration {
    Duration::from_nanos(nanos as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    /// Returns the forecasts for a log with one collection per second and these live heaps in MiB. Goals are twice the
    /// live heap.
    fn forecasts(live: impl IntoIterator<Item = u64>, limit: u64) -> (Option<LimitForecast>, Option<LimitForecast>) {
        let line = |(at, live): (usize, u64)| {
            let (n, goal) = (at + 1, 2 * live);
            format!(
                "gc {n} @{at}.0s 1%: 0+1+0 ms clock, 0+0/1/0+0 ms cpu, {goal}->{goal}->{live} MB, {goal} MB goal, 2 P\n"
            )
        };
        let text: String = live.into_iter().enumerate().map(line).collect();
        let log = Log::from_slice(text.as_bytes()).expect("text");
        let report = LogReport::new(&log, &LogReportOptions::default().limit(limit * MIB));
        let forecast = report.forecast.expect("there is a limit");
        (forecast.live_heap, forecast.goal)
    }

    fn expected(seconds: u64) -> Option<LimitForecast> {
        let at = Duration::from_secs(seconds);
        Some(LimitForecast::Expected { at, earliest: Some(at), latest: Some(at) })
    }

    #[test]
    fn a_rising_heap_has_an_expected_time() {
        // From 10 MiB, the heap grows by one MiB per second, up to 39 MiB. The goal is twice the live heap.
        assert_eq!(forecasts(10..40, 100), (expected(90), expected(40)));
        assert_eq!(forecasts(10..40, 78), (expected(68), Some(LimitForecast::Reached)));
        assert_eq!(forecasts(10..40, 80), (expected(70), expected(30)));
    }

    #[test]
    fn a_plateau_never_reaches_the_limit() {
        let warm_up = || (1..=40).step_by(4).chain([40; 30]);
        assert_eq!(forecasts(warm_up(), 64), (Some(LimitForecast::Never), Some(LimitForecast::Reached)));
        assert_eq!(forecasts(warm_up(), 40), (Some(LimitForecast::Reached), Some(LimitForecast::Reached)));
        assert_eq!(forecasts(warm_up(), 81), (Some(LimitForecast::Never), Some(LimitForecast::Never)));
    }

    #[test]
    fn a_swinging_heap_never_reaches_the_limit() {
        // The heap grows from 1 to 20 MiB repeatedly.
        let saw = (0..5).flat_map(|_| 1..=20);
        assert_eq!(forecasts(saw, 64), (Some(LimitForecast::Never), Some(LimitForecast::Never)));
    }

    #[test]
    fn few_collections_have_a_forecast_only_if_all_agree() {
        assert_eq!(forecasts([10, 20], 64), (None, None));
        assert_eq!(forecasts([10, 20, 30, 40, 50], 120), (expected(11), expected(5)));
    }

    /// If growth slows down, the last values are below the trend line.
    #[test]
    fn a_limit_above_all_values_is_not_reached() {
        let log = Log::from_slice(include_bytes!("../../testdata/gctrace/logs/go1.27-cache.log")).expect("a log");
        let report = LogReport::new(&log, &LogReportOptions::default().limit(64 * MIB));
        assert_eq!(report.live_heap.map(|live| live.max), Some(43 * MIB));
        assert_eq!(report.forecast.and_then(|forecast| forecast.live_heap), Some(LimitForecast::Never));
    }
}
