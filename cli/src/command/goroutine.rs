//! `gotrace goroutine`: the life of one goroutine, span by span.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use gotrace::timeline::{BLOCKED_BEFORE_TRACE, Goroutine, Life, LifeOptions, Span, SpanOrder, Totals};
use gotrace::{GoId, GoState, Time, Timeline};
use serde::Serialize;

use crate::failure::Failure;
use crate::select::{Chosen, Selection, Window, labels, no_goroutine, other_labels, parse_duration};
use crate::terminal::Terminal;
use crate::view::clock::Clock;
use crate::view::rows::{Rows, write_rest};
use crate::view::style::BOLD;
use crate::view::table::{Column, Table};
use crate::view::{frames, names, next, paragraph, suggest, units, waker};

/// Show the life of a goroutine: who created it, what it did and for how long, what it waited for and who woke it.
///
/// Goroutines are chosen by number, or with --func, --package or --label. If several match, they are listed.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  gotrace goroutine trace.out 1
  gotrace goroutine trace.out 1 --min 100us --sort duration
  gotrace goroutine trace.out --func '^main'")]
pub struct Args {
    #[command(flatten)]
    selection: Selection,
    /// Only spans with this reason, such as "chan receive"
    #[arg(long, value_name = "REASON", help_heading = "Selection")]
    reason: Option<String>,
    /// Only spans that last at least this long, such as 10ms
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = parse_duration, help_heading = "Selection")]
    min: Option<Duration>,
    #[command(flatten)]
    window: Window,
    /// Sort spans by this
    #[arg(long, value_enum, value_name = "COLUMN", default_value = "start")]
    sort: Sort,
    #[command(flatten)]
    rows: Rows,
    /// Print one JSON object, with the rows that --top or --all selects
    #[arg(long)]
    json: bool,
    /// The trace; - for standard input
    file: PathBuf,
    /// The goroutine's number, as in "goroutine 17 [chan receive]"
    #[arg(value_parser = parse_id)]
    id: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Sort {
    /// When they started
    Start,
    /// How long they lasted, longest first
    Duration,
}

fn parse_id(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("a goroutine ID is a number; to select by function, use --func '{text}'"))
}

/// What `--json` prints.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Report<'t> {
    /// How many goroutines match.
    match_count: u64,
    /// The first matches, at most as many as --top allows.
    matches: Vec<Match>,
    /// The life of the goroutine, if exactly one matches.
    life: Option<Life<'t>>,
}

/// A goroutine that matches.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Match {
    /// The goroutine.
    goroutine: GoId,
    /// The function in which it started; empty if the trace has no stack of it.
    function: String,
    /// When it was created; null if it is older than the trace.
    created_ns: Option<Time>,
    /// When it ended; null if it was still alive when the trace ended.
    ended_ns: Option<Time>,
}

pub fn run(args: &Args, terminal: &mut Terminal) -> Result<(), Failure> {
    if args.id.is_none() && args.selection.is_empty() {
        let hint = "gotrace goroutines lists groups of them";
        return Err(Failure::Usage(format!("give a goroutine's number, --func, --package or --label; {hint}")));
    }
    let timeline = crate::input::load_timeline(&args.file)?;
    let clock = Clock::of(&timeline, terminal.times());
    let range = args.window.range(&timeline, &clock)?;
    let matches = args.matches(&timeline)?;
    let mut options = LifeOptions::default().range(range).top(args.rows.most_of_list()).order(match args.sort {
        Sort::Start => SpanOrder::Start,
        Sort::Duration => SpanOrder::Duration,
    });
    options.min = args.min.unwrap_or_default();
    options.reason = args.reason.clone();
    let life = match &matches[..] {
        [one] => Some(one.life(&options)),
        _ => None,
    };
    let nothing = match &life {
        _ if matches.is_empty() => Some(args.no_goroutine(&timeline)),
        Some(life) if life.spans.is_empty() => args.no_span(life, &clock)?,
        _ => None,
    };
    if args.json {
        let row = |goroutine: &Goroutine<'_>| Match {
            goroutine: goroutine.id(),
            function: goroutine.name().to_string(),
            created_ns: goroutine.created_at(),
            ended_ns: goroutine.ended_at(),
        };
        let rows = matches.iter().take(args.rows.most_of_list()).map(row).collect();
        terminal.json(&Report { match_count: matches.len() as u64, matches: rows, life }, None)?;
        return nothing.map_or(Ok(()), Err);
    }
    if let Some(nothing) = nothing {
        return Err(nothing);
    }
    match &life {
        Some(life) => args.write_life(life, &timeline, &clock, terminal)?,
        None => args.write_matches(&matches, &timeline, &clock, terminal)?,
    }
    Ok(terminal.flush()?)
}

