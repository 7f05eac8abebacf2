//! The rules: one file each. A rule looks at what there is of its input, and adds what it finds, what speaks against a leak, and
//! what it could not judge.

mod alloc_churn;
mod gc_pressure;
mod goroutine_growth;
mod goroutine_leak;
mod heap_growth;
mod live_heap;
mod trace_goroutines;

use super::finding::{Against, Finding};
use super::inputs::Inputs;
use super::options::Options;

/// What the rules may look at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case<'a> {
    pub inputs: &'a Inputs,
    pub options: &'a Options,
}

/// What they say.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub findings: Vec<Finding>,
    pub against: Vec<Against>,
    pub not_judged: Vec<String>,
}

/// Asks all rules.
pub(super) fn hear(case: Case<'_>) -> Heard {
    let mut heard = Heard::default();
    let rules: [fn(Case<'_>, &mut Heard); 7] = [
        goroutine_leak::judge,
        trace_goroutines::judge,
        goroutine_growth::judge,
        heap_growth::judge,
        live_heap::judge,
        alloc_churn::judge,
        gc_pressure::judge,
    ];
    rules.iter().for_each(|judge| judge(case, &mut heard));
    heard
}

/// Bytes with a unit, for titles.
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

/// Nanoseconds with a unit.
fn nanos(nanos: i64) -> String {
    let nanos = nanos as f64;
    match nanos.abs() {
        size if size < 1e6 => format!("{:.0} µs", nanos / 1e3),
        size if size < 1e9 => format!("{:.0} ms", nanos / 1e6),
        size if size < 120e9 => format!("{:.1} s", nanos / 1e9),
        size if size < 7200e9 => format!("{:.0} min", nanos / 60e9),
        _ => format!("{:.1} h", nanos / 3600e9),
    }
}

/// A row of numbers as in `22 → 61 → 98`; of many the first, some between and the last.
fn row<T>(values: &[T], text: impl Fn(&T) -> String) -> String {
    const MOST: usize = 5;
    let step = values.len().saturating_sub(1).div_ceil(MOST - 1).max(1);
    let last = values.len().saturating_sub(1);
    let shown = values.iter().enumerate().filter(|(index, _)| index % step == 0 || *index == last);
    shown.map(|(_, value)| text(value)).collect::<Vec<_>>().join(" → ")
}
