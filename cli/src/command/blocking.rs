//! `gotrace blocking`: what goroutines waited for, where, and who woke them.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use gotrace::analysis::blocking::{BlockingOptions, BlockingReport, WaitTotals, WakerWaits, WokenBy, is_idle};
use gotrace::timeline::{Query, RuntimeWaker, Span};
use gotrace::{GoId, Timeline};
use serde::{Serialize, Serializer};

use crate::failure::Failure;
use crate::select::{Chosen, Selection, Window, labels, no_goroutine, other_labels, parse_duration};
use crate::terminal::Terminal;
use crate::view::clock::Clock;
use crate::view::rows::{Rows, write_rest};
use crate::view::style::{BOLD, DIM};
use crate::view::table::{Cell, Column, Table};
use crate::view::{frames, next, paragraph, suggest, units, waker};

/// Show what goroutines waited for: by reason, by place in the code, and by who woke them.
///
/// Waits that are idle by design are left out, and only their total is shown: those of the
/// runtime's own goroutines, such as GC workers, and those on quiet network connections. --idle
/// includes them, and so do --reason and --goroutine.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  gotrace blocking trace.out
  gotrace blocking trace.out --reason sleep --min 1ms
  gotrace blocking trace.out --func 'http.*serve' --waits --top 5")]
pub struct Args {
    /// Only waits for this reason, such as "chan receive"
    #[arg(long, value_name = "REASON", help_heading = "Selection")]
    reason: Option<String>,
    /// Only waits that last at least this long, such as 10ms
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = parse_duration, help_heading = "Selection")]
    min: Option<Duration>,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    window: Window,
    /// Include waits that are idle by design
    #[arg(long)]
    idle: bool,
    /// List single waits, the longest first; with --json, all of them
    #[arg(long)]
    waits: bool,
    #[command(flatten)]
    rows: Rows,
    /// Print one JSON object, with the rows that --top or --all selects
    #[arg(long)]
    json: bool,
    /// The trace; - for standard input
    file: PathBuf,
}

/// What `--json` prints.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Report<'t> {
    #[serde(flatten)]
    sums: BlockingReport,
    /// With --waits: every wait, sorted by goroutine, then by time.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "waits")]
    #[cfg_attr(test, schemars(with = "Option<Vec<Span<'t>>>"))]
    waits: Option<Waits<'t>>,
}

/// The waits of a query, for `--waits`.
struct Waits<'t> {
    query: Query<'t>,
    with_idle: bool,
}

impl<'t> Waits<'t> {
    fn iter(&self) -> impl Iterator<Item = Span<'t>> {
        self.query.iter().filter(|span| self.with_idle || !is_idle(span))
    }
}

fn waits<S: Serializer>(waits: &Option<Waits<'_>>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(waits.iter().flat_map(Waits::iter))
}

pub fn run(args: &Args, terminal: &mut Terminal) -> Result<(), Failure> {
    let timeline = crate::input::load_timeline(&args.file)?;
    let clock = Clock::of(&timeline, terminal.times());
    let query = args.query(&timeline, &clock)?;
    let with_idle = args.idle || args.reason.is_some() || !args.selection.goroutines.is_empty();
    let options = BlockingOptions::default().with_idle(with_idle).top(args.rows.most());
    let sums = BlockingReport::new(&query, &options);
    let (is_empty, idle) = (sums.all.count == 0, sums.idle.count);
    match args.json {
        true => {
            let waits = args.waits.then_some(Waits { query, with_idle });
            terminal.json(&Report { sums, waits }, None)?;
        }
        false if is_empty => {}
        false => {
            args.write_head(&sums, with_idle, terminal)?;
            match args.waits {
                true => args.write_waits(&Waits { query, with_idle }, &sums, &clock, terminal)?,
                false => write_tables(&sums, args, &clock, terminal)?,
            }
        }
    }
    if is_empty {
        let text = args.nothing(&timeline, &clock, idle)?;
        if !args.json {
            paragraph::write("", &text, terminal)?;
        }
    }
    Ok(terminal.flush()?)
}

