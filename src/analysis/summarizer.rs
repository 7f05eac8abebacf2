//! Sums up how goroutines and regions spent their time, as Go's `src/internal/trace/summary.go` does, and lets go of
//! each as it ends.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use foldhash::fast::RandomState;

use super::account::{Account, NEVER, OpenRegion};
use super::goroutine_summary::{GoroutineSummary, SummarySink, show_region};
use super::names::{Name, Names};
use super::observer::Observer;
use super::times::{Accounting, RangeKey, Spent, Times, time_of};
use crate::event::record::{RangeType, Record, What};
use crate::event::{Event, GoState, ProcState};
use crate::id::{GoId, NONE};
use crate::sched::arena::{Arena, Index};
use crate::time::Time;

/// Sums up goroutines and regions in one pass, and shows each sum to a [`SummarySink`] when there is nothing to add.
///
/// Memory follows the goroutines that are alive, and the regions that are open: some 200 bytes each. Over a gap of lenient
/// reading, what goroutines do is `Unknown time`; those that the trace does not mention after it count as alive. A goroutine that
/// waits forever counts as ended, as in `go tool trace`, but is shown at the end of the trace; those that are alive then come
/// in ascending order.
pub struct Summarizer<S> {
    summary: S,
    accounting: Accounting,
    names: Names,
    goroutines: Arena<Account>,
    /// Who is in a system call, by P; and in a sweep.
    syscalls: Arena<Option<u64>>,
    sweeps: HashMap<u64, u64, RandomState>,
    last: i64,
    /// When the generation began.
    sync: i64,
    /// Only time within it counts.
    window: Range<i64>,
    /// Where in the window the pass is.
    progress: Progress,
}

/// How far a pass is, with regard to the part of the trace that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Before,
    Within,
    After,
}

impl<S: SummarySink> Summarizer<S> {
    /// Shows its sums, which are those of `go tool trace`, to `summary`: a closure that takes a [`GoroutineSummary`] will do.
    pub fn new(summary: S) -> Self {
        Self::with_accounting(summary, Accounting::Reference)
    }

    /// The same, by the chosen rules.
    pub fn with_accounting(summary: S, accounting: Accounting) -> Self {
        Summarizer {
            summary,
            accounting,
            names: Names::default(),
            goroutines: Arena::default(),
            syscalls: Arena::default(),
            sweeps: HashMap::default(),
            last: 0,
            sync: 0,
            window: i64::MIN..i64::MAX,
            progress: Progress::Within,
        }
    }

    /// Only counts time within a range, and only shows goroutines that exist in it. Regions are shown as they are.
    pub fn within(mut self, range: Range<Time>) -> Self {
        self.window = range.start.0..range.end.0;
        self.progress = Progress::Before;
        self
    }

    /// Enters and leaves the window.
    #[inline(never)]
    fn advance(&mut self, time: i64) {
        if self.progress == Progress::Before {
            let (start, accounting) = (self.window.start, self.accounting);
            for index in self.indexes() {
                let Some(account) = self.goroutines.get_mut(index) else { continue };
                account.is_over = account.end != NEVER;
                account.before = Some(Box::new(account.spent_until(start, accounting)));
            }
            self.progress = Progress::Within;
        }
        if time >= self.window.end {
            self.progress = Progress::After;
        }
    }

    /// Where the goroutines are that are known, by ascending ID.
    fn indexes(&mut self) -> Vec<Index> {
        let mut ids: Vec<u64> = self.goroutines.ids().collect();
        ids.sort_unstable();
        ids.into_iter().map(|id| self.goroutines.find(id)).collect()
    }

    pub(super) fn summary(&self) -> &S {
        &self.summary
    }

    pub(super) fn summary_mut(&mut self) -> &mut S {
        &mut self.summary
    }

