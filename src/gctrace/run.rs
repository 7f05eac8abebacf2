//! Which process a collection belongs to.
//!
//! A log may hold the starts of a service one after another, or several processes at once, as under `go test ./...`. A
//! line doesn't say whose it is, but each process counts its collections and its time.

use super::Cycle;

/// How many processes may write at the same time: the one that has been quiet for longest is thought to have ended.
const MAX_OPEN: usize = 64;

/// The collections of one process, with rising numbers and times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// The collections.
    pub cycles: Vec<Cycle>,
}

impl Run {
    /// From the begin of the first collection to that of the last, in nanoseconds.
    pub fn duration(&self) -> u64 {
        match (self.cycles.first(), self.cycles.last()) {
            (Some(first), Some(last)) => last.at - first.at,
            _ => 0,
        }
    }

    /// The numbers that are missing between the first collection and the last: their lines are lost.
    pub fn missing(&self) -> u64 {
        match (self.cycles.first(), self.cycles.last()) {
            (Some(first), Some(last)) => u64::from(last.n - first.n) + 1 - self.cycles.len() as u64,
            _ => 0,
        }
    }

    /// Whether a collection can be of this process: it comes after the last one.
    fn takes(&self, cycle: &Cycle) -> Option<Fit> {
        let last = self.cycles.last()?;
        (cycle.n > last.n && cycle.at >= last.at)
            .then(|| Fit { left_out: cycle.n - last.n - 1, quiet: cycle.at - last.at })
    }
}

/// How well a collection follows the last one of a process: the smaller the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Fit {
    /// Collections between them that are not in the log.
    left_out: u32,
    /// Nanoseconds between them.
    quiet: u64,
}

/// Gives each collection to the process that it follows best; the first one of a process begins a run.
pub(super) fn split(cycles: &[Cycle]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    // Indexes of runs, the last to have grown behind.
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
