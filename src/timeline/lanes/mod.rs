//! What goroutines, Ps and threads did, cell by cell: the data of a picture of a part of the trace.
//!
//! `grid` divides the part into cells, and `cell` adds up spans in them. A lane's spans come from the columns of spans
//! (goroutines and `groups`) or from `runs` (Ps and threads). `series` has the metrics.

mod cell;
mod grid;
mod groups;
mod reasons;
mod runs;
mod series;

use std::ops::Range;
use std::sync::OnceLock;

use self::cell::{CellsBuilder, GroupCellsBuilder};
use self::grid::Grid;
use self::groups::Groups;
use self::reasons::Reasons;
use self::runs::Runs;
use super::Timeline;
use super::columns::Place;
use super::columns::spans::State;
use crate::id::{GoId, ProcId, ThreadId, present};
use crate::time::Time;

pub use self::cell::{Cell, GroupCell, LaneDetail, LaneState};
pub use self::grid::MAX_PIXELS;
pub use self::groups::Group;
pub use self::series::{Metric, MetricCell};

/// What lanes need besides the columns of a timeline, computed at the first query.
#[derive(Debug, Default)]
pub(super) struct Levels {
    groups: OnceLock<Groups>,
    reasons: OnceLock<Reasons>,
}

impl Levels {
    /// Returns the size in bytes of what has been computed so far.
    pub fn bytes(&self) -> u64 {
        self.groups.get().map_or(0, Groups::bytes) + self.reasons.get().map_or(0, Reasons::bytes)
    }
}

impl Timeline {
    /// Divides a range of time into cells, so that each lane can be drawn with at most one cell for a pixel.
    ///
    /// The width of a cell is the largest power of two that is not larger than the width of a pixel, but at least a
    /// nanosecond. Cells start at multiples of their width. The first cell contains the start of the range, and the last
    /// cell contains its end. So there are between `pixels` and `2 * pixels + 2` cells, or one for each nanosecond of a
    /// shorter range. The part of a range outside of the trace has cells too. If the end of the range is before its
    /// start, there is one cell. `pixels` is limited to 1 to [`MAX_PIXELS`].
    ///
    /// ```
    /// use gotrace::timeline::LaneState;
    /// use gotrace::{GoId, Timeline};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/traces/go1.26/channels.trace");
    /// let timeline = Timeline::from_path(path)?;
    /// let lanes = timeline.lanes(timeline.start()..timeline.end(), 40);
    /// let main = lanes.goroutine(GoId(1)).ok_or("no such goroutine")?;
    /// let line: String = main
    ///     .iter()
    ///     .map(|cell| match cell.state() {
    ///         LaneState::Running => '#',
    ///         LaneState::Waiting => '.',
    ///         _ => ' ',
    ///     })
    ///     .collect();
    /// println!("{line}");
    /// let first = &main[0];
    /// println!("{} ns running, {} spans", first.nanos(LaneState::Running), first.spans());
    /// for (index, cell) in lanes.all_goroutines().iter().enumerate() {
    ///     println!("{} ns: {:.1} goroutines", lanes.cell_start(index), cell.mean_alive());
    /// }
    /// # assert_eq!(main.len(), lanes.len());
    /// # assert!(line.contains('.'));
    /// # Ok(())
    /// # }
    /// ```
    pub fn lanes(&self, range: Range<Time>, pixels: usize) -> Lanes<'_> {
        Lanes { timeline: self, grid: Grid::new(range, pixels), runs: OnceLock::new() }
    }
}

/// The lanes of a part of a [`Timeline`], divided into cells. See [`Timeline::lanes`].
#[derive(Debug)]
pub struct Lanes<'t> {
    timeline: &'t Timeline,
    grid: Grid,
    /// What ran in this part, computed at the first query.
    runs: OnceLock<Runs>,
}

impl<'t> Lanes<'t> {
    /// Returns the start of the first cell.
    pub fn start(&self) -> Time {
        self.cell_start(0)
    }

    /// Returns the start of a cell.
    pub fn cell_start(&self, index: usize) -> Time {
        Time(self.grid.start(index))
    }

    /// Returns the width of each cell in nanoseconds, a power of two.
    pub fn cell_width(&self) -> u64 {
        self.grid.width()
    }

    /// Returns the logarithm to base two of [`cell_width`](Self::cell_width).
    pub fn cell_shift(&self) -> u32 {
        self.grid.shift
    }

    /// Returns the number of cells of each lane.
    pub fn len(&self) -> usize {
        self.grid.len
    }

    /// Returns false: there is at least one cell.
    pub fn is_empty(&self) -> bool {
        self.grid.len == 0
    }

