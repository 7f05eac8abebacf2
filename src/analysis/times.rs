//! Sums of the time that a goroutine spent in each state.

use std::time::Duration;

use smallvec::SmallVec;

use super::names::{Name, Names};
use super::tracker::NEVER;
use crate::event::record::RangeType;
use crate::timeline::NO_REASON;

/// The rules for counting time. The two sets of rules differ where Go's rules are wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Accounting {
    /// The rules of `trace.Summarizer` in Go 1.27.3, including its flaws, for comparing with
    /// `go tool trace`.
    #[default]
    Reference,
    /// Rules that follow from the events. They differ from Go's rules as follows:
    ///
    /// - If a system call is still open when a goroutine is summed up, the time without a P is
    ///   `Block time (syscall)`. Go counts this time twice, as `Syscall execution time` and as
    ///   `Sched wait time`.
    /// - If the P of a goroutine is taken during a system call, another goroutine may be in a
    ///   system call on this P when the first goroutine returns. The return does not affect the
    ///   other goroutine. Go forgets the P of the other goroutine, so its time without the P counts
    ///   as `Syscall execution time`.
    /// - A goroutine that waits forever (on a nil channel, in `select {}`) is alive and blocked. Go
    ///   counts it as ended when this wait starts.
    /// - A state that starts at time 0 counts. The first states in a trace of Go 1.21 or older
    ///   start at 0. Go takes the time 0 for "not in that state".
    Corrected,
}

impl Accounting {
    /// Returns whether a goroutine that waits for this reason counts as ended.
    #[inline(always)]
    pub(super) fn is_end(self, reason: Name) -> bool {
        reason == Name::FOREVER && self == Accounting::Reference
    }

    /// Returns the given start time, or [`NEVER`] if it does not count. Go's summarizer takes the
    /// time 0 for "never".
    #[inline(always)]
    pub(super) fn known(self, time: i64) -> i64 {
        if time == 0 && self == Accounting::Reference { NEVER } else { time }
    }
}

/// The key of a special range of a goroutine, such as a GC mark assist. A goroutine is in a special
/// range in addition to its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RangeKey(pub RangeType, pub Name);

impl RangeKey {
    pub fn text(self, names: &Names) -> String {
        match self.0 {
            RangeType::StopTheWorld => format!("stop-the-world ({})", names.text(self.1)),
            RangeType::GcMark => "GC concurrent mark phase".to_owned(),
            RangeType::GcSweep => "GC incremental sweep".to_owned(),
            RangeType::GcMarkAssist => "GC mark assist".to_owned(),
        }
    }
}

/// The time that a goroutine spent in each state, in nanoseconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Spent {
    pub total: i64,
    pub execution: i64,
    pub sched_wait: i64,
    pub syscall: i64,
    pub syscall_block: i64,
    pub blocks: SmallVec<[(Name, i64); 4]>,
    pub ranges: SmallVec<[(RangeKey, i64); 2]>,
}

/// The maximum number of reasons to count separately for one goroutine. The runtime has about
/// forty.
const MAX_KEYS: usize = 64;

/// A key of a short list. When the list is full, further keys are counted together under the key
/// that `other` returns.
pub(super) trait Key: Copy + PartialEq {
    fn other(self) -> Self;
}

impl Key for Name {
    fn other(self) -> Self {
        Name::OTHER
    }
}

impl Key for RangeKey {
    fn other(self) -> Self {
        RangeKey(self.0, Name::OTHER)
    }
}

/// Returns a reference to the time of a key in a short list. Adds the key with the time `initial`
/// if it is not in the list.
#[inline]
pub(super) fn time_of<K: Key, const N: usize>(list: &mut SmallVec<[(K, i64); N]>, key: K, initial: i64) -> &mut i64
where
    [(K, i64); N]: smallvec::Array<Item = (K, i64)>,
{
    let place = match list.iter().position(|&(k, _)| k == key) {
        Some(place) => place,
        None => add_key(list, key, initial),
    };
    &mut list[place].1
}

#[cold]
fn add_key<K: Key, const N: usize>(list: &mut SmallVec<[(K, i64); N]>, key: K, initial: i64) -> usize
where
    [(K, i64); N]: smallvec::Array<Item = (K, i64)>,
{
    let key = if list.len() < MAX_KEYS { key } else { key.other() };
    list.iter().position(|&(k, _)| k == key).unwrap_or_else(|| {
        list.push((key, initial));
        list.len() - 1
    })
}

impl Spent {
    /// Returns the part of the total that no other column explains, in nanoseconds.
    pub fn unknown(&self) -> i64 {
        let known = [self.execution, self.sched_wait, self.syscall, self.syscall_block];
        let known = known.into_iter().chain(self.blocks.iter().map(|&(_, nanos)| nanos));
        known.fold(self.total, i64::saturating_sub).max(0)
    }

    #[inline]
    pub fn block(&mut self, reason: Name, nanos: i64) {
        let sum = time_of(&mut self.blocks, reason, 0);
        *sum = sum.saturating_add(nanos);
    }

    pub fn range(&mut self, range: RangeKey, nanos: i64) {
        let sum = time_of(&mut self.ranges, range, 0);
        *sum = sum.saturating_add(nanos);
    }

    /// Adds all times in `other` except the total.
    pub fn add(&mut self, other: &Spent) {
        self.execution += other.execution;
        self.sched_wait += other.sched_wait;
        self.syscall += other.syscall;
        self.syscall_block += other.syscall_block;
        other.blocks.iter().for_each(|&(reason, nanos)| self.block(reason, nanos));
        other.ranges.iter().for_each(|&(range, nanos)| self.range(range, nanos));
    }

