//! What the page draws beside the verdict on leaks.

use std::time::Duration;

use gotrace::diagnose::{FunctionsOverTime, Inputs};
use gotrace::gctrace::{HeapTrend, LimitForecast, LiveHeap, Log, LogReport, LogReportOptions};
use serde::Serialize;

/// Series over time. `None` where the files have fewer than two values.
#[derive(Serialize)]
pub struct Charts {
    heap: Option<Chart>,
    goroutines: Option<Chart>,
    live_heap: Option<LiveHeapChart>,
}

/// Values of functions in several profiles or dumps.
#[derive(Serialize)]
struct Chart {
    /// The times since the first. `None` if they are not known.
    times_ns: Option<Vec<i64>>,
    series: Vec<Series>,
}

#[derive(Serialize)]
struct Series {
    name: String,
    values: Vec<i64>,
}

/// The live heap after each collection of a GC log. Times are seconds since the program's start.
#[derive(Serialize)]
struct LiveHeapChart {
    times_s: Vec<f64>,
    values: Vec<u64>,
    turning_points: Vec<f64>,
    /// `None` if the live heap does not keep rising.
    forecast: Option<Line>,
}

/// A straight line between two points.
#[derive(Serialize)]
struct Line {
    times_s: [f64; 2],
    values: [f64; 2],
}

/// A chart with more functions is hard to read.
const MAX_SERIES: usize = 8;
/// Of more collections, only the largest of several is drawn.
const MAX_POINTS: usize = 2000;

impl Charts {
    pub fn new(inputs: &Inputs) -> Self {
        Charts {
            heap: Chart::new(inputs.heap_over_time(MAX_SERIES)),
            goroutines: Chart::new(inputs.goroutines_over_time(MAX_SERIES)),
            live_heap: LiveHeapChart::new(inputs),
        }
    }
}

impl Chart {
    fn new(of: FunctionsOverTime) -> Option<Self> {
        let times_ns = of.times.map(|times| {
            let nanos = times.iter().map(|time| time.as_nanos());
            let since = |nanos: i128| i64::try_from(nanos - times.first().map_or(0, |first| first.as_nanos()));
            nanos.map(|nanos| since(nanos).unwrap_or(i64::MAX)).collect()
        });
        let series: Vec<Series> =
            of.functions.into_iter().map(|of| Series { name: of.function, values: of.values }).collect();
        (series.first()?.values.len() > 1).then_some(Chart { times_ns, series })
    }
}

impl LiveHeapChart {
    fn new(inputs: &Inputs) -> Option<Self> {
        let mut log = Log::default();
        log.cycles = inputs.collections().to_vec();
        let last = log.cycles.last().filter(|_| log.cycles.len() > 1)?.start;
        let first = log.cycles.first()?.start;
        let whole = LogReport::new(&log, &LogReportOptions::default());
        // The forecast of when the live heap doubles says whether it keeps rising.
        let limit = whole.live_heap.map(|live| live.max.saturating_mul(2));
        let report = LogReport::new(&log, &LogReportOptions::default().limit(limit));
        let forecast = match (report.forecast.and_then(|forecast| forecast.live_heap), report.trend, report.live_heap) {
            (Some(LimitForecast::Expected { at, .. }), Some(trend), Some(live)) => {
                Some(Line::new(&trend, &live, last, at.min(last + (last - first))))
            }
            _ => None,
        };
        let drawn = log.cycles.chunks(log.cycles.len().div_ceil(MAX_POINTS));
        let drawn: Vec<_> = drawn.filter_map(|cycles| cycles.iter().max_by_key(|cycle| cycle.heap_live)).collect();
        Some(LiveHeapChart {
            times_s: drawn.iter().map(|cycle| cycle.start.as_secs_f64()).collect(),
            values: drawn.iter().map(|cycle| cycle.heap_live).collect(),
            turning_points: report.turns.iter().map(|turn| turn.start.as_secs_f64()).collect(),
            forecast,
        })
    }
}

impl Line {
    /// Continues a trend. It begins where the forecast of `gotrace gctrace` begins.
    fn new(trend: &HeapTrend, live: &LiveHeap, from: Duration, to: Duration) -> Self {
        let [from, to] = [from, to].map(|time| time.as_secs_f64());
        let level = (trend.intercept_bytes + trend.slope_bytes_per_second * from).min(live.max as f64);
        Line { times_s: [from, to], values: [level, level + trend.slope_bytes_per_second * (to - from)] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A live heap that grows by 1 MiB per second, for 12 s only if it is a plateau.
    fn forecast(is_plateau: bool) -> Option<Line> {
        let text: String = (0..40)
            .map(|at: u64| {
                let live = 10 + if is_plateau { at.min(12) } else { at };
                format!(
                    "gc {} @{at}.0s 1%: 0+1+0 ms clock, 0+0/1/0+0 ms cpu, {live}->{live}->{live} MB, 99 MB goal, 2 P\n",
                    at + 1
                )
            })
            .collect();
        let mut inputs = Inputs::new();
        assert!(inputs.text("log", text.as_bytes()).expect("text"));
        let chart = LiveHeapChart::new(&inputs).expect("collections");
        assert_eq!((chart.times_s.len(), chart.values[0]), (40, 10 << 20));
        chart.forecast
    }

    #[test]
    fn only_a_heap_that_keeps_rising_has_a_forecast() {
        let line = forecast(false).expect("it rises");
        let mib = |bytes: f64| bytes / f64::from(1 << 20);
        // Twice as long as the log at most: from 39 s to 78 s.
        assert_eq!((line.times_s, line.values.map(mib)), ([39.0, 78.0], [49.0, 88.0]));
        assert!(forecast(true).is_none());
    }
}
