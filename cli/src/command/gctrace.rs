//! `gotrace gctrace`: what garbage collection costs, and how the live heap grows.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use gotrace::gctrace::{
    HeapForecast, HeapShape, HeapTrend, LimitForecast, LiveHeap, Log, LogLimits, LogReader, LogReport,
    LogReportOptions, Period, Pressure, RunSummary, TurningPoint,
};
use gotrace::trend::{InflectionOptions, PeakOptions, Turn};

use crate::failure::{Failure, Wanted};
use crate::input::Input;
use crate::number::{parse_inner_fraction, parse_positive};
use crate::terminal::Terminal;
use crate::view::units::{self, bytes, count, duration, percent, plural, significant};
use crate::view::{paragraph, style};

/// Show what garbage collection costs and where the heap is heading, from a GC log.
///
/// The log is what a Go program prints to standard error under GODEBUG=gctrace=1. Other lines in it are skipped and counted.
/// If it contains the output of several processes, the report covers the process with the most
/// collections.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  gotrace gctrace gctrace.log\n  gotrace gctrace gctrace.log --limit 512MiB\n  gotrace gctrace gctrace.log --json --cycles"
)]
pub struct Args {
    /// Forecast when the heap reaches this size, such as 512MiB
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true, value_parser = parse_size)]
    limit: Option<u64>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Include every collection in the JSON
    #[arg(long, requires = "json")]
    cycles: bool,
    /// The confidence level of the interval around the slope, between 0 and 1
    #[arg(long, value_name = "LEVEL", default_value_t = 0.95, allow_hyphen_values = true, value_parser = parse_inner_fraction)]
    confidence: f64,
    /// To find turning points, average the live heap over this many collections
    #[arg(long, value_name = "N", default_value_t = 5, allow_hyphen_values = true, value_parser = parse_positive)]
    window: usize,
    /// Turning points have to be at least this many collections apart
    #[arg(long, value_name = "N", default_value_t = 20, allow_hyphen_values = true, value_parser = parse_positive)]
    distance: usize,
    /// Turning points have to stand out by at least this size
    #[arg(long, value_name = "SIZE", default_value = "2MiB", allow_hyphen_values = true, value_parser = parse_size)]
    prominence: u64,
    /// Read at most this many collections
    #[arg(long, value_name = "N", default_value_t = LogLimits::default().cycles, allow_hyphen_values = true, value_parser = parse_positive)]
    max_cycles: usize,
    /// The log; - for standard input
    #[arg(default_value = "-")]
    file: PathBuf,
}

/// Parses 512MiB, 512M, 1.5g or a number of bytes. A unit is a power of 1024.
fn parse_size(text: &str) -> Result<u64, String> {
    let hint = || "give a size such as 512MiB or 1.5GiB (units: B, KiB, MiB, GiB, TiB)".to_owned();
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = text[digits.len()..].to_ascii_lowercase();
    let power = match unit.trim_end_matches('b').trim_end_matches('i') {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        _ => return Err(hint()),
    };
    let number: f64 = digits.trim().parse().map_err(|_| hint())?;
    let bytes = number * 1024f64.powi(power);
    match (0.0..2f64.powi(63)).contains(&bytes) {
        true => Ok(bytes as u64),
        false => Err("out of range for a heap size".into()),
    }
}

impl Args {
    fn options(&self) -> LogReportOptions {
        let peak = PeakOptions::default().distance(self.distance).prominence(self.prominence as f64);
        LogReportOptions::default()
            .limit(self.limit)
            .confidence(self.confidence)
            .turns(InflectionOptions::default().window(self.window).peak(peak))
            .cycles(self.cycles)
    }
}

pub fn run(args: &Args, terminal: &mut Terminal) -> Result<(), Failure> {
    let input = Input::open(&args.file, true)?.into_bytes(&args.file, Wanted::GcLog)?;
    let mut log = Log::default();
    let result = log.fill(LogReader::from_reader(input), LogLimits::default().cycles(args.max_cycles));
    let report = LogReport::new(&log, &args.options());
    match args.json {
        true => terminal.json(&report, result.as_ref().err())?,
        false => write_text(&report, args, terminal)?,
    }
    terminal.flush()?;
    result.map_err(|error| Failure::trace(&args.file, &error))?;
    if !log.cycles.is_empty() {
        return Ok(());
    }
    let (error, hint) = match log.skipped.before_go15 {
        0 => (
            format!("no GC cycle in {}", plural(log.skipped.total(), "line")),
            "give what a program under GODEBUG=gctrace=1 writes to standard error",
        ),
        cycles => (
            format!("{} in the format of Go 1.4 and older", plural(cycles, "GC cycle")),
            "logs of Go 1.5 and later are read",
        ),
    };
    Err(Failure::Input { path: args.file.clone(), error, hint: hint.into() })
}

