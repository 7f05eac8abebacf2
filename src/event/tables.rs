//! The tables of a generation: strings, stacks, and the clock snapshot that its events refer to.
//!
//! Nothing is copied from the trace. Table entries are positions in the window of resident bytes.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::text::Text;
use crate::account::Break;
use crate::error::ErrorKind;
use crate::event::names::Names;
use crate::time::ClockSnapshot;
use crate::wire::varint;

/// A range of bytes in the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub pos: usize,
    pub len: u32,
}

impl Span {
    pub fn of(self, window: &[u8]) -> &[u8] {
        window.get(self.pos..).and_then(|rest| rest.get(..self.len as usize)).unwrap_or_default()
    }
}

/// The frames of a stack in the window. Each frame is four integers: PC, function, file and line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StackEntry {
    pub pos: usize,
    pub frames: u32,
}

/// A frame as it is in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RawFrame {
    /// The program counter.
    pub pc: u64,
    /// The ID of the function name in the generation's string table.
    pub func: u64,
    /// The ID of the file name in the generation's string table.
    pub file: u64,
    /// The line in that file.
    pub line: u64,
}

impl RawFrame {
    #[inline(always)]
    pub(crate) fn read(bytes: &[u8], pos: &mut usize) -> Result<Self, varint::Fault> {
        Ok(Self {
            pc: varint::read(bytes, pos)?,
            func: varint::read(bytes, pos)?,
            file: varint::read(bytes, pos)?,
            line: varint::read(bytes, pos)?,
        })
    }
}

/// Table entries by ID. The runtime assigns consecutive IDs from 1, so usually the ID is an index into a vector. A
/// damaged file may contain large IDs. Entries with large IDs go into a map, so that memory depends on the number of
/// entries only.
#[derive(Debug)]
pub(crate) struct IdTable<T> {
    dense: Vec<Option<T>>,
    sparse: HashMap<u64, T, RandomState>,
    len: usize,
    /// All IDs from 1 to this one have entries. In an undamaged table, this is the last ID.
    unbroken: u64,
}

impl<T> Default for IdTable<T> {
    fn default() -> Self {
        Self { dense: Vec::new(), sparse: HashMap::default(), len: 0, unbroken: 0 }
    }
}

/// The vector may have this many slots per entry.
const MAX_SPARSENESS: usize = 4;
/// The vector may have this many slots in any case.
const ALWAYS_DENSE: usize = 1024;

impl<T: Copy> IdTable<T> {
    pub fn clear(&mut self) {
        self.dense.clear();
        empty(&mut self.sparse);
        self.len = 0;
        self.unbroken = 0;
    }

    /// Call this after the last insertion. It makes [`has`](Self::has) fast.
    pub fn seal(&mut self) {
        self.unbroken = self.dense.iter().skip(1).take_while(|entry| entry.is_some()).count() as u64;
    }

    /// Returns whether the ID has an entry or is 0, which means "none".
    #[inline(always)]
    pub fn has(&self, id: u64) -> bool {
        id <= self.unbroken || self.contains(id)
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn get(&self, id: u64) -> Option<T> {
        match self.dense_slot(id) {
            Some(Some(entry)) => Some(*entry),
            _ => self.sparse.get(&id).copied(),
        }
    }

    #[cold]
    #[inline(never)]
    pub fn contains(&self, id: u64) -> bool {
        matches!(self.dense_slot(id), Some(Some(_))) || self.sparse.contains_key(&id)
    }

    /// Returns all entries with their IDs: first the entries in the vector, then the entries in the map, each in
    /// ascending order of IDs.
    pub fn entries(&self) -> impl Iterator<Item = (u64, T)> {
        let dense = (0..).zip(&self.dense).filter_map(|(id, &entry)| Some((id, entry?)));
        let mut sparse: Vec<(u64, T)> = self.sparse.iter().map(|(&id, &entry)| (id, entry)).collect();
        sparse.sort_unstable_by_key(|&(id, _)| id);
        dense.chain(sparse)
    }

    fn dense_slot(&self, id: u64) -> Option<&Option<T>> {
        usize::try_from(id).ok().and_then(|index| self.dense.get(index))
    }

    /// Adds an entry. `name` is the name of the table in errors. Fails if the ID is 0 or already
    /// has an entry.
    pub fn insert(&mut self, id: u64, entry: T, name: &'static str) -> Result<(), ErrorKind> {
        if id == 0 {
            return Err(ErrorKind::ZeroId { table: name });
        }
        if self.contains(id) {
            return Err(ErrorKind::DuplicateId { table: name, id });
        }
        self.len += 1;
        match usize::try_from(id) {
            Ok(index) if index < ALWAYS_DENSE.max(self.len.saturating_mul(MAX_SPARSENESS)) => {
                if index >= self.dense.len() {
                    self.dense.resize(index + 1, None);
                }
                self.dense[index] = Some(entry);
            }
            _ => {
                self.sparse.insert(id, entry);
            }
        }
        Ok(())
    }
}

/// A map is oversized if its capacity exceeds its length by more than this factor.
const MAX_CAPACITY: usize = 8;

/// Returns whether a map is too large to be reused. Clearing a map takes time proportional to its capacity. So after
/// one huge generation, clearing the same map for each of a thousand tiny ones would be slow.
fn is_oversized(len: usize, capacity: usize) -> bool {
    len < capacity / MAX_CAPACITY
}

/// Clears a map for the next generation. Frees its memory if the map is oversized.
pub(crate) fn empty<K, V>(map: &mut HashMap<K, V, RandomState>) {
    match is_oversized(map.len(), map.capacity()) {
        true => *map = HashMap::default(),
        false => map.clear(),
    }
}

/// Everything that the events of one generation refer to.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub strings: IdTable<Span>,
    pub stacks: IdTable<StackEntry>,
    pub clock: Option<ClockSnapshot>,
    pub experiments: Vec<ExperimentData>,
    /// The loss before the start of this generation.
    pub gap: Option<Break>,
    /// The first frame with each PC. Go's reader uses it for every frame with the same PC, even if
    /// they differ.
    frames: IndexMap<u64, RawFrame, RandomState>,
    /// Whether any frame differs from the first frame with the same PC.
    frames_differ: bool,
    /// A direct-mapped cache of recent frames, indexed by the low bits of the PC. It saves lookups
    /// in `frames`, because stacks of a program share most of their frames.
    recent_frames: Vec<RawFrame>,
}

