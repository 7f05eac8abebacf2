//! Profiles by stack: the time for which goroutines wait, are runnable or are in system calls, and
//! CPU samples. Has all profiles of `go tool trace`, and more.
//!
//! [`Profiler`] computes a [`StackProfile`]. The rules are the rules of Go's
//! `src/cmd/trace/pprof.go`.

mod options;
mod report;
mod stack_times;

use std::collections::HashMap;
use std::fmt;

use foldhash::fast::RandomState;
use indexmap::{IndexMap, IndexSet};

use super::names::{Name, Names};
use super::observer::Observer;
use super::stacks::{StackKey, Stacks};
use super::tracker::{Follower, NEVER, PerGoroutine, Slot, Tracker, Transition};
use crate::event::record::What;
use crate::event::{Event, GoState, Text};
use crate::id::NONE;
use crate::time::Time;
pub use options::{ProfileKind, ProfileOptions};
use options::{SAMPLE_NANOS, is_off_cpu};
pub use report::{LeftOut, LeftOutStart, StackProfile, StackSample};
use stack_times::{FastStackTimes, SampleKey, StackTimes};

/// Counts time by stack, in one pass. Memory is proportional to the number of live goroutines and
/// of distinct stacks.
///
/// If lenient reading skips a part of the trace, the gap ends all open waits, like the end of the
/// trace.
#[derive(Debug)]
pub struct Profiler {
    tracker: Tracker,
    counts: ProfileCounts,
}

/// The times counted so far, and the state of the goroutines.
#[derive(Debug)]
struct ProfileCounts {
    kind: ProfileKind,
    options: ProfileOptions,
    functions: Option<FunctionFilter>,
    waits: PerGoroutine<GoroutineState>,
    /// For each reason, whether the profile kind counts its waits. Indexed by name. `None` if not
    /// computed yet.
    reasons: Vec<Option<bool>>,
    times: FastStackTimes,
    /// The number and total time in nanoseconds of waits that the options exclude, by the function
    /// in which the goroutine started.
    left_out: IndexMap<Name, (u64, i64), RandomState>,
    /// The types of the regions in the trace. Empty unless the options choose regions by type or
    /// task.
    regions: IndexSet<Name, RandomState>,
}

/// A predicate that chooses functions, with a cache of its results for names and stacks.
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

/// The state of a goroutine: its current wait, and whether its waits count.
#[derive(Debug)]
struct GoroutineState {
    go: u64,
    /// The time at which the goroutine entered its current state, if this state counts. [`NEVER`]
    /// otherwise.
    since: i64,
    /// The stack and the reason of the current state.
    key: SampleKey,
    /// Whether the options choose this goroutine.
    is_wanted: bool,
    has_run: bool,
    /// Whether the goroutine has exited or waits forever.
    has_ended: bool,
    /// Whether the goroutine existed before the trace, so that it may be in a region that started
    /// before the trace.
    is_old: bool,
    /// For each open region, innermost last, whether the options choose it.
    regions: Vec<bool>,
    /// The number of `true` values in `regions`.
    selected_regions: u32,
    pending: Option<Box<PendingWaits>>,
}

/// Waits of a goroutine that cannot be counted or discarded yet.
#[derive(Debug, Default)]
struct PendingWaits {
    /// Waits before the first run of the goroutine, or after it began to wait forever. The first
    /// run discards them. The exit, the start of a wait forever, and the end of the trace count
    /// them.
    undecided: StackTimes,
    /// Waits that count only if the options choose the start function of the goroutine, which is
    /// not known yet.
    without_start: StackTimes,
    /// Waits that count only if the goroutine was in a chosen region that started before the trace.
    maybe_in_region: StackTimes,
}

impl Default for GoroutineState {
    fn default() -> Self {
        GoroutineState {
            go: NONE,
            since: NEVER,
            key: (StackKey::EMPTY, Name::EMPTY),
            is_wanted: false,
            has_run: false,
            has_ended: false,
            is_old: false,
            regions: Vec::new(),
            selected_regions: 0,
            pending: None,
        }
    }
}

impl GoroutineState {
    fn pending(&mut self) -> &mut PendingWaits {
        self.pending.get_or_insert_default()
    }

