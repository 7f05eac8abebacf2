//! Lanes of timelines, compared with cells computed from all spans.

use std::ops::Range;

use gotrace::timeline::{Cell, GroupCell, LaneDetail, LaneState, Lanes, MAX_PIXELS, Metric, MetricValue, Span};
use gotrace::{GoId, GoState, Time, Timeline};
use gotrace_tests::corpus::{RELEASES, V1_RELEASES, sample, samples};

/// The number of random parts of each trace.
const ZOOMS: usize = 12;
/// The number of goroutines, Ps, threads and groups to compare in each part.
const LANES: usize = 4;

/// The memory that lanes may take, in percent of the memory of the timeline without them.
const MAX_PERCENT: u64 = 15;

/// A small generator of pseudo-random numbers: splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// Returns a part of the trace, which may extend beyond it. Short parts are as likely as long parts.
    fn part(&mut self, timeline: &Timeline) -> (Range<Time>, usize) {
        let length = timeline.end().since(timeline.start()).max(1) as u64;
        let wanted = (length >> self.below(u64::from(length.ilog2()) + 1)).max(1);
        let start = timeline.start().0 + self.below(length) as i64 - (wanted / 4) as i64;
        let pixels = 1 + self.below(60) as usize;
        (Time(start)..Time(start + wanted as i64), pixels)
    }
}

/// A span of a lane.
#[derive(Clone, Copy)]
struct Period {
    start: i64,
    end: i64,
    state: LaneState,
    detail: Option<LaneDetail>,
}

/// What a cell of a lane must contain.
#[derive(Debug, PartialEq)]
struct Expected {
    nanos: Vec<u64>,
    state: LaneState,
    detail: Option<LaneDetail>,
    spans: u32,
}

impl From<&Cell> for Expected {
    fn from(cell: &Cell) -> Self {
        Expected {
            nanos: LaneState::ALL.map(|state| cell.nanos(state)).to_vec(),
            state: cell.state(),
            detail: cell.detail(),
            spans: cell.spans(),
        }
    }
}

/// Returns the start and end of each cell, computed from the documentation of [`Timeline::lanes`].
fn borders(range: &Range<Time>, pixels: usize) -> Vec<(i64, i64)> {
    let pixel = (range.end.since(range.start) / pixels as i64).max(1);
    let mut width = 1i64;
    while width * 2 <= pixel {
        width *= 2;
    }
    let first = range.start.0.div_euclid(width) * width;
    let starts = (0..).map(|index| first + index * width).take_while(|&start| start <= range.end.0);
    starts.map(|start| (start, start + width)).collect()
}

fn overlap(period: &Period, (start, end): (i64, i64)) -> u64 {
    u64::try_from(period.end.min(end) - period.start.max(start)).unwrap_or(0)
}

fn expected(periods: &[Period], cell: (i64, i64)) -> Expected {
    let width = (cell.1 - cell.0) as u64;
    let middle = cell.0 + (cell.1 - cell.0) / 2;
    let mut nanos = vec![0; LaneState::ALL.len()];
    let mut spans = 0;
    for period in periods.iter().filter(|period| overlap(period, cell) > 0) {
        nanos[period.state as usize] += overlap(period, cell);
        spans += 1;
    }
    // On a P, a system call may overlap what runs next.
    let excess = nanos.iter().sum::<u64>().saturating_sub(width);
    nanos[LaneState::Syscall as usize] = nanos[LaneState::Syscall as usize].saturating_sub(excess);
    nanos[LaneState::Nothing as usize] = width.saturating_sub(nanos.iter().sum::<u64>());
    let longest = nanos.iter().max().copied();
    let of_longest = |state: &LaneState| Some(nanos[*state as usize]) == longest;
    let state = LaneState::PRECEDENCE.into_iter().find(of_longest).expect("some state is the longest");
    let mut at_middle = periods.iter().filter(|period| period.start <= middle && middle < period.end);
    let running = at_middle.clone().rfind(|period| period.state != LaneState::Syscall);
    let covering = running.or_else(|| at_middle.next_back());
    let detail = covering.filter(|period| period.state == state).and_then(|period| period.detail);
    Expected { nanos, state, detail, spans }
}

fn state_of(span: &Span<'_>) -> LaneState {
    match span.state() {
        GoState::Running if span.goroutine().name() == "runtime.gcBgMarkWorker" => LaneState::GcWork,
        GoState::Running => LaneState::Running,
        GoState::Runnable => LaneState::Runnable,
        GoState::Waiting => LaneState::Waiting,
        GoState::Syscall => LaneState::Syscall,
        _ => LaneState::Nothing,
    }
}

