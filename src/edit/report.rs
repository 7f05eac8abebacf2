//! What is found in a trace file, and what is saved from it.

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
    /// A part of it is lost or doubtful.
    Damaged,
    /// It is not a trace, or of a version that this library does not read, or it cannot be read.
    Unreadable,
}

/// How much of a trace is sound, what is lost, and why.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct DamageReport {
    /// Whether the file is a whole trace.
    pub status: TraceStatus,
    /// The version in the trace's header, such as `go 1.26`; `None` without a header.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub version: Option<Version>,
    /// The size of the file in bytes.
    #[cfg_attr(feature = "serde", serde(rename = "size_bytes"))]
    pub size: u64,
    /// The generations in the order of the file; empty before Go 1.22.
    pub generations: Vec<GenerationReport>,
    /// What could be read.
    pub read: Tally,
    /// What is lost.
    pub lost: Tally,
    /// How many bytes follow the end of the trace.
    #[cfg_attr(feature = "serde", serde(rename = "trailing_bytes"))]
    pub trailing: u64,
    /// What is wrong with the file or doubtful in it, in the order of reading: the first thousand
    /// faults, then the first thousand warnings.
    pub warnings: Vec<String>,
    /// How many faults and warnings there are.
    pub warning_count: u64,
    /// What probably happened to the file; `None` for a whole trace.
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
    /// Where it starts in the file, in bytes; the place of the fault if the start cannot be found.
    #[cfg_attr(feature = "serde", serde(rename = "offset_bytes"))]
    pub offset: u64,
    /// Its size in the file, as far as the framing of its batches shows it; `None` if it cannot be
    /// found.
    #[cfg_attr(feature = "serde", serde(rename = "size_bytes"))]
    pub size: Option<u64>,
    /// How many batches the file has of it; `None` if they cannot be found.
    pub batches: Option<u64>,
    /// How many events the file has of it, without the Sync; `None` if they cannot be found.
    pub events: Option<u64>,
    /// How many threads have events in it; `None` if they cannot be found.
    pub threads: Option<u64>,
    /// How many of its events could be read.
    pub read: u64,
    /// When the first event that could be read happened, in nanoseconds of the trace's clock;
    /// `None` if none could.
    #[cfg_attr(feature = "serde", serde(rename = "start_ns"))]
    pub start: Option<Time>,
    /// When the last event that could be read happened, in nanoseconds of the trace's clock; `None`
    /// if none could.
    #[cfg_attr(feature = "serde", serde(rename = "end_ns"))]
    pub end: Option<Time>,
    /// Whether nothing is wrong with it.
    pub ok: bool,
    /// What is wrong with it, or what it contradicts in the generation before, with the place.
    pub error: Option<String>,
    /// Only the mark of its end is missing.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(super) lacks_end: bool,
    /// It is not known to be sound, but no fault of it is known.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(super) in_doubt: bool,
    /// Where a gap before it shows, if there is one.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(super) gap: Option<Location>,
}

/// A whole trace that was saved from a damaged one.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct RepairedReport {
    /// Its size in bytes.
    #[cfg_attr(feature = "serde", serde(rename = "size_bytes"))]
    pub size: u64,
    /// The numbers that its generations have in the damaged file; empty before Go 1.22.
    pub generations: Vec<u64>,
    /// How many sound events were left out.
    pub left_out: LeftOut,
}

/// Numbers of events that are sound and were left out, because Go's tools refuse a trace that has
/// them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct LeftOut {
    /// Ends of regions that were not the innermost ones of their goroutines.
    pub region_ends: u64,
    /// Begins of tasks that had begun already.
    pub task_begins: u64,
}
