//! Sums up how goroutines and regions spend their time, as Go's `src/internal/trace/summary.go`
//! does. Each goroutine and region is dropped when it ends.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use foldhash::fast::RandomState;

use super::goroutine_summary::{GoroutineSummary, SummarySink, show_region};
use super::goroutine_sums::{GoroutineSums, OpenRegion};
use super::names::Name;
use super::observer::Observer;
use super::system_goroutine::is_system_goroutine;
use super::times::{Accounting, RangeKey, Spent, Times, time_of};
use super::tracker::{Follower, NEVER, PerGoroutine, Slot, Tracker, Transition};
use crate::event::record::{RangeType, What};
use crate::event::{Event, GoState, ProcState};
use crate::id::{GoId, NONE};
use crate::sched::arena::Arena;
use crate::time::Time;

/// Sums up goroutines and regions in one pass, and passes each to a [`SummarySink`] when it is
/// complete.
///
/// Memory is proportional to the number of live goroutines and open regions, about 200 bytes each.
/// If lenient reading skipped a part of the trace, the time of goroutines in this gap is
/// `Unknown time`. A goroutine that the trace does not mention after the gap counts as alive. A
/// goroutine that waits forever is reported at the end of the trace, and [`Accounting`] says
/// whether it counts as ended. Goroutines that are reported at the end of the trace come in
/// ascending order of IDs.
pub struct Summarizer<S> {
    tracker: Tracker,
    sums: Sums<S>,
}

impl<S: SummarySink> Summarizer<S> {
    /// Creates a summarizer that reports to `summary` and computes the same numbers as
    /// `go tool trace`. A closure that takes a [`GoroutineSummary`] is a [`SummarySink`].
    pub fn new(summary: S) -> Self {
        Self::with_accounting(summary, Accounting::Reference)
    }

    /// Like [`new`](Self::new), but counts with the given rules.
    pub fn with_accounting(summary: S, accounting: Accounting) -> Self {
        Summarizer { tracker: Tracker::default(), sums: Sums::new(summary, accounting) }
    }

    /// Counts only time within a range, and reports only goroutines that exist within the range.
    /// The start of the range does not apply to regions: time of a region before the range counts,
    /// and regions that end before the range are reported.
    pub fn within(mut self, range: Range<Time>) -> Self {
        self.sums.window = range.start.0..range.end.0;
        self.sums.progress = Progress::Before;
        self
    }

    pub(super) fn summary(&self) -> &S {
        &self.sums.summary
    }

    pub(super) fn summary_mut(&mut self) -> &mut S {
        &mut self.sums.summary
    }

    /// Returns whether the event ends a region whose start is in the trace.
    pub(super) fn ends_known_region(&mut self, event: &Event<'_>) -> bool {
        let slot = self.tracker.find(event.record().go);
        self.sums.goroutines.get(slot).is_some_and(|sums| !sums.regions.is_empty())
    }

    /// Ends everything that is open, and returns the sink and the tracker, which has the names in
    /// the trace.
    pub(super) fn finish_with_tracker(mut self) -> (S, Tracker) {
        self.sums.end_trace(&mut self.tracker);
        (self.sums.summary, self.tracker)
    }
}

impl<S: SummarySink> Summarizer<S> {
    /// Handles an event after the window. The runtime may report the state of a goroutine as late
    /// as at the end of the generation. So a goroutine that is first mentioned after the window,
    /// but in the same generation, existed in the window.
    #[inline(never)]
    fn after_window(&mut self, event: &Event<'_>) {
        let record = event.record();
        match record.what {
            What::Sync => self.sums.progress = Progress::Over,
            What::GoTransition(GoState::Undetermined, _)
                if self.sums.progress == Progress::After && !self.tracker.find(record.a).is_some() =>
            {
                self.tracker.show(event, &mut self.sums);
            }
            _ => {}
        }
    }
}

impl<S: SummarySink> Observer for Summarizer<S> {
    type Output = S;

    #[inline]
    fn event(&mut self, event: &Event<'_>) {
        let time = event.record().time;
        if (self.sums.progress != Progress::Within || time >= self.sums.window.end)
            && !self.sums.advance(&mut self.tracker, time)
        {
            return self.after_window(event);
        }
        self.tracker.show(event, &mut self.sums);
    }

    fn finish(self) -> S {
        self.finish_with_tracker().0
    }
}

impl<S: fmt::Debug> fmt::Debug for Summarizer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Summarizer").field("summary", &self.sums.summary).finish_non_exhaustive()
    }
}

