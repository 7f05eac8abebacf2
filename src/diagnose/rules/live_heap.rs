//! The live heap of the GC log: does its floor rise?
//!
//! The memory that is live after a collection goes up and down with the work. Memory that is never
//! freed raises the floor, which is the minimum of the live heap in each window of time. If the
//! live heap has the shape of a sawtooth, the floor is constant. For a cache that warms up, the
//! floor rises ever more slowly. For a one-time allocation, it rises in a single step. The floor of
//! a leak rises in most windows, up to the end.

use std::time::Duration;

use super::{MIN_SPAN, RuleContext, RuleOutput, bytes, capture, row, time};
use crate::diagnose::finding::{Against, Basis, Evidence, Finding, Source, Strength, Value, Weakens};
use crate::diagnose::growth::Growth;
use crate::diagnose::options::Options;
use crate::gctrace::{Cycle, nanos};
use crate::trend::{Interval, Shape, ShapeOptions, Trend, mann_kendall, theil_sen};

/// What a GC log answers.
const QUESTION: &str = "how the live heap changes in the long run, and what garbage collection costs";

/// The highest confidence for the log, which contains neither which memory grows nor who allocates
/// it.
const MOST: f64 = 0.6;

/// With fewer collections per window, the floor cannot be determined.
const CYCLES_PER_WINDOW: usize = 2;

pub(super) fn judge(context: RuleContext<'_>, output: &mut RuleOutput) {
    let cycles = &context.inputs.cycles;
    if cycles.is_empty() {
        return output.missing(QUESTION, "no GC log was given", capture::GC_LOG);
    }
    let windows = context.options.floors.min(cycles.len() / CYCLES_PER_WINDOW);
    if windows < Options::MIN_FLOORS {
        let needed = Options::MIN_FLOORS * CYCLES_PER_WINDOW;
        let collections = if cycles.len() == 1 { "collection" } else { "collections" };
        let why = format!("the GC log has {} {collections}; at least {needed} are needed", cycles.len());
        return output.missing(QUESTION, &why, capture::GC_LOG);
    }
    let span = cycles[cycles.len() - 1].start.saturating_sub(cycles[0].start);
    if span < MIN_SPAN {
        let why = format!("the collections of the GC log are within {}", time(span));
        return output.missing(QUESTION, &why, capture::GC_LOG);
    }
    output.able.push("live-heap");
    let floors = floors(cycles, windows);
    let (at, values): (Vec<f64>, Vec<f64>) = floors.iter().copied().unzip();
    let Some(growth) = Growth::of(&at, &values) else { return };
    let noise = (context.options.log_noise as f64).max(context.options.relative_noise * values[0]);
    let text = row(&values, |size| bytes(*size as i64));
    let against = |reason: String| {
        // If anything grew faster than the floor in the later half, plus noise, it would be visible
        // in the floor.
        let middle = values.len() / 2;
        let (late, time) = (values[values.len() - 1] - values[middle], at[at.len() - 1] - at[middle]);
        let weakens = Weakens::HeapFasterThan((late.max(0.0) + noise) / time.max(1e-9));
        Against { source: Source::GcLog, factor: 0.5, weakens, reason }
    };
    let slope = slope(cycles);
    if !growth.is_steady || growth.total.max(slope) < noise {
        if let Some((values, growth)) = late_growth(&at, &values, noise) {
            let finding = finding(context, output, cycles, values, &growth, text);
            return output.findings.push(finding);
        }
        output.against.push(against(level_text(cycles, &values, noise, &text)));
    } else if is_step(&values, noise) {
        output
            .against
            .push(against(format!("the live heap rose in one step and is constant before and after: {text}")));
    } else if growth.pace.is_some_and(|pace| pace < context.options.pace) {
        output
            .against
            .push(against(format!("the growth of the live heap slows down, like a cache that warms up: {text}")));
    } else {
        let finding = finding(context, output, cycles, &values, &growth, text);
        output.findings.push(finding);
    }
}

