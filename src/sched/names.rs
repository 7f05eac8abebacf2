//! Names that outlive the generation whose string table they stood in: of open tasks, regions and stop-the-worlds.

use foldhash::fast::RandomState;
use indexmap::IndexSet;

/// A name, equal for equal text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct NameId(u32);

#[derive(Debug, Default)]
pub(crate) struct Names {
    texts: IndexSet<Box<[u8]>, RandomState>,
}

impl Names {
    /// The ID of a name, copied once when it is new.
    pub fn intern(&mut self, text: &[u8]) -> NameId {
        let index = match self.texts.get_index_of(text) {
            Some(index) => index,
            None => self.texts.insert_full(text.into()).0,
        };
        NameId(u32::try_from(index).expect("four billion different names do not fit in memory"))
    }

    pub fn get(&self, name: NameId) -> &[u8] {
        self.texts.get_index(name.0 as usize).map_or(&[], |text| text)
    }
}
