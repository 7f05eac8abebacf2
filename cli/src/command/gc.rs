//! `gotrace gc`: garbage collections, stop-the-world pauses, and the share of the processors that
//! is left to the program.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use gotrace::analysis::gc::{GcOptions, GcReport};
use gotrace::analysis::mmu::{Mmu, MmuCurve, MmuOptions};
use serde::Serialize;

use crate::failure::{self, Failure};
use crate::output;
use crate::pass::{check_read_to_end, observe};
use crate::select::{Chosen, Window};
use crate::terminal::Terminal;
use crate::view::bar::Bar;
use crate::view::clock::Clock;
use crate::view::frames::{line, outside_of_runtime};
use crate::view::rows::{Rows, write_rest_with};
use crate::view::style::{BAD, BOLD, DIM, WARN};
use crate::view::table::{Cell, Column, Table};
use crate::view::{names, next, paragraph, svg, units};

/// Show the garbage collections and the stop-the-world pauses of a trace.
///
/// The longest ones are listed, in order of time. With --from and --to, collections and pauses are
/// those that overlap that part of the trace; totals count only the time within it. --mmu shows the
/// minimum mutator utilization instead: for each window length, the share of the processors that
/// the garbage collector leaves to the program in the worst window of that length. Of all windows
/// of that length, 5 % have at most the share P5, and half of them at most MEDIAN.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  gotrace gc trace.out\n  gotrace gc trace.out --to 1ms --top 5\n  gotrace gc trace.out --mmu --svg mmu.svg"
)]
pub struct Args {
    /// The trace; - for standard input
    file: PathBuf,
    /// Print one JSON object, with the rows that --top or --all selects
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    rows: Rows,
    /// Show the minimum mutator utilization of the whole trace
    #[arg(long, conflicts_with_all = ["from", "to", "top", "all"])]
    mmu: bool,
    /// Draw the minimum mutator utilization into this file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from", "to"])]
    svg: Option<PathBuf>,
    /// What counts as work of the garbage collector for --mmu and --svg; perProc measures each P by
    /// itself [default: stw,background,assist]
    #[arg(long, value_enum, value_delimiter = ',')]
    flags: Vec<Flag>,
    #[command(flatten)]
    window: Window,
}

/// The flags of the MMU page of go tool trace.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
#[value(rename_all = "camelCase")]
enum Flag {
    /// Each P by itself
    PerProc,
    /// Stop-the-world pauses of the GC
    Stw,
    /// Background workers
    Background,
    /// Mark assists
    Assist,
    /// Sweeping
    Sweep,
}

/// What counts as work of the garbage collector by default, as in go tool trace.
const DEFAULT_FLAGS: [Flag; 3] = [Flag::Stw, Flag::Background, Flag::Assist];

/// What is printed as JSON: the collections, or with `--mmu` the curve.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Report {
    /// Collections and pauses.
    Gc(GcReport),
    /// With `--mmu`.
    Mmu(MmuCurve),
}

pub fn run(args: &Args, terminal: &mut Terminal) -> Result<(), Failure> {
    if args.mmu || args.svg.is_some() {
        return run_mmu(args, terminal);
    }
    if !args.flags.is_empty() {
        return Err(Failure::Usage("--flags needs --mmu or --svg FILE".to_owned()));
    }
    let timeline = crate::input::load_timeline(&args.file)?;
    let clock = Clock::of(&timeline, terminal.times());
    let options = GcOptions::default().range(args.window.range(&timeline, &clock)?).top(args.rows.most());
    let report = GcReport::new(&timeline, &options);
    let is_empty = report.cycle_count == 0 && report.pause_totals.count == 0;
    let chosen = Chosen::default().window(&args.window, &clock)?;
    match args.json {
        true => terminal.json(&Report::Gc(report), None)?,
        false if is_empty && !chosen.is_empty() => {}
        false => write_text(args, &report, &clock, terminal)?,
    }
    match is_empty && !chosen.is_empty() {
        true => {
            let whole = units::duration(timeline.end() - timeline.start());
            Err(chosen.nothing("collection or pause", &format!("the trace lasts {whole}")))
        }
        false => Ok(()),
    }
}

