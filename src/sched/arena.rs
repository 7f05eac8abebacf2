//! Things by the runtime's ID, kept densely: an ID is looked up once and then is an index.

use std::collections::HashMap;
use std::fmt;

use foldhash::fast::RandomState;

/// An index into an [`Arena`], [`Index::NONE`] for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Index(u32);

impl Index {
    pub const NONE: Index = Index(u32::MAX);

    #[inline(always)]
    pub fn is_some(self) -> bool {
        self != Index::NONE
    }
}

/// Values under 64-bit IDs. Removed slots are used again, so memory follows what lives, and IDs may lie as far apart
/// as they like.
pub(crate) struct Arena<T> {
    ids: HashMap<u64, u32, RandomState>,
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    /// The last lookup of each remainder of an ID: traces speak of few goroutines at a time, over and over.
    recent: Box<[(u64, u32); RECENT]>,
}

#[derive(Clone, Copy)]
struct Slot<T> {
    id: u64,
    value: T,
}

const RECENT: usize = 1024;
/// No ID has this index; `recent` starts out with it.
const UNUSED: u32 = u32::MAX;

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Arena { ids: HashMap::default(), slots: Vec::new(), free: Vec::new(), recent: Box::new([(0, UNUSED); RECENT]) }
    }
}

impl<T> Arena<T> {
    /// The index of an ID, [`Index::NONE`] if it has none.
    #[inline(always)]
    pub fn find(&mut self, id: u64) -> Index {
        let (recent, index) = self.recent[id as usize % RECENT];
        match recent == id {
            true => Index(index),
            false => self.find_slowly(id),
        }
    }

    #[inline(never)]
    fn find_slowly(&mut self, id: u64) -> Index {
        match self.ids.get(&id) {
            Some(&index) => {
                self.recent[id as usize % RECENT] = (id, index);
                Index(index)
            }
            None => Index::NONE,
        }
    }

    /// Adds a value under an ID that has none.
    pub fn insert(&mut self, id: u64, value: T) -> Index {
        let slot = Slot { id, value };
        let index = match self.free.pop() {
            Some(index) => {
                self.slots[index as usize] = slot;
                index
            }
            None => {
                self.slots.push(slot);
                u32::try_from(self.slots.len() - 1).expect("four billion goroutines do not fit in memory")
            }
        };
        self.ids.insert(id, index);
        self.recent[id as usize % RECENT] = (id, index);
        Index(index)
    }

    pub fn remove(&mut self, index: Index) {
        let id = self.id(index);
        self.ids.remove(&id);
        self.free.push(index.0);
        let recent = &mut self.recent[id as usize % RECENT];
        if recent.0 == id {
            *recent = (0, UNUSED);
        }
    }

    /// The ID behind an index, or `u64::MAX` for [`Index::NONE`].
    #[inline(always)]
    pub fn id(&self, index: Index) -> u64 {
        match self.slots.get(index.0 as usize) {
            Some(slot) => slot.id,
            None => crate::id::NONE,
        }
    }

    /// The value at an index that [`find`](Self::find) or [`insert`](Self::insert) gave and that was not removed.
    #[inline(always)]
    pub fn get(&self, index: Index) -> Option<&T> {
        self.slots.get(index.0 as usize).map(|slot| &slot.value)
    }

    #[inline(always)]
    pub fn get_mut(&mut self, index: Index) -> Option<&mut T> {
        self.slots.get_mut(index.0 as usize).map(|slot| &mut slot.value)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// All IDs, in no particular order.
    pub fn ids(&self) -> impl Iterator<Item = u64> + '_ {
        self.ids.keys().copied()
    }
}

impl<T> fmt::Debug for Arena<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arena of {}", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_used_again_and_ids_forgotten() {
        let mut arena = Arena::default();
        assert_eq!(arena.find(0), Index::NONE, "an ID equal to the cache's filler");
        let ids = [0, 1, RECENT as u64, u64::MAX, 1 << 40];
        let indexes = ids.map(|id| arena.insert(id, id));
        for (id, index) in ids.into_iter().zip(indexes) {
            assert_eq!((arena.find(id), arena.id(index), arena.get(index)), (index, id, Some(&id)));
        }
        arena.remove(indexes[1]);
        assert_eq!(arena.find(1), Index::NONE);
        assert_eq!(arena.insert(7, 7), indexes[1]);
        assert_eq!(arena.find(1), Index::NONE);
        assert_eq!((arena.len(), arena.id(Index::NONE), arena.get(Index::NONE)), (5, u64::MAX, None));
    }
}
