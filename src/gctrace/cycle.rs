//! What one line says.

/// A garbage collection, as its line in the log tells it.
///
/// Sizes are bytes. The log has them in MiB with the rest cut off, so the true value lies up to a MiB above. Times are
/// nanoseconds. The log has phases to two digits, or to a millisecond from ten milliseconds on, and the start to a
/// millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// The number of the collection: the process's first is 1.
    pub n: u32,
    /// When it began, in nanoseconds since the program's start.
    pub at: u64,
    /// The share of the CPU time available to the program since its start that went to collecting, in whole percent
    /// (`MemStats.GCCPUFraction`). Idle marking does not count.
    pub gc_cpu_percent: u32,
    /// How long each phase took.
    pub clock: Clock,
    /// How much CPU time each phase took.
    pub cpu: Cpu,
    /// The heap when it began.
    pub heap_start: u64,
    /// The heap when marking ended: what was allocated meanwhile has come on top.
    pub heap_end: u64,
    /// What of the heap was marked, that is: alive.
    pub heap_live: u64,
    /// The size at which the heap should have been when marking ended: what `MemStats.NextGC` was until then. `None` where there is none, because of `GOGC=off` without a memory limit.
    #[doc(alias = "next_gc")]
    pub goal: Option<u64>,
    /// The stacks to scan. `None` before Go 1.18, which does not say.
    pub stacks: Option<u64>,
    /// The global variables to scan. `None` before Go 1.18, which does not say.
    pub globals: Option<u64>,
    /// `GOMAXPROCS`.
    pub procs: u32,
    /// Whether the program asked for it with `runtime.GC` or `debug.FreeOSMemory`.
    pub forced: bool,
    /// Whether it looked for leaked goroutines, on behalf of the `goroutineleak` profile (Go 1.26 and later).
    pub leak_check: bool,
}

/// The phases of a collection on the wall clock, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// The world is stopped to end sweeping and to begin.
    pub sweep_term: u64,
    /// Marking beside the program.
    pub mark: u64,
    /// The world is stopped to end marking.
    pub mark_term: u64,
}

/// The CPU time of the phases of a collection, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cpu {
    /// The first stop of the world, times the Ps.
    pub sweep_term: u64,
    /// Marking by goroutines that allocate, in proportion to what they allocate.
    pub assist: u64,
    /// Marking by the collector's own workers, dedicated and fractional.
    pub background: u64,
    /// Marking on Ps that had nothing else to do.
    pub idle: u64,
    /// The second stop of the world, times the Ps.
    pub mark_term: u64,
}

impl Clock {
    /// How long the world was stopped.
    pub fn pause(&self) -> u64 {
        self.sweep_term.saturating_add(self.mark_term)
    }

    /// From the collection's begin to its end.
    pub fn total(&self) -> u64 {
        self.pause().saturating_add(self.mark)
    }
}

impl Cpu {
    /// All marking.
    pub fn mark(&self) -> u64 {
        self.assist.saturating_add(self.background).saturating_add(self.idle)
    }

    /// What was taken from the program: everything but idle marking.
    pub fn taken(&self) -> u64 {
        let stopped = self.sweep_term.saturating_add(self.mark_term);
        stopped.saturating_add(self.assist).saturating_add(self.background)
    }
}

impl Cycle {
    /// When it ended, in nanoseconds since the program's start.
    pub fn end(&self) -> u64 {
        self.at.saturating_add(self.clock.total())
    }

    /// What was scanned and marked, as far as the log says: the live heap, stacks and globals, in bytes.
    pub fn marked(&self) -> u64 {
        self.heap_live.saturating_add(self.stacks.unwrap_or(0)).saturating_add(self.globals.unwrap_or(0))
    }
}
