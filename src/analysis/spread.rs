//! Serializes a [`Histogram`] to JSON as its count, sum, extremes and percentiles instead of its
//! buckets.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::histogram::Histogram;

/// A distribution of durations. All fields are 0 if the distribution is empty.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Histogram"))]
struct Spread {
    /// The number of durations.
    count: u64,
    /// The sum of the durations, in nanoseconds.
    #[serde(rename = "sum_ns", serialize_with = "crate::nanos::duration")]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    sum: Duration,
    /// The shortest duration, in nanoseconds.
    #[serde(rename = "min_ns", serialize_with = "crate::nanos::duration")]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    min: Duration,
    /// The mean duration, in nanoseconds, rounded.
    #[serde(rename = "mean_ns", serialize_with = "crate::nanos::duration")]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    mean: Duration,
    /// The median duration, in nanoseconds, with an error of at most 0.8 %.
    #[serde(rename = "p50_ns", serialize_with = "crate::nanos::duration")]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    p50: Duration,
    /// The 90th percentile of the durations, in nanoseconds, with an error of at most 0.8 %.
    #[serde(rename = "p90_ns", serialize_with = "crate::nanos::duration")]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    p90: Duration,
    /// The 99th percentile of the durations, in nanoseconds, with an error of at most 0.8 %.
    #[serde(rename = "p99_ns", serialize_with = "crate::nanos::duration")]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    p99: Duration,
    /// The longest duration, in nanoseconds.
    #[serde(rename = "max_ns", serialize_with = "crate::nanos::duration")]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    max: Duration,
}

impl Serialize for Histogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let [p50, p90, p99] = [50.0, 90.0, 99.0].map(|percent| self.percentile(percent));
        let (sum, min, mean, max) = (self.sum(), self.min(), self.mean(), self.max());
        Spread { count: self.count(), sum, min, mean, p50, p90, p99, max }.serialize(serializer)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Histogram {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Spread::schema_name()
    }

    fn schema_id() -> std::borrow::Cow<'static, str> {
        Spread::schema_id()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Spread::json_schema(generator)
    }
}
