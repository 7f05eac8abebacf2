//! The wakers of blocked goroutines.

use std::fmt;

use super::columns::symbols::StackTrace;
use crate::event::Text;
use crate::id::GoId;
use crate::time::Time;

/// A goroutine or part of the runtime that made a blocked goroutine runnable, with time and place.
#[derive(Clone, Copy, Debug)]
pub struct Waker<'t> {
    pub(super) at: Time,
    pub(super) by: Result<GoId, RuntimeWaker>,
    pub(super) stack: Option<StackTrace<'t>>,
}

impl<'t> Waker<'t> {
    /// Returns the goroutine that woke it. `None` if the runtime woke it.
    pub fn go(&self) -> Option<GoId> {
        self.by.ok()
    }

    /// Returns the part of the runtime that woke it. `None` if a goroutine woke it.
    pub fn runtime(&self) -> Option<RuntimeWaker> {
        self.by.err()
    }

    /// Returns when it happened.
    pub fn at(&self) -> Time {
        self.at
    }

    /// Returns the stack of the waking goroutine. `None` if the runtime woke it.
    pub fn stack(&self) -> Option<StackTrace<'t>> {
        self.stack
    }
}

/// A part of the runtime that wakes goroutines and is not a goroutine.
///
/// A trace contains only that no goroutine was running on the thread, and whether the thread had a P. The part of the
/// runtime is inferred from this and from the reason of the wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RuntimeWaker {
    /// The network poller: a file or connection is ready.
    NetworkPoller,
    /// A timer that expired, such as the timer of a sleep, a ticker or a timer's channel.
    Timer,
    /// The scheduler, which starts GC workers and other goroutines of the runtime.
    Scheduler,
    /// The monitor thread, which has no P.
    Sysmon,
}

impl RuntimeWaker {
    /// Returns the waker on a thread with a P that was looking for work.
    pub(super) fn on_proc(reason: Text<'_>) -> Self {
        match reason.as_bytes() {
            b"network" => RuntimeWaker::NetworkPoller,
            // GC workers wait without a reason.
            b"" | b"system goroutine wait" | b"GC background sweeper wait" => RuntimeWaker::Scheduler,
            _ => RuntimeWaker::Timer,
        }
    }

    pub(super) fn off_proc(reason: Text<'_>) -> Self {
        match reason.as_bytes() {
            b"network" => RuntimeWaker::NetworkPoller,
            _ => RuntimeWaker::Sysmon,
        }
    }

    /// Returns its name, such as `network poller`.
    pub fn name(self) -> &'static str {
        match self {
            RuntimeWaker::NetworkPoller => "network poller",
            RuntimeWaker::Timer => "timer",
            RuntimeWaker::Scheduler => "scheduler",
            RuntimeWaker::Sysmon => "sysmon",
        }
    }
}

impl fmt::Display for RuntimeWaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
