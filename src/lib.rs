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
//! | | |
//! |---|---|
//! | [`Reader`] | the events of a trace in order, one after another, in bounded memory |
//! | [`Timeline`], [`timeline`] | every goroutine, P and thread through time, in memory, asked by ID |
//! | [`Event`], [`EventKind`] | what an event says: a time, a goroutine, a P, a thread, a stack, and its kind with its data |
//! | [`Stack`], [`Frame`], [`Text`] | stacks and strings, borrowed from the trace and decoded when asked for |
//! | [`Error`], [`ErrorKind`], [`Location`] | what is wrong with a trace and where: byte, generation, thread, event |
//! | [`Warning`], [`OwnedFrame`] | mistakes of the traced program and where in it, which do not stop the reading |
//! | [`analysis`] | what `go tool trace` shows and more, in one pass: goroutine groups, MMU, profiles, latencies |
//! | [`raw`] | the wire: batches and events in file order, unordered, with their offsets |
//! | [`raw_v1`] | the same for traces of Go 1.21 and older |
//! | [`guide`] | a page on finding a leak in a live service: what to capture, how to read it, what it cannot see |
//! | [`gctrace`] | the GC log of `GODEBUG=gctrace=1`: collections, and what they cost |
//! | [`trend`] | what a series does: slope, test, turning points, forecast |
//! | [`pprof`] | profiles (`profile.proto`): heap, CPU, block, …: read and written |
//! | [`diagnose`] | is there a leak, where, how sure: heap profiles, trace and GC log joined into one verdict |
//! | [`synth`] | a trace writer, for tests and fuzzing |
//!
//! # Reading
//!
//! [`Reader::from_path`] takes a path, [`Reader::from_slice`] bytes in memory (nothing of them is copied), [`Reader::from_reader`] any
//! `Read`: the bytes of one generation, about a second of the traced program, are resident at a time. All give the
//! same events, whatever the chunks in which a `Read` hands out its bytes. A `Reader` that has failed gives `Ok(None)`.
//!
//! The library maps no files. To read a mapped one, map it and hand over the slice; a file that is cut while it is
//! mapped then ends the process.
//!
//! # Traces in a page
//!
//! The Go runtime multiplexes goroutines (**G**) over operating system threads (**M**, [`ThreadId`]); a thread needs a
//! processor (**P**, [`ProcId`], one of GOMAXPROCS) to run Go code. A trace holds what happened to each: a goroutine is
//! created, runs, blocks with a reason, is made runnable by another, enters a system call; a P is taken by a thread, or
//! stolen from one that is stuck in a system call. Besides there are ranges of time (stop-the-world pauses, GC marking,
//! sweeping, mark assists), metrics (heap, GOMAXPROCS), tasks, regions and log messages of the program
//! (`runtime/trace`), and CPU samples.
//!
//! Every thread writes its own events. Their times come from one clock but can't be trusted to order events of different
//! threads, so the runtime counts what happens to each goroutine and P. [`Reader`] restores the order as Go's own
//! reader does, with the rules of the scheduler: an event comes when its time has come *and* the scheduler allows it.
//! On every valid trace, events, order, times and text equal those of Go 1.27.3; where they differ on damaged ones is
//! in the project's ARCHITECTURE.md.
//!
//! Since Go 1.22 a trace is a row of **generations**. Each opens with an [`EventKind::Sync`] and with the status of
//! every goroutine and P that it mentions; from Go 1.25 on it also tells the wall clock ([`ClockSnapshot`]). Older
//! traces are one stream; they give the same events.

#![deny(missing_docs, missing_debug_implementations)]
#![forbid(unsafe_code)]

mod account;
pub mod analysis;
#[cfg(feature = "pprof")]
pub mod diagnose;
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
