//! Moving averages.

/// Returns the mean of every `window` consecutive samples: value `i` is the mean of samples `i..i +
/// window`. Empty if there are fewer than `window` samples, or if `window` is 0.
///
/// The running time does not depend on `window`, because the sum is updated from one window to the
/// next. Uses compensated summation. For integer samples, such as bytes, windows with equal sums
/// have exactly equal means.
pub fn moving_average(values: &[f64], window: usize) -> Vec<f64> {
    if window == 0 || window > values.len() {
        return Vec::new();
    }
    let mut sum = Sum::default();
    values[..window].iter().for_each(|&value| sum.add(value));
    let mut means = Vec::with_capacity(values.len() - window + 1);
    means.push(sum.mean(window));
    for (&leaves, &enters) in values.iter().zip(&values[window..]) {
        sum.add(enters);
        sum.add(-leaves);
        means.push(sum.mean(window));
    }
    means
}

/// A sum with compensated rounding errors (A. Neumaier, "Rundungsfehleranalyse einiger Verfahren
/// zur Summation endlicher Summen", ZAMM 54, 1974).
#[derive(Default)]
struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    fn add(&mut self, value: f64) {
        let sum = self.sum + value;
        self.lost += match self.sum.abs() >= value.abs() {
            true => (self.sum - sum) + value,
            false => (value - sum) + self.sum,
        };
        self.sum = sum;
    }

    fn mean(&self, window: usize) -> f64 {
        (self.sum + self.lost) / window as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_full_windows_are_averaged() {
        let values = [1.0, 2.0, 3.0, 5.0, 9.0];
        assert_eq!(moving_average(&values, 2), [1.5, 2.5, 4.0, 7.0]);
        assert_eq!(moving_average(&values, 5), [4.0]);
        assert_eq!(moving_average(&values, 1), values);
        assert!(moving_average(&values, 6).is_empty());
        assert!(moving_average(&values, 0).is_empty());
    }

    #[test]
    fn a_large_value_does_not_affect_later_means() {
        let values = [1.0, 1e17, 1.0, 1.0, 1.0, 1.0];
        assert_eq!(moving_average(&values, 2)[2..], [1.0, 1.0, 1.0]);
    }
}
