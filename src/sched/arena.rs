//! Things by the runtime's ID, kept densely: an ID is looked up once and then is an index.

use std::collections::HashMap;
use std::fmt;

use foldhash::fast::RandomState;

use crate::number::number;

/// An index into an [`Arena`], [`Index::NONE`] for nothing.
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
}

/// Values under 64-bit IDs. Removed slots are used again, so memory follows what lives, and IDs may lie as far apart
/// as they like.
#[derive(Default)]
pub(crate) struct Arena<T> {
    /// The indexes of what is not at home.
    ids: HashMap<u64, u32, RandomState>,
    /// The first [`HOMES`] are homes: each is for the IDs of one remainder, the first that comes of those that live at the
    /// same time. The runtime counts goroutines and Ps up, so that most of a trace's are at home, and found with one look.
    /// Homes are built when they are first lived in, twice as many each time, and all of them before the first slot that is
    /// no home.
    slots: Vec<Slot<T>>,
    /// Those without homes that are free.
    free: Vec<u32>,
    /// The last lookup of each remainder of an ID that is not at home: traces speak of few goroutines at a time, over and
    /// over. Empty until one is not at home.
    recent: Box<[(u64, u32)]>,
    len: usize,
}

#[derive(Clone, Copy)]
struct Slot<T> {
    id: u64,
    value: T,
}

pub(super) const HOMES: usize = 1024;
// Doubling must reach them, and `nobody` stay among them.
const _: () = assert!(HOMES.is_power_of_two() && HOMES > 1);

/// No ID has this index; `recent` starts out with it.
const UNUSED: u32 = u32::MAX;

/// Where an ID is at home.
#[inline(always)]
fn home(id: u64) -> usize {
    id as usize % HOMES
}

/// An ID that is at home elsewhere, to stand in a home that is free.
fn nobody(home: usize) -> u64 {
    home as u64 ^ 1
}

impl<T: Default> Arena<T> {
    /// Adds a value under an ID that has none.
    pub fn insert(&mut self, id: u64, value: T) -> Index {
        self.len += 1;
        let home = home(id);
        self.build_homes((home + 1).next_power_of_two());
        match self.slots.get_mut(home) {
            Some(slot) if slot.id == nobody(home) => {
                *slot = Slot { id, value };
                Index(home as u32)
            }
            _ => self.insert_elsewhere(id, value),
        }
    }

    #[cold]
    #[inline(never)]
    fn insert_elsewhere(&mut self, id: u64, value: T) -> Index {
        self.build_homes(HOMES);
        if self.recent.is_empty() {
            self.recent = (0..HOMES).map(|at| (nobody(at), UNUSED)).collect();
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
        self.recent[home(id)] = (id, index);
        Index(index)
    }

    /// Builds those of the first `count`, at most [`HOMES`], that are not there yet.
    #[inline]
    fn build_homes(&mut self, count: usize) {
        let homes = (self.slots.len()..count).map(|at| Slot { id: nobody(at), value: T::default() });
        self.slots.extend(homes);
    }
}

impl<T> Arena<T> {
    /// The index of an ID, [`Index::NONE`] if it has none.
    #[inline(always)]
    pub fn find(&mut self, id: u64) -> Index {
        let home = home(id);
        match self.slots.get(home) {
            Some(slot) if slot.id == id => Index(home as u32),
            _ => self.find_elsewhere(id),
        }
    }

    #[cold]
    #[inline(never)]
    fn find_elsewhere(&mut self, id: u64) -> Index {
        let Some(recent) = self.recent.get_mut(home(id)) else { return Index::NONE };
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

    /// All IDs and values, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        let at_home = self.slots.iter().take(HOMES).enumerate().filter(|(home, slot)| slot.id != nobody(*home));
        let others = self.ids.values().filter_map(|&index| self.slots.get(index as usize));
        at_home.map(|(_, slot)| slot).chain(others).map(|slot| (slot.id, &slot.value))
    }

    /// Removes what is at an index that [`find`](Self::find) or [`insert`](Self::insert) gave and that was not removed.
    ///
    /// Rare beside lookups: cold, so that the loop that calls it keeps what it needs in registers.
    #[cold]
    #[inline(never)]
    pub fn remove(&mut self, index: Index) {
        self.len -= 1;
        let slot = index.0 as usize;
        if slot < HOMES {
            self.slots[slot].id = nobody(slot);
            return;
        }
        let id = self.id(index);
        self.ids.remove(&id);
        self.free.push(index.0);
        let recent = &mut self.recent[home(id)];
        if recent.0 == id {
            *recent = (nobody(home(id)), UNUSED);
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

    /// About how many bytes of memory they take.
    pub fn bytes(&self) -> usize {
        let elsewhere = (self.ids.capacity() + self.recent.len()) * size_of::<(u64, u32)>();
        self.slots.capacity() * size_of::<Slot<T>>() + elsewhere + self.free.capacity() * size_of::<u32>()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// All IDs, in no particular order.
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
    fn slots_are_used_again_and_ids_forgotten() {
        let mut arena = Arena::default();
        arena.insert(9, 9);
        assert_eq!([0, 1, 12, 13].map(|id| arena.find(id)), [Index::NONE; 4], "IDs that stand in free homes");
        let ids = [0, 1, HOMES as u64, u64::MAX, 1 << 40];
        let indexes = ids.map(|id| arena.insert(id, id));
        for (id, index) in ids.into_iter().zip(indexes) {
            assert_eq!((arena.find(id), arena.id(index), arena.get(index)), (index, id, Some(&id)));
        }
        for (gone, next) in [(1, HOMES as u64 + 1), (2, 2 * HOMES as u64)] {
            arena.remove(indexes[gone]);
            assert_eq!(arena.find(ids[gone]), Index::NONE);
            assert_eq!(arena.insert(next, 7), indexes[gone], "of its remainder, or without a home");
            assert_eq!((arena.find(ids[gone]), arena.find(next)), (Index::NONE, indexes[gone]));
        }
        assert_eq!((arena.len, arena.id(Index::NONE), arena.get(Index::NONE)), (6, u64::MAX, None));
    }

    #[test]
    fn homes_are_built_as_they_are_lived_in() {
        let mut arena = Arena::default();
        let low = [3, 9].map(|id| arena.insert(id, id));
        assert_eq!((arena.slots.len(), arena.recent.len()), (16, 0));
        assert_eq!((arena.find(12), arena.find(500)), (Index::NONE, Index::NONE), "built and not built");
        let crowded = arena.insert(3 + HOMES as u64, 7);
        assert_eq!((arena.slots.len(), arena.recent.len()), (HOMES + 1, HOMES), "the first that is not at home");
        assert_eq!([3, 9, 3 + HOMES as u64].map(|id| arena.find(id)), [low[0], low[1], crowded]);
    }

    /// Values are their IDs.
    #[test]
    fn finds_what_a_map_finds() {
        let far = (1..5).flat_map(|turn| [3, 1023].map(|home| turn * HOMES as u64 + home));
        let ids: Vec<u64> = (0..20).chain(1015..1050).chain(far).chain([u64::MAX]).collect();
        let mut arena = Arena::default();
        let mut map: HashMap<u64, Index> = HashMap::new();
        let mut random = 1u64;
        for step in 0..20_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // At first only those in the homes below 32.
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
