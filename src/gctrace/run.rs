//! Assigns collections to processes.
//!
//! A log may contain restarts of a service one after another, or several processes at once, as
//! under `go test ./...`. A line does not say which process wrote it, but each process counts its
//! collections and its time.

use std::time::Duration;

use super::Cycle;

/// The maximum number of processes that write at the same time. If there are more, the process without output for the
/// longest time counts as ended.
const MAX_OPEN: usize = 64;

/// The collections of one process, with increasing numbers and times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Run {
    /// The collections.
    pub cycles: Vec<Cycle>,
}

impl Run {
    /// Returns the time from the start of the first collection to the start of the last collection.
    pub fn duration(&self) -> Duration {
        match (self.cycles.first(), self.cycles.last()) {
            (Some(first), Some(last)) => last.start.saturating_sub(first.start),
            _ => Duration::ZERO,
        }
    }

    /// Returns the number of collections between the first and the last that are not in the log.
    pub fn missing(&self) -> u64 {
        match (self.cycles.first(), self.cycles.last()) {
            (Some(first), Some(last)) => u64::from(last.n - first.n) + 1 - self.cycles.len() as u64,
            _ => 0,
        }
    }

    /// Returns how well a collection fits this process. `None` if it cannot follow the last collection.
    fn takes(&self, cycle: &Cycle) -> Option<Fit> {
        let last = self.cycles.last()?;
        (cycle.n > last.n && cycle.start >= last.start)
            .then(|| Fit { left_out: cycle.n - last.n - 1, quiet: cycle.start - last.start })
    }
}

/// How well a collection follows the last collection of a process. Smaller is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Fit {
    /// The number of collections between them that are not in the log.
    left_out: u32,
    /// The time between them.
    quiet: Duration,
}

/// Assigns each collection to the process that it follows best. The first collection of a process starts a run.
pub(super) fn split(cycles: &[Cycle]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    // Indexes of runs, with the run that grew last at the end.
    let mut open: Vec<usize> = Vec::new();
    for cycle in cycles {
        let fits = open.iter().enumerate().filter_map(|(place, &run)| Some((runs[run].takes(cycle)?, place)));
        let run = match fits.min().filter(|_| cycle.n > 1) {
            Some((_, place)) => open.remove(place),
            None => {
                runs.push(Run::default());
                runs.len() - 1
            }
        };
        runs[run].cycles.push(*cycle);
        open.push(run);
        if open.len() > MAX_OPEN {
            open.remove(0);
        }
    }
    runs
}
