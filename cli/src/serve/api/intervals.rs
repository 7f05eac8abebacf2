//! Tasks, regions, log messages and mark assists as bars in rows.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use gotrace::{GoId, TaskId, Time, Timeline};
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
struct Intervals {
    /// The number of rows.
    rows: usize,
    /// The number of tasks, regions, messages or assists in this part.
    total: u64,
    intervals: Vec<Interval>,
}

/// A bar, or several that are narrower than a pixel and start within the same pixel.
#[derive(Serialize)]
struct Interval {
    row: usize,
    start_ns: Time,
    end_ns: Time,
    /// The name of the first.
    name: String,
    /// The ID of the task.
    id: Option<TaskId>,
    goroutine: Option<GoId>,
    /// The text of a log message.
    message: Option<String>,
    count: u64,
}

impl Interval {
    fn new(start: Time, end: Time, name: String, id: Option<TaskId>, goroutine: Option<GoId>) -> Self {
        Interval { row: 0, start_ns: start, end_ns: end, name, id, goroutine, message: None, count: 1 }
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
    let mut all = all(timeline, query.kind);
    all.retain(|interval| interval.start_ns <= part.end && interval.end_ns >= part.start);
    all.sort_by_key(|interval| (interval.start_ns, Reverse(interval.end_ns)));
    let total = all.len() as u64;
    let mut intervals = join(all, picture.pixel(timeline).cast_signed());
    let rows = pack(&mut intervals);
    intervals.truncate(MAX_INTERVALS);
    to_json(&Intervals { rows, total, intervals })
}

fn all(timeline: &Timeline, kind: What) -> Vec<Interval> {
    match kind {
        What::Tasks => {
            let tasks = timeline.tasks().map(|task| {
                let start = task.start().unwrap_or(timeline.start());
                Interval::new(
                    start,
                    task.end().unwrap_or(timeline.end()),
                    task.name().to_string(),
                    Some(task.id()),
                    task.go(),
                )
            });
            tasks.collect()
        }
        What::Regions => {
            let regions = timeline.regions().map(|region| {
                let start = region.start().unwrap_or(timeline.start());
                Interval::new(
                    start,
                    region.end().unwrap_or(timeline.end()),
                    region.name().to_string(),
                    Some(region.task()),
                    region.go(),
                )
            });
            regions.collect()
        }
        What::Logs => {
            let logs = timeline.logs().map(|log| Interval {
                message: Some(log.message().to_string()),
                ..Interval::new(log.time(), log.time(), log.category().to_string(), Some(log.task()), log.go())
            });
            logs.collect()
        }
        What::Assists => {
            let assists = timeline
                .mark_assists()
                .map(|assist| Interval::new(assist.start(), assist.end(), "mark assist".to_owned(), None, assist.go()));
            assists.collect()
        }
    }
}

/// Joins bars, sorted by start, that are narrower than a pixel and start within the same pixel.
fn join(all: Vec<Interval>, pixel: i64) -> Vec<Interval> {
    let mut joined: Vec<Interval> = Vec::new();
    let mut narrow: Option<Interval> = None;
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
fn pack(intervals: &mut [Interval]) -> usize {
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

    fn bar(start: i64, end: i64) -> Interval {
        Interval::new(Time(start), Time(end), String::new(), None, None)
    }

    #[test]
    fn bars_that_overlap_are_in_different_rows() {
        let mut bars = vec![bar(0, 10), bar(2, 4), bar(3, 12), bar(4, 5), bar(10, 11)];
        assert_eq!(pack(&mut bars), 3);
        assert_eq!(bars.iter().map(|bar| bar.row).collect::<Vec<_>>(), [0, 1, 2, 1, 1]);
        let mut many: Vec<Interval> = (0..100).map(|start| bar(start, 1000 + start)).collect();
        assert_eq!(pack(&mut many), MAX_ROWS);
    }

    #[test]
    fn narrow_bars_of_a_pixel_are_joined() {
        let bars = vec![bar(0, 1), bar(5, 6), bar(5, 40), bar(9, 10), bar(10, 11)];
        let joined: Vec<_> = join(bars, 10).iter().map(|bar| (bar.start_ns.0, bar.end_ns.0, bar.count)).collect();
        assert_eq!(joined, [(0, 10, 3), (5, 40, 1), (10, 11, 1)]);
    }
}
