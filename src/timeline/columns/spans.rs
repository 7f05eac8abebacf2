//! The spans of all goroutines, in eight or sixteen bytes each.
//!
//! A goroutine's spans follow each other without gaps, so only starts are stored: a span ends where the next span
//! starts. The spans of a goroutine (its lane) are stored in chunks, so that no span is ever moved. A chunk is twice as
//! long as the used part of the goroutine's previous chunk. In the end, the chunks are sorted by goroutine.
//!
//! A start is a word. Its upper half is the time in nanoseconds since the start of the chunk. Its lower half has the
//! state, [`Entry::who`] and [`Entry::why`], each in as many bits as that state usually needs. If they do not fit, a
//! second word follows: its upper half is the same time, which no other start of the goroutine has, and its lower half
//! is `who`. So a chunk can be searched by time without decoding it.

use std::hint::select_unpredictable;

use super::symbols::StackNumber;
use crate::number::number;

type Word = u64;

/// The state of a goroutine from a time on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::timeline) struct Entry {
    pub time: i64,
    pub state: State,
    /// A number whose meaning depends on the state. See [`State`].
    pub who: u32,
    /// The reason and stack, as an index of `Symbols::whys`.
    pub why: u32,
}

/// A state, and how the goroutine entered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(in crate::timeline) enum State {
    /// Not known: the goroutine has not been mentioned yet, or not since a gap.
    Undetermined = 0,
    /// Runnable because it was created. `who` is its creator, and `why` contains the creator's stack.
    Created = 1,
    /// Runnable because it was woken. `who` is its waker, and `why` contains the waker's stack.
    Woken = 2,
    /// Runnable for another reason: it yielded, was preempted, returned from a system call, or has
    /// this status at the start of a generation.
    Ready = 3,
    /// `who` is the place.
    Running = 4,
    /// `who` is [`NOBODY`]. If the goroutine was created blocked, `who` is its creator, and `why` contains the
    /// creator's stack.
    Waiting = 5,
    /// `who` is the place.
    Syscall = 6,
    /// The goroutine has exited.
    Ended = 7,
}

/// The number of states.
pub(in crate::timeline) const STATE_COUNT: usize = 8;

pub(in crate::timeline) const STATES: [State; STATE_COUNT] = [
    State::Undetermined,
    State::Created,
    State::Woken,
    State::Ready,
    State::Running,
    State::Waiting,
    State::Syscall,
    State::Ended,
];

/// The layout of the lower half of a word: the state, whether another word follows, and the rest.
const STATE_BITS: u32 = 3;
const WIDE: u32 = 1 << STATE_BITS;
const HEAD_BITS: u32 = STATE_BITS + 1;
const REST_BITS: u32 = 32 - HEAD_BITS;

/// The maximum number of pairs of a reason and a stack. Later pairs are not stored.
pub(in crate::timeline) const MAX_WHYS: usize = 1 << REST_BITS;

/// No goroutine. As a waker: the scheduler's own code, on a thread that had a P.
pub(in crate::timeline) const NOBODY: u32 = u32::MAX;
/// No goroutine. As a waker: the scheduler's own code, on a thread without a P.
pub(in crate::timeline) const NOBODY_WITHOUT_PROC: u32 = u32::MAX - 1;

/// The layout of the rest of a word, which depends on the state.
#[derive(Clone, Copy)]
struct Layout {
    /// The number of bits for `who`. The other bits are for `why`.
    who_bits: u8,
    who: Who,
}

/// The encoding of `who`, so that most values are small numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    /// A place, unchanged.
    Place = 0,
    /// `who` plus one, so that [`NOBODY`] is 0.
    Nobody = 1,
    /// A goroutine, as the distance from the goroutine itself: related goroutines are often created one after the
    /// other.
    Goroutine = 2,
}

const LAYOUTS: [Layout; 8] = {
    const fn layout(who_bits: u8, who: Who) -> Layout {
        Layout { who_bits, who }
    }
    [
        layout(0, Who::Nobody),
        layout(17, Who::Goroutine),
        layout(17, Who::Goroutine),
        layout(0, Who::Nobody),
        layout(28, Who::Place),
        layout(0, Who::Nobody),
        layout(9, Who::Place),
        layout(0, Who::Nobody),
    ]
};

