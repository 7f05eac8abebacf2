//! The lane of one goroutine, P or thread in advance: times and counts at the borders of equal buckets, from the start of
//! the lane on. A cell that consists of buckets is the difference between two borders.

use super::cell::{Cell, LaneDetail, LaneState};
use super::grid::Grid;
use super::sums::Sums;

/// The number of states that the spans of a lane can have.
pub(super) const SLOTS: usize = 4;
/// The state that each slot of a goroutine has. A mark worker of the garbage collector has
/// [`LaneState::GcWork`] instead of running.
pub(super) const GOROUTINE: [LaneState; SLOTS] =
    [LaneState::Runnable, LaneState::Running, LaneState::Waiting, LaneState::Syscall];
/// The state that each slot of a P or thread has.
pub(super) const PLACE: [LaneState; SLOTS] =
    [LaneState::GcWork, LaneState::Running, LaneState::Nothing, LaneState::Syscall];

/// The slot of running.
pub(super) const RUNNING: usize = 1;
/// The slot of system calls.
pub(super) const SYSCALL: usize = 3;

/// Times are added up in 32 bits and may wrap, so the difference between two borders is exact if they are closer than
/// this.
const MAX_SHIFT: u32 = 31;

/// The slot and number of what covers a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Covering(u32);

impl Covering {
    const SLOT_BITS: u32 = 3;
    const UNKNOWN: u32 = u32::MAX >> Self::SLOT_BITS;

    pub fn new(slot: usize, number: u32) -> Self {
        Covering((slot as u32 + 1) | (number.min(Self::UNKNOWN) << Self::SLOT_BITS))
    }

    /// Replaces it by what also covers the border, unless only the latter is a system call: what runs counts, see
    /// `Cell::settle`.
    fn replace(&mut self, other: Covering) {
        let runs = self.slot().is_some_and(|slot| slot < SYSCALL);
        if !(runs && other.slot() == Some(SYSCALL)) {
            *self = other;
        }
    }

    fn slot(self) -> Option<usize> {
        (self.0 & ((1 << Self::SLOT_BITS) - 1)).checked_sub(1).map(|slot| slot as usize)
    }

    fn number(self) -> Option<u32> {
        Some(self.0 >> Self::SLOT_BITS).filter(|&number| number != Self::UNKNOWN)
    }
}

/// A cell of the lane of a goroutine, P or thread, without the meaning of slots and numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawCell {
    pub nanos: [u64; SLOTS],
    /// The number of spans that overlap the cell.
    pub spans: u32,
    /// What covers the middle of the cell.
    pub covering: Covering,
}

impl RawCell {
    #[inline]
    pub fn cell(
        self,
        width: u64,
        states: [LaneState; SLOTS],
        detail: impl Fn(LaneState, u32) -> Option<LaneDetail>,
    ) -> Cell {
        let mut cell = Cell { spans: self.spans, ..Cell::EMPTY };
        for (state, nanos) in states.into_iter().zip(self.nanos) {
            cell.nanos[state as usize] = nanos;
        }
        if let Some(slot) = self.covering.slot() {
            cell.state = states[slot];
            cell.detail = self.covering.number().and_then(|number| detail(cell.state, number));
        }
        cell.settle(width);
        cell
    }
}

/// What is known at the border between two buckets.
#[derive(Clone, Copy, Debug, Default)]
struct Border {
    /// The time in each state until here.
    nanos: [u32; SLOTS],
    /// The number of spans that start before.
    starts: u32,
    /// The number of spans that end here or before.
    ends: u32,
    covering: Covering,
    /// What covers the middle of the bucket that starts here.
    middle: Covering,
}

impl Border {
    #[inline(always)]
    fn add(&mut self, slot: Option<usize>, nanos: i64) {
        if let Some(slot) = slot {
            self.nanos[slot] = self.nanos[slot].wrapping_add(nanos as u32);
        }
    }
}

/// The borders of a lane.
#[derive(Debug)]
pub(super) struct Level {
    /// The number of the first bucket: its start divided by the width.
    first: i64,
    shift: u32,
    borders: Vec<Border>,
}

impl Level {
    /// Returns the first bucket and the shift of a level with fewer than `most` buckets from `start` to `end`. `None` if
    /// there is none.
    fn layout(most: u64, start: i64, end: i64) -> Option<(i64, u32)> {
        let shift = (1..=MAX_SHIFT).find(|&shift| (end >> shift).abs_diff(start >> shift) + 2 <= most)?;
        Some((start >> shift, shift))
    }

    /// Returns a level to which spans can be added in any order.
    pub fn new(most: u64, start: i64, end: i64) -> Option<Self> {
        let (first, shift) = Self::layout(most, start, end)?;
        // The last border is after the last span, so nothing covers it.
        let borders = vec![Border::default(); (end >> shift).abs_diff(first) as usize + 2];
        Some(Level { first, shift, borders })
    }

    /// Returns whether cells of a grid consist of buckets.
    pub fn serves(&self, grid: Grid) -> bool {
        self.shift <= grid.shift
    }

    fn width(&self) -> u32 {
        1 << self.shift
    }

    fn bucket(&self, time: i64) -> usize {
        (time >> self.shift).saturating_sub(self.first).max(0) as usize
    }

