//! Limits for the change of a metric.

use std::fmt;
use std::str::FromStr;

use super::change::Change;

/// A limit for the change of a metric, such as `gc.pause.p99 > +20%`.
///
/// ```
/// use gotrace::analysis::compare::{Change, Threshold};
///
/// let threshold: Threshold = "gc.pause.p99 > +20%".parse().unwrap();
/// let change = |after| Change::new("gc.pause.p99", Some(100.0), Some(after));
/// assert!(threshold.is_crossed(&change(121.0)));
/// assert!(!threshold.is_crossed(&change(120.0)));
/// ```
///
/// The text is a name, `>` or `<`, and a number. A number with a sign and `%` limits the growth in
/// percent. A number with a sign but without `%` limits the growth. A number without a sign limits
/// the value in the second trace. Numbers without `%` may have a unit: ns, us, ms or s.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// The name of the metric, as in [`MetricsReport`](super::MetricsReport).
    pub name: String,
    above: bool,
    limit: Limit,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Limit {
    Percent(f64),
    Growth(f64),
    Value(f64),
}

/// The reason why the text of a [`Threshold`] is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ThresholdError {
    /// The text has neither `>` nor `<`.
    NoComparison,
    /// The text has no name before `>` or `<`.
    NoName,
    /// The text has no number with a valid unit after `>` or `<`.
    NoLimit,
}

impl fmt::Display for ThresholdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ThresholdError::NoComparison => "neither > nor <: write it like gc.pause.p99 > +20%",
            ThresholdError::NoName => "no name: write it like gc.pause.p99 > +20%",
            ThresholdError::NoLimit => "no limit: write one like +20%, +5ms or 10ms",
        })
    }
}

impl std::error::Error for ThresholdError {}

impl FromStr for Threshold {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        // The last `>` or `<` is the comparison, because names of generic functions may contain
        // these signs, too.
        let place = text.rfind(['>', '<']).ok_or(ThresholdError::NoComparison)?;
        let (name, limit) = (text[..place].trim(), text[place + 1..].trim());
        if name.is_empty() {
            return Err(ThresholdError::NoName);
        }
        let digits = limit.find(|c: char| !matches!(c, '0'..='9' | '.' | '+' | '-')).unwrap_or(limit.len());
        let (number, unit) = limit.split_at(digits);
        let value: f64 = number.parse().map_err(|_| ThresholdError::NoLimit)?;
        let is_relative = number.starts_with(['+', '-']);
        let scale = match unit.trim() {
            "%" if is_relative => {
                return Ok(Threshold {
                    name: name.into(),
                    above: text.as_bytes()[place] == b'>',
                    limit: Limit::Percent(value),
                });
            }
            "" | "ns" => 1.0,
            "us" | "µs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            _ => return Err(ThresholdError::NoLimit),
        };
        let limit = if is_relative { Limit::Growth(value * scale) } else { Limit::Value(value * scale) };
        Ok(Threshold { name: name.into(), above: text.as_bytes()[place] == b'>', limit })
    }
}

impl Threshold {
    /// Returns whether the change of the metric crosses this threshold. A metric that is missing in
    /// one of the traces counts as 0 there. Growth from 0 is more than any percentage.
    pub fn is_crossed(&self, change: &Change) -> bool {
        let (before, after) = (change.before.unwrap_or(0.0), change.after.unwrap_or(0.0));
        let (found, limit) = match self.limit {
            Limit::Value(limit) => (after, limit),
            Limit::Growth(limit) => (after - before, limit),
            Limit::Percent(limit) if before == 0.0 && after == 0.0 => (0.0, limit),
            Limit::Percent(limit) => ((after - before) / before.abs() * 100.0, limit),
        };
        if self.above { found > limit } else { found < limit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(before: Option<f64>, after: Option<f64>) -> Change {
        Change::new("x", before, after)
    }

    #[test]
    fn thresholds_limit_values_growth_and_percentages() {
        for (text, before, after, crossed) in [
            ("x > +20%", Some(100.0), Some(120.1), true),
            ("x > +20%", Some(100.0), Some(119.9), false),
            ("x > +20%", None, Some(0.1), true),
            ("x > +20%", None, None, false),
            ("x < -50%", Some(100.0), Some(49.0), true),
            ("x > +5us", Some(100.0), Some(5_101.0), true),
            ("x > +5us", Some(100.0), Some(5_099.0), false),
            ("x > 5 ms", Some(9e9), Some(5_000_001.0), true),
            ("x < 0.5", None, Some(0.4), true),
            ("x<0.5", None, Some(0.6), false),
        ] {
            let threshold: Threshold = text.parse().expect(text);
            assert_eq!(threshold.is_crossed(&change(before, after)), crossed, "{text}: {before:?} {after:?}");
        }
    }

    #[test]
    fn invalid_thresholds_are_rejected() {
        for (text, error) in [
            ("x", ThresholdError::NoComparison),
            (" > 5", ThresholdError::NoName),
            ("x > ", ThresholdError::NoLimit),
            ("x > 5 parsecs", ThresholdError::NoLimit),
            ("x > 20%", ThresholdError::NoLimit),
        ] {
            assert_eq!(text.parse::<Threshold>(), Err(error), "{text}");
        }
    }
}
