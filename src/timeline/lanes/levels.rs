//! What lanes need besides the columns of a timeline: sums in advance for lanes with many spans, and indexes. One pass
//! over all spans computes them at the first query.

use std::panic;
use std::sync::OnceLock;
use std::thread;

use super::active::{Active, ActiveBuilder};
use super::groups::Groups;
use super::level::{Level, LevelBuilder, RUNNING, SYSCALL};
use super::reasons::Reasons;
use super::sums::{SumLevel, Sums};
use crate::id::{NONE, present};
use crate::timeline::Timeline;
use crate::timeline::columns::Place;
use crate::timeline::columns::spans::{Period, State};

/// Everything that lanes need, computed at the first query.
#[derive(Debug, Default)]
pub(in crate::timeline) struct Levels {
    pub groups: OnceLock<Groups>,
    pub reasons: OnceLock<Reasons>,
    tables: OnceLock<Tables>,
    threads: OnceLock<Rows>,
}

impl Levels {
    /// Returns the size in bytes of what has been computed so far.
    pub fn bytes(&self) -> u64 {
        self.groups.get().map_or(0, Groups::bytes)
            + self.reasons.get().map_or(0, Reasons::bytes)
            + self.tables.get().map_or(0, Tables::bytes)
            + self.threads.get().map_or(0, Rows::bytes)
    }
}

impl Timeline {
    pub(super) fn level_tables(&self) -> &Tables {
        self.levels.tables.get_or_init(|| Tables::new(self))
    }

    /// Returns the lanes of all Ps or of all threads.
    pub(super) fn rows(&self, kind: Kind) -> &Rows {
        match kind {
            Kind::Proc => &self.level_tables().procs,
            Kind::Thread => self.levels.threads.get_or_init(|| Rows::new(self, kind)),
        }
    }
}

/// The levels of lanes, without those of threads.
#[derive(Debug)]
pub(super) struct Tables {
    goroutines: GoroutineTables,
    procs: Rows,
}

/// The levels of goroutines and groups.
#[derive(Debug)]
struct GoroutineTables {
    /// The levels of the goroutines with many spans, sorted by goroutine.
    levels: Vec<(u32, Level)>,
    /// The levels of the other goroutines of each group, if they have many spans together.
    groups: Vec<Option<SumLevel>>,
    /// The level of all goroutines without a level.
    all: Option<SumLevel>,
    active: Active,
}

/// A goroutine has a level from a number of spans on: all spans divided by `SHARE`, but not less than `MIN_SPANS` and
/// not more than `MAX_SPANS`. So the number of levels to add up for a group is limited.
const MIN_SPANS: u64 = 512;
const MAX_SPANS: u64 = 1 << 15;
const SHARE: u64 = 256;
/// The mean number of spans in a bucket of a goroutine, at least.
const SPANS_PER_BUCKET: u64 = 40;
/// A goroutine without a level counts as this many spans more: its other data in the columns takes as much memory, and
/// reading it takes as much time.
const SPANS_PER_GOROUTINE: u64 = 10;
/// There may be one entry of `active` for this many spans, and one for each goroutine.
const SPANS_PER_ACTIVE: u64 = 16;

impl Tables {
    fn new(timeline: &Timeline) -> Self {
        // Both threads need these.
        timeline.group_table();
        let rows = || Rows::new(timeline, Kind::Proc);
        let is_parallel = cfg!(feature = "parallel") && timeline.spans.len() >= PARALLEL_SPANS;
        thread::scope(|scope| {
            let other = is_parallel.then(|| thread::Builder::new().spawn_scoped(scope, rows).ok()).flatten();
            let goroutines = GoroutineTables::new(timeline);
            let procs = match other {
                Some(other) => other.join().unwrap_or_else(|fault| panic::resume_unwind(fault)),
                None => rows(),
            };
            Tables { goroutines, procs }
        })
    }

    /// Returns the goroutines with many spans and their levels, sorted by goroutine.
    pub fn levels(&self) -> &[(u32, Level)] {
        &self.goroutines.levels
    }

    /// Returns the index of a goroutine in [`levels`](Self::levels).
    pub fn find(&self, goroutine: u32) -> Option<usize> {
        self.levels().binary_search_by_key(&goroutine, |(of, _)| *of).ok()
    }

