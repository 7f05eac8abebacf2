//! Which goroutines stay: goroutines by the function in which they started, and where they wait.
//!
//! The number of goroutines in a pool is constant, those of requests are created and exit, and leaked ones are created and stay.
//! One pass distinguishes them by counting how many existed, were created and ended, and how many started to wait and were woken
//! at each place.

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::histogram::Histogram;
use super::names::is_system_goroutine;
use super::names::{Name, Names};
use super::observer::Observer;
use super::over_time::OverTime;
use super::stacks::{StackKey, Stacks};
use crate::event::record::{Symbol, What};
use crate::event::{Event, GoState, OwnedFrame};
use crate::id::{GoId, NONE};
use crate::number::number;
use crate::sched::arena::{Arena, Index};
use crate::time::Time;

/// At most this many goroutines are given as examples, the oldest first.
const MAX_EXAMPLES: usize = 16;

/// At most this many places in which goroutines of a group were created are kept.
const MAX_CREATORS: usize = 16;

/// What [`Population`] finds.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct PopulationReport {
    /// When the first event happened, or the first after the last gap in the trace.
    pub start: Time,
    /// When the last did.
    pub end: Time,
    /// The goroutines by the function in which they started; the runtime's own are left out.
    pub groups: Vec<PopulationGroup>,
    /// Goroutines that ended and of which no stack was seen, so that it is not known in which function they had started.
    pub unnamed_ended: u64,
}

/// Goroutines that started in the same function.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PopulationGroup {
    /// The function.
    pub name: String,
    /// How many were there when the trace began, as far as their function is known.
    pub before: u64,
    /// How many were created in the trace.
    pub created: u64,
    /// How many ended in it.
    pub ended: u64,
    /// How many are left at its end. Not `before` + `created` − `ended` if the trace never has the function of some goroutine.
    pub left: u64,
    /// How long those lived that were created and ended in the trace, in nanoseconds.
    pub lifetimes: Histogram,
    /// By how many they grew in each of some windows of equal length, from the start of the trace on.
    pub growth: Vec<Growth>,
    /// Where they were created, in the trace, the most frequent place first.
    pub creators: Vec<Creator>,
    /// Where they waited, those places first at which most wait at the end.
    pub waits: Vec<WaitPlace>,
    /// Some of those that are left, the oldest first.
    pub examples: Vec<Resident>,
}

/// By how many goroutines a group grew in a window of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Growth {
    /// When the window starts.
    pub start: Time,
    /// Goroutines created minus goroutines that ended.
    pub goroutines: i64,
}

/// A place in which goroutines were created.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Creator {
    /// The stack of the creating goroutine, innermost frame first.
    pub stack: Vec<OwnedFrame>,
    /// How many goroutines were created there.
    pub count: u64,
}

/// A goroutine that is left at the end of the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resident {
    /// The goroutine.
    pub goroutine: GoId,
    /// When it was created; `None` if before the trace.
    pub created: Option<Time>,
}

/// A goroutine that waits at the end of the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waiter {
    /// The goroutine.
    pub goroutine: GoId,
    /// Since when it has waited; the start of the trace if since before.
    pub since: Time,
}

/// A place to wait.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WaitPlace {
    /// Where: innermost frame first. Empty if the trace has no stack.
    pub stack: Vec<OwnedFrame>,
    /// For what, in the runtime's words.
    pub reason: String,
    /// How often a goroutine of the group went to wait there, in the trace.
    pub entered: u64,
    /// How often one was woken there.
    pub left: u64,
    /// How many waited there at the end.
    pub waiting: u64,
    /// How many of those were created in the trace, and were not woken since they started to wait there.
    pub since_creation: u64,
    /// Since when the one has waited that waits longest; the start of the trace if since before.
    pub oldest: Option<Time>,
    /// Some of those that waited there at the end, those first that have waited longest.
    pub examples: Vec<Waiter>,
}

const NEVER: i64 = i64::MIN;

/// No group, or no wait.
const UNKNOWN: u32 = u32::MAX;

