//! Tells what the processors do.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::view::analysis::{ended, observe, time};
use crate::view::text::write_json;
use clap::Args as ClapArgs;
use gotrace::analysis::{ProcMoment, ProcReport, Procs};
use serde::Serialize;

/// Tell how busy each P is, how many goroutines run and wait to run, what is wasted, and what the garbage collector takes.
#[derive(ClapArgs)]
pub struct Args {
    /// Show the course of time too
    #[arg(long)]
    over_time: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// The trace, - for standard input
    file: PathBuf,
}

pub fn run(args: &Args, _terminal: &mut Terminal) -> Result<(), Failure> {
    let (report, error) = observe(&args.file, Procs::new())?;
    let mut out = BufWriter::new(io::stdout().lock());
    match args.json {
        true => write_json(&Json::new(&report, error.as_ref().map(ToString::to_string)), &mut out)?,
        false => write_text(&report, args.over_time, &mut out)?,
    }
    out.flush()?;
    ended(&args.file, error)
}

/// What is printed as JSON; see `gotrace::analysis::json`.
#[derive(Serialize)]
struct Json {
    schema: u32,
    duration_ns: i64,
    gomaxprocs: Option<u64>,
    whole: Moment,
    parallelism_ns: Vec<i64>,
    procs: Vec<Proc>,
    window_ns: i64,
    windows: Vec<Moment>,
    error: Option<String>,
}

#[derive(Serialize)]
struct Moment {
    begin: i64,
    length_ns: i64,
    running: f64,
    runnable: f64,
    runnable_max: u64,
    procs: f64,
    idle_while_runnable_ns: i64,
    gc: f64,
}

#[derive(Serialize)]
struct Proc {
    proc: u64,
    running_ns: i64,
    executing_ns: i64,
    utilization: Vec<f64>,
}

impl From<&ProcMoment> for Moment {
    fn from(moment: &ProcMoment) -> Self {
        Moment {
            begin: moment.begin.0,
            length_ns: moment.length,
            running: moment.running,
            runnable: moment.runnable,
            runnable_max: moment.runnable_max,
            procs: moment.procs,
            idle_while_runnable_ns: moment.idle_while_runnable,
            gc: moment.gc,
        }
    }
}

impl Json {
    fn new(report: &ProcReport, error: Option<String>) -> Self {
        let procs = report.procs.iter().map(|proc| Proc {
            proc: proc.proc.0,
            running_ns: proc.running,
            executing_ns: proc.executing,
            utilization: proc.utilization.clone(),
        });
        Json {
            schema: 1,
            duration_ns: report.duration,
            gomaxprocs: report.gomaxprocs,
            whole: (&report.whole).into(),
            parallelism_ns: report.parallelism.clone(),
            procs: procs.collect(),
            window_ns: report.window,
            windows: report.windows.iter().map(Moment::from).collect(),
            error,
        }
    }
}

fn write_text(report: &ProcReport, over_time: bool, out: &mut impl Write) -> io::Result<()> {
    let part = |nanos: i64| format!("{:.1} %", nanos as f64 * 100.0 / report.duration.max(1) as f64);
    let whole = &report.whole;
    let gomaxprocs = report.gomaxprocs.map_or("unknown".to_owned(), |n| n.to_string());
    writeln!(out, "{:<26}{}, GOMAXPROCS {gomaxprocs}", "duration", time(report.duration))?;
    writeln!(out, "{:<26}{:.2} on average", "goroutines running", whole.running)?;
    writeln!(out, "{:<26}{:.2} on average, {} at most", "goroutines ready", whole.runnable, whole.runnable_max)?;
    writeln!(out, "{:<26}{:.2} on average", "Ps with a thread", whole.procs)?;
    writeln!(out, "{:<26}{:.2} on average", "Ps with a GC worker", whole.gc)?;
    let wasted = whole.idle_while_runnable;
    writeln!(out, "{:<26}{} ({})", "a P idle, one ready", time(wasted), part(wasted))?;

    writeln!(out, "\n{:>5} {:>11} {:>8} {:>11} {:>8}  over time", "P", "running", "", "executing", "")?;
    for proc in &report.procs {
        let (running, executing) = (proc.running, proc.executing);
        let course = bars(&proc.utilization, 48);
        let id = proc.proc;
        let (run, exec) = (time(running), time(executing));
        writeln!(out, "{id:>5} {run:>11} {:>8} {exec:>11} {:>8}  {course}", part(running), part(executing))?;
    }
    writeln!(out, "\ngoroutines running at a time")?;
    for (n, &nanos) in report.parallelism.iter().enumerate().filter(|(_, nanos)| **nanos > 0) {
        let bar = "█".repeat((nanos as f64 * 60.0 / report.duration.max(1) as f64).round() as usize);
        writeln!(out, "{n:>5} {:>11} {:>8}  {bar}", time(nanos), part(nanos))?;
    }
    if over_time {
        writeln!(out, "\nin windows of {}", time(report.window))?;
        let head = ["running", "ready", "at most", "Ps", "GC"].map(|name| format!("{name:>9}")).join(" ");
        writeln!(out, "{:>20} {head} {:>12}", "from (ns)", "wasted")?;
        for moment in &report.windows {
            let ProcMoment { begin, running, runnable, runnable_max, procs, gc, .. } = moment;
            write!(out, "{begin:>20} {running:>9.2} {runnable:>9.2} {runnable_max:>9} {procs:>9.2} {gc:>9.2}")?;
            writeln!(out, " {:>12}", time(moment.idle_while_runnable))?;
        }
    }
    Ok(())
}

/// Parts of a whole as a row of bars, averaged to a width.
fn bars(parts: &[f64], width: usize) -> String {
    const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let width = width.min(parts.len());
    let bar = |i: usize| {
        let group = &parts[i * parts.len() / width..(i + 1) * parts.len() / width];
        let mean = group.iter().sum::<f64>() / group.len().max(1) as f64;
        BARS[(mean.clamp(0.0, 1.0) * 8.0).round() as usize]
    };
    (0..width).map(bar).collect()
}
