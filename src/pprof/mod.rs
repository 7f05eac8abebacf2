//! Profiles: what `runtime/pprof`, `go test -memprofile` and `/debug/pprof` write, in the format of `go tool pprof`.
//!
//! The format is that of `proto/profile.proto` in github.com/google/pprof: one protobuf message, usually in a gzip file.
//! [`ProfileBuilder`] writes it.

mod encode;
mod fields;
mod model;
mod wire;
mod write;

pub use model::{Frame, Label, LabelValue, ValueType};
pub use write::ProfileBuilder;
