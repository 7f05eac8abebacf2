//! Prints a trace as text: the events in order, the wire, or what takes how many bytes.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::input::Input;
use crate::terminal::Terminal;
use clap::{Args as ClapArgs, ValueEnum};
use gotrace::raw::RawReader;
use gotrace::{Reader, raw_v1};

/// Print a Go execution trace as text, that of `go tool trace -d=FORMAT` of Go 1.27.3.
///
/// The footprint leaves out the events that do not occur. The wire and footprint of traces of Go 1.21 and older, which that tool
/// does not print, have a form of the same kind. If the trace is damaged, what comes before the damage is printed.
#[derive(ClapArgs)]
pub struct Args {
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

/// The length of a trace's header.
const HEADER: u64 = 16;

pub fn run(args: &Args, _terminal: &mut Terminal) -> Result<(), Failure> {
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    // What was found before an error is worth seeing, so the output is flushed in either case.
    let result = dump(args, &mut out);
    let flushed = out.flush();
    result.and_then(|()| Ok(flushed?))
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
    Input::open(file, !io::stdout().is_terminal())?.into_trace(file)
}

fn dump_parsed(args: &Args, out: &mut impl Write) -> Result<(), Failure> {
    let damaged = |error| Failure::trace(&args.file, &error);
    let (start, end) = (args.start.unwrap_or(i64::MIN), args.end.unwrap_or(i64::MAX));
    let mut reader = Reader::from_reader(open(&args.file)?).map_err(damaged)?;
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

/// The wire of either format.
enum Wire {
    /// Of Go 1.22 and later: read batch by batch.
    Batches(RawReader<'static>),
    /// Of older releases: one row of records, which is read whole.
    Records(Vec<u8>),
}

fn open_wire(file: &Path) -> Result<Wire, Failure> {
    let mut input = open(file)?;
    let mut head = Vec::new();
    input.by_ref().take(HEADER).read_to_end(&mut head).map_err(|error| Failure::input(file, error))?;
    if raw_v1::RawReader::from_slice(&head).is_ok() {
        input.read_to_end(&mut head).map_err(|error| Failure::input(file, error))?;
        return Ok(Wire::Records(head));
    }
    let reader = RawReader::from_reader(io::Cursor::new(head).chain(input));
    reader.map(Wire::Batches).map_err(|error| Failure::trace(file, &error))
}

fn dump_wire(file: &Path, out: &mut impl Write) -> Result<(), Failure> {
    let damaged = |error| Failure::trace(file, &error);
    match open_wire(file)? {
        Wire::Batches(mut reader) => {
            while let Some(batch) = reader.next_batch().map_err(damaged)? {
                let mut events = batch.events();
                while let Some(event) = events.next_event().map_err(damaged)? {
                    event.write_text(out)?;
                }
            }
        }
        Wire::Records(bytes) => {
            let mut reader = raw_v1::RawReader::from_slice(&bytes).map_err(damaged)?;
            while let Some(record) = reader.next_record().map_err(damaged)? {
                record.write_text(out)?;
            }
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

impl Footprint {
    fn add(&mut self, bytes: usize) {
        self.count += 1;
        self.bytes += bytes as u64;
    }
}

fn dump_footprint(file: &Path, out: &mut impl Write) -> Result<(), Failure> {
    let mut footprints = BTreeMap::new();
    let (result, file_bytes) = match open_wire(file)? {
        Wire::Batches(mut reader) => (measure(&mut reader, &mut footprints), reader.offset()),
        Wire::Records(bytes) => {
            let mut reader = raw_v1::RawReader::from_slice(&bytes).map_err(|error| Failure::trace(file, &error))?;
            (measure_v1(&mut reader, &mut footprints), reader.offset())
        }
    };
    write_footprints(&footprints, file_bytes, out)?;
    result.map_err(|error| Failure::trace(file, &error))
}

/// By type: the name and what it comes to.
type Footprints = BTreeMap<u8, (&'static str, Footprint)>;

fn measure(reader: &mut RawReader<'_>, footprints: &mut Footprints) -> Result<(), gotrace::Error> {
    while let Some(batch) = reader.next_batch()? {
        let mut events = batch.events();
        while let Some(event) = events.next_event()? {
            let (code, name) = (event.event().code(), event.event().name());
            footprints.entry(code).or_insert((name, Footprint::default())).1.add(event.encoded_size());
        }
    }
    Ok(())
}

fn measure_v1(reader: &mut raw_v1::RawReader<'_>, footprints: &mut Footprints) -> Result<(), gotrace::Error> {
    while let Some(record) = reader.next_record()? {
        let (code, name) = (record.event().code(), record.event().name());
        footprints.entry(code).or_insert((name, Footprint::default())).1.add(record.size());
    }
    Ok(())
}

/// Writes a row for every type that occurs, largest first; `file_bytes` is what the first percentage is of.
fn write_footprints(footprints: &Footprints, file_bytes: u64, out: &mut impl Write) -> io::Result<()> {
    // In order of types, which stays so where the bytes are equal.
    let mut found: Vec<(&str, Footprint)> = footprints.values().copied().collect();
    found.sort_by_key(|(_, footprint)| std::cmp::Reverse(footprint.bytes));
    let count: u64 = found.iter().map(|(_, footprint)| footprint.count).sum();
    let percent = |part: u64, whole: u64| format!("{:.2}%", part as f64 / whole as f64 * 100.0);

    let mut rows = vec![["Event", "Bytes", "%", "Count", "%"].map(String::from), ["-"; 5].map(String::from)];
    rows.extend(found.iter().map(|(name, footprint)| {
        [
            (*name).to_owned(),
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
