//! Is there a leak, where, and how sure are we: heap profiles, goroutine profiles, an execution trace and the GC log joined into one
//! verdict.
//!
//! ```
//! use gotrace::analysis::run;
//! use gotrace::diagnose::{Inputs, Judgement, Options, TraceObserver, diagnose};
//! use gotrace::gctrace::Log;
//! use gotrace::pprof::{Profile, ProfileBytes};
//! use gotrace::Reader;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/leaks/captures/go1.27/chansend");
//! let mut inputs = Inputs::new();
//! for name in ["heap.1.pb.gz", "heap.2.pb.gz", "heap.3.pb.gz", "goroutine.1.pb.gz", "goroutine.2.pb.gz", "goroutine.3.pb.gz"] {
//!     let bytes = ProfileBytes::open(format!("{folder}/{name}"))?;
//!     inputs.profile(name, &Profile::parse(bytes.as_bytes())?)?;
//! }
//! let (evidence, error) = run(&mut Reader::from_path(format!("{folder}/trace"))?, TraceObserver::new());
//! inputs.trace("trace", evidence, error.map(|error| error.to_string()));
//!
//! let verdict = diagnose(&inputs, &Options::default());
//! assert_eq!(verdict.judgement, Judgement::Leak);
//! let first = &verdict.findings[0];
//! assert_eq!(first.place.as_ref().map(|place| &*place.function), Some("main.askSupplier"));
//! println!("{}\nnext: {}", first.title, first.next_step);
//! # Ok(())
//! # }
//! ```
//!
//! Nothing here opens a file: [`Inputs`] takes parsed [profiles](crate::pprof), what a [`TraceObserver`] found in one pass over a trace,
//! and a [GC log](crate::gctrace). Any subset works; the [`Verdict`] says what it could not judge.
//!
//! # How it judges
//!
//! **Come and gone.** A leak is what comes and does not go. Caches, pools and requests come and go too, and at any moment a little more
//! may have come than gone, by chance. How much chance can do is known: where as many come as go, on average, their difference has the
//! variance of their sum. So growth counts if it is beyond three standard deviations ([`Options::deviations`]) of what has come and gone: of
//! samples of allocations between heap profiles, of goroutines in a trace, of goroutines between goroutine profiles.
//!
//! **All the time, and on.** It counts only if it goes on over all snapshots, and has not slowed down: what goes on at less than half its
//! first pace is warming up ([`Options::pace`]).
//!
//! **The floor.** Of the live heap in the GC log only the floor counts, the least in each of some windows of time: a saw comes back to it,
//! a leak lifts it.
//!
//! **Agreement.** No single input makes a `leak`: heap profiles cannot tell a leak from work that takes longer than they cover,
//! goroutines cannot tell it from clients that come one after the other, the log does not know whose memory it is. Two that agree on the
//! same code do, since they err for different reasons. The one exception is a `goroutineleak` profile, which the collector itself
//! vouches for. What speaks against a leak, such as a log whose floor is level where a profile's growth would have lifted it, halves the confidence.
//!
//! # The rules
//!
//! | rule | input | finds |
//! |---|---|---|
//! | `heap-growth`, `timer-growth` | heap profiles | memory in use that grows, by the function that allocates it; timers have their own advice |
//! | `goroutine-growth` | goroutine profiles | goroutines that grow, by where they are |
//! | `goroutine-leak-profile` | `goroutineleak` profile | goroutines that nothing can wake |
//! | `goroutines-stay` | trace | goroutines that are created and do not end, by the function in which they start |
//! | `live-heap` | GC log | a floor that rises |
//! | `gc-pressure` | GC log | collecting that is expensive: cost, and no sign of a leak |
//!
//! # What it cannot see
//!
//! Memory outside of the Go heap: what C code allocates, mappings, what the allocator has to spare. A leak slower than the captures
//! are long: three profiles in a minute show none that takes a day. Memory that was leaked before the first and does not grow.

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
