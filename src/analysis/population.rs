//! Counts goroutines by start function and by wait place, to find goroutines that leak.
//!
//! The number of goroutines in a pool is constant. Goroutines of requests are created and exit.
//! Leaked goroutines are created and do not exit. A single pass distinguishes these cases by
//! counting, for each start function, how many goroutines existed, were created and exited, and for
//! each place how many goroutines started to wait there and were woken.

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::histogram::Histogram;
use super::names::{Name, Names};
use super::observer::Observer;
use super::over_time::OverTime;
use super::stacks::{StackKey, Stacks};
use super::system_goroutine::is_system_goroutine;
use crate::event::record::{Symbol, What};
use crate::event::{Event, GoState, OwnedFrame};
use crate::id::{GoId, NONE};
use crate::number::number;
use crate::sched::arena::{Arena, Index};
use crate::time::Time;

/// The maximum number of goroutines that are listed as examples, the oldest first.
const MAX_EXAMPLES: usize = 16;

/// The maximum number of creation places that are kept for a group.
const MAX_CREATORS: usize = 16;

/// The result of [`Population`].
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct PopulationReport {
    /// The start of the trace, or the first event after the last gap in the trace.
    pub start: Time,
    /// The time of the last event.
    pub end: Time,
    /// The goroutines grouped by start function, without the runtime's own goroutines.
    pub groups: Vec<PopulationGroup>,
    /// The number of goroutines that exited and whose start function is unknown because the trace
    /// has no stack for them. All of them are older than the trace.
    pub unnamed_ended: u64,
    /// When the goroutines of `unnamed_ended` exited, in windows like those of
    /// [`PopulationGroup::growth`].
    pub unnamed_endings: Vec<GoroutineWindow>,
}

/// Goroutines that started in the same function.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct PopulationGroup {
    /// The start function.
    pub name: String,
    /// The number of goroutines that existed when the trace began, as far as their start function
    /// is known.
    pub before: u64,
    /// The number of goroutines that were created in the trace.
    pub created: u64,
    /// The number of goroutines that exited in the trace.
    pub ended: u64,
    /// The number of goroutines that are alive at the end of the trace. This can differ from
    /// `before` + `created` − `ended` if the trace never has the start function of some goroutines.
    pub left: u64,
    /// The lifetimes of the goroutines that were created and exited in the trace, in nanoseconds.
    pub lifetimes: Histogram,
    /// The growth of the group in each of several windows of equal length, beginning at the start
    /// of the trace: the goroutines created minus the goroutines exited.
    pub growth: Vec<GoroutineWindow>,
    /// When the goroutines were created that are alive at the end of the trace, in such windows.
    pub stayed: Vec<GoroutineWindow>,
    /// When the goroutines exited that are older than the trace, in such windows.
    pub old_endings: Vec<GoroutineWindow>,
    /// When goroutines exited, in such windows.
    pub endings: Vec<GoroutineWindow>,
    /// The places where the goroutines were created in the trace, the most frequent place first.
    pub creators: Vec<Creator>,
    /// The places where the goroutines waited, sorted by the number of goroutines that wait there
    /// at the end of the trace, largest first.
    pub waits: Vec<WaitPlace>,
    /// Some of the goroutines that are alive at the end of the trace, the oldest first.
    pub examples: Vec<Resident>,
}

/// A number of goroutines in a window of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GoroutineWindow {
    /// When the window starts.
    pub start: Time,
    /// The number of goroutines.
    pub goroutines: i64,
}

/// A place where goroutines were created.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Creator {
    /// The stack of the creating goroutine, innermost frame first.
    pub stack: Vec<OwnedFrame>,
    /// The stack at which the creating goroutine was itself created. Empty if that was before the
    /// trace.
    pub parent_stack: Vec<OwnedFrame>,
    /// The number of goroutines that were created at this place.
    pub count: u64,
}

/// A goroutine that is alive at the end of the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resident {
    /// The ID of the goroutine.
    pub goroutine: GoId,
    /// When the goroutine was created. `None` if it was created before the trace.
    pub created: Option<Time>,
}

/// A goroutine that waits at the end of the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waiter {
    /// The ID of the goroutine.
    pub goroutine: GoId,
    /// When the wait started. This is the start of the trace if the goroutine already waited then.
    pub since: Time,
}

