//! Reads Go execution traces, which `runtime/trace`, `go test -trace` and `/debug/pprof/trace`
//! write. Supports Go 1.11 to 1.27.
//!
//! New here? The [tutorial](guide::tutorial) goes from a `trace.out` to three answers, and the
//! [cookbook](guide::cookbook) has short recipes.
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
//! # Overview
//!
//! | task | use |
//! |---|---|
//! | read events in order, in bounded memory | [`Reader`], [`Event`], [`EventKind`] |
//! | query a whole trace by goroutine, P, thread and time | [`Timeline`], [`timeline`] |
//! | compute what `go tool trace` shows, and more | [`analysis`]: one submodule for each analysis |
//! | write your own analysis | [`analysis::Observer`] and [`analysis::run`] |
//! | find a leak | [`diagnose`], and a page on [finding leaks](guide::leaks): what to capture and how to read it |
//! | read, write, merge and compare profiles (`profile.proto`) | [`pprof`] |
//! | read the GC log of `GODEBUG=gctrace=1` | [`gctrace`] |
//! | read goroutine dumps in text: `?debug=2`, SIGQUIT, a crash | [`dump`] |
//! | test a time series for a trend | [`trend`] |
//! | inspect the file format: batches and raw events with their offsets | [`raw`], and [`raw_v1`] for Go 1.21 and older |
//! | determine the kind of a file | [`FileKind`] |
//! | examine a damaged trace, and write its undamaged parts as a valid trace | [`edit`] |
//! | write traces, for tests and fuzzing | [`synth`] |
//! | handle errors | [`Error`], [`ErrorKind`], [`Location`]: what is wrong, at which byte, generation, thread and event |
//! | see misused regions and tasks of the traced program, which are not errors | [`Warning`] |
//!
//! The strings and stacks of an event ([`Text`], [`Stack`], [`Frame`]) borrow from the trace and are decoded on demand.
//! Convert a [`Frame`] to an [`OwnedFrame`] to keep it longer.
//!
//! # Features and Rust version
//!
//! The minimum supported Rust version is 1.88.
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `parallel` | yes | a [`Timeline`] is built on a second thread while the trace is read |
//! | `pprof` | yes | [`pprof`] and [`diagnose`] |
//! | `serde` | no | `serde::Serialize` for reports; durations and times are integers in nanoseconds |
//! | `schema` | no | `schemars::JsonSchema` for reports |
//!
//! The command `gotrace` (package `gotrace-cli`) shows all of this in a terminal. The folder
//! `examples` of the repository contains short programs.
//!
//! # Reading
//!
//! [`Reader::from_path`] reads a file, [`Reader::from_slice`] bytes in memory (without copying
//! any), and [`Reader::from_reader`] any `Read`, keeping one generation (about a second of the
//! traced program) in memory at a time. All return the same events, no matter how a `Read` splits
//! its bytes. After an error, a `Reader` returns `Ok(None)`.
//!
//! The library does not map files. To read a mapped file, pass the slice, as in
//! `examples/mapped.rs`.
//!
//! # Traces in one page
//!
//! The Go runtime multiplexes goroutines (**G**) over operating system threads (**M**,
//! [`ThreadId`]). A thread needs a processor (**P**, [`ProcId`], one of GOMAXPROCS) to run Go code.
//! A trace records what happens to each of them: a goroutine is created, runs, blocks for a reason, is made runnable by
//! another goroutine, or enters a system call. A thread acquires a P, or steals it from a
//! thread that is in a system call. A trace also contains ranges of time (stop-the-world pauses, GC
//! marking, sweeping, mark assists), metrics (heap, GOMAXPROCS), CPU samples, and the program's
//! tasks, regions and log messages (package `runtime/trace`).
//!
//! Every thread writes its own events. Their times come from one clock, but are not precise enough
//! to order events of different threads. So the runtime adds sequence numbers to events of
//! goroutines and Ps. [`Reader`] restores the order like Go's own reader, which simulates the
//! scheduler: of the events that are possible in the current state, the earliest is next. On every valid trace, events,
//! order, times and text are the same as in Go 1.27.3. ARCHITECTURE.md lists the differences on damaged traces.
//!
//! Since Go 1.22, a trace is a sequence of **generations**. Each starts with an [`EventKind::Sync`]
//! and the status of every goroutine and P that it mentions. Since Go 1.25, it also contains the
//! wall clock ([`ClockSnapshot`]). Older traces are a single stream, and return the same kinds of
//! events.

#![deny(missing_docs, missing_debug_implementations)]
#![forbid(unsafe_code)]

mod account;
pub mod analysis;
#[cfg(feature = "pprof")]
pub mod diagnose;
pub mod dump;
pub mod edit;
mod error;
mod event;
mod file_kind;
pub mod gctrace;
pub mod guide;
mod id;
mod limits;
#[cfg(feature = "serde")]
mod nanos;
mod number;
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
pub use file_kind::FileKind;
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
