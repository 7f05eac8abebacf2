//! The typed timeline: every goroutine, P and thread through time, held in memory and asked by ID.
//!
//! `build` takes in the records of a [`Reader`] one by one; nothing of this room knows how a trace
//! is written. What is kept are columns: spans of goroutines in chunks (`spans`), everything rarer
//! in sorted vectors, strings and stacks once each (`symbols`). A query is a search by ID or time
//! and gives iterators that borrow.

mod build;
mod clock;
mod family;
mod gc;
mod goroutine;
mod index;
mod life;
mod metrics;
mod procs;
mod query;
#[cfg(feature = "serde")]
mod serial;
mod spans;
mod symbols;
mod tasks;
mod totals;
mod waits;

use std::io::Read;
use std::num::NonZero;
use std::ops::Range;
use std::path::Path;
use std::sync::LazyLock;
use std::thread;

use crate::account::Tally;
use crate::error::Error;
use crate::id::GoId;
use crate::reader::Reader;
use crate::time::Time;
use crate::warning::Warning;
use crate::wire::header::Version;
use build::{Builder, Place};
pub use family::Descendants;
pub use gc::{GcCycle, GcSweep, MarkAssist, Pause};
pub use goroutine::{BLOCKED_BEFORE_TRACE, Goroutine, NO_REASON, RuntimeWaker, Span, Spans, Waker};
use index::Index;
pub use life::{Life, LifeOptions, SpanOrder};
pub use metrics::MetricValue;
pub use procs::{Proc, ProcSpan, Steal, Thread};
pub use query::{Chain, Matches, Moment, Query};
pub use symbols::StackTrace;
use symbols::{StackNumber, Symbols};
pub use tasks::{CpuSample, Label, LogMessage, Region, Task, TaskTree};
pub use totals::{ReasonTotal, Totals};
pub(crate) use waits::{Wait, WakerKey, WhyKey};

/// How many processors there are for us. Asked once, since it takes longer than a small trace does;
/// if that changes later, it is not seen.
static PROCESSORS: LazyLock<usize> = LazyLock::new(|| thread::available_parallelism().map_or(1, NonZero::get));

/// What happened in a trace, by goroutine, P, thread and time.
///
/// ```
/// use gotrace::{GoId, Timeline};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/traces/go1.26/channels.trace");
/// let timeline = Timeline::from_path(path)?;
/// let main = timeline.goroutine(GoId(1)).ok_or("no such goroutine")?;
/// for span in main.spans() {
///     println!("{} ns: {} {} for {:?}", span.start(), span.state(), span.reason(), span.duration());
///     if let Some(waker) = span.woken_by() {
///         println!("    until {:?} woke it", waker.go());
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// It owns all it needs: the bytes of the trace may go. Times are those of the events, in
/// nanoseconds on the trace's clock.
#[derive(Debug)]
pub struct Timeline {
    version: Version,
    extent: Extent,
    goroutines: Index,
    start_stacks: Vec<StackNumber>,
    spans: spans::Spans,
    places: Vec<Place>,
    clocks: clock::Clocks,
    families: family::Families,
    gc: gc::GcColumns,
    metrics: metrics::Metrics,
    procs: procs::ProcColumns,
    tasks: tasks::TaskColumns,
    gaps: Vec<i64>,
    lost: Tally,
    warnings: Vec<Warning>,
    warning_count: u64,
    symbols: Symbols,
}

/// From when to when a trace goes.
#[derive(Clone, Copy, Debug, Default)]
struct Extent {
    start: i64,
    end: i64,
}

