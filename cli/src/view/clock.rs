//! Moments of a trace as text.

use std::time::Duration;

use gotrace::{ClockSnapshot, Time, Timeline};

use super::units;
use crate::failure;
use crate::terminal::TimeStyle;

/// The clock of a trace. It shows times in the style that the user chose.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Time,
    snapshot: Option<ClockSnapshot>,
    style: TimeStyle,
}

impl Clock {
    /// The clock of a trace that starts at `start`, with its first clock snapshot if it has one.
    ///
    /// If wall times are wanted and the trace has none, a note on standard error says so, and
    /// moments are shown relative to the start of the trace.
    pub fn new(start: Time, snapshot: Option<ClockSnapshot>, style: TimeStyle) -> Self {
        let style = match style {
            TimeStyle::Wall if snapshot.is_none() => {
                let why = "this trace has no wall time (only Go 1.25 and later write it)";
                failure::note("", &format!("{why}; times are relative to its start"));
                TimeStyle::Relative
            }
            style => style,
        };
        Clock { start, snapshot, style }
    }

    /// The clock of a timeline.
    pub fn of(timeline: &Timeline, style: TimeStyle) -> Self {
        Self::new(timeline.start(), timeline.clock_snapshots().first().copied(), style)
    }

    /// When the trace starts.
    pub fn start(&self) -> Time {
        self.start
    }

    /// The first clock snapshot.
    pub fn snapshot(&self) -> Option<&ClockSnapshot> {
        self.snapshot.as_ref()
    }

    /// Returns a time as text, such as `+1.234 s`; `−` is before the start of the trace.
    pub fn show(&self, time: Time) -> String {
        match self.style {
            TimeStyle::Clock => time.to_string(),
            TimeStyle::Wall => match self.snapshot.and_then(|snapshot| snapshot.wall_at(time)) {
                Some(wall) => wall.to_string(),
                None => self.relative(time),
            },
            TimeStyle::Relative => self.relative(time),
        }
    }

    fn relative(&self, time: Time) -> String {
        match time < self.start {
            true => format!("−{}", offset(self.start - time)),
            false => format!("+{}", offset(time - self.start)),
        }
    }
}

/// A distance from the start of the trace as text. It has more digits than a duration, so that
/// moments close to each other differ: seconds with milliseconds, or milliseconds with microseconds.
fn offset(duration: Duration) -> String {
    let nanos = duration.as_nanos() as f64;
    match duration.as_nanos() {
        0 => "0 s".to_owned(),
        1_000_000_000.. => format!("{:.3} s", nanos / 1e9),
        1_000_000.. => format!("{:.3} ms", nanos / 1e6),
        _ => units::duration(duration),
    }
}
