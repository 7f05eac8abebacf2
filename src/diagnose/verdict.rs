//! Combines findings to a verdict.

use std::collections::BTreeSet;
use std::fmt;

use super::align::Clocks;
use super::by_goroutine;
use super::finding::{Against, Basis, Family, Finding, Source, Strength, Value, Weakens};
use super::inputs::{InputSummary, Inputs};
use super::options::Options;
use super::rules::{self, RuleContext};
use super::same_run::SameRun;
use super::score::{self, Health};
use super::{connections, place};
use crate::event::OwnedFrame;

/// Whether there is a leak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum Judgement {
    /// The inputs are not enough to find a leak, so nothing is known.
    Inconclusive,
    /// No sign of a leak, and at least one rule had enough data to find one.
    Healthy,
    /// Signs of a leak, but not enough to be certain.
    Suspect,
    /// Inputs of different kinds agree on a leak.
    Leak,
}

impl Judgement {
    /// Returns `leak`, `suspect`, `healthy` or `inconclusive`.
    pub fn name(self) -> &'static str {
        match self {
            Judgement::Inconclusive => "inconclusive",
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

/// A question that could not be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct NotJudged {
    /// The question.
    pub question: String,
    /// Why it could not be answered.
    pub why: String,
    /// A command line that captures what is missing, with `HOST`, `PROGRAM` and `PID` to fill in.
    pub capture: Option<&'static str>,
}

impl fmt::Display for NotJudged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.question, self.why)
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
    /// The health score. `None` if no input has enough data, or the verdict is inconclusive.
    pub health: Option<Health>,
    /// The findings. First the findings that point to a leak and name code, in each part the most certain first.
    pub findings: Vec<Finding>,
    /// The evidence against a leak.
    pub against: Vec<Against>,
    /// The inputs.
    pub inputs: Vec<InputSummary>,
    /// Why inputs are not of the same run of the program and were not compared. Empty if nothing
    /// speaks against it.
    pub conflicts: Vec<String>,
    /// The questions that could not be answered.
    pub not_judged: Vec<NotJudged>,
    /// The relation of the clocks of the inputs.
    pub clocks: Clocks,
}

/// Makes a diagnosis.
///
/// Each rule says how certain it is. Evidence against a finding makes the finding less certain. Then
/// findings about the same code are combined, by what they observe. Traces and goroutine profiles
/// observe the same goroutines; heap profiles and the GC log observe the same memory. Of the findings
/// of one such family, the most certain one counts, since they can be wrong for the same reason.
/// Findings of both families are assumed to be wrong independently of each other: two findings with a
/// confidence of 0.7 result in 1 − 0.3 × 0.3 = 0.91.
pub fn diagnose(inputs: &Inputs, options: &Options) -> Verdict {
    let clocks = inputs.clocks(options.log_start);
    let same_run = SameRun::of(inputs, &clocks);
    let mut output = rules::run(RuleContext { inputs, options, same_run: &same_run });
    by_goroutine::link(inputs, &mut output.findings);
    for finding in &mut output.findings {
        let against = output.against.iter().filter(|against| speaks_against(against, finding));
        finding.confidence *= against.map(|against| against.factor).product::<f64>();
        finding.strength = Strength::of(finding.confidence, options);
    }
    sort(&mut output.findings);
    let (confidence, agree) = combined(&output.findings, &same_run, options);
    let judgement = match confidence {
        strong if strong >= options.leak => Judgement::Leak,
        moderate if moderate >= options.suspect => Judgement::Suspect,
        _ if output.able.is_empty() => Judgement::Inconclusive,
        _ => Judgement::Healthy,
    };
    if let Some(rest) = output.findings.get(options.max_findings..).filter(|rest| !rest.is_empty()) {
        let why = format!("only the {} most certain are shown", options.max_findings);
        let question = format!("{} more findings", rest.len());
        output.not_judged.push(NotJudged { question, why, capture: None });
        output.findings.truncate(options.max_findings);
    }
    let health = (judgement != Judgement::Inconclusive).then(|| score::of(inputs, &output, options)).flatten();
    Verdict {
        judgement,
        confidence,
        strength: Strength::of(confidence, options),
        agree,
        health,
        findings: output.findings,
        against: output.against,
        inputs: inputs.summaries(&clocks),
        conflicts: same_run.conflicts(),
        not_judged: output.not_judged,
        clocks,
    }
}

