//! The merge: from one row of events a P to one row of all.
//!
//! Each P's events are in order. Of those that come next on their Ps, the earliest is taken whose goroutine is ready
//! for it. What "ready" means is a state, for most events a sequence number as well, that the goroutine must
//! have reached; clocks that differ between processors can't break that.
//!
//! ```text
//!            earliest first                     by what they wait for
//!   ready    ┌ P 3: GoStart 7 ┐    parked       ┌ P 0: GoStart 9, sequence 4, Runnable ┐
//!   (heap)   │ P 1: GoBlock   │    (ordered set)│ P 2: GoUnblock 9, sequence 5, Waiting│
//!            └────────────────┘                 └──────────────────────────────────────┘
//! ```
//!
//! Every P that has events left is in one of the two. An event that moves a goroutine looks up who waited for just that, so a
//! P is parked and woken once an event, however many there are. At equal times the lower P goes first; the
//! reference leaves that to chance.
//!
//! The rules are those of `stateTransition` in Go's `src/internal/trace/internal/tracev1/order.go`. They are not those
//! of [`sched`](crate::sched): there a sequence number must follow the last of its generation, and a goroutine is on a
//! thread; here an event names the very number it needs, half of the events need none, and threads play no part.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::collections::binary_heap::{BinaryHeap, PeekMut};

use smallvec::SmallVec;

use super::cursor::Event;
use super::goroutine::{Go, Proc};
use super::parse::Parsed;
use super::spec::EventType;
use crate::error::{ErrorKind, broken};
use crate::event::GoState;
use crate::id::{GoId, NONE, Resource};
use crate::sched::arena::{Arena, Index};

/// Whose state an event needs and changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    /// Nobody's: the event can always be next.
    None,
    /// The GC's: its cycles are counted.
    Gc,
    /// That of the goroutine which the P runs.
    Running,
    /// That of the goroutine which the first argument names.
    Named,
    /// The same, and it must not exist.
    New,
}

/// The sequence number that the goroutine must have reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    /// None: the event that led here stands on the same P.
    Any,
    /// The first: the goroutine was created and nothing else.
    First,
    /// The second argument.
    Named,
}

#[derive(Clone, Copy, Debug)]
struct Rule {
    subject: Subject,
    from: GoState,
    to: GoState,
    number: Number,
    /// Whether the event counts.
    counts: bool,
}

const fn rule(event: EventType) -> Rule {
    use EventType as E;
    use GoState::{NotExist, Runnable, Running, Waiting};
    let (subject, from, to, number, counts) = match event {
        E::GoCreate => (Subject::New, NotExist, Runnable, Number::Any, true),
        E::GoWaiting | E::GoInSyscall => (Subject::Named, Runnable, Waiting, Number::First, true),
        E::GoStart | E::GoStartLabel => (Subject::Named, Runnable, Running, Number::Named, true),
        E::GoStartLocal => (Subject::Named, Runnable, Running, Number::Any, true),
        E::GoUnblock | E::GoSysExit => (Subject::Named, Waiting, Runnable, Number::Named, true),
        E::GoUnblockLocal | E::GoSysExitLocal => (Subject::Named, Waiting, Runnable, Number::Any, true),
        E::GoBlock
        | E::GoBlockSend
        | E::GoBlockRecv
        | E::GoBlockSelect
        | E::GoBlockSync
        | E::GoBlockCond
        | E::GoBlockNet
        | E::GoBlockGC
        | E::GoSleep
        | E::GoSysBlock => (Subject::Running, Running, Waiting, Number::Any, false),
        E::GoSched | E::GoPreempt => (Subject::Running, Running, Runnable, Number::Any, false),
        E::GCStart => (Subject::Gc, NotExist, NotExist, Number::Any, true),
        _ => (Subject::None, NotExist, NotExist, Number::Any, false),
    };
    Rule { subject, from, to, number, counts }
}

