//! The rules: one file each. A rule examines one kind of input. It adds findings, reasons against a
//! leak, and what it could not judge.

mod alloc_churn;
mod contradictions;
mod gc_pressure;
mod goroutine_growth;
mod goroutine_leak;
mod heap_growth;
mod held_locks;
mod live_heap;
mod long_waits;
mod memory_limit;
mod outside_heap;
mod trace_goroutines;

use std::time::Duration;

use super::finding::{Against, Family, Finding};
use super::inputs::Inputs;
use super::options::Options;
use super::place;
use super::same_run::SameRun;
use super::verdict::NotJudged;
use crate::event::OwnedFrame;

/// The input of a rule.
#[derive(Clone, Copy, Debug)]
pub(super) struct RuleContext<'a> {
    pub inputs: &'a Inputs,
    pub options: &'a Options,
    pub same_run: &'a SameRun,
}

/// The combined output of the rules.
#[derive(Debug, Default)]
pub(super) struct RuleOutput {
    pub findings: Vec<Finding>,
    pub against: Vec<Against>,
    /// The rules that had enough data to find a leak.
    pub able: Vec<&'static str>,
    pub not_judged: Vec<NotJudged>,
}

impl RuleOutput {
    /// Adds a question that cannot be answered without the input that a command captures.
    fn missing(&mut self, question: &str, why: &str, capture: &'static str) {
        let capture = Some(capture);
        self.not_judged.push(NotJudged { question: question.to_owned(), why: why.to_owned(), capture });
    }
}

/// Commands that capture what is missing.
mod capture {
    pub const TRACE: &str = "curl -o trace.out 'http://HOST/debug/pprof/trace?seconds=5'";
    pub const HEAP: &str = "for i in 1 2 3; do curl -o heap.$i http://HOST/debug/pprof/heap; sleep 60; done";
    pub const HEAP_AFTER_GC: &str =
        "for i in 1 2 3; do curl -o heap.$i 'http://HOST/debug/pprof/heap?gc=1'; sleep 60; done";
    pub const GOROUTINE: &str =
        "for i in 1 2 3; do curl -o goroutine.$i http://HOST/debug/pprof/goroutine; sleep 60; done";
    pub const GC_LOG: &str = "GODEBUG=gctrace=1 PROGRAM 2>gctrace.log";
    pub const STATUS: &str = "for i in 1 2 3; do cat /proc/PID/status >status.$i; sleep 60; done";
}

/// Returns what a rule of [`RuleOutput::able`] observes.
pub(super) fn family(rule: &str) -> Family {
    match rule {
        "heap-growth" | "live-heap" => Family::Memory,
        _ => Family::Goroutines,
    }
}

/// Runs all rules. Rules that weigh the findings of others come after them.
pub(super) fn run(context: RuleContext<'_>) -> RuleOutput {
    let mut output = RuleOutput::default();
    let rules: [fn(RuleContext<'_>, &mut RuleOutput); 12] = [
        trace_goroutines::judge,
        held_locks::judge,
        goroutine_growth::judge,
        long_waits::judge,
        goroutine_leak::judge,
        heap_growth::judge,
        live_heap::judge,
        alloc_churn::judge,
        memory_limit::judge,
        gc_pressure::judge,
        outside_heap::judge,
        contradictions::judge,
    ];
    rules.iter().for_each(|judge| judge(context, &mut output));
    output
}

/// Profiles and logs that cover less time show nothing about growth.
const MIN_SPAN: Duration = Duration::from_secs(1);

/// Returns why profiles that were taken from `first` to `last`, in nanoseconds, are too close together.
fn too_close(extent: Option<(i64, i64)>) -> Option<String> {
    let (first, last) = extent?;
    let span = Duration::from_nanos(last.saturating_sub(first).max(0).unsigned_abs());
    (span < MIN_SPAN).then(|| format!("the profiles were taken within {}", time(span)))
}

/// Advice for goroutines that are blocked in `operation` at `place`.
fn unblock(operation: &str, place: &OwnedFrame) -> String {
    format!(
        "find the code that should end the {operation} at {}, and the case in which it does not run",
        place::short(place)
    )
}

/// Returns a number of bytes with a unit, for titles.
fn bytes(bytes: i64) -> String {
    let (sign, size) = (if bytes < 0 { "-" } else { "" }, bytes.unsigned_abs() as f64);
    const UNITS: [(&str, u32); 4] = [("GiB", 30), ("MiB", 20), ("KiB", 10), ("B", 0)];
    let (unit, power) = UNITS.into_iter().find(|&(_, power)| size >= f64::from(1 << power)).unwrap_or(("B", 0));
    let value = size / f64::from(1 << power);
    match power > 0 && value < 100.0 {
        true => format!("{sign}{value:.1} {unit}"),
        false => format!("{sign}{value:.0} {unit}"),
    }
}

/// Returns a duration with a unit, for titles.
fn time(duration: Duration) -> String {
    let nanos = duration.as_nanos() as f64;
    match nanos {
        nanos if nanos < 1e6 => format!("{:.0} µs", nanos / 1e3),
        nanos if nanos < 1e9 => format!("{:.0} ms", nanos / 1e6),
        nanos if nanos < 120e9 => format!("{:.1} s", nanos / 1e9),
        nanos if nanos < 7200e9 => format!("{:.0} min", nanos / 60e9),
        _ => format!("{:.1} h", nanos / 3600e9),
    }
}

/// Returns a series of numbers such as `22 → 61 → 98`. If there are more than five, it shows the
/// first, the last and up to three in between.
fn row<T>(values: &[T], text: impl Fn(&T) -> String) -> String {
    const MOST: usize = 5;
    let step = values.len().saturating_sub(1).div_ceil(MOST - 1).max(1);
    let last = values.len().saturating_sub(1);
    let shown = values.iter().enumerate().filter(|(index, _)| index % step == 0 || *index == last);
    shown.map(|(_, value)| text(value)).collect::<Vec<_>>().join(" → ")
}
