//! Maps the string and stack IDs of a generation to the timeline's numbers.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::event::record::Symbol;
use crate::event::tables::{self, RawFrame, StackEntry};
use crate::timeline::columns::symbols::{FrameEntry, StackNumber, Stacks, StringNumber, Strings};

/// Values by ID. The runtime counts IDs from 1, so most values are in a vector, indexed by ID. If
/// the IDs are far apart, as in a damaged file, values are in a map.
#[derive(Debug)]
pub(super) struct ById<T> {
    dense: Vec<T>,
    sparse: HashMap<u64, T, RandomState>,
    /// The number of IDs in the generation's table.
    len: usize,
    absent: T,
}

/// The vector may be at most this many times longer than the number of IDs in the generation's
/// table.
const MAX_SPARSENESS: usize = 4;
/// The vector may always have this length, no matter how many IDs there are.
const ALWAYS_DENSE: usize = 1024;

impl<T: Copy> ById<T> {
    /// Creates values for a table of `len` IDs. IDs without a value have the value `absent`.
    pub fn new(absent: T, len: usize) -> Self {
        ById { dense: Vec::new(), sparse: HashMap::default(), len, absent }
    }

    #[inline(always)]
    pub fn get(&self, id: u64) -> T {
        match self.dense.get(usize::try_from(id).unwrap_or(usize::MAX)) {
            Some(&value) => value,
            None => self.get_sparse(id),
        }
    }

    #[inline(never)]
    fn get_sparse(&self, id: u64) -> T {
        self.sparse.get(&id).copied().unwrap_or(self.absent)
    }

    pub fn set(&mut self, id: u64, value: T) {
        match usize::try_from(id) {
            Ok(index) if index < ALWAYS_DENSE.max(self.len.saturating_mul(MAX_SPARSENESS)) => {
                if index >= self.dense.len() {
                    self.dense.resize(index + 1, self.absent);
                }
                self.dense[index] = value;
            }
            _ => {
                self.sparse.insert(id, value);
            }
        }
    }
}

/// The numbers that the timeline gives to the strings and stacks of a generation.
#[derive(Debug)]
pub(super) struct Numbers {
    strings: ById<StringNumber>,
    /// The numbers of the stacks, which may contain the bit [`NAMED`].
    stacks: ById<StackNumber>,
}

/// A bit in the number of a stack. It is set if the outermost function of the stack has a name.
const NAMED: StackNumber = 1 << 31;

impl Default for Numbers {
    fn default() -> Self {
        Numbers { strings: ById::new(0, 0), stacks: ById::new(0, 0) }
    }
}

impl Numbers {
    /// Adds the strings and stacks of a generation to the timeline.
    pub fn new(from: tables::Symbols<'_>, strings: &mut Strings, stacks: &mut Stacks) -> Self {
        let tables = from.tables;
        let unknown = strings.intern(tables::UNKNOWN);
        let mut numbers =
            Numbers { strings: ById::new(unknown, tables.strings.len()), stacks: ById::new(0, tables.stacks.len()) };
        numbers.strings.set(0, 0);
        for (id, span) in tables.strings.entries() {
            numbers.strings.set(id, strings.intern(span.of(from.window)));
        }
        let mut frames = Vec::new();
        for (id, entry) in tables.stacks.entries() {
            frames.clear();
            numbers.read_frames(entry, from, &mut frames);
            let is_named = frames.last().is_some_and(|frame| frame.func != 0);
            let stack = stacks.intern(&frames);
            numbers.stacks.set(id, stack | if is_named { NAMED } else { 0 });
        }
        numbers
    }

    fn read_frames(&self, entry: StackEntry, from: tables::Symbols<'_>, frames: &mut Vec<FrameEntry>) {
        let mut pos = entry.pos;
        for _ in 0..entry.frames {
            // The frames were checked when the table was built.
            let Ok(frame) = RawFrame::read(from.window, &mut pos) else { break };
            let RawFrame { pc, func, file, line } = from.tables.canonical(frame);
            frames.push(FrameEntry { pc, line, func: self.strings.get(func), file: self.strings.get(file) });
        }
    }

    pub fn string(&self, id: u64) -> StringNumber {
        self.strings.get(id)
    }

    pub fn stack(&self, id: u64) -> StackNumber {
        self.stacks.get(id) & !NAMED
    }

    /// Returns the number of stacks in the generation.
    pub fn stack_count(&self) -> usize {
        self.stacks.len
    }

    /// Returns the number of a stack, or 0 if its outermost function has no name. For a goroutine that is preempted
    /// early, Go 1.23 writes a stack with a single frame of zeros.
    pub fn named_stack(&self, id: u64) -> StackNumber {
        let stack = self.stacks.get(id);
        if stack & NAMED != 0 { stack & !NAMED } else { 0 }
    }
}

/// Returns the timeline's number of a string, and adds the string to the timeline if it is new.
pub(super) fn string(symbol: Symbol, from: tables::Symbols<'_>, to: &mut Strings) -> StringNumber {
    match symbol {
        Symbol::Empty => 0,
        Symbol::Id(id) => to.intern(from.tables.string(id, from.window).as_bytes()),
        Symbol::Span { pos, len } => to.intern(tables::Span { pos, len }.of(from.window)),
        Symbol::Name(name) => to.intern(from.names.get(name)),
        Symbol::Static(text) => to.intern(text.as_bytes()),
    }
}
