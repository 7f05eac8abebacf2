//! Tells whether a Go program leaks, where, and how sure that is.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use crate::failure::{Answer, Failure};
use crate::input::Input;
use crate::terminal::Terminal;
use crate::view::text::{WIDTH, bytes_text, write_json};
use crate::view::timeline::parse_duration;
use clap::Args as ClapArgs;
use flate2::read::MultiGzDecoder;
use gotrace::diagnose::{
    Allocation, Finding, InputKind, Inputs, Judgement, Options, Passage, Place, TraceObserver, Value, Verdict,
    allocations_of, diagnose, passing_through,
};
use gotrace::gctrace::Log;
use gotrace::pprof::{Profile, ProfileBytes, ProfileKind};
use gotrace::{GoId, Reader, Timeline, WallTime};
use serde_json::{Value as Json, json};

/// Tell whether a Go program leaks memory or goroutines, where, and how sure that is.
///
/// Give what there is: any of them helps, and two kinds that agree make the verdict sure. Best are three heap profiles and
/// three goroutine profiles some time apart, a trace of some seconds, and the standard error of the program under
/// GODEBUG=gctrace=1. All have to be of the same run of the program.
///
/// Exits with 0 if the program is healthy, 1 if it leaks or is suspected to, 2 if nothing can be told.
#[derive(ClapArgs)]
pub struct Args {
    /// Execution traces: curl -o trace HOST/debug/pprof/trace?seconds=5
    #[arg(long, value_name = "FILE", num_args = 1..)]
    trace: Vec<PathBuf>,
    /// Heap profiles: curl -o heap.1 HOST/debug/pprof/heap
    #[arg(long, value_name = "FILE", num_args = 1..)]
    heap: Vec<PathBuf>,
    /// Goroutine and goroutineleak profiles: curl -o goroutine.1 HOST/debug/pprof/goroutine
    #[arg(long, value_name = "FILE", num_args = 1..)]
    goroutine: Vec<PathBuf>,
    /// The GC log: what the program wrote to standard error under GODEBUG=gctrace=1; gzip or plain
    #[arg(long, value_name = "FILE")]
    gctrace: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// When the program started, in RFC 3339 or nanoseconds since 1970: places the GC log on the profiles' clock
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    offset: Option<i64>,
    /// Tell also which goroutines of the trace pass through this function
    #[arg(long, value_name = "FUNCTION")]
    through: Option<String>,
    /// Tell also what this goroutine of the trace may have allocated
    #[arg(long, value_name = "ID")]
    goroutine_id: Option<u64>,
    /// Growth by so many standard deviations is no chance
    #[arg(long, value_name = "N", default_value_t = Options::default().deviations)]
    deviations: f64,
    /// What goes on at less than this share of its first pace is warming up
    #[arg(long, value_name = "SHARE", default_value_t = Options::default().pace)]
    pace: f64,
    /// Call it a leak from this confidence on
    #[arg(long, value_name = "SHARE", default_value_t = Options::default().leak)]
    leak: f64,
    /// Call it suspect from this confidence on
    #[arg(long, value_name = "SHARE", default_value_t = Options::default().suspect)]
    suspect: f64,
    /// For the health score: the heap that is expected at most, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 2048.0)]
    expect_heap: f64,
    /// For the health score: the longest pause that is expected
    #[arg(long, value_name = "DURATION", default_value = "5ms", value_parser = parse_duration)]
    expect_pause: std::time::Duration,
    /// For the health score: the blocking events a second that are expected at most
    #[arg(long, value_name = "N", default_value_t = 100.0)]
    expect_blocking: f64,
    /// The weights of heap, pauses and blocking events in the health score
    #[arg(long, value_name = "A,B,C", default_value = "0.4,0.3,0.3", value_parser = parse_weights)]
    weights: [f64; 3],
    /// The windows of the health score, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    window: u32,
}

