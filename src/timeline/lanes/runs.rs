//! The goroutines that ran in a part of the trace, for lanes of Ps or threads whose levels are too coarse.

use super::grid::Grid;
use super::levels::{Kind, Row, Run};
use crate::timeline::Timeline;

/// The runs that overlap a part of the trace, for each row that needs them. Those of a row are sorted by goroutine, then by
/// time.
#[derive(Debug)]
pub(super) struct Runs(Vec<Vec<Run>>);

impl Runs {
    pub fn new(timeline: &Timeline, grid: Grid, kind: Kind) -> Self {
        let rows = timeline.rows(kind);
        let needs = |row: usize| match rows.get(row) {
            Some(Row::Level(level)) => !level.serves(grid),
            Some(Row::Unknown) => true,
            Some(Row::Listed(_)) | None => false,
        };
        let needs: Vec<bool> = (0..rows.len()).map(needs).collect();
        let mut runs = vec![Vec::new(); rows.len()];
        let (start, end) = (grid.start(0), grid.end());
        for goroutine in timeline.level_tables().active().between(start, end) {
            timeline.each_run(goroutine, start, end, kind, |place, run| {
                if let Some(row) = rows.of_place(place).filter(|&row| needs[row]) {
                    runs[row].push(run);
                }
            });
        }
        Runs(runs)
    }

    /// Returns the runs of a row.
    pub fn of(&self, row: usize) -> &[Run] {
        self.0.get(row).map_or(&[], |runs| runs)
    }
}
