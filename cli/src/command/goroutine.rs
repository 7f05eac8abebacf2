//! Tells one goroutine's whole life, span by span.

use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::PathBuf;

use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::view::text::{duration_text, write_json, write_line};
use crate::view::timeline::{Each, Frame, Window, WokenBy, frames, load, stack_text, waker_text};
use clap::Args as ClapArgs;
use gotrace::timeline::{self, Goroutine, Span};
use gotrace::{GoId, Time, Timeline};
use serde::{Serialize, Serializer};

/// Tell the life of a goroutine: who created it, what it did and for how long, what it waited for and who woke it.
///
/// Times are nanoseconds on the trace's clock. With --from and --to, totals are of that part, and spans those that overlap it.
#[derive(ClapArgs)]
pub struct Args {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    window: Window,
    /// The trace, - for standard input
    file: PathBuf,
    /// The goroutine, as in "goroutine 17 [chan receive]"
    id: u64,
}

pub fn run(args: &Args, _terminal: &mut Terminal) -> Result<(), Failure> {
    let timeline = load(&args.file)?;
    let range = args.window.range(&timeline)?;
    let goroutine = timeline
        .goroutine(GoId(args.id))
        .ok_or_else(|| Failure::Usage(format!("{}: there is no goroutine {}", args.file.display(), args.id)))?;
    let mut out = BufWriter::new(io::stdout().lock());
    match args.json {
        true => write_json(&Life::new(goroutine, range), &mut out)?,
        false => write_text(&timeline, goroutine, range, &mut out)?,
    }
    Ok(out.flush()?)
}

/// What is printed as JSON. Fields are added, never changed, while the schema stays the same.
#[derive(Serialize)]
struct Life<'t> {
    /// Which version of this object it is.
    schema: u32,
    id: u64,
    /// The function that it runs.
    name: String,
    /// Where it starts; of one that is older than the trace the first stack that is known.
    start_stack: Vec<Frame<'t>>,
    /// Null for one that is older than the trace.
    created_at: Option<i64>,
    created_by: Option<u64>,
    creation_stack: Vec<Frame<'t>>,
    /// Null for one that is still there at the end.
    ended_at: Option<i64>,
    children: Vec<u64>,
    /// Nanoseconds by state, for waiting by state and reason.
    totals: Totals<'t>,
    #[serde(serialize_with = "spans")]
    spans: (Goroutine<'t>, Range<Time>),
}

impl<'t> Life<'t> {
    fn new(goroutine: Goroutine<'t>, range: Range<Time>) -> Self {
        Life {
            schema: 1,
            id: goroutine.id().0,
            name: goroutine.name().to_string(),
            start_stack: frames(goroutine.start_stack()),
            created_at: goroutine.created_at().map(|time| time.0),
            created_by: goroutine.created_by().map(|id| id.0),
            creation_stack: frames(goroutine.creation_stack()),
            ended_at: goroutine.ended_at().map(|time| time.0),
            children: goroutine.children().map(|child| child.id().0).collect(),
            totals: Totals(goroutine.totals(range.clone())),
            spans: (goroutine, range),
        }
    }
}

struct Totals<'t>(timeline::Totals<'t>);

impl Totals<'_> {
    fn rows(&self) -> Vec<(String, std::time::Duration)> {
        let totals = &self.0;
        let states = [("Running", totals.running()), ("Runnable", totals.runnable()), ("Syscall", totals.syscall())];
        let waits = totals.waiting_by_reason().map(|(reason, time, _)| (format!("Waiting: {reason}"), time));
        states.map(|(state, time)| (state.to_owned(), time)).into_iter().chain(waits).collect()
    }
}

impl Serialize for Totals<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.rows().into_iter().map(|(key, time)| (key, time.as_nanos() as u64)))
    }
}

/// A span as JSON.
#[derive(Serialize)]
struct SpanRow<'t> {
    start: i64,
    end: i64,
    state: &'static str,
    /// Empty for states that have none.
    reason: String,
    /// Where it was as the span began, as far as it is known.
    stack: Vec<Frame<'t>>,
    proc: Option<u64>,
    thread: Option<u64>,
    /// A goroutine's number, the name of a part of the runtime, or null.
    woken_by: Option<WokenBy>,
    woken_by_stack: Vec<Frame<'t>>,
    /// Whether it lasts beyond the end of the trace.
    open: bool,
}

