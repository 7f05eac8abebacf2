//! Names that outlive the generation whose string table they stood in: of open tasks, regions and stop-the-worlds.

use foldhash::fast::RandomState;
use indexmap::IndexSet;

use crate::number::intern;

/// A name, equal for equal text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct NameId(u32);

#[derive(Debug, Default)]
pub(crate) struct Names {
    texts: IndexSet<Box<[u8]>, RandomState>,
    /// How many there were after the last sweep.
    kept: usize,
    /// How long they are together.
    len: usize,
}

/// So many names are never swept.
const FEW: usize = 4096;

impl Names {
    /// Whether so many have come since the last sweep that another pays: programs put request IDs into their names, and
    /// a trace may be long.
    pub fn wants_sweep(&self) -> bool {
        self.texts.len() > FEW.max(2 * self.kept)
    }

    /// Forgets all names but those that `keep` translates, each from its old ID to the new one.
    pub fn sweep(&mut self, keep: impl FnOnce(&mut dyn FnMut(&mut NameId))) {
        let old = std::mem::take(self);
        keep(&mut |name| *name = self.intern(old.get(*name)));
        self.kept = self.texts.len();
    }

    /// The ID of a name, copied once when it is new.
    pub fn intern(&mut self, text: &[u8]) -> NameId {
        let known = self.texts.len();
        let number = intern(&mut self.texts, text);
        if self.texts.len() > known {
            self.len += text.len();
        }
        NameId(number)
    }

    /// About how many bytes of memory they take.
    pub fn bytes(&self) -> usize {
        /// A box, its hash and its place in the index, and what the allocator adds to each.
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
    fn a_sweep_keeps_what_is_in_use() {
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
