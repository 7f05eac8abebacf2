//! Tells of the tasks, regions and log messages of the traced program.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::view::analysis::{ended, observe, spread_head, spread_text};
use crate::view::text::{duration_text, write_json, write_line};
use clap::Args as ClapArgs;
use gotrace::TaskId;
use gotrace::analysis::tasks::{LogQuery, LogSearch, LogSearchReport, Tasks, TasksReport, TimeByState};
use serde::Serialize;

/// Tell how long the tasks and regions of a trace took and what their goroutines did in them; or search its log messages.
///
/// Programs make them with the package runtime/trace: NewTask, WithRegion, Log.
#[derive(ClapArgs)]
pub struct Args {
    /// Search log messages that contain this; "" for all
    #[arg(long, value_name = "TEXT")]
    log: Option<String>,
    /// Search log messages of this category
    #[arg(long, value_name = "CATEGORY")]
    category: Option<String>,
    /// Search log messages of this task
    #[arg(long, value_name = "ID")]
    task: Option<u64>,
    /// Print so many log messages at most
    #[arg(long, default_value_t = 1000)]
    limit: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// The trace, - for standard input
    file: PathBuf,
}

pub fn run(args: &Args, _terminal: &mut Terminal) -> Result<(), Failure> {
    let searches = args.log.is_some() || args.category.is_some() || args.task.is_some();
    let mut query = LogQuery::first(args.limit);
    query.category = args.category.clone();
    query.text = args.log.clone();
    query.task = args.task.map(TaskId);
    let observers = ((!searches).then(Tasks::by_name), searches.then(|| LogSearch::new(query)));
    let ((table, logs), error) = observe(&args.file, observers)?;
    let mut out = BufWriter::new(io::stdout().lock());
    match args.json {
        true => {
            let message = error.as_ref().map(ToString::to_string);
            write_json(&Json { schema: 1, report: table.as_ref(), logs: logs.as_ref(), error: message }, &mut out)?;
        }
        false => {
            table.iter().try_for_each(|table| write_table(table, &mut out))?;
            logs.iter().try_for_each(|logs| write_logs(logs, &mut out))?;
        }
    }
    out.flush()?;
    ended(&args.file, error)
}

/// What is printed as JSON.
#[derive(Serialize)]
struct Json<'a> {
    schema: u32,
    #[serde(flatten)]
    report: Option<&'a TasksReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logs: Option<&'a LogSearchReport>,
    error: Option<String>,
}

fn write_table(table: &TasksReport, out: &mut impl Write) -> io::Result<()> {
    let named = |name: &str| if name.is_empty() { "(no name in the trace)".to_owned() } else { name.to_owned() };
    let tasks: u64 = table.tasks.iter().map(|group| group.count).sum();
    writeln!(out, "{tasks} task{}", if tasks == 1 { "" } else { "s" })?;
    for group in &table.tasks {
        writeln!(out)?;
        write_line(&named(&group.name), out)?;
        let whole = group.latency.count();
        let line = format!(
            "  {} in all, {whole} whole, {} open; {} goroutines, {} regions, {} log messages",
            group.count, group.open, group.goroutines, group.regions, group.logs
        );
        write_line(&line, out)?;
        if whole > 0 {
            writeln!(out, "  {:<10} {}", "", spread_head())?;
            writeln!(out, "  {:<10} {}", "latency", spread_text(&group.latency))?;
        }
        write_times(&group.times, out)?;
    }
    let regions: u64 = table.regions.iter().map(|group| group.count).sum();
    writeln!(out, "\n{regions} region{}", if regions == 1 { "" } else { "s" })?;
    for group in &table.regions {
        writeln!(out)?;
        write_line(&named(&group.name), out)?;
        writeln!(out, "  {:<10} {}", format!("{} times", group.count), spread_head())?;
        writeln!(out, "  {:<10} {}", "latency", spread_text(&group.latency))?;
        write_times(&group.times, out)?;
    }
    Ok(())
}

fn write_times(times: &TimeByState, out: &mut impl Write) -> io::Result<()> {
    let parts = [
        ("running", times.execution),
        ("blocked", times.block),
        ("waiting for a P", times.sched_wait),
        ("in system calls", times.syscall + times.syscall_block),
    ];
    let parts = parts.into_iter().filter(|(_, time)| !time.is_zero());
    let parts: Vec<_> = parts.map(|(name, time)| format!("{name} {}", duration_text(time))).collect();
    match parts.is_empty() {
        true => Ok(()),
        false => write_line(&format!("  goroutines: {}", parts.join(", ")), out),
    }
}

fn write_logs(logs: &LogSearchReport, out: &mut impl Write) -> io::Result<()> {
    let LogSearchReport { count, messages: found, .. } = logs;
    writeln!(out, "{count} log message{}", if *count == 1 { "" } else { "s" })?;
    for log in found {
        let go = log.go.map_or(String::new(), |id| format!(" goroutine {id}"));
        let task = if log.task == TaskId::BACKGROUND { String::new() } else { format!(" task {}", log.task) };
        let category = if log.category.is_empty() { String::new() } else { format!(" [{}]", log.category) };
        write_line(&format!("{:>18}{go}{task}{category} {}", log.time, log.message.replace('\n', " ")), out)?;
    }
    let left_out = count - found.len() as u64;
    if left_out > 0 {
        writeln!(out, "and {left_out} more: see --limit")?;
    }
    Ok(())
}
