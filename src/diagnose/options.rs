//! Options of a diagnosis: the thresholds of the rules and of the health score, and the range of
//! each.

use std::fmt;
use std::time::Duration;

use crate::time::WallTime;

/// The numbers that an option accepts.
///
/// Setters of [`Options`] and [`HealthOptions`] replace a number outside of the range by the
/// nearest number in it, and NaN by the smallest. To refuse such a number instead, call
/// [`contains`](Self::contains) first, as the command `gotrace diagnose` does.
///
/// ```
/// use gotrace::diagnose::Options;
///
/// assert!(!Options::LEAK.contains(1.2));
/// assert_eq!(Options::default().leak(1.2).leak, 1.0);
/// assert_eq!(Options::LEAK.to_string(), "a number above 0, up to 1");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionRange(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Finite and above 0.
    Positive,
    /// Finite and at least 0.
    NotNegative,
    /// From 0 to 1.
    Fraction,
    /// Above 0 and up to 1.
    PositiveFraction,
}

/// The smallest number above 0.
const SMALLEST: f64 = f64::from_bits(1);

impl OptionRange {
    const POSITIVE: Self = OptionRange(Kind::Positive);
    const NOT_NEGATIVE: Self = OptionRange(Kind::NotNegative);
    const FRACTION: Self = OptionRange(Kind::Fraction);
    const POSITIVE_FRACTION: Self = OptionRange(Kind::PositiveFraction);

    /// Returns the smallest number of the range.
    pub fn min(self) -> f64 {
        match self.0 {
            Kind::Positive | Kind::PositiveFraction => SMALLEST,
            Kind::NotNegative | Kind::Fraction => 0.0,
        }
    }

    /// Returns the largest number of the range.
    pub fn max(self) -> f64 {
        match self.0 {
            Kind::Positive | Kind::NotNegative => f64::MAX,
            Kind::Fraction | Kind::PositiveFraction => 1.0,
        }
    }

    /// Returns whether the range contains a number. It never contains NaN.
    pub fn contains(self, number: f64) -> bool {
        (self.min()..=self.max()).contains(&number)
    }

    /// Returns the number of the range that is nearest to a number, and the smallest for NaN.
    pub fn clamp(self, number: f64) -> f64 {
        // `f64::max` returns the other number for NaN.
        number.max(self.min()).min(self.max())
    }
}

impl fmt::Display for OptionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self.0 {
            Kind::Positive => "a number above 0",
            Kind::NotNegative => "a number of 0 or more",
            Kind::Fraction => "a number between 0 and 1",
            Kind::PositiveFraction => "a number above 0, up to 1",
        })
    }
}