#[derive(Clone, Debug, Default)]
struct Track {
    group: u32,
    created: i64,
    creator: StackKey,
    /// The wait that it is in, and since when.
    wait: u32,
    since: i64,
    woken: u32,
}

#[derive(Debug, Default)]
struct Group {
    before: u64,
    created: u64,
    ended: u64,
    lifetimes: Histogram,
    growth: OverTime<i64>,
    creators: IndexMap<StackKey, u64, RandomState>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct WaitKey {
    group: u32,
    stack: StackKey,
    reason: Name,
}

#[derive(Clone, Copy, Debug, Default)]
struct Wait {
    entered: u64,
    left: u64,
}

/// The last lookup of a wait, by the IDs of a generation.
#[derive(Clone, Copy, Debug)]
struct Lookup {
    stack: u64,
    reason: Symbol,
    group: u32,
    wait: u32,
}

const LOOKUPS: usize = 256;

/// The last lookups, in slots by the stack's ID modulo their number. Goroutines that wait at one stack nearly always belong to one
/// group and have one reason.
#[derive(Debug)]
struct Lookups([Lookup; LOOKUPS]);

impl Default for Lookups {
    fn default() -> Self {
        Lookups([Lookup { stack: 0, reason: Symbol::Empty, group: UNKNOWN, wait: UNKNOWN }; LOOKUPS])
    }
}

impl Lookups {
    fn of(&mut self, stack: u64) -> &mut Lookup {
        &mut self.0[stack as usize % LOOKUPS]
    }
}

/// Counts goroutines by the function in which they started, and where they wait, in one pass.
///
/// Memory follows the goroutines that are alive and the number of different stacks. After a gap of a lenient reader,
/// counting starts again.
#[derive(Debug, Default)]
pub struct Population {
    names: Names,
    stacks: Stacks,
    tracks: Arena<Track>,
    groups: IndexMap<Name, Group, RandomState>,
    waits: IndexMap<WaitKey, Wait, RandomState>,
    recent: Box<Lookups>,
    unnamed_ended: u64,
    begin: Option<i64>,
    end: i64,
    is_behind_gap: bool,
}

impl Population {
    /// Nothing has been seen yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn group(&mut self, name: Name) -> u32 {
        let group = match self.groups.get_index_of(&name) {
            Some(group) => group,
            None => self.groups.insert_full(name, Group::default()).0,
        };
        number(group)
    }

    fn grow(&mut self, group: u32, time: i64, by: i64) -> Option<&mut Group> {
        let begin = self.begin.unwrap_or(time);
        let (_, group) = self.groups.get_index_mut(group as usize)?;
        group.growth.start(begin);
        *group.growth.at(time).0 += by;
        Some(group)
    }

    #[inline]
    fn go_transition(&mut self, event: &Event<'_>, from: GoState, to: GoState) {
        let record = event.record();
        let index = match from {
            GoState::Undetermined | GoState::NotExist => self.appear(event, from),
            _ => match (from, to) {
                // Most events, and nothing to count.
                (GoState::Runnable | GoState::Syscall, GoState::Running) | (GoState::Running, GoState::Syscall) => {
                    return;
                }
                _ => self.tracks.find(record.a),
            },
        };
        let Some(track) = self.tracks.get(index) else { return };
        if track.group == UNKNOWN && record.b != 0 {
            self.name(event, index);
        }
        match to {
            GoState::Waiting => self.wait(event, index, from),
            GoState::NotExist => self.ends(index, record.time),
            _ if from == GoState::Waiting => self.wakes(index),
            _ => {}
        }
    }

    #[inline(never)]
    fn appear(&mut self, event: &Event<'_>, from: GoState) -> Index {
        let record = event.record();
        let is_new = from == GoState::NotExist;
        let mut track = Track {
            group: UNKNOWN,
            created: NEVER,
            creator: StackKey::EMPTY,
            wait: UNKNOWN,
            since: record.time,
            woken: 0,
        };
        if is_new {
            track.created = record.time;
            if record.go != NONE {
                track.creator = self.stacks.of(event, record.stack, &mut self.names);
            }
        }
        let index = self.tracks.find(record.a);
        match self.tracks.get_mut(index) {
            Some(old) => {
                *old = track;
                index
            }
            None => self.tracks.insert(record.a, track),
        }
    }