impl Args {
    /// The goroutines that match.
    fn matches<'t>(&self, timeline: &'t Timeline) -> Result<Vec<Goroutine<'t>>, Failure> {
        let mut selection = self.selection.clone();
        selection.goroutines.extend(self.id);
        if let Some(&id) = selection.goroutines.iter().find(|&&id| timeline.goroutine(GoId(id)).is_none()) {
            return Err(no_goroutine(id, timeline));
        }
        let is_chosen = |goroutine: &Goroutine<'_>| {
            selection.matches(goroutine.id(), goroutine.name(), goroutine.labels().map(|label| label.text()))
        };
        Ok(timeline.goroutines().filter(is_chosen).collect())
    }

    /// The options that select goroutines.
    fn chosen(&self) -> Chosen {
        Chosen::default().goroutines(self.id.as_slice()).selection(&self.selection)
    }

    fn no_goroutine(&self, timeline: &Timeline) -> Failure {
        let starts: Vec<String> = timeline.goroutines().map(|goroutine| goroutine.name().to_string()).collect();
        let wanted = self.selection.func.as_ref().map(|func| func.as_str()).or(self.selection.package.as_deref());
        let nearest = wanted.and_then(|wanted| suggest::nearest(wanted, starts.iter().map(|name| &**name)));
        let instead = match (other_labels(&self.selection, &labels(timeline)), nearest) {
            (Some(labels), _) => labels,
            (None, Some(name)) => format!("did you mean '{name}'?"),
            (None, None) => "gotrace goroutines lists all goroutines by group".to_owned(),
        };
        self.chosen().nothing("goroutine", &instead)
    }

    /// The failure that no span matches, if options select spans.
    fn no_span(&self, life: &Life<'_>, clock: &Clock) -> Result<Option<Failure>, Failure> {
        let chosen = Chosen::default().option("--reason", self.reason.as_ref());
        let chosen = chosen.option("--min", self.min.map(units::duration)).window(&self.window, clock)?;
        if chosen.is_empty() {
            return Ok(None);
        }
        let reasons: Vec<String> = life.totals.waiting_by_reason().map(|row| row.reason.to_string()).collect();
        let nearest = |reason| suggest::nearest(reason, reasons.iter().map(|reason| &**reason));
        let instead = match &self.reason {
            Some(reason) if !reasons.contains(reason) => match nearest(reason) {
                Some(name) => format!("did you mean '{name}'?"),
                None if reasons.is_empty() => "it did not wait".to_owned(),
                None => format!("it waited for {}", reasons.join(", ")),
            },
            _ => "without these options all its spans are shown".to_owned(),
        };
        Ok(Some(chosen.nothing(&format!("span of goroutine {}", life.goroutine), &instead)))
    }

    fn write_matches(
        &self,
        matches: &[Goroutine<'_>],
        timeline: &Timeline,
        clock: &Clock,
        out: &mut Terminal,
    ) -> io::Result<()> {
        let chosen = self.chosen();
        let head = format!("{} with {chosen}", units::plural(matches.len() as u64, "goroutine"));
        paragraph::write_styled(BOLD, &head, out)?;
        let columns = [
            Column::number("GOROUTINE"),
            Column::name("FUNCTION"),
            Column::number("CREATED"),
            Column::word("BY").detail(1),
            Column::number("EXITED"),
            Column::number("RUNNING"),
            Column::number("BLOCKED"),
        ];
        let mut table = Table::new(columns);
        for goroutine in matches.iter().take(self.rows.most_of_list()) {
            let totals = goroutine.totals(timeline.start()..timeline.end());
            table.row([
                goroutine.id().to_string(),
                goroutine.name().to_string(),
                goroutine.created_at().map_or("before".into(), |time| clock.show(time)),
                goroutine.created_by().map_or(String::new(), |id| format!("goroutine {id}")),
                goroutine.ended_at().map_or("–".into(), |time| clock.show(time)),
                units::duration(totals.running()),
                units::duration(totals.waiting()),
            ]);
        }
        table.write(out)?;
        write_rest(matches.len() as u64, self.rows.most_of_list(), "goroutine", out)?;
        next::write("goroutine", &self.file, &matches[0].id().to_string(), out)
    }

    fn write_life(&self, life: &Life<'_>, timeline: &Timeline, clock: &Clock, out: &mut Terminal) -> io::Result<()> {
        write_header(life, timeline, clock, out)?;
        write_totals(&life.totals, out)?;
        writeln!(out)?;
        let columns = [
            Column::number("START"),
            Column::number("FOR"),
            Column::text("STATE"),
            Column::word("ON").detail(2),
            Column::word("WOKEN BY").detail(1),
            Column::text("WHERE"),
        ];
        let mut table = Table::new(columns);
        let is_wide = out.is_wide();
        for span in &life.spans {
            let on = match (span.proc(), span.thread()) {
                (Some(proc), Some(thread)) => format!("P{proc} thread {thread}"),
                (Some(proc), None) => format!("P{proc}"),
                (None, Some(thread)) => format!("thread {thread}"),
                (None, None) => String::new(),
            };
            let stack = span.stack().map(|stack| frames::one_line(&frames::own_frames(stack), is_wide));
            table.row([
                clock.show(span.start()),
                units::duration(span.duration()),
                state(span),
                on,
                woken_by(span),
                stack.unwrap_or_default(),
            ]);
        }
        table.write(out)?;
        write_rest(life.span_count, life.spans.len(), "span", out)?;
        match life.span_count > life.spans.len() as u64 && self.sort == Sort::Start {
            true => next::write("goroutine", &self.file, &format!("{} --sort duration", life.goroutine), out),
            false => Ok(()),
        }
    }
}

