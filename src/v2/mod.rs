//! The format of Go 1.22 and later.
//!
//! A trace is a row of generations, each about a second. A generation is a row of batches: most hold the events of
//! one M in the order in which they happened there, some hold the tables that those refer to. Between Ms there is no
//! order in the file: it is restored from times, sequence numbers and what the scheduler allows.
//!
//! ```text
//! file        header  generation  generation  …
//! generation  batch batch batch …  (EndOfGeneration from Go 1.26 on)
//! batch       type  generation  M  time  size  body
//! body        event event …  |  string string …  |  stack stack …  |  sample sample …  |  frequency, clock
//! ```
//!
//! - [`spec`]: the one table of events.
//! - [`batch`]: the framing.
//! - [`generation`]: the batches of one generation, and its tables.
//! - [`cursor`]: the events of one M, one after another.
//! - [`frontier`]: the Ms by the time of their next event.
//! - [`parked`]: those that can't go on, where they are many.
//! - [`order`]: what each event does to the scheduler, and the record it gives.
//! - [`decoder`]: all of these together, a block of events at a time.
//! - [`salvage`]: what lenient reading makes of a damaged generation.
//! - [`verdict`]: whether a batch belongs to it.
//! - [`clipped`]: batches that end before their sizes say.
//! - [`resync`]: where the next batch begins, once that is lost.
//! - [`raw`]: batches and events in file order, unordered.

mod batch;
mod clipped;
mod cursor;
pub(crate) mod decoder;
mod frontier;
mod generation;
mod order;
mod parked;
pub mod raw;
mod records;
mod resync;
mod salvage;
pub(crate) mod spec;
mod verdict;
