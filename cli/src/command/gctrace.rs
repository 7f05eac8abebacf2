//! Tells what a GC log says.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::time::Duration;

use crate::failure::Failure;
use crate::input::Input;
use crate::terminal::Terminal;
use crate::view::text::write_json;
use clap::Args as ClapArgs;
use gotrace::Error;
use gotrace::gctrace::{Cycle, Limits, Log, Pressure, Reader, Run, Stretch, assist_surge, mark_collapse};
use gotrace::trend::{
    Forecast, Inflection, InflectionOptions, PeakOptions, Shape, ShapeOptions, Trend, Turn, inflections,
};
use indicatif::{BinaryBytes, HumanCount};
use serde::Serialize;
use serde_json::{Value, json};

/// Tell what a GC log says: the output of a program under GODEBUG=gctrace=1.
///
/// Other lines in it are skipped and counted. Where the log has the output of several processes, trend, turns and costs
/// are those of the one with the most collections.
///
/// In JSON, times are in nanoseconds and sizes in bytes. clock_ns are the phases of a collection (stop, marking, stop);
/// cpu_ns are stop, assist, background, idle, stop.
#[derive(ClapArgs)]
pub struct Args {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Tell when the heap will reach this size, such as 512MiB
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    limit: Option<u64>,
    /// The confidence of the slope's interval, between 0 and 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.95, value_parser = parse_share)]
    confidence: f64,
    /// To find turns, average the live heap over so many collections
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = parse_count)]
    window: usize,
    /// Turns are so many collections apart
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = parse_count)]
    distance: usize,
    /// Turns stand out by this much
    #[arg(long, value_name = "SIZE", default_value = "2MiB", value_parser = parse_size)]
    prominence: u64,
    /// Keep no more collections than this
    #[arg(long, value_name = "N", default_value_t = Limits::default().cycles, value_parser = parse_count)]
    max_cycles: usize,
    /// The log, - for standard input
    #[arg(default_value = "-")]
    file: PathBuf,
}

/// Reads 512MiB, 512M, 1.5g or a number of bytes; a unit is a power of 1024.
fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = text[digits.len()..].to_ascii_lowercase();
    let power = match unit.trim_end_matches('b').trim_end_matches('i') {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        _ => return Err("give a number with B, KiB, MiB, GiB or TiB".into()),
    };
    let number: f64 = digits.trim().parse().map_err(|_| "give a number with B, KiB, MiB, GiB or TiB".to_owned())?;
    let bytes = number * 1024f64.powi(power);
    match (0.0..2f64.powi(63)).contains(&bytes) {
        true => Ok(bytes as u64),
        false => Err("no heap has this size".into()),
    }
}

fn parse_share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..1.0).contains(share) && *share > 0.0);
    share.ok_or_else(|| "give a number between 0 and 1".into())
}

fn parse_count(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "give a whole number of 1 or more".into())
}

pub fn run(args: &Args, _terminal: &mut Terminal) -> Result<(), Failure> {
    let mut log = Log::default();
    let result =
        log.fill(Reader::new(Input::open(&args.file, true)?.into_log(&args.file)?), Limits { cycles: args.max_cycles });
    let report = Report::of(&log, args);
    let mut out = BufWriter::new(io::stdout().lock());
    match args.json {
        true => write_json(&report.json(&log, result.as_ref().err()), &mut out)?,
        false => report.write_text(&log, args, &mut out)?,
    }
    out.flush()?;
    result.map_err(|error| Failure::trace(&args.file, &error))?;
    if log.cycles.is_empty() {
        return Err(Failure::Input {
            path: args.file.clone(),
            error: format!("no collection in {}", plural(log.skipped.total(), "line")),
            hint: "give what a program under GODEBUG=gctrace=1 writes to standard error",
        });
    }
    Ok(())
}

/// What is told of the longest run.
#[derive(Default)]
struct Report {
    runs: Vec<Run>,
    /// Which of them.
    longest: usize,
    live: Vec<f64>,
    live_trend: Option<Trend>,
    goal_trend: Option<Trend>,
    shape: Option<Shape>,
    inflections: Vec<Inflection>,
    pressure: Pressure,
    slowest: Option<Stretch>,
    assisted: Option<Stretch>,
    limit: Option<u64>,
}

