//! Tells every garbage collection and every stop-the-world pause.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::view::analysis::{ended, observe};
use crate::view::mmu::MmuCurve;
use crate::view::text::{bytes_text, duration_text, write_json, write_line};
use crate::view::timeline::{Window, load, stack_text};
use clap::{Args as ClapArgs, ValueEnum};
use gotrace::analysis::{UtilFlags, Utilization};
use gotrace::timeline::{GcCycle, Pause};
use gotrace::{Time, Timeline};
use serde::Serialize;

/// Tell the garbage collections of a trace, and all times when the world was stopped.
///
/// Times are nanoseconds on the trace's clock. With --from and --to, collections and pauses are those that overlap that part.
#[derive(ClapArgs)]
pub struct Args {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Tell the minimum mutator utilization of the whole trace instead: what the program has of the processors in the worst
    /// window of each length
    #[arg(long, conflicts_with_all = ["from", "to"])]
    mmu: bool,
    /// Draw the minimum mutator utilization into this file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from", "to"])]
    svg: Option<PathBuf>,
    /// What counts as the collector's work for --mmu and --svg, and whether each P counts by itself
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["stw", "background", "assist"])]
    flags: Vec<Flag>,
    #[command(flatten)]
    window: Window,
    /// The trace, - for standard input
    file: PathBuf,
}

/// The flags of the page of go tool trace.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
#[value(rename_all = "camelCase")]
enum Flag {
    /// Each P by itself
    PerProc,
    /// Stop-the-world pauses of the GC
    Stw,
    /// Background workers
    Background,
    /// Mark assists
    Assist,
    /// Sweeping
    Sweep,
}

pub fn run(args: &Args, _terminal: &mut Terminal) -> Result<(), Failure> {
    if args.mmu || args.svg.is_some() {
        return tell_mmu(args);
    }
    let timeline = load(&args.file)?;
    let report = Report::new(&timeline, args.window.range(&timeline)?);
    let mut out = BufWriter::new(io::stdout().lock());
    match args.json {
        true => write_json(&report, &mut out)?,
        false => write_text(&timeline, &report, &mut out)?,
    }
    Ok(out.flush()?)
}

fn tell_mmu(args: &Args) -> Result<(), Failure> {
    let has = |flag| args.flags.contains(&flag);
    let flags = UtilFlags {
        per_proc: has(Flag::PerProc),
        stw: has(Flag::Stw),
        background: has(Flag::Background),
        assist: has(Flag::Assist),
        sweep: has(Flag::Sweep),
    };
    let (utilization, error) = observe(&args.file, Utilization::new(flags))?;
    let curve = MmuCurve::new(&utilization);
    if let Some(path) = &args.svg {
        let written = File::create(path).map(BufWriter::new).and_then(|mut file| {
            curve.write_svg(&mut file)?;
            file.flush()
        });
        written.map_err(|error| Failure::output(path, error))?;
    }
    let mut out = BufWriter::new(io::stdout().lock());
    match (args.mmu, args.json) {
        (true, true) => write_json(&curve, &mut out)?,
        (true, false) => curve.write_text(&mut out)?,
        (false, _) => {}
    }
    out.flush()?;
    ended(&args.file, error)
}

/// What is printed as JSON. Fields are added, never changed, while the schema stays the same.
#[derive(Serialize)]
struct Report {
    /// Which version of this object it is.
    schema: u32,
    cycles: Vec<CycleRow>,
    /// All pauses, whatever for.
    pauses: Vec<PauseRow>,
    pause_total_ns: u64,
    pause_max_ns: u64,
    pause_p50_ns: u64,
    pause_p99_ns: u64,
}

/// A collection as JSON. What the trace does not tell is null.
#[derive(Serialize)]
struct CycleRow {
    /// Which one in the trace, from 1.
    seq: u64,
    start: i64,
    end: i64,
    /// Whether it lasts beyond the end of the trace.
    open: bool,
    /// Its own pauses.
    pauses: Vec<CyclePause>,
    pause_ns: u64,
    /// Of all assists in it together.
    assist_ns: u64,
    assists: usize,
    /// Of all sweeps after it and before the next one together.
    sweep_ns: u64,
    bytes_swept: u64,
    bytes_reclaimed: u64,
    /// Bytes on the heap as it began, as marking ended, and of those live: the three that a gctrace line tells.
    heap_start: Option<u64>,
    heap_end: Option<u64>,
    heap_live: Option<u64>,
    /// The heap size at which it was to end.
    goal: Option<u64>,
    next_goal: Option<u64>,
    /// The goroutine that began it.
    goroutine: Option<u64>,
}

#[derive(Serialize)]
struct CyclePause {
    reason: String,
    start: i64,
    end: i64,
}

/// A pause as JSON.
#[derive(Serialize)]
struct PauseRow {
    reason: String,
    start: i64,
    end: i64,
    open: bool,
    /// Until the last P had stopped, as far as the trace tells.
    time_to_stop_ns: u64,
    /// The goroutine that asked for it.
    goroutine: Option<u64>,
    stack: String,
    #[serde(skip)]
    is_of_gc: bool,
}

