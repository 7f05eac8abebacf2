//! The numbers of goroutines and Ps in each state, integrated over time.

use std::ops::Range;

use super::report::ProcsWindow;
use super::{MAX_PROCS, nanos};
use crate::analysis::over_time::{Content, OverTime};
use crate::time::Time;

/// Sums over a window. Most fields are a count integrated over time, in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    length: i64,
    running: i64,
    runnable: i64,
    runnable_max: u64,
    procs: i64,
    idle_while_runnable: i64,
    gc: i64,
}

impl Content for Sums {
    #[inline]
    fn merge(&mut self, later: &Sums) {
        self.length += later.length;
        self.running = self.running.saturating_add(later.running);
        self.runnable = self.runnable.saturating_add(later.runnable);
        self.runnable_max = self.runnable_max.max(later.runnable_max);
        self.procs = self.procs.saturating_add(later.procs);
        self.idle_while_runnable += later.idle_while_runnable;
        self.gc = self.gc.saturating_add(later.gc);
    }
}

impl Sums {
    pub fn into_window(self, start: i64) -> ProcsWindow {
        let mean = |sum: i64| if self.length == 0 { 0.0 } else { sum as f64 / self.length as f64 };
        ProcsWindow {
            start: Time(start),
            duration: nanos(self.length),
            running: mean(self.running),
            runnable: mean(self.runnable),
            runnable_max: self.runnable_max,
            procs: mean(self.procs),
            idle_while_runnable: nanos(self.idle_while_runnable),
            gc: mean(self.gc),
        }
    }
}

/// A number that changes over time, and its integral over the current window.
///
/// The integral assumes that the number keeps its value until the end of the window. A change
/// therefore only corrects the integral for the rest of the window, and numbers that do not change
/// need no work.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Level {
    pub value: u64,
    integral: i128,
}

impl Level {
    /// Changes the number when `rest` nanoseconds of the window are left.
    #[inline]
    pub fn set(&mut self, value: u64, rest: i64) {
        self.integral += (i128::from(value) - i128::from(self.value)) * i128::from(rest);
        self.value = value;
    }

    #[inline]
    pub fn add(&mut self, rest: i64) {
        self.value += 1;
        self.integral += i128::from(rest);
    }

    #[inline]
    pub fn subtract(&mut self, rest: i64) {
        if self.value > 0 {
            self.value -= 1;
            self.integral -= i128::from(rest);
        }
    }

    /// Returns the integral of the window when `rest` nanoseconds of it are left, at most
    /// [`i64::MAX`].
    fn end_window(&mut self, rest: i64) -> i64 {
        let integral = self.integral - i128::from(self.value) * i128::from(rest);
        i64::try_from(integral).unwrap_or(i64::MAX)
    }

    fn start_window(&mut self, length: i64) {
        self.integral = i128::from(self.value) * i128::from(length);
    }
}

/// The number of goroutines and Ps in each state over time.
#[derive(Debug, Default)]
pub(super) struct Levels {
    pub over_time: OverTime<Sums>,
    /// The current window, or the part of it that has not been added to `over_time`.
    pub window: Range<i64>,
    /// 1, or 0 in a gap.
    known: Level,
    pub running: Level,
    pub runnable: Level,
    pub procs: Level,
    pub gc: Level,
    /// 1 while a P is idle and a goroutine is runnable.
    pub wasteful: Level,
    /// The maximum number of runnable goroutines in the window, and when the number last changed.
    runnable_max: u64,
    runnable_since: i64,
    /// How long exactly n goroutines ran, in nanoseconds by n, and when n last changed.
    pub parallelism: Vec<i64>,
    running_since: i64,
}

impl Levels {
    /// Returns levels that have not started. The first event is after their window.
    pub fn new() -> Self {
        Levels { window: i64::MIN..i64::MIN, ..Levels::default() }
    }

    pub fn start(&mut self, time: i64) {
        self.over_time.start(time);
        self.start_window(time);
        (self.runnable_since, self.running_since) = (time, time);
        self.set_known(true, time);
    }

    fn start_window(&mut self, time: i64) {
        self.window = time..self.over_time.window_end(time);
        let length = self.window.end - time;
        for level in self.all() {
            level.start_window(length);
        }
        self.runnable_max = 0;
    }

    pub fn all(&mut self) -> [&mut Level; 6] {
        let Levels { known, running, runnable, procs, gc, wasteful, .. } = self;
        [known, running, runnable, procs, gc, wasteful]
    }

    /// Advances to a time and ends the windows before it.
    #[inline]
    pub fn advance(&mut self, time: i64) {
        while time >= self.window.end {
            let end = self.window.end;
            self.end_window(end);
            // Skip the windows in a gap.
            self.start_window(if self.known.value == 0 { time } else { end });
        }
    }

    /// Adds the current window, up to `time`.
    #[inline(never)]
    fn end_window(&mut self, time: i64) {
        self.note_runnable(time);
        let rest = self.window.end - time;
        let [known, running, runnable, procs, gc, wasteful] = self.all().map(|level| level.end_window(rest));
        if known == 0 {
            return;
        }
        let runnable_max = self.runnable_max;
        let sums = Sums { length: known, running, runnable, runnable_max, procs, idle_while_runnable: wasteful, gc };
        self.over_time.at(self.window.start).0.merge(&sums);
    }

    /// Adds the last window. Nothing is known about the time after `time`.
    pub fn end(&mut self, time: i64) {
        self.note_parallelism(time);
        self.end_window(time);
    }

    /// Returns how much of the window is left, in nanoseconds.
    #[inline]
    pub fn rest(&self, time: i64) -> i64 {
        self.window.end - time
    }

    pub fn set_known(&mut self, known: bool, time: i64) {
        self.note_parallelism(time);
        self.known.set(u64::from(known), self.rest(time));
    }

    /// Adds the time since the number of running goroutines last changed. Must be called before
    /// each change.
    #[inline]
    pub fn note_parallelism(&mut self, time: i64) {
        let running = self.running.value.min(MAX_PROCS) as usize;
        if self.known.value > 0 && time > self.running_since {
            if self.parallelism.len() <= running {
                self.parallelism.resize(running + 1, 0);
            }
            self.parallelism[running] += time - self.running_since;
        }
        self.running_since = time;
    }

    /// Updates the maximum of runnable goroutines, if the current number lasted for any time. Must
    /// be called before each change of the number.
    #[inline]
    pub fn note_runnable(&mut self, time: i64) {
        if time > self.runnable_since {
            self.runnable_max = self.runnable_max.max(self.runnable.value);
        }
        self.runnable_since = time;
    }
}