/// The sums of all goroutines.
pub(super) struct Sums<S> {
    pub summary: S,
    accounting: Accounting,
    goroutines: PerGoroutine<GoroutineSums>,
    /// The goroutine that is in a system call on each P.
    syscalls: Arena<Option<u64>>,
    /// The goroutine that is sweeping on each P.
    sweeps: HashMap<u64, u64, RandomState>,
    /// The range of time that counts, in nanoseconds on the trace's clock. Called the window below.
    window: Range<i64>,
    progress: Progress,
}

/// The position of the current event relative to the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Before,
    Within,
    /// After the window, in the generation in which the window ends.
    After,
    /// After the generation in which the window ends.
    Over,
}

impl<S: SummarySink> Sums<S> {
    pub fn new(summary: S, accounting: Accounting) -> Self {
        Sums {
            summary,
            accounting,
            goroutines: PerGoroutine::default(),
            syscalls: Arena::default(),
            sweeps: HashMap::default(),
            window: i64::MIN..i64::MAX,
            progress: Progress::Within,
        }
    }

    /// Updates `progress` when an event crosses the start or end of the window. Returns whether the
    /// event is before or in the window, so that it must be followed.
    #[inline(never)]
    fn advance(&mut self, tracker: &mut Tracker, time: i64) -> bool {
        if self.progress == Progress::Before && time >= self.window.start {
            self.enter_window(tracker);
        }
        if self.progress == Progress::Within && time >= self.window.end {
            self.progress = Progress::After;
        }
        self.progress == Progress::Before || self.progress == Progress::Within
    }

    /// Records what each goroutine has spent before the window.
    fn enter_window(&mut self, tracker: &mut Tracker) {
        for (_, slot) in tracker.sorted() {
            let Some(goroutine) = tracker.get(slot) else { continue };
            let sums = self.goroutines.at(slot);
            sums.is_over = sums.end != NEVER;
            sums.before = Some(Box::new(sums.spent_until(self.window.start, goroutine, self.accounting)));
        }
        self.progress = Progress::Within;
    }

    /// Starts the sums of a goroutine that is mentioned for the first time.
    #[inline(never)]
    fn appear(&mut self, tracker: &mut Tracker, event: &Event<'_>, transition: Transition) {
        let record = event.record();
        let Transition { slot, time, .. } = transition;
        if transition.from == GoState::Undetermined {
            return self.appear_old(tracker, record.proc, transition);
        }
        let mut sums = GoroutineSums::new(time);
        if record.go != NONE && record.stack != 0 {
            sums.creator = tracker.names.leaf(event, record.stack);
        }
        // The goroutine inherits the task of its creator's innermost region.
        let creator = tracker.find(record.go);
        if creator != slot
            && let Some(region) = self.goroutines.get(creator).and_then(|creator| creator.regions.last())
        {
            sums.regions.push(OpenRegion {
                task: region.task,
                name: Name::EMPTY,
                is_of_program: false,
                start: time,
                before: Spent::default(),
            });
        }
        *self.goroutines.at(slot) = sums;
    }

    /// Starts the sums of a goroutine that was created before the trace or in a gap. The goroutine
    /// has been in its state since the start of the generation.
    fn appear_old(&mut self, tracker: &Tracker, proc: u64, transition: Transition) {
        let known_since = tracker.generation_start().max(self.window.start);
        let so_far = transition.time.min(self.window.end) - known_since;
        let mut sums = GoroutineSums::new(known_since);
        match transition.to {
            GoState::Running => sums.spent.execution += so_far,
            GoState::Waiting => {
                let reason = tracker.get(transition.slot).map_or(Name::EMPTY, |goroutine| goroutine.reason);
                sums.spent.block(reason, so_far);
            }
            GoState::Runnable => sums.spent.sched_wait += so_far,
            GoState::Syscall if proc == NONE => sums.spent.syscall_block += so_far,
            GoState::Syscall => sums.spent.syscall += so_far,
            _ => {}
        }
        let known = self.goroutines.at(transition.slot);
        if known.is_lost {
            // Before the gap, the goroutine may have been counted as ended because it waited
            // forever.
            (known.is_lost, known.end, known.spent.total) = (false, NEVER, 0);
            known.spent.add(&sums.spent);
        } else {
            *known = sums;
        }
    }

    /// Records that a goroutine enters a system call on a P.
    fn enter_syscall(&mut self, go: u64, proc: u64) {
        let place = self.syscalls.find(proc);
        match self.syscalls.get_mut(place) {
            Some(current) => *current = Some(go),
            None => drop(self.syscalls.insert(proc, Some(go))),
        }
    }

