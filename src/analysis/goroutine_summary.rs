//! The sums that a [`Summarizer`](super::Summarizer) shows.

use super::account::{Account, OpenRegion, present};
use super::names::Names;
use super::times::{Spent, Times};
use crate::event::Text;
use crate::id::{GoId, TaskId};
use crate::time::Time;

/// Takes the sums of a [`Summarizer`](super::goroutines::Summarizer).
pub trait SummarySink {
    /// A goroutine has ended, or the trace has.
    fn goroutine(&mut self, goroutine: &GoroutineSummary<'_>);

    /// A region has ended, or its goroutine or the trace has.
    fn region(&mut self, region: &RegionSummary<'_>) {
        let _ = region;
    }
}

impl<F: FnMut(&GoroutineSummary<'_>)> SummarySink for F {
    fn goroutine(&mut self, goroutine: &GoroutineSummary<'_>) {
        self(goroutine);
    }
}

/// A goroutine's times.
#[derive(Clone, Copy, Debug)]
pub struct GoroutineSummary<'a> {
    pub(super) account: &'a Account,
    /// How it spent its time.
    pub times: Times<'a>,
}

impl<'a> GoroutineSummary<'a> {
    /// The goroutine.
    pub fn id(&self) -> GoId {
        GoId(self.account.id)
    }

    /// The function in which it started; empty if no stack of it is in the trace.
    pub fn name(&self) -> Text<'a> {
        Text(self.times.names.bytes(self.account.name))
    }

    /// The function that created it; empty if that was before the trace.
    pub fn creator(&self) -> Text<'a> {
        Text(self.times.names.bytes(self.account.creator))
    }

    /// Its last label; empty for none.
    pub fn label(&self) -> Text<'a> {
        Text(self.times.names.bytes(self.account.label))
    }

    /// When it was created, or the begin of the generation in which it is first mentioned.
    pub fn creation(&self) -> Time {
        Time(self.account.creation)
    }

    /// When it first ran.
    pub fn start(&self) -> Option<Time> {
        present(self.account.start)
    }

    /// When it ended, or began to wait forever.
    pub fn end(&self) -> Option<Time> {
        present(self.account.end)
    }
}

/// A region's times.
#[derive(Clone, Copy, Debug)]
pub struct RegionSummary<'a> {
    /// The goroutine.
    pub go: GoId,
    /// The task it belongs to, [`TaskId::BACKGROUND`] if to none.
    pub task: TaskId,
    /// The name that the program gave it; empty for the one that represents the task that a goroutine inherits from its creator.
    pub name: Text<'a>,
    /// When it began, or the goroutine was created; `None` if before the trace.
    pub start: Option<Time>,
    /// When it or the goroutine ended; `None` if the trace or a gap of lenient reading ended it.
    pub end: Option<Time>,
    /// How many regions of the goroutine it is within.
    pub depth: usize,
    /// Whether none of the regions that it is within is of the same task.
    pub is_outermost: bool,
    /// Whether the program started it. Otherwise it represents the task that a goroutine inherits from its creator.
    pub is_of_program: bool,
    /// How its goroutine spent the time.
    pub times: Times<'a>,
}

/// At most this many enclosing regions are searched for one of the same task. Programs nest a handful.
const MAX_LOOK_BACK: usize = 64;

/// Shows the innermost of some nested regions.
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
