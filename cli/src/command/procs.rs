//! `gotrace procs`: what each P (processor) did.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use gotrace::analysis::procs::{Procs, ProcsReport};

use crate::failure::Failure;
use crate::pass::{check_read_to_end, observe_within};
use crate::select::Window;
use crate::terminal::Terminal;
use crate::view::bar::Bar;
use crate::view::clock::Clock;
use crate::view::next;
use crate::view::style::{BAD, BOLD, WARN};
use crate::view::table::{Cell, Column, Table};
use crate::view::units;

/// Show how busy each P (processor) is, how many goroutines run and wait to run, and how many Ps
/// the garbage collector uses.
///
/// A P can be idle while a goroutine is runnable, because the scheduler has not yet woken a thread
/// for it. A little of that is normal, much of it is lost time.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  gotrace procs trace.out\n  gotrace procs trace.out --from 1ms --to 2ms --over-time"
)]
pub struct Args {
    /// The trace; - for standard input
    file: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Also show how the values change over time
    #[arg(long)]
    over_time: bool,
    #[command(flatten)]
    window: Window,
}

pub fn run(args: &Args, terminal: &mut Terminal) -> Result<(), Failure> {
    let found = observe_within(&args.file, terminal.times(), &args.window, |range| Procs::new().within(range))?;
    match args.json {
        true => terminal.json(&found.report, found.error.as_ref())?,
        false => write_text(args, &found.report, &found.clock, terminal)?,
    }
    check_read_to_end(&args.file, found.error.as_ref())
}

/// If a P is idle while a goroutine is runnable for this share of the time, that may be a problem.
const MUCH_LOST: f64 = 0.05;

/// If a P is idle while a goroutine is runnable for this share of the time, that is a problem.
const TOO_MUCH_LOST: f64 = 0.25;

fn write_text(args: &Args, report: &ProcsReport, clock: &Clock, terminal: &mut Terminal) -> Result<(), Failure> {
    let whole = &report.whole;
    let share = |part: Duration| units::percent(part.as_secs_f64(), report.duration.as_secs_f64());
    if report.duration.is_zero() {
        writeln!(terminal, "this part of the trace has no duration")?;
        return Ok(terminal.flush()?);
    }
    let gomaxprocs = report.gomaxprocs.map_or_else(|| "an unknown number of".to_owned(), |procs| procs.to_string());
    let duration = units::duration(report.duration);
    let headline = format!("{:.2} goroutines ran on average, on {gomaxprocs} Ps, in {duration}", whole.running);
    writeln!(terminal, "{}", terminal.paint(BOLD, &headline))?;
    let lost = whole.idle_while_runnable;
    let text = format!("{} ({})", units::duration(lost), share(lost));
    let lost = match lost.as_secs_f64() / report.duration.as_secs_f64() {
        part if part >= TOO_MUCH_LOST => terminal.paint(BAD, &text),
        part if part >= MUCH_LOST => terminal.paint(WARN, &text),
        _ => text,
    };
    writeln!(
        terminal,
        "runnable goroutines                    {:.2} on average, {} at most",
        whole.runnable,
        units::count(whole.runnable_max)
    )?;
    writeln!(terminal, "P idle while a goroutine was runnable  {lost}")?;
    writeln!(terminal, "Ps with a thread                       {:.2} on average", whole.procs)?;
    writeln!(terminal, "Ps with a GC worker                    {:.2} on average\n", whole.gc)?;
    write_procs(report, terminal)?;
    write_parallelism(report, terminal)?;
    if args.over_time {
        write_windows(report, clock, terminal)?;
    } else {
        next::write("procs", &args.file, "--over-time", terminal)?;
    }
    Ok(terminal.flush()?)
}

fn write_procs(report: &ProcsReport, terminal: &mut Terminal) -> Result<(), Failure> {
    let share = |part: Duration| units::percent(part.as_secs_f64(), report.duration.as_secs_f64());
    let mut table = Table::new([
        Column::number("P"),
        Column::number("WITH A THREAD"),
        Column::number(""),
        Column::number("GO CODE"),
        Column::number(""),
        Column::bar("GO CODE OVER TIME"),
    ]);
    for proc in &report.procs {
        table.row([
            Cell::from(proc.proc.to_string()),
            units::duration(proc.running).into(),
            share(proc.running).into(),
            units::duration(proc.executing).into(),
            share(proc.executing).into(),
            Bar::OverTime(proc.utilization.clone()).into(),
        ]);
    }
    Ok(table.write(terminal)?)
}

fn write_parallelism(report: &ProcsReport, terminal: &mut Terminal) -> Result<(), Failure> {
    let whole = report.duration.as_secs_f64();
    let mut table = Table::new([
        Column::number("GOROUTINES AT A TIME"),
        Column::number("TIME"),
        Column::number(""),
        Column::bar(""),
    ]);
    for (count, &time) in report.parallelism.iter().enumerate().filter(|(_, time)| !time.is_zero()) {
        let part = time.as_secs_f64();
        let numbers = [count.to_string(), units::duration(time), units::percent(part, whole)].map(Cell::from);
        table.row(numbers.into_iter().chain([Bar::Length(part / whole).into()]));
    }
    writeln!(terminal)?;
    Ok(table.write(terminal)?)
}

fn write_windows(report: &ProcsReport, clock: &Clock, terminal: &mut Terminal) -> Result<(), Failure> {
    writeln!(terminal, "\nin windows of {}", units::duration(report.window))?;
    let mut table = Table::new([
        Column::number("START"),
        Column::number("RUNNING"),
        Column::number("RUNNABLE"),
        Column::number("AT MOST"),
        Column::number("PS"),
        Column::number("GC"),
        Column::number("P IDLE, ONE RUNNABLE"),
    ]);
    for window in &report.windows {
        let lost = units::duration(window.idle_while_runnable);
        table.row([
            Cell::from(clock.show(window.start)),
            format!("{:.2}", window.running).into(),
            format!("{:.2}", window.runnable).into(),
            units::count(window.runnable_max).into(),
            format!("{:.2}", window.procs).into(),
            format!("{:.2}", window.gc).into(),
            lost.into(),
        ]);
    }
    Ok(table.write(terminal)?)
}