    fn take(&mut self, pending: impl FnOnce(&mut PendingWaits) -> &mut StackTimes) -> StackTimes {
        self.pending.as_mut().map(|all| std::mem::take(pending(all))).unwrap_or_default()
    }
}

impl Profiler {
    /// Creates a profiler that counts what the kind and the options select.
    pub fn new(kind: ProfileKind, options: ProfileOptions) -> Self {
        let counts = ProfileCounts {
            kind,
            options,
            functions: None,
            waits: PerGoroutine::default(),
            reasons: Vec::new(),
            times: FastStackTimes::default(),
            left_out: IndexMap::default(),
            regions: IndexSet::default(),
        };
        Profiler { tracker: Tracker::default(), counts }
    }

    /// Counts only stacks that have a function for which `is_wanted` returns true, and goroutines
    /// that started in such a function.
    pub fn with_function(mut self, is_wanted: impl Fn(Text<'_>) -> bool + Send + 'static) -> Self {
        self.counts.functions =
            Some(FunctionFilter { is_wanted: Box::new(is_wanted), known: Vec::new(), stacks: HashMap::default() });
        self
    }
}

impl ProfileCounts {
    /// Returns whether the options depend on the function in which a goroutine started.
    fn needs_start(&self) -> bool {
        self.options.start.is_some() || self.functions.is_some()
    }

    fn has_regions(&self) -> bool {
        self.options.region.is_some() || self.options.task.is_some()
    }

    /// Returns the function in which a goroutine started. Empty if the options do not depend on it.
    fn start_of(&self, tracker: &Tracker, slot: Slot) -> Name {
        match tracker.get(slot) {
            Some(goroutine) if self.needs_start() => goroutine.name,
            _ => Name::EMPTY,
        }
    }

    /// Handles the first event of a goroutine, or the first event after a gap. Does nothing if the
    /// goroutine was known before the gap.
    #[inline(never)]
    fn appear(&mut self, tracker: &mut Tracker, creator: u64, transition: Transition) {
        let Transition { go, slot, from, .. } = transition;
        if self.waits.at(slot).go == go {
            return;
        }
        let mut wait = GoroutineState { go, is_wanted: self.options.wants_goroutine(go), ..GoroutineState::default() };
        wait.is_old = from == GoState::Undetermined;
        if from == GoState::NotExist && self.has_regions() {
            let creator = tracker.find(creator);
            self.inherit(&mut wait, creator);
        }
        *self.waits.at(slot) = wait;
    }

    /// Lets a goroutine inherit the task of its creator's innermost region.
    fn inherit(&self, wait: &mut GoroutineState, creator: Slot) {
        let Some(&is_selected) = self.waits.get(creator).and_then(|creator| creator.regions.last()) else { return };
        // The inherited region has no type.
        let is_selected = is_selected && self.options.region.as_deref().is_none_or(str::is_empty);
        wait.regions.push(is_selected);
        wait.selected_regions = u32::from(is_selected);
    }

    /// Returns whether a state that a goroutine enters counts.
    #[inline]
    fn counts(&mut self, tracker: &Tracker, to: GoState, reason: Name) -> bool {
        if to != GoState::Waiting || self.kind == ProfileKind::OffCpu {
            return self.kind.counts(to, b"");
        }
        match self.reasons.get(reason.index()) {
            Some(&Some(counts)) => counts,
            _ => self.counts_reason(tracker, reason),
        }
    }

    #[inline(never)]
    fn counts_reason(&mut self, tracker: &Tracker, reason: Name) -> bool {
        let counts = self.kind.counts(GoState::Waiting, tracker.names.bytes(reason));
        if self.reasons.len() <= reason.index() {
            self.reasons.resize(reason.index() + 1, None);
        }
        self.reasons[reason.index()] = Some(counts);
        counts
    }

