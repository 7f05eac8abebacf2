//! `gotrace heap`: which functions, packages or stacks hold the memory of a profile, and how it
//! grows.

mod graph;
mod list;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use gotrace::pprof::{self, Growth, Listing, Profile, ProfileError, Report, Row, SampleFilter, SortBy, TopReport};
use regex_lite::Regex;
use serde::Serialize;

use crate::failure::{Failure, Wanted};
use crate::input::{Input, check_stdin};
use crate::terminal::Terminal;
use crate::view::rows::{Rows, write_rest};
use crate::view::style::BOLD;
use crate::view::table::{Cell, Column, Table};
use crate::view::{names, paragraph, units};

/// Show which functions, packages or stacks a heap profile's memory belongs to.
///
/// With several profiles of the same program, it shows how the memory grows from the first to the
/// last, in order of time. Other kinds of profiles can be read too. Flat and cumulative values are
/// those of go tool pprof -top.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  gotrace heap heap.1.pb.gz\n  gotrace heap heap.1.pb.gz heap.2.pb.gz heap.3.pb.gz\n  gotrace heap heap.3.pb.gz --by package --sample alloc_space --top 5\n  gotrace heap heap.1.pb.gz --list main --source src"
)]
pub struct Args {
    /// Group the samples by this
    #[arg(long, value_enum, default_value = "function")]
    by: By,
    /// The values to show and sort by, such as alloc_space [default: what go tool pprof shows]
    #[arg(long, value_name = "TYPE")]
    sample: Option<String>,
    /// A profile to subtract from FILE, as with go tool pprof -diff_base. Percentages are of its
    /// total
    #[arg(long, value_name = "FILE")]
    diff_base: Option<PathBuf>,
    /// Sort by the value in the function alone (flat), or with its callees (cum)
    #[arg(long, value_enum, default_value = "flat")]
    sort: Sort,
    /// Only samples whose stack has a function or a file that matches
    #[arg(long, value_name = "REGEX", help_heading = "Selection")]
    focus: Option<Regex>,
    /// Leave out samples whose stack has a function or a file that matches
    #[arg(long, value_name = "REGEX", help_heading = "Selection")]
    ignore: Option<Regex>,
    /// Only samples with a label that matches, as in --tagfocus tenant:acme
    #[arg(long, value_name = "REGEX", help_heading = "Selection")]
    tagfocus: Option<Regex>,
    #[command(flatten)]
    list: list::ListArgs,
    #[command(flatten)]
    graph: graph::GraphArgs,
    #[command(flatten)]
    rows: Rows,
    /// Print one JSON object, with the rows that --top or --all selects
    #[arg(long)]
    json: bool,
    /// The profiles; - for standard input
    #[arg(required = true)]
    file: Vec<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum By {
    Function,
    Package,
    Stack,
}

impl By {
    /// The heading of the column of names.
    fn heading(self) -> &'static str {
        match self {
            By::Function => "FUNCTION",
            By::Package => "PACKAGE",
            By::Stack => "STACK",
        }
    }

    /// Returns the noun for a row.
    fn thing(self) -> &'static str {
        match self {
            By::Function => "function",
            By::Package => "package",
            By::Stack => "stack",
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum Sort {
    Flat,
    Cum,
}

impl From<Sort> for SortBy {
    fn from(sort: Sort) -> Self {
        match sort {
            Sort::Flat => SortBy::Flat,
            Sort::Cum => SortBy::Cum,
        }
    }
}

impl Args {
    /// The filter for --focus, --ignore and --tagfocus.
    fn filter(&self) -> SampleFilter<'_> {
        let mut filter = SampleFilter::default();
        if let Some(focus) = &self.focus {
            filter = filter.focus(|text| focus.is_match(text));
        }
        if let Some(ignore) = &self.ignore {
            filter = filter.ignore(|text| ignore.is_match(text));
        }
        if let Some(tagfocus) = &self.tagfocus {
            filter = filter.label(|text| tagfocus.is_match(text));
        }
        filter
    }
}

impl From<By> for pprof::By {
    fn from(by: By) -> Self {
        match by {
            By::Function => pprof::By::Function,
            By::Package => pprof::By::Package,
            By::Stack => pprof::By::Stack,
        }
    }
}

/// What is shown: one profile, the difference of two, or the growth over several.
enum Subject {
    One(Report),
    Difference(Difference),
    Several(Growth),
}

/// A profile minus a base.
struct Difference {
    report: Report,
    base: PathBuf,
    /// The base's sum over all samples, for each sample type of the report.
    base_total: Vec<i64>,
}

impl Difference {
    /// Subtracts a base that was read from a file.
    fn new(report: &Report, base: &Report, file: &Path) -> Result<Self, Failure> {
        let report = report.minus(base).map_err(|error| Failure::Usage(error.to_string()))?;
        let total = |kind: &str| base.sample_type(kind).map(|index| base.total()[index]).filter(|total| *total != 0);
        let types = report.sample_types().iter().zip(report.total());
        // If the base is empty, 100 % is the total of the difference, as in go tool pprof.
        let base_total =
            types.map(|(sample_type, &difference)| total(&sample_type.kind).unwrap_or(difference)).collect();
        Ok(Difference { report, base: file.to_owned(), base_total })
    }
}

impl Subject {
    /// The report of the profile, or of the last profile if there are several.
    fn report(&self) -> &Report {
        match self {
            Subject::One(report) | Subject::Difference(Difference { report, .. }) => report,
            Subject::Several(growth) => growth.snapshots().last().unwrap_or(growth.diff()),
        }
    }
}

/// What `--json` prints: the largest rows, or with `--list` the lines of functions.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Document {
    /// The largest rows.
    Top(TopReport),
    /// With `--list`.
    List(Listing),
}

