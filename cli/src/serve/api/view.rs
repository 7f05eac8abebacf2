//! The part of the trace that a request is about, and the width of the picture.

use std::ops::Range;

use gotrace::{Time, Timeline};
use serde::Deserialize;

/// A part of the trace. Without limits, the whole trace.
#[derive(Clone, Copy, Default, Deserialize)]
pub struct Part {
    start: Option<i64>,
    end: Option<i64>,
}

impl Part {
    pub fn new(start: Option<i64>, end: Option<i64>) -> Self {
        Part { start, end }
    }

    /// Returns the part, within the trace. Ends that are in the wrong order make an empty part.
    pub fn of(self, timeline: &Timeline) -> Range<Time> {
        let (first, last) = (timeline.start(), timeline.end());
        let start = self.start.map_or(first, Time).clamp(first, last);
        start..self.end.map_or(last, Time).clamp(start, last)
    }
}

/// A part of the trace that is drawn this many pixels wide.
#[derive(Clone, Copy, Deserialize)]
pub struct Picture {
    start: Option<i64>,
    end: Option<i64>,
    pixels: Option<usize>,
}

/// The width if a request has none.
const USUAL_WIDTH: usize = 1000;

impl Picture {
    pub fn new(start: Option<i64>, end: Option<i64>, pixels: Option<usize>) -> Self {
        Picture { start, end, pixels }
    }

    pub fn part(self, timeline: &Timeline) -> Range<Time> {
        Part::new(self.start, self.end).of(timeline)
    }

    pub fn pixels(self) -> usize {
        self.pixels.unwrap_or(USUAL_WIDTH)
    }

    /// Returns the time that a pixel shows, at least 1 ns.
    pub fn pixel(self, timeline: &Timeline) -> u64 {
        let part = self.part(timeline);
        let nanos = u64::try_from((part.end - part.start).as_nanos()).unwrap_or(u64::MAX);
        (nanos / self.pixels().max(1) as u64).max(1)
    }
}
