//! Memory that grows from one heap profile to the next, by the function that allocates it.
//!
//! A leak differs from a cache that replaces its entries in what is freed. Between two profiles, a function has
//! allocated some memory, and part of it was freed. In a steady state, both amounts are equal except for chance. The
//! effect of chance is known, since the profile is a sample of allocations: both are numbers of samples, whose
//! variances are the numbers themselves.

use std::collections::HashMap;
use std::time::Duration;

use super::{RuleContext, RuleOutput, bytes, row, time};
use crate::diagnose::finding::{Against, Evidence, Finding, Source, Strength, Value, Weakens};
use crate::diagnose::growth::{Growth, NEGLIGIBLE, confidence, deviations};
use crate::diagnose::inputs::heap::{ALLOC_OBJECTS, ALLOC_SPACE, INUSE_OBJECTS, INUSE_SPACE};
use crate::diagnose::place;
use crate::diagnose::snapshots::{Series, Snapshots, Stack};
use crate::event::OwnedFrame;

/// The highest confidence for heap profiles: growth over three profiles can still be work that takes longer than the
/// time between them.
const MOST: f64 = 0.7;
/// The highest confidence for two profiles, which cannot show whether growth continues.
const MOST_OF_TWO: f64 = 0.5;

/// Functions that allocate a timer, which the caller has to stop.
const TIMERS: [&str; 6] =
    ["time.NewTimer", "time.NewTicker", "time.After", "time.AfterFunc", "time.Tick", "time.newTimer"];

/// The growth of a site.
struct Site<'a> {
    series: Series<4>,
    inuse: Vec<i64>,
    allocated: i64,
    growth: Growth,
    /// The bytes that a sample represents.
    sample: f64,
    deviations: f64,
    place: &'a OwnedFrame,
}

pub(super) fn judge(context: RuleContext<'_>, output: &mut RuleOutput) {
    let heaps = &context.inputs.heaps;
    match heaps.all.len() {
        0 => return output.not_judged.push("which memory grows: no heap profiles were given".to_owned()),
        1 => {
            let text = "which memory grows: only one heap profile was given; two are needed, three are better, some minutes apart";
            return output.not_judged.push(text.to_owned());
        }
        2 => output.not_judged.push("whether memory grows all the time: three heap profiles are needed".to_owned()),
        _ => {}
    }
    let at = times(heaps);
    let mut sites: Vec<Site<'_>> = sites(heaps, &at);
    let all: i64 = sites.iter().map(|site| site.inuse[site.inuse.len() - 1] - site.inuse[0]).sum();
    sites.retain(|site| site.growth.is_steady && site.deviations >= context.options.deviations);
    let mut grown = Vec::new();
    for site in &sites {
        let goes_on = site.growth.goes_on(site.sample, context.options);
        if goes_on < 1.0 {
            let reason =
                format!("the growth of {} slows down: {}", site.place.func, row(&site.inuse, |size| bytes(*size)));
            let weakens = Weakens::Function(site.place.func.clone());
            output.against.push(Against { source: Source::Heap, factor: goes_on, weakens, reason });
        }
        if goes_on >= NEGLIGIBLE {
            grown.push(site);
        }
    }
    if grown.is_empty() && heaps.all.len() > 2 {
        let reason = "no function's memory grows from each heap profile to the next by more than chance".to_owned();
        output.against.push(Against { source: Source::Heap, factor: 0.5, weakens: Weakens::LiveHeap, reason });
    }
    for site in grown {
        output.findings.push(finding(context, heaps, site, all));
    }
}

/// Returns the seconds since the first profile. Empty if the times are unknown.
fn times<const N: usize>(snapshots: &Snapshots<N>) -> Vec<f64> {
    let first = snapshots.all.first().map_or(0, |snapshot| snapshot.time);
    match first > 0 {
        true => snapshots.all.iter().map(|snapshot| snapshot.time.saturating_sub(first) as f64 / 1e9).collect(),
        false => Vec::new(),
    }
}

fn sites<'a>(heaps: &'a Snapshots<4>, at: &[f64]) -> Vec<Site<'a>> {
    let own: HashMap<Stack, &OwnedFrame> =
        heaps.stacks().filter_map(|stack| Some((stack, place::own(heaps.frames(stack))?))).collect();
    let by_function = heaps.grouped(|stack| own.get(&stack).map(|place| place.func.as_str()));
    let period = heaps.all.iter().map(|snapshot| snapshot.period).max().unwrap_or(0).max(1) as f64;
    let sites = by_function.into_values().filter_map(|series| {
        let inuse = series.column(INUSE_SPACE);
        let values: Vec<f64> = inuse.iter().map(|&size| size as f64).collect();
        let growth = Growth::of(at, &values)?;
        let (first, last) = (series.values.first()?, series.values.last()?);
        let allocated = last[ALLOC_SPACE].saturating_sub(first[ALLOC_SPACE]);
        let objects = last[ALLOC_OBJECTS].saturating_sub(first[ALLOC_OBJECTS]);
        let sample = bytes_a_sample(allocated as f64, objects as f64, period);
        let come = (allocated as f64).max(growth.total);
        let deviations = deviations(come / sample, (come - growth.total) / sample);
        let place = own.get(&fastest(&series, heaps)?)?;
        Some(Site { series, inuse, allocated, growth, sample, deviations, place })
    });
    sites.collect()
}

