//! The timeline and the analyses, compared on testdata with those of Go 1.27.3 and with what the
//! traced programs measured.

mod allocations;
mod damage;
mod examples;
mod expected;
mod gaps;
mod goroutines;
mod lanes;
mod latencies;
mod parts;
mod profiles;
mod queries;
mod same_pass;
mod sharing;
mod tasks;
mod timeline;
mod truth;
mod utilization;

use std::time::Duration;

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).expect("less than 292 years")
}
