//! Reads Go execution traces.

mod error;
mod event;
mod id;
mod pdqsort;
mod reader;
mod sched;
mod time;
mod v1;
mod v2;
mod wire;

pub use error::{ContextMismatch, Error, ErrorKind, Flaw, Location, StuckHead, Warning, WarningKind};
pub use event::{
    AllocFree, AllocFreeInfo, Event, EventKind, ExperimentalBatch, Frame, Frames, GoState, GoTransition, Label, Log,
    Metric, ProcState, ProcTransition, Range, RangeName, Region, Scope, Stack, Sweep, Sync, Task, Text,
};
pub use id::{GoId, ProcId, Resource, StackId, StringId, TaskId, ThreadId};
pub use reader::Reader;
pub use time::{ClockSnapshot, Time, WallTime};
pub use wire::header::Version;