    /// Returns the time spent since `earlier`.
    pub fn since(mut self, earlier: &Spent) -> Spent {
        self.total -= earlier.total;
        self.execution -= earlier.execution;
        self.sched_wait -= earlier.sched_wait;
        self.syscall -= earlier.syscall;
        self.syscall_block -= earlier.syscall_block;
        earlier.blocks.iter().for_each(|&(reason, nanos)| self.block(reason, -nanos));
        earlier.ranges.iter().for_each(|&(range, nanos)| self.range(range, -nanos));
        self
    }
}

/// A time with a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct NamedTime {
    /// What the time was spent in: the reason of a wait, or the name of a column or of a special
    /// range.
    pub name: String,
    /// The time, in nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "time_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub time: Duration,
}

/// Converts nanoseconds to a duration. If the trace is damaged, the sums of Go's summarizer can be
/// negative. A negative sum becomes zero.
fn duration(nanos: i64) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}

/// Returns the reason of a wait as reports show it.
pub(super) fn reason_name(names: &Names, reason: Name) -> String {
    if reason == Name::EMPTY { NO_REASON.to_owned() } else { names.text(reason) }
}

/// Returns the reason of a wait as `go tool trace` shows it. A wait that began before the trace has
/// no reason there.
fn reason_of_go(names: &Names, reason: Name) -> String {
    if reason == Name::BLOCKED_BEFORE_TRACE { String::new() } else { names.text(reason) }
}

/// The time that a goroutine spent in each state, in its whole life or in a part of it.
///
/// The columns are the columns of `go tool trace`. The total is the time during which the goroutine
/// existed. The other columns, except the ranges, are parts of the total that do not overlap.
#[derive(Clone, Copy)]
pub struct Times<'a> {
    pub(super) spent: &'a Spent,
    pub(super) names: &'a Names,
}

impl<'a> Times<'a> {
    /// Returns `Total`: the time during which the goroutine existed within the trace.
    pub fn total(&self) -> Duration {
        duration(self.spent.total)
    }

    /// Returns `Execution time`: the time during which the goroutine ran.
    pub fn execution(&self) -> Duration {
        duration(self.spent.execution)
    }

    /// Returns `Sched wait time`: the time during which the goroutine was runnable and waited for a
    /// P.
    pub fn sched_wait(&self) -> Duration {
        duration(self.spent.sched_wait)
    }

    /// Returns `Syscall execution time`: the time in system calls with a P.
    pub fn syscall(&self) -> Duration {
        duration(self.spent.syscall)
    }

    /// Returns `Block time (syscall)`: the time in system calls without a P.
    pub fn syscall_block(&self) -> Duration {
        duration(self.spent.syscall_block)
    }

    /// Returns `Unknown time`: the rest of the total.
    pub fn unknown(&self) -> Duration {
        duration(self.spent.unknown())
    }

    /// Returns the sum of all `Block time (reason)` columns.
    pub fn block(&self) -> Duration {
        duration(self.spent.blocks.iter().fold(0, |sum, &(_, nanos)| sum.saturating_add(nanos)))
    }

    /// Returns the `Block time (reason)` columns, sorted by reason. Waits without a reason have the
    /// names [`BLOCKED_BEFORE_TRACE`](crate::timeline::BLOCKED_BEFORE_TRACE) and [`NO_REASON`].
    pub fn blocks(&self) -> Vec<NamedTime> {
        self.named(&self.spent.blocks, |reason| reason_name(self.names, reason))
    }

    /// Returns the times in special ranges, sorted by name. They overlap with the other columns.
    pub fn ranges(&self) -> Vec<NamedTime> {
        self.named(&self.spent.ranges, |range: RangeKey| range.text(self.names))
    }

    fn named<K: Copy>(&self, list: &[(K, i64)], name: impl Fn(K) -> String) -> Vec<NamedTime> {
        let spent = list.iter().filter(|&&(_, nanos)| nanos != 0);
        let mut named: Vec<_> =
            spent.map(|&(key, nanos)| NamedTime { name: name(key), time: duration(nanos) }).collect();
        named.sort();
        named
    }

    /// Returns the columns with the names and in the order of `go tool trace`: `Total`,
    /// `Execution time`, then the others sorted by name. Columns other than the first two are left
    /// out if they are zero.
    pub fn columns(&self) -> Vec<NamedTime> {
        let mut rest: Vec<(String, Duration)> = vec![
            ("Block time (syscall)".to_owned(), self.syscall_block()),
            ("Sched wait time".to_owned(), self.sched_wait()),
            ("Syscall execution time".to_owned(), self.syscall()),
            ("Unknown time".to_owned(), self.unknown()),
        ];
        for &(reason, nanos) in &self.spent.blocks {
            let name = format!("Block time ({})", reason_of_go(self.names, reason));
            match rest.iter_mut().find(|(known, _)| *known == name) {
                Some((_, time)) => *time += duration(nanos),
                None => rest.push((name, duration(nanos))),
            }
        }
        rest.retain(|(_, time)| !time.is_zero());
        rest.sort();
        let first = [("Total".to_owned(), self.total()), ("Execution time".to_owned(), self.execution())];
        first.into_iter().chain(rest).map(|(name, time)| NamedTime { name, time }).collect()
    }
}

impl std::fmt::Debug for Times<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Times")
            .field("total", &self.total())
            .field("execution", &self.execution())
            .field("sched_wait", &self.sched_wait())
            .field("syscall", &self.syscall())
            .field("syscall_block", &self.syscall_block())
            .field("blocks", &self.blocks())
            .field("ranges", &self.ranges())
            .finish()
    }
}
