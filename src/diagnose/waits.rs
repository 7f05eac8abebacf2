//! What goroutines wait for, by the innermost functions of their stacks.

use super::finding::Basis;
use crate::event::OwnedFrame;

/// The beginning of a function's name, and what a goroutine waits for in it, in the runtime's
/// words.
const OPERATIONS: [(&str, &str); 23] = [
    ("runtime.chansend", "chan send"),
    ("runtime.chanrecv", "chan receive"),
    ("runtime.selectgo", "select"),
    ("runtime.selectnbrecv", "select"),
    ("runtime.block", "select (no cases)"),
    ("sync.(*Mutex).Lock", "sync.Mutex.Lock"),
    ("sync.(*Mutex).lockSlow", "sync.Mutex.Lock"),
    ("internal/sync.(*Mutex).", "sync.Mutex.Lock"),
    ("sync.(*RWMutex).Lock", "sync.RWMutex.Lock"),
    ("sync.(*RWMutex).RLock", "sync.RWMutex.RLock"),
    ("sync.(*WaitGroup).Wait", "sync.WaitGroup.Wait"),
    ("sync.(*Cond).Wait", "sync.Cond.Wait"),
    ("sync.runtime_notifyListWait", "sync.Cond.Wait"),
    ("sync.runtime_SemacquireMutex", "sync.Mutex.Lock"),
    ("sync.runtime_SemacquireRWMutex", "sync.RWMutex.Lock"),
    ("internal/sync.runtime_SemacquireMutex", "sync.Mutex.Lock"),
    ("sync.runtime_SemacquireWaitGroup", "sync.WaitGroup.Wait"),
    ("sync.runtime_Semacquire", "semacquire"),
    ("internal/poll.runtime_pollWait", "IO wait"),
    ("time.Sleep", "sleep"),
    ("os/signal.signal_recv", "signal"),
    ("syscall.", "syscall"),
    ("internal/runtime/syscall.", "syscall"),
];

/// Functions that package `sync` calls internally. Their caller is more specific.
const INNER: [&str; 4] =
    ["sync.runtime_Semacquire", "sync.runtime_SemacquireMutex", "internal/sync.", "sync.(*Mutex).lockSlow"];

/// Returns the operation that a stack waits for. `None` if it waits for nothing that is known.
pub(super) fn operation(stack: &[OwnedFrame]) -> Option<&'static str> {
    let innermost = || stack.iter().take(6);
    let of = |frame: &OwnedFrame| OPERATIONS.iter().find(|(name, _)| frame.func.starts_with(name));
    let is_inner = |frame: &OwnedFrame| INNER.iter().any(|name| frame.func.starts_with(name));
    let outer = innermost().filter(|frame| !is_inner(frame)).find_map(of);
    outer.or_else(|| innermost().find_map(of)).map(|&(_, operation)| operation)
}

/// Returns the function of the runtime in which a goroutine of a dump waits, by its state. `None` if it does not wait, or
/// if its stack has the function in which it waits.
pub(super) fn runtime_function(state: &str) -> Option<&'static str> {
    let operation = state.strip_suffix(" (nil chan)").unwrap_or(state);
    let is_wanted = |(function, name): &&(&str, &str)| function.starts_with("runtime.") && *name == operation;
    OPERATIONS.iter().find(is_wanted).map(|(function, _)| *function)
}

/// States of a dump in which only the program itself, or nothing at all, ends the wait, and in which healthy programs
/// seldom have several goroutines for a minute. Idle workers wait for something else: a channel receive, a select, a
/// `Cond`.
const STUCK: [&str; 4] = ["chan send", "chan send (nil chan)", "chan receive (nil chan)", "select (no cases)"];

/// Returns a goroutine's state if it is one of [`STUCK`].
pub(super) fn stuck(state: &str) -> Option<&'static str> {
    STUCK.into_iter().find(|stuck| *stuck == state)
}

/// Returns whether an operation locks a mutex.
pub(super) fn is_lock(operation: &str) -> bool {
    operation.starts_with("sync.Mutex.") || operation.starts_with("sync.RWMutex.")
}

/// Returns what a finding about goroutines that wait in an operation is based on.
pub(super) fn basis(operation: &str) -> Basis {
    match operation {
        "chan send" | "sync.WaitGroup.Wait" | "sync.Cond.Wait" => Basis::OwnWait,
        lock if is_lock(lock) => Basis::OwnWait,
        _ => Basis::Usual,
    }
}
