//! Memory that grows from heap profile to heap profile, by the function that allocates it.
//!
//! A leak is told from a cache that turns over by what goes: between two profiles a site has allocated so much, and so much of
//! it was let go. In a steady state both are equal but for chance, and chance is known, since the profile is a sample of allocations: what
//! comes and what goes are numbers of samples, whose variances are the numbers themselves.

use std::collections::HashMap;

use super::{Case, Heard, bytes, nanos, row};
use crate::diagnose::finding::{Against, Finding, Scope, Source, Value};
use crate::diagnose::growth::{Growth, NEGLIGIBLE, confidence, deviations};
use crate::diagnose::inputs::heap::{ALLOC_OBJECTS, ALLOC_SPACE, INUSE_OBJECTS, INUSE_SPACE};
use crate::diagnose::place::{self, Place};
use crate::diagnose::snapshots::{Series, Snapshots, Stack};

/// What heap profiles can say at most: growth over three of them may still be work that takes longer than they cover.
const MOST: f64 = 0.7;
/// Two profiles cannot show whether it goes on.
const MOST_OF_TWO: f64 = 0.5;

/// Functions whose memory is a timer: what the caller has to stop.
const TIMERS: [&str; 6] =
    ["time.NewTimer", "time.NewTicker", "time.After", "time.AfterFunc", "time.Tick", "time.newTimer"];

/// How much a site has grown.
struct Site<'a> {
    series: Series<4>,
    inuse: Vec<i64>,
    allocated: i64,
    growth: Growth,
    /// The bytes that a sample stands for.
    sample: f64,
    deviations: f64,
    place: &'a Place,
}

pub(super) fn judge(case: Case<'_>, heard: &mut Heard) {
    let heaps = &case.inputs.heaps;
    match heaps.all.len() {
        0 => return heard.not_judged.push("which memory grows: there are no heap profiles".to_owned()),
        1 => {
            let text = "which memory grows: there is one heap profile, and it takes two, better three, some time apart";
            return heard.not_judged.push(text.to_owned());
        }
        2 => heard.not_judged.push("whether memory grows all the time: that takes three heap profiles".to_owned()),
        _ => {}
    }
    let at = times(heaps);
    let mut sites: Vec<Site<'_>> = sites(heaps, &at);
    let all: i64 = sites.iter().map(|site| site.inuse[site.inuse.len() - 1] - site.inuse[0]).sum();
    sites.retain(|site| site.growth.is_steady && site.deviations >= case.options.deviations);
    let mut grown = Vec::new();
    for site in &sites {
        let goes_on = site.growth.goes_on(site.sample, case.options);
        if goes_on < 1.0 {
            let reason =
                format!("{} grows ever more slowly: {}", site.place.function, row(&site.inuse, |size| bytes(*size)));
            let scope = Scope::Function(site.place.function.clone());
            heard.against.push(Against { source: Source::Heap, factor: goes_on, speaks_against: scope, reason });
        }
        if goes_on >= NEGLIGIBLE {
            grown.push(site);
        }
    }
    if grown.is_empty() && heaps.all.len() > 2 {
        let reason = "no function's memory grows from each heap profile to the next beyond chance".to_owned();
        heard.against.push(Against { source: Source::Heap, factor: 0.5, speaks_against: Scope::LiveHeap, reason });
    }
    for site in grown {
        heard.findings.push(finding(case, heaps, site, all));
    }
}

/// Seconds since the first profile; empty if they don't say.
fn times<const N: usize>(snapshots: &Snapshots<N>) -> Vec<f64> {
    let first = snapshots.all.first().map_or(0, |snapshot| snapshot.time);
    match first > 0 {
        true => snapshots.all.iter().map(|snapshot| snapshot.time.saturating_sub(first) as f64 / 1e9).collect(),
        false => Vec::new(),
    }
}

fn sites<'a>(heaps: &'a Snapshots<4>, at: &[f64]) -> Vec<Site<'a>> {
    let own: HashMap<Stack, &Place> =
        heaps.stacks().filter_map(|stack| Some((stack, place::own(heaps.frames(stack))?))).collect();
    let by_function = heaps.grouped(|stack| own.get(&stack).map(|place| place.function.as_str()));
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