/// By type.
static RULES: [Rule; 64] = {
    let mut rules = [rule(EventType::Batch); 64];
    let mut i = 0;
    while i < EventType::ALL.len() {
        let event = EventType::ALL[i];
        rules[event.code() as usize] = rule(event);
        i += 1;
    }
    rules
};

/// What a P's next event waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Need {
    go: u64,
    /// [`ANY`] where the number does not matter.
    sequence: u64,
    state: GoState,
    row: u32,
}

const ANY: u64 = u64::MAX;
/// Stands for the GC among the goroutines.
const GC: u64 = NONE;

/// A P whose next event can happen: the earliest is the greatest.
type Head = Reverse<(u64, u32)>;

#[derive(Debug, Default)]
pub(super) struct Merge {
    ready: BinaryHeap<Head>,
    parked: BTreeSet<Need>,
    /// How many GC cycles began.
    cycles: u64,
    /// What the last event moved.
    moved: Option<(u64, Index)>,
}

/// Whether an event can happen.
enum Check {
    /// It can, and this is the goroutine that it moves.
    Ready(Index),
    Wait(Need),
}

impl Merge {
    /// The time and the P of the earliest event that can happen.
    #[inline(always)]
    pub fn first(&self) -> Option<(u64, u32)> {
        self.ready.peek().map(|head| head.0)
    }

    /// The Ps whose events can't happen.
    pub fn parked(&self) -> impl Iterator<Item = (u32, String)> {
        self.parked.iter().map(|need| (need.row, need.to_string()))
    }

    #[inline(always)]
    fn check(&self, gos: &mut Arena<Go>, event: &Event, running: &Proc) -> Check {
        let rule = &RULES[usize::from(event.event.code())];
        let (id, index) = match rule.subject {
            Subject::None => return Check::Ready(Index::NONE),
            Subject::Running => (running.go_id, running.go),
            Subject::Named => (event.args[0], gos.find(event.args[0])),
            Subject::New | Subject::Gc => return self.check_rarer(gos, event, rule),
        };
        let wanted = match rule.number {
            Number::Any => ANY,
            Number::First => 1,
            Number::Named => event.args[1],
        };
        match gos.get(index) {
            Some(go) if go.merged == rule.from && (wanted == go.sequence || rule.number == Number::Any) => {
                Check::Ready(index)
            }
            _ => Check::Wait(Need { go: id, sequence: wanted, state: rule.from, row: 0 }),
        }
    }

    fn check_rarer(&self, gos: &mut Arena<Go>, event: &Event, rule: &Rule) -> Check {
        let number = event.args[0];
        let (is_ready, go, sequence) = match rule.subject {
            Subject::Gc => (number == self.cycles, GC, number),
            _ => (!gos.find(number).is_some(), number, ANY),
        };
        match is_ready {
            true => Check::Ready(Index::NONE),
            false => Check::Wait(Need { go, sequence, state: rule.from, row: 0 }),
        }
    }

    /// Adds a P with its next event.
    pub fn enter(&mut self, gos: &mut Arena<Go>, row: u32, event: &Event, running: &Proc) {
        match self.check(gos, event, running) {
            Check::Ready(_) => self.ready.push(Reverse((event.ticks, row))),
            Check::Wait(need) => self.park(gos, Need { row, ..need }),
        }
    }

    #[inline(never)]
    fn park(&mut self, gos: &mut Arena<Go>, need: Need) {
        let go = gos.find(need.go);
        if let Some(go) = gos.get_mut(go) {
            go.watched = true;
        }
        self.parked.insert(need);
    }

    /// Replaces the event of the first P, which has happened, by its next one.
    #[inline(always)]
    pub fn replace(&mut self, gos: &mut Arena<Go>, event: &Event, running: &Proc) {
        match self.check(gos, event, running) {
            Check::Ready(_) => {
                if let Some(mut head) = self.ready.peek_mut() {
                    head.0.0 = event.ticks;
                }
            }
            Check::Wait(need) => {
                let row = self.first().map_or(0, |(_, row)| row);
                self.remove();
                self.park(gos, Need { row, ..need });
            }
        }
    }

