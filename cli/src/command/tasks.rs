//! `gotrace tasks`: the tasks, regions and log messages of the traced program.

use std::cmp::Reverse;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use gotrace::analysis::Histogram;
use gotrace::analysis::tasks::{
    LogQuery, LogSearch, LogSearchReport, LongestWait, SlowTask, SlowestOptions, SlowestReport, TaskGroup, Tasks,
    TasksReport, TimeByState, slowest,
};
use gotrace::{GoId, GoState, OwnedFrame, TaskId, Time, Timeline};
use serde::Serialize;

use crate::failure::Failure;
use crate::number::parse_count;
use crate::pass::{check_read_to_end, observe, observe_within};
use crate::select::{Chosen, Window, parse_duration};
use crate::terminal::Terminal;
use crate::view::clock::Clock;
use crate::view::rows::{Rows, write_rest, write_rest_with};
use crate::view::style::{BOLD, DIM};
use crate::view::table::{Cell, Column, Table};
use crate::view::{names, next, paragraph, units, waker};

/// Show the durations of tasks and regions, what the slowest tasks waited for, or log messages.
///
/// A Go program creates tasks, regions and log messages with the package runtime/trace: NewTask,
/// WithRegion, Log.
///
/// Without options, the command shows totals of tasks by name and of regions by type. With
/// --slowest, it lists single tasks with their IDs and what their goroutines waited for. With
/// --log, --category or --task, it searches log messages.
///
/// A trace shows that a goroutine works on a task only while the goroutine is in a region of the
/// task. So the columns RUNNING, RUNNABLE, BLOCKED and SYSCALL count only time in regions, and show
/// – for tasks without regions. Percentiles (≈) are within 0.8 %.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  gotrace tasks trace.out
  gotrace tasks trace.out --slowest 5
  gotrace tasks trace.out --log \"\" --top 20")]
pub struct Args {
    /// List the N slowest tasks (0 = all) and what they waited for
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = parse_count, conflicts_with_all = ["log", "category", "task"])]
    slowest: Option<usize>,
    /// List only tasks with this name (the 10 slowest unless --slowest is given)
    #[arg(long, value_name = "NAME", conflicts_with_all = ["log", "category", "task"], help_heading = "Selection")]
    name: Option<String>,
    /// List only tasks that took at least this long, such as 10ms (the 10 slowest unless --slowest
    /// is given)
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = parse_duration, conflicts_with_all = ["log", "category", "task"], help_heading = "Selection")]
    min: Option<Duration>,
    /// With --slowest or a search: list only tasks or log messages of these goroutines, such as 17
    /// or 17,18; may be repeated
    #[arg(long = "goroutine", value_name = "ID", value_delimiter = ',', help_heading = "Selection")]
    goroutines: Vec<u64>,
    #[command(flatten)]
    window: Window,
    /// Search log messages that contain this text; "" for all
    #[arg(long, value_name = "TEXT")]
    log: Option<String>,
    /// Search log messages of this category
    #[arg(long, value_name = "CATEGORY")]
    category: Option<String>,
    /// Search log messages of this task
    #[arg(long, value_name = "ID")]
    task: Option<u64>,
    /// Column by which tasks and regions are sorted
    #[arg(long, value_enum, value_name = "COLUMN", default_value = "total")]
    sort: Sort,
    #[command(flatten)]
    rows: Rows,
    /// Print one JSON object, with as many rows as the text output
    #[arg(long)]
    json: bool,
    /// The trace; - for standard input
    file: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Sort {
    /// Total time, longest first
    Total,
    /// Longest task or region of each name
    Max,
    /// 99th percentile, longest first
    P99,
    /// Number of tasks or regions
    Count,
    /// Name, in alphabetical order
    Name,
}

/// The output of `--json`. Exactly one field is present.
#[derive(Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Report {
    /// Tasks by name and regions by type.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    table: Option<TasksReport>,
    /// With --slowest: the slowest tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    slowest: Option<SlowestReport>,
    /// With --log, --category or --task: log messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    logs: Option<LogSearchReport>,
}

/// The default of `--slowest` with `--name` or `--min`.
const DEFAULT_SLOWEST: usize = 10;

