//! Analyses of a trace: the reports that `go tool trace` shows, and more.
//!
//! Most analyses implement [`Observer`]: they receive the events one after another in a single
//! pass. Their memory use depends on what is alive in the traced program and on the size of the
//! report, not on the length of the trace. A tuple of observers shares one pass. [`blocking`],
//! [`gc`], [`threads`] and [`tasks::slowest()`] work on a [`Timeline`](crate::Timeline) instead,
//! which holds the whole trace.
//!
//! ```
//! use std::time::Duration;
//!
//! use gotrace::Reader;
//! use gotrace::analysis::goroutines::Goroutines;
//! use gotrace::analysis::mmu::{Mmu, MmuOptions};
//! use gotrace::analysis::run;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/traces/go1.27/gc.trace");
//! let mut reader = Reader::from_path(path)?;
//! let observers = (Goroutines::new(), Mmu::new(MmuOptions::default()));
//! let ((groups, utilization), error) = run(&mut reader, observers);
//! assert!(
//!     error.is_none(),
//!     "a damaged trace gives what could be found up to there, and why it ended"
//! );
//! for group in &groups.groups {
//!     let execution = group.times.execution.sum();
//!     println!("{}: {} goroutines ran for {:?}", group.name, group.count, execution);
//! }
//! let mmu = utilization.mmu(Duration::from_millis(1));
//! println!("in the worst millisecond the program had {:.0} % of the processors", mmu * 100.0);
//! # Ok(())
//! # }
//! ```

pub mod allocations;
pub mod blocking;
pub mod compare;
pub mod gc;
mod goroutine_summary;
mod goroutine_sums;
pub mod goroutines;
mod histogram;
pub mod latency;
pub mod mmu;
mod names;
mod observer;
mod over_time;
pub mod population;
pub mod procs;
pub mod profile;
#[cfg(feature = "serde")]
mod spread;
mod stacks;
mod summarizer;
pub mod summary;
mod system_goroutine;
pub mod tasks;
pub mod threads;
mod times;
mod tracker;

pub use crate::event::OwnedFrame;
pub use histogram::{Histogram, HistogramBucket};
pub use observer::{Observer, run};
pub use system_goroutine::{is_runtime_goroutine, is_system_goroutine};