impl Report {
    fn of(log: &Log, args: &Args) -> Self {
        let runs = log.runs();
        let Some(longest) = (0..runs.len()).max_by_key(|&run| runs[run].cycles.len()) else {
            return Report { limit: args.limit, ..Report::default() };
        };
        let cycles = &runs[longest].cycles;
        let at: Vec<f64> = cycles.iter().map(|cycle| cycle.at as f64).collect();
        let live: Vec<f64> = cycles.iter().map(|cycle| cycle.heap_live as f64).collect();
        let goals = cycles.iter().filter_map(|cycle| Some((cycle.at as f64, cycle.goal? as f64)));
        let (goal_at, goals): (Vec<f64>, Vec<f64>) = goals.unzip();
        let peak = PeakOptions { distance: args.distance, prominence: args.prominence as f64 };
        Report {
            live_trend: Trend::of(&at, &live, args.confidence),
            goal_trend: args.limit.and_then(|_| Trend::of(&goal_at, &goals, args.confidence)),
            shape: Some(Shape::of(&at, &live, &ShapeOptions::default())),
            inflections: inflections(&live, &InflectionOptions { window: args.window, peak }),
            pressure: Pressure::of(cycles),
            slowest: mark_collapse(cycles),
            assisted: assist_surge(cycles),
            limit: args.limit,
            live,
            longest,
            runs,
        }
    }

    fn cycles(&self) -> &[Cycle] {
        self.runs.get(self.longest).map_or(&[], |run| &run.cycles)
    }
}

/// What is printed as JSON. Fields are added, never changed, while the schema stays the same.
#[derive(Serialize)]
struct Document {
    /// Which version of this object it is.
    schema: u32,
    /// All collections of the log, in its order.
    cycles: Vec<CycleJson>,
    /// Lines without a collection.
    skipped_lines: u64,
    skipped: SkippedJson,
    /// Collections left out because there are too many.
    dropped_cycles: u64,
    /// The processes.
    runs: Vec<RunJson>,
    /// Which of them all that follows is about.
    run: Option<usize>,
    trend: Option<Value>,
    inflections: Vec<Value>,
    forecast: Option<Value>,
    pressure: Option<Value>,
    /// Why the log could not be read to its end.
    error: Option<String>,
}

#[derive(Serialize)]
struct CycleJson {
    n: u32,
    at_ns: u64,
    gc_cpu_percent: u32,
    clock_ns: [u64; 3],
    cpu_ns: [u64; 5],
    heap_start: u64,
    heap_end: u64,
    heap_live: u64,
    goal: Option<u64>,
    stacks: Option<u64>,
    globals: Option<u64>,
    procs: u32,
    forced: bool,
    leak_check: bool,
}

impl From<&Cycle> for CycleJson {
    fn from(cycle: &Cycle) -> Self {
        let (clock, cpu) = (&cycle.clock, &cycle.cpu);
        CycleJson {
            n: cycle.n,
            at_ns: cycle.at,
            gc_cpu_percent: cycle.gc_cpu_percent,
            clock_ns: [clock.sweep_term, clock.mark, clock.mark_term],
            cpu_ns: [cpu.sweep_term, cpu.assist, cpu.background, cpu.idle, cpu.mark_term],
            heap_start: cycle.heap_start,
            heap_end: cycle.heap_end,
            heap_live: cycle.heap_live,
            goal: cycle.goal,
            stacks: cycle.stacks,
            globals: cycle.globals,
            procs: cycle.procs,
            forced: cycle.forced,
            leak_check: cycle.leak_check,
        }
    }
}

#[derive(Serialize)]
struct SkippedJson {
    damaged: u64,
    runtime: u64,
    other: u64,
    too_long: u64,
}

#[derive(Serialize)]
struct RunJson {
    first_n: u32,
    last_n: u32,
    cycles: usize,
    missing: u64,
    duration_ns: u64,
}

