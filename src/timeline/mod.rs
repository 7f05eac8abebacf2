//! A whole trace in memory: the states of every goroutine, P and thread over time, queried by ID and time.
//! //!
//! [`Timeline`] is built from a [`Reader`](crate::Reader) and owns all its data. The data are in columns (`columns`):
//! spans of goroutines in chunks, less frequent things in sorted vectors, and each string and stack once. `builder`
//! fills the columns from records. A query searches by ID or time and returns values that borrow from the timeline.

mod builder;
mod clock;
mod columns;
mod construct;
mod family;
mod gc;
mod goroutine;
mod lanes;
mod life;
mod metrics;
mod procs;
mod query;
#[cfg(feature = "serde")]
mod serial;
mod store;
mod tasks;
mod totals;
mod waits;
mod waker;

pub use columns::symbols::StackTrace;
pub use family::Descendants;
pub use gc::{GcCycle, GcSweep, MarkAssist, Pause};
pub use goroutine::{BLOCKED_BEFORE_TRACE, Goroutine, NO_REASON, Span, Spans};
pub use lanes::{Cell, Group, GroupCell, LaneDetail, LaneState, Lanes, MAX_PIXELS, Metric, MetricCell};
pub use life::{Life, LifeOptions, SpanOrder};
pub use metrics::MetricValue;
pub use procs::{Proc, ProcSpan, Steal, Thread};
pub use query::{Chain, Matches, Moment, Query};
pub use store::{Memory, Timeline};
pub use tasks::{CpuSample, Label, LogMessage, Region, Task, TaskTree};
pub use totals::{ReasonTotal, Totals};
pub(crate) use waits::{Wait, WakerKey, WhyKey};
pub use waker::{RuntimeWaker, Waker};
