//! Metrics over time: the heap, goroutines by state, the work of the GC.

use std::collections::BTreeMap;

use gotrace::Time;
use gotrace::timeline::{GroupCell, LaneState, Lanes, Metric};
use serde::{Deserialize, Serialize};

use super::super::session::Loaded;
use super::view::Picture;
use super::{Answer, Refusal, to_json};

/// Selects metrics of a part of the trace.
#[derive(Deserialize)]
pub struct SeriesQuery {
    start: Option<i64>,
    end: Option<i64>,
    pixels: Option<usize>,
    /// Such as `heap,goal,running`.
    names: String,
}

#[derive(Serialize)]
struct Answered {
    /// A cell is `1 << shift` ns wide.
    shift: u32,
    start_ns: Time,
    cells: usize,
    series: BTreeMap<String, Series>,
}

/// The values of a metric in each cell; `null` where it is not known.
#[derive(Serialize)]
struct Series {
    unit: &'static str,
    min: Vec<Option<f64>>,
    max: Vec<Option<f64>>,
    mean: Vec<Option<f64>>,
}

impl Series {
    fn of_metric(unit: &'static str, lanes: &Lanes<'_>, metric: Metric) -> Self {
        let cells = lanes.metric(metric);
        let values =
            |value: fn(gotrace::timeline::MetricCell) -> f64| cells.iter().map(|cell| cell.map(value)).collect();
        Series {
            unit,
            min: values(|cell| cell.min as f64),
            max: values(|cell| cell.max as f64),
            mean: values(|cell| cell.mean),
        }
    }

    /// Creates a series of which only means are known.
    fn of_means(unit: &'static str, mean: Vec<Option<f64>>) -> Self {
        Series { unit, min: mean.clone(), max: mean.clone(), mean }
    }
}

/// Answers with metrics.
pub fn series(loaded: &Loaded, query: SeriesQuery) -> Answer {
    let timeline = loaded.timeline()?;
    let picture = Picture::new(query.start, query.end, query.pixels);
    let lanes = timeline.lanes(picture.part(timeline), picture.pixels());
    let mut goroutines: Option<Vec<GroupCell>> = None;
    let mut series = BTreeMap::new();
    for name in query.names.split(',').filter(|name| !name.is_empty()) {
        let mut means = |value: &dyn Fn(&GroupCell) -> f64| {
            let cells = goroutines.get_or_insert_with(|| lanes.all_goroutines());
            Series::of_means("goroutines", cells.iter().map(|cell| Some(value(cell))).collect())
        };
        let values = match name {
            "heap" => Series::of_metric("bytes", &lanes, Metric::Heap),
            "goal" => Series::of_metric("bytes", &lanes, Metric::HeapGoal),
            "gomaxprocs" => Series::of_metric("Ps", &lanes, Metric::Gomaxprocs),
            "gc_cpu" => Series::of_means("share", lanes.gc_share()),
            "running" => means(&|cell| cell.mean(LaneState::Running) + cell.mean(LaneState::GcWork)),
            "runnable" => means(&|cell| cell.mean(LaneState::Runnable)),
            "waiting" => means(&|cell| cell.mean(LaneState::Waiting)),
            "syscall" => means(&|cell| cell.mean(LaneState::Syscall)),
            "goroutines" => means(&|cell| cell.mean_alive()),
            _ => return Err(Refusal::Wrong(format!("there is no series '{name}'"))),
        };
        series.insert(name.to_owned(), values);
    }
    to_json(&Answered { shift: lanes.cell_shift(), start_ns: lanes.start(), cells: lanes.len(), series })
}
