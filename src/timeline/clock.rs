//! The trace's clock and the wall's.

use super::Timeline;
use crate::time::{ClockSnapshot, Time, WallTime};

impl Timeline {
    /// What the clocks showed, once a generation; none before Go 1.25.
    pub fn clock_snapshots(&self) -> &[ClockSnapshot] {
        &self.clocks
    }

    /// The wall time of an instant, by the last snapshot before it or the first of all; `None`
    /// without snapshots, or past the years that a clock can have.
    pub fn wall_at(&self, time: Time) -> Option<WallTime> {
        let snapshots = &self.clocks;
        let before = snapshots.partition_point(|snapshot| snapshot.trace <= time);
        snapshots.get(before.saturating_sub(1))?.wall_at(time)
    }

    /// The instant of a wall time, by the last snapshot before it or the first of all; `None`
    /// without snapshots, or if it is too far from the trace for its clock.
    pub fn time_at(&self, wall: WallTime) -> Option<Time> {
        let snapshots = &self.clocks;
        let before = snapshots.partition_point(|snapshot| snapshot.wall <= wall);
        snapshots.get(before.saturating_sub(1))?.time_at(wall)
    }
}
