//! What goroutines waited for: by reason, by place in the code, and by what woke them.
//!
//! The report sums up the waits of a [`Timeline`](crate::Timeline) that a [`Query`] selects.
//!
//! ```
//! use gotrace::Timeline;
//! use gotrace::analysis::blocking::{BlockingOptions, BlockingReport};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/traces/go1.27/http.trace");
//! let timeline = Timeline::from_path(path)?;
//! let report = BlockingReport::new(&timeline.blocked(), &BlockingOptions::default());
//! for row in &report.by_reason {
//!     println!("{}: {} waits, {:?} in all", row.reason, row.waits.count, row.waits.total);
//! }
//! # assert!(report.by_reason.iter().any(|row| row.reason == "sleep"));
//! # Ok(())
//! # }
//! ```

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use foldhash::fast::RandomState;

use super::system_goroutine::is_runtime_goroutine;
use crate::event::{Frame, OwnedFrame, Text};
use crate::id::GoId;
use crate::time::Time;
use crate::timeline::{BLOCKED_BEFORE_TRACE, Query, RuntimeWaker, Span, StackTrace, Wait, WakerKey, WhyKey};

/// Options of a [`BlockingReport`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BlockingOptions {
    /// Whether the tables include waits that are idle by design. See [`BlockingReport`].
    pub with_idle: bool,
    /// How many frames of a stack identify a place, counted outwards from the innermost frame that
    /// does not belong to the runtime. 0 means the whole stack.
    pub frames: usize,
    /// The maximum number of rows in each table. 0 means all rows.
    pub top: usize,
}

impl Default for BlockingOptions {
    /// Returns the default options: no waits that are idle by design, places of two frames, ten
    /// rows.
    fn default() -> Self {
        BlockingOptions { with_idle: false, frames: 2, top: 10 }
    }
}

impl BlockingOptions {
    /// Sets whether the tables include waits that are idle by design.
    pub fn with_idle(mut self, with_idle: bool) -> Self {
        self.with_idle = with_idle;
        self
    }

    /// Sets how many frames identify a place. 0 means the whole stack.
    pub fn frames(mut self, frames: usize) -> Self {
        self.frames = frames;
        self
    }

    /// Sets the maximum number of rows in each table. 0 means all rows.
    pub fn top(mut self, top: usize) -> Self {
        self.top = top;
        self
    }
}

/// What goroutines waited for, where, and what woke them. Rows are sorted by their total time,
/// largest first.
///
/// Some waits are *idle by design*: waits of the runtime's own goroutines, such as GC workers, and
/// waits for a network peer that has no reason to send anything yet. Examples of the latter are a
/// listener without a new connection, and a connection between two requests.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct BlockingReport {
    /// When the reported time range starts. The range is the requested one, limited to the trace.
    #[cfg_attr(feature = "serde", serde(rename = "start_ns"))]
    pub start: Time,
    /// When the reported time range ends. Time after it does not count.
    #[cfg_attr(feature = "serde", serde(rename = "end_ns"))]
    pub end: Time,
    /// The totals of all waits that the tables include.
    pub all: WaitTotals,
    /// The totals of all waits that are idle by design. The tables include these waits only if
    /// [`BlockingOptions::with_idle`] is set.
    pub idle: WaitTotals,
    /// The waits grouped by reason.
    pub by_reason: Vec<ReasonWaits>,
    /// The number of different reasons. `by_reason` may have fewer rows.
    pub reason_count: u64,
    /// The waits grouped by reason and place in the code.
    pub by_place: Vec<PlaceWaits>,
    /// The number of different pairs of reason and place. `by_place` may have fewer rows.
    pub place_count: u64,
    /// The waits grouped by what ended them.
    pub by_waker: Vec<WakerWaits>,
    /// The number of different wakers. `by_waker` may have fewer rows.
    pub waker_count: u64,
}

/// The number and the length of waits. Only the part of a wait between the report's start and end
/// counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct WaitTotals {
    /// The number of waits.
    pub count: u64,
    /// The total time of all waits, in nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "total_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub total: Duration,
    /// The time of the longest wait, in nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "longest_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub longest: Duration,
    /// The goroutine that had the longest wait. `None` if there are no waits.
    pub longest_goroutine: Option<GoId>,
    /// When the longest wait started. `None` if there are no waits.
    #[cfg_attr(feature = "serde", serde(rename = "longest_start_ns"))]
    pub longest_start: Option<Time>,
}

impl WaitTotals {
    /// Returns the mean time of a wait. Zero if there are no waits.
    pub fn mean(&self) -> Duration {
        Duration::from_nanos(nanos(self.total) / self.count.max(1))
    }