    /// Removes the first P, which has no more events.
    pub fn remove(&mut self) {
        if let Some(head) = self.ready.peek_mut() {
            PeekMut::pop(head);
        }
    }

    /// Lets the event of the first P happen; gives the goroutine that it moves.
    ///
    /// Several Ps may have come to events of the same goroutine while it was ready for either. Only one can be right, so the
    /// trace is broken, and this finds it.
    #[inline(always)]
    pub fn happen(&mut self, gos: &mut Arena<Go>, event: &Event, running: &Proc) -> Parsed<Index> {
        let Check::Ready(mut index) = self.check(gos, event, running) else {
            return broken(impossible(gos, event, running));
        };
        let rule = &RULES[usize::from(event.event.code())];
        match rule.subject {
            Subject::None => return Ok(index),
            Subject::Gc => {
                self.cycles = self.cycles.wrapping_add(1);
                self.moved = Some((GC, Index::NONE));
                return Ok(index);
            }
            Subject::New => {
                index = gos.insert(event.args[0], Go::CREATED);
                self.moved = Some((event.args[0], index));
                return Ok(index);
            }
            Subject::Running | Subject::Named => {}
        }
        if let Some(go) = gos.get_mut(index) {
            go.merged = rule.to;
            go.sequence = go.sequence.wrapping_add(rule.counts.into());
            if go.watched {
                self.moved = Some((gos.id(index), index));
            }
        }
        Ok(index)
    }

    /// Whether [`wake`](Self::wake) has anything to do.
    #[inline(always)]
    pub fn has_moved(&self) -> bool {
        self.moved.is_some()
    }

    /// Finds the Ps that waited for what the last event moved, for [`enter`](Self::enter).
    pub fn wake(&mut self, gos: &mut Arena<Go>) -> SmallVec<[u32; 4]> {
        let mut woken = SmallVec::new();
        let Some((id, index)) = self.moved.take().filter(|_| !self.parked.is_empty()) else { return woken };
        let (sequence, state) = match gos.get(index) {
            Some(go) => (go.sequence, go.merged),
            None => (self.cycles, GoState::NotExist),
        };
        for sequence in [sequence, ANY] {
            let first = Need { go: id, sequence, state, row: 0 };
            let met: SmallVec<[Need; 4]> =
                self.parked.range(first..=Need { row: u32::MAX, ..first }).copied().collect();
            for need in met {
                self.parked.remove(&need);
                woken.push(need.row);
            }
        }
        let first = Need { go: id, sequence: 0, state: GoState::Undetermined, row: 0 };
        let is_watched = self.parked.range(first..).next().is_some_and(|need| need.go == id);
        if let Some(go) = gos.get_mut(index) {
            go.watched = is_watched;
        }
        woken
    }
}

#[cold]
fn impossible(gos: &mut Arena<Go>, event: &Event, running: &Proc) -> ErrorKind {
    let id = match RULES[usize::from(event.event.code())].subject {
        Subject::Running => running.go_id,
        _ => event.args[0],
    };
    let go = gos.find(id);
    let state = gos.get(go).map_or("NotExist", |go| name(go.merged));
    ErrorKind::IllegalTransition { event: event.event.name(), resource: Resource::Goroutine(GoId(id)), state }
}

/// A state's name for an error.
pub(super) fn name(state: GoState) -> &'static str {
    match state {
        GoState::Runnable => "Runnable",
        GoState::Running => "Running",
        GoState::Waiting => "Waiting",
        _ => "NotExist",
    }
}

impl std::fmt::Display for Need {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.go, self.state, self.sequence) {
            (GC, ..) => write!(f, "GC cycle {}", self.sequence),
            (go, GoState::NotExist, _) => write!(f, "goroutine {go} not to exist"),
            (go, state, ANY) => write!(f, "goroutine {go} to be {state}"),
            (go, state, sequence) => write!(f, "goroutine {go} to be {state} after {sequence} events"),
        }
    }
}
