//! Groups of goroutines that started in the same function.

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use crate::event::Text;
use crate::number::number;
use crate::timeline::columns::symbols::StringNumber;
use crate::timeline::{Goroutine, Timeline};

/// The start function of the goroutines that mark the heap (Go `src/runtime/mgc.go`).
const MARK_WORKER: &str = "runtime.gcBgMarkWorker";

/// All goroutines by start function.
#[derive(Debug)]
pub(in crate::timeline) struct Groups {
    /// The start function of each group, in the order in which the trace first mentions a goroutine of the group.
    functions: Vec<StringNumber>,
    /// The index in `members` at which each group starts, and the length of `members`.
    starts: Vec<u32>,
    /// The goroutines, sorted by group, then by number.
    members: Vec<u32>,
    /// The group of the mark workers of the garbage collector.
    mark_workers: Option<u32>,
}

impl Groups {
    fn new(timeline: &Timeline) -> Self {
        let mut counts: IndexMap<StringNumber, u32, RandomState> = IndexMap::default();
        for function in timeline.start_functions() {
            *counts.entry(function).or_default() += 1;
        }
        let mut starts = vec![0];
        starts.extend(counts.values().scan(0, |end, count| {
            *end += count;
            Some(*end)
        }));
        let mut next = starts.clone();
        let mut members = vec![0; timeline.goroutines.len()];
        for (goroutine, function) in (0..).zip(timeline.start_functions()) {
            let Some(place) = counts.get_index_of(&function).and_then(|group| next.get_mut(group)) else { continue };
            if let Some(member) = members.get_mut(*place as usize) {
                *member = goroutine;
                *place += 1;
            }
        }
        let functions: Vec<StringNumber> = counts.into_keys().collect();
        let mark_workers = functions.iter().position(|&function| timeline.function(function) == MARK_WORKER);
        Groups { functions, starts, members, mark_workers: mark_workers.map(number) }
    }

    pub fn members(&self, group: u32) -> &[u32] {
        let start = |index: usize| self.starts.get(index).map_or(0, |&start| start as usize);
        self.members.get(start(group as usize)..start(group as usize + 1)).unwrap_or_default()
    }

    /// Returns whether a goroutine is a mark worker of the garbage collector.
    pub fn is_mark_worker(&self, goroutine: u32) -> bool {
        self.mark_workers.is_some_and(|group| self.members(group).binary_search(&goroutine).is_ok())
    }

    pub fn bytes(&self) -> u64 {
        let numbers = self.functions.capacity() + self.starts.capacity() + self.members.capacity();
        (numbers * size_of::<u32>()) as u64
    }
}

impl Timeline {
    pub(super) fn group_table(&self) -> &Groups {
        self.levels.groups.get_or_init(|| Groups::new(self))
    }

    /// Returns all goroutines grouped by the function in which they started, as `gotrace goroutines` groups them. The
    /// groups are in the order in which the trace first mentions one of their goroutines.
    ///
    /// The first call builds an index of all goroutines.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = Group<'_>> + Clone {
        (0..number(self.group_table().functions.len())).map(|number| Group { timeline: self, number })
    }

    /// Returns the group with this [number](Group::number). `None` if there are fewer groups.
    pub fn group(&self, number: u32) -> Option<Group<'_>> {
        ((number as usize) < self.group_table().functions.len()).then_some(Group { timeline: self, number })
    }
}

impl<'t> Goroutine<'t> {
    /// Returns the group of goroutines that started in the same function.
    pub fn group(&self) -> Group<'t> {
        let timeline = self.timeline();
        let functions = &timeline.group_table().functions;
        let function = timeline.start_function(self.number());
        // Every start function has a group.
        let group = functions.iter().position(|&other| other == function).unwrap_or_default();
        Group { timeline, number: number(group) }
    }
}

/// The goroutines of a [`Timeline`] that started in the same function.
#[derive(Clone, Copy, Debug)]
pub struct Group<'t> {
    pub(super) timeline: &'t Timeline,
    pub(super) number: u32,
}

impl<'t> Group<'t> {
    /// Returns its index in [`Timeline::groups`].
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Returns the function in which its goroutines started. Empty if the trace contains no stack of them.
    pub fn name(&self) -> Text<'t> {
        let functions = &self.timeline.group_table().functions;
        functions.get(self.number as usize).map_or(Text(b""), |&function| self.timeline.function(function))
    }

    /// Returns its goroutines, in the order in which the trace first mentions them.
    pub fn goroutines(&self) -> impl ExactSizeIterator<Item = Goroutine<'t>> + Clone + use<'t> {
        let timeline = self.timeline;
        timeline.group_table().members(self.number).iter().map(move |&member| Goroutine::new(timeline, member))
    }
}
