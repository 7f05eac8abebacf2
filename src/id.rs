//! IDs of goroutines, Ps, threads, tasks, stacks and strings.
//!
//! Each is the number that the Go runtime assigned. A missing ID is `None`, never a sentinel: the
//! decoder converts the runtime's own "none" (all bits set in the file, printed as -1 by Go's
//! tools).

use std::fmt;

/// The runtime and Go's reader write this value instead of a goroutine, P, thread or task if there
/// is none.
pub(crate) const NONE: u64 = u64::MAX;

/// Converts an ID from the file: [`NONE`] becomes `None`.
pub(crate) fn present(raw: u64) -> Option<u64> {
    (raw != NONE).then_some(raw)
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize))]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl From<u64> for $name {
            fn from(id: u64) -> Self {
                $name(id)
            }
        }
    )*};
}

ids! {
    /// A goroutine: the runtime's `goid`, as in `goroutine 17 [chan receive]`. The runtime never
    /// reuses it.
    GoId;
    /// A processor (P): an index below GOMAXPROCS.
    ProcId;
    /// A thread (M): the operating system's thread ID. The system may reuse it after the thread has
    /// exited.
    ThreadId;
    /// A task created by `runtime/trace.NewTask`. [`TaskId::BACKGROUND`] means "no task".
    TaskId;
    /// A stack in the table of one generation. Two events of the same generation with the same ID
    /// have the same stack.
    StackId;
    /// A string in the table of one generation.
    StringId;
}

impl TaskId {
    /// The task of regions and log messages that the program created without a task.
    pub const BACKGROUND: TaskId = TaskId(0);
}

/// A goroutine or P: the subject of a state, a range or an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// A goroutine (G).
    Goroutine(GoId),
    /// A processor (P).
    Proc(ProcId),
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Resource::Goroutine(id) => write!(f, "goroutine {id}"),
            Resource::Proc(id) => write!(f, "proc {id}"),
        }
    }
}
