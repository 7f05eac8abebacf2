//! The trace's clock and the wall clock.

use super::Timeline;
use crate::time::{ClockSnapshot, Time, WallTime};

impl Timeline {
    /// Returns the clock snapshots, one per generation. Empty before Go 1.25.
    pub fn clock_snapshots(&self) -> &[ClockSnapshot] {
        &self.clocks
    }

    /// Converts a time of the trace to wall time, based on the last snapshot at or before it. If
    /// there is none, uses the first snapshot. `None` if there are no snapshots, or if the wall
    /// time is out of range.
    pub fn wall_at(&self, time: Time) -> Option<WallTime> {
        let snapshots = &self.clocks;
        let before = snapshots.partition_point(|snapshot| snapshot.trace <= time);
        snapshots.get(before.saturating_sub(1))?.wall_at(time)
    }

    /// Converts wall time to a time of the trace, based on the last snapshot at or before it. If
    /// there is none, uses the first snapshot. `None` if there are no snapshots, or if the time is
    /// out of the clock's range.
    pub fn time_at(&self, wall: WallTime) -> Option<Time> {
        let snapshots = &self.clocks;
        let before = snapshots.partition_point(|snapshot| snapshot.wall <= wall);
        snapshots.get(before.saturating_sub(1))?.time_at(wall)
    }
}