pub fn run(args: &Args, terminal: &mut Terminal) -> Result<(), Failure> {
    let searches = args.log.is_some() || args.category.is_some() || args.task.is_some();
    let slowest = args.slowest.or((args.name.is_some() || args.min.is_some()).then_some(DEFAULT_SLOWEST));
    match slowest {
        Some(0) => run_slowest(args, usize::MAX, terminal),
        Some(count) => run_slowest(args, count, terminal),
        None if searches => run_search(args, terminal),
        None if !args.goroutines.is_empty() || !args.window.is_whole() => {
            Err(Failure::Usage("--goroutine, --from and --to need --slowest N or a search, such as --log TEXT".into()))
        }
        None => run_table(args, terminal),
    }
}

fn run_table(args: &Args, terminal: &mut Terminal) -> Result<(), Failure> {
    let found = observe(&args.file, terminal.times(), Tasks::by_name())?;
    let mut table = found.report;
    table.tasks.sort_by_key(|group| args.sort.key(&group.latency, group.count));
    table.regions.sort_by_key(|group| args.sort.key(&group.latency, group.count));
    let open = table.tasks.iter().map(|group| group.open).sum();
    table.tasks.truncate(args.rows.most());
    table.regions.truncate(args.rows.most());
    match args.json {
        true => terminal.json(&Report { table: Some(table), ..Report::default() }, found.error.as_ref())?,
        false => write_table(&table, open, &args.file, terminal)?,
    }
    terminal.flush()?;
    check_read_to_end(&args.file, found.error.as_ref())
}

impl Sort {
    /// The key to sort by, largest first. Groups with equal keys stay in order of their names.
    fn key(self, latency: &Histogram, count: u64) -> Reverse<u128> {
        Reverse(match self {
            Sort::Total => latency.sum().as_nanos(),
            Sort::Max => latency.max().as_nanos(),
            Sort::P99 => latency.percentile(99.0).as_nanos(),
            Sort::Count => count.into(),
            Sort::Name => 0,
        })
    }
}

/// Returns the name, or `""` for an empty name.
fn named(name: &str) -> &str {
    if name.is_empty() { NO_NAME } else { name }
}

/// A name that the program left empty.
const NO_NAME: &str = "\"\"";

/// Shown for a task that started before the trace, which does not contain its name.
const UNKNOWN_NAME: &str = "(started before the trace)";

/// Returns the display name of a task. `start` is `None` if the task started before the trace.
fn task_name(name: &str, start: Option<Time>) -> &str {
    if name.is_empty() && start.is_none() { UNKNOWN_NAME } else { named(name) }
}

/// The name of a group of tasks. Tasks with an empty name and tasks that started before the trace
/// are in one group.
fn group_name(group: &TaskGroup) -> &str {
    let began = group.latency.count() + group.open;
    match group.name.is_empty() {
        true if began == 0 => UNKNOWN_NAME,
        true if began < group.count => "\"\" or (started before the trace)",
        _ => named(&group.name),
    }
}

fn write_table(table: &TasksReport, open: u64, file: &Path, out: &mut Terminal) -> io::Result<()> {
    if table.task_count == 0 && table.region_count == 0 {
        let text =
            "the trace has no tasks or regions; programs create them with NewTask and WithRegion of runtime/trace";
        return paragraph::write("", text, out);
    }
    let tasks = units::plural(table.task_count, "task");
    let head = format!("{tasks} with {}, {} still open", units::plural(table.task_names, "name"), units::count(open));
    paragraph::write_styled(BOLD, &head, out)?;
    if !table.tasks.is_empty() {
        // A trace shows which goroutine works on a task only while the goroutine is in a region of
        // the task.
        let note = "RUNNING, RUNNABLE, BLOCKED and SYSCALL count only time in regions of the task";
        paragraph::write_styled(DIM, note, out)?;
        let mut rows = Table::new(columns("TASK"));
        for group in &table.tasks {
            let times = (group.regions > 0).then_some(&group.times);
            rows.row(cells(group_name(group), group.count, Some(group.open), &group.latency, times));
        }
        rows.write(out)?;
        write_rest(table.task_names, table.tasks.len(), "name", out)?;
    }
    let regions = units::plural(table.region_count, "region");
    writeln!(out)?;
    paragraph::write_styled(BOLD, &format!("{regions} of {}", units::plural(table.region_types, "type")), out)?;
    if !table.regions.is_empty() {
        let mut rows = Table::new(columns("REGION"));
        for group in &table.regions {
            rows.row(cells(named(&group.name), group.count, None, &group.latency, Some(&group.times)));
        }
        rows.write(out)?;
        write_rest(table.region_types, table.regions.len(), "type", out)?;
    }
    match table.task_count {
        0 => Ok(()),
        _ => next::write("tasks", file, "--slowest 5", out),
    }
}

