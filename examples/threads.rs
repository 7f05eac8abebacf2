//! What each operating system thread (M) did: how long it ran Go code, how long it was in system
//! calls, and for which goroutine it worked most.
//!
//!     cargo run --release --example threads -- trace.out

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use gotrace::{GoState, Timeline};

fn main() -> ExitCode {
    let path = std::env::args().nth(1).unwrap_or_else(|| "trace.out".to_owned());
    match print_threads(&path) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{path}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print_threads(path: &str) -> Result<(), Box<dyn Error>> {
    let timeline = Timeline::from_path(path)?;
    let mut out = io::stdout().lock();
    writeln!(out, "{:>10} {:>12} {:>12} {:>10}  MOSTLY FOR", "THREAD", "RUNNING", "SYSCALLS", "GOROUTINES")?;
    for thread in timeline.threads() {
        let mut by_goroutine: BTreeMap<_, Duration> = BTreeMap::new();
        let (mut running, mut syscalls) = (Duration::ZERO, Duration::ZERO);
        for run in thread.runs() {
            match run.state() {
                GoState::Running => running += run.duration(),
                _ => syscalls += run.duration(),
            }
            *by_goroutine.entry(run.goroutine().id()).or_default() += run.duration();
        }
        let most = by_goroutine.iter().max_by_key(|&(&id, &total)| (total, Reverse(id)));
        let most = most.and_then(|(&id, _)| timeline.goroutine(id));
        let most = most.map_or("-".to_owned(), |go| format!("goroutine {} ({})", go.id(), go.name()));
        let (id, goroutines) = (thread.id(), by_goroutine.len());
        if writeln!(out, "{id:>10} {running:>12.1?} {syscalls:>12.1?} {goroutines:>10}  {most}").is_err() {
            break; // the reader of our output, such as head, has closed it
        }
    }
    Ok(())
}