impl Timeline {
    /// Builds the timeline of a file.
    ///
    /// # Errors
    ///
    /// Those of opening the file and of [`from_events`](Self::from_events).
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::from_events(Reader::from_path(path)?)
    }

    /// Builds the timeline of a trace that is in memory, or mapped into it.
    ///
    /// # Errors
    ///
    /// As [`from_events`](Self::from_events).
    pub fn from_slice(bytes: &[u8]) -> Result<Self, Error> {
        Self::from_events(Reader::from_slice(bytes)?)
    }

    /// Builds the timeline of a trace from anything that gives bytes.
    ///
    /// # Errors
    ///
    /// As [`from_events`](Self::from_events).
    pub fn from_reader(from: impl Read + Send) -> Result<Self, Error> {
        Self::from_events(Reader::from_reader(from)?)
    }

    /// Builds the timeline of what a reader has yet to deliver.
    ///
    /// A lenient reader's damaged trace has [gaps](Self::gaps), after which nothing is known of a
    /// goroutine, P or value until the trace tells it again, and at which whatever was under way is
    /// cut.
    ///
    /// With the feature `parallel`, and if there is a second processor, a second thread keeps what
    /// this one finds. The timeline is the same.
    ///
    /// # Errors
    ///
    /// Whatever the reader finds wrong with the trace.
    pub fn from_events(reader: Reader<'_>) -> Result<Self, Error> {
        let threads = match cfg!(feature = "parallel") {
            true => *PROCESSORS,
            false => 1,
        };
        let builder = Builder::new(reader.version(), threads);
        Self::build(reader, builder)
    }

    fn build(mut reader: Reader<'_>, mut builder: Builder) -> Result<Self, Error> {
        reader.drain(&mut builder)?;
        let mut timeline = builder.finish();
        let (warnings, count) = reader.warnings();
        (timeline.warnings, timeline.warning_count) = (warnings.to_vec(), count);
        timeline.lost = reader.account().lost;
        Ok(timeline)
    }

    /// The version that the trace's header names.
    pub fn version(&self) -> Version {
        self.version
    }

    /// When the first event happened.
    pub fn start(&self) -> Time {
        Time(self.extent.start)
    }

    /// When the last event happened. Spans that are still open are taken to last until then.
    pub fn end(&self) -> Time {
        Time(self.extent.end)
    }

    /// When parts of the trace are missing: only a lenient reader goes over them.
    pub fn gaps(&self) -> impl ExactSizeIterator<Item = Time> {
        self.gaps.iter().map(|&time| Time(time))
    }

    fn is_gap(&self, time: i64) -> bool {
        self.gaps.binary_search(&time).is_ok()
    }

    /// What lenient reading lost.
    pub fn lost(&self) -> Tally {
        self.lost
    }

    /// The mistakes of the traced program: the first thousand of them, and how many there were.
    pub fn warnings(&self) -> (&[Warning], u64) {
        (&self.warnings, self.warning_count)
    }

    /// A goroutine, `None` if the trace never speaks of it.
    pub fn goroutine(&self, id: GoId) -> Option<Goroutine<'_>> {
        self.goroutines.get(id.0).map(|number| Goroutine::new(self, number))
    }

    /// All goroutines, in the order in which the trace first speaks of them.
    pub fn goroutines(&self) -> impl ExactSizeIterator<Item = Goroutine<'_>> {
        (0..self.goroutines.len() as u32).map(|number| Goroutine::new(self, number))
    }

    /// How long all goroutines together were in which state, within a range of time.
    pub fn totals(&self, range: Range<Time>) -> Totals<'_> {
        let mut totals = Totals::new(self);
        for goroutine in self.goroutines() {
            totals.add_goroutine(goroutine, range.start, range.end);
        }
        totals
    }

    /// How much memory the timeline takes, and for what.
    pub fn memory(&self) -> Memory {
        let (span_bytes, directory) = self.spans.bytes();
        Memory {
            spans: self.spans.len(),
            span_bytes,
            table_bytes: [
                directory,
                self.goroutines.bytes(),
                (self.start_stacks.capacity() * size_of::<StackNumber>()) as u64,
                (self.places.capacity() * size_of::<Place>()) as u64,
                self.clocks.bytes(),
                self.gc.bytes(),
                self.metrics.bytes(),
                self.procs.bytes(),
                self.tasks.bytes(),
                self.symbols.bytes(),
            ]
            .iter()
            .sum(),
        }
    }
}

/// How much memory a [`Timeline`] takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Memory {
    /// Spans of goroutines.
    pub spans: u64,
    /// Bytes of the columns in which they are.
    pub span_bytes: u64,
    /// Bytes of all else: indexes, strings, stacks, events that are rarer.
    pub table_bytes: u64,
}