fn parse_time(text: &str) -> Result<i64, String> {
    let wall = || i64::try_from(WallTime::from_rfc3339(text)?.as_nanos()).ok();
    text.parse().ok().or_else(wall).ok_or_else(|| "give RFC 3339 or nanoseconds since 1970".into())
}

fn parse_weights(text: &str) -> Result<[f64; 3], String> {
    let weights: Option<Vec<f64>> = text.split(',').map(|part| part.trim().parse().ok()).collect();
    let weights = weights.filter(|all| all.iter().all(|weight| *weight >= 0.0 && weight.is_finite()));
    weights.and_then(|all| all.try_into().ok()).ok_or_else(|| "give three numbers, such as 0.4,0.3,0.3".into())
}

impl Args {
    fn options(&self) -> Options {
        let mut options = Options {
            deviations: self.deviations,
            pace: self.pace,
            leak: self.leak,
            suspect: self.suspect,
            log_start: self.offset,
            ..Options::default()
        };
        options.health.heap = self.expect_heap * 1024.0 * 1024.0;
        options.health.pause = self.expect_pause.as_nanos() as f64;
        options.health.blocked = self.expect_blocking;
        options.health.weights = self.weights;
        options.health.window = self.window;
        options
    }
}

pub fn run(args: &Args, _terminal: &mut Terminal) -> Result<Answer, Failure> {
    let inputs = read(args)?;
    let verdict = diagnose(&inputs, &args.options());
    if inputs.is_empty() {
        let path = args.paths().next().cloned().unwrap_or_default();
        let error = verdict.inputs.iter().find_map(|input| input.note.clone()).unwrap_or_default();
        return Err(Failure::Input { path, error, hint: "there is nothing else to judge by" });
    }
    let asked = Asked::of(args, &inputs)?;
    let mut out = BufWriter::new(io::stdout().lock());
    match args.json {
        true => write_json(&to_json(&verdict, &asked), &mut out)?,
        false => write_text(&verdict, &asked, &mut out)?,
    }
    out.flush()?;
    Ok(match verdict.judgement {
        Judgement::Healthy => Answer::Fine,
        Judgement::Suspect | Judgement::Leak => Answer::BadNews,
    })
}

impl Args {
    fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.heap.iter().chain(&self.goroutine).chain(&self.trace).chain(&self.gctrace)
    }
}

/// Reads all inputs. One that is damaged is listed with the reason, and used as far as it goes.
fn read(args: &Args) -> Result<Inputs, Failure> {
    if args.paths().next().is_none() {
        return Err(Failure::Usage(
            "give at least one of --heap, --goroutine, --trace and --gctrace; see --help".into(),
        ));
    }
    if (args.through.is_some() || args.goroutine_id.is_some()) && args.trace.is_empty() {
        return Err(Failure::Usage("--through and --goroutine-id need a --trace".into()));
    }
    let mut inputs = Inputs::new();
    for path in args.heap.iter().chain(&args.goroutine) {
        let name = path.display().to_string();
        let expected = if args.heap.contains(path) { ProfileKind::Heap } else { ProfileKind::Goroutine };
        let result = ProfileBytes::read(Input::open(path, true)?.into_profile(path)?).and_then(|bytes| {
            let profile = Profile::parse(bytes.as_bytes())?;
            inputs.profile(&name, &profile)
        });
        if let Err(error) = result {
            inputs.unusable(InputKind::Profile(expected), &name, error.to_string());
        }
    }
    for path in &args.trace {
        let name = path.display().to_string();
        match Reader::builder().lenient().from_reader(crate::input::open_trace(path)?) {
            Ok(mut reader) => {
                let (evidence, error) = gotrace::analysis::run(&mut reader, TraceObserver::new());
                let account = reader.account();
                let fault = account.faults.first().map(|fault| format!("damaged, {fault}"));
                inputs.trace(&name, evidence, error.map(|error| error.to_string()).or(fault));
            }
            Err(error) => inputs.unusable(InputKind::Trace, &name, error.to_string()),
        }
    }
    if let Some(path) = &args.gctrace {
        let name = path.display().to_string();
        match log(path)? {
            Ok(log) => inputs.log(&name, &log),
            Err(error) => inputs.unusable(InputKind::GcLog, &name, error),
        }
    }
    Ok(inputs)
}

