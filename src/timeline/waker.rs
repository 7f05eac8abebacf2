//! What makes a blocked goroutine runnable.

use std::fmt;

use super::columns::symbols::StackTrace;
use crate::event::Text;
use crate::id::GoId;
use crate::time::Time;

/// Who made a blocked goroutine runnable, when and where.
#[derive(Clone, Copy, Debug)]
pub struct Waker<'t> {
    pub(super) at: Time,
    pub(super) by: Result<GoId, RuntimeWaker>,
    pub(super) stack: Option<StackTrace<'t>>,
}

impl<'t> Waker<'t> {
    /// The goroutine that did, if one did.
    pub fn go(&self) -> Option<GoId> {
        self.by.ok()
    }

    /// What part of the runtime did, if no goroutine did.
    pub fn runtime(&self) -> Option<RuntimeWaker> {
        self.by.err()
    }

    /// When.
    pub fn at(&self) -> Time {
        self.at
    }

    /// Where the goroutine was that did; the runtime's own code tells no stack.
    pub fn stack(&self) -> Option<StackTrace<'t>> {
        self.stack
    }
}

/// A part of the runtime that wakes goroutines without being one.
///
/// A trace says only that no goroutine was running on the thread, and whether the thread had a P.
/// Which part it was follows from that and from what the goroutine waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RuntimeWaker {
    /// The network poller: a file or connection is ready, whichever thread polled.
    NetworkPoller,
    /// A timer that ran out: of a sleep, a ticker, a timer's channel.
    Timer,
    /// The scheduler, which starts workers of the garbage collector and others of the runtime's
    /// goroutines.
    Scheduler,
    /// The monitor thread, which has no P.
    Sysmon,
}

impl RuntimeWaker {
    /// On a thread that was looking for work.
    pub(super) fn on_proc(reason: Text<'_>) -> Self {
        match reason.as_bytes() {
            b"network" => RuntimeWaker::NetworkPoller,
            // Workers of the garbage collector wait without a reason.
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

    /// Its name, as the text of the examples has it.
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
