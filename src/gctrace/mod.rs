//! The GC log: the lines that a Go program prints to standard error under `GODEBUG=gctrace=1`.
//!
//! A line a collection, of Go 1.10 to 1.27. The log is seldom alone: it is mixed with whatever else the program and
//! its kin print, lines are cut where another writer came in between, and collectors of logs put a time in front. What
//! is no whole line of a collection is skipped and counted.
//!
//! ```
//! use gotrace::gctrace::Log;
//!
//! let text = b"listening on :8080
//! gc 1 @0.012s 2%: 0.021+0.51+0.003 ms clock, 0.042+0.30/0.39/0+0.007 ms cpu, 3->4->1 MB, 4 MB goal, 0 MB stacks, 0 MB globals, 2 P
//! gc 2 @0.029s 3%: 0.026+0.62+0.0
//! ";
//! let log = Log::from_slice(text);
//! let cycle = &log.cycles[0];
//! assert_eq!((cycle.n, cycle.at, cycle.heap_live), (1, 12_000_000, 1 << 20));
//! assert_eq!(cycle.clock.mark, 510_000);
//! assert_eq!((log.skipped.damaged, log.skipped.other), (1, 1));
//! ```
//!
//! [`Reader`] gives one line after another in bounded memory, [`Log`] all collections at once, [`Log::runs`] those of each process in
//! the log. [`Pressure`] says what collecting costs; what the live heap does is asked of [`trend`](crate::trend).
//!
//! The form of the line is that of the Go tree's `src/runtime/mgc.go` (`gcMarkTermination`), its meaning that of
//! `src/runtime/extern.go`.

mod cycle;
mod line;
mod log;
mod parse;
mod pressure;
mod reader;
mod run;

pub use cycle::{Clock, Cpu, Cycle};
pub use line::{Line, LineKind, RuntimeLine};
pub use log::{Limits, Log, Skipped};
pub use pressure::{Pressure, SURGE_CYCLES, Stretch, assist_surge, mark_collapse};
pub use reader::{MAX_LINE, Reader};
pub use run::Run;