    /// Adds a span, which must be within the lane.
    #[inline]
    pub fn add(&mut self, start: i64, end: i64, slot: usize, number: u32) {
        if start >= end {
            return;
        }
        let (first, last) = (self.bucket(start), self.bucket(end - 1));
        // A border has the sum of its bucket until `finish`.
        if let Some(next) = self.borders.get_mut(first + 1) {
            next.starts += 1;
        }
        if let Some(at_end) = self.borders.get_mut(last + 1) {
            at_end.ends += 1;
        }
        let covering = Covering::new(slot, number);
        let width = i64::from(self.width());
        for bucket in first..=last {
            let bucket_start = (self.first + bucket as i64) << self.shift;
            let (from, to) = (start.max(bucket_start), end.min(bucket_start + width));
            if let Some(border) = self.borders.get_mut(bucket) {
                if from == bucket_start {
                    border.covering.replace(covering);
                }
                let middle = bucket_start + width / 2;
                if from <= middle && middle < to {
                    border.middle.replace(covering);
                }
            }
            if let Some(next) = self.borders.get_mut(bucket + 1) {
                next.add(Some(slot), to - from);
            }
        }
    }

    /// Adds up the buckets, after the last span has been added.
    pub fn finish(&mut self) {
        let mut before = Border::default();
        for border in &mut self.borders {
            for (nanos, sum) in border.nanos.iter_mut().zip(before.nanos) {
                *nanos = nanos.wrapping_add(sum);
            }
            border.starts = border.starts.wrapping_add(before.starts);
            border.ends = border.ends.wrapping_add(before.ends);
            before = *border;
        }
    }

    /// Returns the index of the border at a time, which must be one. Before and after the lane, this is the first and the
    /// last border.
    fn index(&self, time: i64) -> usize {
        let index = (time >> self.shift).saturating_sub(self.first).max(0) as usize;
        index.min(self.borders.len() - 1)
    }

    /// Calls `show` with the number of each cell of a grid, the times in it and its borders.
    #[inline]
    fn each_cell(&self, grid: Grid, mut show: impl FnMut(usize, [u64; SLOTS], &Border, &Border)) {
        // A wide cell is added up from parts in which sums wrap at most once.
        let part = 1 << (MAX_SHIFT - self.shift);
        let mut index = self.index(grid.start(0));
        for number in 0..grid.len {
            let end = self.index(grid.start(number + 1));
            let begin = &self.borders[index];
            let mut nanos = [0; SLOTS];
            while index < end {
                let next = end.min(index + part);
                let (from, to) = (&self.borders[index], &self.borders[next]);
                for ((nanos, to), from) in nanos.iter_mut().zip(to.nanos).zip(from.nanos) {
                    *nanos += u64::from(to.wrapping_sub(from));
                }
                index = next;
            }
            show(number, nanos, begin, &self.borders[index]);
        }
    }

    /// Returns the cells of the lane.
    pub fn cells(
        &self,
        grid: Grid,
        states: [LaneState; SLOTS],
        detail: impl Fn(LaneState, u32) -> Option<LaneDetail>,
    ) -> Vec<Cell> {
        let mut cells = Vec::with_capacity(grid.len);
        self.each_cell(grid, |number, nanos, begin, end| {
            let border = &self.borders[self.index(grid.middle(number))];
            let covering = if self.shift == grid.shift { border.middle } else { border.covering };
            let cell = RawCell { nanos, spans: end.starts.wrapping_sub(begin.ends), covering };
            cells.push(cell.cell(grid.width(), states, &detail));
        });
        cells
    }

    /// Adds the times to those of other lanes.
    pub fn add_to(&self, grid: Grid, sums: &mut Sums) {
        self.each_cell(grid, |number, nanos, _, _| {
            for (slot, nanos) in nanos.into_iter().enumerate() {
                sums.add_nanos(number, slot, nanos, 1);
            }
        });
    }

    /// Returns the size of its borders in bytes.
    pub fn bytes(&self) -> u64 {
        (self.borders.capacity() * size_of::<Border>()) as u64
    }
}

/// Builds the level of a goroutine, whose spans follow each other.
#[derive(Debug)]
pub(super) struct LevelBuilder {
    level: Level,
    /// What is known at the current time.
    now: Border,
    /// The time of the next border or middle of a bucket.
    next: i64,
}

impl LevelBuilder {
    /// Returns a builder for a level with fewer than `most` buckets from `start` to `end`. `None` if there is none.
    pub fn new(most: u64, start: i64, end: i64) -> Option<Self> {
        let (first, shift) = Level::layout(most, start, end)?;
        let borders = Vec::with_capacity((end >> shift).abs_diff(first) as usize + 2);
        Some(LevelBuilder { level: Level { first, shift, borders }, now: Border::default(), next: first << shift })
    }

    /// Adds the next span. A span without a slot is not shown.
    #[inline(always)]
    pub fn add(&mut self, start: i64, end: i64, slot: Option<usize>, number: impl Fn() -> u32) {
        let mut from = start;
        while self.next < end {
            if self.next > from {
                self.now.add(slot, self.next.wrapping_sub(from));
                from = self.next;
            }
            let covering = slot.filter(|_| start <= self.next).map(|slot| Covering::new(slot, number()));
            let covering = covering.unwrap_or_default();
            if self.next & i64::from(self.level.width() - 1) == 0 {
                let starts = self.now.starts + u32::from(slot.is_some() && start < self.next);
                self.level.borders.push(Border { starts, covering, ..self.now });
            } else if let Some(border) = self.level.borders.last_mut() {
                border.middle = covering;
            }
            self.next += i64::from(self.level.width() / 2);
        }
        if start < end {
            self.now.add(slot, end.wrapping_sub(from));
            let count = u32::from(slot.is_some());
            self.now.starts += count;
            self.now.ends += count;
        }
    }

    pub fn finish(mut self) -> Level {
        self.level.borders.push(self.now);
        self.level
    }
}
