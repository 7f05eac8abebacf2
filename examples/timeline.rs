//! Asks one timeline from several threads: which goroutines were the busiest?
//!
//! A `Timeline` never changes once it is built, so threads share it by reference. If they outlive
//! the function that built it, put it into an `Arc`.
//!
//!     cargo run --release --example timeline -- trace.out

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use gotrace::{GoId, Time, Timeline};

const THREADS: usize = 4;

fn main() -> ExitCode {
    let path = std::env::args().nth(1).unwrap_or_else(|| "trace.out".to_owned());
    match print_busiest(&path) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{path}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print_busiest(path: &str) -> Result<(), Box<dyn Error>> {
    let timeline = Timeline::from_path(path)?;
    let ids: Vec<GoId> = timeline.goroutines().map(|goroutine| goroutine.id()).collect();
    let mut out = io::stdout().lock();
    writeln!(out, "{} goroutines, asked by {THREADS} threads", ids.len())?;

    let mut rows: Vec<(Duration, GoId)> = thread::scope(|scope| {
        let shares = ids.chunks(ids.len().div_ceil(THREADS).max(1));
        let workers: Vec<_> = shares.map(|share| scope.spawn(|| running_times(&timeline, share))).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no worker panics")).collect()
    });
    rows.sort_by_key(|&(running, id)| (Reverse(running), id));
    for (running, goroutine) in
        rows.iter().take(10).filter_map(|&(running, id)| Some((running, timeline.goroutine(id)?)))
    {
        writeln!(out, "{running:>12.1?}  goroutine {} ({})", goroutine.id(), goroutine.name())?;
    }

    let middle = Time(timeline.start().0.midpoint(timeline.end().0));
    let mut states: BTreeMap<&str, u32> = BTreeMap::new();
    for span in timeline.at(middle).goroutines() {
        *states.entry(span.state().name()).or_default() += 1;
    }
    writeln!(out, "in the middle of the trace goroutines were: {states:?}")?;
    Ok(())
}

/// How long each of these goroutines was running.
fn running_times(timeline: &Timeline, ids: &[GoId]) -> Vec<(Duration, GoId)> {
    let whole = timeline.start()..timeline.end();
    let goroutines = ids.iter().filter_map(|&id| timeline.goroutine(id));
    goroutines.map(|goroutine| (goroutine.totals(whole.clone()).running(), goroutine.id())).collect()
}
