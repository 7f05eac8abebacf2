//! Sorts the batches of a thread that are not in order of time (row 6 of the [table](super)).

use crate::account::Tally;
use crate::id::NONE;
use crate::v2::generation::{Generation, Thread};

use super::loss;

/// Sorts the batches of each thread by time. Skips copies that are adjacent after sorting (row 5), and returns their
/// content.
pub(super) fn sort(generation: &mut Generation, window: &[u8]) -> Tally {
    let mut copies = Tally::default();
    for number in 0..generation.threads.len() {
        let Thread { id, first, .. } = generation.threads[number];
        let next = |index: &u32| generation.batches[*index as usize].next;
        let mut chain: Vec<u32> = std::iter::successors(Some(first), next).collect();
        let time = |index: &u32| generation.batches[*index as usize].time;
        // Batches without a thread have no order.
        if id == NONE || chain.is_sorted_by_key(time) {
            continue;
        }
        chain.sort_by_key(time);
        chain.dedup_by(|index, last| {
            let [batch, last] = [*index, *last].map(|index| generation.batches[index as usize]);
            let bytes = window.get(batch.body..batch.end).unwrap_or_default();
            let is_copy =
                batch.time == last.time && !bytes.is_empty() && window.get(last.body..last.end) == Some(bytes);
            if is_copy {
                copies += loss::of_event_batch(&batch, generation, window);
                let batch = &mut generation.batches[*index as usize];
                (batch.start, batch.body) = (batch.end, batch.end);
            }
            is_copy
        });
        for (i, &index) in chain.iter().enumerate() {
            generation.batches[index as usize].next = chain.get(i + 1).copied();
        }
        generation.threads[number] = Thread { id, first: chain[0], last: chain[chain.len() - 1] };
    }
    copies
}
