//! `gotrace compare`: what changed between two traces.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use gotrace::analysis::compare::{Change, Comparison, Metrics, MetricsReport, Threshold, Unit, Verdict};
use serde::Serialize;

use crate::failure::{Answer, Failure};
use crate::input::check_stdin;
use crate::pass::{check_read_to_end, observe};
use crate::select::Chosen;
use crate::terminal::Terminal;
use crate::view::rows::{Rows, write_rest};
use crate::view::style::{BAD, BOLD, GOOD, WARN};
use crate::view::table::{Cell, Column, Table};
use crate::view::{names, paragraph, units};

/// Compare two traces: groups of goroutines, blocking, pauses, latencies.
///
/// The largest effects come first. Small changes, and those of the runtime's own goroutines, are
/// hidden unless --noise is given. The exit status is 1 if a --fail-on condition is met.
///
/// Metrics: sched is how long a goroutine is runnable before it runs, and wake is the same for
/// goroutines that were woken from a wait; syscall, network and gc.pause are how long each takes;
/// stw.REASON are stop-the-world pauses; gc.assist and gc.sweep are the time that goroutines spend
/// in mark assists and sweeping; gc.procs, procs.running and procs.runnable are averages over the
/// trace; group.FUNCTION are the goroutines that started in a function; block.REASON is time
/// blocked; mmu is the minimum mutator utilization. Percentiles (p50, p99) are within 0.8 %.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  gotrace compare before.out after.out
  gotrace compare before.out after.out --fail-on 'gc.pause.p99 > +20%'
  gotrace compare before.out after.out --format markdown > compare.md")]
pub struct Args {
    /// Fail if a metric changes by, or crosses, a threshold: 'gc.pause.p99 > +20%', 'sched.p99 > 5ms', 'mmu.10ms < 0.5'
    #[arg(long, value_name = "CONDITION")]
    fail_on: Vec<String>,
    /// Show only metrics whose name contains this
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    only: String,
    /// Include noise: small changes, metrics that did not change, and the runtime's own goroutines
    #[arg(long)]
    noise: bool,
    #[command(flatten)]
    rows: Rows,
    /// The output format; markdown is for pull requests
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Print one JSON object, like --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// The first trace
    before: PathBuf,
    /// The second trace. One of the two may be - for standard input
    after: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    Markdown,
}

/// What `--json` prints.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Report {
    /// How many metrics are better in the second trace, without noise.
    better: u64,
    /// How many are worse.
    worse: u64,
    /// How many differ without being better or worse.
    different: u64,
    /// How many metrics that changed are left out as noise.
    hidden: u64,
    /// How many metrics match the options. `changes` has at most as many as --top allows.
    change_count: u64,
    /// The metrics, the largest effects first, at most as many as --top allows.
    #[serde(flatten)]
    comparison: Comparison,
    /// The conditions of --fail-on that are met.
    met: Vec<String>,
}

/// A condition that is met, and the change that meets it.
type Met<'a> = (&'a str, Change);