/// Returns the lane of a goroutine.
fn periods_of(timeline: &Timeline, id: GoId) -> Vec<Period> {
    let reasons: Vec<_> = timeline.wait_reasons().collect();
    let spans = timeline.goroutine(id).expect("it is in the trace").spans();
    let periods = spans.map(|span| {
        let detail = match span.state() {
            GoState::Running => span.proc().map(LaneDetail::Proc),
            GoState::Waiting => {
                let index = reasons.iter().position(|&reason| reason == span.reason_name());
                index.map(|index| LaneDetail::Reason(index as u32))
            }
            _ => None,
        };
        Period { start: span.start().0, end: span.end().0, state: state_of(&span), detail }
    });
    periods.filter(|period| period.state != LaneState::Nothing).collect()
}

/// Returns the spans in which any goroutine ran or was in a system call that it entered during the trace.
fn runs(timeline: &Timeline) -> Vec<(Span<'_>, Period)> {
    let spans = timeline.goroutines().flat_map(|goroutine| goroutine.spans());
    let is_known = |span: &Span<'_>| span.previous().is_some_and(|span| span.state() != GoState::Undetermined);
    let runs = spans.filter(|span| match span.state() {
        GoState::Running => true,
        GoState::Syscall => is_known(span),
        _ => false,
    });
    let period = |span: Span<'_>| Period {
        start: span.start().0,
        end: span.end().0,
        state: state_of(&span),
        detail: Some(LaneDetail::Goroutine(span.goroutine().id())),
    };
    runs.map(|span| (span, period(span))).collect()
}

fn compare(name: &str, found: &[Cell], periods: &[Period], borders: &[(i64, i64)]) {
    assert_eq!(found.len(), borders.len(), "{name}");
    for (cell, &border) in found.iter().zip(borders) {
        assert_eq!(Expected::from(cell), expected(periods, border), "{name}: {border:?}");
    }
}

fn compare_group(name: &str, found: &[GroupCell], periods: &[Period], borders: &[(i64, i64)]) {
    assert_eq!(found.len(), borders.len(), "{name}");
    for (cell, &border) in found.iter().zip(borders) {
        for state in LaneState::ALL {
            let of_state = periods.iter().filter(|period| period.state == state);
            let nanos: u64 = of_state.map(|period| overlap(period, border)).sum();
            assert_eq!(cell.nanos(state), nanos, "{name}: {state:?} at {border:?}");
        }
    }
}

fn compare_metric(
    name: &str,
    lanes: &Lanes<'_>,
    metric: Metric,
    values: &[MetricValue],
    borders: &[(i64, i64)],
    end: i64,
) {
    for (cell, &(from, to)) in lanes.metric(metric).iter().zip(borders) {
        let mut known: Vec<(u64, i64)> = Vec::new();
        for (index, value) in values.iter().enumerate() {
            let next = values.get(index + 1).map_or(end, |next| next.time.0);
            let nanos = next.min(to) - value.time.0.max(from);
            if nanos > 0 {
                known.push((value.value, nanos));
            }
        }
        let extremes = known.iter().map(|known| known.0).min().zip(known.iter().map(|known| known.0).max());
        assert_eq!(cell.map(|cell| (cell.min, cell.max)), extremes, "{name}: {metric:?}");
        if let Some(cell) = cell {
            let total: i128 = known.iter().map(|&(value, nanos)| i128::from(value) * i128::from(nanos)).sum();
            let nanos: i64 = known.iter().map(|known| known.1).sum();
            assert_eq!(cell.mean, total as f64 / nanos as f64, "{name}: {metric:?}");
        }
    }
}

