//! The format of Go 1.22 and later.
//!
//! A trace is a sequence of generations, each about a second long. A generation is a sequence of
//! batches. Most batches hold events of one thread (M), in order. The others hold the tables that
//! events refer to. The file does not order the events of different threads. Their order follows
//! from times, sequence numbers and the rules of the scheduler.
//!
//! ```text
//! file        header  generation  generation  …
//! generation  batch batch batch …  (EndOfGeneration from Go 1.26 on)
//! batch       type  generation  M  time  size  body
//! body        event event …  |  string string …  |  stack stack …  |  sample …  |  frequency, clock
//! ```
//!
//! - [`spec`]: the table of events: codes, names and arguments.
//! - [`batch`]: the framing of batches.
//! - [`records`]: the records of tables.
//! - [`cursor`]: the events of one thread.
//! - [`generation`]: the batches of one generation, and its tables. Only data.
//! - [`frontier`]: the threads by the time of their next event.
//! - [`parked`]: threads that have to wait, if there are many.
//! - [`effects`]: the table of what each event does to goroutines and Ps, and what it waits for.
//! - [`order`]: applies events to the scheduler, and fills their records.
//! - [`sequencer`]: orders the events of a generation, a block at a time.
//! - [`strict`]: reads generations and stops at the first error.
//! - [`lenient`]: reads generations and continues after errors, as its table says.
//! - [`decoder`]: joins the sequencer with one of these two.
//! - [`raw`]: batches and events in file order.
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
