//! The timeline and the analyses find what those of Go 1.27.3 find, on every trace of testdata.

mod allocations;
mod damage;
mod examples;
mod expected;
mod gaps;
mod goroutines;
mod latencies;
mod parts;
mod profiles;
mod same_pass;
mod sharing;
mod tasks;
mod timeline;
mod truth;
mod utilization;
