//! What a trace shows of the process's health: heap, pauses and waits a second, and its collections.

use std::collections::BTreeMap;

use crate::analysis::{Observer, Population, PopulationReport};
use crate::event::record::{RangeType, Symbol, What};
use crate::event::tables::IdTable;
use crate::event::{Event, EventKind, GoState};
use crate::id::NONE;
use crate::time::{ClockSnapshot, Time};

/// What the rules ask of a trace; made by [`TraceObserver`].
#[derive(Clone, Debug, Default)]
pub struct TraceEvidence {
    /// Goroutines that come and stay.
    pub population: PopulationReport,
    /// When the first event happened.
    pub begin: Time,
    /// When the last one did.
    pub end: Time,
    /// The clocks, as the trace first shows them; `None` before Go 1.25.
    pub clock: Option<ClockSnapshot>,
    /// When collections began.
    pub gc_starts: Vec<Time>,
    /// Each second in which something happened, counted on the trace's clock.
    pub seconds: BTreeMap<i64, Second>,
}

/// What happened in a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Second {
    /// The largest heap, in bytes; 0 if the trace did not tell.
    pub heap: u64,
    /// The longest time for which the world was stopped, in nanoseconds.
    pub pause: u64,
    /// How often a goroutine began to wait for a channel, a select or something of package `sync`.
    pub blocked: u64,
}

/// Gathers what [`diagnose`](super::diagnose()) asks of a trace, in one pass; run by [`analysis::run`](crate::analysis::run).
///
/// Memory follows the goroutines that are alive, the number of different stacks, and the seconds and collections of the trace.
#[derive(Debug, Default)]
pub struct TraceObserver {
    population: Population,
    evidence: TraceEvidence,
    begin: Option<i64>,
    /// When the second begins that is filled now; it is put away when the next one comes.
    second_begin: i64,
    current: Second,
    /// Since when the world is being stopped, by whom.
    pauses: Vec<(u64, i64)>,
    /// Whether a reason of this generation is one that counts, by its string's ID.
    reasons: IdTable<bool>,
    /// The same of reasons that are no strings of the trace.
    other_reasons: Vec<(Symbol, bool)>,
}

/// So many of each are remembered; the runtime has a few dozen.
const MAX_REASONS: usize = 256;

const NANOS: i64 = 1_000_000_000;

impl TraceObserver {
    /// Nothing has been seen yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn turn_to(&mut self, time: i64) {
        self.put_away();
        self.second_begin = time.wrapping_sub(time.rem_euclid(NANOS));
    }

    fn put_away(&mut self) {
        let current = std::mem::take(&mut self.current);
        if current != Second::default() {
            let second = self.evidence.seconds.entry(self.second_begin / NANOS).or_default();
            second.heap = second.heap.max(current.heap);
            second.pause = second.pause.max(current.pause);
            second.blocked += current.blocked;
        }
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
        // As in Go `src/cmd/trace/pprof.go`, `pprofMatchGoroutineBlock`.
        let counts = has(b"chan") || has(b"sync") || has(b"select");
        match reason {
            Symbol::Id(id) if self.reasons.len() < MAX_REASONS => {
                // Fails for 0 only, which stands for the empty string.
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
                    let (_, begun) = self.pauses.swap_remove(at);
                    self.current.pause = self.current.pause.max((record.time - begun).unsigned_abs());
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
        // Nearly always the same second.
        if record.time.wrapping_sub(self.second_begin) as u64 >= NANOS as u64 {
            self.turn_to(record.time);
        }
        match record.what {
            What::GoTransition(from, to) => {
                if to == GoState::Waiting
                    && from == GoState::Running
                    && record.go != NONE
                    && self.counts(event, record.text)
                {
                    self.current.blocked += 1;
                }
                self.population.event(event);
            }
            What::HeapObjects => self.current.heap = self.current.heap.max(record.a),
            What::RangeBegin(range) | What::RangeEnd(range) => self.range(event, range, record.what),
            What::Sync => {
                self.begin.get_or_insert(record.time);
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

    fn finish(mut self) -> TraceEvidence {
        self.put_away();
        let begin = Time(self.begin.unwrap_or(self.evidence.end.0));
        TraceEvidence { population: self.population.finish(), begin, ..self.evidence }
    }
}
