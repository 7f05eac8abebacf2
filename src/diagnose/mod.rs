//! Is there a leak, where, and how sure are we: heap profiles, goroutine profiles, an execution trace and the GC log joined into one
//! verdict.

mod align;
mod by_goroutine;
mod finding;
mod growth;
mod inputs;
mod options;
mod place;
mod rules;
mod score;
mod snapshots;
mod verdict;
mod vitals;

pub use align::Clocks;
pub use by_goroutine::{Allocation, Passage, allocations_of, passing_through};
pub use finding::{Against, Finding, Scope, Source, Value};
pub use inputs::{InputKind, InputSummary, Inputs};
pub use options::Options;
pub use place::Place;
pub use score::{Health, HealthOptions};
pub use verdict::{Judgement, Verdict, diagnose};
pub use vitals::{Second, TraceEvidence, TraceObserver};
