//! Tells how groups of goroutines spent their time.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::time::Duration;

use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::view::analysis::{ended, observe, spread_head, spread_text, time};
use crate::view::text::{fit, write_json, write_line};
use clap::{Args as ClapArgs, ValueEnum};
use gotrace::analysis::{Accounting, GoroutineSummary, Group, GroupBy, Groups, Histogram, Summarizer};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

/// Tell how the goroutines of a trace spent their time, by group, with the columns of go tool trace.
///
/// The columns but for Total do not overlap; special ranges, such as mark assists, overlap with them. The trace is read once, in
/// memory for the goroutines that are alive.
#[derive(ClapArgs)]
pub struct Args {
    /// By what goroutines are put into groups
    #[arg(long, value_enum, default_value_t = By::Start)]
    by: By,
    /// Show this group only, with its goroutines one by one
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// Sort by this column, such as "Sched wait time"; Execution time if not given, of goroutines Total
    #[arg(long, value_name = "COLUMN")]
    sort: Option<String>,
    /// Count what go tool trace gets wrong as the events say
    #[arg(long)]
    corrected: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// The trace, - for standard input
    file: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum By {
    /// The function in which they started, as go tool trace does
    Start,
    /// The function that created them
    Creator,
    /// Their last label: the runtime labels its GC workers
    Label,
    /// The function whose source holds the start: closures count for the function around them
    Name,
}

pub fn run(args: &Args, _terminal: &mut Terminal) -> Result<(), Failure> {
    let by = match args.by {
        By::Start => GroupBy::Start,
        By::Creator => GroupBy::Creator,
        By::Label => GroupBy::Label,
        By::Name => GroupBy::Name,
    };
    let accounting = if args.corrected { Accounting::Corrected } else { Accounting::Reference };
    let mut members = Vec::new();
    let wanted = args.group.as_deref();
    let keep = |goroutine: &GoroutineSummary<'_>| {
        if wanted.is_some_and(|name| by.name_of(goroutine) == name) {
            members.push(Member::new(goroutine));
        }
    };
    let one_by_one = wanted.map(|_| Summarizer::with_accounting(keep, accounting));
    let ((table, _), error) = observe(&args.file, (Groups::new(by, accounting), one_by_one))?;
    let mut groups = table.groups;
    if let Some(name) = wanted {
        groups.retain(|group| group.name == name);
        if groups.is_empty() && error.is_none() {
            return Err(Failure::Usage(format!(
                "no goroutine is of the group {name:?}; without --group all are listed"
            )));
        }
    }
    if let Some(column) = &args.sort {
        let of = |group: &Group| sum(group, column);
        if !groups.is_empty() && groups.iter().all(|group| of(group).is_none()) {
            return Err(Failure::Usage(format!("there is no column {column:?}; take one as --json prints them")));
        }
        groups.sort_by_key(|group| std::cmp::Reverse(of(group)));
    }
    let column = args.sort.as_deref().unwrap_or("Total");
    members.sort_by_key(|member| (std::cmp::Reverse(member.column(column)), member.id));
    let mut out = BufWriter::new(io::stdout().lock());
    match args.json {
        true => {
            let rows = groups.iter().map(GroupRow::new).collect();
            let goroutines = wanted.map(|_| members);
            write_json(
                &Report { schema: 1, groups: rows, goroutines, error: error.as_ref().map(ToString::to_string) },
                &mut out,
            )?;
        }
        false => write_text(&groups, &members, wanted.is_some(), &mut out)?,
    }
    out.flush()?;
    ended(&args.file, error)
}

/// All columns and ranges of a group.
fn columns(group: &Group) -> Vec<(String, &Histogram)> {
    let mut columns = group.times.columns();
    columns.extend(group.times.ranges.iter().map(|(name, times)| (name.clone(), times)));
    columns
}

fn sum(group: &Group, column: &str) -> Option<Duration> {
    columns(group).into_iter().find(|(name, _)| name == column).map(|(_, times)| times.sum())
}

