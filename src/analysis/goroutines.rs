//! Goroutines by group, with the columns of `go tool trace` and their distributions.

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::goroutine_summary::{GoroutineSummary, SummarySink};
use super::histogram::Histogram;
use super::names::{Name, Names};
use super::observer::Observer;
use super::summarizer::Summarizer;
use super::times::{Accounting, RangeKey, Spent, in_columns};
use crate::event::{Event, Text};

/// By what goroutines are put into groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupBy {
    /// The function in which they started, as `go tool trace` does: the outermost of their first stack.
    #[default]
    Start,
    /// The function that created them.
    Creator,
    /// Their last label. The runtime labels its GC workers.
    Label,
    /// The function whose source holds the start: closures and wrappers of `main.serve`, such as `main.serve.func1`, `main.serve.gowrap2`
    /// or `main.serve.func1.2`, count as `main.serve`.
    Name,
}

impl GroupBy {
    /// The name of a goroutine's group.
    pub fn name_of<'a>(self, goroutine: &GoroutineSummary<'a>) -> Text<'a> {
        match self {
            GroupBy::Start => goroutine.name(),
            GroupBy::Creator => goroutine.creator(),
            GroupBy::Label => goroutine.label(),
            GroupBy::Name => Text(source_function(goroutine.name().0)),
        }
    }
}

/// The distribution of each column over the goroutines of a group. All in nanoseconds, described at [`Times`](super::Times).
///
/// Each counts all goroutines of the group; who spent no time there counts with 0.
#[derive(Clone, Debug, Default)]
pub struct Distributions {
    /// `Total`.
    pub total: Histogram,
    /// `Execution time`.
    pub execution: Histogram,
    /// `Sched wait time`.
    pub sched_wait: Histogram,
    /// `Syscall execution time`.
    pub syscall: Histogram,
    /// `Block time (syscall)`.
    pub syscall_block: Histogram,
    /// `Unknown time`.
    pub unknown: Histogram,
    /// `Block time (reason)`, by reason in ascending order.
    pub blocks: Vec<(String, Histogram)>,
    /// The special ranges, by name in ascending order.
    pub ranges: Vec<(String, Histogram)>,
}

impl Distributions {
    /// The columns under the names and in the order of `go tool trace`: `Total`, `Execution time`, then by name. Those in which
    /// nothing was spent are left out but for the first two.
    pub fn columns(&self) -> Vec<(String, &Histogram)> {
        let first = [&self.total, &self.execution, &self.sched_wait, &self.syscall, &self.syscall_block, &self.unknown];
        let blocks = self.blocks.iter().map(|(reason, times)| (reason.clone(), times));
        in_columns(first, blocks, |times| !times.max().is_zero())
    }
}

/// Goroutines that have something in common.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// What they have in common; empty if no stack of them, no creator or no label is in the trace.
    pub name: String,
    /// How many there were.
    pub goroutines: u64,
    /// How many of them ended within the trace.
    pub ended: u64,
    /// How they spent their time.
    pub times: Distributions,
}

/// What [`Groups`] finds.
#[derive(Clone, Debug, Default)]
pub struct GroupTable {
    /// The groups, those with the most execution time first.
    pub groups: Vec<Group>,
}

/// Puts goroutines into groups and sums up their times, in one pass.
///
/// Memory follows the goroutines that are alive and the number of groups.
#[derive(Debug)]
pub struct Groups {
    summarizer: Summarizer<Grouping>,
}

impl Groups {
    /// Groups by the function in which goroutines start, with the numbers of `go tool trace`.
    pub fn by_start() -> Self {
        Self::new(GroupBy::Start, Accounting::Reference)
    }

    /// Groups as you like.
    pub fn new(by: GroupBy, accounting: Accounting) -> Self {
        let grouping = Grouping { by, groups: IndexMap::default() };
        Groups { summarizer: Summarizer::with_accounting(grouping, accounting) }
    }
}

impl Observer for Groups {
    type Output = GroupTable;

    #[inline]
    fn event(&mut self, event: &Event<'_>) {
        self.summarizer.event(event);
    }

    fn finish(self) -> GroupTable {
        let (grouping, names) = self.summarizer.finish_with_names();
        let mut groups: Vec<Group> = Vec::new();
        if grouping.by == GroupBy::Name {
            // Several start functions have the same name.
            let mut merged: IndexMap<Vec<u8>, Totals, RandomState> = IndexMap::default();
            for (start, totals) in grouping.groups {
                let name = source_function(names.bytes(start)).to_vec();
                merged.entry(name).or_default().merge(totals);
            }
            groups.extend(merged.into_iter().map(|(name, totals)| totals.into_group(Text(&name), &names)));
        } else {
            let all = grouping.groups.into_iter();
            groups.extend(all.map(|(name, totals)| totals.into_group(Text(names.bytes(name)), &names)));
        }
        groups.sort_by(|a, b| {
            let execution = |group: &Group| group.times.execution.sum();
            execution(b).cmp(&execution(a)).then_with(|| a.name.cmp(&b.name))
        });
        GroupTable { groups }
    }
}

/// The function whose source holds a function: without what the compiler puts behind the name of one for the closures and
/// wrappers in it.
pub(super) fn source_function(name: &[u8]) -> &[u8] {
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

#[derive(Debug)]
struct Grouping {
    by: GroupBy,
    groups: IndexMap<Name, Totals, RandomState>,
}

#[derive(Debug, Default)]
struct Totals {
    goroutines: u64,
    ended: u64,
    /// In the order of [`COLUMNS`]; without the zeros.
    columns: [Histogram; COLUMNS],
    blocks: IndexMap<Name, Histogram, RandomState>,
    ranges: Vec<(RangeKey, Histogram)>,
}

/// Total, execution, sched wait, syscall, syscall block, unknown.
const COLUMNS: usize = 6;

fn columns(spent: &Spent) -> [i64; COLUMNS] {
    [spent.total, spent.execution, spent.sched_wait, spent.syscall, spent.syscall_block, spent.unknown()]
}

impl SummarySink for Grouping {
    fn goroutine(&mut self, goroutine: &GoroutineSummary<'_>) {
        let account = goroutine.account;
        let key = match self.by {
            GroupBy::Start | GroupBy::Name => account.name,
            GroupBy::Creator => account.creator,
            GroupBy::Label => account.label,
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

/// The reasons of stop-the-worlds are few.
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

    fn into_group(self, name: Text<'_>, names: &Names) -> Group {
        let goroutines = self.goroutines;
        let with_zeros = |mut times: Histogram| {
            times.fill_with_zeros(goroutines);
            times
        };
        let [total, execution, sched_wait, syscall, syscall_block, unknown] = self.columns.map(with_zeros);
        let mut blocks: Vec<_> =
            self.blocks.into_iter().map(|(reason, times)| (names.text(reason), with_zeros(times))).collect();
        blocks.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut ranges: Vec<_> =
            self.ranges.into_iter().map(|(range, times)| (range.text(names), with_zeros(times))).collect();
        ranges.sort_by(|(a, _), (b, _)| a.cmp(b));
        let times = Distributions { total, execution, sched_wait, syscall, syscall_block, unknown, blocks, ranges };
        Group { name: name.to_str_lossy().into_owned(), goroutines, ended: self.ended, times }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closures_count_for_the_function_they_stand_in() {
        // Names as Go 1.27's compiler makes them.
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
