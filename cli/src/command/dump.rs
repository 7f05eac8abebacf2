//! `gotrace dump`: prints a trace as text: the events in order, the wire format, or how many bytes
//! each type of event takes.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, ValueEnum};
use gotrace::raw::RawReader;
use gotrace::{Event, EventKind, Reader, Time, Version, raw_v1};

use crate::failure::{Failure, Wanted};
use crate::input::Input;
use crate::select::Window;
use crate::terminal::{Terminal, TimeStyle};
use crate::view::clock::Clock;

/// Print a Go execution trace as text, exactly as `go tool trace -d=FORMAT` of Go 1.27.3 does.
///
/// The footprint leaves out event types that do not occur. For traces of Go 1.21 and earlier, go
/// tool trace has neither wire nor footprint; gotrace prints them in a similar form. If the trace
/// is damaged, the events before the damage are printed.
#[derive(ClapArgs)]
#[command(after_help = "Examples:
  gotrace dump trace.out
  gotrace dump --from 1ms --to 2ms trace.out
  gotrace dump --format footprint trace.out")]
pub struct Args {
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Parsed)]
    format: Format,
    #[command(flatten)]
    window: Window,
    /// Like --from, in nanoseconds of the trace's clock, as in go tool trace
    #[arg(long, value_name = "NS", allow_negative_numbers = true, hide = true, conflicts_with = "from")]
    start: Option<i64>,
    /// Like --to, in nanoseconds of the trace's clock, as in go tool trace
    #[arg(long, value_name = "NS", allow_negative_numbers = true, hide = true, conflicts_with = "to")]
    end: Option<i64>,
    /// The trace; - for standard input
    file: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The events in the order in which they happened
    Parsed,
    /// Batches, events and tables as they are in the file
    Wire,
    /// How many bytes each type of event takes
    Footprint,
}

pub fn run(args: &Args, terminal: &mut Terminal) -> Result<(), Failure> {
    if terminal.requested_times().is_some_and(|times| times != TimeStyle::Clock) {
        let instead = "the other commands show times relative to the start, or as wall time";
        return Err(Failure::Usage(format!(
            "dump prints times as go tool trace does, on the trace's clock; {instead}"
        )));
    }
    // Each event is written in several small pieces.
    let mut out = BufWriter::with_capacity(1 << 16, terminal);
    // Events before an error are printed too, so the output is flushed in either case.
    let result = dump(args, &mut out);
    let flushed = out.flush();
    result.and_then(|()| Ok(flushed?))
}

fn dump(args: &Args, out: &mut impl Write) -> Result<(), Failure> {
    let is_whole = args.window.is_whole() && args.start.is_none() && args.end.is_none();
    if args.format != Format::Parsed && !is_whole {
        return Err(Failure::Usage(
            "--from, --to, --start and --end need --format parsed: the other formats have no times".into(),
        ));
    }
    match args.format {
        Format::Parsed => dump_parsed(args, out),
        Format::Wire => dump_wire(&args.file, out),
        Format::Footprint => dump_footprint(&args.file, out),
    }
}

/// Opens the trace. Shows progress unless the text goes to a terminal as well.
fn open(file: &Path) -> Result<Box<dyn Read + Send>, Failure> {
    Input::open(file, !io::stdout().is_terminal())?.into_bytes(file, Wanted::Trace)
}

fn dump_parsed(args: &Args, out: &mut impl Write) -> Result<(), Failure> {
    let damaged = |error| Failure::trace(&args.file, &error);
    let mut reader = Reader::from_reader(open(&args.file)?).map_err(damaged)?;
    let mut range = None;
    let mut is_empty = true;
    while let Some(event) = reader.next_event().map_err(damaged)? {
        let range = match &mut range {
            Some(range) => range,
            None => &*range.insert(requested_range(args, &event)?),
        };
        if event.time() >= range.end {
            break;
        }
        if event.time() >= range.start {
            event.write_text(out)?;
            is_empty = false;
        }
    }
    match is_empty && range.is_some() {
        true => Err(Failure::Usage(
            "no event is between --from and --to; gotrace summary shows how long the trace is".into(),
        )),
        false => Ok(()),
    }
}

/// The requested range of times. The first event says when the trace starts.
fn requested_range(args: &Args, first: &Event<'_>) -> Result<Range<Time>, Failure> {
    let snapshot = match first.kind() {
        EventKind::Sync(sync) => sync.clock,
        _ => None,
    };
    let range = args.window.on(&Clock::new(first.time(), snapshot, TimeStyle::Clock))?;
    Ok(args.start.map_or(range.start, Time)..args.end.map_or(range.end, Time))
}

/// A reader of the wire format.
enum Wire {
    /// Of Go 1.22 and later: read batch by batch.
    Batches(RawReader<'static>),
    /// Of older releases: one sequence of records.
    Records(raw_v1::RawReader<'static>),
}

fn open_wire(file: &Path) -> Result<Wire, Failure> {
    let mut input = open(file)?;
    let mut head = Vec::new();
    input
        .by_ref()
        .take(Version::HEADER_LEN as u64)
        .read_to_end(&mut head)
        .map_err(|error| Failure::input(file, error))?;
    let is_old = raw_v1::RawReader::from_slice(&head).is_ok();
    let input = io::Cursor::new(head).chain(input);
    let wire = match is_old {
        true => raw_v1::RawReader::from_reader(input).map(Wire::Records),
        false => RawReader::from_reader(input).map(Wire::Batches),
    };
    wire.map_err(|error| Failure::trace(file, &error))
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
        Wire::Records(mut reader) => {
            while let Some(record) = reader.next_record().map_err(damaged)? {
                record.write_text(out)?;
            }
        }
    }
    Ok(())
}

/// The number and size of the events of one type.
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
        Wire::Records(mut reader) => (measure_v1(&mut reader, &mut footprints), reader.offset()),
    };
    write_footprints(&footprints, file_bytes, out)?;
    result.map_err(|error| Failure::trace(file, &error))
}

/// The name and the footprint of each event type, by its code.
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

/// Writes a row for every type that occurs, largest first. `file_bytes` is 100 % of the bytes.
fn write_footprints(footprints: &Footprints, file_bytes: u64, out: &mut impl Write) -> io::Result<()> {
    // The sort is stable: types with equal sizes stay in order of their codes.
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