/// Encodes `who`. The state cannot be predicted, so this function does not branch on it.
#[inline(always)]
fn encode(who: u32, layout: Layout, lane: u32) -> u32 {
    let distance = who.wrapping_sub(lane) as i32;
    let zigzag = ((distance << 1) ^ (distance >> 31)) as u32;
    // The last two numbers are not goroutines.
    let nobody = NOBODY.wrapping_sub(who);
    let goroutine = select_unpredictable(nobody < 2, nobody, zigzag.saturating_add(2));
    let other = who.wrapping_add(layout.who as u32);
    select_unpredictable(layout.who == Who::Goroutine, goroutine, other)
}

fn decode(code: u32, layout: Layout, lane: u32) -> u32 {
    match layout.who {
        Who::Place => code,
        Who::Nobody => code.wrapping_sub(1),
        Who::Goroutine if code < 2 => NOBODY - code,
        Who::Goroutine => {
            let zigzag = code - 2;
            lane.wrapping_add((zigzag >> 1) ^ (zigzag & 1).wrapping_neg())
        }
    }
}

/// Returns the lower half of an entry's word. `None` if the entry takes two words.
#[inline(always)]
fn narrow(entry: Entry, lane: u32) -> Option<u32> {
    let layout = LAYOUTS[entry.state as usize];
    let bits = u32::from(layout.who_bits);
    let code = encode(entry.who, layout, lane);
    // These are the bits that do not fit.
    let excess = code >> bits | (u64::from(entry.why) >> (REST_BITS - bits)) as u32;
    let rest = code | (u64::from(entry.why) << bits) as u32;
    (excess == 0).then_some(rest << HEAD_BITS | entry.state as u32)
}

fn word(since: u32, what: u32) -> Word {
    u64::from(since) << 32 | u64::from(what)
}

/// Returns the nanoseconds since the start of the chunk.
fn since(word: Word) -> u32 {
    (word >> 32) as u32
}

fn is_wide(word: Word) -> bool {
    word as u32 & WIDE != 0
}

/// The number of words in a slab: less than a megabyte, and a power of two.
const SLAB: usize = 1 << 16;
/// The smallest chunk, and the first chunk of each goroutine, since most goroutines have few spans. It has room for a
/// span of two words.
const MIN_CHUNK: usize = 4;
/// The largest chunk.
const MAX_CHUNK: usize = 512;

/// Memory for chunks. Positions count through all slabs.
#[derive(Default)]
struct Arena {
    slabs: Vec<Box<[Word; SLAB]>>,
    /// The first free position.
    free: usize,
}

impl Arena {
    /// Reserves `len` consecutive words in one slab and returns their position.
    fn allocate(&mut self, len: usize) -> usize {
        if self.free + len > self.slabs.len() * SLAB {
            self.free = self.slabs.len() * SLAB;
            let slab = vec![0; SLAB].into_boxed_slice();
            self.slabs.push(slab.try_into().expect("it has this length"));
        }
        let first = self.free;
        self.free += len;
        first
    }

    /// Returns the words of a chunk, which are in one slab.
    #[inline]
    fn words(&self, chunk: &Chunk) -> &[Word] {
        let (slab, first) = (chunk.first / SLAB, chunk.first % SLAB);
        self.slabs.get(slab).and_then(|slab| slab.get(first..first + chunk.len as usize)).unwrap_or_default()
    }

    #[inline(always)]
    fn set(&mut self, position: usize, word: Word) {
        if let Some(slab) = self.slabs.get_mut(position / SLAB) {
            slab[position % SLAB] = word;
        }
    }
}

impl Entry {
    /// Reads the entry whose first word has this index.
    #[inline(always)]
    fn read(words: &[Word], index: u32, chunk: &Chunk) -> Option<Entry> {
        let &first = words.get(index as usize)?;
        let what = first as u32;
        let state = STATES[(what % WIDE) as usize];
        let rest = what >> HEAD_BITS;
        let (who, why) = match is_wide(first) {
            true => (*words.get(index as usize + 1)? as u32, rest),
            false => {
                let layout = LAYOUTS[state as usize];
                let why = (u64::from(rest) >> layout.who_bits) as u32;
                (decode(rest & ((1 << layout.who_bits) - 1), layout, chunk.lane), why)
            }
        };
        Some(Entry { time: chunk.base.wrapping_add(i64::from(since(first))), state, who, why })
    }
}