    /// Returns the level of the goroutines without one that are in a group, or of all if there is no group.
    pub fn others(&self, group: Option<u32>) -> Option<&SumLevel> {
        match group {
            Some(group) => self.goroutines.groups.get(group as usize)?.as_ref(),
            None => self.goroutines.all.as_ref(),
        }
    }

    pub fn active(&self) -> &Active {
        &self.goroutines.active
    }

    fn bytes(&self) -> u64 {
        let GoroutineTables { levels, groups, all, active } = &self.goroutines;
        let sums: u64 = groups.iter().chain([all]).flatten().map(SumLevel::bytes).sum();
        let headers = levels.capacity() * size_of::<(u32, Level)>() + groups.capacity() * size_of::<Option<SumLevel>>();
        let of_goroutines = levels.iter().map(|(_, level)| level.bytes()).sum::<u64>() + sums + active.bytes();
        of_goroutines + headers as u64 + self.procs.bytes()
    }
}

/// The number of spans from which a second thread saves time.
const PARALLEL_SPANS: u64 = 1 << 17;

impl GoroutineTables {
    fn new(timeline: &Timeline) -> Self {
        let groups = timeline.group_table();
        let count = timeline.goroutines.len() as u32;
        let spans = timeline.spans.len();
        let (start, end) = (timeline.extent.start, timeline.extent.end.saturating_add(1));
        let threshold = (spans / SHARE).clamp(MIN_SPANS, MAX_SPANS);
        let mut of_groups = vec![0; groups.len()];
        let mut others = 0;
        let mut builders = Vec::new();
        for goroutine in 0..count {
            let own = timeline.spans.words_of(goroutine);
            let builder =
                (own >= threshold).then(|| timeline.level_builder(goroutine, own / SPANS_PER_BUCKET)).flatten();
            match builder {
                Some(builder) => builders.push((goroutine, builder)),
                None => {
                    let size = own + SPANS_PER_GOROUTINE;
                    others += size;
                    let group = groups.of(timeline, goroutine);
                    if let Some(group) = group.and_then(|group| of_groups.get_mut(group as usize)) {
                        *group += size;
                    }
                }
            }
        }
        let mut of_groups: Vec<Option<Sums>> =
            of_groups.into_iter().map(|size| SumLevel::sums(size, start, end)).collect();
        let mut all = SumLevel::sums(others, start, end);
        let mut active = ActiveBuilder::new(spans, start, end);
        let mut levels = Vec::with_capacity(builders.len());
        let mut builders = builders.into_iter().peekable();
        for goroutine in 0..count {
            if let Some((_, builder)) = builders.next_if(|(of, _)| *of == goroutine) {
                levels.push((goroutine, timeline.level(goroutine, builder, &mut active)));
                continue;
            }
            let group = groups.of(timeline, goroutine);
            let mut sums = group.and_then(|group| of_groups.get_mut(group as usize)).and_then(Option::as_mut);
            timeline.each_period(goroutine, i64::MIN, i64::MAX, |period, _| {
                active.add(goroutine, period.start, active_end(period));
                let Some(slot) = slot_of(period.state) else { return };
                sums.iter_mut().for_each(|sums| sums.add(period.start, period.end, slot, 1));
                all.iter_mut().for_each(|sums| sums.add(period.start, period.end, slot, 1));
            });
        }
        GoroutineTables {
            levels,
            groups: of_groups.into_iter().map(|sums| sums.map(SumLevel::new)).collect(),
            all: all.map(SumLevel::new),
            active: active.finish((spans / SPANS_PER_ACTIVE) as usize + count as usize),
        }
    }
}

/// Returns until when a span makes its goroutine active.
fn active_end(period: &Period<'_>) -> i64 {
    match period.state {
        State::Running | State::Syscall => period.end,
        _ => period.start,
    }
}

/// The slot of the work of mark workers in the lane of a P or thread.
const GC_WORK: usize = 0;

/// Returns the slot of a state. `None` if lanes do not show the state.
pub(super) fn slot_of(state: State) -> Option<usize> {
    match state {
        State::Undetermined | State::Ended => None,
        State::Created | State::Woken | State::Ready => Some(0),
        State::Running => Some(RUNNING),
        State::Waiting => Some(2),
        State::Syscall => Some(SYSCALL),
    }
}

/// Whether lanes are of Ps or of threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Proc,
    Thread,
}

