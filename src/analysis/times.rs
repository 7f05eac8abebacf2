//! How a goroutine has spent its time.

use std::time::Duration;

use smallvec::SmallVec;

use super::names::{Name, Names};
use super::tracker::NEVER;
use crate::event::record::RangeType;
use crate::timeline::NO_REASON;

/// Which rules to count by. They differ where Go's own are wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Accounting {
    /// Those of Go 1.27.3's `trace.Summarizer`, flaws included, for comparing with `go tool trace`.
    #[default]
    Reference,
    /// What the events say.
    ///
    /// - In a system call that is still open when a goroutine is summed up, the time without a P is `Block time (syscall)`. The
    ///   reference counts it twice, as `Syscall execution time` and as `Sched wait time`.
    /// - A goroutine that comes out of a system call after its P was taken leaves alone whoever is in a system call on
    ///   that P by then. The reference forgets that one's P, so its time without it counts as `Syscall execution time`.
    /// - A goroutine that waits forever (on a nil channel, in `select {}`) is alive and blocked. The reference counts it as
    ///   ended when this wait begins.
    /// - States that begin at time 0, as the first of a trace of Go 1.21 or older, count. The reference takes 0 for "not
    ///   in that state".
    Corrected,
}

impl Accounting {
    /// Whether a goroutine with this reason to wait counts as ended.
    #[inline(always)]
    pub(super) fn is_end(self, reason: Name) -> bool {
        reason == Name::FOREVER && self == Accounting::Reference
    }

    /// When something started, [`NEVER`] if that does not count. The reference takes the time 0 for "never".
    #[inline(always)]
    pub(super) fn known(self, time: i64) -> i64 {
        if time == 0 && self == Accounting::Reference { NEVER } else { time }
    }
}

/// What a goroutine was in, besides its state.
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

/// Nanoseconds by what they were spent in.
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

/// At most this many reasons are counted separately for one goroutine. The runtime has about forty.
const MAX_KEYS: usize = 64;

/// A key of a short list. When the list is full, further keys are counted together as `other`.
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

/// The place of a key's time in a short list.
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
    /// The part of the total that no column explains.
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

    /// Adds what was spent at another time, but for the total.
    pub fn add(&mut self, other: &Spent) {
        self.execution += other.execution;
        self.sched_wait += other.sched_wait;
        self.syscall += other.syscall;
        self.syscall_block += other.syscall_block;
        other.blocks.iter().for_each(|&(reason, nanos)| self.block(reason, nanos));
        other.ranges.iter().for_each(|&(range, nanos)| self.range(range, nanos));
    }

    /// What was spent since `earlier`.
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

/// A time under a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct NamedTime {
    /// What the time was spent in: the reason of a wait, or the name of a column or a special range.
    pub name: String,
    /// How long, in nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "time_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub time: Duration,
}

/// Nanoseconds as a duration; the reference's sums can be negative where a trace is damaged, which is zero here.
fn duration(nanos: i64) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}

/// The reason of a wait as reports show it.
pub(super) fn reason_name(names: &Names, reason: Name) -> String {
    if reason == Name::EMPTY { NO_REASON.to_owned() } else { names.text(reason) }
}

/// The reason as `go tool trace` shows it, which has none for a wait that began before the trace.
fn reason_of_go(names: &Names, reason: Name) -> String {
    if reason == Name::BLOCKED_BEFORE_TRACE { String::new() } else { names.text(reason) }
}

/// How a goroutine spent its time, or a part of it.
///
/// The columns of `go tool trace`: total is the time it was there, the others, except the ranges, are parts of it that do not overlap.
#[derive(Clone, Copy)]
pub struct Times<'a> {
    pub(super) spent: &'a Spent,
    pub(super) names: &'a Names,
}

impl<'a> Times<'a> {
    /// `Total`: from its creation or the begin of the trace to its end or that of the trace.
    pub fn total(&self) -> Duration {
        duration(self.spent.total)
    }

    /// `Execution time`: running.
    pub fn execution(&self) -> Duration {
        duration(self.spent.execution)
    }

    /// `Sched wait time`: ready to run, without a P.
    pub fn sched_wait(&self) -> Duration {
        duration(self.spent.sched_wait)
    }

    /// `Syscall execution time`: in a system call, with a P.
    pub fn syscall(&self) -> Duration {
        duration(self.spent.syscall)
    }

    /// `Block time (syscall)`: in a system call, without a P.
    pub fn syscall_block(&self) -> Duration {
        duration(self.spent.syscall_block)
    }

    /// `Unknown time`: what is left of the total.
    pub fn unknown(&self) -> Duration {
        duration(self.spent.unknown())
    }

    /// All `Block time (reason)`.
    pub fn block(&self) -> Duration {
        duration(self.spent.blocks.iter().fold(0, |sum, &(_, nanos)| sum.saturating_add(nanos)))
    }

    /// `Block time (reason)`, by reason in ascending order. Waits without a reason have the names
    /// [`BLOCKED_BEFORE_TRACE`](crate::timeline::BLOCKED_BEFORE_TRACE) and [`NO_REASON`].
    pub fn blocks(&self) -> Vec<NamedTime> {
        self.named(&self.spent.blocks, |reason| reason_name(self.names, reason))
    }

    /// The special ranges, which overlap with the others, by name in ascending order.
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

    /// The columns under the names and in the order of `go tool trace`: `Total`, `Execution time`, then by name. Those in
    /// which nothing was spent are left out but for the first two.
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
