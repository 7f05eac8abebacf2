//! Smoothing.

/// The mean of every `window` samples in a row: value `i` is that of the samples `i..i + window`. Empty if there are
/// fewer samples, or `window` is 0.
///
/// The sum is carried along with its rounding errors, so that any window takes the same time; whole numbers such as
/// bytes are summed exactly, and equal sums give equal means.
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

/// A sum, and what rounding has cost it (A. Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher
/// Summen", ZAMM 54, 1974).
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
    fn means_are_of_full_windows() {
        let values = [1.0, 2.0, 3.0, 5.0, 9.0];
        assert_eq!(moving_average(&values, 2), [1.5, 2.5, 4.0, 7.0]);
        assert_eq!(moving_average(&values, 5), [4.0]);
        assert_eq!(moving_average(&values, 1), values);
        assert!(moving_average(&values, 6).is_empty());
        assert!(moving_average(&values, 0).is_empty());
    }

    #[test]
    fn a_large_value_leaves_nothing_behind() {
        let values = [1.0, 1e17, 1.0, 1.0, 1.0, 1.0];
        assert_eq!(moving_average(&values, 2)[2..], [1.0, 1.0, 1.0]);
    }
}