    /// Records that a goroutine leaves a system call that it entered on a P.
    fn leave_syscall(&mut self, go: u64, proc: u64) {
        let place = self.syscalls.find(proc);
        if let Some(current) = self.syscalls.get_mut(place)
            && (*current == Some(go) || self.accounting == Accounting::Reference)
        {
            *current = None;
        }
    }

    /// Ends the sums of a goroutine that has exited or waits forever.
    #[inline(never)]
    fn end(&mut self, tracker: &Tracker, transition: Transition) {
        let Transition { go, slot, time, .. } = transition;
        self.goroutines.at(slot).end = self.accounting.known(time);
        self.close(tracker, go, slot, time, time);
        if transition.to == GoState::NotExist {
            self.show(tracker, go, slot);
        }
    }

    /// Completes the sums of a goroutine, and reports its open regions.
    fn close(&mut self, tracker: &Tracker, go: u64, slot: Slot, now: i64, end: i64) {
        let Some(goroutine) = tracker.get(slot) else { return };
        let sums = self.goroutines.at(slot);
        let spent = sums.spent_until(now, goroutine, self.accounting);
        let regions = std::mem::take(&mut sums.regions);
        let start = goroutine.name;
        let is_of_program = start != Name::EMPTY && !is_system_goroutine(tracker.names.bytes(start));
        // A goroutine of the runtime is in a region only if it was created in a region.
        if !regions.is_empty() && is_of_program {
            for depth in 0..regions.len() {
                show_region(&mut self.summary, &tracker.names, GoId(go), &regions[..=depth], end, spent.clone());
            }
        }
        sums.close(spent);
    }

    /// Closes the sums of all goroutines at a gap. After the gap, the state of a goroutine is
    /// unknown until the next generation reports it.
    fn lose(&mut self, tracker: &mut Tracker, time: i64) {
        for (go, slot) in tracker.sorted() {
            if self.goroutines.at(slot).end == NEVER {
                self.close(tracker, go, slot, time, NEVER);
            }
            let sums = self.goroutines.at(slot);
            sums.is_lost = true;
            if sums.end == NEVER {
                sums.spent.total = 0;
            }
        }
        self.syscalls = Arena::default();
        self.sweeps.clear();
    }

    /// Reports a goroutine whose sums are complete.
    fn show(&mut self, tracker: &Tracker, id: u64, slot: Slot) {
        let (Some(goroutine), Some(sums)) = (tracker.get(slot), self.goroutines.get(slot)) else { return };
        if self.progress == Progress::Before || sums.is_over {
            return;
        }
        let within = sums.before.as_ref().map(|before| sums.spent.clone().since(before));
        let times = Times { spent: within.as_ref().unwrap_or(&sums.spent), names: &tracker.names };
        self.summary.goroutine(&GoroutineSummary { id, goroutine, sums, times });
    }

    /// Ends the trace, and with it everything that is open.
    pub fn end_trace(&mut self, tracker: &mut Tracker) {
        let end = match self.progress {
            Progress::Before | Progress::Within => tracker.last_time(),
            Progress::After | Progress::Over => self.window.end,
        };
        for (go, slot) in tracker.sorted() {
            self.close(tracker, go, slot, end, NEVER);
            self.show(tracker, go, slot);
        }
    }

    /// Handles a P that becomes idle. A goroutine that is in a system call on this P continues the
    /// system call without a P.
    fn proc_idles(&mut self, tracker: &mut Tracker, proc: u64, time: i64) {
        let place = self.syscalls.find(proc);
        let Some(go) = self.syscalls.get_mut(place).and_then(Option::take) else { return };
        let slot = tracker.find(go);
        if slot.is_some() {
            self.goroutines.at(slot).syscall_blocked = self.accounting.known(time);
        }
    }

