//! Where goroutines lose their time, by stack: what `go tool trace -pprof` and its web pages give, and more.
//!
//! The rules are those of Go's `src/cmd/trace/pprof.go`.

use super::names::{Name, Names};
use super::observer::Observer;
use super::stack_profile::{Profile, Tally};
use super::stacks::{StackKey, Stacks};
use crate::event::record::What;
use crate::event::{Event, GoState};
use crate::id::{NONE, TaskId};
use crate::sched::arena::{Arena, Index};
use crate::time::Time;

/// What a profile counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProfileKind {
    /// Waiting for the network.
    Net,
    /// Waiting for a channel, a select or something of package `sync`.
    Sync,
    /// In a system call.
    Syscall,
    /// Ready to run, waiting for a P.
    Sched,
    /// Not running, for whatever reason: samples are labelled with it.
    OffCpu,
    /// The samples of the CPU profiler, which runs if the program asked for a CPU profile while it was traced.
    Cpu,
}

impl ProfileKind {
    /// Whether a goroutine that enters a state for a reason is counted from there.
    fn counts(self, to: GoState, reason: &[u8]) -> bool {
        let has = |part: &[u8]| memchr::memmem::find(reason, part).is_some();
        match self {
            ProfileKind::Net => to == GoState::Waiting && reason == b"network",
            ProfileKind::Sync => to == GoState::Waiting && (has(b"chan") || has(b"sync") || has(b"select")),
            ProfileKind::Syscall => to == GoState::Syscall,
            ProfileKind::Sched => to == GoState::Runnable,
            ProfileKind::OffCpu => is_off_cpu(to),
            ProfileKind::Cpu => false,
        }
    }
}

/// What of it is counted. All conditions have to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileOptions {
    /// Whether what the reference leaves out is counted too: the time until a goroutine first runs, waits that are still open at
    /// the end, and those that were on as the trace began, as far as it tells. These are what a leak looks like.
    pub complete: bool,
    /// Only goroutines that started in this function. The empty one stands for those of which there is no stack.
    pub start: Option<String>,
    /// Only within regions of this type.
    pub region: Option<String>,
    /// Only within regions of this task, and goroutines that were created there.
    pub task: Option<TaskId>,
    /// Only from one moment up to another.
    pub between: Option<(Time, Time)>,
}

/// Counts by stack, in one pass. Memory follows the goroutines that are alive and the number of different stacks.
///
/// What is on as a gap of lenient reading comes is cut there as by the trace's end, and what is on behind it as by its begin.
#[derive(Debug)]
pub struct Profiler {
    kind: ProfileKind,
    options: ProfileOptions,
    names: Names,
    stacks: Stacks,
    tracks: Arena<Track>,
    tally: Tally,
    sync: i64,
    first: Option<i64>,
    last: i64,
}

const NEVER: i64 = i64::MIN;

/// What is known of a goroutine.
#[derive(Debug, Default)]
struct Track {
    name: Name,
    /// Since when it is in a state that counts, where it went into it, and for what reason.
    since: i64,
    stack: StackKey,
    reason: Name,
    has_run: bool,
    has_ended: bool,
    /// Its regions: whether each is asked for, and how many are.
    regions: Vec<bool>,
    inside: u32,
    /// Whether it was there before the trace, and may be in a region of that time.
    is_old: bool,
    /// What counts if the goroutine never runs, or has not ended yet.
    unsure: Tally,
    /// What counts if its name turns out to be the one asked for.
    unnamed: Tally,
    /// What counts if it turns out to have been in a region since before the trace.
    outside: Tally,
}

impl Track {
    fn new(is_old: bool) -> Self {
        Track {
            name: Name::EMPTY,
            since: NEVER,
            stack: StackKey::EMPTY,
            reason: Name::EMPTY,
            has_run: false,
            has_ended: false,
            regions: Vec::new(),
            inside: 0,
            is_old,
            unsure: Tally::default(),
            unnamed: Tally::default(),
            outside: Tally::default(),
        }
    }
}

impl Profiler {
    /// Counts what the options let through.
    pub fn new(kind: ProfileKind, options: ProfileOptions) -> Self {
        Profiler {
            kind,
            options,
            names: Names::default(),
            stacks: Stacks::default(),
            tracks: Arena::default(),
            tally: Tally::default(),
            sync: 0,
            first: None,
            last: 0,
        }
    }

    fn has_regions(&self) -> bool {
        self.options.region.is_some() || self.options.task.is_some()
    }