/// Returns how many bytes of allocations a sample represents. The probability that the sampler selects a byte is one
/// divided by the period (Go `src/runtime/malloc.go`, `nextSample`). It selects an object if it selects any of its
/// bytes.
fn bytes_a_sample(allocated: f64, objects: f64, period: f64) -> f64 {
    let size = if objects > 0.0 { allocated / objects } else { period };
    let taken = 1.0 - (-size / period).exp();
    if taken > 0.0 { size / taken } else { period }
}

/// Returns the stack of a site that has grown the most.
fn fastest(series: &Series<4>, heaps: &Snapshots<4>) -> Option<Stack> {
    series.stacks.iter().copied().max_by_key(|&stack| (grown(heaps, stack), stack))
}

/// Returns by how many bytes a stack has grown.
fn grown(heaps: &Snapshots<4>, stack: Stack) -> i64 {
    let inuse = |index: usize| heaps.all[index].values.get(&stack).map_or(0, |values| values[INUSE_SPACE]);
    inuse(heaps.all.len() - 1).saturating_sub(inuse(0))
}

fn finding(context: RuleContext<'_>, heaps: &Snapshots<4>, site: &Site<'_>, all: i64) -> Finding {
    let stack = fastest(&site.series, heaps).unwrap_or_default();
    let frames: Vec<OwnedFrame> = heaps.frames(stack).cloned().collect();
    let growth = site.growth.total as i64;
    let kept = site.growth.total / (site.allocated as f64).max(site.growth.total).max(1.0);
    let most = if heaps.all.len() > 2 { MOST } else { MOST_OF_TWO };
    let last = site.series.values.len() - 1;
    let objects = site.series.values[last][INUSE_OBJECTS].saturating_sub(site.series.values[0][INUSE_OBJECTS]);
    let in_stack = grown(heaps, stack) as f64 / site.growth.total.max(1.0);
    let length = heaps.extent().and_then(|(first, last)| u64::try_from(last.saturating_sub(first)).ok());
    let over = length.map_or(String::new(), |nanos| format!(" after {}", time(Duration::from_nanos(nanos))));
    let timer = frames.iter().find(|frame| TIMERS.contains(&frame.func.as_str()));
    let mut evidence = vec![
        Evidence::new("in_use_bytes", Value::Sizes(site.inuse.clone())),
        Evidence::new("growth_bytes", Value::Bytes(growth)),
        Evidence::new("growth_objects", Value::Count(objects)),
        Evidence::new("allocated_bytes", Value::Bytes(site.allocated)),
        Evidence::new("kept_share", Value::Number(kept.clamp(0.0, 1.0))),
        Evidence::new("deviations", Value::Number(site.deviations)),
        Evidence::new("share_of_all_growth", Value::Number(if all > 0 { growth as f64 / all as f64 } else { 1.0 })),
        Evidence::new("share_in_one_stack", Value::Number(in_stack)),
        Evidence::new("stack", Value::Stack(frames.clone())),
    ];
    if let Some(rate) = site.growth.per_second {
        evidence.push(Evidence::new("growth_bytes_per_second", Value::BytesPerSecond(rate)));
    }
    evidence.extend(Evidence::pace(site.growth.pace));
    let next_step = match timer {
        Some(timer) => format!(
            "{} creates a timer with {} on each call: stop it, or reuse one with Reset (before Go 1.23 a timer lives until it fires)",
            site.place.func, timer.func
        ),
        None => format!(
            "find what keeps the memory that {} allocates: a map or slice that only grows, or a goroutine",
            place::short(site.place)
        ),
    };
    Finding {
        rule: if timer.is_some() { "timer-growth" } else { "heap-growth" },
        source: Source::Heap,
        confidence: confidence(site.deviations, most, context.options),
        strength: Strength::None,
        title: format!(
            "{} holds {} more{over}: {}",
            site.place.func,
            bytes(growth),
            row(&site.inuse, |size| bytes(*size))
        ),
        place: Some(site.place.clone()),
        related: callers(&frames, site.place),
        goroutines: Vec::new(),
        evidence,
        next_step,
    }
}

/// Returns the functions outside the standard library that call a place, nearest first, except `main.main`, which calls
/// all.
fn callers(frames: &[OwnedFrame], place: &OwnedFrame) -> Vec<OwnedFrame> {
    let above = frames.iter().skip_while(|frame| *frame != place).skip(1);
    above.filter(|frame| !place::is_standard(&frame.func) && frame.func != "main.main").take(8).cloned().collect()
}
