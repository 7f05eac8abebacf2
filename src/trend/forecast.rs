//! Forecasts when a series reaches a limit.

use super::Trend;

/// A forecast of when a series reaches a limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Forecast {
    /// A value of the series has already reached the limit.
    Reached,
    /// The series never reaches the limit, because it does not rise.
    Never,
    /// The series reaches the limit after its end.
    At {
        /// The position according to the slope.
        expected: f64,
        /// The position according to the upper end of the slope's confidence interval. `None` if
        /// there is no interval.
        earliest: Option<f64>,
        /// The position according to the lower end of the slope's confidence interval. `None` if this end is not
        /// positive, or if there is no interval.
        latest: Option<f64>,
    },
}

/// Extrapolates from the last position: once with the slope, and once with each end of its
/// confidence interval. The starting value is the value of the fitted line, but at most the highest
/// value of the series.
pub(super) fn forecast(trend: &Trend, limit: f64) -> Forecast {
    let Trend { last_at, highest, theil_sen: line, .. } = *trend;
    if highest >= limit {
        return Forecast::Reached;
    }
    let level = line.at(last_at).min(highest);
    let reach = |slope: f64| Some(last_at + (limit - level) / slope).filter(|at| slope > 0.0 && at.is_finite());
    match reach(line.slope) {
        Some(expected) => Forecast::At {
            expected,
            earliest: line.interval.and_then(|interval| reach(interval.high)),
            latest: line.interval.and_then(|interval| reach(interval.low)),
        },
        None => Forecast::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trend::{Interval, MannKendall, TheilSen};

    const LINE: TheilSen = TheilSen { slope: 2.0, intercept: 10.0, interval: Some(Interval { low: 1.0, high: 4.0 }) };

    /// Returns the forecast for the line at position 5, where its value is 20.
    fn forecast(line: &TheilSen, highest: f64, limit: f64) -> Forecast {
        let mann_kendall = MannKendall { s: 10, variance: 16.7, z: 2.2, p: 0.03, tau: 1.0 };
        super::forecast(&Trend { samples: 5, last_at: 5.0, highest, theil_sen: *line, mann_kendall }, limit)
    }

    #[test]
    fn a_rising_line_has_an_expected_position() {
        let expected = Forecast::At { expected: 45.0, earliest: Some(25.0), latest: Some(85.0) };
        assert_eq!(forecast(&LINE, 22.0, 100.0), expected);
        let uncertain = TheilSen { interval: Some(Interval { low: -1.0, high: 4.0 }), ..LINE };
        let expected = Forecast::At { expected: 45.0, earliest: Some(25.0), latest: None };
        assert_eq!(forecast(&uncertain, 22.0, 100.0), expected);
        let unknown = TheilSen { interval: None, ..LINE };
        assert_eq!(forecast(&unknown, 22.0, 100.0), Forecast::At { expected: 45.0, earliest: None, latest: None });
    }

    #[test]
    fn a_reached_limit_and_a_line_that_does_not_rise_have_no_position() {
        assert_eq!(forecast(&LINE, 22.0, 22.0), Forecast::Reached);
        for slope in [0.0, -1.0, 1e-320] {
            assert_eq!(forecast(&TheilSen { slope, ..LINE }, 22.0, 100.0), Forecast::Never, "{slope}");
        }
    }

    #[test]
    fn a_line_above_all_values_starts_at_the_highest_value() {
        // The line is at 20, but no value is above 12.
        let expected = Forecast::At { expected: 9.0, earliest: Some(7.0), latest: Some(13.0) };
        assert_eq!(forecast(&LINE, 12.0, 20.0), expected);
    }
}