impl Args {
    fn query<'t>(&self, timeline: &'t Timeline, clock: &Clock) -> Result<Query<'t>, Failure> {
        if let Some(&id) = self.selection.goroutines.iter().find(|&&id| timeline.goroutine(GoId(id)).is_none()) {
            return Err(no_goroutine(id, timeline));
        }
        let mut query = timeline.blocked().between(self.window.range(timeline, clock)?);
        if let Some(reason) = &self.reason {
            query = query.reason(reason);
        }
        // `longer_than` excludes waits of exactly this length, `--min` includes them.
        if let Some(least) = self.min.and_then(|min| min.checked_sub(Duration::from_nanos(1))) {
            query = query.longer_than(least);
        }
        Ok(self.selection.apply(query))
    }

    /// Returns a text that says why there is no wait to show. If the user gave options that select
    /// waits, this is an error. `idle` is the number of waits that were left out as idle by design.
    fn nothing(&self, timeline: &Timeline, clock: &Clock, idle: u64) -> Result<String, Failure> {
        let min = self.min.map(units::duration);
        let chosen = Chosen::default().option("--reason", self.reason.as_ref()).option("--min", min);
        let chosen = chosen.selection(&self.selection).window(&self.window, clock)?;
        let idle_waits = units::plural(idle, "wait");
        match (chosen.is_empty(), idle) {
            (true, 0) => return Ok("the trace has no waits".to_owned()),
            (true, _) => {
                return Ok(format!(
                    "the trace has only waits that are idle by design ({idle_waits}); --idle includes them"
                ));
            }
            (false, 0) => {}
            (false, _) => {
                let instead = format!("{idle_waits} idle by design would match; --idle includes them");
                return Err(chosen.nothing("wait", &instead));
            }
        }
        if let Some(labels) = other_labels(&self.selection, &labels(timeline)) {
            return Err(chosen.nothing("wait", &labels));
        }
        let all = BlockingReport::new(&timeline.blocked(), &BlockingOptions::default().with_idle(true).top(0));
        let names: Vec<&str> = all.by_reason.iter().map(|row| &*row.reason).collect();
        let instead = match &self.reason {
            Some(reason) if !names.contains(&&**reason) => match suggest::nearest(reason, names.iter().copied()) {
                Some(name) => format!("did you mean '{name}'?"),
                None => format!("reasons are {}", names.join(", ")),
            },
            _ => {
                let longest = units::duration(all.all.longest);
                format!("the trace has {}, the longest {longest}", units::plural(all.all.count, "wait"))
            }
        };
        Err(chosen.nothing("wait", &instead))
    }

    fn write_head(&self, sums: &BlockingReport, with_idle: bool, out: &mut Terminal) -> io::Result<()> {
        let waits = units::plural(sums.all.count, "wait");
        let total = units::duration(sums.all.total);
        let over = units::duration(sums.end - sums.start);
        paragraph::write_styled(BOLD, &format!("{waits}, {total} in all, over {over}"), out)?;
        if !with_idle && sums.idle.count > 0 {
            let idle = units::duration(sums.idle.total);
            let note = format!("{idle} more are idle by design (GC workers, quiet connections); --idle includes them");
            paragraph::write_styled(DIM, &note, out)?;
        }
        Ok(())
    }

    fn write_waits(
        &self,
        waits: &Waits<'_>,
        sums: &BlockingReport,
        clock: &Clock,
        out: &mut Terminal,
    ) -> io::Result<()> {
        let mut spans: Vec<Span<'_>> = waits.iter().collect();
        spans.sort_by_key(|span| (std::cmp::Reverse(span.duration()), span.start()));
        let columns = [
            Column::number("FOR"),
            Column::number("START"),
            Column::number("GOROUTINE"),
            Column::text("REASON"),
            Column::text("WHERE"),
            Column::text("WOKEN BY").detail(1),
        ];
        let mut table = Table::new(columns);
        for span in spans.iter().take(self.rows.most()) {
            let stack = span.stack().map(frames::own_frames).unwrap_or_default();
            table.row([
                units::duration(span.duration()),
                clock.show(span.start()),
                span.goroutine().id().to_string(),
                span.reason_name().to_string(),
                frames::one_line(&stack, out.is_wide()),
                waker::of(span),
            ]);
        }
        writeln!(out)?;
        table.write(out)?;
        write_rest(spans.len() as u64, self.rows.most(), "wait", out)?;
        if let Some(id) = sums.all.longest_goroutine {
            next::write("goroutine", &self.file, &id.to_string(), out)?;
        }
        Ok(())
    }
}