/// Reads a log, which may be packed.
fn log(path: &Path) -> Result<Result<Log, String>, Failure> {
    let mut input = Input::open(path, true)?.into_log(path)?;
    let mut head = Vec::new();
    input.by_ref().take(2).read_to_end(&mut head).map_err(|error| Failure::input(path, error))?;
    let is_packed = head == [0x1f, 0x8b];
    let whole = io::Cursor::new(head).chain(input);
    let log = if is_packed { Log::read(MultiGzDecoder::new(whole)) } else { Log::read(whole) };
    Ok(log.map_err(|error| error.to_string()))
}

/// What was asked besides.
#[derive(Default)]
struct Asked {
    passages: Option<Vec<Passage>>,
    allocations: Option<(GoId, Vec<Allocation>)>,
}

impl Asked {
    fn of(args: &Args, inputs: &Inputs) -> Result<Self, Failure> {
        let mut asked = Asked::default();
        let Some(path) = args.trace.first().filter(|_| args.through.is_some() || args.goroutine_id.is_some()) else {
            return Ok(asked);
        };
        let file = File::open(path).map_err(|error| Failure::input(path, error))?;
        let timeline = Timeline::from_reader(file).map_err(|error| Failure::trace(path, &error))?;
        asked.passages = args.through.as_ref().map(|function| passing_through(&timeline, function));
        asked.allocations = args.goroutine_id.map(|id| (GoId(id), allocations_of(&timeline, GoId(id), inputs)));
        Ok(asked)
    }
}

/// Schema: `gotrace::analysis::json`.
fn to_json(verdict: &Verdict, asked: &Asked) -> Json {
    let finding = |finding: &Finding| {
        let place = finding.place.as_ref();
        let evidence: serde_json::Map<String, Json> =
            finding.evidence.iter().map(|(name, value)| ((*name).to_owned(), value_json(value))).collect();
        json!({
            "rule": finding.rule,
            "source": finding.source.name(),
            "confidence": finding.confidence,
            "title": finding.title,
            "function": place.map(|place| &place.function),
            "file": place.map(|place| &place.file),
            "line": place.map(|place| place.line),
            "goroutines": finding.goroutines.iter().map(|id| id.0).collect::<Vec<_>>(),
            "evidence": evidence,
            "next_step": finding.next_step,
        })
    };
    let inputs = verdict.inputs.iter().map(|input| {
        json!({
            "kind": input.kind.name(),
            "path": input.name,
            "start": input.start.map(|time| time.to_string()),
            "end": input.end.map(|time| time.to_string()),
            "used": input.used,
            "note": input.note,
        })
    });
    let mut document = json!({
        "schema": 1,
        "verdict": verdict.judgement.name(),
        "confidence": verdict.confidence,
        "score": verdict.health.as_ref().map(|health| health.score),
        "findings": verdict.findings.iter().map(finding).collect::<Vec<_>>(),
        "against": verdict.against.iter().map(|against| &against.reason).collect::<Vec<_>>(),
        "inputs": inputs.collect::<Vec<_>>(),
        "not_judged": verdict.not_judged,
    });
    if let Some(passages) = &asked.passages {
        document["passages"] = passages.iter().map(passage_json).collect();
    }
    if let Some((id, allocations)) = &asked.allocations {
        let all: Vec<Json> = allocations.iter().map(allocation_json).collect();
        document["allocations"] = json!({"goroutine": id.0, "sites": all});
    }
    document
}

fn place_json(place: &Place) -> Json {
    json!({"function": place.function, "file": place.file, "line": place.line})
}