/// Returns what to do to find out which memory grows. This depends on the number of heap profiles
/// given, and on whether a function grows in them.
fn which_memory(heap_profiles: usize, names_code: bool) -> String {
    match heap_profiles {
        0 => "take three heap profiles some minutes apart (curl …/debug/pprof/heap): they show which memory grows",
        _ if names_code => "look at the functions whose memory grows in the heap profiles",
        1 | 2 => "take more heap profiles, at least three, some minutes apart: they show which memory grows",
        _ => "compare with the heap profiles: if no function grows there, take them further apart",
    }
    .to_owned()
}

/// Returns the lower bound of the rise of the live heap over the log, in bytes, with 95 %
/// confidence. Over many collections, this is more precise than the log's whole MiB.
fn slope(cycles: &[Cycle]) -> f64 {
    let at: Vec<f64> = cycles.iter().map(|cycle| nanos(cycle.start)).collect();
    let live: Vec<f64> = cycles.iter().map(|cycle| cycle.heap_live as f64).collect();
    let low = theil_sen(&at, &live, 0.95).and_then(|line| line.interval).map_or(0.0, |interval| interval.low);
    low * (at[at.len() - 1] - at[0])
}

/// Returns whether most of a rise is one step that is larger than noise, with constant values
/// before and after.
fn is_step(floors: &[f64], noise: f64) -> bool {
    let total = floors[floors.len() - 1] - floors[0];
    let steps = floors.windows(2).map(|pair| pair[1] - pair[0]).enumerate();
    let Some((at, step)) = steps.max_by(|a, b| a.1.total_cmp(&b.1)) else { return false };
    let (before, after) = (floors[at] - floors[0], floors[floors.len() - 1] - floors[at + 1]);
    step > 2.0 * noise && step * 2.0 > total && before < noise && after < noise
}

/// Returns the minimum of the live heap in each of some windows of equal length, with the time of
/// the window's middle in seconds. If the log has the program's start, the first window is left
/// out, because the program is still starting.
fn floors(cycles: &[Cycle], windows: usize) -> Vec<(f64, f64)> {
    let (first, last) = (cycles[0].start, cycles[cycles.len() - 1].start);
    let length = nanos(last.saturating_sub(first)).max(1.0) / windows as f64;
    let mut floors: Vec<Option<u64>> = vec![None; windows];
    for cycle in cycles {
        let window = ((nanos(cycle.start.saturating_sub(first)) / length) as usize).min(windows - 1);
        let floor = &mut floors[window];
        *floor = Some(floor.map_or(cycle.heap_live, |floor| floor.min(cycle.heap_live)));
    }
    let has_start = cycles[0].n == 1;
    let known = floors.iter().enumerate().skip(usize::from(has_start));
    known.filter_map(|(i, floor)| Some(((i as f64 + 0.5) * length / 1e9, (*floor)? as f64))).collect()
}

fn shape(cycles: &[Cycle]) -> Shape {
    let at: Vec<f64> = cycles.iter().map(|cycle| nanos(cycle.start)).collect();
    let live: Vec<f64> = cycles.iter().map(|cycle| cycle.heap_live as f64).collect();
    Shape::of(&at, &live, &ShapeOptions::default())
}

