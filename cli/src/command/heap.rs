//! Tells which functions, packages or stacks a profile's memory belongs to, and how it grows.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::failure::Failure;
use crate::input::Input;
use crate::terminal::Terminal;
use crate::view::text::{WIDTH, duration_text, printable, shorten, write_json};
use clap::{Args as ClapArgs, ValueEnum};
use gotrace::pprof::{self, ErrorKind, Growth, GrowthRow, Profile, ProfileBytes, Report, Row};
use indicatif::BinaryBytes;
use serde_json::{Map, Value, json};

/// Tell which functions, packages or stacks a heap profile's memory belongs to.
///
/// With several profiles of the same program, tell how it grows from the first to the last, in order of time. Profiles of
/// other kinds are read too. Flat and cumulative values are those of go tool pprof -top.
#[derive(ClapArgs)]
pub struct Args {
    /// What to add up by
    #[arg(long, value_enum, default_value = "function")]
    by: By,
    /// The values to show and sort by, such as alloc_space [default: what go tool pprof shows]
    #[arg(long, value_name = "TYPE")]
    sample: Option<String>,
    /// A profile to subtract from FILE, as go tool pprof -diff_base does
    #[arg(long, value_name = "FILE")]
    diff_base: Option<PathBuf>,
    /// How many rows to print; 0 for all
    #[arg(long, value_name = "N", default_value_t = 20)]
    top: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// The profiles, - for standard input
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
    fn name(self) -> &'static str {
        match self {
            By::Function => "function",
            By::Package => "package",
            By::Stack => "stack",
        }
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

/// What is told of: one profile, what two differ in, or several.
enum Subject {
    One(Report),
    Several(Growth),
}

impl Subject {
    /// Of several, the last.
    fn report(&self) -> &Report {
        match self {
            Subject::One(report) => report,
            Subject::Several(growth) => growth.snapshots().last().unwrap_or(growth.diff()),
        }
    }
}

pub fn run(args: &Args, _terminal: &mut Terminal) -> Result<(), Failure> {
    let subject = read_all(args)?;
    let report = subject.report();
    let sample_type = match &args.sample {
        None => report.default_sample_type(),
        Some(name) => Some(report.sample_type(name).ok_or_else(|| no_such_sample(name, report))?),
    };
    let mut out = BufWriter::new(io::stdout().lock());
    if args.json {
        let json = to_json(&subject, sample_type.unwrap_or(0), args);
        write_json(&json, &mut out)?;
    } else if let Some(sample_type) = sample_type {
        write_head(&subject, sample_type, &mut out)?;
        match &subject {
            Subject::One(report) => write_rows(report, sample_type, args, &mut out)?,
            Subject::Several(growth) => write_growth(growth, sample_type, args, &mut out)?,
        }
    } else {
        writeln!(out, "the profile has no sample types")?;
    }
    Ok(out.flush()?)
}

fn read_all(args: &Args) -> Result<Subject, Failure> {
    match (&args.diff_base, &args.file[..]) {
        (None, [file]) => Ok(Subject::One(read(file, args.by)?)),
        (Some(base), [file]) => {
            let report = read(file, args.by)?;
            let base = read(base, args.by)?;
            report.minus(&base).map(Subject::One).map_err(|error| Failure::Usage(error.to_string()))
        }
        (None, _) => {
            let reports = args.file.iter().map(|file| read(file, args.by)).collect::<Result<_, _>>()?;
            Growth::new(reports).map(Subject::Several).map_err(|error| Failure::Usage(error.to_string()))
        }
        (Some(_), _) => Err(Failure::Usage("--diff-base takes one FILE to subtract from".to_owned())),
    }
}

/// One profile at a time is in memory: what is kept are the sums.
fn read(file: &Path, by: By) -> Result<Report, Failure> {
    let failure = |error: pprof::Error| Failure::Input {
        path: file.to_owned(),
        error: error.to_string(),
        hint: hint(&error.kind),
    };
    let bytes = ProfileBytes::read(Input::open(file, true)?.into_profile(file)?).map_err(failure)?;
    let profile = Profile::parse(bytes.as_bytes()).map_err(failure)?;
    Report::new(&profile, by.into()).map_err(failure)
}

/// What to do about an error.
fn hint(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Io(_) => "",
        ErrorKind::Text { .. } => "fetch it without ?debug=1, or write it with debug 0",
        ErrorKind::LimitExceeded { .. } => "no profile of a Go program is like that",
        ErrorKind::MultipleProfiles => "give each profile as a file of its own",
        ErrorKind::Gzip(_) | ErrorKind::Empty => "it was copied before it was whole: fetch it again",
        _ => "give a file that runtime/pprof, go test -memprofile or /debug/pprof/heap wrote",
    }
}

