//! One file for each subcommand: its arguments, and `run`.

pub mod allocations;
pub mod blocking;
pub mod compare;
pub mod completions;
pub mod diagnose;
pub mod doctor;
pub mod dump;
pub mod gc;
pub mod gctrace;
pub mod goroutine;
pub mod goroutines;
pub mod heap;
pub mod latency;
pub mod man;
pub mod procs;
pub mod profile;
pub mod report;
pub mod schema;
pub mod summary;
pub mod tasks;
pub mod threads;
pub mod view;
