//! Bars made of block characters.

/// What a bar shows: parts of a whole, from 0 to 1.
#[derive(Clone, Debug)]
pub enum Bar {
    /// One part: the length of a horizontal bar.
    Length(f64),
    /// Parts in order of time: the heights of vertical bars side by side.
    OverTime(Vec<f64>),
}

impl Bar {
    /// The bar for a width. It may be shorter.
    pub fn draw(&self, width: usize) -> String {
        match self {
            Bar::Length(part) => "█".repeat((part.clamp(0.0, 1.0) * width as f64).round() as usize),
            Bar::OverTime(parts) => over_time(parts, width),
        }
    }
}

/// A vertical bar for each column. Its height is the mean of the parts that fall into the column.
fn over_time(parts: &[f64], width: usize) -> String {
    const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let bar = |column: usize| {
        let start = column * parts.len() / width;
        let group = &parts[start..((column + 1) * parts.len() / width).max(start + 1)];
        let mean = group.iter().sum::<f64>() / group.len() as f64;
        BARS[(mean.clamp(0.0, 1.0) * 8.0).round() as usize]
    };
    if parts.is_empty() { String::new() } else { (0..width).map(bar).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_fill_their_width() {
        assert_eq!(Bar::Length(0.5).draw(8), "████");
        assert_eq!(Bar::Length(f64::NAN).draw(8), "");
        assert_eq!(Bar::OverTime(vec![0.0, 1.0]).draw(4), "  ██");
        assert_eq!(Bar::OverTime(vec![0.0, 1.0, 0.5, 0.5]).draw(2), "▄▄");
        assert_eq!(Bar::OverTime(Vec::new()).draw(4), "");
    }
}
