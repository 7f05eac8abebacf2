//! Memory of the process that grows outside the Go heap: C code, mappings, stacks, fragmentation.
//!
//! Without copies of `/proc/PID/status`, the rule uses the statistics in heap profiles in text. They cover only the
//! memory of the Go runtime, but by class.

use super::{RuleContext, RuleOutput, bytes, capture, row};
use crate::diagnose::finding::{Against, Basis, Evidence, Finding, Source, Strength, Value, Weakens};
use crate::diagnose::growth::Growth;
use crate::diagnose::inputs::heap::INUSE_SPACE;
use crate::gctrace::Cycle;
use crate::pprof::MemStats;

/// What the memory of the process answers.
const QUESTION: &str = "whether memory grows outside the Go heap (cgo, mmap, stacks, fragmentation)";

/// The process has to grow by at least this many bytes.
const MIN_GROWTH: f64 = (16 << 20) as f64;
/// The process has to grow by at least this share.
const MIN_SHARE: f64 = 0.1;

/// The process has to grow by more than this multiple of the heap's growth. With GOGC=100, a
/// program needs twice its live heap.
const HEAP_FACTOR: f64 = 2.5;

/// The confidence. The memory certainly grows, but it may still be freed later.
const CONFIDENCE: f64 = 0.6;

/// A class of memory of the runtime outside the heap.
struct Class {
    /// The name of the field of `runtime.MemStats`.
    field: &'static str,
    what: &'static str,
    size: fn(&MemStats) -> u64,
}

const CLASSES: [Class; 6] = [
    Class { field: "StackSys", what: "stacks of goroutines", size: |stats| stats.stack_sys },
    Class { field: "MSpanSys", what: "descriptions of spans", size: |stats| stats.mspan_sys },
    Class { field: "MCacheSys", what: "caches of Ps", size: |stats| stats.mcache_sys },
    Class { field: "BuckHashSys", what: "tables of profiles", size: |stats| stats.buck_hash_sys },
    Class { field: "GCSys", what: "memory of the garbage collector", size: |stats| stats.gc_sys },
    Class { field: "OtherSys", what: "other memory of the runtime", size: |stats| stats.other_sys },
];

pub(super) fn judge(context: RuleContext<'_>, output: &mut RuleOutput) {
    let memory = &context.inputs.memory;
    if memory.len() < 3 {
        let stats: Vec<&MemStats> =
            context.inputs.heaps.all.iter().filter_map(|heap| heap.mem_stats.as_ref()).collect();
        if stats.len() >= 3 && context.same_run.heaps.is_none() {
            return judge_runtime(context, &stats, output);
        }
        let why = match memory.len() {
            0 => "the memory of the process was not captured",
            _ => "the memory of the process was captured fewer than three times",
        };
        return output.missing(QUESTION, why, capture::STATUS);
    }
    let private: Vec<f64> = memory.iter().map(|memory| memory.private() as f64).collect();
    let resident: Vec<f64> = memory.iter().map(|memory| memory.resident as f64).collect();
    let (Some(growth), Some(all)) = (Growth::of(&[], &private), Growth::of(&[], &resident)) else { return };
    let numbers = row(&private, |size| bytes(*size as i64));
    if !is_large(&growth, private[0]) || !growth.is_steady {
        let by_files = is_large(&all, resident[0]) && growth.total < all.total / 2.0;
        let reason = match (by_files, is_large(&growth, private[0])) {
            (true, _) => format!(
                "the process grows by mapped files, which the system can take back; its other memory does not: {numbers}"
            ),
            (_, true) => format!("the memory of the process grew, but not all the time: {numbers}"),
            _ => format!("the memory of the process does not grow: {numbers}"),
        };
        output.against.push(Against { source: Source::Process, factor: 1.0, weakens: Weakens::Nothing, reason });
        return;
    }
    let Some(heap) = heap_growth(context) else {
        let why = "the process grows, but no GC log or heap profiles of the same run show whether its Go heap does";
        return output.missing(QUESTION, why, capture::HEAP);
    };
    if growth.total <= heap.max(0.0) * HEAP_FACTOR + MIN_GROWTH {
        return;
    }
    output.findings.push(Finding {
        rule: "outside-heap",
        source: Source::Process,
        confidence: CONFIDENCE,
        strength: Strength::None,
        title: format!(
            "the process grows by {} outside the Go heap, which grows by {}: {numbers}",
            bytes((growth.total - heap.max(0.0)) as i64),
            bytes(heap.max(0.0) as i64)
        ),
        place: None,
        related: Vec::new(),
        goroutines: Vec::new(),
        evidence: vec![
            Evidence::new("private_bytes", Value::Sizes(private.iter().map(|size| *size as i64).collect())),
            Evidence::new("resident_bytes", Value::Sizes(resident.iter().map(|size| *size as i64).collect())),
            Evidence::new("growth_bytes", Value::Bytes(growth.total as i64)),
            Evidence::new("heap_growth_bytes", Value::Bytes(heap as i64)),
        ],
        next_step: "look for memory that C code or mmap allocates (/proc/PID/smaps, a C heap profiler), goroutine stacks (runtime/metrics /memory/classes/heap/stacks), and memory that is free but not returned yet (debug.FreeOSMemory)".to_owned(),
        basis: Basis::Apart,
    });
}