fn columns(name: &'static str) -> Vec<Column> {
    let open = match name {
        "TASK" => Column::number("OPEN").detail(3),
        _ => Column::number("").detail(9),
    };
    vec![
        Column::text(name),
        Column::number("COUNT"),
        open,
        Column::number("TOTAL"),
        Column::number("≈P50"),
        Column::number("≈P99").detail(4),
        Column::number("MAX"),
        Column::number("RUNNING"),
        Column::number("RUNNABLE").detail(2),
        Column::number("BLOCKED"),
        Column::number("SYSCALL").detail(5),
    ]
}

fn cells(name: &str, count: u64, open: Option<u64>, latency: &Histogram, times: Option<&TimeByState>) -> Vec<String> {
    let state =
        |time: fn(&TimeByState) -> Duration| times.map_or_else(|| "–".to_owned(), |times| units::duration(time(times)));
    let shown = |duration: Duration| match latency.is_empty() {
        true => "–".to_owned(),
        false => units::duration(duration),
    };
    vec![
        name.to_owned(),
        units::count(count),
        open.map_or_else(String::new, units::count),
        shown(latency.sum()),
        shown(latency.percentile(50.0)),
        shown(latency.percentile(99.0)),
        shown(latency.max()),
        state(|times| times.execution),
        state(|times| times.sched_wait),
        state(|times| times.block),
        state(|times| times.syscall.saturating_add(times.syscall_block)),
    ]
}

fn run_slowest(args: &Args, count: usize, terminal: &mut Terminal) -> Result<(), Failure> {
    let timeline = crate::input::load_timeline(&args.file)?;
    let clock = Clock::of(&timeline, terminal.times());
    let mut options = SlowestOptions::default().count(count).min(args.min.unwrap_or_default());
    options.name = args.name.clone();
    options.goroutines = args.goroutines.iter().copied().map(GoId).collect();
    if !args.window.is_whole() {
        options.between = Some(args.window.range(&timeline, &clock)?);
    }
    let report = slowest(&timeline, &options);
    let is_empty = report.matching == 0;
    let chosen = Chosen::default().option("--name", args.name.as_ref()).option("--min", args.min.map(units::duration));
    let chosen = chosen.goroutines(&args.goroutines).window(&args.window, &clock)?;
    match args.json {
        true => terminal.json(&Report { slowest: Some(report), ..Report::default() }, None)?,
        false if is_empty && chosen.is_empty() => paragraph::write("", NO_TASK, terminal)?,
        false if is_empty => {}
        false => write_slowest(&report, args, &timeline, &clock, terminal)?,
    }
    terminal.flush()?;
    match is_empty && !chosen.is_empty() {
        true => Err(chosen.nothing("task", &describe_tasks(args, &timeline))),
        false => Ok(()),
    }
}

const NO_TASK: &str = "the trace has no tasks; programs create them with NewTask of runtime/trace";

const NO_LOG: &str = "the trace has no log messages; programs write them with Log of runtime/trace";

/// Returns a sentence that describes the tasks of the trace, for an error message.
fn describe_tasks(args: &Args, timeline: &Timeline) -> String {
    if timeline.tasks().len() == 0 {
        return NO_TASK.to_owned();
    }
    let mut names: Vec<String> =
        timeline.tasks().map(|task| task_name(&task.name().to_str_lossy(), task.start()).to_owned()).collect();
    names.sort();
    names.dedup();
    let all = units::plural(timeline.tasks().len() as u64, "task");
    match &args.name {
        Some(name) if !names.contains(name) => {
            let shown = names.iter().take(8).map(|name| names::cut(name, 24)).collect::<Vec<_>>().join(", ");
            let more = if names.len() > 8 { ", …" } else { "" };
            format!("the trace has {all}, named {shown}{more}")
        }
        _ => {
            let longest = timeline.tasks().map(|task| task.duration()).max().unwrap_or_default();
            format!("the trace has {all}; the longest took {}", units::duration(longest))
        }
    }
}