/// Consecutive spans of a goroutine.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    /// The start of the first span.
    base: i64,
    first: usize,
    /// The length in words.
    len: u32,
    lane: u32,
}

/// The place for the next span of a goroutine.
#[derive(Clone, Copy, Debug)]
struct Lane {
    base: i64,
    next: usize,
    /// The end of the goroutine's current chunk.
    end: usize,
    /// The goroutine's current chunk.
    chunk: u32,
    /// The first known stack of the goroutine, or 0. Its last frame is the function in which the
    /// goroutine started.
    start_stack: StackNumber,
    /// Whether it was created during the trace.
    is_created: bool,
}

impl Lane {
    /// Returns the number of words in the current chunk so far.
    fn used(&self, chunk: &Chunk) -> u32 {
        (self.next - chunk.first) as u32
    }
}

/// Stores spans when they start. The spans of each goroutine are in order of time.
#[derive(Default)]
pub(in crate::timeline) struct SpansBuilder {
    arena: Arena,
    /// The lane of each goroutine.
    lanes: Vec<Lane>,
    chunks: Vec<Chunk>,
    /// The number of entries that take two words.
    wide: u64,
    /// The times of gaps, after which no state is known.
    gaps: Vec<i64>,
}

impl SpansBuilder {
    /// Adds a goroutine. Goroutines are numbered from 0.
    pub fn add_lane(&mut self) {
        self.lanes.push(Lane { base: 0, next: 0, end: 0, chunk: NOBODY, start_stack: 0, is_created: false });
    }

    /// Records a gap in the trace.
    pub fn gap(&mut self, time: i64) {
        self.gaps.push(time);
    }

    /// Makes the next entry of the goroutine its creation, unless it has entries already.
    pub fn create(&mut self, lane: u32) {
        let is_first = self.last(lane).is_none();
        if let Some(lane) = self.lanes.get_mut(lane as usize) {
            lane.is_created |= is_first;
        }
    }

    /// Handles the first status of a goroutine, which the trace reports at `time`. Returns the time since which the
    /// goroutine is in the reported state.
    ///
    /// The runtime writes the status of a goroutine before its first event in a generation, or at the end of the
    /// generation if it has no event. So a goroutine has been in the first reported state since the trace started. Go
    /// `src/internal/trace/summary.go` makes the same assumption. After a gap, the state before the status is
    /// undetermined.
    pub fn first_status(&mut self, lane: u32, start: i64, time: i64) -> i64 {
        match self.last(lane) {
            None if self.gaps.is_empty() => return start,
            None => self.lose(lane, start),
            Some(last) => self.lose_in_gap(lane, last),
        }
        time
    }

    /// Makes the state of a goroutine undetermined from a time on.
    fn lose(&mut self, lane: u32, time: i64) {
        self.push(lane, Entry { time, state: State::Undetermined, who: NOBODY, why: 0 });
    }

    /// Makes the state of a goroutine undetermined since the first gap after its last mention, if there was a gap.
    fn lose_in_gap(&mut self, lane: u32, last: Entry) {
        let known = self.gaps.partition_point(|&gap| gap <= last.time);
        if let Some(&gap) = self.gaps.get(known).filter(|_| last.state != State::Ended) {
            self.lose(lane, gap);
        }
    }

    /// Adds an entry, which must be later than the goroutine's last entry.
    #[inline(always)]
    pub fn push(&mut self, lane: u32, entry: Entry) {
        let Some(state) = self.lanes.get_mut(lane as usize) else { return };
        let since = entry.time.wrapping_sub(state.base) as u64;
        match (narrow(entry, lane), u32::try_from(since)) {
            (Some(what), Ok(since)) if state.next < state.end => {
                let position = state.next;
                state.next += 1;
                self.arena.set(position, word(since, what));
            }
            _ => self.push_slowly(lane, entry),
        }
    }

