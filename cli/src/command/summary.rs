//! Tells what is in a trace.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::failure::Failure;
use crate::terminal::Terminal;
use clap::Args as ClapArgs;
use gotrace::{Error, Event, EventKind, Metric, OwnedFrame, RangeName, Reader, Time, Warning, WarningKind};
use indicatif::{BinaryBytes, HumanCount};
use serde::Serialize;

/// Tell what is in a Go execution trace.
///
/// It is read once, a generation at a time (a trace of Go 1.21 or older whole); only the IDs that are counted are kept.
/// If it is damaged, the summary is of what comes before the damage.
#[derive(ClapArgs)]
pub struct Args {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// The trace, - for standard input
    file: PathBuf,
}

pub fn run(args: &Args, _terminal: &mut Terminal) -> Result<(), Failure> {
    let (summary, error) = summarize(&args.file)?;
    let mut out = BufWriter::new(io::stdout().lock());
    match args.json {
        true => {
            serde_json::to_writer_pretty(&mut out, &summary).map_err(io::Error::from)?;
            writeln!(out)?;
        }
        false => write_text(&summary, &mut out)?,
    }
    out.flush()?;
    error.map_or(Ok(()), |error| Err(Failure::trace(&args.file, &error)))
}

/// What is printed as JSON. Fields are added, never changed, while the schema stays the same.
#[derive(Debug, Default, Serialize)]
struct Summary {
    /// Which version of this object it is.
    schema: u32,
    /// The version in the trace's header, such as `go 1.26`.
    header: String,
    bytes: u64,
    /// Events delivered, the Syncs included that begin each generation and end the trace.
    events: u64,
    generations: u64,
    batches: u64,
    /// Different IDs seen.
    goroutines: usize,
    procs: usize,
    threads: usize,
    /// From the first event to the last.
    duration_ns: i64,
    /// When the first event happened, in RFC 3339; traces before Go 1.25 do not say.
    wall_start: Option<String>,
    /// The last value.
    gomaxprocs: Option<u64>,
    gc_cycles: u64,
    stop_the_worlds: u64,
    stop_the_world_ns: i64,
    heap_max_bytes: Option<u64>,
    tasks: u64,
    regions: u64,
    logs: u64,
    cpu_samples: u64,
    /// Annotations that the program got wrong, and before Go 1.26 the end, which proves nothing.
    warnings: u64,
    /// The first of those annotations.
    misused: Vec<Misused>,
    events_by_kind: BTreeMap<&'static str, u64>,
    /// Why the trace could not be read to its end.
    error: Option<String>,
}

/// An annotation that the program got wrong.
#[derive(Debug, Serialize)]
struct Misused {
    warning: String,
    /// Where, innermost frame first.
    stack: Vec<Place>,
}

#[derive(Debug, Serialize)]
struct Place {
    func: String,
    file: String,
    line: u64,
}

impl From<&Warning> for Misused {
    fn from(warning: &Warning) -> Self {
        let place = |OwnedFrame { func, file, line, .. }| Place { func, file, line };
        Misused { warning: warning.to_string(), stack: warning.stack.iter().cloned().map(place).collect() }
    }
}

/// How many annotations that the program got wrong are listed.
const LISTED: usize = 100;
/// And how many of them in the text.
const SHOWN: usize = 10;

