//! The states of goroutines and Ps.

use std::fmt;

/// The state of a goroutine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum GoState {
    /// Unknown, because the goroutine has had no event yet.
    #[default]
    Undetermined,
    /// Not created yet, or exited.
    NotExist,
    /// Waiting for a P to run on.
    Runnable,
    /// Running on a P.
    Running,
    /// Blocked, for example on a channel, a mutex or the network.
    Waiting,
    /// In a system call or in a cgo call.
    Syscall,
}

impl GoState {
    /// Returns whether the goroutine occupies a thread in this state.
    pub fn is_executing(self) -> bool {
        matches!(self, GoState::Running | GoState::Syscall)
    }

    /// Go's name of the state, such as `Runnable`.
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

/// The state of a P.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ProcState {
    /// Unknown, because the P has had no event yet.
    Undetermined,
    /// The P does not exist: GOMAXPROCS was never high enough for it.
    NotExist,
    /// A thread has the P.
    Running,
    /// No thread has the P.
    Idle,
}

impl ProcState {
    /// Returns whether a thread has the P in this state.
    pub fn is_executing(self) -> bool {
        self == ProcState::Running
    }

    /// Go's name of the state, such as `Idle`.
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
