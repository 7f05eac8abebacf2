//! Maps the runtime's IDs to dense numbers.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::number::number;

/// Numbers IDs from 0, in the order in which they are added.
///
/// A process numbers its goroutines upwards, so the IDs of goroutines created during the trace are close together. They
/// index a vector that starts at the first of these IDs. All other IDs (of older goroutines, or of a damaged file) are
/// in a map.
#[derive(Debug, Default)]
pub(in crate::timeline) struct Index {
    ids: Vec<u64>,
    /// The ID of the first element of `dense`. `None` until a goroutine is created.
    base: Option<u64>,
    dense: Vec<u32>,
    sparse: HashMap<u64, u32, RandomState>,
}

const ABSENT: u32 = u32::MAX;
/// The vector may be this many times longer than the number of IDs.
const MAX_SPARSENESS: usize = 4;
/// The vector may always have this length, no matter how many IDs there are.
const ALWAYS_DENSE: usize = 1024;

impl Index {
    /// Returns the number of an ID. `None` if the ID was not added.
    #[inline(always)]
    pub fn get(&self, id: u64) -> Option<u32> {
        let offset = id.wrapping_sub(self.base.unwrap_or(0));
        match self.dense.get(usize::try_from(offset).unwrap_or(usize::MAX)) {
            Some(&number) if number != ABSENT => Some(number),
            _ => self.sparse.get(&id).copied(),
        }
    }

    /// Adds an ID that has no number yet, and returns its number. `is_new` means that later IDs are likely to be close
    /// to it.
    pub fn add(&mut self, id: u64, is_new: bool) -> u32 {
        let number = number(self.ids.len());
        self.ids.push(id);
        if is_new {
            self.base.get_or_insert(id);
        }
        let limit = ALWAYS_DENSE.max(self.ids.len().saturating_mul(MAX_SPARSENESS));
        match self.base.and_then(|base| usize::try_from(id.checked_sub(base)?).ok()).filter(|&offset| offset < limit) {
            Some(offset) => {
                if offset >= self.dense.len() {
                    self.dense.resize(offset + 1, ABSENT);
                }
                self.dense[offset] = number;
            }
            None => {
                self.sparse.insert(id, number);
            }
        }
        number
    }

    /// Returns the ID that has this number.
    pub fn id(&self, number: u32) -> Option<u64> {
        self.ids.get(number as usize).copied()
    }

    /// Returns the number of IDs.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Returns the approximate size in bytes.
    pub fn bytes(&self) -> u64 {
        let sparse = self.sparse.capacity() * (size_of::<(u64, u32)>() + 1);
        (self.ids.capacity() * size_of::<u64>() + self.dense.capacity() * size_of::<u32>() + sparse) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_new_and_distant_ids_are_found() {
        let mut index = Index::default();
        // Old IDs, then new IDs with the gaps of a real process, then IDs that only a damaged file
        // has.
        let old = [1, 2, 17, 1 << 40];
        let new = (0..5000).map(|i| (1 << 40) + 1 + i * 3);
        let distant = [u64::MAX - 1, 0, 1 << 63, (1 << 40) - 1, (1 << 40) + (1 << 30)];
        let ids: Vec<u64> = old.into_iter().chain(new).chain(distant).collect();
        for (number, &id) in ids.iter().enumerate() {
            assert_eq!(index.get(id), None);
            assert_eq!(index.add(id, number >= old.len()), number as u32);
        }
        for (number, &id) in ids.iter().enumerate() {
            assert_eq!((index.get(id), index.id(number as u32)), (Some(number as u32), Some(id)));
        }
        assert_eq!(index.get(3), None);
        assert!(index.dense.len() <= ids.len() * MAX_SPARSENESS);
        assert!(index.sparse.len() <= old.len() + distant.len());
    }
}