/// Reads the trace to its end, or to the error that comes with the summary.
fn summarize(file: &Path) -> Result<(Summary, Option<Error>), Failure> {
    let bytes = Arc::new(AtomicU64::new(0));
    let input = Counted { input: crate::input::open_trace(file)?, bytes: Arc::clone(&bytes) };
    let mut reader = Reader::from_reader(input).map_err(|error| Failure::trace(file, &error))?;
    let mut tally = Tally::default();
    let error = loop {
        match reader.next_event() {
            Ok(Some(event)) => tally.add(&event),
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    let Tally { summary, goroutines, procs, threads, first, last, .. } = tally;
    let (warnings, warning_count) = reader.warnings();
    let misused = warnings.iter().filter(|warning| warning.kind != WarningKind::UnprovenEnd);
    let summary = Summary {
        schema: 1,
        header: reader.version().to_string(),
        bytes: bytes.load(Ordering::Relaxed),
        batches: reader.batches(),
        goroutines: goroutines.seen.len(),
        procs: procs.seen.len(),
        threads: threads.seen.len(),
        duration_ns: last.since(first.unwrap_or(last)),
        warnings: warning_count,
        misused: misused.take(LISTED).map(Misused::from).collect(),
        error: error.as_ref().map(Error::to_string),
        ..summary
    };
    Ok((summary, error))
}

/// Counts what is read.
struct Counted {
    input: Box<dyn Read + Send>,
    bytes: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(out)?;
        self.bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// What is known so far.
#[derive(Default)]
struct Tally {
    summary: Summary,
    goroutines: Ids,
    procs: Ids,
    threads: Ids,
    first: Option<Time>,
    last: Time,
    gc_is_on: bool,
    world_stopped: Option<Time>,
}

/// Different IDs. The same one comes many times in a row.
#[derive(Default)]
struct Ids {
    seen: HashSet<u64>,
    last: Option<u64>,
}

impl Ids {
    fn add(&mut self, id: Option<u64>) {
        if let Some(id) = id.filter(|_| id != self.last) {
            self.last = Some(id);
            self.seen.insert(id);
        }
    }
}

impl Tally {
    fn add(&mut self, event: &Event<'_>) {
        let (time, kind) = (event.time(), event.kind());
        self.summary.events += 1;
        self.first.get_or_insert(time);
        self.last = time;
        self.goroutines.add(event.go().map(|id| id.0));
        self.procs.add(event.proc().map(|id| id.0));
        self.threads.add(event.thread().map(|id| id.0));
        *self.summary.events_by_kind.entry(kind.name()).or_default() += 1;
        let summary = &mut self.summary;
        match kind {
            EventKind::Sync(sync) => {
                if let (Some(clock), None) = (sync.clock, &summary.wall_start) {
                    summary.wall_start = clock.wall_at(self.first.unwrap_or(time)).map(|wall| wall.to_string());
                }
                summary.generations += u64::from(sync.begins_generation());
            }
            EventKind::Metric(Metric::GoMaxProcs(value)) => summary.gomaxprocs = Some(value),
            EventKind::Metric(Metric::HeapObjects(value)) => {
                summary.heap_max_bytes = summary.heap_max_bytes.max(Some(value));
            }
            EventKind::RangeBegin(range) => self.begin(range.name, time),
            // One that began before the trace.
            EventKind::RangeActive(range) => self.begin(range.name, time),
            EventKind::RangeEnd(range) => self.end(range.name, time),
            EventKind::TaskBegin(_) => summary.tasks += 1,
            EventKind::RegionBegin(_) => summary.regions += 1,
            EventKind::Log(_) => summary.logs += 1,
            EventKind::StackSample => summary.cpu_samples += 1,
            EventKind::GoTransition(change) => self.goroutines.add(Some(change.go.0)),
            EventKind::ProcTransition(change) => self.procs.add(Some(change.proc.0)),
            _ => {}
        }
    }

    fn begin(&mut self, range: RangeName<'_>, time: Time) {
        match range {
            RangeName::GcMark => {
                self.summary.gc_cycles += u64::from(!self.gc_is_on);
                self.gc_is_on = true;
            }
            RangeName::StopTheWorld(_) => {
                self.summary.stop_the_worlds += 1;
                self.world_stopped = Some(time);
            }
            _ => {}
        }
    }

    fn end(&mut self, range: RangeName<'_>, time: Time) {
        match range {
            RangeName::GcMark => self.gc_is_on = false,
            RangeName::StopTheWorld(_) => {
                let stopped = self.world_stopped.take();
                self.summary.stop_the_world_ns += stopped.map_or(0, |begun| time.since(begun));
            }
            _ => {}
        }
    }
}

fn write_text(summary: &Summary, out: &mut impl Write) -> io::Result<()> {
    let count = |n: u64| HumanCount(n).to_string();
    let nanos = |ns: i64| format!("{:.3?}", Duration::from_nanos(ns.try_into().unwrap_or(0)));
    let bytes = |n: u64| BinaryBytes(n).to_string();
    let unknown = || "unknown".to_owned();
    let Summary { header, wall_start, .. } = summary;
    let rows = [
        ("format", format!("{header}, {} in {} batches", bytes(summary.bytes), count(summary.batches))),
        ("duration", format!("{} in {}", nanos(summary.duration_ns), plural(summary.generations, "generation"))),
        ("began", wall_start.clone().unwrap_or_else(unknown)),
        ("GOMAXPROCS", summary.gomaxprocs.map_or_else(unknown, count)),
        ("goroutines", count(summary.goroutines as u64)),
        ("procs", count(summary.procs as u64)),
        ("threads", count(summary.threads as u64)),
        ("GC cycles", count(summary.gc_cycles)),
        (
            "world stopped",
            format!("{}, {} in all", plural(summary.stop_the_worlds, "time"), nanos(summary.stop_the_world_ns)),
        ),
        ("heap at most", summary.heap_max_bytes.map_or_else(unknown, bytes)),
        ("tasks", count(summary.tasks)),
        ("regions", count(summary.regions)),
        ("log messages", count(summary.logs)),
        ("CPU samples", count(summary.cpu_samples)),
        ("warnings", count(summary.warnings)),
        ("events", count(summary.events)),
    ];
    for (name, value) in rows {
        writeln!(out, "{name:<18}{value}")?;
    }
    let mut kinds: Vec<_> = summary.events_by_kind.iter().collect();
    kinds.sort_by_key(|&(_, &events)| std::cmp::Reverse(events));
    for (name, &events) in kinds {
        let percent = events as f64 / summary.events as f64 * 100.0;
        writeln!(out, "  {name:<16}{:>14}{percent:>9.2} %", count(events))?;
    }
    for Misused { warning, stack } in summary.misused.iter().take(SHOWN) {
        writeln!(out, "warning: {warning}")?;
        for Place { func, file, line } in stack {
            writeln!(out, "  {func} ({file}:{line})")?;
        }
    }
    Ok(())
}

fn plural(number: u64, thing: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {thing}{ending}", HumanCount(number))
}
