//! From the ticks of the processor's clock to time.

use crate::time::TIME_LIMIT;

/// Ticks to nanoseconds since the first event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    pub start: u64,
    /// The first time past what a trace's times can be.
    pub end: u64,
    pub nanos_per_tick: f64,
}

impl Clock {
    /// As the reference computes it (`parser.go`, `parse`).
    #[inline(always)]
    pub fn nanos(self, ticks: u64) -> i64 {
        self.nanos_as_float(ticks) as i64
    }

    #[inline(always)]
    fn nanos_as_float(self, ticks: u64) -> f64 {
        // A difference of times fits in 63 bits, and those a processor converts faster.
        ticks.wrapping_sub(self.start) as i64 as f64 * self.nanos_per_tick
    }

    /// See `end`.
    pub fn end(self) -> u64 {
        let ticks = TIME_LIMIT as f64 / self.nanos_per_tick;
        self.start.saturating_add(ticks as u64)
    }
}