/// Sorts findings: first those that name code of the program, then those that name code of the standard
/// library, which does what the program asks for. In each part the most certain comes first.
fn sort(findings: &mut [Finding]) {
    let rank = |finding: &Finding| match (finding.confidence > 0.0, &finding.place) {
        (true, Some(place)) if !place::is_standard(&place.func) => 0,
        (true, Some(_)) => 1,
        _ => 2,
    };
    findings.sort_by(|a, b| {
        let by_rank = rank(a).cmp(&rank(b));
        by_rank.then(b.confidence.total_cmp(&a.confidence)).then_with(|| growth(b).total_cmp(&growth(a)))
    });
}

fn speaks_against(against: &Against, finding: &Finding) -> bool {
    match &against.weakens {
        Weakens::Nothing => false,
        Weakens::LiveHeap => finding.rule == "live-heap",
        Weakens::HeapFasterThan(most) => {
            let rate = finding.value("growth_bytes_per_second");
            finding.source == Source::Heap && matches!(rate, Some(Value::BytesPerSecond(rate)) if rate > most)
        }
        Weakens::Function(function) => {
            let is_there = finding.place.as_ref().is_some_and(|place| place.func == *function);
            is_there && finding.source == against.source
        }
        Weakens::StartedIn(source, function) => {
            finding.source == *source && finding.started_in() == Some(function.as_str())
        }
        Weakens::Connections => {
            let is_connection = |place: &OwnedFrame| connections::serves_one(&place.func);
            finding.source == Source::Heap && finding.place.as_ref().is_some_and(is_connection)
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

/// The confidence of a family whose inputs agree in a way that a mistake does not explain: goroutines
/// wait for the program itself, in the trace and in the profiles; or a function's memory rises in all
/// profiles to twice its size, and so does the floor of the live heap.
const AGREED: f64 = 0.85;

/// Returns the highest confidence for any code, and which kinds of input agree on that code.
fn combined(findings: &[Finding], same_run: &SameRun, options: &Options) -> (f64, Vec<Source>) {
    let mut best = (0.0, Vec::new());
    let suspicious = || findings.iter().filter(|finding| finding.confidence > 0.0);
    for finding in suspicious() {
        let agrees = |other: &&Finding| {
            let is_same = std::ptr::eq(finding, *other);
            // A finding that names no code agrees with any code.
            let shares = finding.place.is_some() && (other.place.is_none() || finding.shares_code_with(other));
            let joins = finding.basis != Basis::Apart && other.basis != Basis::Apart;
            is_same || shares && joins && (same_run.kinds.is_empty() || finding.source == other.source)
        };
        let group: Vec<&Finding> = suspicious().filter(agrees).collect();
        let sources: BTreeSet<Source> = group.iter().map(|finding| finding.source).collect();
        let doubt: f64 = [Family::Goroutines, Family::Memory]
            .into_iter()
            .map(|family| 1.0 - family_confidence(family, &group, options))
            .product();
        if 1.0 - doubt > best.0 {
            best = (1.0 - doubt, sources.into_iter().collect());
        }
    }
    best
}

/// Returns the confidence of a family's findings about the same code.
fn family_confidence(family: Family, group: &[&Finding], options: &Options) -> f64 {
    let of = |source: Source, basis: &[Basis]| {
        let found = |finding: &&&Finding| {
            finding.source == source
                && finding.confidence >= options.suspect
                && (basis.is_empty() || basis.contains(&finding.basis))
        };
        group.iter().any(|finding| found(&finding))
    };
    let members = group.iter().filter(|finding| finding.source.family() == family);
    let most = members.map(|finding| finding.confidence).fold(0.0, f64::max);
    let agreed = match family {
        Family::Goroutines => of(Source::Trace, &[Basis::OwnWait]) && of(Source::Goroutine, &[Basis::OwnWait]),
        Family::Memory => of(Source::Heap, &[Basis::RisesThroughout]) && of(Source::GcLog, &[]),
    };
    if agreed { most.max(AGREED) } else { most }
}