/// The thresholds of the rules.
///
/// ```
/// use gotrace::diagnose::Options;
///
/// let options = Options::default().leak(0.9).max_findings(5);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Options {
    /// Growth by at least this many standard deviations is not chance. Default: 3.
    ///
    /// In a steady state, the numbers of arrivals and departures vary by chance. The standard
    /// deviation of their difference is the square root of arrivals plus departures, since the
    /// variance of a count is its mean. Three standard deviations are exceeded once in 740 cases.
    pub deviations: f64,
    /// Growth below this fraction of its initial rate counts as warm-up, not as a leak.
    /// Default: 0.5.
    pub pace: f64,
    /// Growth has to be slower than [`pace`](Self::pace) by this many standard deviations to count
    /// as slowing down. Default: 1.28, which is 90 % certain. The more certain it is, the more it
    /// counts against a leak.
    pub slowing: f64,
    /// The verdict is `leak` from this confidence on. Default: 0.8. No single input reaches it,
    /// except a `goroutineleak` profile. Inputs that agree can reach it.
    pub leak: f64,
    /// The verdict is `suspect` from this confidence on. Default: 0.5.
    pub suspect: f64,
    /// The GC log is split into this many windows. Default: 10. The floor of the
    /// live heap is its minimum in each window: the memory that no collection frees.
    pub floors: usize,
    /// The floor has to rise by at least this many bytes. Default: 2 MiB, since the log rounds down
    /// by up to a MiB at both ends.
    pub log_noise: u64,
    /// The floor has to rise by at least this fraction of its first value. Default: 0.05.
    pub relative_noise: f64,
    /// Garbage collection is expensive from this fraction of all CPU time on. Default: 0.25. The
    /// collector plans to use a quarter while it marks (Go `src/runtime/mgcpacer.go`,
    /// `gcBackgroundUtilization`). This is a quarter of the whole time.
    pub gc_cpu_share: f64,
    /// When the program started. Needed only if no input relates the times of the GC log to the
    /// other inputs. Default: `None`.
    pub log_start: Option<WallTime>,
    /// The maximum number of findings to return. The least certain are left out. Default: 20.
    pub max_findings: usize,
    /// The options of the health score.
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
    /// The range of [`deviations`](Self::deviations): above 0.
    pub const DEVIATIONS: OptionRange = OptionRange::POSITIVE;
    /// The range of [`pace`](Self::pace): from 0 to 1.
    pub const PACE: OptionRange = OptionRange::FRACTION;
    /// The range of [`slowing`](Self::slowing): 0 or more.
    pub const SLOWING: OptionRange = OptionRange::NOT_NEGATIVE;
    /// The range of [`leak`](Self::leak): above 0, up to 1.
    pub const LEAK: OptionRange = OptionRange::POSITIVE_FRACTION;
    /// The range of [`suspect`](Self::suspect): above 0, up to 1.
    pub const SUSPECT: OptionRange = OptionRange::POSITIVE_FRACTION;
    /// The smallest number of [`floors`](Self::floors).
    pub const MIN_FLOORS: usize = 4;
    /// The range of [`relative_noise`](Self::relative_noise): 0 or more.
    pub const RELATIVE_NOISE: OptionRange = OptionRange::NOT_NEGATIVE;
    /// The range of [`gc_cpu_share`](Self::gc_cpu_share): from 0 to 1.
    pub const GC_CPU_SHARE: OptionRange = OptionRange::FRACTION;

    /// Sets [`deviations`](Self::deviations), within [`DEVIATIONS`](Self::DEVIATIONS).
    #[must_use]
    pub fn deviations(mut self, deviations: f64) -> Self {
        self.deviations = Self::DEVIATIONS.clamp(deviations);
        self
    }

    /// Sets [`pace`](Self::pace), within [`PACE`](Self::PACE).
    #[must_use]
    pub fn pace(mut self, fraction: f64) -> Self {
        self.pace = Self::PACE.clamp(fraction);
        self
    }

    /// Sets [`slowing`](Self::slowing), within [`SLOWING`](Self::SLOWING).
    #[must_use]
    pub fn slowing(mut self, deviations: f64) -> Self {
        self.slowing = Self::SLOWING.clamp(deviations);
        self
    }

    /// Sets [`leak`](Self::leak), within [`LEAK`](Self::LEAK).
    #[must_use]
    pub fn leak(mut self, confidence: f64) -> Self {
        self.leak = Self::LEAK.clamp(confidence);
        self
    }

    /// Sets [`suspect`](Self::suspect), within [`SUSPECT`](Self::SUSPECT).
    #[must_use]
    pub fn suspect(mut self, confidence: f64) -> Self {
        self.suspect = Self::SUSPECT.clamp(confidence);
        self
    }

    /// Sets the number of windows of the GC log, at least [`MIN_FLOORS`](Self::MIN_FLOORS).
    #[must_use]
    pub fn floors(mut self, windows: usize) -> Self {
        self.floors = windows.max(Self::MIN_FLOORS);
        self
    }

    /// Sets the bytes by which the floor of the live heap has to rise.
    #[must_use]
    pub fn log_noise(mut self, bytes: u64) -> Self {
        self.log_noise = bytes;
        self
    }

    /// Sets [`relative_noise`](Self::relative_noise), within
    /// [`RELATIVE_NOISE`](Self::RELATIVE_NOISE).
    #[must_use]
    pub fn relative_noise(mut self, fraction: f64) -> Self {
        self.relative_noise = Self::RELATIVE_NOISE.clamp(fraction);
        self
    }

    /// Sets [`gc_cpu_share`](Self::gc_cpu_share), within [`GC_CPU_SHARE`](Self::GC_CPU_SHARE).
    #[must_use]
    pub fn gc_cpu_share(mut self, fraction: f64) -> Self {
        self.gc_cpu_share = Self::GC_CPU_SHARE.clamp(fraction);
        self
    }

    /// Sets when the program started.
    #[must_use]
    pub fn log_start(mut self, start: impl Into<Option<WallTime>>) -> Self {
        self.log_start = start.into();
        self
    }

    /// Sets the maximum number of findings to return.
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

/// Options of the health score.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct HealthOptions {
    /// The largest expected heap, in bytes. Default: `None`, then only growth counts.
    pub heap: Option<u64>,
    /// The longest expected pause. Default: `None`, then only the share of time in which the world
    /// is stopped counts.
    pub pause: Option<Duration>,
    /// The largest expected number of blocking events per second. Default: `None`, then only
    /// goroutines that stay blocked count.
    pub blocked_per_second: Option<f64>,
    /// The weight of each part.
    pub weights: HealthWeights,
    /// How steep the curve is. Default: 6. Then the score of a part is 95 at half of its bound, 50
    /// at the bound, and 5 at one and a half times the bound.
    pub steepness: f64,
}

