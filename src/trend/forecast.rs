//! When a series reaches a limit, if it continues as it does.

use super::TheilSen;

/// When a rising line reaches a limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Forecast {
    /// It is reached already.
    Reached,
    /// It does not rise.
    Never,
    /// It is reached at a later position.
    At {
        /// By the line.
        expected: f64,
        /// By the steepest slope of the interval. `None` if there is no interval.
        earliest: Option<f64>,
        /// By the flattest slope of the interval. `None` if that does not rise, or there is no interval.
        latest: Option<f64>,
    },
}

/// Extends the line from its value at the last sample, with its slope and with the ends of its interval.
pub(super) fn forecast(line: &TheilSen, last_at: f64, limit: f64) -> Forecast {
    let level = line.at(last_at);
    if level >= limit {
        return Forecast::Reached;
    }
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
    use crate::trend::Interval;

    const LINE: TheilSen = TheilSen { slope: 2.0, intercept: 10.0, interval: Some(Interval { low: 1.0, high: 4.0 }) };

    #[test]
    fn a_rising_line_gets_there() {
        let expected = Forecast::At { expected: 45.0, earliest: Some(25.0), latest: Some(85.0) };
        assert_eq!(forecast(&LINE, 5.0, 100.0), expected);
        let uncertain = TheilSen { interval: Some(Interval { low: -1.0, high: 4.0 }), ..LINE };
        let expected = Forecast::At { expected: 45.0, earliest: Some(25.0), latest: None };
        assert_eq!(forecast(&uncertain, 5.0, 100.0), expected);
        let unknown = TheilSen { interval: None, ..LINE };
        assert_eq!(forecast(&unknown, 5.0, 100.0), Forecast::At { expected: 45.0, earliest: None, latest: None });
    }

    #[test]
    fn others_do_not() {
        assert_eq!(forecast(&LINE, 5.0, 20.0), Forecast::Reached);
        for slope in [0.0, -1.0, 1e-320] {
            assert_eq!(forecast(&TheilSen { slope, ..LINE }, 5.0, 100.0), Forecast::Never, "{slope}");
        }
    }
}