/// How many bytes of allocations stand for a sample: the sampler takes each byte with the chance of one in the period (Go
/// `src/runtime/malloc.go`, `nextSample`), and an object if any of its bytes is taken.
fn bytes_a_sample(allocated: f64, objects: f64, period: f64) -> f64 {
    let size = if objects > 0.0 { allocated / objects } else { period };
    let taken = 1.0 - (-size / period).exp();
    if taken > 0.0 { size / taken } else { period }
}

/// The stack of a site that has grown most.
fn fastest(series: &Series<4>, heaps: &Snapshots<4>) -> Option<Stack> {
    series.stacks.iter().copied().max_by_key(|&stack| (grown(heaps, stack), stack))
}

/// By how many bytes a stack has grown.
fn grown(heaps: &Snapshots<4>, stack: Stack) -> i64 {
    let inuse = |index: usize| heaps.all[index].values.get(&stack).map_or(0, |values| values[INUSE_SPACE]);
    inuse(heaps.all.len() - 1).saturating_sub(inuse(0))
}

fn finding(case: Case<'_>, heaps: &Snapshots<4>, site: &Site<'_>, all: i64) -> Finding {
    let stack = fastest(&site.series, heaps).unwrap_or_default();
    let frames: Vec<Place> = heaps.frames(stack).cloned().collect();
    let growth = site.growth.total as i64;
    let kept = site.growth.total / (site.allocated as f64).max(site.growth.total).max(1.0);
    let most = if heaps.all.len() > 2 { MOST } else { MOST_OF_TWO };
    let last = site.series.values.len() - 1;
    let objects = site.series.values[last][INUSE_OBJECTS].saturating_sub(site.series.values[0][INUSE_OBJECTS]);
    let in_stack = grown(heaps, stack) as f64 / site.growth.total.max(1.0);
    let over = heaps.extent().map_or(String::new(), |(first, last)| format!(" in {}", nanos(last - first)));
    let timer = frames.iter().find(|frame| TIMERS.contains(&frame.function.as_str()));
    let mut evidence = vec![
        ("inuse_space", Value::Series(site.inuse.clone())),
        ("growth", Value::Bytes(growth)),
        ("growth_objects", Value::Count(objects)),
        ("allocated", Value::Bytes(site.allocated)),
        ("kept_share", Value::Number(kept.clamp(0.0, 1.0))),
        ("deviations", Value::Number(site.deviations)),
        ("share_of_all_growth", Value::Number(if all > 0 { growth as f64 / all as f64 } else { 1.0 })),
        ("share_in_one_stack", Value::Number(in_stack)),
        ("stack", Value::Stack(frames.clone())),
    ];
    if let Some(rate) = site.growth.per_second {
        evidence.push(("growth_per_second", Value::BytesPerSecond(rate)));
    }
    if let Some(pace) = site.growth.pace {
        evidence.push(("pace", Value::Number(pace)));
    }
    let next_step = match timer {
        Some(timer) => format!(
            "{} makes a timer by {} each time: stop it, or use one and reset it (before Go 1.23 one lives until it fires)",
            site.place.function, timer.function
        ),
        None => format!("see who keeps what {} allocates: a map or slice that only grows, or a goroutine", site.place),
    };
    Finding {
        rule: if timer.is_some() { "timer-growth" } else { "heap-growth" },
        source: Source::Heap,
        confidence: confidence(site.deviations, most, case.options),
        title: format!(
            "{} holds {} more{over}: {}",
            site.place.function,
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

/// The functions outside of the standard library that lead to a place, nearest first, but for `main.main`, which leads to all.
fn callers(frames: &[Place], place: &Place) -> Vec<Place> {
    let above = frames.iter().skip_while(|frame| *frame != place).skip(1);
    above
        .filter(|frame| !place::is_standard(&frame.function) && frame.function != "main.main")
        .take(8)
        .cloned()
        .collect()
}
