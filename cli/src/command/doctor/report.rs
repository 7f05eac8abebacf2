//! The report, as text and as JSON.

use std::io::{self, Write};
use std::path::Path;

use gotrace::edit::{DamageReport, GenerationReport, RepairedReport, TraceStatus};
use gotrace::{Tally, Version};
use serde::Serialize;

use crate::command::summary::format_text;
use crate::terminal::Terminal;
use crate::view::names::printable;
use crate::view::rows::write_rest_with;
use crate::view::style::{BAD, GOOD, WARN};
use crate::view::table::{Cell, Column, Table};
use crate::view::units::{bytes, count, duration, plural};
use crate::view::{next, paragraph};

/// The report that is printed.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Report {
    #[serde(flatten)]
    pub damage: DamageReport,
    /// The files that were written, with `--repair`.
    pub repaired: Vec<RepairedFile>,
}

/// A file that was written.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct RepairedFile {
    /// Its path; bytes that are not UTF-8 are replaced.
    pub file: String,
    /// Whether a file of that name was replaced.
    pub replaces: bool,
    #[serde(flatten)]
    pub part: RepairedReport,
}

/// At most this many warnings are printed.
const SHOWN: usize = 20;

/// Whether a repair can save anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repairable {
    /// A part of the trace may be saved, or no repair was tried.
    Maybe,
    /// A repair was tried, and it saved nothing.
    No,
}

impl Report {
    pub(crate) fn write_text(&self, file: &Path, repairable: Repairable, terminal: &mut Terminal) -> io::Result<()> {
        self.write_answer(terminal)?;
        if !self.damage.generations.is_empty() {
            writeln!(terminal)?;
            generations(&self.damage.generations).write(terminal)?;
        }
        self.write_warnings(terminal)?;
        if !self.repaired.is_empty() {
            writeln!(terminal)?;
        }
        self.repaired.iter().try_for_each(|saved| saved.write_text(terminal))?;
        self.write_next(file, repairable, terminal)
    }

    fn write_answer(&self, terminal: &mut Terminal) -> io::Result<()> {
        let DamageReport { status, version, size, read, lost, trailing, cause, .. } = &self.damage;
        let (style, text) = match status {
            TraceStatus::Whole => (GOOD, "whole: nothing is lost"),
            TraceStatus::Damaged => (BAD, "damaged: a part of the trace is lost or doubtful"),
            _ => (BAD, "unreadable: this file cannot be read as a trace"),
        };
        writeln!(terminal, "{}", terminal.paint(style, text))?;
        let format = version.map_or_else(|| "no trace format".to_owned(), format_text);
        writeln!(terminal, "{format}, {}", bytes(*size))?;
        if let Some(cause) = cause {
            paragraph::write("cause     ", &cause.text, terminal)?;
        }
        if *status == TraceStatus::Damaged {
            writeln!(terminal, "{:<10}{}", "read", tally_text(read))?;
            // Where nothing is counted as lost, the warnings say what is missing.
            if *lost != Tally::default() {
                writeln!(terminal, "{:<10}{}", "lost", tally_text(lost))?;
            }
            if *trailing > 0 {
                writeln!(terminal, "{:<10}{} after the end of the trace", "trailing", plural(*trailing, "byte"))?;
            }
        }
        Ok(())
    }

    fn write_warnings(&self, terminal: &mut Terminal) -> io::Result<()> {
        let DamageReport { warnings, warning_count, .. } = &self.damage;
        if !warnings.is_empty() {
            writeln!(terminal)?;
        }
        for warning in warnings.iter().take(SHOWN) {
            paragraph::write_headed(WARN, "warning: ", warning, terminal)?;
        }
        write_rest_with(*warning_count, SHOWN, "more warning", "--json lists them", terminal)
    }

    /// Suggests the next command to run, or says why nothing was repaired.
    fn write_next(&self, file: &Path, repairable: Repairable, terminal: &mut Terminal) -> io::Result<()> {
        let damage = &self.damage;
        match self.repaired.first() {
            Some(saved) => next::write("summary", Path::new(&saved.file), "", terminal),
            None if repairable == Repairable::No => {
                let why = match damage.generations.is_empty() {
                    true if damage.read.bytes <= Version::HEADER_LEN as u64 => "no valid data follows its header",
                    true => "the part before the damage is not valid",
                    false => "no generation is sound",
                };
                writeln!(terminal, "nothing can be saved: {why}")
            }
            None if damage.status == TraceStatus::Damaged => next::write("doctor", file, "--repair OUT", terminal),
            None => Ok(()),
        }
    }
}

fn tally_text(tally: &Tally) -> String {
    let Tally { bytes, batches, generations, events } = *tally;
    let batch = if batches == 1 { "batch" } else { "batches" };
    let [bytes, generations, events] =
        [(bytes, "byte"), (generations, "generation"), (events, "event")].map(|(number, thing)| plural(number, thing));
    format!("{bytes}, {generations}, {} {batch}, {events}", count(batches))
}

fn generations(rows: &[GenerationReport]) -> Table {
    let mut table = Table::new([
        Column::number("GENERATION"),
        Column::number("AT BYTE").detail(2),
        Column::number("SIZE").detail(1),
        Column::number("BATCHES").detail(3),
        Column::number("EVENTS"),
        Column::number("READ"),
        Column::number("THREADS").detail(4),
        Column::number("DURATION"),
        Column::text("STATE"),
    ]);
    for row in rows {
        let unknown = || "–".to_owned();
        let length = match (row.start, row.end) {
            (Some(start), Some(end)) => duration(end - start),
            _ => unknown(),
        };
        let state = match &row.error {
            Some(error) => Cell::styled(error.as_str(), if row.ok { WARN } else { BAD }),
            None => Cell::from("sound"),
        };
        let or_unknown = |number: Option<u64>| Cell::from(number.map_or_else(unknown, count));
        table.row([
            Cell::from(row.number.to_string()),
            Cell::from(count(row.offset)),
            Cell::from(row.size.map_or_else(unknown, bytes)),
            or_unknown(row.batches),
            or_unknown(row.events),
            Cell::from(count(row.read)),
            or_unknown(row.threads),
            Cell::from(length),
            state,
        ]);
    }
    table
}

impl RepairedFile {
    fn write_text(&self, terminal: &mut Terminal) -> io::Result<()> {
        match self.part.generations.len() {
            0 => write!(terminal, "saved ")?,
            number => write!(terminal, "saved {}, ", plural(number as u64, "generation"))?,
        }
        let replaced = if self.replaces { ", replacing the file that was there" } else { "" };
        writeln!(terminal, "{} to {}{replaced}", bytes(self.part.size), printable(&self.file))?;
        let left_out = self.part.left_out;
        for (number, what) in
            [(left_out.region_ends, "region ends out of order"), (left_out.task_begins, "second starts of a task")]
        {
            if number > 0 {
                writeln!(terminal, "left out, since Go's tools refuse them: {what}: {}", count(number))?;
            }
        }
        Ok(())
    }
}
