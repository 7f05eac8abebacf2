//! The frontier: a binary heap of the threads, by the time of their next event.
//!
//! The standard library's heap would order threads with the same time differently, which is visible in the result. This
//! heap, and the sorting when the earliest event has to wait, follow Go's `src/internal/trace/batchcursor.go`.

use crate::wire::pdqsort;

/// A thread and the time of its next event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub time: i64,
    /// The number of the thread's cursor.
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

    /// Returns the latest time at which the first head stays the first.
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

    /// Changes the time of the head with this index.
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
        // This first moves the head to the root, no matter what the times are.
        while i > 0 {
            self.heap.swap((i - 1) / 2, i);
            i = (i - 1) / 2;
        }
        self.heap.swap_remove(0);
        if let Some(&head) = self.heap.first() {
            self.sift_down(0, head);
        }
    }

    /// Sorts by time. A sorted vector is a heap.
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

    /// Moves `head` down from this index. The head stays in registers until its place is found.
    #[inline(always)]
    fn sift_down(&mut self, mut i: usize, head: Head) {
        let heap = &mut self.heap[..];
        loop {
            // At equal times, the upper head stays. If both children have equal times, the left child moves up.
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An operation. Indexes are taken modulo the size.
    #[derive(Clone, Copy, Debug)]
    enum Move {
        Insert,
        /// The time of the first head grows by this number.
        Advance(i64),
        /// The time of another head grows, after sorting.
        AdvanceAnother(usize, i64),
        Remove(usize),
        Sort,
    }

    fn moves() -> impl Strategy<Value = Vec<Move>> {
        let one = prop_oneof![
            3 => Just(Move::Insert),
            4 => (0..1000_i64).prop_map(Move::Advance),
            2 => (any::<usize>(), -500..1000_i64).prop_map(|(at, by)| Move::AdvanceAnother(at, by)),
            1 => any::<usize>().prop_map(Move::Remove),
            1 => Just(Move::Sort),
        ];
        proptest::collection::vec(one, 0..200)
    }

    /// Returns a multiple of 1000 plus the cursor number, so that no two heads have the same time.
    fn time(of: i64, cursor: u32) -> i64 {
        of * 1000 + i64::from(cursor)
    }

    fn assert_heap(frontier: &Frontier) {
        let heads = frontier.heads();
        for (i, head) in heads.iter().enumerate().skip(1) {
            assert!(heads[(i - 1) / 2].time <= head.time, "{heads:?}");
        }
    }

    proptest! {
        #[test]
        fn the_first_head_is_the_earliest(moves in moves()) {
            let mut frontier = Frontier::default();
            // This is the reference: a plain list, sorted by cursor.
            let mut naive: Vec<Head> = Vec::new();
            let mut cursors = 0;
            for step in moves {
                match step {
                    Move::Insert => {
                        let head = Head { time: time(i64::from(cursors) * 37 % 500, cursors), cursor: cursors };
                        cursors += 1;
                        frontier.insert(head);
                        naive.push(head);
                    }
                    Move::Sort => {
                        frontier.sort();
                        prop_assert!(frontier.heads().is_sorted_by_key(|head| head.time));
                    }
                    _ if naive.is_empty() => {}
                    Move::Advance(by) => advance(&mut frontier, &mut naive, 0, by),
                    Move::AdvanceAnother(at, by) => {
                        frontier.sort();
                        let at = at % naive.len();
                        advance(&mut frontier, &mut naive, at, by);
                    }
                    Move::Remove(at) => {
                        let at = at % naive.len();
                        let gone = frontier.heads()[at];
                        frontier.remove(at);
                        naive.retain(|head| head.cursor != gone.cursor);
                    }
                }
                assert_heap(&frontier);
                let mut earliest = naive.iter().map(|head| (head.time, head.cursor)).collect::<Vec<_>>();
                earliest.sort_unstable();
                prop_assert_eq!(frontier.heads().first().map(|head| (head.time, head.cursor)), earliest.first().copied());
                prop_assert_eq!(frontier.limit(), earliest.get(1).map_or(i64::MAX, |head| head.0));
                let mut heads = frontier.heads().iter().map(|head| (head.time, head.cursor)).collect::<Vec<_>>();
                heads.sort_unstable();
                prop_assert_eq!(heads, earliest);
            }
        }
    }

    fn advance(frontier: &mut Frontier, naive: &mut [Head], at: usize, by: i64) {
        let cursor = frontier.heads()[at].cursor;
        let head = naive.iter_mut().find(|head| head.cursor == cursor).expect("both have the same heads");
        head.time += 1000 * by;
        frontier.update(at, head.time);
    }

    /// Checks the order of equal times after Go's `heapInsert`, `heapUpdate` and `heapRemove`.
    #[test]
    fn at_equal_times_the_upper_head_stays_and_then_the_left_one_rises() {
        let mut frontier = Frontier::default();
        (0..6).for_each(|cursor| frontier.insert(Head { time: 5, cursor }));
        let cursors = |frontier: &Frontier| frontier.heads().iter().map(|head| head.cursor).collect::<Vec<_>>();
        assert_eq!(cursors(&frontier), [0, 1, 2, 3, 4, 5]);
        frontier.update(0, 5);
        assert_eq!(cursors(&frontier), [0, 1, 2, 3, 4, 5], "not later than its children");
        frontier.update(0, 6);
        assert_eq!(cursors(&frontier), [1, 3, 2, 0, 4, 5], "the left child moves up");
        frontier.remove(2);
        assert_eq!(cursors(&frontier), [5, 3, 1, 0, 4], "moved to the root, then replaced by the last head");
        frontier.update(3, 4);
        assert_eq!(cursors(&frontier), [0, 5, 1, 3, 4]);
        frontier.clear();
        assert_eq!((cursors(&frontier), frontier.limit()), (vec![], i64::MAX));
    }
}