fn write_header(life: &Life<'_>, timeline: &Timeline, clock: &Clock, out: &mut Terminal) -> io::Result<()> {
    let function =
        if life.function.is_empty() { "(unknown function)".to_owned() } else { names::printable(&life.function) };
    let start = life.start_stack.last();
    let place = start.map_or(String::new(), |frame| format!("{}:{}", names::file_name(&frame.file), frame.line));
    // For a goroutine older than the trace, the first stack only says where it was then.
    let place = match (life.created, start) {
        (_, None) => String::new(),
        (Some(_), _) => format!("   starts in {}", names::printable(&place)),
        (None, _) => format!("   first seen in {}", names::printable(&place)),
    };
    let width = out.width();
    let heading = names::cut(&format!("goroutine {}  {function}", life.goroutine), width);
    let place =
        if names::width(&heading) + names::width(&place) > width { format!("\n{}", place.trim_start()) } else { place };
    writeln!(out, "{}{place}", out.paint(BOLD, &heading))?;
    let created = match (life.created, life.created_by) {
        (None, _) => "before the trace".to_owned(),
        (Some(time), None) => format!("{}, not by a goroutine", clock.show(time)),
        (Some(time), Some(id)) => {
            let creator = timeline.goroutine(id).map(|creator| creator.name().to_string()).unwrap_or_default();
            let at = life.creation_stack.iter().find(|frame| !frame.is_runtime());
            let at = at.map_or(String::new(), |frame| format!(", {}:{}", names::file_name(&frame.file), frame.line));
            format!("{} by goroutine {id} ({}{at})", clock.show(time), names::without_path(&creator))
        }
    };
    let exited = match life.ended {
        Some(time) => format!("exited {}", clock.show(time)),
        None => "still alive when the trace ended".to_owned(),
    };
    let children = units::count(life.child_count);
    paragraph::write("", &format!("created {created}   {exited}   children {children}"), out)
}

fn write_totals(totals: &Totals<'_>, out: &mut Terminal) -> io::Result<()> {
    let total = totals.total();
    let states = [("running", totals.running()), ("runnable", totals.runnable()), ("syscall", totals.syscall())];
    let mut waits: Vec<_> = totals.waiting_by_reason().map(|row| (row.reason.to_string(), row.time)).collect();
    waits.sort_by_key(|(_, time)| std::cmp::Reverse(*time));
    let parts = states.map(|(name, time)| (name.to_owned(), time)).into_iter().chain(waits);
    let parts = parts.filter(|(_, time)| !time.is_zero()).map(|(name, time)| {
        let share = units::percent(time.as_nanos() as f64, total.as_nanos() as f64);
        format!("{name} {} ({share})", units::duration(time))
    });
    paragraph::write(&format!("{}:  ", units::duration(total)), &parts.collect::<Vec<_>>().join(" · "), out)
}

/// The state of a span, and its reason.
fn state(span: &Span<'_>) -> String {
    let reason = span.reason_name();
    let name = match span.state() {
        GoState::Waiting if reason == BLOCKED_BEFORE_TRACE => return reason.to_string(),
        GoState::Waiting => "blocked",
        GoState::Undetermined => return "not known after a gap".into(),
        GoState::Running => "running",
        GoState::Runnable => "runnable",
        GoState::Syscall => "syscall",
        _ => return span.state().name().to_lowercase(),
    };
    let is_new =
        span.state() == GoState::Runnable && span.previous().is_none() && span.goroutine().created_at().is_some();
    match (reason.is_empty(), is_new) {
        (true, true) => format!("{name} (created)"),
        (true, false) => name.to_owned(),
        (false, _) => format!("{name}: {reason}"),
    }
}

/// Who ended a wait. The runnable span after it has the same waker, which is not repeated.
fn woken_by(span: &Span<'_>) -> String {
    if span.is_open() {
        return "(trace ended)".to_owned();
    }
    match span.state() {
        GoState::Waiting if span.woken_by().is_some() => waker::of(span),
        _ => String::new(),
    }
}
