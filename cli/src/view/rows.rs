//! How many rows a table shows, and what is said about the rows that it leaves out.

use std::io::{self, Write};

use clap::Args;

use super::style::DIM;
use super::units;
use crate::terminal::Terminal;

/// How many rows are shown: the same options, with the same meaning, in every command that has them.
#[derive(Args, Clone, Copy, Debug)]
pub struct Rows {
    /// Print at most this many rows of each table, 0 for all [default: 10; 50 for spans and log
    /// messages]
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    /// Print all rows, like --top 0
    #[arg(long, conflicts_with = "top")]
    all: bool,
}

impl Rows {
    /// The most rows of a table, whose first rows matter most; `usize::MAX` for all.
    pub fn most(self) -> usize {
        self.most_or(10)
    }

    /// The most rows of what is listed in order of time; `usize::MAX` for all.
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

/// Like [`write_rest`], where there is more to say about them or another option shows them.
pub fn write_rest_with(all: u64, shown: usize, rest: &str, hint: &str, terminal: &mut Terminal) -> io::Result<()> {
    match all.saturating_sub(shown as u64) {
        0 => Ok(()),
        count => {
            let note = format!("… {}; {hint}", units::plural(count, rest));
            writeln!(terminal, "{}", terminal.paint(DIM, &note))
        }
    }
}
