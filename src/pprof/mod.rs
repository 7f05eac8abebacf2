//! Profiles: what `runtime/pprof`, `go test -memprofile` and `/debug/pprof` write, in the format of `go tool pprof`.
//!
//! The format is that of `proto/profile.proto` in github.com/google/pprof: one protobuf message, usually in a gzip file.
//! [`ProfileBytes`] unpacks it, [`Profile`] reads it without copying, [`ProfileBuilder`] writes it.
//! [`Report`] adds up its values by function, package or stack, and [`Growth`] compares snapshots.

mod diff;
mod encode;
mod error;
mod fields;
mod kind;
mod limits;
mod location;
mod model;
mod names;
mod profile;
mod report;
mod sample;
mod table;
mod unpack;
mod wire;
mod write;

pub use diff::{Growth, GrowthRow, Incompatible};
pub use error::{Error, ErrorKind, Place};
pub use kind::ProfileKind;
pub use limits::Limits;
pub use location::{Function, Line, Lines, Location, Mapping};
pub use model::{Frame, Label, LabelValue, ValueType};
pub use profile::Profile;
pub use report::{By, Report, Row, SampleType};
pub use sample::{Frames, Labels, Sample, Samples};
pub use unpack::ProfileBytes;
pub use write::ProfileBuilder;
