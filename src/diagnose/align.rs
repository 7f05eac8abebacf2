//! One clock: where the log's and the trace's times lie on the wall clock, on which profiles are.
//!
//! A trace of Go 1.25 or later tells the wall clock. A GC log tells time since the program's start; the collections that are both
//! in the log and in the trace tell when that was, since no two rows of collections have the same times between them.

use crate::gctrace::Cycle;
use crate::time::{ClockSnapshot, Time};

/// How the clocks relate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clocks {
    /// What to add to a time of the trace to get nanoseconds since 1970.
    pub trace_to_wall: Option<i64>,
    /// The program's start, from which the log counts, on the trace's clock.
    pub log_in_trace: Option<i64>,
    /// The program's start, from which the log counts, in nanoseconds since 1970.
    pub log_to_wall: Option<i64>,
    /// How many collections of the trace were found in the log.
    pub matched: usize,
}

/// Fewer collections match by chance.
const MIN_MATCH: usize = 4;

/// The log has milliseconds, and the trace's collection begins a little before it stops the world, from where on the log counts.
const TOLERANCE: i64 = 3_000_000;

impl Clocks {
    pub(super) fn new(
        clock: Option<ClockSnapshot>,
        gc_starts: &[Time],
        cycles: &[Cycle],
        log_start: Option<i64>,
    ) -> Self {
        let mut trace_to_wall =
            clock.and_then(|clock| i64::try_from(clock.wall.as_nanos()).ok()?.checked_sub(clock.trace.0));
        let found = place(gc_starts, cycles);
        let log_in_trace = found.map(|(start, _)| start);
        let mut log_to_wall = log_start;
        if let (Some(start), Some(to_wall)) = (log_in_trace, trace_to_wall) {
            log_to_wall = start.checked_add(to_wall).or(log_start);
        }
        if let (None, Some(start), Some(wall)) = (trace_to_wall, log_in_trace, log_start) {
            trace_to_wall = wall.checked_sub(start);
        }
        Clocks { trace_to_wall, log_in_trace, log_to_wall, matched: found.map_or(0, |(_, count)| count) }
    }

    /// A time of the trace on the wall clock.
    pub fn wall_of_trace(&self, time: Time) -> Option<i64> {
        self.trace_to_wall?.checked_add(time.0)
    }

    /// A time of the log on the wall clock.
    pub fn wall_of_log(&self, at: u64) -> Option<i64> {
        self.log_to_wall?.checked_add(i64::try_from(at).ok()?)
    }
}

/// Looks for the trace's collections among the log's: gives the log's zero on the trace's clock, and how many matched.
///
/// Each of the log's collections is tried as the trace's first. The others then have to lie where the log has them, all but the
/// odd one whose line is lost; and no other start may fit.
fn place(gc_starts: &[Time], cycles: &[Cycle]) -> Option<(i64, usize)> {
    // A minute of a busy collector places a trace beyond doubt, and no file can make us try more.
    let starts: Vec<i64> = gc_starts.iter().take(1024).map(|time| time.0).collect();
    let &first = starts.first().filter(|_| starts.len() >= MIN_MATCH)?;
    let mut fits = cycles.iter().take(1 << 16).filter_map(|cycle| {
        let zero = first.checked_sub(i64::try_from(cycle.at).ok()?)?;
        let matched = matching(&starts, cycles, zero)?;
        let is_most = matched >= MIN_MATCH && matched * 10 >= starts.len() * 9;
        is_most.then_some((zero, matched))
    });
    let fit = fits.next()?;
    fits.next().is_none().then_some(fit)
}

/// How many of the trace's collections lie where the log has one; `None` as soon as too few can.
fn matching(starts: &[i64], cycles: &[Cycle], zero: i64) -> Option<usize> {
    let mut missed = 0;
    for &start in starts {
        let at = start.checked_sub(zero)?;
        let next = cycles.partition_point(|cycle| i64::try_from(cycle.at).unwrap_or(i64::MAX) < at - TOLERANCE);
        let is_there =
            cycles.get(next).is_some_and(|cycle| i64::try_from(cycle.at).unwrap_or(i64::MAX) <= at + TOLERANCE);
        missed += usize::from(!is_there);
        if missed * 10 > starts.len() {
            return None;
        }
    }
    Some(starts.len() - missed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gctrace::Log;

    fn cycles(at_millis: &[u64]) -> Vec<Cycle> {
        let lines = at_millis.iter().enumerate().map(|(n, at)| {
            format!(
                "gc {} @{:.3}s 0%: 0.01+1.0+0.01 ms clock, 0.01+0/0/0+0.01 ms cpu, 4->4->2 MB, 4 MB goal, 0 MB stacks, 0 MB globals, 1 P\n",
                n + 1,
                *at as f64 / 1e3
            )
        });
        Log::from_slice(lines.collect::<String>().as_bytes()).cycles
    }

    fn starts(at_millis: &[u64], zero: i64) -> Vec<Time> {
        // The trace is exact to the nanosecond where the log is not.
        at_millis.iter().enumerate().map(|(i, &at)| Time(zero + at as i64 * 1_000_000 + i as i64 * 40_000)).collect()
    }

    #[test]
    fn collections_place_the_trace_in_the_log() {
        let log = cycles(&[10, 100, 231, 309, 500, 580, 777, 901, 1000]);
        let trace = starts(&[309, 500, 580, 777], 5_000_000_000);
        let clocks = Clocks::new(None, &trace, &log, None);
        assert_eq!((clocks.log_in_trace, clocks.matched), (Some(5_000_000_000), 4));
        assert_eq!(clocks.log_to_wall, None);
        let told = Clocks::new(None, &trace, &log, Some(1_700_000_000_000_000_000));
        assert_eq!(told.wall_of_trace(Time(5_000_000_001)), Some(1_700_000_000_000_000_001));
        assert_eq!(told.wall_of_log(7), Some(1_700_000_000_000_000_007));
    }

    #[test]
    fn an_even_rhythm_places_nothing() {
        let log = cycles(&[100, 200, 300, 400, 500, 600, 700, 800]);
        assert_eq!(Clocks::new(None, &starts(&[300, 400, 500, 600], 0), &log, None).log_in_trace, None);
        assert_eq!(Clocks::new(None, &starts(&[100, 200], 0), &log, None).log_in_trace, None, "too few");
    }
}
