//! Sums up dumps by function.

use std::cmp::Reverse;
use std::hash::Hash;
use std::time::Duration;

use indexmap::IndexMap;

use super::{Dump, DumpGoroutine};
use crate::analysis::goroutines::source_function;
use crate::event::OwnedFrame;
use crate::id::GoId;
#[cfg(feature = "serde")]
use crate::nanos;

/// What the goroutines of a group have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum DumpGroupBy {
    /// The function in which they started.
    #[default]
    Start,
    /// The function whose source code contains the one in which they started. A closure counts as the function that
    /// contains it.
    Name,
    /// The function in which they are: the innermost one outside of the runtime.
    Place,
    /// The function that created them.
    Creator,
    /// Their labels.
    Label,
}

/// The order of groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DumpGroupOrder {
    /// By number of goroutines in the last dump.
    #[default]
    Count,
    /// By growth from the first dump to the last.
    Growth,
    /// By longest wait.
    LongestWait,
}

/// What a [`DumpReport`] has.
#[derive(Clone, Debug, Default)]
pub struct DumpReportOptions {
    by: DumpGroupBy,
    order: DumpGroupOrder,
    group: Option<String>,
}

impl DumpReportOptions {
    /// Groups goroutines by this.
    #[must_use]
    pub fn by(mut self, by: DumpGroupBy) -> Self {
        self.by = by;
        self
    }

    /// Sorts groups by this.
    #[must_use]
    pub fn order(mut self, order: DumpGroupOrder) -> Self {
        self.order = order;
        self
    }

    /// Keeps all groups, without their stacks.
    #[must_use]
    pub fn any_group(mut self) -> Self {
        self.group = None;
        self
    }

    /// Keeps only the group of this name, with its stacks.
    #[must_use]
    pub fn group(mut self, name: &str) -> Self {
        self.group = Some(name.to_owned());
        self
    }
}

/// Dumps of a program, summed up by function.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct DumpReport {
    /// What the goroutines of a group have in common.
    pub by: DumpGroupBy,
    /// The dumps, in the order in which they were given.
    pub dumps: Vec<DumpSummary>,
    /// The number of groups.
    pub group_count: u64,
    /// The groups, in the requested order.
    pub groups: Vec<DumpGroup>,
}

/// A dump in a [`DumpReport`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct DumpSummary {
    /// The number of the line of its first header in the log.
    pub line: u64,
    /// Why the program crashed: see [`Dump::crash`].
    pub crash: Option<String>,
    /// The number of goroutines.
    pub goroutine_count: u64,
    /// The number of goroutines that the runtime found to have leaked.
    pub leaked_count: u64,
    /// The longest wait. `None` if nothing has been waiting for a minute.
    #[cfg_attr(feature = "serde", serde(rename = "longest_wait_ns", serialize_with = "nanos::optional"))]
    #[cfg_attr(feature = "schema", schemars(with = "Option<u64>"))]
    pub longest_wait: Option<Duration>,
    /// Whether the log ends within the last goroutine.
    pub is_cut: bool,
}

/// A group of goroutines. Everything but [`counts`](Self::counts) and [`growth`](Self::growth) is of the last dump.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct DumpGroup {
    /// What they have in common. Empty if the dump does not say it.
    pub name: String,
    /// The number of goroutines.
    pub count: u64,
    /// The number of goroutines in each dump.
    pub counts: Vec<u64>,
    /// How many more goroutines the last dump has than the first. `None` for a single dump.
    pub growth: Option<i64>,
    /// The states of the goroutines, the most frequent first.
    pub states: Vec<DumpState>,
    /// The longest wait. `None` if none has been waiting for a minute.
    #[cfg_attr(feature = "serde", serde(rename = "longest_wait_ns", serialize_with = "nanos::optional"))]
    #[cfg_attr(feature = "schema", schemars(with = "Option<u64>"))]
    pub longest_wait: Option<Duration>,
    /// The number of goroutines that the runtime found to have leaked.
    pub leaked_count: u64,
    /// The place where most of them were created.
    pub created_by: Option<OwnedFrame>,
    /// The distinct stacks, the most frequent first. Empty unless the group was [asked for](DumpReportOptions::group).
    pub stacks: Vec<DumpStack>,
}

/// How many goroutines of a group are in a state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct DumpState {
    /// The state: see [`DumpGoroutine::state`].
    pub state: String,
    /// The number of goroutines.
    pub count: u64,
    /// The longest wait. `None` if none has been waiting for a minute.
    #[cfg_attr(feature = "serde", serde(rename = "longest_wait_ns", serialize_with = "nanos::optional"))]
    #[cfg_attr(feature = "schema", schemars(with = "Option<u64>"))]
    pub longest_wait: Option<Duration>,
}

/// Goroutines with the same state, stack and creator.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct DumpStack {
    /// The state: see [`DumpGoroutine::state`].
    pub state: String,
    /// The goroutines, in the order of the dump.
    pub goroutines: Vec<GoId>,
    /// The longest wait. `None` if none has been waiting for a minute.
    #[cfg_attr(feature = "serde", serde(rename = "longest_wait_ns", serialize_with = "nanos::optional"))]
    #[cfg_attr(feature = "schema", schemars(with = "Option<u64>"))]
    pub longest_wait: Option<Duration>,
    /// The stack, the innermost frame first.
    pub stack: Vec<OwnedFrame>,
    /// Where they were created.
    pub created_by: Option<OwnedFrame>,
}

