//! The numbers that the rules go by.

use super::score::HealthOptions;

/// The numbers that the rules go by. They are few, and each means something on its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// From how many standard deviations on growth is no chance. What comes and goes in a steady state changes its number by
    /// the square root of arrivals plus departures (both are counts, so their variance is their mean): three of these are passed
    /// once in 740 cases.
    pub deviations: f64,
    /// What has begun at one pace and goes on at less than this share of it is warming up, and no leak.
    pub pace: f64,
    /// By how many standard deviations it has to be slower than that to count against a leak. Sure to nine in ten will do, for it is
    /// a reason against, and the surer it is the more it counts.
    pub slowing: f64,
    /// The confidence from which on the verdict is `leak`. No single input reaches it, a `goroutineleak` profile excepted: two that agree do.
    pub leak: f64,
    /// The confidence from which on the verdict is `suspect`.
    pub suspect: f64,
    /// The live heap's floor is its least value in each of so many windows of the GC log: what no collection gets rid of.
    pub floors: usize,
    /// By how many bytes the floor has to rise: the log cuts off up to a MiB at both ends.
    pub log_noise: u64,
    /// And by what share of the floor.
    pub relative_noise: f64,
    /// From this share of all CPU time on collecting is called expensive. The collector plans with a quarter while it marks (Go
    /// `src/runtime/mgcpacer.go`, `gcBackgroundUtilization`): this is a quarter all the time.
    pub gc_cpu_share: f64,
    /// The wall time of the program's start, in nanoseconds since 1970, where nothing else tells how the log's times relate to the
    /// others.
    pub log_start: Option<i64>,
    /// The most findings to give, the surest first.
    pub max_findings: usize,
    /// How the health score is computed.
    pub health: HealthOptions,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            deviations: 3.0,
            pace: 0.5,
            slowing: 1.28,
            leak: 0.8,
            suspect: 0.5,
            floors: 10,
            log_noise: 2 << 20,
            relative_noise: 0.05,
            gc_cpu_share: 0.25,
            log_start: None,
            max_findings: 20,
            health: HealthOptions::default(),
        }
    }
}
