//! What made a blocked goroutine runnable.

use std::fmt;

use super::columns::symbols::StackTrace;
use crate::event::Text;
use crate::id::GoId;
use crate::time::Time;

/// What made a blocked goroutine runnable, when and where.
#[derive(Clone, Copy, Debug)]
pub struct Waker<'t> {
    pub(super) at: Time,
    pub(super) by: Result<GoId, RuntimeWaker>,
    pub(super) stack: Option<StackTrace<'t>>,
}

impl<'t> Waker<'t> {
    /// The goroutine that did. `None` if it was the runtime.
    pub fn go(&self) -> Option<GoId> {
        self.by.ok()
    }

    /// The part of the runtime that did. `None` if it was a goroutine.
    pub fn runtime(&self) -> Option<RuntimeWaker> {
        self.by.err()
    }

    /// When it happened.
    pub fn at(&self) -> Time {
        self.at
    }

    /// Where that goroutine was. `None` if it was the runtime.
    pub fn stack(&self) -> Option<StackTrace<'t>> {
        self.stack
    }
}

/// A part of the runtime that wakes goroutines and is not a goroutine.
///
/// A trace contains only that no goroutine was running on the thread, and whether the thread had a
/// P. The part is inferred from that and from the reason of the wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RuntimeWaker {
    /// The network poller: a file or connection is ready.
    NetworkPoller,
    /// A timer that expired: of a sleep, a ticker or a timer's channel.
    Timer,
    /// The scheduler, which starts GC workers and other goroutines of the runtime.
    Scheduler,
    /// The monitor thread, which has no P.
    Sysmon,
}

impl RuntimeWaker {
    /// The waker on a thread with a P, which was looking for work.
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

    /// Its name, such as `network poller`.
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