    /// Returns the stack and the reason of the state that a goroutine enters.
    #[inline]
    fn key(
        &self,
        tracker: &mut Tracker,
        event: &Event<'_>,
        from: GoState,
        to: GoState,
        reason: Name,
        slot: Slot,
    ) -> SampleKey {
        let record = event.record();
        let Tracker { names, stacks, .. } = tracker;
        if self.kind != ProfileKind::OffCpu {
            return (stacks.of(event, record.stack, names), Name::EMPTY);
        }
        let stack = match record.b {
            // The stack of the event is the stack of the goroutine that wakes this goroutine. This
            // goroutine is still at the stack at which it blocked.
            0 if is_off_cpu(from) => self.waits.get(slot).map_or(StackKey::EMPTY, |wait| wait.key.0),
            0 => stacks.of(event, record.stack, names),
            own => stacks.of(event, own, names),
        };
        let reason = match to {
            GoState::Waiting => reason,
            GoState::Runnable => Name::RUNNABLE,
            _ => Name::SYSCALL,
        };
        (stack, reason)
    }

    /// Adds an interval during which a goroutine was in a state that counts.
    #[inline]
    fn interval(&mut self, tracker: &Tracker, slot: Slot, key: SampleKey, mut begin: i64, mut end: i64) {
        let whole = end - begin;
        if let Some(range) = &self.options.between {
            (begin, end) = (begin.max(range.start.0), end.min(range.end.0));
        }
        let needs_region = self.has_regions();
        let wait = self.waits.at(slot);
        if end <= begin || !wait.is_wanted {
            if whole > 0 {
                let name = self.start_of(tracker, slot);
                self.leave_out(name, 1, whole);
            }
            return;
        }
        if needs_region {
            match (wait.selected_regions > 0, wait.is_old) {
                (true, _) => self.count_wait(tracker, slot, key, 1, end - begin),
                (false, true) => drop(wait.pending().maybe_in_region.add(key, 1, end - begin)),
                (false, false) => {
                    let name = self.start_of(tracker, slot);
                    self.leave_out(name, 1, end - begin);
                }
            }
        } else if self.options.complete || wait.has_run && !wait.has_ended {
            self.count_wait(tracker, slot, key, 1, end - begin);
        } else {
            wait.pending().undecided.add(key, 1, end - begin);
        }
    }

    /// Returns whether the options choose a wait with this stack. `None` if the answer depends on
    /// the start function of the goroutine, which is not known yet. If `is_last` is true, the start
    /// function stays unknown, and the result is always `Some`.
    fn wants(&mut self, tracker: &Tracker, name: Name, label: Name, stack: StackKey, is_last: bool) -> Option<bool> {
        let Tracker { names, stacks, .. } = tracker;
        let is_labelled = self.options.label.as_ref().is_none_or(|wanted| names.bytes(label) == wanted.as_bytes());
        if !is_labelled {
            return Some(false);
        }
        let functions = self.functions.as_mut();
        let in_stack = functions.is_none_or(|functions| functions.wants_stack(stack, stacks, names));
        let needs_start = self.options.start.is_some() || !in_stack;
        if needs_start && name == Name::EMPTY && !is_last {
            return None;
        }
        let start = self.options.start.as_ref();
        let matches_start = start.is_none_or(|start| names.bytes(name) == start.as_bytes());
        let functions = self.functions.as_mut().filter(|_| name != Name::EMPTY);
        Some(matches_start && (in_stack || functions.is_some_and(|functions| functions.wants(name, names))))
    }

    /// Counts a wait if the options choose it.
    #[inline]
    fn count_wait(&mut self, tracker: &Tracker, slot: Slot, key: SampleKey, count: u64, nanos: i64) {
        match self.options.label.is_none() && !self.needs_start() {
            true => self.times.add(key, count, nanos),
            false => self.count_if_selected(tracker, slot, key, count, nanos),
        }
    }

    #[inline(never)]
    fn count_if_selected(&mut self, tracker: &Tracker, slot: Slot, key: SampleKey, count: u64, nanos: i64) {
        let name = self.start_of(tracker, slot);
        let label = tracker.get(slot).map_or(Name::EMPTY, |goroutine| goroutine.label);
        match self.wants(tracker, name, label, key.0, false) {
            Some(true) => self.times.add(key, count, nanos),
            Some(false) => self.leave_out(name, count, nanos),
            None => drop(self.waits.at(slot).pending().without_start.add(key, count, nanos)),
        }
    }

