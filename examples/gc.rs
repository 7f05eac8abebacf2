//! Garbage collections: when, how long, how the heap changed; and how long each stopped the world.
//!
//!     cargo run --release --example gc -- trace.out

use std::error::Error;
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
    println!("{} collections in {:.1?}", timeline.gc_cycles().len(), timeline.end() - timeline.start());
    println!(
        "{:>4} {:>12} {:>12} {:>12} {:>12} {:>22}",
        "GC", "START", "FOR", "PAUSES", "ASSISTS", "HEAP START -> LIVE"
    );
    for cycle in timeline.gc_cycles() {
        println!(
            "{:>4} {:>12?} {:>12.1?} {:>12.1?} {:>12.1?} {:>22}",
            cycle.seq(),
            cycle.start() - timeline.start(),
            cycle.duration(),
            cycle.pause_time(),
            cycle.assist_time(),
            format!("{} -> {}", mebibytes(cycle.heap_start()), mebibytes(cycle.heap_live())),
        );
    }

    // The world is also stopped for other things than collections, such as a change of GOMAXPROCS.
    let total: Duration = timeline.pauses().map(|pause| pause.duration()).sum();
    println!("\n{} stop-the-world pauses, {total:.1?} in all", timeline.pauses().len());
    if let Some(longest) = timeline.pauses().max_by_key(|pause| pause.duration()) {
        println!("the longest: {:.1?} for {}", longest.duration(), longest.reason());
    }
    Ok(())
}

fn mebibytes(bytes: Option<u64>) -> String {
    bytes.map_or("?".to_owned(), |bytes| format!("{:.2} MiB", bytes as f64 / f64::from(1 << 20)))
}
