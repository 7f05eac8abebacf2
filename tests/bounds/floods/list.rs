//! The list of floods.

use super::build::{self, dense, sparse, thin};

/// A flood: its name, the number of parts to build, such as batches or goroutines, and the function
/// that builds it.
pub type Flood = (&'static str, u64, fn(u64) -> Vec<u8>);

/// The floods that the test `doubling` measures.
pub const FLOODS: [Flood; 13] = [
    ("tiny batches", 400_000, build::tiny_batches),
    ("one-event batches", 200_000, build::one_event_batches),
    ("threads, one event", 200_000, |n| build::busy_threads(n, dense)),
    ("sparse threads", 80_000, |n| build::busy_threads(n, sparse)),
    ("goroutines", 300_000, |n| build::goroutines(n, dense)),
    ("sparse goroutines", 150_000, |n| build::goroutines(n, sparse)),
    ("sparse strings", 250_000, |n| build::strings(n, sparse)),
    ("stop-the-worlds", 260_000, build::stops),
    ("stuck threads", 4000, |n| build::stuck_threads(n, 5 * n)),
    ("stuck on one", 4000, |n| build::stuck_on_one(n, 5 * n)),
    ("waiting for one", 50_000, build::waiting_for_one),
    ("v1 system calls", 100_000, build::syscalls_v1),
    ("leaking generations", 8, |n| build::leaks(n, 8000)),
];

/// The floods that `doubling` does not measure.
pub const MORE: [Flood; 29] = [
    ("statuses, no thread", 100_000, build::statuses),
    ("empty threads", 300_000, build::empty_threads),
    ("experiments", 300_000, build::experiments),
    ("mark assists", 150_000, build::assists),
    ("sweeps", 150_000, build::sweeps),
    ("tasks", 130_000, build::tasks),
    ("regions", 200_000, build::regions),
    ("strings", 250_000, |n| build::strings(n, dense)),
    ("strings, ID step 4", 250_000, |n| build::strings(n, thin)),
    ("stacks", 300_000, |n| build::stacks(n, dense)),
    ("stacks, ID step 4", 300_000, |n| build::stacks(n, thin)),
    ("sparse stacks", 300_000, |n| build::stacks(n, sparse)),
    ("frames", 300_000, build::frames),
    ("CPU samples", 200_000, build::samples),
    ("a deep stack", 16_000, build::deep_stack),
    ("tiny generations", 30_000, build::tiny_generations),
    ("huge and tiny generations", 60_000, build::huge_and_tiny),
    ("100,000 stuck threads", 100_000, |n| build::stuck_threads(n, 0)),
    ("stuck generations", 15_000, build::stuck_generations),
    ("batches in reverse order", 100_000, build::backwards),
    ("unknown names", 200_000, build::unknown_names),
    ("zero IDs", 200_000, build::zero_ids),
    ("headers in tables", 30_000, build::headers_in_tables),
    ("interleaved generations", 100_000, build::strays),
    ("junk of ones", 2 << 20, |n| build::junk(&[1], n as usize)),
    ("junk of samples", 2 << 20, |n| build::junk(&[49], n as usize)),
    ("junk of g", 2 << 20, |n| build::junk(b"g", n as usize)),
    ("junk of headers", 2 << 20, |n| build::junk(b"go 1.26 trace\0\0", n as usize)),
    ("junk of batches", 2 << 20, |n| build::junk(&[1, 2, 1, 1, 1, 13, 9], n as usize)),
];
