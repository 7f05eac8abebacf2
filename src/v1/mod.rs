//! The format of Go 1.11 to 1.21.
//!
//! A trace is a sequence of batches, in the order in which the runtime flushed them. Each batch holds the events of one
//! P with their times. A batch ends where the next batch starts. Strings and stacks are between the events. There are
//! no generations: the clock frequency and most stacks are at the end of the file, and events may wait for events of
//! another P anywhere in the file. So the whole file must be read before the first event can be returned.
//!
//! ```text
//! file    header  batch batch batch …
//! batch   Batch P ticks   record record …      up to the next Batch
//! record  event | String | Stack | CPUSample | Frequency | TimerGoroutine
//! ```
//!
//! The file is kept in memory, but decoded events are not: in a busy trace an event takes four bytes, so decoded events
//! would take much more memory than the file. There are two passes. The first pass ([`scan`]) finds the batches, and
//! the few records that are written later than they happened. The second pass decodes the events of each P as the merge
//! needs them.
//!
//! - [`spec`]: the table of records: codes, names and arguments.
//! - [`effects`]: the table of each event's effects and conditions.
//! - [`parse`]: decodes records.
//! - [`scan`]: the first pass: batches, tables, CPU samples.
//! - [`skip`]: skips events quickly in the first pass.
//! - [`found`]: the result of the first pass.
//! - [`proof`]: whether valid records follow a position, which proves that a batch starts there.
//! - [`syscall`]: ends of system calls, which are written later than they happened.
//! - [`cursor`]: the events of one P.
//! - [`order`]: the merge: determines the next event.
//! - [`goroutine`]: the state of a goroutine and of a P.
//! - [`check`]: applies events to the state, and finds contradictions.
//! - [`moves`]: converts frequent events directly from their bytes.
//! - [`convert`]: converts all events to records.
//! - [`model`]: names and IDs that the format does not have.
//! - [`record_block`]: the records that were not returned yet.
//! - [`clock`]: converts ticks to nanoseconds.
//! - [`emitter`]: uses these modules to create ordered records from the result of the first pass.
//! - [`strict`], [`lenient`]: decide how to handle faults.
//! - [`decoder`]: combines the emitter with one of these two modules.
//! - [`limits`]: checks limits.
//! - [`raw`]: records in file order.
//!
//! # Differences from v2
//!
//! The records, tables, arena of goroutines, and the rules of tasks and regions are shared with v2. The other rules of
//! [`sched`](crate::sched) are not shared. They are about a thread with its goroutine and its P, and about sequence
//! numbers in a generation. In this format, events have no thread, a P is not known before its first event, a sequence
//! number is the number of the event to wait for, and half of the events have no sequence number. A goroutine in a
//! system call that blocks is waiting, and ranges have no goroutine or P.
//!
//! # Differences from Go's reader
//!
//! There are none for valid traces where Go's reader gives the same result in every run. It depends on the order of a Go
//! map in two places:
//!
//! - The initial order of the Ps, which can decide the order of events at the same raw time ([`order`]). Here it is the
//!   order of the file.
//! - The initial statuses of goroutines. Here they are in order of the goroutine's ID.
//!
//! The order of two ends of system calls with equal times that were also written at equal times is that of their
//! goroutines. Go's is that of the merge. For other traces:
//!
//! - The events before a contradiction are returned. Go reads the whole trace before it returns any event.
//! - Misuse of a region or task is a warning. Go stops.
//! - A repeated frequency or stack, a stack with ID 0, a frame without a name, and an unknown string or creation stack
//!   are errors. Go uses the last record, ignores the error, or panics when the text is requested.
//! - If two events change a goroutine from the same state, the later event waits. Go stops.

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
mod parse;
mod proof;
pub mod raw;
mod record_block;
mod scan;
mod skip;
pub(crate) mod spec;
mod strict;
mod syscall;
#[cfg(test)]
mod tests;
