//! The results of a [`Summarizer`](super::goroutines::Summarizer): the times of goroutines and
//! regions.

use super::goroutine_sums::{GoroutineSums, OpenRegion};
use super::names::Names;
use super::times::{Spent, Times};
use super::tracker::{Goroutine, present};
use crate::event::Text;
use crate::id::{GoId, TaskId};
use crate::time::Time;

/// Receives the results of a [`Summarizer`](super::goroutines::Summarizer), one goroutine or region
/// at a time.
pub trait SummarySink {
    /// Called for each goroutine: when it exits, or at the end of the trace if it is still alive.
    fn goroutine(&mut self, goroutine: &GoroutineSummary<'_>);

    /// Called for each region: when the region ends, when its goroutine exits, or at the end of the
    /// trace.
    fn region(&mut self, region: &RegionSummary<'_>) {
        let _ = region;
    }
}

impl<F: FnMut(&GoroutineSummary<'_>)> SummarySink for F {
    fn goroutine(&mut self, goroutine: &GoroutineSummary<'_>) {
        self(goroutine);
    }
}

/// A goroutine and how it spent its time.
#[derive(Clone, Copy, Debug)]
pub struct GoroutineSummary<'a> {
    pub(super) id: u64,
    pub(super) goroutine: &'a Goroutine,
    pub(super) sums: &'a GoroutineSums,
    /// How the goroutine spent its time.
    pub times: Times<'a>,
}

impl<'a> GoroutineSummary<'a> {
    /// Returns the ID of the goroutine.
    pub fn id(&self) -> GoId {
        GoId(self.id)
    }

    /// Returns the function in which the goroutine started. Empty if the trace has no stack for the
    /// goroutine.
    pub fn name(&self) -> Text<'a> {
        Text(self.times.names.bytes(self.goroutine.name))
    }

    /// Returns the function that created the goroutine. Empty if the goroutine was created before
    /// the trace.
    pub fn creator(&self) -> Text<'a> {
        Text(self.times.names.bytes(self.sums.creator))
    }

    /// Returns the last label of the goroutine. Empty if it has no label.
    pub fn label(&self) -> Text<'a> {
        Text(self.times.names.bytes(self.goroutine.label))
    }

    /// Returns when the goroutine was created, or the start of the generation that first mentions
    /// it.
    pub fn creation(&self) -> Time {
        Time(self.sums.creation)
    }

    /// Returns when the goroutine first ran. `None` if it did not run.
    pub fn start(&self) -> Option<Time> {
        present(self.sums.first_run)
    }

    /// Returns when the goroutine exited or began to wait forever. `None` if it was alive at the
    /// end of the trace.
    pub fn end(&self) -> Option<Time> {
        present(self.sums.end)
    }
}

/// A region and how its goroutine spent the time in it.
#[derive(Clone, Copy, Debug)]
pub struct RegionSummary<'a> {
    /// The ID of the goroutine.
    pub go: GoId,
    /// The task that the region belongs to. [`TaskId::BACKGROUND`] if it belongs to none.
    pub task: TaskId,
    /// The type of the region. Empty if the region represents the task that a goroutine inherits
    /// from its creator.
    pub name: Text<'a>,
    /// When the region started. For an inherited task, when the goroutine was created. `None` if
    /// that was before the trace.
    pub start: Option<Time>,
    /// When the region or its goroutine ended. `None` if the region was open at the end of the
    /// trace or at a gap.
    pub end: Option<Time>,
    /// The number of regions of the goroutine that enclose this one.
    pub depth: usize,
    /// Whether no enclosing region belongs to the same task.
    pub is_outermost: bool,
    /// Whether the program started the region. If false, the region represents the task that a
    /// goroutine inherits from its creator.
    pub is_of_program: bool,
    /// How the goroutine spent its time in the region.
    pub times: Times<'a>,
}

/// The maximum number of enclosing regions that are searched for one of the same task. Programs
/// nest only a few regions.
const MAX_LOOK_BACK: usize = 64;

/// Reports the innermost of the nested regions `open` to `summary`. `now` holds what the goroutine
/// has spent in total.
pub(super) fn show_region(
    summary: &mut impl SummarySink,
    names: &Names,
    go: GoId,
    open: &[OpenRegion],
    end: i64,
    now: Spent,
) {
    let Some((region, around)) = open.split_last() else { return };
    let spent = now.since(&region.before);
    summary.region(&RegionSummary {
        go,
        task: TaskId(region.task),
        name: Text(names.bytes(region.name)),
        start: present(region.start),
        end: present(end),
        depth: around.len(),
        is_outermost: around.iter().rev().take(MAX_LOOK_BACK).all(|outer| outer.task != region.task),
        is_of_program: region.is_of_program,
        times: Times { spent: &spent, names },
    });
}
