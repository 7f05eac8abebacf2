//! The struct [`Timeline`], which stores a trace in columns, and queries about the trace as a
//! whole.

use super::columns::Place;
use super::columns::annotations::AnnotationColumns;
use super::columns::families::Families;
use super::columns::gc::GcColumns;
use super::columns::index::Index;
use super::columns::metrics::Metrics;
use super::columns::procs::ProcColumns;
use super::columns::spans::Spans;
use super::columns::symbols::{StackNumber, Symbols};
use super::lanes::Levels;
use crate::account::Tally;
use crate::time::{ClockSnapshot, Time};
use crate::warning::Warning;
use crate::wire::header::Version;

/// A whole trace in memory, which can be queried by goroutine, P, thread and time.
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
/// A timeline does not borrow from the trace. Times are the times of events, in nanoseconds on the trace's clock.
/// Threads can share a timeline.
#[derive(Debug)]
pub struct Timeline {
    pub(super) version: Version,
    pub(super) extent: Extent,
    pub(super) goroutines: Index,
    pub(super) start_stacks: Vec<StackNumber>,
    /// Whether each goroutine was created during the trace.
    pub(super) created: Vec<bool>,
    pub(super) spans: Spans,
    pub(super) places: Vec<Place>,
    pub(super) clocks: Vec<ClockSnapshot>,
    pub(super) families: Families,
    pub(super) gc: GcColumns,
    pub(super) metrics: Metrics,
    pub(super) procs: ProcColumns,
    pub(super) annotations: AnnotationColumns,
    pub(super) gaps: Vec<i64>,
    pub(super) lost: Tally,
    pub(super) warnings: Vec<Warning>,
    pub(super) warning_count: u64,
    pub(super) symbols: Symbols,
    pub(super) levels: Levels,
}

/// The times of the first and the last event.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extent {
    pub(super) start: i64,
    pub(super) end: i64,
}

impl Timeline {
    /// Returns the version in the trace's header.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Returns when the first event happened.
    pub fn start(&self) -> Time {
        Time(self.extent.start)
    }

    /// Returns when the last event happened. Open spans end at this time.
    pub fn end(&self) -> Time {
        Time(self.extent.end)
    }

    /// Returns the times at which parts of the trace are missing. Empty unless a lenient reader skipped damage.
    pub fn gaps(&self) -> impl ExactSizeIterator<Item = Time> {
        self.gaps.iter().map(|&time| Time(time))
    }

    pub(super) fn is_gap(&self, time: i64) -> bool {
        self.gaps.binary_search(&time).is_ok()
    }

    /// Returns counts of what lenient reading lost.
    pub fn lost(&self) -> Tally {
        self.lost
    }

    /// Warnings about mistakes of the traced program: the first thousand, and their total number.
    pub fn warnings(&self) -> (&[Warning], u64) {
        (&self.warnings, self.warning_count)
    }

    /// Returns the memory that the timeline uses.
    pub fn memory(&self) -> Memory {
        let (span_bytes, directory) = self.spans.bytes();
        Memory {
            spans: self.spans.len(),
            span_bytes,
            level_bytes: self.levels.bytes(),
            table_bytes: [
                directory,
                self.goroutines.bytes(),
                (self.start_stacks.capacity() * size_of::<StackNumber>()) as u64,
                self.created.capacity() as u64,
                (self.places.capacity() * size_of::<Place>()) as u64,
                (self.clocks.capacity() * size_of::<ClockSnapshot>()) as u64,
                self.gc.bytes(),
                self.metrics.bytes(),
                self.procs.bytes(),
                self.annotations.bytes(),
                self.symbols.bytes(),
            ]
            .iter()
            .sum(),
        }
    }
}

/// The memory that a [`Timeline`] uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Memory {
    /// The number of spans of goroutines.
    pub spans: u64,
    /// The size of the columns of spans, in bytes.
    pub span_bytes: u64,
    /// The size of what [`Timeline::lanes`] and [`Timeline::groups`] have computed so far, in bytes.
    pub level_bytes: u64,
    /// The size of everything else, in bytes: indexes, strings, stacks, less frequent events.
    pub table_bytes: u64,
}
