//! The goroutines that ran in a part of the trace, for the lanes of Ps and threads.

use super::cell::{Cell, CellsBuilder, LaneDetail, LaneState};
use super::grid::Grid;
use super::{Lanes, state_of};
use crate::timeline::Timeline;
use crate::timeline::columns::spans::State;

/// A span in which a goroutine ran or was in a system call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub start: i64,
    pub end: i64,
    /// When the goroutine lost its P, which in a system call can be before the end.
    pub proc_end: i64,
    pub goroutine: u32,
    pub place: u32,
    pub state: LaneState,
}

/// The runs that overlap a part of the trace, sorted by goroutine, then by time.
#[derive(Debug)]
pub(super) struct Runs(Vec<Run>);

impl Runs {
    pub fn new(timeline: &Timeline, grid: Grid) -> Self {
        let mut runs = Vec::new();
        for goroutine in 0..timeline.goroutines.len() as u32 {
            let is_mark_worker = timeline.group_table().is_mark_worker(goroutine);
            let cursor = timeline.spans.covering(goroutine, grid.start(0));
            let before = timeline.spans.previous(goroutine, cursor).and_then(|cursor| timeline.spans.get(cursor));
            let mut previous = before.map_or(State::Undetermined, |entry| entry.state);
            timeline.spans.periods_from(cursor, timeline.extent.end, |period| {
                let has_place = match period.state {
                    State::Running => true,
                    // The event that reports such a system call is of another thread.
                    State::Syscall => !matches!(previous, State::Undetermined | State::Ended),
                    _ => false,
                };
                if has_place && grid.clip(period.start, period.end).is_some() {
                    let (place, _) = period.who_and_why();
                    let proc_end = match period.state {
                        State::Syscall => timeline.proc_change(timeline.place(place).proc, period.start),
                        _ => period.end,
                    };
                    runs.push(Run {
                        start: period.start,
                        end: period.end,
                        proc_end: proc_end.min(period.end),
                        goroutine,
                        place,
                        state: state_of(period.state, is_mark_worker),
                    });
                }
                previous = period.state;
                period.end < grid.end()
            });
        }
        Runs(runs)
    }

    /// Returns the cells of the lane with the runs for which `is_of_lane` returns true.
    pub fn cells(&self, lanes: &Lanes<'_>, is_of_lane: impl Fn(&Run) -> bool, end: impl Fn(&Run) -> i64) -> Vec<Cell> {
        let mut cells = CellsBuilder::new(lanes.grid);
        for run in self.0.iter().filter(|run| is_of_lane(run)) {
            cells
                .add(run.start, end(run), run.state, || lanes.timeline.go_id(run.goroutine).map(LaneDetail::Goroutine));
        }
        cells.finish()
    }
}

impl Timeline {
    /// Returns the first time after `time` at which the state or thread of a P changes.
    fn proc_change(&self, proc: u64, time: i64) -> i64 {
        let Some(number) = self.procs.index.get(proc) else { return i64::MAX };
        let entries = self.procs.of(number);
        entries.get(entries.partition_point(|entry| entry.time <= time)).map_or(i64::MAX, |entry| entry.time)
    }
}
