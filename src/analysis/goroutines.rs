//! Groups goroutines and reports the columns of `go tool trace` and their distributions.
//!
//! [`Goroutines`] sums up groups. [`Summarizer`] passes each goroutine and each region to a
//! [`SummarySink`].

use std::cmp::Reverse;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::histogram::Histogram;
use super::names::{Name, Names};
use super::observer::Observer;
use super::times::{RangeKey, Spent, reason_name};
use crate::event::{Event, Text};
use crate::id::GoId;
use crate::time::Time;

pub use super::goroutine_summary::{GoroutineSummary, RegionSummary, SummarySink};
pub use super::summarizer::Summarizer;
pub use super::times::{Accounting, NamedTime, Times};

/// The property by which goroutines are grouped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum GroupBy {
    /// The function in which the goroutines started, as in `go tool trace`: the outermost function
    /// of their first stack.
    #[default]
    Start,
    /// The function that created the goroutines.
    Creator,
    /// The last label of the goroutines. The runtime labels its GC workers.
    Label,
    /// The function whose source code contains the start function. For example, the closures and
    /// wrappers `main.serve.func1`, `main.serve.gowrap2` and `main.serve.func1.2` count as
    /// `main.serve`.
    Name,
}

impl GroupBy {
    /// Returns the name of the group to which a goroutine belongs.
    pub fn name_of<'a>(self, goroutine: &GoroutineSummary<'a>) -> Text<'a> {
        match self {
            GroupBy::Start => goroutine.name(),
            GroupBy::Creator => goroutine.creator(),
            GroupBy::Label => goroutine.label(),
            GroupBy::Name => Text(source_function(goroutine.name().0)),
        }
    }
}

/// The distribution of each column of `go tool trace` over the goroutines of a group. [`Times`]
/// describes the columns.
///
/// Each distribution includes all goroutines of the group. A goroutine that spent no time in a
/// column counts as zero.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Distributions {
    /// The distribution of `Total`.
    pub total: Histogram,
    /// The distribution of `Execution time`.
    pub execution: Histogram,
    /// The distribution of `Sched wait time`: the goroutine is runnable and waits for a P.
    pub sched_wait: Histogram,
    /// The distribution of `Syscall execution time`.
    pub syscall: Histogram,
    /// The distribution of `Block time (syscall)`.
    pub syscall_block: Histogram,
    /// The distribution of `Unknown time`.
    pub unknown: Histogram,
    /// The distribution of the sum of all `Block time (reason)` columns.
    pub block: Histogram,
    /// The distributions of `Block time (reason)`, sorted by reason. Waits without a reason are
    /// named [`BLOCKED_BEFORE_TRACE`](crate::timeline::BLOCKED_BEFORE_TRACE) or
    /// [`NO_REASON`](crate::timeline::NO_REASON).
    pub blocks: Vec<NamedDistribution>,
    /// The distributions of the special ranges, sorted by name. Special ranges overlap with the
    /// other columns.
    pub ranges: Vec<NamedDistribution>,
}

/// The distribution of the time that goroutines spent for one reason or in one special range.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct NamedDistribution {
    /// The wait reason, or the name of the special range.
    pub name: String,
    /// The time of each goroutine.
    pub times: Histogram,
}

/// A group of goroutines.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct GoroutineGroup {
    /// The function or label that the goroutines share. Empty if the trace has no stack, no creator
    /// or no label for them.
    pub name: String,
    /// The number of goroutines.
    pub count: u64,
    /// The number of goroutines that exited within the trace.
    pub ended: u64,
    /// How the goroutines spent their time.
    pub times: Distributions,
}

/// A goroutine, and how it spent its time.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct GoroutineTimes {
    /// The ID of the goroutine.
    pub goroutine: GoId,
    /// The function in which the goroutine started. Empty if the trace has no stack for the
    /// goroutine.
    pub function: String,
    /// When the goroutine was created, or the start of the generation that first mentions it.
    #[cfg_attr(feature = "serde", serde(rename = "created_ns"))]
    pub created: Time,
    /// When the goroutine first ran. `None` if it did not run.
    #[cfg_attr(feature = "serde", serde(rename = "first_run_ns"))]
    pub first_run: Option<Time>,
    /// When the goroutine exited or began to wait forever. `None` if it was alive when the trace
    /// ended.
    #[cfg_attr(feature = "serde", serde(rename = "ended_ns"))]
    pub ended: Option<Time>,
    /// The time of `Total`, in nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "total_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub total: Duration,
    /// The time of `Execution time`, in nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "execution_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub execution: Duration,
    /// The time of `Sched wait time`, in nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "sched_wait_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub sched_wait: Duration,
    /// The time of `Syscall execution time`, in nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "syscall_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub syscall: Duration,
    /// The time of `Block time (syscall)`, in nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "syscall_block_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub syscall_block: Duration,
    /// The time of `Unknown time`, in nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "unknown_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub unknown: Duration,
    /// The sum of all `Block time (reason)` columns, in nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "block_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub block: Duration,
    /// The time of each `Block time (reason)` column.
    pub blocks: Vec<NamedTime>,
    /// The time of each special range.
    pub ranges: Vec<NamedTime>,
}