impl Report {
    fn json(&self, log: &Log, error: Option<&Error>) -> Document {
        let skipped = &log.skipped;
        let run_json = |run: &Run| RunJson {
            first_n: run.cycles.first().map_or(0, |cycle| cycle.n),
            last_n: run.cycles.last().map_or(0, |cycle| cycle.n),
            cycles: run.cycles.len(),
            missing: run.missing(),
            duration_ns: run.duration(),
        };
        let is_empty = self.runs.is_empty();
        Document {
            schema: 1,
            cycles: log.cycles.iter().map(CycleJson::from).collect(),
            skipped_lines: skipped.total(),
            skipped: SkippedJson {
                damaged: skipped.damaged,
                runtime: skipped.runtime,
                other: skipped.other,
                too_long: skipped.too_long,
            },
            dropped_cycles: log.dropped,
            runs: self.runs.iter().map(run_json).collect(),
            run: (!is_empty).then_some(self.longest),
            trend: self.live_trend.as_ref().map(|trend| self.trend_json(trend)),
            inflections: self.inflections.iter().map(|inflection| self.inflection_json(inflection)).collect(),
            forecast: self.limit.filter(|_| !is_empty).map(|limit| {
                json!({
                    "limit": limit,
                    "heap_live": self.live_trend.map(|trend| forecast_json(trend.forecast(limit as f64))),
                    "goal": self.goal_trend.map(|trend| forecast_json(trend.forecast(limit as f64))),
                })
            }),
            pressure: (!is_empty).then(|| self.pressure_json()),
            error: error.map(Error::to_string),
        }
    }

    fn trend_json(&self, trend: &Trend) -> Value {
        let (line, test) = (&trend.theil_sen, &trend.mann_kendall);
        let per_second = |slope: f64| slope * NANOS_PER_SECOND;
        json!({
            "of": "heap_live",
            "samples": trend.samples,
            "slope_bytes_per_second": per_second(line.slope),
            "slope_low": line.interval.map(|(low, _)| per_second(low)),
            "slope_high": line.interval.map(|(_, high)| per_second(high)),
            "intercept_bytes": line.intercept,
            "mann_kendall": {"s": test.s, "z": test.z, "p": test.p, "tau": test.tau},
            "shape": self.shape.as_ref().map(shape_json),
        })
    }

    fn inflection_json(&self, inflection: &Inflection) -> Value {
        let cycle = &self.cycles()[inflection.index];
        json!({
            "turn": turn_name(inflection.turn),
            "index": inflection.index,
            "n": cycle.n,
            "at_ns": cycle.at,
            "heap_live_mean": inflection.value,
            "prominence": inflection.prominence,
        })
    }

    fn pressure_json(&self) -> Value {
        let pressure = &self.pressure;
        let stretch = |stretch: Option<Stretch>| {
            stretch.map(|stretch| {
                let n = |at: usize| self.cycles()[at].n;
                let (first, last) = (n(stretch.first), n(stretch.last));
                json!({"first_n": first, "last_n": last, "value": stretch.value, "usual": stretch.usual})
            })
        };
        json!({
            "elapsed_ns": pressure.elapsed,
            "cycles_per_second": pressure.per_second,
            "gc_cpu_share": pressure.cpu_share,
            "stopped_share": pressure.stopped_share,
            "pause_median_ns": pressure.pause_median,
            "pause_max_ns": pressure.pause_max,
            "pause_total_ns": pressure.pause_total,
            "mark_bytes_per_ms": pressure.mark_rate,
            "mark_bytes_per_cpu_ms": pressure.mark_cpu_rate,
            "assist_share": pressure.assist_share,
            "allocated_bytes_per_second": pressure.allocated_per_second,
            "assist_ns_per_mib": pressure.assist_per_mib,
            "slowest_marking": stretch(self.slowest),
            "most_assist": stretch(self.assisted),
        })
    }
}

const NANOS_PER_SECOND: f64 = 1e9;

fn turn_name(turn: Turn) -> &'static str {
    match turn {
        Turn::Peak => "peak",
        Turn::Valley => "valley",
    }
}

