//! The terminal that a command writes to: its width, colour, and how it shows times.

use std::io::{self, BufWriter, IsTerminal, Write};

use anstyle::Style;
use clap::{Args, ValueEnum};
use gotrace::Error;
use serde::Serialize;

use crate::failure::Failure;
use crate::json::Document;

/// Options that every command takes.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// When to use colour: auto, the default, uses it on a terminal unless NO_COLOR is set
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true,
        help_heading = "Output"
    )]
    color: Color,
    /// Print whole names and all columns, however wide the lines get
    #[arg(long, global = true, help_heading = "Output")]
    wide: bool,
    /// How to show times: from the start of the trace, on the trace's clock, or as wall time
    #[arg(long, global = true, value_name = "HOW", help_heading = "Output")]
    time: Option<TimeStyle>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

/// How times are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TimeStyle {
    /// From the start of the trace, as in +1.234 s.
    #[default]
    Relative,
    /// Nanoseconds of the trace's clock.
    Clock,
    /// RFC 3339, if the trace has the wall time (Go 1.25 and later).
    Wall,
}

/// The width of lines if the terminal's width is unknown.
const DEFAULT_WIDTH: usize = 100;

/// Lines are laid out for at least this width. A narrower terminal wraps them.
const MIN_WIDTH: usize = 40;

/// Standard output, or a buffer in tests.
pub struct Terminal {
    out: Box<dyn Write>,
    width: Option<usize>,
    has_color: bool,
    times: Option<TimeStyle>,
}

impl Terminal {
    /// Standard output.
    pub fn stdout(options: &Options) -> Self {
        let stdout = io::stdout();
        let width = match (options.wide, stdout.is_terminal()) {
            (true, _) => None,
            (false, true) => Some(terminal_size::terminal_size().map_or(DEFAULT_WIDTH, |(width, _)| width.0.into())),
            (false, false) => Some(columns().unwrap_or(DEFAULT_WIDTH)),
        };
        let has_color = match options.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => anstream::AutoStream::choice(&stdout) != anstream::ColorChoice::Never,
        };
        Terminal {
            out: Box::new(BufWriter::with_capacity(1 << 16, stdout.lock())),
            width: width.map(|width| width.max(MIN_WIDTH)),
            has_color,
            times: options.time,
        }
    }

    /// How many columns a line may take; `usize::MAX` for `--wide`.
    pub fn width(&self) -> usize {
        self.width.unwrap_or(usize::MAX)
    }

    /// Whether `--wide` is given.
    pub fn is_wide(&self) -> bool {
        self.width.is_none()
    }

    /// How times are shown.
    pub fn times(&self) -> TimeStyle {
        self.times.unwrap_or_default()
    }

    /// The value of `--time`, if it is given.
    pub fn requested_times(&self) -> Option<TimeStyle> {
        self.times
    }

    /// The text in a style, or unchanged if colour is off.
    pub fn paint(&self, style: Style, text: &str) -> String {
        match self.has_color {
            true => format!("{style}{text}{style:#}"),
            false => text.to_owned(),
        }
    }

    /// Writes a report as one JSON object. `error` says why the input could not be read to its end.
    pub fn json<T: Serialize>(&mut self, report: &T, error: Option<&Error>) -> Result<(), Failure> {
        let document = Document { schema: crate::json::SCHEMA, report, error: error.map(ToString::to_string) };
        serde_json::to_writer_pretty(&mut self.out, &document).map_err(io::Error::from)?;
        writeln!(self.out)?;
        Ok(self.out.flush()?)
    }
}

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The width in the environment variable COLUMNS, which shells and tests set.
fn columns() -> Option<usize> {
    std::env::var("COLUMNS").ok()?.parse().ok().filter(|&columns| columns > 0)
}
