//! From the ticks of the processor's clock to time.

/// Ticks to nanoseconds since the first event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    pub start: u64,
    /// The first time that does not fit in 63 bits of nanoseconds.
    pub end: u64,
    pub nanos_per_tick: f64,
}

/// 2⁶³: the first f64 that no `i64` holds.
const I64_LIMIT: f64 = 9_223_372_036_854_775_808.0;

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

    /// See `end`; a little early, for the rounding.
    pub fn end(self) -> u64 {
        let ticks = I64_LIMIT / self.nanos_per_tick * 0.999_999;
        self.start.saturating_add(ticks as u64)
    }
}