    /// Adds an entry that takes two words or needs a new chunk.
    #[inline(never)]
    fn push_slowly(&mut self, lane: u32, entry: Entry) {
        let what = narrow(entry, lane);
        let need = if what.is_some() { 1 } else { 2 };
        let Some(state) = self.lanes.get(lane as usize) else { return };
        let fits = u32::try_from(entry.time.wrapping_sub(state.base) as u64).is_ok();
        if !fits || state.end - state.next < need {
            self.open_chunk(lane, entry.time);
        }
        let Some(state) = self.lanes.get_mut(lane as usize) else { return };
        let since = entry.time.wrapping_sub(state.base) as u32;
        let position = state.next;
        state.next += need;
        match what {
            Some(what) => self.arena.set(position, word(since, what)),
            None => {
                self.wide += 1;
                self.arena.set(position, word(since, entry.why << HEAD_BITS | WIDE | entry.state as u32));
                self.arena.set(position + 1, word(since, entry.who));
            }
        }
    }

    /// Starts a chunk that is twice as long as the used part of the previous chunk. If spans are far apart, chunks are
    /// closed before they are full.
    fn open_chunk(&mut self, lane: u32, time: i64) {
        let Some(state) = self.lanes.get_mut(lane as usize) else { return };
        let mut used = 0;
        if let Some(chunk) = self.chunks.get_mut(state.chunk as usize) {
            used = state.used(chunk);
            chunk.len = used;
        }
        let len = (2 * used as usize).clamp(MIN_CHUNK, MAX_CHUNK);
        let first = self.arena.allocate(len);
        let chunk = number(self.chunks.len());
        *state = Lane { base: time, next: first, end: first + len, chunk, ..*state };
        self.chunks.push(Chunk { base: time, first, len: 0, lane });
    }

    /// Returns the last entry of a goroutine. `None` if the goroutine has no entries.
    fn last(&self, lane: u32) -> Option<Entry> {
        let state = self.lanes.get(lane as usize)?;
        let chunk = self.chunks.get(state.chunk as usize)?;
        let chunk = Chunk { len: state.used(chunk), ..*chunk };
        let words = self.arena.words(&chunk);
        Entry::read(words, first_word(words, chunk.len.checked_sub(1)?), &chunk)
    }

    /// Stores the first stack of the goroutine. If `id` is 0, there is no stack.
    #[inline(always)]
    pub fn note_stack(&mut self, lane: u32, id: u64, stack: impl FnOnce() -> StackNumber) {
        match self.lanes.get_mut(lane as usize) {
            Some(lane) if lane.start_stack == 0 && id != 0 => lane.start_stack = stack(),
            _ => {}
        }
    }

    /// Returns the first known stack of each goroutine, or 0.
    pub fn start_stacks(&self) -> Vec<StackNumber> {
        self.lanes.iter().map(|lane| lane.start_stack).collect()
    }

    /// Returns whether each goroutine was created during the trace.
    pub fn created(&self) -> Vec<bool> {
        self.lanes.iter().map(|lane| lane.is_created).collect()
    }

    /// Closes all chunks and sorts them by goroutine. Goroutines that are not mentioned after a gap are undetermined
    /// since that gap.
    pub fn finish(mut self) -> Spans {
        if !self.gaps.is_empty() {
            for lane in 0..self.lanes.len() as u32 {
                if let Some(last) = self.last(lane) {
                    self.lose_in_gap(lane, last);
                }
            }
        }
        let mut starts = vec![0u32; self.lanes.len() + 1];
        for lane in &self.lanes {
            if let Some(chunk) = self.chunks.get_mut(lane.chunk as usize) {
                chunk.len = lane.used(chunk);
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
        let words: u64 = chunks.iter().map(|chunk| u64::from(chunk.len)).sum();
        Spans { arena: self.arena, chunks, starts, len: words - self.wide }
    }
}

/// A wait with the previous and the next entry.
#[derive(Clone, Copy, Debug)]
pub(in crate::timeline) struct RawWait {
    pub cursor: Cursor,
    pub entry: Entry,
    /// The previous state. [`State::Undetermined`] if there is no previous entry.
    pub previous: State,
    /// The next entry. `None` if the trace ended first.
    pub next: Option<Entry>,
}

/// A span of a goroutine with its end. Only its state has been decoded.
#[derive(Clone, Copy)]
pub(in crate::timeline) struct Period<'s> {
    pub start: i64,
    pub end: i64,
    pub state: State,
    words: &'s [Word],
    index: u32,
    chunk: &'s Chunk,
}

impl Period<'_> {
    /// Returns [`Entry::who`] and [`Entry::why`].
    pub fn who_and_why(&self) -> (u32, u32) {
        Entry::read(self.words, self.index, self.chunk).map_or((NOBODY, 0), |entry| (entry.who, entry.why))
    }
}