fn is_large(growth: &Growth, first: f64) -> bool {
    growth.total >= MIN_GROWTH.max(first * MIN_SHARE)
}

/// Judges the memory of the Go runtime by the statistics in at least three heap profiles.
fn judge_runtime(context: RuleContext<'_>, all: &[&MemStats], output: &mut RuleOutput) {
    let why =
        "the memory of the process was not captured; MemStats in the heap profiles has only that of the Go runtime";
    output.missing(QUESTION, why, capture::STATUS);
    let held: Vec<u64> = all.iter().map(|stats| stats.sys.saturating_sub(stats.heap_released)).collect();
    let outside: Vec<f64> = all.iter().map(|stats| stats.sys.saturating_sub(stats.heap_sys) as f64).collect();
    let Some((growth, heap)) = Growth::of(&[], &outside).zip(heap_growth(context)) else { return };
    let numbers = row(&outside, |size| bytes(*size as i64));
    if !is_large(&growth, held[0] as f64) || !growth.is_steady || growth.total <= heap {
        let reason = format!(
            "according to MemStats, the Go runtime's memory outside the heap does not grow beyond the heap: {numbers}"
        );
        output.against.push(Against { source: Source::Process, factor: 1.0, weakens: Weakens::Nothing, reason });
        return;
    }
    // No number of the text makes the difference overflow.
    let size = |class: &Class, stats: &MemStats| i64::try_from((class.size)(stats)).unwrap_or(i64::MAX);
    let grown = |class: &Class| size(class, all[all.len() - 1]) - size(class, all[0]);
    let Some(class) = CLASSES.iter().max_by_key(|class| grown(class)) else { return };
    let (field, what) = (class.field, class.what);
    let next_step = match field {
        "StackSys" => "look for goroutines that pile up or whose stacks are deep: three goroutine profiles show them",
        _ => "look up the field of runtime.MemStats that grows, and what it counts",
    };
    output.findings.push(Finding {
        rule: "outside-heap",
        source: Source::Process,
        confidence: CONFIDENCE,
        strength: Strength::None,
        title: format!(
            "according to MemStats, the Go runtime's memory outside the heap grows by {}, mostly {what} ({field}, by {}), and the heap by {}: {numbers}",
            bytes(growth.total as i64),
            bytes(grown(class)),
            bytes(heap.max(0.0) as i64)
        ),
        place: None,
        related: Vec::new(),
        goroutines: Vec::new(),
        evidence: vec![
            Evidence::new("held_bytes", Value::Sizes(held.iter().map(|size| *size as i64).collect())),
            Evidence::new("class", Value::Text(field.to_owned())),
            Evidence::new("class_bytes", Value::Sizes(all.iter().map(|stats| size(class, stats)).collect())),
            Evidence::new("growth_bytes", Value::Bytes(growth.total as i64)),
            Evidence::new("heap_growth_bytes", Value::Bytes(heap as i64)),
        ],
        next_step: next_step.to_owned(),
        basis: Basis::Apart,
    });
}

/// Returns by how many bytes the Go heap grew: the growth of its peaks in the log, or of the memory
/// in use in the heap profiles. `None` if neither is known for this run.
fn heap_growth(context: RuleContext<'_>) -> Option<f64> {
    let RuleContext { inputs, same_run, .. } = context;
    if !same_run.kinds.is_empty() {
        return None;
    }
    let cycles = &inputs.cycles;
    let third = cycles.len() / 3;
    if third > 0 {
        let peak = |cycles: &[Cycle]| cycles.iter().map(|cycle| cycle.heap_end).max().unwrap_or(0) as f64;
        return Some(peak(&cycles[cycles.len() - third..]) - peak(&cycles[..third]));
    }
    if same_run.heaps.is_some() {
        return None;
    }
    let total = |index: usize| -> Option<f64> {
        Some(inputs.heaps.all.get(index)?.values.values().map(|values| values[INUSE_SPACE] as f64).sum())
    };
    Some(total(inputs.heaps.all.len().checked_sub(1).filter(|last| *last > 0)?)? - total(0)?)
}
