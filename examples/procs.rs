//! How busy each P (processor, one of GOMAXPROCS) was, and how many threads and goroutines used it.
//!
//!     cargo run --release --example procs -- trace.out

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use gotrace::{GoState, ProcState, Timeline};

fn main() -> ExitCode {
    let path = std::env::args().nth(1).unwrap_or_else(|| "trace.out".to_owned());
    match print_procs(&path) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{path}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print_procs(path: &str) -> Result<(), Box<dyn Error>> {
    let timeline = Timeline::from_path(path)?;
    let whole = timeline.end() - timeline.start();
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{:>4} {:>12} {:>5} {:>12} {:>8} {:>12}",
        "P", "RUNNING GO", "SHARE", "IDLE", "THREADS", "GOROUTINES"
    )?;
    let mut procs: Vec<_> = timeline.procs().collect();
    procs.sort_by_key(|proc| proc.id());
    for proc in procs {
        let idle: Duration =
            proc.spans().filter(|span| span.state() == ProcState::Idle).map(|span| span.duration()).sum();
        let threads: BTreeSet<_> = proc.spans().filter_map(|span| span.thread()).collect();
        let runs = || proc.runs().filter(|run| run.state() == GoState::Running);
        let running: Duration = runs().map(|run| run.duration()).sum();
        let goroutines: BTreeSet<_> = runs().map(|run| run.goroutine().id()).collect();
        writeln!(
            out,
            "{:>4} {running:>12.1?} {:>4.0}% {idle:>12.1?} {:>8} {:>12}",
            proc.id(),
            100.0 * running.as_secs_f64() / whole.as_secs_f64(),
            threads.len(),
            goroutines.len(),
        )?;
    }
    Ok(())
}
