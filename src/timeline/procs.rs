//! Ps (processors) and threads, and the goroutines that ran on each.

use std::time::Duration;

use super::Timeline;
use super::columns::Place;
use super::columns::procs::ProcEntry;
use super::columns::runs::{Run, Runs};
use super::goroutine::{Goroutine, Span};
use crate::event::ProcState;
use crate::id::{GoId, ProcId, ThreadId, present};
use crate::time::Time;

impl Timeline {
    /// Returns the P with this ID. `None` if the trace does not mention it.
    pub fn proc(&self, id: ProcId) -> Option<Proc<'_>> {
        self.procs.index.get(id.0).map(|number| Proc { timeline: self, number })
    }

    /// Returns all Ps, in the order in which the trace first mentions them.
    pub fn procs(&self) -> impl ExactSizeIterator<Item = Proc<'_>> + Clone {
        (0..self.procs.index.len() as u32).map(|number| Proc { timeline: self, number })
    }

    /// Returns the thread with this ID. `None` if no goroutine ran on it.
    ///
    /// The first call builds an index of 32 bytes for each span of a running goroutine.
    pub fn thread(&self, id: ThreadId) -> Option<Thread<'_>> {
        let runs = self.runs_by_thread();
        runs.ids.binary_search(&id.0).ok().map(|_| Thread { timeline: self, id })
    }

    /// Returns all threads on which goroutines ran, in ascending order.
    pub fn threads(&self) -> impl ExactSizeIterator<Item = Thread<'_>> {
        self.runs_by_thread().ids.iter().map(|&id| Thread { timeline: self, id: ThreadId(id) })
    }

    fn runs_by_proc(&self) -> &Runs {
        self.procs.by_proc.get_or_init(|| self.runs(|place| place.proc))
    }

    fn runs_by_thread(&self) -> &Runs {
        self.procs.by_thread.get_or_init(|| self.runs(|place| place.thread))
    }

    fn runs(&self, id_of: impl Fn(&Place) -> u64) -> Runs {
        Runs::new(&self.spans, self.goroutines.len() as u32, &self.places, id_of)
    }

    fn span_of(&self, run: &Run) -> Option<Span<'_>> {
        Span::at(Goroutine::new(self, run.go), run.cursor)
    }

    fn span_at<'t>(&'t self, runs: &'t [Run], time: Time) -> Option<Span<'t>> {
        let last = runs.partition_point(|run| run.start <= time.0).checked_sub(1)?;
        self.span_of(runs.get(last)?).filter(|span| time < span.end() || span.is_open() && time <= span.end())
    }
}

/// A P (processor) of a [`Timeline`].
#[derive(Clone, Copy, Debug)]
pub struct Proc<'t> {
    timeline: &'t Timeline,
    number: u32,
}

impl<'t> Proc<'t> {
    /// Returns its ID.
    pub fn id(&self) -> ProcId {
        ProcId(self.timeline.procs.index.id(self.number).unwrap_or(0))
    }

    /// Returns its states over time, without holes: when it had a thread and when it was idle.
    pub fn spans(&self) -> impl ExactSizeIterator<Item = ProcSpan> + use<'t> {
        let entries = self.timeline.procs.of(self.number);
        let end = self.timeline.extent.end;
        entries.iter().enumerate().map(move |(index, &entry)| {
            let next = entries.get(index + 1).map(|next| next.time);
            ProcSpan { entry, end: Time(next.unwrap_or(end)), is_open: next.is_none() }
        })
    }

    /// Returns the span at a time. `None` outside of the trace, and before the P existed.
    pub fn at(&self, time: Time) -> Option<ProcSpan> {
        self.spans().find(|span| span.start() <= time && (time < span.end() || span.is_open() && time == span.end()))
    }

    /// Returns the spans of the goroutines that ran on it or entered a system call with it, in order of time. A system
    /// call may continue after another thread took the P.
    ///
    /// The first call builds an index of 32 bytes for each span of a running goroutine.
    pub fn runs(&self) -> impl ExactSizeIterator<Item = Span<'t>> + use<'t> {
        spans_of(self.timeline, self.timeline.runs_by_proc().of(self.id().0))
    }

    /// Returns the span of the goroutine that it ran at a time. `None` if it ran no goroutine.
    pub fn running_at(&self, time: Time) -> Option<Span<'t>> {
        self.timeline.span_at(self.timeline.runs_by_proc().of(self.id().0), time)
    }
}

fn spans_of<'t>(timeline: &'t Timeline, runs: &'t [Run]) -> impl ExactSizeIterator<Item = Span<'t>> + use<'t> {
    runs.iter().map(move |run| timeline.span_of(run).expect("the index contains places of spans"))
}

/// A period in which a P was in one state.
#[derive(Clone, Copy, Debug)]
pub struct ProcSpan {
    entry: ProcEntry,
    end: Time,
    is_open: bool,
}

impl ProcSpan {
    /// Returns the state. [`ProcState::Undetermined`] is the state of a P until the trace first mentions it, and after
    /// a [gap](Timeline::gaps) until the trace mentions it again.
    pub fn state(&self) -> ProcState {
        self.entry.state
    }

    /// Returns when it entered the state.
    pub fn start(&self) -> Time {
        Time(self.entry.time)
    }

    /// Returns when it left the state. If the span is open, this is the end of the trace.
    pub fn end(&self) -> Time {
        self.end
    }

    /// Returns whether it was still in the state when the trace ended.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Returns how long it was in the state during the trace.
    pub fn duration(&self) -> Duration {
        self.end - self.start()
    }

    /// Returns the thread that had the P. `None` if the P was not running.
    pub fn thread(&self) -> Option<ThreadId> {
        let is_running = self.entry.state == ProcState::Running;
        present(self.entry.thread).filter(|_| is_running).map(ThreadId)
    }

    /// Returns the thread that took the P from a system call. `None` if the P did not become idle because of this.
    pub fn stolen_by(&self) -> Option<Steal> {
        let thread = present(self.entry.thread).filter(|_| self.entry.is_stolen)?;
        Some(Steal { thread: ThreadId(thread), go: present(self.entry.go).map(GoId) })
    }
}

/// The thread that took a P from a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Steal {
    /// The thread that took the P.
    pub thread: ThreadId,
    /// The goroutine that was running on that thread. `None` if no goroutine was running.
    pub go: Option<GoId>,
}

/// A thread (M) of a [`Timeline`].
#[derive(Clone, Copy, Debug)]
pub struct Thread<'t> {
    timeline: &'t Timeline,
    id: ThreadId,
}

impl<'t> Thread<'t> {
    /// Returns its ID. The operating system may have reused it for another thread. Before Go 1.22, this is the
    /// runtime's number of the thread.
    pub fn id(&self) -> ThreadId {
        self.id
    }

    /// Returns the spans of the goroutines that ran or were in a system call on it, in order of time. Between these
    /// spans, the thread was idle or ran the scheduler.
    pub fn runs(&self) -> impl ExactSizeIterator<Item = Span<'t>> + use<'t> {
        spans_of(self.timeline, self.timeline.runs_by_thread().of(self.id.0))
    }

    /// Returns the span of the goroutine that it ran at a time. `None` if it ran no goroutine.
    pub fn running_at(&self, time: Time) -> Option<Span<'t>> {
        self.timeline.span_at(self.timeline.runs_by_thread().of(self.id.0), time)
    }
}
