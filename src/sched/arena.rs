//! [`Arena`]: values by ID in dense slots. An ID is looked up once. After that, its index is used.

use std::collections::HashMap;
use std::fmt;

use foldhash::fast::RandomState;

use crate::number::number;

/// An index into an [`Arena`]. [`Index::NONE`] means "no index".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Index(u32);

impl Default for Index {
    fn default() -> Self {
        Index::NONE
    }
}

impl Index {
    pub const NONE: Index = Index(u32::MAX);

    #[inline(always)]
    pub fn is_some(self) -> bool {
        self != Index::NONE
    }

    /// The position among all slots, for data that others keep by index. Indexes of removed values are reused, so positions
    /// stay small.
    #[inline(always)]
    pub fn position(self) -> usize {
        self.0 as usize
    }
}

/// Values with 64-bit IDs. Slots are reused, so the memory depends on the number of values and not
/// on the IDs.
///
/// The runtime counts goroutines and Ps up, so most IDs of a trace are small or consecutive. The first [`DIRECT`] slots
/// are direct-mapped: an ID can be in the slot of its remainder. If the slot is taken, the ID is in an overflow slot,
/// which a hash map finds.
#[derive(Default)]
pub(crate) struct Arena<T> {
    /// The indexes of the IDs in overflow slots.
    ids: HashMap<u64, u32, RandomState>,
    /// First the direct-mapped slots, then the overflow slots. The direct-mapped slots are allocated on demand: their
    /// number doubles until it is [`DIRECT`]. All direct-mapped slots are allocated before the first overflow slot.
    slots: Vec<Slot<T>>,
    /// The overflow slots that are free.
    free: Vec<u32>,
    /// For each remainder, the last lookup of an ID in an overflow slot. Traces mention few
    /// goroutines at a time, many times each. Empty until there is an overflow slot.
    recent: Box<[(u64, u32)]>,
    len: usize,
}

#[derive(Clone, Copy)]
struct Slot<T> {
    id: u64,
    value: T,
}

pub(super) const DIRECT: usize = 1024;
// Doubling must reach this number, and `unused_id` must be less.
const _: () = assert!(DIRECT.is_power_of_two() && DIRECT > 1);

/// No ID has this index. It is the initial value in `recent`.
const NO_INDEX: u32 = u32::MAX;

/// Returns the number of the direct-mapped slot of an ID.
#[inline(always)]
fn remainder(id: u64) -> usize {
    id as usize % DIRECT
}

/// Returns an ID of another slot, which marks the direct-mapped slot as free.
fn unused_id(remainder: usize) -> u64 {
    remainder as u64 ^ 1
}

impl<T: Default> Arena<T> {
    /// Adds a value with a new ID.
    pub fn insert(&mut self, id: u64, value: T) -> Index {
        self.len += 1;
        let remainder = remainder(id);
        self.allocate_direct((remainder + 1).next_power_of_two());
        match self.slots.get_mut(remainder) {
            Some(slot) if slot.id == unused_id(remainder) => {
                *slot = Slot { id, value };
                Index(remainder as u32)
            }
            _ => self.insert_overflow(id, value),
        }
    }

    #[cold]
    #[inline(never)]
    fn insert_overflow(&mut self, id: u64, value: T) -> Index {
        self.allocate_direct(DIRECT);
        if self.recent.is_empty() {
            self.recent = (0..DIRECT).map(|at| (unused_id(at), NO_INDEX)).collect();
        }
        let slot = Slot { id, value };
        let index = match self.free.pop() {
            Some(index) => {
                self.slots[index as usize] = slot;
                index
            }
            None => {
                self.slots.push(slot);
                number(self.slots.len() - 1)
            }
        };
        self.ids.insert(id, index);
        self.recent[remainder(id)] = (id, index);
        Index(index)
    }

    /// Allocates direct-mapped slots up to this number, which is at most [`DIRECT`].
    #[inline]
    fn allocate_direct(&mut self, count: usize) {
        let slots = (self.slots.len()..count).map(|at| Slot { id: unused_id(at), value: T::default() });
        self.slots.extend(slots);
    }
}

impl<T> Arena<T> {
    /// Returns the index of an ID, or [`Index::NONE`] if the ID is unknown.
    #[inline(always)]
    pub fn find(&mut self, id: u64) -> Index {
        let remainder = remainder(id);
        match self.slots.get(remainder) {
            Some(slot) if slot.id == id => Index(remainder as u32),
            _ => self.find_overflow(id),
        }
    }

    #[cold]
    #[inline(never)]
    fn find_overflow(&mut self, id: u64) -> Index {
        let Some(recent) = self.recent.get_mut(remainder(id)) else { return Index::NONE };
        if recent.0 == id {
            return Index(recent.1);
        }
        match self.ids.get(&id) {
            Some(&index) => {
                *recent = (id, index);
                Index(index)
            }
            None => Index::NONE,
        }
    }

