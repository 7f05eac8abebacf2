//! Combines findings to a verdict.

use std::collections::{BTreeMap, HashMap};
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
    /// Strong evidence of a leak: inputs agree, or a `goroutineleak` profile proves it.
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
    /// The findings. Those that point to a leak come first: first those that name code of the
    /// program, then those that name code of the standard library. The others follow. Each of these
    /// parts is sorted by confidence.
    pub findings: Vec<Finding>,
    /// The evidence against a leak.
    pub against: Vec<Against>,
    /// The inputs.
    pub inputs: Vec<InputSummary>,
    /// Why inputs are not of the same run of the program and were not compared. Empty if nothing
    /// speaks against it.
    pub conflicts: Vec<String>,
    /// The rules that had enough data to find a leak. Empty if the verdict is inconclusive.
    pub judged_by: Vec<&'static str>,
    /// The questions that could not be answered.
    pub not_judged: Vec<NotJudged>,
    /// The relation of the clocks of the inputs.
    pub clocks: Clocks,
}

impl Verdict {
    /// Returns whether a rule had enough data to find growing memory.
    pub fn judges_memory(&self) -> bool {
        self.judged_by.iter().any(|rule| rules::family(rule) == Family::Memory)
    }

    /// Returns whether a rule had enough data to find goroutines that pile up.
    pub fn judges_goroutines(&self) -> bool {
        self.judged_by.iter().any(|rule| rules::family(rule) == Family::Goroutines)
    }
}

/// Makes a diagnosis.
///
/// Each rule says how certain it is. Evidence against a finding makes the finding less certain.
/// Then findings about the same code are combined, by what they observe. Traces, goroutine
/// profiles and dumps observe the same goroutines; heap profiles and the GC log observe the same memory. Of
/// the findings of one such family, the most certain one counts, since they can be wrong for the
/// same reason. Findings of both families are assumed to be wrong independently of each other: two
/// findings with a confidence of 0.7 result in 1 − 0.3 × 0.3 = 0.91.
pub fn diagnose(inputs: &Inputs, options: &Options) -> Verdict {
    let clocks = inputs.clocks(options.log_start);
    let same_run = SameRun::of(inputs, &clocks);
    let mut output = rules::run(RuleContext { inputs, options, same_run: &same_run });
    let factors = Factors::of(&output.against, &same_run);
    for finding in &mut output.findings {
        finding.confidence *= factors.for_finding(finding);
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
    let health = (judgement != Judgement::Inconclusive).then(|| score::of(inputs, &output, options)).flatten();
    if let Some(rest) = output.findings.get(options.max_findings..).filter(|rest| !rest.is_empty()) {
        let why = format!("only the {} most certain are shown", options.max_findings);
        let question = format!("{} more findings", rest.len());
        output.not_judged.push(NotJudged { question, why, capture: None });
        output.findings.truncate(options.max_findings);
    }
    by_goroutine::link(inputs, &mut output.findings);
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
        judged_by: output.able,
        not_judged: output.not_judged,
        clocks,
    }
}

/// Sorts findings in the order of [`Verdict::findings`]. Code of the standard library comes after
/// code of the program, since it does what the program asks for.
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