fn write_tables(sums: &BlockingReport, args: &Args, clock: &Clock, out: &mut Terminal) -> io::Result<()> {
    let is_wide = out.is_wide();
    let total = sums.all.total;
    let mut table = table("REASON");
    for row in &sums.by_reason {
        table.row(cells(row.reason.clone(), &row.waits, total, clock));
    }
    write_table(&table, sums.reason_count, "reason", args, out)?;

    let mut table = self::table("PLACE (reason: stack)");
    for row in &sums.by_place {
        let place = if row.stack.is_empty() { "(no stack)".into() } else { frames::one_line(&row.stack, is_wide) };
        table.row(cells(format!("{}: {place}", row.reason), &row.waits, total, clock));
    }
    write_table(&table, sums.place_count, "place", args, out)?;

    let mut table = self::table("WAKER (its function: its stack)");
    for row in &sums.by_waker {
        table.row(cells(woken_by(row, is_wide), &row.waits, total, clock));
    }
    write_table(&table, sums.waker_count, "waker", args, out)?;
    match sums.all.longest_goroutine {
        Some(id) => {
            let note = format!("goroutine {id} waited longest; --waits lists single waits");
            writeln!(out)?;
            paragraph::write_styled(DIM, &note, out)?;
            next::write("goroutine", &args.file, &id.to_string(), out)
        }
        None => Ok(()),
    }
}

fn woken_by(row: &WakerWaits, is_wide: bool) -> String {
    match row.by {
        WokenBy::Goroutine => {
            let function = row.function.as_deref().unwrap_or("(unknown function)");
            let function = if is_wide { function } else { crate::view::names::without_path(function) };
            match row.stack.is_empty() {
                true => function.to_owned(),
                false => format!("{function}: {}", frames::one_line(&row.stack, is_wide)),
            }
        }
        WokenBy::NetworkPoller => waker::runtime(RuntimeWaker::NetworkPoller),
        WokenBy::Timer => waker::runtime(RuntimeWaker::Timer),
        WokenBy::Scheduler => waker::runtime(RuntimeWaker::Scheduler),
        WokenBy::Sysmon => waker::runtime(RuntimeWaker::Sysmon),
        WokenBy::StillBlocked => "(nobody until the trace ended)".into(),
        _ => "(nobody)".into(),
    }
}

/// A table of totals. `head` is the heading of its first column.
fn table(head: &'static str) -> Table {
    Table::new([
        Column::text(head),
        Column::number("TOTAL"),
        Column::number("SHARE"),
        Column::number("WAITS"),
        Column::number("MEAN").detail(1),
        Column::number("LONGEST"),
        Column::word("LONGEST AT").detail(2),
    ])
}

fn cells(name: String, waits: &WaitTotals, total: Duration, clock: &Clock) -> Vec<Cell> {
    let at = waits.longest_goroutine.zip(waits.longest_start);
    [
        name,
        units::duration(waits.total),
        units::percent(waits.total.as_nanos() as f64, total.as_nanos() as f64),
        units::count(waits.count),
        units::duration(waits.mean()),
        units::duration(waits.longest),
        at.map_or(String::new(), |(id, start)| format!("goroutine {id}, {}", clock.show(start))),
    ]
    .map(Cell::from)
    .into()
}

fn write_table(table: &Table, rows: u64, thing: &str, args: &Args, out: &mut Terminal) -> io::Result<()> {
    writeln!(out)?;
    table.write(out)?;
    write_rest(rows, args.rows.most(), thing, out)
}