/// What is printed as JSON; see `gotrace::analysis::json`.
#[derive(Serialize)]
struct Report {
    schema: u32,
    groups: Vec<GroupRow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    goroutines: Option<Vec<Member>>,
    error: Option<String>,
}

#[derive(Serialize)]
struct GroupRow {
    name: String,
    goroutines: u64,
    ended: u64,
    columns: Columns<Histogram>,
    ranges: Columns<Histogram>,
}

/// A JSON object whose fields keep their order.
struct Columns<T>(Vec<(String, T)>);

impl<T: Serialize> Serialize for Columns<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        self.0.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))?;
        map.end()
    }
}

impl GroupRow {
    fn new(group: &Group) -> Self {
        let columns = group.times.columns();
        let spread = |(name, times): (String, &Histogram)| (name, times.clone());
        GroupRow {
            name: group.name.clone(),
            goroutines: group.goroutines,
            ended: group.ended,
            columns: Columns(columns.into_iter().map(spread).collect()),
            ranges: Columns(group.times.ranges.iter().map(|(name, times)| (name.clone(), times.clone())).collect()),
        }
    }
}

/// A goroutine of the group asked for.
#[derive(Serialize)]
struct Member {
    id: u64,
    creation: i64,
    start: Option<i64>,
    end: Option<i64>,
    columns_ns: Columns<i64>,
    ranges_ns: Columns<i64>,
}

impl Member {
    fn new(goroutine: &GoroutineSummary<'_>) -> Self {
        let times = &goroutine.times;
        let mut ranges: Vec<_> = times.ranges().collect();
        ranges.sort();
        Member {
            id: goroutine.id().0,
            creation: goroutine.creation().0,
            start: goroutine.start().map(|time| time.0),
            end: goroutine.end().map(|time| time.0),
            columns_ns: Columns(times.columns()),
            ranges_ns: Columns(ranges),
        }
    }

    fn column(&self, column: &str) -> i64 {
        let mut all = self.columns_ns.0.iter().chain(&self.ranges_ns.0);
        all.find(|(name, _)| name == column).map_or(0, |&(_, nanos)| nanos)
    }
}

fn write_text(groups: &[Group], members: &[Member], only_one: bool, out: &mut impl Write) -> io::Result<()> {
    let all = groups.iter().map(|group| group.times.execution.sum()).sum::<Duration>();
    for (i, group) in groups.iter().enumerate() {
        let name = if group.name.is_empty() {
            "(no name: no stack, creator or label of it in the trace)"
        } else {
            &group.name
        };
        let part = match only_one {
            true => String::new(),
            false => {
                let part = group.times.execution.sum().as_secs_f64() / all.as_secs_f64().max(1e-9);
                format!(", {:.1} % of all execution", part * 100.0)
            }
        };
        let ending = if group.goroutines == 1 { "" } else { "s" };
        if i > 0 {
            writeln!(out)?;
        }
        write_line(name, out)?;
        write_line(&format!("  {} goroutine{ending}, {} ended{part}", group.goroutines, group.ended), out)?;
        writeln!(out, "  {:<28} {}", "", spread_head())?;
        for (column, times) in group.times.columns() {
            write_line(&format!("  {} {}", fit(&column, 28), spread_text(times)), out)?;
        }
        if !group.times.ranges.is_empty() {
            writeln!(out, "  special ranges")?;
        }
        for (range, times) in &group.times.ranges {
            write_line(&format!("  {} {}", fit(range, 28), spread_text(times)), out)?;
        }
    }
    for member in members {
        let columns = member.columns_ns.0.iter().chain(&member.ranges_ns.0).filter(|&&(_, nanos)| nanos != 0);
        let columns: Vec<_> = columns.map(|(name, nanos)| format!("{name} {}", time(*nanos))).collect();
        writeln!(out, "\ngoroutine {}", member.id)?;
        for pair in columns.chunks(2) {
            write_line(format!("  {}", pair.iter().map(|column| fit(column, 48)).collect::<String>()).trim_end(), out)?;
        }
    }
    Ok(())
}
