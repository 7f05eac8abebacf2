//! The goroutines that ran on each P and thread.

use super::Place;
use super::spans::{Cursor, Spans, State};
use crate::id::present;

/// A span of a goroutine that is running or in a system call.
#[derive(Clone, Copy, Debug)]
pub(in crate::timeline) struct Run {
    pub start: i64,
    pub go: u32,
    pub cursor: Cursor,
}

/// Runs, indexed by P or by thread.
#[derive(Debug)]
pub(in crate::timeline) struct Runs {
    /// The IDs of the Ps or threads, in ascending order.
    pub ids: Vec<u64>,
    /// The runs, sorted by ID, then by time.
    runs: Vec<Run>,
    /// For each ID, the index of its first run in `runs`. The last element is `runs.len()`.
    starts: Vec<usize>,
}

impl Runs {
    /// Creates the index. `id_of` returns the ID by which a place is indexed: the ID of its P or of its thread.
    pub fn new(spans: &Spans, goroutines: u32, places: &[Place], id_of: impl Fn(&Place) -> u64) -> Self {
        let mut ids: Vec<u64> = places.iter().map(&id_of).filter(|&id| present(id).is_some()).collect();
        ids.sort_unstable();
        ids.dedup();
        // The index in `ids` of the ID of each place, if it has one.
        let rows: Vec<Option<usize>> = places.iter().map(|place| ids.binary_search(&id_of(place)).ok()).collect();
        let each = |visit: &mut dyn FnMut(usize, Run)| {
            for go in 0..goroutines {
                let mut cursor = spans.first(go);
                while let Some(entry) = spans.get(cursor) {
                    if let State::Running | State::Syscall = entry.state
                        && let Some(&Some(row)) = rows.get(entry.who as usize)
                    {
                        visit(row, Run { start: entry.time, go, cursor });
                    }
                    cursor = spans.next(cursor);
                }
            }
        };
        let mut starts = vec![0; ids.len() + 1];
        each(&mut |row, _| starts[row + 1] += 1);
        for row in 0..ids.len() {
            starts[row + 1] += starts[row];
        }
        let nothing = Run { start: 0, go: 0, cursor: spans.first(0) };
        let mut runs = vec![nothing; starts[ids.len()]];
        let mut next = starts.clone();
        each(&mut |row, run| {
            runs[next[row]] = run;
            next[row] += 1;
        });
        for row in starts.windows(2) {
            runs[row[0]..row[1]].sort_unstable_by_key(|run| run.start);
        }
        Runs { ids, runs, starts }
    }

    pub fn of(&self, id: u64) -> &[Run] {
        let row = self.ids.binary_search(&id);
        row.ok().and_then(|row| self.runs.get(self.starts[row]..self.starts[row + 1])).unwrap_or_default()
    }
}