fn value_json(value: &Value) -> Json {
    match value {
        Value::Count(value) | Value::Bytes(value) | Value::Nanos(value) => json!(value),
        Value::BytesPerSecond(value) | Value::PerSecond(value) | Value::Number(value) => json!(value),
        Value::Text(text) => json!(text),
        Value::Series(values) => json!(values),
        Value::Stack(stack) => stack.iter().map(place_json).collect(),
        other => json!(format!("{other:?}")),
    }
}

fn passage_json(passage: &Passage) -> Json {
    json!({
        "goroutine": passage.go.0,
        "started_in": passage.started_in,
        "created_by": passage.created_by.map(|id| id.0),
        "created_at": passage.created_at.as_ref().map(place_json),
        "begin": passage.begin.map(|time| time.0),
        "end": passage.end.map(|time| time.0),
        "first_seen": passage.seen.0.0,
        "last_seen": passage.seen.1.0,
        "times": passage.times,
    })
}

fn allocation_json(allocation: &Allocation) -> Json {
    json!({
        "function": allocation.place.function,
        "file": allocation.place.file,
        "line": allocation.place.line,
        "seen": allocation.is_seen,
        "alloc_space": allocation.allocated,
        "inuse_space": allocation.in_use,
        "growth": allocation.growth,
        "shared_by": allocation.shared_by,
        "stack": allocation.stack.iter().map(place_json).collect::<Vec<_>>(),
    })
}

/// Writes a text in lines that are not too wide; those after the first are indented as the text is.
fn wrap(indent: &str, text: &str, out: &mut impl Write) -> io::Result<()> {
    let hang = " ".repeat(indent.chars().count());
    // Names come from files: they break no lines and steer no terminal.
    let text = text.replace(|letter: char| letter.is_control(), "?");
    let mut line = indent.to_owned();
    let mut is_empty = true;
    for word in text.split(' ') {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            writeln!(out, "{}", line.trim_end())?;
            line.clone_from(&hang);
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
        // What has no spaces, such as a path, is cut.
        while line.chars().count() > WIDTH {
            let (head, tail) = line.split_at(line.char_indices().nth(WIDTH).map_or(line.len(), |(at, _)| at));
            writeln!(out, "{head}")?;
            line = format!("{hang}{tail}");
        }
    }
    writeln!(out, "{}", line.trim_end())
}

fn write_text(verdict: &Verdict, asked: &Asked, out: &mut impl Write) -> io::Result<()> {
    // Nothing is surer than that.
    let percent = (verdict.confidence * 100.0).min(99.0);
    let agree = verdict.agree.iter().map(|source| source.name()).collect::<Vec<_>>().join(", ");
    let says = match verdict.judgement {
        Judgement::Leak => format!("LEAK, {percent:.0} % sure, by {agree}"),
        Judgement::Suspect => format!("SUSPECT, {percent:.0} % sure, by {agree}: what else agrees would make it sure"),
        Judgement::Healthy => "HEALTHY: nothing here grows as a leak does".to_owned(),
    };
    wrap("", &says, out)?;
    if let Some(health) = &verdict.health {
        writeln!(out, "health {:.0} of 100 in the worst of {} windows", health.score, health.windows.len())?;
    }
    for (number, finding) in verdict.findings.iter().enumerate() {
        writeln!(out)?;
        write_finding(number + 1, finding, out)?;
    }
    let mut section = |title: &str, lines: Vec<String>| -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        writeln!(out, "\n{title}")?;
        lines.iter().try_for_each(|line| wrap("  - ", line, out))
    };
    section("speaks against a leak", verdict.against.iter().map(|against| against.reason.clone()).collect())?;
    section("could not be judged", verdict.not_judged.clone())?;
    let input = |input: &gotrace::diagnose::InputSummary| {
        let time = input.start.map_or(String::new(), |start| format!(", {start}"));
        let unused = if input.used { "" } else { ", not used" };
        let note = input.note.as_ref().map_or(String::new(), |note| format!(": {note}"));
        format!("{} {}{time}{unused}{note}", input.kind.name(), input.name)
    };
    section("looked at", verdict.inputs.iter().map(input).collect())?;
    let passage = |passage: &Passage| {
        let by = passage.created_by.map_or(String::new(), |id| format!(", made by goroutine {id}"));
        let begin = passage.begin.map_or("before the trace".to_owned(), |time| time.to_string());
        let end = passage.end.map_or("after it".to_owned(), |time| time.to_string());
        format!("goroutine {} of {}{by}: lived from {begin} to {end}", passage.go, passage.started_in)
    };
    if let Some(passages) = &asked.passages {
        section("goroutines that pass through the function", passages.iter().map(passage).collect())?;
    }
    let allocation = |allocation: &Allocation| {
        let sizes = [allocation.allocated, allocation.in_use].map(|size| bytes_text(size.max(0).unsigned_abs()));
        let seen = if allocation.is_seen { "seen there" } else { "may have been there" };
        format!(
            "{}: {} allocated, {} in use, by {} goroutines of its kind; {seen}",
            allocation.place, sizes[0], sizes[1], allocation.shared_by
        )
    };
    if let Some((id, allocations)) = &asked.allocations {
        section(&format!("what goroutine {id} may have allocated"), allocations.iter().map(allocation).collect())?;
    }
    Ok(())
}