fn write_slowest(
    report: &SlowestReport,
    args: &Args,
    timeline: &Timeline,
    clock: &Clock,
    out: &mut Terminal,
) -> io::Result<()> {
    let matching = match report.matching == report.task_count {
        true => units::plural(report.task_count, "task"),
        false => {
            format!(
                "{} ({} in the trace)",
                units::plural(report.matching, "matching task"),
                units::count(report.task_count)
            )
        }
    };
    let head = format!("the {} slowest of {matching}", units::count(report.tasks.len() as u64));
    paragraph::write_styled(BOLD, &head, out)?;
    for task in &report.tasks {
        writeln!(out)?;
        write_slow_task(task, timeline, clock, out)?;
    }
    let slowest = report.tasks.first().and_then(|task| task.waits.first().map(|wait| wait.longest.go));
    match slowest {
        Some(go) => next::write("goroutine", &args.file, &go.to_string(), out),
        None => Ok(()),
    }
}

fn write_slow_task(task: &SlowTask, timeline: &Timeline, clock: &Clock, out: &mut Terminal) -> io::Result<()> {
    let start = task.start.map_or_else(|| "before the trace".to_owned(), |start| clock.show(start));
    let end = task.end.map_or_else(|| "still open".to_owned(), |end| clock.show(end));
    let title = format!("task {} {}", task.id, names::printable(task_name(&task.name, task.start)));
    let title = out.paint(BOLD, &names::cut(&title, out.width().saturating_sub(14)));
    let parent = task.parent.filter(|&parent| parent != TaskId::BACKGROUND);
    let parent = parent.map_or_else(String::new, |parent| format!(", in task {parent}"));
    writeln!(out, "{title}  {}", units::duration(task.duration))?;
    writeln!(out, "  {start} to {end}{parent}")?;
    let blocked = task.waits.iter().fold(Duration::ZERO, |sum, wait| sum + wait.total);
    let all = (task.running + task.runnable + task.syscall + blocked).as_secs_f64();
    let parts =
        [("running", task.running), ("runnable", task.runnable), ("syscall", task.syscall), ("blocked", blocked)];
    let parts = parts
        .into_iter()
        .filter(|(_, time)| !time.is_zero())
        .map(|(name, time)| format!("{name} {} ({})", units::duration(time), units::percent(time.as_secs_f64(), all)));
    let parts: Vec<String> = parts.collect();
    match parts.is_empty() {
        true => writeln!(out, "  no goroutine is known to have worked on this task")?,
        false => paragraph::write("  ", &parts.join(" · "), out)?,
    }
    if !task.waits.is_empty() {
        write_waits(task, timeline, out)?;
    }
    match task.goroutines.len() {
        0 | 1 => task.goroutines.iter().try_for_each(|goroutine| {
            let line = format!("  by goroutine {} {}", goroutine.id, names::printable(&goroutine.function));
            writeln!(out, "{}", names::cut(line.trim_end(), out.width()))
        }),
        _ => write_goroutines(task, out),
    }
}

fn write_waits(task: &SlowTask, timeline: &Timeline, out: &mut Terminal) -> io::Result<()> {
    let mut table = Table::new([
        Column::word("WAITED FOR"),
        Column::number("TOTAL"),
        Column::number("WAITS").detail(2),
        Column::number("LONGEST"),
        Column::number("GOROUTINE"),
        Column::word("WOKEN BY").detail(1),
        Column::name("WHERE"),
    ]);
    for wait in &task.waits {
        let longest = &wait.longest;
        let reason = if wait.reason.is_empty() { "(no reason)" } else { &wait.reason };
        table.row([
            reason.to_owned(),
            units::duration(wait.total),
            units::count(wait.count),
            units::duration(longest.duration),
            longest.go.to_string(),
            woken_by(longest, timeline),
            waiting_function(&longest.stack),
        ]);
    }
    table.indent(2).write(out)
}

/// Returns what ended a wait: a goroutine or a part of the runtime. Looks the wait up in the
/// timeline, because the report does not contain the part of the runtime.
fn woken_by(longest: &LongestWait, timeline: &Timeline) -> String {
    let spans = timeline.goroutine(longest.go).into_iter().flat_map(|goroutine| goroutine.spans());
    let wait = spans.filter(|span| span.state() == GoState::Waiting).find(|span| span.end() > longest.start);
    wait.map_or_else(String::new, |wait| waker::of(&wait))
}

