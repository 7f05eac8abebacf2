//! The analyses find what those of Go 1.27.3 find, on every trace of testdata.

#[path = "../corpus/mod.rs"]
mod corpus;
mod damage;
mod expected;
mod gaps;
mod goroutines;
mod latencies;
mod profiles;
mod same_pass;
mod tasks;
#[cfg(feature = "pprof")]
#[path = "../pprof/tool.rs"]
mod tool;
mod utilization;
