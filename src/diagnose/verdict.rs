//! From findings to a verdict.

use std::fmt;

use super::align::Clocks;
use super::by_goroutine;
use super::finding::{Against, Finding, Scope, Source, Value};
use super::inputs::{InputSummary, Inputs};
use super::options::Options;
use super::rules::{self, Case};
use super::score::{self, Health};

/// Whether there is a leak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Judgement {
    /// Nothing points to a leak.
    Healthy,
    /// Something does, and more is needed to be sure.
    Suspect,
    /// Inputs of different kinds agree on it.
    Leak,
}

impl Judgement {
    /// `leak`, `suspect` or `healthy`.
    pub fn name(self) -> &'static str {
        match self {
            Judgement::Healthy => "healthy",
            Judgement::Suspect => "suspect",
            Judgement::Leak => "leak",
        }
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a diagnosis says.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Whether there is a leak.
    pub judgement: Judgement,
    /// How likely a leak is, from 0 to 1, all in all.
    pub confidence: f64,
    /// The health score, `None` if no input tells enough.
    pub health: Option<Health>,
    /// What was found: first what points to a leak and names code, each part the surest first.
    pub findings: Vec<Finding>,
    /// What speaks against a leak.
    pub against: Vec<Against>,
    /// The inputs.
    pub inputs: Vec<InputSummary>,
    /// What could not be judged, and why.
    pub not_judged: Vec<String>,
    /// How the inputs' clocks relate.
    pub clocks: Clocks,
}

/// Makes a diagnosis.
///
/// Each rule says how sure it is. What speaks against a finding makes it less so. Then findings that are about the same code are
/// put together: those of the same input count once, the surest; those of different inputs are taken to err independently of each
/// other, so that two at 0.7 come to 1 − 0.3 × 0.3 = 0.91.
pub fn diagnose(inputs: &Inputs, options: &Options) -> Verdict {
    let clocks = inputs.clocks(options.log_start);
    let mut heard = rules::hear(Case { inputs, options });
    by_goroutine::link(inputs, &mut heard.findings);
    for finding in &mut heard.findings {
        let against = heard.against.iter().filter(|against| speaks_against(against, finding));
        finding.confidence *= against.map(|against| against.factor).product::<f64>();
    }
    heard.findings.sort_by(|a, b| {
        let names_code = |finding: &Finding| finding.confidence > 0.0 && finding.place.is_some();
        let by_place = names_code(b).cmp(&names_code(a));
        by_place.then(b.confidence.total_cmp(&a.confidence)).then_with(|| growth(b).total_cmp(&growth(a)))
    });
    let confidence = combined(&heard.findings);
    let judgement = match confidence {
        sure if sure >= options.leak => Judgement::Leak,
        likely if likely >= options.suspect => Judgement::Suspect,
        _ => Judgement::Healthy,
    };
    if let Some(most) = heard.findings.get(options.max_findings..).filter(|rest| !rest.is_empty()) {
        heard.not_judged.push(format!("{} more findings are left out", most.len()));
        heard.findings.truncate(options.max_findings);
    }
    heard.not_judged.push(
        "memory outside of the Go heap: cgo, mmap, fragmentation (compare the process's RSS with runtime/metrics)"
            .to_owned(),
    );
    Verdict {
        judgement,
        confidence,
        health: score::of(inputs, options),
        findings: heard.findings,
        against: heard.against,
        inputs: inputs.summaries(&clocks),
        not_judged: heard.not_judged,
        clocks,
    }
}

fn speaks_against(against: &Against, finding: &Finding) -> bool {
    match &against.speaks_against {
        Scope::Nothing => false,
        Scope::LiveHeap => finding.source == Source::GcLog,
        Scope::HeapFasterThan(most) => {
            let rate = finding.value("growth_per_second");
            finding.source == Source::Heap && matches!(rate, Some(Value::BytesPerSecond(rate)) if rate > most)
        }
        Scope::Function(function) => {
            let is_there = finding.place.as_ref().is_some_and(|place| place.function == *function);
            is_there && finding.source == against.source
        }
    }
}

/// By how much what a finding is about grows, to put equally sure ones in order.
fn growth(finding: &Finding) -> f64 {
    match finding.value("growth").or_else(|| finding.value("created")) {
        Some(Value::Bytes(size) | Value::Count(size)) => *size as f64,
        _ => 0.0,
    }
}

/// The confidence of the code that most points to.
fn combined(findings: &[Finding]) -> f64 {
    let mut best = 0.0_f64;
    for (index, finding) in findings.iter().enumerate() {
        let mut by_source: Vec<(Source, f64)> = Vec::new();
        for (other_index, other) in findings.iter().enumerate() {
            // What names no code goes with all.
            let agrees = other_index == index || other.place.is_none() || finding.shares_code_with(other);
            if agrees && finding.place.is_some() || other_index == index {
                match by_source.iter_mut().find(|(source, _)| *source == other.source) {
                    Some((_, sure)) => *sure = sure.max(other.confidence),
                    None => by_source.push((other.source, other.confidence)),
                }
            }
        }
        let doubt: f64 = by_source.iter().map(|(_, sure)| 1.0 - sure).product();
        best = best.max(1.0 - doubt);
    }
    best
}
