//! Data about each goroutine that is needed only to find the slowest waits, or the waits of chosen
//! functions.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::fmt;

use foldhash::fast::RandomState;

use super::report::{LatencyKind, SlowWait};
use crate::analysis::names::{Name, Names};
use crate::analysis::stacks::{StackKey, Stacks};
use crate::analysis::tracker::{PerGoroutine, Slot, Tracker, Transition};
use crate::event::{Event, GoState, OwnedFrame};
use crate::id::{GoId, NONE, present};
use crate::time::Time;

type Predicate = Box<dyn Fn(&str) -> bool + Send>;

/// The predicate that chooses functions, with a cache of its results.
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

/// What is known about the current wait of a goroutine.
#[derive(Clone, Copy, Debug)]
struct Wait {
    /// The function in which the goroutine started.
    start: Name,
    reason: Name,
    stack: StackKey,
    woken_by: u64,
}

impl Default for Wait {
    fn default() -> Self {
        Wait { start: Name::EMPTY, reason: Name::EMPTY, stack: StackKey::EMPTY, woken_by: NONE }
    }
}

/// A candidate for the list of slowest waits. The order is by duration. Of equally long waits, an
/// earlier one is greater, so that it is kept.
#[derive(Clone, Copy, Debug)]
struct Slow {
    duration: i64,
    start: Reverse<i64>,
    go: u64,
    wait: Wait,
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
    /// The maximum number of slowest waits to keep of each kind.
    pub most: usize,
    pub functions: Option<Functions>,
    waits: PerGoroutine<Wait>,
    slowest: [BinaryHeap<Reverse<Slow>>; LatencyKind::ALL.len()],
}

impl Details {
    /// Forgets what is known about all goroutines.
    pub fn lose(&mut self) {
        self.waits.clear();
    }

    fn wait(&self, slot: Slot) -> Wait {
        self.waits.get(slot).copied().unwrap_or_default()
    }

    /// Returns whether the current wait of a goroutine belongs to a chosen function.
    pub fn is_selected(&mut self, tracker: &Tracker, slot: Slot) -> bool {
        let wait = self.wait(slot);
        self.is_chosen(tracker, &wait)
    }

    /// Returns whether the stack of an event, or the start function of the goroutine, has a chosen
    /// function.
    pub fn is_selected_at(&mut self, tracker: &mut Tracker, event: &Event<'_>, go: u64) -> bool {
        if self.functions.is_none() {
            return true;
        }
        let start = self.wait(tracker.find(go)).start;
        let stack = tracker.stacks.of(event, event.record().stack, &mut tracker.names);
        self.is_chosen(tracker, &Wait { start, stack, ..Wait::default() })
    }

    fn is_chosen(&mut self, tracker: &Tracker, wait: &Wait) -> bool {
        let Some(functions) = &mut self.functions else { return true };
        functions.has(wait.start, &tracker.names) || functions.has_one_of(wait.stack, &tracker.stacks, &tracker.names)
    }

    /// Offers a wait that has ended to the list of slowest waits.
    pub fn add_if_slow(&mut self, kind: LatencyKind, go: u64, slot: Slot, start: i64, end: i64) {
        let wait = self.wait(slot);
        self.keep(kind, Slow { duration: end - start, start: Reverse(start), go, wait });
    }

    /// Offers a stop-the-world pause that has ended to the list of slowest waits.
    pub fn add_pause_if_slow(&mut self, go: u64, slot: Slot, start: i64, end: i64, reason: Name, stack: StackKey) {
        let wait = Wait { start: self.wait(slot).start, reason, stack, woken_by: NONE };
        self.keep(LatencyKind::Pause, Slow { duration: end - start, start: Reverse(start), go, wait });
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

    /// Updates the data of a goroutine that enters a state.
    pub fn enter(&mut self, tracker: &mut Tracker, event: &Event<'_>, transition: Transition) {
        let Transition { from, to, slot, .. } = transition;
        let record = event.record();
        let wait = self.waits.at(slot);
        if transition.is_first() {
            *wait = Wait::default();
        }
        let Tracker { names, stacks, .. } = tracker;
        let is_own = record.go == record.a;
        let own = if record.b == 0 && is_own && from != GoState::NotExist { record.stack } else { record.b };
        if own != 0 {
            if wait.start == Name::EMPTY {
                wait.start = names.root(event, own);
            }
            wait.stack = stacks.of(event, own, names);
        }
        match (from, to) {
            // A woken goroutine keeps the reason and the stack of its wait while it is runnable.
            (GoState::Waiting, GoState::Runnable) => {}
            (GoState::NotExist, _) => wait.reason = Name::CREATED,
            (GoState::Syscall, GoState::Runnable) | (_, GoState::Syscall) => wait.reason = Name::SYSTEM_CALL,
            _ => wait.reason = names.of(event, record.text),
        }
        wait.woken_by = if to == GoState::Runnable && !is_own { record.go } else { NONE };
    }

    /// Returns the slowest waits of each kind.
    pub fn into_slowest(self, tracker: &Tracker) -> Vec<SlowWait> {
        let Details { slowest, .. } = self;
        let Tracker { names, stacks, .. } = tracker;
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
        let slow_wait = |kind, Slow { duration, start: Reverse(start), go, wait }| SlowWait {
            kind,
            start: Time(start),
            end: Time(start + duration),
            duration: Time(start + duration) - Time(start),
            goroutine: present(go).map(GoId),
            function: name(wait.start),
            reason: names.text(wait.reason),
            woken_by: present(wait.woken_by).map(GoId),
            stack: frames(wait.stack),
        };
        let mut waits = Vec::new();
        for (kind, heap) in LatencyKind::ALL.into_iter().zip(slowest) {
            waits.extend(heap.into_sorted_vec().into_iter().map(|Reverse(slow)| slow_wait(kind, slow)));
        }
        waits
    }
}
