//! Options of a profile.

use std::ops::Range;

use crate::event::GoState;
use crate::id::{GoId, TaskId};
use crate::time::Time;

/// The time that a CPU sample represents, in nanoseconds. The runtime takes a hundred samples per
/// second by default. The trace does not contain the rate (Go `src/runtime/pprof/pprof.go`,
/// `StartCPUProfile`).
pub(super) const SAMPLE_NANOS: i64 = 10_000_000;

/// The states or samples that a profile counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProfileKind {
    /// Waits for the network.
    Net,
    /// Waits for a channel, a select or something of package `sync`.
    Sync,
    /// System calls.
    Syscall,
    /// Runnable goroutines that wait for a P (processor).
    Sched,
    /// Goroutines that do not run, for any reason. Samples are labelled with the reason.
    OffCpu,
    /// The samples of the CPU profiler. The trace contains samples if the program took a CPU
    /// profile while it was traced.
    Cpu,
}

impl ProfileKind {
    /// Returns whether a state that a goroutine enters counts. `reason` is the reason of a wait,
    /// and empty in other states.
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

/// The conditions for waits that a [`Profiler`](super::Profiler) counts. All conditions must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProfileOptions {
    /// Whether to count waits that Go's tool leaves out: the time until a goroutine first runs,
    /// waits that are still open at the end of the trace, and the part within the trace of waits
    /// that were open at its start. This option is useful for finding leaks.
    pub complete: bool,
    /// Count only goroutines that started in this function. The empty name chooses goroutines
    /// without a stack in the trace.
    pub start: Option<String>,
    /// Count only time within regions of this type.
    pub region: Option<String>,
    /// Count only time within regions of this task, and goroutines that were created in such a
    /// region.
    pub task: Option<TaskId>,
    /// Count only these goroutines, or all goroutines if the list is empty.
    pub goroutines: Vec<GoId>,
    /// Count only goroutines while they have this label. The runtime labels its GC workers.
    pub label: Option<String>,
    /// Count only time within this range.
    pub between: Option<Range<Time>>,
}

impl ProfileOptions {
    /// Also counts waits that Go's tool leaves out. See [`complete`](ProfileOptions::complete).
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

/// Returns whether a goroutine in this state does not run, although it is runnable, waits, or is in
/// a system call.
pub(super) fn is_off_cpu(state: GoState) -> bool {
    matches!(state, GoState::Waiting | GoState::Runnable | GoState::Syscall)
}
