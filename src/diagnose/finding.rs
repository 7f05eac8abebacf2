//! What a rule finds: evidence in fields, how sure it is, where in the code, who, and what to do next.

use std::fmt;

use super::place::Place;
use crate::id::GoId;

/// What kind of input a finding comes from. Findings of different kinds that agree make each other likelier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Heap profiles.
    Heap,
    /// Goroutine profiles.
    Goroutine,
    /// A `goroutineleak` profile.
    GoroutineLeak,
    /// The execution trace.
    Trace,
    /// What the trace tells of single allocations.
    Allocations,
    /// The GC log.
    GcLog,
}

impl Source {
    /// What a user calls it.
    pub fn name(self) -> &'static str {
        match self {
            Source::Heap => "heap profiles",
            Source::Goroutine => "goroutine profiles",
            Source::GoroutineLeak => "goroutineleak profile",
            Source::Trace => "trace",
            Source::Allocations => "allocations in the trace",
            Source::GcLog => "GC log",
        }
    }
}

/// A value of a finding's evidence, with its unit.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// A number of things.
    Count(i64),
    /// Bytes.
    Bytes(i64),
    /// Bytes a second.
    BytesPerSecond(f64),
    /// Things a second.
    PerSecond(f64),
    /// Nanoseconds.
    Nanos(i64),
    /// A part of a whole, between 0 and 1, or a statistic.
    Number(f64),
    /// A word or a name.
    Text(String),
    /// A number of things or bytes in each snapshot or window, in order of time.
    Series(Vec<i64>),
    /// Places in a stack, innermost first.
    Stack(Vec<Place>),
}

/// A finding.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Which rule found it.
    pub rule: &'static str,
    /// In what.
    pub source: Source,
    /// How likely it is that this is a leak, from 0 to 1, as far as this finding alone can tell. Findings that are no sign of a
    /// leak, such as an expensive collector, have 0.
    pub confidence: f64,
    /// What is found, in one line.
    pub title: String,
    /// The line to look at, if the rule knows one.
    pub place: Option<Place>,
    /// Other functions that belong to it: who created the goroutine, who called the allocating function.
    pub related: Vec<Place>,
    /// The goroutines, as far as they are known; of many some.
    pub goroutines: Vec<GoId>,
    /// What the finding rests on. Names are stable, and end in the unit where the value does not tell it.
    pub evidence: Vec<(&'static str, Value)>,
    /// What to do next.
    pub next_step: String,
}

impl Finding {
    /// Whether the two are about the same code: a function of one stands in the other.
    pub(super) fn shares_code_with(&self, other: &Finding) -> bool {
        let functions = |finding: &'_ Finding| -> Vec<String> {
            let places = finding.place.iter().chain(&finding.related);
            places.map(|place| source_function(&place.function).to_owned()).collect()
        };
        let mine = functions(self);
        functions(other).iter().any(|theirs| mine.contains(theirs))
    }

    /// A field of the evidence.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.evidence.iter().find(|(field, _)| *field == name).map(|(_, value)| value)
    }
}

/// A closure counts as the function in which it stands.
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

/// Something that speaks against a leak.
#[derive(Clone, Debug, PartialEq)]
pub struct Against {
    /// What it comes from.
    pub source: Source,
    /// By how much it lowers the confidence of the findings that it speaks against: what is left, from 0 to 1.
    pub factor: f64,
    /// Against what.
    pub speaks_against: Scope,
    /// In one line.
    pub reason: String,
}

/// What a reason against speaks against.
#[derive(Clone, Debug, PartialEq)]
pub enum Scope {
    /// Nothing that was found; it is told all the same.
    Nothing,
    /// A rising live heap in the GC log.
    LiveHeap,
    /// Memory that grows by more bytes a second than this.
    HeapFasterThan(f64),
    /// Goroutines that started in, or waited in, this function.
    Function(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {:.0} %)", self.title, self.rule, self.confidence * 100.0)
    }
}
