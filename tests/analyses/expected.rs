//! The results of Go's tool, as printed by `tests/oracle/oracle.go`.

use std::collections::BTreeMap;

use serde::Deserialize;

use gotrace_tests::corpus::{RELEASES, Sample, V1_RELEASES, samples};

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

/// All lines of the oracle for a trace.
pub fn lines(sample: &Sample) -> Vec<Line> {
    let text = sample.golden("analyses");
    let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).expect("valid JSON")).collect()
}

/// All traces in testdata, including v1 traces.
pub fn all_samples() -> Vec<Sample> {
    RELEASES.into_iter().chain(V1_RELEASES).flat_map(samples).collect()
}

/// The allowed difference of a time from Go's, in nanoseconds.
///
/// If two Ps of a v1 trace wrote events at the same time, Go's reader takes them in the random
/// order of a map and makes each a nanosecond later than the one before. All other times are equal.
pub fn ties(sample: &Sample) -> i64 {
    if V1_RELEASES.iter().any(|release| sample.name.starts_with(release)) { 16 } else { 0 }
}

/// Whether the times in all columns are equal within the tolerance.
pub fn agree(ours: &Nanos, go: &Nanos, tolerance: i64) -> bool {
    let mut columns = ours.keys().chain(go.keys());
    let of = |times: &Nanos, column: &String| times.get(column).copied().unwrap_or(0);
    columns.all(|column| (of(ours, column) - of(go, column)).abs() <= tolerance)
}