    fn add(&mut self, other: &WaitTotals) {
        self.count += other.count;
        self.total = self.total.saturating_add(other.total);
        if other.longest > self.longest || self.longest_goroutine.is_none() {
            self.longest = other.longest;
            (self.longest_goroutine, self.longest_start) = (other.longest_goroutine, other.longest_start);
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The waits for one reason.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ReasonWaits {
    /// The reason, as returned by [`Span::reason_name`](crate::timeline::Span::reason_name).
    pub reason: String,
    /// The number and the length of the waits.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub waits: WaitTotals,
}

/// The waits for one reason at one place in the code.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct PlaceWaits {
    /// The reason, as returned by [`Span::reason_name`](crate::timeline::Span::reason_name).
    pub reason: String,
    /// The frames that identify the place, innermost first. [`BlockingOptions::frames`] limits
    /// their number. Empty if the trace has no stack.
    pub stack: Vec<OwnedFrame>,
    /// The number and the length of the waits.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub waits: WaitTotals,
}

/// The waits that were ended by one part of the runtime, or by goroutines that started in the same
/// function and were at the same place.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct WakerWaits {
    /// What ended the waits.
    pub by: WokenBy,
    /// The function in which the waking goroutine started. `None` if no goroutine ended the waits,
    /// or if the function is not known.
    pub function: Option<String>,
    /// Where the waking goroutine was, innermost frame first. [`BlockingOptions::frames`] limits
    /// the number of frames.
    pub stack: Vec<OwnedFrame>,
    /// The number and the length of the waits.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub waits: WaitTotals,
}

/// What ended a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum WokenBy {
    /// A goroutine.
    Goroutine,
    /// The network poller: a file or connection became ready.
    NetworkPoller,
    /// An expired timer.
    Timer,
    /// The scheduler.
    Scheduler,
    /// The runtime's monitor thread.
    Sysmon,
    /// The wait ended, but the trace does not show what ended it.
    Nobody,
    /// The wait had not ended when the trace ended.
    StillBlocked,
}

impl From<RuntimeWaker> for WokenBy {
    fn from(waker: RuntimeWaker) -> Self {
        match waker {
            RuntimeWaker::NetworkPoller => WokenBy::NetworkPoller,
            RuntimeWaker::Timer => WokenBy::Timer,
            RuntimeWaker::Scheduler => WokenBy::Scheduler,
            RuntimeWaker::Sysmon => WokenBy::Sysmon,
        }
    }
}

impl BlockingReport {
    /// Sums up the waits that a query selects, such as
    /// [`Timeline::blocked`](crate::Timeline::blocked). Spans in which goroutines are not blocked
    /// do not count.
    pub fn new(query: &Query<'_>, options: &BlockingOptions) -> Self {
        let range = query.range();
        let mut sums = Sums::new(query);
        query.for_each_wait(|wait| {
            let within = wait.end.min(range.end) - wait.span.start().max(range.start);
            sums.add(wait, nanos(within));
        });
        let waits = sums.waits.rows;
        let mut report = BlockingReport { start: range.start, end: range.end, ..BlockingReport::default() };
        for row in &waits {
            let sum = if row.key.is_idle { &mut report.idle } else { &mut report.all };
            sum.add(&row.totals());
        }
        if options.with_idle {
            report.all.add(&report.idle);
        }
        let is_shown = |is_idle: bool| options.with_idle || !is_idle;

        let waits = || waits.iter().filter(|row| is_shown(row.key.is_idle));
        let reasons = merge(waits().map(|row| (row.key.reason_name(&row.longest), row.totals())));
        (report.reason_count, report.by_reason) =
            rows(reasons, options.top, |reason, waits| ReasonWaits { reason: reason.to_string(), waits });
        let place = |stack| Place::new(stack, options.frames);
        let places = merge(waits().map(|row| {
            let reason = row.key.reason_name(&row.longest);
            ((reason, place(row.longest.stack())), row.totals())
        }));
        (report.place_count, report.by_place) = rows(places, options.top, |(reason, place), waits| PlaceWaits {
            reason: reason.to_string(),
            stack: place.frames(),
            waits,
        });
        let wakers = sums.wakers.rows;
        let wakers = merge(wakers.iter().filter(|row| is_shown(row.key.is_idle)).map(|row| {
            let waker = row.longest.woken_by();
            let stack = waker.and_then(|waker| waker.stack()).filter(|_| row.key.by() == WokenBy::Goroutine);
            ((row.key.by(), row.key.function(query), place(stack)), row.totals())
        }));
        (report.waker_count, report.by_waker) = rows(wakers, options.top, |(by, function, place), waits| WakerWaits {
            by: *by,
            function: (!function.is_empty()).then(|| function.to_string()),
            stack: place.frames(),
            waits,
        });
        report
    }
}

