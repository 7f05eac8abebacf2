//! JSON output: each command prints one object, which is the library's report, a version and the error, if there is one.

use serde::Serialize;

/// Within a version fields are added, never changed or removed.
pub const SCHEMA: u32 = 1;

/// What `--json` prints.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Document<T> {
    /// The version of this object: 1. Within a version fields are added, never changed or removed.
    pub schema: u32,
    /// The report.
    #[serde(flatten)]
    pub report: T,
    /// Why the input could not be read to its end; the other fields then describe the part before. `null` if it was read to its
    /// end.
    pub error: Option<String>,
}
