//! What a cell of a lane shows.

use super::grid::Grid;
use crate::id::{GoId, ProcId};

/// A state that a lane shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum LaneState {
    /// Nothing: a goroutine that is not alive or whose state is not known, a P or thread that runs no goroutine.
    Nothing = 0,
    /// A goroutine is ready to run and waits for a P.
    Runnable = 1,
    /// A goroutine runs.
    Running = 2,
    /// A goroutine is blocked.
    Waiting = 3,
    /// A goroutine is in a system call.
    Syscall = 4,
    /// A goroutine of the garbage collector's mark workers runs. In the lane of the garbage collector: a collection is
    /// active.
    GcWork = 5,
}

/// The number of states.
pub(super) const STATES: usize = 6;

impl LaneState {
    /// All states, the state with the number `i` at index `i`.
    pub const ALL: [LaneState; STATES] = [
        LaneState::Nothing,
        LaneState::Runnable,
        LaneState::Running,
        LaneState::Waiting,
        LaneState::Syscall,
        LaneState::GcWork,
    ];

    /// All states in the order that decides between states of equal time: the first one dominates.
    pub const PRECEDENCE: [LaneState; STATES] = [
        LaneState::GcWork,
        LaneState::Running,
        LaneState::Syscall,
        LaneState::Runnable,
        LaneState::Waiting,
        LaneState::Nothing,
    ];
}

/// What runs or what is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LaneDetail {
    /// In the lane of a P or thread: the goroutine that runs or is in a system call.
    Goroutine(GoId),
    /// In the lane of a goroutine: the P on which it runs.
    Proc(ProcId),
    /// In the lane of a goroutine: the reason of the wait, as an index in
    /// [`Timeline::wait_reasons`](crate::Timeline::wait_reasons).
    Reason(u32),
}

/// A cell of the lane of one goroutine, P or thread, or of the garbage collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    pub(super) nanos: [u64; STATES],
    /// While spans are added: what covers the middle.
    pub(super) state: LaneState,
    pub(super) detail: Option<LaneDetail>,
    pub(super) spans: u32,
}

impl Cell {
    pub(super) const EMPTY: Cell = Cell { nanos: [0; STATES], state: LaneState::Nothing, detail: None, spans: 0 };

    /// Returns the time in a state, in nanoseconds. The times of all states add up to the width of the cell, unless
    /// the trace reports that several goroutines ran on one P at the same time, as some traces before Go 1.22 do.
    pub fn nanos(&self, state: LaneState) -> u64 {
        self.nanos[state as usize]
    }

    /// Returns the dominating state: the state of the longest time. If times are equal, the first state in
    /// [`LaneState::PRECEDENCE`] dominates.
    pub fn state(&self) -> LaneState {
        self.state
    }

    /// Returns what the span that covers the middle of the cell runs or waits for, if this span is in the dominating
    /// state.
    pub fn detail(&self) -> Option<LaneDetail> {
        self.detail
    }

    /// Returns the number of spans that overlap the cell. States of [`LaneState::Nothing`] do not count.
    pub fn spans(&self) -> u32 {
        self.spans
    }

    /// Returns whether the cell contains more spans than it shows, which is one.
    pub fn hides_spans(&self) -> bool {
        self.spans > 1
    }

    /// Sets the state to the dominating one. `state` and `detail` must be those of the cell's middle.
    pub(super) fn settle(&mut self, width: u64) {
        let sum = |nanos: &[u64]| nanos.iter().fold(0u64, |sum, &nanos| sum.saturating_add(nanos));
        // Before Go 1.22, a trace may report late that a system call lost its P. Until then, what runs there counts.
        let excess = sum(&self.nanos).saturating_sub(width);
        let in_syscall = &mut self.nanos[LaneState::Syscall as usize];
        *in_syscall = in_syscall.saturating_sub(excess);
        self.nanos[LaneState::Nothing as usize] = width.saturating_sub(sum(&self.nanos));
        let mut dominating = LaneState::PRECEDENCE[0];
        for state in LaneState::PRECEDENCE {
            if self.nanos(state) > self.nanos(dominating) {
                dominating = state;
            }
        }
        if dominating != self.state {
            self.detail = None;
        }
        self.state = dominating;
    }
}

/// Adds spans to the cells of a lane.
pub(super) struct CellsBuilder {
    grid: Grid,
    cells: Vec<Cell>,
}

impl CellsBuilder {
    pub fn new(grid: Grid) -> Self {
        CellsBuilder { grid, cells: vec![Cell::EMPTY; grid.len] }
    }

    /// Adds a span. Calls `detail` if the span covers the middle of a cell.
    #[inline]
    pub fn add(&mut self, start: i64, end: i64, state: LaneState, detail: impl Fn() -> Option<LaneDetail>) {
        let Some(part) = self.grid.clip(start, end) else { return };
        let (first, last) = (self.grid.cell(part.start), self.grid.cell(part.end - 1));
        for number in first..=last {
            let from = self.grid.start(number).max(part.start);
            let to = self.grid.start(number + 1).min(part.end);
            let middle = self.grid.middle(number);
            let Some(cell) = self.cells.get_mut(number) else { return };
            cell.nanos[state as usize] = cell.nanos[state as usize].saturating_add(to.abs_diff(from));
            cell.spans = cell.spans.saturating_add(1);
            // See `settle`: what runs counts.
            let is_hidden = state == LaneState::Syscall && matches!(cell.state, LaneState::Running | LaneState::GcWork);
            if from <= middle && middle < to && !is_hidden {
                (cell.state, cell.detail) = (state, detail());
            }
        }
    }

    pub fn finish(mut self) -> Vec<Cell> {
        for cell in &mut self.cells {
            cell.settle(self.grid.width());
        }
        self.cells
    }
}

/// A cell of the lane of several goroutines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupCell {
    pub(super) nanos: [u64; STATES],
    pub(super) width: u64,
}

impl GroupCell {
    /// Returns the time that the goroutines together were in a state, in nanoseconds. 0 for [`LaneState::Nothing`].
    pub fn nanos(&self, state: LaneState) -> u64 {
        self.nanos[state as usize]
    }

    /// Returns the mean number of goroutines in a state.
    pub fn mean(&self, state: LaneState) -> f64 {
        self.nanos(state) as f64 / self.width as f64
    }

    /// Returns the mean number of goroutines that were alive.
    pub fn mean_alive(&self) -> f64 {
        LaneState::ALL.into_iter().map(|state| self.mean(state)).sum()
    }
}