fn no_such_sample(name: &str, report: &Report) -> Failure {
    let kinds: Vec<String> = report.sample_types().iter().map(|sample_type| shown(&sample_type.kind)).collect();
    Failure::Usage(format!("the profile has no {name}; it has {}", kinds.join(", ")))
}

/// A word of the profile, for a terminal.
fn shown(word: &str) -> String {
    word.chars().map(printable).collect()
}

// Text: columns that leave the name room up to the hundredth.

fn write_head(subject: &Subject, sample_type: usize, out: &mut impl Write) -> io::Result<()> {
    let report = subject.report();
    let of = &report.sample_types()[sample_type];
    let total = quantity(report.total()[sample_type], &of.unit);
    write!(out, "{} profile, {}: {total} in all", report.kind(), shown(&of.kind))?;
    if let Subject::Several(growth) = subject {
        write!(out, " in the last of {}", growth.snapshots().len())?;
        if let Some(seconds) = growth.seconds() {
            write!(out, ", over {seconds:.1} s")?;
        }
    }
    writeln!(out)
}

fn write_rows(report: &Report, sample_type: usize, args: &Args, out: &mut impl Write) -> io::Result<()> {
    let unit = &report.sample_types()[sample_type].unit;
    let total = report.total()[sample_type];
    let rows = report.top(sample_type);
    writeln!(out, "{:>12} {:>7} {:>12} {:>7}  {}", "flat", "flat%", "cum", "cum%", args.by.name())?;
    for row in rows.iter().take(most(args)) {
        let (flat, cum) = (row.flat[sample_type], row.cum[sample_type]);
        let columns = format!(
            "{:>12} {:>7} {:>12} {:>7}  ",
            quantity(flat, unit),
            percent(flat, total),
            quantity(cum, unit),
            percent(cum, total)
        );
        write_named(&columns, *row, out)?;
    }
    write_left_out(rows.len(), args, out)
}

fn write_growth(growth: &Growth, sample_type: usize, args: &Args, out: &mut impl Write) -> io::Result<()> {
    let unit = &growth.diff().sample_types()[sample_type].unit;
    let rows = growth.rows(sample_type);
    writeln!(out, "{:>12} {:>12} {:>12} {:>14}  {}", "first", "last", "growth", "a second", args.by.name())?;
    for row in rows.iter().take(most(args)) {
        let first = row.flat.first().copied().unwrap_or(0);
        let last = row.flat.last().copied().unwrap_or(0);
        let rate = row.flat_per_second.map_or("unknown".to_owned(), |rate| quantity(rate.round() as i64, unit));
        let growth = quantity(row.diff.flat[sample_type], unit);
        let columns = format!("{:>12} {:>12} {growth:>12} {rate:>14}  ", quantity(first, unit), quantity(last, unit));
        write_named(&columns, row.diff, out)?;
    }
    write_left_out(rows.len(), args, out)
}

/// A row's values and its name, and of a stack the callers below.
fn write_named(columns: &str, row: Row<'_>, out: &mut impl Write) -> io::Result<()> {
    let room = WIDTH - columns.chars().count();
    let mut frames = row.frames();
    writeln!(out, "{columns}{}", shorten(frames.next().unwrap_or("<no stack>"), room))?;
    for caller in frames {
        writeln!(out, "{:1$}{2}", "", columns.chars().count() + 2, shorten(caller, room - 2))?;
    }
    Ok(())
}

fn most(args: &Args) -> usize {
    if args.top == 0 { usize::MAX } else { args.top }
}

