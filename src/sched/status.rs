//! The statuses in which the runtime keeps goroutines and Ps, finer than the states that users see.

use crate::event::{GoState, ProcState};

/// A goroutine's status (Go `tracev2.GoStatus`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum GoStatus {
    Runnable,
    Running,
    Syscall,
    #[default]
    Waiting,
}

impl GoStatus {
    /// From its number on the wire.
    pub fn from_wire(status: u64) -> Option<Self> {
        match status {
            1 => Some(GoStatus::Runnable),
            2 => Some(GoStatus::Running),
            3 => Some(GoStatus::Syscall),
            4 => Some(GoStatus::Waiting),
            _ => None,
        }
    }

    pub fn state(self) -> GoState {
        match self {
            GoStatus::Runnable => GoState::Runnable,
            GoStatus::Running => GoState::Running,
            GoStatus::Syscall => GoState::Syscall,
            GoStatus::Waiting => GoState::Waiting,
        }
    }

    pub fn name(self) -> &'static str {
        self.state().name()
    }
}

/// A P's status (Go `tracev2.ProcStatus`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ProcStatus {
    Running,
    #[default]
    Idle,
    /// Its goroutine is in a system call: the P may be stolen.
    Syscall,
    /// Its thread is lost from sight, and it is about to be stolen: the first that a generation says of it is that.
    SyscallAbandoned,
}

impl ProcStatus {
    pub const ALL: &[ProcStatus] =
        &[ProcStatus::Running, ProcStatus::Idle, ProcStatus::Syscall, ProcStatus::SyscallAbandoned];

    /// From its number on the wire.
    pub fn from_wire(status: u64) -> Option<Self> {
        match status {
            1 => Some(ProcStatus::Running),
            2 => Some(ProcStatus::Idle),
            3 => Some(ProcStatus::Syscall),
            4 => Some(ProcStatus::SyscallAbandoned),
            _ => None,
        }
    }

    /// What users see: a P in a system call still has its thread, an abandoned one has none.
    pub fn state(self) -> ProcState {
        match self {
            ProcStatus::Running | ProcStatus::Syscall => ProcState::Running,
            ProcStatus::Idle | ProcStatus::SyscallAbandoned => ProcState::Idle,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            ProcStatus::Running => "Running",
            ProcStatus::Idle => "Idle",
            ProcStatus::Syscall => "Syscall",
            ProcStatus::SyscallAbandoned => "SyscallAbandoned",
        }
    }
}
