//! Spans: the one at a time, its neighbours, its waker, and the goroutines that it woke.

use std::cmp::Reverse;
use std::ops::Range;
use std::time::Duration;

use gotrace::timeline::{Goroutine, Span};
use gotrace::{GoId, GoState, ProcId, ThreadId, Time, Timeline};
use serde::{Deserialize, Serialize};

use super::super::session::Loaded;
use super::view::Part;
use super::{Answer, Refusal, to_json};

/// The longest chain of wakers that is answered.
const MAX_CHAIN: usize = 32;
/// At most this many of the woken goroutines are listed.
const MAX_WOKEN: usize = 20;

/// A span, and the names of its goroutine and its waker.
#[derive(Serialize)]
pub struct SpanRow<'t> {
    #[serde(flatten)]
    span: Span<'t>,
    /// The function in which the goroutine started.
    function: String,
    /// When the waker woke the goroutine.
    woken_ns: Option<Time>,
    /// The function in which the waking goroutine started.
    waker_function: Option<String>,
}

impl<'t> SpanRow<'t> {
    pub fn new(timeline: &'t Timeline, span: Span<'t>) -> Self {
        let waker = span.woken_by();
        let goroutine = waker.and_then(|waker| timeline.goroutine(waker.go()?));
        SpanRow {
            span,
            function: span.goroutine().name().to_string(),
            woken_ns: waker.map(|waker| waker.at()),
            waker_function: goroutine.map(|goroutine| goroutine.name().to_string()),
        }
    }
}

/// A goroutine that a span woke.
#[derive(Serialize)]
struct Woken {
    goroutine: GoId,
    function: String,
    at_ns: Time,
}

/// A span and what it is connected with.
#[derive(Serialize)]
struct Details<'t> {
    span: Option<SpanRow<'t>>,
    previous: Option<SpanRow<'t>>,
    next: Option<SpanRow<'t>>,
    /// The goroutines that it woke, in order of time.
    woke: Vec<Woken>,
    woke_count: usize,
    /// The chain of waits that delayed it: this span, then the last wait of its waker, and so on.
    chain: Vec<SpanRow<'t>>,
}

impl<'t> Details<'t> {
    fn new(timeline: &'t Timeline, span: Option<Span<'t>>) -> Self {
        let row = |span| SpanRow::new(timeline, span);
        let (woke, woke_count) = span.map_or((Vec::new(), 0), |span| woken(timeline, &span));
        Details {
            span: span.map(row),
            previous: span.and_then(|span| span.previous()).map(row),
            next: span.and_then(|span| next(&span)).map(row),
            woke,
            woke_count,
            chain: span.iter().flat_map(Span::chain).take(MAX_CHAIN).map(row).collect(),
        }
    }
}

/// Returns the goroutines that a goroutine woke during a span, and their number.
fn woken(timeline: &Timeline, span: &Span<'_>) -> (Vec<Woken>, usize) {
    let own = span.goroutine().id();
    if span.state() != GoState::Running {
        return (Vec::new(), 0);
    }
    let mut woken: Vec<(Time, Goroutine<'_>)> = Vec::new();
    let range = span.start()..Time(span.end().0.saturating_add(1));
    for goroutine in timeline.goroutines() {
        for wait in goroutine.between(range.clone()).filter(|span| span.state() == GoState::Waiting) {
            let Some(waker) = wait.woken_by().filter(|waker| waker.go() == Some(own)) else { continue };
            if range.contains(&waker.at()) {
                woken.push((waker.at(), goroutine));
            }
        }
    }
    woken.sort_by_key(|&(at, goroutine)| (at, goroutine.id()));
    let first = woken.iter().take(MAX_WOKEN).map(|&(at_ns, goroutine)| Woken {
        goroutine: goroutine.id(),
        function: goroutine.name().to_string(),
        at_ns,
    });
    (first.collect(), woken.len())
}

fn next<'t>(span: &Span<'t>) -> Option<Span<'t>> {
    if span.is_open() { None } else { span.goroutine().at(span.end()) }
}

