//! Where goroutines lose their time, by stack: the profiles of `go tool trace -pprof` and its web pages, and more.
//!
//! [`Profiler`] counts, [`StackProfile`] is what it finds. The rules are those of Go's `src/cmd/trace/pprof.go`.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use foldhash::fast::RandomState;
use indexmap::{IndexMap, IndexSet};

use super::names::{Name, Names};
use super::observer::Observer;
use super::stack_profile::Tally;
pub use super::stack_profile::{LeftOut, LeftOutStart, StackProfile, StackSample};
use super::stacks::{StackKey, Stacks};
use crate::event::record::What;
use crate::event::{Event, GoState, Text};
use crate::id::{GoId, NONE, TaskId};
use crate::sched::arena::{Arena, Index};
use crate::time::Time;

/// What a profile counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProfileKind {
    /// Waiting for the network.
    Net,
    /// Waiting for a channel, a select or something of package `sync`.
    Sync,
    /// In a system call.
    Syscall,
    /// Runnable, waiting for a P (processor).
    Sched,
    /// Not running, for any reason. Samples are labelled with the reason.
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

/// Which waits a [`Profiler`] counts. All conditions have to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProfileOptions {
    /// Whether to count what Go's tool leaves out: the time until a goroutine first runs, waits that are still open at the
    /// end of the trace, and those that were open at its start, as far as the trace covers them. Leaks show in these.
    pub complete: bool,
    /// Only goroutines that started in this function. The empty name stands for goroutines without a stack in the trace.
    pub start: Option<String>,
    /// Only within regions of this type.
    pub region: Option<String>,
    /// Only within regions of this task, and goroutines that were created there.
    pub task: Option<TaskId>,
    /// Only these goroutines; all if there are none.
    pub goroutines: Vec<GoId>,
    /// Only while a goroutine has this label. The runtime labels its GC workers.
    pub label: Option<String>,
    /// Only within this range of time.
    pub between: Option<Range<Time>>,
}

impl ProfileOptions {
    /// Counts what Go's tool leaves out, too; see [`complete`](ProfileOptions::complete).
    pub fn complete(mut self) -> Self {
        self.complete = true;
        self
    }

    /// Sets [`start`](ProfileOptions::start).
    pub fn start(mut self, function: impl Into<String>) -> Self {
        self.start = Some(function.into());
        self
    }

    /// Sets [`region`](ProfileOptions::region).
    pub fn region(mut self, name: impl Into<String>) -> Self {
        self.region = Some(name.into());
        self
    }

    /// Sets [`task`](ProfileOptions::task).
    pub fn task(mut self, task: TaskId) -> Self {
        self.task = Some(task);
        self
    }

    /// Adds to [`goroutines`](ProfileOptions::goroutines).
    pub fn goroutine(mut self, go: GoId) -> Self {
        self.goroutines.push(go);
        self
    }

    /// Sets [`label`](ProfileOptions::label).
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    fn wants_goroutine(&self, go: u64) -> bool {
        self.goroutines.is_empty() || self.goroutines.contains(&GoId(go))
    }

    /// Sets [`between`](ProfileOptions::between).
    pub fn between(mut self, range: Range<Time>) -> Self {
        self.between = Some(range);
        self
    }
}

/// Counts time by stack, in one pass. Memory follows the number of live goroutines and of different stacks.
///
/// A gap of lenient reading ends all open waits, as the end of the trace does; after it, waits start again.
#[derive(Debug)]
pub struct Profiler {
    kind: ProfileKind,
    options: ProfileOptions,
    functions: Option<FunctionFilter>,
    names: Names,
    stacks: Stacks,
    tracks: Arena<Track>,
    tally: Tally,
    /// What the options leave out: how often and how long, by the function in which the goroutine started.
    left_out: IndexMap<Name, (u64, i64), RandomState>,
    /// The types of regions that were met, if only some are asked for.
    regions: IndexSet<Name, RandomState>,
    sync: i64,
    first: Option<i64>,
    last: i64,
}

/// Which functions are wanted, asked once for each name and stack.
struct FunctionFilter {
    is_wanted: Box<dyn Fn(Text<'_>) -> bool + Send>,
    known: Vec<Option<bool>>,
    stacks: HashMap<StackKey, bool, RandomState>,
}

impl fmt::Debug for FunctionFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionFilter").finish_non_exhaustive()
    }
}

impl FunctionFilter {
    fn wants(&mut self, name: Name, names: &Names) -> bool {
        if self.known.len() <= name.index() {
            self.known.resize(name.index() + 1, None);
        }
        let FunctionFilter { is_wanted, known, .. } = self;
        *known[name.index()].get_or_insert_with(|| is_wanted(Text(names.bytes(name))))
    }

    fn wants_stack(&mut self, stack: StackKey, stacks: &Stacks, names: &Names) -> bool {
        if let Some(&known) = self.stacks.get(&stack) {
            return known;
        }
        let has_function = stacks.frames(stack).any(|frame| self.wants(frame.func, names));
        self.stacks.insert(stack, has_function);
        has_function
    }
}