/// The sums of a pass over the waits. The keys are numbers that the timeline already has, so the
/// pass does not compare any text.
struct Sums<'t> {
    waits: Table<'t, WaitKey>,
    wakers: Table<'t, WakerRowKey>,
    /// The number of the function in which each goroutine started, by number of the goroutine.
    functions: Vec<u32>,
    /// Whether each goroutine belongs to the runtime, by number of the goroutine.
    is_runtime: Vec<bool>,
    /// For each pair of reason and stack: whether a wait there is for a network peer that has no
    /// reason to send anything yet. `None` until the first such wait.
    is_quiet: Vec<Option<bool>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct WaitKey {
    why: WhyKey,
    is_since_before: bool,
    is_idle: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct WakerRowKey {
    waker: WakerKey,
    is_idle: bool,
}

impl<'t> Sums<'t> {
    fn new(query: &Query<'t>) -> Self {
        let timeline = query.timeline();
        let functions: Vec<u32> = timeline.start_functions().collect();
        let is_runtime =
            functions.iter().map(|&function| is_runtime_goroutine(timeline.function(function).as_bytes())).collect();
        let whys = timeline.why_count();
        Sums {
            waits: Table::new(4 * whys),
            wakers: Table::new(2 * whys),
            functions,
            is_runtime,
            is_quiet: vec![None; whys],
        }
    }

    #[inline]
    fn add(&mut self, wait: &Wait<'t>, nanos: u64) {
        let why = wait.why();
        let is_idle = self.is_idle(wait, why);
        let key = WaitKey { why, is_since_before: wait.is_since_before, is_idle };
        self.waits.add(key, key.slot(), nanos, &wait.span);
        let key = WakerRowKey { waker: wait.waker(&self.functions), is_idle };
        self.wakers.add(key, key.slot(), nanos, &wait.span);
    }

    fn is_idle(&mut self, wait: &Wait<'t>, why: WhyKey) -> bool {
        if self.is_runtime.get(wait.span.goroutine().number() as usize) == Some(&true) {
            return true;
        }
        let WhyKey::Why(why) = why else { return false };
        let Some(known) = self.is_quiet.get_mut(why as usize) else { return false };
        *known.get_or_insert_with(|| is_quiet(&wait.span))
    }
}

impl WaitKey {
    /// Returns the slot of the key in a [`Table`]. Several keys may share a slot.
    fn slot(self) -> usize {
        let (WhyKey::Why(why) | WhyKey::Created(why)) = self.why;
        4 * why as usize + 2 * usize::from(self.is_since_before) + usize::from(self.is_idle)
    }

    fn reason_name<'t>(self, span: &Span<'t>) -> Text<'t> {
        if self.is_since_before { Text::from(BLOCKED_BEFORE_TRACE) } else { span.reason_name() }
    }
}

impl WakerRowKey {
    /// Returns the slot of the key in a [`Table`]. Several keys may share a slot.
    fn slot(self) -> usize {
        let why = match self.waker {
            WakerKey::Goroutine { why, .. } => why as usize,
            WakerKey::Runtime(waker) => waker as usize,
            WakerKey::Nobody | WakerKey::StillBlocked => 0,
        };
        2 * why + usize::from(self.is_idle)
    }

    fn by(self) -> WokenBy {
        match self.waker {
            WakerKey::Goroutine { .. } => WokenBy::Goroutine,
            WakerKey::Runtime(waker) => waker.into(),
            WakerKey::Nobody => WokenBy::Nobody,
            WakerKey::StillBlocked => WokenBy::StillBlocked,
        }
    }

    fn function<'t>(self, query: &Query<'t>) -> Text<'t> {
        match self.waker {
            WakerKey::Goroutine { function, .. } => query.timeline().function(function),
            _ => Text::default(),
        }
    }
}

/// Sums by key. A direct-mapped slot remembers the row of the last key that used it. Other keys are
/// looked up by hash.
struct Table<'t, K> {
    rows: Vec<Row<'t, K>>,
    index: HashMap<K, usize, RandomState>,
    slots: Vec<u32>,
}

struct Row<'t, K> {
    key: K,
    count: u64,
    total: u64,
    max: u64,
    longest: Span<'t>,
}

impl<K> Row<'_, K> {
    fn totals(&self) -> WaitTotals {
        WaitTotals {
            count: self.count,
            total: Duration::from_nanos(self.total),
            longest: Duration::from_nanos(self.max),
            longest_goroutine: Some(self.longest.goroutine().id()),
            longest_start: Some(self.longest.start()),
        }
    }
}