/// Adds up the times of a goroutine in each state, part by part. Spans are not decoded.
pub(in crate::timeline) struct Scan<'s> {
    spans: &'s Spans,
    lane: u32,
    /// The position of the next span.
    next: Cursor,
    /// The words and the start of the chunk of the next span. No words after the last chunk.
    words: &'s [Word],
    base: i64,
    trace_end: i64,
    /// The current time.
    time: i64,
    /// The state at the current time.
    state: State,
    /// The start of the last span that started at or before the current time.
    start: i64,
    /// The number of spans that started since the start of the scan, up to the current time.
    starts: u32,
}

impl<'s> Scan<'s> {
    /// Reads the words of the chunk of the next span.
    fn open(&mut self) {
        let chunk = self.spans.chunks.get(self.next.chunk as usize).filter(|_| self.next.chunk < self.next.end);
        (self.words, self.base) = chunk.map_or((&[][..], 0), |chunk| (self.spans.arena.words(chunk), chunk.base));
    }

    /// Adds the times until `until` to those of each state, indexed by [`State`].
    #[inline]
    pub fn advance(&mut self, until: i64, nanos: &mut [u64; STATE_COUNT]) {
        let end = until.min(self.trace_end);
        while !self.read(until.min(self.trace_end.saturating_sub(1)), nanos) && self.next.chunk < self.next.end {
            self.next = Cursor { chunk: self.next.chunk + 1, index: 0, ..self.next };
            self.open();
        }
        if self.time < end {
            let sum = &mut nanos[self.state as usize];
            *sum = sum.wrapping_add(end.wrapping_sub(self.time) as u64);
        }
        self.time = until;
        if until >= self.trace_end {
            self.state = State::Undetermined;
        }
    }

    /// Reads the words of the current chunk up to a time. Returns whether the next span starts later. If not, it is in
    /// the next chunk.
    #[inline(always)]
    fn read(&mut self, until: i64, nanos: &mut [u64; STATE_COUNT]) -> bool {
        let limit = until.wrapping_sub(self.base);
        let mut now = self.time.wrapping_sub(self.base);
        let mut state = self.state as usize;
        let mut is_second = false;
        let mut read = 0;
        let rest = self.words.get(self.next.index as usize..).unwrap_or_default();
        let is_later = loop {
            let Some(&word) = rest.get(read) else { break false };
            let start = i64::from(since(word));
            if start > limit {
                break true;
            }
            // The second word of an entry has the same time, so it adds nothing.
            nanos[state] = nanos[state].wrapping_add(start.wrapping_sub(now) as u64);
            now = start;
            state = select_unpredictable(is_second, state, (word as u32 % WIDE) as usize);
            self.starts = self.starts.wrapping_add(u32::from(!is_second && IS_SHOWN[state]));
            is_second = !is_second && is_wide(word);
            read += 1;
        };
        if read > 0 {
            self.next.index += read as u32;
            self.state = STATES[state];
            self.time = self.base.wrapping_add(now);
            self.start = self.time;
        }
        is_later
    }

    /// Returns the number of spans that started since the start of the scan, before the current time. Only states that
    /// lanes show count.
    pub fn starts(&self) -> u32 {
        self.starts.wrapping_sub(u32::from(self.start == self.time && IS_SHOWN[self.state as usize]))
    }

    /// Returns `starts` without the spans that end after the current time.
    pub fn ends(&self) -> u32 {
        self.starts.wrapping_sub(u32::from(IS_SHOWN[self.state as usize]))
    }

    /// Returns the position of the span that covers the current time.
    fn cursor(&self) -> Option<Cursor> {
        self.spans.previous(self.lane, self.next).filter(|_| self.time < self.trace_end)
    }