    /// Returns the lane of a goroutine. `None` if the trace does not mention it.
    pub fn goroutine(&self, id: GoId) -> Option<Vec<Cell>> {
        let timeline = self.timeline;
        let goroutine = timeline.goroutines.get(id.0)?;
        let is_mark_worker = timeline.group_table().is_mark_worker(goroutine);
        let mut cells = CellsBuilder::new(self.grid);
        let cursor = timeline.spans.covering(goroutine, self.grid.start(0));
        let before = timeline.spans.previous(goroutine, cursor).and_then(|cursor| timeline.spans.get(cursor));
        let mut previous = before.map_or(State::Undetermined, |entry| entry.state);
        timeline.spans.periods_from(cursor, timeline.extent.end, |period| {
            let state = state_of(period.state, is_mark_worker);
            if state != LaneState::Nothing {
                cells.add(period.start, period.end, state, || {
                    let (who, why) = period.who_and_why();
                    match state {
                        LaneState::Running | LaneState::GcWork => timeline.proc_of(who).map(LaneDetail::Proc),
                        LaneState::Waiting => {
                            let reason = timeline.reasons().index(timeline, (who, why), previous);
                            Some(LaneDetail::Reason(reason))
                        }
                        _ => None,
                    }
                });
            }
            previous = period.state;
            period.end < self.grid.end()
        });
        Some(cells.finish())
    }

    /// Returns the lane of a P. `None` if the trace does not mention it.
    ///
    /// A goroutine is in a system call with the P until another thread takes the P or the P stops. Time in which another
    /// goroutine runs on the P does not count as time in a system call. A system call that the goroutine entered before
    /// the trace does not count, since its P is not known.
    pub fn proc(&self, id: ProcId) -> Option<Vec<Cell>> {
        self.timeline.procs.index.get(id.0)?;
        Some(self.runs().cells(self, |run| self.timeline.place(run.place).proc == id.0, |run| run.proc_end))
    }

    /// Returns the lane of a thread. `None` if no goroutine ran on it.
    ///
    /// A system call that the goroutine entered before the trace does not count, since its thread is not known.
    pub fn thread(&self, id: ThreadId) -> Option<Vec<Cell>> {
        let id = present(id.0)?;
        self.timeline.places.iter().find(|place| place.thread == id)?;
        Some(self.runs().cells(self, |run| self.timeline.place(run.place).thread == id, |run| run.end))
    }

    /// Returns the lane of the garbage collector, which is in [`LaneState::GcWork`] while a collection is active.
    pub fn gc(&self) -> Vec<Cell> {
        let mut cells = CellsBuilder::new(self.grid);
        for cycle in self.timeline.gc_cycles() {
            cells.add(cycle.start().0, cycle.end().0, LaneState::GcWork, || None);
        }
        cells.finish()
    }

    /// Returns the lane of a group of goroutines.
    pub fn group(&self, group: Group<'t>) -> Vec<GroupCell> {
        let mut cells = GroupCellsBuilder::new(self.grid);
        for &goroutine in self.timeline.group_table().members(group.number) {
            self.add_goroutine(goroutine, &mut cells);
        }
        cells.finish()
    }

    /// Returns the lane of all goroutines: how many were in each state.
    pub fn all_goroutines(&self) -> Vec<GroupCell> {
        let mut cells = GroupCellsBuilder::new(self.grid);
        for goroutine in 0..self.timeline.goroutines.len() as u32 {
            self.add_goroutine(goroutine, &mut cells);
        }
        cells.finish()
    }

    fn add_goroutine(&self, goroutine: u32, cells: &mut GroupCellsBuilder) {
        let timeline = self.timeline;
        let is_mark_worker = timeline.group_table().is_mark_worker(goroutine);
        let cursor = timeline.spans.covering(goroutine, self.grid.start(0));
        timeline.spans.periods_from(cursor, timeline.extent.end, |period| {
            let state = state_of(period.state, is_mark_worker);
            if state != LaneState::Nothing {
                cells.add(period.start, period.end, state);
            }
            period.end < self.grid.end()
        });
    }

    fn runs(&self) -> &Runs {
        self.runs.get_or_init(|| Runs::new(self.timeline, self.grid))
    }
}

/// Returns what a lane shows for a state of a goroutine.
fn state_of(state: State, is_mark_worker: bool) -> LaneState {
    match state {
        State::Undetermined | State::Ended => LaneState::Nothing,
        State::Created | State::Woken | State::Ready => LaneState::Runnable,
        State::Running if is_mark_worker => LaneState::GcWork,
        State::Running => LaneState::Running,
        State::Waiting => LaneState::Waiting,
        State::Syscall => LaneState::Syscall,
    }
}

impl Timeline {
    /// Returns the place with this number, which is the `who` of a running goroutine.
    fn place(&self, number: u32) -> Place {
        const NOWHERE: Place = Place { proc: crate::id::NONE, thread: crate::id::NONE };
        self.places.get(number as usize).copied().unwrap_or(NOWHERE)
    }

    fn proc_of(&self, place: u32) -> Option<ProcId> {
        present(self.place(place).proc).map(ProcId)
    }
}
