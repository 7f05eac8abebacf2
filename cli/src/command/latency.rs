//! `gotrace latency`: how long scheduling, system calls, network waits and pauses take.

use std::io::Write;
use std::path::PathBuf;

use clap::ValueEnum;
use gotrace::GoId;
use gotrace::analysis::latency::{GcCost, Latency, LatencyKind, LatencyReport, LatencySeries, PauseLatency, SlowWait};

use crate::failure::Failure;
use crate::number::parse_count;
use crate::pass::{check_read_to_end, observe_within};
use crate::select::{Chosen, Selection, Window};
use crate::terminal::Terminal;
use crate::view::clock::Clock;
use crate::view::rows::{Rows, write_rest};
use crate::view::style::BOLD;
use crate::view::table::{Cell, Column, Table};
use crate::view::{distribution, frames, next, paragraph, units};

/// Show how long goroutines wait for a P, in system calls and for the network, how long the world
/// is stopped, and how long functions work for the garbage collector when they allocate.
///
/// --slowest lists the slowest of each: which goroutine, when, and what it waited for. Percentiles
/// (≈) come from histograms and are within 0.8 %; gotrace gc shows exact percentiles of pauses.
#[derive(clap::Args)]
#[command(
    mut_arg("label", |arg| arg.hide(true)),
    after_help = "Examples:\n  gotrace latency trace.out\n  gotrace latency trace.out --slowest 5\n  gotrace latency trace.out --slowest 10 --kind scheduler --func 'http.*serve'"
)]
pub struct Args {
    /// The trace; - for standard input
    file: PathBuf,
    /// Print one JSON object, with the rows that --top or --all selects
    #[arg(long)]
    json: bool,
    /// List this many of the slowest waits of each kind
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, allow_hyphen_values = true, value_parser = parse_count)]
    slowest: usize,
    /// With --slowest: only this kind of wait
    #[arg(long, value_enum, value_name = "KIND", requires = "slowest")]
    kind: Option<Kind>,
    /// Also show how the values change over time
    #[arg(long)]
    over_time: bool,
    #[command(flatten)]
    rows: Rows,
    #[command(flatten)]
    window: Window,
    #[command(flatten)]
    selection: Selection,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Kind {
    /// Runnable until it ran
    Scheduler,
    /// In a system call
    Syscall,
    /// Waiting for the network
    Network,
    /// Stop-the-world pauses
    Pause,
}

impl Kind {
    fn includes(self, kind: LatencyKind) -> bool {
        let own = match self {
            Kind::Scheduler => LatencyKind::Scheduler,
            Kind::Syscall => LatencyKind::Syscall,
            Kind::Network => LatencyKind::Network,
            Kind::Pause => LatencyKind::Pause,
        };
        own == kind
    }
}

pub fn run(args: &Args, terminal: &mut Terminal) -> Result<(), Failure> {
    let selection = &args.selection;
    if selection.label.is_some() {
        return Err(Failure::Usage("--label cannot select latencies; use --func or --goroutine".to_owned()));
    }
    let found = observe_within(&args.file, terminal.times(), &args.window, |range| {
        let latency = Latency::new().within(range).slowest(args.slowest);
        let latency = latency.goroutines(selection.goroutines.iter().copied().map(GoId));
        let chosen = selection.clone();
        match selection.has_function() {
            true => latency.with_function(move |function| chosen.matches_function(function)),
            false => latency,
        }
    })?;
    let mut report = found.report;
    report.slowest.retain(|wait| args.kind.is_none_or(|kind| kind.includes(wait.kind)));
    let is_empty = is_empty(&report) && found.error.is_none();
    let chosen = Chosen::default().selection(selection).window(&args.window, &found.clock)?;
    match args.json {
        true => terminal.json(&report, found.error.as_ref())?,
        false if is_empty && chosen.is_empty() => {
            writeln!(terminal, "nothing waited: no wait starts and ends within the trace")?;
            terminal.flush()?;
        }
        false if is_empty => {}
        false => write_text(args, &report, &found.clock, terminal)?,
    }
    if is_empty && !chosen.is_empty() {
        return Err(
            chosen.nothing("wait that starts and ends within the trace", "gotrace goroutines lists the goroutines")
        );
    }
    check_read_to_end(&args.file, found.error.as_ref())
}

