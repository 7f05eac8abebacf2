//! The format of Go 1.11 to 1.21.
mod check;
mod convert;
mod cursor;
pub(crate) mod decoder;
mod goroutine;
mod order;
mod outbox;
mod parse;
mod scan;
mod spec;
mod syscall;
