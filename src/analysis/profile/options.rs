//! What a profile counts.

use std::ops::Range;

use crate::event::GoState;
use crate::id::{GoId, TaskId};
use crate::time::Time;

/// The time that a CPU sample represents. The runtime takes a hundred samples a second by default; the trace does not have the rate
/// (Go `src/runtime/pprof/pprof.go`, `StartCPUProfile`).
pub(super) const SAMPLE_NANOS: i64 = 10_000_000;

/// What a profile counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProfileKind {
    /// Waiting for the network.
    Net,
    /// Waiting for a channel, a select or something of package `sync`.
    Sync,
    /// In a system call.
    Syscall,
    /// Runnable, waiting for a P (processor).
    Sched,
    /// Not running, for any reason. Samples are labelled with the reason.
    OffCpu,
    /// The samples of the CPU profiler, which runs if the program asked for a CPU profile while it was traced.
    Cpu,
}

impl ProfileKind {
    /// Whether a goroutine that enters a state is counted from there. `reason` is why it waits, and empty in other states.
    pub(super) fn counts(self, to: GoState, reason: &[u8]) -> bool {
        let has = |part: &[u8]| memchr::memmem::find(reason, part).is_some();
        match self {
            ProfileKind::Net => to == GoState::Waiting && reason == b"network",
            ProfileKind::Sync => to == GoState::Waiting && (has(b"chan") || has(b"sync") || has(b"select")),
            ProfileKind::Syscall => to == GoState::Syscall,
            ProfileKind::Sched => to == GoState::Runnable,
            ProfileKind::OffCpu => is_off_cpu(to),
            ProfileKind::Cpu => false,
        }
    }
}

/// Which waits a [`Profiler`] counts. All conditions have to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProfileOptions {
    /// Whether to count what Go's tool leaves out: the time until a goroutine first runs, waits that are still open at the
    /// end of the trace, and those that were open at its start, as far as the trace covers them. Leaks show in these.
    pub complete: bool,
    /// Only goroutines that started in this function. The empty name stands for goroutines without a stack in the trace.
    pub start: Option<String>,
    /// Only within regions of this type.
    pub region: Option<String>,
    /// Only within regions of this task, and goroutines that were created there.
    pub task: Option<TaskId>,
    /// Only these goroutines; all if there are none.
    pub goroutines: Vec<GoId>,
    /// Only while a goroutine has this label. The runtime labels its GC workers.
    pub label: Option<String>,
    /// Only within this range of time.
    pub between: Option<Range<Time>>,
}

impl ProfileOptions {
    /// Counts what Go's tool leaves out, too; see [`complete`](ProfileOptions::complete).
    pub fn complete(mut self) -> Self {
        self.complete = true;
        self
    }

    /// Sets [`start`](ProfileOptions::start).
    pub fn start(mut self, function: impl Into<String>) -> Self {
        self.start = Some(function.into());
        self
    }

    /// Sets [`region`](ProfileOptions::region).
    pub fn region(mut self, name: impl Into<String>) -> Self {
        self.region = Some(name.into());
        self
    }

    /// Sets [`task`](ProfileOptions::task).
    pub fn task(mut self, task: TaskId) -> Self {
        self.task = Some(task);
        self
    }

    /// Adds to [`goroutines`](ProfileOptions::goroutines).
    pub fn goroutine(mut self, go: GoId) -> Self {
        self.goroutines.push(go);
        self
    }

    /// Sets [`label`](ProfileOptions::label).
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    pub(super) fn wants_goroutine(&self, go: u64) -> bool {
        self.goroutines.is_empty() || self.goroutines.contains(&GoId(go))
    }

    /// Sets [`between`](ProfileOptions::between).
    pub fn between(mut self, range: Range<Time>) -> Self {
        self.between = Some(range);
        self
    }
}

/// Whether a goroutine does not run in a state, though it could or waits for something.
pub(super) fn is_off_cpu(state: GoState) -> bool {
    matches!(state, GoState::Waiting | GoState::Runnable | GoState::Syscall)
}
