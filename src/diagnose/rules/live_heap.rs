//! The live heap of the GC log: does its floor rise?
//!
//! What a collection leaves goes up and down with the work. What never goes again is the floor: the least of it in each window of
//! time. A saw has a level floor, a cache that warms up one that rises ever more slowly, something made once a single step. A leak's rises
//! in most windows, to the end.

use super::{Case, Heard, bytes, nanos, row};
use crate::diagnose::finding::{Against, Finding, Scope, Source, Value};
use crate::diagnose::growth::Growth;
use crate::gctrace::Cycle;
use crate::trend::{Shape, ShapeOptions, Trend, mann_kendall, theil_sen};

/// What the log can say at most: it knows neither which memory nor whose.
const MOST: f64 = 0.6;

/// With fewer collections a window there is no telling the floor.
const CYCLES_A_WINDOW: usize = 2;

pub(super) fn judge(case: Case<'_>, heard: &mut Heard) {
    let cycles = &case.inputs.cycles;
    if cycles.is_empty() {
        heard
            .not_judged
            .push("how the live heap went in the long run, and what collecting costs: there is no GC log".to_owned());
        return;
    }
    let windows = case.options.floors.max(4).min(cycles.len() / CYCLES_A_WINDOW);
    if windows < 4 {
        let text = format!("how the live heap went in the long run: {} collections are too few", cycles.len());
        heard.not_judged.push(text);
        return;
    }
    let floors = floors(cycles, windows);
    let (at, values): (Vec<f64>, Vec<f64>) = floors.iter().copied().unzip();
    let Some(growth) = Growth::of(&at, &values) else { return };
    let noise = (case.options.log_noise as f64).max(case.options.relative_noise * values[0]);
    let text = row(&values, |size| bytes(*size as i64));
    let against = |reason: String| {
        // What grows faster than the floor did in the later half, noise included, would be seen in it.
        let middle = values.len() / 2;
        let (late, time) = (values[values.len() - 1] - values[middle], at[at.len() - 1] - at[middle]);
        let speaks_against = Scope::HeapFasterThan((late.max(0.0) + noise) / time.max(1e-9));
        Against { source: Source::GcLog, factor: 0.5, speaks_against, reason }
    };
    let slope = slope(cycles);
    if !growth.is_steady || growth.total.max(slope) < noise {
        heard.against.push(against(level_text(cycles, &shape(cycles), &text)));
    } else if is_step(&values, noise) {
        heard.against.push(against(format!("the live heap rose in one step and is level before and after: {text}")));
    } else if growth.pace.is_some_and(|pace| pace < case.options.pace) {
        heard.against.push(against(format!("the live heap rises ever more slowly, as a cache that warms up: {text}")));
    } else {
        heard.findings.push(finding(case, cycles, &values, &growth, text));
    }
}

/// By how much the live heap rises over the log at least, with 95 % confidence. Over many collections this is finer than the whole MiB
/// in which the log has the floor.
fn slope(cycles: &[Cycle]) -> f64 {
    let at: Vec<f64> = cycles.iter().map(|cycle| cycle.at as f64).collect();
    let live: Vec<f64> = cycles.iter().map(|cycle| cycle.heap_live as f64).collect();
    let low = theil_sen(&at, &live, 0.95).and_then(|line| line.interval).map_or(0.0, |(low, _)| low);
    low * (at[at.len() - 1] - at[0])
}

/// Whether most of a rise is one step, larger than noise can make it, and level before and after.
fn is_step(floors: &[f64], noise: f64) -> bool {
    let total = floors[floors.len() - 1] - floors[0];
    let steps = floors.windows(2).map(|pair| pair[1] - pair[0]).enumerate();
    let Some((at, step)) = steps.max_by(|a, b| a.1.total_cmp(&b.1)) else { return false };
    let (before, after) = (floors[at] - floors[0], floors[floors.len() - 1] - floors[at + 1]);
    step > 2.0 * noise && step * 2.0 > total && before < noise && after < noise
}