/// A batch of an experiment. Only the experiment defines the format of its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExperimentData {
    pub experiment: u8,
    pub thread: u64,
    pub data: Span,
}

/// Replaces a string that is missing in the table.
pub(crate) const UNKNOWN: &[u8] = b"?";

/// The size of the cache of recent frames, a power of two.
const RECENT_FRAMES: usize = 1024;

impl Tables {
    pub fn clear(&mut self) {
        self.strings.clear();
        self.stacks.clear();
        self.clock = None;
        self.experiments.clear();
        self.gap = None;
        // The cache is rebuilt at the next frame, so generations without stacks need no time for it.
        if !self.frames.is_empty() {
            self.recent_frames.clear();
        }
        match is_oversized(self.frames.len(), self.frames.capacity()) {
            true => self.frames = IndexMap::default(),
            false => self.frames.clear(),
        }
        self.frames_differ = false;
    }

    /// Registers a frame of a stack.
    #[inline]
    pub fn note_frame(&mut self, frame: RawFrame) {
        let recent = self.recent_frames.get_mut(frame.pc as usize % RECENT_FRAMES);
        match recent {
            Some(recent) if *recent == frame && frame.pc != 0 => return,
            Some(recent) => *recent = frame,
            None => self.recent_frames.resize(RECENT_FRAMES, RawFrame { pc: 0, func: 0, file: 0, line: 0 }),
        }
        let first = self.frames.entry(frame.pc).or_insert(frame);
        self.frames_differ |= *first != frame;
    }

    /// Call this after the last insertion. Fails if a frame refers to a string that does not exist.
    pub fn seal(&mut self) -> Result<(), ErrorKind> {
        self.strings.seal();
        self.stacks.seal();
        let missing = self.frames.values().flat_map(|frame| [frame.func, frame.file]).find(|&id| !self.has_string(id));
        missing.map_or(Ok(()), |id| Err(ErrorKind::UnknownString { id: id.into() }))
    }

    /// Returns whether the string ID is valid. 0 is the empty string.
    #[inline(always)]
    pub fn has_string(&self, id: u64) -> bool {
        self.strings.has(id)
    }

    /// Returns whether the stack ID is valid. 0 means no stack.
    #[inline(always)]
    pub fn has_stack(&self, id: u64) -> bool {
        self.stacks.has(id)
    }

    /// Like [`has_stack`](Self::has_stack) without the slow case: it may return false for a valid
    /// ID.
    #[inline(always)]
    pub fn has_stack_quickly(&self, id: u64) -> bool {
        id <= self.stacks.unbroken
    }

    /// Returns the frame to show instead of `frame`: the first frame with the same PC.
    pub fn canonical(&self, frame: RawFrame) -> RawFrame {
        match self.frames_differ {
            true => self.frames.get(&frame.pc).copied().unwrap_or(frame),
            false => frame,
        }
    }

    /// Returns a string of the table. [`UNKNOWN`] if it is missing, which lenient reading permits.
    pub fn string<'a>(&self, id: u64, window: &'a [u8]) -> Text<'a> {
        Text(match self.strings.get(id) {
            Some(span) => span.of(window),
            None if id == 0 => b"",
            None => UNKNOWN,
        })
    }

    /// Returns the number of distinct PCs.
    pub fn frame_count(&self) -> usize {
        self.frames.len()
    }
}

/// The tables in which the names and stacks of an event are looked up. All fields are borrowed from the reader.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Symbols<'a> {
    pub window: &'a [u8],
    pub tables: &'a Tables,
    pub names: &'a Names,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_ids_do_not_enlarge_the_table() {
        let mut table = IdTable::default();
        for id in (1..2000).chain([1 << 40, u64::MAX, 7000, 100_000]) {
            table.insert(id, id ^ 5, "string").expect("new");
        }
        assert!(table.dense.len() <= 2003 * MAX_SPARSENESS);
        for id in (1..2000).chain([1 << 40, u64::MAX, 7000, 100_000]) {
            assert_eq!(table.get(id), Some(id ^ 5));
        }
        assert_eq!(table.get(2000), None);
        assert_eq!(table.len(), 2003);
        table.clear();
        assert!(!table.contains(1) && !table.contains(1 << 40));
    }

    #[test]
    fn zero_and_duplicate_ids_are_rejected() {
        let mut table = IdTable::default();
        assert!(matches!(table.insert(0, (), "stack"), Err(ErrorKind::ZeroId { table: "stack" })));
        for id in [3, 1 << 50] {
            table.insert(id, (), "stack").expect("new");
            assert!(
                matches!(table.insert(id, (), "stack"), Err(ErrorKind::DuplicateId { id: found, .. }) if found == id)
            );
        }
    }
}
