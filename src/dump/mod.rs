//! Goroutine dumps: the stacks of all goroutines in text.
//!
//! A Go program writes one for `/debug/pprof/goroutine?debug=2`, at SIGQUIT, in a crash (a panic, `fatal error: …`, all
//! goroutines are asleep), and for `runtime.Stack(buf, true)`. Supports Go 1.5 to 1.27. A dump is usually part of a
//! log, and log collectors put a time or a name before each line. Other lines are skipped and counted.
//!
//! ```
//! use std::time::Duration;
//!
//! use gotrace::dump::Dumps;
//!
//! # fn main() -> Result<(), gotrace::Error> {
//! let text = b"web | listening on :8080
//! web | fatal error: all goroutines are asleep - deadlock!
//! web |
//! web | goroutine 18 [chan send, 12 minutes]:
//! web | main.worker(0x0?)
//! web | \t/app/main.go:14 +0x2c
//! web | created by main.start in goroutine 1
//! web | \t/app/main.go:21 +0x65
//! ";
//! let log = Dumps::from_slice(text)?;
//! let dump = &log.dumps[0];
//! assert_eq!(dump.crash.as_deref(), Some("fatal error: all goroutines are asleep - deadlock!"));
//! let goroutine = &dump.goroutines[0];
//! assert_eq!((goroutine.state.as_str(), goroutine.wait), ("chan send", Some(Duration::from_secs(12 * 60))));
//! assert_eq!((goroutine.stack[0].func.as_str(), goroutine.stack[0].line), ("main.worker", 14));
//! # Ok(())
//! # }
//! ```
//!
//! [`DumpReader`] returns one dump after another, [`Dumps`] all dumps of a log. [`DumpReport`] sums them up by function
//! and shows which groups grow from dump to dump.
//!
//! The format is from Go's `src/runtime/traceback.go`: `goroutineheader`, `traceback2`, `printcreatedby` and
//! `printAncestorTraceback`.

mod assemble;
mod dumps;
mod goroutine;
mod header;
mod line;
mod prefix;
mod reader;
mod report;

#[cfg(feature = "pprof")]
pub(crate) use assemble::Assembler;
pub use dumps::{Dump, DumpLines, Dumps};
pub use goroutine::{Creator, DumpGoroutine, ElidedFrames};
pub(crate) use header::contains_header;
pub use reader::DumpReader;
pub use report::{
    DumpGroup, DumpGroupBy, DumpGroupOrder, DumpReport, DumpReportOptions, DumpStack, DumpState, DumpSummary,
};

#[cfg(test)]
mod tests;
