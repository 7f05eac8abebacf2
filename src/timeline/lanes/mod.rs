//! What goroutines, Ps and threads did, cell by cell: the data of a picture of a part of the trace.
//!
//! `grid` divides the part into cells, and `cell` and `sums` add up spans in them. `levels` has sums that are computed
//! once: `level` for a lane, `sums` for a group. If the cells are too narrow for these, few spans are in the part, and
//! they are read: those of goroutines by `part`, those of Ps and threads by `runs`. `active` says which goroutines to
//! read. `series` has the metrics.

mod active;
mod cell;
mod grid;
mod groups;
mod level;
mod levels;
mod part;
mod reasons;
mod runs;
mod series;
mod sums;

use std::ops::Range;
use std::sync::OnceLock;

use self::cell::CellsBuilder;
use self::grid::Grid;
use self::level::{GOROUTINE, Level, PLACE, SLOTS};
use self::levels::{Kind, Row, slot_of};
use self::part::Part;
use self::runs::Runs;
use self::sums::{Sums, mark_gc_work};
use super::Timeline;
use crate::id::{GoId, ProcId, ThreadId};
use crate::time::Time;

pub use self::cell::{Cell, GroupCell, LaneDetail, LaneState};
pub use self::grid::MAX_PIXELS;
pub use self::groups::Group;
pub(super) use self::levels::Levels;
pub use self::series::{Metric, MetricCell};

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
        Lanes { timeline: self, grid: Grid::new(range, pixels), runs: Default::default(), parts: OnceLock::new() }
    }
}

