//! The goroutines that allocate: where they started, where they were last seen, and for which task
//! they work.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;
use smallvec::SmallVec;

use crate::analysis::names::{Name, Names};
use crate::analysis::stacks::{StackKey, Stacks};
use crate::event::record::{Record, What};
use crate::event::{Event, GoState};
use crate::id::NONE;

/// A goroutine that may allocate.
#[derive(Debug)]
pub(super) struct Allocator {
    /// The function in which the goroutine started. Empty until the trace has a stack of the
    /// goroutine.
    pub start: Name,
    /// The goroutine that created this one, and when this one was created and exited, if the trace
    /// has these events.
    pub creator: Option<u64>,
    pub created: Option<i64>,
    pub ended: Option<i64>,
    /// The last stack of the goroutine in the trace.
    pub stack: StackKey,
    /// Whether a row of the report refers to the goroutine, so that it must be kept after it has
    /// exited.
    pub has_rows: bool,
    /// The open regions and tasks of the goroutine, innermost last.
    marks: SmallVec<[Mark; 1]>,
}

/// A reason to attribute a goroutine's allocations to a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    /// The goroutine is in a region of the task.
    Region(u64),
    /// The goroutine began the task, or was created for the task.
    Task(u64),
}

/// The maximum number of marks that are kept for a goroutine.
const MAX_MARKS: usize = 64;

impl Allocator {
    fn new() -> Self {
        Allocator {
            start: Name::EMPTY,
            creator: None,
            created: None,
            ended: None,
            stack: StackKey::EMPTY,
            has_rows: false,
            marks: SmallVec::new(),
        }
    }

    fn mark(&mut self, mark: Mark) {
        if self.marks.len() < MAX_MARKS {
            self.marks.push(mark);
        }
    }

    fn unmark(&mut self, mark: Mark) {
        if let Some(place) = self.marks.iter().rposition(|&it| it == mark) {
            self.marks.remove(place);
        }
    }
}

/// All goroutines that are alive or have allocated.
#[derive(Debug, Default)]
pub(super) struct Allocators {
    pub goroutines: HashMap<u64, Allocator, RandomState>,
    /// The tasks that have begun and not ended.
    open_tasks: HashSet<u64, RandomState>,
    pub names: Names,
    pub stacks: Stacks,
}

impl Allocators {
    /// Forgets the IDs of strings and stacks, because each generation has its own.
    pub fn forget_ids(&mut self) {
        self.names.forget_ids();
        self.stacks.forget_ids();
    }

    /// Forgets open tasks and regions after a gap, and all goroutines without rows.
    pub fn forget_states(&mut self) {
        self.open_tasks.clear();
        self.goroutines.retain(|_, goroutine| {
            goroutine.marks.clear();
            goroutine.has_rows
        });
    }

    pub fn get(&self, go: u64) -> Option<&Allocator> {
        self.goroutines.get(&go)
    }

    /// Returns the goroutine, and marks the goroutine as having rows.
    pub fn allocates(&mut self, go: u64) -> &mut Allocator {
        let goroutine = self.goroutines.entry(go).or_insert_with(Allocator::new);
        goroutine.has_rows = true;
        goroutine
    }

    /// Returns the task for which a goroutine works, or [`NONE`] if no task is known.
    ///
    /// This is the task of the innermost region, or else the last open task that the goroutine
    /// began or was created for.
    pub fn task_of(&self, go: u64) -> u64 {
        let marks = self.goroutines.get(&go).map_or(&[][..], |goroutine| &goroutine.marks);
        let task = marks.iter().rev().find_map(|mark| match *mark {
            Mark::Region(task) => Some(task),
            Mark::Task(task) => self.open_tasks.contains(&task).then_some(task),
        });
        task.unwrap_or(NONE)
    }

    /// Updates the goroutines after an event that does not belong to the AllocFree experiment.
    #[inline]
    pub fn event(&mut self, event: &Event<'_>) {
        let record = event.record();
        match record.what {
            What::GoTransition(from, to) => self.transition(event, from, to),
            What::RegionBegin => self.mark(record, Mark::Region(record.a)),
            What::RegionEnd => self.unmark(record, Mark::Region(record.a)),
            What::TaskBegin => {
                self.open_tasks.insert(record.a);
                self.mark(record, Mark::Task(record.a));
            }
            What::TaskEnd => {
                self.open_tasks.remove(&record.a);
                self.unmark(record, Mark::Task(record.a));
            }
            _ => {}
        }
        if record.go != NONE && !matches!(record.what, What::Sync | What::Gap | What::StackSample) {
            self.see(event, record.go, record.stack);
        }
    }

    /// Records a mark, unless the mark is a region without a task.
    fn mark(&mut self, record: &Record, mark: Mark) {
        if record.go != NONE && mark != Mark::Region(0) {
            self.goroutines.entry(record.go).or_insert_with(Allocator::new).mark(mark);
        }
    }

    fn unmark(&mut self, record: &Record, mark: Mark) {
        if let Some(goroutine) = self.goroutines.get_mut(&record.go) {
            goroutine.unmark(mark);
        }
    }

    /// Records the stack of a goroutine.
    fn see(&mut self, event: &Event<'_>, go: u64, stack: u64) {
        if stack == 0 {
            return;
        }
        let key = self.stacks.of(event, stack, &mut self.names);
        if key == StackKey::EMPTY {
            return;
        }
        if let Some(goroutine) = self.goroutines.get_mut(&go) {
            goroutine.stack = key;
            if goroutine.start == Name::EMPTY {
                goroutine.start = self.names.root(event, stack);
            }
        }
    }

    fn transition(&mut self, event: &Event<'_>, from: GoState, to: GoState) {
        let record = event.record();
        let go = record.a;
        if go == NONE {
            return;
        }
        if to == GoState::NotExist {
            match self.goroutines.get_mut(&go) {
                Some(goroutine) if goroutine.has_rows => goroutine.ended = Some(record.time),
                _ => drop(self.goroutines.remove(&go)),
            }
            return;
        }
        if from == GoState::NotExist {
            let task = self.task_of(record.go);
            // The stack of a new goroutine has its start function, but is not a place where it was
            // running.
            let start = self.names.root(event, record.b);
            let goroutine = self.goroutines.entry(go).or_insert_with(Allocator::new);
            goroutine.start = start;
            goroutine.creator = (record.go != NONE).then_some(record.go);
            goroutine.created = Some(record.time);
            if task != NONE {
                goroutine.mark(Mark::Task(task));
                // The task may be known only from a region, without a TaskBegin event.
                self.open_tasks.insert(task);
            }
            return;
        }
        self.goroutines.entry(go).or_insert_with(Allocator::new);
        self.see(event, go, record.b);
    }
}
