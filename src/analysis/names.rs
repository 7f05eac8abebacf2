//! Names that outlive their generation, as numbers: a name is looked up once a generation and then is an index.

use foldhash::fast::RandomState;
use indexmap::IndexSet;

use crate::event::Event;
use crate::event::record::Symbol;
use crate::event::tables::IdTable;
use crate::number::intern;
use crate::timeline::BLOCKED_BEFORE_TRACE;

/// A text of a trace, equal for equal texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Name(u32);

impl Name {
    /// The name of what has none.
    pub const EMPTY: Name = Name(0);
    /// The reason to block that counts as an end.
    pub const FOREVER: Name = Name(1);
    /// What is counted together when there are too many.
    pub const OTHER: Name = Name(2);
    /// The reason of a wait that began before the trace, which does not have the real one.
    pub const BLOCKED_BEFORE_TRACE: Name = Name(3);

    pub fn index(self) -> usize {
        self.0 as usize
    }
}

#[derive(Debug)]
pub(super) struct Names {
    texts: IndexSet<Box<[u8]>, RandomState>,
    /// The names of strings and of stacks' outermost and innermost functions, by ID in the current generation.
    strings: IdTable<Name>,
    roots: IdTable<Name>,
    leaves: IdTable<Name>,
    outsides: IdTable<Name>,
}

impl Default for Names {
    fn default() -> Self {
        let texts =
            IndexSet::from_iter(["", "forever", "(other)", BLOCKED_BEFORE_TRACE].map(|text| text.as_bytes().into()));
        Names {
            texts,
            strings: IdTable::default(),
            roots: IdTable::default(),
            leaves: IdTable::default(),
            outsides: IdTable::default(),
        }
    }
}

impl Names {
    /// To be called at each Sync: IDs mean something else from here on.
    pub fn forget_ids(&mut self) {
        self.strings.clear();
        self.roots.clear();
        self.leaves.clear();
        self.outsides.clear();
    }

    pub fn intern(&mut self, text: &[u8]) -> Name {
        Name(intern(&mut self.texts, text))
    }

    /// The name of a text that the event's record refers to.
    #[inline]
    pub fn of(&mut self, event: &Event<'_>, symbol: Symbol) -> Name {
        match symbol {
            Symbol::Empty => Name::EMPTY,
            Symbol::Id(id) => match self.strings.get(id) {
                Some(name) => name,
                None => self.note(event, symbol, id),
            },
            _ => self.intern(event.text(symbol).as_bytes()),
        }
    }

    #[inline(never)]
    fn note(&mut self, event: &Event<'_>, symbol: Symbol, id: u64) -> Name {
        let name = self.intern(event.text(symbol).as_bytes());
        // Fails for 0 only, which stands for the empty string.
        let _ = self.strings.insert(id, name, "string");
        name
    }

    /// The outermost function of a stack: where its goroutine started.
    pub fn root(&mut self, event: &Event<'_>, stack: u64) -> Name {
        if let Some(name) = self.roots.get(stack) {
            return name;
        }
        let func = event.stack_of(stack).and_then(|stack| stack.frames().last()).map(|frame| frame.func);
        let name = func.map_or(Name::EMPTY, |func| self.intern(func.as_bytes()));
        let _ = self.roots.insert(stack, name, "stack");
        name
    }

    /// The innermost function of a stack.
    pub fn leaf(&mut self, event: &Event<'_>, stack: u64) -> Name {
        if let Some(name) = self.leaves.get(stack) {
            return name;
        }
        let func = event.stack_of(stack).and_then(|stack| stack.frames().next()).map(|frame| frame.func);
        let name = func.map_or(Name::EMPTY, |func| self.intern(func.as_bytes()));
        let _ = self.leaves.insert(stack, name, "stack");
        name
    }

    /// The innermost function of a stack that is not the runtime's own.
    pub fn outside(&mut self, event: &Event<'_>, stack: u64) -> Name {
        if let Some(name) = self.outsides.get(stack) {
            return name;
        }
        let mut frames = event.stack_of(stack).into_iter().flat_map(|stack| stack.frames());
        let frame = frames.find(|frame| !frame.is_runtime());
        let name = frame.map_or(Name::EMPTY, |frame| self.intern(frame.func.as_bytes()));
        let _ = self.outsides.insert(stack, name, "stack");
        name
    }

    pub fn bytes(&self, name: Name) -> &[u8] {
        self.texts.get_index(name.index()).map_or(&[], |text| text)
    }

    /// The text, repaired where it is not UTF-8.
    pub fn text(&self, name: Name) -> String {
        String::from_utf8_lossy(self.bytes(name)).into_owned()
    }
}
