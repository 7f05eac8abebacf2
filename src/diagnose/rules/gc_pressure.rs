//! What collecting costs: a slow program with a level heap is under pressure, and does not leak.

use super::{Case, Heard, nanos};
use crate::diagnose::finding::{Finding, Source, Value};
use crate::gctrace::{Pressure, Stretch, assist_surge, mark_collapse};

/// Marking at less than this share of its usual rate has collapsed; assists at more than its inverse have surged.
const COLLAPSE: f64 = 0.5;

/// Below this share of marking assists are no matter, however they surge.
const ASSIST: f64 = 0.2;

pub(super) fn judge(case: Case<'_>, heard: &mut Heard) {
    let cycles = &case.inputs.cycles;
    let pressure = Pressure::of(cycles);
    let Some(share) = pressure.cpu_share.filter(|_| cycles.len() > 2) else { return };
    // A surge or a collapse matters where collecting is expensive while it lasts.
    let costly = |stretch: &Stretch| {
        let within = cycles.get(stretch.first..=stretch.last).unwrap_or_default();
        Pressure::of(within).cpu_share.is_some_and(|share| share >= case.options.gc_cpu_share)
    };
    let surge = assist_surge(cycles).filter(|surge| surge.value > ASSIST && surge.usual < surge.value * COLLAPSE);
    let collapse = mark_collapse(cycles).filter(|collapse| collapse.value < collapse.usual * COLLAPSE);
    let (surge, collapse) = (surge.filter(costly), collapse.filter(costly));
    let is_costly = share >= case.options.gc_cpu_share;
    if !is_costly && surge.is_none() && collapse.is_none() {
        return;
    }
    let mut said = vec![format!("collecting takes {:.0} % of the CPU time", share * 100.0)];
    let mut evidence = vec![
        ("cpu_share", Value::Number(share)),
        ("pause_max", Value::Nanos(i64::try_from(pressure.pause_max).unwrap_or(i64::MAX))),
    ];
    if let Some(rate) = pressure.per_second {
        evidence.push(("collections_per_second", Value::PerSecond(rate)));
        said.push(format!("{rate:.1} collections a second"));
    }
    if let Some(share) = pressure.stopped_share {
        evidence.push(("stopped_share", Value::Number(share)));
    }
    if let Some(rate) = pressure.allocated_per_second {
        evidence.push(("allocated_per_second", Value::BytesPerSecond(rate)));
    }
    if let Some(assist) = pressure.assist_per_mib {
        evidence.push(("assist_per_mib", Value::Nanos(assist as i64)));
        said.push(format!("allocating a MiB costs {} of assists", nanos(assist as i64)));
    }
    let mut stretch = |name: &'static str, usual: &'static str, stretch: Option<Stretch>| {
        if let Some(stretch) = stretch {
            evidence.push((name, Value::Number(stretch.value)));
            evidence.push((usual, Value::Number(stretch.usual)));
        }
    };
    stretch("assist_share_surge", "assist_share_usual", surge);
    stretch("mark_bytes_per_ms_lowest", "mark_bytes_per_ms_usual", collapse);
    if collapse.is_some() {
        said.push("marking collapsed for a while: the collector did not get the CPU".to_owned());
    }
    heard.findings.push(Finding {
        rule: "gc-pressure",
        source: Source::GcLog,
        confidence: 0.0,
        title: said.join(", "),
        place: None,
        related: Vec::new(),
        goroutines: Vec::new(),
        evidence,
        next_step: "this is cost, not a leak: allocate less, or raise GOGC (with GOMEMLIMIT) if memory allows"
            .to_owned(),
    });
}
