//! Groups of goroutines that started in the same function.

use foldhash::fast::RandomState;
use indexmap::IndexSet;

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
    /// The group of goroutines with each start stack.
    of_stack: Vec<u32>,
    /// The index in `members` at which each group starts, and the length of `members`.
    starts: Vec<u32>,
    /// The goroutines, sorted by group, then by number.
    members: Vec<u32>,
    /// The group of the mark workers of the garbage collector.
    mark_workers: Option<u32>,
}

/// The group of a stack with which no goroutine started.
const NO_GROUP: u32 = u32::MAX;

impl Groups {
    fn new(timeline: &Timeline) -> Self {
        let stacks = &timeline.symbols.stacks;
        let mut of_stack = vec![NO_GROUP; stacks.len() + 1];
        let mut functions: IndexSet<StringNumber, RandomState> = IndexSet::default();
        let mut starts = vec![0];
        for &stack in &timeline.start_stacks {
            let Some(group) = of_stack.get_mut(stack as usize) else { continue };
            if *group == NO_GROUP {
                let function = stacks.entries(stack).next_back().map_or(0, |frame| frame.func);
                *group = number(functions.insert_full(function).0);
                starts.resize(functions.len() + 1, 0);
            }
            starts[*group as usize + 1] += 1;
        }
        for group in 1..starts.len() {
            starts[group] += starts[group - 1];
        }
        let mut next = starts.clone();
        let mut members = vec![0; timeline.start_stacks.len()];
        for (goroutine, &stack) in (0..).zip(&timeline.start_stacks) {
            let Some(&group) = of_stack.get(stack as usize) else { continue };
            let place = &mut next[group as usize];
            members[*place as usize] = goroutine;
            *place += 1;
        }
        let functions: Vec<StringNumber> = functions.into_iter().collect();
        let mark_workers = functions.iter().position(|&function| timeline.function(function) == MARK_WORKER);
        Groups { functions, of_stack, starts, members, mark_workers: mark_workers.map(number) }
    }

    /// Returns the number of groups.
    pub fn len(&self) -> usize {
        self.functions.len()
    }

    pub fn members(&self, group: u32) -> &[u32] {
        let start = |index: usize| self.starts.get(index).map_or(0, |&start| start as usize);
        self.members.get(start(group as usize)..start(group as usize + 1)).unwrap_or_default()
    }

    /// Returns the group of a goroutine.
    pub fn of(&self, timeline: &Timeline, goroutine: u32) -> Option<u32> {
        let &stack = timeline.start_stacks.get(goroutine as usize)?;
        self.of_stack.get(stack as usize).copied()
    }

    /// Returns the group of the mark workers of the garbage collector. `None` if the trace mentions none.
    pub fn mark_workers(&self) -> Option<u32> {
        self.mark_workers
    }

    /// Returns whether a goroutine is a mark worker of the garbage collector.
    pub fn is_mark_worker(&self, timeline: &Timeline, goroutine: u32) -> bool {
        self.mark_workers.is_some() && self.of(timeline, goroutine) == self.mark_workers
    }

    pub fn bytes(&self) -> u64 {
        let numbers = [&self.functions, &self.of_stack, &self.starts, &self.members];
        numbers.iter().map(|numbers| (numbers.capacity() * size_of::<u32>()) as u64).sum()
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
        (0..number(self.group_table().len())).map(|number| Group { timeline: self, number })
    }

    /// Returns the group with this [number](Group::number). `None` if there are fewer groups.
    pub fn group(&self, number: u32) -> Option<Group<'_>> {
        ((number as usize) < self.group_table().len()).then_some(Group { timeline: self, number })
    }
}

impl<'t> Goroutine<'t> {
    /// Returns the group of goroutines that started in the same function.
    pub fn group(&self) -> Group<'t> {
        let timeline = self.timeline();
        // Every start function has a group.
        let number = timeline.group_table().of(timeline, self.number()).unwrap_or_default();
        Group { timeline, number }
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
