//! Reports on a trace file: what is damaged in it, and what was saved from it.

use super::cause::Cause;
use crate::account::Tally;
use crate::error::Location;
use crate::time::Time;
use crate::wire::header::Version;

/// Whether a file is a whole trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum TraceStatus {
    /// Nothing is wrong with it.
    Whole,
    /// A part of it is lost or may be damaged.
    Damaged,
    /// It is not a trace, its version is not supported, or it cannot be read.
    Unreadable,
}

/// A report on how much of a trace is undamaged, what is lost, and why.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct DamageReport {
    /// Whether the file is a whole trace.
    pub status: TraceStatus,
    /// The version in the trace's header, such as `go 1.26`. `None` if there is no header.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub version: Option<Version>,
    /// The size of the file in bytes.
    #[cfg_attr(feature = "serde", serde(rename = "size_bytes"))]
    pub size: u64,
    /// The generations in file order. Empty for traces of Go 1.21 and older.
    pub generations: Vec<GenerationReport>,
    /// Counts of what could be read.
    pub read: Tally,
    /// Counts of what is lost.
    pub lost: Tally,
    /// The number of bytes after the end of the trace.
    #[cfg_attr(feature = "serde", serde(rename = "trailing_bytes"))]
    pub trailing: u64,
    /// The faults of the file and warnings about it, in the order in which they were found: the first thousand faults,
    /// then the first thousand warnings.
    pub warnings: Vec<String>,
    /// The number of faults and warnings.
    pub warning_count: u64,
    /// The probable cause of the damage. `None` for a whole trace.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub cause: Option<Cause>,
}

/// A generation of a trace file.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct GenerationReport {
    /// Its number.
    #[cfg_attr(feature = "serde", serde(rename = "generation"))]
    pub number: u64,
    /// The byte offset of its start in the file. If the start cannot be found, the offset of the
    /// fault.
    #[cfg_attr(feature = "serde", serde(rename = "offset_bytes"))]
    pub offset: u64,
    /// Its size in the file in bytes, according to its batch headers. `None` if the size cannot be found.
    #[cfg_attr(feature = "serde", serde(rename = "size_bytes"))]
    pub size: Option<u64>,
    /// The number of its batches in the file. `None` if they cannot be found.
    pub batches: Option<u64>,
    /// The number of its events in the file, without the Sync. `None` if they cannot be found.
    pub events: Option<u64>,
    /// The number of threads with events in it. `None` if they cannot be found.
    pub threads: Option<u64>,
    /// The number of its events that could be read.
    pub read: u64,
    /// The time of its first event that could be read, in nanoseconds on the trace's clock. `None` if no event could be
    /// read.
    #[cfg_attr(feature = "serde", serde(rename = "start_ns"))]
    pub start: Option<Time>,
    /// The time of its last event that could be read, in nanoseconds on the trace's clock. `None` if no event could be
    /// read.
    #[cfg_attr(feature = "serde", serde(rename = "end_ns"))]
    pub end: Option<Time>,
    /// Whether nothing is wrong with it.
    pub ok: bool,
    /// The fault of the generation, or its contradiction to the previous generation, with the location. `None` if
    /// nothing is wrong with it.
    pub error: Option<String>,
    /// Whether its end marker is missing, but nothing else is wrong with it.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(super) lacks_end: bool,
    /// Whether there is text between its batches, but nothing else is wrong with it.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(super) has_text: bool,
    /// Whether it may be damaged: it follows the last recorded fault, and later faults were only counted.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(super) in_doubt: bool,
    /// The location of the gap before it, if there is one.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(super) gap: Option<Location>,
}

/// A whole trace that was saved from a damaged trace.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct RepairedReport {
    /// Its size in bytes.
    #[cfg_attr(feature = "serde", serde(rename = "size_bytes"))]
    pub size: u64,
    /// The numbers that its generations have in the damaged file. Empty for traces of Go 1.21 and
    /// older.
    pub generations: Vec<u64>,
    /// The number of undamaged events that were left out.
    pub left_out: LeftOut,
}

/// The numbers of undamaged events that were left out because Go's tools reject a trace that contains them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct LeftOut {
    /// The number of ends of regions that were not the innermost region of their goroutine.
    pub region_ends: u64,
    /// The number of starts of tasks that had already started.
    pub task_begins: u64,
}
