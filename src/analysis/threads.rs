//! Reports what each thread (M) of a [`Timeline`] did.

use std::ops::Range;
use std::time::Duration;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use crate::event::{GoState, ProcState};
use crate::id::{ProcId, ThreadId};
use crate::time::Time;
use crate::timeline::{Goroutine, Timeline};

/// What one thread did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ThreadUse {
    /// The ID of the thread. After the thread has exited, the operating system may give the same ID
    /// to another thread. Before Go 1.22, this is the runtime's own number of the thread.
    pub thread: ThreadId,
    /// The first time at which the trace shows the thread with a goroutine or a P. In JSON:
    /// nanoseconds on the trace's clock.
    #[cfg_attr(feature = "serde", serde(rename = "first_seen_ns"))]
    pub first_seen: Time,
    /// The last time at which the trace shows the thread with a goroutine or a P. In JSON:
    /// nanoseconds on the trace's clock.
    #[cfg_attr(feature = "serde", serde(rename = "last_seen_ns"))]
    pub last_seen: Time,
    /// The time during which the thread ran goroutines, that is, Go code. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "running_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub running: Duration,
    /// The time during which a goroutine on the thread was in a system call or in C code. In JSON:
    /// nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "syscall_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub syscall: Duration,
    /// The time during which the thread had a P. The part that is not in `running` was spent in the
    /// scheduler and in system calls. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "with_proc_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub with_proc: Duration,
    /// The number of system calls and calls of C code on the thread.
    pub syscalls: u64,
    /// The number of distinct goroutines that ran on the thread.
    pub goroutines: u64,
    /// The Ps that the thread had, in ascending order.
    pub procs: Vec<ProcId>,
}

/// What the threads of a trace did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ThreadsReport {
    /// The length of the trace or of the selected range. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "duration_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub duration: Duration,
    /// The number of threads. `threads` has fewer entries if the list was shortened.
    pub thread_count: u64,
    /// The total time during which threads ran goroutines. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "running_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub running: Duration,
    /// The total time during which threads were in system calls. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "syscall_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub syscall: Duration,
    /// The threads, in descending order of the time during which they ran goroutines.
    pub threads: Vec<ThreadUse>,
}

/// The counts of one thread so far.
#[derive(Debug)]
struct Row {
    first_seen: Time,
    last_seen: Time,
    running: Duration,
    syscall: Duration,
    with_proc: Duration,
    syscalls: u64,
    goroutines: u64,
    /// One more than the index of the goroutine that was counted last. 0 if none was counted.
    last_goroutine: usize,
    procs: Vec<ProcId>,
}

#[derive(Debug)]
struct Rows {
    range: Range<Time>,
    rows: IndexMap<ThreadId, Row, RandomState>,
    /// The index of the row that was used last. Consecutive spans are often on the same thread.
    last: usize,
}

impl Rows {
    /// Extends the time during which a thread is seen by a span. Returns the row of the thread and
    /// the length of the part of the span within the range. `None` if the span is outside the
    /// range.
    fn seen(&mut self, thread: ThreadId, start: Time, end: Time) -> Option<(&mut Row, Duration)> {
        let (start, end) = (start.max(self.range.start), end.min(self.range.end));
        if start > end {
            return None;
        }
        if self.rows.get_index(self.last).is_none_or(|(&last, _)| last != thread) {
            let entry = self.rows.entry(thread);
            self.last = entry.index();
            entry.or_insert_with(|| Row {
                first_seen: start,
                last_seen: end,
                running: Duration::ZERO,
                syscall: Duration::ZERO,
                with_proc: Duration::ZERO,
                syscalls: 0,
                goroutines: 0,
                last_goroutine: 0,
                procs: Vec::new(),
            });
        }
        let row = &mut self.rows[self.last];
        row.first_seen = row.first_seen.min(start);
        row.last_seen = row.last_seen.max(end);
        Some((row, end - start))
    }
}

impl Row {
    fn had(&mut self, proc: ProcId) {
        if let Err(place) = self.procs.binary_search(&proc) {
            self.procs.insert(place, proc);
        }
    }
}

impl ThreadsReport {
    /// Reports what the threads did within a range of time.
    pub fn new(timeline: &Timeline, range: Range<Time>) -> Self {
        let mut rows = Rows::of_goroutines(timeline, range, |_| true);
        rows.add_procs(timeline);
        rows.into_report()
    }

    /// Reports what the threads did for the chosen goroutines within a range of time. Only threads
    /// that ran these goroutines are listed. `with_proc` is unknown, and therefore zero.
    pub fn of_goroutines(timeline: &Timeline, range: Range<Time>, chosen: impl FnMut(&Goroutine<'_>) -> bool) -> Self {
        Rows::of_goroutines(timeline, range, chosen).into_report()
    }
}

impl Rows {
    fn of_goroutines(timeline: &Timeline, range: Range<Time>, mut chosen: impl FnMut(&Goroutine<'_>) -> bool) -> Self {
        let mut rows = Rows { range: range.clone(), rows: IndexMap::default(), last: 0 };
        for (place, goroutine) in timeline.goroutines().enumerate() {
            if !chosen(&goroutine) {
                continue;
            }
            for (span, end) in goroutine.between_with_ends(range.clone()) {
                let state = span.state();
                if !matches!(state, GoState::Running | GoState::Syscall) {
                    continue;
                }
                let Some(thread) = span.thread() else { continue };
                let Some((row, within)) = rows.seen(thread, span.start(), end) else { continue };
                if state == GoState::Running {
                    row.running += within;
                } else {
                    row.syscall += within;
                    row.syscalls += 1;
                }
                if row.last_goroutine != place + 1 {
                    row.last_goroutine = place + 1;
                    row.goroutines += 1;
                }
                if let Some(proc) = span.proc() {
                    row.had(proc);
                }
            }
        }
        rows
    }

    fn add_procs(&mut self, timeline: &Timeline) {
        for proc in timeline.procs() {
            for span in proc.spans().filter(|span| span.state() == ProcState::Running) {
                let Some(thread) = span.thread() else { continue };
                if let Some((row, within)) = self.seen(thread, span.start(), span.end()) {
                    row.with_proc += within;
                    row.had(proc.id());
                }
            }
        }
    }

    fn into_report(self) -> ThreadsReport {
        let threads = self.rows.into_iter().map(|(thread, row)| ThreadUse {
            thread,
            first_seen: row.first_seen,
            last_seen: row.last_seen,
            running: row.running,
            syscall: row.syscall,
            with_proc: row.with_proc,
            syscalls: row.syscalls,
            goroutines: row.goroutines,
            procs: row.procs,
        });
        let mut threads: Vec<ThreadUse> = threads.collect();
        threads.sort_by(|a, b| b.running.cmp(&a.running).then(a.thread.cmp(&b.thread)));
        ThreadsReport {
            duration: self.range.end - self.range.start,
            thread_count: threads.len() as u64,
            running: threads.iter().map(|thread| thread.running).sum(),
            syscall: threads.iter().map(|thread| thread.syscall).sum(),
            threads,
        }
    }
}
