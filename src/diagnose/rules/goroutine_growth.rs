//! Goroutines whose number grows from one goroutine profile to the next, grouped by where they are blocked or running.
//!
//! The profile counts all goroutines, so only the load varies by chance: the number of goroutines that are busy with
//! requests varies by its square root.

use super::{RuleContext, RuleOutput, idle_connections, is_idle_connection, row, unblock};
use crate::diagnose::finding::{Against, Evidence, Finding, Source, Strength, Value, Weakens};
use crate::diagnose::growth::{Growth, NEGLIGIBLE, confidence, deviations};
use crate::diagnose::options::Options;
use crate::diagnose::place;
use crate::diagnose::snapshots::{Snapshots, Stack};
use crate::event::OwnedFrame;

/// The highest confidence for goroutine profiles: a growing number of clients looks the same.
const MOST: f64 = 0.7;
/// The highest confidence for two profiles, which cannot show whether growth continues.
const MOST_OF_TWO: f64 = 0.5;

pub(super) fn judge(context: RuleContext<'_>, output: &mut RuleOutput) {
    let profiles = &context.inputs.goroutines;
    let count = profiles.all.len();
    if count < 2 {
        let why = if count == 0 { "there are no goroutine profiles" } else { "there is one goroutine profile" };
        if context.inputs.traces.is_empty() {
            output.not_judged.push(format!("whether goroutines grow: {why}, and no trace"));
        }
        return;
    }
    let at: Vec<f64> = match profiles.extent() {
        Some((first, _)) => profiles.all.iter().map(|all| all.time.saturating_sub(first) as f64 / 1e9).collect(),
        None => Vec::new(),
    };
    let groups = profiles.grouped(|stack| {
        let place = place_of(profiles, stack)?;
        Some((place.func.as_str(), profiles.frames(stack).next_back()?.func.as_str()))
    });
    let (mut grown, mut most) = (false, 0);
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
            output.against.push(Against { source: Source::Goroutine, factor: goes_on, weakens, reason });
        }
        if goes_on < NEGLIGIBLE {
            continue;
        }
        let frames: Vec<OwnedFrame> = profiles.frames(stack).cloned().collect();
        if is_idle_connection(&frames) {
            let count = u64::try_from(counts[count - 1]).unwrap_or(0);
            output.against.push(idle_connections(Source::Goroutine, count));
            continue;
        }
        grown = true;
        let grown = Grown { counts, growth, deviations, frames, start, place };
        output.findings.push(grown.finding(context.options));
    }
    if !grown && count > 2 {
        output.against.push(nothing_grows(most));
    }
}

/// Goroutines in one function, if their number grows.
struct Grown<'a> {
    /// Their number in each profile.
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
        let Grown { counts, growth, deviations, frames, start, place } = self;
        let operation = operation(&frames);
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
            source: Source::Goroutine,
            confidence: confidence(deviations, most, options),
            strength: Strength::None,
            title: format!("the number of goroutines in {} ({operation}) grows: {numbers}", place.func),
            place: Some(place.clone()),
            related: started.into_iter().filter(|start| start.func != "main.main").collect(),
            goroutines: Vec::new(),
            evidence,
            next_step: unblock(operation, place),
        }
    }
}

/// Says that no group of goroutines grows. `most` is the size of the largest group.
fn nothing_grows(most: i64) -> Against {
    let reason = match most {
        0..10 => "the number of goroutines does not grow from profile to profile".to_owned(),
        _ => format!(
            "the number of goroutines does not grow from profile to profile; up to {most} wait in one place, like a pool"
        ),
    };
    Against { source: Source::Goroutine, factor: 1.0, weakens: Weakens::Nothing, reason }
}

fn last_count(profiles: &Snapshots<1>, stack: Stack) -> i64 {
    profiles.all.last().and_then(|last| last.values.get(&stack)).map_or(0, |values| values[0])
}

/// Returns the place of a goroutine.
pub(super) fn place_of(profiles: &Snapshots<1>, stack: Stack) -> Option<&OwnedFrame> {
    place::own(profiles.frames(stack))
}

/// Returns the operation that a stack waits for, by its innermost frames, in the runtime's words.
pub(super) fn operation(frames: &[OwnedFrame]) -> &'static str {
    const OPERATIONS: [(&str, &str); 22] = [
        ("runtime.chansend", "chan send"),
        ("runtime.chanrecv", "chan receive"),
        ("runtime.selectgo", "select"),
        ("runtime.selectnbrecv", "select"),
        ("runtime.block", "select (no cases)"),
        ("sync.(*Mutex).Lock", "sync.Mutex.Lock"),
        ("internal/sync.(*Mutex).Lock", "sync.Mutex.Lock"),
        ("sync.(*RWMutex).Lock", "sync.RWMutex.Lock"),
        ("sync.(*RWMutex).RLock", "sync.RWMutex.RLock"),
        ("sync.(*WaitGroup).Wait", "sync.WaitGroup.Wait"),
        ("sync.(*Cond).Wait", "sync.Cond.Wait"),
        ("sync.runtime_notifyListWait", "sync.Cond.Wait"),
        ("sync.runtime_SemacquireMutex", "sync.Mutex.Lock"),
        ("sync.runtime_SemacquireRWMutex", "sync.RWMutex.Lock"),
        ("internal/sync.runtime_SemacquireMutex", "sync.Mutex.Lock"),
        ("sync.runtime_SemacquireWaitGroup", "sync.WaitGroup.Wait"),
        ("sync.runtime_Semacquire", "semacquire"),
        ("internal/poll.runtime_pollWait", "IO wait"),
        ("time.Sleep", "sleep"),
        ("os/signal.signal_recv", "signal"),
        ("syscall.", "syscall"),
        ("internal/runtime/syscall.", "syscall"),
    ];
    let innermost = frames.iter().take(6);
    let found = innermost.filter_map(|frame| OPERATIONS.iter().find(|(name, _)| frame.func.starts_with(name)));
    found.map(|(_, operation)| *operation).next().unwrap_or("running")
}
