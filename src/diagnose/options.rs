//! The thresholds of the rules.

use super::score::HealthOptions;
use crate::time::WallTime;

/// The thresholds of the rules. They are few, and each has a meaning of its own.
///
/// ```
/// use gotrace::diagnose::Options;
///
/// let options = Options::default().leak(0.9).max_findings(5);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Options {
    /// Growth by at least this many standard deviations is not chance: 3. In a steady state, the
    /// number of things that come and go varies by the square root of arrivals plus departures
    /// (both are counts, so their variance is their mean). Three standard deviations are exceeded
    /// once in 740 cases.
    pub deviations: f64,
    /// Growth below this fraction of its initial rate counts as warm-up, not as a leak: 0.5.
    pub pace: f64,
    /// By how many standard deviations growth has to be slower than that to count as slowing down: 1.28,
    /// which is certain to 90 %. The more certain it is, the more it counts against a leak.
    pub slowing: f64,
    /// The verdict is `leak` from this confidence on: 0.8. No single input reaches it, except a
    /// `goroutineleak` profile. Two that agree do.
    pub leak: f64,
    /// The verdict is `suspect` from this confidence on: 0.5.
    pub suspect: f64,
    /// The GC log is split into this many windows: 10. The floor of the live heap is its minimum in
    /// each window: what no collection frees.
    pub floors: usize,
    /// The floor has to rise by at least this many bytes: 2 MiB. The log rounds down by up to a MiB
    /// at both ends.
    pub log_noise: u64,
    /// The floor has to rise by at least this share of itself: 0.05.
    pub relative_noise: f64,
    /// Collecting is expensive from this share of all CPU time on: 0.25. The collector plans with a
    /// quarter while it marks (Go `src/runtime/mgcpacer.go`, `gcBackgroundUtilization`); this is a
    /// quarter all the time.
    pub gc_cpu_share: f64,
    /// When the program started, for the case that no input tells how the times of the log relate
    /// to the others. `None` by default.
    pub log_start: Option<WallTime>,
    /// The most findings to return, the most certain first: 20.
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

impl Options {
    /// Sets from how many standard deviations on growth is not chance.
    #[must_use]
    pub fn deviations(mut self, deviations: f64) -> Self {
        self.deviations = deviations;
        self
    }

    /// Sets below which fraction of its initial rate growth counts as warm-up.
    #[must_use]
    pub fn pace(mut self, pace: f64) -> Self {
        self.pace = pace;
        self
    }

    /// Sets by how many standard deviations growth has to be slower to count as slowing down.
    #[must_use]
    pub fn slowing(mut self, slowing: f64) -> Self {
        self.slowing = slowing;
        self
    }

    /// Sets the confidence from which on the verdict is `leak`.
    #[must_use]
    pub fn leak(mut self, leak: f64) -> Self {
        self.leak = leak;
        self
    }

    /// Sets the confidence from which on the verdict is `suspect`.
    #[must_use]
    pub fn suspect(mut self, suspect: f64) -> Self {
        self.suspect = suspect;
        self
    }

    /// Sets the number of windows of the GC log.
    #[must_use]
    pub fn floors(mut self, floors: usize) -> Self {
        self.floors = floors;
        self
    }

    /// Sets the bytes by which the floor of the live heap has to rise.
    #[must_use]
    pub fn log_noise(mut self, bytes: u64) -> Self {
        self.log_noise = bytes;
        self
    }

    /// Sets the share of itself by which the floor of the live heap has to rise.
    #[must_use]
    pub fn relative_noise(mut self, share: f64) -> Self {
        self.relative_noise = share;
        self
    }

    /// Sets the share of CPU time from which on collecting is expensive.
    #[must_use]
    pub fn gc_cpu_share(mut self, share: f64) -> Self {
        self.gc_cpu_share = share;
        self
    }

    /// Sets when the program started.
    #[must_use]
    pub fn log_start(mut self, start: impl Into<Option<WallTime>>) -> Self {
        self.log_start = start.into();
        self
    }

    /// Sets the most findings to return.
    #[must_use]
    pub fn max_findings(mut self, most: usize) -> Self {
        self.max_findings = most;
        self
    }

    /// Sets how the health score is computed.
    #[must_use]
    pub fn health(mut self, health: HealthOptions) -> Self {
        self.health = health;
        self
    }
}
