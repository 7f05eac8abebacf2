//! Numbers as they are given on the command line.

use gotrace::diagnose::OptionRange;

/// Parses a whole number of 0 or more.
pub fn parse_count(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "give a whole number of 0 or more".to_owned())
}

/// Parses a whole number of 1 or more.
pub fn parse_positive(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "give a whole number of 1 or more".to_owned())
}

/// Parses a number of a range.
pub fn number_in(range: OptionRange) -> impl Fn(&str) -> Result<f64, String> + Clone {
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(*number));
        number.ok_or_else(|| format!("give {range}"))
    }
}

/// Parses a number above 0 and below 1.
pub fn parse_inner_fraction(text: &str) -> Result<f64, String> {
    let inner = text.parse().ok().filter(|number| *number > 0.0 && *number < 1.0);
    inner.ok_or_else(|| "give a number between 0 and 1, both excluded".to_owned())
}
