//! The strings, stacks and clock that the events of one generation refer to.
//!
//! Nothing is copied out of the trace: an entry says where in the window of resident bytes its text or frames stand.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::text::Text;
use crate::account::Break;
use crate::error::ErrorKind;
use crate::event::names::Names;
use crate::time::ClockSnapshot;
use crate::wire::varint;

/// Bytes within the window.
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

/// A stack's frames within the window, each of four integers: PC, function, file and line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StackEntry {
    pub pos: usize,
    pub frames: u32,
}

/// One frame as it stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RawFrame {
    /// The program counter.
    pub pc: u64,
    /// The ID of the function's name in the generation's strings.
    pub func: u64,
    /// The ID of the source file's name in the generation's strings.
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

/// Entries by ID. The runtime counts IDs up from 1, so they index a vector; IDs far apart, which only a strange file
/// has, go to a map and cost no more than their number.
#[derive(Debug)]
pub(crate) struct IdTable<T> {
    dense: Vec<Option<T>>,
    sparse: HashMap<u64, T, RandomState>,
    len: usize,
    /// All IDs up to this one have entries: in real tables, all.
    unbroken: u64,
}

impl<T> Default for IdTable<T> {
    fn default() -> Self {
        Self { dense: Vec::new(), sparse: HashMap::default(), len: 0, unbroken: 0 }
    }
}

/// The vector may be so many times longer than the number of its entries,
const MAX_SPARSENESS: usize = 4;
/// and this long in any case.
const ALWAYS_DENSE: usize = 1024;

impl<T: Copy> IdTable<T> {
    pub fn clear(&mut self) {
        self.dense.clear();
        empty(&mut self.sparse);
        self.len = 0;
        self.unbroken = 0;
    }

    /// To be called when all entries are in: makes [`has`](Self::has) fast.
    pub fn seal(&mut self) {
        self.unbroken = self.dense.iter().skip(1).take_while(|entry| entry.is_some()).count() as u64;
    }

    /// Whether an ID has an entry or is 0, which stands for nothing.
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

    /// All entries with their IDs: first those that lie close together, each part in ascending order.
    pub fn entries(&self) -> impl Iterator<Item = (u64, T)> {
        let dense = (0..).zip(&self.dense).filter_map(|(id, &entry)| Some((id, entry?)));
        let mut sparse: Vec<(u64, T)> = self.sparse.iter().map(|(&id, &entry)| (id, entry)).collect();
        sparse.sort_unstable_by_key(|&(id, _)| id);
        dense.chain(sparse)
    }

    fn dense_slot(&self, id: u64) -> Option<&Option<T>> {
        usize::try_from(id).ok().and_then(|index| self.dense.get(index))
    }

    /// Adds an entry; `name` is what errors call it.
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

/// A map with fewer entries than this part of its capacity is not worth keeping.
const MAX_CAPACITY: usize = 8;

/// Whether so few entries lie in so large a map. Emptying costs the capacity: a map that a huge generation has left would
/// be emptied again for each of a thousand tiny ones.
fn is_oversized(len: usize, capacity: usize) -> bool {
    len < capacity / MAX_CAPACITY
}

/// Empties a map for the next generation; its memory is kept if that was used.
pub(crate) fn empty<K, V>(map: &mut HashMap<K, V, RandomState>) {
    match is_oversized(map.len(), map.capacity()) {
        true => *map = HashMap::default(),
        false => map.clear(),
    }
}

/// All that one generation's events refer to.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub strings: IdTable<Span>,
    pub stacks: IdTable<StackEntry>,
    pub clock: Option<ClockSnapshot>,
    pub experiments: Vec<ExperimentData>,
    /// What was lost before the generation begins.
    pub gap: Option<Break>,
    /// The first frame of each PC. Go's reader shows it wherever the PC stands, whatever the later ones say.
    frames: IndexMap<u64, RawFrame, RandomState>,
    /// Whether any frame differs from the first one of its PC.
    frames_differ: bool,
    /// The last frame that was noted of each remainder of a PC: stacks of a program share most of their frames.
    recent_frames: Vec<RawFrame>,
}

/// A batch of an experiment: its bytes are the experiment's own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExperimentData {
    pub experiment: u8,
    pub thread: u64,
    pub data: Span,
}

/// What stands for a string that the table lacks.
pub(crate) const UNKNOWN: &[u8] = b"?";

/// How many frames are kept at hand, a power of two.
const RECENT_FRAMES: usize = 1024;

impl Tables {
    pub fn clear(&mut self) {
        self.strings.clear();
        self.stacks.clear();
        self.clock = None;
        self.experiments.clear();
        self.gap = None;
        // Refilled when a frame is noted: a generation without stacks does not pay for it.
        if !self.frames.is_empty() {
            self.recent_frames.clear();
        }
        match is_oversized(self.frames.len(), self.frames.capacity()) {
            true => self.frames = IndexMap::default(),
            false => self.frames.clear(),
        }
        self.frames_differ = false;
    }

    /// Notes a frame of a stack.
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

    /// Closes the tables once all is read, and checks that the strings of all frames exist.
    pub fn seal(&mut self) -> Result<(), ErrorKind> {
        self.strings.seal();
        self.stacks.seal();
        let missing = self.frames.values().flat_map(|frame| [frame.func, frame.file]).find(|&id| !self.has_string(id));
        missing.map_or(Ok(()), |id| Err(ErrorKind::UnknownString { id: id.into() }))
    }

    /// Whether an ID stands for a string; 0 stands for the empty one.
    #[inline(always)]
    pub fn has_string(&self, id: u64) -> bool {
        self.strings.has(id)
    }

    /// Whether an ID stands for a stack; 0 stands for none.
    #[inline(always)]
    pub fn has_stack(&self, id: u64) -> bool {
        self.stacks.has(id)
    }

    /// Whether an ID is one of the most that stand for a stack or is 0, where that is seen at once.
    #[inline(always)]
    pub fn has_stack_quickly(&self, id: u64) -> bool {
        id <= self.stacks.unbroken
    }

    /// The frame that is shown where this one stands.
    pub fn canonical(&self, frame: RawFrame) -> RawFrame {
        match self.frames_differ {
            true => self.frames.get(&frame.pc).copied().unwrap_or(frame),
            false => frame,
        }
    }

    /// A string, [`UNKNOWN`] where lenient reading goes on without it.
    pub fn string<'a>(&self, id: u64, window: &'a [u8]) -> Text<'a> {
        Text(match self.strings.get(id) {
            Some(span) => span.of(window),
            None if id == 0 => b"",
            None => UNKNOWN,
        })
    }

    /// How many frames of different PCs there are.
    pub fn frame_count(&self) -> usize {
        self.frames.len()
    }
}

/// Where an event's names and stacks are found: all borrowed from the reader.
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
    fn ids_far_apart_cost_no_more_than_their_number() {
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
    fn zero_and_doubled_ids_are_refused() {
        let mut table = IdTable::default();
        assert!(matches!(table.insert(0, (), "stack"), Err(ErrorKind::ZeroId { table: "stack" })));
        for id in [3, 1 << 50] {
            table.insert(id, (), "stack").expect("new");
            assert!(
                matches!(table.insert(id, (), "stack"), Err(ErrorKind::DuplicateId { id: twice, .. }) if twice == id)
            );
        }
    }
}
