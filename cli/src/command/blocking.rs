//! Tells who waited, for what, how long, and who woke them.

use std::collections::HashMap;
use std::hash::Hash;
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::view::text::{duration_text, write_json, write_line};
use crate::view::timeline::{Each, Frame, Window, WokenBy, frames, load, parse_duration, stack_text};
use clap::Args as ClapArgs;
use gotrace::timeline::{Query, Span};
use gotrace::{GoId, Time, Timeline};
use serde::{Serialize, Serializer};

/// Tell what goroutines of a trace waited for: by reason, by place in the code, and by who woke them.
///
/// Times are nanoseconds on the trace's clock. With --from and --to, waits are those that overlap that part, and only the time
/// within it counts.
#[derive(ClapArgs)]
pub struct Args {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Only waits for this reason, as in "chan receive"
    #[arg(long)]
    reason: Option<String>,
    /// Only waits at least this long, as in 10ms
    #[arg(long, value_parser = parse_duration, value_name = "DURATION")]
    min: Option<Duration>,
    /// Only waits of this goroutine
    #[arg(long, value_name = "ID")]
    goroutine: Option<u64>,
    /// How many rows each table has at most
    #[arg(long, default_value_t = 10, value_name = "ROWS")]
    top: usize,
    #[command(flatten)]
    window: Window,
    /// The trace, - for standard input
    file: PathBuf,
}

pub fn run(args: &Args, _terminal: &mut Terminal) -> Result<(), Failure> {
    let timeline = load(&args.file)?;
    let range = args.window.range(&timeline)?;
    let mut query = timeline.blocked().between(range.clone());
    if let Some(reason) = &args.reason {
        query = query.reason(reason);
    }
    if let Some(min) = args.min {
        // At least so long.
        query = query.longer_than(min.saturating_sub(Duration::from_nanos(1)));
    }
    if let Some(id) = args.goroutine {
        let missing = || Failure::Usage(format!("{}: there is no goroutine {id}", args.file.display()));
        query = query.goroutine(timeline.goroutine(GoId(id)).ok_or_else(missing)?.id());
    }
    let mut out = BufWriter::new(io::stdout().lock());
    match args.json {
        true => write_json(&Report::new(query, range), &mut out)?,
        false => write_text(&timeline, &query, range, args.top, &mut out)?,
    }
    Ok(out.flush()?)
}

/// How often and how long.
#[derive(Clone, Copy, Default)]
struct Sum {
    count: u64,
    total: u64,
    max: u64,
}

impl Sum {
    fn add(&mut self, nanos: u64) {
        self.count += 1;
        self.total = self.total.saturating_add(nanos);
        self.max = self.max.max(nanos);
    }
}

/// How much of a wait lies within a range.
fn nanos_within(span: &Span<'_>, range: &Range<Time>) -> u64 {
    let within = span.end().min(range.end) - span.start().max(range.start);
    u64::try_from(within.as_nanos()).unwrap_or(u64::MAX)
}

/// Sums by a key, largest first.
fn sums<K: Eq + Hash + Ord + Clone>(rows: impl Iterator<Item = (K, u64)>) -> Vec<(K, Sum)> {
    let mut sums: HashMap<K, Sum> = HashMap::new();
    for (key, nanos) in rows {
        sums.entry(key).or_default().add(nanos);
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by(|(a, x), (b, y)| y.total.cmp(&x.total).then_with(|| a.cmp(b)));
    sums
}

/// What is printed as JSON. Fields are added, never changed, while the schema stays the same.
#[derive(Serialize)]
struct Report<'t> {
    /// Which version of this object it is.
    schema: u32,
    total_ns: u64,
    by_reason: Vec<ReasonRow>,
    #[serde(serialize_with = "waits")]
    waits: Query<'t>,
}

#[derive(Serialize)]
struct ReasonRow {
    reason: String,
    count: u64,
    total_ns: u64,
    max_ns: u64,
}

impl<'t> Report<'t> {
    fn new(query: Query<'t>, range: Range<Time>) -> Self {
        let by_reason = sums(query.iter().map(|span| (span.reason(), nanos_within(&span, &range))));
        let row = |(reason, sum): &(gotrace::Text<'_>, Sum)| ReasonRow {
            reason: reason.to_string(),
            count: sum.count,
            total_ns: sum.total,
            max_ns: sum.max,
        };
        Report {
            schema: 1,
            total_ns: by_reason.iter().fold(0, |all, (_, sum)| all.saturating_add(sum.total)),
            by_reason: by_reason.iter().map(row).collect(),
            waits: query,
        }
    }
}