    /// Whether the event is of a goroutine that has open regions, as a region's end should be.
    pub(super) fn is_in_region(&mut self, event: &Event<'_>) -> bool {
        event.record().what == What::RegionEnd
            && self.account(event.record().go).is_some_and(|account| !account.regions.is_empty())
    }

    /// The time as since when something is on.
    fn since(&self, time: i64) -> i64 {
        // The reference marks what is off with 0.
        if time == 0 && self.accounting == Accounting::Reference { NEVER } else { time }
    }

    fn account(&mut self, go: u64) -> Option<&mut Account> {
        let index = self.goroutines.find(go);
        self.goroutines.get_mut(index)
    }

    #[inline]
    fn go_transition(&mut self, event: &Event<'_>, from: GoState, to: GoState) {
        let record = event.record();
        let (id, time) = (record.a, record.time);
        let since = self.since(time);
        let index = match from {
            GoState::Undetermined | GoState::NotExist => self.appear(event, from, to),
            _ => self.goroutines.find(id),
        };
        let Some(account) = self.goroutines.get_mut(index) else { return };
        if account.leave(from, time) {
            let proc = account.syscall_proc;
            let place = self.syscalls.find(proc);
            if let Some(go) = self.syscalls.get_mut(place)
                && (*go == Some(id) || self.accounting == Accounting::Reference)
            {
                *go = None;
            }
        }
        if account.name == Name::EMPTY && record.b != 0 {
            account.name = self.names.root(event, record.b);
        }
        match to {
            GoState::Running => {
                account.running = since;
                if account.start == NEVER {
                    account.start = since;
                }
            }
            GoState::Runnable => account.runnable = since,
            GoState::Waiting => {
                account.reason = reason(&mut self.names, event, from);
                match account.reason == Name::FOREVER {
                    true => self.close(index, time),
                    false => account.blocked = since,
                }
            }
            GoState::Syscall => {
                account.syscall = since;
                account.syscall_proc = record.proc;
                let place = self.syscalls.find(record.proc);
                match self.syscalls.get_mut(place) {
                    Some(go) => *go = Some(id),
                    None => drop(self.syscalls.insert(record.proc, Some(id))),
                }
            }
            GoState::NotExist => {
                self.close(index, time);
                self.show(index);
                self.goroutines.remove(index);
            }
            GoState::Undetermined => {}
        }
    }

    /// A goroutine is mentioned for the first time.
    #[inline(never)]
    fn appear(&mut self, event: &Event<'_>, from: GoState, to: GoState) -> Index {
        let record = event.record();
        let was_there = from == GoState::Undetermined;
        let known_since = self.sync.max(self.window.start);
        let mut account = Account::new(record.a, if was_there { known_since } else { record.time });
        if was_there {
            // It has been in its state since the generation began, for all we know.
            let so_far = record.time - known_since;
            match to {
                GoState::Running => account.spent.execution += so_far,
                GoState::Waiting => account.spent.block(reason(&mut self.names, event, from), so_far),
                GoState::Runnable => account.spent.sched_wait += so_far,
                GoState::Syscall if record.proc == NONE => account.spent.syscall_block += so_far,
                GoState::Syscall => account.spent.syscall += so_far,
                _ => {}
            }
        } else {
            if record.go != NONE && record.stack != 0 {
                account.creator = self.names.leaf(event, record.stack);
            }
            // It takes over the task of whoever created it.
            if let Some(region) = self.account(record.go).and_then(|creator| creator.regions.last()) {
                let (task, start) = (region.task, record.time);
                account.regions.push(OpenRegion {
                    task,
                    name: Name::EMPTY,
                    is_of_program: false,
                    start,
                    before: Spent::default(),
                });
            }
        }
        let index = self.goroutines.find(record.a);
        match self.goroutines.get_mut(index) {
            Some(known) if was_there && known.is_lost => {
                // One that waited forever may have been counted as ended.
                (known.is_lost, known.end, known.spent.total) = (false, NEVER, 0);
                known.spent.add(&account.spent);
                index
            }
            Some(old) => {
                *old = account;
                index
            }
            None => self.goroutines.insert(record.a, account),
        }
    }

