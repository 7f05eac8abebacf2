//! Goroutines that grow from goroutine profile to goroutine profile, by where they are.
//!
//! The profile counts all of them, so only what the load does is chance: of those that are busy with requests there are as many more
//! or less as the square root of their number.

use super::{Case, Heard, row};
use crate::diagnose::finding::{Against, Finding, Scope, Source, Value};
use crate::diagnose::growth::{Growth, NEGLIGIBLE, confidence, deviations};
use crate::diagnose::place::{self, Place};
use crate::diagnose::snapshots::{Snapshots, Stack};

/// What goroutine profiles can say at most: a service whose clients come one after the other looks the same.
const MOST: f64 = 0.7;
/// Two profiles cannot show whether it goes on.
const MOST_OF_TWO: f64 = 0.5;

pub(super) fn judge(case: Case<'_>, heard: &mut Heard) {
    let profiles = &case.inputs.goroutines;
    let count = profiles.all.len();
    if count < 2 {
        let why = if count == 0 { "there are no goroutine profiles" } else { "there is one goroutine profile" };
        if case.inputs.traces.is_empty() {
            heard.not_judged.push(format!("whether goroutines grow: {why}, and no trace"));
        }
        return;
    }
    let at: Vec<f64> = match profiles.extent() {
        Some((first, _)) => profiles.all.iter().map(|all| all.time.saturating_sub(first) as f64 / 1e9).collect(),
        None => Vec::new(),
    };
    let groups = profiles.grouped(|stack| {
        let place = place_of(profiles, stack)?;
        Some((place.function.as_str(), profiles.frames(stack).next_back()?.function.as_str()))
    });
    let (mut grown, mut most) = (false, 0);
    for ((_, start), series) in &groups {
        let counts = series.column(0);
        let values: Vec<f64> = counts.iter().map(|&count| count as f64).collect();
        let Some(growth) = Growth::of(&at, &values) else { continue };
        let (first, last) = (values[0], values[count - 1]);
        most = most.max(counts[count - 1]);
        let deviations = deviations(last, first);
        if !growth.is_steady || deviations < case.options.deviations {
            continue;
        }
        let Some(&stack) = series.stacks.iter().max_by_key(|&&stack| (last_count(profiles, stack), stack)) else {
            continue;
        };
        let Some(place) = place_of(profiles, stack) else { continue };
        let goes_on = growth.goes_on(1.0, case.options);
        if goes_on < 1.0 {
            let counts = row(&counts, i64::to_string);
            let reason = format!("goroutines in {} grow ever more slowly: {counts}", place.function);
            let scope = Scope::Function(place.function.clone());
            heard.against.push(Against { source: Source::Goroutine, factor: goes_on, speaks_against: scope, reason });
        }
        if goes_on < NEGLIGIBLE {
            continue;
        }
        grown = true;
        let frames: Vec<Place> = profiles.frames(stack).cloned().collect();
        let operation = operation(&frames);
        let most = if count > 2 { MOST } else { MOST_OF_TWO };
        let mut evidence = vec![
            ("goroutines", Value::Series(counts.clone())),
            ("growth", Value::Count(growth.total as i64)),
            ("deviations", Value::Number(deviations)),
            ("blocked_in", Value::Text(operation.to_owned())),
            ("started_in", Value::Text((*start).to_owned())),
            ("stack", Value::Stack(frames.clone())),
        ];
        if let Some(rate) = growth.per_second {
            evidence.push(("growth_per_second", Value::PerSecond(rate)));
        }
        if let Some(pace) = growth.pace {
            evidence.push(("pace", Value::Number(pace)));
        }
        let started = frames.last().cloned();
        heard.findings.push(Finding {
            rule: "goroutine-growth",
            source: Source::Goroutine,
            confidence: confidence(deviations, most, case.options),
            title: format!(
                "ever more goroutines in {} ({operation}): {}",
                place.function,
                row(&counts, i64::to_string)
            ),
            place: Some(place.clone()),
            related: started.into_iter().filter(|start| start.function != "main.main").collect(),
            goroutines: Vec::new(),
            evidence,
            next_step: format!(
                "find what should end the {operation} at {place}, and the way on which it does not come"
            ),
        });
    }
    if !grown && count > 2 {
        let reason = match most {
            0..10 => "goroutines do not grow from profile to profile".to_owned(),
            _ => format!(
                "goroutines do not grow from profile to profile, though up to {most} wait in one place, as in a pool"
            ),
        };
        heard.against.push(Against { source: Source::Goroutine, factor: 1.0, speaks_against: Scope::Nothing, reason });
    }
}

fn last_count(profiles: &Snapshots<1>, stack: Stack) -> i64 {
    profiles.all.last().and_then(|last| last.values.get(&stack)).map_or(0, |values| values[0])
}

/// Where a goroutine is.
pub(super) fn place_of(profiles: &Snapshots<1>, stack: Stack) -> Option<&Place> {
    place::own(profiles.frames(stack))
}

/// What a stack waits in, by its innermost frames, in the runtime's words.
pub(super) fn operation(frames: &[Place]) -> &'static str {
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
    let found = innermost.filter_map(|frame| OPERATIONS.iter().find(|(name, _)| frame.function.starts_with(name)));
    found.map(|(_, operation)| *operation).next().unwrap_or("running")
}
