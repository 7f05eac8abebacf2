//! Serialises durations as whole nanoseconds. The JSON names of such fields end in `_ns`.

use std::time::Duration;

use serde::{Serialize, Serializer};

/// Returns the nanoseconds of a duration, saturating at `u64::MAX` (584 years).
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Serialises a `Duration` field.
pub(crate) fn duration<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    nanos(*duration).serialize(serializer)
}

/// Serialises an `Option<Duration>` field: `None` becomes `null`.
pub(crate) fn optional<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(nanos).serialize(serializer)
}

/// Serialises a list of durations.
pub(crate) fn list<S: Serializer>(durations: &[Duration], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(durations.iter().copied().map(nanos))
}
