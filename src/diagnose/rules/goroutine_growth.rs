//! Goroutines whose number grows from one goroutine profile or dump to the next, grouped by where they
//! are blocked or running.
//!
//! These count all goroutines, so only the load varies by chance: the number of goroutines
//! that are busy with requests varies by its square root.

use super::{RuleContext, RuleOutput, capture, row, too_close, unblock};
use crate::diagnose::finding::{Against, Basis, Evidence, Finding, Source, Strength, Value, Weakens};
use crate::diagnose::growth::{Growth, NEGLIGIBLE, confidence, deviations};
use crate::diagnose::options::Options;
use crate::diagnose::snapshots::{Snapshots, Stack};
use crate::diagnose::{connections, place, waits};
use crate::event::OwnedFrame;

/// The highest confidence for goroutine profiles or dumps: a growing number of clients looks the same.
const MOST: f64 = 0.7;
/// The highest confidence for two of them, which cannot show whether growth continues.
const MOST_OF_TWO: f64 = 0.5;

/// What goroutine profiles or dumps answer.
const QUESTION: &str = "whether the number of goroutines grows, and where they wait";

pub(super) fn judge(context: RuleContext<'_>, output: &mut RuleOutput) {
    let (profiles, source) = context.inputs.goroutine_snapshots();
    let count = profiles.all.len();
    if let Some(why) = &context.same_run.goroutines {
        return output.missing(QUESTION, why, capture::GOROUTINE);
    }
    if let Some(why) = too_close(profiles.extent()).filter(|_| count > 1) {
        return output.missing(QUESTION, &why, capture::GOROUTINE);
    }
    let name = source.name();
    match count {
        0 => return output.missing(QUESTION, &format!("no {name} were given"), capture::GOROUTINE),
        1 => {
            let why = format!("one {} was given; three are needed", name.trim_end_matches('s'));
            return output.missing(QUESTION, &why, capture::GOROUTINE);
        }
        2 => output.missing(QUESTION, &format!("two {name} were given; three are needed"), capture::GOROUTINE),
        _ => output.able.push("goroutine-growth"),
    }
    let at: Vec<f64> = match profiles.extent() {
        Some((first, _)) => profiles.all.iter().map(|all| all.time.saturating_sub(first) as f64 / 1e9).collect(),
        None => Vec::new(),
    };
    let groups = profiles.grouped(|stack| {
        let place = place_of(profiles, stack)?;
        Some((place.func.as_str(), profiles.frames(stack).next_back()?.func.as_str()))
    });
    let (mut grown, mut most, mut idle) = (false, 0, 0_u64);
    for ((_, start), series) in &groups {
        let counts = series.column(0);
        let values: Vec<f64> = counts.iter().map(|&count| count as f64).collect();
        let Some(growth) = Growth::of(&at, &values) else { continue };
        let (first, last) = (values[0], values[count - 1]);
        most = most.max(counts[count - 1]);
        let deviations = deviations(last, first);
        if !growth.is_steady || deviations < context.options.deviations {
            continue;
        }
        let Some(&stack) = series.stacks.iter().max_by_key(|&&stack| (last_count(profiles, stack), stack)) else {
            continue;
        };
        let Some(place) = place_of(profiles, stack) else { continue };
        let goes_on = growth.goes_on(1.0, context.options);
        if goes_on < 1.0 {
            let counts = row(&counts, i64::to_string);
            let reason = format!("the growth of goroutines in {} slows down: {counts}", place.func);
            let weakens = Weakens::Function(place.func.clone());
            output.against.push(Against { source, factor: goes_on, weakens, reason });
        }
        if goes_on < NEGLIGIBLE {
            continue;
        }
        let frames: Vec<OwnedFrame> = profiles.frames(stack).cloned().collect();
        if connections::is_idle(&frames) {
            idle = idle.saturating_add(u64::try_from(counts[count - 1]).unwrap_or(0));
            continue;
        }
        grown = true;
        let grown = Grown { source, counts, growth, deviations, frames, start, place };
        output.findings.push(grown.finding(context.options));
    }
    output.against.extend((idle > 0).then(|| connections::idle(source, idle)));
    if !grown && count > 2 {
        output.against.push(nothing_grows(source, most));
    }
}

/// Goroutines in one function, if their number grows.
struct Grown<'a> {
    source: Source,
    /// Their number in each profile or dump.
    counts: Vec<i64>,
    growth: Growth,
    deviations: f64,
    /// Their most frequent stack.
    frames: Vec<OwnedFrame>,
    /// The function in which they started.
    start: &'a str,
    place: &'a OwnedFrame,
}

impl Grown<'_> {
    fn finding(self, options: &Options) -> Finding {
        let Grown { source, counts, growth, deviations, frames, start, place } = self;
        let operation = waits::operation(&frames).unwrap_or("running");
        let basis = match connections::serves_connection(start) {
            true => Basis::Connection,
            false => waits::basis(operation),
        };
        let most = if counts.len() > 2 { MOST } else { MOST_OF_TWO };
        let numbers = row(&counts, i64::to_string);
        let started = frames.last().cloned();
        let mut evidence = vec![
            Evidence::new("goroutines", Value::Counts(counts)),
            Evidence::new("growth", Value::Count(growth.total as i64)),
            Evidence::new("deviations", Value::Number(deviations)),
            Evidence::new("blocked_in", Value::Text(operation.to_owned())),
            Evidence::new("started_in", Value::Text(start.to_owned())),
            Evidence::new("stack", Value::Stack(frames)),
        ];
        if let Some(rate) = growth.per_second {
            evidence.push(Evidence::new("growth_per_second", Value::PerSecond(rate)));
        }
        evidence.extend(Evidence::pace(growth.pace));
        Finding {
            rule: "goroutine-growth",
            source,
            confidence: confidence(deviations, most, options),
            strength: Strength::None,
            title: format!("the number of goroutines in {} ({operation}) grows: {numbers}", place.func),
            place: Some(place.clone()),
            related: started.into_iter().filter(|start| start.func != "main.main").collect(),
            goroutines: Vec::new(),
            evidence,
            next_step: unblock(operation, place),
            basis,
        }
    }
}

/// Says that no group of goroutines grows. `most` is the size of the largest group.
fn nothing_grows(source: Source, most: i64) -> Against {
    let each = if source == Source::Dump { "dump" } else { "profile" };
    let mut reason = format!("no group of goroutines grows by more than chance from {each} to {each}");
    if most >= 10 {
        reason += &format!("; up to {most} wait in one place, like a pool");
    }
    Against { source, factor: 1.0, weakens: Weakens::Nothing, reason }
}

fn last_count(profiles: &Snapshots<1>, stack: Stack) -> i64 {
    profiles.all.last().and_then(|last| last.values.get(&stack)).map_or(0, |values| values[0])
}

/// Returns the place of a goroutine.
pub(super) fn place_of(profiles: &Snapshots<1>, stack: Stack) -> Option<&OwnedFrame> {
    place::own(profiles.frames(stack))
}