/// The factors of the evidence against a leak, by the findings that they weaken.
#[derive(Default)]
struct Factors<'a> {
    /// By the kind of input and the function of [`Weakens::Function`].
    at: HashMap<(Source, &'a str), f64>,
    /// By the kind of input and the function of [`Weakens::StartedIn`].
    started_in: HashMap<(Source, &'a str), f64>,
    /// The evidence that is not about one function. Each rule adds at most one for each input.
    others: Vec<&'a Against>,
    /// Whether inputs of different kinds weaken each other: not if they are of different runs.
    joins_kinds: bool,
}

impl<'a> Factors<'a> {
    fn of(against: &'a [Against], same_run: &SameRun) -> Self {
        let mut factors = Factors { joins_kinds: same_run.kinds.is_empty(), ..Factors::default() };
        for one in against {
            let factor = match &one.weakens {
                Weakens::Nothing => continue,
                Weakens::Function(function) => factors.at.entry((one.source, function.as_str())).or_insert(1.0),
                Weakens::StartedIn(source, start) => factors.started_in.entry((*source, start.as_str())).or_insert(1.0),
                Weakens::LiveHeap | Weakens::HeapFasterThan(_) | Weakens::Connections => {
                    factors.others.push(one);
                    continue;
                }
            };
            *factor *= one.factor;
        }
        factors
    }

    /// Returns the factor by which the confidence of a finding is multiplied.
    fn for_finding(&self, finding: &Finding) -> f64 {
        let of = |factors: &HashMap<(Source, &str), f64>, function: Option<&str>| {
            function.and_then(|function| factors.get(&(finding.source, function)).copied()).unwrap_or(1.0)
        };
        let at = of(&self.at, finding.place.as_ref().map(|place| place.func.as_str()));
        let started_in = of(&self.started_in, finding.started_in());
        let is_comparable = |against: &Against| self.joins_kinds || against.source == finding.source;
        let others = self.others.iter().filter(|against| is_comparable(against) && weakens(&against.weakens, finding));
        at * started_in * others.map(|against| against.factor).product::<f64>()
    }
}

/// Returns whether evidence against a leak that is not about one function weakens a finding.
fn weakens(weakens: &Weakens, finding: &Finding) -> bool {
    match weakens {
        Weakens::LiveHeap => finding.rule == "live-heap",
        Weakens::HeapFasterThan(most) => {
            let rate = finding.value("growth_bytes_per_second");
            finding.source == Source::Heap && matches!(rate, Some(Value::BytesPerSecond(rate)) if rate > most)
        }
        Weakens::Connections => {
            let is_connection = |place: &OwnedFrame| connections::serves_connection(&place.func);
            finding.source == Source::Heap && finding.place.as_ref().is_some_and(is_connection)
        }
        Weakens::Nothing | Weakens::Function(_) | Weakens::StartedIn(..) => false,
    }
}

/// Returns by how much the subject of a finding grows. Findings with the same confidence are sorted
/// by it.
fn growth(finding: &Finding) -> f64 {
    match finding.value("growth_bytes").or_else(|| finding.value("growth")).or_else(|| finding.value("created")) {
        Some(Value::Bytes(size) | Value::Count(size)) => *size as f64,
        _ => 0.0,
    }
}

/// The confidence of a family whose inputs agree in a way that no common mistake explains. Either
/// the goroutines wait for the program itself, in the trace and in the profiles. Or a function's
/// memory rises in all profiles to twice its size, and the floor of the live heap rises too.
const AGREED: f64 = 0.85;

/// Returns the highest confidence for any code, and which kinds of input agree on that code.
fn combined(findings: &[Finding], same_run: &SameRun, options: &Options) -> (f64, Vec<Source>) {
    let suspicious = || findings.iter().filter(|finding| finding.confidence > 0.0);
    let joins = |finding: &&Finding| finding.basis != Basis::Apart;
    let mut about: HashMap<&str, Agreement> = HashMap::new();
    let mut anywhere = Agreement::default();
    for finding in suspicious().filter(joins) {
        match finding.place {
            Some(_) => finding.functions().for_each(|name| about.entry(name).or_default().add(finding, options)),
            // A finding that names no code agrees with any code.
            None => anywhere.add(finding, options),
        }
    }
    let mut best = (0.0, Vec::new());
    for finding in suspicious() {
        let mut agreement = Agreement::default();
        agreement.add(finding, options);
        if joins(&finding) && finding.place.is_some() {
            let is_comparable = |source: Source| same_run.kinds.is_empty() || source == finding.source;
            let all = finding.functions().filter_map(|name| about.get(name)).chain([&anywhere]);
            all.for_each(|other| agreement.merge(other, is_comparable));
        }
        let confidence = agreement.confidence();
        if confidence > best.0 {
            best = (confidence, agreement.0.into_keys().collect());
        }
    }
    best
}

/// The findings about the same code, summed up for each kind of input.
#[derive(Default)]
struct Agreement(BTreeMap<Source, Support>);

/// The findings of one kind of input about the same code.
#[derive(Clone, Copy, Default)]
struct Support {
    /// The highest confidence of a finding.
    confidence: f64,
    /// Whether one of the findings can result in [`AGREED`].
    can_agree: bool,
}

impl Support {
    fn merge(&mut self, other: Support) {
        self.confidence = self.confidence.max(other.confidence);
        self.can_agree |= other.can_agree;
    }
}

impl Agreement {
    fn add(&mut self, finding: &Finding, options: &Options) {
        let has_basis = match finding.source {
            Source::Trace | Source::Goroutine | Source::Dump => finding.basis == Basis::OwnWait,
            Source::Heap => finding.basis == Basis::RisesThroughout,
            _ => true,
        };
        let can_agree = has_basis && finding.confidence >= options.suspect;
        self.0.entry(finding.source).or_default().merge(Support { confidence: finding.confidence, can_agree });
    }

    /// Adds the kinds of input of another agreement that are comparable.
    fn merge(&mut self, other: &Agreement, is_comparable: impl Fn(Source) -> bool) {
        for (&source, &support) in other.0.iter().filter(|(source, _)| is_comparable(**source)) {
            self.0.entry(source).or_default().merge(support);
        }
    }

    /// Returns the confidence of both families together.
    fn confidence(&self) -> f64 {
        1.0 - [Family::Goroutines, Family::Memory].map(|family| 1.0 - self.of_family(family)).iter().product::<f64>()
    }

    fn of_family(&self, family: Family) -> f64 {
        let members = self.0.iter().filter(|(source, _)| source.family() == family);
        let most = members.map(|(_, support)| support.confidence).fold(0.0, f64::max);
        let can_agree = |source| self.0.get(&source).is_some_and(|support| support.can_agree);
        let agreed = match family {
            Family::Goroutines => can_agree(Source::Trace) && (can_agree(Source::Goroutine) || can_agree(Source::Dump)),
            Family::Memory => can_agree(Source::Heap) && can_agree(Source::GcLog),
        };
        if agreed { most.max(AGREED) } else { most }
    }
}