pub fn run(args: &Args, terminal: &mut Terminal) -> Result<Answer, Failure> {
    let parse = |text: &String| {
        text.parse::<Threshold>().map_err(|error| Failure::Usage(format!("--fail-on {text:?}: {error}")))
    };
    let thresholds: Vec<Threshold> = args.fail_on.iter().map(parse).collect::<Result<_, _>>()?;
    check_stdin([&args.before, &args.after].map(PathBuf::as_path))?;
    let mut comparison = measure(&args.before, terminal)?.compare(&measure(&args.after, terminal)?);
    let met = met(&comparison, &thresholds, &args.fail_on)?;
    let longer = longer(&comparison);
    let all = comparison.changes.len();
    let is_chosen = |change: &Change| change.name.contains(&args.only);
    let matching = comparison.changes.iter().filter(|change| is_chosen(change)).count();
    let is_hidden = |change: &&Change| change.is_noise && change.verdict != Verdict::Same && is_chosen(change);
    let hidden = if args.noise { 0 } else { comparison.changes.iter().filter(is_hidden).count() as u64 };
    comparison.changes.retain(|change| is_chosen(change) && (args.noise || !change.is_noise));
    let count = |verdict| {
        comparison.changes.iter().filter(|change| !change.is_noise && change.verdict == verdict).count() as u64
    };
    let mut report = Report {
        better: count(Verdict::Better),
        worse: count(Verdict::Worse),
        different: count(Verdict::Different),
        change_count: comparison.changes.len() as u64,
        hidden,
        comparison,
        met: met.iter().map(|(text, _)| (*text).to_owned()).collect(),
    };
    let rest = report.comparison.changes.len().saturating_sub(args.rows.most());
    report.comparison.changes.truncate(report.comparison.changes.len() - rest);
    match if args.json { Format::Json } else { args.format } {
        Format::Json => terminal.json(&report, None)?,
        Format::Text if matching == 0 => {}
        Format::Text => write_text(args, &report, &met, longer, rest, terminal)?,
        Format::Markdown => write_markdown(args, &report, &met, longer, rest, terminal)?,
    }
    terminal.flush()?;
    if matching == 0 {
        let chosen = Chosen::default().option("--only", Some(&args.only));
        return Err(
            chosen.nothing("metric", &format!("--noise --top 0 lists the {}", units::plural(all as u64, "metric")))
        );
    }
    Ok(if met.is_empty() { Answer::NoProblem } else { Answer::Problem })
}

/// Measures one trace. Fails for a damaged trace, since its metrics would cover only a part of it.
fn measure(path: &Path, terminal: &Terminal) -> Result<MetricsReport, Failure> {
    let found = observe(path, terminal.times(), Metrics::new())?;
    check_read_to_end(path, found.error.as_ref()).map(|()| found.report)
}

fn met<'a>(comparison: &Comparison, limits: &[Threshold], texts: &'a [String]) -> Result<Vec<Met<'a>>, Failure> {
    let mut met = Vec::new();
    for (limit, text) in limits.iter().zip(texts) {
        let change = comparison.change(&limit.name).ok_or_else(|| {
            let hint = "--noise --top 0 lists their names";
            Failure::Usage(format!("--fail-on {text:?}: neither trace has a metric {:?}; {hint}", limit.name))
        })?;
        if limit.is_crossed(change) {
            met.push((text.as_str(), change.clone()));
        }
    }
    Ok(met)
}

/// How many times as long the second trace is. `None` if both are about equally long, so that sums
/// can be compared.
fn longer(comparison: &Comparison) -> Option<f64> {
    let duration = comparison.change("duration")?;
    let ratio = duration.after? / duration.before.filter(|&before| before > 0.0)?;
    (!(0.9..=1.1).contains(&ratio)).then_some(ratio)
}

/// Says that sums over the traces are not comparable.
fn longer_text(ratio: f64) -> String {
    let ratio = if ratio < 10.0 { format!("{ratio:.2}") } else { format!("{ratio:.0}") };
    format!("the second trace is {ratio} times as long, which alone changes sums and counts")
}

fn summary(report: &Report) -> String {
    let Report { better, worse, different, .. } = report;
    format!("{better} better, {worse} worse, {different} different")
}

