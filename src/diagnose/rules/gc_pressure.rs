//! The cost of garbage collection: a slow program with a constant heap has an expensive collector,
//! but no leak.

use super::{RuleContext, RuleOutput, time};
use crate::diagnose::finding::{Basis, Evidence, Finding, Source, Strength, Value};
use crate::gctrace::{Period, Pressure, most_assist, slowest_marking};

/// Marking at less than this share of its usual rate has collapsed. Assists at more than its
/// inverse have surged.
const COLLAPSE: f64 = 0.5;

/// A surge of assists below this share of marking does not matter.
const ASSIST: f64 = 0.2;

pub(super) fn judge(context: RuleContext<'_>, output: &mut RuleOutput) {
    let cycles = &context.inputs.cycles;
    if output.findings.iter().any(|finding| finding.rule == "memory-limit") {
        // That is the cause, and the advice is another.
        return;
    }
    let pressure = Pressure::of(cycles);
    let Some(share) = pressure.gc_cpu_share.filter(|_| cycles.len() > 2) else { return };
    // A surge or a collapse matters only if garbage collection is expensive meanwhile.
    let costly = |stretch: &Period| {
        let within = cycles.get(stretch.first..=stretch.last).unwrap_or_default();
        Pressure::of(within).gc_cpu_share.is_some_and(|share| share >= context.options.gc_cpu_share)
    };
    let surge = most_assist(cycles).filter(|surge| surge.value > ASSIST && surge.usual < surge.value * COLLAPSE);
    let collapse = slowest_marking(cycles).filter(|collapse| collapse.value < collapse.usual * COLLAPSE);
    let (surge, collapse) = (surge.filter(costly), collapse.filter(costly));
    let is_costly = share >= context.options.gc_cpu_share;
    if !is_costly && surge.is_none() && collapse.is_none() {
        return;
    }
    let mut said = vec![format!("garbage collection takes {:.0} % of the CPU time", share * 100.0)];
    let mut evidence = vec![
        Evidence::new("gc_cpu_share", Value::Number(share)),
        Evidence::new("pause_max_ns", Value::Duration(pressure.pause_max)),
    ];
    if let Some(rate) = pressure.cycles_per_second {
        evidence.push(Evidence::new("collections_per_second", Value::PerSecond(rate)));
        said.push(format!("{rate:.1} collections per second"));
    }
    if let Some(share) = pressure.stopped_share {
        evidence.push(Evidence::new("stopped_share", Value::Number(share)));
    }
    if let Some(rate) = pressure.allocated_bytes_per_second {
        evidence.push(Evidence::new("allocated_bytes_per_second", Value::BytesPerSecond(rate)));
    }
    if let Some(assist) = pressure.assist_per_mib {
        evidence.push(Evidence::new("assist_ns_per_mib", Value::Duration(assist)));
        said.push(format!("allocating a MiB costs {} of assists", time(assist)));
    }
    let mut stretch = |name: &'static str, usual: &'static str, stretch: Option<Period>| {
        if let Some(stretch) = stretch {
            evidence.push(Evidence::new(name, Value::Number(stretch.value)));
            evidence.push(Evidence::new(usual, Value::Number(stretch.usual)));
        }
    };
    stretch("assist_share_surge", "assist_share_usual", surge);
    stretch("mark_bytes_per_ms_lowest", "mark_bytes_per_ms_usual", collapse);
    if collapse.is_some() {
        said.push("marking was slow for a while because the collector did not get the CPU".to_owned());
    }
    output.findings.push(Finding {
        rule: "gc-pressure",
        source: Source::GcLog,
        confidence: 0.0,
        strength: Strength::None,
        title: said.join(", "),
        place: None,
        related: Vec::new(),
        goroutines: Vec::new(),
        evidence,
        next_step:
            "this is a cost, not a leak: allocate less, or raise GOGC (with GOMEMLIMIT) if there is enough memory"
                .to_owned(),
        basis: Basis::Apart,
    });
}
