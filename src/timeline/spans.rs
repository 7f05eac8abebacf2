//! The spans of all goroutines, twelve bytes each.
//!
//! A goroutine's spans follow each other without gaps, so only begins are kept: a span ends where the next one begins.
//! While a trace is read, the spans of a goroutine go into chunks of growing size, so that none is ever moved; a
//! [`Directory`] of the chunks, sorted by goroutine, finds them again.

use super::symbols::StackNumber;

/// A begin: nanoseconds since the chunk's, then what [`Entry::who`] and [`Entry::what`] say.
///
/// An array, since the allocator gives zeroed ones of these for nothing.
type Words = [u32; 3];

/// What a goroutine does from some time on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub time: i64,
    pub state: State,
    /// By state: see [`State`].
    pub who: u32,
    /// The reason and stack, as an index of `Tables::whys`.
    pub why: u32,
}

/// A state, and how it came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum State {
    /// Not seen yet. Only the first can be this.
    Undetermined = 0,
    /// Runnable because it was created; `who`: its creator, `why`: the creator's stack.
    Created = 1,
    /// Runnable because it was woken; `who`: its waker, `why`: the waker's stack.
    Woken = 2,
    /// Runnable of itself: it yielded, was preempted, came out of a system call or is found to be so.
    Ready = 3,
    /// `who`: the place.
    Running = 4,
    /// `who`: [`NOBODY`], or its creator if it was created blocked; then `why` is the creator's stack.
    Waiting = 5,
    /// `who`: the place.
    Syscall = 6,
    /// It is gone.
    Ended = 7,
}

const STATES: [State; 8] = [
    State::Undetermined,
    State::Created,
    State::Woken,
    State::Ready,
    State::Running,
    State::Waiting,
    State::Syscall,
    State::Ended,
];

const STATE_BITS: u32 = 3;
/// So many reasons and stacks can be told apart; what comes later is not known.
pub(super) const MAX_WHYS: usize = 1 << (32 - STATE_BITS);

/// No goroutine; as a waker: none, on a thread that had a P, so the scheduler's own code.
pub(super) const NOBODY: u32 = u32::MAX;
/// As a waker: no goroutine, on a thread without a P.
pub(super) const NOBODY_WITHOUT_PROC: u32 = u32::MAX - 1;

impl Entry {
    fn from_words([since, who, what]: Words, base: i64) -> Self {
        let state = STATES[(what % (1 << STATE_BITS)) as usize];
        Entry { time: base.wrapping_add(i64::from(since)), state, who, why: what >> STATE_BITS }
    }
}

/// Spans are allocated so many at a time: less than a megabyte, and a power of two.
const SLAB: usize = 1 << 16;
/// A goroutine's first chunk: most live for few spans.
const FIRST_CHUNK: u32 = 4;
/// The largest chunk.
const MAX_CHUNK: u32 = 512;

/// Where the spans are. A position counts through all slabs.
#[derive(Default)]
struct Arena {
    slabs: Vec<Box<[Words; SLAB]>>,
    /// The first position that no chunk has.
    free: usize,
}

impl Arena {
    /// So many consecutive places, all in one slab.
    fn allocate(&mut self, len: u32) -> u32 {
        let end = self.free + len as usize;
        if end > self.slabs.len() * SLAB {
            self.free = self.slabs.len() * SLAB;
            let slab = vec![[0; 3]; SLAB].into_boxed_slice();
            self.slabs.push(slab.try_into().expect("it has this length"));
        }
        let first = u32::try_from(self.free).expect("four billion spans of 12 bytes do not fit in memory");
        self.free += len as usize;
        first
    }

    #[inline(always)]
    fn set(&mut self, position: u32, words: Words) {
        if let Some(slab) = self.slabs.get_mut(position as usize / SLAB) {
            slab[position as usize % SLAB] = words;
        }
    }

    fn get(&self, position: u32) -> Words {
        self.slabs.get(position as usize / SLAB).map_or([0; 3], |slab| slab[position as usize % SLAB])
    }
}

