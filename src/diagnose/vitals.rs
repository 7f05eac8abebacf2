//! The health of the process according to a trace: heap, pauses and waits, and its collections.

use std::time::Duration;

use crate::analysis::Observer;
use crate::analysis::population::{Population, PopulationReport};
use crate::event::record::{RangeType, Symbol, What};
use crate::event::tables::IdTable;
use crate::event::{Event, EventKind, GoState};
use crate::id::NONE;
use crate::time::{ClockSnapshot, Time};

/// What the rules need from a trace, collected by [`TraceObserver`].
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct TraceEvidence {
    /// The goroutines that are created and do not exit.
    pub population: PopulationReport,
    /// When the first event happened.
    pub start: Time,
    /// When the last event happened.
    pub end: Time,
    /// The first clock snapshot of the trace. `None` before Go 1.25.
    pub clock: Option<ClockSnapshot>,
    /// When collections started.
    pub gc_starts: Vec<Time>,
    /// The size of the heap, and pauses and waits.
    pub load: TraceLoad,
}

/// What the health score needs from a trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TraceLoad {
    /// The largest heap, in bytes; 0 if the trace does not contain its size.
    pub heap_max: u64,
    /// The longest stop of the world.
    pub longest_pause: Duration,
    /// How long the world was stopped in all.
    pub stopped: Duration,
    /// The number of times that a goroutine started to wait for a channel, a select or a type of
    /// package `sync`.
    pub blocked: u64,
}

/// Collects what [`diagnose`](super::diagnose()) needs from a trace, in one pass. Run it with
/// [`analysis::run`](crate::analysis::run).
///
/// Its memory grows with the goroutines that are alive, the different stacks, and the collections of
/// the trace.
#[derive(Debug, Default)]
pub struct TraceObserver {
    population: Population,
    evidence: TraceEvidence,
    start: Option<i64>,
    /// The stops of the world that have not ended: the goroutine that stopped it, and the start in
    /// nanoseconds.
    pauses: Vec<(u64, i64)>,
    /// Whether a wait for a reason of this generation counts as blocked, by the ID of the reason's
    /// string.
    reasons: IdTable<bool>,
    /// Whether a wait counts as blocked, for reasons that are not strings of the trace.
    other_reasons: Vec<(Symbol, bool)>,
}

/// The maximum number of reasons of each kind to remember. The runtime has a few dozen.
const MAX_REASONS: usize = 256;

impl TraceObserver {
    /// Creates an observer without events.
    pub fn new() -> Self {
        Self::default()
    }

    #[inline]
    fn counts(&mut self, event: &Event<'_>, reason: Symbol) -> bool {
        let known = match reason {
            Symbol::Id(id) => self.reasons.get(id),
            _ => self.other_reasons.iter().find(|(symbol, _)| *symbol == reason).map(|&(_, counts)| counts),
        };
        known.unwrap_or_else(|| self.judge(event, reason))
    }

    #[inline(never)]
    fn judge(&mut self, event: &Event<'_>, reason: Symbol) -> bool {
        let text = event.text(reason);
        let has = |part: &[u8]| memchr::memmem::find(text.as_bytes(), part).is_some();
        // Go makes the same choice in `src/cmd/trace/pprof.go`, `pprofMatchGoroutineBlock`.
        let counts = has(b"chan") || has(b"sync") || has(b"select");
        match reason {
            Symbol::Id(id) if self.reasons.len() < MAX_REASONS => {
                // Fails only for 0, the ID of the empty string.
                let _ = self.reasons.insert(id, counts, "string");
            }
            Symbol::Id(_) => {}
            _ if self.other_reasons.len() < MAX_REASONS => self.other_reasons.push((reason, counts)),
            _ => {}
        }
        counts
    }

    fn range(&mut self, event: &Event<'_>, range: RangeType, how: What) {
        let record = event.record();
        match (range, how) {
            (RangeType::GcMark, What::RangeBegin(_)) => self.evidence.gc_starts.push(Time(record.time)),
            (RangeType::StopTheWorld, What::RangeBegin(_)) if self.pauses.len() < 64 => {
                self.pauses.push((record.a, record.time));
            }
            (RangeType::StopTheWorld, What::RangeEnd(_)) => {
                if let Some(at) = self.pauses.iter().position(|&(go, _)| go == record.a) {
                    let (_, start) = self.pauses.swap_remove(at);
                    let pause = Time(record.time) - Time(start);
                    let load = &mut self.evidence.load;
                    load.longest_pause = load.longest_pause.max(pause);
                    load.stopped = load.stopped.saturating_add(pause);
                }
            }
            _ => {}
        }
    }
}

impl Observer for TraceObserver {
    type Output = TraceEvidence;

    #[inline]
    fn event(&mut self, event: &Event<'_>) {
        let record = event.record();
        match record.what {
            What::GoTransition(from, to) => {
                if to == GoState::Waiting
                    && from == GoState::Running
                    && record.go != NONE
                    && self.counts(event, record.text)
                {
                    self.evidence.load.blocked += 1;
                }
                self.population.event(event);
            }
            What::HeapObjects => self.evidence.load.heap_max = self.evidence.load.heap_max.max(record.a),
            What::RangeBegin(range) | What::RangeEnd(range) => self.range(event, range, record.what),
            What::Sync => {
                self.start.get_or_insert(record.time);
                self.reasons.clear();
                self.other_reasons.clear();
                if let (None, EventKind::Sync(sync)) = (self.evidence.clock, event.kind()) {
                    self.evidence.clock = sync.clock;
                }
                self.population.event(event);
            }
            What::Gap => {
                self.pauses.clear();
                self.population.event(event);
            }
            _ => {}
        }
        self.evidence.end = Time(record.time);
    }

    fn finish(self) -> TraceEvidence {
        let start = Time(self.start.unwrap_or(self.evidence.end.0));
        TraceEvidence { population: self.population.finish(), start, ..self.evidence }
    }
}
