//! Writes traces for tests and fuzzing, including traces that no real program produces.
//!
//! There are two ways to write a trace. [`from_text`] parses the text format of Go's package
//! `internal/trace/raw`, which Go's own test cases use.
//! [`RawEvent::write_text`](crate::raw::RawEvent::write_text) and `go tool trace -d=wire` print it:
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let bytes = gotrace::synth::from_text(
//!     "Trace Go1.22
//!      EventBatch gen=1 m=0 time=1 size=10
//!      ProcStatus dt=1 p=0 pstatus=1        # running
//!      GoStatus dt=1 g=1 m=0 gstatus=2      # running
//!      ProcStop dt=1
//!      EventBatch gen=1 m=18446744073709551615 time=1 size=5
//!      Frequency freq=15625000",
//! )?;
//! let mut reader = gotrace::Reader::from_slice(&bytes)?;
//! while reader.next_event().is_ok_and(|event| event.is_some()) {}
//! # Ok(())
//! # }
//! ```
//!
//! [`Trace`], [`Generation`] and [`Batch`] build a trace in code. They fill in correct sizes,
//! tables and clocks, unless you ask for wrong ones:
//!
//! ```
//! use gotrace::raw::EventType;
//! use gotrace::synth::{Batch, Generation, Trace};
//! use gotrace::{Reader, ThreadId, Version};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut generation = Generation::new(1);
//! let reason = generation.string("chan receive").0;
//! generation.batch(
//!     Batch::new(ThreadId(7), 100)
//!         .event(EventType::ProcStatus, &[1, 0, 1])
//!         .event(EventType::GoStatus, &[1, 1, 7, 2])
//!         .event(EventType::GoBlock, &[1, reason, 0]),
//! );
//! let bytes = Trace::new(Version::Go126).generation(&generation).into_bytes();
//!
//! let mut reader = Reader::from_slice(&bytes)?;
//! let mut events = 0;
//! while let Some(_event) = reader.next_event()? {
//!     events += 1;
//! }
//! assert_eq!(events, 5, "a Sync, three events, and the Sync at the end");
//! # Ok(())
//! # }
//! ```

mod model;
mod text;
mod unquote;

pub use model::{Batch, Clock, CpuSample, Generation, Trace};
pub use text::{TextError, TextErrorKind, from_text};

use crate::raw::EventType;
use crate::wire::varint;

/// Appends the code of an event and its integers, in the shortest encoding.
fn write_event(out: &mut Vec<u8>, event: EventType, args: &[u64]) {
    out.push(event.code());
    args.iter().for_each(|&arg| varint::write(out, arg));
}

/// Appends the data of an event, preceded by its length.
fn write_data(out: &mut Vec<u8>, data: &[u8]) {
    varint::write(out, data.len() as u64);
    out.extend_from_slice(data);
}