/// Selects a span by a time, and by a goroutine or the P or thread on which it ran.
#[derive(Deserialize)]
pub struct SpanQuery {
    goroutine: Option<u64>,
    proc: Option<u64>,
    thread: Option<u64>,
    at: i64,
}

/// Answers with the span at a time. The span is null if there is none.
pub fn span(loaded: &Loaded, query: SpanQuery) -> Answer {
    let timeline = loaded.timeline()?;
    let at = Time(query.at);
    let span = match query {
        SpanQuery { goroutine: Some(id), .. } => goroutine(timeline, id)?.at(at),
        SpanQuery { proc: Some(id), .. } => timeline.proc(ProcId(id)).and_then(|proc| proc.running_at(at)),
        SpanQuery { thread: Some(id), .. } => timeline.thread(ThreadId(id)).and_then(|thread| thread.running_at(at)),
        _ => return Err(Refusal::Wrong("give a goroutine, a proc or a thread".to_owned())),
    };
    to_json(&Details::new(timeline, span))
}

pub fn goroutine(timeline: &Timeline, id: u64) -> Result<Goroutine<'_>, Refusal> {
    timeline.goroutine(GoId(id)).ok_or_else(|| Refusal::Absent(format!("the trace has no goroutine {id}")))
}

/// Selects waits.
#[derive(Deserialize)]
pub struct WaitsQuery {
    start: Option<i64>,
    end: Option<i64>,
    limit: Option<usize>,
    reason: Option<String>,
}

#[derive(Serialize)]
struct Waits<'t> {
    waits: Vec<SpanRow<'t>>,
}

/// The most waits in an answer.
const MAX_WAITS: usize = 1000;
const USUAL_WAITS: usize = 50;

/// Answers with the longest waits of the program's own goroutines.
pub fn waits(loaded: &Loaded, query: WaitsQuery) -> Answer {
    let timeline = loaded.timeline()?;
    let limit = query.limit.unwrap_or(USUAL_WAITS).min(MAX_WAITS);
    let part = Part::new(query.start, query.end).of(timeline);
    let waits = longest_waits(timeline, part, query.reason.as_deref(), limit);
    to_json(&Waits { waits: waits.into_iter().map(|span| SpanRow::new(timeline, span)).collect() })
}

/// Returns the longest waits of the program's own goroutines, longest first.
pub fn longest_waits<'t>(
    timeline: &'t Timeline,
    part: Range<Time>,
    reason: Option<&str>,
    limit: usize,
) -> Vec<Span<'t>> {
    let own = timeline.blocked().between(part).of_goroutines(|goroutine| !is_of_runtime(&goroutine));
    match reason {
        Some(reason) => longest(own.reason(reason).iter(), limit),
        None => longest(own.iter(), limit),
    }
}

/// Returns the longest spans, longest first.
pub fn longest<'t>(spans: impl Iterator<Item = Span<'t>>, limit: usize) -> Vec<Span<'t>> {
    let key = |span: &Span<'_>| (Reverse(span.duration()), span.start(), span.goroutine().id());
    let mut longest: Vec<Span<'t>> = Vec::new();
    // There are enough spans that are at least as long as this.
    let mut least = Duration::ZERO;
    for span in spans {
        if span.duration() < least {
            continue;
        }
        longest.push(span);
        // Sorting now and then is faster than a heap, and memory stays bounded.
        if longest.len() >= 2 * limit + MAX_WAITS {
            longest.sort_by_key(key);
            longest.truncate(limit);
            least = longest.last().map_or(Duration::MAX, Span::duration);
        }
    }
    longest.sort_by_key(key);
    longest.truncate(limit);
    longest
}

/// Whether a goroutine belongs to the Go runtime.
pub fn is_of_runtime(goroutine: &Goroutine<'_>) -> bool {
    gotrace::analysis::is_runtime_goroutine(goroutine.name().as_bytes())
}