/// Consecutive spans of a goroutine.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    /// When the first begins.
    base: i64,
    first: u32,
    len: u32,
    lane: u32,
}

/// Where the next span of a goroutine goes.
#[derive(Clone, Copy, Debug)]
struct Lane {
    base: i64,
    next: u32,
    /// The end of its chunk.
    end: u32,
    /// Its chunk.
    chunk: u32,
    /// The length of the chunk after that.
    grow: u32,
    /// The first stack that is known of the goroutine, 0 for none yet: its last frame is where the goroutine started.
    start_stack: StackNumber,
}

/// Takes spans in as they begin, each goroutine's in order of time.
#[derive(Default)]
pub(super) struct SpansBuilder {
    arena: Arena,
    lanes: Vec<Lane>,
    chunks: Vec<Chunk>,
}

impl SpansBuilder {
    /// A goroutine; they are numbered from 0.
    pub fn add_lane(&mut self) {
        self.lanes.push(Lane { base: 0, next: 0, end: 0, chunk: NOBODY, grow: FIRST_CHUNK, start_stack: 0 });
    }

    /// Whether nothing is known yet of what a goroutine does.
    pub fn is_empty(&self, lane: u32) -> bool {
        self.lanes.get(lane as usize).is_some_and(|lane| lane.end == 0)
    }

    /// The goroutine is in a state from a time on.
    #[inline(always)]
    pub fn push(&mut self, lane: u32, entry: Entry) {
        let Some(state) = self.lanes.get_mut(lane as usize) else { return };
        let since = entry.time.wrapping_sub(state.base) as u64;
        let what = entry.why << STATE_BITS | entry.state as u32;
        match u32::try_from(since) {
            Ok(since) if state.next < state.end => {
                let position = state.next;
                state.next += 1;
                self.arena.set(position, [since, entry.who, what]);
            }
            _ => self.open_chunk(lane, entry.time, [0, entry.who, what]),
        }
    }

    /// Begins a chunk with a span.
    #[inline(never)]
    fn open_chunk(&mut self, lane: u32, time: i64, words: Words) {
        let Some(state) = self.lanes.get_mut(lane as usize) else { return };
        if let Some(chunk) = self.chunks.get_mut(state.chunk as usize) {
            chunk.len = state.next - chunk.first;
        }
        let first = self.arena.allocate(state.grow);
        *state = Lane {
            base: time,
            next: first + 1,
            end: first + state.grow,
            chunk: u32::try_from(self.chunks.len()).expect("there are fewer chunks than spans"),
            grow: (state.grow * 2).min(MAX_CHUNK),
            ..*state
        };
        self.chunks.push(Chunk { base: time, first, len: 0, lane });
        self.arena.set(first, words);
    }

    /// Notes a stack of the goroutine, if it is the first; `id` is 0 for none.
    #[inline(always)]
    pub fn note_stack(&mut self, lane: u32, id: u64, stack: impl FnOnce() -> StackNumber) {
        match self.lanes.get_mut(lane as usize) {
            Some(lane) if lane.start_stack == 0 && id != 0 => lane.start_stack = stack(),
            _ => {}
        }
    }

    /// The first known stack of each goroutine, 0 where there is none.
    pub fn start_stacks(&self) -> Vec<StackNumber> {
        self.lanes.iter().map(|lane| lane.start_stack).collect()
    }

    /// Closes all chunks and sorts them by goroutine.
    pub fn finish(mut self) -> Spans {
        let mut starts = vec![0u32; self.lanes.len() + 1];
        for lane in &self.lanes {
            if let Some(chunk) = self.chunks.get_mut(lane.chunk as usize) {
                chunk.len = lane.next - chunk.first;
            }
        }
        for chunk in &self.chunks {
            starts[chunk.lane as usize + 1] += 1;
        }
        for lane in 0..self.lanes.len() {
            starts[lane + 1] += starts[lane];
        }
        let mut next = starts.clone();
        let mut chunks = vec![Chunk { base: 0, first: 0, len: 0, lane: 0 }; self.chunks.len()];
        for chunk in &self.chunks {
            let place = &mut next[chunk.lane as usize];
            chunks[*place as usize] = *chunk;
            *place += 1;
        }
        let len = chunks.iter().map(|chunk| u64::from(chunk.len)).sum();
        Spans { arena: self.arena, chunks, starts, len }
    }
}