fn run_mmu(args: &Args, terminal: &mut Terminal) -> Result<(), Failure> {
    let flags = if args.flags.is_empty() { &DEFAULT_FLAGS[..] } else { &args.flags[..] };
    let has = |flag| flags.contains(&flag);
    let options = MmuOptions::default()
        .per_proc(has(Flag::PerProc))
        .stop_the_world(has(Flag::Stw))
        .background(has(Flag::Background))
        .assists(has(Flag::Assist))
        .sweeps(has(Flag::Sweep));
    let found = observe(&args.file, terminal.times(), Mmu::new(options))?;
    let curve = found.report.curve();
    if let Some(path) = &args.svg {
        output::write(path, &args.file, |mut out| svg::mmu(&curve, &mut out))?;
        if path != Path::new("-") {
            // Standard output may be the file itself, or a JSON object.
            failure::note("gc", &format!("wrote {}", names::printable(&path.display().to_string())));
        }
    }
    match (args.mmu, args.json) {
        (true, true) => terminal.json(&Report::Mmu(curve), found.error.as_ref())?,
        (true, false) => write_curve(&curve, terminal)?,
        (false, _) => {}
    }
    check_read_to_end(&args.file, found.error.as_ref())
}

/// Pauses of at least this length are marked as a possible problem: Go aims at less.
const LONG_PAUSE: Duration = Duration::from_millis(1);

/// Pauses of at least this length are marked as a problem: people notice them.
const BAD_PAUSE: Duration = Duration::from_millis(10);

fn pause_cell(pause: Duration) -> Cell {
    let text = units::duration(pause);
    match pause {
        pause if pause >= BAD_PAUSE => Cell::styled(text, BAD),
        pause if pause >= LONG_PAUSE => Cell::styled(text, WARN),
        _ => text.into(),
    }
}

fn heap(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "?".to_owned(), units::bytes)
}

fn write_text(args: &Args, report: &GcReport, clock: &Clock, terminal: &mut Terminal) -> Result<(), Failure> {
    let totals = &report.pause_totals;
    let (cycles, pauses) = (units::plural(report.cycle_count, "collection"), units::plural(totals.count, "pause"));
    let headline = format!("{cycles} and {pauses} in {}", units::duration(report.duration));
    paragraph::write_styled(BOLD, &headline, terminal)?;
    if totals.count == 0 && report.cycle_count == 0 {
        let why = "the heap did not reach its goal, and nothing stopped the world, while the trace was taken";
        paragraph::write("", why, terminal)?;
        return Ok(terminal.flush()?);
    }
    if totals.count > 0 {
        let share = units::percent(totals.total.as_secs_f64(), report.duration.as_secs_f64());
        let (median, max) = (units::duration(totals.p50), units::duration(totals.max));
        let (p99, total) = (units::duration(totals.p99), units::duration(totals.total));
        let text = format!("median {median}, p99 {p99}, max {max}; {total} in all, {share} of the time");
        paragraph::write("pauses: ", &text, terminal)?;
        write_pauses(report, clock, terminal)?;
    }
    if report.cycle_count > 0 {
        write_cycles(report, clock, terminal)?;
        next::write("gc", &args.file, "--mmu", terminal)?;
    }
    Ok(terminal.flush()?)
}

