//! Is there a leak, where, and how certain is that? Joins heap profiles, goroutine profiles, an
//! execution trace and the GC log into one verdict.
//!
//! ```
//! use gotrace::Reader;
//! use gotrace::analysis::run;
//! use gotrace::diagnose::{Inputs, Judgement, Options, TraceObserver, diagnose};
//! use gotrace::gctrace::Log;
//! use gotrace::pprof::Profile;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/leaks/captures/go1.27/chansend");
//! let mut inputs = Inputs::new();
//! for name in ["heap.1.pb.gz", "heap.2.pb.gz", "heap.3.pb.gz", "goroutine.1.pb.gz", "goroutine.2.pb.gz", "goroutine.3.pb.gz"] {
//!     inputs.profile(name, &Profile::from_path(format!("{folder}/{name}"))?)?;
//! }
//! let (evidence, error) = run(&mut Reader::from_path(format!("{folder}/trace"))?, TraceObserver::new());
//! inputs.trace("trace", evidence, error.map(|error| error.to_string()));
//! inputs.log("gctrace.log.gz", &Log::from_path(format!("{folder}/gctrace.log.gz"))?);
//!
//! let verdict = diagnose(&inputs, &Options::default());
//! assert_eq!(verdict.judgement, Judgement::Leak);
//! let first = &verdict.findings[0];
//! assert_eq!(first.place.as_ref().map(|place| &*place.func), Some("main.askSupplier"));
//! println!("{}\nnext: {}", first.title, first.next_step);
//! # Ok(())
//! # }
//! ```
//!
//! This module opens no file: [`Inputs`] takes parsed [profiles](crate::pprof), what a
//! [`TraceObserver`] found in one pass over a trace, and a [GC log](crate::gctrace). Any subset
//! works. The [`Verdict`] says what could not be judged.
//!
//! # How it judges
//!
//! **Arrivals and departures.** A leak is what comes and does not go. Caches, pools and requests
//! come and go too, and at any moment a few more may have come than gone, by chance. How much
//! chance can do is known: if as many come as go on average, the variance of their difference is
//! their sum. So growth counts if it exceeds three standard deviations ([`Options::deviations`]) of
//! what came and went: samples of allocations between heap profiles, goroutines in a trace,
//! goroutines between goroutine profiles.
//!
//! **Continuing growth.** Growth counts only if it continues over all snapshots and has not slowed
//! down. Growth below half of its initial rate is a warm-up ([`Options::pace`]).
//!
//! **The floor.** Of the live heap in the GC log only the floor counts: the minimum in each of
//! several windows of time. A sawtooth returns to its floor, a leak lifts it.
//!
//! **Agreement.** No single input is enough for the verdict `leak`: heap profiles cannot
//! distinguish a leak from work that takes longer than they cover, goroutines cannot distinguish it
//! from a growing number of clients, and the log does not know who allocates the memory. Two inputs
//! that agree on the same code are enough, since they are wrong for different reasons. The only
//! exception is a `goroutineleak` profile, since the garbage collector itself proves that those
//! goroutines are stuck. What speaks against a leak halves the confidence: for example a log whose
//! floor is constant although the growth in a profile should have lifted it.
//!
//! # The rules
//!
//! | rule | input | finds |
//! |---|---|---|
//! | `heap-growth`, `timer-growth` | heap profiles | memory in use that grows, by the function that allocates it; timers have their own advice |
//! | `goroutine-growth` | goroutine profiles | goroutines whose number grows, by where they are |
//! | `goroutine-leak-profile` | `goroutineleak` profile | goroutines that nothing can wake |
//! | `goroutines-stay` | trace | goroutines that are created and do not exit, by the function in which they start |
//! | `live-heap` | GC log | a floor that rises |
//! | `gc-pressure` | GC log | expensive garbage collection: a cost, but no sign of a leak |
//!
//! Idle keep-alive connections of `net/http` are no sign of a leak, however many there are.
//!
//! # What it cannot see
//!
//! Memory outside the Go heap: allocations of C code, mappings, free memory that the allocator
//! keeps. A leak that is slow compared to the captures: three profiles in a minute do not show a
//! leak that takes a day. Memory that was leaked before the first capture and does not grow.

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
pub use finding::{Against, Evidence, Finding, Source, Strength, Value, Weakens};
pub use inputs::{InputKind, InputSummary, Inputs};
pub use options::{HealthOptions, HealthWeights, OptionRange, Options};
pub use score::{Health, HealthWindow};
pub use verdict::{Judgement, Verdict, diagnose};
pub use vitals::{Second, TraceEvidence, TraceObserver};
