//! `gotrace summary`: what is in a trace.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use gotrace::analysis::summary::{SummaryReport, TraceSummary, summarize};
use gotrace::{Reader, Version, Warning, WarningKind};

use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::view::names;
use crate::view::names::printable;
use crate::view::rows::write_rest_with;
use crate::view::style::{BOLD, WARN};
use crate::view::table::{Column, Table};
use crate::view::units::{bytes, count, duration, percent, plural};
use crate::view::{next, paragraph};

/// Show what is in a Go execution trace: version, duration, counts, heap, events by kind.
///
/// If the trace is damaged, the summary covers the part before the damage.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  gotrace summary trace.out
  gotrace summary --json trace.out
  curl -s http://localhost:6060/debug/pprof/trace?seconds=5 | gotrace summary -")]
pub struct Args {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// The trace; - for standard input
    file: PathBuf,
}

pub fn run(args: &Args, terminal: &mut Terminal) -> Result<(), Failure> {
    let input = crate::input::open_trace(&args.file)?;
    let mut reader = Reader::from_reader(input).map_err(|error| Failure::trace(&args.file, &error))?;
    let (mut trace, error) = summarize(&mut reader);
    // The format of traces before Go 1.26 has no end marker, so a missing one is not worth a
    // warning.
    let unproven = reader.warnings().0.iter().filter(|warning| warning.kind == WarningKind::UnprovenEnd).count();
    trace.warnings = trace.warnings.saturating_sub(unproven as u64);
    // This removes the progress bar.
    drop(reader);
    match args.json {
        true => terminal.json(&trace, error.as_ref())?,
        false => write_text(&trace, &args.file, terminal)?,
    }
    terminal.flush()?;
    error.map_or(Ok(()), |error| Err(Failure::trace(&args.file, &error)))
}

/// The version of a trace's format, and the Go releases that write it.
pub fn format_text(version: Version) -> String {
    format!("trace format 1.{} ({})", version.minor(), version.releases())
}

fn write_text(trace: &TraceSummary, file: &Path, terminal: &mut Terminal) -> io::Result<()> {
    let SummaryReport { goroutines, procs, threads, gc_cycles, .. } = trace.events;
    let headline = format!(
        "{}: {} on {} and {}, {}",
        duration(trace.events.duration),
        plural(goroutines, "goroutine"),
        plural(procs, "P"),
        plural(threads, "thread"),
        plural(gc_cycles, "GC cycle"),
    );
    paragraph::write_styled(BOLD, &headline, terminal)?;
    writeln!(terminal, "{}, {}\n", format_text(trace.version), bytes(trace.size))?;
    for (name, value) in rows(trace) {
        writeln!(terminal, "{name:<15}{value}")?;
    }
    writeln!(terminal)?;
    write_kinds(&trace.events, terminal)?;
    write_misuses(&trace.misuses, terminal)?;
    next::write("goroutines", file, "", terminal)
}

fn rows(trace: &TraceSummary) -> Vec<(&'static str, String)> {
    let events = &trace.events;
    let unknown = || "unknown".to_owned();
    let stopped = format!("{}, {} in total", plural(events.stop_the_worlds, "time"), duration(events.stop_the_world));
    let annotations = [(events.tasks, "task"), (events.regions, "region"), (events.logs, "log message")];
    vec![
        ("started", events.wall_start.map_or_else(unknown, |wall| wall.to_string())),
        ("GOMAXPROCS", events.gomaxprocs.map_or_else(unknown, count)),
        ("heap at most", events.heap_max.map_or_else(unknown, bytes)),
        ("world stopped", stopped),
        ("annotations", annotations.map(|(number, thing)| plural(number, thing)).join(", ")),
        ("CPU samples", count(events.cpu_samples)),
        ("warnings", count(trace.warnings)),
        ("batches", batches(trace)),
        ("events", count(events.events)),
    ]
}

/// The number of batches and generations. Traces before Go 1.22 have no generations.
fn batches(trace: &TraceSummary) -> String {
    match trace.events.generations {
        0 => count(trace.batches),
        generations => format!("{} in {}", count(trace.batches), plural(generations, "generation")),
    }
}

fn write_kinds(events: &SummaryReport, terminal: &mut Terminal) -> io::Result<()> {
    let mut kinds: Vec<_> = events.events_by_kind.iter().collect();
    kinds.sort_by_key(|&(_, &number)| std::cmp::Reverse(number));
    let mut table = Table::new([Column::word("EVENTS BY KIND"), Column::number("COUNT"), Column::number("SHARE")]);
    for (name, &number) in kinds {
        table.row([name.to_string(), count(number), percent(number as f64, events.events as f64)]);
    }
    table.write(terminal)
}

/// How many misused annotations are shown.
const SHOWN: usize = 10;

fn write_misuses(misuses: &[Warning], terminal: &mut Terminal) -> io::Result<()> {
    if !misuses.is_empty() {
        writeln!(terminal)?;
    }
    for warning in misuses.iter().take(SHOWN) {
        paragraph::write_headed(WARN, "warning: ", &warning.to_string(), terminal)?;
        for frame in &warning.stack {
            let place = printable(&format!(" ({}:{})", frame.file, frame.line));
            let room = terminal.width().saturating_sub(names::width(&place) + 2);
            writeln!(terminal, "  {}{place}", names::fit(&frame.func, room))?;
        }
    }
    write_rest_with(misuses.len() as u64, SHOWN, "more warning", "--json lists them", terminal)
}