impl Kind {
    fn id_of(self, place: &Place) -> u64 {
        match self {
            Kind::Proc => place.proc,
            Kind::Thread => place.thread,
        }
    }

    /// Returns the mean number of runs in a bucket, at least. Threads have fewer buckets, since they are looked at less
    /// often.
    fn runs_per_bucket(self) -> u64 {
        match self {
            Kind::Proc => 24,
            Kind::Thread => 96,
        }
    }
}

/// A P or thread with at most this many runs has a list of them instead of a level.
const MAX_LISTED: u64 = 2048;
/// All lists together may have one run for this many spans.
const SPANS_PER_LISTED: u64 = 64;

/// A span in which a goroutine ran or was in a system call, in the lane of a P or thread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub start: i64,
    pub end: i64,
    pub goroutine: u32,
    /// The state, as in [`PLACE`](super::level::PLACE).
    pub slot: u8,
}

/// The lane of a P or thread.
#[derive(Debug)]
pub(super) enum Row {
    /// All runs, sorted by goroutine, then by time.
    Listed(Vec<Run>),
    Level(Level),
    /// Neither would be small enough.
    Unknown,
}

/// The lanes of all Ps or of all threads.
#[derive(Debug)]
pub(super) struct Rows {
    /// The IDs, sorted.
    ids: Vec<u64>,
    rows: Vec<Row>,
    /// The index of the row of each place. `None` if the place has no P or no thread.
    of_place: Vec<Option<u32>>,
}

impl Rows {
    fn new(timeline: &Timeline, kind: Kind) -> Self {
        let mut rows = Rows::without_runs(timeline, kind);
        for goroutine in 0..timeline.goroutines.len() as u32 {
            timeline.each_run(goroutine, i64::MIN, i64::MAX, kind, |place, run| rows.add(place, run));
        }
        for row in &mut rows.rows {
            if let Row::Level(level) = row {
                level.finish();
            }
        }
        rows
    }

    fn without_runs(timeline: &Timeline, kind: Kind) -> Self {
        let id_of = |place: &Place| kind.id_of(place);
        let mut ids: Vec<u64> = timeline.places.iter().map(id_of).filter(|&id| present(id).is_some()).collect();
        ids.sort_unstable();
        ids.dedup();
        let row_of = |place: &Place| ids.binary_search(&id_of(place)).ok().map(|row| row as u32);
        let of_place: Vec<Option<u32>> = timeline.places.iter().map(row_of).collect();
        let mut runs = vec![0; ids.len()];
        for (row, count) in of_place.iter().zip(timeline.spans.count_places(timeline.places.len())) {
            if let Some(runs) = row.and_then(|row| runs.get_mut(row as usize)) {
                *runs += count;
            }
        }
        let mut free = timeline.spans.len() / SPANS_PER_LISTED;
        let row = |count: u64| {
            if count <= MAX_LISTED && count <= free {
                free -= count;
                return Row::Listed(Vec::with_capacity(count as usize));
            }
            Level::new(count / kind.runs_per_bucket(), timeline.extent.start, timeline.extent.end)
                .map_or(Row::Unknown, Row::Level)
        };
        let rows = runs.into_iter().map(row).collect();
        Rows { ids, rows, of_place }
    }

