//! Follows a trace while it is being written, and prints a line for each generation (about a second
//! of the program).
//!
//! FILE may be `-` for standard input, so this watches a running service for half a minute:
//!
//!     curl -s 'http://localhost:6060/debug/pprof/trace?seconds=30' | cargo run --release --example tail -- -

use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Write};
use std::process::ExitCode;

use gotrace::{EventKind, GoState, Metric, Reader};

fn main() -> ExitCode {
    let path = std::env::args().nth(1).unwrap_or_else(|| "trace.out".to_owned());
    match follow(&path) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{path}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What happened in one generation.
#[derive(Default)]
struct Counts {
    events: u64,
    created: u64,
    exited: u64,
    waits: u64,
    heap: u64,
}

fn follow(path: &str) -> Result<(), Box<dyn Error>> {
    let input: Box<dyn Read + Send> = match path {
        "-" => Box::new(io::stdin()),
        path => Box::new(File::open(path)?),
    };
    // The reader returns events as soon as their generation is complete, and keeps only that
    // generation in memory.
    let mut reader = Reader::from_reader(input)?;
    let mut out = io::stdout().lock();
    let mut counts = Counts::default();
    let mut first = None;
    while let Some(event) = reader.next_event()? {
        let start = *first.get_or_insert(event.time());
        counts.events += 1;
        match event.kind() {
            EventKind::GoTransition(change) => {
                counts.created += u64::from(change.from == GoState::NotExist);
                counts.exited += u64::from(change.to == GoState::NotExist);
                counts.waits += u64::from(change.from == GoState::Running && change.to == GoState::Waiting);
            }
            EventKind::Metric(Metric::HeapObjects(bytes)) => counts.heap = bytes,
            // A sync starts each generation, and one ends the trace.
            EventKind::Sync(sync) if sync.n > 1 => {
                let Counts { events, created, exited, waits, heap } = counts;
                let heap = heap as f64 / f64::from(1 << 20);
                writeln!(
                    out,
                    "+{:<8.1?} {events:>8} events, {created} goroutines created, {exited} exited, {waits} waits, heap {heap:.1} MiB",
                    event.time() - start,
                )?;
                counts = Counts::default();
            }
            _ => {}
        }
    }
    Ok(())
}
