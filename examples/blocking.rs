//! What goroutines waited for: the time by reason, and the longest single waits.
//!
//!     cargo run --release --example blocking -- trace.out

use std::cmp::Reverse;
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use gotrace::{Frame, Timeline};

fn main() -> ExitCode {
    let path = std::env::args().nth(1).unwrap_or_else(|| "trace.out".to_owned());
    match print_waits(&path) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{path}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print_waits(path: &str) -> Result<(), Box<dyn Error>> {
    let timeline = Timeline::from_path(path)?;
    let mut out = io::stdout().lock();
    let totals = timeline.totals(timeline.start()..timeline.end());
    let mut reasons: Vec<_> = totals.waiting_by_reason().collect();
    reasons.sort_by_key(|row| Reverse(row.time));
    writeln!(out, "{:>12} {:>8}  REASON", "TOTAL", "WAITS")?;
    for row in reasons {
        writeln!(out, "{:>12.1?} {:>8}  {}", row.time, row.count, row.reason)?;
    }

    // Only waits that something ended. This leaves out the runtime's goroutines that sleep all the
    // time.
    let mut waits: Vec<_> = timeline.blocked().iter().filter(|wait| wait.woken_by().is_some()).collect();
    waits.sort_by_key(|wait| (Reverse(wait.duration()), wait.start(), wait.goroutine().id()));
    writeln!(out, "\nlongest waits that ended")?;
    for wait in waits.iter().take(5) {
        let is_own = |frame: &Frame<'_>| !frame.func.to_str_lossy().starts_with("runtime.");
        let place = wait.stack().and_then(|stack| stack.frames().find(is_own));
        let place = place.map_or("an unknown place".to_owned(), |frame| format!("{}:{}", frame.func, frame.line));
        let reason = wait.reason_name();
        writeln!(out, "{:>12.1?}  goroutine {}: {reason} in {place}", wait.duration(), wait.goroutine().id())?;
    }
    Ok(())
}
