//! A custom analysis: which goroutine wakes which, and how often.
//!
//! It implements [`Observer`], so it can share a pass over the trace with any analysis of the
//! library.
//!
//!     cargo run --release --example observer -- trace.out

use std::cmp::Reverse;
use std::collections::HashMap;
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use gotrace::analysis::latency::Latency;
use gotrace::analysis::{Observer, run};
use gotrace::{Event, EventKind, GoId, GoState, Reader};

fn main() -> ExitCode {
    let path = std::env::args().nth(1).unwrap_or_else(|| "trace.out".to_owned());
    match print_wakeups(&path) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{path}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Counts wakeups by the goroutine that woke (`None` for the runtime itself) and the one that was
/// woken.
#[derive(Default)]
struct Wakeups(HashMap<(Option<GoId>, GoId), u64>);

impl Observer for Wakeups {
    /// The pairs and their counts, most frequent first.
    type Output = Vec<((Option<GoId>, GoId), u64)>;

    fn event(&mut self, event: &Event<'_>) {
        if let EventKind::GoTransition(change) = event.kind()
            && change.from == GoState::Waiting
            && change.to == GoState::Runnable
        {
            // The event belongs to the goroutine that acted; the transition says which goroutine
            // changed.
            *self.0.entry((event.go(), change.go)).or_default() += 1;
        }
    }

    fn finish(self) -> Self::Output {
        let mut pairs: Vec<_> = self.0.into_iter().collect();
        pairs.sort_by_key(|&(pair, count)| (Reverse(count), pair));
        pairs
    }
}

fn print_wakeups(path: &str) -> Result<(), Box<dyn Error>> {
    let mut reader = Reader::from_path(path)?;
    // Observers in a tuple share one pass. For a damaged trace, run returns the results up to the
    // damage, and the error.
    let ((pairs, latency), error) = run(&mut reader, (Wakeups::default(), Latency::new()));
    let mut out = io::stdout().lock();
    writeln!(out, "{} wakeups", pairs.iter().map(|(_, count)| count).sum::<u64>())?;
    for ((waker, woken), count) in pairs.iter().take(10) {
        match waker {
            Some(waker) => writeln!(out, "{count:>8}  goroutine {waker} woke goroutine {woken}")?,
            None => writeln!(out, "{count:>8}  the runtime woke goroutine {woken}")?,
        }
    }
    let wait = &latency.wake.all;
    writeln!(
        out,
        "a woken goroutine ran after {:?} (median), {:?} (99th percentile)",
        wait.percentile(50.0),
        wait.percentile(99.0)
    )?;
    error.map_or(Ok(()), |error| Err(error.into()))
}