    /// A goroutine has ended.
    fn close(&mut self, index: Index, time: i64) {
        let Some(account) = self.goroutines.get_mut(index) else { return };
        account.end = if time == 0 && self.accounting == Accounting::Reference { NEVER } else { time };
        self.sum_up(index, time, time);
    }

    /// Adds what is on, and shows the regions that are still open.
    fn sum_up(&mut self, index: Index, now: i64, end: i64) {
        let Some(account) = self.goroutines.get_mut(index) else { return };
        let spent = account.spent_until(now, self.accounting);
        let regions = std::mem::take(&mut account.regions);
        account.close(spent.clone());
        // The runtime's own goroutines only happen to be created in a region.
        if !is_system_goroutine(self.names.bytes(account.name)) {
            let go = GoId(account.id);
            for depth in 0..regions.len() {
                show_region(&mut self.summary, &self.names, go, &regions[..=depth], end, spent.clone());
            }
        }
    }

    /// After a gap, the state of a goroutine is unknown until the next generation reports it.
    fn lose(&mut self, time: i64) {
        for index in self.indexes() {
            if self.goroutines.get(index).is_some_and(|account| account.end == NEVER) {
                self.sum_up(index, time, NEVER);
            }
            let Some(account) = self.goroutines.get_mut(index) else { continue };
            account.is_lost = true;
            if account.end == NEVER {
                account.spent.total = 0;
            }
        }
        self.syscalls = Arena::default();
        self.sweeps.clear();
    }

    fn show(&mut self, index: Index) {
        let Some(account) = self.goroutines.get(index).filter(|account| !account.is_over) else { return };
        if self.progress == Progress::Before {
            return;
        }
        let within = account.before.as_ref().map(|before| account.spent.clone().since(before));
        let times = Times { spent: within.as_ref().unwrap_or(&account.spent), names: &self.names };
        self.summary.goroutine(&GoroutineSummary { account, times });
    }

    fn proc_idles(&mut self, proc: u64, time: i64) {
        let place = self.syscalls.find(proc);
        if let Some(go) = self.syscalls.get_mut(place).and_then(Option::take) {
            let since = self.since(time);
            if let Some(account) = self.account(go) {
                account.syscall_blocked = since;
            }
        }
    }

    fn range(&mut self, event: &Event<'_>, range: RangeType, how: What) {
        let record = event.record();
        let key = RangeKey(range, self.names.of(event, record.text));
        let (time, sync) = (record.time, self.sync);
        let go = match (range, how) {
            (RangeType::GcMark, _) => return,
            (RangeType::StopTheWorld | RangeType::GcMarkAssist, _) => record.a,
            // A sweep belongs to a P; it counts for the goroutine if that stays on the P.
            (RangeType::GcSweep, What::RangeEnd(_)) => match self.sweeps.remove(&record.a) {
                Some(go) if go == record.go => go,
                _ => return,
            },
            (RangeType::GcSweep, _) => {
                if self.goroutines.find(record.go).is_some() {
                    self.sweeps.insert(record.a, record.go);
                }
                record.go
            }
        };
        let marks_off = if self.accounting == Accounting::Reference { 0 } else { NEVER };
        let Some(account) = self.account(go) else { return };
        match how {
            What::RangeBegin(_) => *time_of(&mut account.ranges, key, time) = time,
            What::RangeActive(_) => {
                let begun = time_of(&mut account.ranges, key, marks_off);
                let before = std::mem::replace(begun, sync);
                if before != marks_off {
                    account.spent.range(key, sync - before);
                }
            }
            _ => {
                let Some(place) = account.ranges.iter().position(|&(range, _)| range == key) else { return };
                let begun = account.ranges[place].1;
                if begun != marks_off {
                    account.ranges.swap_remove(place);
                    account.spent.range(key, time - begun);
                }
            }
        }
    }

