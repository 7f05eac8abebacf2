//! Decides whether a program leaks, where, and how certain that is, from its heap profiles,
//! goroutine profiles, goroutine dumps, execution trace and GC log.
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
//! for kind in ["heap", "goroutine"] {
//!     for number in 1..=3 {
//!         let name = format!("{kind}.{number}.pb.gz");
//!         inputs.profile(&name, &Profile::from_path(format!("{folder}/{name}"))?)?;
//!     }
//! }
//! let mut reader = Reader::from_path(format!("{folder}/trace"))?;
//! let (evidence, error) = run(&mut reader, TraceObserver::new());
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
//! [`TraceObserver`] found in one pass over a trace, a [GC log](crate::gctrace), and the text of
//! [goroutine dumps](crate::dump). Any subset works. The [`Verdict`] says what could not be judged.
//!
//! # How it judges
//!
//! **Growth beyond chance.** Leaked memory is allocated and never freed, and leaked goroutines are
//! created and never exit. Caches, pools and requests also allocate and free, and at any moment
//! there may be a few more allocations than frees by chance. If both are equally frequent on
//! average, the variance of their difference is the sum of both counts. So growth counts only if it
//! exceeds three standard deviations ([`Options::deviations`]) of that difference. This applies to
//! allocation samples between heap profiles, to goroutines created and exited in a trace, and to
//! goroutines that appear and disappear between goroutine profiles or dumps.
//!
//! **Continuing growth.** Growth counts only if it continues over all snapshots and does not slow
//! down. If its rate in the second half is less than half of that in the first, it is a warm-up
//! ([`Options::pace`]).
//!
//! **The floor.** In the GC log, only the floor of the live heap counts: its minimum in each of
//! several time windows. A sawtooth-shaped heap returns to the same floor. A leak raises the floor.
//!
//! **Age.** In a busy service, a few leaked goroutines are invisible: the number of goroutines that
//! handle requests varies by more. So goroutines are also compared by age. In a steady state, as
//! many goroutines reach an age as exit after it, however long they live. Leaked goroutines reach
//! an age that no request reaches, and do not exit.
//!
//! **Dumps.** A goroutine dump counts goroutines by stack, as a goroutine profile does. Dumps have no
//! time: they count as taken in the order in which they are given, and in the order of their text. If
//! there are dumps and goroutine profiles, only the counts of those that are more are compared over
//! time, since dumps lack type arguments too. The last dump also says how long each goroutine has
//! been waiting, from a minute on. A wait that only the program itself can end, such as a channel
//! send, is a suspicion if several goroutines of one function wait like that, but never proof alone:
//! a slow receiver causes it too.
//!
//! **Agreement.** Traces, goroutine profiles and dumps observe the same goroutines. Heap profiles and the
//! GC log observe the same memory. All inputs of one such family can be wrong for the same reason:
//! slow clients look like leaked goroutines, and work that takes longer than the captures looks
//! like leaked memory. So inputs of one family are enough for the verdict `leak` only if they agree
//! on something that has no such explanation. Either goroutines wait for the program itself (a
//! mutex, a `WaitGroup`, a `Cond`, a channel send). Or a function's bytes and objects rise in every
//! profile, the bytes to at least twice the first value, and the floor of the live heap rises too.
//! Otherwise, `leak` needs inputs of both families that point to the same code (a rising floor
//! names no code, and supports any), or a `goroutineleak` profile, in which the garbage collector
//! itself proves that goroutines are stuck. Dumps taken after such a profile mark these goroutines.
//!
//! **Contradictions.** Evidence against a finding lowers its confidence: a constant floor in the GC
//! log, a constant number of goroutines in the profiles, goroutines that come and go in the trace.
//!
//! **Too little data.** Each rule needs a minimum: three heap profiles with collections between
//! them, three goroutine profiles or dumps, eight collections in the GC log, half a second of a trace. If no
//! rule has enough data, and nothing is suspicious, the verdict is `inconclusive`, and says what to
//! capture. Inputs that are not of one run of one program are not compared.
//!
//! # The rules
//!
//! | rule | input | finds |
//! |---|---|---|
//! | `heap-growth`, `timer-growth` | heap profiles | memory in use that grows, by the responsible function of the program: the function that allocates; or, if it allocates for many callers, the one caller that keeps the memory; or the caller of several functions that grow only together. Timers are a rule of their own because the advice is different |
//! | `goroutine-growth` | goroutine profiles or dumps | a growing number of goroutines, grouped by where they are blocked or running |
//! | `goroutine-leak-profile` | `goroutineleak` profile, or marks in dumps | goroutines that nothing can wake |
//! | `goroutines-stay` | trace | goroutines that are created and do not exit, by the function in which they start |
//! | `lock-held` | trace, goroutine profiles, dumps | goroutines that wait a second or more (in a dump, a minute) for a mutex that nobody unlocks |
//! | `long-wait` | dumps | several goroutines that wait a minute or more in a channel send, a nil channel or an empty select |
//! | `live-heap` | GC log | a floor that rises |
//! | `memory-limit` | GC log | a heap so close to GOMEMLIMIT that the collector runs all the time: not a leak, but not healthy |
//! | `outside-heap` | copies of `/proc/PID/status`; without them, `MemStats` in heap profiles in text | a process that grows by more than its Go heap; according to `MemStats`, which memory of the runtime grows |
//! | `gc-pressure` | GC log | expensive garbage collection: a cost, but no sign of a leak |
//!
//! Idle keep-alive connections of `net/http` do not count as a leak, however many there are.
//!
//! # The health score
//!
//! From 0 to 100: the geometric mean of the heap (weight 0.4), pauses (0.3) and blocked goroutines
//! (0.3), each through a logistic curve; see [`Health`]. A large heap or many goroutines alone do
//! not lower it, only growth that chance does not explain.
//!
//! # What it cannot find
//!
//! What memory outside the Go heap is used for: allocations of C code, mappings, free memory that
//! the allocator keeps. A leak that is slow compared to the captures: three profiles in a minute do
//! not show a leak that takes a day. Memory that was leaked before the first capture and does not
//! grow.

mod align;
mod by_goroutine;
mod connections;
mod dumped;
mod finding;
mod growth;
mod inputs;
mod memory;
mod options;
mod over_time;
mod place;
mod rules;
mod same_run;
mod score;
mod snapshots;
mod stayers;
mod verdict;
mod vitals;
mod waits;

pub use align::Clocks;
pub use by_goroutine::{Allocation, Passage, allocations_of, passing_through};
pub use finding::{Against, Evidence, Finding, Source, Strength, Value, Weakens};
pub use inputs::{InputKind, InputSummary, Inputs};
pub use memory::ProcessMemory;
pub use options::{HealthOptions, HealthWeights, OptionRange, Options};
pub use over_time::{FunctionValues, FunctionsOverTime};
pub use score::{Health, HealthPart};
pub use verdict::{Judgement, NotJudged, Verdict, diagnose};
pub use vitals::{TraceEvidence, TraceLoad, TraceObserver};
