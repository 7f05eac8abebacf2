//! The MMU as a function of the window length.

use std::time::Duration;

use super::MmuReport;

/// The MMU and the 5th and 50th percentile of the mutator utilization, by window length.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct MmuCurve {
    /// The length of the time for which the utilization is known. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "duration_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub duration: Duration,
    /// The utilization for window lengths from one microsecond to the whole duration, six per
    /// decade.
    pub points: Vec<MmuPoint>,
}

/// The mutator utilization in windows of one length.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct MmuPoint {
    /// The length of the windows. In JSON: nanoseconds.
    #[cfg_attr(feature = "serde", serde(rename = "window_ns", serialize_with = "crate::nanos::duration"))]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub window: Duration,
    /// The lowest mean utilization of any window, from 0 to 1.
    pub mmu: f64,
    /// The 5th percentile of the mean utilization of all windows, from 0 to 1.
    pub p5: f64,
    /// The median of the mean utilization of all windows, from 0 to 1.
    pub p50: f64,
}

/// The number of window lengths per decade.
const STEPS: i32 = 6;

/// The length of the shortest window, in nanoseconds.
const SHORTEST: f64 = 1000.0;

impl MmuCurve {
    pub(super) fn new(report: &MmuReport) -> Self {
        let duration = report.duration();
        let nanos = |i: i32| (SHORTEST * 10_f64.powf(f64::from(i) / f64::from(STEPS))).round() as u64;
        let windows = (0..).map(|i| Duration::from_nanos(nanos(i))).take_while(|&window| window < duration);
        let points = windows.chain((!duration.is_zero()).then_some(duration)).map(|window| {
            let quantiles = report.mud(window, &[0.0, 0.05, 0.5]);
            MmuPoint { window, mmu: quantiles[0], p5: quantiles[1], p50: quantiles[2] }
        });
        MmuCurve { duration, points: points.collect() }
    }
}