impl From<&GoroutineSummary<'_>> for GoroutineTimes {
    fn from(goroutine: &GoroutineSummary<'_>) -> Self {
        let times = &goroutine.times;
        GoroutineTimes {
            goroutine: goroutine.id(),
            function: goroutine.name().to_string(),
            created: goroutine.creation(),
            first_run: goroutine.start(),
            ended: goroutine.end(),
            total: times.total(),
            execution: times.execution(),
            sched_wait: times.sched_wait(),
            syscall: times.syscall(),
            syscall_block: times.syscall_block(),
            unknown: times.unknown(),
            block: times.block(),
            blocks: times.blocks(),
            ranges: times.ranges(),
        }
    }
}

/// The key by which groups are sorted, largest first. Groups with equal keys are sorted by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum GroupOrder {
    /// The sum of `Execution time` over all goroutines.
    #[default]
    Execution,
    /// The sum of `Total` over all goroutines.
    Total,
    /// The sum of `Sched wait time` over all goroutines.
    SchedWait,
    /// The sum of `Syscall execution time` and `Block time (syscall)` over all goroutines.
    Syscall,
    /// The sum of all `Block time (reason)` columns over all goroutines.
    Block,
    /// The number of goroutines.
    Count,
    /// The 99th percentile of `Total`.
    P99,
}

/// The result of [`Goroutines`].
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct GoroutinesReport {
    /// The time of the first event, or the start of the requested range if that is later.
    #[cfg_attr(feature = "serde", serde(rename = "start_ns"))]
    pub start: Time,
    /// The time of the last event, or the end of the requested range if that is earlier.
    #[cfg_attr(feature = "serde", serde(rename = "end_ns"))]
    pub end: Time,
    /// The total number of goroutines in all groups.
    pub goroutine_count: u64,
    /// The number of groups. `groups` may have fewer after [`truncate`](Self::truncate).
    pub group_count: u64,
    /// The groups, sorted by execution time, largest first.
    pub groups: Vec<GoroutineGroup>,
    /// The goroutines of the group that [`Goroutines::members_of`] selects, sorted by total time,
    /// longest first.
    pub members: Vec<GoroutineTimes>,
}

impl GoroutinesReport {
    /// Sorts the groups.
    pub fn sort_by(&mut self, order: GroupOrder) {
        let key = |group: &GoroutineGroup| -> u128 {
            let times = &group.times;
            let nanos = |durations: &[Duration]| durations.iter().map(Duration::as_nanos).sum();
            match order {
                GroupOrder::Execution => nanos(&[times.execution.sum()]),
                GroupOrder::Total => nanos(&[times.total.sum()]),
                GroupOrder::SchedWait => nanos(&[times.sched_wait.sum()]),
                GroupOrder::Syscall => nanos(&[times.syscall.sum(), times.syscall_block.sum()]),
                GroupOrder::Block => nanos(&[times.block.sum()]),
                GroupOrder::Count => group.count.into(),
                GroupOrder::P99 => nanos(&[times.total.percentile(99.0)]),
            }
        };
        self.groups.sort_by(|a, b| key(b).cmp(&key(a)).then_with(|| a.name.cmp(&b.name)));
    }

    /// Keeps only the first `top` groups and the first `top` members.
    pub fn truncate(&mut self, top: usize) {
        self.groups.truncate(top);
        self.members.truncate(top);
    }
}

/// Groups goroutines and sums up their times in one pass.
///
/// Memory use is proportional to the number of live goroutines and the number of groups.
pub struct Goroutines<'f> {
    summarizer: Summarizer<Grouping<'f>>,
    start: Option<Time>,
    end: Time,
    range: Range<Time>,
}

impl Default for Goroutines<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'f> Goroutines<'f> {
    /// Groups goroutines by their start function and counts time as `go tool trace` does.
    pub fn new() -> Self {
        Self::with(GroupBy::Start, Accounting::Reference)
    }

    /// Groups goroutines and counts time by the given rules.
    pub fn with(by: GroupBy, accounting: Accounting) -> Self {
        Goroutines {
            summarizer: Summarizer::with_accounting(Grouping::by(by), accounting),
            start: None,
            end: Time(0),
            range: Time(i64::MIN)..Time(i64::MAX),
        }
    }

