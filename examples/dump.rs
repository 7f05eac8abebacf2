//! Prints a trace as text: the events in order, the wire, or what takes how many bytes.

mod cli;

use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use cli::Failure;
use gotrace::Reader;
use gotrace::raw::{EventType, RawReader};

/// Print a Go execution trace as text, equal to that of `go tool trace -d=FORMAT` of Go 1.27.3.
///
/// If the trace is damaged, what comes before the damage is printed.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Parsed)]
    format: Format,
    /// Leave out events before this time of the trace's clock, in nanoseconds (parsed only)
    #[arg(long, value_name = "NS", allow_negative_numbers = true)]
    start: Option<i64>,
    /// Leave out events at and after this time of the trace's clock, in nanoseconds (parsed only)
    #[arg(long, value_name = "NS", allow_negative_numbers = true)]
    end: Option<i64>,
    /// The trace, - for standard input
    file: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The events in the order in which they happened
    Parsed,
    /// Batches, events and tables as they stand in the file
    Wire,
    /// How many bytes each type of event takes
    Footprint,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    // What was found before an error is worth seeing, so the output is flushed in either case.
    let result = dump(&args, &mut out);
    let flushed = out.flush();
    cli::exit("dump", result.and_then(|()| Ok(flushed?)))
}

fn dump(args: &Args, out: &mut impl Write) -> Result<(), Failure> {
    if args.format != Format::Parsed && (args.start.is_some() || args.end.is_some()) {
        return Err(Failure::Usage("--start and --end need --format parsed: the other formats have no times".into()));
    }
    match args.format {
        Format::Parsed => dump_parsed(args, out),
        Format::Wire => dump_wire(&args.file, out),
        Format::Footprint => dump_footprint(&args.file, out),
    }
}

/// Progress is shown where it does not get between the lines of the text.
fn open(file: &Path) -> Result<Box<dyn Read + Send>, Failure> {
    cli::open(file, !io::stdout().is_terminal())
}

fn dump_parsed(args: &Args, out: &mut impl Write) -> Result<(), Failure> {
    let damaged = |error| Failure::trace(&args.file, &error);
    let (start, end) = (args.start.unwrap_or(i64::MIN), args.end.unwrap_or(i64::MAX));
    let mut reader = Reader::new(open(&args.file)?).map_err(damaged)?;
    while let Some(event) = reader.next_event().map_err(damaged)? {
        let time = event.time().0;
        if time >= end && args.end.is_some() {
            break;
        }
        if time >= start {
            event.write_text(out)?;
        }
    }
    Ok(())
}

fn dump_wire(file: &Path, out: &mut impl Write) -> Result<(), Failure> {
    let damaged = |error| Failure::trace(file, &error);
    let mut reader = RawReader::new(open(file)?).map_err(damaged)?;
    while let Some(batch) = reader.next_batch().map_err(damaged)? {
        let mut events = batch.events();
        while let Some(event) = events.next_event().map_err(damaged)? {
            event.write_text(out)?;
        }
    }
    Ok(())
}

/// What the events of one type come to.
#[derive(Clone, Copy, Default)]
struct Footprint {
    count: u64,
    bytes: u64,
}

fn dump_footprint(file: &Path, out: &mut impl Write) -> Result<(), Failure> {
    let damaged = |error| Failure::trace(file, &error);
    let mut reader = RawReader::new(open(file)?).map_err(damaged)?;
    let mut footprints = [Footprint::default(); 256];
    let result = measure(&mut reader, &mut footprints);
    write_footprints(&footprints, reader.offset(), out)?;
    result.map_err(damaged)
}

fn measure(reader: &mut RawReader<'_>, footprints: &mut [Footprint; 256]) -> Result<(), gotrace::Error> {
    while let Some(batch) = reader.next_batch()? {
        let mut events = batch.events();
        while let Some(event) = events.next_event()? {
            let footprint = &mut footprints[usize::from(event.event().code())];
            footprint.count += 1;
            footprint.bytes += event.encoded_size() as u64;
        }
    }
    Ok(())
}

/// Writes a row for every type that occurs, largest first; `file_bytes` is what the first percentage is of.
fn write_footprints(footprints: &[Footprint; 256], file_bytes: u64, out: &mut impl Write) -> io::Result<()> {
    let mut found: Vec<(EventType, Footprint)> = EventType::ALL
        .iter()
        .map(|&event| (event, footprints[usize::from(event.code())]))
        .filter(|(_, footprint)| footprint.count > 0)
        .collect();
    // The table is in order of types, and stays so where the bytes are equal.
    found.sort_by_key(|(_, footprint)| std::cmp::Reverse(footprint.bytes));
    let count: u64 = found.iter().map(|(_, footprint)| footprint.count).sum();
    let percent = |part: u64, whole: u64| format!("{:.2}%", part as f64 / whole as f64 * 100.0);

    let mut rows = vec![["Event", "Bytes", "%", "Count", "%"].map(String::from), ["-"; 5].map(String::from)];
    rows.extend(found.iter().map(|(event, footprint)| {
        [
            event.name().to_owned(),
            footprint.bytes.to_string(),
            percent(footprint.bytes, file_bytes),
            footprint.count.to_string(),
            percent(footprint.count, count),
        ]
    }));
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths = [0, 1, 2, 3].map(width);
    for [event, bytes, bytes_percent, count, count_percent] in &rows {
        let [w0, w1, w2, w3] = widths;
        writeln!(out, "{event:w0$}  {bytes:w1$}  {bytes_percent:w2$}  {count:w3$}  {count_percent}")?;
    }
    Ok(())
}
