//! The format of Go 1.11 to 1.21.
//!
//! A trace is one row of batches, each of one P, in the order in which the runtime flushed them. A batch holds the
//! events of its P with their times and ends where the next one begins; strings and stacks stand among the events.
//! There are no generations: the clock's rate and most stacks come last, and any two Ps may have to wait for each other
//! across the whole file. So all bytes must be there before the first event can be delivered.
//!
//! ```text
//! file    header  batch batch batch …
//! batch   Batch P ticks   record record …      up to the next Batch
//! record  event | String | Stack | CPUSample | Frequency | TimerGoroutine
//! ```
//!
//! The bytes are kept and the events are not: a busy trace spends four bytes on an event, so whatever is kept of each
//! soon outweighs the file. The file is walked over twice. The first pass ([`scan`]) notes where the batches are, and
//! the few records that do not belong where they stand; the second decodes the Ps' events, one by one, as the
//! merge asks for them.
//!
//! - [`spec`]: the one table of records.
//! - [`effects`]: what each event does, and what it waits for: the other table.
//! - [`parse`]: a record's type and values.
//! - [`scan`]: the first pass: batches, tables, CPU samples.
//! - [`skip`]: its way over the events that it keeps nothing of.
//! - [`found`]: what it finds: the data that the second pass works with.
//! - [`proof`]: whether the bytes at a place are of the trace: whether sound records follow.
//! - [`syscall`]: the ends of system calls, which stand later than they happened.
//! - [`cursor`]: the events of one P, one after another.
//! - [`order`]: the merge: whose event comes next.
//! - [`goroutine`]: what is remembered of a goroutine and a P.
//! - [`check`]: what an event must find.
//! - [`moves`]: the commonest events, made straight from their bytes.
//! - [`convert`]: from these events to those of the typed model.
//! - [`model`]: the typed model's words for what the format says by number.
//! - [`outbox`]: the records that are made and not yet delivered.
//! - [`clock`]: from ticks to time.
//! - [`emitter`]: all of these together: from what was found to ordered events, a block at a time.
//! - [`strict`], [`lenient`]: what is done about faults.
//! - [`decoder`]: what the reader calls: one of these two and the emitter.
//! - [`limits`]: how much of everything a trace may have.
//! - [`raw`]: records in file order, unordered.
//!
//! # What it has in common with v2, and what not
//!
//! The typed model, the tables, the arena of goroutines, and the rules for tasks and regions are those of v2. The other
//! rules of [`sched`](crate::sched) are not used: they say what a *thread* can do with its goroutine and its P, and
//! count the events of each P and G within a generation. In this format no event has a thread; a P need not be known
//! before its first event; a sequence number names the event that it waits for, and half of the events have none; a
//! goroutine in a system call that blocks is waiting, like any other; ranges are bound to nothing. Of the tables in
//! `sched` not one row would hold as it stands. What is the same is which states there are and which of them follow
//! each other.
//!
//! # Where it differs from Go's reader
//!
//! On valid traces it does not, but that events of different Ps with one raw time come by ascending P, and initial
//! statuses by ascending goroutine; Go leaves both to chance. On others:
//!
//! - The events before a contradiction are delivered; Go reads all before it delivers any.
//! - A region or a task that the program misuses is a warning; Go stops.
//! - A doubled frequency or stack, a stack without an ID, a frame without a name, an unknown string or creation stack
//!   is an error; Go takes the last one, ignores it, or panics when asked for the text.
//! - Of two events that move a goroutine from the same state the later one waits for its turn; Go stops.

mod check;
mod clock;
mod convert;
mod cursor;
pub(crate) mod decoder;
mod effects;
mod emitter;
mod found;
mod goroutine;
mod lenient;
mod limits;
mod model;
mod moves;
mod order;
mod outbox;
mod parse;
mod proof;
pub mod raw;
mod scan;
mod skip;
pub(crate) mod spec;
mod strict;
mod syscall;
#[cfg(test)]
mod tests;