fn write_left_out(rows: usize, args: &Args, out: &mut impl Write) -> io::Result<()> {
    match rows.saturating_sub(most(args)) {
        0 => Ok(()),
        left_out => writeln!(out, "and {left_out} more; --top 0 shows all"),
    }
}

fn quantity(value: i64, unit: &str) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let magnitude = value.unsigned_abs();
    match unit {
        "bytes" => format!("{sign}{}", BinaryBytes(magnitude)),
        "nanoseconds" => format!("{sign}{}", duration_text(Duration::from_nanos(magnitude))),
        _ => format!("{sign}{magnitude}"),
    }
}

fn percent(value: i64, total: i64) -> String {
    match total {
        0 => "-".to_owned(),
        _ => format!("{:.2}%", value as f64 / total as f64 * 100.0),
    }
}

// JSON. Fields are added, never changed, while the schema stays the same:
//
//   schema      1
//   kind, by    heap, function
//   sample      the sample type that rows are sorted by
//   sample_types, total    each type's unit, and its sum
//   profiles    [{time_nanos, duration_nanos}], 0 where unknown, in order of time
//   functions (or packages, or stacks)
//               [{function (or package, or stack: innermost first), TYPE: {flat, cum}…}] of the last profile
//   growth      of several: {seconds, rows: [{function, flat: [], cum: [], flat_per_second, cum_per_second}]}
fn to_json(subject: &Subject, sample_type: usize, args: &Args) -> Value {
    let report = subject.report();
    let types = report.sample_types();
    let by_type = |values: &dyn Fn(usize) -> Value| -> Map<String, Value> {
        types.iter().enumerate().map(|(i, it)| (it.kind.clone(), values(i))).collect()
    };
    let profiles: Vec<&Report> = match subject {
        Subject::One(report) => vec![report],
        Subject::Several(growth) => growth.snapshots().iter().collect(),
    };
    let rows = sorted(report, sample_type).into_iter().take(most(args)).map(|row| {
        let mut object = by_type(&|i| json!({ "flat": row.flat[i], "cum": row.cum[i] }));
        object.insert(args.by.name().to_owned(), name(row, args.by));
        Value::Object(object)
    });
    let mut object = json!({
        "schema": 1,
        "kind": report.kind().name(),
        "by": args.by.name(),
        "sample": types.get(sample_type).map(|it| &it.kind),
        "sample_types": by_type(&|i| json!(types[i].unit)),
        "total": by_type(&|i| json!(report.total()[i])),
        "profiles": profiles.iter().map(|profile| json!({
            "time_nanos": profile.time_nanos(),
            "duration_nanos": profile.duration_nanos(),
        })).collect::<Vec<_>>(),
    });
    object[format!("{}s", args.by.name())] = rows.collect();
    if let Subject::Several(growth) = subject {
        let rows = growth.rows(sample_type);
        let rows: Vec<Value> = rows.iter().take(most(args)).map(|row| growth_json(row, args.by)).collect();
        object["growth"] = json!({ "seconds": growth.seconds(), "rows": rows });
    }
    object
}

/// First what has any of the value that is shown, then what has any of others.
fn sorted(report: &Report, sample_type: usize) -> Vec<Row<'_>> {
    let mut rows = report.top(sample_type);
    let is_zero = |values: &[i64]| values.get(sample_type).is_none_or(|&value| value == 0);
    let any = |values: &[i64]| values.iter().any(|&value| value != 0);
    let others = report.rows().filter(|row| is_zero(row.flat) && is_zero(row.cum) && (any(row.flat) || any(row.cum)));
    let mut others: Vec<Row<'_>> = others.collect();
    others.sort_by(|a, b| a.frames().cmp(b.frames()));
    rows.append(&mut others);
    rows
}

fn growth_json(row: &GrowthRow<'_>, by: By) -> Value {
    let mut object = json!({
        "flat": row.flat,
        "cum": row.cum,
        "flat_per_second": row.flat_per_second,
        "cum_per_second": row.cum_per_second,
    });
    object[by.name()] = name(row.diff, by);
    object
}

fn name(row: Row<'_>, by: By) -> Value {
    match by {
        By::Function | By::Package => json!(row.name()),
        By::Stack => json!(row.frames().collect::<Vec<_>>()),
    }
}