    /// A stack of it is seen for the first time, mostly at its creation.
    #[inline(never)]
    fn name(&mut self, event: &Event<'_>, index: Index) {
        let name = self.names.root(event, event.record().b);
        let number = self.group(name);
        let Some(track) = self.tracks.get_mut(index) else { return };
        track.group = number;
        let (created, creator) = (track.created, track.creator);
        if created == NEVER {
            if let Some((_, group)) = self.groups.get_index_mut(number as usize) {
                group.before += 1;
            }
            return;
        }
        if let Some(group) = self.grow(number, created, 1) {
            group.created += 1;
            let has_room = group.creators.len() < MAX_CREATORS;
            match group.creators.get_mut(&creator) {
                Some(count) => *count += 1,
                None if has_room => {
                    group.creators.insert(creator, 1);
                }
                None => {}
            }
        }
    }

    fn wait(&mut self, event: &Event<'_>, index: Index, from: GoState) {
        let record = event.record();
        let begin = self.begin.unwrap_or(record.time);
        let Some(&Track { group: own, .. }) = self.tracks.get(index) else { return };
        let Lookup { stack, reason, group, wait } = *self.recent.of(record.b);
        let is_known = wait != UNKNOWN && stack == record.b && group == own && reason == record.text;
        let number = if is_known { wait } else { self.look_up(event, own) };
        let Some(track) = self.tracks.get_mut(index) else { return };
        track.wait = number;
        track.since = if from == GoState::Undetermined { begin } else { record.time };
        if let (true, Some((_, wait))) = (from != GoState::Undetermined, self.waits.get_index_mut(number as usize)) {
            wait.entered += 1;
        }
    }

    /// The number of the wait that an event begins.
    #[inline(never)]
    fn look_up(&mut self, event: &Event<'_>, group: u32) -> u32 {
        let record = event.record();
        let reason = self.names.of(event, record.text);
        let stack = self.stacks.of(event, record.b, &mut self.names);
        let key = WaitKey { group, stack, reason };
        let index = self.waits.get_index_of(&key).unwrap_or_else(|| self.waits.insert_full(key, Wait::default()).0);
        let wait = number(index);
        *self.recent.of(record.b) = Lookup { stack: record.b, reason: record.text, group, wait };
        wait
    }

    fn wakes(&mut self, index: Index) {
        let Some(track) = self.tracks.get_mut(index) else { return };
        let wait = std::mem::replace(&mut track.wait, UNKNOWN);
        track.woken = track.woken.saturating_add(1);
        if let Some((_, wait)) = self.waits.get_index_mut(wait as usize) {
            wait.left += 1;
        }
    }

    fn ends(&mut self, index: Index, time: i64) {
        let Some(track) = self.tracks.get(index) else { return };
        let (number, created) = (track.group, track.created);
        self.tracks.remove(index);
        match self.grow(number, time, -1) {
            Some(group) => {
                group.ended += 1;
                if created != NEVER {
                    group.lifetimes.add_nanos(time - created);
                }
            }
            None => self.unnamed_ended += 1,
        }
    }

    fn frames(&self, stack: StackKey) -> Vec<OwnedFrame> {
        let frames = self.stacks.frames(stack);
        let owned = frames.map(|frame| OwnedFrame {
            pc: frame.pc,
            func: self.names.text(frame.func),
            file: self.names.text(frame.file),
            line: frame.line,
        });
        owned.collect()
    }