/// Describes in what way the heap is constant.
fn level_text(cycles: &[Cycle], values: &[f64], noise: f64, floors: &str) -> String {
    let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(low, high), &value| (low.min(value), high.max(value)));
    let peak = cycles.iter().map(|cycle| cycle.heap_start).max().unwrap_or(0);
    let live = cycles.iter().map(|cycle| cycle.heap_live).max().unwrap_or(0).max(1);
    match shape(cycles) {
        Shape::Sawtooth { .. } => format!("the live heap goes up and down and returns to the same floor: {floors}"),
        Shape::Plateau { since, .. } => {
            let since = time(Duration::from_nanos(since as u64));
            format!("the live heap rose for {since} and is constant since then: {floors}")
        }
        _ if high - low > 2.0 * noise => format!("the live heap rises and falls: {floors}"),
        // GOGC=100 collects at twice the live heap.
        _ if peak > live.saturating_mul(3) => format!(
            "the heap grows to {} before it is collected (GOGC, GOMEMLIMIT), and what remains is constant: {floors}",
            bytes(i64::try_from(peak).unwrap_or(i64::MAX))
        ),
        _ => format!("the live heap is constant: {floors}; if the process grows anyway, that is not the Go heap"),
    }
}

/// Returns the floors and the growth since the lowest floor, if they rise from there in every window to the end and by
/// a quarter at least. The lowest is neither the first, which the whole series has shown, nor one of the last.
fn late_growth<'v>(at: &[f64], values: &'v [f64], noise: f64) -> Option<(&'v [f64], Growth)> {
    let (lowest, low) = values.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1))?;
    let late = &values[lowest..];
    let growth = Growth::of(&at[lowest..], late)?;
    let rises = late.windows(2).all(|pair| pair[0] < pair[1]);
    let is_large = growth.total >= (2.0 * noise).max(low / 4.0);
    (lowest > 0 && late.len() >= MIN_LATE && rises && is_large && !is_step(late, noise)).then_some((late, growth))
}

/// The number of windows that a growth has to last if it begins late.
const MIN_LATE: usize = 5;

fn finding(
    context: RuleContext<'_>,
    output: &RuleOutput,
    cycles: &[Cycle],
    floors: &[f64],
    growth: &Growth,
    text: String,
) -> Finding {
    let names_code = output.findings.iter().any(|finding| finding.source == Source::Heap);
    let at: Vec<f64> = cycles.iter().map(|cycle| nanos(cycle.start) / 1e9).collect();
    let live: Vec<f64> = cycles.iter().map(|cycle| cycle.heap_live as f64).collect();
    let mut evidence = vec![
        Evidence::new("floor_bytes", Value::Sizes(floors.iter().map(|floor| *floor as i64).collect())),
        Evidence::new("growth_bytes", Value::Bytes(growth.total as i64)),
        Evidence::new("collections", Value::Count(cycles.len() as i64)),
    ];
    let rate = growth.per_second.unwrap_or(0.0);
    evidence.push(Evidence::new("growth_bytes_per_second", Value::BytesPerSecond(rate)));
    evidence.extend(Evidence::pace(growth.pace));
    if let Some(trend) = Trend::of(&at, &live, 0.95) {
        evidence.push(Evidence::new("slope_bytes_per_second", Value::BytesPerSecond(trend.theil_sen.slope)));
        if let Some(Interval { low, high }) = trend.theil_sen.interval {
            evidence.push(Evidence::new("slope_low_bytes_per_second", Value::BytesPerSecond(low)));
            evidence.push(Evidence::new("slope_high_bytes_per_second", Value::BytesPerSecond(high)));
        }
        evidence.push(Evidence::new("mann_kendall_p", Value::Number(trend.mann_kendall.p)));
    }
    // The share of pairs of floors that rise: all of them for a leak that is large compared to the
    // noise.
    let tau = mann_kendall(floors).map_or(0.0, |test| test.tau);
    evidence.push(Evidence::new("tau", Value::Number(tau)));
    Finding {
        rule: "live-heap",
        source: Source::GcLog,
        confidence: context.options.suspect + (MOST - context.options.suspect).max(0.0) * tau.clamp(0.0, 1.0),
        strength: Strength::None,
        title: format!("the live heap rises by {}/s: {text}", bytes(rate as i64)),
        place: None,
        related: Vec::new(),
        goroutines: Vec::new(),
        evidence,
        next_step: which_memory(context.inputs.heaps.all.len(), names_code),
        basis: Basis::Usual,
    }
}
