//! The event model, which both trace formats share. It does not depend on the version: data that a version does not
//! record is absent. Events that exist only in old versions are converted to the same kinds.
//!
//! Decoders fill a flat [`Record`](record::Record) without allocating. An [`Event`] is a view of a
//! record, which resolves names and stacks on demand.

pub(crate) mod alloc_free;
pub(crate) mod kind;
pub(crate) mod kind_name;
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
