//! Any GC log is read to its end, and no analysis of its lines, cycles and trends panics.

#![no_main]

use gotrace::gctrace::{
    Cycle, Line, LineKind, Log, LogLimits, LogReader, LogReport, LogReportOptions, MAX_LINE, Pressure, Run,
    most_assist, slowest_marking,
};
use gotrace::trend::{
    Forecast, InflectionOptions, Interval, PeakOptions, Shape, ShapeOptions, Trend, find_peaks, inflections,
    moving_average,
};
use gotrace_fuzz::choice;
use gotrace_fuzz::chunked::{Chunked, ReadSizes};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if bytes.starts_with(&[0x1f, 0x8b]) {
        packed(bytes);
        check_series(bytes);
        return;
    }
    let log = Log::from_slice(bytes).expect("plain text can be read");
    let lines = same_in_pieces(bytes);
    assert_eq!(log.cycles.len() as u64 + log.skipped.total(), lines, "each line is a cycle or skipped");
    for cycle in &log.cycles {
        check_cycle(cycle);
    }
    let runs = log.runs();
    assert_eq!(runs.iter().map(|run| run.cycles.len()).sum::<usize>(), log.cycles.len());
    for run in &runs {
        check_run(run);
    }
    let longest = log.longest_run();
    assert_eq!(longest.is_none(), log.cycles.is_empty());
    let report = LogReport::new(&log, &LogReportOptions::default().limit(1 << 30).cycles(true));
    assert_eq!(report.run.is_none(), log.cycles.is_empty());
    assert_eq!(report.cycles, Some(log.cycles));
    check_series(bytes);
});

/// A gzip file yields the same cycles or an error from memory and from a stream.
fn packed(bytes: &[u8]) {
    let (mut whole, mut streamed) = (Log::default(), Log::default());
    let one = whole.fill(LogReader::from_slice(bytes), LogLimits::default());
    let other = streamed.fill(LogReader::from_reader(bytes), LogLimits::default());
    assert_eq!((whole, one.is_ok()), (streamed, other.is_ok()));
}

/// Compares the lines of the log in pieces with those from memory, and returns their number.
fn same_in_pieces(bytes: &[u8]) -> u64 {
    let seed = choice(bytes);
    let mut whole = LogReader::from_slice(bytes);
    let pieces = match seed % 3 {
        0 => ReadSizes::Whole,
        1 => ReadSizes::Bytes,
        _ => ReadSizes::Random(seed),
    };
    let mut in_pieces = LogReader::from_reader(Chunked::new(bytes, pieces));
    let (mut lines, mut end) = (0, 0);
    loop {
        let line = whole.next_line().expect("memory can be read");
        assert_eq!(in_pieces.next_line().expect("memory can be read"), line);
        let Some(line) = line else { break };
        lines += 1;
        assert_eq!(line.number, lines);
        end = check_line(&line, bytes, end);
    }
    assert!(whole.next_line().expect("the reader is fused").is_none());
    assert_eq!(whole.offset(), bytes.len() as u64);
    lines
}

/// Checks that a line starts after the previous one and has the right bytes, and returns its end,
/// or a lower bound of it.
fn check_line(line: &Line<'_>, bytes: &[u8], end: usize) -> usize {
    let start = usize::try_from(line.offset).expect("the offset is in the log");
    assert!(start == 0 || start > end || bytes[start - 1] == b'\n');
    if line.kind == LineKind::TooLong {
        assert!(line.bytes.is_empty() && bytes.len() - start > MAX_LINE);
        return start;
    }
    assert_eq!(&bytes[start..start + line.bytes.len()], line.bytes);
    assert_eq!(LineKind::of(line.bytes), line.kind);
    assert!(!line.bytes.contains(&b'\n'));
    start + line.bytes.len()
}