/// A place where goroutines wait.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WaitPlace {
    /// The stack of the waiting goroutines, innermost frame first. Empty if the trace has no stack.
    pub stack: Vec<OwnedFrame>,
    /// The reason of the wait, in the runtime's words.
    pub reason: String,
    /// How often a goroutine of the group started to wait here in the trace.
    pub entered: u64,
    /// How often a goroutine of the group was woken here.
    pub left: u64,
    /// The number of goroutines that waited here at the end of the trace.
    pub waiting: u64,
    /// The number of goroutines in `waiting` that were created in the trace and have never been
    /// woken.
    pub since_creation: u64,
    /// When the longest of the waits in `waiting` started. This is the start of the trace if the
    /// goroutine already waited then. `None` if no goroutine waited here at the end of the trace.
    pub oldest: Option<Time>,
    /// Of the waits here that ended, the start of the one that started last. If a wait in `waiting`
    /// started earlier, a later one was woken first.
    pub latest_ended: Option<Time>,
    /// Some of the goroutines that waited here at the end of the trace, the longest wait first.
    pub examples: Vec<Waiter>,
}

const NEVER: i64 = i64::MIN;

/// The number that represents no group or no wait.
const UNKNOWN: u32 = u32::MAX;

#[derive(Clone, Debug, Default)]
struct Track {
    group: u32,
    created: i64,
    creator: StackKey,
    /// The stack at which the creating goroutine was created.
    parent: StackKey,
    /// The number of the current wait, and when it started.
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
    old_endings: OverTime<i64>,
    endings: OverTime<i64>,
    creators: IndexMap<(StackKey, StackKey), u64, RandomState>,
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
    /// The latest start of a wait that ended.
    latest_ended: Option<i64>,
}

/// The result of the last lookup of a wait, by the IDs of the current generation.
#[derive(Clone, Copy, Debug)]
struct Lookup {
    stack: u64,
    reason: Symbol,
    group: u32,
    wait: u32,
}

const LOOKUPS: usize = 256;

/// The last lookups, in direct-mapped slots by stack ID. Goroutines that wait with the same stack
/// nearly always belong to one group and have one reason.
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

/// Counts goroutines by start function and by wait place, in one pass.
///
/// Memory use is proportional to the number of live goroutines and of different stacks. After a gap
/// of a lenient reader, counting starts again.
#[derive(Debug, Default)]
pub struct Population {
    names: Names,
    stacks: Stacks,
    tracks: Arena<Track>,
    groups: IndexMap<Name, Group, RandomState>,
    waits: IndexMap<WaitKey, Wait, RandomState>,
    recent: Box<Lookups>,
    unnamed_ended: u64,
    unnamed_endings: OverTime<i64>,
    begin: Option<i64>,
    end: i64,
    is_after_gap: bool,
}

impl Population {
    /// Returns an analysis that has not seen any event.
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
                // Most events are of this kind, and there is nothing to count.
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
            parent: StackKey::EMPTY,
            wait: UNKNOWN,
            since: record.time,
            woken: 0,
        };
        if is_new {
            track.created = record.time;
            if record.go != NONE {
                track.creator = self.stacks.of(event, record.stack, &mut self.names);
                let parent = self.tracks.find(record.go);
                track.parent = self.tracks.get(parent).map_or(StackKey::EMPTY, |parent| parent.creator);
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

    /// Handles the first stack of a goroutine. Most goroutines have a stack at their creation.
    #[inline(never)]
    fn name(&mut self, event: &Event<'_>, index: Index) {
        let name = self.names.root(event, event.record().b);
        let number = self.group(name);
        let Some(track) = self.tracks.get_mut(index) else { return };
        track.group = number;
        let (created, creator) = (track.created, (track.creator, track.parent));
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

    /// Returns the number of the wait that an event starts.
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
            wait.latest_ended = wait.latest_ended.max(Some(track.since));
        }
    }

    fn ends(&mut self, index: Index, time: i64) {
        let Some(track) = self.tracks.get(index) else { return };
        let (number, created) = (track.group, track.created);
        self.tracks.remove(index);
        let begin = self.begin.unwrap_or(time);
        match self.grow(number, time, -1) {
            Some(group) => {
                group.ended += 1;
                count(&mut group.endings, begin, time);
                match created {
                    NEVER => count(&mut group.old_endings, begin, time),
                    created => group.lifetimes.add_nanos(time - created),
                }
            }
            None => {
                self.unnamed_ended += 1;
                count(&mut self.unnamed_endings, begin, time);
            }
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

    /// Returns the places of a group's waits. `waiting` has the goroutines in each wait.
    fn waits_of(&self, waits: &[usize], waiting: &[Vec<(u64, &Track)>]) -> Vec<WaitPlace> {
        let places = waits.iter().filter_map(|&wait| Some((self.waits.get_index(wait)?, waiting.get(wait)?)));
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
                    latest_ended: wait.latest_ended.map(Time),
                    oldest: waiting.first().map(|(_, track)| Time(track.since)),
                    examples: waiting.iter().take(MAX_EXAMPLES).map(example).collect(),
                }
            })
            .collect();
        places.sort_by(|a, b| b.waiting.cmp(&a.waiting).then(b.entered.cmp(&a.entered)));
        places
    }
}

