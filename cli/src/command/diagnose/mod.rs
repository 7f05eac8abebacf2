//! `gotrace diagnose`: does a Go program leak, where, and how strong is the evidence?

mod read;
mod text;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use gotrace::diagnose::{
    Allocation, HealthOptions, HealthWeights, Judgement, Options, Passage, Verdict, allocations_of, diagnose,
    passing_through,
};
use gotrace::{GoId, Timeline, WallTime};
use serde::Serialize;

use crate::capture::Captured;
use crate::failure::{Answer, Failure};
use crate::number::number_in;
use crate::select::{no_goroutine, parse_duration};
use crate::terminal::Terminal;
use crate::view::clock::Clock;
use crate::view::{names, suggest};

/// Find out whether a Go program leaks memory or goroutines, where, and how strong the evidence is.
///
/// Give a folder of captured files, or the files: each is recognised by its content. Any of them
/// helps, and the verdict is most certain if two kinds of input agree. Best are three heap profiles
/// and three goroutine profiles some minutes apart, a trace of a few seconds, and the standard
/// error of the program under GODEBUG=gctrace=1. All have to be from the same run of the program.
/// Copies of /proc/PID/status show memory outside the Go heap. Goroutine dumps (debug=2, SIGQUIT, a
/// crash) count like goroutine profiles, in the order in which they are given, and say how long
/// goroutines have been waiting.
///
/// Exits with 0 if the program is healthy, 1 if it leaks or may leak, 2 if nothing can be read, 3
/// if the inputs are not enough to tell.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  gotrace diagnose .\n  gotrace diagnose heap.*.pb.gz goroutine.*.pb.gz\n  gotrace diagnose trace.out gctrace.log --verbose"
)]
pub struct Args {
    /// A folder, or any profiles, traces, GC logs, goroutine dumps and copies of /proc/PID/status
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Execution traces: curl -o trace.out HOST/debug/pprof/trace?seconds=5
    #[arg(long, value_name = "FILE", num_args = 1..)]
    trace: Vec<PathBuf>,
    /// Heap profiles: curl -o heap.1.pb.gz HOST/debug/pprof/heap
    #[arg(long, value_name = "FILE", num_args = 1..)]
    heap: Vec<PathBuf>,
    /// Goroutine and goroutineleak profiles: curl -o goroutine.1.pb.gz HOST/debug/pprof/goroutine
    #[arg(long, value_name = "FILE", num_args = 1..)]
    goroutine_profile: Vec<PathBuf>,
    /// The GC log: what the program wrote to standard error under GODEBUG=gctrace=1
    #[arg(long, value_name = "FILE")]
    gctrace: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Print the numbers behind each finding, and all inputs
    #[arg(long)]
    verbose: bool,
    /// When the program started, as RFC 3339 or nanoseconds since 1970, to date the GC log
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = parse_time)]
    offset: Option<WallTime>,
    /// Also list the goroutines of the trace that pass through this function
    #[arg(long, value_name = "FUNCTION")]
    through: Option<String>,
    /// Also list what this goroutine of the trace may have allocated
    #[arg(long, value_name = "ID")]
    goroutine: Option<u64>,
    /// Growth by fewer standard deviations than this counts as chance
    #[arg(long, value_name = "N", default_value_t = Options::default().deviations, allow_hyphen_values = true, value_parser = number_in(Options::DEVIATIONS), help_heading = "Thresholds")]
    deviations: f64,
    /// Growth below this fraction of its initial rate, between 0 and 1, counts as warm-up
    #[arg(long, value_name = "FRACTION", default_value_t = Options::default().pace, allow_hyphen_values = true, value_parser = number_in(Options::PACE), help_heading = "Thresholds")]
    pace: f64,
    /// The lowest confidence of the verdict leak (strong evidence), between 0 and 1
    #[arg(long, value_name = "LEVEL", default_value_t = Options::default().leak, allow_hyphen_values = true, value_parser = number_in(Options::LEAK), help_heading = "Thresholds")]
    leak: f64,
    /// The lowest confidence of the verdict suspect (moderate evidence), between 0 and 1
    #[arg(long, value_name = "LEVEL", default_value_t = Options::default().suspect, allow_hyphen_values = true, value_parser = number_in(Options::SUSPECT), help_heading = "Thresholds")]
    suspect: f64,
    /// The largest heap to expect, in MiB (default: only growth counts)
    #[arg(long, value_name = "MIB", allow_hyphen_values = true, value_parser = number_in(HealthOptions::HEAP), help_heading = "Health score")]
    expect_heap: Option<f64>,
    /// The longest pause to expect (default: only the share of time in pauses counts)
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = parse_pause, help_heading = "Health score")]
    expect_pause: Option<Duration>,
    /// The most blocking events per second to expect (default: only goroutines that stay blocked
    /// count)
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = number_in(HealthOptions::BLOCKED_PER_SECOND), help_heading = "Health score")]
    expect_blocking: Option<f64>,
    /// The weights of heap, pauses and blocking events
    #[arg(long, value_name = "A,B,C", default_value = "0.4,0.3,0.3", allow_hyphen_values = true, value_parser = parse_weights, help_heading = "Health score")]
    weights: HealthWeights,
}

fn parse_time(text: &str) -> Result<WallTime, String> {
    let nanos = || WallTime::from_nanos(text.parse::<i64>().ok()?.into());
    let wall = nanos().or_else(|| WallTime::from_rfc3339(text));
    wall.ok_or_else(|| "give RFC 3339 or nanoseconds since 1970".into())
}