fn shape_json(shape: &Shape) -> Value {
    match shape {
        Shape::TooShort => json!({"form": "too short"}),
        Shape::Flat { level } => json!({"form": "flat", "level": level}),
        Shape::Sawtooth { teeth, rises, valleys } => {
            let slope = valleys.map(|trend| trend.theil_sen.slope * NANOS_PER_SECOND);
            json!({"form": "sawtooth", "teeth": teeth, "valleys_rise": rises, "valley_slope_bytes_per_second": slope})
        }
        Shape::Plateau { level, rise, since } => {
            json!({"form": "plateau", "level": level, "rise": rise, "since_ns": since})
        }
        Shape::Rising => json!({"form": "rising"}),
        Shape::Falling => json!({"form": "falling"}),
        Shape::Irregular => json!({"form": "irregular"}),
    }
}

fn forecast_json(forecast: Forecast) -> Value {
    match forecast {
        Forecast::Reached => json!({"reached": true}),
        Forecast::Never => json!({"reached": false, "at_ns": null}),
        Forecast::At { expected, earliest, latest } => {
            json!({"reached": false, "at_ns": expected, "earliest_ns": earliest, "latest_ns": latest})
        }
    }
}

impl Report {
    fn write_text(&self, log: &Log, args: &Args, out: &mut impl Write) -> io::Result<()> {
        let skipped = &log.skipped;
        let collections = plural(log.cycles.len() as u64, "collection");
        row(out, "log", &format!("{collections}, {}", plural(skipped.total(), "other line")))?;
        for (lines, what) in [
            (skipped.damaged, "cut or mixed with something else"),
            (skipped.runtime, "of the pacer, the scavenger and the like"),
            (skipped.too_long, "too long to be looked at"),
            (log.dropped, "collections left out (see --max-cycles)"),
        ] {
            if lines > 0 {
                row(out, "", &format!("{} {what}", HumanCount(lines)))?;
            }
        }
        let (Some(first), Some(last)) = (self.cycles().first(), self.cycles().last()) else { return Ok(()) };
        if self.runs.len() > 1 {
            let text = format!("{} of {}, the one with the most collections", self.longest + 1, self.runs.len());
            row(out, "process", &text)?;
        }
        let run = &self.runs[self.longest];
        let lost =
            if run.missing() > 0 { format!(", {} not in the log", HumanCount(run.missing())) } else { String::new() };
        let text = format!("{} to {} in {}{lost}", first.n, last.n, duration(run.duration() as f64));
        row(out, "collections", &text)?;
        let smallest = self.live.iter().copied().fold(f64::INFINITY, f64::min);
        let largest = self.live.iter().copied().fold(0.0, f64::max);
        let text = format!(
            "{} at first, {} at last, {} to {}",
            bytes(first.heap_live as f64),
            bytes(last.heap_live as f64),
            bytes(smallest),
            bytes(largest)
        );
        row(out, "live heap", &text)?;
        if let Some(trend) = &self.live_trend {
            write_trend(trend, args.confidence, out)?;
        }
        if let Some(shape) = &self.shape {
            row(out, "shape", &shape_text(shape))?;
        }
        if let Some(limit) = self.limit {
            for (name, trend) in [("live heap", self.live_trend), ("goal", self.goal_trend)] {
                let when = trend.map_or("unknown".into(), |trend| forecast_text(trend.forecast(limit as f64), last.at));
                row(out, &format!("{name} at limit"), &when)?;
            }
        }
        self.write_pressure(out)?;
        for inflection in &self.inflections {
            let cycle = &self.cycles()[inflection.index];
            let text = format!(
                "{:<7}gc {}, {} after the start: {}, stands out by {}",
                turn_name(inflection.turn),
                cycle.n,
                duration(cycle.at as f64),
                bytes(inflection.value),
                bytes(inflection.prominence)
            );
            row(out, "turn", &text)?;
        }
        Ok(())
    }