    fn range(&mut self, tracker: &mut Tracker, event: &Event<'_>, range: RangeType) {
        let record = event.record();
        let key = RangeKey(range, tracker.names.of(event, record.text));
        let time = record.time;
        let go = match (range, record.what) {
            (RangeType::GcMark, _) => return,
            (RangeType::StopTheWorld | RangeType::GcMarkAssist, _) => record.a,
            // A sweep belongs to a P. The sweep counts for the goroutine that started it if the
            // goroutine is still on the P when the sweep ends.
            (RangeType::GcSweep, What::RangeEnd(_)) => match self.sweeps.remove(&record.a) {
                Some(go) if go == record.go => go,
                _ => return,
            },
            (RangeType::GcSweep, _) => {
                if tracker.find(record.go).is_some() {
                    self.sweeps.insert(record.a, record.go);
                }
                record.go
            }
        };
        // Go's summarizer marks a range that is not active with the time 0.
        let inactive = if self.accounting == Accounting::Reference { 0 } else { NEVER };
        let slot = tracker.find(go);
        if !slot.is_some() {
            return;
        }
        let sums = self.goroutines.at(slot);
        match record.what {
            What::RangeBegin(_) => *time_of(&mut sums.ranges, key, time) = time,
            What::RangeActive(_) => {
                let generation_start = tracker.generation_start();
                let since = std::mem::replace(time_of(&mut sums.ranges, key, inactive), generation_start);
                if since != inactive {
                    sums.spent.range(key, generation_start - since);
                }
            }
            _ => {
                let Some(place) = sums.ranges.iter().position(|&(range, _)| range == key) else { return };
                let since = sums.ranges[place].1;
                if since != inactive {
                    sums.ranges.swap_remove(place);
                    sums.spent.range(key, time - since);
                }
            }
        }
    }

    fn begin_region(&mut self, tracker: &mut Tracker, event: &Event<'_>) {
        let record = event.record();
        let name = tracker.names.of(event, record.text);
        let slot = tracker.find(record.go);
        let Some(goroutine) = tracker.get(slot) else { return };
        let sums = self.goroutines.at(slot);
        let before = sums.spent_until(record.time, goroutine, self.accounting);
        sums.regions.push(OpenRegion { task: record.a, name, is_of_program: true, start: record.time, before });
    }

    fn end_region(&mut self, tracker: &mut Tracker, event: &Event<'_>) {
        let record = event.record();
        let name = tracker.names.of(event, record.text);
        let slot = tracker.find(record.go);
        let Some(goroutine) = tracker.get(slot) else { return };
        let sums = self.goroutines.at(slot);
        // The region started before the trace, because its start is not in the trace.
        if sums.regions.is_empty() {
            sums.regions.push(OpenRegion {
                task: record.a,
                name,
                is_of_program: true,
                start: NEVER,
                before: Spent::default(),
            });
        }
        let spent = sums.spent_until(record.time, goroutine, self.accounting);
        show_region(&mut self.summary, &tracker.names, GoId(record.go), &sums.regions, record.time, spent);
        sums.regions.pop();
    }
}

impl<S: SummarySink> Follower for Sums<S> {
    #[inline(always)]
    fn transition(&mut self, tracker: &mut Tracker, event: &Event<'_>, transition: Transition) {
        let Transition { go, slot, time, .. } = transition;
        if transition.is_first() {
            self.appear(tracker, event, transition);
        }
        let since = self.accounting.known(transition.since);
        let sums = self.goroutines.at(slot);
        if since != NEVER {
            match transition.from {
                GoState::Running => sums.spent.execution += time - since,
                GoState::Runnable => sums.spent.sched_wait += time - since,
                GoState::Waiting if !self.accounting.is_end(transition.reason) => {
                    sums.spent.block(transition.reason, time - since);
                }
                GoState::Syscall => {
                    sums.leave_syscall(since, time);
                    self.leave_syscall(go, transition.proc);
                }
                _ => {}
            }
        }
        match transition.to {
            GoState::Running => {
                let sums = self.goroutines.at(slot);
                if sums.first_run == NEVER {
                    sums.first_run = self.accounting.known(time);
                }
            }
            GoState::Waiting if tracker.get(slot).is_some_and(|waiting| self.accounting.is_end(waiting.reason)) => {
                self.end(tracker, transition);
            }
            GoState::Syscall => self.enter_syscall(go, event.record().proc),
            GoState::NotExist => self.end(tracker, transition),
            _ => {}
        }
    }

    #[inline(never)]
    fn other(&mut self, tracker: &mut Tracker, event: &Event<'_>) {
        let record = event.record();
        match record.what {
            What::ProcTransition(from, ProcState::Idle) if from != ProcState::Idle => {
                self.proc_idles(tracker, record.a, record.time);
            }
            What::Gap => self.lose(tracker, record.time),
            What::RangeBegin(range) | What::RangeActive(range) | What::RangeEnd(range) => {
                self.range(tracker, event, range);
            }
            What::RegionBegin => self.begin_region(tracker, event),
            What::RegionEnd => self.end_region(tracker, event),
            _ => {}
        }
    }
}
