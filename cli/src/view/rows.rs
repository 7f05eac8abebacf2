//! How many rows a table shows, and the note about rows that it leaves out.

use std::io::{self, Write};

use clap::Args;

use super::style::DIM;
use super::units;
use crate::number;
use crate::terminal::Terminal;

/// The options that limit the number of rows. They mean the same in every command that has them.
#[derive(Args, Clone, Copy, Debug)]
pub struct Rows {
    /// Print at most this many rows of each table, 0 for all [default: 10; 50 for spans and log
    /// messages]
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = number::parse_count)]
    top: Option<usize>,
    /// Print all rows, like --top 0
    #[arg(long, conflicts_with = "top")]
    all: bool,
}

impl Rows {
    /// The maximum number of rows of a table that has the most important rows first; `usize::MAX`
    /// for all.
    pub fn most(self) -> usize {
        self.most_or(10)
    }

    /// The maximum number of rows of a list of spans, goroutines or log messages; `usize::MAX` for
    /// all.
    pub fn most_of_list(self) -> usize {
        self.most_or(50)
    }

    fn most_or(self, default: usize) -> usize {
        match self.top {
            Some(0) => usize::MAX,
            _ if self.all => usize::MAX,
            top => top.unwrap_or(default),
        }
    }
}

/// Says how many rows of a table are left out, if any, and which option shows them.
pub fn write_rest(all: u64, shown: usize, thing: &str, terminal: &mut Terminal) -> io::Result<()> {
    write_rest_with(all, shown, &format!("more {thing}"), "--top 0 shows all", terminal)
}

/// Like [`write_rest`], with the name of the rows and the hint given in full.
pub fn write_rest_with(all: u64, shown: usize, rest: &str, hint: &str, terminal: &mut Terminal) -> io::Result<()> {
    match all.saturating_sub(shown as u64) {
        0 => Ok(()),
        count => {
            let note = format!("… {}; {hint}", units::plural(count, rest));
            writeln!(terminal, "{}", terminal.paint(DIM, &note))
        }
    }
}