fn write_finding(number: usize, finding: &Finding, out: &mut impl Write) -> io::Result<()> {
    let sure = match finding.confidence > 0.0 {
        true => format!(" ({}, {}, {:.0} %)", finding.rule, finding.source.name(), finding.confidence * 100.0),
        false => format!(" ({}, {}; no sign of a leak)", finding.rule, finding.source.name()),
    };
    wrap(&format!("{number:>2}. "), &format!("{}{sure}", finding.title), out)?;
    if let Some(place) = &finding.place {
        wrap("    where  ", &format!("{} {}:{}", place.function, place.file, place.line), out)?;
    }
    if let Some(Value::Stack(stack)) = finding.value("stack") {
        // The runtime's frames on top are those of allocating and of waiting.
        let outside = stack.iter().skip_while(|place| place.function.starts_with("runtime."));
        let frames: Vec<String> = outside.map(ToString::to_string).collect();
        let shown = frames.len().min(8);
        let more = if shown < frames.len() { " < …" } else { "" };
        wrap("    stack  ", &format!("{}{more}", frames[..shown].join(" < ")), out)?;
    }
    if let Some(Value::Stack(stack)) = finding.value("created_at") {
        let frames: Vec<String> = stack.iter().take(4).map(|place| place.to_string()).collect();
        wrap("    made   ", &frames.join(" < "), out)?;
    }
    if !finding.goroutines.is_empty() {
        let ids: Vec<String> = finding.goroutines.iter().take(8).map(ToString::to_string).collect();
        let more = if finding.goroutines.len() > 8 { ", …" } else { "" };
        wrap("    who    ", &format!("goroutines {}{more}", ids.join(", ")), out)?;
    }
    let facts: Vec<String> = finding.evidence.iter().filter_map(|(name, value)| fact(name, value)).collect();
    if !facts.is_empty() {
        wrap("    facts  ", &facts.join(", "), out)?;
    }
    wrap("    next   ", &finding.next_step, out)
}

/// A field of the evidence in words, if the title has not told it.
fn fact(name: &str, value: &Value) -> Option<String> {
    let name = name.trim_end_matches("_per_second").replace('_', " ");
    Some(match value {
        Value::Count(value) => format!("{name} {value}"),
        Value::Bytes(value) => format!("{name} {}", bytes_text(value.max(&0).unsigned_abs())),
        Value::BytesPerSecond(value) => format!("{name} {}/s", bytes_text(value.max(0.0) as u64)),
        Value::PerSecond(value) => format!("{name} {value:.1}/s"),
        Value::Nanos(value) => format!("{name} {}", crate::view::analysis::time(*value)),
        Value::Number(value) if value.is_finite() => format!("{name} {value:.2}"),
        Value::Text(text) => format!("{name} {text}"),
        _ => return None,
    })
}
