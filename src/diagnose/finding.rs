//! The result of a rule: evidence in fields, how certain it is, where in the code, which
//! goroutines, and what to do next.

use std::fmt;
use std::time::Duration;

use crate::event::OwnedFrame;
use crate::id::GoId;

/// The kind of input that a finding comes from. Findings from different kinds that agree make each
/// other more certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum Source {
    /// Heap profiles.
    Heap,
    /// Goroutine profiles.
    Goroutine,
    /// Goroutine dumps.
    Dump,
    /// A `goroutineleak` profile.
    GoroutineLeak,
    /// The execution trace.
    Trace,
    /// Single allocations in the trace.
    Allocations,
    /// The GC log.
    GcLog,
    /// The memory of the process as the operating system sees it.
    Process,
}

/// A group of inputs that observe the same thing. Inputs of one family can be wrong for the same
/// reason, so agreement within a family is weaker evidence than agreement of both families.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Family {
    Goroutines,
    Memory,
}

impl Source {
    pub(super) fn family(self) -> Family {
        match self {
            Source::Goroutine | Source::Dump | Source::GoroutineLeak | Source::Trace => Family::Goroutines,
            Source::Heap | Source::Allocations | Source::GcLog | Source::Process => Family::Memory,
        }
    }

    /// Returns its name in a sentence, such as `heap profiles`.
    pub fn name(self) -> &'static str {
        match self {
            Source::Heap => "heap profiles",
            Source::Goroutine => "goroutine profiles",
            Source::Dump => "goroutine dumps",
            Source::GoroutineLeak => "goroutineleak profile",
            Source::Trace => "trace",
            Source::Allocations => "allocations in the trace",
            Source::GcLog => "GC log",
            Source::Process => "memory of the process",
        }
    }
}

/// The strength of the evidence for a leak, as a word.
///
/// A confidence says how well the evidence agrees. It is not a probability, so reports for people
/// use a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum Strength {
    /// No evidence: the confidence is 0.
    None,
    /// A confidence below [`Options::suspect`](super::Options::suspect).
    Weak,
    /// Enough to suspect a leak.
    Moderate,
    /// A confidence of at least [`Options::leak`](super::Options::leak).
    Strong,
}

impl Strength {
    pub(super) fn of(confidence: f64, options: &super::Options) -> Self {
        match confidence {
            strong if strong >= options.leak => Strength::Strong,
            moderate if moderate >= options.suspect => Strength::Moderate,
            weak if weak > 0.0 => Strength::Weak,
            _ => Strength::None,
        }
    }

    /// Returns `strong`, `moderate`, `weak` or `none`.
    pub fn name(self) -> &'static str {
        match self {
            Strength::None => "none",
            Strength::Weak => "weak",
            Strength::Moderate => "moderate",
            Strength::Strong => "strong",
        }
    }
}

impl fmt::Display for Strength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A value of a finding's evidence.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(untagged))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum Value {
    /// A number of things.
    Count(i64),
    /// A number of bytes.
    Bytes(i64),
    /// Bytes per second.
    BytesPerSecond(f64),
    /// Things per second.
    PerSecond(f64),
    /// A duration; in JSON nanoseconds.
    Duration(
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::nanos::duration"))]
        #[cfg_attr(feature = "schema", schemars(with = "u64"))]
        Duration,
    ),
    /// A share between 0 and 1, or a statistic.
    Number(f64),
    /// A word or a name.
    Text(String),
    /// A number of things in each snapshot or window, in order of time.
    Counts(Vec<i64>),
    /// Bytes in each snapshot or window, in order of time.
    Sizes(Vec<i64>),
    /// A stack, innermost frame first.
    Stack(Vec<OwnedFrame>),
}

/// A named value of a finding's evidence.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Evidence {
    /// The name. It does not change between versions, and ends in the unit of the value: `_bytes`,
    /// `_ns`, `_per_second`.
    pub name: &'static str,
    /// The value.
    pub value: Value,
}

impl Evidence {
    pub(super) fn new(name: &'static str, value: Value) -> Self {
        Evidence { name, value }
    }