fn series(report: &LatencyReport) -> [(&'static str, &LatencySeries); 5] {
    [
        ("runnable until running", &report.scheduler),
        ("  of those woken", &report.wake),
        ("in system calls", &report.syscall),
        ("waiting for the network", &report.network),
        ("stopped by the GC", &report.gc_pause),
    ]
}

fn is_empty(report: &LatencyReport) -> bool {
    let mut series = series(report).into_iter();
    series.all(|(_, series)| series.all.is_empty()) && report.pauses.is_empty() && report.gc_costs.is_empty()
}

fn write_text(args: &Args, report: &LatencyReport, clock: &Clock, terminal: &mut Terminal) -> Result<(), Failure> {
    let waits = &report.scheduler.all;
    if !waits.is_empty() {
        let [p50, p99] = [50.0, 99.0].map(|percent| units::duration(waits.percentile(percent)));
        let max = units::duration(waits.max());
        let headline = format!("a runnable goroutine waited for a P: median ≈{p50}, p99 ≈{p99}, max {max}");
        paragraph::write_styled(BOLD, &headline, terminal)?;
    }
    writeln!(terminal)?;
    let mut table = Table::new(std::iter::once(Column::word("")).chain(distribution::COLUMNS).collect::<Vec<_>>());
    for (name, series) in series(report) {
        table.row(std::iter::once(Cell::from(name)).chain(distribution::cells(&series.all)));
    }
    table.write(terminal)?;
    if args.slowest > 0 {
        write_slowest(args, &report.slowest, clock, terminal)?;
    }
    write_pauses(&report.pauses, clock, terminal)?;
    write_costs(&report.gc_costs, args.rows.most(), terminal)?;
    if args.over_time {
        write_over_time(report, clock, terminal)?;
    }
    if args.slowest == 0 {
        next::write("latency", &args.file, "--slowest 5", terminal)?;
    }
    Ok(terminal.flush()?)
}

fn write_slowest(args: &Args, slowest: &[SlowWait], clock: &Clock, terminal: &mut Terminal) -> Result<(), Failure> {
    for (kind, title) in [
        (LatencyKind::Scheduler, "slowest to run once runnable"),
        (LatencyKind::Syscall, "slowest system calls"),
        (LatencyKind::Network, "longest waits for the network"),
        (LatencyKind::Pause, "longest stop-the-world pauses"),
    ] {
        let waits: Vec<&SlowWait> = slowest.iter().filter(|wait| wait.kind == kind).collect();
        if args.kind.is_some_and(|wanted| !wanted.includes(kind)) || waits.is_empty() && args.kind.is_none() {
            continue;
        }
        writeln!(terminal, "\n{}", terminal.paint(BOLD, title))?;
        if waits.is_empty() {
            writeln!(terminal, "none")?;
            continue;
        }
        let reason = match kind {
            LatencyKind::Scheduler => Column::text("AFTER"),
            LatencyKind::Pause => Column::text("REASON"),
            _ => Column::text("").detail(9),
        };
        let mut table = Table::new([
            Column::number("TIME"),
            Column::number("START"),
            Column::number("GOROUTINE"),
            reason,
            Column::name("STARTED IN").detail(2),
            Column::name("AT"),
            Column::word("LINE").detail(1),
        ]);
        for wait in waits {
            let at = frames::outside_of_internal(&wait.stack);
            table.row([
                units::duration(wait.duration),
                clock.show(wait.start),
                wait.goroutine.map_or_else(String::new, |id| id.to_string()),
                reason_text(wait),
                wait.function.clone().unwrap_or_default(),
                at.map_or_else(String::new, |frame| frame.func.clone()),
                at.map_or_else(String::new, frames::line),
            ]);
        }
        table.write(terminal)?;
    }
    Ok(())
}

/// What the goroutine waited for. Empty if the kind of wait already says it.
fn reason_text(wait: &SlowWait) -> String {
    match (wait.kind, wait.woken_by) {
        (LatencyKind::Scheduler, Some(id)) => format!("{} (by {id})", wait.reason),
        (LatencyKind::Scheduler | LatencyKind::Pause, _) => wait.reason.clone(),
        _ => String::new(),
    }
}

fn write_pauses(pauses: &[PauseLatency], clock: &Clock, terminal: &mut Terminal) -> Result<(), Failure> {
    if pauses.is_empty() {
        return Ok(());
    }
    let mut table = Table::new([
        Column::text("STOP-THE-WORLD PAUSES"),
        Column::number("TIMES"),
        Column::number("TOTAL").detail(3),
        Column::number("≈P50"),
        Column::number("≈P99").detail(4),
        Column::number("MAX"),
        Column::number("TO STOP, MAX"),
        Column::number("LONGEST AT").detail(2),
        Column::name("STOPPED LAST").detail(1),
    ]);
    for pause in pauses {
        let longest = pause.longest.as_ref();
        let last = longest.and_then(|longest| {
            let goroutine = longest.last_goroutine.map(|id| format!("goroutine {id}"))?;
            match longest.last_function.as_deref() {
                None | Some("") => Some(goroutine),
                Some(function) => Some(format!("{function} ({goroutine})")),
            }
        });
        table.row([
            pause.reason.clone(),
            units::count(pause.total.count()),
            units::duration(pause.total.sum()),
            units::duration(pause.total.percentile(50.0)),
            units::duration(pause.total.percentile(99.0)),
            units::duration(pause.total.max()),
            units::duration(pause.time_to_stop.max()),
            longest.map_or_else(String::new, |longest| clock.show(longest.start)),
            last.unwrap_or_default(),
        ]);
    }
    writeln!(terminal)?;
    Ok(table.write(terminal)?)
}

fn write_costs(costs: &[GcCost], top: usize, terminal: &mut Terminal) -> Result<(), Failure> {
    if costs.is_empty() {
        return Ok(());
    }
    let mut table = Table::new([
        Column::name("FUNCTION (WORK FOR THE GC)"),
        Column::number("ASSISTS"),
        Column::number("TOTAL"),
        Column::number("≈P99").detail(1),
        Column::number("SWEEPS"),
        Column::number("TOTAL"),
    ]);
    for cost in costs.iter().take(top) {
        table.row([
            cost.function.clone().unwrap_or_else(|| "(no stack)".to_owned()),
            units::count(cost.assists.count()),
            units::duration(cost.assists.sum()),
            units::duration(cost.assists.percentile(99.0)),
            units::count(cost.sweeps.count()),
            units::duration(cost.sweeps.sum()),
        ]);
    }
    writeln!(terminal)?;
    table.write(terminal)?;
    Ok(write_rest(costs.len() as u64, top, "function", terminal)?)
}

fn write_over_time(report: &LatencyReport, clock: &Clock, terminal: &mut Terminal) -> Result<(), Failure> {
    for (name, series) in series(report).into_iter().filter(|(_, series)| !series.all.is_empty()) {
        let title = format!("{}, in windows of {}", name.trim(), units::duration(series.window));
        writeln!(terminal, "\n{}", terminal.paint(BOLD, &title))?;
        let columns = std::iter::once(Column::number("START")).chain(distribution::COLUMNS);
        let mut table = Table::new(columns.collect::<Vec<_>>());
        for window in series.windows.iter().filter(|window| !window.durations.is_empty()) {
            let start = Cell::from(clock.show(window.start));
            table.row(std::iter::once(start).chain(distribution::cells(&window.durations)));
        }
        table.write(terminal)?;
    }
    Ok(())
}
