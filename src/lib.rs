//! Reads Go execution traces: what `runtime/trace`, `go test -trace` and `/debug/pprof/trace` write, of Go 1.11 to 1.27.
//!
//! ```
//! use gotrace::{EventKind, GoState, Reader};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/traces/go1.27/channels.trace");
//! let mut reader = Reader::from_path(path)?;
//! while let Some(event) = reader.next_event()? {
//!     if let EventKind::GoTransition(change) = event.kind()
//!         && change.to == GoState::Waiting
//!     {
//!         println!("{} ns: goroutine {} waits: {}", event.time(), change.go, change.reason);
//!         if let Some(frame) = change.stack.and_then(|stack| stack.frames().next()) {
//!             println!("    in {} ({}:{})", frame.func, frame.file, frame.line);
//!         }
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Where things are
//!
//! | to | use |
//! |---|---|
//! | read events in order, in bounded memory | [`Reader`], [`Event`], [`EventKind`] |
//! | query a whole trace by goroutine, P, thread and time | [`Timeline`], [`timeline`] |
//! | compute what `go tool trace` shows, and more | [`analysis`]: one submodule for each analysis |
//! | write an analysis of your own | [`analysis::Observer`] and [`analysis::run`] |
//! | find a leak | [`diagnose`], and the page [`guide`] on what to capture and how to read it |
//! | read, write, add up and compare profiles (`profile.proto`) | [`pprof`] |
//! | read the GC log of `GODEBUG=gctrace=1` | [`gctrace`] |
//! | test a series for a trend | [`trend`] |
//! | look at the file itself: batches and raw events with their offsets | [`raw`], and [`raw_v1`] for Go 1.21 and older |
//! | examine a damaged trace, and save what is sound of it | [`edit`] |
//! | write traces, for tests and fuzzing | [`synth`] |
//! | handle errors | [`Error`], [`ErrorKind`], [`Location`]: what is wrong, at which byte, generation, thread and event |
//! | see mistakes of the traced program, which are not errors | [`Warning`] |
//!
//! Strings and stacks of an event ([`Text`], [`Stack`], [`Frame`]) borrow from the trace and are decoded on demand. [`OwnedFrame`]
//! outlives it.
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `parallel` | yes | a [`Timeline`] is built on a second thread while the trace is read |
//! | `pprof` | yes | [`pprof`] and [`diagnose`] |
//! | `serde` | no | `serde::Serialize` for reports; durations and moments are integers in nanoseconds |
//! | `schema` | no | `schemars::JsonSchema` for reports |
//!
//! The command `gotrace` (package `gotrace-cli`) shows all of this in a terminal. The folder `examples` of the repository has short
//! programs.
//!
//! # Reading
//!
//! [`Reader::from_path`] takes a path, [`Reader::from_slice`] bytes in memory (none of them are copied), [`Reader::from_reader`] any
//! `Read`, of which one generation (about a second of the traced program) is resident at a time. All return the same events,
//! however a `Read` splits its bytes. After an error, a `Reader` returns `Ok(None)`.
//!
//! The library does not map files. To read a mapped file, pass the slice; see `examples/mapped.rs`.
//!
//! # Traces in a page
//!
//! The Go runtime multiplexes goroutines (**G**) over operating system threads (**M**, [`ThreadId`]). A thread needs a
//! processor (**P**, [`ProcId`], one of GOMAXPROCS) to run Go code. A trace records what happened to each: a goroutine is
//! created, runs, blocks for a reason, is made runnable by another, enters a system call; a P is acquired by a thread, or
//! stolen from one that is stuck in a system call. There are also ranges of time (stop-the-world pauses, GC marking,
//! sweeping, mark assists), metrics (heap, GOMAXPROCS), tasks, regions and log messages of the program
//! (`runtime/trace`), and CPU samples.
//!
//! Every thread writes its own events. Their times come from one clock but cannot be trusted to order events of different
//! threads, so the runtime numbers what happens to each goroutine and P. [`Reader`] restores the order as Go's own
//! reader does, by the rules of the scheduler: an event is returned when its time has come *and* the scheduler allows it.
//! On every valid trace, events, order, times and text equal those of Go 1.27.3. The differences on damaged traces are listed
//! in the project's ARCHITECTURE.md.
//!
//! Since Go 1.22 a trace is a sequence of **generations**. Each starts with an [`EventKind::Sync`] and with the status of
//! every goroutine and P that it mentions. From Go 1.25 on it also has the wall clock ([`ClockSnapshot`]). Older traces are one
//! stream and return the same events.

#![deny(missing_docs, missing_debug_implementations)]
#![forbid(unsafe_code)]

mod account;
pub mod analysis;
#[cfg(feature = "pprof")]
pub mod diagnose;
pub mod edit;
mod error;
mod event;
pub mod gctrace;
#[doc = include_str!("guide.md")]
pub mod guide {}
mod id;
mod limits;
#[cfg(feature = "serde")]
mod nanos;
mod number;
mod pdqsort;
#[cfg(feature = "pprof")]
pub mod pprof;
mod reader;
mod sched;
pub mod synth;
mod time;
pub mod timeline;
pub mod trend;
mod v1;
mod v2;
mod warning;
mod wire;

pub use account::{Account, GenerationInfo, Tally};
pub use error::{ContextMismatch, Error, ErrorKind, Flaw, Location, StuckHead};
pub use event::{
    AllocFree, AllocFreeInfo, AllocFreeType, Event, EventKind, ExperimentalBatch, Frame, Frames, Gap, GoState,
    GoTransition, GoroutineStack, HeapObject, HeapSpan, Label, Log, Metric, OwnedFrame, ProcState, ProcTransition,
    Range, RangeName, Region, Scope, Stack, Sweep, Sync, Task, Text,
};
pub use id::{GoId, ProcId, Resource, StackId, StringId, TaskId, ThreadId};
pub use limits::Limits;
pub use reader::{Reader, ReaderBuilder};
pub use time::{ClockSnapshot, Time, WallTime};
pub use timeline::Timeline;
pub use v1::raw as raw_v1;
pub use v2::raw;
pub use warning::{Warning, WarningKind};
pub use wire::header::Version;

/// Compiles the snippets of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
