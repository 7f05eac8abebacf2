//! The GC log: the lines that a Go program prints to standard error under `GODEBUG=gctrace=1`.
//!
//! One line per collection, of Go 1.5 to 1.27. The log usually contains other output of the program and its child
//! processes. Lines may be interrupted by another writer, and log collectors put a time before each line. Everything
//! that is not a complete line of a collection is skipped and counted. A log can be a gzip file, with the feature
//! `pprof`.
//!
//! ```
//! use std::time::Duration;
//!
//! use gotrace::gctrace::Log;
//!
//! # fn main() -> Result<(), gotrace::Error> {
//! let text = b"listening on :8080
//! gc 1 @0.012s 2%: 0.021+0.51+0.003 ms clock, 0.042+0.30/0.39/0+0.007 ms cpu, 3->4->1 MB, 4 MB goal, 0 MB stacks, 0 MB globals, 2 P
//! gc 2 @0.029s 3%: 0.026+0.62+0.0
//! ";
//! let log = Log::from_slice(text)?;
//! let cycle = &log.cycles[0];
//! assert_eq!((cycle.n, cycle.start, cycle.heap_live), (1, Duration::from_millis(12), 1 << 20));
//! assert_eq!(cycle.clock.mark, Duration::from_micros(510));
//! assert_eq!((log.skipped.damaged, log.skipped.other), (1, 1));
//! # Ok(())
//! # }
//! ```
//!
//! [`LogReader`] returns one line after another in bounded memory, [`Log`] all collections at once, and [`Log::runs`]
//! the collections of each process in the log. [`LogReport`] shows how the live heap changes and what garbage
//! collection costs. Its parts are [`Pressure`] and the module [`trend`](crate::trend).
//!
//! The form of the line is from Go's `src/runtime/mgc.go` (`gcMarkTermination`), its meaning from
//! `src/runtime/extern.go`.

mod cycle;
mod line;
mod log;
mod parse;
mod pressure;
mod reader;
mod report;
mod run;

pub use crate::wire::lines::MAX_LINE;
#[cfg(feature = "pprof")]
pub(crate) use cycle::nanos;
pub use cycle::{Clock, Cpu, Cycle};
pub use line::{Line, LineKind, RuntimeLine};
pub use log::{Log, LogLimits, Skipped};
pub use pressure::{PERIOD_CYCLES, Period, Pressure, most_assist, slowest_marking};
pub use reader::LogReader;
pub use report::{
    HeapForecast, HeapShape, HeapTrend, LimitForecast, LiveHeap, LogReport, LogReportOptions, RunSummary, TurningPoint,
};
pub use run::Run;
