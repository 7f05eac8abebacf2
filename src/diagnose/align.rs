//! One clock: how the times of the log and of the trace relate to the wall clock, which profiles
//! use.
//!
//! A trace of Go 1.25 or later records the wall clock. A GC log has the time since the program's
//! start. Collections that are in both the log and the trace show when the program started, since
//! no two sequences of collections have the same times between them.

use std::time::Duration;

use crate::gctrace::Cycle;
use crate::time::{ClockSnapshot, Time, WallTime};

/// The relation of the clocks of the inputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Clocks {
    /// The wall time at which the trace's clock was zero. `None` if it is not known.
    pub trace_zero: Option<WallTime>,
    /// The program's start on the trace's clock. The log counts from it. `None` if it is not known.
    #[cfg_attr(feature = "serde", serde(rename = "program_start_ns"))]
    pub program_start: Option<Time>,
    /// The program's start on the wall clock. `None` if it is not known.
    pub program_start_wall: Option<WallTime>,
    /// The number of collections of the trace that were found in the log.
    pub matched: usize,
}

/// Fewer collections can match by chance.
const MIN_MATCH: usize = 4;

/// The log has milliseconds, and a collection in the trace starts a little before it stops the
/// world, which is when it starts in the log.
const TOLERANCE: i64 = 3_000_000;

impl Clocks {
    pub(super) fn new(
        clock: Option<ClockSnapshot>,
        gc_starts: &[Time],
        cycles: &[Cycle],
        log_start: Option<WallTime>,
    ) -> Self {
        let mut trace_zero = clock.and_then(|clock| wall(clock.wall, -i128::from(clock.trace.0)));
        let found = place(gc_starts, cycles);
        let program_start = found.map(|(start, _)| Time(start));
        let mut program_start_wall = log_start;
        if let (Some(start), Some(zero)) = (program_start, trace_zero) {
            program_start_wall = wall(zero, start.0.into()).or(log_start);
        }
        if let (None, Some(start), Some(wall_start)) = (trace_zero, program_start, log_start) {
            trace_zero = wall(wall_start, -i128::from(start.0));
        }
        Clocks { trace_zero, program_start, program_start_wall, matched: found.map_or(0, |(_, count)| count) }
    }

    /// Converts a time of the trace to wall time. `None` if the relation is not known.
    pub fn wall_of_trace(&self, time: Time) -> Option<WallTime> {
        wall(self.trace_zero?, time.0.into())
    }

    /// Converts a time of the log, which counts from the program's start, to wall time. `None` if
    /// the relation is not known.
    pub fn wall_of_log(&self, since_start: Duration) -> Option<WallTime> {
        wall(self.program_start_wall?, since_start.as_nanos().try_into().ok()?)
    }
}

/// Adds some nanoseconds to a wall time.
fn wall(from: WallTime, nanos: i128) -> Option<WallTime> {
    WallTime::from_nanos(from.as_nanos().checked_add(nanos)?)
}

/// Returns a duration in nanoseconds, as the trace's clock has them. `None` if it exceeds 2⁶³ ns,
/// which happens only in a damaged log.
fn nanos(since_start: Duration) -> Option<i64> {
    i64::try_from(since_start.as_nanos()).ok()
}

/// Looks for the trace's collections in the log. Returns the log's zero on the trace's clock, and
/// how many collections matched.
///
/// Each collection of the log is tried as the first collection of the trace. The log must then have
/// the trace's other collections at the right times, except for a few whose lines are lost, and no
/// other start may fit.
fn place(gc_starts: &[Time], cycles: &[Cycle]) -> Option<(i64, usize)> {
    // A minute of a busy collector is enough. The limits bound the time that a damaged file takes.
    let starts: Vec<i64> = gc_starts.iter().take(1024).map(|time| time.0).collect();
    let &first = starts.first().filter(|_| starts.len() >= MIN_MATCH)?;
    let logged: Vec<i64> = cycles.iter().map(|cycle| nanos(cycle.start).unwrap_or(i64::MAX)).collect();
    let mut fits = cycles.iter().take(1 << 16).filter_map(|cycle| {
        let zero = first.checked_sub(nanos(cycle.start)?)?;
        let matched = matching(&starts, &logged, zero)?;
        let is_most = matched >= MIN_MATCH && matched * 10 >= starts.len() * 9;
        is_most.then_some((zero, matched))
    });
    let fit = fits.next()?;
    fits.next().is_none().then_some(fit)
}

/// Counts the collections of the trace that the log has at the same time. `None` as soon as it is
/// clear that there are too few.
fn matching(starts: &[i64], logged: &[i64], zero: i64) -> Option<usize> {
    let mut missed = 0;
    for &start in starts {
        let at = start.checked_sub(zero)?;
        let next = logged.partition_point(|&logged| logged < at.saturating_sub(TOLERANCE));
        let is_there = logged.get(next).is_some_and(|&logged| logged <= at.saturating_add(TOLERANCE));
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
        Log::from_slice(lines.collect::<String>().as_bytes()).expect("a log").cycles
    }

    fn starts(at_millis: &[u64], zero: i64) -> Vec<Time> {
        // The times in the trace are exact to the nanosecond. The times in the log are not.
        at_millis.iter().enumerate().map(|(i, &at)| Time(zero + at as i64 * 1_000_000 + i as i64 * 40_000)).collect()
    }

    #[test]
    fn matching_collections_relate_the_clocks() {
        let log = cycles(&[10, 100, 231, 309, 500, 580, 777, 901, 1000]);
        let trace = starts(&[309, 500, 580, 777], 5_000_000_000);
        let clocks = Clocks::new(None, &trace, &log, None);
        assert_eq!((clocks.program_start, clocks.matched), (Some(Time(5_000_000_000)), 4));
        assert_eq!(clocks.program_start_wall, None);
        let wall = |nanos: i128| WallTime::from_nanos(1_700_000_000_000_000_000 + nanos);
        let dated = Clocks::new(None, &trace, &log, wall(0));
        assert_eq!(dated.wall_of_trace(Time(5_000_000_001)), wall(1));
        assert_eq!(dated.wall_of_log(Duration::from_nanos(7)), wall(7));
    }

    #[test]
    fn evenly_spaced_collections_do_not_relate_the_clocks() {
        let log = cycles(&[100, 200, 300, 400, 500, 600, 700, 800]);
        assert_eq!(Clocks::new(None, &starts(&[300, 400, 500, 600], 0), &log, None).program_start, None);
        assert_eq!(Clocks::new(None, &starts(&[100, 200], 0), &log, None).program_start, None, "too few");
    }
}
