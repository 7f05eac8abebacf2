//! Converts ticks of the processor's clock to nanoseconds.

use crate::time::TIME_LIMIT;

/// Converts ticks to nanoseconds since the first event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    pub start: u64,
    /// The first time, in ticks, that is too large.
    pub end: u64,
    pub nanos_per_tick: f64,
}

impl Clock {
    /// Converts ticks to nanoseconds, like Go (`parser.go`, `parse`).
    #[inline(always)]
    pub fn nanos(self, ticks: u64) -> i64 {
        self.nanos_as_float(ticks) as i64
    }

    #[inline(always)]
    fn nanos_as_float(self, ticks: u64) -> f64 {
        // A difference of times fits in 63 bits, and processors convert signed integers faster.
        ticks.wrapping_sub(self.start) as i64 as f64 * self.nanos_per_tick
    }

    /// Returns the value of `end`.
    pub fn end(self) -> u64 {
        let ticks = TIME_LIMIT as f64 / self.nanos_per_tick;
        self.start.saturating_add(ticks as u64)
    }
}
