//! Collections, stop-the-world pauses and gaps: marks across all lanes.

use gotrace::Time;
use gotrace::timeline::Pause;
use serde::Serialize;

use super::super::session::Loaded;
use super::view::Picture;
use super::{Answer, to_json};

#[derive(Serialize)]
struct Marks {
    cycles: Vec<Cycle>,
    pauses: Vec<PauseMark>,
    gaps_ns: Vec<Time>,
}

#[derive(Serialize)]
struct Cycle {
    /// The number of the collection in the trace, from 1.
    seq: u64,
    start_ns: Time,
    end_ns: Time,
    heap_start: Option<u64>,
    heap_live: Option<u64>,
    goal: Option<u64>,
}

/// A pause, or several that are closer together than a pixel.
#[derive(Serialize)]
struct PauseMark {
    start_ns: Time,
    end_ns: Time,
    /// The reason of the first.
    reason: String,
    count: u64,
}

/// Answers with what overlaps a part of the trace.
pub fn marks(loaded: &Loaded, picture: Picture) -> Answer {
    let timeline = loaded.timeline()?;
    let part = picture.part(timeline);
    let overlaps = |start: Time, end: Time| start <= part.end && end >= part.start;
    let cycles = timeline.gc_cycles().filter(|cycle| overlaps(cycle.start(), cycle.end())).map(|cycle| Cycle {
        seq: cycle.seq(),
        start_ns: cycle.start(),
        end_ns: cycle.end(),
        heap_start: cycle.heap_start(),
        heap_live: cycle.heap_live(),
        goal: cycle.goal(),
    });
    let pauses = timeline.pauses().filter(|pause| overlaps(pause.start(), pause.end()));
    to_json(&Marks {
        cycles: cycles.collect(),
        pauses: join(pauses, picture.pixel(timeline)),
        gaps_ns: timeline.gaps().filter(|&gap| overlaps(gap, gap)).collect(),
    })
}

/// Joins pauses, sorted by start, that are closer together than a pixel.
fn join<'t>(pauses: impl Iterator<Item = Pause<'t>>, pixel: u64) -> Vec<PauseMark> {
    let mut marks: Vec<PauseMark> = Vec::new();
    for pause in pauses {
        match marks.last_mut() {
            Some(last) if pause.start().0.saturating_sub(last.end_ns.0) < pixel.cast_signed() => {
                last.end_ns = last.end_ns.max(pause.end());
                last.count += 1;
            }
            _ => marks.push(PauseMark {
                start_ns: pause.start(),
                end_ns: pause.end(),
                reason: pause.reason().to_string(),
                count: 1,
            }),
        }
    }
    marks
}
