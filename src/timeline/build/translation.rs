//! From a generation's IDs of strings and stacks to the timeline's numbers, each looked up once a generation.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::event::record::Symbol;
use crate::event::tables::{self, RawFrame};
use crate::timeline::spans::MAX_WHYS;
use crate::timeline::symbols::{FrameEntry, StackNumber, StringNumber, Symbols, Why};

/// Values by an ID that the runtime counts up from 1; IDs far apart, which only a strange file has, are in a map.
#[derive(Debug)]
struct ById<T> {
    dense: Vec<T>,
    sparse: HashMap<u64, T, RandomState>,
    /// From this ID on the map is used.
    limit: usize,
    absent: T,
}

/// The vector may be so many times longer than the number of IDs in the generation's table,
const MAX_SPARSENESS: usize = 4;
/// and this long in any case.
const ALWAYS_DENSE: usize = 1024;

impl<T: Copy> ById<T> {
    fn new(absent: T) -> Self {
        ById { dense: Vec::new(), sparse: HashMap::default(), limit: ALWAYS_DENSE, absent }
    }

    /// Forgets all, for a table of so many IDs.
    fn clear(&mut self, len: usize) {
        self.dense.clear();
        tables::empty(&mut self.sparse);
        self.limit = ALWAYS_DENSE.max(len.saturating_mul(MAX_SPARSENESS));
    }

    #[inline(always)]
    fn get(&self, id: u64) -> T {
        match self.dense.get(usize::try_from(id).unwrap_or(usize::MAX)) {
            Some(&value) => value,
            None => self.get_sparse(id),
        }
    }

    #[inline(never)]
    fn get_sparse(&self, id: u64) -> T {
        self.sparse.get(&id).copied().unwrap_or(self.absent)
    }

