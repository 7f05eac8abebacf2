//! Memory that grows from one heap profile to the next, by the function that allocates it.
//!
//! A leak differs from a cache that replaces its entries in what is freed. Between two profiles, a
//! function has allocated some memory, and part of it was freed. In a steady state, both amounts
//! are equal except for chance. The effect of chance is known, since the profile is a sample of
//! allocations: both are numbers of samples, whose variances are the numbers themselves.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use foldhash::fast::RandomState;
use indexmap::{IndexMap, IndexSet};

use super::{RuleContext, RuleOutput, bytes, capture, row, time, too_close};
use crate::diagnose::finding::{Against, Basis, Evidence, Finding, Source, Strength, Value, Weakens};
use crate::diagnose::growth::{Growth, NEGLIGIBLE, confidence, deviations};
use crate::diagnose::inputs::heap::{ALLOC_OBJECTS, ALLOC_SPACE, INUSE_OBJECTS, INUSE_SPACE};
use crate::diagnose::options::Options;
use crate::diagnose::place;
use crate::diagnose::snapshots::{Series, Snapshot, Snapshots, Stack};
use crate::event::OwnedFrame;

/// The highest confidence for heap profiles: growth over three profiles can still be work that
/// takes longer than the time between them.
const MOST: f64 = 0.7;
/// The highest confidence for two profiles, which cannot show whether growth continues.
const MOST_OF_TWO: f64 = 0.5;

/// Functions that allocate a timer, which the caller has to stop.
const TIMERS: [&str; 6] =
    ["time.NewTimer", "time.NewTicker", "time.After", "time.AfterFunc", "time.Tick", "time.newTimer"];

/// What heap profiles answer.
const QUESTION: &str = "which memory grows";

/// Memory that rises from each of this many profiles to the next, and at least doubles, is
/// suspicious even if the function also frees so much that the rise may be chance.
const CLEAR_PROFILES: usize = 4;

/// Such a rise has to be at least this many samples.
const CLEAR_SAMPLES: f64 = 16.0;

/// A function may allocate for many callers, such as a constructor of buffers. The cause of the
/// growth is one of the callers if that caller has at least this share of the growth.
const ONE_CALLER: f64 = 0.9;
/// In addition, the other callers have to allocate at least this share of the memory.
const OTHER_CALLERS: f64 = 0.25;

/// Memory for which one function is responsible.
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
    if let Some(why) = &context.same_run.heaps {
        return output.missing(QUESTION, why, capture::HEAP);
    }
    if let Some(why) = too_close(heaps.extent()).filter(|_| heaps.all.len() > 1) {
        return output.missing(QUESTION, &why, capture::HEAP);
    }
    match heaps.all.len() {
        0 => return output.missing(QUESTION, "no heap profiles were given", capture::HEAP),
        1 => return output.missing(QUESTION, "one heap profile was given; three are needed", capture::HEAP),
        _ if is_one_collection(heaps) => {
            return output.missing(QUESTION, "no collection ran between the heap profiles", capture::HEAP_AFTER_GC);
        }
        2 => output.missing(
            "whether memory grows all the time",
            "two heap profiles were given; three are needed",
            capture::HEAP,
        ),
        _ => output.able.push("heap-growth"),
    }
    let at = times(heaps);
    let mut sites: Vec<Site<'_>> = sites(heaps, &at);
    let all: f64 = sites.iter().map(|site| site.growth.total).sum();
    sites.retain(|site| site.is_growing(context.options));
    sites.extend(scattered(heaps, &at, &sites, context.options));
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

/// Returns whether all profiles show the same memory in use: they show the state after the last
/// collection.
fn is_one_collection(heaps: &Snapshots<4>) -> bool {
    let in_use = |snapshot: &Snapshot<4>| -> Vec<(Stack, i64)> {
        let mut all: Vec<_> = snapshot.values.iter().map(|(&stack, values)| (stack, values[INUSE_SPACE])).collect();
        all.retain(|(_, size)| *size != 0);
        all.sort_unstable();
        all
    };
    let first = in_use(&heaps.all[0]);
    heaps.all[1..].iter().all(|snapshot| in_use(snapshot) == first)
}

