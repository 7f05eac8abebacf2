//! Limits on what a file can make a reader allocate or iterate over.

use crate::error::ErrorKind;

/// The maximum number or size of everything in a trace. Real traces stay far below the defaults. If
/// a file exceeds a limit, reading fails with [`LimitExceeded`](crate::ErrorKind::LimitExceeded),
/// in lenient mode too.
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
/// Limits on a generation apply to each generation separately. Limits on live goroutines, Ps, tasks
/// and regions are checked once per block of about a hundred events, so one block can exceed them.
/// A trace of Go 1.21 or older counts as one generation. Its Ps are counted before the first event,
/// and `carried_bytes` does not apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The number of bytes of one generation. They are all in memory at the same time. Default: 4 GiB.
    pub generation_bytes: u64,
    /// The number of threads (Ms) with events in one generation. Before Go 1.22, the number of Ps with events. Default:
    /// 2²⁰.
    pub threads: u64,
    /// The number of strings in one generation. Default: 2²⁴.
    pub strings: u64,
    /// The number of stacks in one generation. Default: 2²⁴.
    pub stacks: u64,
    /// The number of distinct program counters (PCs) in the stacks of one generation. Default: 2²⁴.
    pub frames: u64,
    /// The number of CPU samples in one generation. Default: 2²⁶.
    pub samples: u64,
    /// The number of experimental batches in one generation. Default: 2²².
    pub experiment_batches: u64,
    /// The number of goroutines alive at the same time. Default: 2²⁶.
    pub goroutines: u64,
    /// The number of Ps. Default: 2²⁰.
    pub procs: u64,
    /// The number of tasks open at the same time. Default: 2²⁶.
    pub tasks: u64,
    /// The number of regions open at the same time, of all goroutines together. Default: 2²⁶.
    pub regions: u64,
    /// The number of bytes of memory that the reader keeps from one generation to the next, for everything that is
    /// alive or open. Sixteen times the size of the largest generation so far is added to this limit. Default: 40 MiB.
    /// A generation contains a status of at least about six bytes for each live goroutine, so goroutines alone do not
    /// reach the limit.
    pub carried_bytes: u64,
}

impl Limits {
    /// The default limits.
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

/// The mode of reading a trace.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mode {
    /// Whether to continue after damage.
    pub lenient: bool,
    pub limits: Limits,
}

/// Returns an error if `found` exceeds `limit`.
pub(crate) fn check(what: &'static str, found: u64, limit: u64) -> Result<(), ErrorKind> {
    match found > limit {
        true => Err(ErrorKind::LimitExceeded { what, limit }),
        false => Ok(()),
    }
}