    /// Returns the evidence for how fast growth is in the end, as a fraction of its initial rate.
    /// `None` if the rate is not known, or if there was no growth at first.
    pub(super) fn pace(pace: Option<f64>) -> Option<Self> {
        let pace = pace.filter(|pace| pace.is_finite())?;
        Some(Evidence::new("pace", Value::Number(pace)))
    }
}

/// Evidence in JSON: an object with a key for each name.
#[cfg(feature = "serde")]
fn as_object<S: serde::Serializer>(evidence: &[Evidence], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(evidence.iter().map(|evidence| (evidence.name, &evidence.value)))
}

/// A finding.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Finding {
    /// The rule that found it.
    pub rule: &'static str,
    /// The kind of input that it was found in.
    pub source: Source,
    /// The certainty that this is a leak, from 0 to 1, judging by this finding alone. Findings that
    /// are no sign of a leak, such as expensive garbage collection, have 0.
    pub confidence: f64,
    /// The confidence as a word.
    pub strength: Strength,
    /// A description of the finding, in one line.
    pub title: String,
    /// The line of code to look at. `None` if the rule does not know it.
    pub place: Option<OwnedFrame>,
    /// Other functions involved: who created the goroutine, who called the allocating function.
    pub related: Vec<OwnedFrame>,
    /// The goroutines, as far as they are known. Only some of them if there are many.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<u64>"))]
    pub goroutines: Vec<GoId>,
    /// The values that the finding is based on. In JSON, this is an object.
    #[cfg_attr(feature = "serde", serde(serialize_with = "as_object"))]
    #[cfg_attr(feature = "schema", schemars(with = "std::collections::BTreeMap<String, Value>"))]
    pub evidence: Vec<Evidence>,
    /// The next step to take.
    pub next_step: String,
    /// What it is based on, which limits how certain the verdict can be.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(super) basis: Basis,
}

/// What a finding is based on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Basis {
    /// Nothing special.
    #[default]
    Usual,
    /// Goroutines wait for something that only the program itself can do: unlock, signal, receive.
    /// A slow client does not cause that.
    OwnWait,
    /// Goroutines of the standard library that serve a connection. They exist because of what the
    /// program does with the connection.
    Connection,
    /// Bytes and objects rise from each heap profile to the next, to at least twice the first
    /// bytes, without slowing down.
    RisesThroughout,
    /// Something that is never combined with other findings, such as a memory limit.
    Apart,
}

impl Finding {
    /// Returns the functions that the finding is about: its place and the related functions.
    /// Findings with a function in common are about the same code.
    pub(super) fn functions(&self) -> impl Iterator<Item = &str> {
        self.place.iter().chain(&self.related).map(|place| source_function(&place.func))
    }

    /// Returns the function in which the goroutines of the finding started.
    pub(super) fn started_in(&self) -> Option<&str> {
        match self.value("started_in") {
            Some(Value::Text(start)) => Some(start),
            _ => None,
        }
    }

    /// Returns a value of the evidence. `None` if the evidence has no such name.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.evidence.iter().find(|evidence| evidence.name == name).map(|evidence| &evidence.value)
    }
}

/// Returns the name of the function. For a closure, the name of the function that contains it.
fn source_function(name: &str) -> &str {
    let mut name = name;
    while let Some((outer, last)) = name.rsplit_once('.') {
        let digits = |prefix: &str| {
            last.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
        };
        if !["func", "gowrap", "deferwrap", ""].into_iter().any(digits) {
            break;
        }
        name = outer;
    }
    name
}

/// Evidence against a leak.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Against {
    /// The kind of input that it comes from.
    pub source: Source,
    /// The factor by which the confidence of the weakened findings is multiplied, from 0 to 1.
    pub factor: f64,
    /// The findings that it weakens.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub weakens: Weakens,
    /// The reason, in one line.
    pub reason: String,
}

/// The findings that a reason against a leak weakens.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Weakens {
    /// None. It is reported all the same.
    Nothing,
    /// A rising live heap in the GC log.
    LiveHeap,
    /// Memory that grows by more bytes per second than this.
    HeapFasterThan(f64),
    /// Findings from the same kind of input at this function.
    Function(String),
    /// Findings from this kind of input about goroutines that started in this function.
    StartedIn(Source, String),
    /// Memory that `net/http` allocates for connections.
    Connections,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {:.0} %)", self.title, self.rule, self.confidence * 100.0)
    }
}