    #[inline]
    fn go_transition(&mut self, event: &Event<'_>, from: GoState, to: GoState) {
        let record = event.record();
        let time = record.time;
        let mut index = self.tracks.find(record.a);
        if !index.is_some() {
            let mut track = Track::new(from == GoState::Undetermined);
            if from == GoState::NotExist && self.has_regions() {
                self.inherit(&mut track, record.go);
            }
            index = self.tracks.insert(record.a, track);
        }
        let Some(track) = self.tracks.get_mut(index) else { return };
        let is_new = from == GoState::Undetermined && track.since == NEVER;
        if track.name == Name::EMPTY && from != to && record.b != 0 && self.options.start.is_some() {
            track.name = self.names.root(event, record.b);
            if track.name != Name::EMPTY {
                self.name(index);
            }
        }
        let runs_first = to == GoState::Running && from != to && self.begin_running(index);
        let Some(track) = self.tracks.get_mut(index) else { return };
        let reason = if to == GoState::Waiting { event.text(record.text).as_bytes() } else { b"" };
        let counts = self.kind.counts(to, reason);
        // For one state, the reference goes on counting what is said to be in it again. Off-CPU has many.
        let ends = match self.kind {
            ProfileKind::OffCpu => from != to,
            _ => !counts_in(self.kind, to),
        };
        if track.since != NEVER && ends {
            let (since, key) = (std::mem::replace(&mut track.since, NEVER), (track.stack, track.reason));
            // It came to an end because the goroutine runs for the first time: the reference leaves that out.
            if self.options.complete || self.has_regions() || !runs_first {
                self.interval(index, key, since, time);
            }
        }
        let Some(track) = self.tracks.get_mut(index) else { return };
        if track.since == NEVER && counts {
            track.since = if is_new && self.options.complete { self.sync } else { time };
            track.stack = match (self.kind, record.b) {
                // Who wakes a goroutine is somewhere else: it is still where it blocked.
                (ProfileKind::OffCpu, 0) if is_off_cpu(from) => track.stack,
                (ProfileKind::OffCpu, own) if own != 0 => self.stacks.of(event, own, &mut self.names),
                _ => self.stacks.of(event, record.stack, &mut self.names),
            };
            track.reason = match self.kind {
                ProfileKind::OffCpu if to == GoState::Waiting => self.names.of(event, record.text),
                ProfileKind::OffCpu => self.names.intern(to.name().as_bytes()),
                _ => Name::EMPTY,
            };
        }
        if from != to && (to == GoState::NotExist || to == GoState::Waiting && reason == b"forever") {
            self.end(index, to == GoState::NotExist);
        }
    }

    /// A goroutine takes over the task of its creator's innermost region.
    fn inherit(&mut self, track: &mut Track, creator: u64) {
        let creator = self.tracks.find(creator);
        let Some(&is_asked_for) = self.tracks.get(creator).and_then(|creator| creator.regions.last()) else { return };
        // That region has no type.
        let is_asked_for = is_asked_for && self.options.region.as_deref().is_none_or(str::is_empty);
        track.regions.push(is_asked_for);
        track.inside = u32::from(is_asked_for);
    }

    /// Whether a goroutine begins to run for the first time. What was before does not count in the reference.
    fn begin_running(&mut self, index: Index) -> bool {
        let Some(track) = self.tracks.get_mut(index) else { return false };
        let is_first = !std::mem::replace(&mut track.has_run, true);
        if is_first {
            track.unsure = Tally::default();
        }
        is_first
    }

    /// Its start is known from here on.
    fn name(&mut self, index: Index) {
        let Some(track) = self.tracks.get_mut(index) else { return };
        let unnamed = std::mem::take(&mut track.unnamed);
        if self.options.start.as_deref().map(str::as_bytes) == Some(self.names.bytes(track.name)) {
            unnamed.into_samples().for_each(|(key, (count, nanos))| self.tally.add(key, count, nanos));
        }
    }

    /// A goroutine was in a state that counts for some time.
    fn interval(&mut self, index: Index, key: (StackKey, Name), mut begin: i64, mut end: i64) {
        if let Some((from, to)) = self.options.between {
            (begin, end) = (begin.max(from.0), end.min(to.0));
        }
        if end <= begin {
            return;
        }
        let needs_region = self.has_regions();
        let Some(track) = self.tracks.get_mut(index) else { return };
        if needs_region {
            match (track.inside > 0, track.is_old) {
                (true, _) => self.admit(index, key, 1, end - begin),
                (false, true) => track.outside.add(key, 1, end - begin),
                (false, false) => {}
            }
        } else if self.options.complete || track.has_run && !track.has_ended {
            self.admit(index, key, 1, end - begin);
        } else {
            track.unsure.add(key, 1, end - begin);
        }
    }

    /// Counts it if the goroutine is of the group asked for.
    fn admit(&mut self, index: Index, key: (StackKey, Name), count: u64, nanos: i64) {
        let Some(track) = self.tracks.get_mut(index) else { return };
        match &self.options.start {
            None => self.tally.add(key, count, nanos),
            Some(_) if track.name == Name::EMPTY => track.unnamed.add(key, count, nanos),
            Some(start) if self.names.bytes(track.name) == start.as_bytes() => self.tally.add(key, count, nanos),
            Some(_) => {}
        }
    }

    fn admit_all(&mut self, index: Index, times: Tally) {
        times.into_samples().for_each(|(key, (count, nanos))| self.admit(index, key, count, nanos));
    }

    /// A goroutine has ended, or begins to wait forever. What it did up to here counts.
    fn end(&mut self, index: Index, is_gone: bool) {
        let Some(track) = self.tracks.get_mut(index) else { return };
        track.has_ended = true;
        let unsure = std::mem::take(&mut track.unsure);
        self.admit_all(index, unsure);
        if is_gone {
            self.forget(index);
            self.tracks.remove(index);
        }
    }

