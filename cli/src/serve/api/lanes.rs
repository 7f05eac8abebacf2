//! Lanes as little-endian arrays, which the page reads without parsing:
//!
//! ```text
//! u32 magic, u32 shift, i64 start of the first cell, u32 cells, u32 lanes
//! for each lane:  u32 form, u32 n
//!   form 0, one goroutine, P, thread or the GC, as n runs of equal cells:
//!           u32 first[n], u32 length[n], u8 state[n], u8 share[n], u8 flags[n], u64 what[n]
//!   form 1, a group of goroutines, of n cells, with the mean number in each state:
//!           f32 runnable[n], running[n], waiting[n], syscall[n], gc[n]
//! ```
//!
//! Every array is padded to eight bytes. A cell is `1 << shift` ns wide.

use gotrace::timeline::{Cell, GroupCell, LaneDetail, LaneState, Lanes};
use gotrace::{GoId, ProcId, ThreadId, Timeline};
use serde::Deserialize;

use super::super::session::Loaded;
use super::view::Picture;
use super::{Answer, Refusal};

/// Selects lanes of a part of the trace.
#[derive(Deserialize)]
pub struct LanesQuery {
    start: Option<i64>,
    end: Option<i64>,
    pixels: Option<usize>,
    /// Such as `gc,proc:0,thread:17,goroutine:5,group:3`.
    lanes: String,
}

/// More lanes do not fit on a screen.
const MAX_LANES: usize = 400;
/// The length of what comes before the first lane.
const HEADER: usize = 24;
/// "GTL1".
const MAGIC: u32 = 0x314c_5447;
/// The time in system calls from which a cell is marked.
const LONG_SYSCALL: u64 = 1_000_000;

/// Marks of a cell.
const HIDES_SPANS: u8 = 1;
const HAS_LONG_SYSCALL: u8 = 4;

/// Answers with cells of lanes.
pub fn lanes(loaded: &Loaded, query: LanesQuery) -> Answer {
    let names: Vec<&str> = query.lanes.split(',').filter(|name| !name.is_empty()).collect();
    if names.len() > MAX_LANES {
        return Err(Refusal::Wrong(format!("{} lanes are too many: ask for {MAX_LANES} at most", names.len())));
    }
    let picture = Picture::new(query.start, query.end, query.pixels);
    encode(loaded.timeline()?, picture, names, usize::MAX).map(|(body, _)| body)
}

/// Returns an answer of the first of these lanes, at most `room` bytes long, and the number of lanes in it.
pub fn encode<'n>(
    timeline: &Timeline,
    picture: Picture,
    names: impl IntoIterator<Item = &'n str>,
    room: usize,
) -> Result<(Vec<u8>, usize), Refusal> {
    let lanes = timeline.lanes(picture.part(timeline), picture.pixels());
    let (mut body, mut count) = (Vec::new(), 0);
    for name in names {
        let end = body.len();
        write_lane(timeline, &lanes, name, &mut body)?;
        if HEADER + body.len() > room {
            body.truncate(end);
            break;
        }
        count += 1;
    }
    let mut out = Vec::with_capacity(HEADER + body.len());
    push(&mut out, [MAGIC, lanes.cell_shift()].map(u32::to_le_bytes));
    push(&mut out, [lanes.start().0.to_le_bytes()]);
    push(&mut out, [lanes.len() as u32, count as u32].map(u32::to_le_bytes));
    out.append(&mut body);
    Ok((out, count))
}

fn write_lane(timeline: &Timeline, lanes: &Lanes<'_>, name: &str, out: &mut Vec<u8>) -> Result<(), Refusal> {
    let (kind, id) = match name.split_once(':') {
        Some((kind, id)) => (kind, id.parse::<u64>().ok()),
        None => (name, None),
    };
    // A lane that the trace does not have is empty, so that the page shows the others.
    match (kind, id) {
        ("gc", None) => write_cells(&lanes.gc(), out),
        ("proc", Some(id)) => write_cells(&lanes.proc(ProcId(id)).unwrap_or_default(), out),
        ("thread", Some(id)) => write_cells(&lanes.thread(ThreadId(id)).unwrap_or_default(), out),
        ("goroutine", Some(id)) => write_cells(&lanes.goroutine(GoId(id)).unwrap_or_default(), out),
        ("group", Some(id)) => {
            let group = u32::try_from(id).ok().and_then(|id| timeline.group(id));
            write_group(&group.map(|group| lanes.group(group)).unwrap_or_default(), out);
        }
        _ => return Err(Refusal::Wrong(format!("there are no lanes '{name}'"))),
    }
    Ok(())
}

/// What a run of cells shows.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Look {
    state: LaneState,
    share: u8,
    flags: u8,
    what: u64,
}

impl Look {
    fn of(cell: &Cell) -> Self {
        let width: u64 = LaneState::ALL.into_iter().map(|state| cell.nanos(state)).sum();
        let state = cell.state();
        let share = u128::from(cell.nanos(state)) * 255 / u128::from(width.max(1));
        let long = if cell.nanos(LaneState::Syscall) >= LONG_SYSCALL { HAS_LONG_SYSCALL } else { 0 };
        let what = match cell.detail() {
            Some(LaneDetail::Goroutine(GoId(id)) | LaneDetail::Proc(ProcId(id))) => id,
            Some(LaneDetail::Reason(reason)) => u64::from(reason) + 1,
            _ => 0,
        };
        Look {
            state,
            share: if state == LaneState::Nothing { 0 } else { share.clamp(1, 255) as u8 },
            flags: if cell.hides_spans() { HIDES_SPANS | long } else { long },
            what,
        }
    }
}

fn write_cells(cells: &[Cell], out: &mut Vec<u8>) {
    let mut runs: Vec<(u32, u32, Look)> = Vec::new();
    for (number, cell) in (0..).zip(cells) {
        let look = Look::of(cell);
        match runs.last_mut() {
            Some((_, len, last)) if *last == look => *len += 1,
            _ => runs.push((number, 1, look)),
        }
    }
    push(out, [0, runs.len() as u32].map(u32::to_le_bytes));
    push(out, runs.iter().map(|(first, _, _)| first.to_le_bytes()));
    push(out, runs.iter().map(|(_, len, _)| len.to_le_bytes()));
    push(out, runs.iter().map(|(_, _, look)| [look.state as u8]));
    push(out, runs.iter().map(|(_, _, look)| [look.share]));
    push(out, runs.iter().map(|(_, _, look)| [look.flags]));
    push(out, runs.iter().map(|(_, _, look)| look.what.to_le_bytes()));
}

fn write_group(cells: &[GroupCell], out: &mut Vec<u8>) {
    push(out, [1, cells.len() as u32].map(u32::to_le_bytes));
    let states = [LaneState::Runnable, LaneState::Running, LaneState::Waiting, LaneState::Syscall, LaneState::GcWork];
    for state in states {
        push(out, cells.iter().map(|cell| (cell.mean(state) as f32).to_le_bytes()));
    }
}

/// Appends an array, padded to eight bytes.
fn push<const N: usize>(out: &mut Vec<u8>, values: impl IntoIterator<Item = [u8; N]>) {
    out.extend(values.into_iter().flatten());
    out.resize(out.len().next_multiple_of(8), 0);
}