/// The least live heap in each of some windows of equal length, and the middle of the window in seconds. If the log has the program's
/// start, what it takes to start is left out: the first window.
fn floors(cycles: &[Cycle], windows: usize) -> Vec<(f64, f64)> {
    let (first, last) = (cycles[0].at, cycles[cycles.len() - 1].at);
    let length = (last - first).max(1) as f64 / windows as f64;
    let mut floors: Vec<Option<u64>> = vec![None; windows];
    for cycle in cycles {
        let window = (((cycle.at - first) as f64 / length) as usize).min(windows - 1);
        let floor = &mut floors[window];
        *floor = Some(floor.map_or(cycle.heap_live, |floor| floor.min(cycle.heap_live)));
    }
    let has_start = cycles[0].n == 1;
    let known = floors.iter().enumerate().skip(usize::from(has_start));
    known.filter_map(|(i, floor)| Some(((i as f64 + 0.5) * length / 1e9, (*floor)? as f64))).collect()
}

fn shape(cycles: &[Cycle]) -> Shape {
    let at: Vec<f64> = cycles.iter().map(|cycle| cycle.at as f64).collect();
    let live: Vec<f64> = cycles.iter().map(|cycle| cycle.heap_live as f64).collect();
    Shape::of(&at, &live, &ShapeOptions::default())
}

/// Says how the heap is level.
fn level_text(cycles: &[Cycle], shape: &Shape, floors: &str) -> String {
    let peak = cycles.iter().map(|cycle| cycle.heap_start).max().unwrap_or(0);
    let live = cycles.iter().map(|cycle| cycle.heap_live).max().unwrap_or(0).max(1);
    match shape {
        Shape::Sawtooth { .. } => format!("the live heap goes up and down and comes back to the same floor: {floors}"),
        Shape::Plateau { since, .. } => {
            format!("the live heap rose until {} and is level since: {floors}", nanos(*since as i64))
        }
        // GOGC=100 collects at twice the live heap.
        _ if peak > live.saturating_mul(3) => format!(
            "the heap grows to {} before it is collected (GOGC, GOMEMLIMIT), and what is left is level: {floors}",
            bytes(i64::try_from(peak).unwrap_or(i64::MAX))
        ),
        _ => format!("the live heap is level: {floors}; if the process grows all the same, that is no Go heap"),
    }
}

fn finding(case: Case<'_>, cycles: &[Cycle], floors: &[f64], growth: &Growth, text: String) -> Finding {
    let at: Vec<f64> = cycles.iter().map(|cycle| cycle.at as f64 / 1e9).collect();
    let live: Vec<f64> = cycles.iter().map(|cycle| cycle.heap_live as f64).collect();
    let mut evidence = vec![
        ("floors", Value::Series(floors.iter().map(|floor| *floor as i64).collect())),
        ("growth", Value::Bytes(growth.total as i64)),
        ("collections", Value::Count(cycles.len() as i64)),
    ];
    let rate = growth.per_second.unwrap_or(0.0);
    evidence.push(("growth_per_second", Value::BytesPerSecond(rate)));
    if let Some(pace) = growth.pace {
        evidence.push(("pace", Value::Number(pace)));
    }
    if let Some(trend) = Trend::of(&at, &live, 0.95) {
        evidence.push(("slope_per_second", Value::BytesPerSecond(trend.theil_sen.slope)));
        if let Some((low, high)) = trend.theil_sen.interval {
            evidence.push(("slope_low_per_second", Value::BytesPerSecond(low)));
            evidence.push(("slope_high_per_second", Value::BytesPerSecond(high)));
        }
        evidence.push(("mann_kendall_p", Value::Number(trend.mann_kendall.p)));
    }
    // How many of the pairs of floors rise: all of a leak's that is large beside the noise.
    let tau = mann_kendall(floors).map_or(0.0, |test| test.tau);
    evidence.push(("tau", Value::Number(tau)));
    Finding {
        rule: "live-heap",
        source: Source::GcLog,
        confidence: case.options.suspect + (MOST - case.options.suspect) * tau.clamp(0.0, 1.0),
        title: format!("what collections leave rises by {}/s: {text}", bytes(rate as i64)),
        place: None,
        related: Vec::new(),
        goroutines: Vec::new(),
        evidence,
        next_step: "take three heap profiles (curl …/debug/pprof/heap) an hour apart: they say which memory".to_owned(),
    }
}