    fn waits_of(&self, number: u32, waiting: &[Vec<(u64, &Track)>]) -> Vec<WaitPlace> {
        let places = self.waits.iter().zip(waiting).filter(|((key, _), _)| key.group == number);
        let mut places: Vec<WaitPlace> = places
            .map(|((key, wait), waiting)| {
                let stuck = |track: &Track| track.created != NEVER && track.woken == 0;
                let example = |&(id, track): &(u64, &Track)| Waiter { goroutine: GoId(id), since: Time(track.since) };
                WaitPlace {
                    stack: self.frames(key.stack),
                    reason: self.names.text(key.reason),
                    entered: wait.entered,
                    left: wait.left,
                    waiting: waiting.len() as u64,
                    since_creation: waiting.iter().filter(|(_, track)| stuck(track)).count() as u64,
                    oldest: waiting.first().map(|(_, track)| Time(track.since)),
                    examples: waiting.iter().take(MAX_EXAMPLES).map(example).collect(),
                }
            })
            .collect();
        places.sort_by(|a, b| b.waiting.cmp(&a.waiting).then(b.entered.cmp(&a.entered)));
        places
    }
}

impl Observer for Population {
    type Output = PopulationReport;

    #[inline]
    fn event(&mut self, event: &Event<'_>) {
        let record = event.record();
        match record.what {
            What::GoTransition(from, to) if from != to => {
                if self.is_behind_gap {
                    let (names, stacks) = (std::mem::take(&mut self.names), std::mem::take(&mut self.stacks));
                    *self = Population { names, stacks, begin: Some(record.time), ..Population::default() };
                }
                self.end = record.time;
                self.go_transition(event, from, to);
            }
            What::Sync => {
                self.begin.get_or_insert(record.time);
                self.names.forget_ids();
                self.stacks.forget_ids();
                *self.recent = Lookups::default();
            }
            What::Gap => self.is_behind_gap = true,
            _ => {}
        }
    }

    fn finish(self) -> PopulationReport {
        let mut left: Vec<(u64, &Track)> = self.tracks.iter().collect();
        left.sort_by_key(|&(id, track)| (track.since, id));
        let mut waiting: Vec<Vec<(u64, &Track)>> = vec![Vec::new(); self.waits.len()];
        let mut residents: Vec<Vec<(u64, &Track)>> = vec![Vec::new(); self.groups.len()];
        for &(id, track) in &left {
            if let Some(waiting) = waiting.get_mut(track.wait as usize) {
                waiting.push((id, track));
            }
            if let Some(residents) = residents.get_mut(track.group as usize) {
                residents.push((id, track));
            }
        }
        let mut groups = Vec::new();
        for (number, ((&name, group), mut residents)) in self.groups.iter().zip(residents).enumerate() {
            if is_system_goroutine(self.names.bytes(name)) {
                continue;
            }
            residents.sort_by_key(|&(id, track)| (track.created, id));
            let mut creators: Vec<(StackKey, u64)> =
                group.creators.iter().map(|(&stack, &count)| (stack, count)).collect();
            creators.sort_by_key(|&(stack, count)| (std::cmp::Reverse(count), stack));
            let created = |track: &Track| (track.created != NEVER).then_some(Time(track.created));
            let resident = |&(id, track): &(u64, &Track)| Resident { goroutine: GoId(id), created: created(track) };
            groups.push(PopulationGroup {
                name: self.names.text(name),
                before: group.before,
                created: group.created,
                ended: group.ended,
                left: residents.len() as u64,
                lifetimes: group.lifetimes.clone(),
                growth: {
                    let (_, windows) = group.growth.clone().into_windows();
                    windows.into_iter().map(|(at, goroutines)| Growth { start: Time(at), goroutines }).collect()
                },
                creators: creators
                    .into_iter()
                    .map(|(stack, count)| Creator { stack: self.frames(stack), count })
                    .collect(),
                waits: self.waits_of(number as u32, &waiting),
                examples: residents.iter().take(MAX_EXAMPLES).map(resident).collect(),
            });
        }
        groups.sort_by(|a: &PopulationGroup, b| b.left.cmp(&a.left).then_with(|| a.name.cmp(&b.name)));
        PopulationReport {
            start: Time(self.begin.unwrap_or(self.end)),
            end: Time(self.end),
            groups,
            unnamed_ended: self.unnamed_ended,
        }
    }
}