fn write_text(
    args: &Args,
    report: &Report,
    met: &[Met<'_>],
    longer: Option<f64>,
    rest: usize,
    out: &mut Terminal,
) -> io::Result<()> {
    let hidden = match report.hidden {
        0 => String::new(),
        hidden => format!("; {} hidden, --noise shows them", units::plural(hidden, "small change")),
    };
    match report.comparison.changes.is_empty() {
        true if report.hidden > 0 => {
            paragraph::write_styled(BOLD, &format!("nothing changed that is worth showing{hidden}"), out)?;
        }
        true => paragraph::write_styled(BOLD, "nothing changed", out)?,
        false => paragraph::write_styled(BOLD, &format!("{}{hidden}", summary(report)), out)?,
    }
    if let Some(ratio) = longer {
        paragraph::write_styled(WARN, &longer_text(ratio), out)?;
    }
    if !report.comparison.changes.is_empty() {
        writeln!(out)?;
        let mut table = Table::new([
            Column::name("METRIC"),
            Column::number("BEFORE"),
            Column::number("AFTER"),
            Column::number("CHANGE"),
            Column::word(""),
        ]);
        for change in &report.comparison.changes {
            let verdict = match change.verdict {
                Verdict::Better => Cell::styled("better", GOOD),
                Verdict::Worse => Cell::styled("worse", BAD),
                _ => Cell::default(),
            };
            table.row([
                Cell::from(short_name(&change.name, out.width().saturating_sub(48))),
                Cell::from(value(change, change.before)),
                Cell::from(value(change, change.after)),
                Cell::from(growth(change)),
                verdict,
            ]);
        }
        table.write(out)?;
    }
    write_rest(rest as u64, 0, "metric", out)?;
    if !met.is_empty() {
        writeln!(out)?;
    }
    for (condition, change) in met {
        let (before, after) = (value(change, change.before), value(change, change.after));
        paragraph::write_styled(BAD, &format!("met: {condition} ({before} before, {after} after)"), out)?;
    }
    if met.is_empty() && !args.fail_on.is_empty() {
        writeln!(out, "\n{}", out.paint(BOLD, "no --fail-on condition is met"))?;
    }
    Ok(())
}

fn write_markdown(
    args: &Args,
    report: &Report,
    met: &[Met<'_>],
    longer: Option<f64>,
    rest: usize,
    out: &mut Terminal,
) -> io::Result<()> {
    writeln!(out, "### gotrace compare: {}\n", summary(report))?;
    writeln!(out, "{} → {}", code(&args.before.display().to_string()), code(&args.after.display().to_string()))?;
    if let Some(ratio) = longer {
        writeln!(out, "\n> {}", longer_text(ratio))?;
    }
    for (condition, change) in met {
        let (before, after) = (value(change, change.before), value(change, change.after));
        writeln!(out, "\n:x: {}: {before} → {after}", code(condition))?;
    }
    if report.comparison.changes.is_empty() {
        return writeln!(out, "\nNothing changed that is worth showing.");
    }
    writeln!(out, "\n| metric | before | after | change | |\n|---|--:|--:|--:|---|")?;
    for change in &report.comparison.changes {
        let (before, after) = (value(change, change.before), value(change, change.after));
        let verdict = match change.verdict {
            Verdict::Better => ":white_check_mark: better",
            Verdict::Worse => ":warning: worse",
            _ => "",
        };
        writeln!(out, "| {} | {before} | {after} | {} | {verdict} |", code(&change.name), growth(change))?;
    }
    let hidden = report.hidden + rest as u64;
    match hidden {
        0 => Ok(()),
        _ => writeln!(out, "\n{} not shown.", units::plural(hidden, "more metric")),
    }
}

/// A name as code in a cell of a Markdown table.
fn code(text: &str) -> String {
    format!("`{}`", names::printable(text).replace('`', "'").replace('|', "\\|"))
}

/// The name of a metric. For a group, the package path is dropped if there is no room.
fn short_name(name: &str, room: usize) -> String {
    match name.strip_prefix("group.") {
        Some(function) if names::width(name) > room => format!("group.{}", names::without_path(function)),
        _ => name.to_owned(),
    }
}

fn value(change: &Change, value: Option<f64>) -> String {
    let Some(value) = value else { return "–".to_owned() };
    match change.unit {
        Unit::Count => units::count(value.max(0.0) as u64),
        Unit::Ratio if change.name.starts_with("mmu.") => units::percent(value.max(0.0), 1.0),
        Unit::Ratio => units::significant(value),
        _ => units::duration(Duration::from_nanos(value.max(0.0) as u64)),
    }
}

fn growth(change: &Change) -> String {
    let sign = |percent: f64| if percent < 0.0 { "−" } else { "+" };
    match (change.percent, change.before, change.after) {
        (Some(percent), ..) if percent.abs() < 1000.0 => format!("{}{:.1} %", sign(percent), percent.abs()),
        (Some(percent), ..) => format!("×{:.0}", percent / 100.0 + 1.0),
        (None, None, _) => "new".to_owned(),
        (None, _, None) => "gone".to_owned(),
        (None, Some(before), Some(after)) if before == after => String::new(),
        _ => "from 0".to_owned(),
    }
}