impl<'t, K: Copy + Eq + Hash> Table<'t, K> {
    fn new(slots: usize) -> Self {
        Table { rows: Vec::new(), index: HashMap::default(), slots: vec![u32::MAX; slots] }
    }

    #[inline]
    fn add(&mut self, key: K, slot: usize, nanos: u64, span: &Span<'t>) {
        let row = self.slots.get(slot).copied().unwrap_or(u32::MAX) as usize;
        let row = match self.rows.get(row) {
            Some(found) if found.key == key => row,
            _ => self.find(key, slot, span),
        };
        let Some(row) = self.rows.get_mut(row) else { return };
        row.count += 1;
        row.total = row.total.saturating_add(nanos);
        if nanos > row.max {
            (row.max, row.longest) = (nanos, *span);
        }
    }

    #[inline(never)]
    fn find(&mut self, key: K, slot: usize, span: &Span<'t>) -> usize {
        let rows = &mut self.rows;
        let row = *self.index.entry(key).or_insert_with(|| {
            rows.push(Row { key, count: 0, total: 0, max: 0, longest: *span });
            rows.len() - 1
        });
        if let (Some(slot), Ok(row)) = (self.slots.get_mut(slot), u32::try_from(row)) {
            *slot = row;
        }
        row
    }
}

/// Adds up the totals of equal keys.
fn merge<K: Eq + Hash>(rows: impl Iterator<Item = (K, WaitTotals)>) -> Vec<(K, WaitTotals)> {
    let mut sums: HashMap<K, WaitTotals, RandomState> = HashMap::default();
    rows.for_each(|(key, waits)| sums.entry(key).or_default().add(&waits));
    sums.into_iter().collect()
}

/// Returns the number of rows, and the first `top` rows with the largest total first. A `top` of 0
/// means all rows.
fn rows<K: Ord, T>(mut sums: Vec<(K, WaitTotals)>, top: usize, row: impl Fn(&K, WaitTotals) -> T) -> (u64, Vec<T>) {
    sums.sort_by(|(a, x), (b, y)| y.total.cmp(&x.total).then_with(|| a.cmp(b)));
    let shown = if top == 0 { sums.len() } else { top };
    (sums.len() as u64, sums.iter().take(shown).map(|(key, waits)| row(key, *waits)).collect())
}

/// The frames that identify a place in the code, innermost first: function, file and line.
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Place<'t>(Vec<(Text<'t>, Text<'t>, u64)>);

impl<'t> Place<'t> {
    fn new(stack: Option<StackTrace<'t>>, frames: usize) -> Self {
        let Some(stack) = stack else { return Place(Vec::new()) };
        let place = |frame: Frame<'t>| (frame.func, frame.file, frame.line);
        match frames {
            0 => Place(stack.frames().map(place).collect()),
            _ => Place(stack.own_frames().take(frames).map(place).collect()),
        }
    }

    fn frames(&self) -> Vec<OwnedFrame> {
        let frame = |&(func, file, line): &(Text<'_>, Text<'_>, u64)| OwnedFrame {
            pc: 0,
            func: func.to_string(),
            file: file.to_string(),
            line,
        };
        self.0.iter().map(frame).collect()
    }
}

/// Returns whether a wait is idle by design. See [`BlockingReport`].
pub fn is_idle(wait: &Span<'_>) -> bool {
    is_runtime_goroutine(wait.goroutine().name().as_bytes()) || is_quiet(wait)
}

/// Functions that wait for a network peer that has no reason to send anything yet: a listener, a
/// server's connection between two requests, and the reader of a client's connection. A goroutine
/// that waits for a response on such a connection blocks elsewhere.
const QUIET: [&[u8]; 8] = [
    b"internal/poll.(*FD).Accept",
    b"net/http.(*connReader).backgroundRead",
    b"net/http.(*persistConn).readLoop",
    b"net/http.(*http2serverConn).readFrames",
    b"net/http.(*http2clientConnReadLoop).run",
    b"golang.org/x/net/http2.(*serverConn).readFrames",
    b"golang.org/x/net/http2.(*clientConnReadLoop).run",
    b"google.golang.org/grpc/internal/transport.(*http2Client).reader",
];

/// Returns whether a wait is for a network peer that has no reason to send anything yet.
fn is_quiet(span: &Span<'_>) -> bool {
    if span.reason() != "network" {
        return false;
    }
    let mut frames = span.stack().into_iter().flat_map(|stack| stack.frames());
    let mut inner = Text::default();
    frames.any(|frame| {
        let func = frame.func.as_bytes();
        let is_next_request = func == b"net/http.(*conn).serve"
            && matches!(inner.as_bytes(), b"bufio.(*Reader).Peek" | b"net/http.(*conn).readRequest");
        inner = frame.func;
        is_next_request || QUIET.contains(&func)
    })
}
