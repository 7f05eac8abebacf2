//! The rules that decide whether an allocation source is suspicious, applied as the allocations
//! arrive.

use std::time::Duration;

use super::AllocationOptions;
use crate::time::Time;

/// A window of time in which many objects were allocated and almost none were freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SuspiciousWindow {
    /// When the window started.
    #[cfg_attr(feature = "serde", serde(rename = "start_ns"))]
    pub start: Time,
    /// The number of objects that were allocated in the window.
    pub allocated: u64,
    /// The number of objects that were freed in the window.
    pub freed: u64,
    /// The number of collections that started in the window.
    pub cycles: u64,
}

/// The state of a source. Its times are in nanoseconds since the start of the trace.
#[derive(Clone, Debug, Default)]
pub(super) struct SourceState {
    /// The number of the current window, and the objects allocated and freed in it.
    window: i64,
    allocated: u64,
    freed: u64,
    /// The time of the last allocation, and how many gaps in a row were short.
    last: Option<i64>,
    run: u64,
    pub longest_run: u64,
    /// The number of suspicious windows, and the window with the most allocations among them.
    pub suspicious_windows: u64,
    pub worst: Option<SuspiciousWindow>,
}

/// Converts to nanoseconds, at most `i64::MAX`.
fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

impl SourceState {
    /// Counts an allocation. `at` and the starts of collections in `marks` are in nanoseconds since
    /// the start of the trace.
    pub fn allocate(&mut self, at: i64, options: &AllocationOptions, marks: &[i64]) {
        self.advance(at, options, marks);
        self.allocated += 1;
        if let Some(last) = self.last.replace(at) {
            self.run = if at.saturating_sub(last) < nanos(options.gap) { self.run + 1 } else { 0 };
            self.longest_run = self.longest_run.max(self.run);
        }
    }

    pub fn free(&mut self, at: i64, options: &AllocationOptions, marks: &[i64]) {
        self.advance(at, options, marks);
        self.freed += 1;
    }

    /// Ends the last window, which counts even if it is shorter than the others.
    pub fn end(&mut self, options: &AllocationOptions, marks: &[i64]) {
        self.close(options, marks);
    }

    fn advance(&mut self, at: i64, options: &AllocationOptions, marks: &[i64]) {
        let window = at / nanos(options.window).max(1);
        if window != self.window {
            self.close(options, marks);
            (self.window, self.allocated, self.freed) = (window, 0, 0);
        }
    }

    fn close(&mut self, options: &AllocationOptions, marks: &[i64]) {
        if self.allocated <= options.min_allocated || self.freed >= options.max_freed {
            return;
        }
        let length = nanos(options.window).max(1);
        let begin = self.window * length;
        let end = begin.saturating_add(length);
        let before = |time| marks.partition_point(|&mark| mark < time) as u64;
        let cycles = before(end) - before(begin);
        if cycles < u64::from(options.cycles) {
            return;
        }
        self.suspicious_windows += 1;
        let window = SuspiciousWindow { start: Time(begin), allocated: self.allocated, freed: self.freed, cycles };
        if self.worst.is_none_or(|worst| worst.allocated < window.allocated) {
            self.worst = Some(window);
        }
    }

    /// Merges another state that turned out to belong to the same source.
    pub fn merge(&mut self, other: &SourceState) {
        self.longest_run = self.longest_run.max(other.longest_run);
        self.suspicious_windows += other.suspicious_windows;
        if other.worst.map(|worst| worst.allocated) > self.worst.map(|worst| worst.allocated) {
            self.worst = other.worst;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    fn follow(events: impl IntoIterator<Item = (i64, bool)>, marks: &[i64]) -> SourceState {
        let options = AllocationOptions::default();
        let mut state = SourceState::default();
        for (at, is_alloc) in events {
            match is_alloc {
                true => state.allocate(at, &options, marks),
                false => state.free(at, &options, marks),
            }
        }
        state.end(&options, marks);
        state
    }

    fn allocations(count: i64, gap: i64) -> impl Iterator<Item = (i64, bool)> {
        (0..count).map(move |n| (n * gap, true))
    }

    #[test]
    fn window_with_over_500_allocations_and_under_10_frees_is_suspicious() {
        let marks = [100 * MS, 400 * MS];
        let frees = |count| (0..count).map(|n| (900 * MS + n, false));
        assert_eq!(follow(allocations(500, MS), &marks).suspicious_windows, 0);
        let worst = SuspiciousWindow { start: Time(0), allocated: 501, freed: 9, cycles: 2 };
        let found = follow(allocations(501, MS).chain(frees(9)), &marks);
        assert_eq!((found.suspicious_windows, found.worst), (1, Some(worst)));
        assert_eq!(follow(allocations(501, MS).chain(frees(10)), &marks).suspicious_windows, 0);
        assert_eq!(
            follow(allocations(501, MS), &marks[..1]).suspicious_windows,
            0,
            "no collection could have freed anything"
        );
    }

    #[test]
    fn each_window_is_counted_separately() {
        // One window with 1000 allocations, one with 334, one with 1000.
        let marks: Vec<i64> = (0..30).map(|n| n * 100 * MS).collect();
        let events = (0..1000).chain((1000..2000).step_by(3)).chain(2000..3000);
        let found = follow(events.map(|n| (n * MS, true)), &marks);
        assert_eq!((found.suspicious_windows, found.worst.map(|worst| worst.cycles)), (2, Some(10)));
    }

    #[test]
    fn a_long_gap_ends_a_run_of_short_gaps() {
        assert_eq!(follow(allocations(51, 10 * MS - 1), &[]).longest_run, 50);
        assert_eq!(follow(allocations(51, 10 * MS), &[]).longest_run, 0);
        let twice = (0..30).map(|n| (n * MS, true)).chain((0..40).map(|n| (100 * MS + n * MS, true)));
        assert_eq!(follow(twice, &[]).longest_run, 39);
    }
}