    /// Counts only time within a range, and only goroutines that exist in the range.
    pub fn within(mut self, range: Range<Time>) -> Self {
        self.summarizer = self.summarizer.within(range.clone());
        self.range = range;
        self
    }

    /// Counts only goroutines for which `is_wanted` returns true.
    pub fn filter(mut self, is_wanted: impl Fn(&GoroutineSummary<'_>) -> bool + Send + 'f) -> Self {
        self.summarizer.summary_mut().filter = Some(Box::new(is_wanted));
        self
    }

    /// Counts only goroutines of one group, and lists them as [`GoroutinesReport::members`].
    pub fn members_of(mut self, group: impl Into<String>) -> Self {
        self.summarizer.summary_mut().only = Some(group.into());
        self
    }
}

impl Observer for Goroutines<'_> {
    type Output = GoroutinesReport;

    #[inline]
    fn event(&mut self, event: &Event<'_>) {
        self.end = event.time();
        self.start.get_or_insert(self.end);
        self.summarizer.event(event);
    }

    fn finish(self) -> GoroutinesReport {
        let (grouping, tracker) = self.summarizer.finish_with_tracker();
        let start = self.start.unwrap_or(self.end);
        let range = start.max(self.range.start)..self.end.min(self.range.end);
        grouping.into_report(&tracker.names, range)
    }
}

impl fmt::Debug for Goroutines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Goroutines").field("groups", &self.summarizer.summary().groups.len()).finish_non_exhaustive()
    }
}

/// Returns the function whose source code contains the function `name`. This is `name` without the
/// suffixes that the compiler adds for closures and wrappers.
pub(crate) fn source_function(name: &[u8]) -> &[u8] {
    let mut name = name.strip_suffix(b"-fm").unwrap_or(name);
    while let Some(dot) = memchr::memrchr(b'.', name) {
        let last = &name[dot + 1..];
        let made = [&b"func"[..], b"gowrap", b"deferwrap", b""].into_iter().any(|prefix| {
            last.strip_prefix(prefix).is_some_and(|rest| {
                let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                digits > 0 && (digits == rest.len() || rest[digits..].starts_with(b"-range"))
            })
        });
        if !made {
            break;
        }
        name = &name[..dot];
    }
    name
}

type Filter<'f> = dyn Fn(&GoroutineSummary<'_>) -> bool + Send + 'f;

#[derive(Default)]
pub(super) struct Grouping<'f> {
    by: GroupBy,
    groups: IndexMap<Name, Totals, RandomState>,
    filter: Option<Box<Filter<'f>>>,
    /// The name of the only group to count, and the goroutines of this group.
    only: Option<String>,
    members: Vec<GoroutineTimes>,
}

#[derive(Debug, Default)]
struct Totals {
    goroutines: u64,
    ended: u64,
    /// The distributions in the order of [`COLUMNS`], without zeros.
    columns: [Histogram; COLUMNS],
    blocks: IndexMap<Name, Histogram, RandomState>,
    ranges: Vec<(RangeKey, Histogram)>,
}

/// The number of columns: total, execution, sched wait, syscall, syscall block, unknown, block.
const COLUMNS: usize = 7;

fn columns(spent: &Spent) -> [i64; COLUMNS] {
    let block = spent.blocks.iter().fold(0, |sum: i64, &(_, nanos)| sum.saturating_add(nanos));
    [spent.total, spent.execution, spent.sched_wait, spent.syscall, spent.syscall_block, spent.unknown(), block]
}

impl Grouping<'_> {
    pub(super) fn by(by: GroupBy) -> Self {
        Grouping { by, ..Grouping::default() }
    }

    /// Builds the report about a range of time.
    pub(super) fn into_report(self, names: &Names, range: Range<Time>) -> GoroutinesReport {
        let mut groups: Vec<GoroutineGroup> = Vec::new();
        if self.by == GroupBy::Name {
            // Several start functions can map to the same name.
            let mut merged: IndexMap<Vec<u8>, Totals, RandomState> = IndexMap::default();
            for (start, totals) in self.groups {
                let name = source_function(names.bytes(start)).to_vec();
                merged.entry(name).or_default().merge(totals);
            }
            groups.extend(merged.into_iter().map(|(name, totals)| totals.into_group(Text(&name), names)));
        } else {
            let all = self.groups.into_iter();
            groups.extend(all.map(|(name, totals)| totals.into_group(Text(names.bytes(name)), names)));
        }
        let mut members = self.members;
        members.sort_by_key(|member| (Reverse(member.total), member.goroutine));
        let mut report = GoroutinesReport {
            start: range.start,
            end: range.end,
            goroutine_count: groups.iter().map(|group| group.count).sum(),
            group_count: groups.len() as u64,
            groups,
            members,
        };
        report.sort_by(GroupOrder::Execution);
        report
    }
}

