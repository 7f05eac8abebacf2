//! A goroutine of a dump.

use std::time::Duration;

use crate::event::OwnedFrame;
use crate::id::GoId;

/// A goroutine of a dump, with what its header and stack say.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DumpGoroutine {
    /// Its ID.
    pub id: GoId,
    /// The number of the line of its header in the log. The first line is 1.
    pub line: u64,
    /// Its state in the runtime's words: the reason of its wait, as in `chan receive`, or `running`, `runnable`,
    /// `syscall`. Without `(scan)`, `(durable)` and `(leaked)`.
    pub state: String,
    /// How long it has been waiting, in whole minutes. `None` for less than a minute, and if it does not wait. Also
    /// `None` for a leaked goroutine, since the runtime does not print it.
    pub wait: Option<Duration>,
    /// Whether only its thread can run it (`runtime.LockOSThread`).
    pub is_locked_to_thread: bool,
    /// Whether the runtime found that nothing can wake it (Go 1.26 and later, after a goroutine leak profile).
    pub is_leaked: bool,
    /// Whether only goroutines of its synctest bubble can wake it.
    pub is_durable: bool,
    /// The ID of its synctest bubble.
    pub synctest_bubble: Option<u64>,
    /// Its profiler labels, key and value, in the order of the dump (Go 1.26 and later).
    pub labels: Vec<(String, String)>,
    /// Its stack, the innermost frame first. The runtime leaves out its own frames if there are others. `panic` is
    /// named `runtime.gopanic`, as in profiles. Type arguments are `[...]`, unlike in profiles. The program counter is 0
    /// where the dump has none.
    pub stack: Vec<OwnedFrame>,
    /// Frames that the runtime did not print, since the stack has more than 100.
    pub elided: Option<ElidedFrames>,
    /// Whether the runtime could not print the stack, because the goroutine was running on another thread.
    pub is_stack_unavailable: bool,
    /// Where it was created. `None` for the main goroutine, and for goroutines of the runtime.
    pub created_by: Option<Creator>,
    /// The goroutines that created its creators (`GODEBUG=tracebackancestors=N`), the nearest first.
    pub ancestors: Vec<GoId>,
}

/// Where a goroutine was created.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Creator {
    /// The place of the `go` statement.
    pub frame: OwnedFrame,
    /// The goroutine that ran it (Go 1.21 and later).
    pub goroutine: Option<GoId>,
}

/// Frames that the runtime did not print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ElidedFrames {
    /// The index of the frame before which they are missing. The number of printed frames if the outermost ones are
    /// missing (before Go 1.21).
    pub index: usize,
    /// How many there are (Go 1.21 and later).
    pub count: Option<u64>,
}

impl DumpGoroutine {
    /// Returns the function in which the goroutine started: the outermost frame, except for `runtime.goexit` and
    /// `runtime.main`, which call it. The runtime prints these two only for a crash under `GOTRACEBACK=system` and above.
    /// `None` if the dump does not have the function.
    pub fn start(&self) -> Option<&OwnedFrame> {
        let is_missing = self.elided.is_some_and(|elided| elided.index == self.stack.len());
        let is_start = |frame: &&OwnedFrame| !matches!(frame.func.as_str(), "runtime.goexit" | "runtime.main");
        self.stack.iter().rev().find(is_start).filter(|_| !is_missing)
    }

    /// Returns the place where the goroutine is: its innermost frame outside of the runtime, or the innermost one if all
    /// are in the runtime. `None` without a stack.
    pub fn place(&self) -> Option<&OwnedFrame> {
        self.stack.iter().find(|frame| !frame.is_runtime()).or(self.stack.first())
    }
}