    /// Returns all IDs and values, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        let direct =
            self.slots.iter().take(DIRECT).enumerate().filter(|(remainder, slot)| slot.id != unused_id(*remainder));
        let overflow = self.ids.values().filter_map(|&index| self.slots.get(index as usize));
        direct.map(|(_, slot)| slot).chain(overflow).map(|slot| (slot.id, &slot.value))
    }

    /// Removes the value at an index from [`find`](Self::find) or [`insert`](Self::insert) that was
    /// not removed before.
    ///
    /// This function is cold, because removals are rare compared with lookups. As a result, the loop that calls it
    /// keeps its values in registers.
    #[cold]
    #[inline(never)]
    pub fn remove(&mut self, index: Index) {
        self.len -= 1;
        let slot = index.0 as usize;
        if slot < DIRECT {
            self.slots[slot].id = unused_id(slot);
            return;
        }
        let id = self.id(index);
        self.ids.remove(&id);
        self.free.push(index.0);
        let recent = &mut self.recent[remainder(id)];
        if recent.0 == id {
            *recent = (unused_id(remainder(id)), NO_INDEX);
        }
    }

    /// Returns the ID of an index, or `u64::MAX` for [`Index::NONE`].
    #[inline(always)]
    pub fn id(&self, index: Index) -> u64 {
        match self.slots.get(index.0 as usize) {
            Some(slot) => slot.id,
            None => crate::id::NONE,
        }
    }

    /// Returns the value at an index from [`find`](Self::find) or [`insert`](Self::insert) that was not removed.
    #[inline(always)]
    pub fn get(&self, index: Index) -> Option<&T> {
        self.slots.get(index.0 as usize).map(|slot| &slot.value)
    }

    #[inline(always)]
    pub fn get_mut(&mut self, index: Index) -> Option<&mut T> {
        self.slots.get_mut(index.0 as usize).map(|slot| &mut slot.value)
    }

    /// Returns the approximate memory in bytes.
    pub fn bytes(&self) -> usize {
        let overflow = (self.ids.capacity() + self.recent.len()) * size_of::<(u64, u32)>();
        self.slots.capacity() * size_of::<Slot<T>>() + overflow + self.free.capacity() * size_of::<u32>()
    }

    /// Returns the number of values.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns all IDs, in no particular order.
    pub fn ids(&self) -> impl Iterator<Item = u64> {
        self.iter().map(|(id, _)| id)
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
    fn slots_are_reused_and_removed_ids_are_unknown() {
        let mut arena = Arena::default();
        arena.insert(9, 9);
        assert_eq!([0, 1, 12, 13].map(|id| arena.find(id)), [Index::NONE; 4], "IDs that mark free slots");
        let ids = [0, 1, DIRECT as u64, u64::MAX, 1 << 40];
        let indexes = ids.map(|id| arena.insert(id, id));
        for (id, index) in ids.into_iter().zip(indexes) {
            assert_eq!((arena.find(id), arena.id(index), arena.get(index)), (index, id, Some(&id)));
        }
        for (gone, next) in [(1, DIRECT as u64 + 1), (2, 2 * DIRECT as u64)] {
            arena.remove(indexes[gone]);
            assert_eq!(arena.find(ids[gone]), Index::NONE);
            assert_eq!(arena.insert(next, 7), indexes[gone], "the same direct-mapped or overflow slot");
            assert_eq!((arena.find(ids[gone]), arena.find(next)), (Index::NONE, indexes[gone]));
        }
        assert_eq!((arena.len, arena.id(Index::NONE), arena.get(Index::NONE)), (6, u64::MAX, None));
    }

    #[test]
    fn direct_slots_are_allocated_on_demand() {
        let mut arena = Arena::default();
        let low = [3, 9].map(|id| arena.insert(id, id));
        assert_eq!((arena.slots.len(), arena.recent.len()), (16, 0));
        assert_eq!((arena.find(12), arena.find(500)), (Index::NONE, Index::NONE), "in a slot and after the last slot");
        let overflow = arena.insert(3 + DIRECT as u64, 7);
        assert_eq!((arena.slots.len(), arena.recent.len()), (DIRECT + 1, DIRECT), "the first overflow slot");
        assert_eq!([3, 9, 3 + DIRECT as u64].map(|id| arena.find(id)), [low[0], low[1], overflow]);
    }

    /// The value of each ID is the ID.
    #[test]
    fn the_arena_finds_the_same_as_a_map() {
        let far = (1..5).flat_map(|turn| [3, 1023].map(|remainder| turn * DIRECT as u64 + remainder));
        let ids: Vec<u64> = (0..20).chain(1015..1050).chain(far).chain([u64::MAX]).collect();
        let mut arena = Arena::default();
        let mut map: HashMap<u64, Index> = HashMap::new();
        let mut random = 1u64;
        for step in 0..20_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // In the first steps, only IDs that fit in the direct-mapped slots below 32.
            let reach = if step < 200 { 20 } else { ids.len() };
            let id = ids[(random >> 33) as usize % reach];
            let index = map.get(&id).copied();
            assert_eq!(arena.find(id), index.unwrap_or(Index::NONE), "{id} in step {step}");
            match index {
                Some(index) => {
                    assert_eq!((arena.id(index), arena.get(index)), (id, Some(&id)));
                    arena.remove(index);
                    map.remove(&id);
                }
                None => drop(map.insert(id, arena.insert(id, id))),
            }
            assert_eq!(arena.len(), map.len());
            if step % 100 == 0 {
                let there: HashMap<u64, u64> = arena.iter().map(|(id, &value)| (id, value)).collect();
                assert_eq!(there, map.keys().map(|&id| (id, id)).collect());
            }
        }
    }
}