    #[inline]
    fn add(&mut self, place: u32, run: Run) {
        let Some(&Some(row)) = self.of_place.get(place as usize) else { return };
        match self.rows.get_mut(row as usize) {
            Some(Row::Level(level)) => level.add(run.start, run.end, run.slot.into(), run.goroutine),
            Some(Row::Listed(runs)) => runs.push(run),
            _ => {}
        }
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns the index of the row of a P or thread. `None` if no goroutine ran on it.
    pub fn find(&self, id: u64) -> Option<usize> {
        self.ids.binary_search(&id).ok()
    }

    pub fn get(&self, row: usize) -> Option<&Row> {
        self.rows.get(row)
    }

    /// Returns the index of the row of a place.
    pub fn of_place(&self, place: u32) -> Option<usize> {
        self.of_place.get(place as usize)?.map(|row| row as usize)
    }

    fn bytes(&self) -> u64 {
        let headers = self.ids.capacity() * size_of::<u64>()
            + self.rows.capacity() * size_of::<Row>()
            + self.of_place.capacity() * size_of::<Option<u32>>();
        let row = |row: &Row| match row {
            Row::Listed(runs) => (runs.capacity() * size_of::<Run>()) as u64,
            Row::Level(level) => level.bytes(),
            Row::Unknown => 0,
        };
        self.rows.iter().map(row).sum::<u64>() + headers as u64
    }
}

impl Timeline {
    /// Calls `show` with each period of a goroutine that overlaps a range, and with the previous state.
    #[inline]
    pub(super) fn each_period(&self, goroutine: u32, start: i64, end: i64, mut show: impl FnMut(&Period<'_>, State)) {
        let cursor = self.spans.covering(goroutine, start);
        let before = self.spans.previous(goroutine, cursor).and_then(|cursor| self.spans.get(cursor));
        let mut previous = before.map_or(State::Undetermined, |entry| entry.state);
        self.spans.periods_from(cursor, self.extent.end, |period| {
            if period.start < end {
                show(&period, previous);
            }
            previous = period.state;
            period.end < end
        });
    }

    /// Calls `show` with each run of a goroutine that overlaps a range, and its place. In the lane of a P, a system call
    /// ends when the goroutine loses the P.
    ///
    /// System calls that started before the trace are left out: the event that reports one is of another thread.
    #[inline]
    pub(super) fn each_run(&self, goroutine: u32, start: i64, end: i64, kind: Kind, mut show: impl FnMut(u32, Run)) {
        let is_mark_worker = self.group_table().is_mark_worker(self, goroutine);
        let running = if is_mark_worker { GC_WORK } else { RUNNING };
        self.each_period(goroutine, start, end, |period, previous| {
            let is_old = matches!(previous, State::Undetermined | State::Ended);
            let slot = match period.state {
                State::Running => running,
                State::Syscall if !is_old => SYSCALL,
                _ => return,
            };
            let (place, _) = period.who_and_why();
            let lost = match kind {
                Kind::Proc if slot == SYSCALL => self.proc_change(self.place(place).proc, period.start),
                _ => i64::MAX,
            };
            show(place, Run { start: period.start, end: period.end.min(lost), goroutine, slot: slot as u8 });
        });
    }

    /// Returns the first time after `time` at which the state or thread of a P changes.
    fn proc_change(&self, proc: u64, time: i64) -> i64 {
        let Some(number) = self.procs.index.get(proc) else { return i64::MAX };
        let entries = self.procs.of(number);
        entries.get(entries.partition_point(|entry| entry.time <= time)).map_or(i64::MAX, |entry| entry.time)
    }

    /// Returns the number that levels store for a span of a goroutine: its place or the index of its reason. `previous`
    /// returns the goroutine's previous state.
    pub(super) fn detail_number(&self, state: State, who_and_why: (u32, u32), previous: impl FnOnce() -> State) -> u32 {
        match state {
            State::Running => who_and_why.0,
            State::Waiting => self.reasons().index(self, who_and_why, previous),
            _ => 0,
        }
    }

    /// Returns a builder for the level of a goroutine with fewer than `most` buckets. `None` if there is no such level.
    fn level_builder(&self, goroutine: u32, most: u64) -> Option<LevelBuilder> {
        let first = self.spans.get(self.spans.first(goroutine))?;
        let last = self.spans.last(goroutine).and_then(|cursor| self.spans.get(cursor))?;
        let end = if last.state == State::Ended { last.time } else { self.extent.end };
        LevelBuilder::new(most, first.time, end)
    }

    /// Adds the spans of a goroutine to its level, and notes when the goroutine was active.
    fn level(&self, goroutine: u32, mut level: LevelBuilder, active: &mut ActiveBuilder) -> Level {
        self.each_period(goroutine, i64::MIN, i64::MAX, |period, previous| {
            active.add(goroutine, period.start, active_end(period));
            let number = || self.detail_number(period.state, period.who_and_why(), || previous);
            level.add(period.start, period.end, slot_of(period.state), number);
        });
        level.finish()
    }

    /// Returns the place with this number, which is the `who` of a running goroutine.
    pub(super) fn place(&self, number: u32) -> Place {
        const NOWHERE: Place = Place { proc: NONE, thread: NONE };
        self.places.get(number as usize).copied().unwrap_or(NOWHERE)
    }

    pub(super) fn proc_of(&self, place: u32) -> Option<u64> {
        present(self.place(place).proc)
    }
}