    fn set(&mut self, id: u64, value: T) {
        match usize::try_from(id) {
            Ok(index) if index < self.limit => {
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

const ABSENT: u32 = u32::MAX;

/// A reason as a key of [`Translation::whys`]: nearly always all events with a stack have the same.
type ReasonKey = u32;
/// The keys of reasons that have none, so that they are looked up.
const NO_KEY: ReasonKey = u32::MAX;
/// The keys of reasons that are not from the trace begin here.
const STATIC_KEYS: ReasonKey = 1 << 31;

/// The numbers of what a generation's events refer to.
#[derive(Debug)]
pub(super) struct Translation {
    strings: ById<StringNumber>,
    stacks: ById<StackNumber>,
    /// By stack: the reason with which it came last, and the number of both.
    whys: ById<(ReasonKey, u32)>,
    /// Strings that are not from the trace: a dozen reasons of old traces.
    statics: Vec<&'static str>,
    frames: Vec<FrameEntry>,
}

impl Default for Translation {
    fn default() -> Self {
        Translation {
            strings: ById::new(ABSENT),
            stacks: ById::new(ABSENT),
            whys: ById::new((NO_KEY, 0)),
            statics: Vec::new(),
            frames: Vec::new(),
        }
    }
}

impl Translation {
    /// Another generation's tables are in force from now on.
    pub fn begin_generation(&mut self, tables: &tables::Tables) {
        self.strings.clear(tables.strings.len());
        self.stacks.clear(tables.stacks.len());
        self.whys.clear(tables.stacks.len());
    }

    /// The number of a reason together with a stack.
    #[inline(always)]
    pub fn why(&mut self, reason: Symbol, stack: u64, from: tables::Symbols<'_>, to: &mut Symbols) -> u32 {
        // Most have no reason or one of the trace's, in an order that can't be foreseen.
        let id = match reason {
            Symbol::Id(id) => id,
            _ => 0,
        };
        let is_plain = matches!(reason, Symbol::Empty | Symbol::Id(_)) & (id < u64::from(STATIC_KEYS));
        let key = if is_plain { id as ReasonKey } else { self.other_key(reason) };
        let (known, why) = self.whys.get(stack);
        match known == key && key != NO_KEY {
            true => why,
            false => self.new_why(key, reason, stack, from, to),
        }
    }

    #[inline(never)]
    fn other_key(&self, reason: Symbol) -> ReasonKey {
        match reason {
            Symbol::Static(text) => self.static_key(text),
            _ => NO_KEY,
        }
    }

    fn static_key(&self, text: &'static str) -> ReasonKey {
        let known = self.statics.iter().position(|known| std::ptr::eq(*known, text));
        known.map_or(NO_KEY, |index| STATIC_KEYS + index as ReasonKey)
    }

    #[inline(never)]
    fn new_why(
        &mut self,
        mut key: ReasonKey,
        reason: Symbol,
        stack: u64,
        from: tables::Symbols<'_>,
        to: &mut Symbols,
    ) -> u32 {
        if let (NO_KEY, Symbol::Static(text)) = (key, reason) {
            self.statics.push(text);
            key = self.static_key(text);
        }
        let why = Why { reason: self.string(reason, from, to), stack: self.stack(stack, from, to) };
        let number = match to.whys.get_index_of(&why) {
            Some(number) => number,
            None if to.whys.len() < MAX_WHYS => to.whys.insert_full(why).0,
            None => 0,
        };
        self.whys.set(stack, (key, number as u32));
        number as u32
    }

    /// The number of a string.
    pub fn string(&mut self, symbol: Symbol, from: tables::Symbols<'_>, to: &mut Symbols) -> StringNumber {
        match symbol {
            Symbol::Empty => 0,
            Symbol::Id(id) => self.string_by_id(id, from, to),
            Symbol::Span { pos, len } => to.strings.intern(tables::Span { pos, len }.of(from.window)),
            Symbol::Name(name) => to.strings.intern(from.names.get(name)),
            Symbol::Static(text) => to.strings.intern(text.as_bytes()),
        }
    }

    #[inline]
    fn string_by_id(&mut self, id: u64, from: tables::Symbols<'_>, to: &mut Symbols) -> StringNumber {
        match self.strings.get(id) {
            ABSENT => {
                let number = to.strings.intern(from.tables.string(id, from.window).as_bytes());
                self.strings.set(id, number);
                number
            }
            number => number,
        }
    }

    /// The number of a stack.
    pub fn stack(&mut self, id: u64, from: tables::Symbols<'_>, to: &mut Symbols) -> StackNumber {
        if id == 0 {
            return 0;
        }
        match self.stacks.get(id) {
            ABSENT => {
                let number = self.new_stack(id, from, to);
                self.stacks.set(id, number);
                number
            }
            number => number,
        }
    }

    /// The number of a stack, or 0 if its outermost function has no name: of a goroutine that is preempted early, Go 1.23
    /// writes a stack of a single frame of zeros.
    #[inline(never)]
    pub fn named_stack(&mut self, id: u64, from: tables::Symbols<'_>, to: &mut Symbols) -> StackNumber {
        let stack = self.stack(id, from, to);
        match to.stacks.entries(stack).next_back() {
            Some(frame) if frame.func != 0 => stack,
            _ => 0,
        }
    }

    fn new_stack(&mut self, id: u64, from: tables::Symbols<'_>, to: &mut Symbols) -> StackNumber {
        let Some(entry) = from.tables.stacks.get(id) else { return 0 };
        let mut frames = std::mem::take(&mut self.frames);
        frames.clear();
        let mut pos = entry.pos;
        for _ in 0..entry.frames {
            // The frames were read once when the table was built: they are whole.
            let Ok(frame) = RawFrame::read(from.window, &mut pos) else { break };
            let RawFrame { pc, func, file, line } = from.tables.canonical(frame);
            let (func, file) = (self.string_by_id(func, from, to), self.string_by_id(file, from, to));
            frames.push(FrameEntry { pc, line, func, file });
        }
        let number = to.stacks.intern(&frames);
        self.frames = frames;
        number
    }
}