impl SummarySink for Grouping<'_> {
    fn goroutine(&mut self, goroutine: &GoroutineSummary<'_>) {
        if self.filter.as_ref().is_some_and(|is_wanted| !is_wanted(goroutine)) {
            return;
        }
        if let Some(only) = &self.only {
            if self.by.name_of(goroutine) != only.as_str() {
                return;
            }
            self.members.push(goroutine.into());
        }
        let key = match self.by {
            GroupBy::Start | GroupBy::Name => goroutine.goroutine.name,
            GroupBy::Creator => goroutine.sums.creator,
            GroupBy::Label => goroutine.goroutine.label,
        };
        let spent = goroutine.times.spent;
        let totals = self.groups.entry(key).or_default();
        totals.goroutines += 1;
        totals.ended += u64::from(goroutine.end().is_some());
        for (column, nanos) in totals.columns.iter_mut().zip(columns(spent)) {
            if nanos != 0 {
                column.add_nanos(nanos);
            }
        }
        for &(reason, nanos) in spent.blocks.iter().filter(|&&(_, nanos)| nanos != 0) {
            totals.blocks.entry(reason).or_default().add_nanos(nanos);
        }
        for &(range, nanos) in spent.ranges.iter().filter(|&&(_, nanos)| nanos != 0) {
            range_of(&mut totals.ranges, range).add_nanos(nanos);
        }
    }
}

/// The maximum number of special ranges of a group. There are only a few reasons to stop the world,
/// so only a damaged trace has more.
const MAX_RANGES: usize = 256;

fn range_of(ranges: &mut Vec<(RangeKey, Histogram)>, mut range: RangeKey) -> &mut Histogram {
    let find = |ranges: &[(RangeKey, Histogram)], range| ranges.iter().position(|&(key, _)| key == range);
    let mut place = find(ranges, range);
    if place.is_none() && ranges.len() >= MAX_RANGES {
        range.1 = Name::OTHER;
        place = find(ranges, range);
    }
    let place = place.unwrap_or_else(|| {
        ranges.push((range, Histogram::default()));
        ranges.len() - 1
    });
    &mut ranges[place].1
}

impl Totals {
    fn merge(&mut self, other: Totals) {
        self.goroutines += other.goroutines;
        self.ended += other.ended;
        self.columns.iter_mut().zip(&other.columns).for_each(|(column, other)| column.merge(other));
        other.blocks.iter().for_each(|(&reason, times)| self.blocks.entry(reason).or_default().merge(times));
        other.ranges.iter().for_each(|(range, times)| range_of(&mut self.ranges, *range).merge(times));
    }

    fn into_group(self, name: Text<'_>, names: &Names) -> GoroutineGroup {
        let count = self.goroutines;
        let with_zeros = |mut times: Histogram| {
            times.fill_with_zeros(count);
            times
        };
        let [total, execution, sched_wait, syscall, syscall_block, unknown, block] = self.columns.map(with_zeros);
        let named = |name, times| NamedDistribution { name, times: with_zeros(times) };
        let blocks = self.blocks.into_iter().map(|(reason, times)| named(reason_name(names, reason), times));
        let ranges = self.ranges.into_iter().map(|(range, times)| named(range.text(names), times));
        let (mut blocks, mut ranges): (Vec<_>, Vec<_>) = (blocks.collect(), ranges.collect());
        blocks.sort_by(|a, b| a.name.cmp(&b.name));
        ranges.sort_by(|a, b| a.name.cmp(&b.name));
        let times =
            Distributions { total, execution, sched_wait, syscall, syscall_block, unknown, block, blocks, ranges };
        GoroutineGroup { name: name.to_str_lossy().into_owned(), count, ended: self.ended, times }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closures_and_wrappers_map_to_their_source_function() {
        // Names as generated by the compiler of Go 1.27.
        for (name, source) in [
            ("main.main.func1", "main.main"),
            ("main.main.func1.2", "main.main"),
            ("main.serve.gowrap2", "main.serve"),
            ("net/http.(*Server).Serve.gowrap3", "net/http.(*Server).Serve"),
            ("main.(*T).Run-fm", "main.(*T).Run"),
            ("main.walk.func1-range1", "main.walk"),
            ("main.funcs", "main.funcs"),
            ("runtime.goexit", "runtime.goexit"),
            ("", ""),
        ] {
            assert_eq!(source_function(name.as_bytes()), source.as_bytes(), "{name}");
        }
    }
}