pub fn run(args: &Args, terminal: &mut Terminal) -> Result<(), Failure> {
    if args.list.pattern().is_some() || args.graph.is_wanted() {
        return run_one(args, terminal);
    }
    let subject = read_all(args)?;
    let report = subject.report();
    let sample_type = match &args.sample {
        None => report.default_sample_type(),
        Some(name) => {
            let kinds = || report.sample_types().iter().map(|sample_type| sample_type.kind.clone());
            Some(report.sample_type(name).ok_or_else(|| no_such_sample(name, kinds()))?)
        }
    };
    if args.json {
        let top = match &subject {
            Subject::Several(growth) => TopReport::of_growth(growth, sample_type.unwrap_or(0), args.rows.most()),
            _ => TopReport::of_report(report, sample_type.unwrap_or(0), args.sort.into(), args.rows.most()),
        };
        return terminal.json(&Document::Top(top), None);
    }
    let Some(sample_type) = sample_type else {
        writeln!(terminal, "the profile has no sample types")?;
        return Ok(terminal.flush()?);
    };
    write_head(&subject, sample_type, terminal)?;
    match &subject {
        Subject::One(report) => write_rows(report, report.total()[sample_type], sample_type, args, terminal)?,
        Subject::Difference(Difference { report, base_total, .. }) => {
            write_rows(report, base_total[sample_type], sample_type, args, terminal)?;
        }
        Subject::Several(growth) => write_growth(growth, sample_type, args, terminal)?,
    }
    Ok(terminal.flush()?)
}

/// Shows the lines of functions, or writes graphs, of one profile.
fn run_one(args: &Args, terminal: &mut Terminal) -> Result<(), Failure> {
    let ([file], None) = (&args.file[..], &args.diff_base) else {
        return Err(Failure::Usage("--list, --dot and --svg take one FILE".to_owned()));
    };
    let profile = open(file)?;
    let sample_type = match &args.sample {
        None => profile.default_sample_type().unwrap_or(0),
        Some(name) => {
            let kinds = || profile.sample_types().map(|value| value.kind.to_string());
            profile.sample_type(name).ok_or_else(|| no_such_sample(name, kinds()))?
        }
    };
    let failure = |error: ProfileError| Failure::profile(file, &error);
    let unit = profile.sample_types().nth(sample_type).map(|value| value.unit.to_string()).unwrap_or_default();
    if let Some(pattern) = args.list.pattern() {
        let listing = Listing::new(&profile, sample_type, &args.filter(), |name| pattern.is_match(name));
        let listing = listing.map_err(failure)?;
        match args.json {
            true => terminal.json(&Document::List(listing), None)?,
            false => list::write(&listing, &unit, args, terminal)?,
        }
    }
    graph::run(&profile, sample_type, &unit, args, file)?;
    Ok(terminal.flush()?)
}

/// Reads a profile.
fn open(file: &Path) -> Result<Profile<'static>, Failure> {
    let input = Input::open(file, true)?.into_bytes(file, Wanted::Profile)?;
    Profile::from_reader(input).map_err(|error| Failure::profile(file, &error))
}

fn read_all(args: &Args) -> Result<Subject, Failure> {
    check_stdin(args.file.iter().chain(&args.diff_base).map(PathBuf::as_path))?;
    match (&args.diff_base, &args.file[..]) {
        (None, [file]) => Ok(Subject::One(read(file, args)?)),
        (Some(base), [file]) => Difference::new(&read(file, args)?, &read(base, args)?, base).map(Subject::Difference),
        (None, _) => {
            let reports = args.file.iter().map(|file| read(file, args)).collect::<Result<_, _>>()?;
            Growth::new(reports).map(Subject::Several).map_err(|error| Failure::Usage(error.to_string()))
        }
        (Some(_), _) => Err(Failure::Usage("--diff-base takes one FILE to subtract from".to_owned())),
    }
}

/// Reads a profile and keeps only its sums, so that one profile at a time is in memory.
fn read(file: &Path, args: &Args) -> Result<Report, Failure> {
    let report = Report::with_filter(&open(file)?, args.by.into(), &args.filter());
    report.map_err(|error| Failure::profile(file, &error))
}

