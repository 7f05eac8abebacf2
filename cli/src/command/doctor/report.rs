//! What is found, as JSON and as text.

use std::io::{self, Write};

use gotrace::Location;
use indicatif::{BinaryBytes, HumanCount};
use serde::Serialize;

/// How long the header of a trace is.
pub(crate) const HEADER: u64 = 16;

/// How it stands with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// Nothing is wrong with it.
    Whole,
    /// Something is.
    Damaged,
    /// It is no trace, or of a version that is not read.
    Unreadable,
}

/// What is printed as JSON. Fields are added, never changed, while the schema stays the same.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// Which version of this object it is.
    pub schema: u32,
    pub status: Status,
    /// The version in the trace's header, such as `go 1.26`; null without one.
    pub header: Option<String>,
    /// How long the file is.
    pub bytes: u64,
    /// None before Go 1.22.
    pub generations: Vec<Generation>,
    pub read: Tally,
    pub lost: Tally,
    /// Bytes behind the trace's end.
    pub trailing: u64,
    /// What is wrong with the file or doubtful in it, in the order of its reading: the first thousand of each.
    pub warnings: Vec<String>,
    /// How many there are.
    pub warning_count: u64,
    /// What has probably happened to the file, in plain words; null for one that is whole.
    pub cause: Option<String>,
    /// The files that were written.
    pub repaired: Vec<Repaired>,
}

/// Numbers of things in the file.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Tally {
    pub bytes: u64,
    pub batches: u64,
    pub generations: u64,
    pub events: u64,
}

/// A generation as it stands in the file.
#[derive(Debug, Serialize)]
pub(crate) struct Generation {
    /// Its number.
    #[serde(rename = "gen")]
    pub generation: u64,
    /// Where it begins, or where its fault is if nothing of it can be told from the rest.
    pub offset: u64,
    /// What stands of it in the file, as far as its framing tells; null where that tells nothing.
    pub bytes: Option<u64>,
    pub batches: Option<u64>,
    /// Without the Sync.
    pub events: Option<u64>,
    pub threads: Option<u64>,
    /// How many events of it were read.
    pub read: u64,
    /// The times of its first and its last event, in nanoseconds; null if none was read.
    pub start: Option<i64>,
    pub end: Option<i64>,
    /// Whether nothing is wrong with it.
    pub ok: bool,
    /// What is, or what it contradicts in the one before, with the place.
    pub error: Option<String>,
    /// Nothing is but that the mark of its end is missing.
    #[serde(skip)]
    pub lacks_end: bool,
    /// Not known to be sound, but nothing is known to be wrong with it.
    #[serde(skip)]
    pub in_doubt: bool,
    /// Where it shows that something is lost in front of it, if something is.
    #[serde(skip)]
    pub gap: Option<Location>,
}

/// A trace that was written.
#[derive(Debug, Serialize)]
pub(crate) struct Repaired {
    /// Its name, as far as that is text.
    pub file: String,
    pub bytes: u64,
    /// The numbers that its generations have in the damaged file.
    pub generations: Vec<u64>,
    pub left_out: LeftOut,
    /// Whether a file was there before.
    pub replaces: bool,
}

/// Numbers of events that are sound and were left out, since Go's tools refuse a trace that has them.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct LeftOut {
    /// Ends of regions that were not the innermost ones of their goroutines.
    pub region_ends: u64,
    /// Begins of tasks that had begun already.
    pub task_begins: u64,
}

impl Report {
    pub(crate) fn write_text(&self, was_to_repair: bool, out: &mut impl Write) -> io::Result<()> {
        let status = match self.status {
            Status::Whole => "whole",
            Status::Damaged => "damaged",
            Status::Unreadable => "unreadable",
        };
        writeln!(out, "{:<12}{status}", "status")?;
        if let Some(header) = &self.header {
            writeln!(out, "{:<12}{header}", "format")?;
        }
        writeln!(out, "{:<12}{}", "size", BinaryBytes(self.bytes))?;
        if let Some(cause) = &self.cause {
            writeln!(out, "{:<12}{cause}", "cause")?;
        }
        if self.status == Status::Damaged {
            writeln!(out, "{:<12}{}", "read", self.read)?;
            writeln!(out, "{:<12}{}", "lost", self.lost)?;
            if self.trailing > 0 {
                writeln!(out, "{:<12}{} bytes", "trailing", HumanCount(self.trailing))?;
            }
        }
        if !self.generations.is_empty() {
            self.write_generations(out)?;
        }
        for warning in self.warnings.iter().take(SHOWN) {
            writeln!(out, "warning: {warning}")?;
        }
        let hidden = self.warning_count.saturating_sub(SHOWN as u64);
        if hidden > 0 {
            writeln!(out, "and {} more", HumanCount(hidden))?;
        }
        for saved in &self.repaired {
            saved.write_text(out)?;
        }
        if was_to_repair && self.repaired.is_empty() {
            let why = match self.generations.is_empty() {
                true if self.read.bytes <= HEADER => "nothing sound stands behind its header",
                true => "it is not whole up to the damage",
                false => "no generation is sound",
            };
            writeln!(out, "nothing of it can be saved: {why}")?;
        }
        Ok(())
    }

    fn write_generations(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(
            out,
            "{:>10} {:>12} {:>12} {:>8} {:>10} {:>6} {:>12}",
            "generation", "at byte", "bytes", "batches", "events", "Ms", "seconds"
        )?;
        for row in &self.generations {
            let seconds = match (row.start, row.end) {
                (Some(start), Some(end)) => format!("{:.6}", end.saturating_sub(start) as f64 / 1e9),
                _ => "-".to_owned(),
            };
            let [bytes, batches, events, threads] = [row.bytes, row.batches, row.events, row.threads]
                .map(|count| count.map_or_else(|| "-".to_owned(), |count| count.to_string()));
            write!(
                out,
                "{:>10} {:>12} {bytes:>12} {batches:>8} {events:>10} {threads:>6} {seconds:>12}  ",
                row.generation, row.offset
            )?;
            writeln!(out, "{}", row.error.as_deref().unwrap_or("sound"))?;
        }
        Ok(())
    }
}

impl Repaired {
    fn write_text(&self, out: &mut impl Write) -> io::Result<()> {
        match self.generations.len() {
            0 => write!(out, "saved ")?,
            1 => write!(out, "saved 1 generation, ")?,
            n => write!(out, "saved {n} generations, ")?,
        }
        let replaced = if self.replaces { ", in place of the file that was there" } else { "" };
        writeln!(out, "{} to {}{replaced}", BinaryBytes(self.bytes), self.file)?;
        let LeftOut { region_ends, task_begins } = self.left_out;
        for (count, what) in [
            (region_ends, "ends of regions that were not the innermost"),
            (task_begins, "begins of tasks that had begun already"),
        ] {
            if count > 0 {
                writeln!(out, "left out of it, since Go's tools refuse them: {what}: {}", HumanCount(count))?;
            }
        }
        Ok(())
    }
}

/// How many warnings the text has.
const SHOWN: usize = 20;

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Tally { bytes, batches, generations, events } = *self;
        write!(
            f,
            "{} bytes, {} batches, {} generations, {} events",
            HumanCount(bytes),
            HumanCount(batches),
            HumanCount(generations),
            HumanCount(events)
        )
    }
}

impl From<gotrace::Tally> for Tally {
    fn from(tally: gotrace::Tally) -> Self {
        let gotrace::Tally { bytes, batches, generations, events } = tally;
        Tally { bytes, batches, generations, events }
    }
}
