//! The states that goroutines and processors are seen in.

use std::fmt;

/// The state of a goroutine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum GoState {
    /// Not known yet: before a goroutine's first event.
    #[default]
    Undetermined,
    /// Before its creation or after its end.
    NotExist,
    /// Ready to run, waiting for a P.
    Runnable,
    /// Running.
    Running,
    /// Blocked.
    Waiting,
    /// In a system call, or in C.
    Syscall,
}

impl GoState {
    /// Whether the goroutine has a thread in this state.
    pub fn is_executing(self) -> bool {
        matches!(self, GoState::Running | GoState::Syscall)
    }

    /// Go's name for it.
    pub fn name(self) -> &'static str {
        match self {
            GoState::Undetermined => "Undetermined",
            GoState::NotExist => "NotExist",
            GoState::Runnable => "Runnable",
            GoState::Running => "Running",
            GoState::Waiting => "Waiting",
            GoState::Syscall => "Syscall",
        }
    }
}

impl fmt::Display for GoState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The state of a processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ProcState {
    /// Not known yet: before a P's first event.
    Undetermined,
    /// Before GOMAXPROCS reached it.
    NotExist,
    /// Running: it has a thread.
    Running,
    /// Idle.
    Idle,
}

impl ProcState {
    /// Whether the P has a thread in this state.
    pub fn is_executing(self) -> bool {
        self == ProcState::Running
    }

    /// Go's name for it.
    pub fn name(self) -> &'static str {
        match self {
            ProcState::Undetermined => "Undetermined",
            ProcState::NotExist => "NotExist",
            ProcState::Running => "Running",
            ProcState::Idle => "Idle",
        }
    }
}

impl fmt::Display for ProcState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