fn write_text(report: &LogReport, args: &Args, terminal: &mut Terminal) -> io::Result<()> {
    let (Some(run), Some(live), Some(pressure)) =
        (report.run.map(|run| &report.runs[run]), &report.live_heap, &report.pressure)
    else {
        return Ok(());
    };
    write_headline(run, live, report, terminal)?;
    row("cost", &cost(pressure), terminal)?;
    if let Some(forecast) = &report.forecast {
        write_forecast(forecast, run.last_start, terminal)?;
    }
    writeln!(terminal)?;
    row("live heap", &live_text(live), terminal)?;
    if let Some(trend) = &report.trend {
        row("slope", &slope(trend, args.confidence), terminal)?;
        let test = &trend.mann_kendall;
        row("trend test", &format!("Mann-Kendall tau {:.3}, p {}", test.tau, p_value(test.p)), terminal)?;
    }
    if let Some(shape) = &report.shape {
        row("shape", &shape_text(shape), terminal)?;
    }
    write_pressure(pressure, terminal)?;
    if let Some(slowest) = &report.slowest_marking {
        row("slowest marking", &slowest_text(slowest), terminal)?;
    }
    for turn in &report.turns {
        row("turn", &turn_text(turn), terminal)?;
    }
    write_log(report, run, terminal)
}

/// Writes the number of collections, the time they cover, and how the live heap changed.
fn write_headline(run: &RunSummary, live: &LiveHeap, report: &LogReport, terminal: &mut Terminal) -> io::Result<()> {
    let collections = plural(run.cycles as u64, "collection");
    let from_to = match (bytes(live.first), bytes(live.last)) {
        (first, last) if first == last => first,
        (first, last) => format!("{first} → {last}"),
    };
    let (change, rises) = match (&report.shape, &report.trend) {
        (Some(HeapShape::Plateau { level_bytes, .. }), _) => {
            (format!(", on a plateau of {}", size_text(*level_bytes)), false)
        }
        (Some(HeapShape::TooShort), _) | (_, None) => (String::new(), false),
        (_, Some(trend)) => (rate_text(trend), trend.slope_bytes_per_second > 0.0 && trend.mann_kendall.p < 0.001),
    };
    let text = format!("{collections} in {}: live heap {from_to}{change}", duration(run.duration));
    for line in paragraph::lines(&text, terminal.width()) {
        let line = if rises { terminal.paint(style::WARN, &line) } else { line };
        writeln!(terminal, "{line}")?;
    }
    Ok(())
}

/// How fast the live heap rises or falls, and how certain that is. There is no clear trend if the
/// interval around the slope includes 0.
fn rate_text(trend: &HeapTrend) -> String {
    let test = &trend.mann_kendall;
    let interval = trend.slope_low_bytes_per_second.zip(trend.slope_high_bytes_per_second);
    let includes_zero = interval.is_some_and(|(low, high)| low <= 0.0 && high >= 0.0);
    let certainty = match test.p {
        p if p < 0.001 => "certain: Mann-Kendall p < 0.001".to_owned(),
        p => format!("likely: Mann-Kendall p {}", p_value(p)),
    };
    match trend.slope_bytes_per_second {
        rate if test.p >= 0.05 || rate == 0.0 || includes_zero => ", no clear trend".to_owned(),
        rate if rate > 0.0 => format!(", rising {}/s ({certainty})", size_text(rate)),
        rate => format!(", falling {}/s ({certainty})", size_text(-rate)),
    }
}

fn cost(pressure: &Pressure) -> String {
    let cpu = pressure
        .gc_cpu_share
        .map_or("share of CPU in GC not known".to_owned(), |share| format!("{} of CPU in GC", percent(share, 1.0)));
    let assists =
        pressure.assist_share.map_or("not known".to_owned(), |share| format!("{} of marking", percent(share, 1.0)));
    let (median, max) = (duration(pressure.pause_median), duration(pressure.pause_max));
    format!("{cpu} · pauses: median {median}, max {max} · assists: {assists}")
}

fn write_forecast(forecast: &HeapForecast, now: Duration, terminal: &mut Terminal) -> io::Result<()> {
    let limit = bytes(forecast.limit);
    row("limit", &format!("live heap {}", reach_text(forecast.live_heap, &limit, now)), terminal)?;
    // The whole heap, garbage included, reaches the limit before the live heap does.
    row("", &format!("heap with garbage (GC goal) {}", reach_text(forecast.goal, &limit, now)), terminal)
}

fn reach_text(reach: Option<LimitForecast>, limit: &str, now: Duration) -> String {
    let left = |at: Duration| match at.saturating_sub(now) {
        long if long > MAX_FORECAST => "over 100 years".to_owned(),
        left => duration(left),
    };
    match reach {
        Some(LimitForecast::Reached) => format!("has reached {limit}"),
        Some(LimitForecast::Never) => format!("will not reach {limit} at this rate"),
        Some(LimitForecast::Expected { at, earliest, latest }) => {
            let earliest = earliest.map_or("unknown".into(), left);
            let latest = latest.map_or("never".into(), left);
            format!("reaches {limit} in about {} at this rate (between {earliest} and {latest})", left(at))
        }
        _ => format!("may or may not reach {limit}: too few collections to tell"),
    }
}