fn check_cycle(cycle: &Cycle) {
    assert!(cycle.end() >= cycle.start && cycle.clock.total() >= cycle.clock.pause());
    assert!(cycle.cpu.taken() >= cycle.cpu.assist && cycle.marked() >= cycle.heap_live);
    assert_eq!(cycle.stacks.is_some(), cycle.globals.is_some());
}

fn check_run(run: &Run) {
    let cycles = &run.cycles;
    assert!(
        cycles.is_sorted_by(|a, b| a.n < b.n && a.start <= b.start),
        "a process counts up, and its clock does not go back"
    );
    let (first, last) = (cycles.first().expect("no run is empty"), cycles.last().expect("no run is empty"));
    assert_eq!(run.duration(), last.start - first.start);
    assert_eq!(run.missing(), u64::from(last.n - first.n) + 1 - cycles.len() as u64);
    let pressure = Pressure::of(cycles);
    assert_eq!(pressure.cycles, cycles.len());
    for share in [pressure.gc_cpu_share, pressure.stopped_share, pressure.assist_share, pressure.mark_bytes_per_ms] {
        assert!(share.is_none_or(|share| share.is_finite() && share >= 0.0), "{pressure:?}");
    }
    for stretch in [slowest_marking(cycles), most_assist(cycles)].into_iter().flatten() {
        assert!(stretch.first <= stretch.last && stretch.last < cycles.len());
    }
    let at: Vec<f64> = cycles.iter().map(|cycle| cycle.start.as_nanos() as f64).collect();
    let live: Vec<f64> = cycles.iter().map(|cycle| cycle.heap_live as f64).collect();
    check_trend(&at, &live);
}

/// Analyses the bytes as a series of non-decreasing positions and values of all sizes.
fn check_series(bytes: &[u8]) {
    /// The maximum number of values, since some analyses look at all pairs.
    const MOST: usize = 40;
    let pairs = bytes.as_chunks::<2>().0.iter().take(MOST);
    let mut now = 0.0;
    let (at, values): (Vec<f64>, Vec<f64>) = pairs
        .map(|&[step, value]| {
            now += f64::from(step & 15);
            (now, f64::from(value & 63) * 2f64.powi(i32::from(step >> 4) * 4))
        })
        .unzip();
    check_trend(&at, &values);
}

fn check_trend(at: &[f64], values: &[f64]) {
    if let Some(trend) = Trend::of(at, values, 0.95) {
        let (line, test) = (trend.theil_sen, trend.mann_kendall);
        assert!((-1.0..=1.0).contains(&test.tau) && (0.0..=1.0).contains(&test.p), "{test:?}");
        if let Some(Interval { low, high }) = line.interval {
            // A tolerance for rounding.
            let tolerance = 1e-9 * line.slope.abs();
            assert!(low <= line.slope + tolerance && line.slope <= high + tolerance, "{line:?}");
        }
        assert!(!(trend.rises(0.05) && trend.falls(0.05)));
        if let Forecast::At { expected, .. } = trend.forecast(1e12) {
            assert!(expected >= trend.last_at && line.slope > 0.0);
        }
    }
    let _ = Shape::of(at, values, &ShapeOptions::default());
    for (window, distance, prominence) in [(5, 20, (2 << 20) as f64), (1, 1, 0.0), (3, 2, 1.0)] {
        let options = InflectionOptions::default()
            .window(window)
            .peak(PeakOptions::default().distance(distance).prominence(prominence));
        let turns = inflections(values, &options);
        assert!(turns.is_sorted_by_key(|turn| turn.index));
        assert!(turns.iter().all(|turn| turn.index < values.len() && turn.prominence >= prominence));
        let smooth = moving_average(values, window);
        assert_eq!(smooth.len(), (values.len() + 1).saturating_sub(window));
        let peaks = find_peaks(&smooth, &options.peak);
        assert!(peaks.is_sorted_by(|a, b| b.index - a.index >= distance), "peaks are closer than {distance}");
    }
}