const NEVER: i64 = i64::MIN;

/// What is known of a goroutine.
#[derive(Debug, Default)]
struct Track {
    name: Name,
    /// Its last label.
    label: Name,
    /// Since when it is in a state that counts, where it went into it, and for what reason.
    since: i64,
    stack: StackKey,
    reason: Name,
    /// Whether it is the goroutine that is asked for.
    is_wanted: bool,
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
    fn new(is_old: bool, is_wanted: bool) -> Self {
        Track {
            is_wanted,
            name: Name::EMPTY,
            label: Name::EMPTY,
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
    /// Counts what the options ask for.
    pub fn new(kind: ProfileKind, options: ProfileOptions) -> Self {
        Profiler {
            kind,
            options,
            functions: None,
            names: Names::default(),
            stacks: Stacks::default(),
            tracks: Arena::default(),
            tally: Tally::default(),
            left_out: IndexMap::default(),
            regions: IndexSet::default(),
            sync: 0,
            first: None,
            last: 0,
        }
    }

    /// Counts only stacks with a function for which `is_wanted` is true, and goroutines that started in such a function.
    pub fn in_functions(mut self, is_wanted: impl Fn(Text<'_>) -> bool + Send + 'static) -> Self {
        self.functions =
            Some(FunctionFilter { is_wanted: Box::new(is_wanted), known: Vec::new(), stacks: HashMap::default() });
        self
    }

    /// Whether what is counted depends on the function in which a goroutine started.
    fn needs_start(&self) -> bool {
        self.options.start.is_some() || self.functions.is_some()
    }

    fn has_regions(&self) -> bool {
        self.options.region.is_some() || self.options.task.is_some()
    }

    #[inline]
    fn go_transition(&mut self, event: &Event<'_>, from: GoState, to: GoState) {
        let record = event.record();
        let time = record.time;
        let needs_start = self.needs_start();
        let mut index = self.tracks.find(record.a);
        if !index.is_some() {
            let is_wanted = self.options.wants_goroutine(record.a);
            let mut track = Track::new(from == GoState::Undetermined, is_wanted);
            if from == GoState::NotExist && self.has_regions() {
                self.inherit(&mut track, record.go);
            }
            index = self.tracks.insert(record.a, track);
        }
        let Some(track) = self.tracks.get_mut(index) else { return };
        let is_new = from == GoState::Undetermined && track.since == NEVER;
        if track.name == Name::EMPTY && from != to && record.b != 0 && needs_start {
            track.name = self.names.root(event, record.b);
            if track.name != Name::EMPTY {
                self.name(index);
            }
        }
        let runs_first = to == GoState::Running && from != to && self.begin_running(index);
        let Some(track) = self.tracks.get_mut(index) else { return };
        let reason = if to == GoState::Waiting { event.text(record.text).as_bytes() } else { b"" };
        let counts = self.kind.counts(to, reason);
        // For a kind of one state, the reference continues to count a goroutine that enters the state again. Off-CPU has several states.
        let ends = match self.kind {
            ProfileKind::OffCpu => from != to,
            _ => !counts_in(self.kind, to),
        };
        if track.since != NEVER && ends {
            let (since, key) = (std::mem::replace(&mut track.since, NEVER), (track.stack, track.reason));
            // The wait ended because the goroutine runs for the first time. The reference leaves that out.
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

    /// The function in which it started is known from here on.
    fn name(&mut self, index: Index) {
        let Some(track) = self.tracks.get_mut(index) else { return };
        let unnamed = std::mem::take(&mut track.unnamed);
        self.admit_all(index, unnamed);
    }

    /// A goroutine was in a state that counts for some time.
    fn interval(&mut self, index: Index, key: (StackKey, Name), mut begin: i64, mut end: i64) {
        let whole = end - begin;
        if let Some(range) = &self.options.between {
            (begin, end) = (begin.max(range.start.0), end.min(range.end.0));
        }
        let needs_region = self.has_regions();
        let Some(track) = self.tracks.get_mut(index) else { return };
        let name = track.name;
        if end <= begin || !track.is_wanted {
            if whole > 0 {
                self.leave_out(name, 1, whole);
            }
            return;
        }
        if needs_region {
            match (track.inside > 0, track.is_old) {
                (true, _) => self.admit(index, key, 1, end - begin),
                (false, true) => track.outside.add(key, 1, end - begin),
                (false, false) => self.leave_out(name, 1, end - begin),
            }
        } else if self.options.complete || track.has_run && !track.has_ended {
            self.admit(index, key, 1, end - begin);
        } else {
            track.unsure.add(key, 1, end - begin);
        }
    }

    /// Whether a wait at a stack is asked for. `None` while that depends on where the goroutine started, which is not known
    /// yet and may become known unless `is_last`.
    fn wants(&mut self, name: Name, label: Name, stack: StackKey, is_last: bool) -> Option<bool> {
        let is_labelled = self.options.label.as_ref().is_none_or(|wanted| self.names.bytes(label) == wanted.as_bytes());
        if !is_labelled {
            return Some(false);
        }
        let functions = self.functions.as_mut();
        let in_stack = functions.is_none_or(|functions| functions.wants_stack(stack, &self.stacks, &self.names));
        let needs_start = self.options.start.is_some() || !in_stack;
        if needs_start && name == Name::EMPTY && !is_last {
            return None;
        }
        let start = self.options.start.as_ref();
        let is_of_group = start.is_none_or(|start| self.names.bytes(name) == start.as_bytes());
        let functions = self.functions.as_mut().filter(|_| name != Name::EMPTY);
        Some(is_of_group && (in_stack || functions.is_some_and(|functions| functions.wants(name, &self.names))))
    }

    /// Counts a wait if it is asked for.
    fn admit(&mut self, index: Index, key: (StackKey, Name), count: u64, nanos: i64) {
        let Some(&Track { name, label, .. }) = self.tracks.get(index) else { return };
        match self.wants(name, label, key.0, false) {
            Some(true) => self.tally.add(key, count, nanos),
            Some(false) => self.leave_out(name, count, nanos),
            None => {
                if let Some(track) = self.tracks.get_mut(index) {
                    track.unnamed.add(key, count, nanos);
                }
            }
        }
    }

    fn leave_out(&mut self, name: Name, count: u64, nanos: i64) {
        let left_out = self.left_out.entry(name).or_default();
        left_out.0 += count;
        left_out.1 = left_out.1.saturating_add(nanos);
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

    /// The function in which a goroutine started will not become known any more.
    fn forget(&mut self, index: Index) {
        let Some(track) = self.tracks.get_mut(index) else { return };
        let label = track.label;
        let unnamed = std::mem::take(&mut track.unnamed);
        for (key, (count, nanos)) in unnamed.into_samples() {
            match self.wants(Name::EMPTY, label, key.0, true) {
                Some(true) => self.tally.add(key, count, nanos),
                _ => self.leave_out(Name::EMPTY, count, nanos),
            }
        }
    }

    fn region(&mut self, event: &Event<'_>, begins: bool) {
        let record = event.record();
        let name = self.names.of(event, record.text);
        if name != Name::EMPTY {
            self.regions.insert(name);
        }
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

    /// After a gap, the state of a goroutine is unknown until the next generation reports it.
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
        let is_in_time = self.options.between.as_ref().is_none_or(|range| range.contains(&Time(record.time)));
        let index = self.tracks.find(record.go);
        let track = self.tracks.get(index);
        let is_wanted = track.map_or(self.options.goroutines.is_empty(), |track| track.is_wanted);
        let is_inside = track.is_some_and(|track| track.inside > 0);
        let name = track.map_or(Name::EMPTY, |track| track.name);
        if !is_in_time || !is_wanted || self.has_regions() && !is_inside {
            return self.leave_out(name, 1, SAMPLE_NANOS);
        }
        let key = (self.stacks.of(event, record.stack, &mut self.names), Name::EMPTY);
        match index.is_some() {
            true => self.admit(index, key, 1, SAMPLE_NANOS),
            // Of no goroutine: the scheduler, or the collector.
            false => match self.wants(Name::EMPTY, Name::EMPTY, key.0, true) {
                Some(true) if self.options.start.is_none() => self.tally.add(key, 1, SAMPLE_NANOS),
                _ => self.leave_out(Name::EMPTY, 1, SAMPLE_NANOS),
            },
        }
    }

    fn label(&mut self, event: &Event<'_>) {
        let record = event.record();
        let label = self.names.of(event, record.text);
        let index = self.tracks.find(record.go);
        if let Some(track) = self.tracks.get_mut(index) {
            track.label = label;
        }
    }
}

/// The time that a CPU sample represents. The runtime takes a hundred samples a second by default; the trace does not have the rate
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
    type Output = StackProfile;

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
            What::Label if self.options.label.is_some() => self.label(event),
            What::RegionBegin if self.has_regions() => self.region(event, true),
            What::RegionEnd if self.has_regions() => self.region(event, false),
            What::StackSample if self.kind == ProfileKind::Cpu => self.sample(event),
            _ => {}
        }
    }

    fn finish(mut self) -> StackProfile {
        let mut ids: Vec<u64> = self.tracks.ids().collect();
        ids.sort_unstable();
        for id in ids {
            let index = self.tracks.find(id);
            self.cut(index, self.last);
            let Some(track) = self.tracks.get_mut(index) else { continue };
            // What came after an end does not count in the reference.
            let unsure = std::mem::take(&mut track.unsure);
            let outside = std::mem::take(&mut track.outside);
            let name = track.name;
            if !track.has_ended {
                self.admit_all(index, unsure);
            }
            outside.into_samples().for_each(|(_, (count, nanos))| self.leave_out(name, count, nanos));
            self.forget(index);
        }
        let duration = self.last - self.first.unwrap_or(self.last);
        let left_out = LeftOut::new(&self.left_out, &self.regions, &self.names);
        StackProfile::new(self.kind, duration, self.tally, left_out, self.stacks, self.names)
    }
}
