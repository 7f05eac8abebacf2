//! Cells of equal width, which divide time.

use std::ops::Range;

use crate::time::Time;

/// The maximum number of pixels of [`Timeline::lanes`](crate::Timeline::lanes). More pixels count as this many.
pub const MAX_PIXELS: usize = 1 << 16;

/// The shift of the widest cells. Wider ones would not fit into an `i64`.
const MAX_SHIFT: u32 = 62;

/// Consecutive cells. The width of a cell is a power of two, and its start is a multiple of the width. So the cells of a
/// wider grid are unions of cells of a narrower grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    /// The start of the first cell, divided by the width.
    pub first: i64,
    /// The width is 2 to the power of this, in nanoseconds.
    pub shift: u32,
    pub len: usize,
}

impl Grid {
    /// Returns the widest cells that are not wider than a pixel: from the cell that contains the start of the range to
    /// the cell that contains its end.
    pub fn new(range: Range<Time>, pixels: usize) -> Self {
        let start = range.start.0;
        let end = range.end.0.max(start);
        let pixel = end.abs_diff(start) / pixels.clamp(1, MAX_PIXELS) as u64;
        let shift = pixel.max(1).ilog2().min(MAX_SHIFT);
        let first = start >> shift;
        // A pixel is less than twice as wide as a cell.
        let len = (end >> shift).abs_diff(first) as usize + 1;
        Grid { first, shift, len }
    }

    pub fn width(self) -> u64 {
        1 << self.shift
    }

    /// Returns the start of a cell. The end of the last cell may be outside of the range of an `i64`.
    pub fn start(self, cell: usize) -> i64 {
        self.first.saturating_add(cell as i64).saturating_mul(self.width() as i64)
    }

    pub fn end(self) -> i64 {
        self.start(self.len)
    }

    /// Returns the time in the middle of a cell. A cell of one nanosecond is covered by what covers its start.
    pub fn middle(self, cell: usize) -> i64 {
        self.start(cell).saturating_add((self.width() / 2) as i64)
    }

    /// Returns the cell that contains a time, which must be within the grid.
    #[inline(always)]
    pub fn cell(self, time: i64) -> usize {
        ((time >> self.shift) - self.first) as usize
    }

    /// Returns the part of a period that is within the grid. `None` if it is empty.
    #[inline(always)]
    pub fn clip(self, start: i64, end: i64) -> Option<Range<i64>> {
        let clipped = start.max(self.start(0))..end.min(self.end());
        (clipped.start < clipped.end).then_some(clipped)
    }
}
