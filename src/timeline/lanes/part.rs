//! The cells of one goroutine in a part of the trace, read from its spans.

use super::cell::{Cell, LaneDetail, LaneState};
use super::grid::Grid;
use super::level::{Covering, RawCell, SLOTS};
use super::levels::slot_of;
use super::sums::Sums;
use crate::timeline::Timeline;
use crate::timeline::columns::spans::{STATE_COUNT, STATES};

/// A cell for each cell of a grid.
#[derive(Debug)]
pub(super) struct Part(Vec<RawCell>);

impl Part {
    pub fn new(timeline: &Timeline, goroutine: u32, grid: Grid) -> Self {
        let mut scan = timeline.spans.scan(goroutine, grid.start(0), timeline.extent.end);
        let cell = |number: usize| {
            let mut by_state = [0; STATE_COUNT];
            let ended = scan.ends();
            scan.advance(grid.middle(number), &mut by_state);
            let covering = scan.current().and_then(|entry| {
                let what = (entry.who, entry.why);
                let number = timeline.detail_number(entry.state, what, || scan.previous_state());
                slot_of(entry.state).map(|slot| Covering::new(slot, number))
            });
            scan.advance(grid.start(number + 1), &mut by_state);
            let mut nanos = [0; SLOTS];
            for (state, of_state) in STATES.into_iter().zip(by_state) {
                if let Some(slot) = slot_of(state) {
                    nanos[slot] += of_state;
                }
            }
            RawCell { nanos, spans: scan.starts().wrapping_sub(ended), covering: covering.unwrap_or_default() }
        };
        Part((0..grid.len).map(cell).collect())
    }

    /// Returns the cells of the lane.
    pub fn cells(
        &self,
        grid: Grid,
        states: [LaneState; SLOTS],
        detail: impl Fn(LaneState, u32) -> Option<LaneDetail>,
    ) -> Vec<Cell> {
        self.0.iter().map(|cell| cell.cell(grid.width(), states, &detail)).collect()
    }

    /// Adds the times to those of other lanes.
    pub fn add_to(&self, sums: &mut Sums) {
        for (number, cell) in self.0.iter().enumerate() {
            for (slot, &nanos) in cell.nanos.iter().enumerate() {
                sums.add_nanos(number, slot, nanos, 1);
            }
        }
    }
}