/// A forecast further ahead than this has no meaning.
const MAX_FORECAST: Duration = Duration::from_secs(100 * 365 * 86_400);

fn live_text(live: &LiveHeap) -> String {
    let [first, last, min, max] = [live.first, live.last, live.min, live.max].map(bytes);
    format!("first {first}, last {last} (min {min}, max {max})")
}

fn slope(trend: &HeapTrend, confidence: f64) -> String {
    let per_second = |rate: f64| {
        let sign = if rate < 0.0 { "−" } else { "+" };
        format!("{sign}{}/s", size_text(rate.abs()))
    };
    let interval = trend.slope_low_bytes_per_second.zip(trend.slope_high_bytes_per_second);
    let interval = interval.map_or(String::new(), |(low, high)| {
        format!(" ({:.0} % confidence: {} to {})", confidence * 100.0, per_second(low), per_second(high))
    });
    format!("{}{interval}", per_second(trend.slope_bytes_per_second))
}

fn p_value(p: f64) -> String {
    match p {
        p if p >= 0.001 => format!("{p:.3}"),
        p => format!("{p:.1e}"),
    }
}

fn shape_text(shape: &HeapShape) -> String {
    match shape {
        HeapShape::TooShort => "too few collections to tell".into(),
        HeapShape::Flat { level_bytes } => format!("constant at {}", size_text(*level_bytes)),
        HeapShape::Sawtooth { peaks, valleys_rise, .. } => {
            let valleys = if *valleys_rise { "its lowest points rise" } else { "its lowest points do not rise" };
            format!("sawtooth with {}, {valleys}", plural(*peaks as u64, "peak"))
        }
        HeapShape::Plateau { level_bytes, rise_bytes, since } => format!(
            "rose by {} to a plateau of {}, reached {} after the program's start",
            size_text(*rise_bytes),
            size_text(*level_bytes),
            duration(*since)
        ),
        HeapShape::Rising => "rising".into(),
        HeapShape::Falling => "falling".into(),
        _ => "irregular".into(),
    }
}

fn write_pressure(pressure: &Pressure, terminal: &mut Terminal) -> io::Result<()> {
    let known = |text: Option<String>| text.unwrap_or_else(|| "rate not known".to_owned());
    let per_second = |rate: Option<f64>| known(rate.map(|rate| format!("{}/s", size_text(rate))));
    let frequency = known(pressure.cycles_per_second.map(|rate| format!("{} per second", significant(rate))));
    row("collections", &frequency, terminal)?;
    let share = pressure
        .stopped_share
        .map_or("share of the time not known".to_owned(), |share| format!("{} of the time", percent(share, 1.0)));
    row("pauses", &format!("{} in all, {share}", duration(pressure.pause_total)), terminal)?;
    row("marking", &per_second(pressure.mark_bytes_per_ms.map(|rate| rate * 1000.0)), terminal)?;
    row("allocation", &per_second(pressure.allocated_bytes_per_second), terminal)
}

fn slowest_text(period: &Period) -> String {
    let share = percent(period.value, period.usual);
    format!("collections {} to {}: {share} of the usual rate", period.first_n, period.last_n)
}

fn turn_text(turn: &TurningPoint) -> String {
    let name = match turn.turn {
        Turn::Peak => "peak",
        Turn::Valley => "valley",
    };
    format!(
        "{name} at collection {}, {} after the program's start: {}, stands out by {}",
        turn.n,
        duration(turn.start),
        size_text(turn.live_mean_bytes),
        size_text(turn.prominence_bytes)
    )
}

/// Writes which collections are in the log, and what is missing or was skipped.
fn write_log(report: &LogReport, run: &RunSummary, terminal: &mut Terminal) -> io::Result<()> {
    let skipped = &report.skipped;
    let mut parts = vec![format!("collections {} to {}", run.first_n, run.last_n)];
    match report.runs.len() {
        0 | 1 => {}
        2 => parts.push("another process with fewer collections ignored".to_owned()),
        runs => parts.push(format!("{} other processes with fewer collections ignored", runs - 1)),
    }
    for (number, text) in [
        (run.missing, "missing"),
        (skipped.damaged, "cut or mixed with other output"),
        (skipped.runtime, "of the pacer or scavenger"),
        (skipped.before_go15, "of Go 1.4 or older, which are not read"),
        (skipped.too_long, "too long"),
        (skipped.other, "other lines"),
        (report.dropped, "left out (see --max-cycles)"),
    ] {
        if number > 0 {
            parts.push(format!("{} {text}", count(number)));
        }
    }
    row("log", &parts.join(", "), terminal)
}

fn row(name: &str, text: &str, terminal: &mut Terminal) -> io::Result<()> {
    paragraph::write(&format!("{name:<16}"), text, terminal)
}

fn size_text(size: f64) -> String {
    // The cast saturates: a larger value is shown as 16 EiB.
    units::bytes(size as u64)
}
