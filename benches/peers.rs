//! The program that `benches/peers.sh` runs for this crate. `benches/peer/main.go` is the one for
//! Go's reader, with the same output.
//!
//! ```text
//! peers raw|ordered|timeline|summary|mmu [-n RUNS] [--stream] FILE
//! ```
//!
//! prints one JSON object:
//!
//! ```text
//! {"mode":"raw","events":N,"bytes":B,"seconds":S,"peak_rss_bytes":R}
//! ```
//!
//! "raw" counts every event in the file, including structural events. "ordered" counts the events
//! that `Reader` delivers. "timeline" builds a `Timeline` and counts its spans. "summary"
//! summarizes goroutines. "mmu" computes the mutator utilization with the default flags, and its
//! minimum for 100 windows from a microsecond up. "seconds" is the median of the runs. It excludes
//! reading the file into memory, but "peak_rss_bytes" includes that memory. With --stream the file
//! is read while it is decoded.
//!
//! `cargo bench` runs this without a mode. Then all modes run with the trace at GOTRACE_BIG_TRACE,
//! or the largest trace in testdata.

mod inputs;

use std::error::Error;
use std::fs::{self, File};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use gotrace::analysis::goroutines::{GoroutineSummary, Summarizer};
use gotrace::analysis::mmu::{Mmu, MmuOptions};
use gotrace::analysis::{Observer, run};
use gotrace::raw::RawReader;
use gotrace::{Event, Reader, Timeline};
use serde::Serialize;

#[derive(Parser)]
struct Args {
    /// What to run (default: all)
    #[arg(value_enum)]
    mode: Option<Mode>,
    /// The trace to read
    file: Option<PathBuf>,
    /// The number of runs, whose median time is printed
    #[arg(short = 'n', default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Read the file while decoding, instead of before
    #[arg(long)]
    stream: bool,
    /// Passed by cargo bench
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Raw,
    Ordered,
    Summary,
    Mmu,
    Timeline,
}

#[derive(Serialize)]
struct Measurement {
    mode: Mode,
    events: u64,
    bytes: u64,
    seconds: f64,
    peak_rss_bytes: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let file = args.file.or_else(inputs::big).unwrap_or_else(inputs::biggest_of_testdata);
    for mode in args.mode.map_or(vec![Mode::Raw, Mode::Ordered, Mode::Timeline], |mode| vec![mode]) {
        let measurement = measure(mode, &file, args.runs, args.stream)?;
        println!("{}", serde_json::to_string(&measurement)?);
    }
    Ok(())
}

fn measure(mode: Mode, file: &Path, runs: u32, stream: bool) -> Result<Measurement, Box<dyn Error>> {
    let bytes = if stream { Vec::new() } else { fs::read(file)? };
    let mut events = 0;
    let mut times = Vec::new();
    for _ in 0..runs {
        let start = Instant::now();
        events = match (mode, stream) {
            (Mode::Raw, false) => count_raw(RawReader::from_slice(&bytes)?)?,
            (Mode::Raw, true) => count_raw(RawReader::from_reader(File::open(file)?)?)?,
            (_, false) => read(mode, Reader::from_slice(&bytes)?)?,
            (_, true) => read(mode, Reader::from_reader(File::open(file)?)?)?,
        };
        times.push(start.elapsed());
    }
    Ok(Measurement {
        mode,
        events,
        bytes: fs::metadata(file)?.len(),
        seconds: median(times).as_secs_f64(),
        peak_rss_bytes: peak_rss()?,
    })
}

fn count_raw(mut reader: RawReader<'_>) -> Result<u64, gotrace::Error> {
    let mut count = 0;
    while let Some(batch) = reader.next_batch()? {
        let mut events = batch.events();
        while let Some(event) = events.next_event()? {
            black_box(event.args());
            count += 1;
        }
    }
    Ok(count)
}

fn count_ordered(mut reader: Reader<'_>) -> Result<u64, gotrace::Error> {
    let mut count = 0;
    while let Some(event) = reader.next_event()? {
        black_box(event.time());
        count += 1;
    }
    Ok(count)
}

fn read(mode: Mode, reader: Reader<'_>) -> Result<u64, gotrace::Error> {
    match mode {
        Mode::Raw | Mode::Ordered => count_ordered(reader),
        Mode::Timeline => count_spans(reader),
        Mode::Summary => {
            let mut execution = 0;
            let count = observe(
                reader,
                Summarizer::new(|g: &GoroutineSummary<'_>| execution += g.times.execution().as_nanos()),
            )?
            .0;
            black_box(execution);
            Ok(count)
        }
        Mode::Mmu => {
            let (count, utilization) = observe(reader, Mmu::new(MmuOptions::default()))?;
            // The same windows as in benches/peer/main.go.
            let factor = (utilization.duration().as_nanos() as f64 / 1000.0).powf(1.0 / 99.0);
            let mmus = (0..100).map(|i| utilization.mmu(Duration::from_nanos((1000.0 * factor.powi(i)) as u64)));
            black_box(mmus.sum::<f64>());
            Ok(count)
        }
    }
}

/// Also counts the events.
fn observe<O: Observer + Send>(mut reader: Reader<'_>, observer: O) -> Result<(u64, O::Output), gotrace::Error> {
    let (found, error) = run(&mut reader, (Count(0), observer));
    error.map_or(Ok(found), Err)
}

struct Count(u64);

impl Observer for Count {
    type Output = u64;

    fn event(&mut self, event: &Event<'_>) {
        black_box(event.time());
        self.0 += 1;
    }

    fn finish(self) -> u64 {
        self.0
    }
}

fn count_spans(reader: Reader<'_>) -> Result<u64, gotrace::Error> {
    let memory = black_box(Timeline::from_events(reader)?).memory();
    eprintln!("{memory:?}");
    Ok(memory.spans)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    let middle = times.len() / 2;
    if times.len().is_multiple_of(2) { (times[middle - 1] + times[middle]) / 2 } else { times[middle] }
}

/// The peak resident size of the process, or 0 on systems other than Linux.
fn peak_rss() -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).map_or(Ok(0), str::parse::<u64>)?;
    Ok(kib * 1024)
}
