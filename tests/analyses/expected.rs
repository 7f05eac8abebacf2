//! What Go's tool found, as tests/oracle/oracle.go prints it.

use std::collections::BTreeMap;

use serde::Deserialize;

use gotrace_tests::corpus::{RELEASES, Sample, samples};

/// A line of the oracle.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Line {
    Goroutine(Goroutine),
    Region(Region),
    Task(Task),
    Frame(Frame),
    Profile(Profile),
    Windows { ns: Vec<i64> },
    Mmu(Mmu),
}

pub type Nanos = BTreeMap<String, i64>;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Goroutine {
    pub id: u64,
    pub name: String,
    pub creation: i64,
    pub start: i64,
    pub end: i64,
    pub total: i64,
    pub stats: Nanos,
    pub ranges: Nanos,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    pub go: u64,
    pub task: u64,
    pub name: String,
    pub start: Option<i64>,
    pub end: Option<i64>,
    pub total: i64,
    pub stats: Nanos,
    pub ranges: Nanos,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    pub id: u64,
    pub name: String,
    #[serde(default)]
    pub parent: Option<u64>,
    pub start: Option<i64>,
    pub end: Option<i64>,
    pub logs: u64,
    pub regions: u64,
    pub goroutines: Option<Vec<u64>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frame {
    pub pc: u64,
    pub func: String,
    pub file: String,
    pub line: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Profile {
    #[serde(rename = "type")]
    pub kind: String,
    pub only: String,
    #[serde(default)]
    pub stack: Vec<u64>,
    #[serde(default)]
    pub count: u64,
    #[serde(default)]
    pub ns: i64,
    #[serde(default)]
    pub error: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mmu {
    pub flags: u32,
    #[serde(default)]
    pub same: Option<u32>,
    #[serde(default)]
    pub mmu: Vec<f64>,
    #[serde(default)]
    pub mud: Vec<Vec<f64>>,
}

/// All lines of a trace.
pub fn lines(sample: &Sample) -> Vec<Line> {
    let text = sample.golden("analyses");
    let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).expect("a line of the oracle")).collect()
}

/// Every trace of testdata, those without generations too.
pub fn all_samples() -> Vec<Sample> {
    RELEASES.into_iter().chain(["go1.19", "go1.21"]).flat_map(samples).collect()
}

/// By how much a time may differ from the reference's, in nanoseconds.
///
/// Where two Ps of an old trace wrote events at one time, Go's reader leaves their order to the order of a map, and pushes
/// each a nanosecond behind the last. All else is equal.
pub fn ties(sample: &Sample) -> i64 {
    if sample.name.starts_with("go1.19/") || sample.name.starts_with("go1.21/") { 16 } else { 0 }
}

/// Whether the same columns have the same times, but for ties.
pub fn agree(ours: &Nanos, go: &Nanos, tolerance: i64) -> bool {
    let mut columns = ours.keys().chain(go.keys());
    let of = |times: &Nanos, column: &String| times.get(column).copied().unwrap_or(0);
    columns.all(|column| (of(ours, column) - of(go, column)).abs() <= tolerance)
}
