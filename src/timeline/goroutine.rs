//! Goroutines and their spans.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use super::Timeline;
use super::columns::Place;
use super::columns::spans::{Cursor, Entry, NOBODY, NOBODY_WITHOUT_PROC, State};
use super::columns::symbols::{StackNumber, StackTrace, StringNumber};
use super::waker::{RuntimeWaker, Waker};
use crate::event::{GoState, Text};
use crate::id::{GoId, ProcId, ThreadId, present};
use crate::time::Time;

impl Timeline {
    /// Returns the goroutine with this ID. `None` if the trace does not mention it.
    pub fn goroutine(&self, id: GoId) -> Option<Goroutine<'_>> {
        self.goroutines.get(id.0).map(|number| Goroutine::new(self, number))
    }

    /// Returns all goroutines, in the order in which the trace first mentions them.
    pub fn goroutines(&self) -> impl ExactSizeIterator<Item = Goroutine<'_>> {
        (0..self.goroutines.len() as u32).map(|number| Goroutine::new(self, number))
    }
}

/// A goroutine of a [`Timeline`].
#[derive(Clone, Copy)]
pub struct Goroutine<'t> {
    timeline: &'t Timeline,
    number: u32,
}

impl<'t> Goroutine<'t> {
    pub(super) fn new(timeline: &'t Timeline, number: u32) -> Self {
        Goroutine { timeline, number }
    }

    /// Returns its ID.
    pub fn id(&self) -> GoId {
        GoId(self.timeline.goroutines.id(self.number).unwrap_or(0))
    }

    /// Returns the function in which it started, such as `main.worker`: the outermost function of its stack. Empty if
    /// the trace contains no stack of the goroutine.
    ///
    /// Go's own tools name goroutines the same way (Go `src/internal/trace/summary.go`).
    pub fn name(&self) -> Text<'t> {
        self.start_stack().and_then(|stack| stack.frames().next_back()).map_or(Text(b""), |frame| frame.func)
    }

    /// Returns the stack at which it started, if it was created during the trace. For an older goroutine, this is its
    /// first stack in the trace. The outermost frame is the same for all stacks of a goroutine.
    pub fn start_stack(&self) -> Option<StackTrace<'t>> {
        self.stack(self.timeline.start_stacks.get(self.number as usize).copied().unwrap_or(0))
    }

    /// Returns when it was created. `None` if it was created before the trace.
    pub fn created_at(&self) -> Option<Time> {
        self.creation().map(|entry| Time(entry.time))
    }

    /// Returns the goroutine that created it. `None` if it was created before the trace, or not by
    /// a goroutine, such as for a callback from C or a timer.
    pub fn created_by(&self) -> Option<GoId> {
        self.creator_number().and_then(|number| self.go(number))
    }

    pub(super) fn creator_number(&self) -> Option<u32> {
        self.creation().filter(|entry| is_creator_known(*entry) && entry.who != NOBODY).map(|entry| entry.who)
    }

    /// Returns the goroutines that it created during the trace, in order.
    pub fn children(&self) -> impl ExactSizeIterator<Item = Goroutine<'t>> + Clone + use<'t> {
        let timeline = self.timeline;
        timeline.children_of(self.number).iter().map(move |&child| Goroutine { timeline, number: child })
    }

    /// Returns the stack of its creator when it was created. `None` if the creator is not known.
    pub fn creation_stack(&self) -> Option<StackTrace<'t>> {
        let entry = self.creation().filter(|entry| is_creator_known(*entry))?;
        self.stack(self.timeline.symbols.why(entry.why).stack)
    }

    /// Returns when it exited. `None` if it was alive at the end of the trace.
    pub fn ended_at(&self) -> Option<Time> {
        let spans = &self.timeline.spans;
        let last = spans.last(self.number).and_then(|cursor| spans.get(cursor))?;
        (last.state == State::Ended).then_some(Time(last.time))
    }

    /// Returns its states over time, without holes, from its creation or the start of the trace to its exit or the end
    /// of the trace.
    pub fn spans(&self) -> Spans<'t> {
        Spans { goroutine: *self, next: self.timeline.spans.first(self.number) }
    }

    /// Returns the span at a time. `None` before its creation, after its exit, and outside of the trace. At the time at
    /// which one span ends and the next starts, this is the next span.
    pub fn at(&self, time: Time) -> Option<Span<'t>> {
        if time < self.timeline.start() || time > self.timeline.end() {
            return None;
        }
        let cursor = self.timeline.spans.covering(self.number, time.0);
        let entry = self.timeline.spans.get(cursor)?;
        (entry.state != State::Ended && entry.time <= time.0).then_some(Span { goroutine: *self, cursor, entry })
    }

    /// Returns the spans that overlap a range of time, in order: they start before its end and end after its start.
    pub fn between(&self, range: Range<Time>) -> impl Iterator<Item = Span<'t>> + use<'t> {
        self.between_with_ends(range).map(|(span, _)| span)
    }

    /// Like [`between`](Self::between), with the end of each span. Reads each span once.
    pub(crate) fn between_with_ends(&self, range: Range<Time>) -> impl Iterator<Item = (Span<'t>, Time)> + use<'t> {
        let (goroutine, timeline) = (*self, self.timeline);
        let mut cursor = timeline.spans.covering(self.number, range.start.0);
        let mut entry = timeline.spans.get(cursor);
        let spans = std::iter::from_fn(move || {
            loop {
                let span = Span { goroutine, cursor, entry: entry? };
                cursor = timeline.spans.next(cursor);
                entry = timeline.spans.get(cursor);
                // Only a damaged trace mentions a goroutine after its exit.
                if span.entry.state != State::Ended {
                    return Some((span, Time(entry.map_or(timeline.extent.end, |next| next.time))));
                }
            }
        });
        spans.skip_while(move |&(_, end)| end <= range.start).take_while(move |(span, _)| span.start() < range.end)
    }

    pub(super) fn timeline(&self) -> &'t Timeline {
        self.timeline
    }

    /// Returns its index in the order in which the trace first mentions goroutines.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    fn creation(&self) -> Option<Entry> {
        let is_created = *self.timeline.created.get(self.number as usize)?;
        let spans = &self.timeline.spans;
        is_created.then(|| spans.get(spans.first(self.number))).flatten()
    }

    fn go(&self, number: u32) -> Option<GoId> {
        self.timeline.goroutines.id(number).map(GoId)
    }

    fn stack(&self, number: StackNumber) -> Option<StackTrace<'t>> {
        self.timeline.symbols.stack(number)
    }
}

