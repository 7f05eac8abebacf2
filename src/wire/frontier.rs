//! The frontier: a binary heap of the threads (v2) or Ps (v1), by the time of their next event.
//!
//! The standard library's heap would order heads with the same time differently, which is visible in the result. This
//! heap, and the sorting when the earliest event of v2 has to wait, follow Go's `batchcursor.go` and
//! `internal/tracev1/order.go` in `src/internal/trace`.

use super::pdqsort;

/// A thread or P and the time of its next event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub time: i64,
    /// The number of its cursor.
    pub cursor: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Frontier {
    heap: Vec<Head>,
}

impl Frontier {
    #[inline(always)]
    pub fn heads(&self) -> &[Head] {
        &self.heap
    }

    /// Returns the latest time at which the first head stays the first.
    pub fn limit(&self) -> i64 {
        match &self.heap[..] {
            [_, left, right, ..] => left.time.min(right.time),
            [_, other] => other.time,
            _ => i64::MAX,
        }
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
        if i == 0 || sift_up(&mut self.heap, i, head) == i {
            sift_down(&mut self.heap, i, head);
        }
    }

    pub fn remove(&mut self, mut i: usize) {
        // This first moves the head to the root, no matter what the times are.
        while i > 0 {
            self.heap.swap((i - 1) / 2, i);
            i = (i - 1) / 2;
        }
        self.pop();
    }

    /// Removes and returns the first head.
    pub fn pop(&mut self) -> Option<Head> {
        let last = self.heap.pop()?;
        let Some(&first) = self.heap.first() else { return Some(last) };
        sift_down(&mut self.heap, 0, last);
        Some(first)
    }

    /// Removes the first head and inserts it again, `times` times: the last time with `time`, before that with a time
    /// before all others. Unlike [`update`](Self::update), this also moves other heads, as in Go's reader.
    #[inline(always)]
    pub fn reinsert_first(&mut self, times: u64, time: i64) {
        match &mut self.heap[..] {
            [] => {}
            [first] => first.time = time,
            [first, second] => {
                first.time = time;
                if second.time <= time {
                    std::mem::swap(first, second);
                }
            }
            [first, left, right] => {
                first.time = time;
                if left.time < right.time {
                    std::mem::swap(left, right);
                }
                if right.time <= time {
                    std::mem::swap(first, right);
                }
            }
            heap => reinsert_first(heap, times, time),
        }
    }

    /// Sorts by time. A sorted vector is a heap.
    pub fn sort(&mut self) {
        pdqsort::sort_by_key(&mut self.heap, |head| head.time);
    }

    fn sift_up(&mut self, i: usize) -> usize {
        let head = self.heap[i];
        sift_up(&mut self.heap, i, head)
    }
}

fn reinsert_first(heap: &mut [Head], times: u64, time: i64) {
    let (Head { cursor, .. }, end) = (heap[0], heap.len() - 1);
    remove_first(heap);
    for _ in 1..times {
        if is_steady(&heap[..end]) {
            break;
        }
        sift_up(heap, end, Head { time: i64::MIN, cursor });
        remove_first(heap);
    }
    sift_up(heap, end, Head { time, cursor });
}

/// Moves the last head to where the first head was, and down.
#[inline(always)]
fn remove_first(heap: &mut [Head]) {
    if let Some((&mut last, rest)) = heap.split_last_mut() {
        sift_down(rest, 0, last);
    }
}

/// Returns whether a heap stays the same if a head is inserted before all others and removed again. This moves the heads
/// between the root and the new leaf down, and then up again. So only heads with equal times can change their places.
fn is_steady(heap: &[Head]) -> bool {
    let time = |i: usize| heap[i].time;
    let mut i = (heap.len() - 1) / 2;
    let mut is_steady = i == 0 || time((i - 1) / 2) < time(i);
    while i > 0 {
        let parent = (i - 1) / 2;
        let is_right = i.is_multiple_of(2);
        is_steady &= !is_right || time(i - 1) != time(parent);
        i = parent;
    }
    is_steady
}

/// Moves `head` up from this index, and returns its new index.
#[inline(always)]
fn sift_up(heap: &mut [Head], mut i: usize, head: Head) -> usize {
    while i > 0 && heap[(i - 1) / 2].time > head.time {
        heap[i] = heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    heap[i] = head;
    i
}

/// Moves `head` down from this index, and returns its new index. The head stays in registers until its place is found.
#[inline(always)]
fn sift_down(heap: &mut [Head], mut i: usize, head: Head) -> usize {
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
    i
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

    /// Removes the first head and inserts it with this time, as Go's `orderEventList` does.
    fn pop_and_push(frontier: &mut Frontier, time: i64) {
        if let Some(head) = frontier.pop() {
            frontier.insert(Head { time, ..head });
        }
    }

    proptest! {
        /// There are few different times, so that many entries have the same one.
        #[test]
        fn inserting_many_times_is_the_same_as_one_by_one(
            times in proptest::collection::vec(0..4_i64, 1..12),
            moves in proptest::collection::vec((1..6_u64, 0..5_i64), 1..30),
        ) {
            let mut quick = Frontier::default();
            let mut naive = Frontier::default();
            for (&time, cursor) in times.iter().zip(0..) {
                quick.insert(Head { time, cursor });
                naive.insert(Head { time, cursor });
            }
            for (times, time) in moves {
                quick.reinsert_first(times, time);
                (1..times).for_each(|_| pop_and_push(&mut naive, i64::MIN));
                pop_and_push(&mut naive, time);
                let heads = |frontier: &Frontier| frontier.heads().iter().map(|head| (head.time, head.cursor)).collect::<Vec<_>>();
                prop_assert_eq!(heads(&quick), heads(&naive));
            }
        }
    }
}
