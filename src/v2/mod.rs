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
//! - [`records`]: the records of tables, one after another.
//! - [`cursor`]: the events of one thread, one after another.
//! - [`generation`]: the batches of one generation, and its tables. This is data: what reads it decides.
//! - [`frontier`]: the threads by the time of their next event.
//! - [`parked`]: those that can't go on, where they are many.
//! - [`effects`]: what each event does to goroutines and Ps, and what it waits for: the other table.
//! - [`order`]: applies events to the scheduler, and fills their records.
//! - [`sequencer`]: puts the events of a generation in order, a block at a time.
//! - [`strict`]: reads generation after generation and stops at the first fault.
//! - [`lenient`]: reads on after faults; its table says what is kept and lost.
//! - [`decoder`]: the sequencer, driven by one of these two.
//! - [`raw`]: batches and events in file order, unordered.
//!
//! Modules use only those above them in this list.

mod batch;
mod cursor;
pub(crate) mod decoder;
mod effects;
mod frontier;
mod generation;
mod lenient;
mod order;
mod parked;
pub mod raw;
mod records;
mod sequencer;
pub(crate) mod spec;
mod strict;