fn parse_pause(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err("give a duration above 0".into()),
        pause => Ok(pause),
    }
}

fn parse_weights(text: &str) -> Result<HealthWeights, String> {
    let weights: Option<Vec<f64>> = text.split(',').map(|part| part.trim().parse().ok()).collect();
    let is_valid = |all: &[f64]| all.iter().all(|weight| HealthWeights::WEIGHT.contains(*weight));
    let weights = weights.filter(|all| is_valid(all) && all.iter().any(|weight| *weight > 0.0));
    match weights.as_deref() {
        Some(&[heap, pauses, blocking]) => Ok(HealthWeights::new(heap, pauses, blocking)),
        _ => Err("give three numbers of 0 or more, not all 0, such as 0.4,0.3,0.3".into()),
    }
}

impl Args {
    fn options(&self) -> Options {
        let health = HealthOptions::default()
            .heap(self.expect_heap.map(|mib| (mib * 1024.0 * 1024.0) as u64))
            .pause(self.expect_pause)
            .blocked_per_second(self.expect_blocking)
            .weights(self.weights);
        Options::default()
            .deviations(self.deviations)
            .pace(self.pace)
            .leak(self.leak)
            .suspect(self.suspect)
            .log_start(self.offset)
            .health(health)
    }

    /// Whether something is requested that only a trace can answer.
    fn needs_trace(&self) -> bool {
        self.through.is_some() || self.goroutine.is_some()
    }
}

/// What `--json` prints: the verdict, and the answers to `--through` and `--goroutine`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Document {
    #[serde(flatten)]
    verdict: Verdict,
    /// With --through: the goroutines that pass through the function.
    #[serde(skip_serializing_if = "Option::is_none")]
    passages: Option<Vec<Passage>>,
    /// With --goroutine: what the goroutine may have allocated.
    #[serde(skip_serializing_if = "Option::is_none")]
    allocations: Option<Allocations>,
}

/// What a goroutine may have allocated.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Allocations {
    /// The goroutine.
    goroutine: u64,
    /// The places in the code that allocate.
    sites: Vec<Allocation>,
}

pub fn run(args: &Args, terminal: &mut Terminal) -> Result<Answer, Failure> {
    if args.suspect > args.leak {
        return Err(Failure::Usage("--suspect cannot be above --leak: a leak is more certain".to_owned()));
    }
    let (captured, original) = read::read(args)?;
    let verdict = diagnose(&captured.inputs, &args.options());
    if captured.inputs.is_empty() {
        let unused = verdict.inputs.first();
        let path = unused.map(|input| PathBuf::from(&input.name)).unwrap_or_default();
        let error = unused.and_then(|input| input.note.clone()).unwrap_or_else(|| "nothing to diagnose".into());
        return Err(captured.refusal.unwrap_or(Failure::Input { path, error, hint: "".into() }));
    }
    let mut document = Document { verdict, passages: None, allocations: None };
    let timeline = if args.needs_trace() { Some(read::timeline(&captured, original)?) } else { None };
    let unknown = timeline.as_ref().and_then(|timeline| answer(args, &captured, timeline, &mut document));
    let clock = timeline.as_ref().map(|timeline| Clock::of(timeline, terminal.times()));
    match args.json {
        true => terminal.json(&document, None)?,
        false => text::write(&document, &captured, clock.as_ref(), args.verbose, terminal)?,
    }
    terminal.flush()?;
    if let Some(failure) = unknown {
        return Err(failure);
    }
    Ok(match document.verdict.judgement {
        Judgement::Healthy => Answer::NoProblem,
        Judgement::Inconclusive => Answer::Inconclusive,
        _ => Answer::Problem,
    })
}

/// Adds the answers to `--through` and `--goroutine`. Returns a failure if the trace has no such
/// goroutine or function.
fn answer(args: &Args, captured: &Captured, timeline: &Timeline, document: &mut Document) -> Option<Failure> {
    let mut unknown = None;
    if let Some(id) = args.goroutine {
        unknown = timeline.goroutine(GoId(id)).is_none().then(|| no_goroutine(id, timeline));
        let sites = allocations_of(timeline, GoId(id), &captured.inputs);
        document.allocations = Some(Allocations { goroutine: id, sites });
    }
    if let Some(function) = &args.through {
        let passages = passing_through(timeline, function);
        unknown = unknown.or(passages.is_empty().then(|| no_function(function, timeline)));
        document.passages = Some(passages);
    }
    unknown
}

/// The failure that no stack of the trace has this function.
fn no_function(wanted: &str, timeline: &Timeline) -> Failure {
    let spans = timeline.goroutines().flat_map(|goroutine| goroutine.spans());
    let names: BTreeSet<String> = spans
        .filter_map(|span| span.stack())
        .flat_map(|stack| stack.frames())
        .map(|frame| frame.func.to_string())
        .collect();
    let instead = match suggest::nearest(wanted, names.iter().map(|name| &**name)) {
        Some(name) => format!("did you mean '{name}'?"),
        None => "give its full name, such as net/http.(*conn).serve".to_owned(),
    };
    Failure::Usage(format!("no goroutine of the trace passes through {}; {instead}", names::quoted(wanted)))
}

const NEEDS_TRACE: &str = "--through and --goroutine need a trace: give one, or use --trace FILE";
