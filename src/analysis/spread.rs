//! A histogram of durations as JSON: count, sum, extremes and percentiles, instead of its buckets.

use serde::{Serialize, Serializer};

use super::histogram::Histogram;

/// A distribution of durations in nanoseconds. All fields but `count` are 0 if there is no value.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Spread {
    /// How many values there are.
    count: u64,
    /// Their sum.
    sum_ns: i64,
    /// The least.
    min_ns: i64,
    /// The mean.
    mean_ns: f64,
    /// The median.
    p50_ns: i64,
    /// 90 % of the values do not exceed it.
    p90_ns: i64,
    /// 99 % of the values do not exceed it.
    p99_ns: i64,
    /// The greatest.
    max_ns: i64,
}

impl Serialize for Histogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let spread = Spread {
            count: self.count(),
            sum_ns: self.sum(),
            min_ns: self.min(),
            mean_ns: self.mean(),
            p50_ns: self.percentile(50.0),
            p90_ns: self.percentile(90.0),
            p99_ns: self.percentile(99.0),
            max_ns: self.max(),
        };
        spread.serialize(serializer)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Histogram {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Spread::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Spread::json_schema(generator)
    }
}