impl<'a> Site<'a> {
    fn new(series: Series<4>, heaps: &Snapshots<4>, at: &[f64], place: &'a OwnedFrame) -> Option<Self> {
        let period = heaps.all.iter().map(|snapshot| snapshot.period).max().unwrap_or(0).max(1) as f64;
        let inuse = series.column(INUSE_SPACE);
        let values: Vec<f64> = inuse.iter().map(|&size| size as f64).collect();
        let growth = Growth::of(at, &values)?;
        let (first, last) = (series.values.first()?, series.values.last()?);
        let allocated = last[ALLOC_SPACE].saturating_sub(first[ALLOC_SPACE]);
        let objects = last[ALLOC_OBJECTS].saturating_sub(first[ALLOC_OBJECTS]);
        let sample = bytes_a_sample(allocated as f64, objects as f64, period);
        let come = (allocated as f64).max(growth.total);
        let deviations = deviations(come / sample, (come - growth.total) / sample);
        Some(Site { series, inuse, allocated, growth, sample, deviations, place })
    }

    fn is_growing(&self, options: &Options) -> bool {
        self.growth.is_steady && (self.deviations >= options.deviations || self.is_clear(options))
    }

    /// Returns whether it rises so clearly that the number of frees does not matter.
    fn is_clear(&self, options: &Options) -> bool {
        let is_large = self.growth.total >= CLEAR_SAMPLES * self.sample;
        let keeps_pace = self.growth.pace.is_none_or(|pace| pace >= options.pace);
        self.inuse.len() >= CLEAR_PROFILES && self.rises(INUSE_SPACE) && self.doubles() && is_large && keeps_pace
    }

    /// Returns whether bytes and objects rise from each profile to the next, the bytes to at least
    /// twice the first value and without slowing down.
    fn rises_throughout(&self, options: &Options) -> bool {
        let keeps_on = self.growth.goes_on(self.sample, options) == 1.0;
        self.inuse.len() > 2 && self.rises(INUSE_SPACE) && self.rises(INUSE_OBJECTS) && self.doubles() && keeps_on
    }

    fn rises(&self, column: usize) -> bool {
        self.series.values.windows(2).all(|pair| pair[0][column] < pair[1][column])
    }

    fn doubles(&self) -> bool {
        self.inuse[self.inuse.len() - 1] >= self.inuse[0].saturating_mul(2)
    }
}

/// Returns the sites: the memory by the function of the program that allocates it.
fn sites<'a>(heaps: &'a Snapshots<4>, at: &[f64]) -> Vec<Site<'a>> {
    let own: HashMap<Stack, &OwnedFrame> =
        heaps.stacks().filter_map(|stack| Some((stack, place::own(heaps.frames(stack))?))).collect();
    let by_function = heaps.grouped(|stack| own.get(&stack).map(|place| place.func.as_str()));
    let sites = by_function.into_values().filter_map(|series| {
        let stack = fastest(&series.stacks, heaps)?;
        let place = responsible(heaps, &series.stacks).or_else(|| own.get(&stack).copied())?;
        Site::new(series, heaps, at, place)
    });
    sites.collect()
}