impl CycleRow {
    fn new(cycle: GcCycle<'_>) -> Self {
        let pause = |pause: Pause<'_>| CyclePause {
            reason: pause.reason().to_string(),
            start: pause.start().0,
            end: pause.end().0,
        };
        CycleRow {
            seq: cycle.seq(),
            start: cycle.start().0,
            end: cycle.end().0,
            open: cycle.is_open(),
            pauses: cycle.pauses().map(pause).collect(),
            pause_ns: nanos(cycle.pause_time()),
            assist_ns: nanos(cycle.assist_time()),
            assists: cycle.assists().len(),
            sweep_ns: nanos(cycle.sweep_time()),
            bytes_swept: cycle.bytes_swept(),
            bytes_reclaimed: cycle.bytes_reclaimed(),
            heap_start: cycle.heap_start(),
            heap_end: cycle.heap_end(),
            heap_live: cycle.heap_live(),
            goal: cycle.goal(),
            next_goal: cycle.next_goal(),
            goroutine: cycle.go().map(|id| id.0),
        }
    }
}

impl PauseRow {
    fn new(pause: Pause<'_>) -> Self {
        PauseRow {
            reason: pause.reason().to_string(),
            start: pause.start().0,
            end: pause.end().0,
            open: pause.is_open(),
            time_to_stop_ns: nanos(pause.time_to_stop()),
            goroutine: pause.go().map(|id| id.0),
            stack: pause.stack().map_or(String::new(), |stack| stack_text(stack, 2)),
            is_of_gc: pause.is_of_gc(),
        }
    }

    fn duration(&self) -> Duration {
        Time(self.end) - Time(self.start)
    }
}

impl Report {
    fn new(timeline: &Timeline, range: Range<Time>) -> Self {
        let overlaps = |start: Time, end: Time| start <= range.end && end >= range.start;
        let cycles = timeline.gc_cycles().filter(|cycle| overlaps(cycle.start(), cycle.end()));
        let pauses: Vec<_> =
            timeline.pauses().filter(|pause| overlaps(pause.start(), pause.end())).map(PauseRow::new).collect();
        let mut lengths: Vec<u64> = pauses.iter().map(|pause| nanos(pause.duration())).collect();
        lengths.sort_unstable();
        Report {
            schema: 1,
            cycles: cycles.map(CycleRow::new).collect(),
            pause_total_ns: lengths.iter().sum(),
            pause_max_ns: percentile(&lengths, 100),
            pause_p50_ns: percentile(&lengths, 50),
            pause_p99_ns: percentile(&lengths, 99),
            pauses,
        }
    }
}

/// The least of sorted values below or at which so many of a hundred lie; 0 if there are none.
fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn write_text(timeline: &Timeline, report: &Report, out: &mut impl Write) -> io::Result<()> {
    let bytes = |value: Option<u64>| value.map_or("?".to_owned(), bytes_text);
    let time = |nanos: u64| duration_text(Duration::from_nanos(nanos));
    let count = report.cycles.len();
    writeln!(out, "{count} garbage collection{}", if count == 1 { "" } else { "s" })?;
    if count > 0 {
        writeln!(
            out,
            "{:>5} {:>18} {:>9} {:>9} {:>9} {:>9}  {:<23} {:>8}",
            "", "from (ns)", "for", "paused", "assists", "sweeps", "heap: start→end→live", "goal"
        )?;
    }
    for cycle in &report.cycles {
        let CycleRow { seq, start, heap_start, heap_end, heap_live, .. } = cycle;
        let heap = format!("{}→{}→{}", bytes(*heap_start), bytes(*heap_end), bytes(*heap_live));
        let length = duration_text(Time(cycle.end) - Time(*start));
        let (pause, assist, sweep) = (time(cycle.pause_ns), time(cycle.assist_ns), time(cycle.sweep_ns));
        let open = if cycle.open { " open" } else { "" };
        let line = format!(
            "{seq:>5} {start:>18} {length:>9} {pause:>9} {assist:>9} {sweep:>9}  {heap:<23} {:>8}{open}",
            bytes(cycle.goal)
        );
        write_line(&line, out)?;
    }

    let count = report.pauses.len();
    writeln!(out, "\nThe world was stopped {count} time{}", if count == 1 { "" } else { "s" })?;
    if count > 0 {
        let (total, most) = (time(report.pause_total_ns), time(report.pause_max_ns));
        let (median, p99) = (time(report.pause_p50_ns), time(report.pause_p99_ns));
        let part = report.pause_total_ns as f64 / nanos(timeline.end() - timeline.start()).max(1) as f64 * 100.0;
        writeln!(
            out,
            "  in all {total} ({part:.3} % of the trace), median {median}, 99th percentile {p99}, longest {most}"
        )?;
        writeln!(out, "\n{:>18} {:>9} {:>9}  reason", "from (ns)", "for", "to stop")?;
    }
    for pause in &report.pauses {
        let by = pause.goroutine.map_or(String::new(), |id| format!(", by goroutine {id}"));
        let (length, stop) = (duration_text(pause.duration()), time(pause.time_to_stop_ns));
        let line = format!("{:>18} {length:>9} {stop:>9}  {}{by}", pause.start, pause.reason);
        write_line(&line, out)?;
        // Those of the collector come where the program happens to allocate.
        if !pause.is_of_gc && !pause.stack.is_empty() {
            write_line(&format!("{:>40}{}", "", pause.stack), out)?;
        }
    }
    Ok(())
}
