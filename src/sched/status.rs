//! The statuses of goroutines and Ps in the runtime. They are more detailed than the public states.

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
    /// Returns the status with this number in the trace file.
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
    /// The P's goroutine is in a system call, and another thread may steal the P.
    Syscall,
    /// The P's thread is unknown, and another thread will steal the P. This is the first status of the P in a
    /// generation.
    SyscallAbandoned,
}

impl ProcStatus {
    pub const ALL: &[ProcStatus] =
        &[ProcStatus::Running, ProcStatus::Idle, ProcStatus::Syscall, ProcStatus::SyscallAbandoned];

    /// Returns the status with this number in the trace file.
    pub fn from_wire(status: u64) -> Option<Self> {
        match status {
            1 => Some(ProcStatus::Running),
            2 => Some(ProcStatus::Idle),
            3 => Some(ProcStatus::Syscall),
            4 => Some(ProcStatus::SyscallAbandoned),
            _ => None,
        }
    }

    /// Returns the public state. A P in a system call still has its thread. An abandoned P has no thread.
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