/// The spans of all goroutines.
pub(super) struct Spans {
    arena: Arena,
    /// By goroutine, then by time.
    chunks: Vec<Chunk>,
    /// The first chunk of each goroutine, and behind the last one the end.
    starts: Vec<u32>,
    len: u64,
}

/// A place among the spans of one goroutine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    chunk: u32,
    index: u32,
    /// The goroutine's last chunk's end.
    end: u32,
}

impl Spans {
    /// How many begins are kept, ends of goroutines included.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// How many bytes they take, with what is allocated and not used, and how many the directory takes.
    pub fn bytes(&self) -> (u64, u64) {
        let spans = self.arena.slabs.len() * SLAB * size_of::<Words>();
        let directory = self.chunks.capacity() * size_of::<Chunk>() + self.starts.capacity() * size_of::<u32>();
        (spans as u64, directory as u64)
    }

    /// Before a goroutine's first span.
    pub fn first(&self, lane: u32) -> Cursor {
        let start = |lane: usize| self.starts.get(lane).copied().unwrap_or(0);
        Cursor { chunk: start(lane as usize), index: 0, end: start(lane as usize + 1) }
    }

    /// What stands at a place, `None` behind the goroutine's last.
    #[inline]
    pub fn get(&self, cursor: Cursor) -> Option<Entry> {
        if cursor.chunk >= cursor.end {
            return None;
        }
        let chunk = self.chunks.get(cursor.chunk as usize)?;
        Some(Entry::from_words(self.arena.get(chunk.first + cursor.index), chunk.base))
    }

    /// The next place.
    #[inline]
    pub fn next(&self, cursor: Cursor) -> Cursor {
        match self.chunks.get(cursor.chunk as usize) {
            Some(chunk) if cursor.index + 1 < chunk.len => Cursor { index: cursor.index + 1, ..cursor },
            _ => Cursor { chunk: cursor.chunk.saturating_add(1), index: 0, ..cursor },
        }
    }

    /// The place before, `None` at the goroutine's first.
    pub fn previous(&self, lane: u32, cursor: Cursor) -> Option<Cursor> {
        if cursor.index > 0 {
            return Some(Cursor { index: cursor.index - 1, ..cursor });
        }
        if cursor.chunk <= self.first(lane).chunk {
            return None;
        }
        let chunk = cursor.chunk - 1;
        let len = self.chunks.get(chunk as usize)?.len;
        Some(Cursor { chunk, index: len.checked_sub(1)?, ..cursor })
    }

    /// The goroutine's last span.
    pub fn last(&self, lane: u32) -> Option<Cursor> {
        let first = self.first(lane);
        self.previous(lane, Cursor { chunk: first.end, ..first })
    }

    /// The last span that begins at or before a time; the first if all are later.
    pub fn covering(&self, lane: u32, time: i64) -> Cursor {
        let first = self.first(lane);
        let own = self.chunks.get(first.chunk as usize..first.end as usize).unwrap_or_default();
        let Some(chunk) = own.partition_point(|chunk| chunk.base <= time).checked_sub(1) else { return first };
        let Chunk { base, first: start, len, .. } = own[chunk];
        let since = time.wrapping_sub(base) as u64;
        // The first entry begins with the chunk, so at or before the time.
        let (mut low, mut high) = (0, len);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            match u64::from(self.arena.get(start + middle)[0]) <= since {
                true => low = middle,
                false => high = middle,
            }
        }
        Cursor { chunk: first.chunk + chunk as u32, index: low, end: first.end }
    }
}

impl std::fmt::Debug for Spans {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} spans of {} goroutines", self.len, self.starts.len().saturating_sub(1))
    }
}

impl std::fmt::Debug for SpansBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "spans of {} goroutines", self.lanes.len())
    }
}
