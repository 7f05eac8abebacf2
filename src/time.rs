//! Times on the trace's clock, and how they relate to other clocks.

use std::fmt;
use std::ops::Sub;
use std::time::{Duration, SystemTime};

/// An instant in nanoseconds on the trace's clock.
///
/// The clock is the platform's monotonic clock, so its zero has no meaning: only differences are meaningful. Times of
/// events are strictly increasing within a trace. Times of traces of Go 1.21 and older, and of traces made on Windows,
/// cannot be compared with times of other traces of the same machine (type `Time` in Go `src/internal/trace/event.go`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Time(pub i64);

impl Time {
    /// Returns the nanoseconds from `earlier` to `self`. Negative if `self` is before `earlier`.
    pub fn since(self, earlier: Time) -> i64 {
        self.0.wrapping_sub(earlier.0)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Sub for Time {
    type Output = Duration;

    /// Returns the duration from `earlier` to `self`. Zero if `self` is before `earlier`.
    fn sub(self, earlier: Time) -> Duration {
        Duration::from_nanos(u64::try_from(self.since(earlier)).unwrap_or(0))
    }
}

/// The duration of one raw timestamp unit of the trace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Frequency {
    nanos_per_unit: f64,
    /// `nanos_per_unit` as an integer, if it is an integer: 64 on Linux, 1 on macOS.
    whole: u64,
    /// Below this number of units, multiplying by `whole` gives the same result as multiplying by
    /// `nanos_per_unit`. 0 if `nanos_per_unit` is not an integer.
    exact_below: u64,
}

/// The highest clock frequency that is accepted. Cycle counters have less than 10¹⁰ units per
/// second.
const MAX_UNITS_PER_SECOND: u64 = 1_000_000_000_000;

/// 2⁶³, the smallest `f64` that does not fit into an `i64`.
const I64_LIMIT: f64 = 9_223_372_036_854_775_808.0;

/// 2⁶² ns (146 years). All times in a trace are less than this, so that increasing equal times to
/// make them distinct cannot overflow.
pub(crate) const TIME_LIMIT: i64 = 1 << 62;

/// Below these values, multiplying units by whole nanoseconds is exact in `f64`: the product is
/// less than 2⁵³.
const EXACT_UNITS: u64 = 1 << 43;
const EXACT_NANOS: f64 = 1024.0;

impl Frequency {
    /// A clock with a unit of one nanosecond.
    pub const NANOS: Frequency = Frequency { nanos_per_unit: 1.0, whole: 1, exact_below: EXACT_UNITS };

    /// Converts from timestamp units per second. `None` if `units` is 0 or higher than the frequency of any real clock.
    ///
    /// The calculation is the same as in `setSyncBatch` in Go's `generation.go`, so that the times are exactly equal.
    pub fn from_units_per_second(units: u64) -> Option<Self> {
        if units == 0 || units > MAX_UNITS_PER_SECOND {
            return None;
        }
        let nanos_per_unit = 1.0 / (units as f64 / 1e9);
        let is_whole = nanos_per_unit.fract() == 0.0 && nanos_per_unit < EXACT_NANOS;
        let exact_below = if is_whole { EXACT_UNITS } else { 0 };
        Some(Self { nanos_per_unit, whole: nanos_per_unit as u64, exact_below })
    }

    /// Converts units to nanoseconds, truncated like `frequency.mul` in Go. `None` if the result
    /// does not fit into an `i64`.
    #[inline(always)]
    pub fn nanos(self, units: u64) -> Option<i64> {
        match units < self.exact_below {
            true => Some((units * self.whole) as i64),
            false => self.nanos_by_float(units),
        }
    }

    /// Converts units to a time in nanoseconds. `None` if it exceeds [`TIME_LIMIT`].
    pub fn time(self, units: u64) -> Option<i64> {
        self.nanos(units).filter(|&nanos| nanos < TIME_LIMIT)
    }

    #[inline]
    fn nanos_by_float(self, units: u64) -> Option<i64> {
        let nanos = units as f64 * self.nanos_per_unit;
        (nanos < I64_LIMIT).then_some(nanos as i64)
    }
}

/// The trace's clock, the system's monotonic clock and the wall clock, read at nearly the same moment. Converts between
/// trace times and wall time. Go 1.25 and later write one snapshot per generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockSnapshot {
    /// The time of the trace's clock.
    pub trace: Time,
    /// The time of the system's monotonic clock, in nanoseconds.
    pub mono: u64,
    /// The time of the wall clock.
    pub wall: WallTime,
}

impl ClockSnapshot {
    /// Converts a time of the trace to wall time. `None` if it is out of range.
    pub fn wall_at(&self, time: Time) -> Option<WallTime> {
        WallTime::from_nanos(self.wall.as_nanos() + i128::from(time.0) - i128::from(self.trace.0))
    }

    /// Converts wall time to a time of the trace. `None` if it is out of range.
    pub fn time_at(&self, wall: WallTime) -> Option<Time> {
        i64::try_from(wall.as_nanos() - self.wall.as_nanos() + i128::from(self.trace.0)).ok().map(Time)
    }
}

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// A point in time on the wall clock, in UTC. It is displayed as RFC 3339 text with as many
/// decimals as needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime {
    seconds: i64,
    nanos: u32,
}

