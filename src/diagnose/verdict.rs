//! Combines findings to a verdict.

use std::collections::BTreeMap;
use std::fmt;

use super::align::Clocks;
use super::by_goroutine;
use super::finding::{Against, Finding, Source, Strength, Value, Weakens};
use super::inputs::{InputSummary, Inputs};
use super::options::Options;
use super::rules::{self, RuleContext};
use super::score::{self, Health};

/// Whether there is a leak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum Judgement {
    /// No sign of a leak.
    Healthy,
    /// Signs of a leak, but not enough to be certain.
    Suspect,
    /// Inputs of different kinds agree on a leak.
    Leak,
}

impl Judgement {
    /// Returns `leak`, `suspect` or `healthy`.
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

/// The result of a diagnosis.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Verdict {
    /// Whether there is a leak.
    #[cfg_attr(feature = "serde", serde(rename = "verdict"))]
    pub judgement: Judgement,
    /// The degree to which the evidence for a leak agrees, from 0 to 1. It is not a probability.
    pub confidence: f64,
    /// The confidence as a word.
    pub strength: Strength,
    /// The kinds of input that agree on a leak. Empty if there is no sign of a leak.
    pub agree: Vec<Source>,
    /// The health score. `None` if no input has enough data.
    pub health: Option<Health>,
    /// The findings. First the findings that point to a leak and name code, in each part the most certain first.
    pub findings: Vec<Finding>,
    /// The evidence against a leak.
    pub against: Vec<Against>,
    /// The inputs.
    pub inputs: Vec<InputSummary>,
    /// The questions that could not be answered, and why.
    pub not_judged: Vec<String>,
    /// The relation of the clocks of the inputs.
    pub clocks: Clocks,
}

/// Makes a diagnosis.
///
/// Each rule says how certain it is. Evidence against a finding makes the finding less certain. Then findings about the
/// same code are combined. Of findings from one kind of input, only the most certain one counts. Findings from
/// different kinds of input are assumed to be wrong independently of each other, so two findings with a confidence of
/// 0.7 result in 1 − 0.3 × 0.3 = 0.91.
pub fn diagnose(inputs: &Inputs, options: &Options) -> Verdict {
    let clocks = inputs.clocks(options.log_start);
    let mut output = rules::run(RuleContext { inputs, options });
    by_goroutine::link(inputs, &mut output.findings);
    for finding in &mut output.findings {
        let against = output.against.iter().filter(|against| speaks_against(against, finding));
        finding.confidence *= against.map(|against| against.factor).product::<f64>();
        finding.strength = Strength::of(finding.confidence, options);
    }
    output.findings.sort_by(|a, b| {
        let names_code = |finding: &Finding| finding.confidence > 0.0 && finding.place.is_some();
        let by_place = names_code(b).cmp(&names_code(a));
        by_place.then(b.confidence.total_cmp(&a.confidence)).then_with(|| growth(b).total_cmp(&growth(a)))
    });
    let (confidence, agree) = combined(&output.findings);
    let judgement = match confidence {
        strong if strong >= options.leak => Judgement::Leak,
        moderate if moderate >= options.suspect => Judgement::Suspect,
        _ => Judgement::Healthy,
    };
    if let Some(rest) = output.findings.get(options.max_findings..).filter(|rest| !rest.is_empty()) {
        output.not_judged.push(format!("{} more findings are left out", rest.len()));
        output.findings.truncate(options.max_findings);
    }
    output.not_judged.push(
        "memory outside the Go heap: cgo, mmap, fragmentation (compare the process's RSS with runtime/metrics)"
            .to_owned(),
    );
    Verdict {
        judgement,
        confidence,
        strength: Strength::of(confidence, options),
        agree,
        health: score::of(inputs, options),
        findings: output.findings,
        against: output.against,
        inputs: inputs.summaries(&clocks),
        not_judged: output.not_judged,
        clocks,
    }
}

fn speaks_against(against: &Against, finding: &Finding) -> bool {
    match &against.weakens {
        Weakens::Nothing => false,
        Weakens::LiveHeap => finding.source == Source::GcLog,
        Weakens::HeapFasterThan(most) => {
            let rate = finding.value("growth_bytes_per_second");
            finding.source == Source::Heap && matches!(rate, Some(Value::BytesPerSecond(rate)) if rate > most)
        }
        Weakens::Function(function) => {
            let is_there = finding.place.as_ref().is_some_and(|place| place.func == *function);
            is_there && finding.source == against.source
        }
    }
}

/// Returns by how much the subject of a finding grows. Findings with the same confidence are sorted by it.
fn growth(finding: &Finding) -> f64 {
    match finding.value("growth_bytes").or_else(|| finding.value("growth")).or_else(|| finding.value("created")) {
        Some(Value::Bytes(size) | Value::Count(size)) => *size as f64,
        _ => 0.0,
    }
}

/// Returns the highest confidence for any code, and which kinds of input agree on that code.
fn combined(findings: &[Finding]) -> (f64, Vec<Source>) {
    let mut best = (0.0, Vec::new());
    let suspicious = || findings.iter().filter(|finding| finding.confidence > 0.0);
    for finding in suspicious() {
        let mut by_source: BTreeMap<Source, f64> = BTreeMap::new();
        for other in suspicious() {
            // A finding that names no code agrees with any code.
            let is_same = std::ptr::eq(finding, other);
            let agrees = finding.place.is_some() && (other.place.is_none() || finding.shares_code_with(other));
            if is_same || agrees {
                let best = by_source.entry(other.source).or_default();
                *best = best.max(other.confidence);
            }
        }
        let doubt: f64 = by_source.values().map(|confidence| 1.0 - confidence).product();
        if 1.0 - doubt > best.0 {
            best = (1.0 - doubt, by_source.into_keys().collect());
        }
    }
    best
}