fn no_such_sample(name: &str, kinds: impl Iterator<Item = String>) -> Failure {
    let kinds: Vec<String> = kinds.map(|kind| names::printable(&kind)).collect();
    Failure::Usage(format!("the profile has no sample type {name}; it has {}", kinds.join(", ")))
}

fn write_head(subject: &Subject, sample_type: usize, terminal: &mut Terminal) -> io::Result<()> {
    let report = subject.report();
    let of = &report.sample_types()[sample_type];
    let total = quantity(report.total()[sample_type], &of.unit);
    let mut text = format!("{} profile: {total} of {}", report.kind(), names::printable(&of.kind));
    if let Subject::Difference(Difference { base, base_total, .. }) = subject {
        let by = signed(report.total()[sample_type], &of.unit);
        let (kind, name) = (names::printable(&of.kind), names::printable(&base.display().to_string()));
        let whole = quantity(base_total[sample_type], &of.unit);
        text = format!(
            "{} profile, difference from {name}: {by} of {kind}; percentages are of its total, {whole}",
            report.kind()
        );
    }
    if let Subject::Several(growth) = subject {
        let by = growth.diff().total()[sample_type];
        let over = growth.duration().map_or(String::new(), |length| format!(" over {}", units::duration(length)));
        text = format!(
            "{text} in the last of {} profiles, {} since the first{over}",
            growth.snapshots().len(),
            signed(by, &of.unit)
        );
    }
    paragraph::write_styled(BOLD, &text, terminal)
}

/// Writes the largest rows. `total` is 100 %.
fn write_rows(report: &Report, total: i64, sample_type: usize, args: &Args, terminal: &mut Terminal) -> io::Result<()> {
    let unit = &report.sample_types()[sample_type].unit;
    let rows = report.sorted(sample_type, args.sort.into());
    if rows.is_empty() {
        let kind = names::printable(&report.sample_types()[sample_type].kind);
        return match report.rows().len() {
            0 => writeln!(terminal, "the profile has no samples"),
            _ => writeln!(terminal, "every sample of {kind} is 0; --sample shows another type"),
        };
    }
    let mut table = Table::new([
        Column::number("FLAT"),
        Column::number("FLAT%"),
        Column::number("CUM"),
        Column::number("CUM%").detail(1),
        Column::name(args.by.heading()),
    ]);
    for row in rows.iter().take(args.rows.most()) {
        let (flat, cum) = (row.flat[sample_type], row.cum[sample_type]);
        let cells = [quantity(flat, unit), share(flat, total), quantity(cum, unit), share(cum, total)];
        add_named(&mut table, cells, *row);
    }
    table.write(terminal)?;
    write_rest(rows.len() as u64, args.rows.most(), args.by.thing(), terminal)
}

fn write_growth(growth: &Growth, sample_type: usize, args: &Args, terminal: &mut Terminal) -> io::Result<()> {
    let unit = &growth.diff().sample_types()[sample_type].unit;
    let mut rows = growth.rows(sample_type);
    // Leave out functions that grew only in their callees.
    rows.retain(|row| row.diff.flat[sample_type] != 0);
    if rows.is_empty() {
        return writeln!(terminal, "no value changed from the first profile to the last");
    }
    let mut table = Table::new([
        Column::number("FIRST"),
        Column::number("LAST"),
        Column::number("GROWTH"),
        Column::number("PER SECOND").detail(1),
        Column::name(args.by.heading()),
    ]);
    for row in rows.iter().take(args.rows.most()) {
        let first = row.flat.first().copied().unwrap_or(0);
        let last = row.flat.last().copied().unwrap_or(0);
        let rate = row.flat_per_second.map_or("unknown".to_owned(), |rate| signed(rate.round() as i64, unit));
        let growth = signed(row.diff.flat[sample_type], unit);
        add_named(&mut table, [quantity(first, unit), quantity(last, unit), growth, rate], row.diff);
    }
    table.write(terminal)?;
    write_rest(rows.len() as u64, args.rows.most(), args.by.thing(), terminal)
}

/// Adds a row with its name and, for a stack, a row for each caller.
fn add_named(table: &mut Table, cells: [String; 4], row: Row<'_>) {
    let mut frames = row.frames();
    let name = frames.next().unwrap_or("<no stack>").to_owned();
    table.row(cells.into_iter().chain([name]).map(Cell::from));
    for caller in frames {
        let blank = std::iter::repeat_n(String::new(), 4);
        table.row(blank.chain([caller.to_owned()]).map(Cell::from));
    }
}

fn quantity(value: i64, unit: &str) -> String {
    let sign = if value < 0 { "−" } else { "" };
    format!("{sign}{}", units::quantity(value.unsigned_abs(), unit))
}

fn signed(value: i64, unit: &str) -> String {
    let sign = if value < 0 { "−" } else { "+" };
    format!("{sign}{}", units::quantity(value.unsigned_abs(), unit))
}

fn share(value: i64, total: i64) -> String {
    units::percent(value as f64, total as f64)
}