    /// Returns the span that covers the current time.
    pub fn current(&self) -> Option<Entry> {
        self.spans.get(self.cursor()?)
    }

    /// Returns the state before the span that covers the current time.
    pub fn previous_state(&self) -> State {
        let previous = self.cursor().and_then(|cursor| self.spans.previous(self.lane, cursor));
        previous.and_then(|previous| self.spans.get(previous)).map_or(State::Undetermined, |entry| entry.state)
    }
}

/// Whether lanes show spans in each state.
const IS_SHOWN: [bool; STATE_COUNT] = {
    let mut is_shown = [true; STATE_COUNT];
    is_shown[State::Undetermined as usize] = false;
    is_shown[State::Ended as usize] = false;
    is_shown
};

/// The spans of all goroutines.
pub(in crate::timeline) struct Spans {
    arena: Arena,
    /// The chunks, sorted by goroutine, then by time.
    chunks: Vec<Chunk>,
    /// The index of the first chunk of each goroutine, and the number of chunks.
    starts: Vec<u32>,
    len: u64,
}

/// A position among the spans of one goroutine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::timeline) struct Cursor {
    chunk: u32,
    index: u32,
    /// The end of the goroutine's chunks.
    end: u32,
}

impl Spans {
    /// Returns the number of entries, including the ends of goroutines.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Returns the size in bytes of the words, including unused words, and of the directory of chunks.
    pub fn bytes(&self) -> (u64, u64) {
        let spans = self.arena.slabs.len() * SLAB * size_of::<Word>();
        let directory = self.chunks.capacity() * size_of::<Chunk>() + self.starts.capacity() * size_of::<u32>();
        (spans as u64, directory as u64)
    }

    /// Returns the position of a goroutine's first span.
    pub fn first(&self, lane: u32) -> Cursor {
        let start = |lane: usize| self.starts.get(lane).copied().unwrap_or(0);
        Cursor { chunk: start(lane as usize), index: 0, end: start(lane as usize + 1) }
    }

    /// Returns the entry at a position. `None` after the goroutine's last entry.
    #[inline]
    pub fn get(&self, cursor: Cursor) -> Option<Entry> {
        if cursor.chunk >= cursor.end {
            return None;
        }
        let chunk = self.chunks.get(cursor.chunk as usize)?;
        Entry::read(self.arena.words(chunk), cursor.index, chunk)
    }

    /// Returns the next position.
    #[inline]
    pub fn next(&self, cursor: Cursor) -> Cursor {
        let next_chunk = Cursor { chunk: cursor.chunk.saturating_add(1), index: 0, ..cursor };
        let Some(chunk) = self.chunks.get(cursor.chunk as usize) else { return next_chunk };
        let words = self.arena.words(chunk);
        let step = if words.get(cursor.index as usize).is_some_and(|&word| is_wide(word)) { 2 } else { 1 };
        match cursor.index + step < chunk.len {
            true => Cursor { index: cursor.index + step, ..cursor },
            false => next_chunk,
        }
    }

    /// Returns the previous position. `None` at the goroutine's first entry.
    pub fn previous(&self, lane: u32, cursor: Cursor) -> Option<Cursor> {
        if cursor.index > 0 {
            let chunk = self.chunks.get(cursor.chunk as usize)?;
            return Some(Cursor { index: first_word(self.arena.words(chunk), cursor.index - 1), ..cursor });
        }
        if cursor.chunk <= self.first(lane).chunk {
            return None;
        }
        let chunk = cursor.chunk - 1;
        let words = self.arena.words(self.chunks.get(chunk as usize)?);
        let last = u32::try_from(words.len()).ok()?.checked_sub(1)?;
        Some(Cursor { chunk, index: first_word(words, last), ..cursor })
    }

    /// Returns the position of the goroutine's last span.
    pub fn last(&self, lane: u32) -> Option<Cursor> {
        let first = self.first(lane);
        self.previous(lane, Cursor { chunk: first.end, ..first })
    }

