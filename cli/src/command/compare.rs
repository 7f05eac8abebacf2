//! Tells what changed between two traces.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::failure::{Answer, Failure};
use crate::terminal::Terminal;
use crate::view::analysis::{ended, observe, time};
use crate::view::text::{fit, write_json};
use clap::Args as ClapArgs;
use gotrace::analysis::compare::{Change, Metrics, MetricsReport, Threshold};
use serde::Serialize;

/// Tell what changed between two traces: groups of goroutines, reasons to block, pauses, latencies.
///
/// Exit 1 if a --fail-on is met.
#[derive(ClapArgs)]
pub struct Args {
    /// Fail if a number changed so much or is such, as in 'gc.pause.p99 > +20%', 'sched.p99 > 5ms' or 'mmu.10ms < 0.5'
    #[arg(long, value_name = "CONDITION")]
    fail_on: Vec<String>,
    /// Show only numbers whose name contains this
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// Show those that did not change too
    #[arg(long)]
    all: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// The first trace
    before: PathBuf,
    /// The second trace; one of them may be - for standard input
    after: PathBuf,
}

pub fn run(args: &Args, _terminal: &mut Terminal) -> Result<Answer, Failure> {
    let parse = |text: &String| {
        text.parse::<Threshold>().map_err(|error| Failure::Usage(format!("--fail-on {text:?}: {error}")))
    };
    let thresholds: Vec<Threshold> = args.fail_on.iter().map(parse).collect::<Result<_, _>>()?;
    let changes = measure(&args.before)?.compare(&measure(&args.after)?).changes;
    let mut met = Vec::new();
    for (threshold, text) in thresholds.iter().zip(&args.fail_on) {
        let change = changes.iter().find(|change| change.name == threshold.name).ok_or_else(|| {
            let hint = "names are listed with --all";
            Failure::Usage(format!("--fail-on {text:?}: neither trace has a number {:?}; {hint}", threshold.name))
        })?;
        if threshold.is_crossed(change) {
            met.push((text.as_str(), change));
        }
    }
    let is_shown = |change: &&Change| change.name.contains(&args.only) && (args.all || change.before != change.after);
    let shown: Vec<&Change> = changes.iter().filter(is_shown).collect();
    let mut out = BufWriter::new(io::stdout().lock());
    match args.json {
        true => write_json(&Json::new(&shown, &met), &mut out)?,
        false => write_text(&shown, &met, &mut out)?,
    }
    out.flush()?;
    Ok(if met.is_empty() { Answer::Fine } else { Answer::BadNews })
}

/// A damaged trace is not compared: its numbers are those of a part.
fn measure(path: &Path) -> Result<MetricsReport, Failure> {
    let (metrics, error) = observe(path, Metrics::new())?;
    ended(path, error).map(|()| metrics)
}

/// What is printed as JSON; see `gotrace::analysis::json`.
#[derive(Serialize)]
struct Json<'a> {
    schema: u32,
    changes: Vec<Row<'a>>,
    met: Vec<&'a str>,
}

#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    before: Option<f64>,
    after: Option<f64>,
    percent: Option<f64>,
}

impl<'a> Json<'a> {
    fn new(changes: &[&'a Change], met: &[(&'a str, &Change)]) -> Self {
        let row = |change: &&'a Change| Row {
            name: &change.name,
            before: change.before,
            after: change.after,
            percent: change.percent,
        };
        let met = met.iter().map(|&(text, _)| text).collect();
        Json { schema: 1, changes: changes.iter().map(row).collect(), met }
    }
}

fn write_text(changes: &[&Change], met: &[(&str, &Change)], out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{:<56} {:>13} {:>13} {:>12}", "", "before", "after", "change")?;
    for change in changes {
        let value = |value: Option<f64>| value.map_or("-".to_owned(), |value| text(&change.name, value));
        let percent = change.percent.map_or(String::new(), |percent| match percent.abs() < 1e6 {
            true => format!("{percent:+.1} %"),
            false => "a lot".to_owned(),
        });
        let (before, after) = (value(change.before), value(change.after));
        writeln!(out, "{} {before:>13} {after:>13} {percent:>12}", fit(&change.name, 56))?;
    }
    if changes.is_empty() {
        writeln!(out, "nothing changed")?;
    }
    for (condition, change) in met {
        let value = |value: Option<f64>| text(&change.name, value.unwrap_or(0.0));
        writeln!(out, "met: {condition} (it was {}, it is {})", value(change.before), value(change.after))?;
    }
    Ok(())
}

/// A number in its unit, by its name.
fn text(name: &str, value: f64) -> String {
    let last = name.rsplit('.').next().unwrap_or_default();
    let is_count = matches!(last, "count" | "goroutines");
    let is_ratio = name.starts_with("mmu.") || matches!(name, "gc.procs" | "procs.running" | "procs.runnable");
    match (is_count, is_ratio) {
        (true, _) => format!("{value:.0}"),
        (_, true) => format!("{value:.4}"),
        _ => time(value as i64),
    }
}