/// A wait as JSON.
#[derive(Serialize)]
struct WaitRow<'t> {
    goroutine: u64,
    reason: String,
    start: i64,
    end: i64,
    /// Whether it lasts beyond the end of the trace.
    open: bool,
    stack: Vec<Frame<'t>>,
    /// A goroutine's number, the name of a part of the runtime, or null.
    woken_by: Option<WokenBy>,
    woken_by_stack: Vec<Frame<'t>>,
}

impl<'t> WaitRow<'t> {
    fn new(span: Span<'t>) -> Self {
        let waker = span.woken_by();
        WaitRow {
            goroutine: span.goroutine().id().0,
            reason: span.reason().to_string(),
            start: span.start().0,
            end: span.end().0,
            open: span.is_open(),
            stack: frames(span.stack()),
            woken_by: waker.as_ref().and_then(WokenBy::new),
            woken_by_stack: frames(waker.and_then(|waker| waker.stack())),
        }
    }
}

fn waits<S: Serializer>(query: &Query<'_>, serializer: S) -> Result<S::Ok, S::Error> {
    Each(|| query.iter().map(WaitRow::new)).serialize(serializer)
}

fn write_text(
    timeline: &Timeline,
    query: &Query<'_>,
    range: Range<Time>,
    top: usize,
    out: &mut impl Write,
) -> io::Result<()> {
    let nanos = |span: &Span<'_>| nanos_within(span, &range);
    let reasons = sums(query.iter().map(|span| (span.reason().to_string(), nanos(&span))));
    let total: u64 = reasons.iter().map(|(_, sum)| sum.total).sum();
    let count: u64 = reasons.iter().map(|(_, sum)| sum.count).sum();
    let length = duration_text(range.end - range.start);
    let summary = duration_text(Duration::from_nanos(total));
    write_line(&format!("{count} wait{}, {summary} in all, within {length}", if count == 1 { "" } else { "s" }), out)?;
    write_table("by reason", &reasons, total, top, out)?;

    let stacks: HashMap<u32, String> = HashMap::new();
    let mut texts = Texts(stacks);
    let by_stack = sums(query.iter().map(|span| {
        let place = span.stack().map(|stack| texts.get(stack)).unwrap_or_else(|| "(no stack)".to_owned());
        (format!("{}: {place}", span.reason()), nanos(&span))
    }));
    write_table("by place", &by_stack, total, top, out)?;

    let by_waker = sums(query.iter().map(|span| {
        let waker = match span.woken_by() {
            None if span.is_open() => "(nobody until the trace ends)".to_owned(),
            None => "(nobody)".to_owned(),
            Some(waker) => match (waker.go(), waker.stack()) {
                (Some(go), stack) => {
                    let name = timeline.goroutine(go).map(|go| go.name().to_string()).unwrap_or_default();
                    let place = stack.map(|stack| texts.get(stack)).unwrap_or_default();
                    format!("{name}: {place}")
                }
                (None, _) => waker.runtime().map_or(String::new(), |runtime| format!("the {runtime}")),
            },
        };
        (waker, nanos(&span))
    }));
    write_table("by who woke them (what that one runs: where it was)", &by_waker, total, top, out)
}

/// Stacks in words, each made once.
struct Texts(HashMap<u32, String>);

impl Texts {
    fn get(&mut self, stack: gotrace::timeline::StackTrace<'_>) -> String {
        self.0.entry(stack.number()).or_insert_with(|| stack_text(stack, 2)).clone()
    }
}

fn write_table(title: &str, rows: &[(String, Sum)], total: u64, top: usize, out: &mut impl Write) -> io::Result<()> {
    let time = |nanos: u64| duration_text(Duration::from_nanos(nanos));
    writeln!(out, "\n{:>9} {:>7} {:>8} {:>9} {:>9}  {title}", "total", "", "waits", "mean", "longest")?;
    let top = if top == 0 { rows.len() } else { top };
    for (name, sum) in rows.iter().take(top) {
        let percent = sum.total as f64 / total.max(1) as f64 * 100.0;
        let (all, mean, max) = (time(sum.total), time(sum.total / sum.count.max(1)), time(sum.max));
        let name = if name.is_empty() { "(no reason)" } else { name };
        write_line(&format!("{all:>9} {percent:>5.1} % {:>8} {mean:>9} {max:>9}  {name}", sum.count), out)?;
    }
    let rest = rows.len().saturating_sub(top);
    if rest > 0 {
        writeln!(out, "{:>47}{rest} more; --top 0 shows all", "")?;
    }
    Ok(())
}