impl<'t> SpanRow<'t> {
    fn new(span: Span<'t>) -> Self {
        let waker = span.woken_by();
        SpanRow {
            start: span.start().0,
            end: span.end().0,
            state: span.state().name(),
            reason: span.reason().to_string(),
            stack: frames(span.stack()),
            proc: span.proc().map(|id| id.0),
            thread: span.thread().map(|id| id.0),
            woken_by: waker.as_ref().and_then(WokenBy::new),
            woken_by_stack: frames(waker.and_then(|waker| waker.stack())),
            open: span.is_open(),
        }
    }
}

fn spans<S: Serializer>((goroutine, range): &(Goroutine<'_>, Range<Time>), serializer: S) -> Result<S::Ok, S::Error> {
    Each(|| goroutine.between(range.clone()).map(SpanRow::new)).serialize(serializer)
}

fn write_text(
    timeline: &Timeline,
    goroutine: Goroutine<'_>,
    range: Range<Time>,
    out: &mut impl Write,
) -> io::Result<()> {
    let name = goroutine.name();
    let name = if name.is_empty() { "(unknown function)".to_owned() } else { name.to_string() };
    write_line(&format!("goroutine {}  {name}", goroutine.id()), out)?;
    if let Some(frame) = goroutine.start_stack().and_then(|stack| stack.frames().next_back()) {
        write_line(&format!("  starts in   {}:{}", frame.file, frame.line), out)?;
    }
    let created = match (goroutine.created_at(), goroutine.created_by()) {
        (None, _) => "before the trace".to_owned(),
        (Some(time), None) => format!("at {time}, by no goroutine"),
        (Some(time), Some(creator)) => format!("at {time} by goroutine {creator}"),
    };
    write_line(&format!("  created     {created}"), out)?;
    if let Some(stack) = goroutine.creation_stack() {
        write_line(&format!("              in {}", stack_text(stack, 2)), out)?;
    }
    let ended = match goroutine.ended_at() {
        Some(time) => format!("at {time}"),
        None => format!("not before the trace did, at {}", timeline.end()),
    };
    write_line(&format!("  ended       {ended}"), out)?;
    let children = goroutine.children().count();
    if children > 0 {
        writeln!(out, "  children    {children}")?;
    }

    let totals = goroutine.totals(range.clone());
    let whole = totals.total().as_nanos().max(1) as f64;
    writeln!(out)?;
    for (state, time) in Totals(totals).rows() {
        if !time.is_zero() {
            let percent = time.as_nanos() as f64 / whole * 100.0;
            write_line(&format!("  {:>10} {percent:>6.2} %  {state}", duration_text(time)), out)?;
        }
    }
    writeln!(out, "\n{:>20} {:>10}  what", "from (ns)", "for")?;
    for span in goroutine.between(range) {
        let line = format!("{:>20} {:>10}  {}", span.start(), duration_text(span.duration()), what(&span));
        write_line(line.trim_end(), out)?;
        if let Some(stack) = span.stack() {
            write_line(&format!("{:>33}{}", "", stack_text(stack, 2)), out)?;
        }
    }
    Ok(())
}

/// A span in words.
fn what(span: &Span<'_>) -> String {
    let mut text = span.state().to_string();
    if !span.reason().is_empty() {
        text = format!("{text}: {}", span.reason());
    }
    let mut add = |part: String| text = format!("{text}, {part}");
    match (span.proc(), span.thread()) {
        (Some(proc), Some(thread)) => add(format!("on P {proc}, thread {thread}")),
        (Some(proc), None) => add(format!("on P {proc}")),
        (None, Some(thread)) => add(format!("on thread {thread}")),
        (None, None) => {}
    }
    // A wait is followed by the time until it runs; the waker is told once.
    if let Some(waker) = span.woken_by().filter(|_| span.state() == gotrace::GoState::Waiting) {
        add(format!("woken by {}", waker_text(&waker)));
    }
    if span.is_open() {
        add("still so when the trace ends".to_owned());
    }
    text
}
