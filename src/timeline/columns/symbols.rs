//! Strings, stacks and reasons. Each of them is stored once for the whole trace.

use std::collections::HashMap;
use std::fmt;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use indexmap::IndexSet;

use crate::event::{Frame, Text};
use crate::number::{intern, number};

/// The number of a string. 0 is the empty string.
pub(in crate::timeline) type StringNumber = u32;
/// The number of a stack. 0 means no stack.
pub(in crate::timeline) type StackNumber = u32;

/// All strings of a timeline.
#[derive(Debug)]
pub(in crate::timeline) struct Strings {
    texts: IndexSet<Box<[u8]>, RandomState>,
}

impl Default for Strings {
    fn default() -> Self {
        Strings { texts: IndexSet::from_iter([Box::default()]) }
    }
}

impl Strings {
    /// Returns the number of a string. Copies the string when it first occurs.
    pub fn intern(&mut self, text: &[u8]) -> StringNumber {
        intern(&mut self.texts, text)
    }

    /// Returns the number of a string. `None` if the timeline does not contain it.
    pub fn find(&self, text: &[u8]) -> Option<StringNumber> {
        self.texts.get_index_of(text).and_then(|index| u32::try_from(index).ok())
    }

    pub fn get(&self, string: StringNumber) -> Text<'_> {
        Text(self.texts.get_index(string as usize).map_or(&[], |text| text))
    }

    pub fn bytes(&self) -> u64 {
        let texts: usize = self.texts.iter().map(|text| text.len()).sum();
        (texts + self.texts.capacity() * (size_of::<Box<[u8]>>() + 2 * size_of::<usize>())) as u64
    }
}

/// A frame, with numbers instead of strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::timeline) struct FrameEntry {
    pub pc: u64,
    pub line: u64,
    pub func: StringNumber,
    pub file: StringNumber,
}

/// All stacks of a timeline.
#[derive(Debug)]
pub(in crate::timeline) struct Stacks {
    frames: IndexSet<FrameEntry, RandomState>,
    /// The frames of all stacks, one stack after the other, as indexes of `frames`.
    rows: Vec<u32>,
    /// The index in `rows` at which each stack starts, and the length of `rows`. The first stack is empty and means "no
    /// stack".
    starts: Vec<usize>,
    /// The last stack with each hash of PCs.
    by_hash: HashMap<u64, StackNumber, RandomState>,
    /// For each stack the previous stack with the same hash, or 0.
    same_hash: Vec<StackNumber>,
    hasher: RandomState,
}

impl Default for Stacks {
    fn default() -> Self {
        Stacks {
            frames: IndexSet::default(),
            rows: Vec::new(),
            starts: vec![0, 0],
            by_hash: HashMap::default(),
            same_hash: vec![0],
            hasher: RandomState::default(),
        }
    }
}

/// The number of stacks with the same hash to compare. In a real trace, they are equal.
const MAX_COMPARED: usize = 8;