impl WallTime {
    /// Converts seconds and nanoseconds since 1970-01-01 00:00 UTC. `nanos` may be a second or more.
    pub(crate) fn new(seconds: u64, nanos: u64) -> Option<Self> {
        Self::from_nanos(i128::from(seconds) * NANOS_PER_SECOND + i128::from(nanos))
    }

    /// Parses RFC 3339, such as `2026-11-23T18:18:16.507945423Z`, or a time with an offset from UTC. `None` if `text`
    /// is not RFC 3339.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let moment: jiff::Timestamp = text.parse().ok()?;
        Self::from_nanos(moment.as_nanosecond())
    }

    /// Returns the nanoseconds since 1970-01-01 00:00 UTC.
    pub fn as_nanos(self) -> i128 {
        i128::from(self.seconds) * NANOS_PER_SECOND + i128::from(self.nanos)
    }

    /// Converts nanoseconds since 1970-01-01 00:00 UTC. `None` if the seconds do not fit into an `i64`.
    pub fn from_nanos(nanos: i128) -> Option<Self> {
        Some(Self {
            seconds: i64::try_from(nanos.div_euclid(NANOS_PER_SECOND)).ok()?,
            nanos: u32::try_from(nanos.rem_euclid(NANOS_PER_SECOND)).ok()?,
        })
    }

    /// Returns the whole seconds since 1970-01-01 00:00 UTC. Negative for earlier times.
    pub fn seconds(&self) -> i64 {
        self.seconds
    }

    /// Returns the nanoseconds since the start of the second, less than 10⁹.
    pub fn subsec_nanos(&self) -> u32 {
        self.nanos
    }

    /// Converts to the standard library's type. `None` if the platform's `SystemTime` cannot
    /// represent it.
    pub fn to_system_time(&self) -> Option<SystemTime> {
        let whole = Duration::from_secs(self.seconds.unsigned_abs());
        let second = match self.seconds < 0 {
            true => SystemTime::UNIX_EPOCH.checked_sub(whole)?,
            false => SystemTime::UNIX_EPOCH.checked_add(whole)?,
        };
        second.checked_add(Duration::from_nanos(self.nanos.into()))
    }
}

/// Serialises as RFC 3339 text.
#[cfg(feature = "serde")]
impl serde::Serialize for WallTime {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for WallTime {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "WallTime".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "description": "A moment on the wall clock, in UTC, as RFC 3339 text."})
    }
}

impl fmt::Display for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = i32::try_from(self.nanos).unwrap_or(0);
        match jiff::Timestamp::new(self.seconds, nanos) {
            Ok(moment) => fmt::Display::fmt(&moment, f),
            // The year does not have four digits. Only a damaged or forged file contains such a
            // time.
            Err(_) => write!(f, "{}.{:09}s since 1970", self.seconds, self.nanos),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_truncated_as_in_go() {
        // Linux' clock has 15,625,000 units per second: so a unit is 64 ns.
        let frequency = Frequency::from_units_per_second(15_625_000).expect("a real clock");
        assert_eq!(frequency.nanos(1), Some(64));
        for units in [0, 1, 77, (1 << 43) - 1] {
            assert_eq!(frequency.nanos(units), frequency.nanos_by_float(units), "{units}");
        }
        let three = Frequency::from_units_per_second(3_000_000_000).expect("a real clock");
        assert_eq!(three.nanos(2), Some(0), "0.67 ns is truncated, not rounded");
        // Go 1.27.3 printed this for int64(float64(math.MaxUint64) * f).
        assert_eq!(three.nanos(u64::MAX), Some(6_148_914_691_236_516_864));
        assert_eq!(frequency.nanos(u64::MAX), None);
    }

    #[test]
    fn a_clock_with_an_impossible_rate_is_rejected() {
        assert_eq!(Frequency::from_units_per_second(0), None);
        assert_eq!(Frequency::from_units_per_second(u64::MAX), None);
    }

    #[test]
    fn trace_times_convert_to_wall_time_and_back() {
        let wall = WallTime::new(1_700_000_000, 250_000_000).expect("in range");
        assert_eq!(wall.to_string(), "2023-11-14T22:13:20.25Z");
        let snapshot = ClockSnapshot { trace: Time(1_000), mono: 0, wall };
        assert_eq!(
            snapshot.wall_at(Time(1_000 - 250_000_001)).expect("in range").to_string(),
            "2023-11-14T22:13:19.999999999Z"
        );
        for text in ["2023-11-14T22:13:19.999999999Z", "2023-11-15T00:13:19.999999999+02:00"] {
            let wall = WallTime::from_rfc3339(text).expect("RFC 3339");
            assert_eq!(snapshot.time_at(wall), Some(Time(1_000 - 250_000_001)), "{text}");
        }
        for text in ["", "12", "2023-11-14", "2023-11-14T22:13:19", "yesterday"] {
            assert_eq!(WallTime::from_rfc3339(text), None, "{text}");
        }
        assert_eq!(WallTime::new(0, 1_500_000_000), WallTime::new(1, 500_000_000));
        assert_eq!(
            wall.to_system_time(),
            Some(SystemTime::UNIX_EPOCH + Duration::from_nanos(1_700_000_000_250_000_000))
        );
    }
}