/// Counts one in the window that contains a time. `begin` is the start of the first window.
fn count(windows: &mut OverTime<i64>, begin: i64, time: i64) {
    windows.start(begin);
    *windows.at(time).0 += 1;
}

/// Returns windows in the form of a report.
fn windows_of(windows: OverTime<i64>) -> Vec<GoroutineWindow> {
    let (_, windows) = windows.into_windows();
    windows.into_iter().map(|(at, goroutines)| GoroutineWindow { start: Time(at), goroutines }).collect()
}

impl Observer for Population {
    type Output = PopulationReport;

    #[inline]
    fn event(&mut self, event: &Event<'_>) {
        let record = event.record();
        match record.what {
            What::GoTransition(from, to) if from != to => {
                if self.is_after_gap {
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
            What::Gap => self.is_after_gap = true,
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
        let mut waits: Vec<Vec<usize>> = vec![Vec::new(); self.groups.len()];
        for (wait, key) in self.waits.keys().enumerate() {
            if let Some(waits) = waits.get_mut(key.group as usize) {
                waits.push(wait);
            }
        }
        let mut groups = Vec::new();
        for (number, ((&name, group), mut residents)) in self.groups.iter().zip(residents).enumerate() {
            if name == Name::EMPTY || is_system_goroutine(self.names.bytes(name)) {
                continue;
            }
            residents.sort_by_key(|&(id, track)| (track.created, id));
            let mut creators: Vec<((StackKey, StackKey), u64)> =
                group.creators.iter().map(|(&stacks, &count)| (stacks, count)).collect();
            creators.sort_by_key(|&(stacks, count)| (std::cmp::Reverse(count), stacks));
            let mut stayed = OverTime::default();
            for (_, track) in residents.iter().filter(|(_, track)| track.created != NEVER) {
                count(&mut stayed, self.begin.unwrap_or(track.created), track.created);
            }
            let created = |track: &Track| (track.created != NEVER).then_some(Time(track.created));
            let resident = |&(id, track): &(u64, &Track)| Resident { goroutine: GoId(id), created: created(track) };
            groups.push(PopulationGroup {
                name: self.names.text(name),
                before: group.before,
                created: group.created,
                ended: group.ended,
                left: residents.len() as u64,
                lifetimes: group.lifetimes.clone(),
                growth: windows_of(group.growth.clone()),
                stayed: windows_of(stayed),
                old_endings: windows_of(group.old_endings.clone()),
                endings: windows_of(group.endings.clone()),
                creators: creators
                    .into_iter()
                    .map(|((stack, parent), count)| Creator {
                        stack: self.frames(stack),
                        parent_stack: self.frames(parent),
                        count,
                    })
                    .collect(),
                waits: self.waits_of(&waits[number], &waiting),
                examples: residents.iter().take(MAX_EXAMPLES).map(resident).collect(),
            });
        }
        groups.sort_by(|a: &PopulationGroup, b| b.left.cmp(&a.left).then_with(|| a.name.cmp(&b.name)));
        PopulationReport {
            start: Time(self.begin.unwrap_or(self.end)),
            end: Time(self.end),
            groups,
            unnamed_ended: self.unnamed_ended,
            unnamed_endings: windows_of(self.unnamed_endings),
        }
    }
}