    /// Calls `show` with each wait of a goroutine from a position on, until `show` returns false. Only the words of
    /// waits and of the entries after them are decoded in full.
    #[inline]
    pub fn waits_from(&self, cursor: Cursor, before: State, mut show: impl FnMut(RawWait) -> bool) {
        let mut previous = before;
        let mut open: Option<RawWait> = None;
        let mut index = cursor.index as usize;
        let own = self.chunks.get(cursor.chunk as usize..cursor.end as usize).unwrap_or_default();
        for (number, chunk) in (cursor.chunk..).zip(own) {
            let words = self.arena.words(chunk);
            while let Some(&word) = words.get(index) {
                let state = STATES[(word as u32 % WIDE) as usize];
                if open.is_some() || state == State::Waiting {
                    let Some(entry) = Entry::read(words, index as u32, chunk) else { return };
                    if let Some(wait) = open.take()
                        && !show(RawWait { next: Some(entry), ..wait })
                    {
                        return;
                    }
                    let cursor = Cursor { chunk: number, index: index as u32, ..cursor };
                    open = (state == State::Waiting).then_some(RawWait { cursor, entry, previous, next: None });
                }
                previous = state;
                index += if is_wide(word) { 2 } else { 1 };
            }
            index = 0;
        }
        if let Some(wait) = open {
            show(wait);
        }
    }

    /// Returns the number of words of a goroutine, which is at least the number of its entries.
    pub fn words_of(&self, lane: u32) -> u64 {
        let first = self.first(lane);
        let own = self.chunks.get(first.chunk as usize..first.end as usize).unwrap_or_default();
        own.iter().map(|chunk| u64::from(chunk.len)).sum()
    }

    /// Returns how many spans were running or in a system call at each place. `places` is the number of places.
    pub fn count_places(&self, places: usize) -> Vec<u64> {
        let mut counts = vec![0; places];
        for chunk in &self.chunks {
            let words = self.arena.words(chunk);
            let mut index = 0;
            while let Some(&word) = words.get(index as usize) {
                if let State::Running | State::Syscall = STATES[(word as u32 % WIDE) as usize]
                    && let Some(entry) = Entry::read(words, index, chunk)
                    && let Some(count) = counts.get_mut(entry.who as usize)
                {
                    *count += 1;
                }
                index += if is_wide(word) { 2 } else { 1 };
            }
        }
        counts
    }

    /// Calls `show` with each period of a goroutine from a position on, until `show` returns false. The last period
    /// ends at `trace_end`.
    #[inline]
    pub fn periods_from(&self, cursor: Cursor, trace_end: i64, mut show: impl FnMut(Period<'_>) -> bool) {
        let own = self.chunks.get(cursor.chunk as usize..cursor.end as usize).unwrap_or_default();
        let mut open: Option<Period<'_>> = None;
        let mut index = cursor.index as usize;
        for chunk in own {
            let words = self.arena.words(chunk);
            while let Some(&word) = words.get(index) {
                let start = chunk.base.wrapping_add(i64::from(since(word)));
                let state = STATES[(word as u32 % WIDE) as usize];
                let next = Period { start, end: trace_end, state, words, index: index as u32, chunk };
                if let Some(period) = open.replace(next)
                    && !show(Period { end: start, ..period })
                {
                    return;
                }
                index += if is_wide(word) { 2 } else { 1 };
            }
            index = 0;
        }
        if let Some(period) = open {
            show(period);
        }
    }

    /// Returns a scan of a goroutine from a time on.
    pub fn scan(&self, lane: u32, time: i64, trace_end: i64) -> Scan<'_> {
        let next = self.covering(lane, time);
        let (state, start) = (State::Undetermined, i64::MIN);
        let mut scan = Scan { spans: self, lane, next, words: &[], base: 0, trace_end, time, state, start, starts: 0 };
        scan.open();
        scan.advance(time, &mut [0; STATE_COUNT]);
        scan
    }

    /// Returns the last span that starts at or before a time, or the first span if all are later.
    pub fn covering(&self, lane: u32, time: i64) -> Cursor {
        let first = self.first(lane);
        let own = self.chunks.get(first.chunk as usize..first.end as usize).unwrap_or_default();
        let Some(chunk) = own.partition_point(|chunk| chunk.base <= time).checked_sub(1) else { return first };
        let words = self.arena.words(&own[chunk]);
        let elapsed = time.wrapping_sub(own[chunk].base) as u64;
        // The first span starts with the chunk, which starts at or before the time.
        let last = words.partition_point(|&word| u64::from(since(word)) <= elapsed).saturating_sub(1);
        Cursor { chunk: first.chunk + chunk as u32, index: first_word(words, last as u32), end: first.end }
    }
}

