//! The total time that goroutines were in each state.

use std::ops::Range;
use std::time::Duration;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::Timeline;
use super::columns::symbols::StringNumber;
use super::goroutine::{Goroutine, Span, name_of_reason};
use crate::event::{GoState, Text};
use crate::time::Time;

/// The total time and number of waits for one reason.
#[derive(Clone, Copy, Debug, Default)]
struct Waits {
    nanos: u64,
    count: u64,
}

/// The total time that goroutines were in each state, within a range of time.
///
/// Like in Go's own summaries (Go `src/internal/trace/summary.go`), the time before the trace first mentions an older
/// goroutine counts for the state that the trace then reports, since the runtime would have reported a change. After a
/// gap of a damaged trace, time does not count until the trace reports the state. Unlike in Go's summaries, spans that
/// are open at the end of the trace count, and so does the wait of a goroutine that is blocked `forever`.
#[derive(Clone, Debug)]
pub struct Totals<'t> {
    timeline: &'t Timeline,
    running: u64,
    runnable: u64,
    syscall: u64,
    waits: IndexMap<WaitReason, Waits, RandomState>,
}

/// The key by which waits are grouped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct WaitReason {
    reason: StringNumber,
    is_since_before: bool,
}

/// The total time that goroutines were blocked for one reason.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ReasonTotal<'t> {
    /// The reason, named as in [`Span::reason_name`].
    pub reason: Text<'t>,
    /// The total time of these waits.
    pub time: Duration,
    /// The number of waits.
    pub count: u64,
}

impl Timeline {
    /// Returns how long all goroutines together were in each state, within a range of time.
    pub fn totals(&self, range: Range<Time>) -> Totals<'_> {
        let mut totals = Totals::new(self);
        for goroutine in self.goroutines() {
            totals.add_goroutine(goroutine, range.start, range.end);
        }
        totals
    }
}

impl<'t> Goroutine<'t> {
    /// Returns how long the goroutine was in each state, within a range of time.
    pub fn totals(&self, range: Range<Time>) -> Totals<'t> {
        let mut totals = Totals::new(self.timeline());
        totals.add_goroutine(*self, range.start, range.end);
        totals
    }
}

impl<'t> Totals<'t> {
    fn new(timeline: &'t Timeline) -> Self {
        Totals { timeline, running: 0, runnable: 0, syscall: 0, waits: IndexMap::default() }
    }

    /// Adds the states of a goroutine within a range.
    fn add_goroutine(&mut self, goroutine: Goroutine<'t>, start: Time, end: Time) {
        for span in goroutine.between(start..end) {
            self.add(&span, nanos_within(&span, start, end));
        }
    }

    fn add(&mut self, span: &Span<'t>, nanos: u64) {
        match span.state() {
            GoState::Running => self.running = add(self.running, nanos),
            GoState::Runnable => self.runnable = add(self.runnable, nanos),
            GoState::Syscall => self.syscall = add(self.syscall, nanos),
            GoState::Waiting => {
                let reason = WaitReason { reason: span.reason_number(), is_since_before: span.is_since_before() };
                let waits = self.waits.entry(reason).or_default();
                waits.nanos = add(waits.nanos, nanos);
                waits.count += 1;
            }
            GoState::Undetermined | GoState::NotExist => {}
        }
    }

    /// Returns the time running.
    pub fn running(&self) -> Duration {
        Duration::from_nanos(self.running)
    }

    /// Returns the time runnable: ready to run, waiting for a P.
    pub fn runnable(&self) -> Duration {
        Duration::from_nanos(self.runnable)
    }

    /// Returns the time in system calls, with or without a P.
    pub fn syscall(&self) -> Duration {
        Duration::from_nanos(self.syscall)
    }

    /// Returns the time blocked, for any reason.
    pub fn waiting(&self) -> Duration {
        self.waits.values().fold(Duration::ZERO, |sum, waits| sum.saturating_add(Duration::from_nanos(waits.nanos)))
    }

    /// Returns how long and how often goroutines were blocked for each reason, in the order in which the reasons first
    /// occurred.
    pub fn waiting_by_reason(&self) -> impl ExactSizeIterator<Item = ReasonTotal<'t>> {
        let strings = &self.timeline.symbols.strings;
        self.waits.iter().map(|(key, waits)| ReasonTotal {
            reason: name_of_reason(strings.get(key.reason), key.is_since_before),
            time: Duration::from_nanos(waits.nanos),
            count: waits.count,
        })
    }

    /// Returns the sum of all states.
    pub fn total(&self) -> Duration {
        self.running() + self.runnable() + self.syscall() + self.waiting()
    }
}

/// Adds two times. Saturates, since sums of a malicious trace may overflow.
fn add(a: u64, b: u64) -> u64 {
    a.saturating_add(b)
}

fn nanos_within(span: &Span<'_>, start: Time, end: Time) -> u64 {
    u64::try_from(span.end().min(end).since(span.start().max(start))).unwrap_or(0)
}