    fn leave_out(&mut self, name: Name, count: u64, nanos: i64) {
        let left_out = self.left_out.entry(name).or_default();
        left_out.0 += count;
        left_out.1 = left_out.1.saturating_add(nanos);
    }

    fn count_all(&mut self, tracker: &Tracker, slot: Slot, times: StackTimes) {
        times.into_samples().for_each(|(key, (count, nanos))| self.count_wait(tracker, slot, key, count, nanos));
    }

    /// Called when a goroutine exits or begins to wait forever. Counts its pending waits.
    #[inline(never)]
    fn end(&mut self, tracker: &Tracker, slot: Slot, has_exited: bool) {
        let wait = self.waits.at(slot);
        wait.has_ended = true;
        let undecided = wait.take(|pending| &mut pending.undecided);
        self.count_all(tracker, slot, undecided);
        if has_exited {
            self.resolve_without_start(tracker, slot);
            *self.waits.at(slot) = GoroutineState::default();
        }
    }

    /// Counts or discards the waits in `without_start`, because the start function of the goroutine will
    /// not become known.
    fn resolve_without_start(&mut self, tracker: &Tracker, slot: Slot) {
        let label = tracker.get(slot).map_or(Name::EMPTY, |goroutine| goroutine.label);
        let without_start = self.waits.at(slot).take(|pending| &mut pending.without_start);
        for (key, (count, nanos)) in without_start.into_samples() {
            match self.wants(tracker, Name::EMPTY, label, key.0, true) {
                Some(true) => self.times.add(key, count, nanos),
                _ => self.leave_out(Name::EMPTY, count, nanos),
            }
        }
    }

    fn region(&mut self, tracker: &mut Tracker, event: &Event<'_>, begins: bool) {
        let record = event.record();
        let name = tracker.names.of(event, record.text);
        if name != Name::EMPTY {
            self.regions.insert(name);
        }
        let matches_type = self.options.region.as_deref().is_none_or(|name| event.text(record.text) == name);
        let is_selected = matches_type && self.options.task.is_none_or(|task| task.0 == record.a);
        let slot = tracker.find(record.go);
        if !slot.is_some() {
            return;
        }
        let wait = self.waits.at(slot);
        if begins {
            wait.regions.push(is_selected);
            wait.selected_regions += u32::from(is_selected);
        } else if let Some(was_selected) = wait.regions.pop() {
            wait.selected_regions -= u32::from(was_selected);
        } else if is_selected {
            // The goroutine has been in the region since before the trace.
            let maybe_in_region = wait.take(|pending| &mut pending.maybe_in_region);
            self.count_all(tracker, slot, maybe_in_region);
        }
    }

    /// Ends all open waits at a gap. After the gap, the state of a goroutine is unknown until the
    /// next generation reports it.
    fn lose(&mut self, tracker: &mut Tracker, time: i64) {
        for (_, slot) in tracker.sorted() {
            self.cut(tracker, slot, time);
            let wait = self.waits.at(slot);
            (wait.since, wait.selected_regions, wait.is_old) = (NEVER, 0, true);
            wait.regions.clear();
        }
    }

    /// Counts the current state of a goroutine up to `time`, if `ProfileOptions::complete` is set.
    fn cut(&mut self, tracker: &Tracker, slot: Slot, time: i64) {
        let &mut GoroutineState { since, key, .. } = self.waits.at(slot);
        if self.options.complete && since != NEVER {
            self.interval(tracker, slot, key, since, time);
        }
    }

