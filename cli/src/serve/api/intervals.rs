//! Tasks, regions, log messages and mark assists as bars in rows.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use gotrace::{GoId, TaskId, Text, Time, Timeline};
use serde::{Deserialize, Serialize};

use super::super::session::Loaded;
use super::view::Picture;
use super::{Answer, to_json};

/// What the bars are.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum What {
    Tasks,
    Regions,
    Logs,
    Assists,
}

/// Selects a kind of bars in a part of the trace.
#[derive(Deserialize)]
pub struct IntervalsQuery {
    kind: What,
    start: Option<i64>,
    end: Option<i64>,
    pixels: Option<usize>,
}

#[derive(Serialize)]
struct Intervals<'t> {
    /// The number of rows.
    rows: usize,
    /// The number of tasks, regions, messages or assists in this part.
    total: u64,
    /// How many bars are left out, because there are too many: the shortest.
    left_out: usize,
    intervals: Vec<Interval<'t>>,
}

/// A bar, or several that are narrower than a pixel and start within the same pixel.
#[derive(Serialize)]
struct Interval<'t> {
    row: usize,
    start_ns: Time,
    end_ns: Time,
    /// The name of the first.
    name: Cow<'t, str>,
    /// The ID of the task.
    id: Option<TaskId>,
    goroutine: Option<GoId>,
    /// The text of a log message.
    message: Option<Cow<'t, str>>,
    count: u64,
}

impl<'t> Interval<'t> {
    fn new(start: Time, end: Time, name: Text<'t>) -> Self {
        let name = name.to_str_lossy();
        Interval { row: 0, start_ns: start, end_ns: end, name, id: None, goroutine: None, message: None, count: 1 }
    }
}

/// More bars are not drawn.
const MAX_INTERVALS: usize = 4000;
/// More rows are not drawn: a bar that does not fit overlaps another one, see [`pack`].
const MAX_ROWS: usize = 64;

pub fn intervals(loaded: &Loaded, query: IntervalsQuery) -> Answer {
    let timeline = loaded.timeline()?;
    let picture = Picture::new(query.start, query.end, query.pixels);
    let part = picture.part(timeline);
    let mut all: Vec<Interval<'_>> = Vec::new();
    for_each(timeline, query.kind, |interval| {
        if interval.start_ns <= part.end && interval.end_ns >= part.start {
            all.push(interval);
        }
    });
    sort_by_start(&mut all);
    let total = all.len() as u64;
    let mut intervals = join(all, picture.pixel(timeline).cast_signed());
    let left_out = intervals.len().saturating_sub(MAX_INTERVALS);
    if left_out > 0 {
        intervals.sort_by_key(|interval| Reverse(interval.end_ns - interval.start_ns));
        intervals.truncate(MAX_INTERVALS);
        sort_by_start(&mut intervals);
    }
    let rows = pack(&mut intervals);
    to_json(&Intervals { rows, total, left_out, intervals })
}

fn sort_by_start(intervals: &mut [Interval<'_>]) {
    intervals.sort_by_key(|interval| (interval.start_ns, Reverse(interval.end_ns)));
}

/// Calls `show` with each bar of a kind. What started before the trace starts with the trace, and what is open ends with
/// it.
fn for_each<'t>(timeline: &'t Timeline, kind: What, show: impl FnMut(Interval<'t>)) {
    let (first, last) = (timeline.start(), timeline.end());
    match kind {
        What::Tasks => {
            let tasks = timeline.tasks().map(|task| Interval {
                id: Some(task.id()),
                goroutine: task.go(),
                ..Interval::new(task.start().unwrap_or(first), task.end().unwrap_or(last), task.name())
            });
            tasks.for_each(show);
        }
        What::Regions => {
            let regions = timeline.regions().map(|region| Interval {
                id: Some(region.task()),
                goroutine: region.go(),
                ..Interval::new(region.start().unwrap_or(first), region.end().unwrap_or(last), region.name())
            });
            regions.for_each(show);
        }
        What::Logs => {
            let logs = timeline.logs().map(|log| Interval {
                id: Some(log.task()),
                goroutine: log.go(),
                message: Some(log.message().to_str_lossy()),
                ..Interval::new(log.time(), log.time(), log.category())
            });
            logs.for_each(show);
        }
        What::Assists => {
            let assists = timeline.mark_assists().map(|assist| Interval {
                goroutine: assist.go(),
                ..Interval::new(assist.start(), assist.end(), Text::from("mark assist"))
            });
            assists.for_each(show);
        }
    }
}

/// Joins bars, sorted by start, that are narrower than a pixel and start within the same pixel.
fn join(all: Vec<Interval<'_>>, pixel: i64) -> Vec<Interval<'_>> {
    let mut joined: Vec<Interval<'_>> = Vec::new();
    let mut narrow: Option<Interval<'_>> = None;
    for interval in all {
        if interval.end_ns.0.saturating_sub(interval.start_ns.0) >= pixel {
            joined.push(interval);
            continue;
        }
        match &mut narrow {
            Some(group) if interval.start_ns.0.saturating_sub(group.start_ns.0) < pixel => {
                group.end_ns = group.end_ns.max(interval.end_ns);
                group.count += 1;
            }
            _ => joined.extend(narrow.replace(interval)),
        }
    }
    joined.extend(narrow);
    joined.sort_by_key(|interval| (interval.start_ns, Reverse(interval.end_ns)));
    joined
}

/// Puts bars, sorted by start, into rows so that they do not overlap, and returns the number of rows. If all rows are
/// occupied, a bar overlaps the one that ends first.
fn pack(intervals: &mut [Interval<'_>]) -> usize {
    let mut rows: BinaryHeap<Reverse<(Time, usize)>> = BinaryHeap::new();
    for interval in intervals {
        let is_free = rows.peek().is_some_and(|Reverse((end, _))| *end <= interval.start_ns);
        let row = match rows.len() {
            count if count < MAX_ROWS && !is_free => count,
            _ => rows.pop().map_or(0, |Reverse((_, row))| row),
        };
        interval.row = row;
        rows.push(Reverse((interval.end_ns, row)));
    }
    rows.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(start: i64, end: i64) -> Interval<'static> {
        Interval::new(Time(start), Time(end), Text::default())
    }

    #[test]
    fn bars_that_overlap_are_in_different_rows() {
        let mut bars = vec![bar(0, 10), bar(2, 4), bar(3, 12), bar(4, 5), bar(10, 11)];
        assert_eq!(pack(&mut bars), 3);
        assert_eq!(bars.iter().map(|bar| bar.row).collect::<Vec<_>>(), [0, 1, 2, 1, 1]);
        let mut many: Vec<Interval<'_>> = (0..100).map(|start| bar(start, 1000 + start)).collect();
        assert_eq!(pack(&mut many), MAX_ROWS);
    }

    #[test]
    fn narrow_bars_of_a_pixel_are_joined() {
        let bars = vec![bar(0, 1), bar(5, 6), bar(5, 40), bar(9, 10), bar(10, 11)];
        let joined: Vec<_> = join(bars, 10).iter().map(|bar| (bar.start_ns.0, bar.end_ns.0, bar.count)).collect();
        assert_eq!(joined, [(0, 10, 3), (5, 40, 1), (10, 11, 1)]);
    }
}
