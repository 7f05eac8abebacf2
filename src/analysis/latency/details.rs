//! What is kept about each goroutine besides times, if the slowest waits or those of some functions are asked for.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::fmt;

use foldhash::fast::RandomState;

use super::report::{LatencyKind, SlowWait};
use crate::analysis::names::{Name, Names};
use crate::analysis::stacks::{StackKey, Stacks};
use crate::event::{Event, GoState, OwnedFrame};
use crate::id::{GoId, NONE, present};
use crate::time::Time;

type Predicate = Box<dyn Fn(&str) -> bool + Send>;

/// Which functions are chosen, with the answers given so far.
pub(super) struct Functions {
    predicate: Predicate,
    names: HashMap<Name, bool, RandomState>,
    stacks: HashMap<StackKey, bool, RandomState>,
}

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Functions").field("names", &self.names.len()).finish_non_exhaustive()
    }
}

impl Functions {
    pub fn new(predicate: Predicate) -> Self {
        Functions { predicate, names: HashMap::default(), stacks: HashMap::default() }
    }

    fn has(&mut self, name: Name, names: &Names) -> bool {
        let Functions { predicate, names: known, .. } = self;
        *known.entry(name).or_insert_with(|| name != Name::EMPTY && predicate(&names.text(name)))
    }

    fn has_one_of(&mut self, key: StackKey, stacks: &Stacks, names: &Names) -> bool {
        if let Some(&known) = self.stacks.get(&key) {
            return known;
        }
        let found = stacks.frames(key).any(|frame| self.has(frame.func, names));
        self.stacks.insert(key, found);
        found
    }
}

/// The last that is known of a goroutine.
#[derive(Clone, Copy, Debug)]
struct Track {
    /// The function it started in.
    start: Name,
    reason: Name,
    stack: StackKey,
    woken_by: u64,
}

impl Default for Track {
    fn default() -> Self {
        Track { start: Name::EMPTY, reason: Name::EMPTY, stack: StackKey::EMPTY, woken_by: NONE }
    }
}

/// A wait among the slowest: the shortest, and of those the latest, is the least.
#[derive(Clone, Copy, Debug)]
struct Slow {
    duration: i64,
    start: Reverse<i64>,
    go: u64,
    track: Track,
}

impl Slow {
    fn key(&self) -> (i64, Reverse<i64>, Reverse<u64>) {
        (self.duration, self.start, Reverse(self.go))
    }
}

impl PartialEq for Slow {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Slow {}

impl PartialOrd for Slow {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Slow {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

#[derive(Debug, Default)]
pub(super) struct Details {
    /// How many of the slowest of each kind are kept.
    pub most: usize,
    pub functions: Option<Functions>,
    stacks: Stacks,
    tracks: HashMap<u64, Track, RandomState>,
    slowest: [BinaryHeap<Reverse<Slow>>; LatencyKind::ALL.len()],
}

impl Details {
    /// To be called at each Sync: IDs mean something else from here on.
    pub fn forget_ids(&mut self) {
        self.stacks.forget_ids();
    }

    /// Nothing is known of any goroutine from here on.
    pub fn lose(&mut self) {
        self.tracks.clear();
    }

    /// Whether the current wait of a goroutine is one of a chosen function.
    pub fn has_chosen(&mut self, go: u64, names: &Names) -> bool {
        let track = self.tracks.get(&go).copied().unwrap_or_default();
        self.is_chosen(&track, names)
    }

    /// Whether a goroutine with a stack is one of a chosen function.
    pub fn has_chosen_at(&mut self, event: &Event<'_>, go: u64, stack: u64, names: &mut Names) -> bool {
        if self.functions.is_none() {
            return true;
        }
        let start = self.tracks.get(&go).map_or(Name::EMPTY, |track| track.start);
        let track = Track { start, stack: self.stacks.of(event, stack, names), ..Track::default() };
        self.is_chosen(&track, names)
    }

    fn is_chosen(&mut self, track: &Track, names: &Names) -> bool {
        let Some(functions) = &mut self.functions else { return true };
        functions.has(track.start, names) || functions.has_one_of(track.stack, &self.stacks, names)
    }

    /// A wait that a goroutine has ended.
    pub fn offer(&mut self, kind: LatencyKind, go: u64, start: i64, end: i64) {
        let track = self.tracks.get(&go).copied().unwrap_or_default();
        self.keep(kind, Slow { duration: end - start, start: Reverse(start), go, track });
    }

    /// A pause that has ended.
    pub fn offer_pause(&mut self, go: u64, start: i64, end: i64, reason: Name, stack: StackKey) {
        let function = self.tracks.get(&go).map_or(Name::EMPTY, |track| track.start);
        let track = Track { start: function, reason, stack, woken_by: NONE };
        self.keep(LatencyKind::Pause, Slow { duration: end - start, start: Reverse(start), go, track });
    }

    fn keep(&mut self, kind: LatencyKind, slow: Slow) {
        let heap = &mut self.slowest[kind as usize];
        if heap.len() < self.most {
            heap.push(Reverse(slow));
        } else if let Some(mut least) = heap.peek_mut()
            && least.0 < slow
        {
            *least = Reverse(slow);
        }
    }

    pub fn stack(&mut self, event: &Event<'_>, stack: u64, names: &mut Names) -> StackKey {
        self.stacks.of(event, stack, names)
    }

    /// A goroutine enters a state.
    pub fn enter(&mut self, event: &Event<'_>, from: GoState, to: GoState, names: &mut Names) {
        let record = event.record();
        if to == GoState::NotExist {
            self.tracks.remove(&record.a);
            return;
        }
        let track = self.tracks.entry(record.a).or_default();
        let is_own = record.go == record.a;
        let own = if record.b == 0 && is_own && from != GoState::NotExist { record.stack } else { record.b };
        if track.start == Name::EMPTY && own != 0 {
            track.start = names.root(event, own);
        }
        if own != 0 {
            track.stack = self.stacks.of(event, own, names);
        }
        match (from, to) {
            // What it had waited for, and where, stays.
            (GoState::Waiting, GoState::Runnable) => {}
            (GoState::NotExist, _) => track.reason = names.intern(b"created"),
            (GoState::Syscall, GoState::Runnable) | (_, GoState::Syscall) => {
                track.reason = names.intern(b"system call")
            }
            _ => track.reason = names.of(event, record.text),
        }
        track.woken_by = if to == GoState::Runnable && !is_own { record.go } else { NONE };
    }

    /// The slowest of each kind.
    pub fn into_slowest(self, names: &Names) -> Vec<SlowWait> {
        let Details { stacks, slowest, .. } = self;
        let name = |name: Name| (name != Name::EMPTY).then(|| names.text(name));
        let frames = |key| {
            let frames = stacks.frames(key);
            let owned = frames.map(|frame| OwnedFrame {
                pc: frame.pc,
                func: names.text(frame.func),
                file: names.text(frame.file),
                line: frame.line,
            });
            owned.collect()
        };
        let wait = |kind, Slow { duration, start: Reverse(start), go, track }| SlowWait {
            kind,
            start: Time(start),
            end: Time(start + duration),
            duration: Time(start + duration) - Time(start),
            goroutine: present(go).map(GoId),
            function: name(track.start),
            reason: names.text(track.reason),
            woken_by: present(track.woken_by).map(GoId),
            stack: frames(track.stack),
        };
        let mut waits = Vec::new();
        for (kind, heap) in LatencyKind::ALL.into_iter().zip(slowest) {
            waits.extend(heap.into_sorted_vec().into_iter().map(|Reverse(slow)| wait(kind, slow)));
        }
        waits
    }
}
