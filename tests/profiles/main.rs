//! Profiles, GC logs, trends, and the diagnosis based on them.

mod diagnose;
mod dumps;
mod gctrace;
mod pprof;
mod real;
mod trend;