impl DumpReport {
    /// Sums up dumps, given in the order in which they were taken.
    pub fn new(dumps: &[Dump], options: &DumpReportOptions) -> Self {
        let mut members: IndexMap<String, Members<'_>> = IndexMap::new();
        for (index, dump) in dumps.iter().enumerate() {
            for goroutine in &dump.goroutines {
                let name = name(goroutine, options.by);
                if options.group.as_ref().is_some_and(|group| *group != name) {
                    continue;
                }
                let group = members.entry(name).or_insert_with(|| Members::new(dumps.len()));
                group.counts[index] += 1;
                if index + 1 == dumps.len() {
                    group.last.push(goroutine);
                }
            }
        }
        let has_stacks = options.group.is_some();
        let mut groups: Vec<_> = members.into_iter().map(|(name, members)| members.group(name, has_stacks)).collect();
        groups.sort_by(|a, b| a.name.cmp(&b.name));
        match options.order {
            DumpGroupOrder::Count => {
                groups.sort_by_key(|group| Reverse((group.count, group.growth, group.longest_wait)))
            }
            DumpGroupOrder::Growth => {
                groups.sort_by_key(|group| Reverse((group.growth, group.count, group.longest_wait)))
            }
            DumpGroupOrder::LongestWait => groups.sort_by_key(|group| Reverse((group.longest_wait, group.count))),
        }
        let dumps = dumps.iter().map(DumpSummary::new).collect();
        DumpReport { by: options.by, dumps, group_count: groups.len() as u64, groups }
    }

    /// Keeps at most this many groups.
    pub fn truncate(&mut self, most: usize) {
        self.groups.truncate(most);
    }
}

impl DumpSummary {
    fn new(dump: &Dump) -> Self {
        DumpSummary {
            line: dump.line,
            crash: dump.crash.clone(),
            goroutine_count: dump.goroutines.len() as u64,
            leaked_count: leaked(&dump.goroutines),
            longest_wait: longest_wait(&dump.goroutines),
            is_cut: dump.is_cut,
        }
    }
}

/// The goroutines of a group.
struct Members<'d> {
    /// The number in each dump.
    counts: Vec<u64>,
    /// Those of the last dump.
    last: Vec<&'d DumpGoroutine>,
}

impl Members<'_> {
    fn new(dumps: usize) -> Self {
        Members { counts: vec![0; dumps], last: Vec::new() }
    }

    fn group(self, name: String, has_stacks: bool) -> DumpGroup {
        let growth = match *self.counts.as_slice() {
            [first, .., last] => Some(last as i64 - first as i64),
            _ => None,
        };
        let created_by = partition(&self.last, created_at);
        let states =
            partition(&self.last, |goroutine| &goroutine.state).into_iter().map(|(state, members)| DumpState {
                state: state.clone(),
                count: members.len() as u64,
                longest_wait: longest_wait(members.iter().copied()),
            });
        DumpGroup {
            name,
            count: self.last.len() as u64,
            growth,
            states: states.collect(),
            longest_wait: longest_wait(self.last.iter().copied()),
            leaked_count: leaked(self.last.iter().copied()),
            created_by: created_by.first().and_then(|(frame, _)| frame.cloned()),
            stacks: if has_stacks { stacks(&self.last) } else { Vec::new() },
            counts: self.counts,
        }
    }
}

/// Returns the distinct stacks, the most frequent first.
fn stacks(goroutines: &[&DumpGoroutine]) -> Vec<DumpStack> {
    partition(goroutines, |goroutine| (&goroutine.state, &goroutine.stack, created_at(goroutine)))
        .into_iter()
        .map(|((state, stack, created_by), members)| DumpStack {
            state: state.clone(),
            goroutines: members.iter().map(|goroutine| goroutine.id).collect(),
            longest_wait: longest_wait(members.iter().copied()),
            stack: stack.clone(),
            created_by: created_by.cloned(),
        })
        .collect()
}

/// Divides goroutines by a key, the largest part first.
fn partition<'d, K: Eq + Hash>(
    goroutines: &[&'d DumpGoroutine],
    key: impl Fn(&'d DumpGoroutine) -> K,
) -> Vec<(K, Vec<&'d DumpGoroutine>)> {
    let mut parts: IndexMap<K, Vec<&DumpGoroutine>> = IndexMap::new();
    for goroutine in goroutines {
        parts.entry(key(goroutine)).or_default().push(goroutine);
    }
    let mut parts: Vec<_> = parts.into_iter().collect();
    parts.sort_by_key(|(_, members)| Reverse(members.len()));
    parts
}

/// Returns the place where a goroutine was created.
fn created_at(goroutine: &DumpGoroutine) -> Option<&OwnedFrame> {
    goroutine.created_by.as_ref().map(|by| &by.frame)
}

fn leaked<'d>(goroutines: impl IntoIterator<Item = &'d DumpGoroutine>) -> u64 {
    goroutines.into_iter().filter(|goroutine| goroutine.is_leaked).count() as u64
}

fn longest_wait<'d>(goroutines: impl IntoIterator<Item = &'d DumpGoroutine>) -> Option<Duration> {
    goroutines.into_iter().filter_map(|goroutine| goroutine.wait).max()
}

fn name(goroutine: &DumpGoroutine, by: DumpGroupBy) -> String {
    let func = |frame: Option<&OwnedFrame>| frame.map_or(String::new(), |frame| frame.func.clone());
    match by {
        DumpGroupBy::Start => func(goroutine.start()),
        DumpGroupBy::Name => {
            let start = func(goroutine.start());
            String::from_utf8_lossy(source_function(start.as_bytes())).into_owned()
        }
        DumpGroupBy::Place => func(goroutine.place()),
        DumpGroupBy::Creator => func(created_at(goroutine)),
        DumpGroupBy::Label => {
            let labels = goroutine.labels.iter().map(|(key, value)| format!("{key}={value}"));
            labels.collect::<Vec<_>>().join(", ")
        }
    }
}
