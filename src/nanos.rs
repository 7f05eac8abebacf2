//! How durations are serialised: as whole nanoseconds. Fields that hold one end in `_ns` in JSON.

use std::time::Duration;

use serde::{Serialize, Serializer};

/// Nanoseconds of a duration, at most what a `u64` holds (584 years).
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// For a field that is a `Duration`.
pub(crate) fn duration<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    nanos(*duration).serialize(serializer)
}

/// For a field that is an `Option<Duration>`; `null` for `None`.
pub(crate) fn optional<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(nanos).serialize(serializer)
}

/// For a field that is a list of `Duration`s.
pub(crate) fn list<S: Serializer>(durations: &[Duration], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(durations.iter().copied().map(nanos))
}