/// Returns functions whose callees grow beyond chance together, but not alone. Of several such
/// functions on one stack, it is the innermost.
fn scattered<'a>(heaps: &'a Snapshots<4>, at: &[f64], sites: &[Site<'a>], options: &Options) -> Vec<Site<'a>> {
    let mut explained: HashSet<Stack> = sites.iter().flat_map(|site| site.series.stacks.iter().copied()).collect();
    let mut stacks_of: IndexMap<&str, Vec<Stack>, RandomState> = IndexMap::default();
    let unexplained: Vec<Stack> = heaps.stacks().filter(|stack| !explained.contains(stack)).collect();
    for stack in unexplained {
        let functions: HashSet<&str> =
            own_frames(heaps, stack).map(|frame| frame.func.as_str()).filter(|name| *name != "main.main").collect();
        functions.into_iter().for_each(|function| stacks_of.entry(function).or_default().push(stack));
    }
    let mut functions: Vec<(&str, Vec<Stack>)> = stacks_of.into_iter().filter(|(_, stacks)| stacks.len() > 1).collect();
    // Callees before their callers, which have all stacks of their callees, and may have more.
    functions.sort_by_cached_key(|(name, stacks)| {
        let depth = own_frames(heaps, stacks[0]).position(|frame| frame.func == *name);
        (stacks.len(), depth, *name)
    });
    let mut found = Vec::new();
    for (function, stacks) in functions {
        if stacks.iter().any(|stack| explained.contains(stack)) {
            continue;
        }
        let Some(series) = heaps.total(&stacks) else { continue };
        let place = |stack: &Stack| own_frames(heaps, *stack).find(|frame| frame.func == function);
        let Some(place) = fastest(&series.stacks, heaps).as_ref().and_then(place) else { continue };
        if let Some(site) = Site::new(series, heaps, at, place).filter(|site| site.is_growing(options)) {
            explained.extend(stacks);
            found.push(site);
        }
    }
    found
}

/// Returns the frames of a stack that are in the program, innermost first.
fn own_frames(heaps: &Snapshots<4>, stack: Stack) -> impl Iterator<Item = &OwnedFrame> {
    heaps.frames(stack).filter(|frame| !place::is_standard(&frame.func))
}

/// Returns the one caller that keeps the memory that a function allocates for several callers.
/// `None` if there is no such caller, see [`ONE_CALLER`].
fn responsible<'a>(heaps: &'a Snapshots<4>, stacks: &IndexSet<Stack, RandomState>) -> Option<&'a OwnedFrame> {
    let mut stacks: Vec<Stack> = stacks.iter().copied().collect();
    let mut found = None;
    for level in 1.. {
        let mut callers: IndexMap<&str, Vec<Stack>, RandomState> = IndexMap::default();
        for &stack in &stacks {
            let caller = own_frames(heaps, stack).nth(level).map_or("", |frame| frame.func.as_str());
            callers.entry(caller).or_default().push(stack);
        }
        let sum = |stacks: &[Stack], of: fn(&Snapshots<4>, Stack) -> i64| -> f64 {
            stacks.iter().map(|&stack| of(heaps, stack).max(0) as f64).sum()
        };
        let (growth, allocations) = (sum(&stacks, grown), sum(&stacks, allocated));
        let holds = |stacks: &Vec<Stack>| {
            let is_cause = sum(stacks, grown) >= ONE_CALLER * growth;
            is_cause && allocations - sum(stacks, allocated) >= OTHER_CALLERS * allocations
        };
        let one = callers.into_iter().find(|(name, stacks)| !name.is_empty() && *name != "main.main" && holds(stacks));
        let Some((_, rest)) = one.filter(|_| growth > 0.0 && allocations > 0.0) else { break };
        found = fastest(&rest.iter().copied().collect(), heaps).and_then(|stack| own_frames(heaps, stack).nth(level));
        stacks = rest;
    }
    found
}

/// Returns how many bytes of allocations a sample represents. The probability that the sampler
/// selects a byte is one divided by the period (Go `src/runtime/malloc.go`, `nextSample`). It
/// selects an object if it selects any of its bytes.
fn bytes_a_sample(allocated: f64, objects: f64, period: f64) -> f64 {
    let size = if objects > 0.0 { allocated / objects } else { period };
    let taken = 1.0 - (-size / period).exp();
    if taken > 0.0 { size / taken } else { period }
}

/// Returns the stack that has grown the most.
fn fastest(stacks: &IndexSet<Stack, RandomState>, heaps: &Snapshots<4>) -> Option<Stack> {
    stacks.iter().copied().max_by_key(|&stack| (grown(heaps, stack), stack))
}

/// Returns how many bytes a stack has allocated between the first and the last profile.
fn allocated(heaps: &Snapshots<4>, stack: Stack) -> i64 {
    let total = |index: usize| heaps.all[index].values.get(&stack).map_or(0, |values| values[ALLOC_SPACE]);
    total(heaps.all.len() - 1).saturating_sub(total(0))
}

/// Returns by how many bytes a stack has grown.
fn grown(heaps: &Snapshots<4>, stack: Stack) -> i64 {
    let inuse = |index: usize| heaps.all[index].values.get(&stack).map_or(0, |values| values[INUSE_SPACE]);
    inuse(heaps.all.len() - 1).saturating_sub(inuse(0))
}

fn finding(context: RuleContext<'_>, heaps: &Snapshots<4>, site: &Site<'_>, all: f64) -> Finding {
    let stack = fastest(&site.series.stacks, heaps).unwrap_or_default();
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
        Evidence::new("share_of_all_growth", Value::Number(if all > 0.0 { site.growth.total / all } else { 1.0 })),
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
        confidence: confidence(site.deviations.max(context.options.deviations), most, context.options),
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
        basis: if site.rises_throughout(context.options) { Basis::RisesThroughout } else { Basis::Usual },
    }
}

/// Returns the functions outside the standard library that call a place, nearest first, except
/// `main.main`, which calls all.
fn callers(frames: &[OwnedFrame], place: &OwnedFrame) -> Vec<OwnedFrame> {
    let above = frames.iter().skip_while(|frame| *frame != place).skip(1);
    above.filter(|frame| !place::is_standard(&frame.func) && frame.func != "main.main").take(8).cloned().collect()
}