impl Stacks {
    /// Returns the number of a stack, and adds the stack if it is new. Equal stacks have the same number.
    pub fn intern(&mut self, frames: &[FrameEntry]) -> StackNumber {
        let pcs = frames.iter().map(|frame| frame.pc);
        let hash = pcs.fold(0u64, |hash, pc| (hash ^ pc).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29));
        // The hash is seeded, so that no file can provoke collisions.
        let hash = self.hasher.hash_one(hash);
        let newest = self.by_hash.get(&hash).copied().unwrap_or(0);
        let mut candidate = newest;
        for _ in 0..MAX_COMPARED {
            if candidate == 0 {
                break;
            }
            if self.row(candidate).len() == frames.len() && self.entries(candidate).eq(frames.iter().copied()) {
                return candidate;
            }
            candidate = self.same_hash.get(candidate as usize).copied().unwrap_or(0);
        }
        for frame in frames {
            let index = self.frames.insert_full(*frame).0;
            self.rows.push(number(index));
        }
        self.starts.push(self.rows.len());
        self.same_hash.push(newest);
        let stack = number(self.same_hash.len() - 1);
        self.by_hash.insert(hash, stack);
        stack
    }

    fn row(&self, stack: StackNumber) -> &[u32] {
        let at = |index: usize| self.starts.get(index).copied().unwrap_or(0);
        self.rows.get(at(stack as usize)..at(stack as usize + 1)).unwrap_or_default()
    }

    pub fn entries(&self, stack: StackNumber) -> impl ExactSizeIterator<Item = FrameEntry> + DoubleEndedIterator {
        const NOWHERE: FrameEntry = FrameEntry { pc: 0, line: 0, func: 0, file: 0 };
        self.row(stack).iter().map(|&frame| self.frames.get_index(frame as usize).copied().unwrap_or(NOWHERE))
    }

    /// Returns the number of stacks, which are numbered from 1.
    pub fn len(&self) -> usize {
        self.same_hash.len() - 1
    }

    pub fn bytes(&self) -> u64 {
        let frames = self.frames.capacity() * (size_of::<FrameEntry>() + 2 * size_of::<usize>());
        let numbers = self.rows.capacity() + self.same_hash.capacity();
        let starts = self.starts.capacity() * size_of::<usize>();
        let hashes = self.by_hash.capacity() * size_of::<(u64, u32)>();
        (frames + numbers * size_of::<u32>() + starts + hashes) as u64
    }
}

/// The reason and stack of a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(in crate::timeline) struct Why {
    pub reason: StringNumber,
    pub stack: StackNumber,
}

/// The strings, stacks and reasons that spans refer to by number.
#[derive(Debug)]
pub(in crate::timeline) struct Symbols {
    pub strings: Strings,
    pub stacks: Stacks,
    /// The pairs of a reason and a stack. The first has neither.
    pub whys: Vec<Why>,
}

impl Symbols {
    pub fn why(&self, why: u32) -> Why {
        self.whys.get(why as usize).copied().unwrap_or_default()
    }

    pub fn stack(&self, stack: StackNumber) -> Option<StackTrace<'_>> {
        (stack != 0).then_some(StackTrace { number: stack, symbols: self })
    }

    pub fn bytes(&self) -> u64 {
        let whys = self.whys.capacity() * size_of::<Why>();
        self.strings.bytes() + self.stacks.bytes() + whys as u64
    }
}

/// A call stack of a [`Timeline`](crate::Timeline). Equal stacks are stored once, so comparing them
/// is fast.
#[derive(Clone, Copy)]
pub struct StackTrace<'t> {
    pub(in crate::timeline) number: StackNumber,
    symbols: &'t Symbols,
}

impl<'t> StackTrace<'t> {
    /// Returns the frames, innermost first.
    pub fn frames(&self) -> impl ExactSizeIterator<Item = Frame<'t>> + DoubleEndedIterator + use<'t> {
        let strings = &self.symbols.strings;
        self.symbols.stacks.entries(self.number).map(|frame| Frame {
            pc: frame.pc,
            func: strings.get(frame.func),
            file: strings.get(frame.file),
            line: frame.line,
        })
    }

    /// Returns the frames from the innermost frame outside of the Go runtime on, or all frames if all are in the
    /// runtime.
    pub fn own_frames(&self) -> impl Iterator<Item = Frame<'t>> + use<'t> {
        let inner = self.frames().position(|frame| !frame.is_runtime());
        self.frames().skip(inner.unwrap_or_default())
    }

    /// Returns a number from 1 that is the same for equal stacks of the same timeline.
    pub fn number(&self) -> u32 {
        self.number
    }
}

impl PartialEq for StackTrace<'_> {
    /// Returns whether the frames are equal.
    fn eq(&self, other: &Self) -> bool {
        match std::ptr::eq(self.symbols, other.symbols) {
            true => self.number == other.number,
            false => self.frames().eq(other.frames()),
        }
    }
}

impl Eq for StackTrace<'_> {}

impl fmt::Debug for StackTrace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StackTrace({}) ", self.number)?;
        f.debug_list().entries(self.frames()).finish()
    }
}
