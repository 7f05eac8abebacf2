//! Names that outlive the string table of their generation, because a task, region or
//! stop-the-world is still open.

use foldhash::fast::RandomState;
use indexmap::IndexSet;

use crate::number::intern;

/// The ID of an interned name. Equal names have equal IDs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct NameId(u32);

#[derive(Debug, Default)]
pub(crate) struct Names {
    texts: IndexSet<Box<[u8]>, RandomState>,
    /// The number of names after the last sweep.
    kept: usize,
    /// The total length of all names in bytes.
    len: usize,
}

/// Names are not swept while there are at most this many.
const FEW: usize = 4096;

impl Names {
    /// Returns whether enough names were added since the last sweep for another sweep. Programs may put request IDs into
    /// names, so without sweeps the memory would grow with the length of the trace.
    pub fn wants_sweep(&self) -> bool {
        self.texts.len() > FEW.max(2 * self.kept)
    }

    /// Removes unused names. `keep` must call its argument for every name in use, which replaces the ID by the new ID.
    pub fn sweep(&mut self, keep: impl FnOnce(&mut dyn FnMut(&mut NameId))) {
        let old = std::mem::take(self);
        keep(&mut |name| *name = self.intern(old.get(*name)));
        self.kept = self.texts.len();
    }

    /// Returns the ID of a name. Copies the name if it is new.
    pub fn intern(&mut self, text: &[u8]) -> NameId {
        let known = self.texts.len();
        let number = intern(&mut self.texts, text);
        if self.texts.len() > known {
            self.len += text.len();
        }
        NameId(number)
    }

    /// Returns the approximate memory of all names in bytes.
    pub fn bytes(&self) -> usize {
        /// The bytes that each name needs besides its text: a box, its hash, its slot in the index, and the overhead of
        /// the allocator.
        const EACH: usize = 56;
        self.len + self.texts.len() * EACH
    }

    pub fn get(&self, name: NameId) -> &[u8] {
        self.texts.get_index(name.0 as usize).map_or(&[], |text| text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_keeps_names_in_use() {
        let mut names = Names::default();
        let mut used: Vec<NameId> = (0..FEW + 1).map(|i| names.intern(format!("task {i}").as_bytes())).collect();
        assert!(names.wants_sweep());
        used.retain(|name| name.0 % 1000 == 7);
        let texts: Vec<Vec<u8>> = used.iter().map(|&name| names.get(name).to_vec()).collect();
        names.sweep(|translate| used.iter_mut().for_each(translate));
        assert_eq!(used.iter().map(|&name| names.get(name).to_vec()).collect::<Vec<_>>(), texts);
        assert_eq!((names.texts.len(), names.wants_sweep()), (5, false));
    }
}
