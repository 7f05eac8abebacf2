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
    pub fn heads(&self) -> &[Head] {
        &self.heap
    }

    /// The latest time with which the first head stays the first.
    pub fn limit(&self) -> i64 {
        self.heap.iter().take(3).skip(1).map(|head| head.time).min().unwrap_or(i64::MAX)
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
        let head = Head { time, ..self.heap[i] };
        if i == 0 {
            return self.sift_down(0, head);
        }
        self.heap[i] = head;
        if self.sift_up(i) == i {
            self.sift_down(i, head);
        }
    }

    pub fn remove(&mut self, mut i: usize) {
        // First to the root, whatever the times.
        while i > 0 {
            self.heap.swap((i - 1) / 2, i);
            i = (i - 1) / 2;
        }
        self.heap.swap_remove(0);
        if let Some(&head) = self.heap.first() {
            self.sift_down(0, head);
        }
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

    /// Lets `head` sink from `i`. It is kept in registers, and what rises is written where it belongs.
    #[inline(always)]
    fn sift_down(&mut self, mut i: usize, head: Head) {
        let heap = &mut self.heap[..];
        loop {
            // Of equal times the upper one stays, then the left one goes up.
            let left = 2 * i + 1;
            let (mut least, mut least_head) = (i, head);
            if let Some(&child) = heap.get(left) {
                if child.time < least_head.time {
                    (least, least_head) = (left, child);
                }
                if let Some(&child) = heap.get(left + 1)
                    && child.time < least_head.time
                {
                    (least, least_head) = (left + 1, child);
                }
            }
            if least == i {
                break;
            }
            heap[i] = least_head;
            i = least;
        }
        heap[i] = head;
    }
}
