//! The typed model that both formats feed. It knows no version: what a version lacks is absent, and what only old
//! versions say is turned into the same events.
//!
//! Decoders fill a [`Record`](record::Record), flat and without allocation; an [`Event`] is a view of one that
//! resolves names and stacks when asked.

pub(crate) mod alloc_free;
pub(crate) mod kind;
pub(crate) mod names;
pub(crate) mod record;
mod stack;
mod state;
pub(crate) mod tables;
pub(crate) mod text;
mod view;

pub use alloc_free::{AllocFree, AllocFreeInfo, AllocFreeType, GoroutineStack, HeapObject, HeapSpan};
pub(crate) use kind::is_gc_pause;
pub use kind::{
    EventKind, ExperimentalBatch, Gap, GoTransition, Label, Log, Metric, ProcTransition, Range, RangeName, Region,
    Scope, Sweep, Sync, Task,
};
pub use stack::{Frame, Frames, OwnedFrame, Stack};
pub use state::{GoState, ProcState};
pub use text::Text;
pub use view::Event;