    fn begin_region(&mut self, event: &Event<'_>) {
        let record = event.record();
        let name = self.names.of(event, record.text);
        let accounting = self.accounting;
        let Some(account) = self.account(record.go) else { return };
        let before = account.spent_until(record.time, accounting);
        account.regions.push(OpenRegion { task: record.a, name, is_of_program: true, start: record.time, before });
    }

    fn end_region(&mut self, event: &Event<'_>) {
        let record = event.record();
        let name = self.names.of(event, record.text);
        let accounting = self.accounting;
        let index = self.goroutines.find(record.go);
        let Some(account) = self.goroutines.get_mut(index) else { return };
        // Without a begin it began before the trace.
        if account.regions.is_empty() {
            account.regions.push(OpenRegion {
                task: record.a,
                name,
                is_of_program: true,
                start: NEVER,
                before: Spent::default(),
            });
        }
        let spent = account.spent_until(record.time, accounting);
        show_region(&mut self.summary, &self.names, GoId(record.go), &account.regions, record.time, spent);
        account.regions.pop();
    }
}

/// The reason of a wait.
fn reason(names: &mut Names, event: &Event<'_>, from: GoState) -> Name {
    match (from, names.of(event, event.record().text)) {
        (GoState::Undetermined, Name::EMPTY) => Name::BLOCKED_BEFORE_TRACE,
        (_, reason) => reason,
    }
}

/// Whether a goroutine is the runtime's own, by where it started (Go `summary.go`, `IsSystemGoroutine`).
pub(super) fn is_system_goroutine(name: &[u8]) -> bool {
    name.is_empty() || name != b"runtime.main" && name.starts_with(b"runtime.")
}

impl<S: SummarySink> Observer for Summarizer<S> {
    type Output = S;

    #[inline]
    fn event(&mut self, event: &Event<'_>) {
        let &Record { what, time, .. } = event.record();
        if self.progress != Progress::Within || time >= self.window.end {
            if self.progress == Progress::After {
                return;
            }
            if time >= self.window.start {
                self.advance(time);
            }
            if self.progress == Progress::After {
                self.last = self.window.end;
                return;
            }
        }
        self.last = time;
        // Nearly all events are these.
        if let What::GoTransition(from, to) = what {
            if from != to {
                self.go_transition(event, from, to);
            }
            return;
        }
        self.other(event, what, time);
    }

    fn finish(self) -> S {
        self.finish_with_names().0
    }
}

impl<S: SummarySink> Summarizer<S> {
    /// Takes an event that is no transition of a goroutine.
    #[inline(never)]
    fn other(&mut self, event: &Event<'_>, what: What, time: i64) {
        match what {
            What::ProcTransition(from, ProcState::Idle) if from != ProcState::Idle => {
                self.proc_idles(event.record().a, time);
            }
            What::Sync => {
                self.sync = time;
                self.names.forget_ids();
            }
            What::Gap => self.lose(time),
            What::RangeBegin(range) | What::RangeActive(range) | What::RangeEnd(range) => {
                self.range(event, range, what);
            }
            What::RegionBegin => self.begin_region(event),
            What::RegionEnd => self.end_region(event),
            What::Label => {
                let label = self.names.of(event, event.record().text);
                if let Some(account) = self.account(event.record().go) {
                    account.label = label;
                }
            }
            _ => {}
        }
    }

    /// What has not ended ends now.
    pub(super) fn finish_with_names(mut self) -> (S, Names) {
        if self.progress == Progress::Before && self.window.start <= self.last {
            self.advance(self.last);
        }
        for index in self.indexes() {
            self.sum_up(index, self.last, NEVER);
            self.show(index);
        }
        (self.summary, self.names)
    }
}

impl<S: fmt::Debug> fmt::Debug for Summarizer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Summarizer")
            .field("summary", &self.summary)
            .field("goroutines", &self.goroutines.len())
            .finish()
    }
}