fn write_pauses(report: &GcReport, clock: &Clock, terminal: &mut Terminal) -> Result<(), Failure> {
    let mut table = Table::new([
        Column::text("STOP-THE-WORLD REASON"),
        Column::number("PAUSES"),
        Column::number("TOTAL"),
        Column::number("MEDIAN"),
        Column::number("P99").detail(1),
        Column::number("MAX"),
    ]);
    for reason in &report.pauses_by_reason {
        let totals = &reason.totals;
        let times = [totals.total, totals.p50, totals.p99].map(|time| Cell::from(units::duration(time)));
        let first = [Cell::from(reason.reason.clone()), units::count(totals.count).into()];
        table.row(first.into_iter().chain(times).chain([pause_cell(totals.max)]));
    }
    writeln!(terminal)?;
    table.write(terminal)?;

    let mut table = Table::new([
        Column::number("START"),
        Column::number("PAUSE"),
        Column::number("TO STOP"),
        Column::word("REASON"),
        Column::number("GOROUTINE"),
        Column::name("ASKED FOR IN").detail(1),
        Column::word("").detail(2),
    ]);
    for pause in &report.pauses {
        // The collector's own pauses start wherever the program happens to allocate.
        let frame = outside_of_runtime(&pause.stack).filter(|_| !pause.gc);
        let still = if pause.open { " (not ended)" } else { "" };
        table.row([
            clock.show(pause.start).into(),
            pause_cell(pause.duration()),
            units::duration(pause.time_to_stop).into(),
            format!("{}{still}", pause.reason).into(),
            pause.goroutine.map_or_else(String::new, |id| id.to_string()).into(),
            frame.map_or_else(String::new, |frame| frame.func.clone()).into(),
            frame.map_or_else(String::new, line).into(),
        ]);
    }
    writeln!(terminal)?;
    table.write(terminal)?;
    Ok(write_rest_with(report.pause_totals.count, report.pauses.len(), "shorter pause", "--top 0 shows all", terminal)?)
}

fn write_cycles(report: &GcReport, clock: &Clock, terminal: &mut Terminal) -> Result<(), Failure> {
    let mut table = Table::new([
        Column::number("GC"),
        Column::number("START"),
        Column::number("TIME"),
        Column::number("PAUSED"),
        Column::number("ASSISTS").detail(1),
        Column::number("SWEEPS").detail(2),
        Column::number("HEAP START"),
        Column::number("END"),
        Column::number("LIVE"),
        Column::number("GOAL"),
        Column::word("").detail(3),
    ]);
    for cycle in &report.cycles {
        let times = [cycle.assist, cycle.sweep].map(|time| Cell::from(units::duration(time)));
        let sizes = [cycle.heap_start, cycle.heap_end, cycle.heap_live, cycle.goal].map(|size| Cell::from(heap(size)));
        let first: [Cell; 4] = [
            cycle.seq.to_string().into(),
            clock.show(cycle.start).into(),
            units::duration(cycle.duration()).into(),
            pause_cell(cycle.pause),
        ];
        let open = if cycle.open { "not ended" } else { "" };
        table.row(first.into_iter().chain(times).chain(sizes).chain([open.into()]));
    }
    writeln!(terminal)?;
    table.write(terminal)?;
    Ok(write_rest_with(report.cycle_count, report.cycles.len(), "shorter collection", "--top 0 shows all", terminal)?)
}

fn write_curve(curve: &MmuCurve, terminal: &mut Terminal) -> Result<(), Failure> {
    if curve.points.is_empty() {
        paragraph::write("", "the trace has no GOMAXPROCS event, so its utilization is not known", terminal)?;
        return Ok(terminal.flush()?);
    }
    let at = |window: Duration| curve.points.iter().rev().find(|point| point.window <= window);
    if let Some(point) = at(Duration::from_millis(1)) {
        let (mmu, window) = (units::percent(point.mmu, 1.0), units::duration(point.window));
        let headline = format!("in the worst window of {window} the program had {mmu} of the processors");
        paragraph::write_styled(BOLD, &headline, terminal)?;
    }
    let mut table = Table::new([
        Column::number("WINDOW"),
        Column::number("WORST (MMU)"),
        Column::number("P5"),
        Column::number("MEDIAN"),
        Column::bar(""),
    ]);
    for point in &curve.points {
        let shares = [point.mmu, point.p5, point.p50].map(|share| format!("{:.2} %", share * 100.0));
        let numbers = [units::duration(point.window)].into_iter().chain(shares).map(Cell::from);
        table.row(numbers.chain([Bar::Length(point.mmu).into()]));
    }
    table.write(terminal)?;
    if let (Some(first), Some(last)) = (curve.points.first(), curve.points.last()) {
        let [first, last] = [first.window, last.window].map(units::duration);
        let note = format!(
            "windows from {first} to {last}: longer ones do not fit into the time for which the utilization is known"
        );
        paragraph::write_styled(DIM, &note, terminal)?;
    }
    Ok(terminal.flush()?)
}