impl Default for HealthOptions {
    fn default() -> Self {
        HealthOptions {
            heap: None,
            pause: None,
            blocked_per_second: None,
            weights: HealthWeights::default(),
            steepness: 6.0,
        }
    }
}

impl HealthOptions {
    /// The range of [`blocked_per_second`](Self::blocked_per_second): above 0.
    pub const BLOCKED_PER_SECOND: OptionRange = OptionRange::POSITIVE;
    /// The range of [`heap`](Self::heap) in any unit: above 0.
    pub const HEAP: OptionRange = OptionRange::POSITIVE;
    /// The range of [`steepness`](Self::steepness): above 0.
    pub const STEEPNESS: OptionRange = OptionRange::POSITIVE;

    /// Sets the largest expected heap, in bytes. 0 counts as 1.
    #[must_use]
    pub fn heap(mut self, bytes: impl Into<Option<u64>>) -> Self {
        self.heap = bytes.into().map(|bytes| bytes.max(1));
        self
    }

    /// Sets the longest expected pause. 0 counts as a nanosecond.
    #[must_use]
    pub fn pause(mut self, pause: impl Into<Option<Duration>>) -> Self {
        self.pause = pause.into().map(|pause| pause.max(Duration::from_nanos(1)));
        self
    }

    /// Sets [`blocked_per_second`](Self::blocked_per_second), within
    /// [`BLOCKED_PER_SECOND`](Self::BLOCKED_PER_SECOND).
    #[must_use]
    pub fn blocked_per_second(mut self, events: impl Into<Option<f64>>) -> Self {
        self.blocked_per_second = events.into().map(|events| Self::BLOCKED_PER_SECOND.clamp(events));
        self
    }

    /// Sets how much each part counts.
    #[must_use]
    pub fn weights(mut self, weights: HealthWeights) -> Self {
        self.weights = weights;
        self
    }

    /// Sets [`steepness`](Self::steepness), within [`STEEPNESS`](Self::STEEPNESS).
    #[must_use]
    pub fn steepness(mut self, steepness: f64) -> Self {
        self.steepness = Self::STEEPNESS.clamp(steepness);
        self
    }
}

/// The weight of each part of the health score. Only the ratios matter.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct HealthWeights {
    /// The heap. Default: 0.4.
    pub heap: f64,
    /// Pauses. Default: 0.3.
    pub pauses: f64,
    /// Blocking events. Default: 0.3.
    pub blocking: f64,
}

impl Default for HealthWeights {
    fn default() -> Self {
        HealthWeights { heap: 0.4, pauses: 0.3, blocking: 0.3 }
    }
}

impl HealthWeights {
    /// The range of each weight: 0 or more.
    pub const WEIGHT: OptionRange = OptionRange::NOT_NEGATIVE;

    /// Weights of heap, pauses and blocking events, each within [`WEIGHT`](Self::WEIGHT). If all
    /// are 0, there is no health score.
    pub fn new(heap: f64, pauses: f64, blocking: f64) -> Self {
        let [heap, pauses, blocking] = [heap, pauses, blocking].map(|weight| Self::WEIGHT.clamp(weight));
        HealthWeights { heap, pauses, blocking }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setters_keep_numbers_within_their_range() {
        for (number, fraction, share, positive) in [
            (f64::NAN, 0.0, SMALLEST, SMALLEST),
            (f64::NEG_INFINITY, 0.0, SMALLEST, SMALLEST),
            (0.0, 0.0, SMALLEST, SMALLEST),
            (0.25, 0.25, 0.25, 0.25),
            (7.0, 1.0, 1.0, 7.0),
            (f64::INFINITY, 1.0, 1.0, f64::MAX),
        ] {
            let options = Options::default().pace(number).leak(number).suspect(number).deviations(number);
            assert_eq!(
                [options.pace, options.leak, options.suspect, options.deviations],
                [fraction, share, share, positive]
            );
            let health = HealthOptions::default().blocked_per_second(number).steepness(number);
            assert_eq!((health.blocked_per_second, health.steepness), (Some(positive), positive));
            assert_eq!(Options::PACE.contains(number), number == fraction, "{number}");
            assert_eq!(Options::DEVIATIONS.contains(number), number == positive, "{number}");
        }
        let health = HealthOptions::default().heap(0).pause(Duration::ZERO);
        assert_eq!((health.heap, health.pause), (Some(1), Some(Duration::from_nanos(1))));
        let weights = HealthWeights::new(-1.0, f64::NAN, 2.0);
        assert_eq!(weights, HealthWeights { heap: 0.0, pauses: 0.0, blocking: 2.0 });
    }
}