/// Returns whether the first entry of a goroutine is its creation, in which case `who` is the creator.
/// A goroutine is created runnable or waiting.
fn is_creator_known(entry: Entry) -> bool {
    matches!(entry.state, State::Created | State::Waiting)
}

impl fmt::Debug for Goroutine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Goroutine({} {})", self.id(), self.name())
    }
}

/// The spans of a [`Goroutine`] in order of time.
#[derive(Clone, Debug)]
pub struct Spans<'t> {
    goroutine: Goroutine<'t>,
    next: Cursor,
}

impl<'t> Iterator for Spans<'t> {
    type Item = Span<'t>;

    #[inline]
    fn next(&mut self) -> Option<Span<'t>> {
        let spans = &self.goroutine.timeline.spans;
        loop {
            let cursor = self.next;
            let entry = spans.get(cursor)?;
            self.next = spans.next(cursor);
            // Only a damaged trace mentions a goroutine after its exit.
            if entry.state != State::Ended {
                return Some(Span { goroutine: self.goroutine, cursor, entry });
            }
        }
    }
}

/// The name of the reason of a wait that started before the trace. The trace contains neither the reason nor the start
/// of such a wait.
pub const BLOCKED_BEFORE_TRACE: &str = "blocked since before the trace";

/// The name of the reason of a wait without a reason: the switch between coroutines of `iter.Pull`, and some waits of
/// the runtime before Go 1.22.
pub const NO_REASON: &str = "no reason recorded";

/// Returns the name under which reports show the reason of a wait.
pub(super) fn name_of_reason(reason: Text<'_>, is_since_before: bool) -> Text<'_> {
    match (reason.is_empty(), is_since_before) {
        (true, true) => Text::from(BLOCKED_BEFORE_TRACE),
        (true, false) => Text::from(NO_REASON),
        (false, _) => reason,
    }
}

/// A period in which a goroutine was in one state.
#[derive(Clone, Copy)]
pub struct Span<'t> {
    goroutine: Goroutine<'t>,
    cursor: Cursor,
    entry: Entry,
}

impl<'t> Span<'t> {
    /// Returns the span at a position. `None` if there is no span at this position.
    pub(super) fn at(goroutine: Goroutine<'t>, cursor: Cursor) -> Option<Self> {
        let entry = goroutine.timeline.spans.get(cursor)?;
        Some(Span { goroutine, cursor, entry })
    }

    pub(super) fn of(goroutine: Goroutine<'t>, cursor: Cursor, entry: Entry) -> Self {
        Span { goroutine, cursor, entry }
    }

    pub(super) fn entry(&self) -> Entry {
        self.entry
    }

