//! A table of stacks whose keys stay valid after the generation ends in which the stack IDs are
//! defined.

use foldhash::fast::RandomState;
use indexmap::IndexSet;

use super::names::{Name, Names};
use crate::event::Event;
use crate::event::tables::IdTable;
use crate::number::{intern, number};

/// The key of a stack in [`Stacks`]. Stacks with equal frames have equal keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) struct StackKey(u32);

/// A frame of a stack, with interned strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FrameKey {
    pub pc: u64,
    pub func: Name,
    pub file: Name,
    pub line: u64,
}

/// The maximum number of frames to keep of a stack. Stacks that differ only in deeper frames have
/// the same key, as in Go `src/cmd/trace/pprof.go`, `pprofMaxStack`.
const MAX_FRAMES: usize = 128;

#[derive(Debug)]
pub(super) struct Stacks {
    frames: IndexSet<FrameKey, RandomState>,
    stacks: IndexSet<Box<[u32]>, RandomState>,
    /// The keys by stack ID. Stack IDs are valid in the current generation only.
    known: IdTable<StackKey>,
}

impl Default for Stacks {
    fn default() -> Self {
        Stacks { frames: IndexSet::default(), stacks: IndexSet::from_iter([Box::default()]), known: IdTable::default() }
    }
}

impl StackKey {
    /// The key of the empty stack.
    pub const EMPTY: StackKey = StackKey(0);

    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl Stacks {
    /// Forgets all stack IDs. Must be called at each Sync, because the IDs are redefined there.
    pub fn forget_ids(&mut self) {
        self.known.clear();
    }

    /// Returns the key of the stack with the given ID. ID 0 is the empty stack.
    #[inline]
    pub fn of(&mut self, event: &Event<'_>, id: u64, names: &mut Names) -> StackKey {
        match (id, self.known.get(id)) {
            (0, _) => StackKey::EMPTY,
            (_, Some(key)) => key,
            (_, None) => self.note(event, id, names),
        }
    }

    #[inline(never)]
    fn note(&mut self, event: &Event<'_>, id: u64, names: &mut Names) -> StackKey {
        let Some(stack) = event.stack_of(id) else { return StackKey::EMPTY };
        let frames = stack.frames().take(MAX_FRAMES).map(|frame| {
            let (func, file) = (names.intern(frame.func.as_bytes()), names.intern(frame.file.as_bytes()));
            number(self.frames.insert_full(FrameKey { pc: frame.pc, func, file, line: frame.line }).0)
        });
        let mut frames: Vec<u32> = frames.collect();
        // The runtime writes the stack of a goroutine without frames as one frame with PC 0. Go's
        // tool treats such a stack as empty.
        while frames.last().is_some_and(|&frame| self.frames[frame as usize].pc == 0) {
            frames.pop();
        }
        let key = StackKey(intern(&mut self.stacks, &frames[..]));
        // Inserting fails for ID 0 only, and the caller has handled ID 0.
        let _ = self.known.insert(id, key, "stack");
        key
    }

    /// Returns the frames of a stack, innermost first.
    pub fn frames(&self, key: StackKey) -> impl DoubleEndedIterator<Item = FrameKey> + '_ {
        let frames = self.stacks.get_index(key.0 as usize).into_iter().flatten();
        frames.filter_map(|&frame| self.frames.get_index(frame as usize).copied())
    }
}