/// Returns the index of the first word of an entry, given the index of any of its words.
fn first_word(words: &[Word], index: u32) -> u32 {
    let time = |index: u32| words.get(index as usize).map(|&word| since(word));
    match index.checked_sub(1) {
        Some(before) if time(before) == time(index) => before,
        _ => index,
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Stores entries of every kind with small and large numbers, and reads them back in every way.
    #[test]
    fn stored_spans_are_read_back_unchanged() {
        let whos = [0, 1, 5, (1 << 16) - 1, 1 << 16, 1 << 17, 1 << 28, u32::MAX - 2, NOBODY_WITHOUT_PROC, NOBODY];
        let whys = [0, 1, (1 << 11) - 1, 1 << 11, (1 << 19) - 1, 1 << 19, MAX_WHYS as u32 - 1];
        let mut builder = SpansBuilder::default();
        let mut expected: Vec<Vec<Entry>> = Vec::new();
        for lane in 0..3 {
            builder.add_lane();
            expected.push(Vec::new());
            assert_eq!(builder.last(lane), None);
        }
        let mut time = -7;
        for (i, state) in STATES.into_iter().cycle().take(8 * 80).enumerate() {
            for who in whos {
                for why in whys {
                    // Some spans are further apart than a word can express.
                    time += if i % 50 == 49 { 1 << 33 } else { 1 + i as i64 };
                    let entry = Entry { time, state, who, why };
                    let lane = i % 3;
                    builder.push(lane as u32, entry);
                    assert_eq!(builder.last(lane as u32), Some(entry));
                    expected[lane].push(entry);
                }
            }
        }
        let spans = builder.finish();
        assert!(spans.arena.slabs.len() > 1, "a chunk that does not fit goes to the next slab");
        assert_eq!(spans.len(), expected.iter().map(Vec::len).sum::<usize>() as u64);
        for (lane, expected) in (0..).zip(&expected) {
            let mut cursor = spans.first(lane);
            for (i, entry) in expected.iter().enumerate() {
                assert_eq!(spans.get(cursor), Some(*entry), "lane {lane}, entry {i}");
                assert_eq!(spans.covering(lane, entry.time), cursor);
                let end = expected.get(i + 1).map_or(i64::MAX, |next| next.time);
                assert_eq!(spans.covering(lane, end - 1), cursor);
                let before = spans.previous(lane, cursor).and_then(|cursor| spans.get(cursor));
                assert_eq!(before, i.checked_sub(1).map(|before| expected[before]));
                cursor = spans.next(cursor);
            }
            assert_eq!(spans.get(cursor), None);
            assert_eq!(spans.last(lane).and_then(|cursor| spans.get(cursor)), expected.last().copied());
            assert_eq!(spans.get(spans.covering(lane, i64::MIN)), expected.first().copied());
        }
    }

    /// Each of the spans that are far apart needs a chunk of the smallest size. Once spans are close again, chunks grow
    /// again.
    #[test]
    fn chunks_grow_only_while_spans_are_close() {
        const EACH: usize = 5000;
        let mut builder = SpansBuilder::default();
        builder.add_lane();
        let mut time = 0;
        for i in 0..3 * EACH {
            let is_far = (EACH..2 * EACH).contains(&i);
            time += if is_far { 1 << 33 } else { 1 };
            builder.push(0, Entry { time, state: State::Ready, who: NOBODY, why: 0 });
        }
        let lens: Vec<usize> = builder.finish().chunks.iter().map(|chunk| chunk.len as usize).collect();
        let growing = [4, 8, 16, 32, 64, 128, 256];
        let largest = [512; (EACH - 508) / 512];
        // The chunk of the last far span has room for three close spans.
        let close_again = [&[4][..], &growing[1..], &largest[..]].concat();
        let first = [&growing[..], &largest[..], &[(EACH - 508) % 512]].concat();
        let expected = [first, vec![1; EACH - 1], close_again, vec![(EACH + 1 - 508) % 512]].concat();
        assert_eq!(lens, expected);
    }
}
