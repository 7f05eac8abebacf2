//! The format of Go 1.22 and later.
//!
//! A trace is a sequence of generations, each about a second long. A generation is a sequence of batches. Most batches
//! contain events of one thread (M), in order. The other batches contain the tables that events refer to. The file does
//! not order the events of different threads. Their order follows from times, sequence numbers and the rules of the
//! scheduler.
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
//! - [`generation`]: the batches of one generation, and its tables. It contains only data.
//! - [`frontier`](crate::wire::frontier): the threads by the time of their next event.
//! - [`parked`]: threads that have to wait, if there are many.
//! - [`effects`]: the table of each event's effects on goroutines and Ps, and its conditions.
//! - [`order`]: applies events to the scheduler, and fills their records.
//! - [`sequencer`]: orders the events of a generation, a block at a time.
//! - [`strict`]: reads generations and stops at the first error.
//! - [`lenient`]: reads generations and continues after errors, as defined by its table.
//! - [`decoder`]: combines the sequencer with one of these two modules.
//! - [`raw`]: batches and events in file order.
//!
//! Modules use only modules that are above them in this list.

mod batch;
mod cursor;
pub(crate) mod decoder;
mod effects;
mod generation;
mod lenient;
mod order;
mod parked;
pub mod raw;
mod records;
mod sequencer;
pub(crate) mod spec;
mod strict;
