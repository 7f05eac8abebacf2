//! Profiles, GC logs, trends and the diagnosis made of them.

mod diagnose;
mod gctrace;
mod pprof;
mod real;
mod trend;