/// Compares random parts of a trace, and the whole trace. Returns the number of cells.
fn check(name: &str, timeline: &Timeline, random: &mut Random) -> usize {
    let runs = runs(timeline);
    let mut busiest: Vec<(usize, GoId)> =
        timeline.goroutines().map(|goroutine| (goroutine.spans().count(), goroutine.id())).collect();
    busiest.sort_by(|a, b| b.cmp(a));
    let ids: Vec<GoId> = timeline.goroutines().map(|goroutine| goroutine.id()).collect();
    let heap: Vec<_> = timeline.heap().collect();
    let goals: Vec<_> = timeline.heap_goals().collect();
    let procs: Vec<_> = timeline.gomaxprocs().collect();
    let cycles: Vec<Period> = timeline
        .gc_cycles()
        .map(|cycle| Period { start: cycle.start().0, end: cycle.end().0, state: LaneState::GcWork, detail: None })
        .collect();
    let mut cells = 0;
    for zoom in 0..ZOOMS {
        let whole = (timeline.start()..timeline.end(), 50);
        let (range, pixels) = if zoom == 0 { whole } else { random.part(timeline) };
        let lanes = timeline.lanes(range.clone(), pixels);
        let borders = borders(&range, pixels);
        let name = format!("{name} from {} to {}, {pixels} pixels", range.start, range.end);
        assert_eq!(lanes.start().0, borders[0].0, "{name}");
        assert_eq!(lanes.cell_width(), 1 << lanes.cell_shift());

        let random_ids = (0..LANES).map(|_| ids[random.below(ids.len() as u64) as usize]);
        let chosen: Vec<GoId> = random_ids.chain(busiest.iter().take(LANES).map(|&(_, id)| id)).collect();
        for id in chosen {
            let found = lanes.goroutine(id).expect("it is in the trace");
            compare(&format!("{name}: goroutine {id}"), &found, &periods_of(timeline, id), &borders);
        }
        for proc in timeline.procs().take(LANES) {
            let on_proc = runs.iter().filter(|(span, _)| span.proc() == Some(proc.id()));
            let periods: Vec<Period> = on_proc
                .map(|&(span, period)| {
                    let own = proc.spans().find(|own| own.start() <= span.start() && span.start() < own.end());
                    let lost = own.filter(|own| span.state() == GoState::Syscall && !own.is_open());
                    Period { end: lost.map_or(period.end, |own| own.end().0.min(period.end)), ..period }
                })
                .collect();
            let found = lanes.proc(proc.id()).expect("it is in the trace");
            compare(&format!("{name}: P {}", proc.id()), &found, &periods, &borders);
        }
        for thread in timeline.threads().take(LANES) {
            let on_thread = runs.iter().filter(|(span, _)| span.thread() == Some(thread.id()));
            let periods: Vec<Period> = on_thread.map(|&(_, period)| period).collect();
            let found = lanes.thread(thread.id()).expect("it is in the trace");
            compare(&format!("{name}: thread {}", thread.id()), &found, &periods, &borders);
        }
        compare(&format!("{name}: GC"), &lanes.gc(), &cycles, &borders);
        for group in timeline.groups().take(LANES) {
            let own = group.goroutines().flat_map(|goroutine| periods_of(timeline, goroutine.id()));
            let periods: Vec<Period> = own.collect();
            compare_group(&format!("{name}: {}", group.name()), &lanes.group(group), &periods, &borders);
        }
        let end = timeline.end().0;
        compare_metric(&name, &lanes, Metric::Heap, &heap, &borders, end);
        compare_metric(&name, &lanes, Metric::HeapGoal, &goals, &borders, end);
        compare_metric(&name, &lanes, Metric::Gomaxprocs, &procs, &borders, end);
        cells += borders.len();
    }
    let lanes = timeline.lanes(timeline.start()..timeline.end(), 100);
    let all: Vec<Period> = ids.iter().flat_map(|&id| periods_of(timeline, id)).collect();
    compare_group(name, &lanes.all_goroutines(), &all, &borders(&(timeline.start()..timeline.end()), 100));
    cells
}

#[test]
fn cells_equal_those_computed_from_all_spans() {
    let mut random = Random(1);
    let mut cells = 0;
    for sample in V1_RELEASES.into_iter().chain(RELEASES).flat_map(samples) {
        let timeline = Timeline::from_slice(&sample.bytes()).expect("a trace");
        cells += check(&sample.name, &timeline, &mut random);
        let memory = timeline.memory();
        let columns = memory.span_bytes + memory.table_bytes;
        assert!(memory.level_bytes * 100 <= columns * MAX_PERCENT, "{}: {memory:?}", sample.name);
    }
    assert!(cells > 10_000, "only {cells} cells: are traces missing?");
}

#[test]
fn ranges_and_pixels_of_any_size_have_cells() {
    let timeline = Timeline::from_slice(&sample("go1.26/channels").bytes()).expect("a trace");
    let times = [i64::MIN, i64::MIN + 1, -1, 0, 1, timeline.start().0, timeline.end().0, i64::MAX - 1, i64::MAX];
    for start in times {
        for end in times {
            for pixels in [0, 1, 2, 1000, usize::MAX] {
                let lanes = timeline.lanes(Time(start)..Time(end), pixels);
                let limit = pixels.clamp(1, MAX_PIXELS);
                assert!((1..=2 * limit + 2).contains(&lanes.len()), "{start}..{end}, {pixels} pixels: {}", lanes.len());
                if pixels < 1000 {
                    assert_eq!(lanes.goroutine(GoId(1)).map(|cells| cells.len()), Some(lanes.len()));
                    assert_eq!(lanes.all_goroutines().len(), lanes.len());
                    assert_eq!(lanes.metric(Metric::Heap).len(), lanes.len());
                    assert_eq!(lanes.gc_share().len(), lanes.len());
                    for proc in timeline.procs() {
                        assert_eq!(lanes.proc(proc.id()).map(|cells| cells.len()), Some(lanes.len()));
                    }
                }
            }
        }
    }
}

#[test]
fn groups_have_each_goroutine_once() {
    let timeline = Timeline::from_slice(&sample("go1.27/http").bytes()).expect("a trace");
    let mut members = 0;
    for group in timeline.groups() {
        assert!(group.goroutines().all(|goroutine| goroutine.name() == group.name()));
        assert_eq!(timeline.group(group.number()).map(|group| group.name()), Some(group.name()));
        members += group.goroutines().len();
    }
    assert_eq!(members, timeline.goroutines().len());
    assert!(timeline.group(timeline.groups().len() as u32).is_none());
}
