//! The standard normal distribution.

use std::f64::consts::FRAC_1_SQRT_2;

/// Returns the probability that the absolute value of a standard normal variable is at least `|z|`.
pub(super) fn two_sided(z: f64) -> f64 {
    libm::erfc(z.abs() * FRAC_1_SQRT_2)
}

/// Returns the `z` for which `two_sided(z)` is `p`. This is the inverse of [`two_sided`].
pub(super) fn two_sided_quantile(p: f64) -> f64 {
    /// `two_sided` of this value is 0 in `f64`.
    const FARTHEST: f64 = 40.0;
    let (mut low, mut high) = (0.0, FARTHEST);
    loop {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            return middle;
        }
        match two_sided(middle) > p {
            true => low = middle,
            false => high = middle,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values are the output of SciPy's `norm.isf(p / 2)`.
    #[test]
    fn quantiles_agree_with_scipy() {
        for (p, z) in [
            (0.05, 1.9599639845400545),
            (0.01, 2.575829303548901),
            (0.5, 0.6744897501960817),
            (1e-10, 6.466951087240516),
        ] {
            assert!((two_sided_quantile(p) - z).abs() < 1e-13, "{p}");
            assert!((two_sided(z) / p - 1.0).abs() < 1e-9, "{p}");
        }
        assert_eq!(two_sided_quantile(1.0), 0.0);
    }
}
