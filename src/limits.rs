//! Caps on what a file can make a reader allocate or iterate over.

use crate::error::ErrorKind;

/// How much of everything a trace may have. No real trace comes near the defaults; a file from a stranger may, and then
/// the reading ends with `LimitExceeded`, lenient or not.
///
/// ```
/// use gotrace::{ErrorKind, Limits, Reader};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/traces/go1.26/channels.trace");
/// let mut limits = Limits::default();
/// limits.generation_bytes = 1000;
/// let mut reader = Reader::builder().limits(limits).from_path(path)?;
/// let error = loop {
///     match reader.next_event() {
///         Ok(event) => assert!(event.is_some(), "the trace is larger"),
///         Err(error) => break error,
///     }
/// };
/// assert!(matches!(error.kind, ErrorKind::LimitExceeded { limit: 1000, .. }));
/// # Ok(())
/// # }
/// ```
///
/// A limit on one generation is held by each generation alone. The limits on what lives, goroutines, Ps, tasks and regions, are
/// looked at once in a block of a hundred events or so, so there may be a block's worth more of them. A trace of Go 1.21 or
/// older is one generation: nothing is taken from it into another, and its Ps are counted before its first event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The bytes of one generation, all of which are in memory at a time: 4 GiB.
    pub generation_bytes: u64,
    /// The Ms that have events in one generation, or the Ps before Go 1.22: 2²⁰.
    pub threads: u64,
    /// The strings of one generation: 2²⁴.
    pub strings: u64,
    /// The stacks of one generation: 2²⁴.
    pub stacks: u64,
    /// The PCs of one generation, which its stacks share: 2²⁴.
    pub frames: u64,
    /// The CPU samples of one generation: 2²⁶.
    pub samples: u64,
    /// The batches that experiments have in one generation: 2²².
    pub experiment_batches: u64,
    /// The goroutines that live at a time: 2²⁶.
    pub goroutines: u64,
    /// The Ps: 2²⁰.
    pub procs: u64,
    /// The tasks that are open at a time: 2²⁶.
    pub tasks: u64,
    /// The regions that are open at a time, of all goroutines: 2²⁶.
    pub regions: u64,
    /// The bytes of memory that may be taken from one generation into the next by all that lives or is open, beyond
    /// sixteen times the bytes of the largest generation so far: 40 MiB. A generation states each goroutine that lives, in
    /// some six bytes at least, so those never come to it.
    pub carried_bytes: u64,
}

impl Limits {
    /// The defaults.
    pub const DEFAULT: Limits = Limits {
        generation_bytes: 4 << 30,
        threads: 1 << 20,
        strings: 1 << 24,
        stacks: 1 << 24,
        frames: 1 << 24,
        samples: 1 << 26,
        experiment_batches: 1 << 22,
        goroutines: 1 << 26,
        procs: 1 << 20,
        tasks: 1 << 26,
        regions: 1 << 26,
        carried_bytes: 40 << 20,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Limits::DEFAULT
    }
}

/// How a trace is read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mode {
    /// Whether damage is gone over.
    pub lenient: bool,
    pub limits: Limits,
}

/// Fails if there are more of something than there may be.
pub(crate) fn check(what: &'static str, found: u64, limit: u64) -> Result<(), ErrorKind> {
    match found > limit {
        true => Err(ErrorKind::LimitExceeded { what, limit }),
        false => Ok(()),
    }
}
