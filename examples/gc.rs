//! Garbage collections: when each one started, how long it took, how long it stopped the world, and
//! how the heap changed.
//!
//!     cargo run --release --example gc -- trace.out

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use gotrace::Timeline;

fn main() -> ExitCode {
    let path = std::env::args().nth(1).unwrap_or_else(|| "trace.out".to_owned());
    match print_collections(&path) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{path}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print_collections(path: &str) -> Result<(), Box<dyn Error>> {
    let timeline = Timeline::from_path(path)?;
    let mut out = io::stdout().lock();
    writeln!(out, "{} collections in {:.1?}", timeline.gc_cycles().len(), timeline.end() - timeline.start())?;
    writeln!(out, "{:>4} {:>12} {:>10} {:>10} {:>10}  HEAP START -> LIVE", "GC", "START", "FOR", "PAUSES", "ASSISTS")?;
    for cycle in timeline.gc_cycles() {
        let (start, whole) = (cycle.start() - timeline.start(), cycle.duration());
        let (pauses, assists) = (cycle.pause_time(), cycle.assist_time());
        let heap = format!("{} -> {}", mebibytes(cycle.heap_start()), mebibytes(cycle.heap_live()));
        let number = cycle.seq();
        writeln!(out, "{number:>4} {start:>12?} {whole:>10.1?} {pauses:>10.1?} {assists:>10.1?}  {heap}")?;
    }

    // The world is also stopped for other reasons, such as a change of GOMAXPROCS.
    let total: Duration = timeline.pauses().map(|pause| pause.duration()).sum();
    writeln!(out, "\n{} stop-the-world pauses, {total:.1?} in all", timeline.pauses().len())?;
    if let Some(longest) = timeline.pauses().max_by_key(|pause| pause.duration()) {
        writeln!(out, "the longest: {:.1?} for {}", longest.duration(), longest.reason())?;
    }
    Ok(())
}

fn mebibytes(bytes: Option<u64>) -> String {
    bytes.map_or("?".to_owned(), |bytes| format!("{:.2} MiB", bytes as f64 / f64::from(1 << 20)))
}