    fn sample(&mut self, tracker: &mut Tracker, event: &Event<'_>) {
        let record = event.record();
        let is_in_time = self.options.between.as_ref().is_none_or(|range| range.contains(&Time(record.time)));
        let slot = tracker.find(record.go);
        let wait = self.waits.get(slot);
        let is_wanted = wait.map_or(self.options.goroutines.is_empty(), |wait| wait.is_wanted);
        let is_in_region = wait.is_some_and(|wait| wait.selected_regions > 0);
        if !is_in_time || !is_wanted || self.has_regions() && !is_in_region {
            let name = self.start_of(tracker, slot);
            return self.leave_out(name, 1, SAMPLE_NANOS);
        }
        let key = (tracker.stacks.of(event, record.stack, &mut tracker.names), Name::EMPTY);
        match slot.is_some() {
            true => self.count_wait(tracker, slot, key, 1, SAMPLE_NANOS),
            // The sample is from the scheduler or the garbage collector, not from a goroutine.
            false => match self.wants(tracker, Name::EMPTY, Name::EMPTY, key.0, true) {
                Some(true) if self.options.start.is_none() => self.times.add(key, 1, SAMPLE_NANOS),
                _ => self.leave_out(Name::EMPTY, 1, SAMPLE_NANOS),
            },
        }
    }
}

impl Follower for ProfileCounts {
    #[inline(always)]
    fn transition(&mut self, tracker: &mut Tracker, event: &Event<'_>, transition: Transition) {
        let Transition { from, to, slot, time, .. } = transition;
        if transition.is_first() {
            self.appear(tracker, event.record().go, transition);
        }
        if transition.is_named && self.needs_start() {
            let without_start = self.waits.at(slot).take(|pending| &mut pending.without_start);
            self.count_all(tracker, slot, without_start);
        }
        let wait = self.waits.at(slot);
        let is_new = from == GoState::Undetermined && wait.since == NEVER;
        let runs_first = to == GoState::Running && !std::mem::replace(&mut wait.has_run, true);
        if runs_first {
            // Go's tool does not count waits before the first run.
            wait.take(|pending| &mut pending.undecided);
        }
        let (since, key) = (std::mem::replace(&mut wait.since, NEVER), wait.key);
        // Go's tool does not count the wait that ends when the goroutine runs for the first time.
        if since != NEVER && (self.options.complete || self.has_regions() || !runs_first) {
            self.interval(tracker, slot, key, since, time);
        }
        let reason = match tracker.get(slot) {
            // If the wait began before the trace, the reason is unknown.
            Some(goroutine) if to == GoState::Waiting && goroutine.reason != Name::BLOCKED_BEFORE_TRACE => {
                goroutine.reason
            }
            _ => Name::EMPTY,
        };
        if self.counts(tracker, to, reason) {
            let key = self.key(tracker, event, from, to, reason, slot);
            let wait = self.waits.at(slot);
            wait.key = key;
            wait.since = if is_new && self.options.complete { tracker.generation_start() } else { time };
        }
        if to == GoState::NotExist || to == GoState::Waiting && reason == Name::FOREVER {
            self.end(tracker, slot, to == GoState::NotExist);
        }
    }

    #[inline(never)]
    fn other(&mut self, tracker: &mut Tracker, event: &Event<'_>) {
        match event.record().what {
            What::Gap => self.lose(tracker, event.record().time),
            What::RegionBegin if self.has_regions() => self.region(tracker, event, true),
            What::RegionEnd if self.has_regions() => self.region(tracker, event, false),
            What::StackSample if self.kind == ProfileKind::Cpu => self.sample(tracker, event),
            _ => {}
        }
    }
}

impl Observer for Profiler {
    type Output = StackProfile;

    #[inline]
    fn event(&mut self, event: &Event<'_>) {
        self.tracker.show(event, &mut self.counts);
    }

    fn finish(self) -> StackProfile {
        let Profiler { mut tracker, mut counts } = self;
        let last = tracker.last_time();
        for (_, slot) in tracker.sorted() {
            counts.cut(&tracker, slot, last);
            let wait = counts.waits.at(slot);
            let has_ended = wait.has_ended;
            let undecided = wait.take(|pending| &mut pending.undecided);
            let maybe_in_region = wait.take(|pending| &mut pending.maybe_in_region);
            // Go's tool does not count waits after the end of a goroutine.
            if !has_ended {
                counts.count_all(&tracker, slot, undecided);
            }
            let name = counts.start_of(&tracker, slot);
            maybe_in_region.into_samples().for_each(|(_, (count, nanos))| counts.leave_out(name, count, nanos));
            counts.resolve_without_start(&tracker, slot);
        }
        let duration = last - tracker.first_time();
        let Tracker { names, stacks, .. } = tracker;
        let left_out = LeftOut::new(&counts.left_out, &counts.regions, &names);
        StackProfile::new(counts.kind, duration, counts.times.into_times(), left_out, stacks, names)
    }
}