    /// Nothing will be known of a goroutine that is not known now.
    fn forget(&mut self, index: Index) {
        let Some(track) = self.tracks.get_mut(index) else { return };
        let unnamed = std::mem::take(&mut track.unnamed);
        if self.options.start.as_deref() == Some("") {
            unnamed.into_samples().for_each(|(key, (count, nanos))| self.tally.add(key, count, nanos));
        }
    }

    fn region(&mut self, event: &Event<'_>, begins: bool) {
        let record = event.record();
        let type_fits = self.options.region.as_deref().is_none_or(|name| event.text(record.text) == name);
        let fits = type_fits && self.options.task.is_none_or(|task| task.0 == record.a);
        let index = self.tracks.find(record.go);
        let Some(track) = self.tracks.get_mut(index) else { return };
        if begins {
            track.regions.push(fits);
            track.inside += u32::from(fits);
        } else if let Some(fitted) = track.regions.pop() {
            track.inside -= u32::from(fitted);
        } else if fits {
            // It has been in the region since before the trace.
            let outside = std::mem::take(&mut track.outside);
            self.admit_all(index, outside);
        }
    }

    /// Nothing is known of anyone until the next generation tells anew.
    fn lose(&mut self, time: i64) {
        let ids: Vec<u64> = self.tracks.ids().collect();
        for id in ids {
            let index = self.tracks.find(id);
            self.cut(index, time);
            if let Some(track) = self.tracks.get_mut(index) {
                (track.since, track.inside, track.is_old) = (NEVER, 0, true);
                track.regions.clear();
            }
        }
    }

    /// What a goroutine is in counts up to here, if open waits do.
    fn cut(&mut self, index: Index, time: i64) {
        let Some(track) = self.tracks.get(index) else { return };
        if self.options.complete && track.since != NEVER {
            let (since, key) = (track.since, (track.stack, track.reason));
            self.interval(index, key, since, time);
        }
    }

    fn sample(&mut self, event: &Event<'_>) {
        let record = event.record();
        let is_in_time = self.options.between.is_none_or(|(from, to)| (from.0..to.0).contains(&record.time));
        if !is_in_time {
            return;
        }
        let key = (self.stacks.of(event, record.stack, &mut self.names), Name::EMPTY);
        let index = self.tracks.find(record.go);
        let is_inside = self.tracks.get(index).is_some_and(|track| track.inside > 0);
        if self.has_regions() && !is_inside {
            return;
        }
        match index.is_some() {
            true => self.admit(index, key, 1, SAMPLE_NANOS),
            // Of no goroutine: the scheduler, or the collector.
            false if self.options.start.is_none() => self.tally.add(key, 1, SAMPLE_NANOS),
            false => {}
        }
    }
}

/// How much time a CPU sample stands for: the runtime samples a hundred times a second unless told otherwise, which the trace does not say
/// (Go `src/runtime/pprof/pprof.go`, `StartCPUProfile`).
pub(super) const SAMPLE_NANOS: i64 = 10_000_000;

fn is_off_cpu(state: GoState) -> bool {
    matches!(state, GoState::Waiting | GoState::Runnable | GoState::Syscall)
}

/// Whether a state is the one that a kind counts, whatever the reason.
fn counts_in(kind: ProfileKind, state: GoState) -> bool {
    match kind {
        ProfileKind::Net | ProfileKind::Sync => state == GoState::Waiting,
        ProfileKind::Syscall => state == GoState::Syscall,
        ProfileKind::Sched => state == GoState::Runnable,
        ProfileKind::OffCpu | ProfileKind::Cpu => false,
    }
}

impl Observer for Profiler {
    type Output = Profile;

    #[inline]
    fn event(&mut self, event: &Event<'_>) {
        let record = event.record();
        self.last = record.time;
        self.first.get_or_insert(record.time);
        match record.what {
            What::GoTransition(from, to) if record.a != NONE => self.go_transition(event, from, to),
            What::Sync => {
                self.sync = record.time;
                self.names.forget_ids();
                self.stacks.forget_ids();
            }
            What::Gap => self.lose(record.time),
            What::RegionBegin if self.has_regions() => self.region(event, true),
            What::RegionEnd if self.has_regions() => self.region(event, false),
            What::StackSample if self.kind == ProfileKind::Cpu => self.sample(event),
            _ => {}
        }
    }

    fn finish(mut self) -> Profile {
        let mut ids: Vec<u64> = self.tracks.ids().collect();
        ids.sort_unstable();
        for id in ids {
            let index = self.tracks.find(id);
            self.cut(index, self.last);
            let Some(track) = self.tracks.get_mut(index) else { continue };
            // What came behind an end does not count in the reference.
            let unsure = std::mem::take(&mut track.unsure);
            if !track.has_ended {
                self.admit_all(index, unsure);
            }
            self.forget(index);
        }
        let duration = self.last - self.first.unwrap_or(self.last);
        Profile::new(self.kind, duration, self.tally, self.stacks, self.names)
    }
}
