//! The floods by name.

use super::build::{self, dense, sparse, thin};

/// A flood: its name, in how many parts of its own, and what makes it.
pub type Flood = (&'static str, u64, fn(u64) -> Vec<u8>);

/// Those of which the time in proportion is of interest.
pub const FLOODS: [Flood; 13] = [
    ("tiny batches", 400_000, build::tiny_batches),
    ("one-event batches", 200_000, build::one_event_batches),
    ("Ms with one event", 200_000, |n| build::busy_ms(n, dense)),
    ("Ms far apart", 80_000, |n| build::busy_ms(n, sparse)),
    ("goroutines", 300_000, |n| build::goroutines(n, dense)),
    ("goroutines far apart", 150_000, |n| build::goroutines(n, sparse)),
    ("strings far apart", 250_000, |n| build::strings(n, sparse)),
    ("stop-the-worlds", 260_000, build::stops),
    ("stuck Ms", 4000, |n| build::stuck_ms(n, 5 * n)),
    ("Ms stuck on one", 4000, |n| build::one_stuck_on(n, 5 * n)),
    ("Ms that want one", 50_000, build::one_wanted_by_all),
    ("v1 system calls", 100_000, build::syscalls_v1),
    ("generations that leak", 8, |n| build::leaks(n, 8000)),
];

/// The others.
pub const MORE: [Flood; 29] = [
    ("statuses without an M", 100_000, build::statuses),
    ("empty Ms", 300_000, build::empty_ms),
    ("experiments", 300_000, build::experiments),
    ("mark assists", 150_000, build::assists),
    ("sweeps", 150_000, build::sweeps),
    ("tasks", 130_000, build::tasks),
    ("regions", 200_000, build::regions),
    ("strings", 250_000, |n| build::strings(n, dense)),
    ("strings four apart", 250_000, |n| build::strings(n, thin)),
    ("stacks", 300_000, |n| build::stacks(n, dense)),
    ("stacks four apart", 300_000, |n| build::stacks(n, thin)),
    ("stacks far apart", 300_000, |n| build::stacks(n, sparse)),
    ("frames", 300_000, build::frames),
    ("CPU samples", 200_000, build::samples),
    ("a deep stack", 16_000, build::deep_stack),
    ("tiny generations", 30_000, build::tiny_generations),
    ("huge and tiny generations", 60_000, build::huge_and_tiny),
    ("a hundred thousand stuck Ms", 100_000, |n| build::stuck_ms(n, 0)),
    ("stuck generations", 15_000, build::stuck_generations),
    ("batches backwards", 100_000, build::backwards),
    ("unknown names", 200_000, build::unknown_names),
    ("zero IDs", 200_000, build::zero_ids),
    ("headers in tables", 30_000, build::headers_in_tables),
    ("batches of strays", 100_000, build::strays),
    ("junk of ones", 2 << 20, |n| build::junk(&[1], n as usize)),
    ("junk of samples", 2 << 20, |n| build::junk(&[49], n as usize)),
    ("junk of g", 2 << 20, |n| build::junk(b"g", n as usize)),
    ("junk of headers", 2 << 20, |n| build::junk(b"go 1.26 trace\0\0", n as usize)),
    ("junk of batches", 2 << 20, |n| build::junk(&[1, 2, 1, 1, 1, 13, 9], n as usize)),
];
