//! The Ms of a generation by the time of their next event: a binary heap.
//!
//! It is a heap of its own and not the standard library's, because which of two Ms with events at the same time comes
//! first shows in the result. The moves, and the sorting when the earliest event has to wait, are those of Go's
//! `src/internal/trace/batchcursor.go`.

use crate::pdqsort;

/// An M and the time of its next event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub time: i64,
    /// Which cursor.
    pub cursor: u32,
}

#[derive(Debug, Default)]
pub(super) struct Frontier {
    heap: Vec<Head>,
}

impl Frontier {
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    #[inline(always)]
    pub fn heads(&self) -> &[Head] {
        &self.heap
    }

    pub fn clear(&mut self) {
        self.heap.clear();
    }

    pub fn insert(&mut self, head: Head) {
        self.heap.push(head);
        self.sift_up(self.heap.len() - 1);
    }

    /// Tells of a new time of the head at `i`.
    #[inline(always)]
    pub fn update(&mut self, i: usize, time: i64) {
        self.heap[i].time = time;
        if i == 0 || self.sift_up(i) == i {
            self.sift_down(i);
        }
    }

    pub fn remove(&mut self, mut i: usize) {
        // First to the root, whatever the times.
        while i > 0 {
            self.heap.swap((i - 1) / 2, i);
            i = (i - 1) / 2;
        }
        self.heap.swap_remove(0);
        self.sift_down(0);
    }

    /// Sorts by time. A sorted heap is a heap.
    pub fn sort(&mut self) {
        pdqsort::sort_by_key(&mut self.heap, |head| head.time);
    }

    fn sift_up(&mut self, mut i: usize) -> usize {
        while i > 0 && self.heap[(i - 1) / 2].time > self.heap[i].time {
            self.heap.swap((i - 1) / 2, i);
            i = (i - 1) / 2;
        }
        i
    }

    #[inline(always)]
    fn sift_down(&mut self, mut i: usize) {
        loop {
            // Of equal times the upper one stays, then the left one goes up.
            let mut least = i;
            for child in [2 * i + 1, 2 * i + 2] {
                if child < self.heap.len() && self.heap[child].time < self.heap[least].time {
                    least = child;
                }
            }
            if least == i {
                return;
            }
            self.heap.swap(i, least);
            i = least;
        }
    }
}