fn write_goroutines(task: &SlowTask, out: &mut Terminal) -> io::Result<()> {
    const SHOWN: usize = 5;
    let mut table = Table::new([
        Column::number("GOROUTINE"),
        Column::number("TOTAL"),
        Column::number("RUNNING"),
        Column::number("BLOCKED"),
        Column::name("STARTED IN"),
    ]);
    for goroutine in task.goroutines.iter().take(SHOWN) {
        let times = [goroutine.total, goroutine.running, goroutine.blocked].map(units::duration);
        let cells = std::iter::once(goroutine.id.to_string()).chain(times).chain([goroutine.function.clone()]);
        table.row(cells.map(Cell::from));
    }
    table.indent(2).write(out)?;
    write!(out, "{}", if task.goroutine_count > SHOWN as u64 { "  " } else { "" })?;
    write_rest_with(task.goroutine_count, SHOWN, "more goroutine", "--json lists them", out)
}

/// Returns the innermost function outside of the packages that only implement the wait. If there is
/// none, the innermost function.
fn waiting_function(stack: &[OwnedFrame]) -> String {
    const MECHANISMS: [&str; 6] = ["runtime.", "internal/", "sync.", "time.", "syscall.", "context."];
    let is_mechanism = |frame: &&OwnedFrame| MECHANISMS.iter().any(|package| frame.func.starts_with(package));
    let frame = stack.iter().find(|frame| !is_mechanism(frame)).or(stack.first());
    frame.map_or_else(String::new, |frame| frame.func.clone())
}

fn run_search(args: &Args, terminal: &mut Terminal) -> Result<(), Failure> {
    let mut query = LogQuery::first(args.rows.most_of_list());
    query.category = args.category.clone();
    query.text = args.log.clone();
    query.task = args.task.map(TaskId);
    query.goroutines = args.goroutines.iter().copied().map(GoId).collect();
    let search = |range| LogSearch::new(query.between(range));
    let found = observe_within(&args.file, terminal.times(), &args.window, search)?;
    let (is_empty, all) = (found.report.count == 0 && found.error.is_none(), found.report.message_count);
    let chosen = Chosen::default().option("--log", args.log.as_ref().filter(|text| !text.is_empty()));
    let chosen = chosen.option("--category", args.category.as_ref()).option("--task", args.task);
    let chosen = chosen.goroutines(&args.goroutines).window(&args.window, &found.clock)?;
    match args.json {
        true => terminal.json(&Report { logs: Some(found.report), ..Report::default() }, found.error.as_ref())?,
        false if is_empty && chosen.is_empty() => paragraph::write("", NO_LOG, terminal)?,
        false if is_empty => {}
        false => write_logs(&found.report, &found.clock, terminal)?,
    }
    terminal.flush()?;
    if is_empty && !chosen.is_empty() {
        let count = units::plural(all, "message");
        let instead = format!("the trace has {count}; --log \"\" without other options shows them");
        return Err(chosen.nothing("log message", if all == 0 { NO_LOG } else { &instead }));
    }
    check_read_to_end(&args.file, found.error.as_ref())
}

fn write_logs(logs: &LogSearchReport, clock: &Clock, out: &mut Terminal) -> io::Result<()> {
    match (logs.count, logs.message_count) {
        (count, of) if count == of => writeln!(out, "{}", units::plural(count, "log message"))?,
        (count, of) => writeln!(out, "{} of {}", units::count(count), units::plural(of, "log message"))?,
    }
    let mut table = Table::new([
        Column::number("TIME"),
        Column::number("GOROUTINE"),
        Column::number("TASK"),
        Column::text("CATEGORY"),
        Column::text("MESSAGE"),
    ]);
    for log in &logs.messages {
        let task = if log.task == TaskId::BACKGROUND { String::new() } else { log.task.to_string() };
        table.row([
            clock.show(log.time),
            log.go.map_or_else(String::new, |go| go.to_string()),
            task,
            log.category.clone(),
            log.message.replace('\n', " "),
        ]);
    }
    table.write(out)?;
    write_rest(logs.count, logs.messages.len(), "message", out)
}
