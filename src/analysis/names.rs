//! Interned names that stay valid across generations. Each name is looked up once per generation
//! and is an index after that.

use foldhash::fast::RandomState;
use indexmap::IndexSet;

use crate::event::Event;
use crate::event::record::Symbol;
use crate::event::tables::IdTable;
use crate::number::intern;
use crate::timeline::BLOCKED_BEFORE_TRACE;

/// A text of a trace, represented by a number. Equal texts have equal numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Name(u32);

impl Name {
    /// The empty name, for things that have no name.
    pub const EMPTY: Name = Name(0);
    /// The reason of a wait that counts as the end of the goroutine.
    pub const FOREVER: Name = Name(1);
    /// The name under which the rest is counted when there are too many names.
    pub const OTHER: Name = Name(2);
    /// The reason of a wait that began before the trace. The trace does not have the real reason.
    pub const BLOCKED_BEFORE_TRACE: Name = Name(3);
    /// The reason of a wait for the network.
    pub const NETWORK: Name = Name(4);
    /// The reason why a new goroutine is runnable.
    pub const CREATED: Name = Name(5);
    /// The reason why a goroutine in a system call does not run, or why it is runnable after the
    /// call.
    pub const SYSTEM_CALL: Name = Name(6);
    /// The names of states in which a goroutine does not run, used instead of a reason.
    pub const RUNNABLE: Name = Name(7);
    pub const SYSCALL: Name = Name(8);

    /// The texts of the constants above, in the order of their numbers.
    const TEXTS: [&str; 9] =
        ["", "forever", "(other)", BLOCKED_BEFORE_TRACE, "network", "created", "system call", "Runnable", "Syscall"];

    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// The size of the cache for constant texts. Go 1.21 and older have about twenty constant reasons.
const STATICS: usize = 64;

#[derive(Debug)]
pub(super) struct Names {
    texts: IndexSet<Box<[u8]>, RandomState>,
    /// The names of constant texts that do not come from the trace: a direct-mapped cache by
    /// address.
    statics: [(usize, Name); STATICS],
    /// The names of strings and of functions in stacks, by ID in the current generation. `roots`
    /// holds the outermost function of each stack, `leaves` the innermost, and `outsides` the
    /// innermost that does not belong to the runtime.
    strings: IdTable<Name>,
    roots: IdTable<Name>,
    leaves: IdTable<Name>,
    outsides: IdTable<Name>,
}

impl Default for Names {
    fn default() -> Self {
        Names {
            texts: Name::TEXTS.iter().map(|text| text.as_bytes().into()).collect(),
            statics: [(0, Name::EMPTY); STATICS],
            strings: IdTable::default(),
            roots: IdTable::default(),
            leaves: IdTable::default(),
            outsides: IdTable::default(),
        }
    }
}

impl Names {
    /// Forgets all IDs. The caller must call this at each Sync event, because IDs are valid only
    /// within a generation.
    pub fn forget_ids(&mut self) {
        self.strings.clear();
        self.roots.clear();
        self.leaves.clear();
        self.outsides.clear();
    }

    pub fn intern(&mut self, text: &[u8]) -> Name {
        Name(intern(&mut self.texts, text))
    }

    /// Returns the name of a text that the record of the event refers to.
    #[inline]
    pub fn of(&mut self, event: &Event<'_>, symbol: Symbol) -> Name {
        match symbol {
            Symbol::Empty => Name::EMPTY,
            Symbol::Id(id) => match self.strings.get(id) {
                Some(name) => name,
                None => self.note(event, symbol, id),
            },
            Symbol::Static(text) => self.of_static(text),
            _ => self.intern(event.text(symbol).as_bytes()),
        }
    }

    #[inline]
    fn of_static(&mut self, text: &'static &'static str) -> Name {
        let address = std::ptr::from_ref(text).addr();
        let place = address / size_of::<&str>() % STATICS;
        if self.statics[place].0 != address {
            self.statics[place] = (address, self.intern(text.as_bytes()));
        }
        self.statics[place].1
    }

    #[inline(never)]
    fn note(&mut self, event: &Event<'_>, symbol: Symbol, id: u64) -> Name {
        let name = self.intern(event.text(symbol).as_bytes());
        // This fails only for ID 0, which is the empty string.
        let _ = self.strings.insert(id, name, "string");
        name
    }

    /// Returns the outermost function of a stack. This is the function in which the goroutine
    /// started.
    pub fn root(&mut self, event: &Event<'_>, stack: u64) -> Name {
        if let Some(name) = self.roots.get(stack) {
            return name;
        }
        let func = event.stack_of(stack).and_then(|stack| stack.frames().last()).map(|frame| frame.func);
        let name = func.map_or(Name::EMPTY, |func| self.intern(func.as_bytes()));
        let _ = self.roots.insert(stack, name, "stack");
        name
    }

    /// Returns the innermost function of a stack.
    pub fn leaf(&mut self, event: &Event<'_>, stack: u64) -> Name {
        if let Some(name) = self.leaves.get(stack) {
            return name;
        }
        let func = event.stack_of(stack).and_then(|stack| stack.frames().next()).map(|frame| frame.func);
        let name = func.map_or(Name::EMPTY, |func| self.intern(func.as_bytes()));
        let _ = self.leaves.insert(stack, name, "stack");
        name
    }

    /// Returns the innermost function of a stack that does not belong to the runtime.
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

    /// Returns the bytes of a name.
    pub fn bytes(&self, name: Name) -> &[u8] {
        self.texts.get_index(name.index()).map_or(&[], |text| text)
    }

    /// Returns the text of a name. Invalid UTF-8 is replaced by U+FFFD.
    pub fn text(&self, name: Name) -> String {
        String::from_utf8_lossy(self.bytes(name)).into_owned()
    }
}
