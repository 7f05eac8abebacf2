//! Tells how long things take.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::view::analysis::{ended, observe, spread_head, spread_text, time};
use crate::view::text::{duration_text, fit, write_json, write_line};
use clap::Args as ClapArgs;
use gotrace::analysis::{Histogram, Latencies, LatencyReport, LatencySeries, Pause};
use serde::Serialize;

/// Tell how long goroutines wait for a P, in system calls and for the network, how long the world is stopped, and what functions
/// pay for the garbage collector.
#[derive(ClapArgs)]
pub struct Args {
    /// Show the course of time too
    #[arg(long)]
    over_time: bool,
    /// Show so many functions
    #[arg(long, default_value_t = 10)]
    functions: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// The trace, - for standard input
    file: PathBuf,
}

pub fn run(args: &Args, _terminal: &mut Terminal) -> Result<(), Failure> {
    let (report, error) = observe(&args.file, Latencies::new())?;
    let mut out = BufWriter::new(io::stdout().lock());
    match args.json {
        true => write_json(&Json::new(&report, error.as_ref().map(ToString::to_string)), &mut out)?,
        false => write_text(&report, args, &mut out)?,
    }
    out.flush()?;
    ended(&args.file, error)
}

fn series(report: &LatencyReport) -> [(&'static str, &LatencySeries); 5] {
    [
        ("scheduler latency", &report.scheduler),
        ("  of goroutines woken", &report.wake),
        ("in system calls", &report.syscall),
        ("for the network", &report.network),
        ("GC pauses", &report.gc_pause),
    ]
}

/// What is printed as JSON; see `gotrace::analysis::json`.
#[derive(Serialize)]
struct Json {
    schema: u32,
    scheduler: Series,
    wake: Series,
    syscall: Series,
    network: Series,
    gc_pause: Series,
    pauses: Vec<PauseRow>,
    gc_costs: Vec<Cost>,
    error: Option<String>,
}

#[derive(Serialize)]
struct Series {
    #[serde(flatten)]
    all: Histogram,
    window_ns: i64,
    windows: Vec<Window>,
}

#[derive(Serialize)]
struct Window {
    begin: i64,
    #[serde(flatten)]
    spread: Histogram,
}

#[derive(Serialize)]
struct PauseRow {
    reason: String,
    total: Histogram,
    to_stop: Histogram,
    stopped: Histogram,
    longest: Option<Longest>,
}

#[derive(Serialize)]
struct Longest {
    begin: i64,
    total_ns: i64,
    to_stop_ns: i64,
    by_goroutine: Option<u64>,
    last_goroutine: Option<u64>,
    last_func: String,
}

#[derive(Serialize)]
struct Cost {
    func: String,
    assists: Histogram,
    sweeps: Histogram,
}

impl Json {
    fn new(report: &LatencyReport, error: Option<String>) -> Self {
        let series = |series: &LatencySeries| Series {
            all: series.all.clone(),
            window_ns: series.window,
            windows: series.windows.iter().map(|(at, all)| Window { begin: at.0, spread: all.clone() }).collect(),
        };
        let longest = |pause: &Pause| Longest {
            begin: pause.begin.0,
            total_ns: pause.total,
            to_stop_ns: pause.to_stop,
            by_goroutine: pause.by.map(|id| id.0),
            last_goroutine: pause.last.map(|id| id.0),
            last_func: pause.last_func.clone(),
        };
        let pauses = report.pauses.iter().map(|pauses| PauseRow {
            reason: pauses.reason.clone(),
            total: pauses.total.clone(),
            to_stop: pauses.to_stop.clone(),
            stopped: pauses.stopped.clone(),
            longest: pauses.longest.as_ref().map(longest),
        });
        let costs = report.costs.iter().map(|cost| Cost {
            func: cost.func.clone(),
            assists: cost.assists.clone(),
            sweeps: cost.sweeps.clone(),
        });
        Json {
            schema: 1,
            scheduler: series(&report.scheduler),
            wake: series(&report.wake),
            syscall: series(&report.syscall),
            network: series(&report.network),
            gc_pause: series(&report.gc_pause),
            pauses: pauses.collect(),
            gc_costs: costs.collect(),
            error,
        }
    }
}

fn write_text(report: &LatencyReport, args: &Args, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{:<22} {:>6} {}", "", "times", spread_head())?;
    for (name, series) in series(report) {
        writeln!(out, "{name:<22} {:>6} {}", count(series.all.count()), spread_text(&series.all))?;
    }
    for pauses in &report.pauses {
        writeln!(out)?;
        write_line(&format!("stop-the-world ({})", pauses.reason), out)?;
        for (name, times) in [("in all", &pauses.total), ("to stop", &pauses.to_stop), ("stopped", &pauses.stopped)] {
            writeln!(out, "  {name:<20} {:>6} {}", count(times.count()), spread_text(times))?;
        }
        if let Some(longest) = &pauses.longest {
            let by = longest.by.map_or(String::new(), |id| format!(", by goroutine {id}"));
            let last = longest.last.map_or(String::new(), |id| format!("; goroutine {id} stopped last"));
            let func = if longest.last_func.is_empty() { String::new() } else { format!(" in {}", longest.last_func) };
            write_line(&format!("  longest at {}{by}{last}{func}", longest.begin), out)?;
        }
    }
    if !report.costs.is_empty() && args.functions > 0 {
        writeln!(
            out,
            "\n{:<50} {:>7} {:>9} {:>9} {:>9} {:>9}",
            "for the GC", "assists", "sum", "p99", "sweeps", "sum"
        )?;
    }
    for cost in report.costs.iter().take(args.functions) {
        let func = if cost.func.is_empty() { "(no stack)" } else { &cost.func };
        let (assists, sweeps) = (&cost.assists, &cost.sweeps);
        let sums = [duration_text(assists.sum()), duration_text(assists.percentile(99.0))]
            .map(|text| format!("{text:>9}"))
            .join(" ");
        let (fitted, swept) = (fit(func, 50), duration_text(sweeps.sum()));
        writeln!(out, "{fitted} {:>7} {sums} {:>9} {swept:>9}", assists.count(), sweeps.count())?;
    }
    if args.over_time {
        for (name, series) in series(report).into_iter().filter(|(_, series)| series.all.count() > 0) {
            writeln!(out, "\n{}, in windows of {}", name.trim(), time(series.window))?;
            writeln!(out, "{:>22} {:>6} {}", "from (ns)", "times", spread_head())?;
            for (begin, times) in series.windows.iter().filter(|(_, times)| times.count() > 0) {
                writeln!(out, "{begin:>22} {:>6} {}", count(times.count()), spread_text(times))?;
            }
        }
    }
    Ok(())
}

/// A count in six characters.
fn count(n: u64) -> String {
    match n {
        0..1_000_000 => n.to_string(),
        1_000_000..1_000_000_000 => format!("{:.1}M", n as f64 / 1e6),
        _ => format!("{:.1}G", n as f64 / 1e9),
    }
}