/// The lanes of a part of a [`Timeline`], divided into cells. See [`Timeline::lanes`].
#[derive(Debug)]
pub struct Lanes<'t> {
    timeline: &'t Timeline,
    grid: Grid,
    /// What ran in this part on Ps and on threads, computed when it is needed.
    runs: [OnceLock<Runs>; 2],
    /// The cells of each goroutine with a level, read from its spans when they are needed. Goroutines and their groups
    /// share them.
    parts: OnceLock<Box<[OnceLock<Part>]>>,
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
        let (timeline, grid) = (self.timeline, self.grid);
        let goroutine = timeline.goroutines.get(id.0)?;
        let mut states = GOROUTINE;
        if timeline.group_table().is_mark_worker(timeline, goroutine) {
            states[level::RUNNING] = LaneState::GcWork;
        }
        let detail = |state: LaneState, number: u32| match state {
            LaneState::Running | LaneState::GcWork => timeline.proc_of(number).map(|id| LaneDetail::Proc(ProcId(id))),
            LaneState::Waiting => Some(LaneDetail::Reason(number)),
            _ => None,
        };
        Some(match timeline.level_tables().find(goroutine) {
            Some(index) => match self.level(index) {
                Ok(level) => level.cells(grid, states, detail),
                Err(part) => part.cells(grid, states, detail),
            },
            None => Part::new(timeline, goroutine, grid).cells(grid, states, detail),
        })
    }

    /// Returns the level with this index. If its buckets are too wide, returns the goroutine's cells read from its spans.
    fn level(&self, index: usize) -> Result<&Level, &Part> {
        let levels = self.timeline.level_tables().levels();
        let (goroutine, level) = &levels[index];
        if level.serves(self.grid) {
            return Ok(level);
        }
        let parts = self.parts.get_or_init(|| levels.iter().map(|_| OnceLock::new()).collect());
        Err(parts[index].get_or_init(|| Part::new(self.timeline, *goroutine, self.grid)))
    }

    /// Returns the lane of a P. `None` if the trace does not mention it.
    ///
    /// A goroutine is in a system call with the P until another thread takes the P or the P stops. Time in which another
    /// goroutine runs on the P does not count as time in a system call. A system call that the goroutine entered before
    /// the trace does not count, since its P is not known.
    pub fn proc(&self, id: ProcId) -> Option<Vec<Cell>> {
        self.timeline.procs.index.get(id.0)?;
        let row = self.timeline.rows(Kind::Proc).find(id.0);
        Some(row.map_or_else(|| CellsBuilder::new(self.grid).finish(), |row| self.row(Kind::Proc, row)))
    }

    /// Returns the lane of a thread. `None` if no goroutine ran on it.
    ///
    /// A system call that the goroutine entered before the trace does not count, since its thread is not known.
    pub fn thread(&self, id: ThreadId) -> Option<Vec<Cell>> {
        let row = self.timeline.rows(Kind::Thread).find(id.0)?;
        Some(self.row(Kind::Thread, row))
    }

    /// Returns the lane of a P or thread.
    fn row(&self, kind: Kind, row: usize) -> Vec<Cell> {
        let (timeline, grid) = (self.timeline, self.grid);
        let detail = |goroutine| timeline.go_id(goroutine).map(LaneDetail::Goroutine);
        let runs = match timeline.rows(kind).get(row) {
            Some(Row::Level(level)) if level.serves(grid) => {
                return level.cells(grid, PLACE, |_, goroutine| detail(goroutine));
            }
            Some(Row::Listed(runs)) => runs,
            _ => self.runs[kind as usize].get_or_init(|| Runs::new(timeline, grid, kind)).of(row),
        };
        let mut cells = CellsBuilder::new(grid);
        for run in runs {
            cells.add(run.start, run.end, PLACE[usize::from(run.slot)], || detail(run.goroutine));
        }
        cells.finish()
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
        let mut cells = self.sum(Some(group.number));
        if self.timeline.group_table().mark_workers() == Some(group.number) {
            let workers = cells.clone();
            mark_gc_work(&mut cells, &workers);
        }
        cells
    }

    /// Returns the lane of all goroutines: how many were in each state.
    pub fn all_goroutines(&self) -> Vec<GroupCell> {
        let mut cells = self.sum(None);
        if let Some(group) = self.timeline.group_table().mark_workers() {
            mark_gc_work(&mut cells, &self.sum(Some(group)));
        }
        cells
    }

    /// Adds up the goroutines of a group, or all goroutines. The work of mark workers counts as running.
    fn sum(&self, group: Option<u32>) -> Vec<GroupCell> {
        let (timeline, grid) = (self.timeline, self.grid);
        let (groups, tables) = (timeline.group_table(), timeline.level_tables());
        let is_member = |goroutine| group.is_none() || groups.of(timeline, goroutine) == group;
        let mut sums = Sums::new(grid);
        for (index, _) in tables.levels().iter().enumerate().filter(|(_, (goroutine, _))| is_member(*goroutine)) {
            match self.level(index) {
                Ok(level) => level.add_to(grid, &mut sums),
                Err(part) => part.add_to(&mut sums),
            }
        }
        let others = tables.others(group);
        if let Some(level) = others.filter(|level| level.serves(grid)) {
            level.add_to(&mut sums);
            return sums.cells();
        }
        let is_other = |goroutine: &u32| is_member(*goroutine) && tables.find(*goroutine).is_none();
        let members = group.map_or(timeline.goroutines.len(), |group| groups.members(group).len());
        match others.map(|level| level.open_at(grid.start(0))) {
            Some((time, open)) if members > FEW => self.add_active(time, open, is_other, &mut sums),
            _ => match group {
                Some(group) => {
                    let members = groups.members(group).iter().copied();
                    members.filter(is_other).for_each(|goroutine| self.add_periods(goroutine, &mut sums));
                }
                None => {
                    let all = 0..timeline.goroutines.len() as u32;
                    all.filter(is_other).for_each(|goroutine| self.add_periods(goroutine, &mut sums));
                }
            },
        }
        sums.cells()
    }

    /// Adds goroutines. `open` is the number of them in each state at a time at or before the start of the cells. Only
    /// those that were active afterwards are read: the others stay in their states.
    fn add_active(&self, time: i64, open: [u32; SLOTS], is_other: impl Fn(&u32) -> bool, sums: &mut Sums) {
        let (timeline, grid) = (self.timeline, self.grid);
        let mut quiet = open;
        for goroutine in timeline.level_tables().active().between(time, grid.end()).into_iter().filter(is_other) {
            timeline.each_period(goroutine, time, grid.end(), |period, _| {
                let Some(slot) = slot_of(period.state) else { return };
                sums.add(period.start, period.end, slot, 1);
                if period.start < time && period.end > time {
                    quiet[slot] = quiet[slot].wrapping_sub(1);
                }
            });
        }
        for (slot, quiet) in quiet.into_iter().enumerate() {
            sums.add(timeline.extent.start, timeline.extent.end, slot, quiet);
        }
    }

    /// Adds a goroutine with few spans.
    fn add_periods(&self, goroutine: u32, sums: &mut Sums) {
        self.timeline.each_period(goroutine, self.grid.start(0), self.grid.end(), |period, _| {
            if let Some(slot) = slot_of(period.state) {
                sums.add(period.start, period.end, slot, 1);
            }
        });
    }
}

/// The number of goroutines up to which it is not worth to ask which of them were active.
const FEW: usize = 64;
