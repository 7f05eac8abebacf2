//! What is printed: lines, names, quantities, JSON.

use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

/// How wide the text is at most.
pub const WIDTH: usize = 100;

/// Names and messages come from the program that was traced, or from a stranger: what would move a terminal's cursor, change its
/// colours or begin a line is shown as a replacement character.
pub fn printable(c: char) -> char {
    if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }
}

/// Writes a line, cut where it is too wide.
pub fn write_line(line: &str, out: &mut impl Write) -> io::Result<()> {
    let line = || line.chars().map(printable);
    match line().count() > WIDTH {
        true => writeln!(out, "{}…", line().take(WIDTH - 1).collect::<String>()),
        false => writeln!(out, "{}", line().collect::<String>()),
    }
}

/// A name cut in the middle to a width: package and method both tell something.
pub fn fit(name: &str, width: usize) -> String {
    let name: Vec<char> = name.chars().map(printable).collect();
    let count = name.len();
    if count <= width {
        return name.into_iter().chain(std::iter::repeat_n(' ', width - count)).collect();
    }
    let (head, tail) = (width / 3, width - width / 3 - 1);
    name[..head].iter().chain(['…'].iter()).chain(&name[count - tail..]).collect()
}

/// A name of which the end is kept where it is too long: that tells more than the beginning.
pub fn shorten(name: &str, room: usize) -> String {
    let name: Vec<char> = name.chars().map(printable).collect();
    match name.len() > room {
        true => "…".chars().chain(name[name.len() + 1 - room..].iter().copied()).collect(),
        false => name.iter().collect(),
    }
}

/// A duration with four significant digits.
pub fn duration_text(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let (unit, value) = match nanos {
        0..1_000 => return format!("{nanos} ns"),
        1_000..1_000_000 => ("µs", nanos as f64 / 1e3),
        1_000_000..1_000_000_000 => ("ms", nanos as f64 / 1e6),
        _ => ("s", nanos as f64 / 1e9),
    };
    let decimals = if value < 10.0 {
        3
    } else if value < 100.0 {
        2
    } else {
        1
    };
    format!("{value:.decimals$} {unit}")
}

/// Bytes with a binary unit.
pub fn bytes_text(bytes: u64) -> String {
    const UNITS: [(&str, u64); 6] =
        [("E", 1 << 60), ("P", 1 << 50), ("T", 1 << 40), ("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10)];
    match UNITS.into_iter().find(|&(_, size)| bytes >= size) {
        Some((unit, size)) => format!("{:.1}{unit}", bytes as f64 / size as f64),
        None => format!("{bytes}B"),
    }
}

/// Writes one JSON value.
pub fn write_json(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value).map_err(io::Error::from)?;
    writeln!(out)
}