    /// Returns the goroutine.
    pub fn goroutine(&self) -> Goroutine<'t> {
        self.goroutine
    }

    /// Returns the state. A goroutine that is older than the trace is in its first reported state from the start of the
    /// trace on. [`GoState::Undetermined`] only occurs in damaged traces: after a [gap](Timeline::gaps), until the trace
    /// reports the state again.
    pub fn state(&self) -> GoState {
        match self.entry.state {
            State::Undetermined => GoState::Undetermined,
            State::Created | State::Woken | State::Ready => GoState::Runnable,
            State::Running => GoState::Running,
            State::Waiting => GoState::Waiting,
            State::Syscall => GoState::Syscall,
            State::Ended => GoState::NotExist,
        }
    }

    /// Returns when it entered the state.
    pub fn start(&self) -> Time {
        Time(self.entry.time)
    }

    /// Returns when it left the state. If the span is open, this is the end of the trace.
    pub fn end(&self) -> Time {
        Time(self.next().map_or(self.timeline().extent.end, |next| next.time))
    }

    /// Returns whether it was still in the state when the trace ended.
    pub fn is_open(&self) -> bool {
        self.next().is_none()
    }

    /// Returns how long it was in the state during the trace.
    pub fn duration(&self) -> Duration {
        self.end() - self.start()
    }

    /// Returns the reason why it blocked or yielded, in the runtime's words, such as `chan receive` or `preempted`.
    /// Empty for other states.
    pub fn reason(&self) -> Text<'t> {
        self.timeline().symbols.strings.get(self.reason_number())
    }

    /// Returns the reason as reports show it. Waits without a reason are named [`BLOCKED_BEFORE_TRACE`] or
    /// [`NO_REASON`]. Empty for other spans without a reason.
    pub fn reason_name(&self) -> Text<'t> {
        match self.state() {
            GoState::Waiting => name_of_reason(self.reason(), self.is_since_before()),
            _ => self.reason(),
        }
    }

    /// Returns whether the goroutine was already blocked when the trace first mentioned it, so that the trace does not
    /// contain the reason.
    pub fn is_since_before(&self) -> bool {
        self.is_found_blocked(self.previous().map_or(State::Undetermined, |span| span.entry.state))
    }

    /// Like [`is_since_before`](Self::is_since_before), given the previous state. For the first span, this is
    /// [`State::Undetermined`].
    pub(super) fn is_found_blocked(&self, previous: State) -> bool {
        self.entry.state == State::Waiting
            && self.entry.who == NOBODY
            && previous == State::Undetermined
            && self.reason_number() == 0
    }

    pub(super) fn reason_number(&self) -> StringNumber {
        match self.entry.state {
            State::Waiting | State::Ready | State::Syscall => self.timeline().symbols.why(self.entry.why).reason,
            _ => 0,
        }
    }

    /// Returns the stack of the goroutine when it entered the state: where it blocked, yielded or entered the system
    /// call, or where a new goroutine starts. `None` for other states, and if the trace has no stack.
    pub fn stack(&self) -> Option<StackTrace<'t>> {
        let why = self.timeline().symbols.why(self.entry.why);
        match self.entry.state {
            State::Waiting if self.entry.who == NOBODY => self.goroutine.stack(why.stack),
            State::Ready | State::Syscall => self.goroutine.stack(why.stack),
            State::Created | State::Waiting => self.goroutine.start_stack(),
            _ => None,
        }
    }

    /// Returns the P on which it ran, or with which it entered the system call. `None` for other states.
    pub fn proc(&self) -> Option<ProcId> {
        self.place().and_then(|place| present(place.proc)).map(ProcId)
    }

    /// Returns the thread on which it ran or was in the system call. `None` for other states, and before Go 1.22, whose
    /// traces have no threads.
    pub fn thread(&self) -> Option<ThreadId> {
        self.place().and_then(|place| present(place.thread)).map(ThreadId)
    }

    fn place(&self) -> Option<Place> {
        match self.entry.state {
            State::Running | State::Syscall => self.timeline().places.get(self.entry.who as usize).copied(),
            _ => None,
        }
    }

    /// Returns what woke it. For a wait, this is what ended the wait. For the time until the goroutine ran, this is
    /// what made it runnable. `None` if it was not woken, or not yet.
    pub fn woken_by(&self) -> Option<Waker<'t>> {
        let (entry, reason) = match self.entry.state {
            State::Woken => (self.entry, self.previous().map_or(Text(b""), |previous| previous.reason())),
            State::Waiting => (self.next().filter(|next| next.state == State::Woken)?, self.reason()),
            _ => return None,
        };
        let by = match entry.who {
            NOBODY => Err(RuntimeWaker::on_proc(reason)),
            NOBODY_WITHOUT_PROC => Err(RuntimeWaker::off_proc(reason)),
            number => Ok(self.goroutine.go(number)?),
        };
        let stack = self.goroutine.stack(self.timeline().symbols.why(entry.why).stack);
        Some(Waker { at: Time(entry.time), by, stack })
    }

    /// Returns the previous span of the goroutine. `None` for the first span.
    pub fn previous(&self) -> Option<Span<'t>> {
        let cursor = self.timeline().spans.previous(self.goroutine.number, self.cursor)?;
        let entry = self.timeline().spans.get(cursor).filter(|entry| entry.state != State::Ended)?;
        Some(Span { goroutine: self.goroutine, cursor, entry })
    }

    fn next(&self) -> Option<Entry> {
        let spans = &self.timeline().spans;
        spans.get(spans.next(self.cursor))
    }

    fn timeline(&self) -> &'t Timeline {
        self.goroutine.timeline
    }
}

impl fmt::Debug for Span<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Span { goroutine, entry, .. } = self;
        write!(f, "goroutine {} {} from {} to {}", goroutine.id(), self.state(), entry.time, self.end())
    }
}
