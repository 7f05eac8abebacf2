//! From findings to a verdict.

use std::collections::BTreeMap;
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
    /// The inputs that agree on what the confidence is of; none if nothing points to a leak.
    pub agree: Vec<Source>,
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
    let (confidence, agree) = combined(&heard.findings);
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
        agree,
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

/// The confidence of the code that most points to, and which inputs do.
fn combined(findings: &[Finding]) -> (f64, Vec<Source>) {
    let mut best = (0.0, Vec::new());
    let suspicious = || findings.iter().filter(|finding| finding.confidence > 0.0);
    for finding in suspicious() {
        let mut by_source: BTreeMap<Source, f64> = BTreeMap::new();
        for other in suspicious() {
            // What names no code goes with all code.
            let is_same = std::ptr::eq(finding, other);
            let agrees = finding.place.is_some() && (other.place.is_none() || finding.shares_code_with(other));
            if is_same || agrees {
                let sure = by_source.entry(other.source).or_default();
                *sure = sure.max(other.confidence);
            }
        }
        let doubt: f64 = by_source.values().map(|sure| 1.0 - sure).product();
        if 1.0 - doubt > best.0 {
            best = (1.0 - doubt, by_source.into_keys().collect());
        }
    }
    best
}
