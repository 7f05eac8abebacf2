//! Reads, writes and compares profiles of `runtime/pprof`, `go test -memprofile` and
//! `/debug/pprof`, in the format of `go tool pprof`.
//!
//! The format is `proto/profile.proto` of github.com/google/pprof: one protobuf message, usually
//! compressed with gzip. [`Profile`] reads it without copying, and [`ProfileBuilder`] writes it.
//! [`Profile`] also reads profiles in text form, which Go writes with `debug=1`.
//! [`Report`] sums up values by function, package or stack, [`Growth`] compares snapshots, and
//! [`TopReport`] contains the largest rows of either. [`Listing`] sums up by line, [`CallGraph`] by call.

mod diff;
mod encode;
mod error;
mod fields;
mod filter;
mod graph;
mod kind;
mod limits;
mod listing;
mod location;
mod model;
mod names;
mod parse;
mod profile;
mod report;
mod sample;
mod table;
mod text;
mod top;
mod unpack;
mod wire;
mod write;

pub use diff::{Growth, GrowthRow, Incompatible};
pub use error::{Place, ProfileError, ProfileErrorKind};
pub use filter::SampleFilter;
pub use graph::{CallEdge, CallGraph, CallNode};
pub use kind::PprofKind;
pub use limits::ProfileLimits;
pub use listing::{ListedFunction, ListedLine, Listing};
pub use location::{Function, Mapping, ProfileLine, ProfileLines, ProfileLocation};
pub use model::{LabelValue, ProfileFrame, SampleLabel, ValueType};
pub use profile::Profile;
pub use report::{By, Report, Row, SampleType, SortBy};
pub use sample::{Sample, SampleFrames, SampleLabels, Samples};
pub use text::MemStats;
pub use top::{Snapshot, Sums, TopGrowth, TopGrowthRow, TopReport, TopRow};
pub use write::ProfileBuilder;