    fn write_pressure(&self, out: &mut impl Write) -> io::Result<()> {
        let pressure = &self.pressure;
        let percent = |share: Option<f64>| share.map_or("unknown".into(), |share| format!("{:.2} %", share * 100.0));
        let nanos = |nanos: u64| format!("{:.3?}", Duration::from_nanos(nanos));
        let per_second = |rate: Option<f64>| rate.map_or("unknown".into(), |rate| format!("{}/s", bytes(rate)));
        let logged = self.cycles().last().map_or(0, |cycle| cycle.gc_cpu_percent);
        row(out, "GC CPU", &format!("{} (the log says {logged} % since the start)", percent(pressure.cpu_share)))?;
        let frequency = pressure.per_second.map_or("unknown".into(), |rate| format!("{rate:.2} a second"));
        row(out, "frequency", &frequency)?;
        let pauses = format!(
            "{} of half, {} at most, {} of the time",
            nanos(pressure.pause_median),
            nanos(pressure.pause_max),
            percent(pressure.stopped_share)
        );
        row(out, "pauses", &pauses)?;
        let rate = pressure.mark_rate.map(|rate| rate * 1000.0);
        let text = format!("{}, {} of its CPU time by assists", per_second(rate), percent(pressure.assist_share));
        row(out, "marking", &text)?;
        if let Some(slowest) = &self.slowest {
            let (first, last) = (self.cycles()[slowest.first].n, self.cycles()[slowest.last].n);
            let text =
                format!("gc {first} to {last}: {:.0} % of the usual rate", slowest.value / slowest.usual * 100.0);
            row(out, "slowest", &text)?;
        }
        row(out, "allocation", &per_second(pressure.allocated_per_second))
    }
}

fn write_trend(trend: &Trend, confidence: f64, out: &mut impl Write) -> io::Result<()> {
    let per_minute = |slope: f64| {
        let slope = slope * 60.0 * NANOS_PER_SECOND;
        let sign = if slope < 0.0 { "-" } else { "+" };
        format!("{sign}{}", bytes(slope.abs()))
    };
    let line = &trend.theil_sen;
    let interval = line.interval.map_or(String::new(), |(low, high)| {
        format!(" ({:.0} %: {} to {})", confidence * 100.0, per_minute(low), per_minute(high))
    });
    row(out, "slope", &format!("{} a minute{interval}", per_minute(line.slope)))?;
    let test = &trend.mann_kendall;
    row(out, "trend test", &format!("Mann-Kendall tau {:.3}, p {:.2e}", test.tau, test.p))
}

fn shape_text(shape: &Shape) -> String {
    match shape {
        Shape::TooShort => "too few collections to tell".into(),
        Shape::Flat { level } => format!("flat at {}", bytes(*level)),
        Shape::Sawtooth { teeth, rises, .. } => {
            let valleys = if *rises { "valleys rise" } else { "valleys do not rise" };
            format!("sawtooth of {teeth} teeth, {valleys}")
        }
        Shape::Plateau { level, rise, since } => {
            format!("rose by {} to a plateau of {} at {}", bytes(*rise), bytes(*level), duration(*since))
        }
        Shape::Rising => "rising".into(),
        Shape::Falling => "falling".into(),
        Shape::Irregular => "irregular".into(),
    }
}

fn forecast_text(forecast: Forecast, now: u64) -> String {
    let until = |at: f64| duration(at - now as f64);
    match forecast {
        Forecast::Reached => "reached".into(),
        Forecast::Never => "not as it goes".into(),
        Forecast::At { expected, earliest, latest } => {
            let earliest = earliest.map_or("unknown".into(), until);
            let latest = latest.map_or("never".into(), until);
            format!("in {} (between {earliest} and {latest})", until(expected))
        }
    }
}

fn row(out: &mut impl Write, name: &str, text: &str) -> io::Result<()> {
    writeln!(out, "{name:<20}{text}")
}

fn bytes(bytes: f64) -> String {
    // What is out of range is u64's largest, 16 EiB.
    BinaryBytes(bytes as u64).to_string()
}

/// Nanoseconds to two units.
fn duration(nanos: f64) -> String {
    let seconds = nanos / NANOS_PER_SECOND;
    let (minutes, hours, days) = (seconds / 60.0, seconds / 3600.0, seconds / 86_400.0);
    match seconds {
        ..60.0 => format!("{seconds:.3} s"),
        ..3600.0 => format!("{} min {:.0} s", minutes.trunc(), (seconds % 60.0).trunc()),
        ..86_400.0 => format!("{} h {:.0} min", hours.trunc(), (minutes % 60.0).trunc()),
        ..86_400_000.0 => format!("{} d {:.0} h", days.trunc(), (hours % 24.0).trunc()),
        _ => format!("{:.1e} years", days / 365.25),
    }
}

fn plural(number: u64, thing: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {thing}{ending}", HumanCount(number))
}
