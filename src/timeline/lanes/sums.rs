//! Times of several goroutines, added up in equal buckets.

use super::cell::{GroupCell, LaneState, STATES};
use super::grid::Grid;
use super::level::{GOROUTINE, RUNNING, SLOTS};

/// A bucket of a level has on average at least this many spans.
const SPANS_PER_BUCKET: u64 = 96;
/// Levels with fewer spans are not worth their memory.
const MIN_SPANS: u64 = 2048;

/// The times in a bucket. While spans are added, a span of several buckets counts in `open` where it starts to cover
/// whole buckets and where it stops. So each span costs the same, however long it is.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    nanos: [u64; SLOTS],
    /// The number of spans that start before the bucket and end after the start of the bucket.
    open: [u32; SLOTS],
}

/// Adds up spans in the buckets of a grid.
#[derive(Debug)]
pub(super) struct Sums {
    grid: Grid,
    /// The buckets of the grid, and one more.
    buckets: Vec<Bucket>,
}

impl Sums {
    pub fn new(grid: Grid) -> Self {
        Sums { grid, buckets: vec![Bucket::default(); grid.len + 1] }
    }

    /// Adds `times` spans from `start` to `end`.
    #[inline]
    pub fn add(&mut self, start: i64, end: i64, slot: usize, times: u32) {
        let Some(part) = self.grid.clip(start, end) else { return };
        let (first, last) = (self.grid.cell(part.start), self.grid.cell(part.end - 1));
        if first == last {
            return self.add_nanos(first, slot, part.end.abs_diff(part.start), times);
        }
        let width = self.grid.width();
        self.add_nanos(first, slot, self.grid.start(first + 1).abs_diff(part.start), times);
        let in_last = part.end.abs_diff(self.grid.start(last));
        self.add_nanos(last, slot, in_last.wrapping_sub(width), times);
        for (bucket, times) in [(first + 1, times), (last + 1, times.wrapping_neg())] {
            if let Some(bucket) = self.buckets.get_mut(bucket) {
                bucket.open[slot] = bucket.open[slot].wrapping_add(times);
            }
        }
    }

    /// Adds times that have been added up elsewhere.
    #[inline]
    pub fn add_nanos(&mut self, bucket: usize, slot: usize, nanos: u64, times: u32) {
        if let Some(bucket) = self.buckets.get_mut(bucket) {
            let sum = &mut bucket.nanos[slot];
            *sum = sum.wrapping_add(nanos.wrapping_mul(i64::from(times as i32) as u64));
        }
    }

    /// Adds the buckets that open spans cover.
    fn finish(mut self) -> Vec<Bucket> {
        let width = self.grid.width();
        let mut open = [0u32; SLOTS];
        for bucket in &mut self.buckets {
            for ((sum, change), nanos) in open.iter_mut().zip(&mut bucket.open).zip(&mut bucket.nanos) {
                *sum = sum.wrapping_add(*change);
                *change = *sum;
                *nanos = nanos.wrapping_add(u64::from(*sum).wrapping_mul(width));
            }
        }
        self.buckets
    }

    /// Returns the cells of the lane.
    pub fn cells(self) -> Vec<GroupCell> {
        let Grid { len, .. } = self.grid;
        let width = self.grid.width();
        let cell = |bucket: Bucket| {
            let mut nanos = [0; STATES];
            for slot in 0..SLOTS {
                nanos[GOROUTINE[slot] as usize] = bucket.nanos[slot];
            }
            GroupCell { nanos, width }
        };
        self.finish().into_iter().take(len).map(cell).collect()
    }
}

/// Moves the time of running goroutines that are mark workers to [`LaneState::GcWork`].
pub(super) fn mark_gc_work(cells: &mut [GroupCell], workers: &[GroupCell]) {
    let (running, gc_work) = (GOROUTINE[RUNNING] as usize, LaneState::GcWork as usize);
    for (cell, workers) in cells.iter_mut().zip(workers) {
        let nanos = workers.nanos[running];
        cell.nanos[running] = cell.nanos[running].wrapping_sub(nanos);
        cell.nanos[gc_work] = nanos;
    }
}

/// The times of several goroutines until each border of equal buckets.
#[derive(Debug)]
pub(super) struct SumLevel {
    grid: Grid,
    borders: Vec<Bucket>,
}

impl SumLevel {
    /// Returns the buckets for goroutines with that many spans. `None` if there are too few.
    pub fn sums(spans: u64, start: i64, end: i64) -> Option<Sums> {
        let most = spans / SPANS_PER_BUCKET;
        let buckets = |shift: u32| (end >> shift).abs_diff(start >> shift) + 1;
        let shift = (0..i64::BITS - 1).find(|&shift| spans >= MIN_SPANS && buckets(shift) < most)?;
        Some(Sums::new(Grid { first: start >> shift, shift, len: buckets(shift) as usize }))
    }

    pub fn new(sums: Sums) -> Self {
        let grid = sums.grid;
        let mut borders = sums.finish();
        let mut before = [0u64; SLOTS];
        for border in &mut borders {
            for (nanos, before) in border.nanos.iter_mut().zip(&mut before) {
                let own = std::mem::replace(nanos, *before);
                *before = before.wrapping_add(own);
            }
        }
        SumLevel { grid, borders }
    }

    /// Returns whether cells of a grid consist of buckets.
    pub fn serves(&self, grid: Grid) -> bool {
        self.grid.shift <= grid.shift
    }

    fn index(&self, time: i64) -> usize {
        let index = (time >> self.grid.shift).saturating_sub(self.grid.first).max(0) as usize;
        index.min(self.grid.len)
    }

    /// Adds the times in the cells of another grid.
    pub fn add_to(&self, sums: &mut Sums) {
        let grid = sums.grid;
        let mut from = self.borders[self.index(grid.start(0))].nanos;
        for number in 0..grid.len {
            let to = self.borders[self.index(grid.start(number + 1))].nanos;
            for slot in 0..SLOTS {
                sums.add_nanos(number, slot, to[slot].wrapping_sub(from[slot]), 1);
            }
            from = to;
        }
    }

    /// Returns the last border at or before a time, and the number of spans that cover the border and started before.
    pub fn open_at(&self, time: i64) -> (i64, [u32; SLOTS]) {
        let index = self.index(time);
        (self.grid.start(index), self.borders[index].open)
    }

    pub fn bytes(&self) -> u64 {
        (self.borders.capacity() * size_of::<Bucket>()) as u64
    }
}
