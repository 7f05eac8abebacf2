//! The identities of the things a trace speaks of.
//!
//! Each is the number that the Go runtime gave the thing. Absence is `Option`, never a sentinel:
//! the runtime's own "none" (all bits set on the wire, printed by Go's tools as -1) does not get out of the decoder.

use std::fmt;

/// What the wire and Go's reader write where there is no goroutine, P, M or task.
pub(crate) const NONE: u64 = u64::MAX;

/// An ID as read from the wire, with the runtime's "none" turned into `None`.
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
    /// A goroutine: the runtime's `goid`, as in `goroutine 17 [chan receive]`. Unique in a process' life.
    GoId;
    /// A processor (P): an index below GOMAXPROCS.
    ProcId;
    /// A thread (M): the operating system's thread ID, which the system may use again.
    ThreadId;
    /// A task of `runtime/trace.NewTask`. [`TaskId::BACKGROUND`] stands for "no task".
    TaskId;
    /// A stack of one generation: two events of a generation with the same ID have the same stack.
    StackId;
    /// A string of one generation's table.
    StringId;
}

impl TaskId {
    /// The task that regions and log messages belong to when the program named none.
    pub const BACKGROUND: TaskId = TaskId(0);
}

/// A goroutine or P: whatever a state, a range or a fault is about.
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
